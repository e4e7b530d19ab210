"""Does a file survive a crash at any moment, whatever of the unsynced writes reached the disk?"""

from __future__ import annotations

import pathlib
import random

import h5py
import pytest

from pypet_ng.storage.hdf5 import HDF5StorageService
from pypet_ng.storage.journal import TxnFile, osops, recover, txnfile
from tests.journal import stores
from tests.journal.disks import Recorder, crashes, digest
from tests.journal.histories import OPTIONS, History, judge, make, record

pytestmark = pytest.mark.repeats

KINDS = {"free": (0.0, 0.3), "delayed": (0.66, 0.2), "never": (1.0, 0.25), "one session": (0.3, 0.0)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_crash_leaves_the_last_commit_or_the_one_being_made(tmp_path: pathlib.Path, kind: str) -> None:
    assert _simulate(tmp_path, kind, range(1), 10) > 200


@pytest.mark.parametrize("kind", KINDS)
def test_beginning_the_journal_anew_and_compacting_it_can_crash_as_well(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(txnfile, "RESET_SIZE", 8 << 10)
    monkeypatch.setattr(txnfile, "COMPACT_SIZE", 64 << 10)
    assert _simulate(tmp_path, kind, range(1, 2), 10) > 200


@pytest.mark.slow
@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_twenty_thousand_crashes(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str, small: bool
) -> None:
    if small:
        monkeypatch.setattr(txnfile, "RESET_SIZE", 8 << 10)
        monkeypatch.setattr(txnfile, "COMPACT_SIZE", 64 << 10)
    assert _simulate(tmp_path, kind, range(10, 16), 14) > 2500


def _simulate(folder: pathlib.Path, kind: str, seeds: range, commits: int) -> int:
    states = 0
    for seed in seeds:
        history = record(folder / f"made{seed}", seed, commits, *KINDS[kind])
        count, _, wrong = judge(history, folder / f"crashed{seed}", seed)
        assert not wrong, f"{len(wrong)} of {count} wrong, seed {seed}:\n" + "\n".join(wrong[:10])
        states += count
    return states


# -- the storage as a whole -------------------------------------------------------------------
def _record_storage(folder: pathlib.Path, seed: int, commits: int, refused: float) -> History:
    """Runs with floats, arrays, ragged and irregular values, links, deletes; sessions that end; compaction."""
    chance = random.Random(seed)
    folder.mkdir()
    path = str(folder / "file.hdf5")
    service = stores.begin(path)
    recorder = Recorder(lambda: chance.random() < refused)
    recorder.begin(path)
    history = History(path)
    history.shown.append(stores.look(path))
    history.marks.append((len(recorder.acts), 0))
    done = number = 0
    with osops.using(recorder):
        while number < commits:
            service = HDF5StorageService(path)
            service.select("traj")
            with service.writing():
                for _ in range(chance.choice((1, 3))):
                    number += 1
                    done = stores.change(service, number, done, chance)
                    history.begun.append((len(recorder.acts), number))
                    service.commit()
                    history.marks.append((len(recorder.acts), number))
                    with osops.using(osops.OperatingSystem()):
                        history.shown.append(stores.look(path))
            if not refused and chance.random() < 0.5:
                service.compact()
    history.acts = recorder.acts
    return history


def _judge_storage(history: History, folder: pathlib.Path, seed: int, hows: tuple[str, ...]) -> int:
    folder.mkdir()
    path = str(folder / "file.hdf5")
    seen: dict[bytes, str] = {}
    states = 0
    for count, how, disk in crashes(history.acts, history.marks[0][0], random.Random(seed), hows):
        states += 1
        mark = digest(disk)
        if mark not in seen:
            for old in folder.iterdir():
                old.unlink()
            for name, data in disk.items():
                if not name.endswith(".lock"):
                    (folder / pathlib.Path(name).name).write_bytes(data)
            before = stores.look(path)  # as readers see it
            assert recover(path, sync=False)
            seen[mark] = stores.look(path)
            assert seen[mark] == before
            service = HDF5StorageService(path, durability="os")
            service.select("traj")
            assert service.verify() == []
            service.write([stores.leaf(("results", "after"), 1)])  # and it goes on
            assert service.verify() == []
        least = max(number for acts, number in history.marks if acts <= count)
        most = max((number for acts, number in history.begun if acts <= count), default=0)
        assert seen[mark] in history.shown[least : most + 1], f"act {count}, {how}, not {least}..{most}"
    return states


@pytest.mark.parametrize(("seed", "refused"), [(1, 0.0), (2, 0.6)])
def test_runs_survive_crashes_and_can_be_gone_on_with(
    tmp_path: pathlib.Path, seed: int, refused: float
) -> None:
    history = _record_storage(tmp_path / "made", seed, 3, refused)
    assert _judge_storage(history, tmp_path / "crashed", seed, ("synced", "some")) > 50


@pytest.mark.slow
@pytest.mark.parametrize("refused", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("seed", [3, 4])
def test_runs_survive_many_more_crashes(tmp_path: pathlib.Path, seed: int, refused: float) -> None:
    history = _record_storage(tmp_path / "made", seed, 12, refused)
    assert (
        _judge_storage(history, tmp_path / "crashed", seed, ("all", "synced", "some", "some", "torn")) > 300
    )


# -- does the simulation find anything? -------------------------------------------------------
@pytest.mark.parametrize("what", ["appended", "journal"])
def test_the_simulation_finds_a_forgotten_sync(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    wait = TxnFile._wait

    def careless(self: TxnFile, descriptor: int) -> None:
        if (descriptor == self._journal) != (what == "journal"):
            wait(self, descriptor)

    monkeypatch.setattr(TxnFile, "_wait", careless)
    history = record(tmp_path / "made", 0, 4, 1.0, 0.0)
    _, _, wrong = judge(history, tmp_path / "crashed", 0)
    assert wrong


def test_the_simulation_finds_writing_in_place(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "file.hdf5")
    make(path)
    recorder = Recorder()
    recorder.begin(path)

    class InPlace(TxnFile):
        def write(self, data: osops.Buffer) -> int:
            view = memoryview(data).cast("B")
            self._os.write(self._file, view, self._position)
            self._end = max(self._end, self._position + len(view))
            return len(view)

    with osops.using(recorder):
        txn = InPlace(path)
        with h5py.File(txn, "r+", **OPTIONS) as file:
            file["more"] = [1.0] * 1000
            file.create_group("tree/a/b")
        txn._os.sync(txn._file)
        txn._let_go()
    broken = 0
    copy = tmp_path / "copy.hdf5"
    for _, _, disk in crashes(recorder.acts, 4, random.Random(0)):
        copy.write_bytes(disk[path])
        try:
            with h5py.File(copy, "r") as file:
                file.visititems(lambda name, thing: None)
        except (OSError, RuntimeError, KeyError):
            broken += 1
    assert broken
