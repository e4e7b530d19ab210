"""Do executions give what the model gives at the points, and can it be looked at in all ways?"""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypet_ng import (
    CodeChangedError,
    DeviceError,
    Environment,
    NodeNotFoundError,
    PlanMismatchError,
    RunFailedError,
    TracingError,
    Trajectory,
    load_trajectory,
    takes_state,
)
from pypet_ng.execution import (
    ParallelExecution,
    ParallelResult,
    Result,
    SequentialExecution,
    SequentialResult,
    StoredResult,
)
from pypet_ng.spaces import DataAxis, GridAxis, PointKeyAxis, SeedAxis, Space, UniformAxis

jax = pytest.importorskip("jax")
jnp = jax.numpy


def space(mode: str = "product", n: int = 4) -> Space:
    return Space({"a": GridAxis(0.0, 1.0, 3), "b": {"c": GridAxis(1.0, 2.0, n)}, "name": "text"}, mode=mode)


def model(state: Any, factor: float = 2.0, *, shift: float = 0.0) -> Any:
    assert state["name"] == "text"
    total = state["a"] + state["b"]["c"] * factor + shift
    return {"total": total, "deep": [jnp.arange(3.0) * state["a"], {"x": total**2}]}


Execution = Callable[..., Any]


def parallel(*args: Any, **kwargs: Any) -> Any:
    return ParallelExecution(*args, n_vmap=5, **kwargs)


def on_two_devices(*args: Any, **kwargs: Any) -> Any:
    return ParallelExecution(*args, n_vmap=2, n_pmap=2, **kwargs)


def jitted(*args: Any, **kwargs: Any) -> Any:
    return SequentialExecution(*args, jit=True, **kwargs)


ALL = [SequentialExecution, jitted, parallel, on_two_devices]


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("mode", ["zip", "product"])
def test_results_are_those_of_the_model_at_each_point(make: Execution, mode: str) -> None:
    points = space(mode, 3)
    result = make(model, points, 3.0, shift=1.0).run()
    assert isinstance(result, Result)
    assert len(result) == result.N == points.N == len(list(result))
    assert result.space is points
    for index, state in enumerate(points):
        expected = model(state, 3.0, shift=1.0)
        assert jax.tree.structure(result[index]) == jax.tree.structure(expected)
        jax.tree.map(
            lambda one, two: np.testing.assert_allclose(one, two, rtol=1e-5), result[index], expected
        )
    assert result.names == ("deep[0]", "deep[1].x", "total")
    assert result["deep[0]"].shape == (points.N, 3)
    np.testing.assert_allclose(result["total"], [float(one["total"]) for one in result], rtol=1e-6)


@pytest.mark.parametrize("make", ALL)
def test_indexing(make: Execution) -> None:
    result = make(model, space()).run()
    assert float(result[-1]["total"]) == float(result[11]["total"])
    assert float(result[np.int64(3)]["total"]) == float(result[3]["total"])
    assert [float(one["total"]) for one in result[2:8:3]] == [float(result[i]["total"]) for i in (2, 5)]
    assert result[5:5] == []
    for wrong in (12, -13):
        with pytest.raises(IndexError, match=f"Index {wrong} out of range for length 12"):
            result[wrong]
    with pytest.raises(TypeError):
        result[1.5]
    with pytest.raises(NodeNotFoundError, match=r"'totl'.*Did you mean 'total'"):
        result["totl"]


def test_indexing_takes_microseconds() -> None:
    result = ParallelExecution(
        lambda state: {"x": state["a"], "y": state["a"] + 1}, space(n=100), n_vmap=64
    ).run()
    times = []
    for _ in range(20):
        began = time.perf_counter()
        for index in range(300):
            result[index]
        times.append((time.perf_counter() - began) / 300)
    assert min(times) < 10e-6


