"""Do nodes show what they are in one readable line?"""

from __future__ import annotations

from typing import Any

import pytest

from pypet_ng import Trajectory


@pytest.fixture
def traj() -> Any:
    traj = Trajectory("t", add_time=False, comment="What it is for")
    traj.f_add_parameter("g.x", 1.5, comment="an x")
    traj.f_add_result_group("empty", "no results yet")
    return traj


def test_groups_show_class_name_comment_and_children(traj: Any) -> None:
    assert repr(traj) == (
        "Trajectory t (len:1, What it is for): (parameters: <ParameterGroup>), (results: <ResultGroup>)"
    )
    assert str(traj.parameters.g) == "ParameterGroup parameters.g: (x: <Parameter>)"
    assert str(traj.results.empty) == "ResultGroup results.empty (no results yet)"
    assert repr(traj.f_get("x")) == "Parameter parameters.g.x (`an x`): 1.5"


def test_long_output_is_cut(traj: Any) -> None:
    for i in range(50):
        traj.f_add_result(f"many.r{i}", i)
    traj.results.many.v_comment = "word " * 1000
    text = repr(traj.results.many)
    assert text.endswith(", ...")
    assert len(text) < 500


def test_showing_a_parameter_does_not_lock_it(traj: Any) -> None:
    str(traj), repr(traj.f_get("x")), dir(traj)
    assert not traj.f_get("x").v_locked


def test_nodes_know_where_they_are(traj: Any) -> None:
    x = traj.f_get("x")
    assert (x.v_name, x.v_full_name, x.v_location) == ("x", "parameters.g.x", "parameters.g")
    assert (x.v_depth, x.v_branch, x.v_run_branch) == (3, "parameters", "trajectory")
    assert (x.v_is_leaf, x.v_is_group, x.v_is_root, x.v_is_parameter) == (True, False, False, True)
    g = traj.parameters.g
    assert (g.v_is_leaf, g.v_is_group, g.v_is_root) == (False, True, False)
    assert (traj.v_full_name, traj.v_name, traj.v_depth, traj.v_is_root) == ("", "t", 0, True)
    assert g.v_root is traj
    assert x.f_get_parent() is g
    assert g.f_get_class_name() == "ParameterGroup"
    with pytest.raises(TypeError, match="no parent"):
        traj.f_get_parent()


def test_prefixes_can_be_left_to_vars_and_func(traj: Any) -> None:
    assert traj.vars.name == "t"
    traj.parameters.g.vars.comment = "set"
    assert traj.parameters.g.v_comment == "set"
    assert traj.func.get("x") is traj.f_get("x")
    assert {"name", "comment"} <= set(dir(traj.vars))
    assert "get_all" in dir(traj.func)
    assert dir(traj.parameters.kids) == ["g"]
    with pytest.raises(AttributeError, match="no child 'gg'"):
        traj.parameters.kids.gg  # noqa: B018


def test_comments_are_text(traj: Any) -> None:
    with pytest.raises(TypeError, match="A comment is text"):
        traj.parameters.v_comment = 5
