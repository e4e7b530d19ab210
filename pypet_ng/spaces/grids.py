"""Which runs of a plan fill a grid of parameter values, and which cell is whose?

A product that was declared, or lists that repeat as a product does, are recognised by their pattern:
that costs one pass over the columns. Anything else is sorted into its distinct values first.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array, Path
from pypet_ng.errors import DesignError
from pypet_ng.spaces.columns import ArrayColumn, Column, PeriodicColumn
from pypet_ng.spaces.plan import Plan, dotted

__all__ = ["Grid", "find_grid", "make_grid"]


@dataclass(frozen=True, slots=True)
class Grid:
    """Axes of parameter values, and the place of each run among them."""

    axes: Mapping[Path, Column]
    """The values along each dimension, by the parameter that varies along it."""
    cells: npt.NDArray[np.int64] | None
    """Number of each run's cell in C order, shape (run,); None: run i is in cell i."""
    beside: Mapping[Path, tuple[Path, Column]] = field(default_factory=dict)
    """Parameters that were zipped with one of the axes: that axis, and their values along it."""
    full: bool = True
    """Each cell has a run."""

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(values) for values in self.axes.values())

    def spread(self, values: Array) -> Array:
        """Put values of shape (run, ...) into an array of shape (*self.shape, ...); gaps are not set."""
        tail = values.shape[1:]
        if self.cells is None:
            return values.reshape((*self.shape, *tail))
        spread = np.zeros((math.prod(self.shape), *tail), values.dtype)
        spread[self.cells] = values
        return spread.reshape((*self.shape, *tail))

    def gaps(self) -> npt.NDArray[np.bool_]:
        """Give True for cells without a run, shape ``self.shape``."""
        empty = np.ones(math.prod(self.shape), np.bool_)
        empty[slice(None) if self.cells is None else self.cells] = False
        return empty.reshape(self.shape)


def find_grid(plan: Plan) -> Grid | None:
    """Give the grid whose cells the runs fill exactly once, None if there is none.

    Parameters that are only zipped make no grid. In a product some axes of which are zipped
    parameters, the first of these is the axis and the others are beside it.
    """
    if not plan.is_explored:
        return None
    columns = {path: plan.column(path) for path in plan.names}
    declared = all(isinstance(column, PeriodicColumn) for column in columns.values())
    patterns: dict[Path, PeriodicColumn] = {}
    for path, column in columns.items():
        found = column if isinstance(column, PeriodicColumn) else _pattern(column)
        if found is None:
            return _filled(columns, len(plan))
        patterns[path] = found
    grid, zipped = _product(patterns, len(plan), declared)
    return grid if grid is not None or zipped else _filled(columns, len(plan))


def make_grid(plan: Plan, axes: Sequence[Path]) -> Grid:
    """Give the grid over the distinct values of some explored parameters, which may have gaps.

    DesignError if two runs fall into one cell.
    """
    length = len(plan)
    found = {path: _factor(plan.column(path)) for path in axes}
    cells = np.zeros(length, np.int64)
    for path, factored in found.items():
        if factored is None:
            raise DesignError(
                f"the values of {dotted(path)!r} cannot be told apart and make no axis of a grid. "
                "Use dims=['run']"
            )
        cells = cells * len(factored[0]) + factored[1]
    grid_axes = {path: factored[0] for path, factored in found.items() if factored is not None}
    order = np.argsort(cells, kind="stable")
    twice = np.flatnonzero(np.diff(cells[order]) == 0)
    if len(twice):
        one, other = int(order[twice[0]]), int(order[twice[0] + 1])
        point = ", ".join(f"{dotted(path)}={plan.column(path)[one]!r}"[:80] for path in axes)
        raise DesignError(
            f"runs {one} and {other} are both at {point}: they would share a cell of the grid. "
            "Name further explored parameters in dims, or use dims=['run']"
        )
    size = math.prod(len(values) for values in grid_axes.values())
    return Grid(grid_axes, cells, full=size == length)


