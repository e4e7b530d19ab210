"""What is one quantity over all runs, read only where somebody looks?"""

from __future__ import annotations

import datetime
import numbers as abstract
import operator
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array, Rows
from pypet_ng.spaces import columns as plans
from pypet_ng.storage.base import NOT_SET, RunColumn

__all__ = ["Column", "Explored", "Fixed", "Gathered", "is_scalar", "promote"]

_BLOCK: Final = 4096
_SHOWN: Final = 5
_TEXT: Final = getattr(np.dtypes, "StringDType", None)  # numpy 1 has none
_PLAIN: Final = (abstract.Number, str, bytes, type(None), np.generic, datetime.date, datetime.timedelta)


def is_scalar(value: object) -> bool:
    """Tell whether a value is one number, text, moment or None rather than a collection."""
    return isinstance(value, _PLAIN) or (isinstance(value, np.ndarray) and value.ndim == 0)


def promote(values: list[Any]) -> Array | None:
    """Give numbers, or arrays of numbers of one shape, as one array of shape (len(values), ...).

    ``NOT_SET`` becomes NaN (0 in integer and bool arrays). None if some value is no number or an
    integer has more than 64 bits, if shapes differ, or if nothing is set.
    """
    types = set(map(type, values))
    gaps = type(NOT_SET) in types
    types.discard(type(NOT_SET))
    if not types:
        return None
    present = [value for value in values if value is not NOT_SET] if gaps else values
    if types <= {bool, int, float, complex}:
        if int in types and not all(-(2**63) <= v < 2**63 for v in present if type(v) is int):
            return None
        dtype = np.result_type(*(np.dtype(np.int64 if one is int else one) for one in types))
        shape: tuple[int, ...] = ()
    else:
        if not all(
            one in (bool, int, float, complex, np.ndarray) or issubclass(one, np.number | np.bool_)
            for one in types
        ):
            return None
        try:
            arrays = [np.asarray(value) for value in present]
        except OverflowError:
            return None
        shapes = {array.shape for array in arrays}
        dtypes = {array.dtype for array in arrays}
        if len(shapes) > 1 or any(dtype.kind not in "biufc" for dtype in dtypes):
            return None
        dtype, shape = np.result_type(*dtypes), shapes.pop()
    if not gaps:
        return np.array(values, dtype)
    result = np.full((len(values), *shape), np.nan if dtype.kind in "fc" else 0, dtype)
    result[[value is not NOT_SET for value in values]] = np.array(present, dtype)
    return result


class Explored:
    """The values of an explored parameter. (This and the next two classes are ``RunColumn``.)"""

    def __init__(self, column: plans.Column) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    def at_once(self) -> AbstractContextManager[None]:
        return nullcontext()

    @property
    def dtype(self) -> np.dtype[Any] | None:
        every = self.array()
        return None if every is None else every.dtype

    def mask(self, rows: Rows = slice(None)) -> npt.NDArray[np.bool_]:
        return np.zeros(len(plans.positions(rows, len(self))), np.bool_)

    def values(self, rows: Rows = slice(None)) -> list[Any]:
        return self._column.take(rows)

    def array(self, rows: Rows = slice(None)) -> Array | None:
        numbers = self._column.array(rows)
        if numbers is not None:
            return numbers if numbers.flags.writeable and numbers.base is None else np.array(numbers)
        every = promote(self._column.take())
        return None if every is None else every[rows]


class Fixed:
    """One value at all runs, as that of a parameter that is not explored."""

    def __init__(self, value: Any, length: int) -> None:
        self._value = value
        self._length = length

    def __len__(self) -> int:
        return self._length

    def at_once(self) -> AbstractContextManager[None]:
        return nullcontext()

    @property
    def dtype(self) -> np.dtype[Any] | None:
        one = promote([self._value])
        return None if one is None else one.dtype

    def mask(self, rows: Rows = slice(None)) -> npt.NDArray[np.bool_]:
        return np.full(len(plans.positions(rows, self._length)), self._value is NOT_SET)

    def values(self, rows: Rows = slice(None)) -> list[Any]:
        return [self._value] * len(plans.positions(rows, self._length))

    def array(self, rows: Rows = slice(None)) -> Array | None:
        one = promote([self._value])
        return None if one is None else np.repeat(one, len(plans.positions(rows, self._length)), axis=0)


