"""Which runs had these parameters?"""

import numpy as np

from pypet import Environment, cartesian_product, find_unique_points, load_trajectory


def rate(traj):
    traj.f_add_result("rate", traj.gain * traj.current, comment="a rate")
    traj.f_add_result("spikes", np.arange(traj.v_idx))


def main():
    env = Environment(
        trajectory="find",
        filename="find.hdf5",
        log_config=None,
        report_progress=False,
        multiproc=False,
        comment="Find",
    )
    traj = env.trajectory
    traj.f_add_parameter("cell.gain", 1.0)
    traj.f_add_parameter("cell.current", 0.0)
    traj.f_add_parameter("cell.kind", "exc")
    traj.f_add_parameter("seed", 0)
    traj.f_add_parameter("cell.fixed", 5)
    traj.f_explore(
        cartesian_product(
            {
                "gain": [0.5, 1.0, 2.0],
                "kind": ["exc", "inh"],
                "current": [10.0, 20.0, 30.0],
                "seed": [1, 2, 3],
            },
            ("gain", "kind", ("current", "seed")),
        )
    )
    print(len(traj))
    for name in ("gain", "kind", "current", "seed"):
        print(name, traj.f_get(name).f_get_range())
    env.run(rate)

    traj = load_trajectory(name="find", filename="find.hdf5", load_results=2)
    found = traj.f_find_idx("current", lambda current: 15.0 < current < 25.0)
    print(list(found), traj.v_idx, traj.v_crun)
    print(
        list(
            traj.f_find_idx(["gain", "parameters.cell.kind"], lambda gain, kind: gain > 0.7 and kind == "inh")
        )
    )
    print(list(traj.f_find_idx(["gain", "current", "fixed"], lambda g, c, f: g * c == 20.0 and f == 5)))
    print(list(traj.f_find_idx("kind", lambda kind: kind == "none")))
    for idx in traj.f_find_idx(("seed", "gain"), lambda seed, gain: seed == 3 and gain > 1.0):
        traj.v_idx = idx
        print(
            idx, traj.v_crun, traj.gain, traj.kind, traj.current, traj.res.crun.rate, traj.crun.spikes.sum()
        )
    traj.v_idx = -1
    total = 0.0
    for idx in traj.f_find_idx("kind", lambda kind: kind.startswith("e")):
        traj.f_set_crun(idx)
        total += traj.results.crun.rate
    print(total, traj.f_get("current").f_get_default())
    for unknown in ("nothing", "run_00000000.rate"):
        try:
            print(list(traj.f_find_idx(unknown, bool)))
        except (AttributeError, TypeError) as error:
            print(unknown, isinstance(error, AttributeError), isinstance(error, TypeError))
    traj.f_restore_default()
    points = find_unique_points([traj.f_get("gain"), traj.f_get("kind")])
    for values, runs in points:
        print(tuple(values), list(runs))
    rates = traj.f_get_from_runs("rate", fast_access=True, use_indices=True)
    print([rates[idx] for idx in traj.f_find_idx("seed", lambda seed: seed == 2)])
    best = max(rates, key=rates.get)
    print(best, rates[best], traj.f_idx_to_run(best))


if __name__ == "__main__":
    main()
