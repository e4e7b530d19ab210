"""How is one trajectory kept in dictionaries, node by node and run by run?

Deliberately without columns: the tests compare the HDF5 service with this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pypet_ng._typing import Path
from pypet_ng.encoding import decode, encode
from pypet_ng.encoding.encoded import Encoded
from pypet_ng.errors import DataNotInStorageError, NameTakenError, near_names
from pypet_ng.spaces.columns import ChainColumn, Column, IndexedColumn, ListColumn, PeriodicColumn
from pypet_ng.spaces.plan import Plan
from pypet_ng.tree.records import (
    Batch,
    Failure,
    NodeKind,
    Note,
    NoteKind,
    Record,
    RunStates,
    Signature,
    Skeleton,
    TrajectoryInfo,
    WriteMode,
)
from pypet_ng.tree.runnames import RUN, RUN_SET, fold, fold_item, unfold, unfold_item

__all__ = ["RunLeaf", "RunRow", "StoredTrajectory", "frozen", "kept", "thawed"]

_PLAIN = frozenset((bool, int, float, complex, str, bytes, type(None)))


def kept(value: Any) -> Any:
    """Give a form of a value that nobody outside can change; UnsupportedValueError if there is none."""
    return value if type(value) in _PLAIN or isinstance(value, Encoded) else encode(value)


def given(value: Any) -> Any:
    """Give a fresh value from its kept form."""
    if not isinstance(value, Encoded):
        return value
    # Copied first: a decoded value may be a view on the parts.
    return decode(replace(value, parts={name: np.array(part) for name, part in value.parts.items()}))


def frozen(column: Column) -> Column:
    """Give a column that holds kept values."""
    return _mapped(column, kept)


def thawed(column: Column) -> Column:
    """Give a column with the values of one that holds kept ones."""
    return _mapped(column, given)


def _mapped(column: Column, change: Callable[[Any], Any]) -> Column:
    if isinstance(column, ListColumn):
        return ListColumn([change(value) for value in column])
    if isinstance(column, PeriodicColumn):
        return PeriodicColumn(_mapped(column.base, change), column.repeat, len(column))
    if isinstance(column, IndexedColumn):
        return IndexedColumn(_mapped(column.base, change), column.index_array)
    if isinstance(column, ChainColumn):
        return ChainColumn([_mapped(part, change) for part in column.parts])
    return column  # numbers and fingerprints never change


@dataclass(slots=True)
class _Node:
    """An ordinary node. `owner` is the run that added it, -1 if none in particular did."""

    kind: NodeKind = NodeKind.GROUP
    class_name: str = ""
    comment: str = ""
    annotations: dict[str, Any] = field(default_factory=dict)
    items: dict[str, Any] = field(default_factory=dict)
    target: Path = ()
    locked: bool = False
    owner: int = -1

    def update(self, record: Record, mode: WriteMode, is_new: bool) -> None:
        skeleton, replaces = record.skeleton, is_new or mode is WriteMode.OVERWRITE
        if skeleton.class_name and (replaces or not self.class_name):
            self.class_name = skeleton.class_name
        if skeleton.comment and (replaces or not self.comment):
            self.comment = skeleton.comment
        if skeleton.target and (replaces or not self.target):
            self.target = skeleton.target
        if replaces:
            self.locked = skeleton.locked
        for name, value in skeleton.annotations.items():
            if replaces or name not in self.annotations:
                self.annotations[name] = kept(value)
        _put_items(self.items, record, replaces)


def _put_items(items: dict[str, Any], record: Record, replaces: bool) -> None:
    order = [name for name in record.skeleton.items if name in record.data]
    for name in dict.fromkeys([*order, *record.data]):
        if replaces or name not in items:
            items[name] = kept(record.data[name])


def _folded(record: Record, path: Path, row: int) -> Record:
    names = tuple(fold_item(path, name, row) for name in record.skeleton.items)
    data = {fold_item(path, name, row): value for name, value in record.data.items()}
    return Record(replace(record.skeleton, items=names), data)


def _unfolded(items: Mapping[str, Any], path: Path, row: int) -> dict[str, Any]:
    return {unfold_item(path, name, row): value for name, value in items.items()}


@dataclass(slots=True)
class RunLeaf:
    """The leaf of one run: its signature and kept values."""

    signature: Signature
    items: dict[str, Any]


@dataclass(slots=True)
class RunRow:
    """What is known of one run."""

    state: int = 0
    start: float = 0.0
    finish: float = 0.0
    attempt: int = 0
    nonfinite: int = 0
    session: int = 0
    host: str = ""


class StoredTrajectory:
    """One trajectory. Ordinary nodes lie in one dictionary by path, leaves of runs by template and row."""

    def __init__(self, info: TrajectoryInfo) -> None:
        self.info = info
        self.nodes: dict[Path, _Node] = {(): _Node()}
        self.leaves: dict[Path, dict[int, RunLeaf]] = {}
        self.signatures: dict[Path, list[Signature]] = {}
        self.notes: dict[int, dict[tuple[Path, NoteKind, str], Any]] = {}
        self.runs: dict[int, RunRow] = {}
        self.failures: dict[int, Failure] = {}
        self.returned: dict[int, Any] = {}
        self.plan = Plan()
        self.sessions: list[str] = []

    # -- writing ------------------------------------------------------------------------------
    def write(self, record: Record, mode: WriteMode) -> None:
        folded = fold(record.skeleton.path, len(self.plan))
        if folded is not None:
            self._write_row(*folded, record, mode)
        else:
            self._write_node(record, mode)

    def _write_node(self, record: Record, mode: WriteMode, owner: int = -1) -> None:
        path = record.skeleton.path
        node = self.nodes.get(path)
        if node is not None and mode is WriteMode.SKIP:
            return
        is_new = node is None
        if node is None:
            self._make_groups(path[:-1])
            node = self.nodes[path] = _Node(record.skeleton.kind, owner=owner)
        elif node.kind is not record.skeleton.kind:
            raise NameTakenError(
                f"cannot store {_dotted(path)!r} as {record.skeleton.kind.value}: it is stored as "
                f"{node.kind.value} already. Delete it first, or use another name"
            )
        node.update(record, mode, is_new)

    def _make_groups(self, path: Path) -> None:
        """Make the ordinary groups that lead to `path`, up to a part that stands for a run."""
        for length, part in enumerate(path, 1):
            if part in (RUN, RUN_SET):
                return
            self.nodes.setdefault(path[:length], _Node())

    def _write_row(self, path: Path, row: int, record: Record, mode: WriteMode) -> None:
        skeleton = record.skeleton
        if mode is WriteMode.SKIP and self._row_skeleton(path, row) is not None:
            return
        replaces = mode is WriteMode.OVERWRITE
        self._make_groups(path)
        if skeleton.is_leaf:
            leaf = self.leaves.get(path, {}).get(row)
            items = {} if leaf is None else dict(leaf.items)
            comment = skeleton.comment
            if leaf is not None and leaf.signature.comment and not (replaces and comment):
                comment = leaf.signature.comment
            _put_items(items, _folded(record, path, row), replaces)
            signature = Signature(path, skeleton.kind, skeleton.class_name, comment, tuple(items))
            self._put_leaf(row, signature, items)
        elif skeleton.kind is NodeKind.LINK:
            self._put_note(Note(row, path, NoteKind.LINK, "", list(skeleton.target)), replaces)
        else:
            self._put_note(Note(row, path, NoteKind.GROUP, skeleton.class_name, skeleton.comment), replaces)
        for name, value in skeleton.annotations.items():
            self._put_note(Note(row, path, NoteKind.ANNOTATION, name, value), replaces)

    def _put_leaf(self, row: int, signature: Signature, items: dict[str, Any]) -> None:
        known = self.signatures.setdefault(signature.path, [])
        if signature not in known:
            known.append(signature)
        self.leaves.setdefault(signature.path, {})[row] = RunLeaf(signature, items)

    def _put_note(self, note: Note, replaces: bool = True) -> None:
        notes = self.notes.setdefault(note.row, {})
        if note.kind is not NoteKind.ANNOTATION:  # a group has one class, a link one target
            there = [place for place in notes if place[:2] == (note.path, note.kind)]
            if there and not replaces:
                return
            for place in there:
                del notes[place]
        if replaces or (note.path, note.kind, note.key) not in notes:
            notes[note.path, note.kind, note.key] = kept(note.value)

    def append(self, batch: Batch) -> None:
        for signature, block in batch.blocks.items():
            self._make_groups(signature.path)
            for place, row in enumerate(block.rows):
                old = self.leaves.get(signature.path, {}).get(int(row))
                items = {}
                for name in signature.items:
                    if name in block.columns:
                        items[name] = kept(block.columns[name][place])
                    elif old is not None and name in old.items:  # not given anew: stays
                        items[name] = old.items[name]
                self._put_leaf(int(row), signature, items)
        if batch.returned is not None:
            for place, row in enumerate(batch.returned.rows):
                self.returned[int(row)] = kept(batch.returned.columns[""][place])
        for note in batch.notes:
            self._make_groups(note.path)
            self._put_note(note)
        for owner, record in batch.records:
            self._write_foreign(owner, record)
        if batch.runs is not None:
            self._put_states(batch.runs)
        for failure in batch.failures:
            self.failures[failure.row] = failure
            self.runs.setdefault(failure.row, RunRow()).state = int(failure.state)

    def _write_foreign(self, owner: int, record: Record) -> None:
        """Store what a run added outside the templates: of several runs the lowest wins."""
        path = record.skeleton.path
        if fold(path, len(self.plan)) is not None:
            self.write(record, WriteMode.ADD)
            return
        node = self.nodes.get(path)
        if node is None or node.kind is NodeKind.GROUP:
            self._write_node(record, WriteMode.ADD, owner)
        elif owner <= node.owner:
            del self.nodes[path]
            self._write_node(record, WriteMode.ADD, owner)

    def _put_states(self, runs: RunStates) -> None:
        for place, row in enumerate(runs.rows.tolist()):
            self.runs[row] = RunRow(
                int(runs.state[place]),
                float(runs.start[place]),
                float(runs.finish[place]),
                int(runs.attempt[place]),
                int(runs.nonfinite[place]),
                runs.session,
                runs.host,
            )

    # -- reading ------------------------------------------------------------------------------
    def read(self, path: Path, items: Iterable[str] | None) -> Record:
        skeleton, values = self._find(path)
        names = skeleton.items if items is None else tuple(items)
        for name in names:
            if name not in values:
                raise DataNotInStorageError(
                    f"{_dotted(path)!r} of trajectory {self.info.name!r} has no item {name!r}."
                    + near_names(name, values)
                )
        return Record(skeleton, {name: given(values[name]) for name in names})

    def _find(self, path: Path) -> tuple[Skeleton, Mapping[str, Any]]:
        folded = fold(path, len(self.plan))
        if folded is not None:
            in_row = self._row_skeleton(*folded)
            implied = in_row is not None and in_row.kind is NodeKind.GROUP and not in_row.class_name
            if in_row is not None and not (implied and path in self.nodes):
                leaf = self.leaves.get(folded[0], {}).get(folded[1])
                return in_row, {} if leaf is None else _unfolded(leaf.items, *folded)
        node = self.nodes.get(path)
        if node is None:
            known = (_dotted(name) for name in self._all_paths())
            raise DataNotInStorageError(
                f"nothing is stored at {_dotted(path)!r} of trajectory {self.info.name!r}."
                + near_names(_dotted(path), known)
            )
        return self._node_skeleton(path, node), node.items

    def has(self, path: Path) -> bool:
        folded = fold(path, len(self.plan))
        return path in self.nodes or (folded is not None and self._row_skeleton(*folded) is not None)

    def scan(self, below: Path, depth: int | None) -> Iterator[Skeleton]:
        self._find(below)  # raises if it is not there
        found: dict[Path, Skeleton] = {}
        folded = fold(below, len(self.plan))
        if folded is not None:
            for path in self._row_paths(folded[1]):
                skeleton = self._row_skeleton(path, folded[1])
                if skeleton is not None:
                    found[skeleton.path] = skeleton
        for path, node in self.nodes.items():
            if folded is not None or fold(path, len(self.plan)) is None:
                found.setdefault(path, self._node_skeleton(path, node))
        for path in sorted(found, key=len):
            levels = len(path) - len(below)
            if levels > 0 and path[: len(below)] == below and (depth is None or levels <= depth):
                yield found[path]

    def _all_paths(self) -> Iterator[Path]:
        yield from self.nodes
        for path, rows in self.leaves.items():
            yield from (unfold(path, row) for row in rows)

    def _row_paths(self, row: int) -> list[Path]:
        """Give the folded paths of all nodes of a run, parents first."""
        ends = [path for path, rows in self.leaves.items() if row in rows]
        ends += [place[0] for place in self.notes.get(row, {})]
        paths = {path[:length] for path in ends for length in range(path.index(RUN) + 1, len(path) + 1)}
        return sorted(paths, key=len)

    def _row_skeleton(self, path: Path, row: int) -> Skeleton | None:
        notes = {place[1:]: value for place, value in self.notes.get(row, {}).items() if place[0] == path}
        annotations = {
            key: given(value) for (kind, key), value in notes.items() if kind is NoteKind.ANNOTATION
        }
        real = unfold(path, row)
        leaf = self.leaves.get(path, {}).get(row)
        if leaf is not None:
            mine = leaf.signature
            items = tuple(_unfolded(leaf.items, path, row))
            return Skeleton(real, mine.kind, mine.class_name, mine.comment, annotations, items)
        for (kind, key), value in notes.items():
            if kind is NoteKind.LINK:
                return Skeleton(real, NodeKind.LINK, annotations=annotations, target=tuple(given(value)))
            if kind is NoteKind.GROUP:
                return Skeleton(real, NodeKind.GROUP, key, str(value), annotations)
        if RUN in path and path in self._row_paths(row):
            return Skeleton(real, NodeKind.GROUP, annotations=annotations)
        return None

    def _node_skeleton(self, path: Path, node: _Node) -> Skeleton:
        return Skeleton(
            path,
            node.kind,
            node.class_name,
            node.comment,
            {name: given(value) for name, value in node.annotations.items()},
            tuple(node.items),
            node.target,
            node.locked,
            path in self.plan.names,
        )

    # -- deleting -----------------------------------------------------------------------------
    def delete(self, path: Path, items: Iterable[str] | None) -> None:
        folded = fold(path, len(self.plan))
        if items is not None:
            self._delete_items(path, folded, tuple(items))
            return
        if RUN not in path:
            self._find(path)  # raises if it is not there

        def is_below(other: Path, top: Path) -> bool:
            return other[: len(top)] == top

        self.nodes = {other: node for other, node in self.nodes.items() if not is_below(other, path)}
        self.nodes.setdefault((), _Node())
        top, only = (path, None) if folded is None else folded
        for other in [other for other in self.leaves if is_below(other, top)]:
            rows = self.leaves[other]
            self.leaves[other] = (
                {} if only is None else {row: leaf for row, leaf in rows.items() if row != only}
            )
            if not self.leaves[other]:
                del self.leaves[other], self.signatures[other]
        for row, notes in self.notes.items():
            if only in (None, row):
                self.notes[row] = {
                    place: value for place, value in notes.items() if not is_below(place[0], top)
                }

    def _delete_items(self, path: Path, folded: tuple[Path, int] | None, names: tuple[str, ...]) -> None:
        self.read(path, names)  # raises if one is not there
        leaf = None if folded is None else self.leaves.get(folded[0], {}).get(folded[1])
        if leaf is None or folded is None:
            for name in names:
                del self.nodes[path].items[name]
            return
        gone = {fold_item(folded[0], name, folded[1]) for name in names}
        left = {name: value for name, value in leaf.items.items() if name not in gone}
        self._put_leaf(folded[1], replace(leaf.signature, items=tuple(left)), left)


def _dotted(path: Path) -> str:
    return ".".join(path)
