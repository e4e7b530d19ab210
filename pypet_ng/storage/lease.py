"""Who may write to a file?

One process at a time: the one that holds a lock on ``<file>.lock``. The lock is the kernel's, so it ends
with the process however that ends; the text in the file only says who it is. The file is deleted by
whoever lets go, while still holding the lock; who waited on a deleted file sees that and tries again.
"""

from __future__ import annotations

import datetime
import importlib
import json
import os
import socket
import time
from typing import Any, Final

from pypet_ng.errors import FileBusyError, MissingFileError, ReadOnlyFileError, StorageError

__all__ = ["Lease"]


def _find_flock() -> Any:
    try:
        return importlib.import_module("fcntl")
    except ImportError:  # Windows: no lease there, HDF5's own lock on the open file remains
        return None


_FCNTL: Final = _find_flock()


class Lease:
    """The right to write to one file. Not thread safe; must be released by the process that took it."""

    __slots__ = ("_descriptor", "_file", "path")

    def __init__(self, filename: str) -> None:
        self._file = filename
        self._descriptor = -1
        self.path = filename + ".lock"

    @property
    def held(self) -> bool:
        return self._descriptor >= 0

    def acquire(self) -> None:
        """Take the lease at once, or raise FileBusyError naming host, pid and since when."""
        if self.held or _FCNTL is None:
            return
        while True:
            try:
                descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
            except FileNotFoundError as error:
                folder = os.path.dirname(self.path) or "."
                raise MissingFileError(
                    f"cannot write {self._file!r}: there is no folder {folder!r}. Create it, or correct the "
                    "file name"
                ) from error
            except PermissionError as error:
                raise ReadOnlyFileError(
                    f"cannot write {self._file!r}: its folder does not allow new files, and writers need "
                    f"{self.path!r}. Change the permissions, or copy the file elsewhere"
                ) from error
            except OSError as error:
                if error.errno == 30:  # EROFS
                    raise ReadOnlyFileError(
                        f"cannot write {self._file!r}: its file system is mounted read-only. Copy the file "
                        "elsewhere"
                    ) from error
                raise StorageError(f"cannot make the lock file {self.path!r}: {error.strerror}") from error
            try:
                _FCNTL.flock(descriptor, _FCNTL.LOCK_EX | _FCNTL.LOCK_NB)
            except BlockingIOError as error:
                holder = _read_holder(descriptor)
                os.close(descriptor)
                raise FileBusyError(
                    f"{self._file!r} is being written by {holder}. Wait until it is done, or end it; use "
                    "another file name to write at the same time"
                ) from error
            except OSError:
                # No flock on this file system (some network ones): there HDF5's own lock must do.
                os.close(descriptor)
                return
            if self._is_current(descriptor):
                break
            os.close(descriptor)  # its last owner deleted it between our open and our lock
        facts = {"host": socket.gethostname(), "pid": os.getpid(), "since": time.time()}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(facts).encode(), 0)
        self._descriptor = descriptor

    def _is_current(self, descriptor: int) -> bool:
        try:
            here = os.stat(self.path)
        except FileNotFoundError:
            return False
        ours = os.fstat(descriptor)
        return (here.st_dev, here.st_ino) == (ours.st_dev, ours.st_ino)

    def release(self) -> None:
        """Let go; does nothing if the lease is not held."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        try:
            if self._is_current(descriptor):
                os.unlink(self.path)
        except PermissionError:
            # A left-over lock file says nothing: only the lock on it counts.
            os.ftruncate(descriptor, 0)
        finally:
            # Explicitly: closing alone would leave the lock to children forked meanwhile.
            _FCNTL.flock(descriptor, _FCNTL.LOCK_UN)
            os.close(descriptor)


def _read_holder(descriptor: int) -> str:
    try:
        facts = json.loads(os.pread(descriptor, 4096, 0))
        since = datetime.datetime.fromtimestamp(facts["since"]).isoformat(" ", "seconds")
        return f"process {facts['pid']} on host {facts['host']!r} since {since}"
    except (ValueError, KeyError, TypeError):  # it is just being taken
        return "another process that has just begun"
