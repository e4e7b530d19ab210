"""Which programs can do the runs of an exploration?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np

from pypet_ng._typing import Array
from pypet_ng.errors import DesignError, near_names
from pypet_ng.experiments.observing import After
from pypet_ng.experiments.planning import Task
from pypet_ng.experiments.simulating import ADAPTIVE, Outcome, run_jax, run_numpy

__all__ = ["Backend", "JaxBackend", "NumpyBackend", "find_backend"]

_BUDGET: Final = 96 << 20
"""Bytes of series in memory at once."""
_TILE: Final = 512


class Backend(Protocol):
    """Computes the results of some runs at once."""

    name: str
    starts_at_zero: bool
    """The first sample is the initial state, not the state after the first step."""
    has_nodes: bool
    """Series have an axis for nodes even if there is one."""

    def check(self, task: Task) -> None:
        """Raise DesignError for what this program cannot do."""

    def batch_size(self, task: Task) -> int:
        """Give how many runs may be done at once."""

    def columns(self, task: Task, parameters: Array, trials: Sequence[int]) -> tuple[dict[str, Array], Array]:
        """Give the results of a batch by name, first axis run, and which runs stayed finite.

        `parameters`: shape (parameter, run), in the order of ``task.program.system.parameters``.
        """


Compute = Callable[[Any, Array, Array, Sequence[np.random.SeedSequence]], Outcome]


def outcome_columns(task: Task, outcome: Outcome, count: int) -> dict[str, Array]:
    """Give what is kept of an outcome: ``series`` of shape (run, time, state, node), and observations."""
    found: dict[str, Array] = {}
    nodes = task.program.system.n_nodes
    if task.kept:
        series = np.empty((count, task.program.n_samples, len(task.kept), nodes))
        for start in range(0, task.program.n_samples, _TILE):  # by tiles: three times as fast as at once
            some = slice(start, start + _TILE)
            for position, place in enumerate(task.kept):
                series[:, some, position] = outcome.series[place][some].swapaxes(0, 1)
        found["series"] = series
    states = task.program.system.states
    for watch in task.watched:
        if isinstance(watch, After):
            whole = outcome.series[states.index(watch.source)]
            each = [watch.result(whole[:, run]) for run in range(count)]
            if len({one.shape for one in each}) > 1:
                raise DesignError(f"The observation {watch.key!r} has shapes that differ between runs.")
            column = np.stack(each).astype(np.float64)
            # a single node has no dimension of its own; where the pipeline made another axis of it, it stays
            if nodes == 1 and column.ndim > 1 and column.shape[-1] == 1:
                column = column[..., 0]
        else:
            column = outcome.observed[watch.key]
            if nodes == 1 and column.ndim == 2:
                column = column[:, 0]
        found[watch.key] = column
    return found


class _Own:
    """What the package's own integrators have in common."""

    starts_at_zero = False
    has_nodes = True

    def check(self, task: Task) -> None:
        """Accept every task that could be made."""

    def batch_size(self, task: Task) -> int:
        """Let the series of a batch, and a copy of them, fit into 192 MiB."""
        if task.program.method in ADAPTIVE:
            emitted = len(task.program.system.states)
        else:
            emitted = len(task.program.emit)
        return max(1, min(1000, _BUDGET // max(1, 2 * task.bytes_per_run(emitted))))

    def _columns(
        self, compute: Compute, task: Task, parameters: Array, trials: Sequence[int]
    ) -> tuple[dict[str, Array], Array]:
        outcome = compute(task.program, parameters, task.initial(trials), task.noise_seeds(trials))
        return outcome_columns(task, outcome, len(trials)), outcome.finite


class JaxBackend(_Own):
    """Compiled by JAX, double precision."""

    name = "jax"

    def check(self, task: Task) -> None:
        """Say what is missing before anything is run."""
        try:
            import jax
        except ImportError as error:
            raise ImportError(
                'run("jax") needs JAX: pip install "pypet_ng[jax]", or use run("numpy")'
            ) from error
        del jax

    def columns(self, task: Task, parameters: Array, trials: Sequence[int]) -> tuple[dict[str, Array], Array]:
        """See :class:`Backend`."""
        from pypet_ng.experiments.adaptive import adaptive_jax

        compute = adaptive_jax if task.program.method in ADAPTIVE else run_jax
        return self._columns(compute, task, parameters, trials)


class NumpyBackend(_Own):
    """Plain numpy: slow for many steps, but needs nothing else, and shows what JAX should give."""

    name = "numpy"

    def columns(self, task: Task, parameters: Array, trials: Sequence[int]) -> tuple[dict[str, Array], Array]:
        """See :class:`Backend`."""
        from pypet_ng.experiments.adaptive import adaptive_numpy

        compute = adaptive_numpy if task.program.method in ADAPTIVE else run_numpy
        return self._columns(compute, task, parameters, trials)


def _pyrates() -> Backend:
    from pypet_ng.experiments.pyrates_backend import PyRatesBackend

    return PyRatesBackend()


_BACKENDS: Final[Mapping[str, Callable[[], Backend]]] = {
    "jax": JaxBackend,
    "tvboptim": JaxBackend,
    "numpy": NumpyBackend,
    "pyrates": _pyrates,
}


def find_backend(name: str) -> Backend:
    """Give a back end by its name; DesignError."""
    if name not in _BACKENDS:
        raise DesignError(
            f"There is no back end {name!r}; there are {', '.join(map(repr, _BACKENDS))}.{near_names(str(name), _BACKENDS)}"
        )
    return _BACKENDS[name]()
