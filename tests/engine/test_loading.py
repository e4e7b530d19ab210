"""Does what is stored come into memory as far as users ask, and no further?"""

from __future__ import annotations

import itertools
import sys
import types
import warnings
from typing import Any

import numpy as np
import pytest

from pypet_ng import (
    BaseResult,
    DataNotInStorageError,
    NodeNotFoundError,
    Result,
    Trajectory,
    TrajectoryNotFoundError,
    load_trajectory,
)
from pypet_ng.encoding import same
from pypet_ng.engine.folded import FoldedRuns
from tests.engine.places import Place

RUNS = 4


def run(traj: Any) -> int:
    traj.f_add_derived_parameter("dp", traj.x, comment="derived")
    traj.f_add_result("group.z", traj.x * 10, b=str(traj.x), comment="a z")
    return traj.x  # type: ignore[no-any-return]


@pytest.fixture
def swept(place: Place) -> Place:
    """A place with a finished sweep and something of each branch."""
    env = place.env(comment="for tests")
    traj = env.traj
    traj.f_add_config("c", "config")
    traj.f_add_parameter("group.x", 0, comment="explored")
    traj.f_add_parameter("fixed", [1, 2])
    traj.f_add_derived_parameter("all_dp", 1.5)
    traj.f_add_result("summary", np.arange(3), n=3)
    traj.f_add_leaf("other.leaf", "o")
    traj.f_explore({"x": list(range(1, RUNS + 1))})
    env.run(run)
    return place


def is_loaded(traj: Any, name: str) -> int:
    """Give 0, 1 or 2: the node is not there, it is empty, it has data."""
    try:
        return 1 if traj.f_get(name).f_is_empty() else 2
    except NodeNotFoundError:
        return 0


# two different flags at once say enough
@pytest.mark.parametrize(
    "flags", [f for f in itertools.product([0, 1, 2, 3], repeat=4) if sum(a != f[0] for a in f) < 2]
)
def test_each_branch_has_its_flag(swept: Place, flags: tuple[int, int, int, int]) -> None:
    parameters, derived, results, other = flags
    traj = swept.load(
        load_parameters=parameters,
        load_derived_parameters=derived,
        load_results=results,
        load_other_data=other,
    )
    for name, flag in (
        ("parameters.fixed", parameters),
        ("parameters.group.x", parameters),
        ("config.c", parameters),
        ("derived_parameters.all_dp", derived),
        ("derived_parameters.runs.run_00000001.dp", derived),
        ("results.summary", results),
        ("results.runs.run_00000001.group.z", results),
        ("other.leaf", other),
    ):
        assert is_loaded(traj, name) == min(flag, 2), name
    assert len(traj) == RUNS
    assert traj.v_comment == "for tests"
    assert traj.f_is_completed()


@pytest.mark.parametrize("flag", [0, 1, 2, 3])
def test_one_flag_can_stand_for_all(swept: Place, flag: int) -> None:
    for traj in (swept.load(load_data=flag), swept.load(load_all=flag)):
        for name in ("parameters.fixed", "results.runs.run_00000001.group.z", "other.leaf"):
            assert is_loaded(traj, name) == min(flag, 2)


def test_data_in_memory_are_kept_unless_overwriting(swept: Place) -> None:
    traj = swept.load(load_data=2)
    traj.f_get("summary").f_set(n=99, more=1)
    traj.f_load(load_data=2)
    assert traj.summary.n == 99
    traj.f_load(load_data=3)
    assert traj.summary.n == 3
    z = traj.f_get("results.runs.run_00000001.group.z")
    z.f_set(b="changed")
    traj.f_load_item(z, load_data=3)
    assert traj.f_get("results.runs.run_00000001.group.z").b == "2"


def test_the_skeleton_has_everything_but_data(swept: Place) -> None:
    traj = Trajectory("traj", add_time=False, storage_service=swept.service())
    traj.f_load_skeleton()
    z = traj.f_get("results.runs.run_00000002.group.z")
    assert z.f_is_empty()
    assert z.v_comment == "a z"
    assert traj.f_get("fixed").f_is_empty()
    assert traj.f_get("group.x").v_comment == "explored"


