"""What does the same script cost with pypet and with pypet_ng?

Run: ``python scripts/bench/before_after.py PYTHON_WITH_PYPET [runs] [repeats]``. That Python has real pypet
installed; this one runs pypet_ng. Both run this file's steps as processes of their own, by turns and in
folders of their own, with the same names and options. Printed are medians over the repeats, of the wall
clock and of CPU time (user and system). Each pair of processes is preceded by a calibration loop of bare
Python, so that one sees how the load of the machine changed.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

OPTIONS = {"report_progress": False, "log_config": None}


# ---- what both do: only names that both have, except where the newer way is the point ------------------


def keep(traj: Any) -> None:
    """One run: a number is stored."""
    traj.f_add_result("z", traj.x * traj.y)


class Steps:
    """Does one step after the other and notes seconds (wall, CPU), or (wall,), or a plain number."""

    def __init__(self) -> None:
        self.noted: dict[str, tuple[float, ...] | float] = {}

    def take(self, what: str, work: Callable[[], Any]) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        outcome = work()
        self.noted[what] = (time.perf_counter() - wall, time.process_time() - cpu)
        return outcome

    def take_shared(self, what: str, work: Callable[[], Any]) -> None:
        """Take a step that other processes share in; only those that have ended tell their CPU time."""
        wall = time.perf_counter()
        work()
        self.noted[what] = (time.perf_counter() - wall,)


def made(package: Any, name: str, points: int, shift: float = 0.0, **more: Any) -> Any:
    """Give an environment with `points` points of x to explore."""
    env = package.Environment(trajectory=name, filename=f"{name}.hdf5", **OPTIONS, **more)
    env.traj.f_add_parameter("x", 0.0)
    env.traj.f_add_parameter("y", 2.0)
    env.traj.f_explore({"x": [float(number) + shift for number in range(points)]})
    return env


def generations(package: Any, count: int) -> None:
    env = made(package, "adaptive", 10)
    env.run(keep)
    for number in range(1, count):
        env.traj.f_expand({"x": [number * 10.0 + k for k in range(10)]})
        env.run(keep)


def values_by_run(traj: Any) -> list[float]:
    """Read the results run by run, which both can."""
    traj.v_auto_load = True
    return [traj.results.runs.crun.z for _ in traj.f_iter_runs()]


def work(name: str, runs: int) -> None:
    """Do all steps in the current folder and print what they cost as JSON."""
    steps = Steps()
    package = steps.take("import", lambda: importlib.import_module(name))
    env = made(package, "first", runs)
    steps.take("runs, one process", lambda: env.run(keep))
    steps.noted["size of the file"] = float(os.path.getsize("first.hdf5"))
    shared = made(package, "shared", runs, multiproc=True, ncores=2, use_pool=True, wrap_mode="QUEUE")
    steps.take_shared("runs, two processes", lambda: shared.run(keep))
    steps.take("20 generations of 10 runs", lambda: generations(package, 20))

    def load(**how: int) -> Any:
        return package.load_trajectory("first", filename="first.hdf5", **how)

    steps.take("load names", load)
    steps.take("load all data", lambda: load(load_data=2))
    by_run = steps.take("all results, run by run", lambda: values_by_run(load(load_data=1)))
    assert by_run == [2.0 * number for number in range(runs)]
    if hasattr(package.Trajectory, "f_collect"):
        column = steps.take("all results, the shortest way", lambda: load().f_collect("z")[:].tolist())
        assert column == by_run
    else:
        steps.noted["all results, the shortest way"] = min(
            steps.noted["all results, run by run"], steps.noted["load all data"]
        )
    other = made(package, "other", runs, shift=0.5)
    other.run(keep)
    steps.take("merge two of them", lambda: load().f_merge(other.traj, backup=False))
    version = getattr(package, "__version__", None) or importlib.import_module(f"{name}._version").__version__
    print(json.dumps({"version": version, "python": sys.version.split()[0], "steps": steps.noted}))


# ---- who does it --------------------------------------------------------------------------------------


def surroundings(package: str, compiled: str) -> dict[str, str]:
    """Give the environment variables of a process; both keep what they compiled, in the folder `compiled`."""
    root = Path(__file__).resolve().parents[2]
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return own | {
        "PYTHONPATH": str(root) if package == "pypet_ng" else "",
        "PYTHONPYCACHEPREFIX": os.path.join(compiled, package),
    }


def run_steps(python: str, package: str, runs: int, compiled: str) -> dict[str, Any]:
    """Do the steps in a fresh process and folder; RuntimeError with its output if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [python, "-W", "ignore", str(Path(__file__).resolve()), "--steps", package, str(runs)],
            cwd=folder,
            env=surroundings(package, compiled),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise RuntimeError(f"{package} under {python} failed:\n{done.stdout}\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def calibration() -> float:
    """Give the wall seconds of a loop of bare Python."""
    start = time.perf_counter()
    sum(number & 7 for number in range(1_000_000))
    return time.perf_counter() - start


def median(answers: list[dict[str, Any]], step: str) -> Any:
    """Give the median of a step over repeats, of each of its numbers."""
    values = [answer["steps"][step] for answer in answers]
    if isinstance(values[0], float):
        return statistics.median(values)
    return [statistics.median(one) for one in zip(*values, strict=True)]


def compare(python: str, runs: int, repeats: int) -> None:
    """Run both by turns and print a table."""
    before, after, loops = [], [], []
    with tempfile.TemporaryDirectory() as compiled:
        for interpreter, package in ((python, "pypet"), (sys.executable, "pypet_ng")):
            run_steps(interpreter, package, 10, compiled)  # compiles
        for _ in range(repeats):
            loops.append(calibration())
            before.append(run_steps(python, "pypet", runs, compiled))
            after.append(run_steps(sys.executable, "pypet_ng", runs, compiled))
    load = ", ".join(f"{average:.1f}" for average in os.getloadavg())
    print(
        f"{runs} runs, {repeats} repeats; pypet {before[0]['version']} on Python {before[0]['python']}, "
        f"pypet_ng {after[0]['version']} on Python {after[0]['python']}"
    )
    print(
        f"{os.cpu_count()} cores, load averages at the end {load}; "
        f"calibration loops {', '.join(f'{loop * 1e3:.0f}' for loop in loops)} ms\n"
    )
    print("| what | pypet, wall (CPU) | pypet_ng, wall (CPU) | wall | CPU |\n| --- | --- | --- | --- | --- |")
    for step in before[0]["steps"]:
        old, new = median(before, step), median(after, step)
        if isinstance(old, float):  # bytes
            print(f"| {step} | {old / 1e3:,.0f} kB | {new / 1e3:,.0f} kB | {old / new:.0f}x smaller | |")
            continue
        shown = [f"{taken[0]:.3f} s" + "".join(f" ({cpu:.3f})" for cpu in taken[1:]) for taken in (old, new)]
        times = [f"{one / two:.1f}x" for one, two in zip(old, new, strict=True)] + [""] * (2 - len(old))
        print(f"| {step} | {' | '.join(shown)} | {' | '.join(times)} |")


def main(arguments: list[str]) -> int:
    if arguments and arguments[0] == "--steps":
        work(arguments[1], int(arguments[2]))
        return 0
    if not arguments or arguments[0].startswith("-"):
        print(__doc__)
        return 2
    compare(
        arguments[0],
        int(arguments[1]) if len(arguments) > 1 else 1000,
        int(arguments[2]) if len(arguments) > 2 else 3,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
