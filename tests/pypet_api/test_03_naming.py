"""Do names lead where section 3 says?"""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from pypet_ng import (
    DataNotInStorageError,
    Environment,
    NotUniqueNodeError,
    Parameter,
    Result,
    Trajectory,
    load_trajectory,
)
from tests.pypet_api.api import WORKERS, line, run_some


@pytest.fixture
def traj() -> Any:
    traj = Trajectory("t", add_time=False)
    traj.f_add_parameter("a.b.x", 1)
    traj.f_add_result("r", 5)
    traj.f_add_result("many", 1, 2)
    return traj


@line("3: access forms")
def test_forms_of_access(line: str, traj: Any) -> None:
    assert traj.a.b.x == traj["a.b.x"] == traj["a"]["b"]["x"] == traj[["a", "b.x"]] == 1
    assert traj.f_get("a.b.x") is traj.f_get(("a", "b", "x"))
    leaf = traj.f_add_leaf("results.runs.run_00000002.z", 9)
    assert traj.res.runs[2].f_get("z") is leaf


@line("3: fast access")
def test_fast_access(line: str, traj: Any) -> None:
    assert traj.r == 5
    assert type(traj.many) is Result
    assert traj.f_get("x").f_get_class_name() == "Parameter"
    assert traj.f_get("x", fast_access=True) == 1
    assert traj.f_get("x").v_locked
    assert traj.f_get_default("absent", 7) == 7
    assert traj.f_get_default("x") == 1
    traj.v_fast_access = False
    assert type(traj.x) is Parameter


@line("3: shortcuts")
def test_the_lowest_depth_wins(line: str, traj: Any) -> None:
    traj.f_add_parameter("x", 2)
    assert traj.x == 2
    assert traj.b.x == 1
    traj.f_add_parameter("c.x", 3)
    traj.parameters.f_remove_child("x")
    assert traj.x == 3
    traj.f_add_parameter("d.x", 4)
    with pytest.raises(NotUniqueNodeError):
        traj.x  # noqa: B018


@line("3: v_max_depth")
def test_the_search_is_limited(line: str, traj: Any) -> None:
    traj.v_max_depth = 3
    assert "b" in traj
    assert "x" not in traj
    with pytest.raises(AttributeError):
        traj.x  # noqa: B018
    with pytest.raises((ValueError, AttributeError)):
        traj.f_get("parameters.a.b.x", max_depth=2)
    assert traj.f_get("x", max_depth=4).f_get() == 1


@line("3: always-on abbreviations")
def test_abbreviations(line: str, traj: Any) -> None:
    assert traj.par is traj.parameters
    assert (traj.conf, traj.dpar, traj.res) == (traj.config, traj.derived_parameters, traj.results)
    leaf = traj.f_add_leaf("res.runs.r_7.z", 1)
    assert leaf.v_full_name == "results.runs.run_00000007.z"
    assert traj.res.runs.run_7.f_get("z") is leaf
    assert traj.f_add_leaf("results.r_A.q", 1).v_full_name == "results.run_ALL.q"
    assert traj.f_add_leaf("results.rts_4042.q", 1).v_full_name == "results.run_set_00004.q"
    assert traj.f_add_result("my.param", 1).v_full_name == "results.my.param"


@line("3: wildcard resolution on read")
def test_wildcards_mean_the_run_then_all(line: str) -> None:
    traj = Trajectory("t", add_time=False)
    traj.f_add_parameter("x", 1)
    traj.f_explore({"x": [1, 2]})
    traj.f_add_leaf("results.run_ALL.only", "all")
    traj.f_add_leaf("results.run_ALL.z", "all")
    traj.f_add_leaf("results.run_00000001.z", "one")
    assert traj.results.crun.z == "all"
    traj.v_idx = 1
    assert traj.results.crun.z == traj["results.$.z"] == "one"
    assert traj.f_get("results.$.only").f_get() == "all"
    with pytest.raises(AttributeError, match="run_00000001"):
        traj.parameters.crun.z  # noqa: B018


