"""Which rows of a column are meant, and how are they best visited?"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array, Rows

__all__ = ["RowSet", "present", "resolve", "stretches"]


class RowSet:
    """Distinct rows in ascending order, made once for all columns of a block."""

    __slots__ = ("_array", "dense", "size", "start", "stop")

    def __init__(self, start: int, stop: int, array: npt.NDArray[np.int64] | None = None) -> None:
        self.start: Final = start
        self.stop: Final = stop
        self.size: Final = stop - start if array is None else len(array)
        self.dense: Final = self.size == stop - start
        self._array = None if self.dense else array

    @classmethod
    def of(cls, rows: npt.NDArray[np.int64]) -> RowSet:
        """Take ascending distinct rows."""
        if not len(rows):
            return cls(0, 0)
        return cls(int(rows[0]), int(rows[-1]) + 1, rows)

    @property
    def array(self) -> npt.NDArray[np.int64]:
        if self._array is None:
            return np.arange(self.start, self.stop, dtype=np.int64)
        return self._array

    def take(self, positions: npt.NDArray[np.int64]) -> RowSet:
        """Give the rows at ascending positions."""
        return self if len(positions) == self.size else RowSet.of(self.array[positions])


def present(kinds: npt.NDArray[np.uint8]) -> list[int]:
    """Give the distinct numbers in an array of small ones, ascending."""
    if not kinds.size:
        return []
    low, high = int(kinds.min()), int(kinds.max())
    return [low] if low == high else np.flatnonzero(np.bincount(kinds)).tolist()


def stretches(rows: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Give the (start, stop) positions within `rows` between which rows follow one another.

    >>> stretches(np.array([4, 5, 9]))
    [(0, 2), (2, 3)]
    """
    cuts = (np.flatnonzero(np.diff(rows) != 1) + 1).tolist()
    return list(zip([0, *cuts], [*cuts, len(rows)], strict=True))


def resolve(rows: Rows, length: int) -> tuple[RowSet, Array | None]:
    """Give the distinct rows a caller asks for, and where each of them is wanted (None: in order).

    Negative rows count from the end; IndexError beyond the last.
    """
    if isinstance(rows, slice):
        start, stop, step = rows.indices(length)
        if step == 1:
            return RowSet(start, max(start, stop)), None
        asked = np.arange(start, stop, step, dtype=np.int64)
    else:
        asked = np.asarray(rows)
        if asked.dtype == np.bool_:
            asked = np.flatnonzero(asked)
        asked = asked.astype(np.int64, copy=False).reshape(-1)
        if asked.size:
            low, high = int(asked.min()), int(asked.max())
            if low < -length or high >= length:
                raise IndexError(f"there is no run {low if low < -length else high}: there are {length} runs")
            if low < 0:
                asked = np.where(asked < 0, asked + length, asked)
    if asked.size < 2 or bool((np.diff(asked) > 0).all()):
        return RowSet.of(asked), None
    distinct, places = np.unique(asked, return_inverse=True)
    return RowSet.of(distinct), places
