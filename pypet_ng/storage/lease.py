"""Who may write to a file?

One process at a time: the one that holds a lock on ``<file>.lock``. The lock is the kernel's, so it ends
with the process however that ends; the text in the file only says who it is. The file is deleted by
whoever lets go, while still holding the lock; who waited on a deleted file sees that and tries again.

Where other machines can write as well, the kernel's lock may not reach them, or not exist. There the text
counts too: its owner touches the file every ten seconds, and it is valid until nobody has done so for a minute.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import json
import os
import platform
import secrets
import threading
import time
from typing import Any, Final

from pypet_ng.errors import FileBusyError, MissingFileError, ReadOnlyFileError, StorageError
from pypet_ng.storage.journal import osops
from pypet_ng.storage.journal.osops import Grip

__all__ = ["STALE_AFTER", "Lease"]

STALE_AFTER: Final = 60.0
"""Seconds without a sign of life after which a lease on a shared file system has no owner any more."""
_BEAT: Final = 10.0


class Lease:
    """The right to write to one file. Not thread safe; must be released by the process that took it."""

    __slots__ = ("__weakref__", "_descriptor", "_file", "_heart", "_os", "_token", "path")

    def __init__(self, filename: str) -> None:
        self._file = filename
        self._descriptor = -1
        self._token = ""
        self._heart: _Heart | None = None
        self._os = osops.system()
        self.path = filename + ".lock"
        osops.tell_if_forked(self)

    @property
    def held(self) -> bool:
        """True from :meth:`acquire` to :meth:`release`."""
        return self._descriptor >= 0

    def acquire(self) -> None:
        """Take the lease at once, or raise FileBusyError naming host, pid and since when."""
        self._os = osops.system()
        if self.held or not osops.can_journal():
            return
        while True:
            descriptor = self._open()
            try:
                grip = self._os.lock(descriptor, exclusive=True)
                if grip is Grip.BUSY:
                    raise self._busy(_read(descriptor))
                if self._os.is_at(descriptor, self.path):
                    shared = grip is Grip.ABSENT or self._os.is_remote(self.path)
                    if shared:
                        self._respect(descriptor)
                    break
            except BaseException:
                self._os.unlock(descriptor)
                os.close(descriptor)
                raise
            os.close(descriptor)  # its last owner deleted it between our open and our lock
        self._token = secrets.token_hex(8)
        facts = {"host": platform.node(), "pid": os.getpid(), "since": time.time(), "token": self._token}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(facts).encode(), 0)
        self._descriptor = descriptor
        if shared:
            self._heart = _Heart(self.path)
            if not self.is_valid():  # two that found it ownerless at once: the later one has it
                self.release()
                raise self._busy(None)

    def _open(self) -> int:
        try:
            return self._os.open(self.path, os.O_RDWR | os.O_CREAT)
        except FileNotFoundError as error:
            folder = os.path.dirname(self.path) or "."
            raise MissingFileError(
                f"cannot write {self._file!r}: there is no folder {folder!r}. Create it, or correct the file name"
            ) from error
        except PermissionError as error:
            raise ReadOnlyFileError(
                f"cannot write {self._file!r}: its folder does not allow new files, and writers need "
                f"{self.path!r}. Change the permissions, or copy the file elsewhere"
            ) from error
        except OSError as error:
            if error.errno == errno.EROFS:
                raise ReadOnlyFileError(
                    f"cannot write {self._file!r}: its file system is mounted read-only. Copy the file elsewhere"
                ) from error
            raise StorageError(f"cannot make the lock file {self.path!r}: {error.strerror}") from error

    def _respect(self, descriptor: int) -> None:
        """Refuse if somebody whom the kernel's lock does not show has touched the file lately."""
        holder = _read(descriptor)
        if holder is None:
            return
        if holder.get("host") != platform.node():
            if _now_there(self.path) - os.fstat(descriptor).st_mtime > STALE_AFTER:
                return
        elif holder.get("pid") == os.getpid():
            if self.path not in _beating:  # left by a service of this process that never let go
                return
        elif not _lives(holder.get("pid")):
            return
        raise self._busy(holder)

    def _busy(self, holder: dict[str, Any] | None) -> FileBusyError:
        return FileBusyError(
            f"{self._file!r} is being written by {_describe(holder)}. Wait until it is done, or end it; use "
            "another file name to write at the same time"
        )

    def is_valid(self) -> bool:
        """Tell whether the lease is still ours: nobody removed or took the lock file."""
        if not self.held or not self._os.is_at(self._descriptor, self.path):
            return not osops.can_journal()
        holder = _read(self._descriptor)
        return holder is not None and holder.get("token") == self._token

    def forked(self) -> None:
        """Leave the lease to the parent: with the descriptor this child would keep it longer than that lives."""
        self._heart = None
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def release(self) -> None:
        """Let go; does nothing if the lease is not held."""
        if self._heart is not None:
            self._heart.stop()
            self._heart = None
        if self._descriptor < 0:
            return
        mine = self.is_valid()
        descriptor, self._descriptor = self._descriptor, -1
        try:
            if mine:
                os.unlink(self.path)
        except PermissionError:
            # A left-over lock file says nothing: only the lock on it counts.
            os.ftruncate(descriptor, 0)
        finally:
            # Explicitly: closing alone would leave the lock to children forked meanwhile.
            self._os.unlock(descriptor)
            os.close(descriptor)


class _Heart:
    """Touches a file now and then. The one thread of the storage; it knows nothing of HDF5."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pypet_ng lease", daemon=True)
        self._thread.start()
        _beating[path] = self

    def _beat(self) -> None:
        while not self._end.wait(_BEAT):
            with contextlib.suppress(OSError):  # gone or unreachable: the next commit finds out
                os.utime(self._path)

    def stop(self) -> None:
        _beating.pop(self._path, None)
        self._end.set()
        self._thread.join()


_beating: Final[dict[str, _Heart]] = {}


def _lives(pid: Any) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, TypeError, ValueError):
        return False
    except OSError:  # not ours to signal, so it lives
        return True
    return True


def _now_there(path: str) -> float:
    """Give the time on the machine that keeps the file: clocks differ."""
    probe = f"{path}.{os.getpid()}"
    descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        os.utime(probe)
        return os.fstat(descriptor).st_mtime
    finally:
        os.close(descriptor)
        os.unlink(probe)


def _read(descriptor: int) -> dict[str, Any] | None:
    try:
        facts = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:  # it is just being taken
        return None
    return facts if isinstance(facts, dict) else None


def _describe(holder: dict[str, Any] | None) -> str:
    if holder is None:
        return "another process that has just begun"
    try:
        since = datetime.datetime.fromtimestamp(holder["since"]).isoformat(" ", "seconds")
        return f"process {holder['pid']} on host {holder['host']!r} since {since}"
    except (KeyError, TypeError, ValueError, OverflowError):
        return "another process"
