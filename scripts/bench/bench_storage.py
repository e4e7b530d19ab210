"""What does storing and reading cost? CPU time (user and system) of one process, and bytes of file.

Run: ``python scripts/bench/bench_storage.py [name ...]``. Each figure is also printed as a multiple of a
calibration loop, to compare machines. Files are made in a temporary folder and deleted.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

from pypet_ng.spaces.columns import column_of
from pypet_ng.spaces.plan import Plan
from pypet_ng.storage.base import RETURNED
from pypet_ng.storage.hdf5 import HDF5StorageService
from pypet_ng.tree.records import (
    Batch,
    Block,
    NodeKind,
    Record,
    RunStates,
    Signature,
    Skeleton,
    TrajectoryInfo,
)

X = ("parameters", "x")


def calibration() -> float:
    """Give the ms of CPU that a fixed pure Python loop takes."""
    start = time.process_time()
    total = 0
    for number in range(1_000_000):
        total += number & 7
    return (time.process_time() - start) * 1e3


CALIBRATION = calibration()


def report(name: str, value: float, unit: str, budget: float) -> None:
    times = f"{value / CALIBRATION:9.4f} x" if unit == "ms" else " " * 11
    verdict = "ok" if value <= budget else "OVER"
    print(f"{name:62s} {value:10.3f} {unit:3s} {times}  (budget {budget:g} {unit}) {verdict}")


def cpu(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return (time.process_time() - start) * 1e3


def median(call: Callable[[], object], repeat: int = 9) -> float:
    return statistics.median(cpu(call) for _ in range(repeat))


def states(rows: np.ndarray) -> RunStates:
    count = len(rows)
    return RunStates(
        rows,
        np.ones(count, np.uint8),
        np.full(count, 1e9),
        np.full(count, 1e9 + 1),
        np.ones(count, np.uint16),
        np.zeros(count, np.uint8),
        1,
        "host",
    )


def service_of(name: str, runs: int) -> HDF5StorageService:
    service = HDF5StorageService(name)
    service.create(TrajectoryInfo("traj", timestamp=1.0))
    service.write([Record(Skeleton(X, NodeKind.PARAMETER, "Parameter", items=("data",)), {"data": 0})])
    service.write_plan(Plan({X: column_of(range(runs))}))
    return service


def signature(name: str) -> Signature:
    return Signature(("results", "runs", "$", name), NodeKind.RESULT, "Result", "", (name,))


def million(folder: str) -> None:
    name = os.path.join(folder, "million.hdf5")
    runs = 1_000_000
    service = service_of(name, runs)
    before = os.path.getsize(name)
    values = np.random.default_rng(0).random(1000).tolist()
    z = signature("z")
    steps: list[float] = []

    def fill() -> None:
        with service.writing():
            for start in range(0, runs, 1000):
                rows = np.arange(start, start + 1000)
                batch = Batch({z: Block(rows, {"z": values})}, states(rows))
                begin = time.process_time()
                service.append_runs(batch)
                steps.append((time.process_time() - begin) * 1e3)

    whole = cpu(fill)
    report("append_runs of 1000 runs, one float each", statistics.median(steps[5:]), "ms", 1.5)
    report("a million runs, 1000 at a time", whole, "ms", 2000)
    report("bytes per run", (os.path.getsize(name) - before) / runs, "B", 55)

    def load() -> None:
        other = HDF5StorageService(name)
        other.select("traj")
        assert other.read_runs(z.path, "z").array() is not None

    report("open and read the whole column of 10^6 floats", median(load), "ms", 10)
    report("open and select", median(lambda: HDF5StorageService(name).select("traj")), "ms", 2)
    other = HDF5StorageService(name)
    other.select("traj")
    column = other.read_runs(z.path, "z")
    report(
        "one row of a column, read lazily", median(lambda: column.values(slice(777777, 777778)), 51), "ms", 1
    )
    one = ("results", "runs", "run_00777777", "z")
    report("one leaf of one run", median(lambda: other.read(one), 21), "ms", 3)
    report("run states of 10^6 runs", median(lambda: other.run_table().column("state")), "ms", 10)


def scalars(folder: str) -> None:
    name = os.path.join(folder, "scalars.hdf5")
    service = service_of(name, 12)
    signatures = [signature(f"res{number}") for number in range(50)]
    steps: list[float] = []
    with service.writing():
        for row in range(12):
            rows = np.array([row])
            blocks = {one: Block(rows, {one.items[0]: [row + 0.5]}) for one in signatures}
            begin = time.process_time()
            service.append_runs(Batch(blocks, states(rows)))
            service.commit()
            steps.append((time.process_time() - begin) * 1e3)
    report("one run of 50 scalars with commit, the first", steps[0], "ms", 100)
    report("one run of 50 scalars with commit, later", statistics.median(steps[1:]), "ms", 10)
    report("12 runs of 50 scalars, file", os.path.getsize(name) / 1e3, "kB", 500)


def cycles(folder: str) -> None:
    name = os.path.join(folder, "cycles.hdf5")
    service = service_of(name, 10)
    plan = Plan({X: column_of([float(number) for number in range(10)])})
    service.write_plan(plan)
    z = signature("z")
    steps: list[float] = []
    sizes: list[int] = []
    for cycle in range(1, 1001):
        first = cycle * 10
        plan = plan.extended(Plan({X: column_of([float(number) for number in range(first, first + 10)])}))
        rows = np.arange(first, first + 10)
        begin = time.process_time()
        with service.writing():
            service.write_plan(plan)
            values = [float(row) for row in rows]
            service.append_runs(
                Batch({z: Block(rows, {"z": values})}, states(rows), returned=Block(rows, {"": values}))
            )
        steps.append((time.process_time() - begin) * 1e3)
        if cycle % 100 == 0:
            sizes.append(os.path.getsize(name))
    report(
        "cycle: open, extend by 10, store 10 runs, close (first 100)",
        statistics.median(steps[:100]),
        "ms",
        10,
    )
    report("the same, last 100 of 1000", statistics.median(steps[-100:]), "ms", 10)
    report("file after 500 cycles", sizes[4] / 1e3, "kB", 1e9)
    report("file after 1000 cycles", sizes[9] / 1e3, "kB", 2.2 * sizes[4] / 1e3)


def nodes(folder: str) -> None:
    name = os.path.join(folder, "nodes.hdf5")
    service = HDF5StorageService(name)
    service.create(TrajectoryInfo("traj", timestamp=1.0))
    records = [
        Record(
            Skeleton(
                ("parameters", f"group{number // 100}", f"p{number}"),
                NodeKind.PARAMETER,
                "Parameter",
                "one of many" if number % 3 else "",
                items=("data",),
            ),
            {"data": float(number)},
        )
        for number in range(10_000)
    ]
    spent = cpu(lambda: service.write(records))
    report("write a node, 10,000 at once", spent / 10_000, "ms", 1)
    report("bytes per node", os.path.getsize(name) / 10_000, "B", 2000)

    def scan() -> None:
        other = HDF5StorageService(name)
        other.select("traj")
        assert sum(1 for _ in other.scan()) == 10_101

    report("select and scan 10,000 leaves", median(scan), "ms", 30)

    def add() -> None:
        path = ("parameters", f"extra{time.perf_counter_ns()}")
        service.write([Record(Skeleton(path, NodeKind.PARAMETER, "Parameter"), {"data": 1})])

    report("write one more node beside 10,000", median(add, 21), "ms", 5)


def arrays(folder: str) -> None:
    for size, count in ((131072, 200), (1024, 4000)):
        name = os.path.join(folder, f"arrays{size}.hdf5")
        service = service_of(name, count)
        data = np.random.default_rng(0).random((128, size)) if size == 1024 else np.random.random((8, size))
        z = signature("z")
        raw_file = os.path.join(folder, "raw")

        def raw(data: np.ndarray = data, raw_file: str = raw_file, count: int = count) -> None:
            with open(raw_file, "wb") as file:
                for _ in range(count // len(data)):
                    file.write(data.tobytes())

        def fill(
            service: HDF5StorageService = service,
            data: np.ndarray = data,
            z: Signature = z,
            count: int = count,
        ) -> None:
            with service.writing():
                for start in range(0, count - len(data) + 1, len(data)):
                    rows = np.arange(start, start + len(data))
                    service.append_runs(Batch({z: Block(rows, {"z": data})}, states(rows)))

        base = cpu(raw)
        spent = cpu(fill)
        report(f"{count} arrays of {size * 8} bytes, times the CPU of raw writing", spent / base, "x", 2)
        os.unlink(name)


def returned(folder: str) -> None:
    name = os.path.join(folder, "returned.hdf5")
    service = service_of(name, 100_000)
    rows = np.arange(100_000)
    service.append_runs(Batch(returned=Block(rows, {"": [f"text {row}" for row in rows]})))
    column = service.read_runs(RETURNED, "")
    report("100,000 returned texts, read", median(column.values, 3), "ms", 500)


ALL = {one.__name__: one for one in (million, scalars, cycles, nodes, arrays, returned)}

if __name__ == "__main__":
    print(f"calibration loop {CALIBRATION:.1f} ms")
    for chosen in sys.argv[1:] or ALL:
        with tempfile.TemporaryDirectory() as scratch:
            ALL[chosen](scratch)
