"""Do a million loaded runs stay asleep until somebody asks for one of them?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pypet_ng import NotUniqueNodeError, Trajectory
from pypet_ng.tree.nodes import Group, ResultLeaf
from pypet_ng.tree.runnames import run_index, run_name
from tests.engine.places import Place

MANY = 1_000_000


class Source:
    """Says it has a million runs with ``z``, and counts how many it had to build."""

    def __init__(self) -> None:
        self.built: list[str] = []

    def __len__(self) -> int:
        return MANY

    def __contains__(self, name: object) -> bool:
        index = run_index(name) if isinstance(name, str) else None
        return index is not None and 0 <= index < MANY

    def __iter__(self) -> Iterator[str]:
        return map(run_name, range(MANY))

    def build(self, name: str) -> Group:
        self.built.append(name)
        group, leaf = Group(name), ResultLeaf("z")
        leaf.items = {"z": run_index(name)}
        leaf.parent = group
        group.children["z"] = leaf
        return group

    def knows(self, name: str) -> bool:
        return name == "z"

    def holders(self, name: str, most: int) -> list[str]:
        return [run_name(i) for i in range(min(most, MANY))] if name == "z" else []


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def traj(source: Source) -> Any:
    traj = Trajectory("t", add_time=False)
    traj.f_add_parameter("x", 1)
    traj.f_add_result("runs.run_ALL.all", 2)
    tree = traj._session.tree
    tree.wake(traj.results.runs._node, source)
    return traj


def test_looking_around_builds_nothing(traj: Any, source: Source) -> None:
    runs = traj.results.runs
    assert traj.x == 1
    assert traj.all == 2
    assert run_name(5) in runs
    assert f"results.runs.{run_name(MANY - 1)}" in traj
    assert run_name(MANY) not in runs
    assert "missing" not in traj
    assert not hasattr(traj, "missing")
    assert (runs.f_children(), runs.f_leaves(), runs.f_groups()) == (MANY + 1, 0, MANY + 1)
    assert runs.f_has_children()
    assert runs.f_has_groups()
    assert not runs.f_has_leaves()
    assert len(runs.f_get_children(copy=False)) == MANY + 1
    assert "run_00000000: <ResultGroup>" in repr(runs)
    assert "run_00000000" in dir(runs)
    assert len(dir(runs.kids)) <= 1001
    repr(runs.f_get_children(copy=False))
    assert not traj.f_is_empty()
    assert source.built == []


def test_a_search_builds_what_it_needs_to_know(traj: Any, source: Source) -> None:
    with pytest.raises(NotUniqueNodeError):
        traj.z  # noqa: B018
    assert len(source.built) <= 2
    assert "z" in traj
    assert len(source.built) <= 4
    source.built.clear()
    traj._session.tree.move_to(7)
    assert traj.z == traj.crun.z == traj.results.runs[7].z == 7
    assert source.built == [run_name(7)]


def test_reaching_one_run_builds_one(traj: Any, source: Source) -> None:
    runs = traj.results.runs
    assert runs.run_00000042.z == runs["r_42.z"] == runs.kids.run_00000042.z == 42
    assert runs.run_00000042 is traj.f_get("run_00000042")
    assert source.built == [run_name(42)]
    assert traj.f_contains(runs.run_00000042)


def test_runs_can_be_removed_and_added(traj: Any, source: Source) -> None:
    runs = traj.results.runs
    runs.f_remove_child(run_name(3), recursive=True)
    assert run_name(3) not in runs
    assert not traj.f_contains(f"results.runs.{run_name(3)}.z")
    assert runs.f_children() == MANY
    runs.f_add_result(f"{run_name(4)}.more", "more")
    assert (runs[4].z, runs[4].more) == (4, "more")
    traj.f_add_result(f"runs.{run_name(3)}.new", "new")
    assert runs[3].f_to_dict(fast_access=True, short_names=True) == {"new": "new"}
    assert runs.f_children() == MANY + 1
    traj.f_add_result(f"runs.{run_name(MANY)}.beyond", 1)
    assert runs.f_children() == MANY + 2
    assert source.built == [run_name(3), run_name(4)]


def test_a_predicate_of_runs_builds_only_those(traj: Any, source: Source) -> None:
    runs = traj.results.runs
    found = [node.f_get() for node in runs.f_iter_nodes(predicate=(2, 4)) if node.v_is_leaf]
    assert found == [2, 4]
    assert source.built == [run_name(2), run_name(4)]


N = 25


@pytest.fixture
def kept(place: Place) -> Place:
    env = place.env()
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": list(range(N))})

    def simulate(traj: Any) -> None:
        traj.f_add_result("z", 2 * traj.x)
        if traj.x % 2:
            traj.f_add_result("odd.w", str(traj.x))
        if traj.x == 3:
            traj.results.runs.crun.v_annotations.note = "three"

    env.run(simulate)
    return place


def built(traj: Any) -> int:
    return dict.__len__(traj.results.runs._node.children)


@pytest.mark.parametrize("load_data", [1, 2])
def test_stored_runs_come_when_asked_for(kept: Place, load_data: int) -> None:
    traj = kept.load(load_data=load_data)
    traj.v_auto_load = load_data == 1
    runs = traj.results.runs
    assert runs.f_children() == N
    assert built(traj) == 0
    assert runs.run_00000003.z == 6
    assert runs.run_00000003.v_annotations.note == "three"
    assert runs[3].odd.w == "3"
    assert "odd" not in runs[4]
    assert built(traj) == 2
    assert [run.z for run in runs] == [2 * i for i in range(N)], "iteration builds them"
    assert built(traj) == N
    assert len(traj.f_get_all("w")) == N // 2


def test_all_nodes_of_a_name_are_those_of_the_runs_that_have_it(kept: Place) -> None:
    traj = kept.load(load_data=2)
    assert [leaf.f_get() for leaf in traj.f_get_all("odd.w")] == [str(i) for i in range(1, N, 2)]
    assert built(traj) == N // 2
    assert traj.f_get_all("nothing") == []


def test_iterating_over_runs_gives_each_its_own(kept: Place) -> None:
    traj = kept.load(load_data=2)
    for index in traj.f_iter_runs(yields="idx"):
        assert traj.z == traj.crun.z == 2 * traj.x == 2 * index
        assert traj.f_get_default("w") == (str(index) if index % 2 else None)


def test_removed_runs_stay_removed_until_they_are_loaded_again(kept: Place) -> None:
    traj = kept.load(load_data=2)
    traj.results.runs.f_remove_child("run_00000001", recursive=True)
    assert "run_00000001" not in traj.results.runs
    assert "run_00000001" in kept.load(load_data=2).results.runs
    assert list(traj.f_get_from_runs("z", use_indices=True)) == [0, *range(2, N)]


def test_what_is_added_to_stored_runs_is_stored_with_them(kept: Place) -> None:
    traj = kept.load(load_data=2)
    for index in traj.f_iter_runs(yields="idx"):
        if index % 5 == 0:
            traj.f_add_result("runs.crun.mean", traj.z / 2)
    traj.f_store()
    again = kept.load(load_data=2)
    assert again.f_get_from_runs("mean", use_indices=True, fast_access=True) == {
        i: float(i) for i in range(0, N, 5)
    }
    assert again.results.runs[5].z == 10
