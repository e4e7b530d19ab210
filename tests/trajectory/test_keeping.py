"""Can parts of a trajectory be stored, loaded and deleted one by one?"""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from pypet_ng import Trajectory, load_trajectory
from pypet_ng.errors import DataNotInStorageError, NoSuchServiceError, TrajectoryNotFoundError
from tests.engine.places import Place


@pytest.fixture
def traj(place: Place) -> Any:
    traj = place.env().traj
    traj.f_add_parameter("g.x", 1, comment="an x")
    traj.f_add_result("big.r", first=1, second=2)
    traj.f_add_result("big.s", 3)
    traj.f_store()
    return traj


def test_what_is_stored_comes_back(traj: Any, place: Place) -> None:
    traj.v_comment = "whole"
    traj.results.big.v_annotations.note = "group"
    traj.f_store()
    loaded = place.load(load_data=2)
    assert loaded.f_to_dict(fast_access=True).keys() == traj.f_to_dict().keys()
    assert (loaded.x, loaded.r.second, loaded.s) == (1, 2, 3)
    assert loaded.f_get("x").v_comment == "an x"
    assert loaded.f_get("x").v_stored
    assert loaded.v_stored
    assert loaded.results.big.v_annotations.note == "group"


def test_loading_takes_as_much_as_asked(traj: Any, place: Place) -> None:
    loaded = place.load()
    assert loaded.x == 1
    assert loaded.f_get("r").f_is_empty()
    assert "r" not in place.load(load_results=0)
    skeleton = place.load(load_data=1)
    assert skeleton.f_get("x").f_is_empty()
    skeleton.f_load_child("parameters", recursive=True)
    assert skeleton.x == 1
    assert skeleton.results.f_load_child("big.s").f_get() == 3
    assert skeleton.results.f_load() is skeleton.results
    assert skeleton.r.first == 1
    with pytest.raises(DataNotInStorageError, match="neither in memory nor stored"):
        skeleton.f_load_child("results.nothing")


def test_single_items_are_stored_and_loaded(traj: Any, place: Place) -> None:
    r = traj.f_get("r")
    r.third = 3
    r.first = 100
    traj.f_store_item("r")
    loaded = place.load(load_data=1)
    loaded.f_load_item("r", load_only="third")
    assert loaded.r.f_to_dict() == {"third": 3}
    loaded.f_load_items(["r"], load_except=["third"])
    assert loaded.r.f_to_dict() == {"third": 3, "first": 1, "second": 2}, "stored items stay as they are"
    traj.f_store_items([r], overwrite="first")
    assert place.load(load_data=2).r.first == 100
    with pytest.warns(UserWarning, match="no stored item 'fourth'"):
        loaded.f_load_items(["r", "s"][:1], load_only=["fourth", "first"])
    with pytest.raises(ValueError, match="not both"):
        loaded.f_load_item("r", load_only="first", load_except="second")
    with pytest.raises(ValueError, match="nothing to store"):
        traj.f_store_items([])


def test_large_results_can_be_put_away_and_fetched_again(traj: Any) -> None:
    s = traj.f_get("s")
    s.f_empty()
    assert traj.s is s
    traj.f_load_item(s)
    assert traj.s == 3


def test_what_was_never_stored_is_not_kept_in_parts() -> None:
    traj = Trajectory("t", filename=":memory:")
    traj.f_add_result("r", 1)
    for call in (traj.f_store_item, traj.f_load_item):
        with pytest.raises(TypeError, match="never stored"):
            call("r")


def test_groups_and_children_are_stored(traj: Any, place: Place) -> None:
    traj.f_add_result("late.a", 1)
    traj.f_add_result("late.b.c", 2)
    traj.results.late.f_store(max_depth=1)
    loaded = place.load(load_data=2)
    assert loaded.f_contains("results.late.a")
    assert not loaded.f_contains("results.late.b.c")
    traj.results.f_store_child("late", recursive=True)
    assert place.load(load_data=2).late.b.c == 2
    with pytest.raises(ValueError, match="no child 'nothing' to store"):
        traj.results.f_store_child("nothing")


