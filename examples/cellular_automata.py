"""How do six rules of one-dimensional cellular automata develop from the same random cells?

The example of section 3.4 in Meyer and Obermayer, "pypet: A Python Toolkit for Data Management of
Parameter Explorations", Frontiers in Neuroinformatics 10:38 (2016). Simulation and analysis are two
steps, which may be two processes on two days::

    python examples/cellular_automata.py simulate
    python examples/cellular_automata.py plot
"""

import itertools
import os
import sys
from pathlib import Path

import numpy as np

from pypet_ng import Environment, load_trajectory
from pypet_ng.errors import TrajectoryNotFoundError

NAME = "cellular_automata"
FOLDER = Path("demo_output")
DATA = FOLDER / "cellular_automata.hdf5"
PICTURE = FOLDER / "patterns.png"
RULES = [10, 30, 90, 110, 184, 190]


def cellular_automaton(rule_number, ncells, steps, seed):
    """Give the states (0 or 1) of a ring of cells over time, shape (steps, ncells).

    Bit k of `rule_number` is the next state of a cell whose neighbourhood reads k, where the left
    neighbour counts 1, the cell itself 2 and the right neighbour 4, as in the code of the paper.
    """
    next_state = np.array([rule_number >> k & 1 for k in range(8)], dtype=np.uint8)
    pattern = np.empty((steps, ncells), dtype=np.uint8)
    pattern[0] = np.random.RandomState(seed).randint(2, size=ncells)
    for row, following in itertools.pairwise(pattern):
        following[:] = next_state[np.roll(row, 1) + 2 * row + 4 * np.roll(row, -1)]
    return pattern


def run_automaton(traj):
    """Pass the parameters of one run to the automaton, and its pattern to the trajectory."""
    pattern = cellular_automaton(traj.rule_number, traj.ncells, traj.steps, traj.seed)
    traj.f_add_result("pattern", pattern, comment="Development of the cells over time")


def count_completed():
    """Count the runs that an earlier call left in the file."""
    if not DATA.exists():
        return 0
    try:
        traj = load_trajectory(filename=str(DATA), name=NAME, load_all=0)
    except TrajectoryNotFoundError:  # stopped before the first run
        return 0
    return sum(traj.f_is_completed(index) for index in range(len(traj)))


def simulate():
    FOLDER.mkdir(exist_ok=True)
    before = count_completed()
    env = Environment(
        trajectory=NAME,
        filename=str(DATA),
        log_folder=str(FOLDER / "logs"),
        multiproc=True,
        ncores=min(4, os.cpu_count() or 1),
    )
    traj = env.traj
    traj.f_add_parameter("ncells", 400, comment="Number of cells")
    traj.f_add_parameter("steps", 250, comment="Number of time steps")
    traj.f_add_parameter("rule_number", 0, comment="The rule of the automaton")
    traj.f_add_parameter("seed", 100042, comment="Seed of the first row of cells")
    traj.f_explore({"rule_number": RULES})

    # Nothing here asks what is in the file: what is done is not run again.
    env.run(run_automaton)

    if not traj.f_is_completed():
        raise SystemExit("Some runs did not come to an end; run the demo again to finish them.")
    if before == len(traj):
        print(f"All {before} runs are there already: nothing was run again.")
    elif before:
        print(f"{before} runs were there already, {len(traj) - before} were run now.")
    else:
        print(f"{len(traj)} runs were run.")


def plot():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    traj = load_trajectory(filename=str(DATA), name=NAME, load_all=0)  # no data yet ...
    traj.v_auto_load = True  # ... each value is read when it is asked for

    figure, axes = plt.subplots(3, 2, figsize=(8, 8), layout="constrained")
    print(f"{'run':<14} {'rule':>4} {'live cells at first':>20} {'at last':>8}")
    for run_name, ax in zip(traj.f_iter_runs(), axes.flat, strict=True):
        rule_number = traj.parameters.rule_number
        pattern = traj.results.runs.crun.pattern
        print(f"{run_name:<14} {rule_number:>4} {pattern[0].mean():>20.1%} {pattern[-1].mean():>8.1%}")
        ax.imshow(pattern, cmap="gray_r", interpolation="nearest")
        ax.set(title=f"Rule {rule_number}", xlabel="cell", ylabel="time step")
        ax.label_outer()
    figure.savefig(PICTURE, dpi=120)
    print(f"Data:    {DATA} ({DATA.stat().st_size / 1e3:.0f} kB)")
    print(f"Picture: {PICTURE}")


if __name__ == "__main__":
    for action in sys.argv[1:] or ["simulate", "plot"]:
        {"simulate": simulate, "plot": plot}[action]()
