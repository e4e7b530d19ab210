"""Which axes draw their values?"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import numpy.typing as npt

from pypet_ng.errors import DesignError
from pypet_ng.spaces import keys
from pypet_ng.spaces.axes import AbstractAxis, check_count, check_shape, spread
from pypet_ng.spaces.backend import as_array, jax_or_none

__all__ = ["ChoiceAxis", "NormalAxis", "NumPyroAxis", "PickedKeyAxis", "PointKeyAxis", "SeedAxis"]


class NormalAxis(AbstractAxis):
    """`n` real numbers drawn from a normal distribution, each spread over `shape`."""

    def __init__(
        self,
        mean: float,
        std: float,
        n: int,
        shape: tuple[int, ...] | None = None,
        group: Hashable | None = None,
        wrap: Callable[[Any], Any] | None = None,
    ) -> None:
        """ValueError unless n and the standard deviation are positive."""
        super().__init__(group, wrap)
        self.n = check_count(n, "Sample size")
        if not std > 0:
            raise ValueError(f"Standard deviation must be positive, got {std}")
        self.mean = mean
        self.std = std
        self.shape = check_shape(shape)

    @property
    def size(self) -> int:
        return self.n

    def generate_values(self, key: Any = None) -> Any:
        return spread(keys.normal(keys.root_key(key), self.n) * self.std + self.mean, self.shape)

    def _words(self) -> list[str]:
        words = [f"mean={self.mean}", f"std={self.std}", f"n={self.n}"]
        return words if not self.shape else [*words, f"shape={self.shape}"]


class ChoiceAxis(AbstractAxis):
    """`n` values, each chosen from some options, all equally likely or with probabilities `p`."""

    def __init__(
        self,
        options: Any,
        n: int,
        p: Any = None,
        group: Hashable | None = None,
        wrap: Callable[[Any], Any] | None = None,
    ) -> None:
        """`p`: one weight from 0 on per option, not all 0; they need not sum to 1."""
        super().__init__(group, wrap)
        self.n = check_count(n, "Sample size")
        self.options = as_array(options)
        if not self.options.ndim or not self.options.shape[0]:
            raise ValueError(f"There is nothing to choose from: {options!r}")
        count = int(self.options.shape[0])
        weights = np.ones(count) if p is None else np.asarray(p, np.float64)
        if weights.shape != (count,) or not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
            raise ValueError(f"p={p!r} must be {count} weights from 0 on, one per option, not all 0")
        self.p = weights / weights.sum()

    @property
    def size(self) -> int:
        return self.n

    def generate_values(self, key: Any = None) -> Any:
        shares = np.asarray(keys.uniform(keys.root_key(key), self.n, 0.0, 1.0), np.float64)
        # Ending with the last option that has a weight: rounding must not choose one that has none.
        last = int(np.flatnonzero(self.p)[-1])
        chosen = np.searchsorted(np.cumsum(self.p)[:last], shares, side="right")
        return self.options[chosen]

    def _words(self) -> list[str]:
        return [f"options={self.options!r}", f"n={self.n}"]


class SeedAxis(AbstractAxis):
    """`n` keys for random numbers: each point is repeated with `n` realisations of its noise.

    The values are typed JAX keys, or :class:`pypet_ng.spaces.Key` where JAX is not installed. All
    points of a product share the same `n` keys (common random numbers); :class:`PointKeyAxis` gives
    each point its own.
    """

    def __init__(
        self, n: int, group: Hashable | None = None, wrap: Callable[[Any], Any] | None = None
    ) -> None:
        super().__init__(group, wrap)
        self.n = check_count(n, "Number of seeds")

    @property
    def size(self) -> int:
        return self.n

    def generate_values(self, key: Any = None) -> Any:
        return _key_array(keys.split(_typed(keys.root_key(key)), self.n))

    def _words(self) -> list[str]:
        return [f"n={self.n}"]


class PointKeyAxis(AbstractAxis):
    """A key of its own for each point of the space: it adds no points.

    Point i has the axis' key folded in with i.
    """

    def __init__(self, wrap: Callable[[Any], Any] | None = None) -> None:
        super().__init__(None, wrap)

    @property
    def size(self) -> int:
        """DesignError: there are as many values as the space has points."""
        raise DesignError("A PointKeyAxis has as many values as its space has points: ask the space.")

    def base_key(self, key: Any = None) -> Any:
        """Give the typed key that the numbers of the points are folded into."""
        return _typed(keys.root_key(key))

    def generate_values(self, key: Any = None, n: int = 1) -> Any:
        """Give the keys of the first `n` points."""
        return _key_array(keys.fold_in_all(self.base_key(key), np.arange(n, dtype=np.uint32)))


class PickedKeyAxis(AbstractAxis):
    """The own keys of some points of a space that had a :class:`PointKeyAxis`."""

    random = False

    def __init__(
        self, numbers: npt.NDArray[np.uint32], base: Any, wrap: Callable[[Any], Any] | None = None
    ) -> None:
        """`numbers`: those of the points, folded into the key `base`."""
        super().__init__(None, wrap)
        self.numbers = numbers
        self.base = base

    @property
    def size(self) -> int:
        return len(self.numbers)

    def generate_values(self, key: Any = None) -> Any:
        return _key_array(keys.fold_in_all(self.base, self.numbers))

    def _words(self) -> list[str]:
        return [f"n={self.size}"]


def _typed(key: Any) -> Any:
    """Give JAX's legacy keys, plain words, as typed ones."""
    implementation = keys.implementation_of(key)
    return key if implementation is not None else keys.wrap_words(key, "threefry2x32")


def _key_array(made: Any) -> Any:
    if not isinstance(made, list):
        return made
    held = np.empty(len(made), object)
    held[:] = made
    return held


class NumPyroAxis(AbstractAxis):
    """`n` samples of a NumPyro distribution (or of anything with its ``sample`` and ``batch_shape``).

    Parameters
    ----------
    sample_shape
        Shape of each value, in front of the distribution's own.
    broadcast_mode
        Draw one number per value and spread it over `sample_shape`, instead of one per element.
    """

    def __init__(
        self,
        distribution: Any,
        n: int,
        sample_shape: tuple[int, ...] | None = None,
        broadcast_mode: bool = False,
        group: Hashable | None = None,
        wrap: Callable[[Any], Any] | None = None,
    ) -> None:
        """TypeError for no distribution, ValueError for n < 1."""
        super().__init__(group, wrap)
        if not callable(getattr(distribution, "sample", None)) or not hasattr(distribution, "batch_shape"):
            raise TypeError("distribution must be a NumPyro distribution instance")
        self.distribution = distribution
        self.n = check_count(n, "Sample size")
        self.sample_shape = check_shape(sample_shape) or ()
        self.broadcast_mode = bool(broadcast_mode)

    @property
    def size(self) -> int:
        return self.n

    def generate_values(self, key: Any = None) -> Any:
        """Give the samples; ImportError says what to install if JAX is missing."""
        jax = jax_or_none()
        if jax is None:
            raise ImportError('NumPyroAxis draws with JAX: pip install "pypet_ng[jax]"')
        key = keys.root_key(key)
        if not self.broadcast_mode:
            return self.distribution.sample(key, (self.n, *self.sample_shape))
        drawn = self.distribution.sample(key, (self.n,))
        rest = drawn.shape[1:]
        ones = (1,) * len(self.sample_shape)
        return jax.numpy.broadcast_to(
            drawn.reshape((self.n, *ones, *rest)), (self.n, *self.sample_shape, *rest)
        )

    def _words(self) -> list[str]:
        return [f"distribution={self.distribution!r}", f"n={self.n}"]
