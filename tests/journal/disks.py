"""An operating system that remembers all it was asked to do, and the disks a crash could leave of it."""

from __future__ import annotations

import errno
import hashlib
import os
import pathlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pypet_ng.storage.journal.osops import Buffer, Grip, OperatingSystem

SECTOR = 512


@dataclass(frozen=True)
class Made:
    path: str
    file: int


@dataclass(frozen=True)
class Written:
    file: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class Cut:
    file: int
    size: int


@dataclass(frozen=True)
class Synced:
    file: int


@dataclass(frozen=True)
class Renamed:
    old: str
    new: str


@dataclass(frozen=True)
class Gone:
    path: str


@dataclass(frozen=True)
class FolderSynced:
    pass


Act = Made | Written | Cut | Synced | Renamed | Gone | FolderSynced


class Recorder(OperatingSystem):
    """Does everything and remembers it. `busy()` says whether a lock for applying is refused now."""

    def __init__(self, busy: Callable[[], bool] = lambda: False) -> None:
        self.acts: list[Act] = []
        self._files: dict[int, int] = {}
        self._paths: dict[int, str] = {}
        self._names: dict[str, int] = {}
        self._count = 0
        self._busy = busy

    def begin(self, path: str) -> None:
        """Take an existing file as safely on the disk."""
        self._new(path)
        self.acts += [Written(self._names[path], 0, pathlib.Path(path).read_bytes())]
        self.acts += [Synced(self._names[path]), FolderSynced()]

    def _new(self, path: str) -> None:
        self._count += 1
        self._names[path] = self._count
        self.acts.append(Made(path, self._count))

    def open(self, path: str, flags: int) -> int:
        there = os.path.exists(path)
        descriptor = super().open(path, flags)
        if path not in self._names and there:
            self.begin(path)
        if not there:
            self._new(path)
        elif flags & os.O_TRUNC:
            self.acts.append(Cut(self._names[path], 0))
        self._files[descriptor] = self._names[path]
        self._paths[descriptor] = path
        return descriptor

    def write(self, descriptor: int, data: Buffer, offset: int) -> None:
        self.acts.append(Written(self._files[descriptor], offset, bytes(data)))
        super().write(descriptor, data, offset)

    def truncate(self, descriptor: int, size: int) -> None:
        self.acts.append(Cut(self._files[descriptor], size))
        super().truncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        self.acts.append(Synced(self._files[descriptor]))

    def sync_folder(self, path: str) -> None:
        self.acts.append(FolderSynced())

    def rename(self, old: str, new: str) -> None:
        if old not in self._names:
            self.begin(old)
        self._names[new] = self._names.pop(old)
        self.acts.append(Renamed(old, new))
        super().rename(old, new)

    def unlink(self, path: str) -> None:
        super().unlink(path)
        if self._names.pop(path, None) is not None:
            self.acts.append(Gone(path))

    def lock(self, descriptor: int, *, exclusive: bool) -> Grip:
        if exclusive and not self._paths[descriptor].endswith(".lock") and self._busy():
            return Grip.BUSY
        return super().lock(descriptor, exclusive=exclusive)


