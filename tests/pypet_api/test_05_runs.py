"""Do reading, iterating over runs and finding points follow section 5?"""

from __future__ import annotations

import copy
import pathlib
import pickle
import time
from typing import Any

import numpy as np
import pytest

from pypet_ng import (
    BaseParameter,
    Environment,
    MemoryStorageService,
    NotUniqueNodeError,
    PickleParameter,
    Trajectory,
    load_trajectory,
    manual_run,
)
from tests.pypet_api.api import WORKERS, line, run_some


def add_z(traj: Any) -> None:
    traj.f_add_result("z", traj.x * 2)
    if traj.v_idx != 1:
        traj.f_add_result("sub.most", traj.v_idx)


@pytest.fixture(scope="module", params=[pytest.param(w.values[0], id=w.id) for w in WORKERS])
def stored(request: Any) -> Any:
    """What a sweep stored; worker processes are started once."""
    return run_some(add_z, **request.param).v_storage_service.store


@pytest.fixture
def traj(stored: Any) -> Any:
    service = MemoryStorageService(store=stored)
    return load_trajectory("some", storage_service=service, load_results=2)


@line("5: f_get, auto_load needs with_links")
def test_auto_load_needs_links(line: str, traj: Any) -> None:
    with pytest.raises(ValueError):
        traj.f_get("z", with_links=False, auto_load=True)


@line("5: f_get_all")
def test_all_nodes_of_a_name(line: str, traj: Any) -> None:
    assert [node.f_get() for node in traj.f_get_all("z")] == [0.0, 2.0, 4.0]
    assert len(traj.f_get_all("sub.most")) == 2
    assert traj.f_get_all("absent") == []
    assert traj.f_get_all("z", max_depth=2) == []
    assert [n.v_name for n in traj.f_get_all("parameters.x", shortcuts=False)] == ["x"]


@line("5: f_get_from_runs")
def test_from_runs(line: str, traj: Any) -> None:
    nodes = traj.f_get_from_runs("z")
    assert list(nodes) == ["run_00000000", "run_00000001", "run_00000002"]
    assert nodes["run_00000001"] is traj.results.runs.run_00000001.f_get("z")
    assert traj.f_get_from_runs("most", fast_access=True, use_indices=True) == {0: 0, 2: 2}
    assert traj.f_get_from_runs("sub.most", fast_access=True) == {"run_00000000": 0, "run_00000002": 2}
    assert traj.f_get_from_runs("absent") == {}
    traj.f_add_leaf("results.runs.run_ALL.sub.most", -1)
    assert traj.f_get_from_runs("most", fast_access=True, use_indices=True) == {0: 0, 1: -1, 2: 2}
    assert 1 not in traj.f_get_from_runs("most", include_default_run=False, use_indices=True)
    traj.f_add_leaf("results.runs.run_00000001.a.twice", 1)
    traj.f_add_leaf("results.runs.run_00000001.b.twice", 1)
    with pytest.raises(NotUniqueNodeError):
        traj.f_get_from_runs("twice")
    assert traj.v_idx == -1


@line("5: f_get_from_runs, what is not in memory")
def test_from_runs_of_a_file(line: str, tmp_path: pathlib.Path) -> None:
    file = str(tmp_path / "f.hdf5")
    run_some(add_z, 5, filename=file)
    loaded = load_trajectory("some", filename=file)
    values = loaded.f_get_from_runs("z", fast_access=True, auto_load=True, use_indices=True)
    assert values == {0: 0.0, 1: 2.0, 2: 4.0, 3: 6.0, 4: 8.0}
    assert not dict.__len__(loaded.results.runs._node.children), "columns are enough"
    empty = loaded.f_get_from_runs("z")
    assert all(node.f_is_empty() for node in empty.values())
    empty["run_00000002"].f_set(-1.0)
    values = loaded.f_get_from_runs("z", fast_access=True, auto_load=True, use_indices=True)
    assert values[2] == -1.0, "what is in memory goes before what is stored"


