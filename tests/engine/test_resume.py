"""Does a script that is run again do what is missing, and nothing else?"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from pypet_ng import NotInRunError, PlanMismatchError, Trajectory, cartesian_product
from pypet_ng.storage.base import NOT_SET
from tests.engine.places import Calls, Place

XS = [1.0, 2.0, 3.0, 4.0]


def prepare(traj: Any, xs: list[float] | None = None, fixed: Any = 10, **more: Any) -> None:
    traj.f_add_parameter("x", 0.0)
    traj.f_add_parameter("group.fixed", fixed)
    for name, value in more.items():
        traj.f_add_parameter(name, value)
    traj.f_explore({"x": XS if xs is None else xs})


def work(traj: Any) -> float:
    z: float = traj.x * 2
    traj.f_add_result("z", z)
    return z


def script(place: Place, function: Any = work, xs: list[float] | None = None, **options: Any) -> Any:
    """Do what a script does: the same lines in each session."""
    env = place.env(**options)
    prepare(env.traj, xs)
    return env.run(function)


def everything(xs: list[float]) -> list[tuple[int, float]]:
    return [(i, 2 * x) for i, x in enumerate(xs)]


class Fails:
    """Does `work`, but raises at some points."""

    def __init__(self, *at: float, error: type[BaseException] = ValueError) -> None:
        self.at = at
        self.error = error

    def __call__(self, traj: Any) -> float:
        if traj.x in self.at:
            raise self.error(f"no {traj.x}")
        return work(traj)


def assert_complete(place: Place, xs: list[float] | None = None) -> None:
    xs = XS if xs is None else xs
    place.check()
    assert place.column("results.runs.$.z") == [2 * x for x in xs]
    traj = place.load(load_data=2)
    assert traj.f_is_completed()
    assert traj.f_get("parameters.x").f_get_range() == xs


def test_a_finished_sweep_is_not_done_again(place: Place) -> None:
    assert script(place) == everything(XS)
    calls = Calls(work)
    assert script(place, calls) == everything(XS)
    assert calls.runs == []
    assert_complete(place)


def test_the_second_run_of_one_session_has_nothing_to_do(place: Place) -> None:
    env = place.env()
    prepare(env.traj)
    assert env.run(work) == everything(XS)
    calls = Calls(work)
    assert env.run(calls) == []
    env.traj.f_expand({"x": [5.0]})
    assert env.run(calls) == [(4, 10.0)]
    assert calls.runs == [4]
    assert_complete(place, [*XS, 5.0])


def test_failed_runs_are_done_again_and_the_others_kept(place: Place) -> None:
    with pytest.raises(ValueError, match="no 2") as caught:
        script(place, Fails(2.0, 4.0))
    assert any("Run 1" in note and "2 of 4 runs failed" in note for note in caught.value.__notes__)
    calls = Calls(work)
    assert script(place, calls) == everything(XS)
    assert calls.runs == [1, 3]
    assert_complete(place)
    assert place.load().f_get_run_information(1)["attempt"] == 2


def test_stopping_at_the_first_failure_keeps_what_is_done(place: Place) -> None:
    with pytest.raises(ValueError, match="no 3"):
        script(place, Fails(3.0), on_error="stop")
    assert place.column("results.runs.$.z") == [2.0, 4.0, NOT_SET, NOT_SET]
    calls = Calls(work)
    assert script(place, calls) == everything(XS)
    assert calls.runs == [2, 3]
    assert_complete(place)


def test_failures_can_be_returned_instead_of_raised(place: Place) -> None:
    assert script(place, Fails(3.0), on_error="return") == [(0, 2.0), (1, 4.0), (3, 8.0)]
    info = place.load().f_get_run_information(2)
    assert (info["state"], info["completed"]) == ("failed", 0)
    assert script(place) == everything(XS)


def test_a_system_exit_in_a_run_is_a_failure_like_any_other(place: Place) -> None:
    assert len(script(place, Fails(1.0, error=SystemExit), on_error="return")) == 3


def test_an_interrupt_keeps_the_runs_that_were_done(place: Place) -> None:
    with pytest.raises(KeyboardInterrupt):
        script(place, Fails(3.0, error=KeyboardInterrupt))
    place.check()
    assert place.column("results.runs.$.z") == [2.0, 4.0, NOT_SET, NOT_SET]
    assert [place.load().f_is_completed(i) for i in range(4)] == [True, True, False, False]
    calls = Calls(work)
    assert script(place, calls) == everything(XS)
    assert calls.runs == [2, 3]
    assert_complete(place)


def test_the_session_goes_on_after_an_interrupt(place: Place) -> None:
    env = place.env()
    prepare(env.traj)
    with pytest.raises(KeyboardInterrupt):
        env.run(Fails(3.0, error=KeyboardInterrupt))
    assert env.traj.v_crun is None
    assert not env.traj.v_is_run
    assert env.traj.f_get("x").f_get() == 0.0
    assert [index for index, _ in env.run(work)] == [2, 3]
    assert_complete(place)


def test_a_longer_list_is_continued(place: Place) -> None:
    script(place)
    calls = Calls(work)
    assert script(place, calls, [*XS, 5.0, 6.0]) == everything([*XS, 5.0, 6.0])
    assert calls.runs == [4, 5]
    assert_complete(place, [*XS, 5.0, 6.0])


def test_a_shorter_list_gives_the_kept_values(place: Place) -> None:
    script(place)
    calls = Calls(work)
    assert script(place, calls, XS[:2]) == everything(XS[:2])
    assert calls.runs == []
    assert_complete(place)


def test_points_after_a_shorter_list_are_compared_as_well(place: Place) -> None:
    script(place)
    for more, fits in (([7.0, 8.0, 9.0], False), ([3.0, 4.0, 9.0], True)):
        env = place.env()
        prepare(env.traj, XS[:2])
        assert env.run(work) == everything(XS[:2])
        env.traj.f_expand({"x": more})
        calls = Calls(work)
        if fits:
            assert env.run(calls) == [(2, 6.0), (3, 8.0), (4, 18.0)]
            assert calls.runs == [4]
            assert_complete(place, [*XS, 9.0])
        else:
            with pytest.raises(PlanMismatchError, match=r"parameters\.x = 7\.0"):
                env.run(calls)
            assert_complete(place)


@pytest.mark.parametrize("order", [[3, 2, 1, 0], [0, 2, 1, 3]])
def test_points_in_another_order_keep_their_indices(place: Place, order: list[int]) -> None:
    script(place)
    calls = Calls(work)
    assert script(place, calls, [XS[i] for i in order]) == everything(XS)
    assert calls.runs == []
    assert_complete(place)


def test_new_points_among_old_ones_are_appended(place: Place) -> None:
    script(place)
    calls = Calls(lambda traj: work(traj))
    assert script(place, calls, [0.5, *XS, 2.5]) == everything([*XS, 0.5, 2.5])
    assert calls.runs == [4, 5]
    assert_complete(place, [*XS, 0.5, 2.5])


def test_of_a_subset_only_what_is_missing_is_done(place: Place) -> None:
    script(place, Fails(2.0, 4.0), on_error="return")
    calls = Calls(work)
    assert script(place, calls, [4.0, 1.0]) == [(0, 2.0), (3, 8.0)]
    assert calls.runs == [3]
    assert place.column("results.runs.$.z") == [2.0, NOT_SET, 6.0, 8.0]


def test_other_points_are_refused_and_nothing_is_changed(place: Place) -> None:
    script(place)
    calls = Calls(work)
    with pytest.raises(PlanMismatchError, match=r"(?s)x = 2\.0.*x = 2\.5.*overwrite_file=True"):
        script(place, calls, [1.0, 2.5, 3.0, 4.0])
    assert calls.runs == []
    assert_complete(place)


def test_another_value_of_a_parameter_is_refused_with_both_values(place: Place) -> None:
    script(place)
    env = place.env()
    prepare(env.traj, fixed=11)
    with pytest.raises(
        PlanMismatchError, match=r"'parameters\.group\.fixed' is 11 .* 10 in .*overwrite_file"
    ):
        env.run(work)
    assert_complete(place)
    assert place.load().fixed == 10


def test_another_type_of_a_parameter_is_another_value(place: Place) -> None:
    script(place)
    env = place.env()
    prepare(env.traj, fixed=10.0)
    with pytest.raises(PlanMismatchError, match=r"'parameters\.group\.fixed' is 10\.0 .* 10 in "):
        env.run(work)


def test_a_new_parameter_is_refused_once_runs_are_done(place: Place) -> None:
    script(place)
    env = place.env()
    prepare(env.traj, new=1)
    with pytest.raises(PlanMismatchError, match=r"'parameters\.new' is new"):
        env.run(work)
    assert_complete(place)
    assert "new" not in place.load()


def test_a_new_parameter_is_fine_while_no_run_is_done(place: Place) -> None:
    script(place, Fails(*XS), on_error="return")
    env = place.env()
    prepare(env.traj, new=1)
    assert env.run(work) == everything(XS)
    assert place.load(load_data=2).new == 1


def test_other_explored_parameters_are_refused(place: Place) -> None:
    script(place)
    env = place.env()
    env.traj.f_add_parameter("x", 0.0)
    env.traj.f_add_parameter("group.fixed", 10)
    env.traj.f_explore({"fixed": [10, 11]})
    with pytest.raises(PlanMismatchError, match=r"parameters\.group\.fixed"):
        env.run(work)
    assert_complete(place)


def test_an_error_of_comparison_can_be_met_in_the_same_session(place: Place) -> None:
    script(place)
    env = place.env()
    prepare(env.traj, [9.0])
    for _ in range(2):  # the refused attempt does not count as attached
        with pytest.raises(PlanMismatchError):
            env.run(work)
    assert_complete(place)


def test_values_that_cannot_be_kept_are_computed_again_with_one_warning(place: Place) -> None:
    class Own:
        pass

    def returns_own(traj: Any) -> Any:
        work(traj)
        return Own() if traj.x < 3 else traj.x

    script(place, returns_own)
    calls = Calls(returns_own)
    with pytest.warns(UserWarning, match="returned values of 2 finished runs") as caught:
        values = script(place, calls)
    assert len(caught) == 1
    assert calls.runs == [0, 1]
    assert [index for index, _ in values] == [0, 1, 2, 3]
    assert [type(value) for _, value in values] == [Own, Own, float, float]
    assert_complete(place)


def test_without_kept_values_finished_runs_are_left_alone(place: Place) -> None:
    assert script(place, keep_returned=False) == everything(XS)
    calls = Calls(work)
    assert script(place, calls, keep_returned=False) == []
    assert script(place, calls) == []
    assert calls.runs == []


def test_returned_none_and_odd_values_come_back_exactly(place: Place) -> None:
    values = [None, np.float32(2), {"a": [1, (2,)]}, "text"]

    def gives(traj: Any) -> Any:
        return values[traj.v_idx]

    script(place, gives)
    kept = script(place, Calls(gives))
    assert [value for _, value in kept] == values
    assert type(kept[1][1]) is np.float32


def adaptive(place: Place, calls: Calls, seed: int | None, steps: int = 3) -> list[Any]:
    """Choose new points from what earlier ones gave, as an optimiser does."""
    rng = np.random.default_rng(seed)
    env = place.env()
    env.traj.f_add_parameter("x", 0.0)
    best, found = 0.0, []
    for _ in range(steps):
        env.traj.f_expand({"x": [best + float(shift) for shift in rng.normal(size=2)]})
        values = env.run(calls)
        assert len(values) == 2
        found.append(values)
        best = max(value for _, value in values) / 2
    return found


def test_a_seeded_adaptive_script_gets_the_same_values_again(place: Place) -> None:
    calls = Calls(work)
    first = adaptive(place, calls, seed=1)
    assert calls.runs == [0, 1, 2, 3, 4, 5]
    again = Calls(work)
    assert adaptive(place, again, seed=1) == first
    assert again.runs == []
    longer = Calls(work)
    assert adaptive(place, longer, seed=1, steps=4)[:3] == first
    assert longer.runs == [6, 7]


def test_a_seeded_adaptive_script_goes_on_where_it_was_interrupted(tmp_path: Any) -> None:
    whole = adaptive(Place("memory", tmp_path), Calls(work), seed=1)
    place = Place("memory", tmp_path)

    def interrupted(traj: Any) -> float:
        if traj.v_idx == 3:
            raise KeyboardInterrupt
        return work(traj)

    with pytest.raises(KeyboardInterrupt):
        adaptive(place, Calls(interrupted), seed=1)
    calls = Calls(work)
    assert adaptive(place, calls, seed=1) == whole
    assert calls.runs == [3, 4, 5]


def test_an_unseeded_adaptive_script_is_told_which_point_differs(place: Place) -> None:
    adaptive(place, Calls(work), seed=1)
    with pytest.raises(PlanMismatchError, match=r"point 0 with parameters\.x"):
        adaptive(place, Calls(work), seed=2)


def test_without_automatic_storing_nothing_is_stored_until_f_store(place: Place) -> None:
    env = place.env(automatic_storing=False)
    prepare(env.traj)
    assert env.run(work) == everything(XS)
    assert list(place.service().trajectories()) == []
    assert env.traj.results.runs.run_00000002.z == 6.0
    assert [env.traj.results.runs.crun.z for _ in env.traj.f_iter_runs()] == [2 * x for x in XS]
    env.traj.f_store()
    assert_complete(place)
    calls = Calls(work)
    with pytest.warns(UserWarning, match="returned values of 4 finished runs"):
        script(place, calls)  # what they returned was never stored


def test_what_runs_added_can_stay_in_memory(place: Place) -> None:
    env = place.env(clean_up_runs=False)
    prepare(env.traj)
    env.run(work)
    assert env.traj.results.runs.run_00000003.z == 8.0
    assert env.traj.f_get("results.runs.run_00000003.z").v_stored
    env.traj.f_expand({"x": [5.0]})
    env.run(work)
    assert env.traj.results.runs.run_00000004.z == 10.0
    env.traj.f_store()
    assert_complete(place, [*XS, 5.0])


def test_what_a_failed_run_left_in_memory_does_not_stop_the_next_attempt(place: Place) -> None:
    env = place.env(clean_up_runs=False, on_error="return")
    prepare(env.traj)
    broken = True

    def breaks_late(traj: Any) -> float:
        z = work(traj)
        if broken and traj.x == 2.0:
            raise ValueError("late")
        return z

    env.run(breaks_late)
    broken = False
    assert env.run(breaks_late) == [(1, 4.0)]
    assert_complete(place)


def test_a_file_can_be_begun_anew(place: Place) -> None:
    script(place)
    env = place.env(overwrite_file=True)
    prepare(env.traj, [7.0], fixed=12)
    assert env.run(work) == [(0, 14.0)]
    assert_complete(place, [7.0])


def test_several_trajectories_share_one_file(place: Place) -> None:
    for name, xs in (("one", [1.0]), ("two", [1.0, 2.0])):
        env = place.env(name)
        prepare(env.traj, xs)
        env.run(work)
    assert [info.name for info in place.service().trajectories()] == ["one", "two"]
    assert [len(place.load(name)) for name in ("one", "two")] == [1, 2]
    from pypet_ng import load_trajectory

    assert load_trajectory(index=-1, storage_service=place.service()).v_name == "two"


def test_a_loaded_trajectory_goes_on(place: Place) -> None:
    script(place)
    traj = place.load(load_results=2)
    assert traj.results.runs.run_00000000.z == 2.0
    traj.f_expand({"x": [5.0, 6.0]})
    env = place.env(traj)
    calls = Calls(work)
    # a loaded trajectory begins a session: what is done is given back, too
    assert env.run(calls) == everything([*XS, 5.0, 6.0])
    assert calls.runs == [4, 5]
    assert_complete(place, [*XS, 5.0, 6.0])
    traj.v_auto_load = True
    assert traj.results.runs.run_00000005.z == 12.0
    assert traj.results.runs.run_00000000.z == 2.0


def test_a_loaded_trajectory_retries_its_failed_runs(place: Place) -> None:
    def stores_then_fails(traj: Any) -> float:
        result = traj.f_add_result("z", traj.x * 2)
        traj.f_store_item(result)
        if traj.x == 3.0:
            raise ValueError("after storing")
        return result.z  # type: ignore[no-any-return]

    script(place, stores_then_fails, on_error="return")
    traj = place.load(load_results=2)
    assert "run_00000002" in traj.results.runs
    env = place.env(traj)
    calls = Calls(work)
    assert env.run(calls) == everything(XS)
    assert calls.runs == [2]
    assert_complete(place)


def test_a_trajectory_loaded_as_new_is_a_plan_for_a_new_one(place: Place) -> None:
    script(place)
    traj = place.load(as_new=True, new_name="second", add_time=False)
    assert (traj.v_name, len(traj), traj.fixed, traj.f_is_completed()) == ("second", 4, 10, False)
    assert traj.f_get_results() == {}
    assert not traj.f_get("x").v_locked
    env = place.env(traj)
    calls = Calls(work)
    assert env.run(calls) == everything(XS)
    assert calls.runs == [0, 1, 2, 3]
    assert [info.name for info in place.service().trajectories()] == ["traj", "second"]
    assert_complete(place)


def test_f_load_as_new_keeps_the_own_name_and_other_points_are_possible(place: Place) -> None:
    script(place)
    traj = Trajectory("own", add_time=False, storage_service=place.service())
    traj.f_load(name="traj", as_new=True)
    assert (traj.v_name, len(traj)) == ("own", 4)
    traj.f_shrink()
    traj.f_get("fixed").f_set(11)
    traj.f_explore({"x": [9.0]})
    env = place.env(traj)
    assert env.run(work) == [(0, 18.0)]
    assert place.load("own").fixed == 11
    assert_complete(place)


def test_a_loaded_trajectory_can_be_run_into_another_file(place: Place, tmp_path: Any) -> None:
    script(place)
    (tmp_path / "other").mkdir()
    other = Place(place.kind, tmp_path / "other")
    for load_results in (0, 1, 2):
        traj = place.load(load_results=load_results)
        traj.f_add_result("note", load_results)
        calls = Calls(work)
        assert other.env(traj, overwrite_file=True).run(calls) == everything(XS)
        assert calls.runs == [0, 1, 2, 3]
        assert_complete(other)
        assert other.load().fixed == 10
        assert other.load(load_data=2).note == load_results
    assert_complete(place)


def test_run_map_gives_each_run_its_own_arguments(place: Place) -> None:
    def adds(traj: Any, first: float, second: float = 0.0) -> float:
        z: float = traj.x + first + second
        traj.f_add_result("z", z)
        return z

    env = place.env()
    prepare(env.traj)
    assert env.run_map(adds, [10.0, 20.0, 30.0, 40.0], second=iter([0.5] * 4)) == [
        (0, 11.5),
        (1, 22.5),
        (2, 33.5),
        (3, 44.5),
    ]
    env.traj.f_expand({"x": [5.0]})
    assert env.run_map(adds, [100.0]) == [(4, 105.0)]
    env.traj.f_expand({"x": [6.0, 7.0]})
    with pytest.raises(ValueError, match="has 1 elements for 2 runs"):
        env.run_map(adds, [1.0])
    with pytest.raises(ValueError, match="run_map needs"):
        env.run_map(adds)
    assert env.run_map(adds, [1.0, 1.0]) == [(5, 7.0), (6, 8.0)]


def draws(traj: Any) -> Any:
    return traj.v_seed, float(traj.v_rng.random()), traj.v_idx


def test_seeds_belong_to_the_run_and_not_to_the_session(place: Place) -> None:
    script(place, lambda traj: 1 / (traj.x != 2.0), on_error="return", keep_returned=False)
    seeds: dict[int, Any] = {}

    def only_two(traj: Any) -> Any:
        assert traj.v_idx == 1
        return draws(traj)

    # the one that was missing, in a new session
    seeds |= dict(script(place, only_two))
    traj = place.load()
    for index in (3, 1, 0):
        traj.v_idx = index
        assert draws(traj) == draws(traj)
        seeds.setdefault(index, draws(traj))
        assert seeds[index] == draws(traj)
    assert len({seed for seed, *_ in seeds.values()}) == 3
    assert all(0 <= seed < 2**63 for seed, *_ in seeds.values())
    traj.v_idx = -1
    assert traj.v_seed not in {seed for seed, *_ in seeds.values()}


def test_jax_keys_belong_to_the_run(place: Place) -> None:
    jax = pytest.importorskip("jax")

    def key(traj: Any) -> list[int]:
        words = jax.random.key_data(traj.v_key)
        return [int(word) for word in words]

    first = script(place, key, seed=3)
    assert len({tuple(words) for _, words in first}) == 4
    traj = place.load()
    traj.v_idx = 2
    assert key(traj) == first[2][1]


def test_the_same_root_seed_gives_the_same_numbers_in_another_file(tmp_path: Any) -> None:
    values = []
    for seed in (3, 3, 4):
        place = Place("memory", tmp_path)
        values.append(script(place, draws, seed=seed))
    assert values[0] == values[1]
    assert all(a != b for a, b in zip(values[0], values[2], strict=True))


def test_the_root_seed_is_stored_and_another_one_refused(place: Place) -> None:
    first = script(place, draws, seed=3)
    assert script(place, draws) == first
    assert script(place, draws, seed=3) == first
    with pytest.raises(PlanMismatchError, match=r"seed=3, this script says seed=4"):
        script(place, draws, seed=4)
    longer = script(place, draws, [*XS, 5.0])
    other = Place("memory", place.folder)
    assert script(other, draws, [*XS, 5.0], seed=3) == longer


@pytest.mark.parametrize("seed", [-1, 1.5, True, "1"])
def test_a_seed_is_a_whole_number(place: Place, seed: Any) -> None:
    with pytest.raises(ValueError, match="whole number"):
        place.env(seed=seed)


def test_parameters_and_points_are_stored_before_the_first_run(place: Place) -> None:
    def interrupts(traj: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        script(place, interrupts, seed=3)
    place.check()
    traj = place.load()
    assert len(traj) == 4
    assert traj.fixed == 10
    assert traj.f_get("x").f_get_range() == XS
    assert not any(traj.f_is_completed(i) for i in range(4))
    service = place.service()
    service.select("traj")
    assert len(service.sessions()) == 1
    assert service.sessions()[0]["seed"] == "3"


def test_exploration_without_points_is_one_run(place: Place) -> None:
    def once(traj: Any) -> int:
        traj.f_add_result("z", traj.a)
        return 5

    for expected_calls in ([0], []):
        env = place.env()
        env.traj.f_add_parameter("a", 1)
        calls = Calls(once)
        assert env.run(calls) == [(0, 5)]
        assert calls.runs == expected_calls
    assert place.load(load_data=2).results.runs.run_00000000.z == 1


def test_a_product_is_continued_where_points_are_added(place: Place) -> None:
    def multiply(traj: Any) -> int:
        return traj.a * traj.b  # type: ignore[no-any-return]

    seen = []
    for a in ([1, 2], [1, 2, 3]):
        env = place.env()
        env.traj.f_add_parameter("a", 0)
        env.traj.f_add_parameter("b", 0)
        env.traj.f_explore(cartesian_product({"a": a, "b": [10, 20]}))
        calls = Calls(multiply)
        assert sorted(value for _, value in env.run(calls)) == sorted(x * y for x in a for y in (10, 20))
        seen.append(calls.runs)
    assert seen == [[0, 1, 2, 3], [4, 5]]


def test_what_all_runs_share_is_out_of_reach_in_a_run(place: Place) -> None:
    def tries(traj: Any) -> int:
        for call in (
            lambda: traj.f_explore({"x": [1.0]}),
            lambda: traj.f_expand({"x": [1.0]}),
            lambda: traj.f_add_parameter("new", 1),
            lambda: traj.f_shrink(),
            lambda: traj.f_load(),
        ):
            with pytest.raises(NotInRunError, match=f"run {traj.v_idx}"):
                call()
        return 1

    assert script(place, tries) == [(i, 1) for i in range(4)]


def test_no_warnings_are_given_for_a_plain_sweep(place: Place) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        script(place)
        script(place)
