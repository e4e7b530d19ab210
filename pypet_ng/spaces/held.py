"""How are the values of one explored parameter held for all runs, without an object per run?

A column behaves as a list that never changes. The small ones below hold values
(:class:`ArrayColumn`, :class:`ListColumn`, :class:`OpaqueColumn`); those of ``derived.py`` repeat,
pick or join the values of others, so that a product of axes costs the sum of the axes.
"""

from __future__ import annotations

import operator
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, overload

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array, Rows
from pypet_ng.errors import DesignError

__all__ = ["ArrayColumn", "Column", "ListColumn", "OpaqueColumn", "column_of", "same_values"]

_BLOCK: Final = 4096
_SHOWN: Final = 3
_WRITTEN: Final = (int, float, complex, str, bytes, tuple, list, np.generic)
"""Values of these types are shown in full, arrays and other objects are not."""
_LISTED: Final = 1000
"""So many values are shown as a list shows them; no list of a million fills the screen."""
_KINDS: Final[dict[type, str]] = {bool: "b", int: "iu", float: "f", complex: "c"}


class Column(Sequence[Any]):
    """Values of one explored parameter over all runs. Immutable; equal to any equal sequence.

    Reading is thread safe; extending the same column in two threads is not.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def value_type(self) -> type | None:
        """Exact type that all values share. None if there is none, or if the values of a base, not
        all of which need be used, share none."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def take(self, rows: Rows = slice(None)) -> list[Any]:
        """Give the values of some runs with their exact types; IndexError beyond the last run."""

    @abstractmethod
    def array(self, rows: Rows = slice(None)) -> Array | None:
        """Give numbers of one type as an array of shape (run,), not to be written to; else None."""

    @abstractmethod
    def select(self, rows: Rows) -> Column:
        """Give the column of some runs only."""

    def merged(self, other: Column) -> Column | None:
        """Give one column of the same kind with the values of both, None if that cannot be."""
        return None

    def retyped(self, value_type: type) -> Column:
        """Give the column with its numpy numbers delivered as Python `value_type`.

        Only where the kind matches (an int array for a float parameter stays as it is); columns of
        other things stay as they are.
        """
        return self

    def extended(self, other: Column) -> Column:
        """Give a column with the values of `other` behind these. Costs what `other` costs."""
        from pypet_ng.spaces.derived import chain  # here: derived.py needs this module

        return chain((self, other))

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Column: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self if index == slice(None) else self.select(index)
        place = operator.index(index)
        length = len(self)
        if not -length <= place < length:
            raise IndexError(f"point {place} of a column of {length} values")
        place %= length
        return self.take(slice(place, place + 1))[0]

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self), _BLOCK):
            yield from self.take(slice(start, start + _BLOCK))

    def __contains__(self, value: object) -> bool:
        return any(same_values(mine, value) for mine in self)

    def index(self, value: Any, start: int = 0, stop: int | None = None) -> int:
        """Give the first run with that value; ValueError if there is none."""
        for place in range(*slice(start, stop).indices(len(self))):
            if same_values(self[place], value):
                return place
        raise ValueError(f"{value!r} is not in the column")

    def count(self, value: Any) -> int:
        """Give the number of runs with that value."""
        return sum(same_values(mine, value) for mine in self)

    def __eq__(self, other: object) -> bool:
        """Compare element by element as lists do, except that NaN equals NaN."""
        if self is other:
            return True
        if isinstance(other, np.ndarray) or (
            isinstance(other, Sequence) and not isinstance(other, str | bytes)
        ):
            return len(self) == len(other) and self.same_start(other, same_values)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def same_start(self, other: Sequence[Any] | Array, same: Any) -> bool:
        """Tell whether this column begins with all values of `other`, as `same` (a, b) sees it.

        Numbers of one type are compared as arrays, with the same bits or both NaN.
        """
        length = len(other)
        if length > len(self):
            return False
        if isinstance(other, Column) and self.value_type is other.value_type is not None:
            if length == len(self) and self is other:
                return True
            mine = self.array(slice(0, length))
            theirs = other.array(slice(0, length))
            if mine is not None and theirs is not None and mine.dtype == theirs.dtype:
                return same_numbers(mine, theirs)
        for start in range(0, length, _BLOCK):
            stop = min(start + _BLOCK, length)
            theirs_here = other.take(slice(start, stop)) if isinstance(other, Column) else other[start:stop]
            if not all(map(same, self.take(slice(start, stop)), theirs_here)):
                return False
        return True

    def __add__(self, other: Iterable[Any]) -> Column:
        if isinstance(other, str | bytes) or not isinstance(other, Iterable):
            return NotImplemented
        return self.extended(_any_column(other))

    def __radd__(self, other: Iterable[Any]) -> Column:
        if isinstance(other, str | bytes) or not isinstance(other, Iterable):
            return NotImplemented
        return _any_column(other).extended(self)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        numbers = self.array()
        if numbers is None:
            return np.array(self.take(), dtype=dtype)
        return np.array(numbers, dtype=dtype, copy=copy)

    def copy(self) -> list[Any]:
        """Give the values as a list, which may be changed."""
        return self.take()

    def __repr__(self) -> str:
        length = len(self)
        if length <= _LISTED:
            words = [repr(value) if isinstance(value, _WRITTEN) else _short(value) for value in self.take()]
            return f"[{', '.join(words)}]"
        words = [*map(_short, self.take(slice(0, _SHOWN))), "...", _short(self[-1])]
        return f"[{', '.join(words)}] ({length} values)"


