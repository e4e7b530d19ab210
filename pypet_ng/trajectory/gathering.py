"""Which node or value does a name mean at each of the runs?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from pypet_ng._typing import Path
from pypet_ng.engine.rousing import Template, rouse, templates_called, undisturbed
from pypet_ng.engine.session import Session
from pypet_ng.errors import NotUniqueNodeError
from pypet_ng.storage.base import NOT_SET
from pypet_ng.trajectory.reaching import value_of
from pypet_ng.trajectory.result import Result
from pypet_ng.tree import search
from pypet_ng.tree.names import expand
from pypet_ng.tree.nodes import Group, Leaf, Node, ResultLeaf
from pypet_ng.tree.runnames import run_index, run_name, set_index, set_name
from pypet_ng.tree.structure import Tree, describe_hits

__all__ = ["Wanted", "gather"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """How names are understood, and what is given."""

    include_default_run: bool = True
    use_indices: bool = False
    fast_access: bool = False
    with_links: bool = True
    shortcuts: bool = True
    max_depth: int | None = None
    auto_load: bool = False


def gather(session: Session, name: str, how: Wanted) -> dict[Any, Any]:
    """Give by run what `name` means in that run's branches, see ``Trajectory.f_get_from_runs``.

    Runs that are stored come into memory; but values of plain results directly in the groups of runs
    are taken from their column.
    """
    tree = session.tree
    tree.check_outside_run("f_get_from_runs")
    parts = search.resolve_parts(tree, name)
    with undisturbed():
        return _gather(session, parts, how)


def _gather(session: Session, parts: Path, how: Wanted) -> dict[Any, Any]:
    tree = session.tree
    stored = _stored_values(session, parts, how)
    if stored is None:
        rouse(tree)
    here = tree.scope.index
    finder = _Finder(tree, parts, how)
    found: dict[Any, Any] = {}
    name_of = tree.scope.name_of if tree.scope.renamed else run_name
    try:
        for index in range(len(session.plan)):
            own = name_of(index)
            key = index if how.use_indices else own
            if stored is not None and stored[index] is not NOT_SET:
                found[key] = stored[index]
                continue
            node = finder.of_run(index, own)
            if node is None and how.include_default_run:
                node = finder.of_all_runs()
            if node is None:
                continue
            if how.auto_load and isinstance(node, Leaf) and node.is_empty and tree.reserve is not None:
                tree.move_to(index)
                tree.reserve.fill(node)
            if how.fast_access:
                found[key] = value_of(tree, node)
            elif type(node) is ResultLeaf:  # a million of these: spare the way through the tree
                found[key] = node.view or Result._over(node)
            else:
                found[key] = tree.view(node)
    finally:
        tree.move_to(here)
    return found


def _is_plain(tree: Tree, parts: Path) -> bool:
    """Tell whether a name is one part that means itself."""
    return len(parts) == 1 and parts[0] not in tree.wildcards.functions and expand(parts[0]) == parts[0]


def _stored_values(session: Session, parts: Path, how: Wanted) -> list[Any] | None:
    """Give the stored values by run, ``NOT_SET`` where a node must be looked at; None if all must be."""
    tree = session.tree
    if not how.fast_access or tree.linked or tree.scope.renamed or not _is_plain(tree, parts):
        return None
    templates = templates_called(tree, parts[0])
    if templates is None or len(templates) != 1:
        return None
    template = templates[0]
    if not how.auto_load and not template.eager:
        return None  # an empty container is what the name means
    return _column(session, template, parts[0])


def _column(session: Session, template: Template, name: str) -> list[Any] | None:
    storage = session.storage
    length = len(session.plan)
    single = [number for number, one in enumerate(template.signatures, 1) if one.items == (name,)]
    if storage is None or not single:
        return None
    values = storage.read_runs(template.path, name).values(slice(0, length))
    values += [NOT_SET] * (length - len(values))
    mine = np.zeros(length, np.bool_)
    ids = template.ids[:length]
    mine[: len(ids)] = np.isin(ids, single)
    for row in np.flatnonzero(~mine).tolist():
        values[row] = NOT_SET
    for known in template.children.gone.union(template.children.existing()):
        index = run_index(known)
        if index is not None and 0 <= index < length:
            values[index] = NOT_SET  # in memory, perhaps with another value
    return values


_existing: Final[Callable[[dict[str, Group], str], Group | None]] = dict.get


class _Finder:
    """Finds what one name means in the branches of runs."""

    def __init__(self, tree: Tree, parts: Path, how: Wanted) -> None:
        self._tree = tree
        self._parts = parts
        self._how = how
        self._name = parts[0] if _is_plain(tree, parts) else None
        self._holders = [holder for holder in tree.holders if not holder.of_run]
        self._sets = any(
            name[:8] == "run_set_" and set_index(name) is not None
            for holder in self._holders
            for name in _some_names(holder)
        )
        self._astray = self._in_other_sets() if self._sets else {}
        self._by_default: Node | None = None
        self._looked = False

    def of_run(self, index: int, own: str) -> Node | None:
        """Give the node of one run, None if there is none; NotUniqueNodeError."""
        groups: list[Group] = []
        for holder in self._holders:
            runs = holder.runs
            group = _existing(runs, own) or runs.get(own)  # the runs that wait are built by the second
            if group is not None and group.parent is holder:
                groups.append(group)
        if self._sets:
            groups.extend(self._in_sets(index, own))
            groups.extend(self._astray.get(own, ()))
        if len(groups) == 1 and self._name is not None:  # the way of a million runs
            group = groups[0]
            hit: Node | None = group.children.get(self._name)
            if hit is not None and (self._how.with_links or self._name not in group.links):
                return hit
        self._tree.move_to(index)  # what the name means may depend on it
        return self._unique(groups, own)

    def of_all_runs(self) -> Node | None:
        """Give the node that counts for all runs; it is looked for once."""
        if not self._looked:
            self._looked = True
            self._by_default = self._unique(
                search.default_run_groups(self._tree), self._tree.scope.name_of(-1)
            )
        return self._by_default

    def _in_sets(self, index: int, own: str) -> list[Group]:
        """Give the run's groups that hang in that of its set."""
        tree = self._tree
        groups: list[Group] = []
        for group, _ in search.run_groups(tree, tree.root, (set_name(index),)):
            groups.extend(node for node in search.find_all(tree, group, (own,)) if isinstance(node, Group))
        return groups

    def _in_other_sets(self) -> dict[str, list[Group]]:
        """Give the groups of runs, by name, that somebody put into a set their index does not belong to."""
        found: dict[str, list[Group]] = {}
        for holder in self._holders:
            for name, group in dict.items(holder.runs):
                number = set_index(name)
                for own, run in dict.items(group.runs) if number is not None else ():
                    index = run_index(own)
                    if index is not None and set_name(index) != name and run.parent is group:
                        found.setdefault(own, []).append(run)
        return found

    def _unique(self, groups: Sequence[Group], owner: str) -> Node | None:
        how = self._how
        hits: dict[int, Node] = {}
        for group in groups:
            hit = search.find(
                self._tree,
                group,
                self._parts,
                with_links=how.with_links,
                shortcuts=how.shortcuts,
                max_depth=how.max_depth,
            )
            if hit is not None:
                hits[id(hit)] = hit
        if len(hits) > 1:
            raise NotUniqueNodeError(
                f"{'.'.join(self._parts)!r} means several nodes of {owner}: "
                f"{describe_hits(list(hits.values()))}. Give more of the path."
            )
        return next(iter(hits.values()), None)


def _some_names(holder: Group) -> list[str]:
    """Give the names of the run groups below a group, one of each kind being enough where all wait."""
    names = list(dict.keys(holder.runs))
    children = holder.children
    source: Any = getattr(children, "source", None)
    for part in getattr(source, "parts", (source,)):
        if part is not None:
            names.extend(name for name, _ in zip(part, range(1), strict=False))
    return names