def test_depth_can_be_limited(swept: Place) -> None:
    traj = swept.load(load_data=2, max_depth=2)
    assert is_loaded(traj, "parameters.fixed") == 2
    assert is_loaded(traj, "parameters.group.x") == 0
    traj = swept.load(load_data=2, recursive=False)
    assert [name for name in ("parameters", "results") if name in traj] == ["parameters", "results"]
    assert is_loaded(traj, "parameters.fixed") == 0


def test_items_can_be_chosen(swept: Place) -> None:
    traj = swept.load(load_data=1)
    for name, all_items in (
        ("results.summary", {"summary": np.arange(3), "n": 3}),
        ("results.runs.run_00000002.group.z", {"z": 30, "b": "3"}),
    ):
        leaf = traj.f_get(name)
        last = list(all_items)[-1]
        traj.f_load_item(leaf, load_only=last)
        assert list(leaf.f_to_dict()) == [last]
        traj.f_load_item(leaf)
        assert set(leaf.f_to_dict()) == set(all_items)
        assert all(same(leaf[key], value) for key, value in all_items.items())
        leaf.f_empty()
        traj.f_load_item(name, load_except=[last])
        assert list(leaf.f_to_dict()) == [key for key in all_items if key != last]
        with pytest.warns(UserWarning, match="no stored item 'unknown'"):
            traj.f_load_item(leaf, load_only=["unknown", last])
        assert set(leaf.f_to_dict()) == set(all_items)
        with pytest.raises(ValueError, match="load_only or load_except"):
            traj.f_load_item(leaf, load_only="a", load_except="b")


def test_only_empty_or_only_full_leaves_can_be_loaded(swept: Place) -> None:
    traj = swept.load(load_data=1)
    summary = traj.f_get("results.summary")
    traj.f_load_items([summary], non_empties=True)
    assert summary.f_is_empty()
    traj.f_load_items([summary, "other.leaf"], only_empties=True)
    assert summary.n == 3
    summary.f_set(n=4)
    traj.f_load_items([summary], only_empties=True, load_data=3)
    assert summary.n == 4


def test_children_are_loaded_by_their_exact_path(swept: Place) -> None:
    traj = swept.load(load_data=0)
    leaf = traj.f_load_child("results.summary")
    assert leaf.n == 3
    assert is_loaded(traj, "other.leaf") == 0
    group = traj.f_load_child("results.runs", recursive=True)
    assert group.v_full_name == "results.runs"
    assert all(traj.results.runs[i].group.z.z == 10 * (i + 1) for i in range(RUNS))
    traj = swept.load(load_data=0)
    z = traj.f_load_child("results.runs.run_00000003.group.z")
    assert z.z == 40
    traj = swept.load(load_data=0)
    traj.results.f_load(load_data=1)
    assert is_loaded(traj, "results.summary") == 1
    assert is_loaded(traj, "results.runs.run_00000003.group.z") == 1
    traj.results.runs.run_00000003.f_load()
    assert is_loaded(traj, "results.runs.run_00000003.group.z") == 2
    assert is_loaded(traj, "results.runs.run_00000002.group.z") == 1
    with pytest.raises(DataNotInStorageError, match=r"'results\.nowhere' is neither in memory nor stored"):
        traj.f_load_child("results.nowhere")


def test_auto_load_fills_empty_leaves_and_brings_missing_nodes(swept: Place) -> None:
    for flag in (0, 1):
        traj = swept.load(load_data=flag)
        traj.v_auto_load = True
        assert traj.parameters.fixed == [1, 2]
        assert traj.results.summary.n == 3
        assert traj.other.leaf == "o"
        assert traj.derived_parameters.runs.run_00000000.dp == 1
        assert traj.results.runs.run_00000001.group.z.b == "2"
        assert traj.results.runs.run_00000002.group.f_get("z").v_comment == "a z"
        if flag:
            assert is_loaded(traj, "results.runs.run_00000003.group.z") == 1


