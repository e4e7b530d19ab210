"""What do columns and tables over a million runs cost? Run: python scripts/bench/bulk.py [runs]"""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

import numpy as np
from measure import Sheet, cpu, peak_mb

from pypet_ng import Environment, cartesian_product, load_trajectory

MILLION = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
SIDE = round(MILLION ** (1 / 3))


def keep(traj: Any) -> None:
    traj.f_add_result("z", traj.x * traj.y)


def made(folder: str, name: str, explored: Any, function: Any, **options: Any) -> Any:
    """Run a sweep over some parameters and give the trajectory, loaded anew if it was stored."""
    env = Environment(trajectory=name, filename=os.path.join(folder, f"{name}.hdf5"), **options)
    for parameter in explored:
        env.traj.f_add_parameter(parameter, 1.0)
    env.traj.f_explore(explored)
    env.run(function)
    if options:
        return env.traj
    return load_trajectory(name=name, filename=env.traj.v_filename, load_all=1)


def warm(folder: str) -> None:
    """Import pandas and xarray before anything is measured."""
    traj = made(folder, "warm", cartesian_product({"x": [1.0, 2.0], "y": [1.0, 2.0]}), keep)
    traj.f_to_dataframe()
    traj.f_to_xarray("z")


def lists(sheet: Sheet, folder: str) -> None:
    rng = np.random.default_rng(0)
    explored = {name: rng.random(MILLION) for name in ("w", "v", "x", "y")}
    traj = made(folder, "lists", explored, keep)
    share = max(1.0, MILLION / 1e6)
    seconds = cpu(lambda: traj.f_collect("z"), 5)
    sheet.enter("f_collect, nothing read", seconds * 1e3, "ms", 10, seconds=seconds)
    seconds = cpu(lambda: traj.f_collect("z")[:], 5)
    sheet.enter("f_collect('z')[:]", seconds * 1e3, "ms", 25 * share, seconds=seconds)
    seconds = cpu(lambda: traj.f_collect("z")[MILLION // 2], 5)
    sheet.enter("f_collect('z')[i]", seconds * 1e3, "ms", 10, seconds=seconds)
    seconds = cpu(lambda: traj.f_to_dataframe(), 5)
    sheet.enter(
        "f_to_dataframe, 4 parameters and a result", seconds * 1e3, "ms", 200 * share, seconds=seconds
    )
    table = traj.f_to_dataframe()
    assert np.array_equal(table["z"].to_numpy(), explored["x"] * explored["y"])
    seconds = cpu(lambda: traj.f_run_table(), 3)
    sheet.enter("f_run_table", seconds * 1e3, "ms", 500 * share, seconds=seconds)
    seconds = cpu(lambda: traj.f_to_xarray("z"), 3)
    sheet.enter("f_to_xarray of runs that are no product", seconds * 1e3, "ms", 1000 * share, seconds=seconds)
    before = peak_mb()
    seconds = cpu(lambda: traj._repr_html_(), 3)
    sheet.enter("HTML of the trajectory", seconds * 1e3, "ms", 50 * share, seconds=seconds)
    sheet.enter("  its size", len(traj._repr_html_()) / 1e3, "kB", 50)
    sheet.enter("  growth of peak memory", peak_mb() - before, "MB", 50)


def products(sheet: Sheet, folder: str) -> None:
    axis = [float(number) for number in range(SIDE)]
    product = cartesian_product({"x": axis, "y": axis, "u": axis})
    traj = made(folder, "product", product, keep)
    seconds = cpu(lambda: traj.f_to_xarray("z"), 3)
    sheet.enter(f"f_to_xarray, declared product {SIDE}^3", seconds, "s", 1, seconds=seconds)
    assert traj.f_to_xarray("z").sel(x=2.0, y=3.0, u=1.0) == 6.0
    lists = {name: np.array(column) for name, column in product.items()}
    traj = made(folder, "foreign", lists, keep)
    seconds = cpu(lambda: traj.f_to_xarray("z"), 3)
    sheet.enter("  the same as foreign lists", seconds, "s", 1, seconds=seconds)
    order = np.random.default_rng(0).permutation(SIDE**3)
    traj = made(folder, "shuffled", {name: values[order] for name, values in lists.items()}, keep)
    seconds = cpu(lambda: traj.f_to_xarray("z"), 3)
    sheet.enter("  the same shuffled", seconds, "s", 1, seconds=seconds)


def memory(sheet: Sheet, folder: str) -> None:
    runs = 100_000
    numbers = np.arange(float(runs))
    traj = made(folder, "memory", {"x": numbers, "y": numbers}, keep, automatic_storing=False)
    seconds = cpu(lambda: traj.f_collect("z")[:], 3)
    sheet.enter("f_collect('z')[:] of 100,000 results in memory", seconds, "s", 1, seconds=seconds)


def main() -> int:
    sheet = Sheet("bulk")
    with tempfile.TemporaryDirectory() as folder:
        warm(folder)
        lists(sheet, folder)
        sheet.recalibrate()
        products(sheet, folder)
        memory(sheet, folder)
    return sheet.close()


if __name__ == "__main__":
    sys.exit(main())
