"""Who gets the lease where the kernel's lock does not reach every machine?"""

from __future__ import annotations

import json
import os
import pathlib
import time

import pytest

from pypet_ng.errors import FileBusyError
from pypet_ng.storage.journal import osops
from pypet_ng.storage.journal.osops import OperatingSystem
from pypet_ng.storage.lease import STALE_AFTER, Lease
from tests.journal.disks import Distant, Unlockable


@pytest.fixture(params=[Unlockable, Distant])
def far(request: pytest.FixtureRequest) -> OperatingSystem:
    made: OperatingSystem = request.param()
    return made


@pytest.fixture
def path(tmp_path: pathlib.Path) -> str:
    return str(tmp_path / "file.hdf5")


def held_by(path: str, host: str, pid: int, age: float) -> None:
    lock = pathlib.Path(path + ".lock")
    lock.write_text(json.dumps({"host": host, "pid": pid, "since": time.time() - age, "token": "theirs"}))
    os.utime(lock, (time.time() - age, time.time() - age))


def test_a_lease_of_another_machine_is_respected_while_it_shows_signs_of_life(
    path: str, far: OperatingSystem
) -> None:
    held_by(path, "elsewhere", 17, STALE_AFTER / 2)
    with osops.using(far):
        with pytest.raises(FileBusyError, match="process 17 on host 'elsewhere' since"):
            Lease(path).acquire()
        assert json.loads(pathlib.Path(path + ".lock").read_text())["pid"] == 17
        held_by(path, "elsewhere", 17, STALE_AFTER + 5)
        lease = Lease(path)
        lease.acquire()
        assert lease.is_valid()
        lease.release()
    assert os.listdir(os.path.dirname(path)) == []


def test_a_lease_of_a_dead_process_of_this_machine_is_free_at_once(path: str, far: OperatingSystem) -> None:
    import socket

    held_by(path, socket.gethostname(), 2**22 + 1, 1.0)
    with osops.using(far):
        lease = Lease(path)
        lease.acquire()
        with pytest.raises(FileBusyError, match=f"process {os.getpid()}"):
            Lease(path).acquire()
        lease.release()


def test_a_lease_somebody_took_over_is_no_more_valid(path: str, far: OperatingSystem) -> None:
    with osops.using(far):
        lease = Lease(path)
        lease.acquire()
        held_by(path, "elsewhere", 17, 0.0)
        assert not lease.is_valid()
        lease.release()
        assert json.loads(pathlib.Path(path + ".lock").read_text())["pid"] == 17  # theirs: not removed


def test_a_lock_file_of_anything_else_is_no_obstacle(path: str, far: OperatingSystem) -> None:
    pathlib.Path(path + ".lock").write_text("[1, 2")
    with osops.using(far):
        lease = Lease(path)
        lease.acquire()
        lease.release()


def test_on_local_file_systems_the_kernel_decides(path: str) -> None:
    held_by(path, "elsewhere", 17, 0.0)
    lease = Lease(path)
    lease.acquire()
    lease.release()
    lease.release()
    assert not lease.held
