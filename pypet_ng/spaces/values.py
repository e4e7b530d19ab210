"""How are the values of one axis held, on the host and as leaves of states?

A file, a column and another process have the *plain* form of a value: a number or array of numpy, for a
key the words it is made of, for a point's own key the point's number. A *finish* makes the leaf of it;
it crosses processes, and works on traced values.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array
from pypet_ng.errors import DesignError
from pypet_ng.spaces import keys
from pypet_ng.spaces.arrangement import Factor
from pypet_ng.spaces.axes import AbstractAxis, DataAxis
from pypet_ng.spaces.backend import host_array, is_tracing, is_typed_key, jax_or_none
from pypet_ng.spaces.collecting import join
from pypet_ng.spaces.columns import ArrayColumn, Column, ListColumn, PeriodicColumn, column_of
from pypet_ng.spaces.drawn import PickedKeyAxis, PointKeyAxis

__all__ = ["Finish", "Held", "Plain", "hold"]

_Numbers = npt.NDArray[np.int64]
_FEW = 256
_BLOCK = 16
_REMEMBERED = 4096


class Plain:
    """Gives a value with the type of its axis: numbers of Python become numpy's."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype

    def __reduce__(self) -> tuple[Any, ...]:
        return Plain, (self.dtype,)

    def __call__(self, value: Any) -> Any:
        return self.dtype.type(value) if type(value) in (bool, int, float, complex) else value


class AsIs:
    """Gives texts and other objects unchanged."""

    __slots__ = ()

    def __call__(self, value: Any) -> Any:
        return value


class WrapKey:
    """Makes a key of its words."""

    __slots__ = ("implementation",)

    def __init__(self, implementation: str | None) -> None:
        self.implementation = implementation

    def __reduce__(self) -> tuple[Any, ...]:
        return WrapKey, (self.implementation,)

    def __call__(self, value: Any) -> Any:
        return keys.wrap_words(value, self.implementation)


class FoldIn:
    """Makes a point's own key of the point's number."""

    __slots__ = ("_key", "implementation", "words")

    def __init__(self, words: Array, implementation: str | None) -> None:
        self.words = words
        self.implementation = implementation
        self._key: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        return FoldIn, (np.array(self.words), self.implementation)

    @property
    def key(self) -> Any:
        """The key that the numbers are folded into."""
        if self._key is not None:
            return self._key
        key = keys.wrap_words(self.words, self.implementation)
        if not is_tracing():  # else it is abstract, and of no use once the trace is over
            self._key = key
        return key

    def __call__(self, value: Any) -> Any:
        return keys.fold_in_all(self.key, value)


Finish = Callable[[Any], Any]


class Held(ABC):
    """The values of one axis."""

    finish: Finish

    @abstractmethod
    def plain(self, places: _Numbers) -> Array:
        """Give plain values at some places of the axis, shape (place, ...)."""

    @abstractmethod
    def gather(self, places: _Numbers) -> Any:
        """Give leaves at some places of the axis as one array, shape (place, ...)."""

    @abstractmethod
    def leaf(self, place: int) -> Any:
        """Give the leaf at one place. Remembers a few thousand, as making one takes microseconds."""

    @abstractmethod
    def column(self, factor: Factor, n: int) -> Column:
        """Give the plain values at all `n` points; costs the axis."""

    def tabled(self, places: _Numbers) -> Array:
        """Give values as a table shows them."""
        return self.plain(places)

    def picked(self, axis: AbstractAxis, places: _Numbers) -> AbstractAxis:
        """Give an axis with the values at some places, grouped and wrapped as `axis`."""
        return DataAxis(self.gather(places), group=axis.group, wrap=axis.wrap)

    def joined(
        self, name: str, axis: AbstractAxis, places: _Numbers, other: Held, others: _Numbers
    ) -> AbstractAxis:
        """Give an axis with the values at some places, and behind them some of `other`'s."""
        values = join(name, self.gather(places), other.gather(others))
        return DataAxis(values, group=axis.group, wrap=axis.wrap)


class HeldValues(Held):
    """Numbers, arrays or objects."""

    def __init__(self, values: Any) -> None:
        self._values = values
        self._host: Array | None = None
        self._made: dict[int, Any] = {}
        self._expected = -1
        dtype = host_array(values).dtype if isinstance(values, np.ndarray) else np.dtype(values.dtype)
        self.finish: Finish = AsIs() if dtype.hasobject else Plain(dtype)

    @property
    def host(self) -> Array:
        """All plain values."""
        if self._host is None:
            self._host = host_array(self._values)
        return self._host

    def plain(self, places: _Numbers) -> Array:
        return self.host[places]

    def gather(self, places: _Numbers) -> Any:
        return self._values[places]

    def leaf(self, place: int) -> Any:
        found = self._made.get(place)
        if found is not None:
            return found
        values = self._values
        if isinstance(values, np.ndarray):
            return values[place]
        remembered = self._made
        if len(remembered) >= _REMEMBERED:
            remembered.clear()
        expected, self._expected = self._expected, place + 1
        if place != expected or place + _BLOCK > values.shape[0]:
            made = self._make(place)
            if isinstance(made, jax_or_none().core.Tracer):  # somebody traces around us
                return made
            remembered[place] = made
            return made
        # Somebody goes through the points: making the neighbours as well costs little more.
        block = _unstack()(values, place)
        if not isinstance(block[0], jax_or_none().core.Tracer):
            remembered.update(enumerate(block, place))
            self._expected = place + _BLOCK
        return block[0]

    def _make(self, place: int) -> Any:
        """Make one leaf: from the host, or where there are many by a compiled function, in half the time."""
        if self._values.shape[0] > _FEW:
            return _pick()(self._values, place)
        return jax_or_none().numpy.asarray(self.host[place])

    def column(self, factor: Factor, n: int) -> Column:
        return repeated(column_of_array(self.host[: factor.size]), factor, n)