@line("5: v_idx, v_crun, v_crun_, f_set_crun, f_restore_default")
def test_moving_between_runs(line: str, traj: Any) -> None:
    assert (traj.v_idx, traj.v_crun, traj.v_crun_) == (-1, None, "run_ALL")
    traj.v_idx = 2
    assert (traj.x, traj.v_crun, traj.v_crun_, traj.z) == (2.0, "run_00000002", "run_00000002", 4.0)
    traj.f_set_crun("run_00000001")
    assert (traj.x, traj.crun.z) == (1.0, 2.0)
    for unknown in (3, "run_00000007", "nonsense"):
        with pytest.raises(KeyError):
            traj.f_set_crun(unknown)
    traj.f_restore_default()
    assert (traj.v_idx, traj.x) == (-1, 0.0)
    traj.v_crun = 1
    traj.v_idx = None
    assert traj.v_crun is None


@line("5: f_iter_runs")
def test_iterating_over_runs(line: str, traj: Any) -> None:
    assert list(traj.f_iter_runs()) == ["run_00000000", "run_00000001", "run_00000002"]
    assert [(index, traj.x) for index in traj.f_iter_runs(yields="idx")] == [(0, 0.0), (1, 1.0), (2, 2.0)]
    assert [self.x for self in traj.f_iter_runs(1, 3, yields="self")] == [1.0, 2.0]
    assert [traj.x for _ in traj.f_iter_runs(step=2)] == [0.0, 2.0]
    copies = list(traj.f_iter_runs(yields="copy"))
    assert [(one.v_idx, one.x, one.crun.z) for one in copies] == [(0, 0.0, 0.0), (1, 1.0, 2.0), (2, 2.0, 4.0)]
    assert traj.v_idx == -1
    for _ in traj.f_iter_runs():
        break
    assert traj.v_idx == 0
    for wrong in ({"stop": 4}, {"yields": "nonsense"}):
        with pytest.raises(ValueError):
            traj.f_iter_runs(**wrong)


@line("5: f_iter_runs while points are added")
def test_iteration_sees_what_changes_meanwhile(line: str) -> None:
    traj = Trajectory("t", add_time=False)
    traj.f_add_parameter("x", 0)
    traj.f_explore({"x": [1, 2, 3]})
    seen = []
    for _ in traj.f_iter_runs():
        if len(traj) == 3:
            traj.f_expand({"x": [4]})
        seen.append(traj.x)
    assert seen == [1, 2, 3]


@line("5: f_find_idx")
def test_finding_runs(line: str, traj: Any) -> None:
    traj.f_add_parameter("fixed", 1)
    assert list(traj.f_find_idx("x", lambda x: x > 0)) == [1, 2]
    assert list(traj.f_find_idx(["x", "fixed"], lambda x, f: x == f)) == [1]
    assert list(
        traj.f_find_idx(["parameters.x", "fixed"], lambda x, f: (x > 0) & (f == 1), vectorized=True)
    ) == [
        1,
        2,
    ]
    with pytest.raises(ValueError, match="truth values"):
        list(traj.f_find_idx("x", lambda x: x + 1, vectorized=True))
    with pytest.raises(TypeError):
        traj.f_find_idx("results.runs.run_00000000.z", bool)
    assert traj.v_idx == -1


@line("5: f_find_idx over other values than numbers")
def test_finding_texts(line: str) -> None:
    traj = Trajectory("t", add_time=False)
    traj.f_add_parameter("word", "")
    traj.f_explore({"word": ["a", "b", "a"]})
    assert list(traj.f_find_idx("word", lambda word: word == "a")) == [0, 2]
    assert list(traj.f_find_idx("word", lambda word: word == "b", vectorized=True)) == [1]


@line("5: f_find_idx in a run needs v_full_copy")
@pytest.mark.parametrize("workers", WORKERS)
def test_runs_find_others_with_full_copies(line: str, workers: dict[str, Any]) -> None:
    def run(traj: Any) -> Any:
        try:
            return list(traj.f_find_idx("x", lambda x: x > 0))
        except TypeError:
            return "refused"

    for full, expected in ((False, "refused"), (True, [1, 2])):
        env = Environment(filename=":memory:", report_progress=False, log_config=None, **workers)
        env.traj.f_add_parameter("x", 0)
        env.traj.f_explore({"x": [0, 1, 2]})
        env.traj.v_full_copy = full
        assert [value for _, value in env.run(run)] == [expected] * 3


