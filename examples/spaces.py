"""How are the points of a state with axes in it explored, kept, and added to?"""

# ruff: noqa: E402

# [space]
from pypet_ng import explore
from pypet_ng.spaces import DataAxis, GridAxis, Space, UniformAxis

state = {
    "coupling": {"strength": GridAxis(0.1, 0.8, 5), "delay": UniformAxis(5.0, 25.0, 3)},
    "model": {"noise": DataAxis([0.01, 0.02, 0.05]), "tau": 10.0},
}
space = Space(state, mode="product")
print(len(space), "points")
# [read]
point = space[-1]
print(f"strength {point['coupling']['strength']:.2f}, tau {point['model']['tau']}")
print(space[10:14].to_dataframe())
# [groups]
grouped = Space(
    {
        "gain": DataAxis([1.0, 2.0, 3.0], group="setting"),
        "offset": DataAxis([10.0, 20.0, 30.0], group="setting"),
        "x": GridAxis(0.0, 1.0, 4),
    },
    mode="product",
)
print(len(grouped), "points, not", 3 * 3 * 4)
# [keys]
from pypet_ng.spaces import PointKeyAxis, SeedAxis

replicated = Space({"x": GridAxis(0.0, 1.0, 4), "key": SeedAxis(8)}, mode="product")
independent = Space({"x": GridAxis(0.0, 1.0, 4), "key": PointKeyAxis()}, mode="product")
print(len(replicated), len(independent))
# [designs]
from pypet_ng.spaces import case_axes, sobol

covering = Space({**sobol(64, G=(0.0, 2.0), sigma=(0.01, 0.1)), "tau": 10.0})
cases = Space({**case_axes([{"G": 0.5, "sigma": 0.01}, {"G": 1.5, "sigma": 0.1}]), "tau": 10.0})
triangle = space.filter(lambda s: s["coupling"]["strength"] * s["coupling"]["delay"] < 8)
print(len(covering), len(cases), len(triangle) < len(space), len(space.sample(7)))
# [axis]
import numpy as np

from pypet_ng.spaces import AbstractAxis


class Halves(AbstractAxis):
    """`n` values, each half of the one before."""

    random = False

    def __init__(self, start, n, group=None, wrap=None):
        super().__init__(group, wrap)
        self.start, self.n = start, n

    @property
    def size(self):
        return self.n

    def generate_values(self, key=None):
        return self.start / 2.0 ** np.arange(self.n)


print([float(s["step"]) for s in Space({"step": Halves(1.0, 3)})])


# [explore]
def measure(state):
    activity = state["coupling"]["strength"] * state["coupling"]["delay"]
    return {"activity": activity, "ratio": activity / state["model"]["noise"]}


traj = explore(measure, space)
done = len(traj)
longer = space.extend(
    [{"coupling.strength": 2.0, "coupling.delay": 1.0, "model.noise": n} for n in (0.01, 0.1)]
)
traj = explore(measure, longer)  # two more runs
print(f"done: {done}, then {len(traj)}")
