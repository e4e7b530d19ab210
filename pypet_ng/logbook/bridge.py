"""How do a trajectory and a folder of logbooks become one another?"""

from __future__ import annotations

import datetime
import json
import math
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from pypet_ng.errors import MissingFileError, RunFailedError, UnsupportedValueError
from pypet_ng.logbook.experiment import Experiment
from pypet_ng.logbook.logbook import Logbook
from pypet_ng.logbook.plain import plain
from pypet_ng.logbook.reader import LogReader
from pypet_ng.trajectory.environment import Environment
from pypet_ng.trajectory.trajectory import Trajectory

__all__ = ["export_logbook", "import_logbook"]

_BLOCK: Final = 64
"""Runs read at once."""


# -- trajectory to folders --------------------------------------------------------------------------
def export_logbook(traj: Trajectory, folder: str | os.PathLike[str], overwrite: bool = False) -> Path:
    """Write each finished run of a trajectory as a logbook below ``<folder>/runs``; gives the folder.

    Parameters of the run go to ``params.yaml``, arrays to ``data``, numbers and text to
    ``artifacts/metrics.json``, lists and dictionaries to JSON files of their own. Failed runs have their
    reason and traceback, runs not done yet no folder. What has no plain form is left out, with a warning.
    FileExistsError if a run's folder is there, unless `overwrite`. What it reads
    of the runs' results stays in memory.
    """
    home = Path(folder)
    experiment = Experiment(home.name, home.parent)
    left_out: set[str] = set()
    for start in range(0, len(traj), _BLOCK):
        rows = slice(start, min(start + _BLOCK, len(traj)))
        params = traj.f_to_dataframe(results=False, parameters=True, runs=rows)
        table = traj.f_run_table(runs=rows)
        for place, index in enumerate(table.index):
            state = table["state"].iloc[place]
            if state == "none":
                continue
            log = Logbook(
                f"run_{int(index):08d}",
                base_dir=experiment.runs_dir,
                params={str(name): _given(params[name].iloc[place]) for name in params},
                overwrite=overwrite,
            )
            left_out |= _write_results(log, _results_of(traj, int(index)))
            if state == "done":
                log.mark_complete()
            else:
                information = traj.f_get_run_information(int(index))
                log.mark_failed(f"{information.get('error', state)}: {information.get('message', '')}")
                log.meta(traceback=information.get("traceback", ""))
            log.meta(**_times(table, place))
            experiment.record(log)
    if left_out:
        warnings.warn(
            f"These results have no plain form and are not in {home}: {', '.join(sorted(left_out))}.",
            stacklevel=2,
        )
    return home


def _results_of(traj: Trajectory, index: int) -> dict[str, Any]:
    """Give what a run added, by dotted names below the run."""
    home = f"results.runs.{traj.f_idx_to_run(index)}"
    found: dict[str, Any] = {}
    if traj.f_contains(home):
        for leaf in traj.f_get(home).f_iter_leaves(with_links=False):
            if leaf.f_is_empty():
                traj.f_load_item(leaf)
            name = leaf.v_full_name.removeprefix(f"{home}.")
            items = leaf.f_to_dict()
            alone = len(items) == 1
            found |= {name if alone else f"{name}.{item}": value for item, value in items.items()}
    return found


def _is_set(value: Any) -> bool:
    return not (value is None or type(value).__name__ in ("NAType", "NaTType") or value is np.ma.masked)


def _given(value: Any) -> Any:
    try:
        return plain(value)
    except UnsupportedValueError:
        return repr(value)


def _times(table: Any, place: int) -> dict[str, Any]:
    facts: dict[str, Any] = {"host": str(table["host"].iloc[place])}
    for ours, theirs in (("start", "start_time"), ("finish", "end_time")):
        moment = table[ours].iloc[place]
        if _is_set(moment):
            facts[theirs] = _local(moment)
    if _is_set(table["duration"].iloc[place]):
        facts["runtime_sec"] = round(float(table["duration"].iloc[place]), 6)
    return facts


def _local(moment: Any) -> str:
    """Give a moment of the run table (UTC) as metadata have it: local time, to the second."""
    utc = moment.to_pydatetime().replace(tzinfo=datetime.UTC)
    return str(utc.astimezone().strftime("%Y-%m-%dT%H:%M:%S"))


def _write_results(log: Logbook, values: Mapping[str, Any]) -> set[str]:
    """Write a run's results; gives the names of those that have no plain form."""
    metrics: dict[str, Any] = {}
    left_out = set()
    for name, value in values.items():
        file = name.replace(".", "/")
        if isinstance(value, np.ndarray) and value.ndim and not value.dtype.hasobject:
            log.array(file, value)
        elif isinstance(value, bytes):
            log.bytes(f"{file}.bin", value)
        else:
            try:
                simple = plain(value)
            except UnsupportedValueError:
                left_out.add(name)
                continue
            if isinstance(simple, dict | list):
                log.json(file, simple)
            else:
                metrics[name] = simple
    if metrics:
        log.json("metrics", metrics)
    return left_out


