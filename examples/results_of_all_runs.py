"""How does one look at one result of all runs together?"""

from pypet_ng import Environment, cartesian_product, load_trajectory

FILENAME = "./hdf5/interest.hdf5"


def save(traj):
    """What becomes of a hundred coins?"""
    traj.f_add_result("coins", 100.0 * (1.0 + traj.rate) ** traj.years)
    if traj.rate > 0.04:
        traj.f_add_result("warning", "too good to be true")


def simulate():
    env = Environment(trajectory="interest", filename=FILENAME, report_progress=False)
    traj = env.traj
    traj.f_add_parameter("rate", 0.0, comment="Interest per year")
    traj.f_add_parameter("years", 1)
    traj.f_explore(cartesian_product({"rate": [0.01, 0.03, 0.05], "years": [10, 20]}))
    env.run(save)


def analyse():
    traj = load_trajectory("interest", filename=FILENAME)
    # One node or value per run that has it, by the name of the run ...
    warnings = traj.f_get_from_runs("warning", use_indices=True, fast_access=True, auto_load=True)
    print(f"runs with a warning: {sorted(warnings)}")
    # ... or all as a column, which is an array once it is sliced ...
    print(f"coins: {traj.f_collect('coins')[:].round().tolist()}")
    # ... or a table with the parameters ...
    frame = traj.f_to_dataframe(results="coins")
    print(f"best: {frame.loc[frame['coins'].idxmax()].round(2).to_dict()}")
    # ... or a labelled grid.
    cube = traj.f_to_xarray("coins")
    print(f"{dict(cube.sizes)}; at 3 % for 20 years: {cube.sel(rate=0.03, years=20).item():.0f}")


if __name__ == "__main__":
    simulate()
    analyse()
