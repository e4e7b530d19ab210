"""Several processes, with and without a pool."""

import numpy as np

from pypet import Environment, cartesian_product, load_trajectory, pypetconstants


def simulate(traj, scale):
    rng = np.random.RandomState(traj.seed)
    noise = rng.randint(0, 100, size=4)
    traj.f_add_result("traces.noise", noise * scale, comment="Some noise")
    traj.f_add_result("total", int(noise.sum()) + traj.x, comment="A sum")
    traj.f_add_derived_parameter("twice", 2 * traj.x)
    return int(noise.sum()) + traj.x


def collect(traj, results):
    traj.f_add_result("collected.sum", sum(value for _, value in results))


def sweep(name, **options):
    env = Environment(
        trajectory=name,
        filename="pool.hdf5",
        log_config=None,
        report_progress=False,
        multiproc=True,
        **options,
    )
    traj = env.traj
    traj.f_add_parameter("x", 1)
    traj.f_add_parameter("seed", 0, comment="of the random numbers")
    traj.f_explore(cartesian_product({"x": [10, 20], "seed": [1, 2]}))
    env.add_postprocessing(collect)
    print(name, env.run(simulate, 2))
    print(traj.f_is_completed(), len(traj), traj.v_idx)
    env.disable_logging()
    loaded = load_trajectory(name=name, filename="pool.hdf5", load_all=2)
    for run in loaded.f_iter_runs():
        crun = loaded.results.crun
        print(run, loaded.x, loaded.seed, crun.traces.noise.tolist(), crun.total, loaded.dpar.crun.twice)
    print(loaded.collected.sum, loaded.f_get("res.runs.run_00000000.total").f_supports_fast_access())


def main():
    sweep("pool", ncores=2, use_pool=True, freeze_input=True, wrap_mode="QUEUE")
    sweep("processes", ncores=2, wrap_mode=pypetconstants.WRAP_MODE_LOCK)


if __name__ == "__main__":
    main()