@line("5: len, f_get_run_names, f_idx_to_run, f_get_run_information, f_is_completed")
def test_information_on_runs(line: str, traj: Any) -> None:
    assert len(traj) == 3
    assert len(Trajectory("t")) == 1
    assert traj.f_get_run_names() == ["run_00000000", "run_00000001", "run_00000002"]
    assert (traj.f_idx_to_run(1), traj.f_idx_to_run("run_00000002")) == ("run_00000001", 2)
    facts = traj.f_get_run_information(1)
    assert facts == traj.f_get_run_information()["run_00000001"]
    keys = "idx name completed timestamp finish_timestamp runtime time parameter_summary short_environment_hexsha"
    assert set(keys.split()) <= facts.keys()
    assert (facts["idx"], facts["completed"], facts["parameter_summary"]) == (1, 1, "x: 1.0")
    assert traj.f_is_completed()
    assert traj.f_is_completed("run_00000001")
    live = traj.f_get_run_information(copy=False)
    assert live is traj.f_get_run_information(copy=False)
    assert live == traj.f_get_run_information()
    assert (len(live), "run_00000009" in live) == (3, False)


@line("5: f_get_parameters/config/derived_parameters/results/explored_parameters")
def test_dicts_of_leaves(line: str, traj: Any) -> None:
    traj.f_add_config("c", 1)
    assert traj.f_get_parameters(fast_access=True) == {"parameters.x": 0.0}
    assert traj.f_get_config()["config.c"] is traj.f_get("config.c")
    assert "results.runs.run_00000001.z" in traj.f_get_results()
    assert traj.f_get_derived_parameters() == {}
    assert list(traj.f_get_explored_parameters()) == ["parameters.x"]
    with pytest.raises(ValueError):
        traj.f_get_parameters(fast_access=True, copy=False)


@line("5: f_is_empty, v_comment v_time v_timestamp v_version v_python ...")
def test_facts_on_trajectories(line: str) -> None:
    traj = Trajectory("t", add_time=True, comment="c")
    assert traj.f_is_empty()
    traj.f_add_config("c", 1)
    assert traj.f_is_empty()
    assert traj.v_name.endswith(traj.v_time)
    assert (traj.v_comment, traj.v_is_run, traj.v_full_copy) == ("c", False, False)
    assert (traj.v_environment_name, traj.v_environment_hexsha) == (None, None)
    assert abs(traj.v_timestamp - time.time()) < 60


@line("5: f_copy, copy.copy")
def test_copies_have_leaves_of_their_own(line: str, traj: Any) -> None:
    traj.f_add_parameter("g.p", np.arange(2))
    traj.f_add_link("short", traj.g)
    traj.v_idx = 1
    twin = traj.f_copy()
    assert twin.f_get("g.p") is not traj.f_get("g.p")
    assert twin.g.p is traj.g.p, "values are shared"
    assert (twin.v_idx, twin.x, twin.crun.z, twin.short) == (1, 1.0, 2.0, twin.parameters.g)
    assert [twin.x for _ in twin.f_iter_runs()] == [0.0, 1.0, 2.0]
    assert traj.v_idx == 1
    twin.f_add_parameter("only", 1)
    assert "only" not in traj
    assert "short" not in traj.f_copy(with_links=False)
    assert copy.copy(traj).f_get("g.p") is not traj.f_get("g.p")


@line("5: f_copy(copy_leaves=True|False|'explored')")
def test_copies_may_share_leaves(line: str, traj: Any) -> None:
    traj.f_add_parameter("p", 1)
    for leaves, p_shared, x_shared in ((True, False, False), ("explored", True, False), (False, True, True)):
        twin = traj.f_copy(copy_leaves=leaves)
        assert (twin.f_get("p") is traj.f_get("p")) is p_shared
        assert (twin.f_get("parameters.x") is traj.f_get("parameters.x")) is x_shared
        assert twin.f_get("parameters.x").v_explored
        assert twin.f_get("parameters.x").f_has_range() is x_shared, "ranges need v_full_copy"
        assert twin.p == 1
    traj.v_full_copy = True
    assert traj.f_copy().f_get("parameters.x").f_get_range() == [0.0, 1.0, 2.0]
    with pytest.raises(ValueError):
        traj.f_copy(copy_leaves="nonsense")


