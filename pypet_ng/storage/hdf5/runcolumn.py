"""How is one item of a folded result read over all runs, only where asked?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import numpy.typing as npt

from pypet_ng import encoding
from pypet_ng._typing import Array, Rows
from pypet_ng.storage.hdf5.itemcolumn import APART, ItemColumn
from pypet_ng.storage.hdf5.rows import RowSet, present, resolve

__all__ = ["HDF5RunColumn"]


class HDF5RunColumn:
    """One item over all runs. Opens the file for each call and keeps nothing."""

    def __init__(
        self,
        opened: Callable[[], AbstractContextManager[ItemColumn]],
        length: Callable[[], int],
        reading: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._opened = opened
        self._reading = reading
        self._length = length

    def __len__(self) -> int:
        return self._length()

    def __repr__(self) -> str:
        return f"<HDF5RunColumn of {len(self)} runs>"

    def at_once(self) -> AbstractContextManager[None]:
        return self._reading()

    @property
    def dtype(self) -> np.dtype[Any] | None:
        rows = RowSet(0, len(self))
        with self._opened() as column:
            common = _common(column, column.kinds(rows))
        return None if common is None else common[0]

    def mask(self, rows: Rows = slice(None)) -> npt.NDArray[np.bool_]:
        chosen, places = resolve(rows, len(self))
        with self._opened() as column:
            unset: npt.NDArray[np.bool_] = column.kinds(chosen) == 0
        return unset if places is None else unset[places]

    def values(self, rows: Rows = slice(None)) -> list[Any]:
        chosen, places = resolve(rows, len(self))
        with self._opened() as column:
            if places is None:
                return column.values(chosen)
            if chosen.size == len(places):
                values = column.values(chosen)
                return [values[place] for place in places.tolist()]
            # A row asked for twice is decoded twice: nobody shares an array with somebody else.
            values = column.values(chosen)
            taken: set[int] = set()
            result = []
            for place in places.tolist():
                if place in taken:
                    row = int(chosen.array[place])
                    result.append(column.values(RowSet(row, row + 1))[0])
                else:
                    taken.add(place)
                    result.append(values[place])
            return result

    def array(self, rows: Rows = slice(None)) -> Array | None:
        length = len(self)
        chosen, places = resolve(rows, length)
        with self._opened() as column:
            every = column.kinds(RowSet(0, length))
            common = _common(column, every)
            if common is None:
                return None
            dtype, shape = common
            kinds = every[chosen.start : chosen.stop] if chosen.dense else every[chosen.array]
            found = present(kinds)
            if len(found) == 1 and 0 < found[0] < APART:
                result = _numbers(column, found[0], chosen, shape).astype(dtype, copy=False)
            else:
                result = np.full((chosen.size, *shape), np.nan if dtype.kind in "fc" else 0, dtype)
                for kind in found:
                    where = np.flatnonzero(kinds == kind)
                    if kind == APART:
                        for place in where.tolist():
                            result[place] = column.read_apart(int(chosen.array[place]))
                    elif kind:
                        result[where] = _numbers(column, kind, chosen.take(where), shape)
        return result if places is None else result[places]


def _numbers(column: ItemColumn, kind: int, rows: RowSet, shape: tuple[int, ...]) -> Array:
    """Give the numbers of one variant, shape (rows.size, ...)."""
    variant = column.variant(kind)
    if variant.lengths is not None:
        raw = variant.read_raw(rows)
    else:
        raw = next(iter(variant.read(rows, rows.array).data.values()))
    dtype = encoding.number_type(variant.layout)
    return raw.reshape((rows.size, *shape)).astype(dtype, copy=False)


def _common(column: ItemColumn, kinds: npt.NDArray[np.uint8]) -> tuple[np.dtype[Any], tuple[int, ...]] | None:
    """Give the type all set values promote to and the shape they share, None if there is none."""
    dtypes: set[np.dtype[Any]] = set()
    shapes: set[tuple[int, ...]] = set()
    found = present(kinds)
    for kind in found:
        if kind in (0, APART):
            continue
        variant = column.variant(kind)
        dtype = encoding.number_type(variant.layout)
        if dtype is None or len(variant.layout.parts) != 1:
            return None
        part = variant.layout.parts[0]
        if part.axis is None:
            shapes.add(part.tail)
        elif variant.lengths is not None:
            shapes.add((variant.lengths[part.axis], *part.tail))
        else:
            rows = RowSet.of(np.flatnonzero(kinds == kind))
            stack = variant.read(rows, rows.array)
            shapes.update((int(length), *part.tail) for length in np.unique(stack.lengths[part.axis]))
        dtypes.add(dtype)
        if len(shapes) > 1:
            return None
    for row in np.flatnonzero(kinds == APART).tolist() if APART in found else ():
        (stack,) = encoding.encode_column([column.read_apart(row)])
        dtype = encoding.number_type(stack.layout)
        if dtype is None or len(stack.layout.parts) != 1:
            return None
        part = stack.layout.parts[0]
        head = () if part.axis is None else (int(stack.lengths[part.axis][0]),)
        shapes.add((*head, *part.tail))
        dtypes.add(dtype)
    if len(shapes) != 1:
        return None
    return np.result_type(*dtypes), shapes.pop()
