"""Points are added to what was done; runs are walked through in several ways."""

from pypet import Environment, Trajectory, load_trajectory


def square(traj):
    traj.f_add_result("square", traj.par.x**2)
    traj.f_add_result("runs.$.names.both", x=traj.x, text="%s/%d" % (traj.name, traj.v_idx))
    traj.f_add_derived_parameter("half", traj.x / 2.0)
    if traj.x > 3.0:
        traj.f_add_result("large", True)
    return traj.x**2


def refused(what, function, *args, **kwargs):
    """Tell the kind of error."""
    try:
        function(*args, **kwargs)
    except Exception as error:
        kinds = [
            kind.__name__
            for kind in (TypeError, ValueError, AttributeError, KeyError)
            if isinstance(error, kind)
        ]
        print(what, "->", kinds[0])
    else:
        print(what, "-> fine")


def main():
    env = Environment(
        trajectory="growing",
        filename="growing.hdf5",
        log_config=None,
        report_progress=False,
        clean_up_runs=False,
    )
    traj = env.traj
    traj.f_add_parameter("group.x", 0.0, "An x")
    traj.f_add_parameter("group.name", "none")
    traj.f_add_parameter("group.fixed", 42)
    refused("unequal lengths", traj.f_explore, {"x": [1.0, 2.0], "name": ["one"]})
    refused("other type", traj.f_explore, {"x": [1, 2]})
    refused("unknown", traj.f_explore, {"nowhere": [1, 2]})
    refused("empty", traj.f_explore, {"x": []})
    print("still", len(traj), traj.f_get("x").f_has_range(), sorted(traj.f_get_explored_parameters()))

    traj.f_explore({"x": [1.0, 2.0], "group.name": ["one", "two"]})
    print(env.run(square))
    refused("explored twice", traj.f_explore, {"x": [5.0, 6.0]})
    refused("expand one of two", traj.f_expand, {"x": [5.0]})
    traj.f_expand({"x": [3.0, 4.0, 5.0], "name": ["three", "four", "five"]})
    print(len(traj), *[bool(traj.f_is_completed(run)) for run in (None, 1, 2)])
    print(env.run(square))
    print(traj.f_get("x").f_get_range(), traj.f_get("name").f_get_range())

    for name in traj.f_iter_runs():
        print(name, traj.v_idx, traj.v_crun, traj.x, traj.name, traj.results.crun.square, traj.dpar.crun.half)
    print("after", traj.v_idx, traj.v_crun, traj.v_crun_, traj.x)
    print([idx for idx in traj.f_iter_runs(start=1, stop=5, step=2, yields="idx")])
    print([run.x for run in traj.f_iter_runs(yields="self")])
    print([(run is traj, run.x) for run in traj.f_iter_runs(start=3, yields="copy")])
    refused("too far", lambda: list(traj.f_iter_runs(stop=6)))
    refused("yields", lambda: list(traj.f_iter_runs(yields="nothing")))

    traj.f_set_crun("run_00000003")
    print(
        traj.v_idx,
        traj.v_crun,
        traj.x,
        traj.f_get("x").f_get(),
        traj.res.crun.square,
        traj["results.runs.$.names"].both.text,
    )
    traj.f_set_crun(1)
    print(traj.v_crun, traj.name, traj.f_get("x").f_val_to_str())
    traj.v_crun = "run_00000004"
    print(traj.v_idx, traj.name)
    traj.v_idx = 0
    print(traj.v_crun, traj.v_crun_, traj.name)
    traj.f_restore_default()
    print(traj.v_idx, traj.x, repr(traj.name))
    refused("no such run", traj.f_set_crun, "run_00000099")

    print(sorted(traj.f_get_from_runs("square", fast_access=True).items()))
    print(list(traj.f_get_from_runs("large", use_indices=True, fast_access=True).items()))
    print([node.v_full_name for node in traj.f_get_all("both")])
    print(traj.f_idx_to_run(2), traj.f_idx_to_run("run_00000002"))
    print(
        traj.f_get_run_names()[-1],
        [traj.f_get_run_information(run)["completed"] for run in traj.f_get_run_names()],
    )

    new = load_trajectory(
        name="growing", filename="growing.hdf5", as_new=True, new_name="newer", add_time=False
    )
    print(new.v_name, len(new), new.f_is_completed(), new.f_get("x").v_locked, sorted(new.f_get_parameters()))
    old = Trajectory(filename="growing.hdf5")
    old.f_load(name="growing", load_results=2, load_derived_parameters=2)
    print(len(old), [old.f_get("results.runs.%s.square" % name).f_get() for name in old.f_iter_runs()])
    refused("shrink what is stored", old.f_shrink)
    old.f_shrink(force=True)
    print(len(old), old.x)


if __name__ == "__main__":
    main()