def test_auto_load_gives_explored_parameters_their_value_at_the_current_run(swept: Place) -> None:
    for flag in (0, 1):
        traj = swept.load(load_data=flag)
        traj.v_auto_load = True
        traj.v_idx = 2
        assert traj.parameters.group.x == 3
        traj.v_idx = 0
        assert traj.parameters.group.x == 1
        assert traj.f_get("parameters.group.x").f_get_range() == [1, 2, 3, 4]
        traj.v_idx = -1
        assert traj.parameters.group.x == 0


def test_what_is_nowhere_is_said_to_be_nowhere(swept: Place) -> None:
    traj = swept.load(load_data=1)
    traj.v_auto_load = True
    with pytest.raises(DataNotInStorageError, match=r"'nowhere' is neither in memory nor stored"):
        traj.nowhere  # noqa: B018
    with pytest.raises(DataNotInStorageError, match=r"'results\.runs\.run_00000001\.nowhere'"):
        traj.f_get("results.runs.run_00000001.nowhere", auto_load=True)
    with pytest.raises(DataNotInStorageError):
        traj.f_get("results.runs.run_00000099.group.z", auto_load=True)
    traj.v_auto_load = False
    with pytest.raises(NodeNotFoundError):
        traj.nowhere  # noqa: B018


def test_loading_in_a_run_adds_nothing_to_the_run(place: Place) -> None:
    env = place.env()
    env.traj.f_add_parameter("x", 0)
    env.traj.f_add_result("table", np.arange(5))
    env.traj.f_explore({"x": [1, 2]})
    env.traj.f_store()
    traj = place.load(load_results=0)
    traj.v_auto_load = True

    def looks_up(traj: Any) -> int:
        value = int(traj.results.table[traj.x])
        traj.f_add_result("z", value)
        return value

    assert place.env(traj).run(looks_up) == [(0, 1), (1, 2)]
    assert place.column("results.runs.$.z") == [1, 2]
    assert same(place.load(load_data=2).results.table, np.arange(5))
    assert is_loaded(traj, "results.table") == 2
    place.check()


def test_loading_beside_what_is_in_memory_joins_both(swept: Place) -> None:
    traj = swept.load(load_data=0)
    traj.f_add_result("runs.run_00000001.extra", 1)
    traj.f_load(load_data=2)
    own = traj.results.runs.run_00000001
    assert own.extra == 1
    assert own.group.z.z == 20
    assert traj.results.runs.run_00000002.group.z.z == 30
    traj.f_store()
    again = swept.load(load_data=2).results.runs.run_00000001
    assert (again.extra, again.group.z.z) == (1, 20)
    swept.check()


def test_results_stored_since_loading_can_be_loaded(swept: Place) -> None:
    reader = swept.load(load_data=2)
    writer = swept.load(load_data=2)
    writer.f_expand({"x": [7]})
    swept.env(writer).run(run)
    reader.f_load(load_data=2)
    assert len(reader) == RUNS + 1
    assert reader.results.runs.run_00000004.group.z.z == 70


def test_what_was_read_ahead_is_not_taken_for_what_was_stored_later(swept: Place) -> None:
    traj = swept.load()
    traj.v_auto_load = True
    z = [traj.f_get(f"results.runs.run_0000000{i}.group.z", auto_load=True) for i in range(RUNS - 1)]
    z[1].f_set(b="new")
    traj.f_store_item(z[1], overwrite="b")
    traj.f_delete_item(z[2], remove_from_trajectory=True)
    z[1].f_empty()
    traj.f_load_item(z[1])
    assert z[1].b == "new"
    with pytest.raises(DataNotInStorageError):
        traj.f_get("results.runs.run_00000002.group.z", auto_load=True)
    swept.check()


