"""What do a run, a look-up, a file and a tree cost? Run: python scripts/bench/foundation.py [runs]"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import timeit
from functools import partial
from typing import Any

import numpy as np
from measure import Sheet, cpu, peak_mb

from pypet_ng import Environment, Trajectory, load_trajectory

MILLION = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000


def give(traj: Any) -> Any:
    return traj.x * traj.y


def keep(traj: Any) -> None:
    traj.f_add_result("z", traj.x * traj.y)


def fifty(traj: Any) -> None:
    for number in range(50):
        traj.f_add_result(f"r{number}", traj.x + number)


def sweep(folder: str, name: str, runs: int, **options: Any) -> Environment:
    env = Environment(trajectory=name, filename=os.path.join(folder, f"{name}.hdf5"), **options)
    env.traj.f_add_parameter("x", 1.0)
    env.traj.f_add_parameter("y", 1.0)
    env.traj.f_explore({"x": np.arange(float(runs)), "y": np.arange(float(runs)) * 2})
    return env


def imports(sheet: Sheet) -> None:
    code = "import time; s=time.process_time(); import pypet_ng; print(time.process_time()-s)"
    taken = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _ in range(5)
    ]
    sheet.enter("import pypet_ng", sorted(taken)[2], "s", 0.3, seconds=sorted(taken)[2])
    code = "import sys, pypet_ng; print(','.join(sorted({m.split('.')[0] for m in sys.modules})))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    heavy = {"scipy", "pandas", "jax", "xarray", "matplotlib", "git", "tables", "loky", "rich"} & set(
        loaded.strip().split(",")
    )
    print("     heavy packages loaded by the import:", ", ".join(sorted(heavy)) or "none")


def lookups(sheet: Sheet) -> None:
    traj = Trajectory("t", add_time=False)
    traj.f_add_parameter("neuron.x", 1.0)
    assert traj.x == 1.0
    seconds = min(timeit.repeat(lambda: None, number=1000))  # warms the clock up
    seconds = min(timeit.repeat("traj.x", globals={"traj": traj}, number=100_000, repeat=7)) / 100_000
    sheet.enter("traj.x resolved", seconds * 1e6, "us", 1.0, seconds=seconds)


def small_runs(sheet: Sheet, folder: str) -> None:
    runs = 100_000
    env = sweep(folder, "give", runs, automatic_storing=False)
    seconds = cpu(lambda: env.run(give)) / runs
    sheet.enter("trivial run, value returned", seconds * 1e6, "us", 8, seconds=seconds)
    env = sweep(folder, "keep", runs)
    seconds = cpu(lambda: env.run(keep)) / runs
    sheet.enter("trivial run, one float stored", seconds * 1e6, "us", 12, seconds=seconds)


def million(sheet: Sheet, folder: str) -> None:
    env = sweep(folder, "million", MILLION)
    before = peak_mb()
    seconds = cpu(partial(env.run, keep))
    share = MILLION / 1e6
    sheet.enter(f"{MILLION:,} runs of the basic example", seconds, "s", 20 * share, seconds=seconds)
    sheet.enter("  growth of peak memory", peak_mb() - before, "MB", 250)
    filename = env.traj.v_filename
    assert filename is not None
    sheet.enter("  file per run", os.path.getsize(filename) / MILLION, "B", 80)
    del env
    gc.collect()
    load_trajectory(filename=filename, name="million", load_all=1)
    seconds = cpu(lambda: load_trajectory(filename=filename, name="million", load_all=1), 5)
    sheet.enter("  opening", seconds * 1e3, "ms", 20, seconds=seconds)
    service = load_trajectory(filename=filename, name="million", load_all=0).v_storage_service

    def read() -> Any:
        return service.read_runs(("results", "runs", "$", "z"), "z").array()

    column = read()
    assert column is not None
    assert column.shape == (MILLION,)
    assert column[-1] == (MILLION - 1) ** 2 * 2.0
    seconds = cpu(read, 5)
    sheet.enter("  reading the whole column", seconds * 1e3, "ms", 20, seconds=seconds)


def trees(sheet: Sheet, folder: str) -> None:
    traj = Trajectory("skeleton", add_time=False, filename=os.path.join(folder, "skeleton.hdf5"))
    for group in range(100):
        for leaf in range(100):
            traj.f_add_result(f"g{group}.l{leaf}", 1.0)
    traj.f_store()
    filename = traj.v_filename

    def load() -> None:
        load_trajectory(filename=filename, name="skeleton", load_all=1)

    load()
    seconds = cpu(load, 5)
    sheet.enter("skeleton of 10,000 leaves", seconds * 1e3, "ms", 50, seconds=seconds)
    traj = Trajectory("big", add_time=False)
    for group in range(1000):
        for leaf in range(100):
            traj.f_add_result(f"g{group}.l{leaf}_{group}", 1.0)

    def add() -> None:
        for number in range(2000):
            traj.f_add_result(f"g{number % 1000}.new{number}", 1.0)

    seconds = cpu(add) / 2000
    sheet.enter("adding a leaf to a tree of 100,000", seconds * 1e6, "us", 20, seconds=seconds)

    def search() -> None:
        for number in range(900, 1000):
            assert traj.f_get(f"l50_{number}", fast_access=True) == 1.0

    seconds = cpu(search) / 100
    sheet.enter("search by shortcut in a tree of 100,000", seconds * 1e3, "ms", 1, seconds=seconds)


def expanding(sheet: Sheet, folder: str) -> None:
    env = Environment(trajectory="expanding", filename=os.path.join(folder, "expanding.hdf5"))
    traj = env.traj
    traj.f_add_parameter("x", 1.0)
    traj.f_add_parameter("y", 1.0)
    filename = traj.v_filename
    assert filename is not None
    taken: list[float] = []
    sizes: list[int] = []
    for step in range(1000):
        points = [step * 10.0 + number for number in range(10)]

        def cycle(points: list[float] = points) -> None:
            traj.f_expand({"x": points, "y": points})
            assert len(env.run(keep)) == 10

        taken.append(cpu(cycle))
        sizes.append(os.path.getsize(filename))
    mean = float(np.mean(taken))
    sheet.enter("f_expand of 10 points + env.run, mean of 1,000", mean * 1e3, "ms", 20, seconds=mean)
    first, last = float(np.median(taken[50:150])), float(np.median(taken[-100:]))
    sheet.enter("  last 100 against 50th to 150th", last / first, "x", 1.5)
    growth = (sizes[-1] - sizes[500]) / max(1, sizes[500] - sizes[0])
    sheet.enter("  growth of the file, second half against first", growth, "x", 1.5)


def small_file(sheet: Sheet, folder: str) -> None:
    env = sweep(folder, "fifty", 12)
    env.run(fifty)
    assert env.traj.v_filename is not None
    sheet.enter("12 runs of 50 scalars", os.path.getsize(env.traj.v_filename) / 1e3, "kB", 500)


def main() -> int:
    sheet = Sheet("foundation")
    with tempfile.TemporaryDirectory() as folder:
        imports(sheet)
        lookups(sheet)
        small_runs(sheet, folder)
        small_file(sheet, folder)
        trees(sheet, folder)
        expanding(sheet, folder)
        sheet.recalibrate()
        million(sheet, folder)
    return sheet.close()


if __name__ == "__main__":
    sys.exit(main())