class Gathered:
    """One item of the results of all runs: what is stored, and what is in memory only."""

    def __init__(self, stored: RunColumn | None, extra: Mapping[int, Any], length: int) -> None:
        """Take the stored column and, by run, values that are not stored; `length`: number of runs."""
        self._stored = stored
        self._extra = extra
        self._length = length

    def __len__(self) -> int:
        return self._length

    def _plain(self) -> RunColumn | None:
        """Give the stored column if it says all there is."""
        stored = self._stored
        return stored if stored is not None and not self._extra and len(stored) == self._length else None

    def at_once(self) -> AbstractContextManager[None]:
        return nullcontext() if self._stored is None else self._stored.at_once()

    @property
    def dtype(self) -> np.dtype[Any] | None:
        plain = self._plain()
        if plain is not None:
            return plain.dtype
        every = promote(self.values())
        return None if every is None else every.dtype

    def mask(self, rows: Rows = slice(None)) -> npt.NDArray[np.bool_]:
        plain = self._plain()
        if plain is not None:
            return plain.mask(rows)
        gaps = np.ones(self._length, np.bool_)
        if self._stored is not None:
            stored = self._stored.mask()[: self._length]
            gaps[: len(stored)] = stored
        gaps[np.fromiter(self._extra, np.int64, len(self._extra))] = False
        found: npt.NDArray[np.bool_] = gaps[rows]
        return found

    def values(self, rows: Rows = slice(None)) -> list[Any]:
        plain = self._plain()
        if plain is not None:
            return plain.values(rows)
        asked = plans.positions(rows, self._length)
        values: list[Any] = [NOT_SET] * len(asked)
        if self._stored is not None:
            inside = np.flatnonzero(asked < len(self._stored))
            if len(inside):
                there = self._stored.values(asked[inside])
                for place, value in zip(inside.tolist(), there, strict=True):
                    values[place] = value
        if self._extra:
            for place, row in enumerate(asked.tolist()):
                if row in self._extra:
                    values[place] = self._extra[row]
        return values

    def array(self, rows: Rows = slice(None)) -> Array | None:
        plain = self._plain()
        if plain is not None:
            return plain.array(rows)
        every = promote(self.values())  # all: the type must not depend on the rows asked for
        return None if every is None else every[rows]


