"""Are the nodes below a group listed completely, in order, and once?"""

from __future__ import annotations

from typing import Any

import pytest

from pypet_ng import Trajectory


@pytest.fixture
def traj() -> Any:
    traj = Trajectory("t", add_time=False)
    traj.f_add_parameter("a.x", 1)
    traj.f_add_parameter("a.b.y", 2)
    traj.f_add_parameter("z", 3)
    traj.f_add_result("a.x", 4)
    return traj


def names(nodes: Any) -> list[str]:
    return [node.v_full_name for node in nodes]


def test_iteration_is_breadth_first(traj: Any) -> None:
    par = traj.parameters
    assert names(par.f_iter_nodes()) == [
        "parameters.a",
        "parameters.z",
        "parameters.a.x",
        "parameters.a.b",
        "parameters.a.b.y",
    ]
    assert names(par.f_iter_leaves()) == ["parameters.z", "parameters.a.x", "parameters.a.b.y"]
    assert names(par.f_iter_nodes(recursive=False)) == names(par) == ["parameters.a", "parameters.z"]
    assert names(par.f_iter_nodes(max_depth=2)) == names(par.f_iter_nodes())[:4]
    traj.v_iter_recursive = True
    assert names(par) == names(par.f_iter_nodes())


def test_each_node_comes_once_even_through_links(traj: Any) -> None:
    traj.parameters.f_add_link("again", traj.parameters.a)
    traj.parameters.a.f_add_link("circle", traj.parameters)
    found = names(traj.f_iter_nodes())
    assert len(found) == len(set(found))
    assert "parameters.a.x" in found
    assert names(traj.parameters.a.f_iter_nodes(with_links=False)) == [
        "parameters.a.x",
        "parameters.a.b",
        "parameters.a.b.y",
    ]


def test_a_predicate_drops_subtrees(traj: Any) -> None:
    assert names(traj.parameters.f_iter_nodes(predicate=lambda node: node.v_name != "a")) == ["parameters.z"]
    for i in range(3):
        traj.f_add_result(f"runs.run_{i}.z", i)
    traj.f_add_result("runs.run_ALL.z", -1)
    runs = traj.results.runs
    assert [n.f_get() for n in runs.f_iter_nodes(predicate=(1, -1)) if n.v_is_leaf] == [1, -1]


def test_the_tree_may_be_changed_while_it_is_listed(traj: Any) -> None:
    for node in traj.parameters:
        traj.parameters.f_remove_child(node.v_name, recursive=True)
        traj.parameters.f_add_parameter(f"new_{node.v_name}", 1)
    assert names(traj.parameters) == ["parameters.new_a", "parameters.new_z"]


def test_to_dict_gives_leaves_or_values(traj: Any) -> None:
    par = traj.parameters
    assert par.f_to_dict(fast_access=True) == {
        "parameters.z": 3,
        "parameters.a.x": 1,
        "parameters.a.b.y": 2,
    }
    assert par.f_to_dict(short_names=True, fast_access=True) == {"z": 3, "x": 1, "y": 2}
    assert par.f_to_dict(nested=True, fast_access=True) == {"z": 3, "a": {"x": 1, "b": {"y": 2}}}
    assert traj.f_to_dict()["parameters.a.x"] is traj.f_get("parameters.a.x")
    with pytest.raises(ValueError, match="are called 'x'"):
        traj.f_to_dict(short_names=True)
    for option in ("fast_access", "short_names", "nested"):
        with pytest.raises(ValueError, match="copy=False"):
            traj.f_to_dict(copy=False, **{option: True})


def test_counts_and_dictionaries_agree(traj: Any) -> None:
    par = traj.parameters
    par.f_add_link("link", traj.f_get("parameters.a.x"))
    assert (par.f_children(), par.f_groups(), par.f_leaves(), par.f_links()) == (3, 1, 1, 1)
    assert par.f_has_children()
    assert par.f_has_groups()
    assert par.f_has_leaves()
    assert par.f_has_links()
    assert list(par.f_get_children()) == ["a", "z", "link"]
    assert par.f_get_groups() == {"a": par.a}
    assert list(par.f_get_leaves()) == ["z"]
    assert par.f_get_links() == {"link": traj.f_get("parameters.a.x")}
    live = par.f_get_children(copy=False)
    par.f_add_parameter("w", 1)
    assert "w" in live
    assert len(live) == 4
    assert {"a", "z", "w"} <= set(dir(par))
    assert not traj.f_add_parameter_group("empty").f_has_children()


def test_dictionaries_of_branches_have_full_names(traj: Any) -> None:
    assert traj.f_get_parameters(fast_access=True) == {
        "parameters.a.x": 1,
        "parameters.a.b.y": 2,
        "parameters.z": 3,
    }
    assert traj.f_get_results() == {"results.a.x": traj.f_get("results.a.x")}
    assert traj.f_get_config() == traj.f_get_derived_parameters() == {}
    with pytest.raises(ValueError, match="copy=True"):
        traj.f_get_parameters(fast_access=True, copy=False)
    assert not traj.f_is_empty()
    assert Trajectory("none").f_is_empty()


def test_removing_takes_subtrees_from_memory(traj: Any) -> None:
    group = traj.parameters.a
    with pytest.raises(TypeError, match="recursive=True"):
        traj.parameters.f_remove_child("a")
    with pytest.raises(ValueError, match="no child 'b'"):
        traj.parameters.f_remove_child("b")
    with pytest.raises(ValueError, match="cannot be removed"):
        traj.f_remove(recursive=False)
    group.f_remove()
    assert traj.f_get_all("y") == []
    with pytest.raises(TypeError, match="was removed"):
        group.x  # noqa: B018
    traj.f_remove()
    assert traj.f_is_empty()


def test_removing_by_predicate_keeps_what_does_not_meet_it(traj: Any) -> None:
    traj.parameters.f_remove_child("a", recursive=True, predicate=lambda node: node.v_name != "x")
    assert names(traj.parameters.f_iter_nodes()) == ["parameters.a", "parameters.z", "parameters.a.x"]
    traj.parameters.f_remove(predicate=lambda node: True)
    assert "parameters" not in traj.f_get_children()
    traj.f_remove(predicate=lambda node: node.v_branch == "results")
    assert not traj.f_has_children()
