"""Does a trajectory at a run show that run, and nothing of the others?"""

from __future__ import annotations

from typing import Any

import pytest

from pypet_ng import NotUniqueNodeError
from pypet_ng.errors import NodeNotFoundError
from tests.engine.places import Place

XS = [1.0, 2.0, 3.0]


def simulate(traj: Any) -> None:
    traj.f_add_result("z", 10 * traj.x)
    if traj.v_idx == 1:
        traj.f_add_result("g.only", "one")


@pytest.fixture
def traj(place: Place) -> Any:
    env = place.env()
    env.traj.f_add_parameter("x", 1.0)
    env.traj.f_add_parameter("n", 5)
    env.traj.f_explore({"x": XS})
    env.run(simulate)
    return place.load(load_data=2)


def test_the_documented_loop_over_runs_works(traj: Any) -> None:
    """pypet's own documentation has it, and there it fails (its issue 49)."""
    seen = []
    for name in traj.f_get_run_names():
        traj.f_set_crun(name)
        seen.append((traj.v_crun, traj.x, traj.z, traj.crun.z, traj["$.z"], traj.f_get("z").v_run_branch))
    assert seen == [
        (f"run_0000000{i}", x, 10 * x, 10 * x, 10 * x, f"run_0000000{i}") for i, x in enumerate(XS)
    ]


def test_setting_a_run_moves_parameters_and_names(traj: Any) -> None:
    traj.v_idx = 2
    assert (traj.x, traj.v_crun, traj.v_crun_, traj.v_idx) == (3.0, "run_00000002", "run_00000002", 2)
    traj.v_crun = "r_1"
    assert (traj.x, traj.v_idx) == (2.0, 1)
    traj.f_restore_default()
    assert (traj.x, traj.v_crun, traj.v_crun_, traj.v_idx) == (1.0, None, "run_ALL", -1)
    for none in (None, -1, "run_ALL"):
        traj.v_idx = 1
        traj.f_set_crun(none)
        assert traj.v_idx == -1
    for wrong in (3, -2, "run_00000003", "x", ""):
        with pytest.raises(KeyError, match="no run"):
            traj.f_set_crun(wrong)
    with pytest.raises(NotUniqueNodeError, match="set v_idx"):
        traj.z  # noqa: B018


def test_other_runs_are_not_looked_into(traj: Any) -> None:
    assert traj.only == "one"
    traj.v_idx = 0
    with pytest.raises(NodeNotFoundError):
        traj.only  # noqa: B018
    assert traj.results.runs[1].g.only == "one"
    traj.v_idx = 1
    assert traj.only == "one"


def test_a_parameter_at_lower_depth_goes_before_a_result_of_the_run(traj: Any) -> None:
    traj.f_add_result("runs.run_00000001.x", "a result")
    traj.f_add_result("runs.run_00000001.n", "a result")
    traj.v_idx = 1
    assert traj.x == 2.0
    assert traj.n == 5


def test_results_of_the_run_go_before_results_of_no_run(traj: Any) -> None:
    traj.f_add_result("z", "of the analysis")
    assert traj.z == "of the analysis"
    traj.v_idx = 2
    assert traj.z == 30.0
    traj.v_idx = -1
    assert traj.z == "of the analysis"
    traj.f_add_result("run_ALL.q", "of all")
    traj.f_add_result("runs.run_00000001.deep.q", "own")
    assert traj.q == "of all"
    traj.v_idx = 1
    assert traj.q == "own"
    traj.v_idx = 2
    assert traj.q == "of all"


def test_crun_means_the_results_if_both_branches_have_the_run(traj: Any) -> None:
    traj.f_add_derived_parameter("runs.run_00000001.dp", 1)
    traj.v_idx = 1
    assert traj.crun.v_full_name == "results.runs.run_00000001"
    assert traj.derived_parameters.crun.dp == traj.dp == 1


def test_wildcards_fall_back_to_run_all(traj: Any) -> None:
    traj.f_add_result("runs.$.all", 1)
    assert traj.f_get("all").v_full_name == "results.runs.run_ALL.all"
    for index in (-1, 1):
        traj.v_idx = index
        assert traj["results.runs.$.all"] == traj["results.runs.crun.all"] == 1


def test_iterating_over_runs_resets_at_the_end_but_not_after_a_break(traj: Any) -> None:
    assert [(name, traj.x) for name in traj.f_iter_runs()] == [
        (f"run_0000000{i}", x) for i, x in enumerate(XS)
    ]
    assert traj.v_idx == -1
    assert list(traj.f_iter_runs(yields="idx", start=1)) == [1, 2]
    assert [t is traj for t in traj.f_iter_runs(yields="self", step=2)] == [True, True]
    for _ in traj.f_iter_runs():
        break
    assert traj.v_idx == 0
    with pytest.raises(ValueError, match="beyond the 3 runs"):
        traj.f_iter_runs(stop=4)
    with pytest.raises(ValueError, match="choose one of"):
        traj.f_iter_runs(yields="else")


def test_one_name_is_given_for_all_runs(traj: Any) -> None:
    assert traj.f_get_from_runs("z", fast_access=True) == {
        f"run_0000000{i}": 10 * x for i, x in enumerate(XS)
    }
    assert traj.f_get_from_runs("only", use_indices=True) == {1: traj.f_get("runs.r_1.only")}
    traj.f_add_result("runs.run_ALL.only", "all")
    assert traj.f_get_from_runs("only", use_indices=True, fast_access=True) == {0: "all", 1: "one", 2: "all"}
    assert list(traj.f_get_from_runs("only", include_default_run=False, use_indices=True)) == [1]
    traj.f_add_result("other.run_00000001.z", 1)
    with pytest.raises(NotUniqueNodeError, match="several nodes of run_00000001"):
        traj.f_get_from_runs("z")
    assert traj.v_idx == -1


def test_runs_in_sets_are_found(place: Place) -> None:
    env = place.env()
    env.traj.f_add_parameter("x", 1.0)
    env.traj.f_explore({"x": XS})
    env.run(lambda traj: traj.f_add_result("$set.$.z", traj.x) and None)
    traj = place.load(load_data=2)
    assert traj.f_get_from_runs("z", use_indices=True, fast_access=True) == dict(enumerate(XS))
    for index in traj.f_iter_runs(yields="idx"):
        assert traj.z == traj.crun.z == XS[index]
        assert traj.f_get("z").v_full_name == f"results.run_set_00000.run_0000000{index}.z"
    assert traj.f_get("run_00000002").v_full_name == "results.run_set_00000.run_00000002"


def test_runs_are_named_and_numbered(traj: Any) -> None:
    assert len(traj) == 3
    assert traj.f_get_run_names() == [f"run_0000000{i}" for i in range(3)]
    assert traj.f_idx_to_run(2) == "run_00000002"
    assert traj.f_idx_to_run("run_00000002") == 2
    assert traj.f_is_completed()
    assert traj.f_is_completed(1)
    assert traj.f_is_completed("run_00000001")
    for wrong in (-1, 3):
        with pytest.raises(KeyError):
            traj.f_is_completed(wrong)
    assert traj.f_get_run_information(1)["name"] == "run_00000001"
    with pytest.raises(KeyError):
        traj.f_get_run_information("run_ALL")
