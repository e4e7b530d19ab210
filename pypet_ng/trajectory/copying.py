"""How does a trajectory give copies of itself: one to go on with, and one to look at in a debugger?"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pypet_ng.engine.attach import explored_leaves, take_plan
from pypet_ng.engine.folded import hang_runs
from pypet_ng.engine.loading import Shelf
from pypet_ng.engine.rousing import lazy_holders
from pypet_ng.engine.rowreader import Rows
from pypet_ng.engine.session import Session
from pypet_ng.spaces.columns import Column
from pypet_ng.trajectory.leaves import ContainerParameterLeaf, ContainerResultLeaf, detached
from pypet_ng.trajectory.parameter import Parameter
from pypet_ng.trajectory.result import Result
from pypet_ng.tree.nodes import EXPLORED, Group, Leaf, Node, OwnGroup, ParameterLeaf
from pypet_ng.tree.records import NodeKind
from pypet_ng.tree.structure import Tree

if TYPE_CHECKING:
    from pypet_ng.trajectory.trajectory import Trajectory

__all__ = ["Copying", "Unfolded"]

_PLAIN = (Parameter, Result)


class Unfolded:
    """A part of a tree as attributes that debuggers unfold. Changing it changes no trajectory."""

    def __init__(self, view: Any) -> None:
        node = view.__pypet_node__
        tree = node.tree
        self.v_full_name = view.v_full_name
        self.v_comment = view.v_comment
        for name in dict.keys(node.children):  # runs that were not loaded stay where they are
            child = dict.__getitem__(node.children, name)
            inside = tree.view(child)
            is_end = name in node.links or isinstance(child, Leaf)
            self.__dict__[name] = inside if is_end else Unfolded(inside)

    def __repr__(self) -> str:
        return f"<unfolded {self.v_full_name or 'trajectory'}: {', '.join(list(self.__dict__)[2:10])}>"


class Copying:
    """The calls of a trajectory that copy it."""

    __slots__ = ()
    _session: Session

    def f_copy(self, copy_leaves: bool | str = True, with_links: bool = True) -> Any:
        """Give a shallow copy: groups and leaves of its own, the values are shared.

        It is at the same run, in the same storage (which it must not write to while the other does), and
        knows the same plan and run states. Runs that are stored and not in memory stay in the storage.

        `copy_leaves`: False lets both trajectories have the very same leaves, ``'explored'`` all but the
        explored parameters. Copies of these have their ranges only with ``v_full_copy``.
        """
        if copy_leaves not in (True, False, "explored"):
            raise ValueError(f"copy_leaves={copy_leaves!r}: choose True, False, or 'explored'.")
        return copied(self, copy_leaves, with_links)  # type: ignore[arg-type]

    def __copy__(self) -> Any:
        return self.f_copy()

    def f_debug(self) -> Unfolded:
        """Give an object whose attributes are the tree's nodes, for debuggers and nothing else."""
        return Unfolded(self)


def copied(traj: Trajectory, copy_leaves: bool | str, with_links: bool) -> Trajectory:
    """Make the copy of a trajectory."""
    old = traj._session
    twin = type(traj)(
        old.tree.root.name, add_time=False, comment=old.tree.root.comment, dynamic_imports=traj._book.named
    )
    twin._standards.update(traj._standards)
    twin._presets.update(traj._presets)
    new = twin._session
    new.storage = old.storage
    new.facts = dataclasses.replace(old.facts, extra=dict(old.facts.extra))
    new.runs = old.runs.copied()
    tree = new.tree
    tree.wildcards.copy_from(old.tree.wildcards)
    tree.scope.forget_names()
    for field in dataclasses.fields(old.tree.naming):
        if field.init:
            setattr(tree.naming, field.name, getattr(old.tree.naming, field.name))
    explored = set(old.plan.names)
    _copy_nodes(
        old.tree,
        tree,
        lambda node: copy_leaves is False or (copy_leaves == "explored" and node.path not in explored),
    )
    new.plan = old.plan
    take_plan(new, old.plan)
    if not old.facts.full_copy and copy_leaves is not False:
        for leaf in explored_leaves(new).values():
            if isinstance(leaf, ParameterLeaf):
                tree.view(leaf)._forget_range()
    for holder, children, part in lazy_holders(old.tree):
        assert new.storage is not None
        hang_runs(new, Rows(new.storage, eager=part.is_eager), holder.path)
        now = tree.at(holder.path)
        if isinstance(now, Group) and now in tree.lazy:
            tree.lazy[now].gone |= children.gone
    if with_links:
        _copy_links(old.tree, tree)
    tree.reserve = Shelf(new)
    tree.move_to(old.tree.scope.index, running=old.tree.scope.running)
    return twin


def _copy_nodes(old: Tree, new: Tree, is_shared: Callable[[Node], bool]) -> None:
    new.root.annotations = dict(old.root.annotations) if old.root.annotations else None
    new.root.stored = old.root.stored
    places: dict[Node, Group] = {old.root: new.root}
    for node in old.walk(old.root):
        if node is old.root:
            continue
        assert node.parent is not None
        twin: Node
        if isinstance(node, Group):
            twin = places[node] = (
                OwnGroup(node.name, node.comment, node.class_name)
                if isinstance(node, OwnGroup)
                else Group(node.name, node.comment)
            )
            twin.annotations = dict(node.annotations) if node.annotations else None
        else:
            twin = _shared_leaf(node) if is_shared(node) else _copied_leaf(node)
        twin.stored = node.stored
        new.attach(places[node.parent], twin)


class _SharedParameter(ContainerParameterLeaf):
    """The place of a parameter in a second tree: it asks the parameter, as for users' own containers."""

    __slots__ = ()

    def dump(self) -> Mapping[str, Any]:
        return {name: item for name, item in super().dump().items() if name != EXPLORED}

    def take_column(self, column: Column) -> None:
        """Do nothing: the parameter has its range."""


class _SharedResult(ContainerResultLeaf):
    """The place of a result in a second tree."""

    __slots__ = ()


def _shared_leaf(node: Node) -> Leaf:
    assert isinstance(node, Leaf)
    assert node.tree is not None
    kind = _SharedParameter if node.kind is NodeKind.PARAMETER else _SharedResult
    twin = kind(node.name, node.comment, node.class_name)
    twin.view = node.tree.view(node)
    twin.annotations = node.annotations
    twin.kept = node.kept
    return twin


def _copied_leaf(node: Node) -> Leaf:
    assert isinstance(node, Leaf)
    if node.view is None or type(node.view) in _PLAIN:
        twin = detached(node)
    else:
        twin = copy.copy(node.view).__pypet_node__
    twin.name = node.name
    twin.kept = node.kept
    return twin


def _copy_links(old: Tree, new: Tree) -> None:
    for target, starts in old.linked.items():
        goal = new.at(target.path)
        for group, name in starts:
            here = new.at(group.path)
            if goal is not None and isinstance(here, Group) and name not in here.children:
                new.link(here, name, goal)
