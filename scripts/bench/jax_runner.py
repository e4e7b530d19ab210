"""What do batches on devices cost beside a loop by hand? Run: python scripts/bench/jax_runner.py [quick]

The network model: 8 nodes of a reduced Wong-Wang model (Deco et al. 2013, J Neurosci 33:11239, eqs 1-3,
without noise), 500 Euler steps. The loop by hand keeps two batches on their way and results in memory.
Times are wall time and CPU time of all threads of this process; each pair is measured in turns, and the
median of the ratios counts.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from measure import Sheet, peak_mb

from pypet_ng import Environment, cartesian_product
from pypet_ng.execution import ParallelExecution, SequentialExecution
from pypet_ng.spaces import GridAxis, Space

QUICK = "quick" in sys.argv[1:]
TURNS = 3 if QUICK else 5
STEPS = 500
SIDE = 180
"""Points along each of two axes of the long sweeps."""

_weights = np.random.default_rng(0).random((8, 8)).astype(np.float32)
np.fill_diagonal(_weights, 0)
WEIGHTS = _weights / _weights.sum(axis=1, keepdims=True)


def network(coupling: Any, recurrence: Any) -> Any:
    """Give the gating variables of all steps, shape (step, node)."""

    def step(gate: Any, _: Any) -> Any:
        current = 0.6 * recurrence * gate + 0.32 + coupling * recurrence * (WEIGHTS @ gate)
        excess = 270.0 * current - 108.0
        rate = excess / (1 - jnp.exp(-0.154 * excess))
        new = gate + (-gate / 100.0 + (1 - gate) * 0.000641 * rate)
        return new, new

    return jax.lax.scan(step, jnp.full(8, 0.1), None, length=STEPS)[1]


def summary(coupling: Any, recurrence: Any) -> Any:
    series = network(coupling, recurrence)
    return series[-100:].mean(), series.max()


def run_summary(traj: Any) -> None:
    mean, largest = summary(traj.G, traj.J)
    traj.f_add_result("mean", mean)
    traj.f_add_result("max", largest)


def run_series(traj: Any) -> None:
    traj.f_add_result("series", network(traj.G, traj.J))


def grids(side: int) -> tuple[Any, Any]:
    return np.linspace(0.1, 3.0, side), np.linspace(0.2, 0.3, side)


class Places:
    """Files for sweeps, one at a time."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._count = 0

    def environment(self, side: int, **options: Any) -> Environment:
        self._count += 1
        filename = os.path.join(self._folder, "sweep.hdf5")
        if os.path.exists(filename):
            os.remove(filename)
        env = Environment(
            f"sweep_{self._count}",
            filename=filename,
            runner="jax",
            report_progress=False,
            log_config=None,
            **options,
        )
        env.traj.f_add_parameter("G", 0.0)
        env.traj.f_add_parameter("J", 0.0)
        first, second = grids(side)
        env.traj.f_explore(cartesian_product({"G": first.tolist(), "J": second.tolist()}))
        return env


def by_hand(function: Callable[..., Any], size: int, side: int) -> Callable[[], Any]:
    """Give a loop over all points that keeps its results in memory."""
    first, second = (one.ravel().astype(np.float32) for one in np.meshgrid(*grids(side), indexing="ij"))
    batched = jax.jit(jax.vmap(function))
    count = len(first)

    def part(start: int) -> Any:
        pair = first[start : start + size], second[start : start + size]
        lacking = min(size, count) - len(pair[0])
        return batched(*(np.concatenate([one, np.repeat(one[-1:], lacking)]) for one in pair))

    jax.block_until_ready(part(0))

    def go() -> Any:
        kept: list[Any] = []
        waiting = part(0)
        for start in range(size, count, size):
            following = part(start)
            kept.append(jax.tree.map(np.asarray, waiting))
            waiting = following
        kept.append(jax.tree.map(np.asarray, waiting))
        return kept

    return go


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Give wall and CPU seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def compare(
    hand: Callable[[], Any], prepare: Callable[[], Callable[[], Any]], turns: int = TURNS
) -> tuple[float, float, float]:
    """Give hand's wall and CPU time as parts of ours, and hand's wall seconds; medians of turns.

    `prepare` makes the environment, which is not timed, and gives what runs it.
    """
    prepare()()
    walls, cpus, seconds = [], [], []
    for _ in range(turns):
        ours = prepare()
        one, two = timed(hand), timed(ours)
        walls.append(one[0] / two[0])
        cpus.append(one[1] / two[1])
        seconds.append(one[0])
    return statistics.median(walls), statistics.median(cpus), statistics.median(seconds)


def prepared(places: Places, function: Callable[[Any], None], size: int) -> Callable[[], Callable[[], Any]]:
    """Give what makes a fresh environment and gives its run."""

    def prepare() -> Callable[[], Any]:
        env = places.environment(SIDE, n_vmap=size, n_pmap=1)
        return lambda: env.run(function)

    return prepare


def scalars(sheet: Sheet, places: Places) -> None:
    for size in (64, 256, 1024, 4096):
        hand = by_hand(summary, size, SIDE)
        wall, cpu, seconds = compare(hand, prepared(places, run_summary, size))
        per_batch = seconds * size / SIDE**2 * 1e3
        print(
            f"     n_vmap {size}: batches of {per_batch:.1f} ms by hand; wall {wall:.2f}, CPU {cpu:.2f} of ours"
        )
        least = 0.95 if per_batch >= 5 else 0.85
        sheet.enter(f"scalars, n_vmap {size}: 1 / (hand's share)", 1 / max(wall, cpu), "", 1 / least)


