"""Can processes that a user starts store into one trajectory? (section 15, MultiprocContext)"""

from __future__ import annotations

import errno
import multiprocessing
import os
import pathlib
import threading
import types
from typing import Any

import numpy as np
import pytest

from pypet_ng import MultiprocContext, Trajectory, load_trajectory
from pypet_ng.errors import DataNotInStorageError, StorageError
from pypet_ng.storage import remote
from pypet_ng.storage.memory import MemoryStorageService
from pypet_ng.storage.remote import StorageServer

# Other tests of the same process may have loaded JAX, whose threads children do not have and do not need.
pytestmark = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning", "ignore:.*fork:DeprecationWarning")


@pytest.fixture
def traj(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    made = Trajectory("t", filename="t.hdf5", add_time=False)
    made.f_add_parameter("x", 3)
    made.f_add_result("first", np.arange(5))
    made.f_store()
    return made


def store_number(args: tuple[Any, int]) -> int:
    traj, number = args
    result = traj.f_add_result(f"of_child.r{number}", value=number * traj.x, pid=os.getpid())
    traj.f_store_item(result)
    traj.f_load_item("first", load_data=3)
    assert traj.first.tolist() == [0, 1, 2, 3, 4]
    return os.getpid()


def check_all(loaded: Any, count: int) -> None:
    found = [loaded.results.of_child.f_get(f"r{number}") for number in range(count)]
    assert [one["value"] for one in found] == [3 * number for number in range(count)]
    assert os.getpid() not in {one.pid for one in found}


@pytest.mark.parametrize("wrap_mode", ["LOCK", "QUEUE", "PIPE", "LOCAL"])
def test_section_15_forked_processes_store(wrap_mode: str, traj: Any) -> None:
    with MultiprocContext(traj, wrap_mode=wrap_mode, use_manager=False) as context:
        assert context.v_trajectory is traj
        fork = multiprocessing.get_context("fork")
        children = [fork.Process(target=store_number, args=((traj, number),)) for number in range(2)]
        for child in children:
            child.start()
        traj.f_add_result("of_parent", 1)
        traj.f_store()
        for child in children:
            child.join()
            assert child.exitcode == 0
        context.f_store_references({})
    traj.f_add_result("afterwards", 2)
    traj.f_store()
    loaded = load_trajectory(name="t", filename="t.hdf5", load_all=2)
    check_all(loaded, 2)
    assert (loaded.of_parent, loaded.afterwards) == (1, 2)


def test_section_15_a_pool_of_pickled_trajectories_stores(traj: Any) -> None:
    context = MultiprocContext(traj)
    context.start()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pids = pool.map(store_number, [(traj, number) for number in range(6)], chunksize=1)
    context.finalize()
    context.finalize()
    assert 1 <= len(set(pids)) <= 2
    check_all(load_trajectory(name="t", filename="t.hdf5", load_all=2), 6)


def test_a_trajectory_without_storage_is_refused() -> None:
    with pytest.raises(ValueError, match="filename="):
        MultiprocContext(Trajectory("t"))


# -- the server ---------------------------------------------------------------------------------------
def test_the_memory_storage_is_served_as_well() -> None:
    traj = Trajectory("t", filename=":memory:", add_time=False)
    with MultiprocContext(traj):
        traj.f_add_result("z", 5)
        traj.f_store()
    assert isinstance(traj._session.storage, MemoryStorageService)
    assert traj._session.storage.read(("results", "z")).data == {"z": 5}


def test_errors_come_back_and_a_closed_server_is_told() -> None:
    traj = Trajectory("t", filename=":memory:", add_time=False)
    traj.f_store()
    server = StorageServer(traj._session.storage)  # type: ignore[arg-type]
    client = server.client()
    with pytest.raises(DataNotInStorageError):
        client.read(("results", "nothing"))
    assert client.name == "t"
    assert len(client.run_table()) == 1
    assert client.run_table().column("state").tolist() == [0]
    assert [one.path for one in client.scan()] == []
    with pytest.raises(AttributeError):
        client.no_such_method()
    server.close()
    with pytest.raises(StorageError, match="no longer does"):
        client.read(("results", "nothing"))
    client.close()


def write_and_die(client: Any) -> None:
    with client.writing():
        os._exit(3)


def test_a_process_that_dies_while_it_writes_stops_nobody() -> None:
    traj = Trajectory("t", filename=":memory:", add_time=False)
    with MultiprocContext(traj):
        child = multiprocessing.get_context("fork").Process(
            target=write_and_die, args=(traj._session.storage,)
        )
        child.start()
        child.join()
        assert child.exitcode == 3
        traj.f_add_result("z", 5)
        traj.f_store()


def test_a_listener_that_is_broken_for_good_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    traj = Trajectory("t", filename=":memory:")
    traj.f_store()
    pauses: list[float] = []

    def broken(_: Any) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(remote.Listener, "accept", broken)
    monkeypatch.setattr(remote, "time", types.SimpleNamespace(sleep=pauses.append))
    before = set(threading.enumerate())
    server = StorageServer(traj._session.storage)  # type: ignore[arg-type]
    for thread in set(threading.enumerate()) - before:
        thread.join(20)
    assert len(pauses) == 8
    with pytest.raises(StorageError, match="no longer does"):
        server.client().read(("results", "nothing"))
    server.close()
