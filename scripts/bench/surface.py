"""What do finding, visiting, gathering and merging cost? Run: python scripts/bench/surface.py [runs]"""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

import numpy as np
from measure import Sheet, cpu

from pypet_ng import Environment, Trajectory, load_trajectory

MILLION = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
SOME = MILLION // 10


def keep(traj: Any) -> None:
    traj.f_add_result("z", traj.x * 2)
    traj.f_add_result("g.many", a=traj.y, text=str(traj.y))


def sweep(name: str, runs: int, start: int = 0) -> Any:
    env = Environment(trajectory=name, filename=f"{name}.hdf5", report_progress=False, log_config=None)
    env.traj.f_add_parameter("x", 0.0)
    env.traj.f_add_parameter("y", 0)
    env.traj.f_add_parameter("fixed", start)
    env.traj.f_explore({"x": np.arange(float(runs)) + start, "y": range(runs)})
    env.run(keep)
    return env.traj


def find(sheet: Sheet) -> None:
    traj = Trajectory("t", add_time=False)
    traj.f_add_parameter("x", 0.0)
    traj.f_add_parameter("y", 0)
    traj.f_explore({"x": np.arange(float(MILLION)), "y": range(MILLION)})
    names = ["x", "y"]
    plain = cpu(lambda: list(traj.f_find_idx(names, lambda x, y: x > 10 and y % 7 == 0)), 3)
    sheet.enter(f"f_find_idx over {MILLION} runs, a lambda", plain, "s", 5, seconds=plain)
    quick = cpu(
        lambda: list(traj.f_find_idx(names, lambda x, y: (x > 10) & (y % 7 == 0), vectorized=True)), 3
    )
    sheet.enter(f"f_find_idx over {MILLION} runs, vectorized", quick, "s", 1, seconds=quick)
    visits = cpu(lambda: [traj.x for _ in traj.f_iter_runs(stop=SOME)]) / SOME
    sheet.enter("f_iter_runs with one value, per step", visits * 1e6, "us", 20, seconds=visits)


def gather(sheet: Sheet) -> Any:
    traj = sweep("mine", SOME)
    for data, options, what in (
        (1, {}, "nodes"),
        (2, {}, "nodes with data"),
        (1, {"fast_access": True, "auto_load": True}, "values"),
    ):
        loaded = load_trajectory("mine", filename="mine.hdf5", load_results=data)
        taken = cpu(lambda one=loaded, how=options: one.f_get_from_runs("z", **how))  # type: ignore[misc]
        sheet.enter(f"f_get_from_runs over {SOME} runs, {what}", taken, "s", 1, seconds=taken)
    return traj


def merge(sheet: Sheet, mine: Any) -> None:
    other = sweep("other", SOME, 1)
    taken = cpu(lambda: mine.f_merge(other))
    sheet.enter(f"f_merge of 2 x {SOME} runs, with backups", taken, "s", 10, seconds=taken)


def main() -> int:
    sheet = Sheet("surface")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        find(sheet)
        sheet.recalibrate()
        merge(sheet, gather(sheet))
        os.chdir("/")
    return sheet.close()


if __name__ == "__main__":
    sys.exit(main())
