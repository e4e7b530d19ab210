"""Do pipelines, post-processing that expands, and interrupted sweeps go as section 14 says?"""

from __future__ import annotations

import logging
import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from pypet_ng import Environment, load_trajectory

ROOT = pathlib.Path(__file__).parents[2]
PARALLEL = [pytest.param({}, id="serial"), pytest.param({"multiproc": True, "ncores": 2}, id="2 processes")]


@pytest.fixture(autouse=True)
def _fresh_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(values: Any = (1, 2), **options: Any) -> Any:
    env = Environment(
        trajectory="t", **{"filename": "t.hdf5", "report_progress": False, "log_config": None, **options}
    )
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": list(values)})
    return env


def square(traj: Any, offset: int = 0) -> int:
    traj.f_add_result("z", traj.x**2 + offset)
    return traj.x**2 + offset


# -- run ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("options", PARALLEL)
def test_section_14_run_gives_sorted_pairs_of_this_call(options: Any) -> None:
    env = make([3, 2, 1], **options)
    assert env.run(square, 1) == [(0, 10), (1, 5), (2, 2)]
    env.traj.f_expand({"x": [5]})
    assert env.run(square, 1) == [(3, 26)]


def test_section_14_run_map() -> None:
    env = make([1, 2, 3])
    assert env.run_map(square, [10, 20, 30]) == [(0, 11), (1, 24), (2, 39)]
    with pytest.raises(ValueError, match="iterable"):
        env.run_map(square)


# -- post-processing ----------------------------------------------------------------------------------
def dicts(traj: Any, results: Any, calls: list[Any]) -> Any:
    calls.append(list(results))
    return {"x": [7, 8]} if len(traj) < 4 else None


def expands(traj: Any, results: Any, calls: list[Any]) -> Any:
    calls.append(list(results))
    if len(traj) < 4:
        traj.f_expand({"x": [7, 8]})


def tuples(traj: Any, results: Any, calls: list[Any]) -> Any:
    calls.append(list(results))
    return ({"x": [7, 8]},) if len(traj) < 4 else None


@pytest.mark.parametrize(
    ("post", "options"), [(dicts, {}), (expands, {}), (tuples, {}), (dicts, {"multiproc": True, "ncores": 2})]
)
def test_section_14_post_processing_expands(post: Any, options: Any) -> None:
    env = make(**options)
    calls: list[Any] = []
    env.add_postprocessing(post, calls)
    everything = [(0, 1), (1, 4), (2, 49), (3, 64)]
    assert env.run(square) == everything == list(env.last_results)
    assert calls == [everything[:2], everything]
    loaded = load_trajectory(name="t", filename="t.hdf5", load_all=2)
    assert [loaded.results.runs[f"run_{index:08d}"].z for index in range(4)] == [1, 4, 49, 64]


def test_section_14_post_processing_gives_new_arguments() -> None:
    heard: list[Any] = []

    def post(traj: Any, results: Any, *args: Any, **kwargs: Any) -> Any:
        heard.append((args, kwargs))
        return ({"x": [5]}, (100,), {}, ("next",), {"key": 1}) if len(traj) < 3 else None

    env = make()
    env.add_postprocessing(post, "first")
    assert env.run(square, 1) == [(0, 2), (1, 5), (2, 125)]
    assert heard == [(("first",), {}), (("next",), {"key": 1})]


def test_section_14_anything_else_is_logged_as_an_error(caplog: pytest.LogCaptureFixture) -> None:
    env = make()
    env.add_postprocessing(lambda traj, results: 42)
    with caplog.at_level(logging.ERROR, "pypet_ng"):
        assert env.run(square) == [(0, 1), (1, 4)]
    assert "gave 42: it must give None, a dict" in caplog.text


def test_what_post_processing_adds_is_stored() -> None:
    env = make()
    env.add_postprocessing(
        lambda traj, results: traj.f_add_result("total", sum(z for _, z in results)) and None
    )
    env.run(square)
    assert load_trajectory(name="t", filename="t.hdf5", load_all=2).total == 5


def test_an_interrupted_adaptive_sweep_goes_on_where_it_was() -> None:
    done: list[int] = []

    def run(traj: Any) -> int:
        done.append(traj.x)
        return int(traj.x)

    for _ in range(2):
        env = make()
        env.add_postprocessing(dicts, [])
        assert env.run(run) == [(0, 1), (1, 2), (2, 7), (3, 8)]
    assert done == [1, 2, 7, 8], "the second time nothing was left to do"


