"""What does a reader see while somebody writes?"""

from __future__ import annotations

import os
import time
from typing import Final

from pypet_ng.storage.journal import osops
from pypet_ng.storage.journal.frames import PAGE, Story, journal_of, read_story
from pypet_ng.storage.journal.osops import Buffer, Grip
from pypet_ng.storage.journal.positioned import Positioned

__all__ = ["Overlay"]

_PAUSE: Final = 0.0005


class Overlay(Positioned):
    """A read-only file object for h5py: the last commit, and that for as long as it is open.

    It holds a shared flock on the file: nothing is applied to the file meanwhile, its writer goes on with
    the journal. Waits up to `patience` seconds while pages are being applied (milliseconds); BlockingIOError if
    another program has the file open for writing. Not thread safe.
    """

    def __init__(self, path: str, *, known: Story | None = None, patience: float = 2.0) -> None:
        self._os = osops.system()
        self._position = 0
        deadline = time.monotonic() + patience
        self._file = self._open(path, deadline)
        try:
            self.story = self._tell(path, known)
            self._end = self._os.size(self._file) if self.story is None else self.story.end
            self._pages = {} if self.story is None else self.story.pages
        except BaseException:
            self.close()
            raise

    def _open(self, path: str, deadline: float) -> int:
        pause = _PAUSE
        while True:
            descriptor = self._os.open(path, os.O_RDONLY)
            try:
                grip = self._os.lock(descriptor, exclusive=False)
                if grip is not Grip.BUSY and self._os.is_at(descriptor, path):
                    return descriptor
            except BaseException:
                self._os.close(descriptor)
                raise
            self._os.close(descriptor)
            if grip is Grip.BUSY:
                if time.monotonic() > deadline:
                    raise BlockingIOError(11, "another program has the file open for writing", path)
                time.sleep(pause)
                pause = min(2 * pause, 0.05)

    def _tell(self, path: str, known: Story | None) -> Story | None:
        # Only now: while we hold the lock, what the journal tells is not applied, nor dropped unapplied.
        try:
            journal = self._os.open(journal_of(path), os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            return read_story(self._os, journal, known)
        finally:
            self._os.close(journal)

    # -- what h5py asks for -------------------------------------------------------------------
    def _look(self, start: int, view: memoryview) -> None:
        count = len(view)
        stop = start + count
        pages = self._pages
        found = self._os.read_into(self._file, view, start)
        if found < count:
            view[found:] = bytes(count - found)
        if pages:
            numbers = range(start // PAGE, (stop - 1) // PAGE + 1)
            for number in numbers if len(numbers) <= len(pages) else sorted(pages):
                page = pages.get(number)
                border = number * PAGE
                if page is not None and border < stop and start < border + PAGE:
                    low, high = max(start, border), min(stop, border + PAGE)
                    view[low - start : high - start] = page[low - border : high - border]

    def write(self, data: Buffer) -> int:
        """Refuse."""
        raise OSError(30, "opened for reading")

    def truncate(self, size: int | None = None) -> int:
        """Do nothing: HDF5 asks for it also when it only reads."""
        return self._end

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Let the file go."""
        descriptor, self._file = self._file, -1
        if descriptor >= 0:
            self._os.unlock(descriptor)
            self._os.close(descriptor)
