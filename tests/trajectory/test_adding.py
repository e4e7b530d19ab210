"""Do new nodes go where they belong, and are wrong ones refused?"""

from __future__ import annotations

from typing import Any

import pytest

from pypet_ng import (
    ConfigGroup,
    DerivedParameterGroup,
    Environment,
    NNGroupNode,
    Parameter,
    ParameterGroup,
    Result,
    ResultGroup,
    Trajectory,
)
from pypet_ng.errors import (
    InvalidNameError,
    NameTakenError,
    NodeNotFoundError,
    NotInRunError,
    ParameterLockedException,
)


@pytest.fixture
def traj() -> Any:
    return Trajectory("t", add_time=False)


class Mine(Result):
    """A class of a user."""


@pytest.mark.parametrize(
    ("method", "branch", "group"),
    [
        ("f_add_parameter", "parameters", ParameterGroup),
        ("f_apar", "parameters", ParameterGroup),
        ("f_add_config", "config", ConfigGroup),
        ("f_aconf", "config", ConfigGroup),
        ("f_add_derived_parameter", "derived_parameters", DerivedParameterGroup),
        ("f_adpar", "derived_parameters", DerivedParameterGroup),
        ("f_add_result", "results", ResultGroup),
        ("f_ares", "results", ResultGroup),
    ],
)
def test_a_leaf_goes_into_its_branch_with_or_without_the_prefix(
    traj: Any, method: str, branch: str, group: type
) -> None:
    leaf = getattr(traj, method)("a.x", 1, comment="first")
    assert leaf.v_full_name == f"{branch}.a.x"
    assert leaf.v_comment == "first"
    assert getattr(traj, method)(f"{branch}.a.y", 2).v_full_name == f"{branch}.a.y"
    assert getattr(traj[branch].a, method)("z", 3).v_full_name == f"{branch}.a.z"
    assert type(traj[branch]) is type(traj[branch].a) is group
    assert traj.f_get(f"{branch}.a.x") is leaf
    assert leaf.f_get_parent() is traj[branch].a


def test_adding_takes_a_class_or_an_instance(traj: Any) -> None:
    assert type(traj.f_add_result(Mine, "a.m", 1)) is Mine
    mine = Mine("a.n", 2, comment="ready")
    assert traj.f_add_result(mine) is mine
    assert mine.v_full_name == "results.a.n"
    assert traj.f_add_result(full_name="k", v=1).v == 1
    traj.v_standard_result = Mine
    assert type(traj.f_add_result("standard")) is Mine
    with pytest.raises(ValueError, match="already hangs in a tree"):
        traj.f_add_result(mine)
    with pytest.raises(ValueError, match="needs its name"):
        traj.f_add_result()
    with pytest.raises(ValueError, match="A name is text"):
        traj.f_add_result(5)
    with pytest.raises(ValueError, match="no further data"):
        traj.f_add_result(Mine("b"), 5)
    with pytest.raises(TypeError, match="derive it from"):
        traj.f_add_result(int, "b")


def test_parameters_and_results_do_not_mix(traj: Any) -> None:
    with pytest.raises(TypeError, match="is a result"):
        traj.f_add_parameter(Result, "x", 1)
    with pytest.raises(TypeError, match="is a parameter"):
        traj.f_add_result(Parameter("x", 1))
    with pytest.raises(TypeError, match="is a parameter"):
        traj.f_add_leaf(Parameter, "results.x", 1)
    assert "x" not in traj


def test_generic_leaves_take_the_kind_of_their_place(traj: Any) -> None:
    assert type(traj.f_add_leaf("parameters.x", 1)) is Parameter
    assert type(traj.f_add_leaf("results.x", 1)) is Result
    assert type(traj.f_add_leaf("elsewhere.x", 1)) is Result
    assert type(traj.f_get("elsewhere")) is NNGroupNode
    assert type(traj.f_add_group("config.g", "a comment")) is ConfigGroup
    assert traj.config.g.v_comment == "a comment"
    assert traj.f_add_result_group("empty.one").v_full_name == "results.empty.one"
    for name in ("results", "parameters"):
        with pytest.raises(InvalidNameError, match="four branches"):
            traj.f_add_leaf(name, 1)


def test_a_name_in_use_is_refused_or_kept(traj: Any) -> None:
    old = traj.f_add_parameter("x", 1)
    with pytest.raises(NameTakenError, match=r"'parameters.x'.*f_remove_child"):
        traj.f_add_parameter("x", 2)
    with pytest.raises(NameTakenError, match="holds data"):
        traj.f_add_parameter("x.y", 2)
    traj.f_add_parameter_group("g")
    traj.v_no_clobber = True
    with pytest.warns(UserWarning, match="'parameters.x' is there already"):
        assert traj.f_add_parameter("x", 2) is old
    with pytest.warns(UserWarning, match="v_no_clobber"):
        assert traj.f_add_parameter_group("g") is traj.parameters.g
    assert traj.x == 1


