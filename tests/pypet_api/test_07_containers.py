"""Do parameters, results and their special kinds follow sections 6 to 9?"""

from __future__ import annotations

import pathlib
import pickle
from typing import Any

import numpy as np
import pytest

import pypet_ng
from pypet_ng import (
    ArrayParameter,
    Environment,
    Parameter,
    ParameterLockedException,
    PickleParameter,
    PickleRefusedError,
    PickleResult,
    Result,
    SparseParameter,
    SparseResult,
    Trajectory,
    UnsupportedValueError,
    cartesian_product,
    find_unique_points,
    load_trajectory,
)
from pypet_ng.encoding.pickles import UnreadPickle
from pypet_ng.utils.comparisons import nested_equal, parameters_equal, results_equal
from tests.pypet_api.api import WORKERS, line


class Point:
    """Something only pickle can keep."""

    def __init__(self, x: float) -> None:
        self.x = x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and other.x == self.x

    def __hash__(self) -> int:
        return hash(self.x)


# -- 6 exploration --------------------------------------------------------------------------------------


@line("6: f_explore")
def test_exploration_is_checked_and_rolled_back(line: str) -> None:
    traj = Trajectory("t", add_time=False)
    traj.f_add_parameter("x", 1.0)
    traj.f_add_parameter("y", 1)
    traj.f_add_parameter("g.n", 1)
    traj.f_add_parameter("h.n", 1)
    traj.f_add_parameter("empty")
    traj.f_add_result("r", 1)
    wrong: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"x": [1.0, 2.0], "y": [1]}, ValueError),
        ({"x": [1]}, TypeError),
        ({"x": [np.float64(1)]}, TypeError),
        ({"r": [1]}, ValueError),
        ({"absent": [1]}, AttributeError),
        ({"n": [1]}, AttributeError),
        ({"x": []}, ValueError),
        ({"empty": [1]}, TypeError),
    ]
    for values, error in wrong:
        with pytest.raises(error):
            traj.f_explore(values)
        assert not traj.f_get_explored_parameters()
    traj.f_explore({"x": [1.0, 2.0]})
    with pytest.raises(TypeError):
        traj.f_explore({"x": [3.0, 4.0]})
    traj.f_explore({"y": [5, 6]})
    assert len(traj) == 2


@line("6: f_expand, f_shrink")
def test_expanding_and_shrinking(line: str) -> None:
    traj = Trajectory("t", add_time=False, filename=":memory:")
    traj.f_add_parameter("x", 1)
    traj.f_expand({"x": [1, 2]})
    traj.f_expand({"x": [3]})
    assert traj.f_get("x").f_get_range() == [1, 2, 3]
    traj.f_add_parameter("y", 1)
    with pytest.raises(TypeError):
        traj.f_expand({"x": [4], "y": [4]})
    traj.f_store()
    with pytest.raises(TypeError):
        traj.f_shrink()
    traj.f_shrink(force=True)
    assert len(traj) == 1


@line("6: cartesian_product, find_unique_points")
def test_products_and_their_points(line: str) -> None:
    product = cartesian_product(
        {"a": [1, 2], "b": [3, 4], "c": [5, 6]}, combined_parameters=("c", ("a", "b"))
    )
    assert list(product["c"]) == [5, 5, 6, 6]
    assert list(product["a"]) == [1, 2, 1, 2]
    with pytest.raises(ValueError):
        cartesian_product({"a": [1, 2], "b": [3]}, (("a", "b"),))
    traj = Trajectory("t")
    traj.f_add_parameter("x", 1)
    traj.f_explore({"x": [7, 8, 7]})
    assert find_unique_points([traj.f_get("x")]) == [((7,), [0, 2]), ((8,), [1])]


@line("6: f_lock_parameters, f_lock_derived_parameters")
def test_locking_all(line: str) -> None:
    traj = Trajectory("t")
    traj.f_add_parameter("x", 1)
    traj.f_lock_parameters()
    with pytest.raises(ParameterLockedException):
        traj.f_get("x").f_set(2)