class _Buffer:
    """An array with room to grow, shared by the columns that were extended from one another."""

    __slots__ = ("array", "used")

    def __init__(self, array: Array, used: int) -> None:
        self.array = array
        self.used = used


class ArrayColumn(Column):
    """Numbers of one type in one array."""

    __slots__ = ("_array", "_buffer", "_type")

    def __init__(self, array: Array, value_type: type | None = None) -> None:
        """Take over a one-dimensional array of numbers: nobody may write to it afterwards.

        `value_type` is what the values are delivered as: float, int, bool, complex, or the
        array's own scalar type (default).
        """
        if array.ndim != 1 or array.dtype.kind not in "biufc":
            raise TypeError(
                f"an ArrayColumn holds a 1-d array of numbers, not {array.dtype} of shape {array.shape}"
            )
        own_type: type = array.dtype.type
        if value_type is None:
            value_type = own_type
        elif value_type is not own_type and array.dtype.kind not in _KINDS.get(value_type, ""):
            raise TypeError(f"an array of {array.dtype} cannot be delivered as {value_type.__name__}")
        if value_type is float:
            array = array.astype(np.float64, copy=False)
        elif value_type is complex:
            array = array.astype(np.complex128, copy=False)
        elif value_type is int and array.dtype != np.uint64:
            array = array.astype(np.int64, copy=False)
        elif not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        self._set(_Buffer(array, len(array)), value_type)

    def _set(self, buffer: _Buffer, value_type: type) -> None:
        view = buffer.array[: buffer.used]
        view.flags.writeable = False
        self._buffer = buffer
        self._array = view
        self._type = value_type

    def __reduce__(self) -> tuple[Any, ...]:
        return ArrayColumn, (np.array(self._array), self._type)

    @property
    def value_type(self) -> type:
        return self._type

    def __len__(self) -> int:
        return len(self._array)

    def take(self, rows: Rows = slice(None)) -> list[Any]:
        values = self._array[rows]
        listed: list[Any] = values.tolist() if self._type in _KINDS else list(values)
        return listed

    def array(self, rows: Rows = slice(None)) -> Array:
        return self._array[rows]

    def select(self, rows: Rows) -> ArrayColumn:
        return ArrayColumn(self._array[rows], self._type)

    def retyped(self, value_type: type) -> ArrayColumn:
        if self._type in _KINDS or self._array.dtype.kind not in _KINDS.get(value_type, ""):
            return self
        return ArrayColumn(self._array, value_type)

    def merged(self, other: Column) -> ArrayColumn | None:
        # Two arrays of Python ints may differ in dtype (uint64): those stay two parts.
        if (
            not isinstance(other, ArrayColumn)
            or other._type is not self._type
            or other._array.dtype != self._array.dtype
        ):
            return None
        length = len(self)
        total = length + len(other)
        buffer = self._buffer
        # Growing in place is allowed only for whoever holds the end of the buffer; the room
        # doubles, so that many small extensions are linear in all.
        if buffer.used != length or total > len(buffer.array):
            room = np.empty(max(total, 2 * length), self._array.dtype)
            room[:length] = self._array
            buffer = _Buffer(room, length)
        buffer.array[length:total] = other._array
        buffer.used = total
        grown = ArrayColumn.__new__(ArrayColumn)
        grown._set(buffer, self._type)
        return grown


class _Listed(Column):
    """Values in a list that is shared by the columns extended from one another."""

    __slots__ = ("_length", "_values")

    def __init__(self, values: list[Any]) -> None:
        self._values = values
        self._length = len(values)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._values[: self._length],)

    def __len__(self) -> int:
        return self._length

    def take(self, rows: Rows = slice(None)) -> list[Any]:
        values = self._values
        if isinstance(rows, slice):
            return [values[place] for place in range(*rows.indices(self._length))]
        return [values[place] for place in positions(rows, self._length).tolist()]

    def array(self, rows: Rows = slice(None)) -> None:
        return None

    def select(self, rows: Rows) -> Column:
        return type(self)(self.take(rows))

    def merged(self, other: Column) -> Column | None:
        if type(other) is not type(self):
            return None
        values = self._values
        if len(values) != self._length:  # somebody else extended this list already
            values = values[: self._length]
        added = other.take()
        grown = type(self)(values)
        values.extend(added)
        grown._length = self._length + len(added)
        return grown


