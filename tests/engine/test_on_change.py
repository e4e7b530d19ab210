"""What becomes of finished runs when the function changes, and does resuming do just the rest?"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import textwrap
from typing import Any

import pytest

from pypet_ng import CodeChangedError, Environment, PlanMismatchError, load_trajectory
from pypet_ng.runners import ProcessRunner
from tests.engine.places import Place

XS = [1.0, 2.0, 3.0, 4.0]


def helper(x: float) -> float:
    return x * 2


def other_helper(x: float) -> float:
    return x * 3


def old(traj: Any) -> float:
    z: float = helper(traj.x)
    traj.f_add_result("z", z)
    traj.f_add_result("only.old", 1)
    return z


def new(traj: Any) -> float:
    z: float = other_helper(traj.x)
    traj.f_add_result("z", z)
    return z


def breaks_at_two(traj: Any) -> float:
    if traj.x == 2.0:
        raise ValueError("no 2")
    return old(traj)


def with_argument(traj: Any, factor: float) -> float:
    z: float = traj.x * factor
    return z


def script(place: Place, function: Any, *args: Any, xs: list[float] = XS, **options: Any) -> Any:
    options.setdefault("on_change", None)
    env = place.env(**options)
    env.traj.f_add_parameter("x", 0.0)
    env.traj.f_explore({"x": xs})
    return env.run(function, *args)


def times(factor: float, xs: list[float] = XS) -> list[tuple[int, float]]:
    return [(i, factor * x) for i, x in enumerate(xs)]


def sessions(place: Place) -> Any:
    service = place.service()
    service.select("traj")
    return service.sessions()


def test_a_changed_function_asks_and_changes_nothing(place: Place) -> None:
    script(place, old)
    with pytest.raises(
        CodeChangedError, match=r"4 finished runs.*the function is 'new', it was 'old'"
    ) as error:
        script(place, new)
    assert isinstance(error.value, PlanMismatchError)
    assert isinstance(error.value, RuntimeError)
    assert "on_change='keep'" in str(error.value)
    assert "on_change='rerun'" in str(error.value)
    assert len(sessions(place)) == 1
    assert script(place, old) == times(2)
    place.check()


def test_a_changed_helper_is_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    script(place, old)
    monkeypatch.setitem(globals(), "helper", other_helper)
    with pytest.raises(CodeChangedError, match="'other_helper' is new"):
        script(place, old)


def test_keep_does_what_is_missing_and_is_recorded(place: Place) -> None:
    script(place, old)
    assert script(place, new, xs=[*XS, 5.0], on_change="keep") == [*times(2), (4, 15.0)]
    assert [facts.get("on_change") for facts in sessions(place)] == [None, "keep"]
    assert sessions(place)[1]["code"]["function"] == "new"
    assert script(place, new, xs=[*XS, 5.0, 6.0]) == [*times(2), (4, 15.0), (5, 18.0)]
    assert place.load().f_get_run_information(5)["completed"]
    place.check()


def test_rerun_does_all_again_and_old_results_are_gone(place: Place) -> None:
    script(place, old)
    assert place.column("results.runs.$.only.old", "old") == [1, 1, 1, 1]
    assert script(place, new, on_change="rerun") == times(3)
    assert place.column("results.runs.$.z") == [3 * x for x in XS]
    traj = place.load(load_data=2)
    assert "only" not in traj.results.runs.run_00000000
    assert [facts.get("on_change") for facts in sessions(place)] == [None, "rerun"]
    assert script(place, new) == times(3)
    place.check()


def test_an_interrupted_rerun_is_gone_on_with(place: Place) -> None:
    script(place, old)

    def stops(traj: Any) -> float:
        if traj.x == 3.0:
            raise KeyboardInterrupt
        return new(traj)

    with pytest.raises(KeyboardInterrupt):
        script(place, stops, on_change="rerun")
    assert [place.load().f_is_completed(i) for i in range(4)] == [True, True, False, False]
    assert script(place, new, on_change="keep") == times(3)
    place.check()


def test_with_no_finished_runs_any_function_goes_on(place: Place) -> None:
    def fails(traj: Any) -> None:
        raise ValueError("never")

    with pytest.raises(ValueError, match="never"):
        script(place, fails)
    assert script(place, new) == times(3)


def test_other_arguments_are_a_change(place: Place) -> None:
    script(place, with_argument, 2.0)
    with pytest.raises(CodeChangedError, match=r"the arguments of env\.run changed"):
        script(place, with_argument, 3.0)
    assert script(place, with_argument, 2.0) == times(2)


def test_failed_runs_of_a_mended_function_need_no_option_after_f_retry_failed(place: Place) -> None:
    with pytest.raises(ValueError, match="no 2"):
        script(place, breaks_at_two)
    with pytest.raises(CodeChangedError):
        script(place, old)
    traj = place.load()
    assert traj.f_retry_failed() == [1]
    env = place.env(traj, on_change=None)
    assert env.run(old) == times(2)
    assert sessions(place)[-1]["on_change"] == "keep"
    assert env.run(old) == []
    with pytest.raises(CodeChangedError):
        env.run(new)
    place.check()


def test_in_one_session_state_that_the_function_changed_itself_is_no_change(place: Place) -> None:
    seen: list[int] = []

    def counts(traj: Any, more: list[int]) -> float:
        seen.append(traj.v_idx)
        more.append(1)
        return old(traj)

    env = place.env(on_change=None)
    env.traj.f_add_parameter("x", 0.0)
    env.traj.f_explore({"x": XS})
    more: list[int] = []
    assert env.run(counts, more) == times(2)
    env.traj.f_expand({"x": [5.0]})
    assert env.run(counts, more) == [(4, 10.0)]
    assert seen == [0, 1, 2, 3, 4]
    with pytest.raises(CodeChangedError, match="arguments"):
        env.run(counts, [7])
    assert len(sessions(place)) == 1


def test_a_script_that_changes_arguments_between_generations_is_never_asked(place: Place) -> None:
    for _ in range(2):
        env = place.env(on_change=None)
        env.traj.f_add_parameter("x", 0.0)
        env.traj.f_explore({"x": XS})
        assert env.run(with_argument, 2.0) == times(2)
        env.traj.f_expand({"x": [5.0]})
        assert env.run(with_argument, 3.0) == [(4, 15.0)]
        env.traj.f_expand({"x": [6.0]})
        assert env.run(old) == [(5, 12.0)]
    with pytest.raises(CodeChangedError, match="'new'"):
        script(place, new)
    assert [facts.get("on_change") for facts in sessions(place)] == [None] * len(sessions(place))
    place.check()


def test_what_was_known_before_a_rerun_is_known_no_more(place: Place) -> None:
    script(place, old)
    script(place, new, on_change="rerun")
    with pytest.raises(CodeChangedError, match="'old', it was 'new'"):
        script(place, old)


def test_run_map_does_not_compare_what_each_run_gets(place: Place) -> None:
    for xs, factors in ((XS, [1, 2, 3, 4]), ([*XS, 5.0], [7])):
        env = place.env(on_change=None)
        env.traj.f_add_parameter("x", 0.0)
        env.traj.f_explore({"x": xs})
        given = env.run_map(with_argument, iter(factors))
    assert given == [(0, 1.0), (1, 4.0), (2, 9.0), (3, 16.0), (4, 35.0)]


@pytest.mark.parametrize("choice", ["never", True, 3])
def test_a_choice_that_is_none_is_refused(choice: Any) -> None:
    with pytest.raises(ValueError, match=r"on_change=.*'keep', 'rerun'"):
        Environment("traj", filename=":memory:", on_change=choice)


# -- widening ---------------------------------------------------------------------------------------
def test_widening_with_a_changed_function_tries_failed_runs_again(place: Place) -> None:
    with pytest.raises(ValueError, match="no 2"):
        script(place, breaks_at_two)
    longer = [*XS, 5.0]
    with pytest.raises(CodeChangedError):
        script(place, new, xs=longer)
    assert script(place, new, xs=longer, on_change="keep") == [
        (0, 2.0),
        (1, 6.0),
        (2, 6.0),
        (3, 8.0),
        (4, 15.0),
    ]
    place.check()


def test_widening_with_rerun_does_old_and_new_points(place: Place) -> None:
    script(place, old)
    longer = [*XS, 5.0]
    assert script(place, new, xs=longer, on_change="rerun") == times(3, longer)
    place.check()


def marked(traj: Any, folder: str) -> float:
    """Leave a mark for each call; the first call at x = 3 dies."""
    import os

    path = os.path.join(folder, f"{traj.v_idx}")
    with open(path, "a") as file:
        file.write("x")
    if traj.x == 3.0 and os.path.getsize(path) == 1:
        os._exit(9)
    z: float = traj.x * 2
    traj.f_add_result("z", z)
    return z


def test_processes_widen_and_do_lost_runs_again(tmp_path: pathlib.Path) -> None:
    place = Place("hdf5", tmp_path)
    marks = tmp_path / "marks"
    marks.mkdir()
    runner = ProcessRunner(2)
    try:
        with pytest.raises(Exception, match=r"."):
            script(place, marked, str(marks), runner=runner)
        assert place.load().f_get_run_information(2)["state"] == "lost"
        longer = [*XS, 5.0, 6.0]
        assert script(place, marked, str(marks), xs=longer, runner=runner) == times(2, longer)
        assert script(place, marked, str(marks), xs=longer, runner=runner) == times(2, longer)
    finally:
        close = getattr(runner, "close", None)
        if close is not None:
            close()
    assert {path.name: path.read_text() for path in marks.iterdir()} == {
        **dict.fromkeys("01345", "x"),
        "2": "xx",
    }
    place.check()


# -- env.resume -------------------------------------------------------------------------------------
def test_resume_does_the_rest_and_gives_everything(place: Place) -> None:
    failing = [2.0]

    def once(traj: Any) -> float:
        if traj.x in failing:
            failing.clear()
            raise ValueError("once")
        return old(traj)

    env = place.env(on_change=None)
    env.traj.f_add_parameter("x", 0.0)
    env.traj.f_explore({"x": XS})
    with pytest.raises(ValueError, match="once"):
        env.run(once)
    assert env.resume() == times(2)
    assert env.resume() == times(2)
    place.check()


def test_a_new_environment_resumes_what_this_process_ran(place: Place) -> None:
    script(place, old)
    env = place.env("another", on_change=None)
    assert env.resume(trajectory_name="traj", resume_folder="anywhere") == times(2)
    assert env.traj.v_name == "traj"
    assert place.env("traj", on_change=None).resume() == times(2)


def test_resume_without_a_function_says_to_call_run(place: Place) -> None:
    with pytest.raises(RuntimeError, match=r"env\.run\(function\)"):
        place.env("never_run_here").resume()


def test_resume_after_run_map_asks_for_the_arguments(place: Place) -> None:
    env = place.env()
    env.traj.f_add_parameter("x", 0.0)
    env.traj.f_explore({"x": XS})
    env.run_map(with_argument, [1, 1, 1, 1])
    with pytest.raises(RuntimeError, match="run_map"):
        env.resume()


def test_pypets_options_of_resuming_are_accepted(tmp_path: pathlib.Path) -> None:
    Environment("t", filename=":memory:", resumable=True, resume_folder=str(tmp_path), delete_resume=False)


# -- other processes --------------------------------------------------------------------------------
SCRIPT = """
from pypet_ng import Environment, CodeChangedError
def run(traj):
    return traj.x * FACTOR
