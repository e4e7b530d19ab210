"""What happens when the disk is full or broken, locks are missing, or somebody interferes?"""

from __future__ import annotations

import errno
import os
import pathlib
import re
from collections.abc import Callable

import h5py
import numpy as np
import pytest

from pypet_ng import Environment
from pypet_ng.errors import FileBusyError, ReadOnlyFileError, StorageError
from pypet_ng.storage.hdf5 import HDF5StorageService, file
from pypet_ng.storage.journal import journal_of, osops
from pypet_ng.storage.journal.osops import Buffer, OperatingSystem
from tests.journal.disks import Distant, Faulty, Unlockable
from tests.journal.stores import batch_of, begin, check, leaf

pytestmark = pytest.mark.repeats


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "PATIENCE", 0.0)


@pytest.fixture
def path(tmp_path: pathlib.Path) -> str:
    return str(tmp_path / "file.hdf5")


def sweep(path: str, acked: list[int], parts: int = 4, size: int = 9) -> None:
    """Append runs from where the file ends, noting what was committed."""
    service = HDF5StorageService(path)
    service.select("traj")
    done = check(service)
    with service.writing():
        while done < parts * size:
            service.append_runs(batch_of(np.arange(done, done + size)))
            service.write([leaf(("results", f"r{done}"), np.full(3000, done))])
            service.commit()
            done += size
            acked.append(done)


CASES: dict[str, tuple[tuple[str, ...], int, str, type[StorageError]]] = {
    "full": (("write",), errno.ENOSPC, "no space left on the device.*Free some space", StorageError),
    "quota": (("write", "truncate"), errno.EDQUOT, "quota is used up", StorageError),
    "broken": (("sync",), errno.EIO, "disk reports an error", StorageError),
    "read-only": (("write", "truncate", "sync"), errno.EROFS, "became read-only", ReadOnlyFileError),
}