class ListColumn(_Listed):
    """Any values, held in a list."""

    __slots__ = ("_types",)

    def __init__(self, values: list[Any]) -> None:
        """Take over a list: nobody may change it afterwards."""
        super().__init__(values)
        self._types: frozenset[type] | None = None

    @property
    def value_type(self) -> type | None:
        if self._types is None:
            self._types = frozenset(map(type, self.take()))
        return next(iter(self._types)) if len(self._types) == 1 else None


class OpaqueColumn(_Listed):
    """Values that only a user's own container knows: fingerprints stand for them."""

    __slots__ = ()

    def __init__(self, fingerprints: list[str]) -> None:
        """Take over a list with one text per run that is equal for equal values."""
        super().__init__(fingerprints)

    @property
    def value_type(self) -> None:
        return None


def column_of(values: Iterable[Any], default: Any = None) -> Column:
    """Give a column of the values of an iterable; DesignError if there are none.

    Ranges, 1-d arrays of numbers, and lists of exactly one of float, int (64 bit), bool and complex
    become arrays. A whole 1-d array whose kind is that of a Python number `default` is delivered
    as the default's type; an array of another kind, and numpy scalars in a list, keep their types.
    """
    column = _any_column(values)
    if not len(column):
        raise DesignError(f"cannot explore {_short(values)}: it has no values")
    return column.retyped(type(default)) if type(default) in _KINDS else column


def _any_column(values: Iterable[Any]) -> Column:
    if isinstance(values, Column):
        return values
    if isinstance(values, np.ndarray) and values.ndim:
        if values.ndim == 1 and values.dtype.kind in "biufc":
            return ArrayColumn(np.array(values, subok=False))
        return ListColumn(list(values.copy()))
    if isinstance(values, range):
        if not values or max(abs(values[0]), abs(values[-1]), abs(values.step)) < 2**62:
            return ArrayColumn(np.arange(values.start, values.stop, values.step, dtype=np.int64), int)
        return ListColumn(list(values))
    listed = list(values)
    types = set(map(type, listed))
    only = types.pop() if len(types) == 1 else None
    if only not in _KINDS:
        return ListColumn(listed)
    if only is int and not (min(listed) >= -(2**63) and max(listed) < 2**63):
        return ListColumn(listed)
    dtype = np.int64 if only is int else np.dtype(only)
    return ArrayColumn(np.array(listed, dtype=dtype), only)


def positions(rows: Rows, length: int) -> npt.NDArray[np.int64]:
    """Give rows as an index array without negative numbers; IndexError beyond `length`."""
    if isinstance(rows, slice):
        return np.arange(*rows.indices(length), dtype=np.int64)
    places = np.asarray(rows, dtype=np.int64)
    if places.size:
        low, high = int(places.min()), int(places.max())
        if low < -length or high >= length:
            raise IndexError(f"point {low if low < -length else high} of a column of {length} values")
        if low < 0:
            places = np.where(places < 0, places + length, places)
    return places


def same_numbers(a: Array, b: Array) -> bool:
    """Tell whether two arrays of one dtype and length have the same bits, or NaN at the same places."""
    if a.dtype.itemsize in (1, 2, 4, 8) and a.dtype.kind != "c":
        bits = np.dtype(f"u{a.dtype.itemsize}")
        same = a.view(bits) == b.view(bits)
    elif a.dtype.kind == "c":
        # The parts one by one: they carry signs of zero that == on complex numbers does not see.
        return same_numbers(a.real.copy(), b.real.copy()) and same_numbers(a.imag.copy(), b.imag.copy())
    else:
        same = (a == b) & (np.signbit(a) == np.signbit(b))
    if bool(same.all()):
        return True
    if a.dtype.kind != "f":
        return False
    return bool((same | (np.isnan(a) & np.isnan(b))).all())


def same_values(a: Any, b: Any) -> bool:
    """Tell whether two values are equal as elements of lists are, with NaN equal to NaN.

    Arrays must also agree in dtype and shape. What cannot be compared differs.
    """
    if a is b:
        return True
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return (
            type(a) is type(b)
            and a.dtype == b.dtype
            and bool(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"))
        )
    if isinstance(a, list | tuple) and type(a) is type(b):
        return len(a) == len(b) and all(map(same_values, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same_values(a[key], b[key]) for key in a)
    if type(a) is type(b) and hasattr(a, "equals"):  # pandas
        return bool(a.equals(b))
    if type(a) is type(b) and hasattr(a, "nnz"):  # scipy.sparse
        return bool(a.shape == b.shape and a.dtype == b.dtype and (a != b).nnz == 0)
    try:
        return bool(a == b) or bool(a != a and b != b)
    except (TypeError, ValueError):  # == gave no truth value
        return False


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 40 else text[:37] + "..."
