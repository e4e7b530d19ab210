"""Which points of the parameter space does a trajectory visit?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from pypet_ng._typing import Path, Rows
from pypet_ng.errors import DesignError
from pypet_ng.spaces.columns import Column, same_values

__all__ = ["Outline", "Plan", "dotted"]


def dotted(path: Path) -> str:
    """Give a path as users write it."""
    return ".".join(path)


class Plan:
    """The explored parameters with their values, one column each. Immutable.

    Run i is at the point made of the i-th value of each column. Costs what the columns cost: a
    product of axes holds the sum of the axes.
    """

    __slots__ = ("_columns", "_length")

    def __init__(self, columns: Mapping[Path, Column] | None = None) -> None:
        """DesignError if the columns are not of one length, or are empty."""
        own = dict(columns or {})
        length = 1
        first: Path | None = None
        for path, column in own.items():
            if not len(column):
                raise DesignError(f"cannot explore {dotted(path)!r}: it has no values")
            if first is None:
                first, length = path, len(column)
            elif len(column) != length:
                raise DesignError(
                    f"explored parameters need as many values as each other: {dotted(first)!r} has "
                    f"{length}, {dotted(path)!r} has {len(column)}. Use cartesian_product(...) to combine "
                    "lists of unequal length"
                )
        self._columns: Mapping[Path, Column] = MappingProxyType(own)
        self._length = length

    def __reduce__(self) -> tuple[Any, ...]:
        return Plan, (dict(self._columns),)

    def __len__(self) -> int:
        """Give the number of runs: 1 if nothing is explored."""
        return self._length

    def __bool__(self) -> bool:
        return True  # a plan without columns has one run

    @property
    def names(self) -> tuple[Path, ...]:
        """Paths of the explored parameters, in the order they were explored."""
        return tuple(self._columns)

    @property
    def is_explored(self) -> bool:
        """True if there is an explored parameter."""
        return bool(self._columns)

    def column(self, path: Path) -> Column:
        """Give the values of one parameter over all runs; KeyError if it is not explored."""
        return self._columns[path]

    def columns(self, rows: Rows = slice(None)) -> dict[Path, list[Any]]:
        """Give the values of some runs with their exact types, by parameter."""
        return {path: column.take(rows) for path, column in self._columns.items()}

    def point(self, index: int) -> dict[Path, Any]:
        """Give the explored values of one run; IndexError if there is no such run."""
        if not -self._length <= index < self._length:
            raise IndexError(f"run {index} of a plan of {self._length} runs")
        return {path: column[index] for path, column in self._columns.items()}

    def extended(self, other: Plan) -> Plan:
        """Give a plan with the points of `other` appended; DesignError if it explores other names."""
        if set(other.names) != set(self.names):
            raise DesignError(
                f"a plan that explores {_words(self.names)} cannot be extended by points of "
                f"{_words(other.names)}. Give values for exactly the explored parameters"
            )
        if not self.is_explored:
            raise DesignError("a plan without explored parameters cannot be extended. Explore one first")
        return Plan({path: column.extended(other.column(path)) for path, column in self._columns.items()})

    def with_column(self, path: Path, column: Column) -> Plan:
        """Give a plan that explores one more parameter; DesignError if the length differs."""
        return Plan({**self._columns, path: column})

    def without(self, path: Path) -> Plan:
        """Give a plan that does not explore `path`; KeyError if this one does not."""
        columns = dict(self._columns)
        del columns[path]
        return Plan(columns)

    def select(self, rows: Rows) -> Plan:
        """Give the plan of some of the runs, at least one."""
        if not self._columns:
            return self
        return Plan({path: column.select(rows) for path, column in self._columns.items()})

    def ordered(self, names: tuple[Path, ...]) -> Plan:
        """Give the same plan with its parameters in another order."""
        return Plan({path: self._columns[path] for path in names})

    def starts_with(self, other: Plan, same: Callable[[Any, Any], bool] = same_values) -> bool:
        """Tell whether this plan explores what `other` does and begins with all its points.

        `same(a, b)` compares two values; numbers of one type are compared as arrays.
        """
        if set(other.names) != set(self.names) or len(other) > len(self):
            return False
        return all(self._columns[path].same_start(other.column(path), same) for path in other.names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Plan):
            return NotImplemented
        return self is other or (len(self) == len(other) and self.starts_with(other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Plan of {self._length} runs over {_words(self.names)}>"


def _words(names: tuple[Path, ...]) -> str:
    return ", ".join(repr(dotted(path)) for path in names) or "no parameters"


class Outline(Plan):
    """Names and length of a plan whose values are elsewhere."""

    __slots__ = ("_names",)

    def __init__(self, names: tuple[Path, ...], length: int) -> None:
        super().__init__()
        self._names = names
        self._length = length

    def __reduce__(self) -> tuple[Any, ...]:
        return Outline, (self._names, self._length)

    @property
    def names(self) -> tuple[Path, ...]:
        return self._names

    @property
    def is_explored(self) -> bool:
        return True

    def column(self, path: Path) -> Column:
        """Raise DesignError: a worker knows the values of its own runs only."""
        raise DesignError(
            f"the values of {dotted(path)!r} at other runs are not known in a worker process: a run sees its "
            "own point. Pass what it needs as an argument of env.run"
        )
