"""How long do verifying and compacting take, and what does identity cost?

    python scripts/bench/care.py [--runs 1000000] [--mb 1024] [--folder DIR]

Compaction is compared with a raw copy (``shutil.copyfile`` and fsync) of the same bytes: rate of the one
over rate of the other, in wall time, as both wait for the disk.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import sys
import tempfile
import time
from typing import Any

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from measure import Sheet, cpu

from pypet_ng import Environment, HDF5StorageService, load_trajectory
from pypet_ng.encoding import encode
from pypet_ng.engine.fingerprint import fingerprint
from pypet_ng.tree.records import Batch, Block, NodeKind, Record, Signature, Skeleton, TrajectoryInfo

GAIN = 2.0


def helper(x: float) -> float:
    """Do something."""
    total = 0.0
    for number in range(10):
        total += x * number
    return total * GAIN


def simulate(traj: Any) -> float:
    """Look like a usual run function."""
    z = helper(traj.x)
    traj.f_add_result("z", z)
    return z


def timed(work: Any) -> float:
    """Give wall seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def verify(sheet: Sheet, folder: str, runs: int) -> None:
    filename = os.path.join(folder, "runs.hdf5")
    env = Environment("t", filename=filename, log_config=None, report_progress=False)
    env.traj.f_add_parameter("x", 0.0)
    env.traj.f_explore({"x": np.arange(float(runs))})
    env.run(simulate)
    traj = load_trajectory("t", filename=filename)
    taken = cpu(lambda: traj.f_verify() or sys.exit("not sound"))
    sheet.enter(f"verify {runs} runs of one float", taken, "s", 5.0 * runs / 10**6, seconds=taken)


def compact(sheet: Sheet, folder: str, megabytes: int) -> None:
    filename = os.path.join(folder, "big.hdf5")
    service = HDF5StorageService(filename)
    service.create(TrajectoryInfo("t", timestamp=1.0))
    x = ("parameters", "x")
    service.write([Record(Skeleton(x, NodeKind.PARAMETER, "Parameter", items=("data",)), {"data": 0})])
    signature = Signature(("results", "runs", "$", "z"), NodeKind.RESULT, "Result", "", ("z",))
    from pypet_ng.spaces.columns import column_of
    from pypet_ng.spaces.plan import Plan

    service.write_plan(Plan({x: column_of(range(megabytes))}))
    data = np.random.default_rng(1).random(1 << 17)
    with service.writing():
        for row in range(megabytes):
            service.append_runs(Batch({signature: Block([row], {"z": [encode(data + row)]})}))
    os.sync()
    copy = os.path.join(folder, "copy.hdf5")

    def raw() -> None:
        shutil.copyfile(filename, copy)
        descriptor = os.open(copy, os.O_RDWR)
        os.fsync(descriptor)
        os.close(descriptor)
        os.unlink(copy)

    raw_times, own_times = [], []
    for _ in range(3):
        raw_times.append(timed(raw))
        own_times.append(timed(service.compact))
    ratio = min(own_times) / min(raw_times)
    sheet.enter(f"compact {megabytes} MB, wall time in raw copies", ratio, "x", 2.0, seconds=min(own_times))


def identity(sheet: Sheet) -> None:
    first = timed(lambda: fingerprint(simulate)) * 1e3
    sheet.enter("fingerprint of a usual function, first time", first, "ms", 2.0, seconds=first / 1e3)
    later = cpu(lambda: [fingerprint(simulate) for _ in range(1000)], 5)
    sheet.enter("fingerprint of a usual function, again", later, "ms", 0.2, seconds=later / 1e3)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--mb", type=int, default=1024)
    parser.add_argument("--folder", default=None, help="where the files go; a disk, not a memory file system")
    given = parser.parse_args()
    sheet = Sheet("care of files")
    identity(sheet)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        verify(sheet, folder, given.runs)
        compact(sheet, folder, given.mb)
    return sheet.close()


if __name__ == "__main__":
    sys.exit(main())