class Pair(NamedTuple):
    """What a model may give."""

    mean: Any
    rest: Any


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize(
    ("give", "names"),
    [
        (lambda x: x, ("value",)),
        (lambda x: (x, x + 1), ("[0]", "[1]")),
        (lambda x: Pair(x, {"y": x}), ("mean", "rest.y")),
        (
            lambda x: {"x": x, "none": None, "text": "text", "list": [1, x]},
            ("list[0]", "list[1]", "text", "x"),
        ),
    ],
)
def test_any_pytree_can_be_given(make: Execution, give: Any, names: tuple[str, ...]) -> None:
    result = make(lambda state: give(state["a"]), Space({"a": GridAxis(0.0, 1.0, 4)})).run()
    assert result.names == names
    assert jax.tree.structure(result[1]) == jax.tree.structure(give(0.5))
    assert len(result.to_dataframe()) == 4
    if "text" in names:
        assert result[2]["text"] == "text"
        assert result[2]["none"] is None
        assert list(result["text"]) == ["text"] * 4


def test_tables_have_axes_then_quantities() -> None:
    table = ParallelExecution(model, space(), n_vmap=4).run().to_dataframe()
    assert list(table.columns) == ["a", "b.c", "deep[0]", "deep[1].x", "total"]
    assert table["total"].dtype == np.float32
    np.testing.assert_allclose(table["total"], table["a"] + 2 * table["b.c"], rtol=1e-6)
    assert table["deep[0]"][4].tolist() == [0.0, 0.5, 1.0]


def test_names_that_clash_are_all_kept() -> None:
    points = Space({"x": GridAxis(0.0, 1.0, 3), "result.x": GridAxis(5.0, 6.0, 3)})
    table = ParallelExecution(lambda state: {"x": state["x"] + 1}, points).run().to_dataframe()
    assert list(table.columns) == ["result.x", "x", "result.result.x"]
    assert list(table["result.result.x"]) == [1.0, 1.5, 2.0]


@pytest.mark.parametrize("make", ALL)
def test_arrays_with_named_dimensions(make: Execution) -> None:
    points = Space(
        {
            "g": GridAxis(0.0, 1.0, 2, group="pair"),
            "h": GridAxis(2.0, 3.0, 2, group="pair"),
            "k": GridAxis(5.0, 7.0, 3),
        },
        mode="product",
    )
    data = (
        make(lambda state: {"s": state["g"] + state["k"], "v": jnp.ones(4) * state["h"]}, points)
        .run()
        .to_xarray()
    )
    assert data["s"].dims == ("pair", "k")
    assert data["v"].dims == ("pair", "k", "v_0")
    assert float(data["s"].sel(k=6.0).isel(pair=1)) == 7.0
    assert data.coords["h"].dims == ("pair",)
    zipped = make(lambda state: state["a"], space("zip", 3)).run().to_xarray()
    assert zipped["value"].dims == ("point",)
    assert zipped.coords["b.c"].dims == ("point",)


def test_arrays_and_keys_as_axes() -> None:
    points = Space(
        {
            "m": DataAxis(np.arange(8.0).reshape(2, 4)),
            "k": DataAxis(jax.random.split(jax.random.key(0), 3)),
            "seed": SeedAxis(2),
        },
        mode="product",
    )

    def draw(state: Any) -> Any:
        return jnp.sum(state["m"]) + jax.random.normal(state["k"])

    batched, alone = ParallelExecution(draw, points, n_vmap=4).run(), SequentialExecution(draw, points).run()
    np.testing.assert_allclose(batched["value"], alone["value"], rtol=1e-5)
    assert len(batched.to_dataframe()) == 12
    assert batched.to_xarray()["value"].shape == (3, 2, 2)


def test_own_keys_are_no_dimension() -> None:
    points = Space(
        {"key": PointKeyAxis(), "x": GridAxis(0.0, 1.0, 3), "y": GridAxis(0.0, 1.0, 2)}, mode="product"
    )
    data = ParallelExecution(lambda state: state["x"] + state["y"], points, n_vmap=4).run().to_xarray()
    assert data["value"].dims == ("x", "y")
    assert data.coords["key_values"].values.tolist() == [[0, 1], [2, 3], [4, 5]]
    one = Space({"key": PointKeyAxis(), "x": GridAxis(0.0, 1.0, 3)}, mode="product")
    assert SequentialExecution(lambda state: state["x"], one).run().to_xarray()["value"].dims == ("x",)


def test_axes_of_one_value_are_dimensions_of_their_own() -> None:
    points = Space({"x": DataAxis([1.0]), "y": DataAxis([2.0]), "z": GridAxis(0.0, 1.0, 3)}, mode="product")
    data = SequentialExecution(lambda state: state["x"] + state["z"], points).run().to_xarray()
    assert data["value"].dims == ("x", "y", "z")
    assert data["value"].sel(y=2.0, z=1.0).item() == 2.0