@pytest.mark.parametrize("lasting", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_an_error_at_any_call_leaves_what_was_committed_and_says_what_to_do(
    tmp_path: pathlib.Path, case: str, lasting: bool
) -> None:
    _fail_at_calls(tmp_path, case, lasting, 2 if case == "broken" else 17)


@pytest.mark.slow
@pytest.mark.parametrize("lasting", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_an_error_at_every_single_call(tmp_path: pathlib.Path, case: str, lasting: bool) -> None:
    _fail_at_calls(tmp_path, case, lasting, 1)


def _fail_at_calls(tmp_path: pathlib.Path, case: str, lasting: bool, step: int) -> None:
    kinds, code, words, kind = CASES[case]
    at = trials = 0
    while True:
        at += step
        path = str(tmp_path / f"{at}.hdf5")
        begin(path)
        faulty = Faulty(at, kinds, code, lasting)
        acked: list[int] = [0]
        error = _sweep_error(path, acked, faulty)
        if error is not None:
            trials += 1
            assert isinstance(error, kind)
            assert re.search(words, str(error))
            assert "is kept" in str(error)
        service = HDF5StorageService(path)
        service.select("traj")
        assert check(service) in (acked[-1], acked[-1] + 9)
        assert service.verify() == []
        sweep(path, acked)
        service.write([leaf(("results", "last"), 1)])  # bringing the file up to date may have failed
        assert check(service) == 36
        assert service.verify() == []
        os.unlink(path)
        assert os.listdir(tmp_path) == []
        if not faulty.failed:
            break
    assert trials > 5


def _sweep_error(path: str, acked: list[int], faulty: Faulty) -> StorageError | None:
    try:
        with osops.using(faulty):
            sweep(path, acked)
    except StorageError as error:
        return error
    return None


def cube(traj: object) -> np.ndarray:
    x = traj.x  # type: ignore[attr-defined]
    traj.f_add_result("z", x**3)  # type: ignore[attr-defined]
    return np.full(200_000, x)


def environment(path: str) -> Environment:
    env = Environment("traj", filename=path, commit_interval=0.0, report_progress=False, on_change="keep")
    env.traj.f_add_parameter("x", 0.0)
    env.traj.f_explore({"x": [float(x) for x in range(12)]})
    return env


class Counting(OperatingSystem):
    """Counts writes."""

    def __init__(self) -> None:
        self.writes = 0

    def write(self, descriptor: int, data: Buffer, offset: int) -> None:
        self.writes += 1
        super().write(descriptor, data, offset)


def writes_until_run(path: str, number: int) -> int:
    """Count the writes of a sweep until one of its runs begins."""
    counting = Counting()
    seen: list[int] = []

    def noting(traj: object) -> np.ndarray:
        seen.append(counting.writes)
        return cube(traj)

    with osops.using(counting):
        environment(path).run(noting)
    return seen[number]


@pytest.mark.parametrize("when", ["at once", "before the first run", "between runs"])
def test_a_sweep_on_a_full_disk_goes_on_when_there_is_space_again(path: str, when: str) -> None:
    runs = {"at once": 0, "before the first run": 0, "between runs": 4}[when]
    at = 5 if when == "at once" else writes_until_run(path + ".other", runs) - 2
    with osops.using(Faulty(at, ("write",))), pytest.raises(StorageError, match="no space left"):
        environment(path).run(cube)
    service = HDF5StorageService(path)
    kept = 0
    if service.trajectories():
        service.select("traj")
        kept = int((service.run_table().column("state") == 1).sum())
    assert (kept > 0) == (when == "between runs")
    done: list[float] = []

    def counted(traj: object) -> np.ndarray:
        done.append(traj.x)  # type: ignore[attr-defined]
        return cube(traj)

    results = environment(path).run(counted)
    assert [index for index, _ in results] == list(range(12))
    assert all((value == index).all() for index, value in results)
    assert len(done) == 12 - kept


def test_a_full_disk_does_not_kill_the_process_at_its_end(path: str) -> None:
    begin(path)
    service = HDF5StorageService(path)
    service.select("traj")
    with osops.using(Faulty(1, ("write",))), pytest.raises(StorageError), service.writing():
        service.write([leaf(("results", "big"), np.zeros(100_000))])
    assert not service.has(("results", "big"))
    service.write([leaf(("results", "big"), 1)])
    assert service.verify() == []


def test_a_removed_lease_ends_the_writing(path: str) -> None:
    service = begin(path)

    def write() -> None:
        with service.writing():
            service.append_runs(batch_of(np.arange(3)))
            service.commit()
            os.unlink(path + ".lock")
            service.append_runs(batch_of(np.arange(3, 6)))
            service.commit()

    with pytest.raises(FileBusyError, match=r"lock file.*was removed or taken.*never delete lock files"):
        write()
    other = HDF5StorageService(path)
    other.select("traj")
    assert check(other) == 3
    other.append_runs(batch_of(np.arange(3, 6)))
    assert check(other) == 6


def test_a_taken_over_lease_ends_the_writing_even_at_its_end(path: str) -> None:
    service = begin(path)

    def write() -> None:
        with service.writing():
            service.append_runs(batch_of(np.arange(3)))
            os.unlink(path + ".lock")

    with pytest.raises(FileBusyError, match="removed or taken"):
        write()
    other = HDF5StorageService(path)
    other.select("traj")
    assert check(other) == 0


@pytest.mark.parametrize("kind", [Unlockable, Distant])
def test_without_locks_that_reach_everybody_nothing_is_applied_before_the_end(
    path: str, kind: Callable[[], OperatingSystem]
) -> None:
    begin(path)
    before = pathlib.Path(path).read_bytes()
    with osops.using(kind()):
        service = HDF5StorageService(path, apply_at_end=None if kind is Distant else True)
        service.select("traj")
        reader = HDF5StorageService(path)
        reader.select("traj")
        with service.writing():
            for number in range(5):
                service.append_runs(batch_of(np.arange(number * 4, number * 4 + 4)))
                service.commit()
                assert pathlib.Path(path).read_bytes()[: len(before)] == before
                reader.refresh()
                assert check(reader) == number * 4 + 4
            second = HDF5StorageService(path)
            with pytest.raises(FileBusyError, match=f"process {os.getpid()} on host"), second.writing():
                pass
        assert os.listdir(os.path.dirname(path)) == ["file.hdf5"]
        assert check(service) == 20


def test_other_programs_cannot_open_the_file_for_writing_meanwhile(path: str) -> None:
    service = begin(path)
    with service.writing():
        service.append_runs(batch_of(np.arange(3)))
        service.commit()
        with h5py.File(path, "r", locking=True) as opened:
            assert "traj" in opened
        with pytest.raises(BlockingIOError):
            h5py.File(path, "r+", locking=True)
    with h5py.File(path, "r+", locking=True):
        pass


def test_a_program_that_has_the_file_open_for_writing_keeps_us_out(path: str) -> None:
    service = begin(path)
    with h5py.File(path, "r+", locking=True), pytest.raises(FileBusyError, match="another program"):
        service.write([leaf(("results", "r"), 1)])
    service.write([leaf(("results", "r"), 1)])


def test_in_place_writers_apply_a_journal_first(path: str) -> None:
    service = begin(path)
    with h5py.File(path, "r", locking=True):
        service.append_runs(batch_of(np.arange(3)))
        assert os.path.exists(journal_of(path))
        in_place = HDF5StorageService(path, durability="none")
        in_place.select("traj")
        assert check(in_place) == 3  # readers see it in any case
        with pytest.raises(FileBusyError, match="journal that is to be applied first"):
            in_place.append_runs(batch_of(np.arange(3, 6)))
    in_place.append_runs(batch_of(np.arange(3, 6)))
    assert not os.path.exists(journal_of(path))
    with h5py.File(path, "r") as opened:
        assert len(opened["traj/results/runs/$/z/z/_kind"]) >= 6
    assert check(service) == 6


def test_a_file_somebody_reads_is_not_compacted_or_overwritten(path: str) -> None:
    service = begin(path)
    service.append_runs(batch_of(np.arange(3)))
    with h5py.File(path, "r", locking=True):
        service.write([leaf(("results", "r"), 1)])
        with pytest.raises(FileBusyError, match="another program is reading it"):
            service.compact()
        assert check(service) == 3
        assert service.has(("results", "r"))
    service.compact()
    assert check(service) == 3
    assert os.listdir(os.path.dirname(path)) == ["file.hdf5"]


def test_an_unknown_durability_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="'disk' is unknown: use one of 'fsync', 'os', 'none'"):
        HDF5StorageService("file.hdf5", durability="disk")
