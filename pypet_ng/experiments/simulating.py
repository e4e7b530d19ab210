"""What is computed for a batch of points, on numpy or JAX arrays?"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from pypet_ng._typing import Array
from pypet_ng.errors import DesignError, near_names
from pypet_ng.experiments.arrays import Arrays, JaxArrays, NumpyArrays, double_precision
from pypet_ng.experiments.observing import Running
from pypet_ng.experiments.steppers import FIXED, STOCHASTIC, Flow
from pypet_ng.experiments.system import System

__all__ = ["ADAPTIVE", "Outcome", "Program", "method_name", "outcome_of", "run_jax", "run_numpy"]

ADAPTIVE: Final = ("Tsit5", "Dopri5", "Dopri8", "Kvaerno5")
_NAMES: Final = {
    **{name.lower(): name for name in (*FIXED, *ADAPTIVE)},
    "rk4": "RungeKutta4thOrder",
    "rungekutta4": "RungeKutta4thOrder",
    "eulermaruyama": "Euler",
    "eulerstochastic": "Euler",
    "heunstochastic": "Heun",
    "stochasticheun": "Heun",
    "adaptive": "Tsit5",
}
_NEED_NOISE: Final = ("eulermaruyama", "eulerstochastic", "heunstochastic", "stochasticheun")


def method_name(given: str, *, noisy: bool, delayed: bool) -> str:
    """Give the name of a method as the tables have it; DesignError if it is unknown or does not fit."""
    bare = "".join(mark for mark in str(given).lower() if mark.isalnum())
    name = _NAMES.get(bare)
    if name is None:
        every = [*FIXED, *ADAPTIVE, "EulerMaruyama", "StochasticHeun"]
        raise DesignError(
            f"There is no method {given!r}; there are {', '.join(every)}.{near_names(str(given), every)}"
        )
    if noisy and name not in STOCHASTIC:
        raise DesignError(f"The method {given!r} is not for noise: use {' or '.join(map(repr, STOCHASTIC))}.")
    if not noisy and bare in _NEED_NOISE:
        raise DesignError(f"The method {given!r} is for noise: declare integration.noise, or use {name!r}.")
    if delayed and name in ADAPTIVE:
        raise DesignError(f"The method {given!r} is not for delays: use {', '.join(map(repr, FIXED))}.")
    return name


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What is to be computed for each point."""

    system: System
    method: str
    dt: float
    every: int
    n_samples: int
    n_transient: int
    emit: tuple[int, ...]
    """Places of the states whose series are asked for."""
    running: tuple[Running, ...]
    varied: tuple[int, ...] = ()
    """Places of the parameters that differ between points; the others are one number for all."""
    noisy: tuple[int, ...] = ()
    """Places of the states that get noise."""
    additive: bool = True
    correlated: bool = False
    rtol: float = 1e-10
    atol: float = 1e-10

    def key(self) -> tuple[Any, ...]:
        """Give what is the same for programs that need the same machine code."""
        watched = tuple(
            (one.key, one.source, one.start, type(one.tally).__name__, vars(one.tally).get("_name"))
            for one in self.running
        )
        return (
            *(self.system.fingerprint(), self.method, self.dt, self.every, self.n_samples, self.n_transient),
            *(
                self.emit,
                watched,
                self.varied,
                self.noisy,
                self.additive,
                self.correlated,
                self.rtol,
                self.atol,
            ),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out for a batch of points."""

    series: dict[int, Array]
    """By place of the state: shape (time, point, node)."""
    observed: dict[str, Array]
    """Running observations by key: shape (point,) or (point, node)."""
    finite: Array
    """True where the last state of a point is finite, shape (point,). A blow-up stays one."""


def simulate(
    program: Program, arrays: Arrays, parameters: Any, initial: Any, sources: Any
) -> tuple[Any, Any, Any]:
    """Give series, memories of the running observations, and the last state, for fixed steps.

    `parameters`: one array per parameter, shape (point, 1) or (1, 1); `initial`: (state, point, node); `sources`: of noise.
    """
    system, dt = program.system, program.dt
    xp = arrays.xp
    flow = Flow(system, arrays, parameters, dt)
    index = {name: place for place, name in enumerate(system.states)}
    sigma = parameters[len(system.parameters) - 1] if program.noisy else None
    # One step more or less must not change the numbers of the others: they hang on k alone.
    shape = (len(program.noisy), 1 if program.correlated else system.n_nodes)

    def one_step(state: tuple[Any, Any], k: Any) -> tuple[Any, Any]:
        y, past = state
        slope = flow.slope(past, k)
        if program.noisy:
            drawn = arrays.normal(sources, k, shape)

            def kick(at: tuple[Any, ...]) -> tuple[Any, ...]:
                kicks = [xp.zeros_like(one) for one in at]
                for row, place in enumerate(program.noisy):
                    strength = sigma if program.additive else sigma * at[place]
                    kicks[place] = strength * (dt**0.5) * drawn[:, row, :] + kicks[place]
                return tuple(kicks)

            y = STOCHASTIC[program.method](slope, kick, y, dt)
        else:
            y = FIXED[program.method](slope, y, dt)
        return y, flow.remember(past, k, y)

    def sample(state: tuple[Any, Any, Any], place: Any) -> tuple[Any, Any]:
        y, past, memories = state
        first = program.n_transient + place * program.every
        if program.every == 1:
            y, past = one_step((y, past), first)
        else:
            y, past = arrays.repeat(one_step, (y, past), program.every, first)
        kept = []
        for watch, memory in zip(program.running, memories, strict=True):
            fresh = watch.tally.add(xp, memory, y[index[watch.source]], place == watch.start)
            if watch.start:
                fresh = tuple(
                    xp.where(place >= watch.start, new, old) for new, old in zip(fresh, memory, strict=True)
                )
            kept.append(fresh)
        return (y, past, tuple(kept)), tuple(y[one] for one in program.emit)

    y = tuple(initial[place] for place in range(len(system.states)))
    state = (y, flow.begin(y))
    if program.n_transient:
        state = arrays.repeat(one_step, state, program.n_transient, 0)
    memories = tuple(watch.tally.begin(xp, y[index[watch.source]]) for watch in program.running)
    (y, _, memories), series = arrays.scan(sample, (*state, memories), program.n_samples, 0)
    return series, memories, y


def spread(program: Program, parameters: Array) -> tuple[Array, ...]:
    """Give parameters, shape (parameter, point), as one array each: (point, 1), or (1, 1) where all are equal."""
    return tuple(
        row[:, None] if place in program.varied else row[:1, None] for place, row in enumerate(parameters)
    )


def _outcome(program: Program, series: Any, memories: Any, last: Any) -> Outcome:
    finite = np.all([np.isfinite(np.asarray(one)).all(axis=1) for one in last], axis=0)
    return Outcome(
        {place: np.asarray(one) for place, one in zip(program.emit, series, strict=True)},
        {
            watch.key: watch.result(memory, program.n_samples)
            for watch, memory in zip(program.running, memories, strict=True)
        },
        finite,
    )


def outcome_of(program: Program, states: Array) -> Outcome:
    """Give the outcome of all states, shape (time, state, point, node), made elsewhere."""
    observed = {}
    index = {name: place for place, name in enumerate(program.system.states)}
    for watch in program.running:
        memory: tuple[Any, ...] = watch.tally.begin(np, states[0, 0])
        for place in range(watch.start, len(states)):
            memory = watch.tally.add(np, memory, states[place, index[watch.source]], place == watch.start)
        observed[watch.key] = watch.result(memory, len(states))
    return Outcome(
        {place: states[:, place] for place in program.emit},
        observed,
        np.isfinite(states[-1]).all(axis=(0, 2)),
    )


def run_numpy(
    program: Program, parameters: Array, initial: Array, seeds: Sequence[np.random.SeedSequence]
) -> Outcome:
    """Compute a batch with numpy; fixed steps only. Arguments as in :func:`run_jax`."""
    sources = [np.random.default_rng(seed) for seed in seeds] if program.noisy else ()
    with np.errstate(all="ignore"):  # what blows up is flagged, not warned of at each step
        found = simulate(program, NumpyArrays(), spread(program, parameters), initial, sources)
        return _outcome(program, *found)


@functools.lru_cache(maxsize=32)
def _jitted(key: tuple[Any, ...], holder: _Holder) -> Any:
    import jax

    arrays = JaxArrays()

    def program(parameters: Any, initial: Any, words: Any) -> Any:
        keys = jax.random.wrap_key_data(words, impl="threefry2x32") if holder.program.noisy else None
        return simulate(holder.program, arrays, parameters, initial, keys)

    return jax.jit(program)


class _Holder:
    """A program that is looked up by its key: two experiments of the same kind share machine code."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.key = program.key()

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Holder) and self.key == other.key


def run_jax(
    program: Program, parameters: Array, initial: Array, seeds: Sequence[np.random.SeedSequence]
) -> Outcome:
    """Compute a batch with JAX, in double precision.

    Parameters
    ----------
    parameters
        Shape (parameter, point).
    initial
        Shape (state, point, node).
    seeds
        One per point; points of one trial have the same.
    """
    holder = _Holder(program)
    with double_precision():
        words = (
            np.array([seed.generate_state(2, np.uint32) for seed in seeds])
            if program.noisy
            else np.zeros((1, 2), np.uint32)
        )
        found = _jitted(holder.key, holder)(spread(program, parameters), initial, words)
        return _outcome(program, *found)
