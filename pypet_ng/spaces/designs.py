"""How does a script say which points it wants without writing them all down?

An *axis* is the values of one name: a list, a range, an array, ``grid(...)``. A *design* is points of
several names that belong together: ``zipped``, ``one_at_a_time``, ``random``, ``cases``. Axes and
designs are multiplied by :func:`multiply`; nothing here costs an object per point of the product.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pypet_ng.errors import DesignError, near_names
from pypet_ng.spaces.columns import ArrayColumn, Column, IndexedColumn, PeriodicColumn, column_of, same_values

__all__ = [
    "Design",
    "axis",
    "cases",
    "grid",
    "is_axis",
    "loggrid",
    "multiply",
    "one_at_a_time",
    "random",
    "zipped",
]

_PYTHON: Final[Mapping[str, type]] = {"b": bool, "i": int, "u": int, "f": float, "c": complex}
_EXACT: Final = 2**53
"""Whole numbers up to here are floats without loss."""


class Design:
    """Points of one or more names, as one column per name. Immutable; iterating gives the points.

    >>> design = zipped(x=[1, 2], y=["a", "b"])
    >>> design.names, len(design), list(design)
    (('x', 'y'), 2, [{'x': 1, 'y': 'a'}, {'x': 2, 'y': 'b'}])
    """

    __slots__ = ("_columns", "_length")

    def __init__(self, columns: Mapping[str, Column]) -> None:
        """Take one column per name; DesignError if there are none, or not of one length above 0."""
        if not columns:
            raise DesignError("A design without names has no points: give at least one name with values.")
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise DesignError(
                "These values belong together point by point and must be equally many: "
                + ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
                + ". To combine all with all, give them to explore(...) one by one."
            )
        self._columns: Mapping[str, Column] = MappingProxyType(dict(columns))
        self._length = next(iter(lengths.values()))
        if not self._length:
            raise DesignError(f"There are no values for {', '.join(map(repr, columns))}: give at least one.")

    def __reduce__(self) -> tuple[Any, ...]:
        return Design, (dict(self._columns),)

    @property
    def names(self) -> tuple[str, ...]:
        """The names in order."""
        return tuple(self._columns)

    @property
    def columns(self) -> Mapping[str, Column]:
        """The values by name, all of the design's length."""
        return self._columns

    def __len__(self) -> int:
        """Give the number of points."""
        return self._length

    def point(self, index: int) -> dict[str, Any]:
        """Give the values at one point; IndexError if there is no such point."""
        return {name: column[index] for name, column in self._columns.items()}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for values in zip(*self._columns.values(), strict=True):
            yield dict(zip(self._columns, values, strict=True))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Design):
            return NotImplemented
        return self.names == other.names and all(
            self._columns[name] == other._columns[name] for name in self._columns
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Design of {self._length} points over {', '.join(self._columns)}>"


# -- axes -------------------------------------------------------------------------------------------
def is_axis(values: Any) -> bool:
    """Tell values of an axis from a single value: text, dictionaries and data frames are single ones."""
    if isinstance(values, Column):
        return True
    dimensions = getattr(values, "ndim", None)
    if isinstance(dimensions, int):
        return dimensions == 1 or (dimensions > 1 and isinstance(values, np.ndarray))
    return isinstance(values, Iterable) and not isinstance(values, str | bytes | bytearray | Mapping | Design)


def axis(values: Any, name: str = "") -> Column:
    """Give the values of one axis as a column, numbers as Python numbers.

    Whole and real numbers together become real ones. DesignError for no values, for a single value,
    and for a set, whose order is not the same tomorrow.
    """
    what = f"The axis {name!r}" if name else "An axis"
    if isinstance(values, set | frozenset):
        raise DesignError(f"{what} is a set, which has no order: use sorted(...).")
    if not is_axis(values):
        raise DesignError(f"{what} needs several values, as a list or grid(...), not {_short(values)}.")
    try:
        if isinstance(values, np.ndarray | Column | range):
            column = column_of(values)
        elif hasattr(values, "__array__"):  # pandas, jax, xarray
            column = column_of(np.asarray(values))
        else:
            column = column_of(list(values))
    except DesignError:
        raise DesignError(f"{what} has no values: give at least one.") from None
    return _with_python_numbers(column)


def _with_python_numbers(column: Column) -> Column:
    numbers = column.array(slice(0, 1))
    if numbers is not None and column.value_type is not None:
        return column.retyped(_PYTHON[numbers.dtype.kind])
    if isinstance(column, PeriodicColumn | IndexedColumn):
        return column  # made from columns that were looked at already
    values = column.take()
    if any(isinstance(value, np.generic) for value in values):
        values = [_plain(value) for value in values]
        column = column_of(values)
    if {*map(type, values)} == {int, float} and all(type(v) is float or abs(v) <= _EXACT for v in values):
        return ArrayColumn(np.array(values, np.float64), float)
    return column


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) and value.dtype.kind in "biufcSU" else value


