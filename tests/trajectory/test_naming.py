"""Do names lead to the nodes that are meant?"""

from __future__ import annotations

from typing import Any

import pytest

from pypet_ng import NotUniqueNodeError, Parameter, Trajectory
from pypet_ng.errors import DataNotInStorageError, InvalidNameError, NodeNotFoundError
from tests.engine.places import Place


@pytest.fixture
def traj() -> Any:
    traj = Trajectory("t", add_time=False)
    traj.f_add_parameter("neuron.tau", 10.0, comment="ms")
    traj.f_add_parameter("neuron.v_rest", -70.0)
    traj.f_add_parameter("sim.deep.dt", 0.1)
    traj.f_add_result("spikes.count", 3)
    traj.f_add_result("two", 1, 2)
    return traj


def test_all_forms_of_access_give_the_same_node(traj: Any) -> None:
    tau = traj.f_get("parameters.neuron.tau")
    assert isinstance(tau, Parameter)
    for form in ("tau", "neuron.tau", "par.tau", "parameters.tau", ["neuron", "tau"], ("par", "neuron.tau")):
        assert traj.f_get(form) is tau
    assert traj.parameters.neuron.tau == traj["neuron.tau"] == traj["neuron"]["tau"] == traj.tau == 10.0
    assert traj.kids.parameters.kids.neuron is traj.neuron


def test_fast_access_gives_values_and_locks(traj: Any) -> None:
    assert not traj.f_get("dt").v_locked
    assert traj.dt == 0.1
    assert traj.f_get("dt").v_locked
    assert traj.count == 3
    assert traj.two.two_1 == 2, "several items: the container"
    traj.v_fast_access = False
    assert traj.dt is traj.f_get("dt")
    assert traj.f_get("dt", fast_access=True) == 0.1
    assert traj.f_get_default("dt") == 0.1
    assert traj.f_get_default("nothing", 5) == 5


def test_an_empty_parameter_is_given_itself(traj: Any) -> None:
    empty = traj.f_add_parameter("empty")
    assert traj.empty is empty
    assert traj.empty is empty


def test_lowest_depth_wins_and_equal_depth_is_an_error(traj: Any) -> None:
    traj.f_add_parameter("a.x", 1)
    traj.f_add_parameter("b.c.x", 2)
    assert traj.x == 1
    traj.f_add_parameter("b.x", 3)
    with pytest.raises(NotUniqueNodeError, match=r"'parameters.a.x', 'parameters.b.x'.*more of the path"):
        traj.x  # noqa: B018
    assert traj.b.x == 3
    assert "x" in traj
    assert isinstance(NotUniqueNodeError(), AttributeError)


def test_names_that_look_like_methods_are_reachable_if_they_are_none(traj: Any) -> None:
    assert traj.v_rest == -70.0
    traj.f_get("v_rest").f_unlock()
    traj.v_rest = -65.0
    assert traj.v_rest == -65.0


def test_an_unknown_name_says_where_and_suggests_near_ones(traj: Any) -> None:
    with pytest.raises(NodeNotFoundError, match=r"'tua' is not part of trajectory 't'.*'tau'"):
        traj.tua  # noqa: B018
    with pytest.raises(AttributeError, match=r"part of 'parameters.neuron'"):
        traj.neuron.nothing  # noqa: B018
    with pytest.raises(AttributeError, match="v_auto_load"):
        traj.v_auto_laod  # noqa: B018
    with pytest.raises(AttributeError, match="v_auto_load"):
        traj.v_auto_laod = True
    with pytest.raises(NodeNotFoundError):
        traj[""]
    with pytest.raises(TypeError, match="A name is text"):
        traj[1.5]
    assert not hasattr(traj, "__array__")


def test_max_depth_and_shortcuts_limit_the_search(traj: Any) -> None:
    assert traj.f_get("dt", max_depth=4).v_full_name == "parameters.sim.deep.dt"
    with pytest.raises(NodeNotFoundError):
        traj.f_get("dt", max_depth=3)
    with pytest.raises(ValueError, match="limited to a depth of 1"):
        traj.f_get("sim.dt", max_depth=1)
    with pytest.raises(NodeNotFoundError):
        traj.f_get("dt", shortcuts=False)
    assert traj.f_get("parameters.sim.deep.dt", shortcuts=False).f_get() == 0.1


def test_switches_hold_for_names_that_were_looked_up_before(traj: Any) -> None:
    assert traj.dt == 0.1
    traj.v_shortcuts = False
    with pytest.raises(NodeNotFoundError):
        traj.dt  # noqa: B018
    assert "dt" not in traj
    assert "parameters.sim.deep.dt" in traj
    traj.v_shortcuts = True
    traj.v_max_depth = 2
    with pytest.raises(NodeNotFoundError):
        traj.dt  # noqa: B018
    traj.v_max_depth = None
    assert traj.dt == 0.1
    traj.f_set_properties(v_max_depth=1, fast_access=False)
    assert (traj.v_max_depth, traj.v_fast_access) == (1, False)
    with pytest.raises(AttributeError, match="v_colour"):
        traj.f_set_properties(colour=1)