# -- on the fly ---------------------------------------------------------------------------------------
def slow_last(traj: Any, folder: str) -> Any:
    """The last run of the first generation ends only when one of the second has begun."""
    mark = pathlib.Path(folder, "second_generation")
    if traj.x >= 100:
        mark.touch()
    elif traj.x == 1:
        limit = time.monotonic() + 20
        while not mark.exists():
            if time.monotonic() > limit:
                return "nobody came"
            time.sleep(0.01)
    return traj.x


def test_section_14_immediate_post_processing_adds_runs_while_others_compute(tmp_path: pathlib.Path) -> None:
    env = make([1, 2], multiproc=True, ncores=2, immediate_postproc=True)
    asked: list[Any] = []

    def post(traj: Any, results: Any) -> Any:
        asked.append(list(results))
        return {"x": [100, 101]} if len(traj) < 4 and results else None

    env.add_postprocessing(post)
    assert env.run(slow_last, str(tmp_path)) == [(0, 1), (1, 2), (2, 100), (3, 101)]
    assert asked[0] == [(1, 2)], "asked when the last run had begun, not when it had ended"
    assert asked[-1] == [(0, 1), (1, 2), (2, 100), (3, 101)]
    loaded = load_trajectory(name="t", filename="t.hdf5")
    assert len(loaded) == 4
    assert loaded.f_is_completed()


def test_on_the_fly_runs_with_new_arguments_come_after_those_with_old_ones() -> None:
    def post(traj: Any, results: Any) -> Any:
        return ({"x": [5]}, (100,)) if len(traj) < 3 else None

    env = make(multiproc=True, ncores=2, immediate_postproc=True)
    env.add_postprocessing(post)
    assert env.run(square, 1) == [(0, 2), (1, 5), (2, 125)]


def test_runs_added_on_the_fly_each_get_their_own_argument() -> None:
    def post(traj: Any, results: Any) -> Any:
        if len(traj) == 4:
            return {"x": [5, 6]}, ([50, 60],)
        return ({"x": [7, 8]}, ([70, 80],)) if len(traj) == 6 else None

    env = make([1, 2, 3, 4], multiproc=True, ncores=2, immediate_postproc=True)
    env.add_postprocessing(post)
    arguments = [10, 20, 30, 40]
    wanted = [x**2 + 10 * x for x in range(1, 9)]
    assert env.run_map(slow_square, arguments) == list(enumerate(wanted))


def slow_square(traj: Any, offset: int) -> int:
    time.sleep(0.02 * traj.v_idx)
    return square(traj, offset)


def test_section_14_immediate_post_processing_in_one_process_comes_after() -> None:
    env = make(immediate_postproc=True)
    calls: list[Any] = []
    env.add_postprocessing(dicts, calls)
    assert env.run(square) == [(0, 1), (1, 4), (2, 49), (3, 64)]
    assert len(calls) == 2


# -- pipeline -----------------------------------------------------------------------------------------
def nothing_more(traj: Any, results: Any, calls: list[Any]) -> None:
    calls.append(list(results))


CALLS: list[Any] = []
PIPELINES = [
    pytest.param(lambda: square, [(0, 1), (1, 4)], id="function"),
    pytest.param(lambda: (square, (1,)), [(0, 2), (1, 5)], id="args"),
    pytest.param(lambda: (square, (), {"offset": 2}), [(0, 3), (1, 6)], id="kwargs"),
    pytest.param(
        lambda: ((square, (1,), {}), (nothing_more, (CALLS,), {})), [(0, 2), (1, 5)], id="post-processing"
    ),
]


@pytest.mark.parametrize(("given", "wanted"), PIPELINES)
def test_section_14_pipeline(given: Any, wanted: Any) -> None:
    CALLS.clear()
    env = Environment(trajectory="t", filename="t.hdf5", report_progress=False, log_config=None)

    def pipeline(traj: Any) -> Any:
        traj.f_add_parameter("x", 0)
        traj.f_explore({"x": [1, 2]})
        return given()

    assert env.pipeline(pipeline) == wanted
    assert wanted in CALLS or "post" not in str(given())


def test_section_14_pipeline_map() -> None:
    assert make().pipeline_map(lambda traj: (square, ([10, 20],))) == [(0, 11), (1, 24)]


def test_section_14_pipeline_that_gives_none() -> None:
    with pytest.raises(RuntimeError, match="gave None"):
        make().pipeline(lambda traj: None)
    assert make(do_single_runs=False, overwrite_file=True).pipeline(lambda traj: None) == []
    with pytest.raises(TypeError, match="function or"):
        make(overwrite_file=True).pipeline(lambda traj: (1, 2))


