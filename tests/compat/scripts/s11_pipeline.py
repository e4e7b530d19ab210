"""A pipeline: parameters, runs and post-processing in one function; mapping over runs."""

from pypet import Environment, Trajectory, cartesian_product, load_trajectory


def add_parameters(traj):
    traj.f_add_parameter("model.a", 2.0, comment="slope")
    traj.f_add_parameter("model.b", 1.0, comment="offset")
    traj.f_add_parameter("model.steps", 3)


def line(traj, extra, scale=1.0):
    value = (traj.a * traj.steps + traj.b + extra) * scale
    traj.f_add_result("line.end", value)
    return value


def mean(traj, results, digits):
    traj.f_add_result("mean", round(sum(value for _, value in results) / len(results), digits))
    print("post", len(results))


def pipeline(traj):
    add_parameters(traj)
    traj.f_explore(cartesian_product({"a": [1.0, 2.0], "b": [0.0, 0.5]}))
    return (line, (10.0,), {"scale": 0.5}), (mean, (3,))


def only_runs(traj):
    add_parameters(traj)
    traj.f_explore({"steps": [1, 2, 3]})
    return line, (0.0,)


def per_run(traj, number, word, power=1):
    traj.f_add_result("mapped", number**power, word)
    return traj.steps, number**power, word


def mapped(traj):
    add_parameters(traj)
    traj.f_explore({"steps": [1, 2, 3]})
    return (per_run, ([4, 5, 6], ["u", "v", "w"]), {"power": [1, 2, 3]})


def environment(name, **options):
    return Environment(
        trajectory=name, filename="pipeline.hdf5", log_config=None, report_progress=False, **options
    )


def main():
    print(environment("whole").pipeline(pipeline))
    traj = load_trajectory(name="whole", filename="pipeline.hdf5", load_results=2)
    print(len(traj), traj.mean, [traj.results.runs[run].line.end for run in traj.f_get_run_names()])
    print(environment("runs").pipeline(only_runs))
    print(environment("mapped").pipeline_map(mapped))
    traj = load_trajectory(name="mapped", filename="pipeline.hdf5", load_results=2)
    print([traj.results.runs[run].mapped.f_to_dict() for run in traj.f_get_run_names()])

    env = environment("map")
    add_parameters(env.traj)
    env.traj.f_explore({"steps": [7, 8]})
    print(env.run_map(per_run, [1, 2], ("x", "y"), power=[2, 2]))
    try:
        env.run_map(per_run)
    except ValueError:
        print("nothing to map")

    # No runs: only look at what is there.
    with environment("analysis", do_single_runs=False) as env:
        traj = env.traj
        try:
            env.run(line)
        except RuntimeError:
            print("no runs here")
        traj.f_load(name="whole", load_results=2)
        print(traj.v_name, traj.mean)

    # A trajectory of one's own, and a single run.
    traj = Trajectory("single", filename="pipeline.hdf5", add_time=False, comment="one point")
    add_parameters(traj)
    env = Environment(trajectory=traj, log_config=None, report_progress=False)
    print(env.traj is traj, env.run(line, 1.0), len(traj), traj.f_get_run_names())
    print(sorted(traj.f_get_parameters(fast_access=True).items()))
    settings = traj.f_get("config.environment").f_get_children()
    print(len(settings), next(iter(settings)) == env.name, traj.config.environment[env.name].multiproc)
    print(traj.f_get("config.environment." + env.name + ".trajectory.name").f_get())


if __name__ == "__main__":
    main()