def test_trajectories_are_found_by_name_or_index(swept: Place) -> None:
    service = swept.service()
    assert load_trajectory(index=0, storage_service=service).v_name == "traj"
    assert load_trajectory(index=-1, storage_service=service).v_name == "traj"
    with pytest.raises(
        TrajectoryNotFoundError, match=r"no trajectory 'trja'; there: 'traj'\. Did you mean 'traj'"
    ):
        load_trajectory("trja", storage_service=service)
    with pytest.raises(TrajectoryNotFoundError, match="no trajectory with index 1; there: 'traj'"):
        load_trajectory(index=1, storage_service=service)
    with pytest.raises(ValueError, match="either name= or index="):
        load_trajectory(storage_service=service)
    with pytest.raises(ValueError, match="either name= or index="):
        load_trajectory("traj", 0, storage_service=service)


def test_links_may_lead_in_circles_between_runs(place: Place) -> None:
    env = place.env(clean_up_runs=False)
    traj = env.traj
    traj.f_add_parameter("x", 0)
    traj.f_explore({"x": [1, 2, 3]})
    env.run(lambda t: t.f_add_result("z", t.x) and None)
    runs = traj.results.runs
    for mine, theirs in ((0, 1), (1, 2), (2, 0)):
        runs[mine].f_add_link("next", runs[theirs])
        runs[mine].f_add_link("own", runs[mine].f_get("z"))
    traj.f_store()
    place.check()
    for flag in (1, 2):
        back = place.load(load_results=flag).results.runs
        for mine, theirs in ((0, 1), (1, 2), (2, 0)):
            assert back[mine].f_get("next") is back[theirs]
            assert back[mine].f_get("own") is back[mine].f_get("z")


def test_an_unknown_class_says_how_to_name_it(place: Place) -> None:
    def make() -> type[Result]:
        class Vanishing(Result):
            pass

        return Vanishing

    traj = Trajectory("traj", add_time=False, storage_service=place.service())
    traj.f_add_result(make(), "gone", 1)
    traj.f_add_parameter("x", 1)
    traj.f_store()
    service = place.service()
    service.select("traj")
    del traj
    import gc

    gc.collect()
    with pytest.raises(AttributeError, match=r"'Vanishing'.*not imported.*dynamic_imports='module\.Class'"):
        place.load()
    assert place.load(load_results=0).x == 1


def test_classes_are_imported_by_name(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("far_away")

    class Far(BaseResult):
        def __init__(self, full_name: str, data: Any = None, comment: str = "") -> None:
            super().__init__(full_name, comment)
            self.held = data

        def _store(self) -> dict[str, Any]:
            return {"held": self.held}

        def _load(self, load_dict: dict[str, Any]) -> None:
            self.held = load_dict["held"]

        def f_is_empty(self) -> bool:
            return self.held is None

        def f_empty(self) -> None:
            self.held = None

    module.Far = Far  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "far_away", module)
    traj = Trajectory("traj", add_time=False, storage_service=place.service())
    traj.f_add_result(Far, "far", 5)
    traj.f_store()
    for imports in ("far_away.Far", ["far_away.Far"], Far, [Far]):
        back = place.load(load_data=2, dynamic_imports=imports)
        assert type(back.f_get("far")) is Far
        assert back.far.held == 5
    with pytest.raises(TypeError, match="names no module"):
        place.load(dynamic_imports="Far")


def test_groups_of_runs_are_not_built_before_somebody_asks(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []
    build = FoldedRuns.build
    monkeypatch.setattr(FoldedRuns, "build", lambda self, name: built.append(name) or build(self, name))
    env = place.env()
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": range(3000)})
    env.run(lambda traj: traj.f_add_result("z", traj.x) and None)
    for flag in (1, 2):
        traj = place.load(load_data=flag)
        traj.v_idx = 2999
        assert traj.f_get("z", fast_access=True, auto_load=True) == 2999
        assert "run_00000007" in traj.results.runs
        assert traj.results.runs.f_has_children()
        assert len(built) <= 2
        assert len(traj.results.runs.f_get_children()) == 3000
        built.clear()


def test_no_warning_is_given_for_plain_loading(swept: Place) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        swept.load(load_data=2)
