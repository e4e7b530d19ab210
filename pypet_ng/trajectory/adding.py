"""Where does a new node go, and what may be added there?"""

from __future__ import annotations

import keyword
import sys
import warnings
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pypet_ng._typing import Path
from pypet_ng.errors import InvalidNameError, NotInRunError
from pypet_ng.tree.names import BRANCHES, check_part, expand, split
from pypet_ng.tree.nodes import Group, Leaf, Node
from pypet_ng.tree.records import NodeKind
from pypet_ng.tree.runnames import run_index
from pypet_ng.tree.search import resolve_parts
from pypet_ng.tree.structure import Tree

if TYPE_CHECKING:
    from pypet_ng.trajectory.leaves import NNLeafNode

__all__ = ["Place", "add_group", "add_leaf", "check_kind", "check_leaf_place", "place", "refuse_in_run"]

Place: TypeAlias = "tuple[Group | str, Path, str]"
"""From where a new node's name is counted, its parts from there, and its full name. A text in the
first place is a branch and stands for the current run's group in it, made only when the node is."""

_PER_RUN: Final = ("results", "derived_parameters")
_MOST_PLACES: Final = 20_000
_checked: set[str] = set()
_plain: set[str] = set()
_PARAMETERS: Final = frozenset({"parameters", "config", "derived_parameters"})


def refuse_in_run(tree: Tree, branch: str, what: str) -> None:
    """Raise NotInRunError where a run would add what all runs share."""
    if tree.scope.running and branch not in _PER_RUN and branch in BRANCHES:
        raise NotInRunError(
            f"{what} cannot be added below {branch!r} during a single run (run {tree.scope.index}): "
            "all runs share it. Add a result or a derived parameter, or add it before env.run."
        )


def check_kind(branch: str, kind: NodeKind, what: str) -> None:
    """Raise TypeError for a result below parameters, or a parameter below results."""
    if branch == "results" and kind is NodeKind.PARAMETER:
        raise TypeError(
            f"A {what} is a parameter and cannot be added below 'results': use a class derived from "
            "BaseResult, or f_add_derived_parameter."
        )
    if branch in _PARAMETERS and kind is NodeKind.RESULT:
        raise TypeError(
            f"A {what} is a result and cannot be added below {branch!r}: use a class derived from "
            "BaseParameter, or f_add_result."
        )


def check_leaf_place(full_name: str) -> None:
    """Raise InvalidNameError for a leaf in the place of one of the four branches."""
    if full_name in BRANCHES:
        raise InvalidNameError(
            f"{full_name!r} is one of the four branches and holds no data itself: "
            f"give a name below it, as {full_name + '.x'!r}."
        )


def _steps_to_user() -> int:
    """Give the `stacklevel` at which a warning names the line of the user, who may come by many ways."""
    frame = sys._getframe(1)
    steps = 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("pypet_ng."):
        frame = frame.f_back
        steps += 1
    return steps


def _check(tree: Tree, parts: Path, at_root: bool) -> bool:
    """Check names; False if there was a warning, so that the next time warns again."""
    silent = True
    if not parts:
        raise InvalidNameError("A node needs a name: give at least one letter.")
    for part in parts:
        if part in _checked:
            continue
        check_part(part)
        if keyword.iskeyword(part) or part in tree.reserved:
            warnings.warn(
                f"{part!r} is a word of Python or of pypet_ng: the node can be reached by [{part!r}] only.",
                SyntaxWarning,
                stacklevel=_steps_to_user(),
            )
            silent = False
        elif len(_checked) < 100_000:
            _checked.add(part)
    if at_root and parts[0] == "overview":
        raise InvalidNameError("'overview' directly below the root is reserved. Use another name.")
    return silent


def place(tree: Tree, start: Group, name: str, branch: str | None) -> Place:
    """Give where a new node goes.

    `branch` is the branch a call like ``f_add_result`` means, None for generic nodes. In a run,
    results and derived parameters go below ``runs.run_XXXXXXXX`` unless a run's name is given.
    """
    if branch is not None and start is tree.root:
        tail = tree.places.get((branch, name))
        if tail is None:
            return _place_anew(tree, start, name, branch)
        scope = tree.scope
        if scope.running and tree.naming.auto_run_prepend and branch in _PER_RUN:
            rest = tail[0] if len(tail) == 1 else ".".join(tail)
            return branch, tail, f"{branch}.runs.{scope.name}.{rest}"
        return start, (branch, *tail), f"{branch}.{'.'.join(tail)}"
    return _place_anew(tree, start, name, branch)


