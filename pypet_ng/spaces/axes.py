"""Which axes can a leaf of a state be replaced by? (``drawn.py`` and ``covering.py`` have more.)"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from typing import Any, ClassVar

import numpy as np

from pypet_ng.spaces import keys
from pypet_ng.spaces.backend import as_array, jax_or_none

__all__ = ["AbstractAxis", "DataAxis", "GridAxis", "LogGridAxis", "UniformAxis"]


class AbstractAxis(ABC):
    """Values for one leaf of a state. Put it in the leaf's place and give the state to a Space.

    To write an axis of your own, give it :attr:`size` and :meth:`generate_values`, and call
    ``super().__init__(group, wrap)``. An axis must give the same values for the same key each time.

    Parameters
    ----------
    group
        Axes with equal labels (any hashable) move together, wherever in the state they are.
    wrap
        Called with the value of one point when a state is made; its result takes the leaf's place.
        Frames, columns and files have the plain values. If it has a method
        ``validate_initial_value``, that is called once with all values.
    """

    group: Hashable | None = None
    wrap: Callable[[Any], Any] | None = None
    random: ClassVar[bool] = True
    """Whether the values depend on the key; if not, another key is no other exploration."""

    def __init__(self, group: Hashable | None = None, wrap: Callable[[Any], Any] | None = None) -> None:
        if wrap is not None and not callable(wrap):
            raise TypeError(f"wrap={wrap!r} of an axis must be something to call with a value.")
        hash(group)  # TypeError now, with the axis in the traceback
        self.group = group
        self.wrap = wrap

    @abstractmethod
    def generate_values(self, key: Any = None) -> Any:
        """Give the values as an array of shape (size, ...); `key` None is key 0.

        A JAX array where JAX is installed, else a numpy array.
        """

    @property
    @abstractmethod
    def size(self) -> int:
        """The number of values."""

    def __repr__(self) -> str:
        words = [*self._words()]
        if self.group is not None:
            words.append(f"group={self.group!r}")
        if self.wrap is not None:
            words.append(f"wrap={self.wrap!r}")
        return f"{type(self).__name__}({', '.join(words)})"

    def _words(self) -> list[str]:
        return []


def check_count(n: Any, what: str) -> int:
    """Give a number of values as int; ValueError below 1, TypeError for no whole number."""
    try:
        count = operator.index(n)
    except TypeError:
        raise TypeError(f"{what} must be a whole number, got {n!r}") from None
    if count <= 0:
        raise ValueError(f"{what} must be positive, got {n}")
    return count


def check_shape(shape: Any) -> tuple[int, ...] | None:
    """Give a shape as tuple of ints; TypeError for a number."""
    if shape is None:
        return None
    try:
        return tuple(operator.index(length) for length in shape)
    except TypeError:
        raise TypeError(f"shape must be a tuple of whole numbers such as (68,), got {shape!r}") from None


def spread(values: Any, shape: tuple[int, ...] | None) -> Any:
    """Give each of n values as a constant array of a shape: (n,) becomes (n, *shape)."""
    if not shape:
        return values
    jax = jax_or_none()
    numpy: Any = np if jax is None else jax.numpy
    return numpy.broadcast_to(values.reshape((-1,) + (1,) * len(shape)), (len(values), *shape))


class BoundedAxis(AbstractAxis):
    """An axis of `n` real numbers between two bounds, each spread over `shape`."""

    _n_is: ClassVar[str] = "Sample size"

    def __init__(
        self,
        low: float,
        high: float,
        n: int,
        shape: tuple[int, ...] | None = None,
        group: Hashable | None = None,
        wrap: Callable[[Any], Any] | None = None,
    ) -> None:
        """ValueError unless n > 0 and low < high; `shape` is that of each value."""
        super().__init__(group, wrap)
        count = check_count(n, self._n_is)
        if not low < high:
            raise ValueError(f"Low bound ({low}) must be less than high bound ({high})")
        self.low = low
        self.high = high
        self.n = count
        self.shape = check_shape(shape)

    @property
    def size(self) -> int:
        return self.n

    def _words(self) -> list[str]:
        words = [f"low={self.low}", f"high={self.high}", f"n={self.n}"]
        return words if not self.shape else [*words, f"shape={self.shape}"]


class GridAxis(BoundedAxis):
    """`n` equidistant real numbers from `low` to `high`, both included.

    >>> GridAxis(0.0, 1.0, 5).size
    5
    """

    random = False
    _n_is = "Grid size"

    def generate_values(self, key: Any = None) -> Any:
        jax = jax_or_none()
        numpy: Any = np if jax is None else jax.numpy
        return spread(numpy.linspace(self.low, self.high, self.n), self.shape)


class LogGridAxis(BoundedAxis):
    """`n` real numbers from `low` to `high`, each the same multiple of the one before; `low` above 0."""

    random = False
    _n_is = "Grid size"

    def __init__(
        self,
        low: float,
        high: float,
        n: int,
        shape: tuple[int, ...] | None = None,
        group: Hashable | None = None,
        wrap: Callable[[Any], Any] | None = None,
    ) -> None:
        check_count(n, self._n_is)
        if low <= 0:
            raise ValueError(f"Low bound must be positive for log scale, got {low}")
        super().__init__(low, high, n, shape, group, wrap)

    def generate_values(self, key: Any = None) -> Any:
        jax = jax_or_none()
        numpy: Any = np if jax is None else jax.numpy
        return spread(numpy.geomspace(self.low, self.high, self.n), self.shape)


class UniformAxis(BoundedAxis):
    """`n` real numbers drawn uniformly between `low` and `high`."""

    def generate_values(self, key: Any = None) -> Any:
        return spread(keys.uniform(keys.root_key(key), self.n, self.low, self.high), self.shape)


class DataAxis(AbstractAxis):
    """Given values: the first dimension of an array, or a list.

    Numbers keep their type as far as JAX has it (without x64 it cuts 64 bits to 32). An array of keys
    is possible; texts and other objects are, too, for functions that are not traced.

    >>> DataAxis([0.1, 0.2, 0.5]).size
    3
    """

    random = False

    def __init__(
        self, values: Any, group: Hashable | None = None, wrap: Callable[[Any], Any] | None = None
    ) -> None:
        """ValueError for no values, TypeError for a single one."""
        super().__init__(group, wrap)
        if not hasattr(values, "__len__") and hasattr(values, "__iter__"):
            values = list(values)
        array = as_array(values)
        if not array.ndim:
            raise TypeError(f"Data axis requires several values, as a list or an array, got {values!r}")
        if not array.shape[0]:
            raise ValueError("Data axis requires at least one value")
        self.values = array

    def generate_values(self, key: Any = None) -> Any:
        return self.values

    @property
    def size(self) -> int:
        return int(self.values.shape[0])

    def _words(self) -> list[str]:
        text = " ".join(str(self.values).split())
        return [f"values={text if len(text) <= 80 else text[:77] + '...'}"]
