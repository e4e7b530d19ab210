"""Does a dry run tell what a sweep would cost, and change nothing?"""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

from pypet_ng import Environment, PlanMismatchError, explore, grid
from pypet_ng.engine.estimate import Estimate


@pytest.fixture(autouse=True)
def _fresh_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def state(traj: Any) -> Any:
    session = traj._session
    nodes = list(session.tree.walk(session.tree.root))
    return [(node.path, getattr(node, "locked", None)) for node in nodes], session.facts.seed, traj.v_idx


def run(traj: Any) -> float:
    traj.f_add_result("deep.z", traj.x * traj.v_rng.random(), comment="z")
    traj.f_add_derived_parameter("d", 1)
    return float(traj.fixed)


def make(**options: Any) -> Any:
    env = Environment(trajectory="t", filename="t.hdf5", **options)
    env.traj.f_add_parameter("x", 1.0)
    env.traj.f_add_parameter("fixed", 1.0)
    env.traj.f_explore({"x": grid(0, 1, 30)})
    return env


def test_tree_locks_seed_and_disk_are_as_before() -> None:
    env = make(dry_run=True)
    before = state(env.traj)
    found = env.run(run)
    assert isinstance(found, Estimate)
    assert state(env.traj) == before
    assert list(pathlib.Path.cwd().iterdir()) == []
    assert (found.total, found.runs) == (30, 30)
    assert found.tried == tuple(range(30))
    assert not found.failures
    env.dry_run = False
    assert len(env.run(run)) == 30


def test_what_is_done_is_not_counted() -> None:
    make().run(run)
    env = make(dry_run=True)
    found: Any = env.run(run)
    assert (found.total, found.runs, found.seconds, found.bytes) == (30, 0, 0.0, 0)
    assert "0 runs to do (30 of 30 are done already)" in repr(found)


def test_a_file_that_does_not_fit_is_heard_of() -> None:
    make().run(run)
    env = Environment(trajectory="t", filename="t.hdf5", dry_run=True)
    env.traj.f_add_parameter("y", 1.0)
    env.traj.f_explore({"y": [1.0, 2.0]})
    with pytest.raises(PlanMismatchError):
        env.run(lambda traj: None)


def test_explore_estimates_too_and_names_failures() -> None:
    def f(x: float) -> np.ndarray[Any, Any]:
        if x > 0.5:
            raise ValueError("too large")
        return np.full(1000, x)

    found = explore(f, x=grid(0, 1, 11), dry_run=True)
    assert [failure.row for failure in found.failures] == [6, 7, 8, 9, 10]
    text = repr(found)
    for words in ("11 runs to do", "per run", "kB", "hdf5", "5 of them failed; run 6: ValueError: too large"):
        assert words in text
    assert "stored nowhere" in repr(
        explore(f, x=[0.1], filename=":memory:", dry_run=True, automatic_storing=False)
    )


def test_the_size_is_about_right() -> None:
    def f(x: float) -> dict[str, Any]:
        return {"a": np.full(5000, x), "b": x}

    found = explore(f, x=grid(0, 1, 100), dry_run=True)
    explore(f, x=grid(0, 1, 100))
    real = pathlib.Path("hdf5/f.hdf5").stat().st_size
    assert 0.7 * real < found.bytes < 1.4 * real


def test_few_runs_of_many_are_tried_and_shared_among_workers() -> None:
    calls: list[int] = []
    found = explore(lambda x: calls.append(x), x=range(100_000), dry_run=True, filename=":memory:")
    assert len(calls) == len(found.tried) < 2000
    assert {0, 99_999} <= set(found.tried)
    assert found.seconds == pytest.approx(found.seconds_per_run * 100_000)


def test_run_map_has_dry_runs() -> None:
    env = make(dry_run=True)
    found: Any = env.run_map(lambda traj, a: a, range(30))
    assert found.runs == 30
