"""Which values do all axes of a space have, at which of its points?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array
from pypet_ng.errors import DesignError, near_names
from pypet_ng.spaces import keys
from pypet_ng.spaces.arrangement import MODES, Factor
from pypet_ng.spaces.axes import AbstractAxis, DataAxis
from pypet_ng.spaces.backend import computed_now, is_tracing
from pypet_ng.spaces.collecting import like, table_column
from pypet_ng.spaces.columns import Column
from pypet_ng.spaces.definition import AxisFacts, digest_of
from pypet_ng.spaces.drawn import PickedKeyAxis, PointKeyAxis
from pypet_ng.spaces.values import Finish, Held, HeldNumbers, hold

__all__ = ["AxisTable", "arrange", "draw"]

_Numbers = npt.NDArray[np.int64]


def arrange(axes: Sequence[AbstractAxis], mode: str) -> tuple[int, tuple[Factor, ...]]:
    """Give the number of points, and which value each axis has at a point.

    Axes of points' own keys add no points: they have a value per point.
    """
    shaping = [axis for axis in axes if not isinstance(axis, PointKeyAxis)]
    if not shaping:
        return 1, (Factor(1, 1),) * len(axes)
    arranged = MODES[mode]([axis.size for axis in shaping], [axis.group for axis in shaping])
    own = Factor(1, arranged.n)
    factors = iter(arranged.factors)
    return arranged.n, tuple(own if isinstance(axis, PointKeyAxis) else next(factors) for axis in axes)


def draw(
    names: tuple[str, ...],
    axes: tuple[AbstractAxis, ...],
    arranged: tuple[int, tuple[Factor, ...]],
    key: Any,
    rule: keys.KeyRule,
) -> AxisTable:
    """Let all axes generate their values, once."""

    def all_held() -> tuple[Held, ...]:
        return tuple(hold(axis, one) for axis, one in zip(axes, rule(key, names), strict=True))

    if is_tracing():
        with computed_now():  # the values stay when the trace is over
            values = all_held()
    else:  # not the same to the last bit: compiled functions are taken apart inside of computed_now
        values = all_held()
    table = AxisTable(names, axes, values, *arranged)
    table.show_to_wraps()
    return table


@dataclass(frozen=True, slots=True)
class AxisTable:
    """The axes of a space with their values. Holds nothing per point."""

    names: tuple[str, ...]
    axes: tuple[AbstractAxis, ...]
    held: tuple[Held, ...]
    n: int
    factors: tuple[Factor, ...]

    @property
    def finishes(self) -> list[Finish]:
        """What makes a leaf of a plain value, per axis."""
        return [one.finish for one in self.held]

    @property
    def getters(self) -> list[tuple[int, int, Callable[[int], Any]]]:
        """What gives leaf ``get(i // repeat % size)`` at point i, as (repeat, size, get) per axis."""
        return [
            (factor.repeat, factor.size, one.leaf)
            for factor, one in zip(self.factors, self.held, strict=True)
        ]

    def all_rows(self) -> _Numbers:
        """Give the numbers of all points."""
        return np.arange(self.n, dtype=np.int64)

    def places(self, rows: _Numbers) -> list[_Numbers]:
        """Give the places on the axes at some points."""
        return [factor.places(rows) for factor in self.factors]

    def plain(self, rows: _Numbers) -> list[Array]:
        """Give plain values at some points, per axis one array of shape (row, ...)."""
        return [one.plain(places) for one, places in zip(self.held, self.places(rows), strict=True)]

    def leaves(self, rows: _Numbers) -> list[Any]:
        """Give leaves at some points, per axis one array of shape (row, ...)."""
        return [one.gather(places) for one, places in zip(self.held, self.places(rows), strict=True)]

    def columns(self) -> list[Column]:
        """Give the plain values of all points, per axis one column; costs the axes."""
        return [one.column(factor, self.n) for one, factor in zip(self.held, self.factors, strict=True)]

    def tabled(self) -> dict[str, Any]:
        """Give the columns of a data frame of all points."""
        return {
            name: table_column(one.tabled(places))
            for name, one, places in zip(self.names, self.held, self.places(self.all_rows()), strict=True)
        }

    def facts(self) -> tuple[AxisFacts, ...]:
        """Give what is to be known about the axes. Reads all values."""
        found = []
        for name, axis, one, factor in zip(self.names, self.axes, self.held, self.factors, strict=True):
            size = 1 if isinstance(axis, PointKeyAxis) else factor.size
            plain = one.plain(np.arange(size, dtype=np.int64))
            group = None if axis.group is None else repr(axis.group)
            found.append(AxisFacts(name, type(axis).__name__, size, group, plain.dtype.str, digest_of(plain)))
        return tuple(found)

    def show_to_wraps(self) -> None:
        """Show all values to wraps that want to see them before any point is made."""
        for axis, one, factor in zip(self.axes, self.held, self.factors, strict=True):
            wrap: Any = axis.wrap
            while hasattr(wrap, "func"):  # functools.partial
                wrap = wrap.func
            check = getattr(wrap, "validate_initial_value", None)
            if callable(check):
                check(one.gather(np.arange(factor.size, dtype=np.int64)))

    # -- axes of other points -------------------------------------------------------------------
    def picked(self, rows: _Numbers) -> list[AbstractAxis]:
        """Give axes with the values at some points."""
        return [
            one.picked(axis, places)
            for axis, one, places in zip(self.axes, self.held, self.places(rows), strict=True)
        ]

    def joined(self, other: AxisTable) -> list[AbstractAxis]:
        """Give axes with the values at all points and behind them those of a table of the same names."""
        return [
            one.joined(name, axis, places, two, others)
            for name, axis, one, places, two, others in zip(
                self.names,
                self.axes,
                self.held,
                self.places(self.all_rows()),
                other.held,
                other.places(other.all_rows()),
                strict=True,
            )
        ]

    def continued(self, rows: Sequence[Mapping[str, Any]]) -> list[AbstractAxis]:
        """Give axes with the values of explicit rows; DesignError for other names or types."""
        # Points' own keys are nobody's to give: new points have the next numbers.
        given = [name for name, one in zip(self.names, self.held, strict=True) if not _is_own(one)]
        if not rows:
            raise DesignError("There are no rows to extend the space by: give at least one dictionary.")
        for place, row in enumerate(rows):
            for name in {*row} ^ {*given}:
                raise DesignError(
                    f"Row {place} {'has' if name in row else 'lacks'} {name!r}; the axes are "
                    f"{', '.join(given)}." + (near_names(name, given) if name in row else "")
                )
        first = np.zeros(1, np.int64)
        axes: list[AbstractAxis] = []
        for name, axis, one in zip(self.names, self.axes, self.held, strict=True):
            if isinstance(one, HeldNumbers):
                numbers = np.arange(self.n, self.n + len(rows), dtype=np.uint32)
                axes.append(PickedKeyAxis(numbers, one.finish.key, axis.wrap))
            else:
                values = like([row[name] for row in rows], one.gather(first))
                axes.append(DataAxis(values, group=axis.group, wrap=axis.wrap))
        return axes


def _is_own(held: Held) -> bool:
    return isinstance(held, HeldNumbers)
