"""How is a run done without an environment?

>>> from pypet_ng import Trajectory, manual_run
>>> traj = Trajectory("t", filename=":memory:")
>>> _ = traj.f_add_parameter("x", 1)
>>> traj.f_explore({"x": [1, 2]})
>>> @manual_run()
... def square(traj):
...     traj.f_add_result("z", traj.x**2)
...     traj.f_store()
>>> for _ in traj.f_iter_runs():
...     square(traj)
>>> traj.f_is_completed()
True
"""

from __future__ import annotations

import functools
import platform
import time
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from pypet_ng.engine import storing
from pypet_ng.engine.batching import failure_of
from pypet_ng.engine.session import Session
from pypet_ng.trajectory import exploring
from pypet_ng.tree.records import Batch, Failure, RunState, RunStates

__all__ = ["ManualRuns", "manual_run"]


def manual_run(
    turn_into_run: bool = True, store_meta_data: bool = True, clean_up: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function of a trajectory one that is a run by itself, see ``f_start_run`` and ``f_finalize_run``.

    The trajectory must be at a run (``v_idx``). Under ``env.run`` the function stays as it is. What it adds is
    not stored unless it calls ``f_store``. If it raises, the run is entered as failed.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(traj: Any, *args: Any, **kwargs: Any) -> Any:
            if traj.v_is_run:
                return function(traj, *args, **kwargs)
            traj.f_start_run(turn_into_run=turn_into_run)
            try:
                result = function(traj, *args, **kwargs)
            except BaseException as error:
                traj._finish_run(store_meta_data, clean_up, error)
                raise
            traj.f_finalize_run(store_meta_data=store_meta_data, clean_up=clean_up)
            return result

        return run

    return decorate


class ManualRuns:
    """The calls of a trajectory that begin and end a run by hand."""

    __slots__ = ()
    _session: Session

    def f_start_run(self, run_name_or_idx: str | int | None = None, turn_into_run: bool = True) -> Self:
        """Begin a run without an environment: the current one, or the one given. Gives the trajectory.

        With `turn_into_run` it behaves as in ``env.run``: results go to the run's group, what all runs
        share must not change, and `f_finalize_run` can take out what was added. Does nothing if a run
        was begun already. ValueError if the trajectory is at no run.
        """
        session = self._session
        tree = session.tree
        if session.facts.begun:
            return self
        tree.check_outside_run("f_start_run")
        if run_name_or_idx is not None:
            exploring.move_to(session, exploring.index_of(session, run_name_or_idx))
        if tree.scope.index < 0:
            raise ValueError(
                f"Trajectory {tree.root.name!r} is at no run: set v_idx, iterate by f_iter_runs, or name the run."
            )
        session.runs.grow(max(session.runs.length, len(session.plan)))
        session.facts.begun = time.time()
        if turn_into_run:
            tree.move_to(tree.scope.index, running=True)
        return self

    def f_finalize_run(self, store_meta_data: bool = True, clean_up: bool = True) -> Self:
        """End a run that `f_start_run` began: it counts as done. Gives the trajectory.

        `store_meta_data` stores its state and times, but no data: call ``f_store`` before. `clean_up` takes
        what it added out of memory, if it was turned into a run. The trajectory stays at the run.
        """
        return self._finish_run(store_meta_data, clean_up, None)

    def _finish_run(self, store_meta_data: bool, clean_up: bool, error: BaseException | None) -> Self:
        session = self._session
        tree = session.tree
        start, session.facts.begun = session.facts.begun, 0.0
        if not start:
            return self
        index = tree.scope.index
        if tree.scope.running:
            if clean_up:
                tree.leave_run()
            else:
                tree.keep_run()
        attempt = int(session.runs.attempt[index]) + 1
        failures = [] if error is None else [failure_of(index, error, attempt)]
        states = RunStates(
            rows=np.array([index], np.int64),
            state=np.array([RunState.FAILED if failures else RunState.DONE], np.uint8),
            start=np.array([start]),
            finish=np.array([time.time()]),
            attempt=np.array([attempt], np.uint16),
            nonfinite=np.zeros(1, np.uint8),
            session=session.facts.number,
            host=platform.node(),
        )
        session.runs.enter(states)
        for failure in failures:
            session.runs.failures[index] = failure
        if store_meta_data and session.storage is not None:
            self._store_state(states, failures)
        return self

    def _store_state(self, states: RunStates, failures: list[Failure]) -> None:
        session = self._session
        storage = storing.ensure_storage(session)
        with storage.writing():
            storing.prepare(session)
            storage.append_runs(Batch(runs=states, failures=failures))
