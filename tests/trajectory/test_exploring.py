"""Are points added all or not at all, and found again?"""

from __future__ import annotations

from typing import Any

import pytest

from pypet_ng import Environment, Trajectory, cartesian_product
from pypet_ng.errors import NodeNotFoundError


@pytest.fixture
def traj() -> Any:
    traj = Trajectory("t", add_time=False)
    traj.f_add_parameter("x", 1.0)
    traj.f_add_parameter("g.n", 1)
    traj.f_add_parameter("text", "a")
    traj.f_add_parameter("empty")
    traj.f_add_result("r", 1)
    return traj


def test_exploring_gives_points(traj: Any) -> None:
    assert len(traj) == 1
    traj.f_explore(cartesian_product({"x": [1.0, 2.0], "n": [1, 2, 3]}))
    assert len(traj) == 6
    assert traj.f_get("x").v_locked
    assert [(traj.x, traj.n) for _ in traj.f_iter_runs()] == [(x, n) for x in (1.0, 2.0) for n in (1, 2, 3)]
    assert list(traj.f_get_explored_parameters()) == ["parameters.x", "parameters.g.n"]
    assert traj.f_get_explored_parameters(fast_access=True) == {"parameters.x": 1.0, "parameters.g.n": 1}


def test_more_parameters_can_be_explored_if_the_length_fits(traj: Any) -> None:
    traj.f_explore({"x": [1.0, 2.0]})
    traj.v_idx = 1
    traj.f_explore({"g.n": [4, 5]})
    assert (traj.x, traj.n) == (2.0, 5), "also at a run"
    with pytest.raises(ValueError):
        traj.f_explore({"text": ["a"]})
    assert not traj.f_get("text").f_has_range()


@pytest.mark.parametrize(
    ("points", "error"),
    [
        ({"x": [1.0, 2.0], "n": [1]}, ValueError),
        ({"x": [1.0, 2.0], "n": [1, 2.0]}, TypeError),
        ({"x": [1.0, 2.0], "n": []}, ValueError),
        ({"x": [1.0], "nothing": [1]}, AttributeError),
        ({"x": [1.0], "r": [1]}, ValueError),
        ({"x": [1.0], "empty": [1]}, TypeError),
        ({"x": [1.0], "parameters.x": [2.0]}, ValueError),
        ({"x": [1.0], "text": "abc"}, TypeError),
        ({"x": [1.0], "n": 5}, TypeError),
        ({}, ValueError),
        ([1.0], TypeError),
    ],
)
def test_a_refused_exploration_changes_nothing(traj: Any, points: Any, error: type[Exception]) -> None:
    locks = {name: leaf.v_locked for name, leaf in traj.f_get_parameters().items()}
    with pytest.raises(error):
        traj.f_explore(points)
    assert len(traj) == 1
    assert not any(leaf.f_has_range() for leaf in traj.f_get_parameters().values())
    assert {name: leaf.v_locked for name, leaf in traj.f_get_parameters().items()} == locks
    traj.f_explore({"x": [1.0, 2.0], "n": [1, 2]})
    assert len(traj) == 2


def test_messages_name_parameters(traj: Any) -> None:
    with pytest.raises(NodeNotFoundError, match=r"'txet'.*'text'") as caught:
        traj.f_explore({"txet": ["a"]})
    assert "parameters.g.n" in "".join(caught.value.__notes__)
    traj.f_explore({"x": [1.0, 2.0]})
    with pytest.raises(TypeError, match=r"explored already.*f_expand"):
        traj.f_explore({"x": [1.0, 2.0]})


def test_expanding_adds_points_or_changes_nothing(traj: Any) -> None:
    traj.f_expand({"x": [1.0, 2.0], "n": [1, 2]})
    for points, error in [
        ({"x": [3.0]}, TypeError),
        ({"x": [3.0], "n": [3], "text": ["b"]}, TypeError),
        ({"x": [3.0], "n": [3, 4]}, ValueError),
        ({"x": [3.0], "n": [3.0]}, TypeError),
    ]:
        with pytest.raises(error):
            traj.f_expand(points)
        assert len(traj) == 2
        assert traj.f_get("x").f_get_range() == [1.0, 2.0]
    traj.f_expand({"x": [3.0], "n": [3]})
    assert len(traj) == 3
    traj.v_idx = 2
    assert (traj.x, traj.n) == (3.0, 3)


def test_shrinking_forgets_points(traj: Any) -> None:
    traj.f_explore({"x": [1.0, 2.0]})
    traj.v_idx = 1
    traj.f_shrink()
    assert (len(traj), traj.v_idx, traj.x) == (1, -1, 1.0)
    assert not traj.f_get("x").f_has_range()


def test_a_stored_trajectory_shrinks_by_force_only() -> None:
    traj = Trajectory("t", filename=":memory:")
    traj.f_add_parameter("x", 1.0)
    traj.f_explore({"x": [1.0, 2.0]})
    traj.f_store()
    with pytest.raises(TypeError, match="force=True"):
        traj.f_shrink()
    traj.f_shrink(force=True)
    assert len(traj) == 1


def test_after_a_run_only_expanding_is_possible() -> None:
    env = Environment(filename=":memory:")
    traj = env.traj
    traj.f_add_parameter("x", 1.0)
    traj.f_add_parameter("y", 1.0)
    traj.f_explore({"x": [1.0, 2.0]})
    env.run(lambda traj: traj.x)
    with pytest.raises(TypeError, match="Runs of the trajectory are done"):
        traj.f_explore({"y": [1.0, 2.0]})
    traj.f_expand({"x": [3.0]})
    assert env.run(lambda traj: traj.x) == [(2, 3.0)]


def test_points_are_found_by_their_values(traj: Any) -> None:
    traj.f_explore({"x": [10.0, 30.0, 90.0, 110.0, 184.0, 190.0]})
    assert list(traj.f_find_idx("x", lambda x: 30 < x < 120)) == [2, 3]
    assert list(traj.f_find_idx(["x", "n"], lambda x, n: x * n > 150)) == [4, 5]
    traj.v_idx = 1
    assert list(traj.f_find_idx("parameters.x", lambda x: x == 10.0)) == [0]
    assert (traj.v_idx, traj.x) == (1, 30.0)
    with pytest.raises(TypeError, match="no parameter"):
        traj.f_find_idx("r", bool)
    with pytest.raises(NodeNotFoundError):
        traj.f_find_idx("nothing", bool)