# -- 7 parameters ----------------------------------------------------------------------------------------


@line("7: [..], data, default")
def test_items_of_parameters(line: str) -> None:
    parameter = Parameter("x", 1)
    assert (parameter["data"], parameter["default"], parameter[-1], parameter.data, parameter.default) == (
        (1,) * 5
    )
    with pytest.raises(TypeError):
        parameter[1]
    parameter.f_unlock()
    parameter._explore([5, 6])
    assert (parameter[1], parameter[-1], len(parameter), str(parameter)) == (
        6,
        1,
        2,
        "Parameter x (len:2): 1",
    )


@line("7: _store, _load")
@pytest.mark.parametrize("cls", [Parameter, ArrayParameter, SparseParameter, PickleParameter])
def test_hooks_give_and_take_ranges(line: str, cls: Any) -> None:
    parameter = cls("a.x", 1)
    parameter._explore([5, 6, 5])
    twin = cls("a.x")
    twin._load(parameter._store())
    assert parameters_equal(parameter, twin)
    assert twin.f_get_range() == [5, 6, 5]
    assert twin.v_locked


@line("7: v_full_copy")
def test_ranges_travel_with_full_copies_only(line: str) -> None:
    for cls in (Parameter, PickleParameter):
        parameter = cls("x", 1)
        parameter._explore([1, 2])
        lean = pickle.loads(pickle.dumps(parameter))
        assert (lean.v_explored, lean.f_has_range()) == (True, False)
        parameter.v_full_copy = True
        assert pickle.loads(pickle.dumps(parameter)).f_get_range() == [1, 2]


@line("7: ArrayParameter")
def test_array_parameters_keep_each_value_once(line: str, tmp_path: pathlib.Path) -> None:
    file = str(tmp_path / "f.hdf5")
    traj = Trajectory("t", add_time=False, filename=file)
    traj.f_add_parameter(ArrayParameter, "a", np.zeros(1000))
    values = [np.full(1000, float(place % 3)) for place in range(60)]
    traj.f_explore({"a": values})
    assert len(traj.f_get("a").f_get_range(copy=False).base) == 3
    traj.f_store()
    assert (tmp_path / "f.hdf5").stat().st_size < 200_000
    loaded = load_trajectory("t", filename=file)
    assert type(loaded.f_get("a")) is ArrayParameter
    assert all(map(np.array_equal, loaded.f_get("a").f_get_range(), values))
    assert ArrayParameter("e", ()).f_get() == ()


@line("7: SparseParameter")
@pytest.mark.parametrize("kind", ["csr", "csc", "bsr", "dia"])
def test_sparse_parameters(line: str, kind: str, tmp_path: pathlib.Path) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    matrices = [sparse.random(10, 10, 0.2, format=kind, random_state=seed) for seed in range(2)]
    traj = Trajectory("t", add_time=False, filename=str(tmp_path / "f.hdf5"))
    traj.f_add_parameter(SparseParameter, "m", matrices[0])
    traj.f_explore({"m": [*matrices, matrices[0]]})
    traj.f_add_result(SparseResult, "r", matrices[1])
    traj.f_store()
    loaded = load_trajectory("t", filename=str(tmp_path / "f.hdf5"), load_data=2)
    assert nested_equal(loaded.f_get("m").f_get_range(), [*matrices, matrices[0]])
    assert results_equal(loaded.f_get("r"), traj.f_get("r"))