def test_assigning_sets_adds_or_links(traj: Any) -> None:
    traj.f_add_parameter("x", 1)
    traj.x = 2
    assert traj.x == 2
    with pytest.raises(ParameterLockedException):
        traj.x = 3
    traj.f_add_result("r", 1)
    traj.r = 5
    traj["results.r"] = 6
    assert traj.r == 6
    traj.parameters.y = Parameter("", 7)
    traj.parameters.g = Parameter("g.z", 8)
    assert (traj.y, traj.g.z) == (7, 8)
    traj.results.w = Result("", 9)
    assert traj.w == 9, "the item is named as the result"
    traj.other = traj.f_get("y")
    assert traj.f_get("other") is traj.f_get("y")
    traj.f_add_result("two", 1, 2)
    with pytest.raises(AttributeError, match="which of its items"):
        traj.two = 3
    with pytest.raises(AttributeError, match="is a group"):
        traj.g = 3
    with pytest.raises(AttributeError, match="give it that name"):
        traj.parameters.q = Parameter("p", 1)
    with pytest.raises(NodeNotFoundError):
        traj.unknown = 3
    with pytest.raises(AttributeError):
        traj.v_name = "new"


def test_a_removed_leaf_can_be_added_again(traj: Any) -> None:
    leaf = traj.f_add_parameter("a.x", 1)
    traj.parameters.a.f_remove_child("x")
    assert traj.parameters.f_add_parameter(leaf) is leaf
    assert leaf.v_full_name == "parameters.parameters.a.x", "the name it had, below the group"
    traj.f_remove_item("parameters.parameters", recursive=True)
    traj.f_add_parameter(Parameter("b.x", 1))
    assert traj.x == 1


def run_once(function: Any, **options: Any) -> Any:
    env = Environment(filename=":memory:", **options)
    env.traj.f_add_parameter("x", 1.0)
    env.traj.f_add_result("before", 1)
    env.traj.f_explore({"x": [1.0, 2.0]})
    env.run(function)
    return env.traj


def test_in_a_run_results_go_below_the_run() -> None:
    def function(traj: Any) -> None:
        own = f"runs.{traj.v_crun}"
        names = {
            f"results.{own}.z": traj.f_add_result("z", 1),
            f"results.{own}.g.z": traj.f_add_result("g.z", 1),
            f"results.{own}.p": traj.f_add_result("results.p", 1),
            f"results.{own}.q": traj.results.f_add_result("q", 1),
            f"results.{own}.r": traj.results.runs.f_add_result("r", 1),
            f"results.{own}.g.s": traj.results.runs.crun.g.f_add_result("s", 1),
            f"results.{own}.t": traj.f_add_result("runs.$.t", 1),
            f"results.here.{traj.v_crun}.u": traj.f_add_result("here.crun.u", 1),
            "results.run_ALL.w": traj.f_add_result("run_ALL.w", 1) if traj.v_idx == 0 else None,
            f"derived_parameters.{own}.d": traj.f_add_derived_parameter("d", 1),
            f"results.{own}.e.f": traj.f_add_result_group("e.f"),
        }
        for name, node in names.items():
            assert node is None or node.v_full_name == name
            assert node is None or traj.f_get(name) is node
        assert (traj.z, traj.results.runs.crun.p, traj.d) == (1, 1, 1)
        traj.v_auto_run_prepend = False
        try:
            assert traj.f_add_result(f"free_{traj.v_idx}", 1).v_location == "results"
        finally:
            traj.v_auto_run_prepend = True

    traj = run_once(function)
    assert not traj.f_contains("z", shortcuts=True), "what runs add is stored and taken out"
    assert traj.before == 1


def test_in_a_run_what_all_share_is_not_changed() -> None:
    def function(traj: Any) -> None:
        for add in (
            traj.f_add_parameter,
            traj.f_add_config,
            traj.f_add_parameter_group,
            traj.f_add_config_group,
            traj.parameters.f_add_leaf,
            traj.parameters.f_add_group,
            lambda name: traj.f_add_leaf(f"parameters.{name}", 1),
            lambda name: traj.parameters.f_add_link(name, traj.f_get("before")),
        ):
            with pytest.raises(NotInRunError, match="during a single run"):
                add("new")
        for call in (
            lambda: traj.f_explore({"x": [1.0]}),
            lambda: traj.f_expand({"x": [1.0]}),
            lambda: traj.f_load(),
            lambda: traj.f_iter_runs(),
            lambda: traj.f_get_from_runs("z"),
            lambda: traj.f_find_idx("x", bool),
            lambda: traj.f_set_crun(0),
            lambda: setattr(traj, "v_idx", 0),
            lambda: setattr(traj, "v_comment", "new"),
            lambda: traj.f_preset_parameter("y", 1),
        ):
            with pytest.raises(TypeError, match="during a single run"):
                call()

    run_once(function)


def test_a_run_leaves_the_tree_as_it_was() -> None:
    def function(traj: Any) -> Any:
        for k in range(traj.v_idx + 1):
            traj.f_add_result(f"g.z{k}", k)
        traj.f_add_leaf("elsewhere.leaf", 1)
        traj.results.runs.crun.f_add_link("again", traj.f_get("g.z0"))
        return traj.f_add_result("kept", 5)

    before = {"parameters", "parameters.x", "results", "results.before"}
    traj = run_once(function)
    tree = traj._session.tree
    left = {
        ".".join(node.path)
        for node in tree.walk(tree.root)
        if not hasattr(node, "children") and node.branch != "config"
    }
    assert left == {name for name in before if name.count(".")}
    assert not tree.linked
    assert not tree.root.children["results"].children["runs"].children


def test_without_clean_up_the_results_stay() -> None:
    traj = run_once(lambda traj: traj.f_add_result("z", traj.x) and None, clean_up_runs=False)
    assert [traj.results.runs[i].z for i in (0, 1)] == [1.0, 2.0]