# -- graceful exit ------------------------------------------------------------------------------------
SCRIPT = """
import os, signal, sys, time
from pypet_ng import Environment

def run(traj, parent):
    if traj.x == 2:
        os.kill(parent, signal.SIGINT)
        time.sleep(0.3)
        if "twice" in sys.argv:
            os.kill(parent, signal.SIGINT)
            time.sleep(0.3)
    time.sleep(0.05)  # the other worker may begin before the one with run 2 is there
    return traj.x

env = Environment(trajectory="t", filename="t.hdf5", report_progress=False, graceful_exit=True, %s)
env.traj.f_add_parameter("x", 0)
env.traj.f_explore({"x": list(range(100))})
results = env.run(run, os.getpid())
print("came back", len(results), results[:3])
"""


@pytest.mark.parametrize("options", ["", "multiproc=True, ncores=2"], ids=["serial", "2 processes"])
def test_section_15_graceful_exit(options: str) -> None:
    script = pathlib.Path("script.py")
    script.write_text(SCRIPT % options)
    place = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(script)], env=place, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    assert words[:2] == ["came", "back"]
    assert 3 <= int(words[2]) < 100
    assert "no more are begun" in done.stderr
    traj = load_trajectory(name="t", filename="t.hdf5")
    assert (traj.f_run_table()["state"] == "done").sum() == int(words[2])


def test_section_15_graceful_exit_second_time_at_once() -> None:
    script = pathlib.Path("script.py")
    script.write_text(SCRIPT % "")
    place = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(script), "twice"], env=place, capture_output=True, text=True, check=False, timeout=60
    )  # fmt: skip
    assert "came back" not in done.stdout
    assert "KeyboardInterrupt" in done.stderr
    assert done.returncode in (1, -signal.SIGINT, 130)


def test_the_handler_of_ctrl_c_is_given_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    make(graceful_exit=True).run(square)
    assert signal.getsignal(signal.SIGINT) is before


# -- failures, run information, restrictions ----------------------------------------------------------
def fails_at_two(traj: Any) -> int:
    if traj.x == 2:
        raise ValueError("two")
    return int(traj.x)


@pytest.mark.parametrize("options", PARALLEL)
def test_section_14_failing_run_is_raised_after_the_others_are_stored(options: Any) -> None:
    env = make([1, 2, 3], **options)
    with pytest.raises(ValueError, match="two"):
        env.run(fails_at_two)
    assert list(env.last_results) == [(0, 1), (2, 3)]
    table = load_trajectory(name="t", filename="t.hdf5").f_run_table()
    assert list(table["state"]) == ["done", "failed", "done"]


def test_section_14_run_information() -> None:
    env = make([1, 2])
    env.run(square)
    loaded = load_trajectory(name="t", filename="t.hdf5")
    information = loaded.f_get_run_information("run_00000001")
    assert information["completed"] == 1
    assert information["finish_timestamp"] >= information["timestamp"]
    assert "x" in information["parameter_summary"]


RESTRICTED = {
    "f_explore": lambda traj: traj.f_explore({"x": [1]}),
    "f_expand": lambda traj: traj.f_expand({"x": [1]}),
    "f_load": lambda traj: traj.f_load(),
    "v_idx": lambda traj: setattr(traj, "v_idx", 0),
    "f_iter_runs": lambda traj: list(traj.f_iter_runs()),
    "f_shrink": lambda traj: traj.f_shrink(),
    "f_add_parameter": lambda traj: traj.f_add_parameter("y", 1),
}


@pytest.mark.parametrize("name", RESTRICTED)
def test_section_14_restricted_in_a_run(name: str) -> None:
    def run(traj: Any) -> str:
        assert traj.v_is_run
        try:
            RESTRICTED[name](traj)
        except TypeError:
            return "refused"
        return "allowed"

    env = make()
    assert not env.traj.v_is_run
    assert env.run(run) == [(0, "refused"), (1, "refused")]


MODES = ["LOCK", "QUEUE", "PIPE", "LOCAL", "NETLOCK", "NETQUEUE", "NONE", None]


@pytest.mark.parametrize("mode", MODES)
def test_section_15_wrap_modes_lead_to_the_same_file(mode: Any) -> None:
    env = make(wrap_mode=mode, multiproc=True, ncores=1, use_pool=True, freeze_input=True)
    assert env.run(square) == [(0, 1), (1, 4)]
    assert load_trajectory(name="t", filename="t.hdf5", load_all=2).results.runs.run_00000001.z == 4
