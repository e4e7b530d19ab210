"""Presetting, locking, and what is refused."""

from pypet import (
    DataNotInStorageError,
    Environment,
    NotUniqueNodeError,
    Parameter,
    ParameterLockedException,
    PresettingError,
    Trajectory,
)

KINDS = (
    PresettingError,
    ParameterLockedException,
    NotUniqueNodeError,
    DataNotInStorageError,
    KeyError,
    AttributeError,
    TypeError,
    ValueError,
    RuntimeError,
)


def refused(what, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except KINDS as error:
        print(what, "->", next(kind.__name__ for kind in KINDS if isinstance(error, kind)))
    else:
        print(what, "-> fine")


def run(traj):
    """In a run much is refused."""
    refused("add parameter", traj.f_add_parameter, "late", 1)
    refused("add config", traj.f_add_config, "late", 1)
    refused("explore", traj.f_explore, {"x": [1]})
    refused("expand", traj.f_expand, {"x": [1]})
    refused("set x", setattr, traj, "x", 3)
    refused("set y", setattr, traj, "y", 3)
    refused("set crun", traj.f_set_crun, 0)
    refused("load", traj.f_load)
    print(traj.v_is_run, traj.v_crun, traj.v_idx, traj.f_get("x").v_locked, traj.f_get("y").v_locked)
    traj.f_add_result("x", traj.x)
    traj.f_add_result("parts.$.deep", 1)
    traj.results.f_add_result("under", 2)
    traj.f_add_result("crun.direct", 3)
    traj.f_add_result("not_mine.run_ALL.all", traj.v_idx) if traj.v_idx == 0 else None
    return sorted(traj.f_get_results())


def main():
    traj = Trajectory("presets", add_time=False)
    traj.f_preset_parameter("neuron.tau", 20.0)
    traj.f_preset_config("threads", 8)
    traj.f_add_parameter("neuron.tau", 10.0, comment="preset")
    traj.f_add_config("threads", 1)
    print(traj.tau, traj.f_get("tau").f_get_default(), traj.threads, traj.f_get("tau").v_comment)
    refused("preset too late", traj.f_preset_parameter, "neuron.tau", 30.0)

    parameter = Parameter("a.b.c", 5, comment="A number")
    print(
        parameter,
        parameter.v_locked,
        len(parameter),
        parameter.v_name,
        parameter.v_full_name,
        parameter.v_location,
    )
    parameter.f_set(6)
    print(parameter.f_val_to_str(), parameter.v_locked, parameter.f_get(), parameter.v_locked)
    refused("set when locked", parameter.f_set, 7)
    refused("empty when locked", parameter.f_empty)
    parameter.f_unlock()
    parameter.f_set(7)
    print(parameter.f_get(), parameter.f_get_default(), parameter.v_locked)
    refused("range of none", parameter.f_get_range)
    parameter.f_unlock()
    refused("type", parameter.f_set, print)
    refused("object", parameter.f_set, object())
    print(
        parameter.f_supports(3.5),
        parameter.f_supports([1, 2]),
        parameter.f_supports(lambda: 0),
        parameter.f_is_empty(),
    )
    parameter.f_empty()
    print(parameter.f_is_empty(), len(parameter), parameter)
    refused("get of empty", parameter.f_get)

    traj = Trajectory("locks", filename="locks.hdf5", add_time=False)
    traj.f_add_parameter("x", 1, comment="explored")
    traj.f_add_parameter("y", 2.5)
    traj.f_add_parameter("seq", [1, 2, 3])
    traj.f_add_parameter("later")
    refused("explore empty", traj.f_explore, {"later": [1, 2]})
    traj.later = 4
    traj.x = 10
    print(traj.x, traj.f_get("x").v_locked)
    refused("after reading", setattr, traj, "x", 11)
    traj.f_get("x").f_unlock()
    traj.x = 11
    traj.f_explore({"x": [1, 2, 3]})
    x = traj.f_get("x")
    print(
        x, x.v_explored, x.f_has_range(), x.f_get_range(), len(x), x.v_locked, x[1], traj.f_get("y").v_locked
    )
    refused("set explored", x.f_set, 5)
    x.f_unlock()
    refused("set explored, unlocked", x.f_set, 5)
    refused("explored again", traj.f_explore, {"x": [1, 2, 3]})
    refused("other length", traj.f_explore, {"y": [1.0]})
    traj.f_explore({"y": [0.5, 0.25, 0.125]})
    refused("other type", traj.f_expand, {"x": [1.0], "y": [1.0]})
    refused("unequal", traj.f_expand, {"x": [1, 2], "y": [1.0]})
    print(len(traj), traj.f_get("y").f_get_range())
    traj.f_get("seq").f_lock()
    print(traj.f_get("seq").v_locked, traj.f_get("seq").f_val_to_str(), traj.f_get("later"))
    refused("unknown attribute", setattr, traj, "never", 1)
    refused("property", setattr, traj, "v_name_", 1)
    traj.f_set_properties(fast_access=False, v_max_depth=None)
    print(traj.v_fast_access, traj.f_get_default("x", fast_access=False) is x, traj.x is x)
    refused("unknown property", traj.f_set_properties, no_such=1)
    refused("run without environment", traj.f_load_item, "x")

    env = Environment(trajectory="inrun", filename="locks.hdf5", log_config=None, report_progress=False)
    env.traj.f_add_parameter("x", 1)
    env.traj.f_add_parameter("y", 1)
    env.traj.f_explore({"x": [7, 8]})
    for idx, names in env.run(run):
        print(idx, names)
    refused("explored after the runs", env.traj.f_explore, {"y": [1, 2]})
    refused("unknown option", Environment, trajectory="other", no_such_option=3)

    env = Environment(trajectory="missed", filename="locks.hdf5", log_config=None, report_progress=False)
    env.traj.f_add_parameter("x", 1)
    env.traj.f_preset_parameter("never.added", 5)
    refused("preset missed", env.run, run)


if __name__ == "__main__":
    main()
