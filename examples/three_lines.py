"""How does one explore a plain function?"""

from pypet_ng import explore, grid


def product(x, y):
    """Give what is to be kept of one run."""
    return x * y


traj = explore(product, x=grid(1, 4, 4), y=[6.0, 7.0, 8.0])
for run_name in traj.f_iter_runs():
    print(f"{run_name}: {traj.x} * {traj.y} = {traj.results.runs.crun.value}")
