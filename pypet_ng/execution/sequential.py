"""How is a model called at one point of a Space after the other?"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from pypet_ng.engine.progress import observer_of
from pypet_ng.engine.traced import failed_run, run_states
from pypet_ng.execution.job import report_failures
from pypet_ng.execution.parallel import ParallelExecution
from pypet_ng.execution.results import Result, SequentialResult
from pypet_ng.execution.stored import run_stored
from pypet_ng.runners import SerialRunner
from pypet_ng.runners.jax.loop import cause_of
from pypet_ng.spaces import Space
from pypet_ng.spaces.backend import jax_or_none
from pypet_ng.tree.records import Batch, Failure

__all__ = ["SequentialExecution"]


class SequentialExecution:
    """Calls ``model(state, *args, **kwargs)`` at one point of a Space after the other.

    Without `jit` the model is plain Python: it may print, branch on values, use numpy and draw from
    ``numpy.random``; texts and other objects may be axes and results.

    Parameters
    ----------
    model
        Takes the state of one point first.
    space
        The points.
    args, kwargs
        Further arguments of the model, the same at all points.
    jit
        Compile the model, point by point: often a hundred times faster. Python is then run once, not
        at each point: what the model draws from ``numpy.random`` is drawn once and is the same at all
        points, it prints once, counters count one call.
    """

    def __init__(
        self, model: Callable[..., Any], space: Space, *args: Any, jit: bool = False, **kwargs: Any
    ) -> None:
        if not callable(model):
            raise TypeError(f"SequentialExecution needs a function of a state, not {model!r}.")
        self.model = model
        self.space = space
        self.args = args
        self.kwargs = kwargs
        self.jit = jit

    @property
    def statespace(self) -> Space:
        """The points, by the name tvboptim has for them."""
        return self.space

    def run(self, store: Any = None, *, report_progress: Any = None, on_change: str | None = None) -> Result:
        """Give what the model gives at all points, as a :class:`SequentialResult`.

        `store`, failures, `report_progress` and `on_change` as in :meth:`ParallelExecution.run`; but an
        interruption (Ctrl+C) without a store loses all.
        """
        compiled = (
            ParallelExecution(self.model, self.space, *self.args, n_vmap=1, n_pmap=1, **self.kwargs)
            if self.jit
            else None
        )
        if store is not None:
            return (
                run_stored(self, store, SerialRunner(), report_progress=report_progress, on_change=on_change)
                if compiled is None
                else compiled.run(store, report_progress=report_progress, on_change=on_change)
            )
        if compiled is None:
            return self._one_by_one(report_progress)
        done = compiled.run(report_progress=report_progress)
        values = [None if index in done.failures else done[index] for index in range(len(done))]
        return SequentialResult(self.space, values, list(done.failures.values()))

    def _one_by_one(self, report_progress: Any) -> SequentialResult:
        values: list[Any] = []
        failures: list[Failure] = []
        jax = jax_or_none()
        observer = observer_of(report_progress)
        observer.started(self.space.N, 0)
        attempt = np.ones(1, np.uint16)
        try:
            for index, state in enumerate(self.space):
                start = time.time()
                value = None
                try:
                    value = self.model(state, *self.args, **self.kwargs)
                    if jax is not None:
                        jax.block_until_ready(value)
                    states = run_states(np.array([index], np.int64), attempt, start, time.time())
                    batch = Batch(runs=states)
                except Exception as error:  # a point that fails is not to lose the others
                    batch = failed_run(index, 1, error, *cause_of(error), start, time.time())
                    failures += batch.failures
                values.append(value)
                observer.advanced(batch)
        finally:
            observer.finished()
        report_failures(failures, self.space.N)
        return SequentialResult(self.space, values, failures)
