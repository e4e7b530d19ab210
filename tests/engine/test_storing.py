"""Is what users store there, once and as they said?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pypet_ng import (
    BaseParameter,
    BaseResult,
    DataNotInStorageError,
    Parameter,
    PlanMismatchError,
    Result,
    Trajectory,
)
from pypet_ng.encoding import same
from tests.engine.places import Place


def made(place: Place, name: str = "traj") -> Any:
    traj = Trajectory(name, add_time=False, comment="for tests", storage_service=place.service())
    traj.f_add_config("runs.verbose", True)
    traj.f_add_parameter("group.x", 1, comment="an x")
    traj.f_add_derived_parameter("dp", "d")
    traj.f_add_result("group.z", 2.5, b="text", comment="a z")
    traj.f_add_leaf("own.leaf", 3)
    traj.f_add_result_group("empty", comment="nothing")
    return traj


def stored(place: Place, path: str, name: str = "traj") -> dict[str, Any]:
    service = place.service()
    service.select(name)
    return dict(service.read(tuple(path.split("."))).data)


def has(place: Place, path: str, name: str = "traj") -> bool:
    service = place.service()
    service.select(name)
    return service.has(tuple(path.split(".")))


def test_storing_stores_the_whole_tree(place: Place) -> None:
    traj = made(place)
    assert not traj.v_stored
    traj.f_store()
    place.check()
    assert traj.v_stored
    assert all(node.v_stored for node in traj.f_iter_nodes())
    assert traj.f_get("parameters.group.x").v_locked
    back = place.load(load_data=2)
    assert back.v_comment == "for tests"
    assert back.f_to_dict(fast_access=True) == {
        "config.runs.verbose": True,
        "parameters.group.x": 1,
        "derived_parameters.dp": "d",
        "results.group.z": back.f_get("results.group.z"),
        "own.leaf": 3,
    }
    assert back.f_get("results.group.z").f_to_dict() == {"z": 2.5, "b": "text"}
    assert back.f_get("results.group.z").v_comment == "a z"
    assert back.results.empty.v_comment == "nothing"
    assert abs(back.v_timestamp - traj.v_timestamp) < 1e-3


def test_storing_again_adds_what_is_new_only(place: Place) -> None:
    traj = made(place)
    traj.f_store()
    traj.f_get("results.group.z").f_set(z=99, c=7)
    traj.f_add_result("later", 1)
    traj.f_store()
    assert stored(place, "results.group.z") == {"z": 2.5, "b": "text", "c": 7}
    assert stored(place, "results.later") == {"later": 1}
    traj.f_store(store_data=3)
    assert stored(place, "results.group.z") == {"z": 99, "b": "text", "c": 7}
    place.check()


def test_flags_say_how_much_is_stored(place: Place) -> None:
    traj = made(place)
    traj.f_store(only_init=True)
    assert [info.name for info in place.service().trajectories()] == ["traj"]
    assert not has(place, "parameters.group.x")
    traj.f_store(store_data=0)
    assert has(place, "results.group.z")
    assert stored(place, "results.group.z") == {}
    traj.f_store(store_data=1)
    assert stored(place, "results.group.z") == {}
    traj.f_store(store_data=2)
    assert stored(place, "results.group.z") == {"z": 2.5, "b": "text"}
    with pytest.raises(ValueError, match="store_data=7 is no store flag"):
        traj.f_store(store_data=7)


def test_depth_can_be_limited(place: Place) -> None:
    traj = made(place)
    traj.f_store(max_depth=2)
    assert has(place, "derived_parameters.dp")
    assert has(place, "results.group")
    assert not has(place, "results.group.z")
    traj.f_store()
    assert has(place, "results.group.z")


def test_single_nodes_are_stored_without_what_is_below(place: Place) -> None:
    traj = made(place)
    with pytest.raises(TypeError, match="'traj' was never stored"):
        traj.f_store_item("group.z")
    traj.f_store(only_init=True)
    traj.f_store_items(["results.group", traj.f_get("own.leaf")])
    assert has(place, "results.group")
    assert not has(place, "results.group.z")
    assert stored(place, "own.leaf") == {"leaf": 3}
    with pytest.raises(ValueError, match="nothing to store"):
        traj.f_store_items([])
    traj.f_store_item("results.group.z")
    assert stored(place, "results.group.z") == {"z": 2.5, "b": "text"}
    place.check()


def test_items_are_overwritten_on_request_only(place: Place) -> None:
    traj = made(place)
    traj.f_store()
    z = traj.f_get("results.group.z")
    z.f_set(z=1, b="new")
    traj.f_store_item(z)
    assert stored(place, "results.group.z") == {"z": 2.5, "b": "text"}
    traj.f_store_item(z, overwrite="b")
    assert stored(place, "results.group.z") == {"z": 2.5, "b": "new"}
    traj.f_store_item(z, overwrite=True)
    assert stored(place, "results.group.z") == {"z": 1, "b": "new"}
    place.check()


def test_empty_leaves_can_be_left_out(place: Place) -> None:
    traj = made(place)
    traj.f_add_result("hollow")
    traj.f_store(only_init=True)
    traj.f_store_items(["hollow", "own.leaf"], non_empties=True)
    assert not has(place, "results.hollow")
    traj.f_store_item("hollow")
    assert has(place, "results.hollow")


def test_groups_store_themselves_and_their_children(place: Place) -> None:
    traj = made(place)
    traj.results.f_store_child("group")
    assert has(place, "results.group")
    assert not has(place, "results.group.z")
    traj.results.group.f_store()
    assert has(place, "results.group.z")
    traj.f_store_child("own", recursive=True)
    assert has(place, "own.leaf")
    assert not has(place, "parameters.group.x")
    with pytest.raises(ValueError, match=r"no child 'gruop'.*'group'"):
        traj.results.f_store_child("gruop")


def test_annotations_comments_and_links_are_stored(place: Place) -> None:
    traj = made(place)
    x = traj.f_get("parameters.group.x")
    x.v_annotations.f_set(unit="mV", limits=np.array([1, 2]), nothing=None)
    traj.results.v_annotations.kind = {"a": (1, 2)}
    traj.results.v_comment = "all results"
    traj.f_add_link("shortcut", traj.results.group)
    traj.results.f_add_link("the_x", x)
    traj.f_store()
    place.check()
    back = place.load(load_data=2)
    annotations = back.f_get("parameters.group.x").v_annotations
    assert annotations.unit == "mV"
    assert same(annotations.limits, np.array([1, 2]))
    assert annotations.nothing is None
    assert back.results.v_annotations.kind == {"a": (1, 2)}
    assert back.results.v_comment == "all results"
    assert back.f_get("shortcut") is back.results.group
    assert back.results.f_get("the_x") is back.f_get("parameters.group.x")


def test_annotations_and_comments_given_later_are_stored_with_the_node(place: Place) -> None:
    traj = made(place)
    traj.f_store()
    z = traj.f_get("results.group.z")
    z.v_annotations.late = 5
    traj.results.group.v_annotations.group = 6
    traj.f_store()
    back = place.load(load_data=2)
    assert back.f_get("results.group.z").v_annotations.late == 5
    assert back.results.group.v_annotations.group == 6
    z.v_annotations.late = 7
    z.v_comment = "another"
    traj.f_store_item(z, overwrite=True)
    again = place.load(load_data=2).f_get("results.group.z")
    assert again.v_annotations.late == 7
    assert again.v_comment == "another"


def test_the_comment_of_the_trajectory_can_be_changed(place: Place) -> None:
    traj = made(place)
    traj.f_store()
    traj.v_comment = "better"
    traj.f_store()
    assert place.load().v_comment == "better"


def test_what_is_deleted_is_gone_and_can_be_stored_again(place: Place) -> None:
    traj = made(place)
    traj.f_store()
    traj.f_delete_item("results.group.z")
    assert not has(place, "results.group.z")
    assert traj.results.group.f_get("z").b == "text"
    assert not traj.f_get("results.group.z").v_stored
    traj.f_store()
    assert stored(place, "results.group.z") == {"z": 2.5, "b": "text"}
    traj.f_delete_item("results.group.z", remove_from_trajectory=True)
    assert "z" not in traj.results.group
    with pytest.raises(TypeError, match=r"'results' has children: use recursive=True"):
        traj.f_delete_item("results")
    traj.f_delete_item("results", recursive=True, remove_from_trajectory=True)
    assert not has(place, "results.group")
    with pytest.raises(DataNotInStorageError, match=r"'results\.nowhere' is not stored"):
        traj.f_delete_item("results.nowhere")
    with pytest.raises(ValueError, match="nothing to delete"):
        traj.f_delete_items([])
    place.check()


def test_single_items_can_be_deleted(place: Place) -> None:
    traj = made(place)
    traj.f_store()
    z = traj.f_get("results.group.z")
    traj.f_delete_item(z, delete_only="b")
    assert stored(place, "results.group.z") == {"z": 2.5}
    assert z.f_to_dict() == {"z": 2.5, "b": "text"}
    traj.f_store()
    assert stored(place, "results.group.z") == {"z": 2.5, "b": "text"}
    traj.f_delete_item(z, delete_only=["b"], remove_from_item=True)
    assert z.f_to_dict() == {"z": 2.5}
    place.check()


def test_what_is_not_in_memory_can_be_deleted(place: Place) -> None:
    made(place).f_store()
    lazy = place.load(load_data=0)
    lazy.f_delete_item("results.group.z")
    assert not has(place, "results.group.z")


def test_results_of_single_runs_can_be_deleted(place: Place) -> None:
    env = place.env()
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": [1, 2, 3]})
    env.run(lambda traj: traj.f_add_result("z", traj.x, b=2) and None)
    traj = place.load(load_data=2)
    traj.f_delete_item("results.runs.run_00000001.z")
    traj.f_delete_item("results.runs.run_00000002.z", delete_only="b", remove_from_item=True)
    place.check()
    back = place.load(load_data=2)
    assert back.results.runs.run_00000000.f_get("z").f_to_dict() == {"z": 1, "b": 2}
    assert "run_00000001" not in back.results.runs
    assert back.results.runs.run_00000002.f_get("z").f_to_dict() == {"z": 3}


def test_explored_parameters_are_not_deleted(place: Place) -> None:
    traj = made(place)
    traj.f_explore({"x": [1, 2]})
    traj.f_store()
    with pytest.raises(TypeError, match=r"'parameters\.group\.x' is explored"):
        traj.f_delete_item("parameters.group.x")
    with pytest.raises(TypeError, match="is explored"):
        traj.f_delete_item("parameters", recursive=True)
    assert place.load().f_get("x").f_get_range() == [1, 2]


def test_links_can_be_deleted(place: Place) -> None:
    traj = made(place)
    traj.f_add_link("results.short", traj.f_get("parameters.group.x"))
    traj.results.f_add_link("other", traj.f_get("own.leaf"))
    traj.f_store()
    traj.f_delete_link("results.short")
    traj.f_delete_links([(traj.results, "other")], remove_from_trajectory=True)
    assert "other" not in traj.results
    back = place.load(load_data=2)
    assert back.results.f_get_links() == {}
    assert back.own.leaf == 3


def test_large_results_can_be_stored_and_forgotten_in_a_run(place: Place) -> None:
    def run(traj: Any) -> None:
        big = traj.f_add_result("big", np.full(50_000, traj.x), note="n")
        traj.f_store_item(big)
        big.f_empty()
        traj.f_add_result("small", traj.x)

    env = place.env()
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": [1, 2, 3]})
    env.run(run)
    place.check()
    traj = place.load()
    for index in range(3):
        big = traj.results.runs[index].f_get("big")
        assert big.f_is_empty()
        traj.f_load_item(big)
        assert same(big.big, np.full(50_000, index + 1))
        assert big.note == "n"
        big.f_empty()
        traj.f_load_item(big, load_only="note")
        assert big.f_to_dict() == {"note": "n"}
    assert place.column("results.runs.$.small") == [1, 2, 3]


def test_a_run_can_store_what_it_has_so_far(place: Place) -> None:
    seen = []

    def run(traj: Any) -> None:
        traj.f_add_result("first", traj.x)
        traj.f_store()
        service = traj.v_storage_service
        seen.append(service.has(("results", "runs", traj.v_crun, "first")))
        traj.f_add_result("second", 2 * traj.x)

    env = place.env()
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": [1, 2]})
    env.run(run)
    assert seen == [True, True]
    assert place.column("results.runs.$.first") == [1, 2]
    assert place.column("results.runs.$.second") == [2, 4]


def test_an_explored_trajectory_can_be_stored_expanded_and_stored(place: Place) -> None:
    traj = made(place)
    traj.f_explore({"x": [5, 6]})
    traj.f_store()
    assert len(place.load()) == 2
    traj.f_expand({"x": [7]})
    traj.f_store()
    traj.f_store()
    back = place.load()
    assert back.f_get("x").f_get_range() == [5, 6, 7]
    back.f_expand({"x": [8]})
    back.f_store()
    assert place.load().f_get("x").f_get_range() == [5, 6, 7, 8]
    place.check()


def test_a_trajectory_stored_before_it_is_explored_can_be_explored_and_run(place: Place) -> None:
    traj = made(place)
    traj.f_store()
    traj.f_explore({"x": [5, 6]})
    env = place.env(traj)
    assert env.run(lambda t: t.x) == [(0, 5), (1, 6)]
    back = place.load()
    assert (len(back), back.f_get("x").f_get_range()) == (2, [5, 6])


def test_storing_compares_with_what_is_stored_under_that_name(place: Place) -> None:
    made(place).f_store()
    other = Trajectory("traj", add_time=False, storage_service=place.service())
    other.f_add_parameter("group.x", 2)
    with pytest.raises(PlanMismatchError, match=r"'parameters\.group\.x' is 2 in this script, but 1 in"):
        other.f_store()
    assert stored(place, "parameters.group.x") == {"data": 1}


def test_without_a_storage_the_error_says_how_to_get_one() -> None:
    traj = Trajectory()
    for call in (traj.f_store, traj.f_load):
        with pytest.raises(ValueError, match="no storage service: give filename="):
            call()


# -- containers of one's own ------------------------------------------------------------------------


class Unit:
    def __init__(self, number: float, unit: str) -> None:
        self.number, self.unit = number, unit

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unit) and (self.number, self.unit) == (other.number, other.unit)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Unit({self.number}, {self.unit!r})"


class UnitParameter(BaseParameter):
    """Holds values no codec knows."""

    def __init__(self, full_name: str, data: Unit | None = None, comment: str = "") -> None:
        super().__init__(full_name, comment)
        self.default = self.value = data
        self.values: list[Unit] = []

    def _store(self) -> dict[str, Any]:
        assert self.default is not None
        items: dict[str, Any] = {"number": self.default.number, "unit": self.default.unit}
        if self._explored:
            items["range"] = np.array([value.number for value in self.values])
            items["units"] = [value.unit for value in self.values]
        return items

    def _load(self, load_dict: dict[str, Any]) -> None:
        self.default = self.value = Unit(load_dict["number"], load_dict["unit"])
        if "range" in load_dict:
            numbers = load_dict["range"].tolist()
            self.values = [Unit(n, u) for n, u in zip(numbers, load_dict["units"], strict=True)]
            self._explored = True

    def f_is_empty(self) -> bool:
        return self.default is None

    def f_empty(self) -> None:
        self.default = self.value = None

    def f_set(self, data: Any) -> None:
        self.default = self.value = data

    def f_get(self) -> Unit | None:
        self.f_lock()
        return self.value

    def f_get_default(self) -> Unit | None:
        return self.default

    def f_get_range(self, copy: bool = True) -> list[Unit]:
        return list(self.values)

    def _explore(self, explore_iterable: Any) -> None:
        self.values = list(explore_iterable)
        self._explored = True

    def _expand(self, explore_iterable: Any) -> None:
        self.values.extend(explore_iterable)

    def _shrink(self) -> None:
        self.values = []
        self._explored = False

    def _set_parameter_access(self, idx: int = 0) -> None:
        self.value = self.values[idx]

    def _restore_default(self) -> None:
        self.value = self.default


class UnitResult(BaseResult):
    """Holds one value no codec knows."""

    def __init__(self, full_name: str, data: Unit | None = None, comment: str = "") -> None:
        super().__init__(full_name, comment)
        self.held = data

    def _store(self) -> dict[str, Any]:
        assert self.held is not None
        return {"number": self.held.number, "unit": self.held.unit}

    def _load(self, load_dict: dict[str, Any]) -> None:
        self.held = Unit(load_dict["number"], load_dict["unit"])

    def f_is_empty(self) -> bool:
        return self.held is None

    def f_empty(self) -> None:
        self.held = None

    def f_supports_fast_access(self) -> bool:
        return not self.f_is_empty()

    def f_get(self) -> Unit | None:
        return self.held


class TaggedParameter(Parameter):
    """Stores a tag with the value."""

    def __init__(self, full_name: str, data: Any = None, comment: str = "", tag: str = "none") -> None:
        super().__init__(full_name, data, comment)
        self.tag = tag

    def _store(self) -> dict[str, Any]:
        return {**super()._store(), "tag": self.tag}

    def _load(self, load_dict: dict[str, Any]) -> None:
        super()._load({name: value for name, value in load_dict.items() if name != "tag"})
        self.tag = load_dict.get("tag", self.tag)


class DoubledResult(Result):
    """Stores something else than it holds."""

    def _store(self) -> dict[str, Any]:
        return {name: [value, value] for name, value in self.f_to_dict().items()}

    def _load(self, load_dict: dict[str, Any]) -> None:
        super()._load({name: pair[0] for name, pair in load_dict.items()})


def own_run(traj: Any) -> Any:
    traj.f_add_result(UnitResult, "out", Unit(traj.u.number * 2, traj.u.unit), comment="doubled")
    traj.f_add_result(DoubledResult, "two", traj.u.number, e=traj.tagged)
    return traj.u.number


def own_traj(env: Any, units: list[Unit]) -> Any:
    traj = env.traj
    traj.f_add_parameter(UnitParameter, "group.u", Unit(0.5, "s"), comment="with a unit")
    traj.f_add_parameter(UnitParameter, "fixed_unit", Unit(9.0, "m"))
    traj.f_add_parameter(TaggedParameter, "tagged", 3, tag="t")
    traj.f_explore({"u": units, "tagged": [10 + k for k in range(len(units))]})
    return traj


UNITS = [Unit(1.0, "s"), Unit(2.0, "ms"), Unit(3.0, "s")]


def test_own_containers_are_explored_stored_and_loaded(place: Place) -> None:
    env = place.env()
    own_traj(env, UNITS)
    assert env.run(own_run) == [(0, 1.0), (1, 2.0), (2, 3.0)]
    place.check()
    for flag in (1, 2):
        traj = place.load(load_results=flag)
        traj.v_auto_load = flag == 1
        u = traj.f_get("parameters.group.u")
        assert type(u) is UnitParameter
        assert u.f_get_default() == Unit(0.5, "s")
        assert u.f_get_range() == UNITS
        assert u.v_comment == "with a unit"
        assert traj.fixed_unit == Unit(9.0, "m")
        tagged = traj.f_get("tagged")
        assert (type(tagged), tagged.tag, tagged.f_get_range()) == (TaggedParameter, "t", [10, 11, 12])
        for index in range(3):
            traj.v_idx = index
            assert traj.u == UNITS[index]
            assert traj.tagged == 10 + index
            out = traj.results.runs.crun.f_get("out", auto_load=True)
            assert type(out) is UnitResult
            assert out.v_comment == "doubled"
            assert out.held == Unit(UNITS[index].number * 2, UNITS[index].unit)
            two = traj.results.runs.crun.f_get("two", auto_load=True)
            assert two.f_to_dict() == {"two": UNITS[index].number, "e": 10 + index}
        traj.v_idx = -1
        assert traj.u == Unit(0.5, "s")


def test_own_containers_are_compared_when_a_script_is_run_again(place: Place) -> None:
    env = place.env()
    own_traj(env, UNITS[:2])
    env.run(own_run)
    again = place.env()
    own_traj(again, UNITS)
    calls: list[float] = []
    values = again.run(lambda traj: calls.append(traj.u.number) or own_run(traj))
    assert values == [(0, 1.0), (1, 2.0), (2, 3.0)]
    assert calls == [3.0]
    assert place.load().f_get("u").f_get_range() == UNITS
    other = place.env()
    own_traj(other, [Unit(1.0, "s"), Unit(2.0, "h"), Unit(3.0, "s")])
    with pytest.raises(PlanMismatchError):
        other.run(own_run)


def test_own_containers_take_the_order_of_the_stored_points(place: Place) -> None:
    def fails(traj: Any) -> Any:
        if traj.u.number == 2.0:
            raise ValueError
        return own_run(traj)

    env = place.env(on_error="return")
    env.traj.f_add_parameter(UnitParameter, "u", Unit(0.5, "s"))
    env.traj.f_add_parameter("tagged", 3)
    env.traj.f_explore({"u": UNITS})
    env.run(fails)
    again = place.env()
    again.traj.f_add_parameter(UnitParameter, "u", Unit(0.5, "s"))
    again.traj.f_add_parameter("tagged", 3)
    again.traj.f_explore({"u": [Unit(4.0, "h"), *UNITS[::-1]]})
    seen: list[tuple[int, Unit]] = []

    def sees(traj: Any) -> Any:
        seen.append((traj.v_idx, traj.u))
        return own_run(traj)

    assert again.run(sees) == [(0, 1.0), (1, 2.0), (2, 3.0), (3, 4.0)]
    assert seen == [(1, UNITS[1]), (3, Unit(4.0, "h"))]
    assert place.load().f_get("u").f_get_range() == [*UNITS, Unit(4.0, "h")]


def test_an_own_container_that_is_loaded_can_be_expanded(place: Place) -> None:
    env = place.env()
    own_traj(env, UNITS[:2])
    env.run(own_run)
    traj = place.load()
    traj.f_expand({"u": UNITS[2:], "tagged": [12]})
    assert place.env(traj).run(own_run)[-1] == (2, 3.0)
    assert place.load().f_get("u").f_get_range() == UNITS