@line("7: PickleParameter")
@pytest.mark.parametrize("workers", WORKERS)
def test_pickle_parameters_are_explored(line: str, workers: dict[str, Any], tmp_path: pathlib.Path) -> None:
    def run(traj: Any) -> float:
        result: float = traj.p.x
        return result

    file = str(tmp_path / "f.hdf5")
    env = Environment(trajectory="t", filename=file, report_progress=False, log_config=None, **workers)
    first, second = Point(1.0), Point(2.0)
    env.traj.f_add_parameter(PickleParameter, "p", first, protocol=4)
    env.traj.f_explore({"p": [first, second, first]})
    assert env.traj.f_get("p").f_get_range()[1] is second
    assert env.run(run) == [(0, 1.0), (1, 2.0), (2, 1.0)]
    loaded = load_trajectory("t", filename=file)
    assert loaded.f_get("p").f_get_range() == [first, second, first], "this process made the file"
    assert loaded.f_get("p").v_protocol == 4
    assert [loaded.p.x for _ in loaded.f_iter_runs()] == [1.0, 2.0, 1.0]
    assert list(loaded.f_find_idx("p", lambda p: (p if type(p) is Point else p.open(True)).x == 2.0)) == [1]
    again = Environment(trajectory="t", filename=file, report_progress=False, log_config=None)
    again.traj.f_add_parameter(PickleParameter, "p", first, protocol=4)
    again.traj.f_explore({"p": [first, second, first, Point(3.0)]})
    assert again.run(run) == [(0, 1.0), (1, 2.0), (2, 1.0), (3, 3.0)], "known points are recognised"


@line("7: PickleParameter, PickleResult of other processes")
def test_pickles_are_read_only_where_allowed(line: str, tmp_path: pathlib.Path) -> None:
    from pypet_ng.engine import session

    file = str(tmp_path / "f.hdf5")
    traj = Trajectory("t", add_time=False, filename=file)
    traj.f_add_parameter(PickleParameter, "p", Point(1.0))
    traj.f_add_result(PickleResult, "r", Point(2.0), plain={"a": [1, (2.0, "b")], "n": np.arange(3)})
    traj.f_store()
    session._made_here.clear()  # as if it had been another process
    loaded = load_trajectory("t", filename=file, load_data=2)
    for access in (lambda: loaded.p, lambda: loaded.f_get("r").r, lambda: loaded.f_get("r").f_to_dict()):
        with pytest.raises(PickleRefusedError, match="allow_pickle"):
            access()
    assert nested_equal(loaded.f_get("r").plain, {"a": [1, (2.0, "b")], "n": np.arange(3)})
    assert "pickle of" in str(loaded.f_get("p"))
    loaded.f_migrate(filename=str(tmp_path / "g.hdf5"))
    loaded.f_store()  # what was not read is stored as it is
    moved = load_trajectory("t", filename=str(tmp_path / "g.hdf5"), load_data=2, allow_pickle=True)
    assert (moved.p, moved.f_get("r").r) == (Point(1.0), Point(2.0))


@line("7: own class: f_supports and _store overridden")
@pytest.mark.parametrize("workers", WORKERS)
def test_values_only_hooks_can_store_are_explored(
    line: str, workers: dict[str, Any], tmp_path: pathlib.Path
) -> None:
    def run(traj: Any) -> float:
        result: float = traj.p.x
        return result

    file = str(tmp_path / "f.hdf5")
    env = Environment(trajectory="t", filename=file, report_progress=False, log_config=None, **workers)
    env.traj.f_add_parameter(PointParameter, "p", Point(0.0))
    env.traj.f_explore({"p": [Point(1.0), Point(2.0)]})
    assert env.run(run) == [(0, 1.0), (1, 2.0)]
    env.traj.f_expand({"p": [Point(3.0)]})
    assert env.run(run) == [(2, 3.0)]
    loaded = load_trajectory("t", filename=file)
    assert loaded.f_get("p").f_get_range() == [Point(1.0), Point(2.0), Point(3.0)]
    assert loaded.f_collect("p")[1] == Point(2.0)
    loaded.v_idx = 2
    assert loaded.p == Point(3.0)


class PointParameter(Parameter):
    """Stores points as numbers."""

    __slots__ = ()

    def f_supports(self, data: Any) -> bool:
        return isinstance(data, Point)

    def _store(self) -> dict[str, Any]:
        items = super()._store()
        return {"data": items["data"].x} if "data" in items else {}

    def _load(self, load_dict: dict[str, Any]) -> None:
        super()._load({"data": Point(load_dict["data"])})


