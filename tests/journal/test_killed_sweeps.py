"""Does a sweep lose nothing when its process is killed, interrupted or started twice?"""

from __future__ import annotations

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from pypet_ng import Environment
from pypet_ng.engine.signals import Interrupts, Terminated
from pypet_ng.engine.status import StatusFile, status_of
from pypet_ng.storage.hdf5 import HDF5StorageService
from pypet_ng.tree.records import Batch

ROOT = pathlib.Path(__file__).parents[2]

SCRIPT = """
import os, sys, time
import numpy as np
from pypet_ng import Environment
path, log, ncores, size, interval = sys.argv[1], sys.argv[2], *map(float, sys.argv[3:6])
def run(traj):
    with open(log, "a") as file:
        file.write(f"{int(traj.x)}\\n")
    time.sleep(float(os.environ["PAUSE"]))
    traj.f_add_result("z", traj.x * 1.5)
    traj.f_add_result("a", np.full(int(size), traj.x))
    return traj.x
env = Environment("traj", filename=path, commit_interval=interval, report_progress=False, log_config=None,
                  **({"multiproc": True, "ncores": int(ncores)} if ncores else {}))
env.traj.f_add_parameter("x", 0.0)
env.traj.f_explore({"x": [float(number) for number in range(60)]})
print("begun", flush=True)
results = env.run(run)
print("ended", results == [(number, float(number)) for number in range(60)], flush=True)
"""


def start(
    path: str, log: str, ncores: int, size: int, interval: float, pause: float
) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, path, log, str(ncores), str(size), str(interval)],
        env={**os.environ, "PAUSE": str(pause)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == "begun\n", process.communicate()
    return process


def done_runs(path: str, size: int) -> set[int]:
    """Give the runs that are reported as stored, after checking each of them."""
    if not os.path.exists(path):
        return set()
    service = HDF5StorageService(path)
    if not service.trajectories():
        return set()
    service.select("traj")
    states = service.run_table().column("state").tolist()
    done = {row for row, state in enumerate(states) if state == 1}
    if done:
        z = service.read_runs(("results", "runs", "$", "z"), "z").values()
        a = service.read_runs(("results", "runs", "$", "a"), "a").values()
        for row in done:
            assert z[row] == row * 1.5
            assert a[row].shape == (size,)
            assert (a[row] == row).all()
    return done


def called(log: str) -> list[int]:
    return [int(line) for line in pathlib.Path(log).read_text().split()] if os.path.exists(log) else []


def wait_for(condition: object, process: subprocess.Popen[str]) -> None:
    """Wait until something is true, or the process has ended."""
    while not condition() and process.poll() is None:  # type: ignore[operator]
        threading.Event().wait(0.002)


def trial(folder: pathlib.Path, seed: int, ncores: int, size: int, interval: float) -> None:
    chance = random.Random(seed)
    folder.mkdir()
    path, log = str(folder / "file.hdf5"), str(folder / "log")
    process = start(path, log, ncores, size, interval, 0.003)
    until = chance.randrange(1, 50)
    wait_for(lambda: len(called(log)) >= until, process)
    threading.Event().wait(chance.random() * 0.01)  # any moment of a run or a commit
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    done = done_runs(path, size)
    first = called(log)
    if interval == 0 and not ncores:
        assert len(done) >= len(first) - 2  # the run that was on, and the one being committed
    process = start(path, log, ncores, size, interval, 0.0)
    output, errors = process.communicate(timeout=120)
    assert output == "ended True\n", errors
    assert sorted(called(log)[len(first) :]) == sorted(
        set(range(60)) - done
    )  # exactly the rest, nothing twice
    assert done_runs(path, size) == set(range(60))
    service = HDF5StorageService(path)
    service.select("traj")
    assert service.verify() == []
    left = sorted(name for name in os.listdir(folder) if not name.startswith("log"))
    assert left == ["file.hdf5"]


KINDS = [(0, 8, 0.0), (0, 8, 0.05), (0, 131_072, 0.0), (2, 8, 0.02), (2, 131_072, 0.02)]


@pytest.mark.parametrize("kind", range(len(KINDS)))
@pytest.mark.parametrize("seed", range(8))
def test_a_killed_sweep_goes_on_with_exactly_the_rest(tmp_path: pathlib.Path, seed: int, kind: int) -> None:
    trial(tmp_path / "sweep", 100 * kind + seed, *KINDS[kind])


@pytest.mark.slow
@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_three_hundred_killed_sweeps_go_on(tmp_path: pathlib.Path, kind: int) -> None:
    for seed in range(60):
        trial(tmp_path / f"sweep{seed}", 1000 + 100 * kind + seed, *KINDS[kind])


def test_of_two_processes_one_runs_and_takes_over_after_a_kill(tmp_path: pathlib.Path) -> None:
    path, log = str(tmp_path / "file.hdf5"), str(tmp_path / "log")
    first = start(path, log, 0, 8, 0.0, 0.5)  # still on when the second begins, however slow the machine
    wait_for(lambda: len(called(log)) >= 3, first)
    second = start(path, str(tmp_path / "log2"), 0, 8, 0.0, 0.0)
    _, errors = second.communicate(timeout=60)
    assert f"FileBusyError: {path!r} is being written by process {first.pid} on host" in errors
    assert called(str(tmp_path / "log2")) == []
    assert first.poll() is None
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    before = called(log)
    third = start(path, log, 0, 8, 0.0, 0.0)
    output, errors = third.communicate(timeout=60)
    assert output == "ended True\n", errors
    assert len(called(log)) <= 62
    assert set(called(log)) == set(range(60))
    assert len(before) < 60


@pytest.mark.parametrize("ncores", [0, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sweep_stores_what_is_done(tmp_path: pathlib.Path, number: int, ncores: int) -> None:
    path, log = str(tmp_path / "file.hdf5"), str(tmp_path / "log")
    process = start(path, log, ncores, 8, 0.05 if ncores else 100.0, 0.01)
    wait_for(lambda: len(called(log)) >= 20, process)
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=60)
    if number == signal.SIGTERM:
        assert process.returncode == -signal.SIGTERM
    else:
        assert "KeyboardInterrupt" in errors
        assert process.returncode == -signal.SIGINT
    done = done_runs(path, 8)
    if ncores:
        assert len(done) >= 5
    else:
        assert len(done) >= len(called(log)) - 1
    assert len(done) < 60
    assert not os.path.exists(path + ".journal")
    process = start(path, log, 0, 8, 0.0, 0.0)
    output, errors = process.communicate(timeout=60)
    assert output == "ended True\n", errors
    assert done_runs(path, 8) == set(range(60))


# -- signals ----------------------------------------------------------------------------------
@pytest.fixture
def _python_handles_signals() -> Iterator[None]:
    """Whatever another test imported: brian2 has a handler of its own."""
    before = {
        number: signal.signal(number, handler)
        for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL))
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_python_handles_signals")
def test_a_signal_waits_until_something_is_stored_completely() -> None:
    deeds = []

    def work() -> None:
        with Interrupts() as interrupts, interrupts.held():
            os.kill(os.getpid(), signal.SIGINT)
            deeds.append("stored")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert deeds == ["stored"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("_python_handles_signals")
def test_a_second_signal_gives_the_handlers_back() -> None:
    handlers = []

    def insist(interrupts: Interrupts) -> None:
        with interrupts.held():
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
                handlers.append(signal.getsignal(signal.SIGINT))

    with Interrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt):
            insist(interrupts)
        assert interrupts.count == 2
    assert handlers[0] is not signal.default_int_handler
    assert handlers[1] is signal.default_int_handler


@pytest.mark.usefixtures("_python_handles_signals")
def test_handlers_of_others_stay_in_force() -> None:
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append(True))
    try:
        with Interrupts() as interrupts:
            os.kill(os.getpid(), signal.SIGTERM)
        assert heard == [True]
        assert interrupts.count == 0
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("_python_handles_signals")
def test_other_threads_leave_signals_alone() -> None:
    found = []

    def work() -> None:
        with Interrupts():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]


