"""What do integrators need of numpy and of JAX, so that they are written once?"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np

from pypet_ng._typing import Array

__all__ = ["Arrays", "JaxArrays", "NumpyArrays", "double_precision"]


def double_precision() -> AbstractContextManager[Any]:
    """Let JAX compute in double precision inside a ``with`` block, whatever it does elsewhere."""
    import jax

    # until 0.8 it was elsewhere
    home = jax if hasattr(jax, "enable_x64") else importlib.import_module("jax.experimental")
    switch: Any = home.enable_x64
    found: AbstractContextManager[Any] = switch(True)
    return found


class Arrays(Protocol):
    """Arrays and loops of one kind. States are tuples of arrays of shape (point, node)."""

    @property
    def module(self) -> str:
        """What equations are compiled for."""

    @property
    def xp(self) -> Any:
        """The module of array functions."""

    def scan(
        self, step: Callable[[Any, Any], tuple[Any, Any]], state: Any, length: int, first: int
    ) -> tuple[Any, Any]:
        """Do ``state, sample = step(state, k)`` for k from `first` on; samples stacked along a new first axis."""

    def repeat(self, step: Callable[[Any, Any], Any], state: Any, length: int, first: Any) -> Any:
        """Do ``state = step(state, k)``."""

    def put(self, array: Any, place: Any, value: Any) -> Any:
        """Give the array with ``array[place] = value``; the one given must not be used any more."""

    def normal(self, sources: Any, k: Any, shape: tuple[int, int]) -> Any:
        """Give standard normal numbers of step k, shape (point, variable, node)."""


class NumpyArrays:
    """Plain loops over numpy arrays."""

    module = "numpy"
    xp = np

    def scan(
        self, step: Callable[[Any, Any], tuple[Any, Any]], state: Any, length: int, first: int
    ) -> tuple[Any, Any]:
        """See :class:`Arrays`."""
        stacked: list[Array] | None = None
        for place in range(length):
            state, sample = step(state, first + place)
            if stacked is None:
                stacked = [np.empty((length, *np.shape(one))) for one in sample]
            for target, one in zip(stacked, sample, strict=True):
                target[place] = one
        return state, tuple(stacked or ())

    def repeat(self, step: Callable[[Any, Any], Any], state: Any, length: int, first: Any) -> Any:
        """See :class:`Arrays`."""
        for place in range(length):
            state = step(state, first + place)
        return state

    def put(self, array: Any, place: Any, value: Any) -> Any:
        """See :class:`Arrays`."""
        array[place] = value
        return array

    def normal(self, sources: Sequence[np.random.Generator], k: Any, shape: tuple[int, int]) -> Any:
        """See :class:`Arrays`; `sources` has one generator per point, at its step k."""
        return np.stack([source.standard_normal(shape) for source in sources])


class JaxArrays:
    """Loops compiled by JAX."""

    module = "jax"

    def __init__(self) -> None:
        import jax

        self._jax = jax
        self.xp = jax.numpy

    def scan(
        self, step: Callable[[Any, Any], tuple[Any, Any]], state: Any, length: int, first: int
    ) -> tuple[Any, Any]:
        """See :class:`Arrays`."""
        numbers = self.xp.arange(first, first + length)
        found: tuple[Any, Any] = self._jax.lax.scan(step, state, numbers)
        return found

    def repeat(self, step: Callable[[Any, Any], Any], state: Any, length: int, first: Any) -> Any:
        """See :class:`Arrays`."""
        return self._jax.lax.fori_loop(0, length, lambda place, one: step(one, first + place), state)

    def put(self, array: Any, place: Any, value: Any) -> Any:
        """See :class:`Arrays`."""
        return array.at[place].set(value)

    def normal(self, sources: Any, k: Any, shape: tuple[int, int]) -> Any:
        """See :class:`Arrays`; `sources` has one key per point."""
        random = self._jax.random

        def one(key: Any) -> Any:
            return random.normal(random.fold_in(key, k), shape)

        return self._jax.vmap(one)(sources)