def _bounds(lo: Any, hi: Any, n: Any, what: str) -> tuple[float, float, int]:
    n = _count(n, what)
    try:
        low, high = float(lo), float(hi)
    except (TypeError, ValueError):
        raise DesignError(f"{what} goes from a number to a number, not from {lo!r} to {hi!r}.") from None
    if not (math.isfinite(low) and math.isfinite(high)):
        raise DesignError(f"{what} goes from {lo!r} to {hi!r}: give finite numbers.")
    if low > high or (low == high and n > 1):
        raise DesignError(
            f"{what} goes from {lo!r} to {hi!r} in {n} values: give the smaller number first, and two "
            "different ones. For falling values use [::-1] on it."
        )
    return low, high, n


def _count(n: Any, what: str) -> int:
    number = _plain(n)
    if type(number) is not int or number < 1:
        raise DesignError(f"{what} of {n!r} values: give a whole number from 1 on.")
    return number


def grid(lo: float, hi: float, n: int) -> ArrayColumn:
    """Give `n` equidistant real numbers from `lo` to `hi`, both included (n=1: `lo`).

    Whole numbers are what ``range`` is for.

    >>> list(grid(0, 1, 3))
    [0.0, 0.5, 1.0]
    """
    low, high, n = _bounds(lo, hi, n, "A grid")
    # Half the way twice: the distance of two huge numbers may be beyond any float.
    values = np.linspace(low / 2, high / 2, n) * 2 if high - low > 1e300 else np.linspace(low, high, n)
    return ArrayColumn(values, float)


def loggrid(lo: float, hi: float, n: int) -> ArrayColumn:
    """Give `n` real numbers from `lo` to `hi`, each the same multiple of the one before; `lo` above 0.

    >>> list(loggrid(1, 100, 3))
    [1.0, 10.0, 100.0]
    """
    low, high, n = _bounds(lo, hi, n, "A loggrid")
    if low <= 0:
        raise DesignError(f"A loggrid goes from {lo!r} to {hi!r}: give numbers above 0, or use grid.")
    return ArrayColumn(np.geomspace(low, high, n), float)


# -- designs ----------------------------------------------------------------------------------------
def zipped(**lists: Any) -> Design:
    """Give the design whose point i has the i-th value of each list; DesignError if lengths differ."""
    return Design({name: axis(values, name) for name, values in lists.items()})


def one_at_a_time(base: Mapping[str, Any], /, **lists: Any) -> Design:
    """Give the base point, then each value of each list with all other names at their base values.

    Values equal to the base value are left out: the base point is there once. DesignError for names
    that are not in `base`.

    >>> list(one_at_a_time({"x": 1, "y": 2}, x=[0, 1, 5]))
    [{'x': 1, 'y': 2}, {'x': 0, 'y': 2}, {'x': 5, 'y': 2}]
    """
    if not isinstance(base, Mapping):
        raise DesignError(f"one_at_a_time needs a dictionary with the base point, not {_short(base)}.")
    for name in lists:
        if name not in base:
            raise DesignError(
                f"one_at_a_time varies {name!r}, which has no base value; there are "
                f"{', '.join(map(repr, base)) or 'none'}.{near_names(name, base)}"
            )
    others = {
        name: [value for value in axis(values, name) if not same_values(value, _plain(base[name]))]
        for name, values in lists.items()
    }
    length = 1 + sum(map(len, others.values()))
    columns: dict[str, Column] = {}
    starts: dict[str, int] = {}
    start = 1
    for name, values in others.items():
        starts[name] = start
        start += len(values)
    for name, value in base.items():
        own = others.get(name, [])
        index = np.zeros(length, np.int64)
        first = starts.get(name, 0)
        index[first : first + len(own)] = np.arange(1, len(own) + 1)
        columns[name] = IndexedColumn(axis([value, *own], name), index)
    return Design(columns)


def random(n: int, seed: int, axes: Mapping[str, Any] | None = None, **ranges: Any) -> Design:
    """Give `n` random points, the same ones for the same seed.

    A pair ``(lo, hi)`` of real numbers is drawn from uniformly, of whole numbers with both ends; from
    anything else that is an axis (list, range, ``grid``) one value is chosen. Each name has a random
    stream of its own: more points begin with the same ones, and another name changes no other.
    `axes` takes names that cannot be keywords here (``n``, ``seed``).

    >>> design = random(100, seed=1, x=(0.0, 1.0), k=(1, 6), kind=["a", "b"])
    >>> {name: type(value).__name__ for name, value in design.point(0).items()}
    {'x': 'float', 'k': 'int', 'kind': 'str'}
    """
    n = _count(n, "A random design")
    root = _plain(seed)
    if type(root) is not int or root < 0:
        raise DesignError(f"A random design with seed={seed!r}: give a whole number from 0 on.")
    both = {**(axes or {}), **ranges}
    if len(both) < len(ranges) + len(axes or {}):
        raise DesignError("A random design has a name in axes= and as a keyword: give it once.")
    return Design({name: _drawn(n, root, name, given) for name, given in both.items()})


