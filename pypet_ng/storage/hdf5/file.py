"""When is the HDF5 file open, and who closes it?

This is the only module that opens the file. A reader opens it for one call; a writer holds one handle
from the first need inside ``writing()`` until its end. Everything else gets an :class:`Handle`.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import h5py

from pypet_ng.errors import BrokenFileError, FileBusyError, VersionMismatchError
from pypet_ng.storage.hdf5 import attributes
from pypet_ng.storage.hdf5.attributes import Id
from pypet_ng.storage.hdf5.faults import explain, is_busy, missing_file
from pypet_ng.storage.lease import Lease

__all__ = ["FORMAT", "FORMAT_VERSION", "PATIENCE", "Handle", "StorageFile"]

FORMAT: Final = "pypet_ng"
FORMAT_VERSION: Final = "1.0"
PATIENCE = 2.0
"""Seconds to try again while another process has the file open: its single calls take milliseconds."""

_OPTIONS: Final[dict[str, Any]] = {"libver": ("v110", "v110"), "locking": "best-effort"}


class Handle:
    """An open file."""

    __slots__ = ("_file", "compress", "root", "writable")

    def __init__(self, file: h5py.File, writable: bool, compress: str | None) -> None:
        self._file = file
        self.root: Id = file.id
        self.writable = writable
        self.compress = compress

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Close the file and everything opened in it."""
        self._file.close()


