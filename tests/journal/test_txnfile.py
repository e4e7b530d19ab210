"""Is a journalled file what a plain one would be, to its writer, to readers, and after crashes?"""

from __future__ import annotations

import os
import pathlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypet_ng.storage.journal import Overlay, TxnFile, osops, recover, txnfile
from pypet_ng.storage.journal.frames import PAGE, journal_of
from tests.journal.disks import Recorder, crashes, digest


class Pair:
    """A journalled file and the bytes it should have."""

    def __init__(self, path: str, chance: random.Random) -> None:
        self.path = path
        self.chance = chance
        self.txn = TxnFile(path)
        self.bytes = bytearray(pathlib.Path(path).read_bytes())
        self.committed = bytes(self.bytes)
        self.versions = [self.committed]

    def change(self) -> None:
        chance, size = self.chance, len(self.bytes)
        kind = chance.randrange(8)
        if kind == 0 and size > PAGE:  # shorter, as after deleting at the end
            size = chance.randrange(PAGE, size)
            self.txn.truncate(size)
            del self.bytes[size:]
            return
        start = size if kind < 3 else chance.randrange(size + 1)
        length = chance.choice((1, 40, 700, PAGE, 3 * PAGE + 5))
        data = chance.randbytes(length) if kind % 2 else bytes([chance.randrange(256)]) * length
        self.txn.seek(start)
        assert self.txn.write(data) == length
        self.bytes[start : start + length] = data

    def check(self) -> None:
        size = len(self.bytes)
        assert self.txn.seek(0, 2) == size
        start = self.chance.randrange(size + 1)
        target = bytearray(self.chance.choice((10, PAGE, 5 * PAGE)))
        self.txn.seek(start)
        count = self.txn.readinto(target)
        assert target[:count] == self.bytes[start : start + len(target)]

    def commit(self) -> None:
        self.txn.commit()
        self.committed = bytes(self.bytes)
        self.versions.append(self.committed)

    def reopen(self) -> None:
        """End, keeping what is committed only."""
        self.txn.close()
        self.txn = TxnFile(self.path)
        self.bytes = bytearray(self.committed)


def over(path: str) -> bytes:
    overlay = Overlay(path)
    try:
        return overlay.read()
    finally:
        overlay.close()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**9),
    reset=st.sampled_from([PAGE, 1 << 20]),
    compact=st.sampled_from([6 * PAGE, 1 << 26]),
)
def test_readers_see_commits_and_keep_what_they_saw(
    tmp_path_factory: pytest.TempPathFactory, seed: int, reset: int, compact: int
) -> None:
    chance = random.Random(seed)
    path = str(tmp_path_factory.mktemp("txn") / "file")
    pathlib.Path(path).write_bytes(chance.randbytes(chance.choice((1, PAGE, 3 * PAGE + 7))))
    before = txnfile.RESET_SIZE, txnfile.COMPACT_SIZE
    txnfile.RESET_SIZE, txnfile.COMPACT_SIZE = reset, compact
    snapshots: list[tuple[Overlay, bytes]] = []
    pair = Pair(path, chance)
    try:
        for _ in range(60):
            for _ in range(chance.randrange(4)):
                pair.change()
            pair.check()
            deed = chance.randrange(8)
            if deed < 4:
                pair.commit()
            elif deed == 4:
                pair.reopen()
            elif deed == 5 and len(snapshots) < 3:
                snapshots.append((Overlay(path), pair.committed))
            elif deed == 6 and snapshots:
                snapshots.pop(chance.randrange(len(snapshots)))[0].close()
            assert over(path) == pair.committed
            for overlay, seen in snapshots:
                overlay.seek(0)
                assert overlay.read() == seen
        pair.commit()
        applied = pair.txn.close()
        assert applied or snapshots
        for overlay, seen in snapshots:
            overlay.seek(0)
            assert overlay.read() == seen
    finally:
        txnfile.RESET_SIZE, txnfile.COMPACT_SIZE = before
        for overlay, _ in snapshots:
            overlay.close()
    assert over(path) == pair.committed
    assert recover(path)
    assert pathlib.Path(path).read_bytes() == pair.committed
    assert os.listdir(os.path.dirname(path)) == ["file"]


@pytest.mark.parametrize("refused", [0.0, 0.5, 1.0])
def test_bytes_survive_every_crash(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, refused: float
) -> None:
    assert sum(_crash(tmp_path / f"{seed}", monkeypatch, refused, seed, 14) for seed in range(3)) > 600


@pytest.mark.slow
@pytest.mark.parametrize("refused", [0.0, 0.3, 0.7, 1.0])
def test_bytes_survive_twenty_thousand_crashes(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, refused: float
) -> None:
    assert (
        sum(_crash(tmp_path / f"{seed}", monkeypatch, refused, seed, 20) for seed in range(100, 125)) > 5000
    )


