"""How do the runs of two files become one trajectory?"""

from pypet_ng import Environment, merge_all_in_folder


def fall(traj):
    """A stone falls for some seconds."""
    traj.f_add_result("depth", 0.5 * traj.gravity * traj.seconds**2, comment="In metres")


def simulate(name, seconds, gravity, folder="./hdf5"):
    env = Environment(trajectory=name, filename=f"{folder}/{name}.hdf5", report_progress=False)
    traj = env.traj
    traj.f_add_parameter("seconds", 0.0, comment="How long it falls")
    traj.f_add_parameter("gravity", gravity, comment="In metres per second squared")
    traj.f_explore({"seconds": seconds})
    env.run(fall)
    return traj


def two_planets():
    """A parameter that differs between the two is explored from then on."""
    earth = simulate("earth", [1.0, 2.0], 9.81)
    mars = simulate("mars", [2.0, 3.0], 3.71)
    report = earth.f_merge(mars, backup=False)
    print(report)
    print(f"depths: {earth.f_collect('depth')[:].round(1).tolist()}")


def a_folder():
    """All files of a folder, here of two days; points that are there already are left out on request."""
    simulate("monday", [1.0, 2.0], 9.81, folder="./hdf5/days")
    simulate("tuesday", [4.0, 5.0], 9.81, folder="./hdf5/days")
    merged = merge_all_in_folder("./hdf5/days", backup=False)
    print(f"{merged.v_name} has {len(merged)} runs now")
    extra = simulate("extra", [5.0, 6.0], 9.81)
    report = merged.f_merge(extra, remove_duplicates=True, backup=False)
    print(f"left out as duplicates: runs {report.duplicates}, added: {report.runs}")


if __name__ == "__main__":
    two_planets()
    a_folder()
