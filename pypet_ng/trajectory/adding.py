"""Where does a new node go, and what may be added there?"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final

from pypet_ng._typing import Path
from pypet_ng.errors import NotInRunError
from pypet_ng.tree.names import BRANCHES, check_part
from pypet_ng.tree.nodes import Group, Leaf, Node
from pypet_ng.tree.runnames import run_index, run_name
from pypet_ng.tree.search import resolve_parts
from pypet_ng.tree.structure import Tree

if TYPE_CHECKING:
    from pypet_ng.trajectory.leaves import NNLeafNode

__all__ = ["add_group", "add_leaf", "place", "refuse_in_run"]

_PER_RUN: Final = ("results", "derived_parameters")
_checked: set[str] = set()
_METHODS: frozenset[str] = frozenset({"vars", "func", "kids"})


def refuse_in_run(tree: Tree, branch: str, what: str) -> None:
    """Raise NotInRunError where a run would add what all runs share."""
    if tree.scope.running and branch not in _PER_RUN and branch in BRANCHES:
        raise NotInRunError(
            f"{what} cannot be added below {branch!r} during a single run (run {tree.scope.index}): "
            "all runs share it. Add a result or a derived parameter, or add it before env.run."
        )


def _check(parts: Path, at_root: bool) -> None:
    for part in parts:
        if part not in _checked:
            check_part(part, reserved=_METHODS)
            if len(_checked) < 100_000:
                _checked.add(part)
    if at_root and parts and parts[0] == "overview":
        from pypet_ng.errors import InvalidNameError

        raise InvalidNameError("'overview' directly below the root is reserved. Use another name.")


def place(tree: Tree, start: Group, name: str, branch: str | None) -> Path:
    """Give the full path a new node gets.

    `branch` is the branch a call like ``f_add_result`` means, None for generic nodes. In a run,
    results and derived parameters go below ``runs.run_XXXXXXXX`` unless a run's name is given.
    """
    index = tree.scope.index
    resolve = tree.wildcards.resolve
    parts = tuple(resolve(part, index) for part in resolve_parts(tree, name))
    base = start.path
    if branch is not None and not base and (not parts or parts[0] != branch):
        parts = (branch, *parts)
    path = base + parts
    scope = tree.scope
    if (
        branch in _PER_RUN
        and scope.running
        and tree.naming.auto_run_prepend
        and len(base) <= 2
        and not any(run_index(part) is not None for part in path)
    ):
        if len(base) <= 1:
            path = (path[0], "runs", run_name(index), *path[1:])
        elif base[1] == "runs":
            path = (*base, run_name(index), *path[2:])
    _check(path[len(base) :], not base)
    return path


def add_leaf(tree: Tree, start: Group, path: Path, leaf: NNLeafNode) -> NNLeafNode:
    """Attach a leaf at a full path below `start`, making groups; with no-clobber the old one stays."""
    node: Leaf = leaf._node  # the view and its node are one object to users
    if node.tree is not None and node.parent is not None:
        raise ValueError(
            f"{'.'.join(node.path)!r} already hangs in a tree: add a copy (f_copy), or a link with f_add_link."
        )
    base = len(start.path)
    parent = tree.make_groups(start, path[base:-1])
    if tree.naming.no_clobber and path[-1] in parent.children:
        warnings.warn(
            f"{'.'.join(path)!r} is there already and v_no_clobber is on: the new data is ignored.",
            stacklevel=4,
        )
        old: Any = tree.view(parent.children[path[-1]])
        return old  # type: ignore[no-any-return]
    node.name = path[-1]
    tree.attach(parent, node)
    return leaf


def add_group(tree: Tree, start: Group, path: Path, comment: str) -> Node:
    """Make the groups of a full path below `start`; NameTakenError if the last one is there."""
    base = len(start.path)
    parent = tree.make_groups(start, path[base:-1])
    if tree.naming.no_clobber and path[-1] in parent.children:
        return parent.children[path[-1]]
    group = Group(path[-1], comment)
    tree.attach(parent, group)
    return group
