"""Which axes together cover a box of parameters more evenly than independent draws?

The dimensions of one design are axes of one group. Each is randomised with its own key, which is what
scrambling does with the dimensions of a sequence: numbers of one design must differ in ``dimension``.
"""

from __future__ import annotations

import abc
import inspect
import warnings
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import numpy.typing as npt

from pypet_ng.errors import DesignError
from pypet_ng.spaces import keys
from pypet_ng.spaces.axes import BoundedAxis, spread
from pypet_ng.spaces.backend import as_array

__all__ = [
    "HaltonAxis",
    "LatinHypercubeAxis",
    "SobolAxis",
    "halton",
    "latin_hypercube",
    "sobol",
]


class CoveringAxis(BoundedAxis, abc.ABC):
    """One dimension of a design that covers a box."""

    def __init__(
        self,
        low: float,
        high: float,
        n: int,
        dimension: int = 0,
        shape: tuple[int, ...] | None = None,
        group: Hashable | None = None,
        wrap: Callable[[Any], Any] | None = None,
    ) -> None:
        """`dimension` counts the axes of one design from 0; `group` is its label, by default the class'."""
        super().__init__(low, high, n, shape, type(self).__name__ if group is None else group, wrap)
        if dimension < 0:
            raise ValueError(f"Dimensions are counted from 0, got {dimension}")
        self.dimension = dimension

    @abc.abstractmethod
    def shares(self, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """Give the values on the unit interval."""

    def generate_values(self, key: Any = None) -> Any:
        shares = self.shares(keys.generator_of(keys.root_key(key)))
        values = as_array(np.clip(self.low * (1.0 - shares) + self.high * shares, self.low, self.high))
        return spread(values, self.shape)

    def _words(self) -> list[str]:
        return [*super()._words(), f"dimension={self.dimension}"]


def _engine(cls: Any, dimensions: int, rng: np.random.Generator) -> Any:
    # scipy 1.15 renamed the argument
    name = "rng" if "rng" in inspect.signature(cls).parameters else "seed"
    return cls(dimensions, scramble=True, **{name: rng})


class SobolAxis(CoveringAxis):
    """A dimension of a scrambled Sobol' sequence (Owen 1998, by ``scipy.stats.qmc``).

    Numbers of points that are no power of two lose its balance, with a warning.
    """

    def shares(self, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        from scipy.stats import qmc

        if self.n & (self.n - 1):
            warnings.warn(
                f"A Sobol' design of {self.n} points is not balanced: use a power of two, as "
                f"{1 << (self.n - 1).bit_length()}.",
                stacklevel=2,
            )
        engine = _engine(qmc.Sobol, self.dimension + 1, rng)
        drawn: npt.NDArray[np.float64] = engine.random_base2((self.n - 1).bit_length())[: self.n, -1]
        return drawn


class HaltonAxis(CoveringAxis):
    """A dimension of a scrambled Halton sequence (Owen 2017, by ``scipy.stats.qmc``)."""

    def shares(self, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        from scipy.stats import qmc

        drawn: npt.NDArray[np.float64] = _engine(qmc.Halton, self.dimension + 1, rng).random(self.n)[:, -1]
        return drawn


class LatinHypercubeAxis(CoveringAxis):
    """A dimension of a Latin hypercube (McKay et al. 1979): one value in each of n equal intervals."""

    def shares(self, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        shares: npt.NDArray[np.float64] = (rng.permutation(self.n) + rng.random(self.n)) / self.n
        return shares


def _jointly(cls: type[CoveringAxis], n: int, ranges: dict[str, Any]) -> dict[str, CoveringAxis]:
    made = {}
    for dimension, (name, pair) in enumerate(ranges.items()):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise DesignError(f"The range of {name!r} is {pair!r}: give a pair of numbers (low, high).")
        made[name] = cls(pair[0], pair[1], n, dimension=dimension)
    return made


def sobol(n: int, **ranges: tuple[float, float]) -> dict[str, CoveringAxis]:
    """Give the axes of one Sobol' design by name, to put into a state: ``{**sobol(64, x=(0, 1)), ...}``."""
    return _jointly(SobolAxis, n, ranges)


def halton(n: int, **ranges: tuple[float, float]) -> dict[str, CoveringAxis]:
    """Give the axes of one Halton design by name, to put into a state."""
    return _jointly(HaltonAxis, n, ranges)


def latin_hypercube(n: int, **ranges: tuple[float, float]) -> dict[str, CoveringAxis]:
    """Give the axes of one Latin hypercube by name, to put into a state."""
    return _jointly(LatinHypercubeAxis, n, ranges)
