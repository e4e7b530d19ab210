"""What do declared experiments and logbooks cost? Run: python scripts/bench/experiments.py

With ``--pyrates`` (and PyRates installed) the sweep of a mean-field model is done by PyRates too. With
``--notata=PYTHON``, an interpreter that has notata, a logbook run is compared with its.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measure import Sheet, cpu

from pypet_ng.experiments import (
    Dynamics,
    Exploration,
    ExplorationAxis,
    Observation,
    Range,
    SimulationExperiment,
)


def qif() -> SimulationExperiment:
    """Give the sweep of 15 points and 40,000 steps."""
    exp = SimulationExperiment(dynamics=Dynamics.from_db("MontbrioPazoRoxin"))
    exp.integration.duration = 200.0
    exp.integration.step_size = 5e-3
    axis = ExplorationAxis(parameter="eta", domain=Range(lo=-10.0, hi=5.0, n=15))
    exp.explorations["eta"] = Exploration(space=axis)
    return exp


def oscillator(side: int = 21) -> SimulationExperiment:
    """Give the grid of 441 points and 80,000 steps, of which the mean is kept."""
    exp = SimulationExperiment(dynamics=Dynamics.from_db("Generic2dOscillator"))
    exp.integration.duration = 800.0
    exp.integration.step_size = 0.01
    exp.observations["mean_V"] = Observation(source="V", aggregation="mean")
    space = [ExplorationAxis(parameter=name, domain=Range(lo=-10, hi=10, n=side)) for name in "ab"]
    exp.explorations["ab"] = Exploration(space=space, record="observations")
    return exp


def by_hand() -> Callable[[], Any]:
    """Give the same grid as one vmap over a scan, written for this one purpose."""
    import jax
    import jax.numpy as jnp

    d, tau, alpha, beta, e, f, dt, steps = 0.02, 1.0, 1.0, 1.0, 3.0, 1.0, 0.01, 80_000

    def slope(v: Any, w: Any, a: Any, b: Any) -> Any:
        return d * tau * (alpha * w - f * v**3 + e * v**2), d / tau * (a + b * v - beta * w)

    def one(a: Any, b: Any) -> Any:
        def step(state: Any, _: Any) -> Any:
            v, w, total = state
            kv, kw = slope(v, w, a, b)
            lv, lw = slope(v + dt * kv, w + dt * kw, a, b)
            v, w = v + 0.5 * dt * (kv + lv), w + 0.5 * dt * (kw + lw)
            return (v, w, total + v), None

        begin = (jnp.asarray(0.1), jnp.asarray(0.1), jnp.asarray(0.0))
        return jax.lax.scan(step, begin, None, length=steps)[0][2] / steps

    values = np.linspace(-10, 10, 21)
    a, b = (grid.ravel() for grid in np.meshgrid(values, values, indexing="ij"))
    with jax.enable_x64(True):
        compiled = jax.jit(jax.vmap(one))

    def run() -> Any:
        with jax.enable_x64(True):
            return np.asarray(compiled(a, b))

    return run


class Peak:
    """Watches the memory of this process while something runs, in MB above what it was before."""

    def __enter__(self) -> Peak:
        self.before = self.most = _resident()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(0.002):
            self.most = max(self.most, _resident())

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.above = self.most - self.before


def _resident() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def sweeps(sheet: Sheet, pyrates: bool) -> None:
    exp = qif()
    first = cpu(lambda: exp.run("jax"))
    sheet.enter("QIF sweep by JAX, first time, with compilation", first, "s", 6, seconds=first)
    ours = cpu(lambda: exp.run("jax"), 9)
    sheet.enter("QIF sweep by JAX, again", ours * 1e3, "ms", 60, seconds=ours)
    if pyrates:
        exp.run("pyrates")
        theirs = cpu(lambda: exp.run("pyrates"), 3)
        sheet.enter(
            "the same by our PyRates back end: share of it", 100 * ours / theirs, "%", 5, seconds=theirs
        )
        raw = cpu(raw_pyrates, 1)
        sheet.enter("the same by grid_search as it is: share of it", 100 * ours / raw, "%", 5, seconds=raw)


def raw_pyrates() -> None:
    """Do the sweep as PyRates' users do: its own Heun on numpy, float32, one node each."""
    pyrates = importlib.import_module("pyrates")
    equations = ["r' = Delta/(tau*pi) + 2*r*v", "v' = v^2 + eta + J*r*tau - (pi*r*tau)^2"]
    variables = {"r": "output(0.1)", "v": "variable(-2.0)", "tau": 1.0, "eta": -5.0, "J": 15.0, "Delta": 1.0}
    operator = pyrates.OperatorTemplate(name="op", path=None, equations=equations, variables=variables)
    node = pyrates.NodeTemplate(name="n", path=None, operators=[operator])
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.chdir(folder)
        pyrates.grid_search(
            pyrates.CircuitTemplate(name="c", path=None, nodes={"p": node}),
            {"eta": list(np.linspace(-10, 5, 15))},
            {"eta": {"vars": ["op/eta"], "nodes": ["p"]}},
            step_size=5e-3,
            simulation_time=200.0,
            outputs={"r": "p/op/r", "v": "p/op/v"},
            solver="heun",
            vectorize=False,
            verbose=False,
        )
        os.chdir("/")