def disk_after(acts: list[Act], how: str, chance: random.Random) -> dict[str, bytes]:
    """Give the content of the disk if the power goes after `acts`.

    `how`: ``'all'`` happened (a killed process); ``'synced'``: only what was waited for; ``'some'``: of the rest
    a random part, in any order a disk may choose; ``'torn'``: all, but the last write only in part.
    """
    last: dict[int, int] = {}
    folder = -1
    for place, act in enumerate(acts):
        if isinstance(act, Synced):
            last[act.file] = place
        elif isinstance(act, FolderSynced):
            folder = place
    contents: dict[int, bytearray] = {}
    names: dict[str, int] = {}
    for place, act in enumerate(acts):
        if isinstance(act, Written | Cut):
            safe = place <= last.get(act.file, -1)
            pieces = [act]
            if not safe:
                if how == "synced" or (how == "some" and chance.random() < 0.5):
                    continue
                if how == "some" and isinstance(act, Written):
                    pieces = list(_sectors(act, chance))
                elif how == "torn" and place == len(acts) - 1 and isinstance(act, Written):
                    pieces = [Written(act.file, act.offset, act.data[: chance.randrange(len(act.data) + 1)])]
            data = contents.setdefault(act.file, bytearray())
            for piece in pieces:
                _change(data, piece)
        elif isinstance(act, Made | Renamed | Gone):
            if place > folder and (how == "synced" or (how == "some" and chance.random() < 0.5)):
                continue
            if isinstance(act, Made):
                names[act.path] = act.file
            elif isinstance(act, Gone):
                names.pop(act.path, None)
            elif act.old in names:
                names[act.new] = names.pop(act.old)
    return {path: bytes(contents.get(file, b"")) for path, file in names.items()}


def _sectors(act: Written, chance: random.Random) -> Iterator[Written]:
    """Half of the time a write comes in sectors, some of which are missing."""
    if chance.random() < 0.5:
        yield act
        return
    for start in range(0, len(act.data), SECTOR):
        if chance.random() < 0.7:
            yield Written(act.file, act.offset + start, act.data[start : start + SECTOR])


def _change(data: bytearray, act: Written | Cut) -> None:
    if isinstance(act, Cut):
        del data[act.size :]
        data.extend(bytes(act.size - len(data)))
        return
    data.extend(bytes(max(0, act.offset + len(act.data) - len(data))))
    data[act.offset : act.offset + len(act.data)] = act.data


HOWS = ("all", "synced", "some", "some", "some", "torn")


def crashes(
    acts: list[Act], first: int, chance: random.Random, hows: tuple[str, ...] = HOWS
) -> Iterator[tuple[int, str, dict[str, bytes]]]:
    """Give all disks crashes could leave, at each boundary between two acts from `first` on."""
    for count in range(first, len(acts) + 1):
        for how in hows:
            yield count, how, disk_after(acts[:count], how, chance)


def digest(disk: dict[str, bytes]) -> bytes:
    """Tell disks apart."""
    mark = hashlib.sha1()
    for path in sorted(disk):
        mark.update(path.encode() + len(disk[path]).to_bytes(8, "little") + disk[path])
    return mark.digest()


class Faulty(OperatingSystem):
    """Fails at the `at`-th call of the kinds named, and from then on as long as `lasting`."""

    def __init__(
        self, at: int, kinds: tuple[str, ...], code: int = errno.ENOSPC, lasting: bool = True
    ) -> None:
        self.left = at
        self.kinds = kinds
        self.code = code
        self.lasting = lasting
        self.failed = 0

    def _meet(self, kind: str) -> None:
        if kind not in self.kinds:
            return
        self.left -= 1
        if self.left == 0 or (self.left < 0 and self.lasting):
            self.failed += 1
            raise OSError(self.code, os.strerror(self.code))

    def write(self, descriptor: int, data: Buffer, offset: int) -> None:
        try:
            self._meet("write")
        except OSError:
            super().write(descriptor, bytes(data)[: len(data) // 2], offset)  # a full disk takes what fits
            raise
        super().write(descriptor, data, offset)

    def truncate(self, descriptor: int, size: int) -> None:
        self._meet("truncate")
        super().truncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        self._meet("sync")
        super().sync(descriptor)

    def sync_folder(self, path: str) -> None:
        self._meet("sync")
        super().sync_folder(path)


class Unlockable(OperatingSystem):
    """A file system without flock."""

    def lock(self, descriptor: int, *, exclusive: bool) -> Grip:
        return Grip.ABSENT

    def unlock(self, descriptor: int) -> None:
        return


class Distant(OperatingSystem):
    """A file system other machines write to as well; its flock reaches this machine only."""

    def is_remote(self, path: str) -> bool:
        return True
