"""Which runs have parameters with a certain property, and what came out of them?"""

from pypet_ng import Environment, cartesian_product, load_trajectory

FILENAME = "./hdf5/throws.hdf5"


def throw(traj):
    """How far does a ball fly over level ground? (45 degrees give the most)"""
    slope = traj.angle / 45.0
    traj.f_add_result("distance", traj.speed**2 / 9.81 * slope * (2.0 - slope))


def simulate():
    env = Environment(trajectory="throws", filename=FILENAME, report_progress=False)
    traj = env.traj
    traj.f_add_parameter("speed", 10.0, comment="In metres per second")
    traj.f_add_parameter("angle", 45.0, comment="In degrees")
    traj.f_explore(cartesian_product({"speed": [5.0, 10.0, 20.0], "angle": [15.0, 30.0, 45.0, 60.0]}))
    env.run(throw)


def analyse():
    traj = load_trajectory("throws", filename=FILENAME)
    traj.v_auto_load = True
    for index in traj.f_find_idx(["speed", "angle"], lambda speed, angle: speed > 5 and 40 < angle < 50):
        traj.v_idx = index  # the trajectory is at this run now
        print(f"run {index}: speed {traj.speed:g}, {traj.results.runs.crun.distance:.1f} m")
    traj.v_idx = -1
    # The same with arrays of values: for a million runs this takes milliseconds.
    low = list(traj.f_find_idx("angle", lambda angle: angle <= 15.0, vectorized=True))
    print(f"low throws: runs {low}, {traj.f_collect('distance', runs=low)[:].round(1).tolist()} m")


if __name__ == "__main__":
    simulate()
    analyse()
