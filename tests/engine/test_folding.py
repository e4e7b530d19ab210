"""Do runs come back exactly as they were, although the storage keeps columns?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pypet_ng import Parameter
from pypet_ng.encoding import same
from pypet_ng.storage.base import NOT_SET
from pypet_ng.tree.runnames import run_name
from tests.engine.places import Place, ScatteredRunner

N = 6
NUMBERS: list[Any] = [0, 0.5, None, np.float32(2.5), float("nan"), 2**80]
TEXTS = ["", "a", "äö" * 20, "b" * 1000, "c" * 70_000, "d"]
ARRAYS: list[Any] = [
    np.arange(3),
    np.arange(4),
    np.arange(4, dtype=np.int16),
    np.zeros((2, 3)),
    np.zeros((2, 0)),
    np.array(["x", "yz"]),
]
FRAMES = [pd.DataFrame({"t": np.arange(i) / 4, "n": ["k"] * i}) for i in range(4)] + [
    pd.DataFrame({"other": [1, 2]}),
    pd.DataFrame({"t": [1.0], "n": [None]}),
]


def expected(i: int) -> dict[str, dict[str, Any]]:
    """Give the leaves of run i, by the name below its own groups."""
    run = f"results.runs.{run_name(i)}"
    leaves: dict[str, dict[str, Any]] = {
        f"derived_parameters.runs.{run_name(i)}.dp": {"data": 10 * i},
        f"{run}.z": {"z": NUMBERS[i]},
        f"{run}.sub.deep.text": {"text": TEXTS[i]},
        f"{run}.array": {"array": ARRAYS[i], "length": i},
        f"{run}.frame": {"frame": FRAMES[i]},
        f"{run}.changing": {"changing": i} if i % 2 else {"changing": i, f"only_{i}": [i, "x"]},
        f"{run}.hollow": {},
        f"results.a.{run_name(i)}.q": {"q": i},
        f"results.run_set_00000.{run_name(i)}.s": {"s": str(i)},
        f"results.a.{run_name(i)}.b.{run_name(i)}.twice": {"twice": i / 2},
    }
    if i == 3:
        leaves[f"{run}.rare"] = {"rare": {"a": [1, (2, 3)]}}
    return leaves


COMMON: dict[str, dict[str, Any]] = {
    # many runs write these: the lowest run's count
    "results.run_ALL.r": {"r": 0},
    "results.runs.extra": {"extra": 0},
    "rootleaf": {"rootleaf": 0},
    "results.late": {"late": 4},
}


def add_all(traj: Any) -> int:
    i: int = traj.v_idx
    traj.f_add_derived_parameter("dp", 10 * i, comment=f"derived in run {i}")
    z = traj.f_add_result("z", NUMBERS[i], comment=f"the comment of run {i}")
    traj.f_add_result("sub.deep.text", TEXTS[i])
    traj.f_add_result("array", ARRAYS[i], length=i)
    traj.f_add_result("frame", FRAMES[i])
    traj.f_add_result("changing", i, **({} if i % 2 else {f"only_{i}": [i, "x"]}))
    traj.f_add_result("hollow")
    traj.f_add_result("a.$.q", i)
    traj.f_add_result("$set.$.s", str(i))
    traj.f_add_result("a.$.b.$.twice", i / 2)
    traj.f_add_result("run_ALL.r", i)
    traj.f_add_leaf("results.runs.extra", i)
    traj.f_add_leaf("rootleaf", i)
    if i >= 4:
        traj.results.f_add_leaf("late", i)
    own = traj.results.runs[traj.v_crun]
    if i == 1:
        z.v_annotations.unit = "mV"
        z.v_annotations.f_set(limits=np.array([0.0, 1.0]))
        own.f_add_link("short", z)
        own.f_add_link("the_x", traj.f_get("parameters.x"))
        own.sub.v_comment = "a group with a comment and leaves"
        own.v_annotations.host = "h"
    if i == 2:
        traj.f_add_result_group("empty_group", comment="nothing in here")
    if i == 3:
        traj.f_add_result("rare", {"a": [1, (2, 3)]})
    return i


def keep(traj: Any) -> None:
    traj.f_add_parameter("x", 0, comment="explored")
    traj.f_add_parameter("group.fixed", "f")
    traj.f_explore({"x": list(range(N))})


def items_of(leaf: Any) -> dict[str, Any]:
    return {"data": leaf.f_get()} if isinstance(leaf, Parameter) else leaf.f_to_dict()


def assert_leaf(leaf: Any, items: dict[str, Any]) -> None:
    found = items_of(leaf)
    assert list(found) == list(items), leaf.v_full_name
    for name, value in items.items():
        assert same(found[name], value), (leaf.v_full_name, name, found[name], value)


ORDERS: dict[str, ScatteredRunner | str] = {
    "serial": "serial",
    "one by one": ScatteredRunner(),
    "batches reversed": ScatteredRunner(batches=lambda batches: batches[::-1]),
    "runs reversed": ScatteredRunner(lambda rows: rows[::-1]),
    "shuffled": ScatteredRunner(
        lambda rows: [3, 0, 5, 1, 4, 2], lambda batches: [batches[k] for k in (5, 1, 2, 0, 4, 3)]
    ),
}


@pytest.fixture(params=list(ORDERS))
def swept(place: Place, request: pytest.FixtureRequest) -> Place:
    """A place with a finished sweep, whose runs ended in some order."""
    env = place.env(runner=ORDERS[request.param])
    keep(env.traj)
    assert env.run(add_all) == [(i, i) for i in range(N)]
    place.check()
    return place


@pytest.mark.parametrize("load_results", [1, 2])
def test_runs_are_read_back_exactly_by_name(swept: Place, load_results: int) -> None:
    traj = swept.load(load_data=load_results)
    traj.v_auto_load = load_results == 1
    for i in range(N):
        for name, items in expected(i).items():
            leaf = traj.f_get(name, auto_load=traj.v_auto_load)
            assert leaf.v_full_name == name
            assert leaf.v_run_branch == run_name(i)
            assert leaf.v_stored
            assert_leaf(leaf, items)
        assert traj.f_get(f"results.runs.{run_name(i)}.z").v_comment == f"the comment of run {i}"
        dp = traj.f_get(f"derived_parameters.runs.{run_name(i)}.dp")
        assert dp.v_comment == f"derived in run {i}"
        assert dp.v_locked
    for name, items in COMMON.items():
        assert_leaf(traj.f_get(name, auto_load=traj.v_auto_load), items)


def test_the_tree_has_the_nodes_that_runs_added_and_no_others(swept: Place) -> None:
    traj = swept.load(load_data=2)
    leaves = {name for i in range(N) for name in expected(i)} | set(COMMON)
    leaves |= {"parameters.x", "parameters.group.fixed"}
    groups = {name[:k] for name in leaves for k, letter in enumerate(name) if letter == "."}
    groups |= {f"results.runs.{run_name(2)}.empty_group"}
    found = {node.v_full_name: node for node in traj.f_iter_nodes(with_links=False)}
    assert {name for name in found if not name.startswith("config")} == leaves | groups
    assert {
        name for name, node in found.items() if node.v_is_leaf and not name.startswith("config")
    } == leaves
    assert {name for name in traj.f_to_dict() if not name.startswith("config")} == leaves
    values = traj.f_to_dict(fast_access=True)
    for i in range(N):
        assert same(values[f"results.runs.{run_name(i)}.z"], NUMBERS[i])
        assert values[f"derived_parameters.runs.{run_name(i)}.dp"] == 10 * i


def test_links_annotations_and_group_comments_stay_with_their_run(swept: Place) -> None:
    for load_results in (1, 2):
        traj = swept.load(load_results=load_results)
        for i in range(N):
            own = traj.results.runs[run_name(i)]
            z = own.f_get("z")
            if i == 1:
                assert z.v_annotations.unit == "mV"
                assert same(z.v_annotations.limits, np.array([0.0, 1.0]))
                assert set(own.f_get_links()) == {"short", "the_x"}
                assert own.f_get("short") is z
                assert own.f_get("the_x") is traj.f_get("parameters.x")
                assert own.sub.v_comment == "a group with a comment and leaves"
                assert own.v_annotations.host == "h"
            else:
                assert len(list(z.v_annotations)) == 0
                assert own.f_get_links() == {}
                assert own.sub.v_comment == ""
                assert len(list(own.v_annotations)) == 0
            assert ("empty_group" in own) == (i == 2)
        assert traj.results.runs.run_00000002.empty_group.v_comment == "nothing in here"


@pytest.mark.parametrize("load_results", [0, 1, 2])
def test_the_current_run_means_its_own_leaves(swept: Place, load_results: int) -> None:
    traj = swept.load(load_results=load_results, load_derived_parameters=load_results)
    traj.v_auto_load = load_results < 2
    for i in range(N):
        traj.v_idx = i
        assert traj.x == i
        assert same(traj.results.runs.crun.z, NUMBERS[i])
        assert same(traj.results.a.crun.q, i)
        assert same(traj.derived_parameters.runs.crun.dp, 10 * i)
        if load_results:
            assert same(traj.f_get("results.runs.$.z", fast_access=True, auto_load=True), NUMBERS[i])
    traj.v_idx = -1
    for seen, name in enumerate(traj.f_iter_runs()):
        assert name == run_name(seen)
        assert same(traj.results.runs.crun.sub.deep.text, TEXTS[seen])
        if load_results:
            assert same(traj.f_get("text", fast_access=True, auto_load=True), TEXTS[seen])
    assert traj.v_crun is None


def test_values_can_be_collected_over_runs(swept: Place) -> None:
    traj = swept.load(load_data=2)
    found = traj.f_get_from_runs("z", fast_access=True, use_indices=True)
    assert list(found) == list(range(N))
    assert all(same(found[i], NUMBERS[i]) for i in range(N))
    assert traj.f_get_from_runs("rare", fast_access=True) == {run_name(3): {"a": [1, (2, 3)]}}
    lazy = swept.load()
    found = lazy.f_get_from_runs("text", fast_access=True, auto_load=True)
    assert list(found.values()) == TEXTS


def test_runs_are_read_back_exactly_by_column(swept: Place) -> None:
    columns: dict[tuple[str, str], list[Any]] = {}
    for i in range(N):
        for name, items in expected(i).items():
            folded = name.replace(run_name(i), "$").replace("run_set_00000", "$set")
            for item, value in items.items():
                columns.setdefault((folded, item), [NOT_SET] * N)[i] = value
    for (path, item), values in columns.items():
        assert_column_of(swept, path, item, values)


def assert_column_of(place: Place, path: str, item: str, values: list[Any]) -> None:
    found = place.column(path, item)
    assert len(found) == len(values)
    for row, (mine, theirs) in enumerate(zip(found, values, strict=True)):
        if mine is NOT_SET or theirs is NOT_SET:
            assert mine is theirs, (path, item, row)
        else:
            assert same(mine, theirs), (path, item, row, mine, theirs)


def test_post_processing_lands_in_the_row_of_its_run(place: Place) -> None:
    env = place.env()
    keep(env.traj)
    env.run(add_all)
    env.traj.f_add_result("runs.run_00000002.extra", 42, comment="afterwards")
    env.traj.f_add_result("results.runs.run_00000004.extra", "forty-two")
    env.traj.f_store()
    later = place.load()
    assert later.results.runs.run_00000002.f_get("z").v_comment == "the comment of run 2"
    later.f_add_result("runs.run_00000002.more", np.arange(2))
    later.results.runs.run_00000003.f_add_result("more", np.arange(3))
    later.f_add_derived_parameter("runs.run_00000003.late_dp", 1.5)
    later.f_store()
    place.check()
    assert_column_of(
        place, "results.runs.$.extra", "extra", [NOT_SET, NOT_SET, 42, NOT_SET, "forty-two", NOT_SET]
    )
    assert_column_of(
        place,
        "results.runs.$.more",
        "more",
        [NOT_SET, NOT_SET, np.arange(2), np.arange(3), NOT_SET, NOT_SET],
    )
    assert_column_of(
        place, "derived_parameters.runs.$.late_dp", "data", [NOT_SET] * 3 + [1.5] + [NOT_SET] * 2
    )
    last = place.load(load_data=2)
    assert last.results.runs.run_00000002.extra == 42
    assert last.results.runs.run_00000002.f_get("extra").v_comment == "afterwards"
    assert same(last.results.runs.run_00000003.more, np.arange(3))
    assert last.late_dp == 1.5
    for i in range(N):
        for name, items in expected(i).items():
            assert_leaf(last.f_get(name), items)
    assert "more" not in last.results.runs.run_00000000


def test_an_item_added_later_to_the_result_of_one_run_joins_the_stored_ones(place: Place) -> None:
    env = place.env()
    keep(env.traj)
    env.run(add_all)
    later = place.load(load_results=2)
    z = later.f_get("results.runs.run_00000001.z")
    z.f_set(error=0.25)
    later.f_store_item(z)
    place.check()
    z = place.load(load_results=2).f_get("results.runs.run_00000001.z")
    assert_leaf(z, {"z": 0.5, "error": 0.25})
    assert z.v_comment == "the comment of run 1"
    assert z.v_annotations.unit == "mV"
    assert_leaf(place.load(load_results=2).f_get("results.runs.run_00000000.z"), {"z": 0})


def test_what_a_failed_run_added_is_not_stored(place: Place) -> None:
    env = place.env(on_error="return")
    keep(env.traj)

    def breaks(traj: Any) -> None:
        traj.f_add_result("z", traj.x)
        traj.f_add_derived_parameter("dp", traj.x)
        if traj.x % 2:
            raise ValueError("odd")

    env.run(breaks)
    assert_column_of(place, "results.runs.$.z", "z", [0, NOT_SET, 2, NOT_SET, 4, NOT_SET])
    traj = place.load(load_data=2)
    assert list(traj.f_get_from_runs("z", use_indices=True)) == [0, 2, 4]
    assert "run_00000001" not in traj.results.runs


def test_a_run_that_is_done_again_replaces_what_it_stored_by_itself(place: Place) -> None:
    env = place.env(on_error="return")
    keep(env.traj)
    first = True

    def stores(traj: Any) -> None:
        result = traj.f_add_result("z", traj.x, **({"old": 1} if first else {}))
        traj.f_store_item(result)
        if first and traj.x == 2:
            raise ValueError("after storing")

    env.run(stores)
    first = False
    again = place.env()
    keep(again.traj)
    again.run(stores)
    place.check()
    assert place.column("results.runs.$.z", "z") == list(range(N))
    assert_leaf(place.load(load_data=2).f_get("results.runs.run_00000002.z"), {"z": 2})


def test_new_points_do_not_move_the_rows_of_old_ones(place: Place) -> None:
    env = place.env()
    keep(env.traj)
    env.run(add_all)
    NUMBERS_LATER = [7.5, "eight"]

    def later(traj: Any) -> None:
        traj.f_add_result("z", NUMBERS_LATER[traj.v_idx - N])

    env.traj.f_expand({"x": [100, 101]})
    env.run(later)
    place.check()
    assert_column_of(place, "results.runs.$.z", "z", NUMBERS + NUMBERS_LATER)
    assert_column_of(place, "results.runs.$.sub.deep.text", "text", TEXTS + [NOT_SET] * 2)
    traj = place.load(load_data=2)
    assert len(traj) == N + 2
    assert traj.results.runs.run_00000007.z == "eight"
    assert traj.f_get("parameters.x").f_get_range() == [*range(N), 100, 101]


# -- leaves that are called as their run -------------------------------------------------------
def _sum_up(traj: Any) -> None:
    leaf = traj.f_add_result("sums.$set.$", traj.x * 10, "text", comment="one leaf per run")
    leaf.v_annotations.note = traj.v_idx
    traj.f_add_derived_parameter("half.$", traj.x / 2)


@pytest.mark.parametrize("load_data", [1, 2])
def test_leaves_called_as_their_run_come_back(place: Place, load_data: int) -> None:
    env = place.env()
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": list(range(1003))})
    env.run(_sum_up)
    service = place.service()
    service.select("traj")
    assert {path: len(known) for path, known in service.signatures().items()} == {
        ("results", "sums", "$set", "$"): 1,
        ("derived_parameters", "half", "$"): 1,
    }
    traj = place.load(load_data=load_data)
    traj.v_auto_load = True
    assert traj.results.sums.run_set_00000.f_children() == 1000
    last = traj.results.sums.run_set_00001.f_get("run_00001002", auto_load=True)
    assert last.v_full_name == "results.sums.run_set_00001.run_00001002"
    assert last.v_comment == "one leaf per run"
    assert last.v_annotations.note == 1002
    assert last.f_to_dict() == {"run_00001002": 10020, "run_00001002_1": "text"}
    traj.v_idx = 7
    assert traj.sums.crunset.crun["run_00000007"] == 70
    assert traj.half.crun == 3.5
    traj.v_idx = -1
    assert list(traj.f_collect("half"))[:3] == [0.0, 0.5, 1.0]
    names = [name for name in traj.f_to_dict() if name.startswith("results.sums")]
    assert len(names) == 1003
    traj.f_load_items(names, only_empties=True)
    assert traj.f_to_dict(fast_access=False)[names[5]].f_get(0) == 50
