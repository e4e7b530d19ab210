"""Which columns are made from other columns: repeated, picked, joined?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array, Rows
from pypet_ng.spaces.held import ArrayColumn, Column, ListColumn, positions

__all__ = ["ChainColumn", "IndexedColumn", "PeriodicColumn", "chain"]

_SMALL: Final = 65536


class PeriodicColumn(Column):
    """One axis of a product: value i is ``base[(i // repeat) % len(base)]``."""

    __slots__ = ("_length", "base", "repeat")

    def __init__(self, base: Column, repeat: int, length: int) -> None:
        if not len(base) or repeat < 1 or length < 0:
            raise ValueError(f"no column of {length} values from {base!r}, each repeated {repeat} times")
        self.base: Final = base
        self.repeat: Final = repeat
        self._length = length

    def __reduce__(self) -> tuple[Any, ...]:
        return PeriodicColumn, (self.base, self.repeat, self._length)

    @property
    def value_type(self) -> type | None:
        return self.base.value_type

    def __len__(self) -> int:
        return self._length

    def places(self, rows: Rows) -> npt.NDArray[np.int64]:
        """Give for each of `rows` which value of the base it has."""
        period = len(self.base)
        if isinstance(rows, slice):
            start, stop, step = rows.indices(self._length)
            if step == 1 and start < stop:  # no division per row
                first, last = start // self.repeat, (stop - 1) // self.repeat
                steps = np.arange(first, last + 1, dtype=np.int64) % period
                repeated = steps if self.repeat == 1 else np.repeat(steps, self.repeat)
                offset = start - first * self.repeat
                return repeated[offset : offset + stop - start]
        return positions(rows, self._length) // self.repeat % period

    def take(self, rows: Rows = slice(None)) -> list[Any]:
        return self.base.take(self.places(rows))

    def array(self, rows: Rows = slice(None)) -> Array | None:
        numbers = self.base.array()
        return None if numbers is None else numbers[self.places(rows)]

    def select(self, rows: Rows) -> Column:
        if isinstance(rows, slice):
            start, stop, step = rows.indices(self._length)
            if step == 1 and start % (self.repeat * len(self.base)) == 0:
                return PeriodicColumn(self.base, self.repeat, max(0, stop - start))
        return IndexedColumn(self.base, self.places(rows))

    def retyped(self, value_type: type) -> Column:
        base = self.base.retyped(value_type)
        return self if base is self.base else PeriodicColumn(base, self.repeat, self._length)

    def same_start(self, other: Sequence[Any] | Array, same: Any) -> bool:
        if isinstance(other, PeriodicColumn) and other.repeat == self.repeat:
            length = len(other)
            if length > self._length:
                return False
            steps = -(-length // self.repeat)
            mine, theirs = len(self.base), len(other.base)
            if mine == theirs or steps <= min(mine, theirs):
                used = min(steps, theirs)
                return self.base[:used].same_start(other.base[:used], same)
        return Column.same_start(self, other, same)


class IndexedColumn(Column):
    """Few values and which of them each run has: value i is ``base[index[i]]``."""

    __slots__ = ("base", "index_array")

    def __init__(self, base: Column, index: npt.NDArray[np.int64]) -> None:
        """Take over an int64 array of shape (run,) with places in `base`; IndexError if one is not."""
        self.base: Final = base
        self.index_array: Final = positions(index, len(base))
        self.index_array.flags.writeable = False

    def __reduce__(self) -> tuple[Any, ...]:
        return IndexedColumn, (self.base, np.array(self.index_array))

    @property
    def value_type(self) -> type | None:
        return self.base.value_type

    def __len__(self) -> int:
        return len(self.index_array)

    def take(self, rows: Rows = slice(None)) -> list[Any]:
        return self.base.take(self.index_array[rows])

    def array(self, rows: Rows = slice(None)) -> Array | None:
        numbers = self.base.array()
        return None if numbers is None else numbers[self.index_array[rows]]

    def select(self, rows: Rows) -> Column:
        return IndexedColumn(self.base, self.index_array[rows])

    def retyped(self, value_type: type) -> Column:
        base = self.base.retyped(value_type)
        return self if base is self.base else IndexedColumn(base, self.index_array)

    def merged(self, other: Column) -> Column | None:
        if not isinstance(other, IndexedColumn) or other.base is not self.base:
            return None
        return IndexedColumn(self.base, np.concatenate([self.index_array, other.index_array]))

    def same_start(self, other: Sequence[Any] | Array, same: Any) -> bool:
        if isinstance(other, IndexedColumn) and len(other.base) == len(self.base):
            length = len(other)
            if length > len(self):
                return False
            if np.array_equal(self.index_array[:length], other.index_array) and (
                other.base is self.base or self.base.same_start(other.base, same)
            ):
                return True
        return Column.same_start(self, other, same)


class ChainColumn(Column):
    """Columns one behind the other. No two neighbours are such that they could be one."""

    __slots__ = ("_starts", "parts")

    def __init__(self, parts: Iterable[Column]) -> None:
        self.parts: Final = _joined(parts)
        self._starts = np.cumsum([0, *map(len, self.parts)], dtype=np.int64)

    def __reduce__(self) -> tuple[Any, ...]:
        return ChainColumn, (self.parts,)

    @property
    def value_type(self) -> type | None:
        types = {part.value_type for part in self.parts}
        return types.pop() if len(types) == 1 else None

    def __len__(self) -> int:
        return int(self._starts[-1])

    def _cut(self, rows: slice) -> list[tuple[Column, slice]]:
        """Give the parts with their rows for a slice of step 1."""
        start, stop, _ = rows.indices(len(self))
        if start >= stop:
            return []
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        last = int(np.searchsorted(self._starts, stop, side="left"))
        cut = []
        for part, begin in zip(self.parts[first:last], self._starts[first:last].tolist(), strict=True):
            cut.append((part, slice(max(0, start - begin), min(len(part), stop - begin))))
        return cut

    def take(self, rows: Rows = slice(None)) -> list[Any]:
        if isinstance(rows, slice) and rows.step in (None, 1):
            taken: list[Any] = []
            for part, here in self._cut(rows):
                taken += part.take(here)
            return taken
        places = positions(rows, len(self))
        values = np.empty(len(places), dtype=object)
        which = np.searchsorted(self._starts, places, side="right") - 1
        for number in np.unique(which).tolist():
            chosen = np.flatnonzero(which == number)
            found = self.parts[number].take(places[chosen] - self._starts[number])
            for place, value in zip(chosen.tolist(), found, strict=True):
                values[place] = value  # one by one: numpy would take a list of arrays apart
        return list(values)

    def array(self, rows: Rows = slice(None)) -> Array | None:
        if self.value_type is None:
            return None
        if isinstance(rows, slice) and rows.step in (None, 1):
            arrays = [part.array(here) for part, here in self._cut(rows)]
        else:
            arrays = [part.array() for part in self.parts]
        numbers = [array for array in arrays if array is not None]
        if len(numbers) < len(arrays) or len({array.dtype for array in numbers}) != 1:
            return None
        joined = numbers[0] if len(numbers) == 1 else np.concatenate(numbers)
        if isinstance(rows, slice) and rows.step in (None, 1):
            return joined
        return joined[rows]

    def select(self, rows: Rows) -> Column:
        if isinstance(rows, slice) and rows.step in (None, 1):
            return chain(part[here] for part, here in self._cut(rows))
        numbers = self.array(rows)
        if numbers is not None and self.value_type is not None:
            return ArrayColumn(numbers, self.value_type)
        # Empty if no row is wanted; a ListColumn holds references only.
        return ListColumn(self.take(rows))

    def retyped(self, value_type: type) -> Column:
        parts = [part.retyped(value_type) for part in self.parts]
        if all(new is old for new, old in zip(parts, self.parts, strict=True)):
            return self
        return chain(parts)


def chain(columns: Iterable[Column]) -> Column:
    """Give one column with the values of several, one behind the other."""
    parts = _joined(columns)
    if not parts:
        return ListColumn([])
    return parts[0] if len(parts) == 1 else ChainColumn(parts)


def _joined(columns: Iterable[Column]) -> tuple[Column, ...]:
    parts: list[Column] = []
    for column in columns:
        for part in column.parts if isinstance(column, ChainColumn) else (column,):
            if not len(part):
                continue
            merged = _merged(parts[-1], part) if parts else None
            if merged is None:
                parts.append(part)
            else:
                parts[-1] = merged
    return tuple(parts)


def _merged(left: Column, right: Column) -> Column | None:
    merged = left.merged(right)
    # Many small grids one behind the other are better one array than as many small columns.
    if merged is None and len(right) <= _SMALL and left.value_type is right.value_type is not None:
        plain_left = left if isinstance(left, ArrayColumn) else _plain(left)
        plain_right = _plain(right)
        if plain_left is not None and plain_right is not None:
            merged = plain_left.merged(plain_right)
    return merged


def _plain(column: Column) -> Column | None:
    numbers = column.array() if len(column) <= _SMALL else None
    if numbers is None or column.value_type is None:
        return None
    return ArrayColumn(numbers, column.value_type)
