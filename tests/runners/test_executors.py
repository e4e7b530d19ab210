"""Do runs go right on executors that finish out of order, do things twice, lose and delay?"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pypet_ng import Environment
from pypet_ng.errors import WorkerError
from pypet_ng.runners import ExecutorRunner, Runner
from pypet_ng.testing.runner_contract import RunnerContract


class Inline(Executor):
    """Does everything at once, in the calling thread."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Twice(Inline):
    """Does everything twice, as engines do that think a worker is gone."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        super().submit(function, *args, **kwargs)
        return super().submit(function, *args, **kwargs)


class Losing(Inline):
    """Loses one task of four."""

    def __init__(self) -> None:
        self.random = random.Random(3)

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.random.random() < 0.25:
            future: Future[Any] = Future()
            future.set_exception(ConnectionError("the node went away"))
            return future
        return super().submit(function, *args, **kwargs)


class Shuffled(Executor):
    """Finishes what it has in any order, in a thread of its own."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Future[Any], Callable[[], Any]]] = []
        self.changed = threading.Condition()
        self.ended = False
        self.random = random.Random(1)
        self.thread = threading.Thread(target=self._work)
        self.thread.start()

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        with self.changed:
            self.waiting.append((future, lambda: function(*args, **kwargs)))
            self.changed.notify()
        return future

    def _work(self) -> None:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.waiting or self.ended)
                if not self.waiting:
                    return
                future, task = self.waiting.pop(self.random.randrange(len(self.waiting)))
            if future.set_running_or_notify_cancel():
                future.set_result(task())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self.changed:
            self.ended = True
            self.changed.notify()
        self.thread.join()


class Broken(Executor):
    """Takes twelve tasks, then nothing more."""

    def __init__(self) -> None:
        self.left = 12

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("cannot schedule new futures")
        return Inline().submit(function, *args, **kwargs)


def _loky() -> Executor:
    import loky

    executor: Executor = loky.ProcessPoolExecutor(2)
    return executor


class OnExecutor(RunnerContract):
    """The contract on an executor of one kind."""

    own: Executor

    @staticmethod
    def make_executor() -> Executor:
        raise NotImplementedError("a test class names its executor")

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _executor(cls) -> Iterator[None]:
        executor = cls.make_executor()
        cls.own = executor
        yield
        executor.shutdown()

    def make(self) -> Runner:
        return ExecutorRunner(self.own)


class TestInline(OnExecutor):
    make_executor = staticmethod(Inline)


class TestTwice(OnExecutor):
    make_executor = staticmethod(Twice)


class TestShuffled(OnExecutor):
    make_executor = staticmethod(Shuffled)


class TestThreads(OnExecutor):
    make_executor = staticmethod(lambda: ThreadPoolExecutor(3))


class TestLoky(OnExecutor):
    make_executor = staticmethod(_loky)


def sweep(runner: Any, runs: int = 40, **options: Any) -> Environment:
    env = Environment(filename=":memory:", runner=runner, **options)
    env.traj.f_add_parameter("x", 0.0)
    env.traj.f_explore({"x": np.arange(float(runs))})
    return env


def give(traj: Any) -> float:
    traj.f_add_result("z", traj.x)
    return float(traj.x)


def test_lost_tasks_are_done_again_one_by_one() -> None:
    env = sweep(Losing(), retries=5, on_error="return")
    assert len(env.run(give)) == 40
    assert env.traj.f_is_completed()


def test_runs_an_engine_always_loses_are_lost_and_say_why() -> None:
    class Refusing(Inline):
        def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            if any(getattr(arg, "rows", [0])[0] == 3 for arg in args if hasattr(arg, "rows")):
                future: Future[Any] = Future()
                future.set_exception(ConnectionError("the node went away"))
                return future
            return super().submit(function, *args, **kwargs)

    env = sweep(Refusing(), 6, on_error="return")
    assert [index for index, _ in env.run(give)] == [0, 1, 2, 4, 5]
    failure = env.traj.v_storage_service.run_table().failures()[0]
    assert failure.row == 3
    assert "the node went away" in failure.message
    assert env.traj.f_get_run_information(3)["state"] == "lost"


def test_a_broken_engine_is_told_and_what_came_back_is_kept() -> None:
    env = sweep(Broken(), 20_000)
    with pytest.raises(WorkerError, match="Broken takes no more work"):
        env.run(give)
    done = [index for index in range(20_000) if env.traj.f_is_completed(index)]
    assert done
    assert [pair[0] for pair in env.last_results] == done


def test_an_executor_cannot_end_runs_and_says_so() -> None:
    with pytest.raises(ValueError, match="runner='processes'"):
        Environment(filename=":memory:", runner=Inline(), run_timeout=1.0)


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Any]:
    """Give the client of a cluster of two workers on the loopback interface."""
    distributed = pytest.importorskip("distributed")
    import dask

    settings = {
        "distributed.scheduler.allowed-failures": 0,
        "temporary-directory": str(folder),
        "logging.distributed": "critical",
    }
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs=50,
        ) as local,
        distributed.Client(local) as client,
    ):
        yield client


def on_dask(folder: Path, body: Callable[[Any], None]) -> None:
    """Run `body` with an executor of a fresh cluster, bounded in time.

    Now and then, on a loaded machine, Dask's nannies do not bring back a worker that was killed, and
    a cluster without workers answers no more. That is no matter of the runner: another cluster is tried.
    """
    for attempt in range(3):
        ended: Future[None] = Future()

        def work(client: Any, ended: Future[None] = ended) -> None:
            try:
                body(client.get_executor())
                ended.set_result(None)
            except BaseException as error:
                ended.set_exception(error)

        with cluster(folder / str(attempt)) as client:
            thread = threading.Thread(target=work, args=(client,), daemon=True)
            thread.start()
            thread.join(60)
            if ended.done():
                ended.result()
                return
    pytest.fail("three clusters in a row did not answer within a minute")


@pytest.mark.filterwarnings("default")  # dask's own, about ports and files of a cluster that is going down
def test_a_dask_cluster_does_the_runs(tmp_path: Path) -> None:
    def body(executor: Any) -> None:
        env = sweep(executor, 300)
        assert env.run(give) == [(index, float(index)) for index in range(300)]
        env.traj.f_load(load_data=2)
        assert env.traj.results.runs[123].z == 123.0

    on_dask(tmp_path, body)


@pytest.mark.filterwarnings("default")
def test_a_run_that_kills_a_dask_worker_is_lost_alone(tmp_path: Path) -> None:
    def kill(traj: Any) -> float:
        if traj.x == 17.0:
            os.kill(os.getpid(), signal.SIGKILL)
        return float(traj.x)

    def body(executor: Any) -> None:
        env = sweep(executor, on_error="return")
        assert [index for index, _ in env.run(kill)] == [index for index in range(40) if index != 17]
        assert env.traj.f_get_run_information(17)["state"] == "lost"

    on_dask(tmp_path, body)


@pytest.mark.filterwarnings("default")
def test_a_run_that_kills_a_dask_worker_once_is_done_with_a_retry(tmp_path: Path) -> None:
    def body(executor: Any) -> None:
        flag = tmp_path / f"killed {id(executor)}"

        def kill_once(traj: Any) -> float:
            if traj.x == 17.0 and not flag.exists():
                flag.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return float(traj.x)

        env = sweep(executor, on_error="return", retries=1)
        assert len(env.run(kill_once)) == 40

    on_dask(tmp_path, body)