# -- folders to trajectory --------------------------------------------------------------------------
def import_logbook(
    folder: str | os.PathLike[str], filename: str | os.PathLike[str] | None = None, name: str | None = None
) -> Trajectory:
    """Take a folder of logbooks into a trajectory and give it.

    `folder` is that of an experiment, or holds ``log_*`` folders, or is one. Runs are explored by
    ``run_id`` and all their parameters; arrays, JSON and text files become results.
    Runs that failed or did not end are failed runs. Figures, pickles and raw bytes stay where they are: a
    warning counts them. Called again with the same file it takes in only what is new.

    `name`: of the trajectory, default the folder's; `filename`: ``./hdf5/<name>.hdf5``.
    """
    home = Path(folder)
    runs = [LogReader(path) for path in _run_folders(home)]
    if not runs:
        raise MissingFileError(f"{home} holds no folders log_<run_id> with a metadata.json.")
    env = Environment(
        trajectory=name or _node(home.name),
        filename=filename,
        on_error="return",
        keep_returned=False,
        log_config=None,
    )
    traj = env.trajectory
    explored: dict[str, list[Any]] = {"parameters.run_id": [run.run_id for run in runs]}
    traj.f_add_parameter("run_id", runs[0].run_id, comment="Names the run's folder")
    for parameter, values in _columns([dict(_flat(run.params)) for run in runs]).items():
        if parameter == "run_id":
            continue
        traj.parameters.f_add_parameter(parameter, values[0])
        explored[f"parameters.{parameter}"] = values  # also where all agree: runs to come may differ
    traj.f_explore(explored)
    env.run(_FolderRuns({run.run_id: str(run.path) for run in runs}))
    kept_out = sum(len(run.plots) + len(_foreign(run)) for run in runs)
    if kept_out:
        warnings.warn(
            f"{kept_out} figures, pickles or raw files of {home} were not taken in: they stay there.",
            stacklevel=2,
        )
    return traj


def _run_folders(home: Path) -> list[Path]:
    if not home.exists():
        raise MissingFileError(f"There is no folder {home}.")
    if (home / "metadata.json").exists():
        return [home]
    place = home / "runs" if (home / "runs").is_dir() else home
    return sorted(path for path in place.glob("log_*") if (path / "metadata.json").exists())


def _foreign(run: LogReader) -> list[str]:
    return [name for name in run.artifacts if not name.endswith((".json", ".txt"))]


def _node(name: str) -> str:
    """Give a name as that of a node."""
    text = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "logs"
    return text if not text[0].isdigit() else f"n{text}"


def _flat(params: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in params.items():
        path = f"{before}{'.'.join(_node(part) for part in str(name).split('.'))}"
        if isinstance(value, dict):
            yield from _flat(value, f"{path}.")
        else:
            yield path, value


def _columns(points: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Give parameters by name, values of one type each: a parameter has one type over all runs."""
    names = dict.fromkeys(name for point in points for name in point)
    return {name: _of_one_type([point.get(name) for point in points]) for name in names}


def _of_one_type(values: list[Any]) -> list[Any]:
    values = [_text(value) if isinstance(value, list | datetime.date) else value for value in values]
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and kinds:
        if None in values or kinds == {int, float}:
            return [math.nan if value is None else float(value) for value in values]
        return values
    if len(kinds) == 1 and None not in values:
        return values
    return [value if isinstance(value, str) else _text(value) for value in values]


def _text(value: Any) -> str:
    return "" if value is None else json.dumps(value, default=str)


class _FolderRuns:
    """Reads the folder of the current run into its results (a run function)."""

    def __init__(self, folders: Mapping[str, str]) -> None:
        self._folders = dict(folders)

    def __call__(self, traj: Any) -> None:
        run = LogReader(self._folders[traj.f_get("parameters.run_id").f_get()])
        if run.status != "complete":
            meta = run.meta
            reason = meta.get("failure_reason", f"the run did not end (status {run.status!r})")
            raise RunFailedError(f"{reason}\n{meta.get('traceback', '')}".strip())
        for name, value in self._results(run):
            traj.f_add_result(name, value)

    def _results(self, run: LogReader) -> Iterable[tuple[str, Any]]:
        for name in run.arrays:
            yield ".".join(_node(part) for part in re.split("[/:.]", name)), run.load_array(name)
        for file in run.artifacts:
            path = ".".join(_node(part) for part in re.split("[/.]", file)[:-1])
            if file.endswith(".txt"):
                yield path, run.load_text(file)
            elif file.endswith(".json"):
                found = run.load_json(file)
                if file == "metrics.json" and isinstance(found, dict):
                    for name, value in found.items():
                        yield ".".join(_node(part) for part in name.split(".")), value
                else:
                    yield path, found
