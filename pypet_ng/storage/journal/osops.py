"""What is asked of the operating system, and how can tests stand in for it?

All of the journal, the lease and the replacing of files goes through one object of this class. It was
tried on Linux. macOS has the same calls (a full flush to the disk needs ``F_FULLFSYNC`` there) and was not
tried; Windows lacks some of them: there is no journal then (:func:`can_journal`).
"""

from __future__ import annotations

import contextlib
import enum
import importlib
import os
import sys
import weakref
from collections.abc import Iterator
from typing import Any, Final, Protocol, TypeAlias

__all__ = [
    "Buffer",
    "Forkable",
    "Grip",
    "OperatingSystem",
    "can_journal",
    "system",
    "tell_if_forked",
    "using",
]

Buffer: TypeAlias = bytes | bytearray | memoryview


class Grip(enum.Enum):
    """What came of asking for a lock."""

    HELD = enum.auto()
    BUSY = enum.auto()
    """Somebody else holds one that excludes ours."""
    ABSENT = enum.auto()
    """The file system has no such locks."""


_REMOTE: Final = frozenset(
    [
        "9p",
        "acfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "fhgfs",
        "fuse.ceph",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.sshfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "panfs",
        "pvfs2",
        "smb3",
        "smbfs",
        "virtiofs",
        "vboxsf",
        "wekafs",
    ]
)
"""Types of file systems other machines may write to at the same time."""


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


_FCNTL: Final = _module("fcntl")


def can_journal() -> bool:
    """Tell whether this system has the calls a journal needs."""
    return _FCNTL is not None and hasattr(os, "pread") and hasattr(os, "preadv")


class OperatingSystem:
    """The calls, as thin as possible. Errors are OSErrors. Keeps nothing, so any thread may use it."""

    def open(self, path: str, flags: int) -> int:
        """Open a file; children of this process do not inherit the descriptor through exec."""
        return os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o666)

    def close(self, descriptor: int) -> None:
        """Close a file."""
        os.close(descriptor)

    def read(self, descriptor: int, size: int, offset: int) -> bytes:
        """Give `size` bytes, fewer only where the file ends."""
        found = os.pread(descriptor, size, offset)
        while 0 < len(found) < size:
            more = os.pread(descriptor, size - len(found), offset + len(found))
            if not more:
                break
            found += more
        return found

    def read_into(self, descriptor: int, target: memoryview, offset: int) -> int:
        """Fill `target` and give how many bytes there were."""
        done = 0
        while done < len(target):
            count = os.preadv(descriptor, [target[done:]], offset + done)
            if not count:
                break
            done += count
        return done

    def write(self, descriptor: int, data: Buffer, offset: int) -> None:
        """Write all of `data`."""
        done = os.pwrite(descriptor, data, offset)
        while done < len(data):
            done += os.pwrite(descriptor, memoryview(data)[done:], offset + done)

    def disown(self, descriptor: int, path: str) -> None:
        """Make a descriptor that was inherited one of the child's own, for reading and without its locks."""
        own = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        os.dup2(own, descriptor, inheritable=False)
        os.close(own)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut or extend a file."""
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        """Return when the data and the size of a file are on the disk."""
        if sys.platform == "darwin":
            _FCNTL.fcntl(descriptor, _FCNTL.F_FULLFSYNC)
        elif hasattr(os, "fdatasync"):
            os.fdatasync(descriptor)
        else:
            os.fsync(descriptor)

    def sync_folder(self, path: str) -> None:
        """Return when the names in the folder of `path` are on the disk."""
        folder = os.path.dirname(os.path.abspath(path))
        if os.name == "nt":  # folders cannot be opened there; renames are journalled by the file system
            return
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def size(self, descriptor: int) -> int:
        """Give the length of a file in bytes."""
        return os.fstat(descriptor).st_size

    def rename(self, old: str, new: str) -> None:
        """Rename a file, replacing what is there."""
        os.replace(old, new)

    def unlink(self, path: str) -> None:
        """Remove a name."""
        os.unlink(path)

    def exists(self, path: str) -> bool:
        """Tell whether there is such a name."""
        return os.path.exists(path)

    def is_at(self, descriptor: int, path: str) -> bool:
        """Tell whether `path` still names the open file."""
        try:
            there = os.stat(path)
        except FileNotFoundError:
            return False
        ours = os.fstat(descriptor)
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def lock(self, descriptor: int, *, exclusive: bool) -> Grip:
        """Ask for a lock on an open file, without waiting.

        Asked while holding the other kind, the kernel lets go first: if the answer is BUSY, nothing is held.
        """
        if _FCNTL is None:
            return Grip.ABSENT
        kind = _FCNTL.LOCK_EX if exclusive else _FCNTL.LOCK_SH
        try:
            _FCNTL.flock(descriptor, kind | _FCNTL.LOCK_NB)
        except BlockingIOError:
            return Grip.BUSY
        except OSError:  # ENOLCK, ENOTSUP, EINVAL, ENOSYS, 524: each file system has its own
            return Grip.ABSENT
        return Grip.HELD

    def unlock(self, descriptor: int) -> None:
        """Let go, also for children that were forked meanwhile; closing alone would not."""
        if _FCNTL is not None:
            with contextlib.suppress(OSError):  # where there are no locks there is none to let go
                _FCNTL.flock(descriptor, _FCNTL.LOCK_UN)

    def is_remote(self, path: str) -> bool:
        """Tell whether other machines may have the file open. Known on Linux; elsewhere False."""
        try:
            with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
                lines = file.read().splitlines()
        except OSError:
            return False
        return _type_of(os.path.realpath(path), lines) in _REMOTE


def _type_of(path: str, mounts: list[str]) -> str:
    """Give the type of the file system `path` lies on; `mounts` as in proc(5), mountinfo."""
    longest, kind = -1, ""
    for line in mounts:
        place, _, source = line.partition(" - ")
        words = place.split(" ")
        if len(words) < 5 or not source:
            continue
        point = words[4].encode("utf-8", "surrogateescape").decode("unicode_escape")
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= longest:  # of two mounts on one point the later one counts
            longest, kind = len(point), source.split(" ")[0]
    return kind


_current = OperatingSystem()


def system() -> OperatingSystem:
    """Give what stands for the operating system now."""
    return _current


@contextlib.contextmanager
def using(other: OperatingSystem) -> Iterator[None]:
    """Let `other` stand for the operating system inside the block; for tests."""
    global _current
    before, _current = _current, other
    try:
        yield
    finally:
        _current = before


class Forkable(Protocol):
    """Something of which a forked child gets a copy that it must not use."""

    def forked(self) -> None:
        """Called in the child, first of all."""


_forkable: Final[weakref.WeakSet[Forkable]] = weakref.WeakSet()


def tell_if_forked(thing: Forkable) -> None:
    """Have ``thing.forked()`` called in every child that is forked while it lives."""
    _forkable.add(thing)


def _in_child() -> None:
    for thing in list(_forkable):
        thing.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
