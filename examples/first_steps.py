"""How does one explore a function of two parameters and read the results back?"""

from pypet_ng import Environment, cartesian_product, load_trajectory

FILENAME = "./hdf5/multiply.hdf5"


def multiply(traj):
    """Multiply the two parameters of one run."""
    z = traj.x * traj.y
    traj.f_add_result("z", z, comment="Product of x and y")


def simulate():
    env = Environment(trajectory="multiply", filename=FILENAME)
    traj = env.traj
    traj.f_add_parameter("x", 1.0, comment="First factor")
    traj.f_add_parameter("y", 1.0, comment="Second factor")
    traj.f_explore(cartesian_product({"x": [1.0, 2.0, 3.0, 4.0], "y": [6.0, 7.0, 8.0]}))
    env.run(multiply)


def analyse():
    traj = load_trajectory(filename=FILENAME, name="multiply", load_all=0)
    traj.v_auto_load = True
    for run_name in traj.f_iter_runs():
        x, y = traj.parameters.x, traj.parameters.y
        print(f"{run_name}: {x} * {y} = {traj.results.runs.crun.z}")


if __name__ == "__main__":
    simulate()
    analyse()