def series(sheet: Sheet, places: Places) -> None:
    size = 512
    before = peak_mb()
    prepare = prepared(places, run_series, size)
    prepare()()
    sheet.enter("series: growth of memory", peak_mb() - before, "MB", 3 * size * STEPS * 32 / 2**20 + 150)
    wall, cpu, _ = compare(by_hand(network, size, SIDE), prepare, 3)
    print(
        f"     full series, {SIDE**2} points, {SIDE**2 * STEPS * 32 / 2**20:.0f} MiB: wall {wall:.2f}, CPU {cpu:.2f}"
    )
    sheet.enter("series: 1 / (hand's share of CPU)", 1 / cpu, "", 1 / 0.85)


def trivial(sheet: Sheet, places: Places) -> None:
    def run(traj: Any) -> None:
        traj.f_add_result("z", traj.x * 2.0)
        traj.f_add_result("w", traj.x + 1.0)

    def sweep() -> None:
        env = places.environment(1)
        env.traj.f_shrink(force=True)
        env.traj.f_add_parameter("x", 0.0)
        env.traj.f_explore({"x": np.arange(1e6)})
        env.run(run)

    sweep()
    wall, cpu = timed(sweep)
    print(f"     10^6 trivial runs with two results: {wall:.2f} s wall")
    sheet.enter("10^6 trivial runs, two results stored", cpu, "s", 3.0, seconds=cpu)


def sizes(sheet: Sheet, places: Places) -> None:
    taken: dict[Any, list[float]] = {size: [] for size in (64, 128, 256, 512, 1024, "auto")}
    for size in taken:
        places.environment(32, n_vmap=size, n_pmap=1).run(run_summary)
    for _ in range(2 * TURNS + 1):
        for size, seconds in taken.items():
            env = places.environment(SIDE, n_vmap=size, n_pmap=1)
            seconds.append(timed(lambda env=env: env.run(run_summary))[1])
    medians = {size: statistics.median(seconds) for size, seconds in taken.items()}
    print("     CPU s by n_vmap: " + ", ".join(f"{size}: {value:.3f}" for size, value in medians.items()))
    best = min(value for size, value in medians.items() if size != "auto")
    sheet.enter("n_vmap='auto' against the best", medians["auto"] / best, "x", 1.1)


def cache(sheet: Sheet, places: Places) -> None:
    def fresh(traj: Any) -> None:
        traj.f_add_result("mean", network(traj.G, traj.J).mean() * 2)

    first = timed(lambda: places.environment(32, n_vmap=256, n_pmap=1).run(fresh))[0]
    second = timed(lambda: places.environment(32, n_vmap=256, n_pmap=1).run(fresh))[0]
    print(f"     a first sweep of 1,024 points {first:.2f} s, a second one {second:.3f} s")
    sheet.enter("second sweep against the first, which compiles", second / first, "x", 0.5)


def executions(sheet: Sheet) -> None:
    first, second = grids(32)
    space = Space(
        {"G": GridAxis(first[0], first[-1], 32), "J": GridAxis(second[0], second[-1], 32)}, mode="product"
    )

    def model(state: Any) -> Any:
        return dict(zip(("mean", "max"), summary(state["G"], state["J"]), strict=True))

    result = ParallelExecution(model, space, n_vmap=256).run()
    began = time.perf_counter()
    for index in range(len(result)):
        result[index]
    sheet.enter("result[i]", (time.perf_counter() - began) / len(result) * 1e6, "us", 5)
    eager = timed(lambda: SequentialExecution(model, space[:5]).run())[0] / 5
    SequentialExecution(model, space, jit=True).run()
    jitted = timed(lambda: SequentialExecution(model, space, jit=True).run())[0] / len(space)
    print(f"     per point: eager {eager * 1e3:.2f} ms, jit {jitted * 1e3:.3f} ms")
    sheet.enter("jit=True: its share of the eager time per point", jitted / eager, "", 1 / 20)


UNEVEN = textwrap.dedent(
    """
    import statistics, sys, time
    import jax, jax.numpy as jnp, numpy as np
    from pypet_ng.execution import ParallelExecution
    from pypet_ng.spaces import DataAxis, Space

    def model(state):
        def step(pair):
            count, value = pair
            return count - 1, jnp.sin(value) + 0.1
        return jax.lax.while_loop(lambda pair: pair[0] > 0, step, (state["n"], jnp.full(64, 0.5)))[1].sum()

    counts = np.random.default_rng(0).integers(100, 4000, 2048).astype(np.int32)
    space = Space({"n": DataAxis(counts)})
    runs = {1: ParallelExecution(model, space, n_vmap=32, n_pmap=1),
            2: ParallelExecution(model, space, n_vmap=16, n_pmap=2)}
    for run in runs.values():
        run.run()
    ratios = []
    for _ in range(7):
        taken = {}
        for count, run in runs.items():
            began = time.perf_counter()
            run.run()
            taken[count] = time.perf_counter() - began
        ratios.append(taken[2] / taken[1])
    print(statistics.median(ratios))
    """
)


def uneven(sheet: Sheet) -> None:
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    done = subprocess.run(
        [sys.executable, "-c", UNEVEN], env=environment, check=True, capture_output=True, text=True
    )
    sheet.enter("loops of uneven length, 2 devices against 1", float(done.stdout), "x", 1.3)


def main() -> int:
    sheet = Sheet("batches on devices")
    with tempfile.TemporaryDirectory() as folder:
        places = Places(folder)
        series(sheet, places)
        scalars(sheet, places)
        sizes(sheet, places)
        cache(sheet, places)
        trivial(sheet, places)
        executions(sheet)
        uneven(sheet)
    return sheet.close()


if __name__ == "__main__":
    sys.exit(main())