def test_a_group_called_like_another_axis_is_named_by_its_first() -> None:
    points = Space(
        {
            "a": DataAxis([1.0, 2.0], group="c"),
            "b": DataAxis([1.0, 2.0], group="c"),
            "c": GridAxis(0.0, 1.0, 3),
        },
        mode="product",
    )
    data = SequentialExecution(lambda state: state["a"] * state["c"], points).run().to_xarray()
    assert data["value"].dims == ("a", "c")
    assert data["value"].sel(a=2.0, c=1.0).item() == 2.0


def test_a_space_with_own_keys_serves_several_executions() -> None:
    def draw(state: Any) -> Any:
        return jax.random.normal(state["key"]) + state["x"]

    def points(seed: int) -> Space:
        return Space({"x": DataAxis(np.zeros(5)), "key": PointKeyAxis()}, key=jax.random.key(seed))

    one, other = points(0), points(1)
    # the first trace must leave nothing of its own in the space
    first, second = (ParallelExecution(draw, one, n_vmap=n).run()["value"] for n in (2, 3))
    alone = SequentialExecution(draw, one).run()["value"]
    np.testing.assert_allclose(first, second, rtol=1e-6)
    np.testing.assert_allclose(first, alone, rtol=1e-6)
    assert not np.isin(ParallelExecution(draw, other, n_vmap=2).run()["value"], first).any()


def test_results_by_device() -> None:
    result = ParallelExecution(
        lambda state: state["a"], Space({"a": DataAxis(np.arange(5.0))}), n_vmap=2, n_pmap=2
    ).run()
    assert isinstance(result, ParallelResult)
    assert (result.n_vmap, result.n_pmap, result.N) == (2, 2, 5)
    assert result.results.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 4.0]]
    sequential = SequentialExecution(lambda state: state["a"], result.space).run()
    assert isinstance(sequential, SequentialResult)
    assert [float(one) for one in sequential.results] == [0.0, 1.0, 2.0, 3.0, 4.0]


@settings(max_examples=8)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    mode=st.sampled_from(["zip", "product"]),
    n_vmap=st.integers(1, 7),
)
def test_all_ways_agree(sizes: list[int], mode: str, n_vmap: int) -> None:
    least = min(sizes) if mode == "zip" else 0
    state = {f"x{i}": UniformAxis(0.0, 1.0, least or size) for i, size in enumerate(sizes)}
    points = Space(state, mode=mode, key=jax.random.key(1))

    def weighted(state: Any) -> Any:
        return sum((i + 1) * state[f"x{i}"] for i in range(len(sizes)))

    alone = SequentialExecution(weighted, points).run()
    batched = ParallelExecution(weighted, points, n_vmap=n_vmap).run()
    np.testing.assert_allclose(batched["value"], alone["value"], rtol=1e-5)
    np.testing.assert_allclose([float(one) for one in batched], alone["value"], rtol=1e-5)
    columns = points.to_dataframe()
    np.testing.assert_allclose(
        batched["value"], sum((i + 1) * columns[f"x{i}"] for i in range(len(sizes))), rtol=1e-5
    )


# -- Python in the model ------------------------------------------------------------------------------
def test_without_jit_the_model_is_python() -> None:
    calls = []

    def plain(state: Any) -> Any:
        calls.append(1)
        return f"{state['name']} {float(state['a']):.1f}" if state["a"] > 0 else None

    result = SequentialExecution(plain, Space({"a": GridAxis(0.0, 1.0, 3), "name": "x"})).run()
    assert list(result) == [None, "x 0.5", "x 1.0"]
    assert len(calls) == 3
    assert list(result["value"]) == [None, "x 0.5", "x 1.0"]


def test_what_cannot_be_traced_is_refused_with_its_line() -> None:
    def branch(state: Any) -> Any:
        return 1 if state["a"] > 0 else 2

    with pytest.raises(TracingError, match=r'return 1 if state\["a"\] > 0'):
        ParallelExecution(branch, space()).run()


def test_texts_as_axes_are_for_sequential_runs() -> None:
    points = Space({"a": DataAxis(["x", "y"])})
    assert list(SequentialExecution(lambda state: str(state["a"]) * 2, points).run()) == ["xx", "yy"]
    with pytest.raises(TypeError, match=r"The axis 'a' has values of type.*SequentialExecution"):
        ParallelExecution(lambda state: 1, points).run()