class Column:
    """One quantity over runs. Reads nothing until asked, and keeps nothing it has read.

    ``column[3]`` is the value of one run with its exact type; slices, lists, index arrays and boolean
    masks give numpy arrays of shape (run, ...):

    - numbers, or arrays of one shape: an array of the type all promote to,
    - text: numpy's variable-length string type; object where runs are missing,
    - anything else, ragged arrays included: an object array.

    Where a run wrote nothing, arrays are masked, and single values are ``np.ma.masked``. A column is
    as long as there were runs when it was made.
    """

    __slots__ = ("_rows", "_source", "comment", "name", "path")

    def __init__(
        self,
        source: RunColumn,
        name: str,
        path: str = "",
        comment: str = "",
        rows: npt.NDArray[np.int64] | None = None,
    ) -> None:
        self._source = source
        self._rows = rows
        self.name = name
        self.path = path
        """The dotted path, with ``$`` for the run."""
        self.comment = comment

    def __len__(self) -> int:
        return len(self._source) if self._rows is None else len(self._rows)

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The run indices."""
        return np.arange(len(self), dtype=np.int64) if self._rows is None else self._rows.copy()

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of :meth:`to_numpy`; reads all values if they are no numbers."""
        found = self._source.dtype
        return self.to_numpy().dtype if found is None else found

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """True where a run wrote nothing."""
        return self._source.mask(self._at(slice(None)))

    def _at(self, key: slice | npt.NDArray[np.int64]) -> Rows:
        if self._rows is not None:
            return self._rows[key]
        return key

    def to_numpy(self) -> Array:
        """Give all values as one array, masked where a run wrote nothing."""
        return self._read(slice(None))

    def values(self) -> list[Any]:
        """Give all values with their exact types; ``np.ma.masked`` where a run wrote nothing."""
        return _marked(self._source.values(self._at(slice(None))))

    def example(self) -> Any:
        """Give the first value that is set, ``np.ma.masked`` if none is. Reads that one only."""
        there = np.flatnonzero(~self.mask)
        return self[int(there[0])] if len(there) else np.ma.masked

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return self._read(key)
        if isinstance(key, list | np.ndarray | range):
            places = np.asarray(key)
            if places.dtype == np.bool_:
                if places.shape != (len(self),):
                    raise IndexError(
                        f"a mask of shape {places.shape} does not fit the {len(self)} runs of {self.name!r}: "
                        f"give one of shape ({len(self)},)"
                    )
                return self._read(np.flatnonzero(places).astype(np.int64))
            if places.size and places.dtype.kind not in "iu":
                raise IndexError(
                    f"runs of {self.name!r} cannot be chosen by {places.dtype}: use integers or a mask"
                )
            return self._read(plans.positions(places.astype(np.int64).reshape(-1), len(self)))
        place = operator.index(key)
        if not -len(self) <= place < len(self):
            raise IndexError(f"there is no value {place}: {self.name!r} has {len(self)}")
        place %= len(self)
        return _marked(self._source.values(self._at(slice(place, place + 1))))[0]

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self), _BLOCK):
            yield from _marked(self._source.values(self._at(slice(start, start + _BLOCK))))

    def _read(self, key: slice | npt.NDArray[np.int64]) -> Array:
        rows = self._at(key)
        with self._source.at_once():  # a run stored in between would be no gap and have no value
            numbers = self._source.array(rows)
            gaps = None if numbers is None else self._source.mask(rows)
        if numbers is not None and gaps is not None:
            if not gaps.any():
                return numbers
            full = np.broadcast_to(gaps.reshape((-1, *(1,) * (numbers.ndim - 1))), numbers.shape)
            fill = np.nan if numbers.dtype.kind in "fc" else None
            masked: Array = np.ma.MaskedArray(numbers, full.copy(), fill_value=fill)
            return masked
        values = self._source.values(rows)
        types = set(map(type, values))
        if len(types) == 1:
            uniform = _uniform(values, types.pop())
            if uniform is not None:
                return uniform
        return _objects(values)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        """Give a plain array: gaps are NaN in numbers (which makes them float) and None elsewhere."""
        plain = self.to_numpy()
        if isinstance(plain, np.ma.MaskedArray):
            data: Any = plain.astype(np.float64) if plain.dtype.kind in "biu" else plain
            plain = data.filled(np.nan if data.dtype.kind in "fc" else None)
        return plain if dtype is None else plain.astype(dtype)

    # -- text ---------------------------------------------------------------------------------
    def _few(self) -> list[str]:
        length = len(self)
        shown = [_short(value) for value in _marked(self._source.values(self._at(slice(0, _SHOWN))))]
        if length > _SHOWN + 1:
            shown.append("...")
        if length > _SHOWN:
            shown.append(_short(self[length - 1]))
        return shown

    def __repr__(self) -> str:
        return f"<Column {self.path or self.name!r} of {len(self)} runs: {', '.join(self._few())}>"

    def _repr_html_(self) -> str:
        """Show name, length and some values in a notebook."""
        import html  # loads a table of all entities

        cells = "".join(f"<td>{html.escape(text)}</td>" for text in self._few())
        comment = f"<br>{html.escape(_short(self.comment, 300))}" if self.comment else ""
        found = self._source.dtype
        kind = f", {html.escape(str(found))}" if found is not None else ""
        missing = int(self.mask.sum())
        gaps = f", {missing} without a value" if missing else ""
        return (
            f"<details open><summary><b>{html.escape(_short(self.path or self.name, 300))}</b>: "
            f"{len(self)} runs{kind}{gaps}{comment}</summary><table><tr>{cells}</tr></table></details>"
        )


def _marked(values: list[Any]) -> list[Any]:
    """Give values with ``np.ma.masked``, which users know, for ``NOT_SET``."""
    return [np.ma.masked if value is NOT_SET else value for value in values]


def _uniform(values: list[Any], kind: type) -> Array | None:
    """Give text or moments of one type as an array, None if numpy has no exact one."""
    if kind is str and _TEXT is not None:
        try:
            return np.array(values, dtype=_TEXT())
        except (UnicodeEncodeError, ValueError):  # lone surrogates have no UTF-8
            return None
    if issubclass(kind, np.datetime64 | np.timedelta64) and len({value.dtype for value in values}) == 1:
        return np.array(values)
    return None


def _objects(values: list[Any]) -> Array:
    result = np.empty(len(values), object)
    gaps = np.zeros(len(values), np.bool_)
    for place, value in enumerate(values):  # one by one: numpy would take a list of arrays apart
        if value is NOT_SET:
            gaps[place] = True
        else:
            result[place] = value
    if not gaps.any():
        return result
    masked: Array = np.ma.MaskedArray(result, gaps, fill_value=None)
    return masked


def _short(value: object, most: int = 60) -> str:
    if value is np.ma.masked:
        return "--"
    if isinstance(value, str):
        text = value if most > 60 else repr(value[: most + 1])
    elif isinstance(value, np.ndarray):
        text = f"<{value.dtype} array of shape {value.shape}>" if value.size > 4 else repr(value)
    elif isinstance(value, list | tuple | dict | set | frozenset | bytes) and len(value) > 8:
        text = f"<{type(value).__name__} of {len(value)}>"
    elif isinstance(value, int) and value.bit_length() > 512:
        text = f"<int of {value.bit_length()} bits>"
    else:
        text = repr(value)
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 3] + "..."
