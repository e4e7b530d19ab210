"""Do runs on worker processes keep the contract, whatever happens to the workers?"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pypet_ng import Environment
from pypet_ng.runners import ProcessRunner, Runner
from pypet_ng.testing.runner_contract import RunnerContract, multiply


@pytest.fixture(scope="module")
def shared() -> Iterator[ProcessRunner]:
    runner = ProcessRunner(2)
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def retrying() -> Iterator[ProcessRunner]:
    runner = ProcessRunner(2, retries=1)
    yield runner
    runner.close()


class TestProcessRunner(RunnerContract):
    """Workers survive from one sweep to the next, so one pair does for all tests."""

    @pytest.fixture(autouse=True)
    def _runner(self, shared: ProcessRunner) -> None:
        self._shared = shared

    def make(self) -> Runner:
        return self._shared


def sweep(runner: Runner, runs: int = 40, **options: Any) -> Environment:
    env = Environment(filename=":memory:", runner=runner, **options)
    env.traj.f_add_parameter("x", 0.0)
    env.traj.f_add_parameter("y", 2.0)
    env.traj.f_explore({"x": np.arange(float(runs))})
    return env


def states(env: Environment) -> dict[int, str]:
    traj = env.traj
    return {
        index: traj.f_get_run_information(index)["state"]
        for index in range(len(traj))
        if not traj.f_is_completed(index)
    }


def test_a_run_that_kills_its_worker_is_lost_and_nobody_else_is_charged(shared: ProcessRunner) -> None:
    def kill(traj: Any) -> float:
        if traj.x == 17.0:
            os.kill(os.getpid(), signal.SIGKILL)
        return float(traj.x)

    env = sweep(shared, on_error="return")
    results = env.run(kill)
    assert [index for index, _ in results] == [index for index in range(40) if index != 17]
    assert states(env) == {17: "lost"}
    attempts = env.traj.v_storage_service.run_table().column("attempt")
    assert (attempts == 1).all()


def test_a_run_that_kills_its_worker_once_is_done_with_a_retry(
    retrying: ProcessRunner, tmp_path: Path
) -> None:
    flag = tmp_path / "killed"

    def kill_once(traj: Any) -> float:
        if traj.x == 17.0 and not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return float(traj.x)

    env = sweep(retrying, on_error="return")
    assert len(env.run(kill_once)) == 40
    attempts = env.traj.v_storage_service.run_table().column("attempt")
    assert attempts[17] == 2
    assert (np.delete(attempts, 17) == 1).all()


def test_a_run_that_always_kills_is_lost_after_its_retries(retrying: ProcessRunner) -> None:
    def exit_now(traj: Any) -> float:
        if traj.x == 5.0:
            os._exit(3)
        return float(traj.x)

    env = sweep(retrying, on_error="return")
    assert len(env.run(exit_now)) == 39
    assert states(env) == {5: "lost"}
    assert env.traj.v_storage_service.run_table().column("attempt")[5] == 2


def test_a_segfault_is_a_lost_run(shared: ProcessRunner) -> None:
    def crash(traj: Any) -> float:
        if traj.x == 2.0:
            import ctypes
            import faulthandler

            faulthandler.disable()
            ctypes.string_at(0)
        return float(traj.x)

    env = sweep(shared, 6, on_error="return")
    env.run(crash)
    assert states(env) == {2: "lost"}


def test_an_endless_run_is_ended_at_its_timeout() -> None:
    def endless(traj: Any) -> float:
        while traj.x == 3.0:
            pass
        return float(traj.x)

    runner = ProcessRunner(2, run_timeout=1.0)
    try:
        env = sweep(runner, 10, on_error="return")
        began = time.monotonic()
        assert len(env.run(endless)) == 9
        assert time.monotonic() - began < 20
        assert states(env) == {3: "timed_out"}
        failure = env.traj.v_storage_service.run_table().failures()[0]
        assert "run_timeout=1" in failure.message
    finally:
        runner.close()


def test_memory_beyond_the_limit_is_a_failed_run(shared: ProcessRunner) -> None:
    def greedy(traj: Any) -> int:
        if traj.x == 1.0:
            import resource

            resource.setrlimit(resource.RLIMIT_AS, (2 << 30, resource.getrlimit(resource.RLIMIT_AS)[1]))
            return np.ones(1 << 30).nbytes  # 8 GB
        return 0

    env = sweep(shared, 4, on_error="return")
    env.run(greedy)
    assert states(env) == {1: "failed"}
    assert "MemoryError" in env.traj.v_storage_service.run_table().failures()[0].type


def test_a_returned_value_that_cannot_travel_is_that_runs_failure(shared: ProcessRunner) -> None:
    def give(traj: Any) -> Any:
        return (number for number in range(3)) if traj.x == 2.0 else traj.x

    env = sweep(shared, 6, on_error="return")
    assert [index for index, _ in env.run(give)] == [0, 1, 3, 4, 5]
    assert states(env) == {2: "failed"}


def test_an_exception_that_cannot_travel_is_told_by_its_record(shared: ProcessRunner) -> None:
    class StubbornError(Exception):
        def __reduce__(self) -> Any:
            raise TypeError("I stay")

    def fail(traj: Any) -> float:
        if traj.x == 2.0:
            raise StubbornError("here")
        return float(traj.x)

    env = sweep(shared, 6)
    with pytest.raises(RuntimeError, match="StubbornError: here"):
        env.run(fail)
    assert states(env) == {2: "failed"}


def test_what_cannot_travel_is_refused_before_the_start_by_name(shared: ProcessRunner) -> None:
    import threading

    lock = threading.Lock()

    def use(traj: Any) -> bool:
        return lock.locked()

    env = sweep(shared, 4)
    with pytest.raises(TypeError, match="'lock'"):
        env.run(use)
    with pytest.raises(TypeError, match="Argument 0"):
        env.run(multiply, threading.Lock())
    assert not env.traj.f_is_completed(0)


def test_much_captured_data_warns_with_its_name(shared: ProcessRunner) -> None:
    heavy = np.zeros(2_000_000)

    def use(traj: Any) -> float:
        return float(heavy[0])

    env = sweep(shared, 2)
    with pytest.warns(UserWarning, match="'heavy'"):
        env.run(use)


def test_workers_survive_from_one_sweep_to_the_next(shared: ProcessRunner) -> None:
    def pid(traj: Any) -> int:
        return os.getpid()

    first = {value for _, value in sweep(shared, 200).run(pid)}
    second = {value for _, value in sweep(shared, 200).run(pid)}
    assert first == second
    assert os.getpid() not in first


def test_workers_have_the_folder_the_path_and_the_filters_of_the_parent(
    shared: ProcessRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own_helper_module.py").write_text("def double(x):\n    return 2 * x\n")
    import own_helper_module  # type: ignore[import-not-found]

    def look(traj: Any) -> tuple[str, float]:
        return os.getcwd(), own_helper_module.double(traj.x)

    runner = ProcessRunner(1)
    try:
        assert sweep(runner, 2).run(look) == [(0, (str(tmp_path), 0.0)), (1, (str(tmp_path), 2.0))]
    finally:
        runner.close()


def test_blas_threads_are_limited(shared: ProcessRunner) -> None:
    def threads(traj: Any) -> str | None:
        return os.environ.get("OMP_NUM_THREADS")

    assert sweep(shared, 1).run(threads)[0][1] is not None


def test_closing_leaves_no_process_and_no_file() -> None:
    def pid(traj: Any) -> int:
        return os.getpid()

    runner = ProcessRunner(2)
    pids = {value for _, value in sweep(runner, 100).run(pid)}
    folder = runner.folder
    runner.close()
    assert not os.path.exists(folder)
    for one in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(one, 0)


def test_descriptors_stay_constant_over_many_runs(shared: ProcessRunner) -> None:
    folder = f"/proc/{os.getpid()}/fd"
    if not os.path.isdir(folder):
        pytest.skip("descriptors are counted through /proc")

    def work(traj: Any) -> float:
        traj.f_add_result("z", traj.x)
        return float(traj.x)

    env = sweep(shared, 1000)
    env.run(work)
    before = len(os.listdir(folder))
    for step in range(1, 10):
        env.traj.f_expand({"x": np.arange(step * 1000.0, step * 1000.0 + 1000)})
        env.run(work)
    assert len(os.listdir(folder)) <= before + 2


SCRIPT = """
import os, sys, time
from pypet_ng import Environment
def slow(traj):
    with open(sys.argv[1], "a") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(60)
env = Environment(filename=":memory:", multiproc=True, ncores=2)
env.traj.f_add_parameter("x", 0)
env.traj.f_explore({"x": range(4)})
env.run(slow)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_worker_outlives_its_parent(number: signal.Signals, tmp_path: Path) -> None:
    import subprocess

    pids = tmp_path / "pids"
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    parent = subprocess.Popen(
        [sys.executable, str(script), str(pids)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while not (pids.exists() and len(pids.read_text().split()) >= 2):
            assert parent.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        parent.send_signal(number)
        parent.wait(timeout=30)
    finally:
        parent.kill()
        parent.wait()
    workers = {int(word) for word in pids.read_text().split()}
    deadline = time.monotonic() + 20
    while any(_alive(pid) for pid in workers):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
