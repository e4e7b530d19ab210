"""How are returned values gathered without costing memory where there are none?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array

__all__ = ["Gathered", "Nothings", "Pairs"]


class Nothings(Sequence[tuple[int, Any]]):
    """(run index, None) for runs that returned nothing: 8 bytes per run. Compares equal to such a list."""

    __slots__ = ("_rows",)

    def __init__(self, rows: npt.NDArray[np.int64]) -> None:
        self._rows = rows

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The run indices."""
        return self._rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> tuple[int, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> list[tuple[int, Any]]: ...
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return [(int(row), None) for row in self._rows[place]]
        return (int(self._rows[place]), None)

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        for start in range(0, len(self._rows), 4096):
            for row in self._rows[start : start + 4096].tolist():
                yield (row, None)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Nothings):
            return np.array_equal(self._rows, other._rows)
        if isinstance(other, list):
            return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: Iterable[tuple[int, Any]]) -> list[tuple[int, Any]]:
        return [*self, *other]

    def __radd__(self, other: Iterable[tuple[int, Any]]) -> list[tuple[int, Any]]:
        return [*other, *self]

    def __repr__(self) -> str:
        if len(self) <= 8:
            return repr(list(self))
        return f"[{', '.join(map(repr, self[:3]))}, ..., {self[-1]!r}]"


class Pairs(Sequence[tuple[int, Any]]):
    """(run index, value) for runs that were done together: the values stay a column until asked for."""

    __slots__ = ("_column", "_rows")

    def __init__(self, rows: npt.NDArray[np.int64], column: Sequence[Any] | Array) -> None:
        """Take the indices and the values of as many runs; neither is copied."""
        self._rows = rows
        self._column = column

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> tuple[int, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> list[tuple[int, Any]]: ...
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return list(Pairs(self._rows[place], self._column[place]))
        return (int(self._rows[place]), self._column[place])

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        return zip(self._rows.tolist(), self._column, strict=True)


class Gathered:
    """Takes (run index, returned value) in any order."""

    def __init__(self) -> None:
        self._rows: list[npt.NDArray[np.int64]] = []
        self._values: list[tuple[int, Any]] = []
        self._columns: list[Pairs] = []

    def add(self, pairs: Iterable[tuple[int, Any]]) -> None:
        """Take the values of some runs."""
        if isinstance(pairs, Nothings):
            self._rows.append(pairs.rows)
            return
        if isinstance(pairs, Pairs):
            self._columns.append(pairs)
            return
        empty = []
        for pair in pairs:
            if pair[1] is None:
                empty.append(pair[0])
            else:
                self._values.append(pair)
        if empty:
            self._rows.append(np.array(empty, np.int64))

    def all(self) -> Sequence[tuple[int, Any]]:
        """Give what was taken, sorted by index: a list, or :class:`Nothings` if it is long and all are None."""
        rows = np.sort(np.concatenate(self._rows)) if self._rows else np.zeros(0, np.int64)
        if not self._values and not self._columns and len(rows) > 10_000:
            return Nothings(rows)
        columns = [pair for pairs in self._columns for pair in pairs]
        merged = [*self._values, *columns, *((row, None) for row in rows.tolist())]
        merged.sort(key=lambda pair: pair[0])
        return merged
