"""What does losing nothing cost? CPU time (user and system) of this process, against raw h5py and ``write()``.

Run: ``python scripts/bench/journal.py [--full] [name ...]``. Files are made in a temporary folder and deleted.
`--full`: 5,000 commits under a viewer, verify of 10^6 runs, compaction of 1 GB.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import h5py
import numpy as np
from measure import Sheet, cpu

from pypet_ng import Environment
from pypet_ng.spaces.columns import column_of
from pypet_ng.spaces.plan import Plan
from pypet_ng.storage.hdf5 import HDF5StorageService
from pypet_ng.storage.journal import journal_of
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
FULL = "--full" in sys.argv


def begin(name: str, runs: int, **options: object) -> HDF5StorageService:
    service = HDF5StorageService(name, **options)  # type: ignore[arg-type]
    with service.writing():
        service.create(TrajectoryInfo("traj", timestamp=1.0))
        service.write([Record(Skeleton(X, NodeKind.PARAMETER, "Parameter", items=("data",)), {"data": 0})])
        service.write_plan(Plan({X: column_of(range(runs))}))
    return service


def of(name: str) -> Signature:
    return Signature(("results", "runs", "$", name), NodeKind.RESULT, "Result", "", (name,))


def ended(rows: np.ndarray) -> RunStates:
    count = len(rows)
    ones = np.ones(count, np.uint8)
    return RunStates(
        rows, ones, np.ones(count), np.ones(count), np.ones(count, np.uint16), 0 * ones, 1, "host"
    )


def clean(folder: str) -> None:
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    os.sync()


def ratio(
    folder: str, ours: Callable[[], float], theirs: Callable[[], float], repeat: int = 5
) -> tuple[float, float]:
    """Give the median of ours / theirs, measured in turns, and the median seconds of ours."""
    ratios, spent = [], []
    for _ in range(repeat):
        clean(folder)
        base = theirs()
        clean(folder)
        own = ours()
        ratios.append(own / base)
        spent.append(own)
    return statistics.median(ratios), statistics.median(spent)


def scalars(sheet: Sheet, folder: str) -> None:
    runs = 100_000

    def all_in() -> float:
        env = Environment("t", filename=os.path.join(folder, "a.h5"), report_progress=False, log_config=None)
        env.traj.f_add_parameter("x", 0.0)
        env.traj.f_explore({"x": np.arange(float(runs))})

        def function(traj: object) -> None:
            traj.f_add_result("z", traj.x)  # type: ignore[attr-defined]

        return cpu(lambda: env.run(function))

    few = 20_000

    def groups() -> float:
        def write() -> None:
            with h5py.File(os.path.join(folder, "g.h5"), "w", libver=("v110", "v110")) as file:
                for run in range(few):
                    file.create_group(f"run_{run:08d}")["z"] = 1.5 * run

        return cpu(write) / few * runs

    times, spent = ratio(folder, all_in, groups, 3)
    sheet.enter("env.run, one float stored, all in", spent / runs * 1e6, "us/run", 15, seconds=spent)
    sheet.enter("the same, against an h5py group per run", times, "x", 0.25)

    steps: dict[str, list[float]] = {}
    for durability in ("fsync", "os", "none"):
        clean(folder)
        service = begin(os.path.join(folder, "c.h5"), runs, durability=durability)
        values = np.random.default_rng(0).random(1000).tolist()
        taken = steps.setdefault(durability, [])
        with service.writing():
            for start in range(0, runs, 1000):
                rows = np.arange(start, start + 1000)
                service.append_runs(Batch({of("z"): Block(rows, {"z": values})}, ended(rows)))
                taken.append(cpu(service.commit) * 1e3)
    for durability, taken in steps.items():
        sheet.enter(f"commit of 1000 runs, durability {durability!r}", statistics.median(taken[5:]), "ms", 3)

    clean(folder)
    service = begin(os.path.join(folder, "s.h5"), 200)
    taken = []
    with service.writing():
        for row in range(60):
            rows = np.array([row])
            blocks = {of(f"r{k}"): Block(rows, {f"r{k}": [row + 0.5]}) for k in range(50)}
            service.append_runs(Batch(blocks, ended(rows)))
            taken.append(cpu(service.commit) * 1e3)
    sheet.enter("commit of one run with 50 scalars", statistics.median(taken[2:]), "ms", 10)


def arrays(sheet: Sheet, folder: str) -> None:
    for size, count, step, what in (
        (131_072, 200, 8, "1 MB arrays, against raw write()"),
        (1024, 8192, 128, ""),
    ):
        data = np.random.default_rng(0).random((step, size))

        def ours(size: int = size, count: int = count, step: int = step, data: np.ndarray = data) -> float:
            service = begin(os.path.join(folder, "a.h5"), count)

            def fill() -> None:
                with service.writing():
                    for start in range(0, count, step):
                        rows = np.arange(start, start + step)
                        service.append_runs(Batch({of("z"): Block(rows, {"z": data})}, ended(rows)))
                        if start // step % 8 == 7:
                            service.commit()

            return cpu(fill)

        def raw(count: int = count, step: int = step, data: np.ndarray = data) -> float:
            def write() -> None:
                with open(os.path.join(folder, "raw"), "wb") as file:
                    for _ in range(count // step):
                        for row in data:
                            file.write(row.tobytes())
                    os.fsync(file.fileno())

            return cpu(write)

        def batched(size: int = size, count: int = count, step: int = step, data: np.ndarray = data) -> float:
            def write() -> None:
                with h5py.File(os.path.join(folder, "b.h5"), "w", libver=("v110", "v110")) as file:
                    column = file.create_dataset(
                        "z", (0, size), "f8", maxshape=(None, size), chunks=(128, size)
                    )
                    for start in range(0, count, step):
                        column.resize((start + step, size))
                        column[start:] = data

            return cpu(write)

        times, _ = ratio(folder, ours, raw if what else batched)
        sheet.enter(what or "8 kB arrays, against batched h5py writes", times, "x", 2)

    runs = 20_000
    chance = np.random.default_rng(0)
    ragged = [chance.random(int(n)) for n in np.minimum(chance.lognormal(4.9, 0.8, runs), 5000)]

    def ours_ragged(durability: str = "fsync") -> float:
        service = begin(os.path.join(folder, "r.h5"), runs, durability=durability)

        def fill() -> None:
            with service.writing():
                for start in range(0, runs, 1000):
                    rows = np.arange(start, start + 1000)
                    service.append_runs(
                        Batch({of("s"): Block(rows, {"s": ragged[start : start + 1000]})}, ended(rows))
                    )
                    service.commit()

        return cpu(fill)

    def plain_ragged(synced: bool = False) -> float:
        def write() -> None:
            with h5py.File(os.path.join(folder, "p.h5"), "w", libver=("v110", "v110")) as file:
                data = file.create_dataset("data", (0,), "f8", maxshape=(None,), chunks=(131_072,))
                span = file.create_dataset("span", (0, 2), "i8", maxshape=(None, 2), chunks=(4096, 2))
                for start in range(0, runs, 1000):
                    some = ragged[start : start + 1000]
                    lengths = np.array([len(one) for one in some])
                    place = data.shape[0]
                    data.resize((place + int(lengths.sum()),))
                    data[place:] = np.concatenate(some)
                    span.resize((start + 1000, 2))
                    span[start:] = np.stack([place + np.cumsum(lengths) - lengths, lengths], 1)
                    file.flush()
                    if synced:
                        os.fdatasync(file.id.get_vfd_handle())

        return cpu(write)

    times, _ = ratio(folder, ours_ragged, plain_ragged)
    sheet.enter("ragged arrays, against data and span", times, "x", 2)
    times, _ = ratio(folder, ours_ragged, lambda: plain_ragged(synced=True))
    sheet.enter("the same, against data and span synced as often", times, "x", 2)
    times, _ = ratio(folder, lambda: ours_ragged("none"), plain_ragged)
    sheet.enter("the same with durability 'none'", times, "x", 2)


def frames(sheet: Sheet, folder: str) -> None:
    import pandas as pd

    runs = 1500
    frame = pd.DataFrame(
        {"a": np.arange(20), "b": np.random.random(20), "c": np.random.random(20), "d": ["x", "yy"] * 10}
    )

    def fill(durability: str) -> float:
        clean(folder)
        service = begin(os.path.join(folder, "f.h5"), runs, durability=durability)

        def write() -> None:
            with service.writing():
                for start in range(0, runs, 100):
                    rows = np.arange(start, start + 100)
                    service.append_runs(Batch({of("f"): Block(rows, {"f": [frame] * 100})}, ended(rows)))
                    service.commit()

        return cpu(write)

    for durability in ("fsync", "none"):
        spent = fill(durability)
        name = f"data frame of 20 x 4, durability {durability!r}"
        sheet.enter(name, spent / runs * 1e6, "us", 200, seconds=spent)


_READER = """
import sys
from pypet_ng.storage.hdf5 import HDF5StorageService
service = HDF5StorageService(sys.argv[1]); service.select("traj")
print("ready", flush=True)
while True:
    service.refresh()
    service.read_runs(("results", "runs", "$", "z"), "z").array()
