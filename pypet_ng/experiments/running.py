"""How is an experiment run by the engine, and its results kept in trajectories?"""

from __future__ import annotations

import os
import time
import traceback
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from pypet_ng._typing import Array
from pypet_ng.errors import DesignError
from pypet_ng.experiments.backends import Backend, find_backend
from pypet_ng.experiments.experiment import Exploration, SimulationExperiment
from pypet_ng.experiments.outcome import ExperimentResult
from pypet_ng.experiments.planning import SIMULATION, TRIAL, Task, make_task, node_name, portable
from pypet_ng.experiments.results import ExplorationResult
from pypet_ng.runners.base import Job
from pypet_ng.trajectory.environment import Environment
from pypet_ng.trajectory.load import load_trajectory
from pypet_ng.trajectory.trajectory import Trajectory
from pypet_ng.tree.records import Batch, Block, Chunk, Failure, NodeKind, RunState, RunStates, Signature

__all__ = ["ColumnRunner", "load_experiment", "run_experiment"]

_MARK: Final = "Declaration of an experiment, see pypet_ng.experiments.load_experiment"


class ColumnRunner:
    """Does the runs of a task in batches, each run's results a row of columns (a ``Runner``).

    A batch that fails is done again point by point, so that only the guilty ones fail.
    """

    name = "columns"

    def __init__(self, task: Task, backend: Backend) -> None:
        self._task = task
        self._backend = backend
        self._names = {
            ("parameters", "model", *node_name(axis.name).split(".")): axis.name for axis in task.axes
        }

    def accepts(self, job: Job) -> str | None:
        """Accept every job: what is run is the task."""
        return None

    def run(self, job: Job, chunks: Iterable[Chunk]) -> Iterator[Batch]:
        """Give one batch per slice of a chunk that fits into memory."""
        limit = max(1, self._backend.batch_size(self._task))
        size = 0
        for chunk in chunks:
            count = len(chunk.rows)
            # slices of one size need one compilation: a last one that is smaller is filled up
            size = max(size, -(-count // -(-count // limit)))
            for start in range(0, count, size):
                yield from self._slice(chunk.select(slice(start, start + size)), size)

    def _slice(self, chunk: Chunk, size: int) -> Iterator[Batch]:
        begun = time.time()
        try:
            yield self._batch(chunk, size, begun)
        except KeyboardInterrupt:
            raise
        except Exception as error:
            if len(chunk.rows) == 1:
                yield _failed(chunk, error, begun)
                return
            half = len(chunk.rows) // 2
            yield from self._slice(chunk.select(slice(0, half)), half)
            yield from self._slice(chunk.select(slice(half, len(chunk.rows))), len(chunk.rows) - half)

    def _batch(self, chunk: Chunk, size: int, begun: float) -> Batch:
        task = self._task
        count = len(chunk.rows)
        # the last slice is filled up with a real point: numbers that exist cannot blow up in new ways
        places = np.minimum(np.arange(size), count - 1)
        trials = np.asarray(chunk.columns.get(("parameters", TRIAL), [0] * count))[places]
        system = task.program.system
        parameters = np.repeat(system.values[:, None], size, axis=1)
        for path, values in chunk.columns.items():
            if path in self._names:
                parameters[system.parameters.index(self._names[path])] = np.asarray(values, np.float64)[
                    places
                ]
        results, finite = self._backend.columns(task, parameters, [int(trial) for trial in trials])
        flags = ~np.asarray(finite)[:count]
        blocks = {}
        for name, column in results.items():
            column = column[:count]
            if name != "series" and column.dtype.kind in "fc":  # of series the last state tells
                flags |= ~np.isfinite(column.reshape(count, -1)).all(axis=1)
            signature = Signature(("results", "runs", "$", name), NodeKind.RESULT, "Result", "", (name,))
            blocks[signature] = Block(chunk.rows, {name: column})
        return Batch(blocks=blocks, runs=_states(chunk, RunState.DONE, begun, flags.astype(np.uint8)))


def _states(chunk: Chunk, state: RunState, begun: float, flags: Array) -> RunStates:
    count = len(chunk.rows)
    return RunStates(
        rows=chunk.rows,
        state=np.full(count, state, np.uint8),
        start=np.full(count, begun),
        finish=np.full(count, time.time()),
        attempt=chunk.attempts,
        nonfinite=flags,
    )


def _failed(chunk: Chunk, error: Exception, begun: float) -> Batch:
    text = "".join(traceback.format_exception(error))
    failure = Failure(
        int(chunk.rows[0]), type(error).__name__, str(error), text, int(chunk.attempts[0]), error=error
    )
    return Batch(runs=_states(chunk, RunState.FAILED, begun, np.zeros(1, np.uint8)), failures=[failure])


def _done_in_columns(traj: Trajectory) -> None:
    """Stand for the run function: a ColumnRunner does the runs."""
    raise DesignError("An exploration of a declared experiment is run by SimulationExperiment.run only.")


def run_experiment(
    experiment: SimulationExperiment,
    backend: str,
    filename: str | os.PathLike[str] | None,
    env: Environment | None,
    options: Mapping[str, Any],
) -> ExperimentResult:
    """Do all explorations of an experiment; see :meth:`SimulationExperiment.run`."""
    engine = find_backend(backend)
    experiment.check()
    experiment = portable(experiment)
    if env is not None and filename is not None:
        raise DesignError("Give filename= or env=, not both: the environment has a file of its own.")
    explorations = dict(experiment.explorations) or {SIMULATION: Exploration(name=SIMULATION)}
    tasks = {key: make_task(experiment, key, exploration) for key, exploration in explorations.items()}
    for task in tasks.values():
        engine.check(task)
    place: str | None = None if filename is None else os.fspath(filename)
    home = node_name("".join(mark if mark.isalnum() else "_" for mark in experiment.name) or "experiment")
    if env is not None:
        place, home = env.trajectory.v_filename, env.trajectory.v_name
    if place == ":memory:":
        place = None
    given = dict(options)
    given.setdefault("log_config", None)
    if place is not None:
        overwrite = bool(given.pop("overwrite_file", False))
        names = {key: f"{home}_{key}_{engine.name}" for key in tasks}
        _keep_declaration(place, home, experiment, engine.name, names, overwrite)
    else:
        names = {key: key for key in tasks}
    found = {}
    for key, task in tasks.items():
        found[key] = _explore(task, engine, names[key], place, given)
    return ExperimentResult(experiment, engine, found)


def _explore(
    task: Task, engine: Backend, name: str, place: str | None, options: Mapping[str, Any]
) -> ExplorationResult:
    env = Environment(
        trajectory=name,
        filename=":memory:" if place is None else place,
        runner=ColumnRunner(task, engine),
        keep_returned=False,
        **options,
    )
    traj = env.trajectory
    columns = task.columns()
    for parameter, value in zip(task.program.system.parameters, task.program.system.values, strict=True):
        traj.parameters.f_add_parameter(f"model.{node_name(parameter)}", float(value))
    for part, text in task.declaration(engine.name).items():
        traj.parameters.f_add_parameter(f"declaration.{part}", text)
    explored: dict[str, Any] = {
        f"parameters.model.{node_name(axis.name)}": columns[axis.name] for axis in task.axes
    }
    if TRIAL in columns:
        traj.parameters.f_add_parameter(TRIAL, 0)
        explored[f"parameters.{TRIAL}"] = columns[TRIAL]
    if explored:
        traj.f_explore(explored)
    result = ExplorationResult(task, engine, traj)
    try:
        env.run(_done_in_columns)
    except DesignError as error:
        error.add_note(f"This was the exploration {task.key!r}.")
        raise
    if result.n_nonfinite:
        warnings.warn(
            f"{result.n_nonfinite} of {len(result.rows)} runs of {task.key!r} have values that are not finite: they "
            "are kept, and result.nonfinite tells which they are.",
            stacklevel=4,
        )
    return result


def _keep_declaration(
    place: str,
    home: str,
    experiment: SimulationExperiment,
    backend: str,
    names: Mapping[str, str],
    overwrite: bool,
) -> None:
    """Write what the file is about, before anything is run."""
    from pypet_ng.storage.hdf5 import HDF5StorageService

    items = {
        "yaml": experiment.to_yaml(),
        "backend": backend,
        "keys": list(names),
        "trajectories": list(names.values()),
    }
    known = [] if overwrite else [info.name for info in HDF5StorageService(filename=place).trajectories()]
    if home in known:
        traj = load_trajectory(name=home, filename=place, load_parameters=0, load_results=2)
        leaf = traj.f_get("results.experiment")
        leaf.f_set(**items)
        traj.f_store_item(leaf, overwrite=True)
        return
    env = Environment(
        trajectory=home, filename=place, overwrite_file=overwrite, comment=_MARK, log_config=None
    )
    env.trajectory.f_add_result("experiment", **items)
    env.trajectory.f_store()


def load_experiment(filename: str | os.PathLike[str], name: str | None = None) -> ExperimentResult:
    """Give the results that ``exp.run(filename=...)`` kept in a file; nothing is run.

    `name`: of the experiment, where the file has several. Results are read when they are asked for. What
    was not finished is NaN, and ``explorations[...].missing`` tells where. MissingFileError,
    TrajectoryNotFoundError if there is no such experiment.
    """
    from pypet_ng.errors import TrajectoryNotFoundError
    from pypet_ng.storage.hdf5 import HDF5StorageService

    place = os.fspath(filename)
    infos = HDF5StorageService(filename=place).trajectories()
    homes = [info.name for info in infos if info.comment == _MARK]
    if name is None and len(homes) != 1:
        if not infos:
            load_trajectory(name=name or "experiment", filename=place)  # says whether the file is there
        said = ", ".join(map(repr, homes)) or "none"
        raise TrajectoryNotFoundError(
            f"{place} has {len(homes)} experiments ({said}): say which one with name=."
        )
    if name is not None and name not in homes:
        raise TrajectoryNotFoundError(
            f"{place} has no experiment {name!r}; there: {', '.join(map(repr, homes)) or 'none'}."
        )
    home = load_trajectory(name=name or homes[0], filename=place, load_results=2)
    kept = home.f_get("results.experiment").f_to_dict()
    experiment = SimulationExperiment.from_yaml(kept["yaml"])
    engine = find_backend(kept["backend"])
    explorations = dict(experiment.explorations) or {SIMULATION: Exploration(name=SIMULATION)}
    there = {info.name for info in infos}
    found = {}
    for key, trajectory in zip(kept["keys"], kept["trajectories"], strict=True):
        if trajectory in there:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # what is kept was said when it was run
                task = make_task(experiment, key, explorations[key])
            found[key] = ExplorationResult(task, engine, load_trajectory(name=trajectory, filename=place))
    return ExperimentResult(experiment, engine, found)
