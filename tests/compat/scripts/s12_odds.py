"""Wildcards, default runs, own names of switches, storing by hand, and other habits."""

import os

import numpy as np

from pypet import (
    Environment,
    HDF5StorageService,
    Parameter,
    Trajectory,
    load_trajectory,
    manual_run,
    progressbar,
)
from pypet import pypetconstants
from pypet.utils.explore import cartesian_product
from pypet.trajectory import make_run_name, make_set_name


@manual_run(store_meta_data=True, clean_up=False)
def by_hand(traj):
    traj.f_add_result("hand", traj.x * 10)
    return traj.x


def large(traj):
    result = traj.f_add_result("large", array=np.full(5, traj.v_idx), comment="large")
    traj.f_store_item(result)
    result.f_empty()
    traj.f_add_result("small", traj.v_idx, comment="small").v_annotations.unit = "ms"
    return traj.v_idx


def main():
    print(
        make_run_name(12),
        make_run_name(-1),
        make_set_name(2),
        pypetconstants.LOAD_DATA,
        pypetconstants.OVERWRITE_DATA,
    )
    print(progressbar(1, 4, percentage_step=25, logger=None) is not None)
    traj = Trajectory("odds", filename=os.path.join("data", "odds.hdf5"), add_time=False, comment="Odds")
    traj.par.x = Parameter("x", 5, comment="an x")
    traj.par.f_add_parameter("y.z", 3)
    traj.f_explore(cartesian_product({"x": [1, 2, 3]}))
    traj.f_add_result("$.before", "all runs")
    traj.f_add_result("runs.run_ALL.default", 1)
    print(
        sorted(traj.f_get_results()),
        traj.f_wildcard("$", 1),
        traj.f_wildcard("crun"),
        traj.f_is_wildcard("$set"),
    )
    print(traj.f_wildcard("$set", 1500), traj.f_wildcard("crunset", -1))
    traj.f_store()
    for name in traj.f_iter_runs():
        print(name, by_hand(traj), traj.f_is_completed(name) == 1)
    print(bool(traj.f_is_completed()), traj.f_get_from_runs("hand", fast_access=True, use_indices=True)[1])
    traj.f_store()
    loaded = load_trajectory(
        name="odds",
        storage_service=HDF5StorageService,
        filename=os.path.join("data", "odds.hdf5"),
        load_data=2,
    )
    for idx in loaded.f_iter_runs(yields="idx"):
        print(idx, loaded.res.runs.crun.hand, loaded["results.$.before"], loaded.v_crun)
    print(str(loaded.f_get("x")))
    print(loaded.f_get("y.z"), "|", loaded.f_get("before"))

    env = Environment(
        trajectory="more",
        filename=os.path.join("data", "odds.hdf5"),
        log_config=None,
        report_progress=False,
        v_auto_load=False,
        ncores=1,
        complevel=2,
        wrap_mode="QUEUE",
        large_overview_tables=True,
    )
    traj = env.v_trajectory
    traj.f_add_parameter("runs_to_do", 3)
    traj.f_add_parameter("x", 0.5, comment="x")
    traj.f_explore({"x": np.linspace(0.0, 1.0, 3).tolist()})
    print(env.run(large), env.v_traj is traj, env.trajectory is traj, env.v_name == env.name)
    print(traj.v_name, traj.v_full_copy, traj.v_environment_name == env.name, traj.v_is_run)
    traj.f_load_skeleton()
    print([traj.f_get("results.runs.%s.large" % name).f_is_empty() for name in traj.f_get_run_names()])
    traj.f_load_items([traj.f_get("results.runs.run_00000001.large"), "results.runs.run_00000002.small"])
    print(traj.results.runs.run_00000001.large.array.tolist(), traj.results.runs[2].small)
    print(traj.f_get("results.runs.run_00000002.small").v_annotations.unit)
    traj.v_auto_load = True
    print(traj.results.runs.run_00000000.large.array.sum(), traj.runs_to_do)
    result = traj.f_add_result("analysis.mean", 3.5, comment="afterwards")
    traj.f_store_item("analysis.mean")
    result.f_set(4.5)
    traj.f_store_item("analysis.mean", store_data=3)
    traj.analysis.f_add_result("two", 2)
    traj.analysis.f_store_child("two")
    new = Trajectory("more", filename=os.path.join("data", "odds.hdf5"), add_time=False)
    new.f_load(load_parameters=2, load_results=0)
    new.results.f_load_child("analysis", recursive=True, load_data=2)
    print(new.analysis.mean, new.analysis.two, sorted(new.f_get_results()))
    new.f_delete_items(["results.analysis.two"], remove_from_trajectory=True)
    print("two" in new.analysis, new.analysis.f_has_leaves(), new.v_comment == traj.v_comment)
    copy = new.f_copy()
    print(
        copy.v_name,
        sorted(copy.f_get_results()) == sorted(new.f_get_results()),
        copy.f_get("x") is new.f_get("x"),
    )
    print(new.vars.name, new.func.get("x").v_name, new.f_is_empty(), new.kids.parameters.v_name)
    print(new.parameters.f_get_parent() is new, new.v_root is new)


if __name__ == "__main__":
    main()
