"""What do the errors of the HDF5 library mean to a user?"""

from __future__ import annotations

import errno
import os
import re
from typing import Final

from pypet_ng.errors import (
    BrokenFileError,
    FileBusyError,
    MissingFileError,
    ReadOnlyFileError,
    StorageError,
    TrajectoryNotFoundError,
    near_names,
)

__all__ = ["explain", "explain_failed_write", "explain_loss", "is_busy", "missing_file"]

_BUSY: Final = (errno.EAGAIN, errno.EACCES)


def is_busy(error: OSError) -> bool:
    """Tell whether another process has the file open in a way that excludes us."""
    text = str(error)
    return isinstance(error, BlockingIOError) or "unable to lock file" in text or "open for read-only" in text


class _AbsentFileError(MissingFileError, TrajectoryNotFoundError):
    """There is no file, and so no trajectory in it: whoever catches either gets it."""


def missing_file(filename: str) -> MissingFileError:
    """Say which part of a path is not there and which file may have been meant."""
    folder = os.path.dirname(os.path.abspath(filename))
    if not os.path.isdir(folder):
        return _AbsentFileError(
            f"there is no file {filename!r}: not even the folder {folder!r} exists. Correct the file name"
        )
    hint = near_names(os.path.basename(filename), sorted(os.listdir(folder)))
    return _AbsentFileError(
        f"there is no file {filename!r}.{hint} Correct the file name, or run the sweep first"
    )


def explain(error: OSError, filename: str, writing: bool) -> StorageError:
    """Give the error of `errors.py` that an error of opening a file stands for."""
    text = " ".join(str(error).split())
    if isinstance(error, FileNotFoundError):
        return missing_file(filename)
    if isinstance(error, IsADirectoryError):
        return BrokenFileError(f"{filename!r} is a folder, not a file. Correct the file name")
    if is_busy(error):
        doing = "open for reading or writing in" if writing else "being written by"
        return FileBusyError(
            f"{filename!r} is {doing} another program, which holds HDF5's lock on it. Close it there, or "
            "wait until it is done"
        )
    if "file signature not found" in text:
        size = os.path.getsize(filename)
        what = "is empty" if not size else f"is no HDF5 file ({size} bytes)"
        return BrokenFileError(
            f"{filename!r} {what}. Correct the file name, or remove the file to begin anew"
        )
    if "truncated file" in text:
        return BrokenFileError(
            f"{filename!r} is cut off: it has {os.path.getsize(filename)} bytes, and HDF5 says: {text}. "
            "Restore a copy; what is left cannot be opened"
        )
    if "already open for write" in text:
        return BrokenFileError(
            f"{filename!r} was not closed by the program that wrote it last: that was killed, or still runs "
            "on another machine. If it does not run any more, restore a copy, or try `h5clear --status` of "
            "the HDF5 tools on a copy and check it with f_verify()"
        )
    if isinstance(error, PermissionError) or error.errno in (errno.EACCES, errno.EROFS):
        need = "read and written" if writing else "read"
        return ReadOnlyFileError(
            f"{filename!r} cannot be {need}: permission denied. Change its permissions, or copy it elsewhere"
        )
    if error.errno in _FULL:  # to open a file for writing brings it up to date with its journal
        return explain_loss(error, filename)
    return BrokenFileError(f"{filename!r} cannot be opened: {text}. Restore a copy")


_CAUSES: Final = {
    errno.ENOSPC: ("there is no space left on the device", "Free some space"),
    errno.EDQUOT: ("the disk quota is used up", "Free some space"),
    errno.EIO: ("the disk reports an error", "Check the disk and the cable or network to it"),
    errno.EROFS: ("the file system became read-only", "Have it checked and mounted for writing"),
    errno.ECHILD: (
        "this process was forked in a run, and only the one that began the sweep writes",
        "End such children with os._exit, and use multiprocessing or subprocess to make them",
    ),
    errno.EFBIG: ("the file system allows no larger files", "Move the file to another one"),
}


_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Nothing is wrong with the file: there is no room for more of it."""


def explain_loss(error: OSError, filename: str) -> StorageError:
    """Give the error for writing that failed on the way: what was committed before is kept."""
    cause, remedy = _CAUSES.get(error.errno or 0, (error.strerror or str(error), "Mend that"))
    kind = ReadOnlyFileError if error.errno == errno.EROFS else StorageError
    if isinstance(error, BlockingIOError):
        kind, remedy = FileBusyError, "Close it there"
    return kind(
        f"writing {filename!r} failed: {cause}. All that was committed before is kept, what came after is not. "
        f"{remedy} and run again: only what is missing is done"
    )


def explain_failed_write(error: Exception, filename: str) -> StorageError | None:
    """Give the same for an error HDF5 raised when it wrote by itself; None if no system call failed in it."""
    code = error.errno if isinstance(error, OSError) else None
    found = re.search(r"\berrno = (\d+)", str(error))
    code = code or (int(found[1]) if found else None)
    return None if code is None else explain_loss(OSError(code, os.strerror(code)), filename)