env = Environment("t", filename="f.hdf5", log_config=None)
env.traj.f_add_parameter("x", 0.0)
env.traj.f_explore({"x": [1.0, 2.0]})
try:
    print(env.run(run))
except CodeChangedError as error:
    print("changed:", "'run' changed" in str(error))
"""


@pytest.mark.parametrize("way", ["stdin", "-c", "file"])
def test_other_processes_notice_the_change(way: str, tmp_path: pathlib.Path) -> None:
    def call(factor: str, comment: str = "") -> str:
        text = textwrap.dedent(SCRIPT).replace("FACTOR", factor + comment)
        if way == "file":
            (tmp_path / "script.py").write_text(text)
        command = {"stdin": ["-"], "-c": ["-c", text], "file": ["script.py"]}[way]
        given = subprocess.run(
            [sys.executable, *command],
            input=text if way == "stdin" else None,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=120,
            check=False,
        )
        assert given.returncode == 0, given.stderr
        return given.stdout.strip()

    assert call("2") == "[(0, 2.0), (1, 4.0)]"
    assert call("2", "  # said differently") == "[(0, 2.0), (1, 4.0)]"
    assert call("3") == "changed: True"
    assert load_trajectory("t", filename=str(tmp_path / "f.hdf5")).f_is_completed()
