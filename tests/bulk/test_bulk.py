"""Do columns and tables say what the single runs say, on any storage and for results in memory?"""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from pypet_ng import (
    DesignError,
    Environment,
    NodeNotFoundError,
    NotUniqueNodeError,
    Parameter,
    Result,
    Trajectory,
    cartesian_product,
)

N = 6
RAGGED = [np.arange(i) for i in range(N)]


def work(traj: Any) -> None:
    i = traj.v_idx
    traj.f_add_result("z", float(i) / 2, comment="half of it")
    traj.f_add_result("count", i)
    traj.f_add_result("mixed", i if i % 2 else i / 4)
    traj.f_add_result("sub.z2", 10 * i)
    traj.f_add_result("pair", a=i, b=str(i) * (i + 1))
    traj.f_add_result("text", "ä" * i)
    traj.f_add_result("vector", np.arange(3.0) + i)
    traj.f_add_result("ragged", RAGGED[i])
    traj.f_add_result("flag", i > 2)
    if i % 2:
        traj.f_add_result("odd", i)
        traj.f_add_result("odd_float", float(i))
        traj.f_add_result("odd_text", str(i))
        traj.f_add_result("odd_flag", True)
        traj.f_add_result("odd_vector", np.arange(2) + i)
    traj.f_add_result("maybe", None if i == 0 else float(i))
    traj.f_add_derived_parameter("dp", 100 + i)


def design(traj: Any) -> None:
    traj.f_add_parameter("x", 0, comment="the first")
    traj.f_add_parameter("group.y", 0.0)
    traj.f_add_parameter("fixed", "same")
    product = cartesian_product({"x": [1, 2], "y": [0.5, 1.5, 2.5]})
    traj.f_explore(product)


WAYS = ["stored", "loaded", "kept", "memory"]


@pytest.fixture(params=WAYS)
def traj(request: pytest.FixtureRequest, place: Any) -> Any:
    """A trajectory whose runs are stored, loaded, stored and in memory, or in memory only."""
    way = request.param
    options = {"kept": {"clean_up_runs": False}, "memory": {"automatic_storing": False}}.get(way, {})
    env = place.env(**options)
    design(env.traj)
    env.run(work)
    return place.load() if way == "loaded" else env.traj


@pytest.fixture
def plain(place: Any) -> Any:
    env = place.env()
    design(env.traj)
    env.run(work)
    return env.traj


# -- f_collect --------------------------------------------------------------------------------
def test_numbers_promote_and_single_values_keep_their_type(traj):
    column = traj.f_collect("mixed")
    assert len(column) == N
    assert column.dtype == np.float64
    np.testing.assert_array_equal(column[:], [0.0, 1, 0.5, 3, 1.0, 5])
    assert [type(value) for value in column.values()] == [float, int] * 3
    assert type(column[1]) is int
    assert list(column) == column.values()
    assert not column.mask.any()


def test_slices_lists_masks_and_integers_choose_runs(traj):
    column = traj.f_collect("z")
    np.testing.assert_array_equal(column[1:5:2], [0.5, 1.5])
    np.testing.assert_array_equal(column[[4, -1, 0, 0]], [2.0, 2.5, 0, 0])
    np.testing.assert_array_equal(column[np.arange(N) > 3], [2.0, 2.5])
    np.testing.assert_array_equal(column[::-1], column.to_numpy()[::-1])
    assert column[-1] == 2.5
    assert column[[]].shape == (0,)
    for wrong in (N, -N - 1):
        with pytest.raises(IndexError, match="6"):
            column[wrong]
    with pytest.raises(IndexError, match="mask of shape"):
        column[[True]]
    with pytest.raises(IndexError, match="float64"):
        column[[0.5]]


@pytest.mark.parametrize(
    "runs",
    [
        slice(1, None, 2),
        [1, 3, 5],
        np.array([1, 3, 5]),
        range(1, 6, 2),
        [False, True] * 3,
        ["run_00000001", "run_00000003", "r_5"],
    ],
)
def test_runs_are_given_as_indices_slice_names_or_mask(traj, runs):
    column = traj.f_collect("count", runs)
    assert column.values() == [1, 3, 5]
    assert column.rows.tolist() == [1, 3, 5]
    assert column[-1] == 5
    assert column[1:].tolist() == [3, 5]
    assert traj.f_to_dataframe(runs=runs).index.tolist() == [1, 3, 5]
    assert traj.f_run_table(runs=runs).index.tolist() == [1, 3, 5]


