"""Post-processing looks at the results and asks for more runs."""

from pypet import Environment, load_trajectory


def simulate(traj, power, shift=0):
    traj.f_add_result("value", traj.x**power + shift)
    return traj.x**power + shift


def refine(traj, results, limit, name="summary"):
    """Halve the step as long as there are few runs."""
    print("post", len(results), results, len(traj), traj.v_is_run)
    values = dict(results)
    if len(traj) < limit:
        best = min(values, key=values.get)
        centre = traj.f_get("x").f_get_range()[best]
        step = 4.0 / 2 ** len(traj)
        traj.f_expand({"x": [centre - step, centre + step]})
    else:
        traj.f_add_result(name, best=min(values.values()), count=len(values), comment="What came out")


def by_dictionary(traj, results):
    print("post", results, len(traj))
    if len(traj) < 5:
        return {"x": [float(len(traj)), float(len(traj)) + 0.5]}
    return None


def with_arguments(traj, results, generation):
    print("post", generation, results)
    if generation < 2:
        return {"x": [10.0 * generation + 10.0]}, (3,), {"shift": generation}, (generation + 1,)
    traj.f_add_result("generations", generation)
    return None


def environment(name):
    env = Environment(trajectory=name, filename="post.hdf5", log_config=None, report_progress=False)
    env.traj.f_add_parameter("x", 0.0, comment="where")
    return env


def main():
    env = environment("refining")
    env.traj.f_explore({"x": [-3.0, 1.0]})
    env.add_postprocessing(refine, 7, name="summary")
    print(env.run(simulate, 2))
    traj = load_trajectory(name="refining", filename="post.hdf5", load_results=2)
    print(
        len(traj),
        traj.f_get("x").f_get_range(),
        traj.summary.best,
        traj.summary.count,
        traj.summary.v_comment,
    )
    print(traj.f_get("summary").v_full_name)
    print(list(traj.f_get_from_runs("value", fast_access=True).values()))

    env = environment("dictionary")
    env.traj.f_explore({"x": [1.0, 2.0, 3.0]})
    env.f_add_postprocessing(by_dictionary)
    print(env.f_run(simulate, 1))

    env = environment("arguments")
    env.traj.f_explore({"x": [1.0, 2.0]})
    env.add_postprocessing(with_arguments, 0)
    print(env.run(simulate, 2, shift=100))
    traj = load_trajectory(name="arguments", filename="post.hdf5", load_results=2)
    print(traj.f_get("x").f_get_range(), traj.f_is_completed(), traj.generations)
    print([traj.results.runs[name].value for name in traj.f_get_run_names()])

    # The same by hand: adaptive exploration.
    env = environment("adaptive")
    traj = env.traj
    traj.f_explore({"x": [5.0]})
    while True:
        last_idx, last = env.run(simulate, 1)[-1]
        print(last_idx, last)
        if last < 0.5:
            break
        traj.f_expand({"x": [last / 2.0]})
    print(len(traj), traj.f_get("x").f_get_range())


if __name__ == "__main__":
    main()