def _crash(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, refused: float, seed: int, commits: int
) -> int:
    chance = random.Random(seed)
    monkeypatch.setattr(txnfile, "RESET_SIZE", chance.choice((3 * PAGE, 20 * PAGE, 1 << 20)))
    monkeypatch.setattr(txnfile, "COMPACT_SIZE", chance.choice((10 * PAGE, 1 << 26)))
    folder.mkdir()
    path = str(folder / "file")
    pathlib.Path(path).write_bytes(chance.randbytes(2 * PAGE + 9))
    recorder = Recorder(lambda: chance.random() < refused)
    recorder.begin(path)
    marks = [(len(recorder.acts), 0)]
    begun: list[tuple[int, int]] = []
    with osops.using(recorder):
        pair = Pair(path, chance)
        for number in range(1, commits + 1):
            for _ in range(chance.randrange(1, 5)):
                pair.change()
            begun.append((len(recorder.acts), number))
            pair.commit()
            marks.append((len(recorder.acts), number))
            if chance.random() < 0.2:
                pair.reopen()
        pair.txn.close()
    seen: dict[bytes, tuple[bytes, bytes]] = {}
    states = 0
    for count, how, disk in crashes(recorder.acts, marks[0][0], random.Random(seed)):
        states += 1
        mark = digest(disk)
        if mark not in seen:
            for old in folder.iterdir():
                old.unlink()
            for name, data in disk.items():
                pathlib.Path(name).write_bytes(data)
            told = over(path)
            assert recover(path, sync=False)
            seen[mark] = told, pathlib.Path(path).read_bytes()
            assert not os.path.exists(journal_of(path))
        least = max(number for acts, number in marks if acts <= count)
        most = max((number for acts, number in begun if acts <= count), default=0)
        right = pair.versions[least : most + 1]
        for found in seen[mark]:
            # without a journal there may be more behind the end, written by whoever did not commit it
            assert any(found[: len(one)] == one for one in right), f"act {count}, {how}, {least}..{most}"
    return states


# -- single facts -----------------------------------------------------------------------------
@pytest.fixture
def path(tmp_path: pathlib.Path) -> str:
    path = tmp_path / "file"
    path.write_bytes(b"a" * 10_000)
    return str(path)


def put(txn: TxnFile, start: int, data: bytes) -> None:
    txn.seek(start)
    txn.write(data)


def test_unchanged_pages_are_not_journalled(path: str) -> None:
    reader = Overlay(path)
    txn = TxnFile(path)
    put(txn, 0, b"a" * 9000 + b"b")
    assert txn.commit()
    size = os.path.getsize(journal_of(path))
    assert PAGE < size < PAGE + 200
    put(txn, 0, b"a" * 9000 + b"b")
    assert not txn.commit()
    assert os.path.getsize(journal_of(path)) == size
    reader.close()
    txn.close()
    assert pathlib.Path(path).read_bytes() == b"a" * 9000 + b"b" + b"a" * 999


def test_a_writer_that_changes_nothing_leaves_the_folder_alone(path: str) -> None:
    before = os.stat(os.path.dirname(path)).st_mtime_ns, os.stat(path).st_mtime_ns
    txn = TxnFile(path)
    assert not txn.commit()
    assert txn.close()
    assert (os.stat(os.path.dirname(path)).st_mtime_ns, os.stat(path).st_mtime_ns) == before


def test_what_was_not_committed_is_forgotten(path: str) -> None:
    txn = TxnFile(path)
    put(txn, 5, b"x")
    put(txn, 10_000, b"y" * 50_000)
    txn.close()
    assert pathlib.Path(path).read_bytes() == b"a" * 10_000


def test_a_file_that_another_program_changed_is_noticed(path: str) -> None:
    txn = TxnFile(path)
    put(txn, 5, b"x")
    with open(path, "ab") as file:
        file.write(b"more")
    with pytest.raises(OSError, match="another program changed the file"):
        txn.commit()
    txn.close()


def test_a_file_that_was_replaced_is_noticed(path: str) -> None:
    txn = TxnFile(path)
    put(txn, 5, b"x")
    pathlib.Path(path + "2").write_bytes(b"other")
    os.replace(path + "2", path)
    with pytest.raises(OSError, match="replaced or removed"):
        txn.commit()
    txn.close()
    assert pathlib.Path(path).read_bytes() == b"other"


def test_a_journal_under_a_reader_stays_small(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(txnfile, "COMPACT_SIZE", 40 * PAGE)
    reader = Overlay(path)
    txn = TxnFile(path)
    largest = 0
    for number in range(500):
        put(txn, number % 3 * PAGE // 2, b"%d" % number)
        txn.commit()
        largest = max(largest, os.path.getsize(journal_of(path)))
    assert largest <= 42 * PAGE
    assert over(path) != b"a" * 10_000
    reader.seek(0)
    assert reader.read() == b"a" * 10_000
    reader.close()
    assert txn.close()
    assert not os.path.exists(journal_of(path))


def test_nothing_is_applied_before_the_end_if_asked(path: str) -> None:
    txn = TxnFile(path, apply_at_end=True)
    for number in range(10):
        put(txn, number, b"x")
        txn.commit()
        assert pathlib.Path(path).read_bytes() == b"a" * 10_000
        assert over(path)[: number + 2] == b"x" * (number + 1) + b"a"
    txn.close()
    assert pathlib.Path(path).read_bytes()[:11] == b"x" * 10 + b"a"