def test_numbers_are_checked_when_it_is_made() -> None:
    with pytest.raises(ValueError, match="n_vmap=0"):
        ParallelExecution(model, space(), n_vmap=0)
    with pytest.raises(DeviceError, match="n_pmap=99"):
        ParallelExecution(model, space(), n_pmap=99)
    with pytest.raises(TypeError, match="function of a state"):
        SequentialExecution(3, space())  # type: ignore[arg-type]


# -- failures -------------------------------------------------------------------------------------------
def fail_at_two(state: Any) -> Any:
    def check(value: Any) -> Any:
        if value == 2:
            raise ValueError("two")
        return np.asarray(value)

    return {
        "x": jax.pure_callback(
            check, jax.ShapeDtypeStruct((), jnp.float32), state["a"], vmap_method="sequential"
        )
    }


@pytest.mark.parametrize("make", ALL[:3])
def test_a_point_that_fails_does_not_lose_the_others(make: Execution, caplog: Any) -> None:
    with pytest.warns(UserWarning, match=r"failed at 1 of 5 points, first at point 2.*two"):
        result = make(fail_at_two, Space({"a": DataAxis(np.arange(5.0))})).run()
    assert list(result.failures) == [2]
    assert float(result[3]["x"]) == 3.0
    with pytest.raises(RunFailedError, match=r"point 2(.|\n)*two"):
        result[2]
    assert np.isnan(result["x"][2])
    assert np.nansum(result["x"]) == 8.0


@pytest.mark.parametrize("make", ALL[:3])
def test_if_all_fail_the_first_error_is_raised(make: Execution, caplog: Any) -> None:
    with pytest.raises((ValueError, RuntimeError), match="two"):
        make(fail_at_two, Space({"a": DataAxis(np.full(3, 2.0))})).run()


# -- stores -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("make", ALL[:3])
def test_a_store_keeps_what_memory_would(make: Execution, tmp_path: pathlib.Path) -> None:
    kept = make(model, space()).run(store=tmp_path / "a.hdf5", report_progress=False)
    memory = make(model, space()).run()
    assert isinstance(kept, StoredResult)
    np.testing.assert_allclose(kept["total"], memory["total"], rtol=1e-6)
    assert float(kept[5]["total"]) == pytest.approx(float(memory[5]["total"]))
    assert len(kept.to_dataframe()) == 12
    assert kept.to_xarray()["total"].dims == ("a", "b.c")
    traj = load_trajectory("model", filename=tmp_path / "a.hdf5")
    np.testing.assert_allclose(np.asarray(traj.f_collect("total")), memory["total"], rtol=1e-6)


def test_what_is_stored_is_not_computed_again(tmp_path: pathlib.Path) -> None:
    calls = []

    def slow(state: Any) -> Any:
        calls.append(1)
        return state["a"]

    points = Space({"a": GridAxis(0.0, 1.0, 4)})
    SequentialExecution(slow, points).run(tmp_path / "a.hdf5", report_progress=False)
    again = SequentialExecution(slow, points).run(tmp_path / "a.hdf5", report_progress=False)
    assert len(calls) == 4
    assert float(again[3]) == 1.0


def _double(state: Any) -> Any:
    return {"z": state["a"] * 2.0, "v": jnp.ones(2) * state["a"]}


@pytest.mark.parametrize("make", [SequentialExecution, parallel])
def test_points_keep_their_values_whatever_the_order_in_the_file(
    make: Execution, tmp_path: pathlib.Path
) -> None:
    store = tmp_path / "a.hdf5"

    def check(points: Space) -> None:
        result = make(_double, points).run(store, report_progress=False)
        asked = points.to_dataframe()["a"].to_numpy()
        np.testing.assert_allclose(result["z"], 2 * asked)
        np.testing.assert_allclose(result["v"][:, 1], asked)
        np.testing.assert_allclose([one["z"] for one in result], 2 * asked)
        table = result.to_dataframe()
        np.testing.assert_allclose(table["z"], 2 * table["a"])
        cube = result.to_xarray()
        np.testing.assert_allclose(cube["z"], 2 * cube["a"])

    grids = [Space({"a": GridAxis(0.0, 1.0, n), "b": 1.0}) for n in (3, 5, 9)]
    for points in (*grids[:2], grids[1][::-1], grids[0], grids[2], grids[2][[7, 1]], grids[2][4:6]):
        check(points)