@pytest.mark.parametrize(
    ("runs", "error"),
    [([N], IndexError), ("run_00000099", KeyError), ([0.5], TypeError), ([True], IndexError)],
)
def test_runs_that_are_not_there_are_errors(plain, runs, error):
    with pytest.raises(error):
        plain.f_collect("z", runs)


def test_gaps_are_masked(traj):
    column = traj.f_collect("odd")
    array = column.to_numpy()
    assert isinstance(array, np.ma.MaskedArray)
    assert array.dtype.kind == "i"
    assert array.tolist() == [None, 1, None, 3, None, 5]
    assert column.mask.tolist() == [True, False] * 3
    assert column[0] is np.ma.masked
    assert column.values()[2] is np.ma.masked
    assert column.example() == 1
    np.testing.assert_array_equal(np.asarray(column), [np.nan, 1, np.nan, 3, np.nan, 5])
    assert np.isnan(traj.f_collect("odd_float").to_numpy().filled()[0])
    vectors = traj.f_collect("odd_vector").to_numpy()
    assert vectors.shape == (N, 2)
    assert vectors.mask.tolist() == [[True] * 2, [False] * 2] * 3
    texts = traj.f_collect("odd_text").to_numpy()
    assert texts.dtype == object
    assert texts.tolist() == [None, "1", None, "3", None, "5"]
    # where nothing is missing among the chosen runs, nothing is masked
    assert not isinstance(traj.f_collect("odd", slice(1, None, 2)).to_numpy(), np.ma.MaskedArray)


