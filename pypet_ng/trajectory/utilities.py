"""Which small helpers do pypet's users know besides the trajectory?"""

from __future__ import annotations

import os
from typing import Any

from pypet_ng.engine.lognames import ALL_RUNS, ALL_SETS, LogNames

__all__ = ["racedirs", "rename_log_file"]


def racedirs(path: str | os.PathLike[str]) -> None:
    """Make a folder with those above it, also if others do so at the same time; OSError if a file is there."""
    try:
        os.makedirs(path, exist_ok=True)
    except FileExistsError as error:
        raise FileExistsError(
            f"{os.fspath(path)!r} is a file: no folder can be made in its place. Use another name, or move it."
        ) from error


def rename_log_file(
    filename: str,
    trajectory: Any = None,
    env_name: str | None = None,
    traj_name: str | None = None,
    set_name: str | None = None,
    run_name: str | None = None,
    process_name: str | None = None,
    host_name: str | None = None,
) -> str:
    """Give a file name in which ``$env $traj $run $set $proc $host`` are filled in.

    What is not given comes from `trajectory` (its environment, its current run), and this process and machine.

    >>> rename_log_file("$traj/$run.txt", traj_name="t", run_name="run_00000003")
    't/run_00000003.txt'
    """
    env, traj, run, group = "environment", "trajectory", ALL_RUNS, ALL_SETS
    if trajectory is not None:
        env = trajectory.v_environment_name or env
        traj = trajectory.v_name
        run, group = trajectory.f_wildcard("$"), trajectory.f_wildcard("$set")
    return LogNames(
        env=env_name or env,
        traj=traj_name or traj,
        run=run_name or run,
        set=set_name or group,
        proc=process_name,
        host=host_name,
    ).fill(filename)