def test_sigterm_is_no_failure_of_a_run() -> None:
    assert issubclass(Terminated, KeyboardInterrupt)


# -- the status file --------------------------------------------------------------------------
def test_the_status_file_tells_other_shells(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "file.hdf5")
    now = [0.0]
    status = StatusFile(path, lambda: 3, lambda: now[0])
    env = Environment("traj", filename=":memory:", on_error="return", commit_interval=0.0)
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": list(range(4))})
    seen: list[dict[str, object]] = []

    class Watch:
        def started(self, total: int, done: int) -> None:
            status.started(total, done)

        def advanced(self, batch: Batch) -> None:
            now[0] += 0.6
            status.advanced(batch)
            if os.path.exists(status_of(path)):
                seen.append(json.loads(pathlib.Path(status_of(path)).read_text()))

        def finished(self) -> None:
            status.finished()

    def run(traj: object) -> None:
        if traj.x == 1:  # type: ignore[attr-defined]
            raise ValueError("one is wrong")

    watched = Environment(env.traj, on_error="return", commit_interval=0.0, report_progress=Watch())
    watched.run(run)
    assert [facts["done"] for facts in seen] == [1, 1, 3]  # at most once a second
    last = seen[-1]
    assert (last["total"], last["failed"], last["states"]) == (4, 1, {"done": 3, "failed": 1})
    assert last["error"] == {"run": 1, "type": "ValueError", "message": "one is wrong"}
    assert (last["pid"], last["session"]) == (os.getpid(), 3)
    assert last["rate"] == pytest.approx(4 / 2.4)
    assert last["left"] == 0
    assert os.listdir(tmp_path) == []
    assert time.time() - float(str(last["updated"])) < 60
