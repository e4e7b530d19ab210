"""What does one run look like as nodes, when its leaves lie in columns?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from pypet_ng._typing import Path
from pypet_ng.storage.hdf5.leaves import Leaves
from pypet_ng.storage.hdf5.notes import Notes
from pypet_ng.tree.records import Block, NodeKind, Note, NoteKind, Record, Signature, Skeleton, WriteMode
from pypet_ng.tree.runnames import RUN, fold_item, unfold, unfold_item

__all__ = ["RunRows"]

_Blocks: TypeAlias = dict[tuple[Signature, int], Block]
"""Data by signature; of one run alone, or (-1) of all runs whose leaves are new."""


class RunRows:
    """The nodes of single runs of an open trajectory, by folded path and row."""

    def __init__(self, leaves: Leaves, notes: Notes) -> None:
        self._leaves = leaves
        self._notes = notes

    # -- reading ------------------------------------------------------------------------------
    def signature(self, path: Path, row: int) -> Signature | None:
        """Give the signature of a leaf, None if that run has no such leaf."""
        return self._leaves.signature(path, row)

    def values(self, path: Path, row: int, items: Sequence[str]) -> dict[str, Any]:
        """Give values of a leaf that is there."""
        signature = self._leaves.signature(path, row)
        if signature is None:
            return {}
        if path[-1] != RUN:
            return self._leaves.values(signature, row, items)
        folded = [fold_item(path, item, row) for item in items]
        values = self._leaves.values(signature, row, folded)
        return {item: values[name] for item, name in zip(items, folded, strict=True) if name in values}

    def skeleton(self, path: Path, row: int) -> Skeleton | None:
        """Give a node of a run, None if there is none."""
        notes = self._notes.read(row, path)
        signature = self._leaves.signature(path, row)
        here = [note for note in notes if note.path == path]
        if signature is None and not here and not notes and not self._has_below(path, row):
            return None
        return _skeleton(path, row, signature, here)

    def _has_below(self, path: Path, row: int) -> bool:
        return RUN in path and any(
            other[: len(path)] == path and self._leaves.signature(other, row) is not None
            for other in self._leaves.signatures()
        )

    def below(self, top: Path, row: int) -> list[Skeleton]:
        """Give the nodes of a run below a folded path, parents first."""
        notes: dict[Path, list[Note]] = {}
        for note in self._notes.read(row, top):
            notes.setdefault(note.path, []).append(note)
        found: dict[Path, Signature | None] = dict.fromkeys(notes)
        for path in self._leaves.signatures():
            if path[: len(top)] == top:
                signature = self._leaves.signature(path, row)
                if signature is not None:
                    found[path] = signature
        paths: dict[Path, None] = {}
        for path in found:
            first = path.index(RUN) + 1 if RUN in path else len(path)
            paths.update((path[:length], None) for length in range(first, len(path) + 1))
        return [
            _skeleton(path, row, found.get(path), notes.get(path, []))
            for path in sorted(paths, key=len)
            if len(path) > len(top)
        ]

    # -- writing ------------------------------------------------------------------------------
    def write(self, records: Iterable[tuple[Path, int, Record]], mode: WriteMode) -> None:
        """Store nodes of runs; see :meth:`StorageService.write`."""
        replaces = mode is WriteMode.OVERWRITE
        blocks: _Blocks = {}
        pending: set[tuple[Path, int]] = set()
        notes: list[Note] = []
        known: dict[int, set[tuple[Path, NoteKind, str]]] = {}
        for path, row, record in records:
            node = record.skeleton
            if (path, row) in pending:
                self._flush(blocks, pending)
            there = self._leaves.signature(path, row)
            if mode is WriteMode.SKIP and (there is not None or self.skeleton(path, row) is not None):
                continue
            mine: list[Note] = []
            if node.is_leaf:
                self._add_leaf(blocks, path, row, record, there, replaces)
                pending.add((path, row))
            elif node.kind is NodeKind.LINK:
                mine.append(Note(row, path, NoteKind.LINK, "", list(node.target)))
            else:
                mine.append(Note(row, path, NoteKind.GROUP, node.class_name, node.comment))
            mine += [
                Note(row, path, NoteKind.ANNOTATION, key, value) for key, value in node.annotations.items()
            ]
            if mine and not replaces:
                if row not in known:
                    known[row] = set(map(_place, self._notes.read(row)))
                mine = [note for note in mine if _place(note) not in known[row]]
                known[row].update(map(_place, mine))
            notes += mine
        self._flush(blocks, pending)
        self._notes.append(notes)

    @staticmethod
    def _add_leaf(
        blocks: _Blocks, path: Path, row: int, record: Record, there: Signature | None, replaces: bool
    ) -> None:
        node, data = record.skeleton, record.data
        if path[-1] == RUN:
            data = {fold_item(path, item, row): value for item, value in data.items()}
            node = replace(node, items=tuple(fold_item(path, item, row) for item in node.items))
        names = list(dict.fromkeys([*(name for name in node.items if name in data), *data]))
        comment, items = node.comment, tuple(names)
        if there is not None:
            if there.comment and not (replaces and comment):
                comment = there.comment
            items = tuple(dict.fromkeys([*there.items, *names]))
            if not replaces:
                names = [name for name in names if name not in there.items]
        signature = Signature(path, node.kind, node.class_name, comment, items)
        if there is not None or len(names) != len(items):
            # Alone: other runs of this signature may give other items anew.
            block = Block([row], {name: [data[name]] for name in names})
            blocks[signature, row] = block
            return
        shared = blocks.setdefault((signature, -1), Block([], {name: [] for name in names}))
        rows = shared.rows
        if isinstance(rows, list):
            rows.append(row)
        for name in names:
            column = shared.columns[name]
            if isinstance(column, list):
                column.append(data[name])

    def _flush(self, blocks: _Blocks, pending: set[tuple[Path, int]]) -> None:
        for (signature, _), block in blocks.items():
            self._leaves.write(signature, block.rows, block.columns)
        blocks.clear()
        pending.clear()

    def delete(self, top: Path, row: int) -> None:
        """Delete the nodes of a run at and below a folded path."""
        for path in [path for path in self._leaves.signatures() if path[: len(top)] == top]:
            self._leaves.clear(path, row)
        self._notes.delete(top, row)

    def delete_items(self, signature: Signature, row: int, names: Iterable[str]) -> None:
        """Delete items of a leaf of a run."""
        gone = {fold_item(signature.path, name, row) for name in names}
        left = tuple(name for name in signature.items if name not in gone)
        changed = Signature(signature.path, signature.kind, signature.class_name, signature.comment, left)
        self._leaves.write(changed, [row], {})


def _place(note: Note) -> tuple[Path, NoteKind, str]:
    return note.path, note.kind, note.key if note.kind is NoteKind.ANNOTATION else ""


def _skeleton(path: Path, row: int, signature: Signature | None, notes: Sequence[Note]) -> Skeleton:
    real = unfold(path, row)
    annotations = {note.key: note.value for note in notes if note.kind is NoteKind.ANNOTATION}
    if signature is not None:
        items = tuple(unfold_item(path, item, row) for item in signature.items)
        return Skeleton(real, signature.kind, signature.class_name, signature.comment, annotations, items)
    for note in notes:
        if note.kind is NoteKind.LINK:
            return Skeleton(real, NodeKind.LINK, annotations=annotations, target=tuple(note.value))
    for note in notes:
        if note.kind is NoteKind.GROUP:
            return Skeleton(real, NodeKind.GROUP, note.key, str(note.value), annotations)
    return Skeleton(real, NodeKind.GROUP, annotations=annotations)