def grid(sheet: Sheet) -> None:
    hand = by_hand()
    hand()
    exp = oscillator()
    with Peak() as peak:
        result = exp.run("jax")
    sheet.enter("441 points, observations only: peak above baseline", peak.above, "MB", 300)
    gap = float(np.abs(result.explorations["ab"].observations["mean_V"].data.ravel() - hand()).max())
    sheet.enter("largest difference from the loop by hand", gap, "", 1e-9)
    times = [(cpu(hand), cpu(lambda: exp.run("jax"))) for _ in range(7)]
    ratio = float(np.median([ours / theirs for theirs, ours in times]))
    sheet.enter("time by that of the loop by hand", ratio, "x", 1.3, seconds=times[-1][1])


_LOGS = """
import sys, tempfile, time
import numpy as np
if sys.argv[1] == "notata":
    from notata import Experiment, Logbook
else:
    from pypet_ng.logbook import Experiment, Logbook
folder = tempfile.mkdtemp()
x = np.random.default_rng(0).random(1000)
exp = Experiment("e", base_dir=folder)
def plain(k):
    with Logbook(f"r{k}", base_dir=folder, params={"omega": 1.5 + k, "dt": 0.01, "steps": 1000}) as log:
        log.info("begin")
        log.array("x", x)
        log.json("final_state", {"x": 1.0, "v": 2.0})
        log.json("final_metrics", {"E": 0.1})
def listed(k):
    with exp.add(omega=1.5 + k, dt=0.01) as log:
        log.array("x", x)
        log.json("metrics", {"E": 0.1})
for run in (plain, listed):
    for k in range(10):
        run(k)
    start = time.process_time()
    for k in range(10, 210):
        run(k)
    print((time.process_time() - start) / 200)
"""


def logs(sheet: Sheet, python: str | None) -> None:
    def figures(which: str, interpreter: str) -> list[float]:
        given = [interpreter, "-c", _LOGS, which]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        shown = subprocess.run(given, capture_output=True, text=True, check=True, env=environment).stdout
        return [float(line) for line in shown.split()]

    names = ("a logbook run", "a run of an experiment of logs")
    ours = np.median([figures("ours", sys.executable) for _ in range(5)], axis=0)
    for name, value in zip(names, ours, strict=True):
        sheet.enter(name, value * 1e3, "ms", 2, seconds=value)
    if python:
        pairs = [(figures("ours", sys.executable), figures("notata", python)) for _ in range(7)]
        ratios = np.median([np.divide(mine, theirs) for mine, theirs in pairs], axis=0)
        for name, ratio in zip(names, ratios, strict=True):
            sheet.enter(f"{name} by that of notata", float(ratio), "x", 0.5)


def main() -> int:
    """Measure all, and give the exit status."""
    sheet = Sheet("experiments")
    os.chdir(tempfile.mkdtemp())
    began = time.time()
    sweeps(sheet, "--pyrates" in sys.argv)
    grid(sheet)
    logs(sheet, next((one.partition("=")[2] for one in sys.argv if one.startswith("--notata=")), None))
    print(f"{time.time() - began:.0f} s")
    return sheet.close()


if __name__ == "__main__":
    raise SystemExit(main())
