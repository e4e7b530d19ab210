"""How can one node be found under several names?"""

from pypet_ng import Environment, load_trajectory

FILENAME = "./hdf5/recipes.hdf5"


def bake(traj):
    """Both doughs use the same flour, each under the name it is known by there."""
    traj.f_add_result("bread", traj.bread.base.grams * 1.6)
    traj.f_add_result("cake", traj.cake.powder.grams * 2.5)
    run = traj.results.runs.crun
    run.f_add_link("first_to_eat", run.f_get("bread" if traj.hungry else "cake"))


def simulate():
    env = Environment(trajectory="recipes", filename=FILENAME, report_progress=False)
    traj = env.traj
    traj.f_add_parameter("flour.grams", 500.0)
    traj.f_add_parameter("hungry", True)
    for recipe, name in (("bread", "base"), ("cake", "powder")):
        group = traj.parameters.f_add_group(f"recipes.{recipe}")
        group.f_add_link(name, traj.parameters.flour)
    traj.f_explore({"hungry": [True, False]})
    env.run(bake)


def analyse():
    """Links are stored as links: the data are in the file once."""
    traj = load_trajectory("recipes", filename=FILENAME)
    traj.v_auto_load = True
    for _ in traj.f_iter_runs():
        eaten = traj.results.runs.crun.f_get("first_to_eat", auto_load=True)
        print(f"hungry {traj.hungry}: first {eaten.v_name}, {eaten.f_get():g} g")
    print(f"cake.powder is {traj.parameters.recipes.cake.powder.v_full_name}")


if __name__ == "__main__":
    simulate()
    analyse()
