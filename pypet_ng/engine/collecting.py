"""Which column over all runs does a name mean?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Path
from pypet_ng.engine.columns import Column, Explored, Fixed, Gathered
from pypet_ng.engine.session import Session
from pypet_ng.errors import DataNotInStorageError, NodeNotFoundError, NotUniqueNodeError, near_names
from pypet_ng.spaces.columns import Column as Column_
from pypet_ng.spaces.columns import ListColumn, OpaqueColumn, positions
from pypet_ng.storage.base import NOT_SET, RunColumn
from pypet_ng.tree import search
from pypet_ng.tree.names import expand
from pypet_ng.tree.nodes import Group, Leaf, ParameterLeaf
from pypet_ng.tree.records import NodeKind
from pypet_ng.tree.runnames import RUN, RUN_SET, run_index, run_name, set_index, set_name

__all__ = ["Catalog", "Entry", "chosen_runs", "shortest_names"]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that has a value at each run (or at some)."""

    path: Path
    """Folded path of the leaf."""
    item: str
    items: tuple[str, ...]
    """All items the leaves of that path have."""
    comment: str = ""

    @property
    def short(self) -> Path:
        """The path without what stands for the run, with the item where it is not the only one."""
        parts = []
        for place, part in enumerate(self.path):
            if part in (RUN, RUN_SET) or (part == "runs" and self.path[place + 1 : place + 2] == (RUN,)):
                continue
            parts.append(part)
        return (*parts, self.item) if len(self.items) > 1 else tuple(parts)

    @property
    def full(self) -> str:
        """The whole path, dotted."""
        return ".".join((*self.path, self.item) if len(self.items) > 1 else self.path)


