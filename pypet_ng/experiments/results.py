"""How are the results of an experiment looked at, whether they are in memory or in a file?"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array
from pypet_ng.errors import DesignError, NodeNotFoundError, near_names
from pypet_ng.experiments.backends import Backend
from pypet_ng.experiments.experiment import Exploration, SimulationExperiment
from pypet_ng.experiments.lazy import StoredArray
from pypet_ng.experiments.planning import TRIAL, Axis, Task, node_name

if TYPE_CHECKING:
    import xarray as xr

    from pypet_ng.trajectory.trajectory import Trajectory

__all__ = ["ExplorationResult", "Observations"]


class ExplorationResult:
    """The results of one exploration, read from its trajectory where they are used.

    ``results`` has the shape (point, time, state, node), or (trial, ...) or (point, trial, ...); with the
    back end pyrates there is no axis for nodes. Points are in C order, the first axis slowest.
    """

    def __init__(self, task: Task, backend: Backend, traj: Trajectory) -> None:
        self._task = task
        self._backend = backend
        self.traj = traj
        """The trajectory that keeps the runs."""

    # -- what was asked -----------------------------------------------------------------------
    @property
    def name(self) -> str:
        """The name of the exploration."""
        return self._task.exploration.name or self._task.key

    @property
    def exploration(self) -> Exploration:
        """The exploration as it was declared."""
        return self._task.exploration

    @property
    def experiment(self) -> SimulationExperiment:
        """The experiment as it was declared."""
        return self._task.experiment

    @property
    def watched(self) -> list[str]:
        """The keys of the observations."""
        return [watch.key for watch in self._task.watched]

    @property
    def axes(self) -> list[Axis]:
        """What was explored: ``axes[0].name``, ``.n``, ``.explored_values``."""
        return list(self._task.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """The grid of the points; one number where axes were zipped."""
        return self._task.shape

    @property
    def n_trials(self) -> int:
        """How often each point was done."""
        return self._task.n_trials

    @property
    def output_names(self) -> list[str]:
        """The state variables in the order of ``results``."""
        states = self._task.program.system.states
        return [states[place] for place in self._task.kept]

    @property
    def dt(self) -> float:
        """Time between two samples."""
        return self._task.experiment.integration.dt

    @property
    def time(self) -> Array:
        """Times of the samples, shape (time,): see the back end for where they begin."""
        program = self._task.program
        first = 0 if self._backend.starts_at_zero else program.every
        steps = program.n_transient + first + program.every * np.arange(program.n_samples)
        times: Array = steps * program.dt
        return times

    # -- runs -----------------------------------------------------------------------------------
    @cached_property
    def rows(self) -> npt.NDArray[np.int64]:
        """The run of each point (and trial) in the trajectory, -1 where the file has none."""
        columns = self._task.columns()
        total = self._task.n_points * self._task.n_trials
        if not columns:
            return np.zeros(total, np.int64)
        stored = [self._stored_values(name) for name in columns]
        wanted = list(columns.values())
        if all(len(s) == total and np.array_equal(s, w) for s, w in zip(stored, wanted, strict=True)):
            return np.arange(total)
        places: dict[tuple[float, ...], list[int]] = {}
        for row, point in enumerate(zip(*(one.tolist() for one in stored), strict=True)):
            places.setdefault(point, []).append(row)
        found = np.full(total, -1)
        for place, point in enumerate(zip(*(one.tolist() for one in wanted), strict=True)):
            rows = places.get(point)
            if rows:
                found[place] = rows.pop(0)  # equal points are told apart by how often they occurred
        return found

    def _stored_values(self, name: str) -> Array:
        path = f"parameters.{TRIAL}" if name == TRIAL else f"parameters.model.{node_name(name)}"
        leaf = self.traj.f_get(path)
        return np.asarray(leaf.f_get_range(copy=False)) if leaf.f_has_range() else np.asarray([leaf.f_get()])

    @property
    def runs_shape(self) -> tuple[int, ...]:
        """The first axes of ``results``: points, trials, or points and trials."""
        task = self._task
        if task.n_trials == 1:
            return (task.n_points,)
        return (task.n_points, task.n_trials) if task.axes else (task.n_trials,)

    def _flags(self, column: str) -> npt.NDArray[np.bool_]:
        table = self.traj.f_run_table()[column].to_numpy()
        chosen: npt.NDArray[np.bool_] = np.zeros(len(self.rows), np.bool_)
        there = self.rows >= 0
        values = table[self.rows[there]]
        chosen[there] = values == "done" if column == "state" else values.astype(np.bool_)
        return chosen.reshape(self.runs_shape)

    @property
    def nonfinite(self) -> npt.NDArray[np.bool_]:
        """True for runs with a NaN or an infinity, shape of the runs in ``results``."""
        return self._flags("nonfinite")

    @property
    def n_nonfinite(self) -> int:
        """How many runs have a NaN or an infinity."""
        return int(self.nonfinite.sum())

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """True for runs that are not done (yet), shape of the runs in ``results``."""
        done: npt.NDArray[np.bool_] = self._flags("state")
        return ~done

    # -- values ---------------------------------------------------------------------------------
    def _read(self, name: str, tail: tuple[int, ...], places: npt.NDArray[np.int64]) -> Array:
        """Give the values of some runs, by their positions, shape (run, \\*tail); NaN where there is none."""
        rows = self.rows[places]
        found = np.full((len(rows), *tail), np.nan)
        there = np.flatnonzero(rows >= 0)
        if not len(there):
            return found
        try:
            column = self.traj.f_collect(f"results.{name}")
        except NodeNotFoundError:  # no run is done yet
            return found
        values = column[rows[there]]
        plain = np.ma.filled(values.astype(np.float64), np.nan) if np.ma.isMaskedArray(values) else values
        if len(there) == len(rows):
            return np.asarray(plain, np.float64)
        found[there] = plain
        return found

    @property
    def results(self) -> StoredArray | None:
        """The series, see the class; None if only observations were kept."""
        if not self._task.kept:
            return None
        program = self._task.program
        stored = (program.n_samples, len(self._task.kept), program.system.n_nodes)
        positions = np.arange(len(self.rows)).reshape(self.runs_shape)
        if self._backend.has_nodes:
            return StoredArray(lambda places: self._read("series", stored, places), positions, stored)
        tail = stored[:2]
        return StoredArray(lambda places: self._read("series", stored, places)[..., 0], positions, tail)

    @property
    def is_timeseries(self) -> bool:
        """True if series were kept."""
        return bool(self._task.kept)

    @property
    def observations(self) -> Observations:
        """The observations as xarray DataArrays, by the keys they were declared with."""
        return Observations(self)

    def _dims(self) -> tuple[list[str], tuple[int, ...], dict[str, Any]]:
        """Give names, lengths and coordinates of the dimensions of the runs."""
        task = self._task
        coords: dict[str, Any] = {}
        dims: list[str] = []
        shape: list[int] = []
        if task.zipped:
            dims, shape = ["point"], [task.n_points]
            coords = {"point": np.arange(task.n_points)}
            coords |= {axis.name: ("point", axis.explored_values) for axis in task.axes}
        else:
            for axis in task.axes:
                dims.append(axis.name)
                shape.append(axis.n)
                coords[axis.name] = axis.explored_values
        if task.n_trials > 1:
            dims.append(TRIAL)
            shape.append(task.n_trials)
            coords[TRIAL] = np.arange(task.n_trials)
        return dims, tuple(shape), coords

    def _nodes(self) -> Any:
        network = self._task.experiment.network
        return list(network.labels) if network.labels else np.arange(network.n_nodes)

    def to_xarray(self) -> xr.DataArray:
        """Give the series as a DataArray with the axes, ``time``, ``variable`` and ``node`` as dimensions.

        Zipped axes give one dimension ``point``, with the parameters as coordinates along it. Without
        series gives a Dataset of the observations. Reads everything.
        """
        import xarray as xr

        results = self.results
        if results is None:
            return xr.Dataset(dict(self.observations))  # type: ignore[return-value]
        dims, shape, coords = self._dims()
        values = np.asarray(results).reshape((*shape, *results.shape[len(self.runs_shape) :]))
        dims = [*dims, "time", "variable"]
        coords |= {"time": self.time, "variable": self.output_names}
        if self._backend.has_nodes:
            dims.append("node")
            coords["node"] = self._nodes()
        return xr.DataArray(values, dims=dims, coords=coords, name=self._task.key)

    as_grid = to_xarray

    def slice(self, **fixed: float) -> xr.DataArray:
        """Give the series where some axes (or ``trial``, ``variable``, ``node``, ``time``) have these values.

        The nearest value is taken, if it is within 1e-9 of the one asked for. DesignError names the values
        there are.
        """
        whole = self.to_xarray()
        for name, value in fixed.items():
            if name not in whole.coords:
                known = [str(one) for one in whole.coords]
                raise DesignError(
                    f"{name!r} is no axis; there are {', '.join(known)}.{near_names(name, known)}"
                )
            coord = np.asarray(whole.coords[name].values)
            if coord.dtype.kind in "fiu":
                near = np.isclose(coord, value, rtol=1e-9, atol=1e-12)
            else:
                near = coord == value
            hits = np.flatnonzero(near)
            if not len(hits):
                shown = ", ".join(map(str, coord[:12]))
                raise DesignError(
                    f"{name}={value!r} was not explored; there are {shown}{', ...' if len(coord) > 12 else ''}."
                )
            dim = whole.coords[name].dims[0]
            whole = whole.isel({dim: int(hits[0]) if len(hits) == 1 else hits})
        return whole

    def observation(self, key: str) -> xr.DataArray:
        """Give one observation, see :attr:`observations`."""
        import xarray as xr

        known = list(self._task.experiment.observations)
        if key not in known:
            raise KeyError(
                f"There is no observation {key!r}; there are {', '.join(known) or 'none'}.{near_names(key, known)}"
            )
        dims, shape, coords = self._dims()
        try:
            example = self.traj.f_collect(f"results.{key}").example()
        except NodeNotFoundError:
            example = np.nan
        tail = np.shape(example) if example is not np.ma.masked else ()
        values = self._read(key, tail, np.arange(len(self.rows))).reshape((*shape, *tail))
        for dim, coord in self._tail_dims(key, tail):
            dims.append(dim)
            if coord is not None:
                coords[dim] = coord
        found = xr.DataArray(values, dims=dims, coords=coords, name=key)
        declared = self._task.experiment.observations[key]
        for word in ("unit", "description"):
            if getattr(declared, word):
                found.attrs[{"unit": "units", "description": "long_name"}[word]] = getattr(declared, word)
        return found

    def _tail_dims(self, key: str, tail: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
        """Name what is left of time and nodes."""
        watch = next(one for one in self._task.watched if one.key == key)
        n_nodes = self._task.program.system.n_nodes
        times = self.time[watch.start :]
        taken: set[str] = set()
        for place, length in enumerate(tail):
            last = place == len(tail) - 1
            if (
                length == len(times)
                and "time" not in taken
                and not (last and len(tail) == 1 and length == n_nodes > 1)
            ):
                name, coord = "time", times
            elif length == n_nodes and n_nodes > 1 and last:
                name, coord = "node", self._nodes()
            elif self._task.experiment.observations[key].aggregation == "window" and "time" not in taken:
                step = len(times) // length
                name, coord = "time", times[: step * length].reshape(length, step).mean(axis=1)
            else:
                name, coord = f"{key}_{place}", None
            taken.add(name)
            yield name, coord

    # -- looking at it --------------------------------------------------------------------------
    def plot(self, overlay: bool = False, variable: str | None = None, **options: Any) -> Any:
        """Plot with matplotlib and give the figure.

        Series: one line per point and trial in one plot (`overlay`), or one plot per point. Where there
        are observations only: a line over one axis, a picture over two, points with their spread over
        trials. `variable`: which state variable or observation, default the first.
        """
        from pypet_ng.experiments.plotting import plot

        return plot(self, overlay=overlay, variable=variable, **options)

    def __repr__(self) -> str:
        grid = "x".join(map(str, self.shape)) or "1"
        trials = f", trials={self.n_trials}" if self.n_trials > 1 else ""
        series = f", timeseries={self.results.shape}" if self.results is not None else ""
        seen = list(self._task.experiment.observations)
        observed = f", observations={seen}" if seen else ""
        return f"ExplorationResult(name={self.name!r}, grid={grid}{trials}{series}{observed})"

    def _repr_html_(self) -> str:
        rows = [
            (axis.label or axis.name, f"{axis.n} values, {axis.lo:g} to {axis.hi:g}") for axis in self.axes
        ]
        if self.n_trials > 1:
            rows.append(("trials", str(self.n_trials)))
        if self.results is not None:
            rows.append(("series", f"{', '.join(self.output_names)}: {self.results.shape}, dt={self.dt:g}"))
        rows += [
            (key, " x ".join(map(str, self.observation(key).dims)) or "one value")
            for key in self.observations
        ]
        for count, words in ((int(self.missing.sum()), "not done"), (self.n_nonfinite, "not finite")):
            if count:
                rows.append((words, f"{count} runs"))
        return _table(f"Exploration {self.name}, {self._backend.name}", rows)


class Observations(Mapping[str, "xr.DataArray"]):
    """The observations of an exploration, each read when it is asked for."""

    def __init__(self, result: ExplorationResult) -> None:
        self._result = result
        self._keys = result.watched

    def __getitem__(self, key: str) -> xr.DataArray:
        return self._result.observation(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"Observations({self._keys})"


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    body = "".join(
        f"<tr><td>{html.escape(left)}</td><td>{html.escape(right)}</td></tr>" for left, right in rows
    )
    return f"<details open><summary><b>{html.escape(title)}</b></summary><table>{body}</table></details>"
