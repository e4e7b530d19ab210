"""How do the populations of scipy's differential evolution become generations of a trajectory?"""

from __future__ import annotations

import numpy as np
from scipy.optimize import differential_evolution

from pypet_ng import Environment, Generations

NAMES = ("x", "y")


def rosenbrock(traj):
    """The simulation."""
    return (1 - traj.x) ** 2 + 100 * (traj.y - traj.x**2) ** 2


def main():
    env = Environment(trajectory="rosenbrock", filename="./hdf5/rosenbrock.hdf5", report_progress=False)
    for name in NAMES:
        env.traj.f_add_parameter(name, 0.0)
    generations = Generations(env, rosenbrock)

    def population(columns):
        """Values at many points at once; the columns are the points."""
        return np.array(generations.evaluate([dict(zip(NAMES, point, strict=True)) for point in columns.T]))

    found = differential_evolution(
        population, [(-2.0, 2.0)] * 2, vectorized=True, updating="deferred", rng=3, maxiter=40, polish=False
    )
    print(f"lowest {found.fun:.2e} at {np.round(found.x, 3).tolist()}, {len(env.traj)} runs")


if __name__ == "__main__":
    main()
