"""How do all random numbers of a space follow from one key?

With JAX, keys are JAX's and so are the draws. Without it, :class:`Key` draws the same numbers from the
same key data as JAX does in 64 bit: the Threefry-2x32 generator (Salmon et al. 2011, "Parallel random
numbers: as easy as 1, 2, 3", section 3.3) counting places, as JAX's partitionable keys do.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array
from pypet_ng.spaces.backend import host_array, is_typed_key, jax_or_none

__all__ = [
    "Key",
    "KeyRule",
    "by_name",
    "by_position",
    "fold_in_all",
    "generator_of",
    "implementation_of",
    "normal",
    "root_key",
    "split",
    "uniform",
    "words_of",
    "wrap_words",
]

_Words: TypeAlias = npt.NDArray[np.uint32]
KeyRule: TypeAlias = Callable[[Any, Sequence[str]], Sequence[Any]]
"""Gives each axis its key, from the space's key and the names of the axes in their order."""

_PARITY: Final = np.uint32(0x1BD11BDA)
_ROTATIONS: Final = ((13, 15, 26, 6), (17, 29, 16, 24))
_THREEFRY: Final = "threefry2x32"
_NUMPY: Final = "pypet_ng"


def _threefry(first: _Words, second: _Words, high: _Words, low: _Words) -> tuple[_Words, _Words]:
    """Encrypt counters (high, low) with a key of two words: 20 rounds; shapes broadcast."""
    schedule = (first, second, first ^ second ^ _PARITY)
    with np.errstate(over="ignore"):
        left, right = high + first, low + second
        for block in range(5):
            for bits in _ROTATIONS[block % 2]:
                left = left + right
                right = (right << np.uint32(bits)) | (right >> np.uint32(32 - bits))
                right = right ^ left
            left = left + schedule[(block + 1) % 3]
            right = right + schedule[(block + 2) % 3] + np.uint32(block + 1)
    return left, right


class Key:
    """A key for random numbers where JAX is not installed. Immutable.

    >>> Key([0, 0]).split(2)[1]
    Key([928981903, 3453687069])
    """

    __slots__ = ("words",)

    def __init__(self, words: Any) -> None:
        """Take two words of 32 bits; ValueError for anything else."""
        data = np.array(words, np.uint32)
        if data.shape != (2,):
            raise ValueError(f"A key is made of two numbers of 32 bits, not of {words!r}.")
        data.flags.writeable = False
        self.words: Final[_Words] = data

    def __reduce__(self) -> tuple[Any, ...]:
        return Key, (self.words.tolist(),)

    def _counted(self, n: int) -> tuple[_Words, _Words]:
        places = np.arange(n, dtype=np.uint64)
        high = (places >> np.uint64(32)).astype(np.uint32)
        return _threefry(self.words[:1], self.words[1:], high, places.astype(np.uint32))

    def split(self, n: int) -> list[Key]:
        """Give `n` keys whose numbers have nothing to do with each other."""
        left, right = self._counted(n)
        return [Key([one, two]) for one, two in zip(left.tolist(), right.tolist(), strict=True)]

    def fold_in(self, number: int) -> Key:
        """Give the key that belongs to a number of 32 bits."""
        zero = np.zeros(1, np.uint32)
        left, right = _threefry(self.words[:1], self.words[1:], zero, zero + np.uint32(number))
        return Key([int(left[0]), int(right[0])])

    def uniform(self, n: int) -> npt.NDArray[np.float64]:
        """Give `n` numbers from 0 (included) to 1 (not)."""
        left, right = self._counted(n)
        bits = (left.astype(np.uint64) << np.uint64(32)) | right
        ones = (bits >> np.uint64(12)) | np.uint64(0x3FF0000000000000)
        numbers: npt.NDArray[np.float64] = ones.view(np.float64) - 1.0
        return numbers

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and bool((self.words == other.words).all())

    def __hash__(self) -> int:
        return hash(self.words.tobytes())

    def __repr__(self) -> str:
        return f"Key({self.words.tolist()})"


