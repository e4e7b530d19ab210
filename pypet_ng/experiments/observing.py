"""How is a series made smaller: while it is computed, or afterwards?

A :class:`Running` observation needs no series in memory; an :class:`After` looks at the whole of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from pypet_ng._typing import Array
from pypet_ng.errors import DesignError
from pypet_ng.experiments.checking import source_of
from pypet_ng.experiments.experiment import SimulationExperiment
from pypet_ng.experiments.functions import find_function
from pypet_ng.experiments.parts import FunctionCall, Observation

__all__ = ["After", "Running", "Watch", "watches"]


class Tally(Protocol):
    """A number per node that follows a series. Works on numpy and JAX arrays of any one shape."""

    def begin(self, xp: Any, y: Any) -> tuple[Any, ...]:
        """Give the memory before the first sample; `y` has the shape of a sample."""

    def add(self, xp: Any, memory: tuple[Any, ...], y: Any, is_first: Any) -> tuple[Any, ...]:
        """Take a sample."""

    def end(self, memory: tuple[Any, ...], count: int) -> Any:
        """Give the number after `count` samples."""


class _Sum:
    def begin(self, xp: Any, y: Any) -> tuple[Any, ...]:
        return (xp.zeros_like(y),)

    def add(self, xp: Any, memory: tuple[Any, ...], y: Any, is_first: Any) -> tuple[Any, ...]:
        return (memory[0] + y,)

    def end(self, memory: tuple[Any, ...], count: int) -> Any:
        return memory[0]


class _Mean(_Sum):
    def end(self, memory: tuple[Any, ...], count: int) -> Any:
        return memory[0] / count


class _Last(_Sum):
    def add(self, xp: Any, memory: tuple[Any, ...], y: Any, is_first: Any) -> tuple[Any, ...]:
        return (y,)


class _First(_Sum):
    def add(self, xp: Any, memory: tuple[Any, ...], y: Any, is_first: Any) -> tuple[Any, ...]:
        return (xp.where(is_first, y, memory[0]),)


class _Extreme(_Sum):
    def __init__(self, name: str) -> None:
        self._name = name

    def add(self, xp: Any, memory: tuple[Any, ...], y: Any, is_first: Any) -> tuple[Any, ...]:
        return (xp.where(is_first, y, getattr(xp, self._name)(memory[0], y)),)


class _Std(_Sum):
    """Sums of differences from the first sample, which lose no digits where the mean is large."""

    def begin(self, xp: Any, y: Any) -> tuple[Any, ...]:
        return (xp.zeros_like(y), xp.zeros_like(y), xp.zeros_like(y))

    def add(self, xp: Any, memory: tuple[Any, ...], y: Any, is_first: Any) -> tuple[Any, ...]:
        origin = xp.where(is_first, y, memory[0])
        away = y - origin
        return (origin, memory[1] + away, memory[2] + away * away)

    def end(self, memory: tuple[Any, ...], count: int) -> Any:
        mean = memory[1] / count
        return np.sqrt(np.maximum(memory[2] / count - mean * mean, 0.0))


_TALLIES: Final[Mapping[str, Callable[[], Tally]]] = {
    "mean": _Mean,
    "sum": _Sum,
    "last": _Last,
    "first": _First,
    "max": lambda: _Extreme("maximum"),
    "min": lambda: _Extreme("minimum"),
    "std": _Std,
}
_WHOLE: Final[tuple[tuple[str, Callable[..., Any]], ...]] = (
    ("mean", np.mean),
    ("sum", np.sum),
    ("max", np.max),
    ("min", np.min),
)
"""Functions of a whole series that are the same of the tallies of its nodes."""


@dataclass(frozen=True, slots=True)
class Running:
    """An observation that is made while the series is computed."""

    key: str
    source: str
    start: int
    """First sample that counts; the last one always does."""
    tally: Tally
    across: Callable[..., Any] | None = None
    """Applied over nodes at the end."""

    def result(self, memory: tuple[Any, ...], n_samples: int) -> Array:
        """Give the observation of a batch from its memories, shape (point,) or (point, node)."""
        found = np.asarray(self.tally.end(tuple(map(np.asarray, memory)), n_samples - self.start))
        return found if self.across is None else np.asarray(self.across(found, axis=1))


@dataclass(frozen=True, slots=True)
class After:
    """An observation that is made of the whole series of one run."""

    key: str
    source: str
    start: int
    steps: tuple[tuple[Callable[..., Any], tuple[tuple[str, Any], ...]], ...]

    def result(self, series: Array) -> Array:
        """Give the observation of one run from its series, shape (time, node)."""
        value: Any = series[self.start :]
        for function, arguments in self.steps:
            value = function(value, **dict(arguments))
        found = np.asarray(value)
        if found.dtype.kind not in "biufc":
            raise DesignError(
                f"The observation {self.key!r} gave {value!r:.80}, which is no number and no array."
            )
        return found


Watch = Running | After


def watches(experiment: SimulationExperiment) -> list[Watch]:
    """Give all observations of a checked experiment, ready to be made."""
    return [_watch(experiment, key, one) for key, one in experiment.observations.items()]


def _watch(experiment: SimulationExperiment, key: str, one: Observation) -> Watch:
    integration = experiment.integration
    source = source_of(experiment, key, one)
    total = integration.n_samples
    start = 0 if one.skip_t is None else int(np.ceil(one.skip_t / integration.dt - 1e-9))
    if one.tail_samples is not None:
        start = max(start, total - one.tail_samples)
    start = min(start, total - 1)
    if one.pipeline:
        steps = tuple(
            (find_function(call.callable), tuple(call.keywords().items()))
            for call in one.pipeline
            if call.callable
        )
        if len(steps) == 1 and not steps[0][1]:
            for name, function in _WHOLE:
                if steps[0][0] in (function, getattr(np, f"a{name}", None)) or _is_of_jax(
                    one.pipeline[0], name
                ):
                    return Running(key, source, start, _TALLIES[name](), function)
        return After(key, source, start, steps)
    aggregation = one.aggregation or "none"
    if one.over == "node":
        return After(key, source, start, ((_over_nodes(aggregation), ()),))
    if aggregation in _TALLIES:
        return Running(key, source, start, _TALLIES[aggregation]())
    if aggregation == "window":
        assert one.window_size is not None
        length = round(one.window_size / integration.dt)
        if not 1 <= length <= total - start:
            raise DesignError(
                f"window_size={one.window_size:g} of {key!r} is {length} samples of {total - start}."
            )
        return After(key, source, start, ((_Windows(length), ()),))
    return After(key, source, start, ())


def _is_of_jax(call: FunctionCall, name: str) -> bool:
    given = call.callable
    return given is not None and given.module in ("jax.numpy", "jnp") and given.name == name


def _over_nodes(aggregation: str) -> Callable[..., Any]:
    if aggregation in ("last", "first", "none", "window"):
        raise DesignError(
            f"aggregation={aggregation!r} has no meaning over nodes: use 'mean', 'sum', 'max', 'min', 'std'."
        )
    return _Across(aggregation)


@dataclass(frozen=True, slots=True)
class _Across:
    name: str

    def __call__(self, series: Array) -> Array:
        found: Array = getattr(np, self.name)(series, axis=1)
        return found


@dataclass(frozen=True, slots=True)
class _Windows:
    length: int

    def __call__(self, series: Array) -> Array:
        count = len(series) // self.length
        cut = series[: count * self.length].reshape(count, self.length, *series.shape[1:])
        means: Array = cut.mean(axis=1)
        return means