# -- 8 results --------------------------------------------------------------------------------------------


@line("8: Result, f_set, f_get")
def test_results(line: str) -> None:
    result = Result("g.r", 1, 2, named=3, comment="c")
    assert (result.r, result.r_1, result[1], result.named, result.f_get("r", "named")) == (1, 2, 2, 3, [1, 3])
    assert "r" in result
    with pytest.raises(ValueError):
        result.f_get()
    with pytest.raises(AttributeError):
        result.f_get("absent")
    result["a.b.c"] = 4
    del result.named
    assert list(result) == ["r", "r_1", "a.b.c"]


@line("8: SparseResult, PickleResult")
@pytest.mark.parametrize("workers", WORKERS)
def test_pickle_results_of_runs(line: str, workers: dict[str, Any], tmp_path: pathlib.Path) -> None:
    def run(traj: Any) -> None:
        traj.f_add_result(PickleResult, "p", Point(traj.x), plain=[traj.x])

    file = str(tmp_path / "f.hdf5")
    env = Environment(trajectory="t", filename=file, report_progress=False, log_config=None, **workers)
    env.traj.f_add_parameter("x", 1.0)
    env.traj.f_explore({"x": [1.0, 2.0]})
    env.run(run)
    loaded = load_trajectory("t", filename=file, load_results=2)
    for index, _ in enumerate(loaded.f_iter_runs(), 1):
        result = loaded.crun.f_get("p")
        assert type(result) is PickleResult
        assert (result.p, result.plain, result.f_to_dict()["p"]) == (Point(index), [index], Point(index))
        assert result.v_protocol == 2


@line("8: PickleResult, what cannot be pickled")
def test_what_cannot_be_pickled_is_named(line: str) -> None:
    traj = Trajectory("t", add_time=False, filename=":memory:")
    traj.f_add_result(PickleResult, "r", lambda: None)
    with pytest.raises(UnsupportedValueError, match="cannot be pickled"):
        traj.f_store()


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
@line("8: v_protocol")
def test_protocols_are_known_after_loading(line: str, protocol: int) -> None:
    result = PickleResult("r", Point(1.0), protocol=protocol)
    twin = PickleResult("r")
    twin._load(result._store())
    assert twin.v_protocol == protocol
    assert isinstance(twin._node.items["r"], UnreadPickle)


@line("8: ObjectTable")
def test_object_tables_keep_python_types(line: str, tmp_path: pathlib.Path) -> None:
    pd = pytest.importorskip("pandas")
    table = pypet_ng.ObjectTable({"n": [1, 2], "mixed": ["a", 2.5]}, index=["i", "j"])
    assert isinstance(table, pd.DataFrame)
    traj = Trajectory("t", add_time=False, filename=str(tmp_path / "f.hdf5"))
    traj.f_add_result("r", table=table, empty=pypet_ng.ObjectTable(columns=["a"]))
    traj.f_store()
    back = load_trajectory("t", filename=str(tmp_path / "f.hdf5"), load_data=2).f_get("r")
    assert type(back.table) is pypet_ng.ObjectTable
    assert [type(value) for value in back.table["n"]] == [int, int]
    assert [type(value) for value in back.table["mixed"]] == [str, float]
    assert list(back.table.index) == ["i", "j"]
    assert back.empty.shape == (0, 1)


# -- 9 types -----------------------------------------------------------------------------------------------

