"""How does a project that knows nothing of trajectories get one?

The project has a settings class, a simulation that takes it, and a way to write its outputs. None of
it changes: a thin function translates, and the sweep is described next to it.
"""

from dataclasses import asdict, dataclass, fields

from pypet_ng import Environment, cartesian_product

# ---- the project ------------------------------------------------------------------------------


@dataclass
class Settings:
    """All that its users can choose."""

    birth: float = 0.3
    death: float = 0.1
    start: int = 100
    years: int = 20


class Population:
    """The simulation; keeps its state in attributes."""

    def __init__(self, settings):
        self.settings = settings
        self.history = [float(settings.start)]

    def run(self):
        for _ in range(self.settings.years):
            self.history.append(self.history[-1] * (1 + self.settings.birth - self.settings.death))


# ---- what is added ------------------------------------------------------------------------------


def add_settings(traj, defaults):
    """Add one parameter per setting, in a group of its own."""
    for name, value in asdict(defaults).items():
        traj.f_add_parameter(f"settings.{name}", value)


def simulate(traj):
    """Translate parameters into settings, run the project, translate what it has into results."""
    values = {field.name: traj.parameters.settings[field.name] for field in fields(Settings)}
    population = Population(Settings(**values))
    population.run()
    traj.f_add_result("population", last=population.history[-1], history=population.history)
    return round(population.history[-1])


def main():
    env = Environment(trajectory="population", filename="./hdf5/population.hdf5", report_progress=False)
    add_settings(env.traj, Settings(years=10))
    env.traj.f_explore(cartesian_product({"birth": [0.1, 0.2], "death": [0.1, 0.2]}))
    print(f"people after {env.traj.years} years: {[people for _, people in env.run(simulate)]}")


if __name__ == "__main__":
    main()
