"""How are the explored points kept?

With each explored parameter, in its group ``_explored``: parts ``part_0``, ``part_1``, ... one behind the
other. A part holds values (array, list, opaque), or repeats or picks those of a ``base``, itself parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from h5py import h5g

from pypet_ng import encoding
from pypet_ng._typing import Path
from pypet_ng.errors import BrokenFileError, DataNotInStorageError
from pypet_ng.spaces.columns import (
    ArrayColumn,
    ChainColumn,
    Column,
    DeferredArray,
    IndexedColumn,
    ListColumn,
    OpaqueColumn,
    PeriodicColumn,
    chain,
)
from pypet_ng.spaces.plan import Plan
from pypet_ng.storage.hdf5 import attributes
from pypet_ng.storage.hdf5.attributes import Id
from pypet_ng.storage.hdf5.elements import remove
from pypet_ng.storage.hdf5.itemcolumn import ItemColumn
from pypet_ng.storage.hdf5.leaves import open_path
from pypet_ng.storage.hdf5.rows import RowSet
from pypet_ng.storage.hdf5.trust import check_rows, expect_texts, open_group
from pypet_ng.storage.hdf5.vectors import Vector, chunk_of_rows, exists

__all__ = ["PlanStore"]

_EXPLORED: Final = b"_explored"
_VALUES: Final = b"values"
_BASE: Final = b"base"
_INDEX: Final = b"index"
_LONG: Final = 20_000
"""Points from which on a plain column of numbers is read when it is wanted."""
_SMALL: Final = 4096
"""Up to so many appended points are kept as values: a part of their own costs 2 KiB."""
_INT: Final = np.dtype("<i8")
_DEEPEST: Final = 16
_PYTHON: Final = (bool, int, float, complex)


def _part(number: int) -> bytes:
    return b"part_%d" % number


class PlanStore:
    """The plan of an open trajectory."""

    def __init__(self, group: Id, overview: Id, compress: str | None) -> None:
        self._group = group
        self._overview = overview
        self._compress = compress

    @property
    def names(self) -> tuple[Path, ...]:
        """Paths of the explored parameters."""
        listed = attributes.get_json(self._overview, b"explored", [])
        return tuple(expect_texts(path, "the list of explored parameters") for path in listed)

    @property
    def length(self) -> int:
        """Number of runs."""
        return check_rows(self._overview, attributes.get_int(self._overview, b"runs", 1))

    def _set(self, names: Sequence[Path], length: int) -> None:
        if tuple(names) != self.names:
            attributes.set_json(self._overview, b"explored", list(names))
        if length != self.length:
            attributes.set_int(self._overview, b"runs", length)

    def forget(self, top: Path) -> None:
        """Drop explored parameters at and below a path that is deleted."""
        left = [path for path in self.names if path[: len(top)] != top]
        if len(left) != len(self.names):
            attributes.set_json(self._overview, b"explored", left)

    # -- writing ------------------------------------------------------------------------------
    def replace(self, plan: Plan) -> None:
        """Store a plan in place of what is there."""
        places = {path: self._parameter(path) for path in plan.names}
        for path in self.names:
            place = open_path(self._group, path)
            if place is not None:
                remove(place, _EXPLORED)
        for path, place in places.items():
            remove(place, _EXPLORED)
            self._write(h5g.create(place, _EXPLORED), plan.column(path), len(plan))
        self._set(plan.names, len(plan))

    def append(self, plan: Plan, stored: int) -> None:
        """Store the points of `plan` from number `stored` on behind those that are there."""
        for path in plan.names:
            place = self._parameter(path)
            self._append(open_group(place, _EXPLORED), plan.column(path)[stored:], len(plan))
        self._set(plan.names, len(plan))

    def _parameter(self, path: Path) -> Id:
        place = open_path(self._group, path)
        if place is None:
            raise DataNotInStorageError(
                f"cannot store or read the explored values of {'.'.join(path)!r}: the parameter is not "
                "stored. Write its node before the plan"
            )
        return place

    def _write(self, group: Id, column: Column, planned: int) -> None:
        for number, part in enumerate(column.parts if isinstance(column, ChainColumn) else (column,)):
            self._write_part(group, number, part, planned)

    def _write_part(self, group: Id, number: int, column: Column, planned: int) -> None:
        place = h5g.create(group, _part(number))
        if isinstance(column, PeriodicColumn):
            structure = "periodic"
            attributes.set_int(place, b"repeat", column.repeat)
            attributes.set_int(place, b"length", len(column))
            self._write(h5g.create(place, _BASE), column.base, len(column.base))
        elif isinstance(column, IndexedColumn):
            structure = "indexed"
            chunk = chunk_of_rows((), 8, planned, 1)
            index = Vector.create(place, _INDEX, _INT, chunk=chunk, compress=self._compress)
            index.append(column.index_array)
            self._write(h5g.create(place, _BASE), column.base, len(column.base))
        else:
            structure = _structure(column)
            values = ItemColumn.create(place, _VALUES, planned, self._compress)
            self._write_values(values, column, planned)
        attributes.set_text(place, b"structure", structure, new=True)

    @staticmethod
    def _write_values(values: ItemColumn, column: Column, planned: int) -> None:
        start = values.length
        rows = RowSet(start, start + len(column))
        numbers = column.array() if isinstance(column, ArrayColumn) else None
        if numbers is not None and column.value_type not in _PYTHON:
            values.write(rows, np.ascontiguousarray(numbers), 0)
        else:
            values.write(rows, column.take(), 0)

    def _append(self, group: Id, tail: Column, planned: int) -> None:
        for column in tail.parts if isinstance(tail, ChainColumn) else (tail,):
            count = _parts(group)
            last = open_group(group, _part(count - 1)) if count else None
            plain = _plain(column)
            if last is not None and plain is not None:
                structure = attributes.get_text(last, b"structure")
                values = ItemColumn.open(last, _VALUES, self._compress)
                if values is not None and structure == _structure(plain):
                    self._write_values(values, plain, planned)
                    continue
            self._write_part(group, count, plain or column, planned)

    # -- reading ------------------------------------------------------------------------------
    def read(self, later: Callable[[Path], Column] | None = None) -> Plan:
        """Give the stored plan.

        With `later`, which reads the column of a parameter when it is wanted, long plain columns of
        numbers are not read now.
        """
        length = self.length
        columns = {}
        for path in self.names:
            place = self._parameter(path)
            if not exists(place, _EXPLORED):
                raise BrokenFileError(
                    f"the explored values of {'.'.join(path)!r} are missing: restore a copy"
                )
            explored = open_group(place, _EXPLORED)
            column: Column | None = None
            if later is not None and length >= _LONG:
                column = _deferred(explored, length, partial(later, path))
            if column is None:
                column = self._read(explored)
            if len(column) != length:
                raise BrokenFileError(
                    f"{'.'.join(path)!r} has {len(column)} explored values for {length} runs: restore a copy"
                )
            columns[path] = column
        return Plan(columns)

    def column(self, path: Path) -> Column:
        """Give the stored values of one parameter."""
        return self._read(open_group(self._parameter(path), _EXPLORED))

    def _read(self, group: Id, depth: int = 0) -> Column:
        count = _parts(group)
        if depth > _DEEPEST or not count:
            raise BrokenFileError("the values of an explored parameter are not whole: restore a copy")
        return chain(self._read_part(open_group(group, _part(number)), depth) for number in range(count))

    def _read_part(self, place: Id, depth: int) -> Column:
        structure = attributes.get_text(place, b"structure")
        if structure == "periodic":
            base = self._read(open_group(place, _BASE), depth + 1)
            repeat = attributes.get_int(place, b"repeat")
            length = check_rows(place, attributes.get_int(place, b"length"))
            if repeat < 1 or not len(base):
                raise BrokenFileError("an explored parameter repeats nothing: restore a copy")
            return PeriodicColumn(base, repeat, length)
        if structure == "indexed":
            index = Vector.open(place, _INDEX, _INT)
            if index is None:
                raise BrokenFileError("the index of an explored parameter is missing: restore a copy")
            base = self._read(open_group(place, _BASE), depth + 1)
            picks = index.read_range(0, index.length)
            if picks.size and not 0 <= int(picks.min()) <= int(picks.max()) < len(base):
                raise BrokenFileError("an explored parameter picks values it does not have: restore a copy")
            return IndexedColumn(base, picks)
        values = ItemColumn.open(place, _VALUES)
        if values is None:
            raise BrokenFileError("the values of an explored parameter are missing: restore a copy")
        rows = RowSet(0, values.length)
        if structure == "opaque":
            return OpaqueColumn(values.values(rows))
        if structure == "array":
            found = _read_array(values, rows)
            if found is not None:
                return found
        return ListColumn(values.values(rows))

    def problems(self) -> list[str]:
        """List what is wrong with the plan."""
        try:
            self.read()
        except (OSError, ValueError, KeyError) as error:
            return [f"plan: {error}"]
        return []


def _parts(group: Id) -> int:
    return int(group.get_num_objs())


def _structure(column: Column) -> str:
    if isinstance(column, OpaqueColumn):
        return "opaque"
    return "array" if isinstance(column, ArrayColumn) else "list"


def _plain(column: Column) -> Column | None:
    """Give a short or plain column as one of values, None if it is better kept as it is."""
    if isinstance(column, ArrayColumn | ListColumn | OpaqueColumn):
        return column
    if len(column) > _SMALL:
        return None
    numbers, kind = column.array(), column.value_type
    if numbers is not None and kind is not None:
        return ArrayColumn(numbers, kind)
    return ListColumn(column.take())


def _deferred(group: Id, length: int, read: Callable[[], Any]) -> Column | None:
    """Give a column that is read later, None if it is not one array of numbers."""
    if _parts(group) != 1:
        return None
    part = open_group(group, _part(0))
    if attributes.get_text(part, b"structure") != "array":
        return None
    values = ItemColumn.open(part, _VALUES)
    if values is None or values.length != length:
        return None
    first = _read_array(values, RowSet(0, 1))
    if first is None or first.value_type is None or len(values.variants()) != 1:
        return None
    return DeferredArray(length, first.value_type, read)


def _read_array(values: ItemColumn, rows: RowSet) -> Column | None:
    """Give numbers of one type without an object for each, None if they are not such."""
    if not rows.size or len(values.variants()) != 1 or not (values.kinds(rows) == 1).all():
        return None
    variant = values.variant(1)
    if encoding.number_type(variant.layout) is None or variant.layout.parts[0].axis is not None:
        return None
    first: Any = encoding.decode_column(variant.read(RowSet(0, 1), np.zeros(1, np.int64)))[0]
    return ArrayColumn(variant.read_raw(rows), type(first))