def _all_plain(tree: Tree, parts: Path, branch: str) -> bool:
    """Tell whether parts mean what they say: no abbreviation, no run's name, nothing to warn of."""
    if not parts or parts[0] == branch or not tree.wildcards.functions.keys().isdisjoint(parts):
        return False
    for part in parts:
        if part not in _plain:
            if part in tree.reserved or keyword.iskeyword(part) or expand(part) != part:
                return False
            if part[:4] == "run_":
                return False
            check_part(part)
            if len(_plain) < 100_000:
                _plain.add(part)
    return True


def _place_anew(tree: Tree, start: Group, name: str, branch: str | None) -> Place:
    scope = tree.scope
    if branch is not None and start is tree.root and type(name) is str:
        plain = split(name)
        if _all_plain(tree, plain, branch):
            if len(tree.places) >= _MOST_PLACES:
                tree.places.clear()
            tree.places[branch, name] = plain
            return place(tree, start, name, branch)
    resolve = tree.wildcards.resolve
    raw = resolve_parts(tree, name)
    parts = tuple([resolve(part, scope.index) for part in raw])
    base = start.path
    at_root = not base
    if branch is not None and at_root:
        if len(parts) > 1 and parts[0] == branch:  # the prefix may be given or not
            parts = parts[1:]
        silent = _check(tree, parts, False)
        # what depends on the current run is looked at each time; run names begin with "run_"
        functions = tree.wildcards.functions
        if silent and not [part for part in parts if part[:4] == "run_"] and functions.keys().isdisjoint(raw):
            if len(tree.places) >= _MOST_PLACES:
                tree.places.clear()
            tree.places[branch, name] = parts
        parts = (branch, *parts)
    else:
        _check(tree, parts, at_root)
    path = base + parts
    if (
        branch in _PER_RUN
        and scope.running
        and tree.naming.auto_run_prepend
        and not any(run_index(part) is not None or part == scope.name for part in path)
        and not (scope.renamed and scope.name_of(-1) in path)
    ):
        own = scope.name
        if len(base) <= 1:
            path = (path[0], "runs", own, *path[1:])
        elif base[1:] == ("runs",):
            path = (*base, own, *path[2:])
    return start, path[len(base) :], ".".join(path)


def add_leaf(tree: Tree, start: Group | str, parts: Path, leaf: NNLeafNode) -> Any:
    """Attach a leaf at `parts` below `start`, making groups; with no-clobber the old one stays."""
    node: Leaf = leaf._node  # the view and its node are one object to users
    if node.tree is not None:
        raise ValueError(
            f"{'.'.join(node.path)!r} already hangs in a tree: add a copy (f_copy), or a link with f_add_link."
        )
    name = parts[-1]
    parent = tree.run_home(start) if isinstance(start, str) else start
    if len(parts) > 1:
        parent = tree.make_groups(parent, parts[:-1])
    if tree.naming.no_clobber and name in parent.children:
        _warn_of_old(parent, name)
        return tree.view(parent.children[name])
    if node.name != name:
        leaf._rename(".".join((*parent.path, name)))
    node.view = leaf  # a run's leaf that was taken out had lost it
    tree.attach(parent, node)
    return leaf


def add_group(tree: Tree, start: Group | str, parts: Path, comment: str) -> Node:
    """Make the groups at `parts` below `start`; NameTakenError if the last one is there."""
    if isinstance(start, str):
        start = tree.run_home(start)
    parent = tree.make_groups(start, parts[:-1])
    if tree.naming.no_clobber and parts[-1] in parent.children:
        _warn_of_old(parent, parts[-1])
        return parent.children[parts[-1]]
    group = Group(parts[-1], comment)
    tree.attach(parent, group)
    return group


def _warn_of_old(parent: Group, name: str) -> None:
    warnings.warn(
        f"{'.'.join((*parent.path, name))!r} is there already and v_no_clobber is on: the new data is ignored. "
        "Remove the old node first (f_remove_child) if you want the new one.",
        stacklevel=5,
    )
