"""How do lists of values become the points of a product, and which points are visited more than once?"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pypet_ng._typing import Array
from pypet_ng.errors import DesignError, near_names
from pypet_ng.spaces.columns import Column, PeriodicColumn, column_of, same_values

__all__ = ["cartesian_product", "find_unique_points"]


def cartesian_product(
    parameter_dict: Mapping[str, Iterable[Any]],
    combined_parameters: Sequence[str | Sequence[str]] = (),
) -> dict[str, PeriodicColumn]:
    """Give the explored values of all combinations, the first name varying slowest.

    `combined_parameters` gives another order; names in an inner tuple are zipped instead of
    multiplied. The values behave as lists that never change (``copy()`` gives one that does) and cost
    the sum of the axes.

    DesignError for a list without values, zipped lists of unequal length, and names that are
    missing, unknown or repeated.

    >>> product = cartesian_product({"x": [1, 2], "y": [3.0, 4.0, 5.0]})
    >>> product["x"], product["y"]
    ([1, 1, 1, 2, 2, 2], [3.0, 4.0, 5.0, 3.0, 4.0, 5.0])
    """
    groups = [
        (group,) if isinstance(group, str) else tuple(group)
        for group in (combined_parameters or parameter_dict)
    ]
    named = [name for group in groups for name in group]
    for place, name in enumerate(named):
        if name not in parameter_dict:
            raise DesignError(
                f"combined_parameters names {name!r}, for which no values are given."
                + near_names(name, parameter_dict)
            )
        if name in named[:place]:
            raise DesignError(f"combined_parameters names {name!r} twice")
    for name in parameter_dict:
        if name not in named:
            raise DesignError(f"combined_parameters leaves out {name!r}, for which values are given")
    axes: dict[str, Column] = {}
    for name, values in parameter_dict.items():
        try:
            axes[name] = column_of(values)
        except DesignError as error:
            error.add_note(f"Parameter: {name!r}")
            raise
    lengths = [len(axes[group[0]]) if group else 1 for group in groups]
    for group, length in zip(groups, lengths, strict=True):
        for name in group:
            if len(axes[name]) != length:
                raise DesignError(
                    f"zipped parameters need as many values as each other: {group[0]!r} has {length}, "
                    f"{name!r} has {len(axes[name])}"
                )
    total = 1
    for length in lengths:
        total *= length
    columns: dict[str, PeriodicColumn] = {}
    repeat = total
    for group, length in zip(groups, lengths, strict=True):
        repeat //= length
        for name in group:
            columns[name] = PeriodicColumn(axes[name], repeat, total)
    return {name: columns[name] for name in parameter_dict}


def find_unique_points(explored_parameters: Iterable[Any]) -> list[tuple[tuple[Any, ...], list[int]]]:
    """Give each point that is visited, in order of first visit, with the runs that visit it.

    Takes parameters with a range (``f_get_range()``), columns or lists; values are compared by hash
    where they have one, else by equality (which costs the product of runs and distinct values).
    """
    ranges = [
        parameter.f_get_range() if hasattr(parameter, "f_get_range") else parameter
        for parameter in explored_parameters
    ]
    if not ranges:
        return []
    if len(set(map(len, ranges))) > 1:
        raise DesignError(f"explored parameters of unequal lengths: {[len(values) for values in ranges]}")
    runs: dict[tuple[int, ...], list[int]] = {}
    for run, point in enumerate(zip(*map(_numbers, ranges), strict=True)):
        runs.setdefault(point, []).append(run)
    return [(tuple(values[visits[0]] for values in ranges), visits) for visits in runs.values()]


def _numbers(values: Sequence[Any] | Array) -> list[int]:
    """Give for each value the number of the distinct value that it is."""
    by_key: dict[Hashable, int] = {}
    others: list[tuple[Any, int]] = []
    numbers: list[int] = []
    for value in values:
        key = _key(value)
        if key is not None:
            numbers.append(by_key.setdefault(key, len(by_key) + len(others)))
            continue
        for known, number in others:
            if same_values(known, value):
                numbers.append(number)
                break
        else:
            numbers.append(len(by_key) + len(others))
            others.append((value, numbers[-1]))
    return numbers


def _key(value: Any) -> Hashable | None:
    """Give something hashable that is equal for equal values, None if there is no such thing."""
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            return None
        return type(value), value.dtype.str, value.shape, value.tobytes()
    try:
        hash(value)
        # NaN is not equal to itself, but the same point.
        return ("nan", type(value)) if isinstance(value, float) and value != value else ("", value)
    except TypeError:
        return None