VALUES: dict[str, Any] = {
    "int, bool, float, nan, complex, bytes, str": (1, True, 0.5, float("nan"), 1j, b"b", "s" * 100_000),
    "non-ascii str": "äöü\N{SNOWMAN}",
    "int beyond 64 bits": 2**70,
    "numpy scalars": (np.int8(1), np.uint64(2**63), np.float32(0.5), np.complex64(1j)),
    "np.bool_, np.str_": (np.bool_(True), np.str_("ä")),
    "float16, np.bytes_": (np.float16(0.5), np.bytes_(b"b")),
    "arrays": np.arange(6).reshape(2, 3),
    "array of bytes": np.array([b"a", b"bc"]),
    "0-d array": np.array(5),
    "empty array": np.zeros((0, 2)),
    "empty list": [],
    "datetime64 array": np.array(["2020-01-01"], "M8[D]"),
    "object array": np.array([1, "a", None], dtype=object),
    "mixed list": [1, 2.0, "c"],
    "nested list": [[1], [2, [3]]],
    "list of arrays": [np.arange(2), np.arange(3)],
    "dict": {"a": 1, "b": {"c": np.arange(2)}, 3: "int key"},
    "set": {1, 2},
}


@pytest.mark.parametrize("value", [pytest.param(value, id=f"9: {name}") for name, value in VALUES.items()])
@pytest.mark.parametrize("cls", [Parameter, ArrayParameter, Result, PickleParameter])
def test_types_come_back(value: Any, cls: Any) -> None:
    traj = Trajectory("t", add_time=False, filename=":memory:")
    values = value if isinstance(value, tuple) else (value,)
    for place, one in enumerate(values):
        add = traj.f_add_result if cls is Result else traj.f_add_parameter
        add(cls, f"v{place}", one)
    traj.f_store()
    loaded = load_trajectory("t", storage_service=traj.v_storage_service, load_data=2, allow_pickle=True)
    for place, one in enumerate(values):
        back = loaded.f_get(f"v{place}").f_get()
        assert type(back) is type(one)
        assert nested_equal(back, one)


# -- 21 comparisons -----------------------------------------------------------------------------------------


@line("21: results_equal, parameters_equal, nested_equal")
def test_comparisons(line: str) -> None:
    assert results_equal(Result("r", 1, comment="a"), Result("r", 1, comment="b"))
    assert not results_equal(Result("r", 1), Result("q", 1))
    assert not results_equal(Result("r", [1, {"a": np.arange(2)}]), Result("r", [1, {"a": np.arange(3)}]))
    assert parameters_equal(Parameter("p", 1, "a"), Parameter("p", 1))
    assert not parameters_equal(Parameter("p", 1), Parameter("p", 2))
    assert not parameters_equal(Parameter("p"), Parameter("p", 2))
    with pytest.raises(ValueError):
        results_equal(Result("r"), Parameter("r"))
    with pytest.raises(ValueError):
        parameters_equal(1, 2)
    assert nested_equal(Point(1.0), Point(1.0))
    assert not nested_equal(None, 1)
    assert nested_equal({"a": {1, 2}}, {"a": {1, 2}})
    assert not nested_equal("ab", ["a", "b"])


@line("21: nested_equal of pandas, sparse, plain objects")
def test_comparisons_of_other_packages(line: str) -> None:
    pd = pytest.importorskip("pandas")
    sparse = pytest.importorskip("scipy.sparse")
    assert nested_equal(pd.DataFrame({"a": [1.0, np.nan]}), pd.DataFrame({"a": [1.0, np.nan]}))
    assert not nested_equal(pd.Series([1]), pd.Series([2]))
    assert not nested_equal(pd.Series([1]), pd.Series([1], index=[5]))
    assert nested_equal(sparse.csr_matrix(np.eye(2)), sparse.csr_matrix(np.eye(2)))
    assert not nested_equal(sparse.csr_matrix(np.eye(2)), sparse.csc_matrix(np.eye(2)))

    class Bag:
        def __init__(self, items: list[int]) -> None:
            self.items = items

    assert nested_equal(Bag([1]), Bag([1]))
    assert not nested_equal(Bag([1]), Bag([2]))


@line("1: HasSlots, HasLogger")
def test_base_classes_pickle_their_slots(line: str) -> None:
    assert pickle.loads(pickle.dumps(Slotted(1, 2))).sum() == 3


class Slotted(pypet_ng.HasLogger):
    """Has slots and a logger."""

    __slots__ = ("a", "b")

    def __init__(self, a: int, b: int) -> None:
        self.a, self.b = a, b
        self._set_logger()

    def sum(self) -> int:
        assert self._logger.name.startswith("pypet_ng")
        return self.a + self.b