def _product(
    patterns: Mapping[Path, PeriodicColumn], length: int, declared: bool
) -> tuple[Grid | None, bool]:
    """Give the grid of columns that repeat as those of a product, and whether all are just zipped."""
    groups: dict[tuple[int, int], list[Path]] = {}
    for path, column in patterns.items():
        if len(column.base) > 1:
            groups.setdefault((column.repeat, len(column.base)), []).append(path)
    if len(groups) == 1 and len(patterns) > 1 and sum(map(len, groups.values())) > 1:
        return None, True
    faster = 1
    for repeat, count in sorted(groups):
        if repeat != faster:
            return None, False
        faster *= count
    if faster != length:
        return None, False
    axes: dict[Path, Column] = {}
    beside: dict[Path, tuple[Path, Column]] = {}
    heads: dict[Path, Path] = {}
    for paths in groups.values():
        unique = [path for path in paths if _is_unique(patterns[path].base)]
        if not unique and not declared:
            return None, False
        head = unique[0] if unique else paths[0]
        heads.update(dict.fromkeys(paths, head))
    for path, column in patterns.items():
        if heads.get(path, path) == path:
            axes[path] = column.base
        else:
            beside[path] = (heads[path], column.base)
    slowest_first = sorted(
        (path for path in axes if len(axes[path]) > 1), key=lambda path: -patterns[path].repeat
    )
    cells: npt.NDArray[np.int64] | None = None
    if slowest_first != [path for path in axes if len(axes[path]) > 1]:
        cells = np.zeros(length, np.int64)
        for path, values in axes.items():
            cells *= len(values)
            if len(values) > 1:
                cells += patterns[path].places(slice(None))
    return Grid(axes, cells, beside), False


def _filled(columns: Mapping[Path, Column], length: int) -> Grid | None:
    """Give the grid of the distinct values, None unless each of its cells has exactly one run."""
    axes: dict[Path, Column] = {}
    cells = np.zeros(length, np.int64)
    size = 1
    for path, column in columns.items():
        factored = _factor(column)
        if factored is None:
            return None
        axes[path], codes = factored
        size *= len(axes[path])
        if size > length:
            return None
        cells = cells * len(axes[path]) + codes
    if size != length:
        return None
    seen = np.zeros(size, np.bool_)
    seen[cells] = True
    return Grid(axes, cells) if bool(seen.all()) else None


def _is_unique(values: Column) -> bool:
    factored = _factor(values)
    return factored is not None and len(factored[0]) == len(values)


def _pattern(column: Column) -> PeriodicColumn | None:
    """Give a column as one axis of a product, None if its values do not repeat that way."""
    marks = column.array()
    if marks is None or (marks.dtype.kind in "fc" and bool(np.isnan(marks).any())):
        marks = _codes(column)
        if marks is None:
            return None
    length = len(marks)
    differs = marks != marks[0]
    repeat = int(differs.argmax()) or length
    if length % repeat:
        return None
    heads = marks[::repeat]
    again = np.flatnonzero(heads[1:] == heads[0])
    period = int(again[0]) + 1 if len(again) else len(heads)
    if len(heads) % period:
        return None
    blocks = marks.reshape(-1, period, repeat)
    if not bool((blocks == heads[:period].reshape(1, period, 1)).all()):
        return None
    return PeriodicColumn(column[: period * repeat : repeat], repeat, length)


def _factor(column: Column) -> tuple[Column, npt.NDArray[np.int64]] | None:
    """Give the distinct values of a column and which of them each run has; None if they have no key.

    They are in the order in which they appear, numbers that appear in no order ascending.
    """
    if isinstance(column, PeriodicColumn) and len(column.base) < len(column):
        used_up = column.repeat * len(column.base) <= len(column)
        if used_up and _is_unique(column.base):
            return column.base, column.places(slice(None))
    numbers = column.array()
    if numbers is not None and column.value_type is not None:
        distinct, first, codes = np.unique(numbers, return_index=True, return_inverse=True)
        codes = codes.reshape(-1).astype(np.int64, copy=False)
        if len(first) > 1 and bool((np.diff(first) < 0).all()):
            distinct, codes = distinct[::-1].copy(), len(first) - 1 - codes
        return ArrayColumn(distinct, column.value_type), codes
    listed = _codes(column)
    if listed is None:
        return None
    _, places = np.unique(listed, return_index=True)
    return column.select(places.astype(np.int64)), listed


def _codes(column: Column) -> npt.NDArray[np.int64] | None:
    """Number the distinct values in order of appearance; None if some value has no key."""
    known: dict[Hashable, int] = {}
    codes = np.empty(len(column), np.int64)
    try:
        for place, value in enumerate(column):
            codes[place] = known.setdefault(_key(value), len(known))
    except TypeError:  # not hashable
        return None
    return codes


def _key(value: Any) -> Hashable:
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            return ("array", value.shape, tuple(map(_key, value.ravel().tolist())))
        return ("array", value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, list | tuple):
        return (type(value).__name__, tuple(map(_key, value)))
    if isinstance(value, dict):
        return ("dict", tuple((_key(key), _key(one)) for key, one in value.items()))
    if isinstance(value, float) and value != value:
        return ("nan",)
    hash(value)
    return value  # type: ignore[no-any-return]
