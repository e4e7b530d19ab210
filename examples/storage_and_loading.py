"""How much of a file is read when a trajectory is loaded, and when does the rest come?"""

import numpy as np

from pypet_ng import Environment, load_trajectory

FILENAME = "./hdf5/walks.hdf5"


def walk(traj):
    """Walk at random for some steps and keep the way."""
    steps = np.random.default_rng(traj.seed).choice([-1.0, 1.0], size=traj.steps)
    traj.f_add_result("way", np.cumsum(steps) * traj.length, comment="Position after each step")


def simulate():
    env = Environment(trajectory="walks", filename=FILENAME, report_progress=False)
    traj = env.traj
    traj.f_add_parameter("steps", 1000, comment="Number of steps")
    traj.f_add_parameter("length", 1.0, comment="Length of one step")
    traj.f_add_parameter("seed", 0, comment="Of the random numbers")
    traj.f_explore({"seed": [3, 4, 5]})
    env.run(walk)


def names_first():
    """Parameters come at once, of results only the names; one result is then asked for."""
    traj = load_trajectory("walks", filename=FILENAME)
    way = traj.results.runs.run_00000001.f_get("way")
    print(f"loaded: steps = {traj.steps}, way of run 1 is {'empty' if way.f_is_empty() else 'there'}")
    traj.f_load_item(way)
    print(f"after f_load_item: {way.f_get().size} positions")


def nothing_first():
    """Each value comes when it is touched."""
    traj = load_trajectory("walks", filename=FILENAME, load_data=0)
    traj.v_auto_load = True
    ends = {run: float(traj.results.runs.crun.way[-1]) for run in traj.f_iter_runs()}
    print(f"read on first touch: {len(ends)} ways, the last ends at {ends['run_00000002']:g}")


def parameters_only():
    """The same points, ready to be run again elsewhere."""
    traj = load_trajectory("walks", filename=FILENAME, as_new=True, new_name="longer", add_time=False)
    traj.f_get("length").f_set(2.0)
    env = Environment(trajectory=traj, filename="./hdf5/longer.hdf5", report_progress=False)
    env.run(walk)
    print(f"once more as {traj.v_name!r} with length {traj.length:g}: {len(traj)} runs")


if __name__ == "__main__":
    simulate()
    names_first()
    nothing_first()
    parameters_only()
