"""How does one keep values of a class of one's own, in a form that other programs can read?"""

from fractions import Fraction

import numpy as np

from pypet_ng import BaseResult, Environment, Parameter, load_trajectory

FILENAME = "./hdf5/chains.hdf5"


class FractionParameter(Parameter):
    """A parameter whose values are fractions; the file has numerator and denominator."""

    def f_supports(self, data):
        return isinstance(data, Fraction)

    def _store(self):
        value = self.f_get_default()
        return {"numerator": value.numerator, "denominator": value.denominator}

    def _load(self, load_dict):
        super()._load({"data": Fraction(load_dict["numerator"], load_dict["denominator"])})


class Edges(BaseResult):
    """A graph as a set of pairs; the file has an array of two columns."""

    def __init__(self, full_name, edges=(), comment=""):
        super().__init__(full_name, comment)
        self.edges = frozenset(edges)

    def f_is_empty(self):
        return not self.edges

    def f_empty(self):
        self.edges = frozenset()

    def _store(self):
        return {"pairs": np.array(sorted(self.edges))}

    def _load(self, load_dict):
        self.edges = frozenset(map(tuple, load_dict["pairs"].tolist()))


def connect(traj):
    """Connect each node with that at the given part of the ring."""
    step = int(traj.part * traj.nodes)
    traj.f_add_result(Edges, "graph", {(k, (k + step) % traj.nodes) for k in range(traj.nodes)})


def simulate():
    env = Environment(trajectory="chains", filename=FILENAME, report_progress=False)
    traj = env.traj
    traj.f_add_parameter("nodes", 12, comment="How many")
    traj.f_add_parameter(FractionParameter, "part", Fraction(1, 2), comment="How far, as part of the ring")
    traj.f_explore({"part": [Fraction(1, 3), Fraction(1, 4)]})
    env.run(connect)


def analyse():
    """Who loads must know the classes; a file never says what is to be imported."""
    traj = load_trajectory(
        "chains", filename=FILENAME, load_data=2, dynamic_imports=[FractionParameter, Edges]
    )
    for _ in traj.f_iter_runs():
        graph = traj.results.runs.crun.graph
        print(f"part {traj.part}: {len(graph.edges)} edges, the first leads to {min(graph.edges)[1]}")


if __name__ == "__main__":
    simulate()
    analyse()
