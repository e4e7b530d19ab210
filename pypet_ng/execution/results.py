"""What does a model give at the points of a Space, and how is it looked at?"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pypet_ng._typing import Array
from pypet_ng.errors import NodeNotFoundError, RunFailedError, near_names
from pypet_ng.execution import tables
from pypet_ng.spaces import Space
from pypet_ng.spaces.pytrees import flatten, name_of
from pypet_ng.tree.records import Failure

if TYPE_CHECKING:
    import pandas
    import xarray

__all__ = ["ParallelResult", "Result", "SequentialResult"]


class Result(ABC):
    """What a model gave, point by point: a sequence as long as its Space.

    ``result[i]`` is what the model gave at point i, ``result[1:3]`` a list of such, and
    ``result['m.x']`` one quantity at all points, of shape (point, ...). Quantities are named by their
    way through what the model gives: ``'m.x'``, ``'[0]'``, ``'value'`` for a bare array.
    """

    def __init__(self, space: Space, failures: Sequence[Failure] = ()) -> None:
        self._space = space
        self._failures = {failure.row: failure for failure in failures}

    @property
    def space(self) -> Space:
        """The points."""
        return self._space

    @property
    def N(self) -> int:  # noqa: N802  (the name that scripts use)
        """The number of points."""
        return self._space.N

    @property
    def failures(self) -> Mapping[int, Failure]:
        """What went wrong, by point."""
        return self._failures

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Names of the quantities."""

    @abstractmethod
    def column(self, name: str) -> Array:
        """Give one quantity at all points, shape (point, ...), or objects where shapes or types differ.

        Failed points hold NaN, 0 in integers, None in objects. KeyError-like NodeNotFoundError if
        there is no such quantity.
        """

    @abstractmethod
    def _at(self, index: int) -> Any:
        """Give what the model gave at a point that is there and did not fail."""

    def __len__(self) -> int:
        return self._space.N

    def __iter__(self) -> Iterator[Any]:
        for index in range(len(self)):
            yield self[index]

    def __getitem__(self, index: Any) -> Any:
        """Give what the model gave at one point, a list of it for a slice, a column for a name.

        IndexError beyond the last point, RunFailedError for a point at which the model failed.
        """
        if isinstance(index, str):
            return self.column(index)
        count = len(self)
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(count))]
        place = operator.index(index)
        if not -count <= place < count:
            raise IndexError(f"Index {place} out of range for length {count}")
        place %= count
        if place in self._failures:
            failure = self._failures[place]
            raise RunFailedError(
                f"The model failed at point {place}: {failure.type}: {failure.message}\n{failure.traceback}"
            )
        return self._at(place)

    def _unknown(self, name: str) -> NodeNotFoundError:
        return NodeNotFoundError(
            f"The model gave no {name!r}: there are {', '.join(map(repr, self.names)) or 'no quantities'}."
            + near_names(name, self.names)
        )

    def to_dataframe(self) -> pandas.DataFrame:
        """Give a table with one row per point: the axes, then the quantities; arrays are objects.

        A quantity of an axis' name is called ``result.<name>``.
        """
        return tables.frame(self._space, {name: self.column(name) for name in self.names})

    def to_xarray(self) -> xarray.Dataset:
        """Give a Dataset: one dimension per axis (or group) of a product, else the dimension ``point``.

        Arrays have further dimensions ``<name>_0``, ``<name>_1``, ...
        """
        return tables.dataset(self._space, {name: self.column(name) for name in self.names})

    def __repr__(self) -> str:
        failed = f", {len(self._failures)} failed" if self._failures else ""
        return f"<{type(self).__name__} of {len(self)} points{failed}: {', '.join(self.names)}>"


class SequentialResult(Result):
    """What a model gave, called at one point after the other."""

    def __init__(self, space: Space, results: list[Any], failures: Sequence[Failure] = ()) -> None:
        """`results`: what it gave at each point; anything at points that failed."""
        super().__init__(space, failures)
        self._results = results
        self._leaves: dict[str, list[Any]] | None = None

    @property
    def results(self) -> list[Any]:
        """What the model gave, as a list."""
        return self._results

    def _at(self, index: int) -> Any:
        return self._results[index]

    def _by_name(self) -> dict[str, list[Any]]:
        if self._leaves is None:
            found: dict[str, list[Any]] = {}
            for index, result in enumerate(self._results):
                if index not in self._failures:
                    tree = flatten(result)
                    for steps, leaf in zip(tree.steps, tree.leaves, strict=True):
                        found.setdefault(name_of(steps), [None] * len(self._results))[index] = leaf
            self._leaves = found
        return self._leaves

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._by_name())

    def column(self, name: str) -> Array:
        try:
            values = self._by_name()[name]
        except KeyError:
            raise self._unknown(name) from None
        return tables.stacked(values)


class ParallelResult(Result):
    """What a model gave in batches: a column for each quantity, in memory.

    ``result[i]`` is made of numpy scalars and views of the columns: some microseconds.
    """

    def __init__(
        self,
        space: Space,
        columns: Sequence[Any],
        names: Sequence[str],
        rebuild: Callable[[Sequence[Any]], Any],
        *,
        n_vmap: int | str,
        n_pmap: int,
        failures: Sequence[Failure] = (),
    ) -> None:
        """`columns`: of shape (point, ...), one per leaf of what the model gives; `rebuild` makes that of
        its leaves."""
        super().__init__(space, failures)
        self._columns = list(columns)
        self._names = tuple(names)
        self._rebuild = rebuild
        self._n_vmap = n_vmap
        self._n_pmap = n_pmap
        self._count = space.N

    @property
    def n_vmap(self) -> int | str:
        """Points per device that were computed at once."""
        return self._n_vmap

    @property
    def n_pmap(self) -> int:
        """Number of devices."""
        return self._n_pmap

    @property
    def names(self) -> tuple[str, ...]:
        return self._names

    @property
    def results(self) -> Any:
        """All as one pytree of arrays (n_pmap, points per device, ...); the last point fills up."""
        each = -(-self._count // self._n_pmap)
        lacking = each * self._n_pmap - self._count
        shaped = []
        for column in self._columns:
            whole = np.asarray(column)
            if lacking:
                whole = np.concatenate([whole, np.repeat(whole[-1:], lacking, axis=0)])
            shaped.append(whole.reshape(self._n_pmap, each, *whole.shape[1:]))
        return self._rebuild(shaped)

    def __getitem__(self, index: Any) -> Any:
        # the way of loops over all points: everything that is not plain takes the other one
        if type(index) is int and not self._failures and -self._count <= index < self._count:
            return self._rebuild([column[index] for column in self._columns])
        return super().__getitem__(index)

    def _at(self, index: int) -> Any:
        return self._rebuild([column[index] for column in self._columns])

    def column(self, name: str) -> Array:
        if name not in self._names:
            raise self._unknown(name)
        column = self._columns[self._names.index(name)]
        return column if isinstance(column, np.ndarray) else tables.stacked(list(column))