@line("3: wildcard on add")
@pytest.mark.parametrize("workers", WORKERS)
def test_wildcards_are_replaced_when_adding(line: str, workers: dict[str, Any]) -> None:
    def run(traj: Any) -> None:
        traj.f_add_result("g.$.u", traj.x)
        traj.f_add_result("$set.$.s", traj.x)
        traj.f_add_result("z", traj.x)

    traj = run_some(run, **workers)
    assert traj.f_add_result("$.before", 1).v_full_name == "results.run_ALL.before"
    traj.f_load(load_results=2)
    traj.v_idx = 2
    assert traj.results.g.crun.u == 2.0
    assert traj.f_get("results.$set.$.s").f_get() == 2.0
    assert traj.crun.v_full_name == "results.runs.run_00000002", "results.runs goes before results.g"
    assert traj.crun.z == 2.0


@line("3: own wildcards")
@pytest.mark.parametrize("workers", WORKERS)
def test_wildcards_of_ones_own(line: str, workers: dict[str, Any], tmp_path: pathlib.Path) -> None:
    def group_of(index: int) -> str:
        return f"group_{index // 2}" if index >= 0 else "group_ALL"

    def run(traj: Any) -> None:
        traj.f_add_result("$mine.$.z", traj.x)

    env = Environment(
        filename=str(tmp_path / "f.hdf5"),
        wildcard_functions={("$mine", "mine"): group_of},
        report_progress=False,
        log_config=None,
        **workers,
    )
    traj = env.traj
    assert ("$mine", "mine") in traj.f_get_wildcards()
    assert traj.f_is_wildcard("mine")
    assert traj.f_wildcard("mine", 3) == "group_1"
    with pytest.raises(ValueError):
        traj.f_add_wildcard_functions({("mine",): group_of})
    traj.f_add_parameter("x", 0.0)
    traj.f_explore({"x": [0.0, 1.0, 2.0]})
    env.run(run)
    loaded = load_trajectory(
        env.traj.v_name,
        filename=str(tmp_path / "f.hdf5"),
        load_data=2,
        wildcard_functions={("$mine", "mine"): group_of},
    )
    loaded.v_idx = 2
    assert loaded.results.mine.crun.z == 2.0
    assert loaded.results.group_1.run_00000002.z == 2.0


@line("3: own wildcards: $ must be one-to-one")
@pytest.mark.parametrize("workers", WORKERS)
def test_names_of_runs_of_ones_own(line: str, workers: dict[str, Any], tmp_path: pathlib.Path) -> None:
    def name_of(index: int) -> str:
        return f"try_{index}" if index >= 0 else "try_all"

    def run(traj: Any) -> str:
        traj.f_add_result("z", traj.x)
        name: str = traj.v_crun
        return name

    env = Environment(
        filename=str(tmp_path / "f.hdf5"),
        wildcard_functions={("$", "crun"): name_of},
        report_progress=False,
        log_config=None,
        **workers,
    )
    traj = env.traj
    traj.f_add_parameter("x", 0.0)
    traj.f_explore({"x": [0.0, 1.0]})
    assert env.run(run) == [(0, "try_0"), (1, "try_1")]
    assert traj.f_get_run_names() == ["try_0", "try_1"]
    assert (traj.f_idx_to_run("try_1"), traj.f_idx_to_run(1)) == (1, "try_1")
    loaded = load_trajectory(
        env.traj.v_name,
        filename=str(tmp_path / "f.hdf5"),
        load_data=2,
        wildcard_functions={("$", "crun"): name_of},
    )
    loaded.v_crun = "try_1"
    assert (loaded.v_idx, loaded.results.runs.crun.z, loaded.results.runs.try_0.z) == (1, 1.0, 0.0)
    bad = Trajectory("bad", add_time=False, wildcard_functions={("$", "crun"): lambda index: "same"})
    bad.f_add_parameter("x", 1)
    with pytest.raises(RuntimeError, match="same"):
        bad.f_explore({"x": [1, 2]})
    assert not bad.f_get("x").v_explored


