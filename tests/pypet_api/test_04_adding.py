"""Does adding follow section 4?"""

from __future__ import annotations

from typing import Any

import pytest

from pypet_ng import ArrayParameter, Environment, Parameter, PickleResult, PresettingError, Result, Trajectory
from tests.pypet_api.api import WORKERS, line, run_some


@pytest.fixture
def traj() -> Any:
    return Trajectory("t", add_time=False)


@line("4: f_add_parameter, f_add_config, f_add_derived_parameter, f_add_result")
def test_three_forms_of_adding(line: str, traj: Any) -> None:
    assert traj.f_add_parameter("g.x", 1, comment="c").v_comment == "c"
    assert traj.f_add_config("c", 2).v_full_name == "config.c"
    assert traj.f_add_derived_parameter(ArrayParameter, "d", 3).f_get_class_name() == "ArrayParameter"
    assert traj.f_add_result(PickleResult, "a.b", x=1).x == 1
    ready = Result("deep.ready", 5)
    assert traj.f_add_result(ready) is ready
    assert ready.v_full_name == "results.deep.ready"
    with pytest.raises(ValueError):
        traj.f_add_parameter()


@line("4: abbreviations f_apar f_aconf f_adpar f_ares")
def test_short_names_of_methods(line: str, traj: Any) -> None:
    names = [traj.f_apar("a", 1), traj.f_aconf("b", 1), traj.f_adpar("c", 1), traj.f_ares("d", 1)]
    assert [leaf.v_branch for leaf in names] == ["parameters", "config", "derived_parameters", "results"]


@line("4: prefix rule")
def test_prefixes_may_be_given(line: str, traj: Any) -> None:
    assert traj.f_add_parameter("parameters.g.x", 1).v_full_name == "parameters.g.x"
    assert traj.parameters.g.f_add_parameter("y", 1).v_full_name == "parameters.g.y"
    assert traj.f_add_result("results.z", 1).v_full_name == "results.z"


@line("4: in a run")
@pytest.mark.parametrize("workers", WORKERS)
def test_runs_have_their_groups(line: str, workers: dict[str, Any]) -> None:
    def run(traj: Any) -> list[str]:
        names = [
            traj.f_add_result("z", 1).v_full_name,
            traj.f_add_derived_parameter("g.d", 1).v_full_name,
            traj.results.f_add_result("y", 1).v_full_name,
            traj.f_add_result("own.crun.q", 1).v_full_name,
            traj.f_add_result("fixed.run_ALL.q" + str(traj.v_idx), 1).v_full_name,
            traj.results.f_add_leaf(f"leaf_{traj.v_idx}", 1).v_full_name,
        ]
        traj.v_auto_run_prepend = False
        names.append(traj.f_add_result(f"flat_{traj.v_idx}", 1).v_full_name)
        traj.v_auto_run_prepend = True
        return names

    env = Environment(filename=":memory:", report_progress=False, log_config=None, **workers)
    assert env.run(run)[0][1] == [
        "results.runs.run_00000000.z",
        "derived_parameters.runs.run_00000000.g.d",
        "results.runs.run_00000000.y",
        "results.own.run_00000000.q",
        "results.fixed.run_ALL.q0",
        "results.leaf_0",
        "results.flat_0",
    ]


@line("4: in a run, forbidden")
@pytest.mark.parametrize("workers", WORKERS)
def test_what_runs_must_not_add(line: str, workers: dict[str, Any]) -> None:
    def run(traj: Any) -> int:
        refused = 0
        for add in (
            lambda: traj.f_add_parameter("p", 1),
            lambda: traj.f_add_config("c", 1),
            lambda: traj.f_add_leaf("parameters.p", 1),
            lambda: traj.f_add_group("config.g"),
            lambda: traj.f_add_parameter_group("g"),
            lambda: traj.f_explore({"x": [1.0]}),
            lambda: traj.f_expand({"x": [1.0]}),
            lambda: traj.f_load(),
            lambda: traj.f_merge(traj),
            lambda: traj.f_backup(),
            lambda: traj.f_set_crun(0),
            lambda: traj.f_iter_runs(),
            lambda: traj.f_get_from_runs("z"),
            lambda: traj.f_find_idx("x", bool),
        ):
            try:
                add()
            except TypeError:
                refused += 1
        return refused

    env = Environment(filename=":memory:", report_progress=False, log_config=None, **workers)
    env.traj.f_add_parameter("x", 1.0)
    assert env.run(run) == [(0, 14)]


@line("4: f_add_leaf, f_add_group; wrong group type under a branch")
def test_generic_adding_keeps_to_the_branch(line: str, traj: Any) -> None:
    assert type(traj.f_add_leaf("parameters.x", 1)) is Parameter
    assert type(traj.f_add_leaf("results.x", 1)) is Result
    for wrong in (
        lambda: traj.f_add_leaf("parameters.y", Result("y")),
        lambda: traj.f_ares(Parameter("p", 1)),
    ):
        with pytest.raises(TypeError):
            wrong()


@line("4: f_add_parameter_group, ...")
def test_empty_groups(line: str, traj: Any) -> None:
    groups = [
        traj.f_add_parameter_group("g"),
        traj.f_add_config_group("g"),
        traj.f_add_derived_parameter_group("g"),
        traj.f_add_result_group("g", comment="c"),
    ]
    assert [group.v_location for group in groups] == ["parameters", "config", "derived_parameters", "results"]
    assert groups[-1].v_comment == "c"


@line("4: f_add_to_dynamic_imports")
def test_dynamic_imports_are_checked_and_loaded_late(line: str, traj: Any) -> None:
    for wrong in (44, "NoModule", [Parameter, 1]):
        with pytest.raises(TypeError):
            traj.f_add_to_dynamic_imports(wrong)
    traj.f_add_to_dynamic_imports(["not_there.Own", ArrayParameter])
    with pytest.warns(DeprecationWarning, match="dynamic_imports"):
        Trajectory("u", dynamically_imported_classes=[ArrayParameter])


@line("4: f_preset_parameter, f_preset_config")
def test_presets(line: str) -> None:
    env = Environment(filename=":memory:", log_config=None, report_progress=False)
    traj = env.traj
    traj.f_preset_parameter("g.x", 5)
    traj.f_preset_config("c", 6)
    assert traj.f_add_parameter("g.x", 1).f_get() == 5
    assert traj.f_add_config("c", 1).f_get() == 6
    with pytest.raises(ValueError):
        traj.f_preset_parameter("g.x", 7)
    traj.f_preset_parameter("absent", 1)
    with pytest.raises(PresettingError):
        env.run(lambda traj: None)


@line("4: data added in a run")
@pytest.mark.parametrize("workers", WORKERS)
def test_everything_a_run_adds_is_stored(line: str, workers: dict[str, Any]) -> None:
    def run(traj: Any) -> None:
        traj.f_add_leaf(f"generic.by_{traj.v_idx}", traj.x)
        traj.f_add_result_group("empty", comment="nothing inside")

    traj = run_some(run, **workers)
    traj.f_load(load_data=2)
    assert [traj.generic[f"by_{place}"] for place in range(3)] == [0.0, 1.0, 2.0]
    assert traj.results.runs.run_00000001.empty.v_comment == "nothing inside"
