"""A grid of two parameters, multiplied, stored and looked at again."""

import os

from pypet import Environment, Trajectory, cartesian_product, load_trajectory


def multiply(traj, offset, factor=1):
    """Multiply what is at this point."""
    product = (traj.x * traj.y + offset) * factor
    traj.f_add_result("z", product, comment="The product of x and y")
    return traj.v_idx, traj.v_crun, product


def main():
    filename = os.path.join("hdf5", "first.hdf5")
    env = Environment(
        trajectory="first",
        comment="Multiplication",
        filename=filename,
        overwrite_file=True,
        add_time=False,
        log_config=None,
        report_progress=False,
    )
    traj = env.trajectory
    traj.f_add_parameter("x", 1.0, comment="The first factor")
    traj.f_add_parameter("y", 1.0, comment="The second factor")
    points = cartesian_product({"x": [1.0, 2.0, 3.0], "y": [6.0, 7.5]})
    print("points", sorted((name, list(values)) for name, values in points.items()))
    traj.f_explore(points)
    print("runs to do", len(traj), traj.f_is_completed(), traj.f_has_groups())
    for idx, value in env.run(multiply, 0.5, factor=2):
        print(idx, value)
    print(
        "done",
        bool(traj.f_is_completed()),
        bool(traj.f_is_completed(3)),
        bool(traj.f_is_completed("run_00000005")),
    )
    print("again", env.run(multiply, 0.5, factor=2))
    env.disable_logging()
    print("file", os.path.exists(filename))

    loaded = load_trajectory(name="first", filename=filename, load_all=2)
    print(loaded.v_name, len(loaded), loaded.v_comment, loaded.v_stored, loaded.v_idx, loaded.v_crun)
    print(loaded.f_get_run_names())
    print(sorted(loaded.f_get_parameters(fast_access=True).items()))
    print(sorted(loaded.f_get_explored_parameters()))
    print(loaded.f_get("x").f_get_range(), loaded.f_get("y").f_get_range_length())
    print("third", loaded.results.runs.run_00000002.z, loaded.res.runs.r_3.z, loaded["run_00000004.z"])
    print(loaded.f_get("run_00000000.z").v_comment, "|", loaded.f_get("run_00000002.z").v_full_name)
    for name, result in sorted(loaded.f_get_results(fast_access=True).items()):
        print(name, result)
    information = loaded.f_get_run_information(1)
    print(information["idx"], information["name"], information["completed"], information["parameter_summary"])

    # Only the tree, and each value when it is needed.
    lazy = Trajectory(filename=filename)
    lazy.f_load(name="first", load_parameters=2, load_results=0)
    lazy.v_auto_load = True
    print("lazy", lazy.results.runs.run_00000001.z, lazy.x)
    skeleton = load_trajectory(index=-1, filename=filename, load_parameters=2, load_results=1)
    z = skeleton.f_get("results.runs.run_00000000.z")
    print("empty", z.f_is_empty(), z.v_comment)
    skeleton.f_load_item(z)
    print("filled", z.f_is_empty(), z.z, z.f_get())
    try:
        load_trajectory(name="second", filename=filename)
    except ValueError:
        print("no such trajectory")
    try:
        load_trajectory(name="first", filename=os.path.join("hdf5", "missing.hdf5"))
    except ValueError:
        print("no such file")


if __name__ == "__main__":
    main()
