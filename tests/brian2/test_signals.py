"""What becomes of a sweep of simulations that somebody interrupts?"""

from __future__ import annotations

import pathlib
import signal
import subprocess
import sys

import pytest

from pypet_ng import load_trajectory
from tests.brian2.simulator import brian2

pytestmark = pytest.mark.skipif(brian2 is None, reason="brian2 cannot be imported")
ROOT = pathlib.Path(__file__).parents[2]

SCRIPT = """
import os, signal, sys, warnings
warnings.simplefilter("ignore")
from pypet_ng import Environment
{before}

def simulate(traj):
    import brian2
    brian2.prefs.codegen.target = "numpy"
    network = brian2.Network()
    if traj.x == 1.0:
        @brian2.network_operation(dt=1 * brian2.ms)
        def interrupt(t):
            if t == 5 * brian2.ms:
                os.kill(os.getpid(), signal.SIGINT)
    else:
        @brian2.network_operation(dt=1 * brian2.ms)
        def interrupt(t):
            pass
    network.add(interrupt)
    network.run(20 * brian2.ms)
    return float(network.t / brian2.ms)

env = Environment("traj", filename=sys.argv[1], report_progress=False, log_config=None)
env.traj.f_add_parameter("x", 0.0)
env.traj.f_explore({{"x": [0.0, 1.0, 2.0]}})
env.run(simulate)
"""


@pytest.mark.parametrize("before", ["import brian2", ""], ids=["imported-before", "imported-in-a-run"])
def test_a_simulation_that_was_cut_short_is_no_run_that_is_done(tmp_path: pathlib.Path, before: str) -> None:
    path = str(tmp_path / "file.hdf5")
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(before=before), path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == -signal.SIGINT, ended.stderr  # as Python ends after a KeyboardInterrupt
    table = load_trajectory(name="traj", filename=path).f_run_table()
    assert str(table["state"][0]) == "done"
    assert str(table["state"][1]) != "done"
