"""What is different with very many runs?

Hardly anything: points are given and results read as columns; there are no sets of runs to make and no
tables to switch off. ``python many_runs.py 1000000`` takes a million.
"""

import os
import sys

import numpy as np

from pypet_ng import Environment, load_trajectory

FILENAME = "./hdf5/dice.hdf5"
RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000


def dice(traj):
    """A cheap simulation: what runs cost here is what keeping them costs."""
    traj.f_add_result("sum", traj.first + traj.second)


def simulate():
    env = Environment(trajectory="dice", filename=FILENAME, report_progress=False)
    traj = env.traj
    traj.f_add_parameter("first", 1)
    traj.f_add_parameter("second", 1)
    draw = np.random.default_rng(1)
    # Arrays are columns of points: no list of Python numbers is made.
    traj.f_explore({name: draw.integers(1, 7, RUNS) for name in ("first", "second")})
    env.run(dice)


def analyse():
    traj = load_trajectory("dice", filename=FILENAME)
    sums = traj.f_collect("sum")[:]  # one read, not one per run
    print(f"{len(traj)} runs, mean {sums.mean():.1f}, {os.path.getsize(FILENAME) / RUNS:.0f} bytes a run")
    doubles = list(traj.f_find_idx(["first", "second"], lambda one, two: one == two, vectorized=True))
    print(f"one in {RUNS / len(doubles):.0f} is a double")
    run = traj.f_idx_to_run(doubles[-1])
    traj.v_auto_load = True
    print(f"a single run is still there by name: {traj.results.runs[run].sum % 2 == 0}")


if __name__ == "__main__":
    simulate()
    analyse()
