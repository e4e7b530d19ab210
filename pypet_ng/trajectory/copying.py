"""How does a trajectory give copies of itself: one to go on with, and one to look at in a debugger?"""

from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING, Any

from pypet_ng.engine.attach import take_plan
from pypet_ng.engine.folded import Rows, hang_runs
from pypet_ng.engine.loading import Shelf
from pypet_ng.engine.rousing import lazy_holders
from pypet_ng.engine.session import Session
from pypet_ng.trajectory.leaves import detached
from pypet_ng.trajectory.parameter import Parameter
from pypet_ng.trajectory.result import Result
from pypet_ng.tree.nodes import Group, Leaf, Node
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
        knows the same plan and run states. `copy_leaves` is accepted for pypet's sake: a leaf hangs in one
        tree, so that leaves are always new, and cost no copy of their values. Runs that are stored
        and not in memory stay in the storage.
        """
        return copied(self, with_links)  # type: ignore[arg-type]

    def __copy__(self) -> Any:
        return self.f_copy()

    def f_debug(self) -> Unfolded:
        """Give an object whose attributes are the tree's nodes, for debuggers and nothing else."""
        return Unfolded(self)


def copied(traj: Trajectory, with_links: bool) -> Trajectory:
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
    _copy_nodes(old.tree, tree)
    new.plan = old.plan
    take_plan(new, old.plan)
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


def _copy_nodes(old: Tree, new: Tree) -> None:
    new.root.annotations = dict(old.root.annotations) if old.root.annotations else None
    new.root.stored = old.root.stored
    places: dict[Node, Group] = {old.root: new.root}
    for node in old.walk(old.root):
        if node is old.root:
            continue
        assert node.parent is not None
        twin: Node
        if isinstance(node, Group):
            twin = places[node] = Group(node.name, node.comment)
            twin.annotations = dict(node.annotations) if node.annotations else None
        else:
            twin = _copied_leaf(node)
        twin.stored = node.stored
        new.attach(places[node.parent], twin)


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