def _drawn(n: int, seed: int, name: str, given: Any) -> Column:
    # The name is part of the seed, so that no stream depends on what else is drawn.
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *name.encode()])))
    if not isinstance(given, tuple):
        base = axis(given, name)
        return IndexedColumn(base, rng.integers(len(base), size=n, dtype=np.int64))
    pair = [_plain(bound) for bound in given]
    if len(pair) != 2 or not {*map(type, pair)} <= {int, float}:
        raise DesignError(
            f"{name!r} is {_short(given)}: give a pair of numbers (lo, hi) to draw between, or a list to choose from."
        )
    lo, hi = pair
    if not (lo < hi and math.isfinite(lo) and math.isfinite(hi)):
        raise DesignError(f"{name!r} is drawn between {lo!r} and {hi!r}: give the smaller number first.")
    if type(lo) is int and type(hi) is int:
        if lo < -(2**63) or hi >= 2**63:
            raise DesignError(f"{name!r} is drawn between {lo!r} and {hi!r}: whole numbers have 64 bits.")
        return ArrayColumn(rng.integers(lo, hi, size=n, dtype=np.int64, endpoint=True), int)
    share: npt.NDArray[np.float64] = rng.random(n)
    # Weighted: hi - lo may be beyond any float.
    values = lo * (1.0 - share) + hi * share
    return ArrayColumn(np.clip(values, lo, hi), float)


def cases(rows: Iterable[Mapping[str, Any]]) -> Design:
    """Give the design of a list of dictionaries (or of a pandas DataFrame), all with the same names.

    >>> len(cases([{"x": 1, "y": 2}, {"x": 5, "y": 6}]))
    2
    """
    if hasattr(rows, "columns") and hasattr(rows, "to_dict"):  # a DataFrame
        table: Any = rows
        return Design({str(name): axis(table[name].to_numpy(), str(name)) for name in table.columns})
    if isinstance(rows, str | bytes | Mapping) or not isinstance(rows, Iterable):
        raise DesignError(f"cases needs a list of dictionaries, not {_short(rows)}. zipped(...) takes lists.")
    listed = list(rows)
    if not listed:
        raise DesignError("cases needs at least one dictionary, but the list is empty.")
    names: list[str] | None = None
    for place, row in enumerate(listed):
        if not isinstance(row, Mapping):
            raise DesignError(f"Case {place} is {_short(row)}: give a dictionary from names to values.")
        if names is None:
            names = list(row)
        elif len(row) != len(names) or any(name not in row for name in names):
            unknown = [name for name in row if name not in names]
            wrong = [f"lacks {name!r}" for name in names if name not in row] + [f"has {n!r}" for n in unknown]
            raise DesignError(
                f"Case {place} has other names than case 0 ({', '.join(map(repr, names))}): it "
                f"{', '.join(wrong)}. Give each case a value for each name."
                + "".join(near_names(str(name), names) for name in unknown)
            )
    assert names is not None
    return Design({name: axis([row[name] for row in listed], name) for name in names})


def multiply(parts: Iterable[Design | Mapping[str, Any]]) -> Design:
    """Give all combinations of designs and of axes by name, the first varying slowest.

    Costs the sum of the parts. DesignError if a name comes twice, or if there is nothing to multiply.

    >>> list(multiply([{"x": [1, 2]}, zipped(y=[3, 4], z=[5, 6])]))[1]
    {'x': 1, 'y': 4, 'z': 6}
    """
    factors: list[Design] = []
    seen: set[str] = set()
    for part in parts:
        own = [part] if isinstance(part, Design) else [Design({n: axis(v, n)}) for n, v in part.items()]
        for design in own:
            for name in design.names:
                if name in seen:
                    raise DesignError(f"{name!r} is given twice: give the values of a name in one place.")
                seen.add(name)
            factors.append(design)
    if not factors:
        raise DesignError("There is nothing to explore: give at least one axis or design.")
    if len(factors) == 1:
        return factors[0]
    total = repeat = math.prod(map(len, factors))
    columns: dict[str, Column] = {}
    for design in factors:
        repeat //= len(design)
        for name, column in design.columns.items():
            columns[name] = _repeated(column, repeat, total)
    return Design(columns)


def _repeated(column: Column, repeat: int, total: int) -> PeriodicColumn:
    if isinstance(column, PeriodicColumn) and len(column) % (column.repeat * len(column.base)) == 0:
        # whole periods only: an axis of a product of products is an axis of one product
        return PeriodicColumn(column.base, column.repeat * repeat, total)
    return PeriodicColumn(column, repeat, total)


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."