class Catalog:
    """All that has a value at each run, at the moment this was made.

    What a run stored counts as it is stored; results that are in memory only are added.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.storage = session.storage if session.facts.attached else None
        self._length = len(session.plan)
        self._memory: dict[Path, dict[int, Leaf]] = {}
        items: dict[Path, dict[str, None]] = {}
        comments: dict[Path, str] = {}
        if self.storage is not None:
            for path, signatures in self.storage.signatures().items():
                known = items.setdefault(path, {})
                for signature in signatures:
                    known.update(dict.fromkeys(signature.items))
                    comments[path] = comments.get(path) or signature.comment
        for path, row, leaf in _leaves_of_runs(session, self._length):
            if self.storage is not None and leaf.stored and leaf.is_empty:
                continue
            names = leaf.dump().keys()
            if self.storage is not None and leaf.stored and names <= leaf.kept:
                continue
            items.setdefault(path, {}).update(dict.fromkeys(names))
            comments[path] = comments.get(path) or leaf.comment
            self._memory.setdefault(path, {})[row] = leaf
        of_runs = [
            Entry(path, item, tuple(names), comments.get(path, ""))
            for path, names in items.items()
            for item in names
        ]
        self.results = [entry for entry in of_runs if entry.path[0] != "derived_parameters"]
        self.derived = [entry for entry in of_runs if entry.path[0] == "derived_parameters"]
        self.explored = [self._parameter(path) for path in session.plan.names]
        self._fixed: list[Entry] | None = None

    def _parameter(self, path: Path) -> Entry:
        node = self.session.tree.at(path)
        return Entry(path, "data", ("data",), "" if node is None else node.comment)

    @property
    def fixed(self) -> list[Entry]:
        """Parameters and derived parameters that are not explored."""
        if self._fixed is None:
            found: dict[Path, None] = {}
            tree = self.session.tree
            for branch in ("parameters", "derived_parameters"):
                start = tree.root.children.get(branch)
                for node in tree.walk(start) if start is not None else ():
                    if isinstance(node, Leaf) and node.kind is NodeKind.PARAMETER:
                        found[node.path] = None
                if self.storage is not None and self.storage.has((branch,)):
                    for skeleton in self.storage.scan((branch,)):
                        if skeleton.kind is NodeKind.PARAMETER:
                            found[skeleton.path] = None
            explored = set(self.session.plan.names)
            self._fixed = [
                self._parameter(path)
                for path in found
                if path not in explored and not any(map(_is_one_run, path))
            ]
        return self._fixed

    # -- names --------------------------------------------------------------------------------
    def find(self, name: Any) -> Entry:
        """Give what a name means; NodeNotFoundError, NotUniqueNodeError.

        Results go before derived parameters of runs, those before parameters; the lowest depth wins.
        """
        text = getattr(name, "v_full_name", name)
        parts = tuple(
            part for part in search.resolve_parts(self.session.tree, text) if not self._is_run(part)
        )
        # 'res' may be a result of that name, and is short for 'results'
        for words in dict.fromkeys((parts, tuple(map(expand, parts)))):
            for entries in (self.results, self.derived, self.explored):
                hit = _pick(text, words, entries)
                if hit is not None:
                    return hit
            hit = _pick(text, words, self.fixed)
            if hit is not None:
                return hit
        every = [*self.results, *self.derived, *self.explored, *self.fixed]
        known = [word for e in every for word in (e.path[-1], ".".join(e.short[1:]), ".".join(e.short[-2:]))]
        place = self.storage.location if self.storage is not None else "memory"
        raise NodeNotFoundError(
            f"No run of trajectory {self.session.tree.root.name!r} ({place}) has a result "
            f"{'.'.join(map(str, parts)) or text!r}, and no parameter is called so."
            + near_names(".".join(parts), known)
            + " Names are those of results below a run, as 'z', 'sub.z' or 'result.item'."
        )

    def find_explored(self, name: Any) -> Entry:
        """Give the explored parameter a name means; NodeNotFoundError names those there are."""
        text = getattr(name, "v_full_name", name)
        parts = search.resolve_parts(self.session.tree, text)
        for words in dict.fromkeys((parts, tuple(map(expand, parts)))):
            hit = _pick(text, words, self.explored)
            if hit is not None:
                return hit
        known = shortest_names(self.explored)
        raise NodeNotFoundError(
            f"{text!r} is no explored parameter of trajectory {self.session.tree.root.name!r}; explored are: "
            f"{', '.join(known) or 'none'}." + near_names(str(text), known)
        )

    def _is_run(self, part: str) -> bool:
        if run_index(expand(part)) is not None or set_index(expand(part)) is not None:
            return True
        function = self.session.tree.wildcards.functions.get(part)
        return function in (run_name, set_name)

    # -- columns ------------------------------------------------------------------------------
    def column(self, entry: Entry, name: str, rows: npt.NDArray[np.int64] | None = None) -> Column:
        """Give the values of an entry over some runs (None: all)."""
        return Column(self._source(entry), name, entry.full, entry.comment, rows)

    def source(self, path: Path) -> RunColumn:
        """Give the values of an explored parameter by its exact path."""
        return self._parameter_source(self._parameter(path))

    def _source(self, entry: Entry) -> RunColumn:
        plan = self.session.plan
        if RUN not in entry.path:
            return self._parameter_source(entry)
        item = entry.item
        extra: dict[int, Any] = {}
        for row, leaf in self._memory.get(entry.path, {}).items():
            if self.storage is not None and leaf.stored and item in leaf.kept:
                continue
            value = leaf.dump().get(item, NOT_SET)
            if value is not NOT_SET:
                extra[row] = value
        stored: RunColumn | None = None
        if self.storage is not None and entry.path in self.storage.signatures():
            try:
                stored = self.storage.read_runs(entry.path, item)
            except DataNotInStorageError:  # the item is in memory only
                stored = None
        return Gathered(stored, extra, len(plan))

    def _parameter_source(self, entry: Entry) -> RunColumn:
        session = self.session
        node = session.tree.at(entry.path)
        if entry.path in session.plan.names:
            column = session.plan.column(entry.path)
            own = getattr(node, "column", None)
            if isinstance(node, ParameterLeaf) and isinstance(own, Column_) and own is not column:
                return Explored(own)  # the plan has the stored forms of values only its class can make
            if isinstance(column, OpaqueColumn) and isinstance(node, Leaf):
                # the plan has fingerprints only: the user's own container knows the values
                return Explored(ListColumn(list(session.tree.view(node).f_get_range())))
            return Explored(column)
        value: Any = NOT_SET
        if isinstance(node, ParameterLeaf) and not node.is_empty:
            value = node.default
        elif isinstance(node, Leaf) and not node.is_empty:
            value = session.tree.view(node).f_get()
        elif self.storage is not None and self.storage.has(entry.path):
            value = self.storage.read(entry.path).data.get("data", NOT_SET)
        return Fixed(value, len(session.plan))


def _is_one_run(part: str) -> bool:
    index = run_index(part)
    return index is not None and index >= 0


def _leaves_of_runs(session: Session, length: int) -> Iterator[tuple[Path, int, Leaf]]:
    """Give folded path, run and leaf of all that is in memory; runs that are asleep stay so."""
    for holder in list(session.tree.holders):
        if holder.of_run:
            continue
        prefix = holder.path
        for name in list(dict.keys(holder.runs)):
            if name in holder.links:
                continue
            group = dict.__getitem__(holder.runs, name)
            row = run_index(name)
            if row is not None and 0 <= row < length:
                yield from _leaves(group, (*prefix, RUN), row)
            elif set_index(name) is not None:
                for inner, run in list(dict.items(group.children)):
                    row = run_index(inner)
                    if row is not None and 0 <= row < length and isinstance(run, Group):
                        yield from _leaves(run, (*prefix, RUN_SET, RUN), row)


def _leaves(group: Group, path: Path, row: int) -> Iterator[tuple[Path, int, Leaf]]:
    for name, node in list(dict.items(group.children)):
        if name in group.links:
            continue
        if isinstance(node, Leaf):
            yield (*path, name), row, node
        elif isinstance(node, Group):
            part = RUN if name == run_name(row) else RUN_SET if name == set_name(row) else name
            yield from _leaves(node, (*path, part), row)


def _pick(name: Any, parts: Path, entries: Iterable[Entry]) -> Entry | None:
    """Give the entry at the lowest depth that `parts` can mean."""
    if not parts:
        return None
    lowest = 0
    hits: list[Entry] = []
    for entry in entries:
        by_item = len(parts) > 1 and parts[-1] == entry.item and _leads(parts[:-1], entry.path)
        if not by_item and not _leads(parts, entry.path):
            continue
        depth = len(entry.path) + by_item
        if not hits or depth < lowest:
            lowest, hits = depth, [entry]
        elif depth == lowest:
            hits.append(entry)
    if len(hits) > 1:
        raise NotUniqueNodeError(
            f"{name!r} means several things: {', '.join(repr('.'.join(hit.short)) for hit in hits[:10])}"
            f"{', ...' if len(hits) > 10 else ''}. Give more of the path, or the item."
        )
    return hits[0] if hits else None


def _leads(parts: Path, path: Path) -> bool:
    """Tell whether `path` ends with the last of `parts` and meets the others in order."""
    path = tuple(part for part in path if part not in (RUN, RUN_SET))
    if path[-1:] != parts[-1:]:
        return False
    waiting = list(parts[:-1])
    for part in reversed(path[:-1]):
        if waiting and part == waiting[-1]:
            waiting.pop()
    return not waiting


def shortest_names(entries: Sequence[Entry], reserved: Iterable[str] = ()) -> list[str]:
    """Give for each entry the shortest end of its path that no other has (nor is reserved)."""
    shorts = [entry.short for entry in entries]
    taken = set(reserved)
    count: dict[Path, int] = {}
    for short in shorts:
        for place in range(len(short)):
            count[short[place:]] = count.get(short[place:], 0) + 1
    names = []
    for entry, short in zip(entries, shorts, strict=True):
        first = 2 if len(entry.items) > 1 else 1
        ends = [short[len(short) - size :] for size in range(first, len(short) + 1)]
        chosen = next((end for end in ends if count[end] == 1 and ".".join(end) not in taken), None)
        names.append(".".join(chosen) if chosen is not None else entry.full)
    return names


def chosen_runs(runs: Any, length: int) -> npt.NDArray[np.int64] | None:
    """Give the run indices meant by indices, names, a slice or a boolean mask; None for all runs.

    IndexError for indices and masks that do not fit, KeyError for names of no run.
    """
    if runs is None:
        return None
    if isinstance(runs, slice):
        return positions(runs, length)
    if isinstance(runs, str | int | np.integer):
        runs = [runs]
    listed = runs if isinstance(runs, np.ndarray) else list(runs)
    if len(listed) and any(isinstance(run, str) for run in listed):
        listed = [_index(run, length) if isinstance(run, str) else run for run in listed]
    places = np.asarray(listed)
    if places.dtype == np.bool_:
        if places.shape != (length,):
            raise IndexError(f"a mask of shape {places.shape} does not fit {length} runs: give one per run")
        return np.flatnonzero(places).astype(np.int64)
    if places.size and places.dtype.kind not in "iu":
        raise TypeError(f"runs are given as indices, names, a slice or a mask, not as {places.dtype}")
    return positions(places.astype(np.int64).reshape(-1), length)


def _index(name: str, length: int) -> int:
    index = run_index(expand(name))
    if index is None or not 0 <= index < length:
        raise KeyError(f"There is no run {name!r}: the runs are {run_name(0)} to {run_name(length - 1)}.")
    return index
