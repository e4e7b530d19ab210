"""How do the values of a model go to a trajectory, and come back from it?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from pypet_ng._typing import Array, Rows
from pypet_ng.encoding import canonical
from pypet_ng.engine.states import takes_state
from pypet_ng.errors import PlanMismatchError
from pypet_ng.execution import tables
from pypet_ng.execution.job import report_failures
from pypet_ng.execution.results import Result
from pypet_ng.runners import Runner
from pypet_ng.spaces import Space, relate
from pypet_ng.trajectory.environment import Environment
from pypet_ng.trajectory.trajectory import Trajectory
from pypet_ng.tree.records import Failure
from pypet_ng.tree.runnames import RUN

__all__ = ["StoredResult", "run_stored"]


class Execution(Protocol):
    """What an execution is made of."""

    @property
    def model(self) -> Any:
        """The function of a state."""

    @property
    def space(self) -> Space:
        """The points."""

    @property
    def args(self) -> tuple[Any, ...]:
        """Further arguments of the model."""

    @property
    def kwargs(self) -> dict[str, Any]:
        """Further arguments of the model."""


class StoredResult(Result):
    """What a model gave, in a file: read where it is asked for.

    ``result[i]`` is the one value, or a (nested) dictionary of the values by their names.
    """

    def __init__(
        self, space: Space, trajectory: Trajectory, failures: Sequence[Failure], runs: Rows | None = None
    ) -> None:
        """`runs`: the run of each point, None where they are the same."""
        super().__init__(space, failures)
        self._trajectory = trajectory
        self._columns: dict[str, Any] = {
            name: trajectory.f_collect(path, runs) for name, path in _quantities(trajectory).items()
        }

    @property
    def trajectory(self) -> Trajectory:
        """The trajectory with all that is stored."""
        return self._trajectory

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._columns)

    def column(self, name: str) -> Array:
        if name not in self._columns:
            raise self._unknown(name)
        values = self._columns[name][:]
        if isinstance(values, np.ma.MaskedArray):
            return values.filled(np.nan) if values.dtype.kind in "fc" else values.filled(0)
        return np.asarray(values) if isinstance(values, np.ndarray) else tables.stacked(values)

    def _at(self, index: int) -> Any:
        if self.names == ("value",):
            return self._columns["value"][index]
        found: dict[str, Any] = {}
        for name, column in self._columns.items():
            place = found
            *way, last = name.split(".")
            for part in way:
                place = place.setdefault(part, {})
            place[last] = column[index]
        return found


def _quantities(trajectory: Trajectory) -> dict[str, str]:
    """Give the full names of the results of runs by what stands behind the run's name."""
    return {
        ".".join(path[3:]): ".".join(path)
        for path in trajectory.v_storage_service.signatures()
        if path[:3] == ("results", "runs", RUN)
    }


def _runs_of(space: Space, trajectory: Trajectory) -> Rows:
    """Give the run of each point: a file keeps the order in which points were asked for at first.

    PlanMismatchError if the trajectory has explored other points.
    """
    plan = space.plan()
    stored = trajectory.v_storage_service.read_plan()
    relation = relate(plan, stored, canonical)
    if relation.appended:
        raise PlanMismatchError(
            f"{relation.appended} of the {space.N} points of the space are not among the {len(stored)} that "
            f"trajectory {trajectory.v_name!r} explores. Let it explore this space, or give a file name."
        )
    return relation.wanted


def _failures_of(space: Space, trajectory: Trajectory, runs: Rows) -> list[Failure]:
    """Give what failed among the points, by point."""
    failures = trajectory.v_storage_service.run_table().failures()
    if not failures:
        return []
    numbers = np.arange(*runs.indices(len(trajectory))) if isinstance(runs, slice) else np.asarray(runs)
    points = {run: point for point, run in enumerate(numbers.tolist())}
    found = [replace(one, row=points[one.row]) for one in failures if one.row in points]
    return sorted(found, key=lambda failure: failure.row)


def run_stored(
    execution: Execution, store: Any, runner: Runner, *, report_progress: Any, on_change: str | None
) -> StoredResult:
    """Run a model into a trajectory, or one of the model's name in a file; what is there stays."""
    options: dict[str, Any] = {
        "runner": runner,
        "report_progress": report_progress,
        "keep_returned": False,
        "log_config": None,
        "on_change": on_change,
    }
    if isinstance(store, Trajectory) and store.v_stored and store.v_filename is not None:
        # One that was loaded does not know the static leaves of its space, this one learns them below.
        env = Environment(store.v_name, filename=store.v_filename, on_error="return", **options)
    elif isinstance(store, Trajectory):
        env = Environment(store, on_error="return", **options)
    else:
        name = str(getattr(execution.model, "__name__", type(execution.model).__name__)).strip("<>")
        env = Environment(name, filename=os.fspath(store), on_error="return", **options)
    trajectory = env.trajectory
    if not trajectory.f_get_explored_parameters():
        trajectory.f_explore(execution.space)
    env.run(takes_state(execution.model), *execution.args, **execution.kwargs)
    runs = _runs_of(execution.space, trajectory)
    failures = _failures_of(execution.space, trajectory, runs)
    report_failures(failures, execution.space.N)
    in_order = isinstance(runs, slice) and len(trajectory) == execution.space.N
    return StoredResult(execution.space, trajectory, failures, None if in_order else runs)