class HeldKeys(HeldValues):
    """Typed keys of JAX."""

    def __init__(self, values: Any) -> None:
        self._values = values
        self._host = None
        self._made = {}
        self._expected = -1
        self.finish = WrapKey(keys.implementation_of(values))

    def _make(self, place: int) -> Any:
        if self._values.shape[0] > _FEW:
            return _pick()(self._values, place)
        return self.finish(self.host[place])


class HeldNumpyKeys(HeldValues):
    """Keys where JAX is not installed."""

    def __init__(self, values: Array) -> None:
        super().__init__(values)
        self._host = np.stack([keys.words_of(key) for key in values])
        self.finish = WrapKey(keys.implementation_of(values[0]))


class HeldNumbers(Held):
    """The points' own keys: a value is the number of its point."""

    def __init__(self, finish: FoldIn, numbers: npt.NDArray[np.uint32] | None = None) -> None:
        """`numbers`: of the points that are left of a bigger space; None: all."""
        self.finish: FoldIn = finish
        self.numbers = numbers

    def plain(self, places: _Numbers) -> Array:
        if self.numbers is not None:
            return self.numbers[places]
        if places.size and int(places.max()) >= 2**32:
            raise DesignError(
                f"Point {int(places.max())} has no key of its own: a PointKeyAxis numbers 2**32 points."
            )
        return places.astype(np.uint32)

    def gather(self, places: _Numbers) -> Any:
        made = keys.fold_in_all(self.finish.key, self.plain(places))
        if not isinstance(made, list):
            return made
        held = np.empty(len(made), object)
        held[:] = made
        return held

    def tabled(self, places: _Numbers) -> Array:
        made = self.gather(places)
        return np.stack([keys.words_of(key) for key in made]) if made.dtype == object else host_array(made)

    def leaf(self, place: int) -> Any:
        return self.finish(self.plain(np.array([place]))[0])

    def column(self, factor: Factor, n: int) -> Column:
        if self.numbers is not None:
            return repeated(ArrayColumn(self.numbers[: factor.size]), factor, n)
        return ArrayColumn(self.plain(np.arange(n, dtype=np.int64)))

    def picked(self, axis: AbstractAxis, places: _Numbers) -> AbstractAxis:
        return PickedKeyAxis(self.plain(places), self.finish.key, axis.wrap)

    def joined(
        self, name: str, axis: AbstractAxis, places: _Numbers, other: Held, others: _Numbers
    ) -> AbstractAxis:
        same = isinstance(other, HeldNumbers) and np.array_equal(other.finish.words, self.finish.words)
        if not same:
            raise DesignError(
                f"The points' own keys {name!r} come from different keys in the two spaces: use the same key."
            )
        numbers = np.concatenate([self.plain(places), other.plain(others)])
        return PickedKeyAxis(numbers, self.finish.key, axis.wrap)


def hold(axis: AbstractAxis, key: Any) -> Held:
    """Let an axis generate its values; DesignError if they are not as many as it said."""
    if isinstance(axis, PointKeyAxis):
        base = axis.base_key(key)
        return HeldNumbers(FoldIn(keys.words_of(base), keys.implementation_of(base)))
    if isinstance(axis, PickedKeyAxis):
        finish = FoldIn(keys.words_of(axis.base), keys.implementation_of(axis.base))
        return HeldNumbers(finish, axis.numbers)
    values = axis.generate_values(key)
    if not hasattr(values, "shape"):
        values = np.asarray(values)
    if not values.shape or values.shape[0] != axis.size:
        raise DesignError(
            f"{axis!r} says that it has {axis.size} values, but generates an array of shape {values.shape}. "
            "Its generate_values must give (size, ...)."
        )
    if is_typed_key(values):
        return HeldKeys(values)
    if values.dtype == object and isinstance(values[0], keys.Key):
        if jax_or_none() is None:
            return HeldNumpyKeys(values)
        words = np.stack([one.words for one in values])
        return HeldKeys(keys.wrap_words(words, keys.implementation_of(values[0])))
    return HeldValues(values)


def column_of_array(array: Array) -> Column:
    """Give the first dimension of an array as the values of a column."""
    if array.ndim == 1 and array.dtype.kind in "biufc":
        return ArrayColumn(np.array(array))
    if array.dtype.hasobject and array.ndim == 1:
        return column_of(array.tolist())
    return ListColumn(list(np.array(array)))


def repeated(base: Column, factor: Factor, n: int) -> Column:
    """Give a column of a product from the values of its axis."""
    return base if factor.repeat == 1 and factor.size == n else PeriodicColumn(base, factor.repeat, n)


@cache
def _pick() -> Any:
    """Give what makes one leaf, compiled."""
    jax = jax_or_none()

    def pick(values: Any, place: Any) -> Any:
        return jax.lax.dynamic_index_in_dim(values, place, keepdims=False)

    return jax.jit(pick)


@cache
def _unstack() -> Any:
    """Give what makes a block of leaves from a start on, compiled: indexing an array of JAX by itself
    takes ten times as long."""
    jax = jax_or_none()

    def unstack(values: Any, start: Any) -> list[Any]:
        block = jax.lax.dynamic_slice_in_dim(values, start, _BLOCK)
        return [block[place] for place in range(_BLOCK)]

    return jax.jit(unstack)
