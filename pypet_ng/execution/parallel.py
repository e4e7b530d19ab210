"""How is a model computed at many points of a Space at once?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pypet_ng.engine.progress import observer_of
from pypet_ng.execution.job import Collector, StateJob, pieces_of_space, report_failures
from pypet_ng.execution.results import ParallelResult, Result
from pypet_ng.execution.stored import run_stored
from pypet_ng.runners.jax import JaxRunner
from pypet_ng.runners.jax.columns import Feed
from pypet_ng.spaces import Space

__all__ = ["ParallelExecution"]


class ParallelExecution:
    """Calls ``model(state, *args, **kwargs)`` at all points of a Space, in batches on devices.

    The model is traced by JAX once and compiled once; executions of the same model share that. What
    it gives is any pytree; leaves that do not depend on the point may be anything.

    Parameters
    ----------
    model
        Takes the state of one point first.
    space
        The points.
    args, kwargs
        Further arguments of the model, the same at all points.
    n_vmap
        Points computed at once as one vector on each device; ``'auto'`` finds it.
    n_pmap
        Number of devices, None: all. DeviceError if there are fewer.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        space: Space,
        *args: Any,
        n_vmap: int | Literal["auto"] = 1,
        n_pmap: int | None = 1,
        **kwargs: Any,
    ) -> None:
        if not callable(model):
            raise TypeError(f"ParallelExecution needs a function of a state, not {model!r}.")
        self.model = model
        self.space = space
        self.args = args
        self.kwargs = kwargs
        self._runner = JaxRunner(n_vmap, n_pmap)

    @property
    def n_vmap(self) -> int | Literal["auto"]:
        """Points computed at once on each device."""
        return self._runner.n_vmap

    @property
    def n_pmap(self) -> int:
        """Number of devices."""
        return self._runner.n_pmap

    def run(self, store: Any = None, *, report_progress: Any = None, on_change: str | None = None) -> Result:
        """Give what the model gives at all points, as a :class:`ParallelResult` in memory.

        With `store`, a file name or a trajectory, batches are written there while the next ones are
        computed, memory does not grow with them, and what is there is not computed again (a trajectory that
        is stored in a file is gone on with there; ``result.trajectory`` sees what is new); gives a
        :class:`pypet_ng.execution.StoredResult` that reads where asked.

        Points at which the model fails are in ``result.failures``, with a warning; the first failure
        is raised if all fail. `report_progress` as that of :class:`pypet_ng.Environment`; so is `on_change`,
        which says what becomes of stored points if the model was changed since.
        """
        if store is not None:
            return run_stored(self, store, self._runner, report_progress=report_progress, on_change=on_change)
        return self._in_memory(report_progress)

    def _in_memory(self, report_progress: Any) -> ParallelResult:
        space = self.space
        job = StateJob(space, self.model, self.args, self.kwargs)
        collector = Collector(space.N)
        observer = observer_of(report_progress)
        observer.started(space.N, 0)
        try:
            for batch in self._runner.sweep(job, Feed(pieces_of_space(space))):
                collector.take(batch)
                observer.advanced(batch)
        finally:
            observer.finished()
        report_failures(collector.failures, space.N)
        structure = collector.structure
        assert structure is not None  # else all had failed
        return ParallelResult(
            space,
            collector.columns(),
            structure.names,
            structure.rebuild,
            n_vmap=self.n_vmap,
            n_pmap=self.n_pmap,
            failures=collector.failures,
        )
