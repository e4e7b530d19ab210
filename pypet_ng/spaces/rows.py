"""How do explicit rows become axes of a state?"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from pypet_ng.spaces.axes import DataAxis
from pypet_ng.spaces.designs import cases

__all__ = ["case_axes"]


def case_axes(rows: Iterable[Mapping[str, Any]], group: Hashable = "cases") -> dict[str, DataAxis]:
    """Give one axis per name of a list of dictionaries (or a data frame), all in one group.

    DesignError if rows have different names.

    >>> list(case_axes([{"x": 1.0, "y": 2.0}, {"x": 5.0, "y": 6.0}]))
    ['x', 'y']
    """
    design = cases(rows)
    made = {}
    for name, column in design.columns.items():
        numbers = column.array()
        made[name] = DataAxis(column.take() if numbers is None else numbers, group=group)
    return made
