"""Are links other ways to nodes, and nothing more?"""

from __future__ import annotations

from typing import Any

import pytest

from pypet_ng import Trajectory
from tests.engine.places import Place


@pytest.fixture
def traj() -> Any:
    traj = Trajectory("t", add_time=False)
    traj.f_add_parameter("g.sub.x", 1)
    traj.f_add_group("other")
    return traj


def test_a_link_leads_to_the_same_node(traj: Any) -> None:
    sub = traj.parameters.g.sub
    assert traj.other.f_add_link("short", sub) is sub
    assert traj.other.f_add_link(traj.f_get("x")).v_name == "x"
    traj.other.dotted = sub
    assert traj.other.short is traj.other.dotted is sub
    assert traj.other.short.x == traj.other.x == 1
    assert traj.other.short.v_full_name == "parameters.g.sub"
    assert traj.other.f_add_link("far.away", sub) is sub
    assert traj.other.far.away is sub


def test_links_can_be_left_out(traj: Any) -> None:
    traj.other.f_add_link("short", traj.parameters.g)
    assert traj.f_contains("other.short.sub.x")
    assert not traj.f_contains("other.short.sub.x", with_links=False)
    assert traj.other.f_contains(traj.parameters.g)
    assert not traj.other.f_contains(traj.parameters.g, with_links=False)
    traj.v_with_links = False
    with pytest.raises(AttributeError):
        traj.other.short  # noqa: B018
    assert list(traj.other) == []


def test_a_looked_up_name_follows_links_that_come_and_go(traj: Any) -> None:
    traj.f_add_parameter("y", 0)
    assert traj.x == 1
    late = traj.f_add_parameter("late.x", 2)
    with_link = traj.f_add_link("x", late)
    assert with_link is late
    assert traj.x == 2
    traj.f_remove_link("x")
    assert traj.f_get("g.x").f_get() == 1


def test_impossible_links_are_refused(traj: Any) -> None:
    for bad in (traj, Trajectory("u").f_add_parameter("x", 1)):
        with pytest.raises(ValueError, match="must lead to a node of this tree"):
            traj.other.f_add_link("deep.bad", bad)
    assert not traj.other.f_has_children()
    with pytest.raises(ValueError, match="four branches"):
        traj.f_add_link("results", traj.other)
    with pytest.raises(ValueError, match="no link"):
        traj.f_remove_link("other")
    with pytest.raises(ValueError, match="give the node itself"):
        traj.f_add_link("a", 5)
    with pytest.raises(AttributeError, match="name of its own"):
        traj.f_add_link("other", traj.parameters.g)


def test_nothing_is_added_through_a_link(traj: Any) -> None:
    traj.other.f_add_link("short", traj.parameters.g)
    with pytest.raises(AttributeError, match="hop over links"):
        traj.f_add_leaf("other.short.new", 1)


def test_removing_a_node_removes_links_to_it_and_below(traj: Any) -> None:
    traj.other.f_add_link("a", traj.parameters.g)
    traj.other.f_add_link("b", traj.f_get("x"))
    traj.parameters.g.f_add_link("back", traj.other)
    traj.parameters.f_remove_child("g", recursive=True)
    assert traj.other.f_links() == traj.other.f_children() == 0
    traj.f_remove_child("other")
    assert not traj.f_contains("other")


def test_links_are_stored_and_deleted(place: Place) -> None:
    env = place.env()
    traj = env.traj
    traj.f_add_parameter("g.x", 1)
    traj.f_add_group("other").f_add_link("short", traj.parameters.g)
    traj.f_store()
    loaded = place.load(load_data=2)
    assert loaded.other.short is loaded.parameters.g
    assert loaded.other.f_links() == 1
    loaded.f_delete_links(["other.short"], remove_from_trajectory=True)
    assert loaded.other.f_links() == 0
    again = place.load(load_data=2)
    assert again.other.f_links() == 0
    assert again.x == 1