@line("3: not found")
def test_what_is_not_there(line: str, tmp_path: pathlib.Path) -> None:
    traj = Trajectory("t", add_time=False, filename=str(tmp_path / "f.hdf5"))
    traj.f_store()
    with pytest.raises(AttributeError):
        traj.absent  # noqa: B018
    traj.v_auto_load = True
    with pytest.raises(DataNotInStorageError) as raised:
        traj.absent  # noqa: B018
    assert isinstance(raised.value, IOError)
    assert not isinstance(raised.value, AttributeError)


@line("3: assignment")
def test_assignments(line: str, traj: Any) -> None:
    traj.par.new = Parameter("", 5)
    traj.par.deep = Parameter("deep.er", 6)
    assert (traj.new, traj.deep.er) == (5, 6)
    with pytest.raises(AttributeError):
        traj.par.one = Parameter("two", 1)
    traj.res.link = traj.f_get("x")
    assert traj.res.link == 1
    traj.r = 8
    assert traj.r == 8
    for wrong in ("many", "absent"):
        with pytest.raises(AttributeError):
            setattr(traj, wrong, 1)
    with pytest.raises(AttributeError):
        traj.v_name = "other"


@line("3: forbidden names")
def test_forbidden_names(line: str, traj: Any) -> None:
    for name in ("", "a..b", "_a", "a b", "ä", "a" * 128, "a/b"):
        with pytest.raises(ValueError):
            traj.f_add_parameter(name, 1)
    with pytest.raises(ValueError):
        traj.f_add_group("overview")
    with pytest.warns(SyntaxWarning):
        traj.f_add_parameter("class", 1)
    assert traj["class"] == 1
    with pytest.warns(SyntaxWarning):
        traj.f_add_parameter("f_get", 1)


@line("3: names of trajectories")
@pytest.mark.parametrize("name", ["", "a/b", "a.b", " a"])
def test_trajectories_have_names_that_files_can_hold(line: str, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a trajectory"):
        Trajectory(name, add_time=False)
    with pytest.raises(ValueError, match="cannot name a trajectory"):
        Trajectory("t", add_time=False).f_migrate(new_name=name)


@line("3: duplicate name; v_no_clobber")
def test_names_in_use(line: str, traj: Any) -> None:
    with pytest.raises(AttributeError):
        traj.f_add_result("r", 6)
    traj.v_no_clobber = True
    with pytest.warns(UserWarning, match="v_no_clobber"):
        assert traj.f_add_result("r", 6) is traj.f_get("r")
    with pytest.warns(UserWarning, match="v_no_clobber"):
        assert traj.f_add_group("parameters.a") is traj.a
    assert traj.r == 5


@line("3: trajectory switches, f_set_properties")
def test_switches(line: str) -> None:
    traj = Trajectory("t", add_time=False)
    traj.f_set_properties(fast_access=False, v_max_depth=3)
    assert (traj.v_fast_access, traj.v_max_depth) == (False, 3)
    with pytest.raises(AttributeError):
        traj.f_set_properties(absent=1)
    env = Environment(filename=":memory:", v_auto_load=True, shortcuts=False, log_config=None)
    assert (env.traj.v_auto_load, env.traj.v_shortcuts) == (True, False)


@line("3: v_standard_parameter, v_standard_result, v_standard_leaf")
def test_standard_classes(line: str, traj: Any) -> None:
    class Own(Result):
        __slots__ = ()

    traj.v_standard_result = traj.v_standard_leaf = Own
    assert type(traj.f_add_result("own", 1)) is Own
    assert type(traj.f_add_leaf("generic.own", 1)) is Own