class Remembering(BaseParameter):
    """A container of a user's own, with a range."""

    def __init__(self, full_name: str, data: Any = None, comment: str = "") -> None:
        super().__init__(full_name, comment)
        self.data, self.range, self.now = data, [], data

    def f_get(self) -> Any:
        self.f_lock()
        return self.now

    def f_is_empty(self) -> bool:
        return self.data is None

    def f_get_range(self, copy: bool = True) -> list[Any]:
        return list(self.range)

    def _explore(self, values: Any) -> None:
        self.range, self._explored = list(values), True

    def _set_parameter_access(self, idx: int = 0) -> None:
        self.now = self.range[idx]

    def _restore_default(self) -> None:
        self.now = self.data


@line("5: f_iter_runs, f_find_idx with containers of users")
def test_own_containers_are_visited(line: str) -> None:
    traj = Trajectory("t", add_time=False)
    traj.f_add_parameter(Remembering, "own", "a")
    traj.f_explore({"own": ["b", "c"]})
    assert [traj.own for _ in traj.f_iter_runs()] == ["b", "c"]
    assert list(traj.f_find_idx("own", lambda value: value == "c")) == [1]
    assert list(traj.f_find_idx("own", lambda value: value == "c", vectorized=True)) == [1]


# -- runs by hand (section 14) -------------------------------------------------------------------------


@line("14: manual_run")
def test_runs_without_environment(line: str, tmp_path: pathlib.Path) -> None:
    file = str(tmp_path / "f.hdf5")
    traj = Trajectory("t", add_time=False, filename=file)
    traj.f_add_parameter("x", 1)
    traj.f_explore({"x": [1, 2, 3]})

    @manual_run()
    def square(traj: Any) -> int:
        assert traj.v_is_run
        traj.f_add_result("z", traj.x**2)
        traj.f_store()
        result: int = traj.x**2
        return result

    with pytest.raises(ValueError):
        square(traj)
    assert [square(traj) for _ in traj.f_iter_runs()] == [1, 4, 9]
    assert traj.f_is_completed()
    assert "z" not in traj, "what was added is cleaned up"
    loaded = load_trajectory("t", filename=file, load_data=2)
    assert loaded.f_get_from_runs("z", fast_access=True, use_indices=True) == {0: 1, 1: 4, 2: 9}
    assert loaded.f_is_completed()
    assert loaded.f_get_run_information(1)["runtime"]
    env = Environment(trajectory="auto", filename=":memory:", report_progress=False, log_config=None)
    env.traj.f_add_parameter("x", 2)
    assert env.run(square) == [(0, 4)], "under env.run the function is what it was"


@line("14: manual_run that fails")
def test_a_failed_manual_run_is_no_done_run(line: str) -> None:
    traj = Trajectory("t", add_time=False, filename=":memory:")
    traj.f_add_parameter("x", 1)

    @manual_run()
    def fail(traj: Any) -> None:
        traj.f_add_result("z", 1)
        raise KeyError("mine")

    traj.f_explore({"x": [1, 2]})
    traj.v_idx = 1
    with pytest.raises(KeyError, match="mine"):
        fail(traj)
    assert not traj.v_is_run
    assert traj.f_get_run_information(1)["state"] == "failed"
    assert "z" not in traj