def test_failures_are_told_by_point_whatever_the_order_in_the_file(
    tmp_path: pathlib.Path, caplog: Any
) -> None:
    def picky(state: Any) -> Any:
        if float(state["a"]) == 0.25:
            raise ValueError("not this one")
        return state["a"]

    def run(points: Space) -> Result:
        return SequentialExecution(picky, points).run(tmp_path / "a.hdf5", report_progress=False)

    run(Space({"a": GridAxis(0.0, 1.0, 3)}))
    with pytest.warns(UserWarning, match="1 of 5 points, first at point 1"):
        result = run(Space({"a": GridAxis(0.0, 1.0, 5)}))
    assert list(result.failures) == [1]
    np.testing.assert_array_equal(result["value"], [0.0, np.nan, 0.5, 0.75, 1.0])
    with pytest.raises(RunFailedError, match="not this one"):
        result[1]


def test_a_loaded_trajectory_is_gone_on_with(tmp_path: pathlib.Path) -> None:
    def scaled(state: Any) -> Any:
        assert state["name"] == "text"
        return state["a"] * state["factors"][1]

    def points(n: int) -> Space:
        return Space({"a": GridAxis(0.0, 1.0, n), "factors": (1.0, 3.0), "name": "text"})

    env = Environment(
        "mine", filename=tmp_path / "a.hdf5", runner="jax", report_progress=False, log_config=None
    )
    env.traj.f_explore(points(3))
    env.run(takes_state(scaled))
    loaded = load_trajectory("mine", filename=tmp_path / "a.hdf5")
    result = ParallelExecution(scaled, points(5), n_vmap=2).run(loaded, report_progress=False)
    assert result["value"].tolist() == [0.0, 0.75, 1.5, 2.25, 3.0]
    assert isinstance(result, StoredResult)
    assert result.trajectory.f_run_table()["session"].tolist() == [1, 1, 1, 2, 2]


def test_a_trajectory_that_explores_other_points_is_refused() -> None:
    trajectory = Trajectory("other", filename=":memory:")
    trajectory.f_explore(Space({"a": GridAxis(0.0, 1.0, 3)}))
    other = Space({"a": GridAxis(5.0, 6.0, 3)})
    with pytest.raises(PlanMismatchError, match="point"):
        SequentialExecution(_double, other).run(trajectory, report_progress=False)


@pytest.mark.parametrize("make", [SequentialExecution, jitted, parallel])
def test_a_model_that_changed_says_what_becomes_of_its_points(
    make: Execution, tmp_path: pathlib.Path
) -> None:
    def model_of(factor: int) -> Any:
        scope: dict[str, Any] = {}
        exec(f"def model(state): return state['x'] * {factor}", scope)
        return scope["model"]

    points, store = Space({"x": DataAxis([1.0, 2.0])}), tmp_path / "a.hdf5"
    make(model_of(1), points).run(store, report_progress=False)
    with pytest.raises(CodeChangedError, match="on_change="):
        make(model_of(2), points).run(store, report_progress=False)
    kept = make(model_of(2), points).run(store, report_progress=False, on_change="keep")
    assert kept["value"].tolist() == [1.0, 2.0]
    again = make(model_of(3), points).run(store, report_progress=False, on_change="rerun")
    assert again["value"].tolist() == [3.0, 6.0]


def test_keys_that_a_model_gives_are_words_in_tables() -> None:
    points = Space({"key": SeedAxis(3)})
    found = [make(lambda state: state["key"], points).run() for make in (SequentialExecution, parallel)]
    for result in found:
        assert result["value"].tolist() == points.gather()[0].tolist()
        assert len(result.to_dataframe()) == result.to_xarray().sizes["point"] == 3


def test_a_trajectory_as_store() -> None:
    traj = Trajectory("own", add_time=False, filename=":memory:")
    result = ParallelExecution(model, space(), n_vmap="auto").run(traj, report_progress=False)
    assert isinstance(result, StoredResult)
    assert result.trajectory is traj
    assert len(traj) == 12
    assert float(result["total"][-1]) == 5.0
