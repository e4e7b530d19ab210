"""How does one change parameters that other code is going to add?"""

from pypet_ng import Environment, PresettingError


def add_parameters(traj):
    """Somebody's model adds its parameters with defaults, and derives others from them at once."""
    traj.f_add_parameter("cell.radius", 2.0, comment="In micrometres")
    traj.f_add_parameter("cell.density", 1.0)
    traj.f_add_derived_parameter("volume", 4.19 * traj.cell.radius**3, comment="From the radius")


def weigh(traj):
    traj.f_add_result("mass", traj.volume * traj.density)
    return traj.volume * traj.density


def main():
    env = Environment(trajectory="cells", filename="./hdf5/cells.hdf5", report_progress=False)
    traj = env.traj
    traj.f_preset_parameter("cell.radius", 1.0)  # there is no such parameter yet
    add_parameters(traj)
    print(f"radius {traj.radius:g}, so the volume is {traj.volume:g}")
    traj.f_explore({"density": [1.0, 2.0]})
    print(f"masses {[mass for _, mass in env.run(weigh)]}")


def misspelt():
    """A preset that meets no parameter is an error before the first run."""
    env = Environment(trajectory="wrong", filename=":memory:", report_progress=False)
    env.traj.f_preset_parameter("cell.raduis", 1.0)
    add_parameters(env.traj)
    try:
        env.run(weigh)
    except PresettingError as error:
        print(f"refused, naming it: {'cell.raduis' in str(error)}")


if __name__ == "__main__":
    main()
    misspelt()
