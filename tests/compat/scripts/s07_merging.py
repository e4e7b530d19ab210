"""Two trajectories become one; a backup; another name."""

import os

from pypet import Environment, Trajectory, load_trajectory


def product(traj):
    traj.f_add_result("z", traj.x * traj.y, comment="product")
    traj.f_add_result("runs.$.sub.where", traj.v_crun)
    traj.f_add_result("groups.$.s", x=traj.x)


def sweep(name, xs, ys, fixed, filename="merging.hdf5", trials=None):
    env = Environment(
        trajectory=name, filename=filename, log_config=None, report_progress=False, comment="Sweep " + name
    )
    traj = env.traj
    traj.f_add_parameter("x", 1.0, comment="x of " + name)
    traj.f_add_parameter("y", 1.0)
    traj.f_add_parameter("fixed", fixed)
    traj.f_add_parameter("trial", 0)
    traj.f_add_derived_parameter("double", 2 * fixed)
    traj.f_add_result("only_" + name, name)
    traj.f_explore({"x": xs, "y": ys})
    if trials:
        traj.f_explore({"trial": trials})
    env.run(product)
    traj.f_load(load_results=2)
    return traj


def show(traj):
    print(traj.v_name, len(traj), traj.f_is_completed())
    for name in sorted(traj.f_get_explored_parameters()):
        print("  ", name, traj.f_get(name).f_get_range())
    for idx, name in enumerate(traj.f_get_run_names()):
        traj.v_idx = idx
        run = traj.results.runs[name]
        print("  ", name, traj.x, traj.y, traj.fixed, run.z, run.sub.where, traj["results.groups"][name].s.x)
    traj.f_restore_default()
    print(
        "  ",
        sorted(name for name in traj.f_get_results() if "run_" not in name),
        sorted(traj.f_get_derived_parameters()),
    )


def main():
    first = sweep("first", [1.0, 2.0], [10.0, 20.0], 7)
    second = sweep("second", [2.0, 3.0, 4.0], [20.0, 30.0, 40.0], 7)
    first.f_merge(second, backup=False)
    first.f_load(load_results=2)
    show(first)
    again = load_trajectory(name="first", filename="merging.hdf5", load_results=2, load_derived_parameters=2)
    show(again)

    third = sweep("third", [1.0, 9.0], [1.0, 9.0], 8, "other.hdf5")
    again.f_merge(third, backup=True, remove_duplicates=True)
    print(os.path.exists("backup_first.hdf5"))
    again = load_trajectory(name="first", filename="merging.hdf5", load_results=2, load_derived_parameters=2)
    show(again)

    one = sweep("one", [1.0, 2.0], [1.0, 2.0], 5, "trials.hdf5", trials=[0, 1])
    two = sweep("two", [1.0, 2.0], [1.0, 2.0], 5, "trials.hdf5", trials=[0, 1])
    one.f_merge(two, trial_parameter="trial", backup=False)
    print(one.f_get("trial").f_get_range(), one.f_get("x").f_get_range(), len(one))

    four = sweep("four", [1.0, 2.0, 5.0], [1.0, 2.0, 5.0], 5, "duplicates.hdf5")
    five = sweep("five", [2.0, 6.0, 1.0], [2.0, 6.0, 3.0], 5, "duplicates.hdf5")
    four.f_merge(five, remove_duplicates=True, backup=False, move_data=True)
    print(len(four), four.f_get("x").f_get_range(), four.f_get("y").f_get_range())
    four.f_load(load_results=2)
    print([four.results.runs[name].z for name in four.f_get_run_names()])

    other = Trajectory("different", filename="merging.hdf5", add_time=False)
    other.f_add_parameter("x", 1.0)
    try:
        again.f_merge(other, backup=False)
    except TypeError as error:
        print("other parameters", isinstance(error, TypeError))

    five = load_trajectory(name="five", filename="duplicates.hdf5", load_results=2)
    five.f_migrate("elsewhere", filename="elsewhere.hdf5", in_store=False)
    five.f_store()
    there = load_trajectory(index=0, filename="elsewhere.hdf5", load_results=2)
    print(there.v_name, len(there), there.f_get("x").f_get_range(), sorted(there.f_get_parameters()))
    five.f_backup(backup_filename="kept.hdf5")
    print(os.path.exists("kept.hdf5"), load_trajectory(index=-1, filename="kept.hdf5").v_name)


if __name__ == "__main__":
    main()