@line("1: HasSlots")
def test_base_classes_know_their_slots(line: str) -> None:
    class One(pypet_ng.HasSlots):
        __slots__ = "single"

    class Two(One):
        __slots__ = ("a", "b")

    assert One.__all_slots__ == {"__weakref__", "single"}
    assert Two.__all_slots__ == {"__weakref__", "single", "a", "b"} <= set(dir(Two()))


@line("7: _values_of_same_type, _equal_values")
@pytest.mark.parametrize("cls", [Parameter, ArrayParameter, SparseParameter])
def test_hooks_refuse_values_no_parameter_holds(line: str, cls: Any) -> None:
    parameter = cls("p", 1)
    for compare in (parameter._values_of_same_type, parameter._equal_values):
        assert compare(1, 1)
        assert not compare(1, Point(1))
        for other in (Point(1), object()):
            with pytest.raises(TypeError, match="neither"):
                compare(Point(1), other)
    pickled = PickleParameter("p", Point(1))
    assert pickled._equal_values(Point(1), Point(1))
    assert not pickled._equal_values(Point(1), Point(2))


@line("7: a range that came with the parameter")
@pytest.mark.parametrize("cls", [Parameter, ArrayParameter, SparseParameter, PickleParameter])
@pytest.mark.parametrize("filename", [":memory:", "f.hdf5"])
def test_ranges_of_parameters_that_are_added_come_back(
    line: str, cls: Any, filename: str, tmp_path: pathlib.Path
) -> None:
    where: dict[str, Any] = {"filename": str(tmp_path / filename)}
    if filename == ":memory:":
        where = {"storage_service": pypet_ng.MemoryStorageService()}
    traj = Trajectory("t", **where)
    parameter = cls("g.p", np.arange(2))
    values = [np.arange(2), np.ones(3), np.zeros(1)]
    parameter._explore(values)
    traj.f_add_parameter(parameter)
    assert len(traj) == 1  # the trajectory explores what f_explore is told
    traj.f_store()
    loaded = load_trajectory("t", load_data=2, allow_pickle=True, **where)
    assert parameters_equal(loaded.f_get("p"), parameter)
    assert loaded.f_get("p").f_get_range_length() == 3
    again = Trajectory("t", **where)
    again.f_add_parameter(cls("g.p", np.arange(2)))
    with pytest.raises(pypet_ng.PlanMismatchError):
        again.f_store()  # it had no range


@line("8: f_val_to_str")
def test_results_show_what_python_shows(line: str) -> None:
    result = Result("r", [1, (2.5, "x")], table={"a": None, 3: {1}}, last=(1,))
    assert result.f_val_to_str() == "r=[1, (2.5, 'x')], table={'a': None, 3: {1}}, last=(1,)"
    result.more = np.arange(4)
    assert result.f_val_to_str() == "r=[1, (2.5, 'x')], table={'a': None, 3: {1}}, last=(1,), more..."
    matrix = Result("m", np.ones((2, 2)))
    assert matrix.f_val_to_str() == f"m={np.ones((2, 2))!r}"
    assert "\n" not in str(matrix)
    assert len(Result("r", "x" * 10**6).f_val_to_str()) == 64
    assert len(Result("r", list(range(10**6))).f_val_to_str()) == 64
    assert Result("r", 10**5000).f_val_to_str().startswith("r=")


@line("21: nested_equal")
def test_objects_are_compared_by_their_attributes(line: str) -> None:
    class Left:
        __slots__ = ("a",)

    class Right:
        def __init__(self) -> None:
            self.a = [1, 2]

    left = Left()
    left.a = [1, 2]  # type: ignore[attr-defined]
    assert nested_equal(left, Right())
    left.a = [1, 3]  # type: ignore[attr-defined]
    assert not nested_equal(left, Right())
    assert not nested_equal(left, 22)
