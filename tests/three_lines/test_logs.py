"""What is in the log files, where are they, and is everything as before afterwards?"""

from __future__ import annotations

import logging
import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest

from pypet_ng import Environment, explore

LOGGER = logging.getLogger("pypet_ng")


@pytest.fixture(autouse=True)
def _fresh_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(**options: Any) -> Any:
    options.setdefault("filename", "t.hdf5")
    env = Environment(trajectory="t", **options)
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": range(5)})
    return env


def fails_twice(traj: Any) -> None:
    if traj.x in (1, 3):
        raise ValueError(f"bad {traj.x}")


def only(pattern: str) -> pathlib.Path:
    (found,) = pathlib.Path.cwd().glob(pattern)
    return found


def test_a_good_sweep_leaves_a_general_log_and_no_error_log() -> None:
    env = make()
    assert not pathlib.Path("logs").exists()
    env.run(lambda traj: None)
    text = only("logs/t/*/LOG.txt").read_text()
    assert only("logs/t/*/LOG.txt").parent.name == env.name
    assert "5 runs to do, 0 done before, runner 'serial'" in text
    assert "5 runs done, 0 failed, 0 left to do" in text
    assert not list(pathlib.Path.cwd().glob("logs/t/*/ERROR.txt"))


def test_the_first_failure_is_logged_with_its_traceback() -> None:
    make(on_error="return").run(fails_twice)
    for name in ("LOG.txt", "ERROR.txt"):
        text = only(f"logs/t/*/{name}").read_text()
        assert "Run 1 failed at x = 1: ValueError: bad 1" in text
        assert 'raise ValueError(f"bad {traj.x}")' in text
        assert "bad 3" not in text
        assert "3 runs done, 2 failed, 0 left to do" in text


def test_the_first_failure_is_logged_before_the_sweep_ends() -> None:
    seen = []

    def run(traj: Any) -> None:
        if traj.x == 0:
            raise ValueError("first")
        seen.append(any(True for _ in pathlib.Path.cwd().glob("logs/t/*/ERROR.txt")))

    make(on_error="return").run(run)
    assert seen == [True] * 4


@pytest.mark.parametrize(
    "options",
    [{"log_config": None}, {"log_folder": None}, {"filename": ":memory:"}, {"automatic_storing": False}],
)
def test_no_files_if_there_are_to_be_none(options: dict[str, Any]) -> None:
    make(on_error="return", **options).run(fails_twice)
    assert not list(pathlib.Path.cwd().glob("**/*.txt"))


def test_folder_and_level_are_the_users() -> None:
    make(log_folder=pathlib.Path("mine"), log_level="ERROR", filename=":memory:").run(lambda traj: None)
    assert only("mine/t/*/LOG.txt").read_text() == ""
    make(log_folder="debug", log_level=logging.DEBUG).run(lambda traj: LOGGER.debug("at %d", traj.x))
    assert "DEBUG    pypet_ng: at 4" in only("debug/t/*/LOG.txt").read_text()


@pytest.mark.parametrize(
    "options", [{"log_config": None, "log_folder": "a"}, {"log_level": "LOUD"}, {"log_stdout": 5}]
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="log_"):
        make(**options)


def test_the_loggers_are_as_before_and_no_file_stays_open() -> None:
    def outside() -> Any:
        return LOGGER.level, LOGGER.propagate, list(LOGGER.handlers), list(logging.getLogger().handlers)

    before = outside()
    inside = []
    env = make(on_change="keep")
    env.run(lambda traj: inside.append(list(logging.getLogger().handlers)))
    descriptors = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for stop in range(6, 30):
        env.traj.f_expand({"x": [stop]})
        env.run(lambda traj: None)
    with pytest.raises(ValueError, match="bad"):
        make(filename="other.hdf5").run(fails_twice)
    assert outside() == before
    assert all(handlers == before[3] for handlers in inside)
    if descriptors:
        assert len(os.listdir("/proc/self/fd")) <= descriptors


def test_handlers_of_the_user_hear_what_their_level_asks_for(caplog: pytest.LogCaptureFixture) -> None:
    make(on_error="return").run(fails_twice)
    assert {one.levelname for one in caplog.records} == {"ERROR"}
    caplog.clear()
    caplog.set_level(logging.INFO)
    make(filename="other.hdf5").run(lambda traj: None)
    assert {one.levelname for one in caplog.records} == {"INFO"}


def test_what_is_printed_is_logged_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    def run(traj: Any) -> None:
        sys.stdout.write(f"at {traj.x}\npart")

    stdout = sys.stdout
    make(log_stdout=True).run(run)
    assert sys.stdout is stdout
    text = only("logs/t/*/LOG.txt").read_text()
    assert "pypet_ng.stdout: at 0" in text
    assert "pypet_ng.stdout: partat 4" in text
    assert text.count("part") == 5
    assert capsys.readouterr().out.startswith("at 0\npartat 1\n")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_no_reason_to_stop() -> None:
    os.mkdir("closed", 0o500)
    with pytest.warns(UserWarning, match="no log files"):
        make(log_folder="closed").run(lambda traj: None)


def test_a_file_in_the_way_is_no_reason_to_stop() -> None:
    pathlib.Path("way").write_text("")
    with pytest.warns(UserWarning, match="no log files"):
        assert len(make(log_folder="way").run(lambda traj: None)) == 5


def test_sweeps_inside_of_runs_log_for_themselves() -> None:
    def outer(x: int) -> int:
        inner = explore(lambda y: y + x, y=[1, 2], name="inner", filename=f"inner{x}.hdf5")
        return len(inner)

    explore(outer, x=[1, 2])
    assert "2 runs done" in only("logs/outer/*/LOG.txt").read_text()
    assert list(pathlib.Path.cwd().glob("logs/inner/*/LOG.txt"))


SCRIPT = """
from pypet_ng import explore
def f(x):
    if x == 2:
        raise ValueError("two")
    return x
explore(f, x=[1, 2, 3], on_error="return", report_progress={progress})
"""


@pytest.mark.parametrize("progress", ["None", "50"])
def test_a_plain_script_sees_failures_and_progress_once(progress: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(progress=progress)], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0] == "Run 1 failed at x = 2: ValueError: two"
    assert lines[1].startswith("The traceback is in logs")
    assert lines[-1] == "2 runs done, 1 failed, 0 left to do"
    assert ["3 of 3 runs ended" in line for line in lines[2:-1]] == ([] if progress == "None" else [True])


def test_importing_brings_neither_rich_nor_pandas() -> None:
    code = (
        "import sys, pypet_ng; bad = {'rich', 'pandas', 'scipy', 'xarray', 'IPython', 'cloudpickle'} & set(sys.modules);"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