class StorageFile:
    """Opens one file for reading, for writing, or makes it anew. Not thread safe."""

    def __init__(self, filename: str, *, compress: str | None, title: str) -> None:
        self.name: Final = filename
        self._compress = compress
        self._title = title
        self._lease = Lease(filename)
        self._handle: Handle | None = None
        self._known = (-1, -1)
        """Which file was found to be one of ours: that is looked at once only."""

    @property
    def is_writing(self) -> bool:
        """True while this object has a handle for writing."""
        return self._handle is not None

    def exists(self) -> bool:
        return os.path.exists(self.name)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Handle]:
        """Open for the time of a block; inside ``writing()`` give the one handle there is."""
        if self._handle is not None:
            yield self._handle
            return
        handle = self._open("r")
        try:
            yield handle
        finally:
            handle.close()

    def take_lease(self) -> None:
        """Keep other writers out; FileBusyError if there is one."""
        self._lease.acquire()

    def write_handle(self) -> Handle:
        """Give the one handle for writing; opens it if need be. Whoever began must call :meth:`end`."""
        if self._handle is None:
            self._lease.acquire()
            if self._known == (-1, -1):
                self._open("r").close()  # opening a file of another format for writing would change it
            self._handle = self._open("r+")
        return self._handle

    def end(self) -> None:
        """Close the handle for writing and give the lease back."""
        handle, self._handle = self._handle, None
        try:
            if handle is not None:
                handle.close()
        finally:
            self._lease.release()

    def create(self) -> None:
        """Make an empty file, replacing one of ours that is there.

        FileBusyError if somebody has that open; BrokenFileError if it is no file of ours.
        """
        folder = os.path.dirname(os.path.abspath(self.name))
        os.makedirs(folder, exist_ok=True)
        self._lease.acquire()
        if self.exists():
            self._check_unused()
        self._replace_by(lambda handle: None)

    def rewrite(self, fill: Callable[[Handle, Handle], None]) -> None:
        """Replace the file by a new one that ``fill(old, new)`` makes; the old stays if that fails."""
        old = self.write_handle()
        self._replace_by(lambda new: fill(old, new))

    def _replace_by(self, fill: Callable[[Handle], None]) -> None:
        # Written aside and renamed: the name never stands for half a file.
        aside = f"{self.name}.{os.getpid()}.new"
        try:
            with h5py.File(aside, "w", fs_strategy="fsm", fs_persist=True, **_OPTIONS) as file:
                attributes.set_text(file.id, b"format", FORMAT)
                attributes.set_text(file.id, b"format-version", FORMAT_VERSION)
                attributes.set_text(file.id, b"title", self._title)
                if self._compress == "fast":
                    attributes.set_text(file.id, b"filters", "hdf5plugin")
                fill(Handle(file, True, self._compress))
            descriptor = os.open(aside, os.O_RDWR)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            handle, self._handle = self._handle, None
            if handle is not None:
                handle.close()
            os.replace(aside, self.name)
        except PermissionError as error:
            raise explain(error, self.name, True) from error
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(aside)

    def _check_unused(self) -> None:
        try:
            with h5py.File(self.name, "r", **_OPTIONS) as file:
                self._check_marker(file)
            with h5py.File(self.name, "r+", **_OPTIONS):  # refused while anybody has it open
                return
        except BrokenFileError:
            raise
        except OSError as error:
            if is_busy(error) or not os.path.isfile(self.name):
                raise explain(error, self.name, True) from error
            if "file signature not found" in str(error) and os.path.getsize(self.name):
                raise explain(error, self.name, True) from error
            # One of ours that is broken may be replaced: that is what was asked for.

    def _open(self, mode: str) -> Handle:
        writing = mode == "r+"
        deadline = time.monotonic() + PATIENCE
        pause = 0.001
        while True:
            try:
                if not os.path.exists(self.name):
                    raise missing_file(self.name)
                file = h5py.File(self.name, mode, **_OPTIONS)
                break
            except OSError as error:
                if isinstance(error, BrokenFileError | FileBusyError) or type(error).__module__ != "builtins":
                    raise
                if not is_busy(error) or time.monotonic() > deadline:
                    raise explain(error, self.name, writing) from error
            time.sleep(pause)
            pause = min(2 * pause, 0.1)
        status = os.stat(self.name)
        if (status.st_dev, status.st_ino) != self._known:
            try:
                self._check_format(file)
            except BaseException:
                file.close()
                raise
            self._known = (status.st_dev, status.st_ino)
        return Handle(file, writing, self._compress)

    def _check_marker(self, file: h5py.File) -> None:
        if not h5py.h5a.exists(file.id, b"format"):
            raise BrokenFileError(
                f"{self.name!r} is not a file of {FORMAT}: it is {_describe(file)}. {_REMEDY}"
            )
        found = attributes.get_text(file.id, b"format")
        if found != FORMAT:
            raise BrokenFileError(f"{self.name!r} has the format {found!r}, not {FORMAT!r}. {_REMEDY}")

    def _check_format(self, file: h5py.File) -> None:
        self._check_marker(file)
        version = attributes.get_text(file.id, b"format-version")
        try:
            major = int(version.partition(".")[0])
        except ValueError:
            raise BrokenFileError(f"{self.name!r} has no readable format version: {version!r}") from None
        if major > int(FORMAT_VERSION.partition(".")[0]):
            raise VersionMismatchError(
                f"{self.name!r} was written in format {version}, this version of {FORMAT} reads up to "
                f"{FORMAT_VERSION}. Install a newer {FORMAT}"
            )
        if h5py.h5a.exists(file.id, b"filters"):
            load_filters()


_REMEDY: Final = "Choose another file name, or move that file away"


def load_filters() -> Any:
    """Give hdf5plugin, which makes HDF5 read and write what ``compress='fast'`` wrote."""
    try:
        import hdf5plugin
    except ImportError as error:
        raise ImportError(
            "compress='fast' needs the package hdf5plugin: pip install \"pypet_ng[fast]\""
        ) from error
    return hdf5plugin


def _describe(file: h5py.File) -> str:
    if "PYTABLES_FORMAT_VERSION" in file.attrs:
        for name in file:
            group = file[name]
            if isinstance(group, h5py.Group) and "overview" in group and "parameters" in group:
                return "a file that pypet wrote through PyTables"
        return "a PyTables file"
    if "_NCProperties" in file.attrs:
        return "a netCDF file"
    names = sorted(file)
    return f"an HDF5 file of something else (holding {', '.join(names[:3]) or 'nothing'})"