def test_deleting_takes_from_the_storage_and_if_asked_from_memory(traj: Any, place: Place) -> None:
    traj.f_delete_item("r", delete_only="first", remove_from_item=True)
    assert traj.r.f_to_dict() == {"second": 2}
    traj.f_delete_items(["results.big.s"])
    assert traj.s == 3
    loaded = place.load(load_data=2)
    assert "s" not in loaded
    assert loaded.r.f_to_dict() == {"second": 2}
    with pytest.raises(TypeError, match="recursive=True"):
        traj.f_delete_item("results.big")
    traj.f_delete_item(traj.results.big, recursive=True, remove_from_trajectory=True)
    assert "big" not in traj
    assert "big" not in place.load(load_data=2)
    with pytest.raises(DataNotInStorageError):
        traj.f_delete_item("res.big.s")
    with pytest.raises(ValueError, match="nothing to delete"):
        traj.f_delete_items([])


def test_removing_keeps_the_storage(traj: Any, place: Place) -> None:
    with pytest.raises(TypeError, match="recursive=True"):
        traj.f_remove_item("results.big")
    traj.f_remove_items(["s", "r"])
    traj.f_remove_item("results.big")
    assert "r" not in traj
    traj.v_auto_load = True
    assert traj.results.big.s == 3


def test_a_trajectory_is_found_by_name_or_index(traj: Any, place: Place) -> None:
    place.env("second").traj.f_store()
    service = place.service()
    for index, name in ((0, "traj"), (1, "second"), (-1, "second")):
        fresh = Trajectory("other", storage_service=service)
        fresh.f_load(index=index)
        assert fresh.v_name == name
    again = Trajectory("traj", add_time=False, storage_service=service)
    again.f_load()
    assert again.x == 1
    with pytest.raises(TrajectoryNotFoundError, match=r"'tarj'.*'traj'"):
        place.load("tarj")
    with pytest.raises(ValueError, match="index 5"):
        Trajectory("o", storage_service=service).f_load(index=5)
    with pytest.raises(ValueError, match="either"):
        Trajectory("o", storage_service=service).f_load(name="traj", index=0)


def test_as_new_gives_unlocked_parameters_only(traj: Any, place: Place) -> None:
    new = place.load(as_new=True, new_name="new", add_time=False)
    assert new.v_name == "new"
    assert list(new.f_to_dict()) == ["parameters.g.x"]
    assert not new.f_get("x").v_locked
    assert not new.v_stored
    new.x = 5
    assert new.x == 5


def test_a_service_must_be_one() -> None:
    with pytest.raises(NoSuchServiceError, match="no storage service"):
        Trajectory("t", storage_service=object())
    with pytest.raises(ValueError, match="no storage service"):
        Trajectory("t").f_store()


def test_a_group_is_stored_and_loaded_with_or_without_its_links(tmp_path: pathlib.Path) -> None:
    filename = str(tmp_path / "links.hdf5")
    traj: Any = Trajectory("t", filename=filename)
    leaf = traj.f_add_result("deep.a", 5)
    group = traj.f_add_group(full_name="ways")
    traj.f_store()
    other: Any = load_trajectory("t", filename=filename, load_all=2)
    group.f_add_link("there", leaf)
    group.f_add_leaf("new", 7)
    traj.f_store_item("ways", with_links=False, recursive=True)
    other.f_load_item("ways", recursive=True)
    assert other.ways.new == 7
    assert "there" not in other.ways
    traj.f_store_item("ways", recursive=True)
    other.f_load_item("ways", recursive=True, with_links=False)
    assert "there" not in other.ways
    other.f_load_item("ways", recursive=True)
    assert other.ways.there == 5


@pytest.mark.parametrize("kind", ["parameter", "config", "derived_parameter", "result"])
def test_groups_are_added_by_pypets_keyword(kind: str) -> None:
    traj: Any = Trajectory("t")
    group = getattr(traj, f"f_add_{kind}_group")(full_name="a.b", comment="said")
    assert group.v_full_name.endswith(".a.b")
    assert group.v_comment == "said"
    with pytest.raises(ValueError, match="needs a name"):
        getattr(traj, f"f_add_{kind}_group")()