def test_contains_takes_names_and_nodes(traj: Any) -> None:
    tau = traj.f_get("tau")
    assert "results" in Trajectory("empty"), "asking for a branch makes it"
    assert traj.f_contains("parameters.neuron.tau")
    assert not traj.f_contains("tau")
    assert traj.f_contains("tau", shortcuts=True)
    assert tau in traj
    assert tau in traj.neuron
    assert tau not in traj.sim
    assert Parameter("parameters.neuron.tau", 10.0) not in traj
    assert not traj.f_contains(tau, max_depth=2)


def test_get_all_lists_every_node_of_a_name(traj: Any) -> None:
    for name in ("a.x", "b.x", "a.b.x"):
        traj.f_add_parameter(name, 1)
    assert sorted(n.v_full_name for n in traj.f_get_all("x")) == [
        "parameters.a.b.x",
        "parameters.a.x",
        "parameters.b.x",
    ]
    assert [n.v_full_name for n in traj.f_get_all("b.x", max_depth=3)] == ["parameters.b.x"]
    assert traj.f_get_all("nothing") == []
    assert traj.f_get_all("x", shortcuts=False) == []


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("res.runs.r_7.z", "results.runs.run_00000007.z"),
        ("dpar.run_7.z", "derived_parameters.run_00000007.z"),
        ("par.r_A.z", "parameters.run_ALL.z"),
        ("conf.rts_4042.z", "config.run_set_00004.z"),
        ("res.runtoset_12000000.z", "results.run_set_12000.z"),
        ("res.$.z", "results.run_ALL.z"),
        ("res.crunset.crun.z", "results.run_set_ALL.run_ALL.z"),
    ],
)
def test_abbreviations_are_translated_when_adding_and_when_reading(given: str, meant: str) -> None:
    traj = Trajectory("t")
    leaf = traj.f_add_leaf(given, 5)
    assert leaf.v_full_name == meant
    assert traj.f_get(given) is leaf


def test_own_wildcards_take_part() -> None:
    traj = Trajectory("t", wildcard_functions={("$mine", "mine"): lambda i: "none" if i < 0 else f"my_{i}"})
    traj.f_add_result("mine.z", 1)
    assert traj.f_get("z").v_full_name == "results.none.z"
    assert traj.f_is_wildcard("$mine")
    assert traj.f_wildcard("mine", 3) == "my_3"
    assert traj.f_wildcard("$", 3) == "run_00000003"
    assert ("$mine", "mine") in traj.f_get_wildcards()
    with pytest.raises(ValueError, match="'mine' is given twice"):
        traj.f_add_wildcard_functions({("mine",): str})
    traj.f_add_result("later", 1)
    traj.f_add_wildcard_functions({"later": lambda i: f"later_{i}"})
    assert traj.f_add_result("later", 2).v_name == "later_-1"
    with pytest.raises(ValueError, match="no wildcard"):
        traj.f_wildcard("yours")


@pytest.mark.parametrize("name", ["", "a..b", "_a", "a b", "a/b", "ä", "x" * 128, "a.$%"])
def test_impossible_names_are_refused(name: str) -> None:
    traj = Trajectory("t")
    for add in (traj.f_add_parameter, traj.f_add_result, traj.f_add_leaf, traj.f_add_group):
        with pytest.raises(InvalidNameError):
            add(name)
    with pytest.raises(InvalidNameError, match="overview"):
        traj.f_add_leaf("overview", 1)
    assert traj.f_add_result("overview", 1).v_full_name == "results.overview"


@pytest.mark.parametrize("name", ["for", "v_name", "f_get", "vars"])
def test_words_of_python_and_of_the_package_only_warn(name: str) -> None:
    for _ in range(2):  # each time
        traj = Trajectory("t")
        with pytest.warns(SyntaxWarning, match=r"can be reached by \["):
            traj.f_add_parameter(name, 1)
        assert traj[name] == 1


def test_auto_load_finds_by_exact_path_and_fills(place: Place) -> None:
    env = place.env()
    env.traj.f_add_parameter("g.x", 1.5)
    env.traj.f_store()
    traj = place.load(load_data=0)
    with pytest.raises(NodeNotFoundError):
        traj.parameters.g.x  # noqa: B018
    traj.v_auto_load = True
    assert traj.parameters.g.x == 1.5
    assert traj.x == 1.5
    with pytest.raises(DataNotInStorageError):
        traj.parameters.nothing  # noqa: B018
    assert traj.f_get_default("parameters.nothing", 7, auto_load=True) == 7
    with pytest.raises(ValueError, match="with_links"):
        traj.f_get("x", auto_load=True, with_links=False)
    skeleton = place.load(load_data=1)
    assert skeleton.f_get("x").f_is_empty()
    skeleton.v_auto_load = True
    assert skeleton.x == 1.5
