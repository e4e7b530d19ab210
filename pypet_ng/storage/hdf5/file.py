"""When is the HDF5 file open, and who closes it?

This is the only module that opens the file. A reader opens it for one call; a writer holds one handle
from the first need inside ``writing()`` until its end. Everything else gets an :class:`Handle`.

A writer writes through the journal, and a reader reads over it while there is one; with durability
``'none'`` HDF5 opens the file itself.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import h5py

from pypet_ng.errors import BrokenFileError, FileBusyError, StorageError, VersionMismatchError
from pypet_ng.storage.hdf5 import attributes
from pypet_ng.storage.hdf5.attributes import Id
from pypet_ng.storage.hdf5.faults import explain, explain_failed_write, explain_loss, is_busy, missing_file
from pypet_ng.storage.journal import Overlay, TxnFile, journal_of, osops, recover
from pypet_ng.storage.journal.frames import Story
from pypet_ng.storage.lease import Lease

__all__ = ["FORMAT", "FORMAT_VERSION", "PATIENCE", "Handle", "StorageFile"]

FORMAT: Final = "pypet_ng"
FORMAT_VERSION: Final = "1.0"
PATIENCE = 2.0
"""Seconds to try again while another process has the file open: its single calls take milliseconds."""
_END_PATIENCE: Final = 0.25
"""Seconds a writer waits at its end for readers, to leave a file without a journal."""

_FORMAT_OPTIONS: Final[dict[str, Any]] = {"libver": ("v110", "v110")}
_OPTIONS: Final[dict[str, Any]] = {**_FORMAT_OPTIONS, "locking": "best-effort"}


class Handle:
    """An open file."""

    __slots__ = ("_behind", "_file", "compress", "root", "writable")

    def __init__(
        self,
        file: h5py.File,
        writable: bool,
        compress: str | None,
        behind: TxnFile | Overlay | None = None,
    ) -> None:
        self._file = file
        self._behind = behind
        self.root: Id = file.id
        self.writable = writable
        self.compress = compress

    @property
    def journalled(self) -> TxnFile | None:
        """What a journalled writer writes to."""
        return self._behind if isinstance(self._behind, TxnFile) else None

    def flush(self) -> None:
        """Make what was written last, as far as the durability goes."""
        self._file.flush()
        if isinstance(self._behind, TxnFile):
            self._behind.commit()

    def close(self, *, keep: bool = True) -> None:
        """Close the file and everything opened in it; without `keep` a journalled writer forgets
        what is not committed."""
        try:
            self._file.close()
            if keep and isinstance(self._behind, TxnFile):
                self._behind.commit()
        finally:
            if isinstance(self._behind, TxnFile):
                self._behind.close(_END_PATIENCE)
            elif self._behind is not None:
                self._behind.close()


class StorageFile:
    """Opens one file for reading, for writing, or makes it anew. Not thread safe, reading aside."""

    def __init__(
        self,
        filename: str,
        *,
        compress: str | None,
        title: str,
        durability: str = "none",
        apply_at_end: bool | None = None,
    ) -> None:
        """`apply_at_end`: leave the file alone until the writer ends; None: on file systems of several machines."""
        self.name: Final = filename
        self._compress = compress
        self._title = title
        self._durability = durability if osops.can_journal() else "none"
        self._apply_at_end = apply_at_end
        self._lease = Lease(filename)
        self._handle: Handle | None = None
        self._reading: dict[int, Handle] = {}
        """By thread, inside :meth:`reading`."""
        self._known = (-1, -1)
        """Which file was found to be one of ours: that is looked at once only."""
        self._story: Story | None = None
        """What was read of the journal last: mostly only its end is new."""

    @property
    def is_writing(self) -> bool:
        """True while this object has a handle for writing."""
        return self._handle is not None

    def exists(self) -> bool:
        return os.path.exists(self.name)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Handle]:
        """Open for the time of a block; inside another block of this thread, or inside ``writing()``, give
        the one handle there is."""
        thread = threading.get_ident()
        handle = self._handle or self._reading.get(thread)
        if handle is not None:
            yield handle
            return
        handle = self._reading[thread] = self._patiently(self._open_reading, False)
        try:
            yield handle
        finally:
            del self._reading[thread]
            handle.close()

    def take_lease(self) -> None:
        """Keep other writers out; FileBusyError if there is one."""
        self._lease.acquire()

    def write_handle(self) -> Handle:
        """Give the one handle for writing; opens it if need be. Whoever began must call :meth:`end`."""
        if self._handle is None:
            self._lease.acquire()
            if self._durability == "none":
                self._recover()
                if self._known == (-1, -1):
                    # opening a file of another format for writing would change it
                    self._patiently(self._open_reading, False).close()
                self._handle = self._patiently(self._open_natively, True)
            else:
                self._handle = self._patiently(self._open_journalled, True)
        return self._handle

    @property
    def waiting(self) -> int:
        """Bytes that a journalled writer wrote since the last commit."""
        journalled = None if self._handle is None else self._handle.journalled
        return 0 if journalled is None else journalled.waiting

    @property
    def is_lost(self) -> bool:
        """True if nothing can be committed any more."""
        journalled = None if self._handle is None else self._handle.journalled
        return journalled is not None and journalled.failure is not None

    def check(self) -> None:
        """Raise StorageError if what was written since the last commit cannot be kept."""
        journalled = None if self._handle is None else self._handle.journalled
        if journalled is not None and journalled.failure is not None:
            raise self._loss(journalled.failure)

    def commit(self) -> None:
        """Make what was written last; StorageError if that fails: then it is as after the last commit."""
        handle = self._handle
        if handle is None:
            return
        self._check_lease()
        try:
            handle.flush()
        except OSError as error:
            if handle.journalled is None or isinstance(error, StorageError):
                raise
            raise self._loss(handle.journalled.failure or error) from error
        self.check()

    def _check_lease(self) -> None:
        if self._lease.held and not self._lease.is_valid():
            handle = self._handle
            journalled = None if handle is None else handle.journalled
            error = FileBusyError(
                f"the lock file {self._lease.path!r} was removed or taken by another process while this one "
                f"was writing {self.name!r}. What was committed before is kept, nothing else is. End the other "
                "process, never delete lock files by hand, and run again"
            )
            if journalled is not None and journalled.failure is None:
                journalled.failure = error
            raise error

    def _loss(self, failure: BaseException) -> BaseException:
        if isinstance(failure, StorageError) or not isinstance(failure, OSError):
            return failure
        return explain_loss(failure, self.name)

    def end(self) -> None:
        """Close the handle for writing, keeping what was written, and give the lease back.

        StorageError if what was written since the last commit is lost.
        """
        handle, self._handle = self._handle, None
        try:
            if handle is not None:
                self._close(handle)
        finally:
            self._lease.release()

    def _close(self, handle: Handle) -> None:
        journalled = handle.journalled
        if journalled is None:
            handle.close()
            return
        lost = journalled.failure is not None
        if not lost and self._lease.held and not self._lease.is_valid():
            self._handle = handle
            try:
                self._check_lease()
            finally:
                self._handle = None
                handle.close(keep=False)
        try:
            handle.close(keep=not lost)
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise self._loss(journalled.failure or error) from error

    def _recover(self) -> None:
        try:
            whole = recover(self.name, sync=True)
        except OSError as error:
            raise explain(error, self.name, True) from error
        if not whole:
            raise FileBusyError(
                f"{self.name!r} has a journal that is to be applied first, and another program is reading it. "
                "Close it there, or use durability='fsync'"
            )

    def _check_no_journal(self) -> None:
        # The next writer would lay it over the new file.
        journal = journal_of(self.name)
        if osops.system().exists(journal):
            raise StorageError(
                f"{self.name!r} is not there, but its journal {journal!r} is, with what was written last. If you "
                "removed the file, remove the journal as well; if you moved it, move the journal to it"
            )

    def create(self) -> None:
        """Make an empty file, replacing one of ours that is there.

        FileBusyError if somebody has that open; BrokenFileError if it is no file of ours; StorageError if only
        its journal is there.
        """
        folder = os.path.dirname(os.path.abspath(self.name))
        os.makedirs(folder, exist_ok=True)
        self._lease.acquire()
        if self.exists():
            if osops.system().exists(journal_of(self.name)):
                self._recover()
            self._check_unused()
        else:
            self._check_no_journal()
        self._replace_by(lambda handle: None)

    def remove(self) -> None:
        """Remove a file of ours, with the same errors as :meth:`create`."""
        self._lease.acquire()
        try:
            if osops.system().exists(journal_of(self.name)):
                self._recover()
            self._check_unused()
            osops.system().unlink(self.name)
        finally:
            self._lease.release()

    def rewrite(self, fill: Callable[[Handle, Handle], None]) -> None:
        """Replace the file by a new one that ``fill(old, new)`` makes; the old stays if that fails."""
        old = self.write_handle()
        self._replace_by(lambda new: fill(old, new))

    def _replace_by(self, fill: Callable[[Handle], None]) -> None:
        # Written aside and renamed: the name never stands for half a file.
        aside = f"{self.name}.{os.getpid()}.new"
        try:
            mode = os.stat(self.name).st_mode if self.exists() else None
            with h5py.File(aside, "w", fs_strategy="fsm", fs_persist=True, **_OPTIONS) as file:
                attributes.set_text(file.id, b"format", FORMAT)
                attributes.set_text(file.id, b"format-version", FORMAT_VERSION)
                attributes.set_text(file.id, b"title", self._title)
                if self._compress == "fast":
                    attributes.set_text(file.id, b"filters", "hdf5plugin")
                fill(Handle(file, True, self._compress))
            system = osops.system()
            durable = self._durability == "fsync"
            if durable:
                descriptor = system.open(aside, os.O_RDWR)
                try:
                    system.sync(descriptor)
                finally:
                    system.close(descriptor)
            handle, self._handle = self._handle, None
            if handle is not None:
                self._close(handle)
                if system.exists(journal_of(self.name)):
                    raise FileBusyError(
                        f"{self.name!r} cannot be replaced: another program is reading it. Close it there, or "
                        "wait until it is done"
                    )
            if mode is not None:
                os.chmod(aside, mode)
            system.rename(aside, self.name)
            if durable:
                system.sync_folder(self.name)
        except PermissionError as error:
            raise explain(error, self.name, True) from error
        except (OSError, RuntimeError) as error:
            failed = None if isinstance(error, StorageError) else explain_failed_write(error, self.name)
            if failed is None:
                raise
            raise failed from error
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

    def _patiently(self, attempt: Callable[[], Handle], writing: bool) -> Handle:
        deadline = time.monotonic() + PATIENCE
        pause = 0.001
        while True:
            try:
                if not os.path.exists(self.name):
                    raise missing_file(self.name)
                return attempt()
            except OSError as error:
                if isinstance(error, BrokenFileError | FileBusyError) or type(error).__module__ != "builtins":
                    raise
                if not is_busy(error) or time.monotonic() > deadline:
                    raise explain(error, self.name, writing) from error
            time.sleep(pause)
            pause = min(2 * pause, 0.1)

    def _open_reading(self) -> Handle:
        journal = journal_of(self.name)
        if osops.can_journal() and osops.system().exists(journal):
            return self._open_over()
        try:
            file = h5py.File(self.name, "r", **_OPTIONS)
        except OSError:
            if osops.can_journal() and osops.system().exists(journal):
                return self._open_over()  # its writer began in between
            raise
        if osops.can_journal() and osops.system().exists(journal):
            file.close()
            return self._open_over()
        return self._checked(Handle(file, False, self._compress), file)

    def _open_over(self) -> Handle:
        # Short patience: who waits for us asks again, and finds out if the journal is gone.
        overlay = Overlay(self.name, known=self._story, patience=0.05)
        self._story = overlay.story
        try:
            file = h5py.File(overlay, "r", **_FORMAT_OPTIONS)
        except BaseException:
            overlay.close()
            raise
        return self._checked(Handle(file, False, self._compress, overlay), file)

    def _open_natively(self) -> Handle:
        file = h5py.File(self.name, "r+", **_OPTIONS)
        return self._checked(Handle(file, True, self._compress), file)

    def _open_journalled(self) -> Handle:
        at_end = self._apply_at_end
        if at_end is None:
            at_end = osops.system().is_remote(self.name)
        txn = TxnFile(self.name, sync=self._durability == "fsync", apply_at_end=at_end)
        try:
            file = h5py.File(txn, "r+", **_FORMAT_OPTIONS)
        except BaseException:
            txn.close()
            raise
        return self._checked(Handle(file, True, self._compress, txn), file)

    def _checked(self, handle: Handle, file: h5py.File) -> Handle:
        """Look at a file once before it is used."""
        try:
            status = os.stat(self.name)
            if (status.st_dev, status.st_ino) != self._known:
                self._check_format(file)
                self._known = (status.st_dev, status.st_ino)
        except BaseException:
            handle.close(keep=False)
            raise
        return handle

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
