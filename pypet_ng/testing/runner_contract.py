"""What must every runner do? Inherit :class:`RunnerContract` in a pytest class and give ``make``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pypet_ng import Environment
from pypet_ng.runners.base import Runner
from pypet_ng.tree.records import RunState

__all__ = ["RunnerContract"]


def multiply(traj: Any, factor: float = 1.0, *, shift: float = 0.0) -> float:
    value = traj.x * traj.y * factor + shift
    traj.f_add_result("z", value, comment="a product")
    traj.f_add_result("more.pair", first=traj.x, second=[traj.y, "text"])
    traj.f_add_derived_parameter("half", traj.x / 2)
    return float(value)


def stumble(traj: Any) -> float:
    traj.f_add_result("before", traj.x)
    if traj.x == 3.0:
        raise ValueError("three is too much")
    if traj.x == 5.0:
        raise SystemExit(7)
    return float(traj.x)


def fill(traj: Any) -> Any:
    array = np.full(40_000, traj.x)  # 320 kB: above what travels through a pipe
    traj.f_add_result("array", array)
    small = np.full(3, traj.x)
    traj.f_add_result("small", small)
    small[:] = -1.0  # what was added is what counts at the end of the run
    return array


_SHARED = np.zeros(4)


def reuse(traj: Any) -> None:
    _SHARED[:] = traj.x
    traj.f_add_result("array", _SHARED)


def draw(traj: Any) -> tuple[int, float]:
    return traj.v_seed, float(traj.v_rng.random())


def nosy(traj: Any) -> Any:
    assert traj.v_is_run
    assert traj.v_idx == int(traj.x)
    assert traj.v_crun == f"run_{traj.v_idx:08d}"
    assert len(traj) == 8
    assert traj.fixed == "text"
    assert traj.f_get("group.note").v_comment == "a comment"
    with pytest.raises(TypeError):
        traj.f_add_parameter("late", 1)
    with pytest.raises(TypeError):
        traj.f_explore({"x": [1.0]})
    return traj.deep.value


def odd(traj: Any) -> Any:
    return {"x": traj.x, "nested": [1, (2.0, None)], "array": np.arange(3)}


class RunnerContract:
    """Behaviour of a runner as users see it through an Environment."""

    def make(self) -> Runner:
        """Give a fresh runner; the test's fixture closes what needs closing."""
        raise NotImplementedError("a runner's test class gives the runner to be tested")

    def sweep(self, runs: int, **options: Any) -> Environment:
        """Give an environment with x = 0, 1, ... and y = 2 explored."""
        env = Environment(filename=":memory:", runner=self.make(), **options)
        env.traj.f_add_parameter("x", 0.0)
        env.traj.f_add_parameter("y", 2.0)
        env.traj.f_explore({"x": np.arange(float(runs))})
        return env

    def test_all_runs_are_done_once_and_values_come_sorted(self) -> None:
        env = self.sweep(2500)
        results = env.run(multiply, 3.0, shift=1.0)
        assert results == [(index, index * 2.0 * 3.0 + 1.0) for index in range(2500)]
        assert env.traj.f_is_completed()

    def test_results_are_stored_by_run(self) -> None:
        env = self.sweep(20)
        env.run(multiply)
        traj = env.traj
        traj.f_load(load_data=2)
        for index in (0, 7, 19):
            run = traj.results.runs[index]
            assert run.z == index * 2.0
            assert run.f_get("z").v_comment == "a product"
            assert run.more.pair.first == float(index)
            assert run.more.pair.second == [2.0, "text"]
            traj.v_idx = index
            assert traj.derived_parameters.crun.half == index / 2
            traj.v_idx = -1

    def test_a_run_without_exploration_is_one_run(self) -> None:
        env = Environment(filename=":memory:", runner=self.make())
        env.traj.f_add_parameter("x", 4.0)
        env.traj.f_add_parameter("y", 2.0)
        assert env.run(multiply) == [(0, 8.0)]

    def test_failed_runs_are_data_and_the_others_go_on(self) -> None:
        env = self.sweep(40, on_error="return")
        results = env.run(stumble)
        assert [index for index, _ in results] == [index for index in range(40) if index not in (3, 5)]
        failures = {failure.row: failure for failure in env.traj.v_storage_service.run_table().failures()}
        assert set(failures) == {3, 5}
        assert failures[3].type == "ValueError"
        assert "three is too much" in failures[3].traceback
        assert "stumble" in failures[3].traceback
        assert failures[5].type == "SystemExit"
        states = env.traj.v_storage_service.run_table().column("state")
        assert (np.flatnonzero(states != RunState.DONE) == [3, 5]).all()

    def test_the_failure_of_the_lowest_run_is_raised_with_notes(self) -> None:
        env = self.sweep(40)
        with pytest.raises(ValueError, match="three is too much") as caught:
            env.run(stumble)
        assert any("Run 3" in note and "2 of 40" in note for note in caught.value.__notes__)
        assert sum(env.traj.f_is_completed(index) for index in range(40)) == 38

    def test_a_second_call_does_only_what_failed(self) -> None:
        env = self.sweep(40, on_error="return")
        env.run(stumble)
        assert [index for index, _ in env.run(multiply)] == [3, 5]
        assert env.traj.f_is_completed()

    def test_large_and_small_arrays_come_back_exactly(self) -> None:
        env = self.sweep(12)
        results = env.run(fill)
        env.traj.f_load(load_data=2)
        for index, array in results:
            assert (array == float(index)).all()
            assert (env.traj.results.runs[index].array == float(index)).all()
            assert (env.traj.results.runs[index].small == -1.0).all()
        array[0] = 3.0  # the caller owns what came back

    def test_an_array_the_function_uses_again_is_kept_as_it_was(self) -> None:
        env = self.sweep(30)
        env.run(reuse)
        env.traj.f_load(load_data=2)
        for index in range(30):
            assert (env.traj.results.runs[index].array == float(index)).all()

    def test_seeds_depend_on_the_run_alone(self) -> None:
        here = Environment(filename=":memory:", seed=7)
        here.traj.f_add_parameter("x", 0.0)
        here.traj.f_explore({"x": np.arange(50.0)})
        assert self.sweep(50, seed=7).run(draw) == here.run(draw)

    def test_the_run_sees_the_whole_tree_and_may_not_change_it(self) -> None:
        env = self.sweep(8)
        env.traj.f_add_parameter("fixed", "text")
        env.traj.f_add_parameter("group.note", 1, comment="a comment")
        env.traj.f_add_parameter("deep.deeper.value", (1, 2))
        assert env.run(nosy) == [(index, (1, 2)) for index in range(8)]

    def test_nested_values_are_returned_and_kept(self) -> None:
        env = self.sweep(5)
        first = env.run(odd)
        again = Environment(trajectory="trajectory", storage_service=env.traj.v_storage_service)
        again.traj.f_add_parameter("x", 0.0)
        again.traj.f_add_parameter("y", 2.0)
        again.traj.f_explore({"x": np.arange(5.0)})
        second = again.run(odd)
        for (_, one), (_, two) in zip(first, second, strict=True):
            assert one["nested"] == two["nested"] == [1, (2.0, None)]
            assert one["x"] == two["x"]
            assert (one["array"] == two["array"]).all()

    def test_run_map_gives_each_run_its_own_argument(self) -> None:
        env = self.sweep(30)
        results = env.run_map(multiply, [float(index) for index in range(30)])
        assert results == [(index, index * 2.0 * index) for index in range(30)]

    def test_one_runner_does_several_functions_and_growing_sweeps(self) -> None:
        env = self.sweep(10)
        env.run(multiply)
        for step in range(1, 4):
            env.traj.f_expand({"x": [step * 10.0 + number for number in range(10)]})
            assert [index for index, _ in env.run(draw)] == list(range(step * 10, step * 10 + 10))

    def test_a_closure_and_a_local_class_travel(self) -> None:
        class Own:
            def __init__(self, value: float) -> None:
                self.value = value

        factor = 3.0

        def local(traj: Any) -> float:
            return Own(traj.x * factor).value

        assert self.sweep(6).run(local) == [(index, index * 3.0) for index in range(6)]