"""


def readers(sheet: Sheet, folder: str) -> None:
    def sweep(count: int) -> float:
        clean(folder)
        name = os.path.join(folder, "r.h5")
        runs = 20_000
        service = begin(name, runs)
        service.append_runs(Batch({of("z"): Block([0], {"z": [0.5]})}))
        polls = [
            subprocess.Popen([sys.executable, "-c", _READER, name], stdout=subprocess.PIPE)
            for _ in range(count)
        ]
        taken = []
        try:
            for poll in polls:
                assert poll.stdout is not None
                poll.stdout.readline()
            with service.writing():
                for start in range(0, runs, 100):
                    rows = np.arange(start, start + 100)
                    service.append_runs(Batch({of("z"): Block(rows, {"z": rows * 0.5})}, ended(rows)))
                    taken.append(cpu(service.commit) * 1e3)
        finally:
            for poll in polls:
                poll.kill()
                poll.wait()
        return statistics.median(taken)

    alone = sweep(0)
    watched = sweep(2)
    sheet.enter("commit of 100 runs", alone, "ms", 3)
    sheet.enter("the same with two readers in a loop", watched / alone, "x", 1.5)


def viewer(sheet: Sheet, folder: str) -> None:
    commits = 5000 if FULL else 500
    name = os.path.join(folder, "v.h5")
    service = begin(name, commits)
    service.append_runs(Batch({of("z"): Block([0], {"z": [0.5]})}, ended(np.array([0]))))
    taken, sizes = [], []
    with h5py.File(name, "r", locking=True), service.writing():
        for row in range(commits):
            rows = np.array([row])
            start = time.process_time()
            service.append_runs(Batch({of("z"): Block(rows, {"z": [row * 0.5]})}, ended(rows)))
            service.commit()
            taken.append((time.process_time() - start) * 1e3)
            sizes.append(os.path.getsize(journal_of(name)))
    early, late = statistics.median(taken[40:60]), statistics.median(taken[-20:])
    sheet.enter(f"one-run commit under a viewer, the 50th of {commits}", early, "ms", 10)
    sheet.enter("the last against the 50th", late / early, "x", 1.5)
    sheet.enter("largest journal", max(sizes) / 2**20, "MiB", 64 + max(np.diff(sizes), default=0) / 2**20)
    sheet.enter("journal per commit", statistics.median(np.diff(sizes)) / 4096, "pages", 40)
    service.write([Record(Skeleton(("results", "r"), NodeKind.RESULT, "Result", items=("r",)), {"r": 1})])
    sheet.enter("journal left when it let go", float(os.path.exists(journal_of(name))), "files", 0)


def care(sheet: Sheet, folder: str) -> None:
    runs = 1_000_000 if FULL else 100_000
    service = begin(os.path.join(folder, "c.h5"), runs)
    with service.writing():
        for start in range(0, runs, 10_000):
            rows = np.arange(start, start + 10_000)
            service.append_runs(Batch({of("z"): Block(rows, {"z": rows * 0.5})}, ended(rows)))
    spent = cpu(service.verify)
    sheet.enter(f"verify of {runs:,} runs", spent, "s", 5 * runs / 1e6, seconds=spent)
    clean(folder)
    count = 1000 if FULL else 200
    name = os.path.join(folder, "d.h5")
    service = begin(name, count)
    data = np.random.default_rng(0).random((8, 131_072))
    with service.writing():
        for start in range(0, count, 8):
            rows = np.arange(start, start + 8)
            service.append_runs(Batch({of("z"): Block(rows, {"z": data})}, ended(rows)))

    os.sync()

    def copying() -> None:
        with open(name, "rb") as source, open(name + "2", "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)

    copied = cpu(copying, 3)
    os.sync()
    spent = cpu(service.compact, 3)
    sheet.enter(f"compaction of {count} MB, against a raw copy", spent / copied, "x", 2)


ALL = {one.__name__: one for one in (scalars, arrays, frames, readers, viewer, care)}

if __name__ == "__main__":
    page = Sheet("journal")
    for chosen in [word for word in sys.argv[1:] if not word.startswith("-")] or ALL:
        with tempfile.TemporaryDirectory() as scratch:
            ALL[chosen](page, scratch)
    sys.exit(page.close())
