"""What do worker processes cost and gain? Run: python scripts/bench/workers.py [runs]"""

from __future__ import annotations

import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
import timeit
from typing import Any

import numpy as np
from measure import Sheet, cpu, peak_mb

from pypet_ng import Environment
from pypet_ng.runners import ProcessRunner
from pypet_ng.runners.marks import MarkBoard, MarkSlot

MILLION = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
LARGE = 400
"""Runs that each give 1 MB."""


def trivial(traj: Any) -> None:
    traj.f_add_result("z", traj.x)


def slow(traj: Any) -> None:
    end = time.perf_counter() + 0.01
    while time.perf_counter() < end:
        pass


def large(traj: Any) -> None:
    traj.f_add_result("array", np.full(131_072, traj.x))


def sweep(runner: ProcessRunner, runs: int, folder: str, name: str, **options: Any) -> Environment:
    filename = os.path.join(folder, f"{name}.hdf5")
    env = Environment(trajectory=name, filename=filename, runner=runner, report_progress=False, **options)
    env.traj.f_add_parameter("x", 0.0)
    env.traj.f_explore({"x": np.arange(float(runs))})
    return env


def all_cpu() -> float:
    """Give the CPU seconds of this process and of the children it waited for."""
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        total += used.ru_utime + used.ru_stime
    return total


def start(sheet: Sheet, folder: str) -> None:
    runner = ProcessRunner(2)
    env = sweep(runner, 2, folder, "start")
    began = time.perf_counter()
    env.run(trivial)
    sheet.enter("first results of a new pool", time.perf_counter() - began, "s", 0.5)
    runner.close()


def efficiency(sheet: Sheet, folder: str) -> None:
    runner = ProcessRunner(2)
    sweep(runner, 50, folder, "warm").run(slow)
    env = sweep(runner, 1000, folder, "slow")
    began = time.perf_counter()
    env.run(slow)
    wall = time.perf_counter() - began
    sheet.enter("time lost by 1,000 runs of 10 ms on 2 workers", 1 - 1000 * 0.01 / 2 / wall, "", 0.1)
    runner.close()


def million(sheet: Sheet, folder: str) -> None:
    before = all_cpu()
    runner = ProcessRunner(2)
    env = sweep(runner, MILLION, folder, "million", keep_returned=False)
    half = peak_mb()
    env.run(trivial)
    runner.close()
    spent = (all_cpu() - before) / MILLION
    sheet.enter(f"{MILLION:,} trivial runs, all processes together", spent * 1e6, "us", 15, seconds=spent)
    sheet.enter("  growth of the parent's memory with its list of results", peak_mb() - half, "MB", 150)


def marks(sheet: Sheet) -> None:
    board = MarkBoard(1)
    mark = MarkSlot(board.filename, 0)
    seconds = min(timeit.repeat(lambda: mark(5, 1.0), number=100_000, repeat=5)) / 100_000
    sheet.enter("start mark", seconds * 1e6, "us", 0.2, seconds=seconds)
    board.close()


def _feed(queue: Any, count: int) -> None:
    for number in range(count):
        queue.put((number, np.full(131_072, float(number))))
    queue.put(None)


def by_queue(count: int) -> float:
    """Take arrays from two processes through a pipe queue; gives the wall seconds."""
    context = multiprocessing.get_context("fork")
    queue = context.Queue(4)
    feeders = [context.Process(target=_feed, args=(queue, count // 2)) for _ in range(2)]
    began = time.perf_counter()
    for feeder in feeders:
        feeder.start()
    ended = 0
    while ended < 2:
        ended += queue.get() is None
    wall = time.perf_counter() - began
    for feeder in feeders:
        feeder.join()
    return wall


def arrays(sheet: Sheet, folder: str) -> None:
    runner = ProcessRunner(2)
    sweep(runner, 20, folder, "warm arrays").run(large)
    ratios = []
    for turn in range(5):
        queue = by_queue(LARGE)
        env = sweep(runner, LARGE, folder, f"arrays_{turn}", automatic_storing=False)
        env.traj.v_auto_run_prepend = True
        began = time.perf_counter()
        data = runner_only(runner, env)
        ours = time.perf_counter() - began
        assert data == LARGE
        ratios.append(ours / queue)
    sheet.enter("1 MB results of 2 workers, time against a pipe queue", float(np.median(ratios)), "x", 0.5)
    runner.close()


def runner_only(runner: ProcessRunner, env: Environment) -> int:
    """Let the runs go without storing, and count what came back."""
    from pypet_ng.engine.attach import explored_leaves
    from pypet_ng.engine.batching import BatchBuilder
    from pypet_ng.engine.running import make_chunks
    from pypet_ng.engine.single_run import SameForAll, TreeJob

    session = env.traj._session
    rows = np.arange(len(env.traj), dtype=np.int64)
    job = TreeJob(
        session.tree,
        large,
        SameForAll((), {}),
        explored_leaves(session),
        BatchBuilder(keep_returned=False),
        keep_nodes=False,
        stores=False,
        interval=1.0,
        waiting_bytes=64 << 20,
        stop_at_failure=False,
    )
    count = 0
    for batch in runner.run(job, make_chunks(session.plan, rows, np.ones(len(rows), np.uint16))):
        for block in batch.blocks.values():
            count += len(block.columns["array"])
    return count


def heavy_import() -> None:
    subprocess.run([sys.executable, "-c", "import pypet_ng"], check=True)


def main() -> int:
    sheet = Sheet("workers")
    with tempfile.TemporaryDirectory() as folder:
        print(f"     a bare import of pypet_ng in a new process takes {cpu(heavy_import):.3f} s CPU here")
        marks(sheet)
        start(sheet, folder)
        efficiency(sheet, folder)
        arrays(sheet, folder)
        million(sheet, folder)
    return sheet.close()


if __name__ == "__main__":
    sys.exit(main())
