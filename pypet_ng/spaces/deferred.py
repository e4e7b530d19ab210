"""How can a plan of a million points be there without its values having been read?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pypet_ng._typing import Array
from pypet_ng.errors import DesignError
from pypet_ng.spaces.held import ArrayColumn

__all__ = ["DeferredArray"]


class DeferredArray(ArrayColumn):
    """An ArrayColumn whose numbers are read when somebody first asks for one.

    Parameters
    ----------
    length, value_type
        What is known beforehand.
    read
        Gives the column. Called once; DesignError if what it gives is not of that length.
    """

    __slots__ = ("_length", "_read", "_real", "_value_type")

    def __init__(self, length: int, value_type: type, read: Callable[[], ArrayColumn]) -> None:
        self._length = length
        self._value_type = value_type
        self._read = read
        self._real: ArrayColumn | None = None

    def _column(self) -> ArrayColumn:
        if self._real is None:
            column = self._read()
            if len(column) != self._length:
                raise DesignError(
                    f"a stored plan of {self._length} points has {len(column)} by now: "
                    "somebody changed the file. Load the trajectory again"
                )
            self._real = column
        return self._real

    @property
    def _array(self) -> Array:  # type: ignore[override]
        return self._column()._array

    @property
    def _buffer(self) -> Any:  # type: ignore[override]
        return self._column()._buffer

    @property
    def _type(self) -> type:  # type: ignore[override]
        return self._value_type

    def __len__(self) -> int:
        return self._length