@line("14: f_start_run, f_finalize_run")
def test_beginning_and_ending_runs(line: str) -> None:
    traj = Trajectory("t", add_time=False)
    traj.f_add_parameter("x", 1)
    traj.f_explore({"x": [1, 2]})
    with pytest.raises(ValueError):
        traj.f_start_run()
    assert traj.f_start_run(1) is traj
    assert traj.f_start_run(0) is traj, "one at a time"
    assert (traj.v_idx, traj.v_is_run) == (1, True)
    traj.f_add_result("z", 5)
    traj.f_finalize_run(store_meta_data=False, clean_up=False)
    assert (traj.v_idx, traj.v_is_run, traj.results.runs.run_00000001.z) == (1, False, 5)
    traj.f_finalize_run()
    traj.f_start_run(0, turn_into_run=False)
    assert not traj.v_is_run
    traj.f_add_parameter("late", 1)
    traj.f_finalize_run()
    assert traj.f_is_completed()


@line("5: f_get_from_runs, runs in sets")
def test_runs_are_found_in_whatever_set_they_hang(line: str) -> None:
    traj = Trajectory("t")
    traj.f_add_parameter("x", 1)
    traj.f_explore({"x": [1, 2, 3, 4]})
    traj.f_add_result("runs.run_set_00001.run_00000000.sub.z", 40)
    traj.f_add_result("runs.run_set_00000.run_00000001.sub.z", 41)
    traj.f_add_result("runs.run_00000003.sub.z", 43)
    found = traj.f_get_from_runs("z", fast_access=True, use_indices=True)
    assert found == {0: 40, 1: 41, 3: 43}
    traj.f_add_result("runs.run_set_00003.run_00000003.z", 0)
    with pytest.raises(NotUniqueNodeError):
        traj.f_get_from_runs("z")


@line("5: v_idx, copies in other processes")
@pytest.mark.parametrize("make", [copy.deepcopy, lambda traj: pickle.loads(pickle.dumps(traj))])
def test_copies_are_at_the_same_run(line: str, make: Any) -> None:
    traj = Trajectory("t")
    traj.f_add_parameter("x", 1)
    traj.f_add_parameter(PickleParameter, "p", {1})
    traj.f_explore({"x": [1, 2, 3], "p": [{1}, {2}, {3}]})
    traj.v_idx = 2
    twin = make(traj)
    assert (twin.v_idx, twin.x, twin.p, len(twin)) == (2, 3, {3}, 3)
    traj.f_start_run(1)
    running = make(traj)
    assert (running.v_is_run, running.x) == (True, 2)
    assert running.f_add_result("z", 1).v_full_name == "results.runs.run_00000001.z"
    running.f_finalize_run(store_meta_data=False)
    assert not running.v_is_run


@line("4, 6: what a run cannot call")
def test_completion_in_runs_leaves_out_what_they_cannot_call(line: str) -> None:
    traj = Trajectory("t")
    traj.f_add_parameter("x", 1)
    outside = dir(traj)
    traj.f_start_run(0)
    gone = set(outside) - set(dir(traj))
    assert {"f_explore", "f_add_parameter", "f_iter_runs"} <= gone
    assert {"f_add_result", "parameters", "v_idx"} <= set(dir(traj))


@line("10: f_store(recursive=False)")
def test_trajectories_are_stored_with_all_below_them(line: str) -> None:
    with pytest.raises(ValueError, match="only_init"):
        Trajectory("t").f_store(only_init=True, recursive=False)


@line("2, 6: f_remove_child of explored parameters")
def test_removed_parameters_are_explored_no_more(line: str) -> None:
    traj = Trajectory("t", storage_service=MemoryStorageService())
    for name in ("x", "y"):
        traj.f_add_parameter(name, 1)
    traj.f_explore({"x": [1, 2, 3], "y": [1, 2, 3]})
    traj.parameters.f_remove_child("x")
    assert (len(traj), list(traj.f_get_explored_parameters())) == (3, ["parameters.y"])
    traj.f_remove_item("y")
    assert (len(traj), traj.f_get_explored_parameters()) == (1, {})
    traj.f_add_parameter("y", 1)
    traj.f_explore({"y": [4, 5]})
    traj.f_store()
    traj.f_get("parameters").f_remove()
    assert (len(traj), traj.f_get_explored_parameters()) == (2, {"parameters.y": None})
    with pytest.raises(ValueError):
        traj.f_get_explored_parameters(fast_access=True, copy=False)