def test_text_is_numpy_text_and_ragged_or_mixed_values_are_objects(traj):
    text = traj.f_collect("text")
    assert text.dtype == np.dtypes.StringDType()
    assert text[:].tolist() == ["ä" * i for i in range(N)]
    ragged = traj.f_collect("ragged")
    assert ragged.dtype == object
    for mine, theirs in zip(ragged[:], RAGGED, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert traj.f_collect("maybe")[:].tolist() == [None, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert traj.f_collect("vector")[1:].shape == (N - 1, 3)
    assert traj.f_collect("flag").dtype == bool


@pytest.mark.parametrize(
    "name",
    [
        "sub.z2",
        "z2",
        "results.z2",
        "res.z2",
        "results.runs.$.sub.z2",
        "runs.crun.sub.z2",
        "results.runs.run_00000003.sub.z2",
        "crun.z2",
        "z2.z2",
    ],
)
def test_names_are_found_as_natural_naming_finds_them(traj, name):
    assert traj.f_collect(name).values() == [10 * i for i in range(N)]


def test_items_are_named_after_their_result(traj):
    assert traj.f_collect("pair.a").values() == list(range(N))
    assert traj.f_collect("pair.b")[2] == "222"
    with pytest.raises(NotUniqueNodeError, match=r"pair\.a.*pair\.b"):
        traj.f_collect("pair")


def test_a_result_called_as_an_abbreviation_is_found(place):
    env = place.env()
    env.run(lambda traj: traj.f_add_result("res", item=7))
    assert env.traj.f_collect("res.item").values() == [7]
    assert env.traj.f_collect("res").values() == [7]


def test_lower_depth_wins_and_equal_depth_is_an_error_naming_both(place):
    def deep(traj: Any) -> None:
        traj.f_add_result("q", 1)
        traj.f_add_result("a.q", 2)
        traj.f_add_result("a.p", 3)
        traj.f_add_result("b.p", 4)

    env = place.env()
    env.run(deep)
    assert env.traj.f_collect("q").values() == [1]
    assert env.traj.f_collect("a.q").values() == [2]
    with pytest.raises(NotUniqueNodeError, match=r"results\.a\.p.*results\.b\.p"):
        env.traj.f_collect("p")
    assert env.traj.f_collect("b.p").values() == [4]
    assert list(env.traj.f_to_dataframe().columns) == ["results.q", "a.q", "a.p", "b.p"]


def test_an_unknown_name_tells_what_is_near(traj):
    with pytest.raises(NodeNotFoundError, match="Did you mean 'vector'"):
        traj.f_collect("vectr")
    with pytest.raises(NodeNotFoundError):
        traj.f_collect("crun")


def test_parameters_are_columns_too(traj):
    x = traj.f_collect("x")
    assert x.values() == [1, 1, 1, 2, 2, 2]
    assert type(x[0]) is int
    assert x.comment == "the first"
    assert traj.f_collect("group.y")[:2].tolist() == [0.5, 1.5]
    assert traj.f_collect("parameters.fixed").values() == ["same"] * N
    assert traj.f_collect("dp").values() == [100 + i for i in range(N)]


def test_collecting_changes_and_builds_nothing(plain, place):
    for traj in (plain, place.load()):
        before = len(list(traj._node.tree.walk(traj._node)))
        traj.f_collect("z").to_numpy()
        traj.f_to_dataframe()
        traj._repr_html_()
        assert len(list(traj._node.tree.walk(traj._node))) == before
        assert traj.v_idx == -1


def test_what_is_handed_out_can_be_changed_without_harm(plain):
    for name in ("z", "x", "fixed"):
        array = plain.f_collect(name)[:]
        expected = array.tolist()
        array[0] = array[1]
        assert plain.f_collect(name)[:].tolist() == expected
    table = plain.f_to_dataframe()
    table.loc[0, "x"] = 77
    assert plain.f_collect("x")[0] == 1


def test_results_not_yet_stored_are_added_to_stored_ones(place):
    env = place.env()
    design(env.traj)
    env.run(work)
    env.traj.f_expand({"x": [9], "y": [9.5]})
    column = env.traj.f_collect("z")
    assert len(column) == N + 1
    assert column.mask.tolist() == [False] * N + [True]
    env.traj.f_add_result("runs.run_00000006.z", 3)
    assert env.traj.f_collect("z").values() == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3]
    assert env.traj.f_collect("z").dtype == np.float64
    assert len(column) == N + 1  # of before: as it was


def test_a_stored_result_cannot_be_changed_in_memory_only(place):
    env = place.env(clean_up_runs=False)
    design(env.traj)
    env.run(work)
    env.traj.f_get("results.runs.run_00000000.count").f_set(more=1)
    assert env.traj.f_collect("count.count").values() == list(range(N))
    assert env.traj.f_collect("count.more").mask.tolist() == [False] + [True] * (N - 1)


def test_a_column_shows_some_values(traj):
    assert repr(traj.f_collect("count")).endswith("of 6 runs: 0, 1, 2, 3, 4, 5>")
    assert "--" in repr(traj.f_collect("odd"))
    shown = traj.f_collect("odd_text")._repr_html_()
    assert "<details" in shown
    assert "3 without a value" in shown


# -- f_to_dataframe ---------------------------------------------------------------------------
def test_a_table_has_explored_parameters_first_then_scalar_results(traj):
    table = traj.f_to_dataframe()
    assert table.index.name == "run"
    assert table.index.tolist() == list(range(N))
    assert list(table.columns[:2]) == ["x", "y"]
    assert set(table.columns[2:]) == {
        "z", "count", "mixed", "z2", "pair.a", "pair.b", "text", "flag", "maybe",
        "odd", "odd_float", "odd_text", "odd_flag",
    }  # fmt: skip
    kinds = table.dtypes.astype(str).to_dict()
    assert kinds["x"] == "int64"
    assert kinds["z"] == "float64"
    assert kinds["flag"] == "bool"
    assert kinds["odd"] == "Int64"
    assert kinds["odd_float"] == "Float64"
    assert kinds["odd_flag"] == "boolean"
    assert kinds["odd_text"] == "string"
    assert kinds["maybe"] == "Float64"
    assert table["odd"].isna().tolist() == [True, False] * 3
    assert table["pair.b"].tolist() == [str(i) * (i + 1) for i in range(N)]
    assert table.groupby("x")["z"].sum().tolist() == [1.5, 6.0]


def test_a_table_holds_what_is_named(traj):
    table = traj.f_to_dataframe(results=["vector", "sub.z2"], parameters=False, derived_parameters="dp")
    assert list(table.columns) == ["dp", "vector", "sub.z2"]
    np.testing.assert_array_equal(table["vector"][2], np.arange(3.0) + 2)
    everything = traj.f_to_dataframe(parameters=True, derived_parameters=True, results=False)
    assert set(everything.columns) == {"x", "y", "fixed", "dp"}
    assert everything["fixed"].tolist() == ["same"] * N
    assert traj.f_to_dataframe(results="odd_vector", parameters=[])["odd_vector"][0] is None
    assert len(traj.f_to_dataframe(results=False, parameters=False)) == N


def test_a_table_can_have_facts_on_the_runs(traj):
    table = traj.f_to_dataframe(results="z", run_information=True)
    assert list(table.columns[:4]) == ["x", "y", "z", "state"]
    table = traj.f_to_dataframe(results="z", run_information=["state"], runs=[1, 2])
    assert table["state"].tolist() == ["done", "done"]
    assert list(table.columns) == ["x", "y", "z", "state"]


def test_names_shared_by_a_parameter_and_a_result_are_told_apart(place):
    env = place.env()
    env.traj.f_add_parameter("x", 1)
    env.traj.f_explore({"x": [1, 2]})
    env.run(lambda traj: traj.f_add_result("x", traj.parameters.x * 2))
    assert env.traj.f_to_dataframe().columns.tolist() == ["parameters.x", "results.x"]
    assert env.traj.f_collect("x").values() == [2, 4]
    assert env.traj.f_collect("parameters.x").values() == [1, 2]
    cube = env.traj.f_to_xarray("results.x")
    assert cube.sel(x=2) == 4


def test_nan_is_data_and_a_gap_is_not(place):
    def some(traj: Any) -> None:
        if traj.v_idx:
            traj.f_add_result("z", float("nan") if traj.v_idx == 1 else 2.0)

    env = place.env()
    env.traj.f_add_parameter("x", 1)
    env.traj.f_explore({"x": [1, 2, 3]})
    env.run(some)
    column = env.traj.f_collect("z")
    assert column.mask.tolist() == [True, False, False]
    assert np.isnan(column[1])
    assert env.traj.f_to_dataframe()["z"].array._mask.tolist() == [True, False, False]


def test_values_without_a_numpy_type_stay_as_they_are(place):
    moments = [pd.Timestamp("2020-01-01"), pd.Timestamp("2021-01-01")]

    def some(traj: Any) -> None:
        i = traj.v_idx
        traj.f_add_result("big", 2**80 + i)
        traj.f_add_result("moment", moments[i])
        traj.f_add_result("day", np.datetime64("2020-01-01") + np.timedelta64(i, "D"))
        traj.f_add_result("listed", [i, "a"])
        traj.f_add_result("either", [1.0, "text"][i])
        traj.f_add_result("wave", 1j * i)
        traj.f_add_result("half", np.float16(i))

    env = place.env()
    env.traj.f_add_parameter("x", 1)
    env.traj.f_explore({"x": [1, 2]})
    env.run(some)
    traj = env.traj
    assert traj.f_collect("big")[:].tolist() == [2**80, 2**80 + 1]
    assert traj.f_collect("listed")[:].tolist() == [[0, "a"], [1, "a"]]
    assert traj.f_collect("either")[:].tolist() == [1.0, "text"]
    assert traj.f_collect("day").dtype.kind == "M"
    table = traj.f_to_dataframe()
    assert table["moment"].dtype.kind == "M"
    assert table["day"].dtype.kind == "M"
    assert table["wave"].dtype.kind == "c"
    assert "listed" not in table.columns
    assert table["big"].tolist() == [2**80, 2**80 + 1]


# -- f_to_xarray ------------------------------------------------------------------------------
def test_a_product_gives_dimensions_named_after_the_parameters(traj):
    cube = traj.f_to_xarray("z")
    assert isinstance(cube, xr.DataArray)
    assert cube.dims == ("x", "y")
    assert cube.name == "z"
    assert cube.attrs["comment"] == "half of it"
    assert cube.attrs["trajectory"] == "traj"
    assert cube.coords["x"].attrs["comment"] == "the first"
    assert cube.sel(x=2, y=1.5) == 2.0
    np.testing.assert_array_equal(cube.values, np.arange(N).reshape(2, 3) / 2)


def test_array_results_get_further_dimensions(traj):
    cube = traj.f_to_xarray("vector")
    assert cube.dims == ("x", "y", "vector_0")
    assert cube.shape == (2, 3, 3)
    np.testing.assert_array_equal(cube.sel(x=2, y=0.5).values, [3, 4, 5])


def test_several_names_give_a_dataset(traj):
    data = traj.f_to_xarray(["z", "pair.b", "odd", "ragged"])
    assert isinstance(data, xr.Dataset)
    assert set(data) == {"z", "pair.b", "odd", "ragged"}
    assert np.isnan(data["odd"].values[0, 0])
    assert data["odd"].values[0, 1] == 1.0
    assert data["pair.b"].sel(x=2, y=2.5) == "555555"
    assert data["ragged"].values[0, 2].tolist() == [0, 1]
    assert "z" in traj.f_to_xarray()


def test_runs_are_the_dimension_of_other_designs(place):
    env = place.env()
    env.traj.f_add_parameter("x", 0)
    env.traj.f_add_parameter("word", "")
    env.traj.f_explore({"x": [1, 2, 3], "word": ["a", "b", "a"]})
    env.run(lambda traj: traj.f_add_result("z", traj.x * 2))
    cube = env.traj.f_to_xarray("z")
    assert cube.dims == ("run",)
    assert cube.coords["x"].dims == ("run",)
    assert cube.coords["word"].values.tolist() == ["a", "b", "a"]
    grid = env.traj.f_to_xarray("z", dims=["word", "x"])
    assert grid.dims == ("word", "x")
    np.testing.assert_array_equal(grid.values, [[2, np.nan, 6], [np.nan, 4, np.nan]])
    line = env.traj.f_to_xarray("z", dims="x")
    assert line.dims == ("x",)
    assert line.coords["word"].dims == ("x",)
    with pytest.raises(DesignError, match="runs 0 and 2"):
        env.traj.f_to_xarray("z", dims=["word"])
    with pytest.raises(NodeNotFoundError, match="explored are: x, word"):
        env.traj.f_to_xarray("z", dims=["y"])


def test_dims_run_asks_for_the_plain_list(plain):
    cube = plain.f_to_xarray("z", dims=["run"])
    assert cube.dims == ("run",)
    assert cube.coords["y"].values.tolist() == [0.5, 1.5, 2.5] * 2


def test_a_product_completed_by_f_expand_is_a_product(place):
    env = place.env()
    env.traj.f_add_parameter("x", 0)
    env.traj.f_add_parameter("y", 0)
    env.traj.f_explore(cartesian_product({"x": [1, 3], "y": [1, 2]}))
    env.traj.f_expand(cartesian_product({"x": [2], "y": [2, 1]}))
    env.run(lambda traj: traj.f_add_result("z", 10 * traj.x + traj.y))
    for traj in (env.traj, place.load()):
        cube = traj.f_to_xarray("z")
        assert cube.coords["x"].values.tolist() == [1, 2, 3]
        assert cube.values.tolist() == [[11, 12], [21, 22], [31, 32]]
        assert cube.dtype.kind == "i"


def test_a_nothing_explored_trajectory_has_one_run(place):
    env = place.env()
    env.run(lambda traj: traj.f_add_result("z", 1.5))
    assert env.traj.f_to_xarray("z").values.tolist() == [1.5]
    assert env.traj.f_to_dataframe()["z"].tolist() == [1.5]


# -- f_run_table ------------------------------------------------------------------------------
def fail_at_two(traj: Any) -> float:
    if traj.v_idx == 2:
        raise ValueError("two <b>is</b> not allowed")
    traj.f_add_result("z", float("inf") if traj.v_idx == 3 else 1.0)
    return 1.0


@pytest.mark.parametrize("way", ["stored", "loaded", "memory"])
def test_the_run_table_tells_states_times_and_errors(place, way):
    env = place.env(on_error="return", automatic_storing=way != "memory")
    design(env.traj)
    assert env.traj.f_run_table()["state"].tolist() == ["none"] * N
    env.run(fail_at_two)
    traj = place.load() if way == "loaded" else env.traj
    table = traj.f_run_table()
    assert list(table.columns) == [
        "state", "start", "finish", "duration", "attempt", "host", "session", "nonfinite", "error", "message",
    ]  # fmt: skip
    assert table.index.name == "run"
    assert table["state"].dtype == "category"
    assert table["state"].tolist() == ["done", "done", "failed", "done", "done", "done"]
    assert table["start"].dtype.kind == "M"
    now = pd.Timestamp.now("UTC").tz_localize(None)
    assert ((now - table["start"]) < pd.Timedelta("1h")).all()
    assert (table["duration"] >= 0).all()
    assert table["attempt"].tolist() == [1] * N
    assert table["error"][2] == "ValueError"
    assert table["message"][2] == "two <b>is</b> not allowed"
    assert table["error"].isna().sum() == N - 1
    if way != "memory":
        assert table["host"].notna().all()
        assert table["session"].tolist() == [1] * N
        assert table["nonfinite"].tolist() == [False, False, False, True, False, False]
    information = traj.f_get_run_information(2)
    assert "fail_at_two" in information["traceback"]
    assert information["error"] == "ValueError"
    assert "traceback" not in traj.f_get_run_information(1)
    assert traj.f_collect("z").mask.tolist() == [False, False, True, False, False, False]


def test_an_own_parameter_gives_its_own_values(place):
    class Doubled(Parameter):
        """Gives what it was not given."""

    env = place.env()
    env.traj.f_add_parameter(Doubled, "x", 1)
    env.traj.f_explore({"x": [1, 2]})
    env.run(lambda traj: traj.f_add_result(Result, "z", traj.x))
    assert env.traj.f_collect("x").values() == [1, 2]


# -- representations --------------------------------------------------------------------------
def test_notebooks_show_escaped_and_collapsible_trees(traj):
    traj.v_comment = "<script>alert(1)</script>"
    for shown in (traj._repr_html_(), traj.results._repr_html_(), traj.parameters._repr_html_()):
        assert "<details" in shown
        assert "<script>" not in shown
        assert shown.count("<details") == shown.count("</details>")
    assert "&lt;script&gt;" in traj._repr_html_()
    assert "6 runs: 6 done" in traj._repr_html_()
    leaf = traj.f_get("parameters.x")
    assert "the first" in leaf._repr_html_()


def test_showing_a_parameter_locks_nothing():
    traj = Trajectory("shown", add_time=False)
    parameter = traj.f_add_parameter("x", 1, comment="<i>")
    assert "&lt;i&gt;" in parameter._repr_html_()
    assert "<b>x</b>: 1" in traj._repr_html_()
    assert not parameter.v_locked


def test_pages_stay_small_however_much_there_is():
    traj = Trajectory("large", add_time=False, comment="<&>" * 10_000)
    for group in range(60):
        for leaf in range(60):
            traj.f_add_result(f"g{group}.l{leaf}", "<" * 5000, comment="&" * 5000)
    many = traj.f_add_result("many", **{f"item{i}": '"' * 10_000 for i in range(500)})
    for node in (traj, traj.results, many):
        assert len(node._repr_html_()) < 50_000


def test_a_long_sweep_is_shown_without_building_its_runs(place):
    env = place.env()
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": range(3000)})
    env.run(lambda traj: traj.f_add_result("z", traj.x))
    traj = place.load()
    for node in (traj, traj.results, traj.results.runs):
        shown = node._repr_html_()
        assert len(shown) < 50_000
        assert "run_00000000" in shown
    assert len(list(traj._node.tree.walk(traj._node))) < 100
    assert "of 3000 runs" in repr(traj.f_collect("z"))


def test_the_import_stays_light():
    code = "import sys, pypet_ng; print({'pandas', 'xarray', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_tables_can_travel(plain):
    assert pickle.loads(pickle.dumps(plain.f_to_dataframe())).equals(plain.f_to_dataframe())


def test_a_trajectory_without_storage_can_be_collected():
    env = Environment(trajectory="bare", automatic_storing=False)
    env.traj.f_add_parameter("x", 1.0)
    env.traj.f_explore({"x": [1.0, 2.0]})
    env.run(lambda traj: traj.f_add_result("z", traj.x))
    assert env.traj.f_collect("z")[:].tolist() == [1.0, 2.0]
    assert env.traj.f_run_table()["state"].tolist() == ["done", "done"]
