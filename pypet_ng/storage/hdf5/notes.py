"""How are rare facts on the nodes of single runs kept?

One row for each in ``overview/notes``: the run (-1: deleted), a number that stands for path, kind and
key, and a value in a column as those of results. Of two rows that say the same thing the later counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from h5py import h5g

from pypet_ng._typing import Path
from pypet_ng.storage.hdf5.attributes import Id
from pypet_ng.storage.hdf5.itemcolumn import ItemColumn
from pypet_ng.storage.hdf5.rows import RowSet
from pypet_ng.storage.hdf5.trust import expect, expect_texts, open_group
from pypet_ng.storage.hdf5.vectors import Lines, Vector, chunk_of_rows, exists
from pypet_ng.tree.records import Note, NoteKind

__all__ = ["Notes"]

_ROW: Final = np.dtype("<i8")
_PLACE: Final = np.dtype("<u4")
Place = tuple[Path, NoteKind, str]


class Notes:
    """The notes of an open trajectory."""

    def __init__(self, overview: Id, compress: str | None) -> None:
        self._overview = overview
        self._compress = compress
        self._group: Id | None = open_group(overview, b"notes") if exists(overview, b"notes") else None
        self._places: list[Place] | None = None
        self._columns: tuple[Vector, Vector, ItemColumn] | None = None
        self._numbers: dict[Place, int] = {}

    def _known(self) -> list[Place]:
        if self._places is None:
            read = [] if self._group is None else Lines(self._group, b"places").read()
            self._places = [
                (
                    expect_texts(path, "the path of a note"),
                    NoteKind(kind),
                    expect(key, str, "the key of a note"),
                )
                for path, kind, key in read
            ]
            self._numbers = {place: number for number, place in enumerate(self._places)}
        return self._places

    def _open(self, make: bool) -> tuple[Vector, Vector, ItemColumn] | None:
        if self._columns is None:
            if self._group is None:
                if not make:
                    return None
                group = self._group = h5g.create(self._overview, b"notes")
                for name, dtype in ((b"row", _ROW), (b"place", _PLACE)):
                    chunk = chunk_of_rows((), dtype.itemsize, 1, 1)
                    Vector.create(group, name, dtype, chunk=chunk, compress=self._compress)
                ItemColumn.create(group, b"value", 1, self._compress)
            rows, places = Vector.open(self._group, b"row", _ROW), Vector.open(self._group, b"place", _PLACE)
            values = ItemColumn.open(self._group, b"value", self._compress)
            if rows is None or places is None or values is None:
                return None
            self._columns = rows, places, values
        return self._columns

    def append(self, notes: Sequence[Note]) -> None:
        """Add notes; they replace those of the same row, path, kind and key."""
        columns = self._open(True) if notes else None
        if columns is None:
            return
        known = self._known()
        new = []
        numbers = []
        for note in notes:
            place = (note.path, note.kind, note.key)
            number = self._numbers.get(place)
            if number is None:
                number = self._numbers[place] = len(known)
                known.append(place)
                new.append(place)
            numbers.append(number)
        Lines(self._group, b"places").append([path, int(kind), key] for path, kind, key in new)
        rows, places, values = columns
        start = rows.append(np.array([note.row for note in notes], _ROW))
        places.append(np.array(numbers, _PLACE))
        values.write(RowSet(start, start + len(notes)), [note.value for note in notes], 0)

    def _current(self, row: int | None) -> dict[tuple[int, Path, NoteKind, str], int]:
        """Give the valid notes (of one run) with their numbers. A group has one class, a link one target."""
        columns = self._open(False)
        if columns is None:
            return {}
        rows, places, _ = columns
        all_rows = rows.read_range(0, rows.length)
        numbers = np.flatnonzero(all_rows >= 0 if row is None else all_rows == row)
        if not numbers.size:
            return {}
        found = places.read_range(0, places.length)[numbers].tolist()
        known = self._known()
        last: dict[tuple[int, Path, NoteKind, str], int] = {}
        for number, run, place in zip(numbers.tolist(), all_rows[numbers].tolist(), found, strict=True):
            path, kind, key = known[place]
            last[run, path, kind, key if kind is NoteKind.ANNOTATION else ""] = number
        return last

    def read(self, row: int | None = None, below: Path = ()) -> list[Note]:
        """Give the notes of all runs or of one, at or below a folded path, by run."""
        current = self._current(row)
        wanted = sorted(
            ((run, number) for (run, path, _, _), number in current.items() if path[: len(below)] == below)
        )
        columns = self._open(False)
        if not wanted or columns is None:
            return []
        _, places, values = columns
        numbers = np.array([number for _, number in wanted], np.int64)
        order = np.argsort(numbers)
        found: list[Any] = [None] * len(wanted)
        read = values.values(RowSet.of(numbers[order]))
        for position, value in zip(order.tolist(), read, strict=True):
            found[position] = value
        which: npt.NDArray[np.uint32] = places.read_range(0, places.length)[numbers]
        known = self._known()
        return [
            Note(run, known[place][0], known[place][1], known[place][2], _checked(known[place][1], value))
            for (run, _), place, value in zip(wanted, which.tolist(), found, strict=True)
        ]

    def paths(self, row: int) -> set[Path]:
        """Give the folded paths on which there are notes for one run."""
        return {path for _, path, _, _ in self._current(row)}

    def delete(self, below: Path, row: int | None) -> None:
        """Delete the notes at and below a folded path, of all runs or of one."""
        columns = self._open(False)
        if columns is None:
            return
        rows, places, _ = columns
        known = self._known()
        gone = [number for number, place in enumerate(known) if place[0][: len(below)] == below]
        all_rows = rows.read_range(0, rows.length)
        hit = np.isin(places.read_range(0, places.length), gone) & (all_rows >= 0)
        if row is not None:
            hit &= all_rows == row
        numbers = np.flatnonzero(hit)
        if numbers.size:
            rows.fill(RowSet.of(numbers), -1)

    def problems(self) -> list[str]:
        """List what is wrong with the notes."""
        columns = self._open(False)
        if columns is None:
            return []
        rows, places, values = columns
        found = []
        if not rows.length == places.length <= values.length:
            found.append(f"notes: {rows.length} runs, {places.length} places, {values.length} values")
        numbers = places.read_range(0, places.length)
        if numbers.size and int(numbers.max()) >= len(self._known()):
            found.append(f"notes: a note has the place {int(numbers.max())} of {len(self._known())}")
        return found + [f"notes: {text}" for text in values.problems()]


def _checked(kind: NoteKind, value: Any) -> Any:
    if kind is NoteKind.LINK:
        expect_texts(value, "the target of a link")
    elif kind is NoteKind.GROUP:
        expect(value, str, "the comment of a group")
    return value
