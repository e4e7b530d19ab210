"""Which containers does pypet have for arrays and sparse matrices?

Any parameter and result of pypet_ng holds both; these keep pypet's names, and large ranges small.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pypet_ng.spaces.columns import ArrayColumn, Column
from pypet_ng.trajectory.parameter import Parameter
from pypet_ng.trajectory.parameter_leaves import distinct
from pypet_ng.trajectory.result import Result

__all__ = ["ArrayParameter", "SparseParameter", "SparseResult"]


class ArrayParameter(Parameter):
    """A parameter for large values: of a range, each distinct value is kept and stored once.

    >>> import numpy as np
    >>> noise = ArrayParameter("noise", np.zeros(3))
    >>> noise._explore([np.zeros(3), np.ones(3)] * 50)
    >>> len(noise), len(noise.f_get_range(copy=False).base)
    (100, 2)

    Values are told apart by their bytes, which costs one look at each when they are explored.
    """

    __slots__ = ()

    def _checked_column(self, values: Iterable[Any]) -> Column:
        column = super()._checked_column(values)
        return column if isinstance(column, ArrayColumn) else distinct(column)


class SparseParameter(ArrayParameter):
    """A parameter for scipy's sparse matrices and arrays of any format, and for whatever others hold."""

    __slots__ = ()


class SparseResult(Result):
    """A result for scipy's sparse matrices and arrays of any format, and for whatever others hold."""

    __slots__ = ()
