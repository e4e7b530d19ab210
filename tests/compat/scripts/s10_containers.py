"""Own containers, arrays and sparse matrices as parameters and results."""

import numpy as np
import scipy.sparse as spsp

from pypet import (
    ArrayParameter,
    Environment,
    Parameter,
    PickleParameter,
    Result,
    SparseParameter,
    SparseResult,
    Trajectory,
    load_trajectory,
)
from pypet.parameter import BaseParameter
from pypet.utils.comparisons import parameters_equal


class Angle(Parameter):
    """Takes degrees as text as well."""

    def f_supports(self, data):
        return isinstance(data, float)

    def f_set(self, data):
        if isinstance(data, str):
            data = float(data.rstrip("deg"))
        super().f_set(data)


class Point:
    """Something no parameter knows."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __eq__(self, other):
        return isinstance(other, Point) and (self.x, self.y) == (other.x, other.y)

    __hash__ = None

    def __repr__(self):
        return "Point(%r, %r)" % (self.x, self.y)


class PointParameter(Parameter):
    """Keeps points as two columns of numbers."""

    def f_supports(self, data):
        return isinstance(data, Point)

    def _values_of_same_type(self, val1, val2):
        return isinstance(val1, Point) and isinstance(val2, Point)

    def _equal_values(self, val1, val2):
        return val1 == val2

    def _store(self):
        store = {"point": np.array([self._data.x, self._data.y])}
        if self.f_has_range():
            store["points"] = np.array([(point.x, point.y) for point in self._explored_range])
        self._locked = True
        return store

    def _load(self, load_dict):
        self._data = self._default = Point(*[float(part) for part in load_dict["point"]])
        if "points" in load_dict:
            self._explored_range = [Point(float(x), float(y)) for x, y in load_dict["points"]]
            self._explored = True
        self._locked = True


class Spikes(Result):
    """Keeps what it is given as gaps."""

    def _store(self):
        return {"gaps": np.diff(self.times, prepend=0.0), "label": self.label}

    def _load(self, load_dict):
        self.f_set(times=np.cumsum(load_dict["gaps"]), label=load_dict["label"])


def run(traj):
    matrix = traj.weights
    traj.f_add_result(
        SparseResult, "matrix", scaled=matrix * traj.angle, trace=float(matrix.diagonal().sum())
    )
    traj.f_add_result(
        Spikes, "spikes", times=np.array([0.5, 1.5, 4.0]) * traj.angle, label="n%d" % traj.v_idx
    )
    return traj.point.x + traj.vector.sum() + traj.angle


def main():
    env = Environment(
        trajectory="containers",
        filename="containers.hdf5",
        log_config=None,
        report_progress=False,
        dynamic_imports=[Angle, PointParameter, Spikes],
    )
    traj = env.traj
    traj.f_add_parameter(Angle, "angle", "90deg", comment="An angle")
    traj.f_add_parameter(PointParameter, "point", Point(1.0, 2.0), comment="A point")
    traj.f_add_parameter(ArrayParameter, "vector", np.array([1.0, 2.0, 3.0]), comment="Some numbers")
    eye = spsp.csr_matrix(np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 2.0], [0.0, 0.0, 3.0]]))
    traj.f_add_parameter(SparseParameter, "weights", eye, comment="Few entries")
    traj.f_add_parameter(PickleParameter, "anything", {"a": [1, {2}]}, comment="Whatever")
    print(
        traj.f_get("angle").f_get(), traj.f_get("point").f_get(), traj.f_get("angle"), traj.f_get("anything")
    )
    for name, value in (("angle", 3), ("point", 1.0)):
        traj.f_get(name).f_unlock()
        try:
            traj.f_get(name).f_set(value)
        except TypeError:
            print(name, "does not take", value)
    traj.f_explore(
        {
            "angle": [1.0, 2.0, 3.0],
            "point": [Point(0.0, 0.0), Point(1.0, 0.0), Point(2.0, 5.0)],
            "vector": [np.array([1.0, 1.0, 1.0]), np.array([2.0, 2.0, 2.0]), np.array([1.0, 1.0, 1.0])],
        }
    )
    print([float(value) for _, value in env.run(run)])

    loaded = load_trajectory(
        name="containers",
        filename="containers.hdf5",
        dynamic_imports=(Angle, PointParameter, Spikes),
        load_all=2,
    )
    for name in ("angle", "point", "vector", "weights", "anything"):
        parameter = loaded.f_get(name)
        print(name, parameter.f_get_class_name(), parameter.v_comment, parameter.v_explored, len(parameter))
        print("  same", parameters_equal(parameter, traj.f_get(name)), isinstance(parameter, BaseParameter))
    print(loaded.f_get("point").f_get_range(), loaded.f_get("angle").f_get_range())
    print([value.tolist() for value in loaded.f_get("vector").f_get_range()])
    print(loaded.anything, loaded.weights.toarray().tolist(), spsp.issparse(loaded.weights))
    for name in loaded.f_iter_runs():
        crun = loaded.results.crun
        print(name, loaded.angle, loaded.point, loaded.vector.tolist())
        print("  ", crun.matrix.scaled.toarray().tolist(), crun.matrix.trace, crun.matrix.f_get_class_name())
        print("  ", crun.spikes.times.tolist(), crun.spikes.label, crun.spikes.f_get_class_name())

    # On its own
    array = ArrayParameter("alone.array", np.zeros((2, 2)), comment="zeros")
    array._explore([np.zeros((2, 2)), np.ones((2, 2))])
    array.f_unlock()
    array._expand([np.full((2, 2), 5.0)])
    array._set_parameter_access(2)
    print(len(array), array.f_get().tolist(), array.f_get_default().tolist())
    array._restore_default()
    print(array.f_get().tolist(), array.f_has_range(), array.v_explored)
    sparse = SparseResult("alone.sparse", spsp.csc_matrix(np.eye(2)), dense=np.eye(2), number=3)
    print(sorted(sparse.f_to_dict()), sparse.sparse.format, sparse.dense.tolist(), sparse.number)
    tree = Trajectory("kinds", filename="containers.hdf5", add_time=False)
    tree.v_standard_parameter = ArrayParameter
    tree.v_standard_result = SparseResult
    tree.f_add_parameter("standard", ())
    tree.f_add_result("standard", 1)
    print(
        tree.f_get("parameters.standard").f_get_class_name(),
        tree.f_get("results.standard").f_get_class_name(),
    )
    tree.f_store()
    back = load_trajectory(name="kinds", filename="containers.hdf5", load_all=2)
    print(back.par.standard, back.res.standard, back.f_get("parameters.standard").f_get_class_name())


if __name__ == "__main__":
    main()
