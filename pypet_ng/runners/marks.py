"""Which run was a worker at when it died?

Each worker writes the index of the run it begins into its slot of a small shared file; the parent
reads it when the worker is gone. Writing costs a few hundredths of a microsecond.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile

__all__ = ["MarkBoard", "MarkSlot"]

_SLOT = struct.Struct("=qd")
"""Run index (-1: none) and the time it began, seconds since the epoch."""


class MarkSlot:
    """A worker's own slot. Used by one thread of one process."""

    __slots__ = ("_place", "_rows", "_times")

    def __init__(self, filename: str, number: int) -> None:
        with open(filename, "r+b") as file:
            whole = memoryview(mmap.mmap(file.fileno(), 0))
        self._rows = whole.cast("q")
        self._times = whole.cast("d")
        self._place = 2 * number

    def __call__(self, row: int, moment: float) -> None:
        """Enter that run `row` begins (-1: the last one is over)."""
        place = self._place
        self._times[place + 1] = moment
        self._rows[place] = row


class MarkBoard:
    """The parent's side: one slot per worker in a file that only lives as long as this object."""

    def __init__(self, workers: int, folder: str | None = None) -> None:
        handle, self.filename = tempfile.mkstemp(prefix="marks_", dir=folder)
        os.write(handle, _SLOT.pack(-1, 0.0) * workers)
        self._map = mmap.mmap(handle, 0)
        os.close(handle)

    def read(self, number: int) -> tuple[int, float]:
        """Give the run a worker is at (-1: none) and when it began."""
        row, moment = _SLOT.unpack_from(self._map, number * _SLOT.size)
        return int(row), float(moment)

    def clear(self, number: int) -> None:
        """Forget what a worker that is gone wrote."""
        _SLOT.pack_into(self._map, number * _SLOT.size, -1, 0.0)

    def close(self) -> None:
        """Remove the file."""
        self._map.close()
        if os.path.exists(self.filename):
            os.unlink(self.filename)