def root_key(given: Any = None) -> Any:
    """Give a usable key for None (always the same one), a key, or the two words of one; else TypeError."""
    jax = jax_or_none()
    if given is None:
        return Key([0, 0]) if jax is None else jax.random.key(0)
    if isinstance(given, Key):
        return given if jax is None else wrap_words(given.words, _THREEFRY)
    words = getattr(given, "dtype", None) == np.uint32 and np.ndim(given) == 1
    if not words and not (is_typed_key(given) and given.ndim == 0):
        raise TypeError(
            f"key={given!r} is no key for random numbers: JAX's invalid PRNG key data. "
            "Use jax.random.key(42), or pypet_ng.spaces.Key([0, 42]) where JAX is not installed."
        )
    return Key(given) if jax is None else given


def words_of(key: Any) -> Array:
    """Give the data of one key: two words of 32 bits, or more for other generators of JAX."""
    return key.words if isinstance(key, Key) else host_array(key)


def implementation_of(keys: Any) -> str | None:
    """Give the name of the generator of typed keys; None for plain words."""
    if isinstance(keys, Key):
        return _NUMPY
    return str(jax_or_none().random.key_impl(keys)) if is_typed_key(keys) else None


def wrap_words(words: Any, implementation: str | None) -> Any:
    """Give the key(s) that :func:`words_of` and :func:`implementation_of` describe; works when traced."""
    if implementation is None:
        return words
    jax = jax_or_none()
    if jax is None:
        return Key(words)
    name = _THREEFRY if implementation == _NUMPY else implementation
    return jax.random.wrap_key_data(jax.numpy.asarray(words), impl=name)


def split(key: Any, n: int) -> Any:
    """Give `n` keys, as a list of :class:`Key` or an array of JAX's keys."""
    return key.split(n) if isinstance(key, Key) else jax_or_none().random.split(key, n)


def fold_in_all(key: Any, numbers: Any) -> Any:
    """Give the keys that belong to some numbers of 32 bits: JAX's, or a list of :class:`Key`.

    A single number gives a single key; works when `numbers` is traced.
    """
    if isinstance(key, Key):
        return [key.fold_in(one) for one in numbers.tolist()] if np.ndim(numbers) else key.fold_in(numbers)
    jax = jax_or_none()
    if not np.ndim(numbers):
        return jax.random.fold_in(key, numbers)
    return jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, numbers)


def uniform(key: Any, n: int, low: Any, high: Any) -> Any:
    """Draw `n` numbers from `low` to `high`."""
    if isinstance(key, Key):
        return np.maximum(low, key.uniform(n) * (high - low) + low)
    return jax_or_none().random.uniform(key, (n,), minval=low, maxval=high)


def normal(key: Any, n: int) -> Any:
    """Draw `n` numbers with mean 0 and standard deviation 1."""
    if isinstance(key, Key):
        from scipy.special import erfinv

        low = np.nextafter(-1.0, 0.0)
        return np.sqrt(2.0) * erfinv(np.maximum(low, key.uniform(n) * (1.0 - low) + low))
    return jax_or_none().random.normal(key, (n,))


def generator_of(key: Any) -> np.random.Generator:
    """Give a numpy generator that starts from the key's data."""
    words = words_of(key).ravel().tolist()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))


def by_position(key: Any, names: Sequence[str]) -> Sequence[Any]:
    """Give the axes keys by their place: a new axis shifts the draws of those that come after it."""
    keys = split(key, len(names) + 1)
    return [keys[place] for place in range(1, len(names) + 1)]


def by_name(key: Any, names: Sequence[str]) -> Sequence[Any]:
    """Give the axes keys by their names: a new axis changes no other axis' draws."""
    return [fold_in_all(key, np.uint32(zlib.crc32(name.encode()))) for name in names]
