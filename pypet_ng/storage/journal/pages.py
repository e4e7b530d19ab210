"""How does a file change in memory, below what is committed, and on the disk beyond it?"""

from __future__ import annotations

import abc

from pypet_ng.storage.journal.frames import PAGE
from pypet_ng.storage.journal.osops import Buffer, OperatingSystem
from pypet_ng.storage.journal.positioned import Positioned

__all__ = ["PagedFile"]


class PagedFile(Positioned):
    """A file object whose changes stay in memory, by pages, until somebody makes them last.

    An error of the operating system while HDF5 writes is not given to HDF5, which could not close the file
    any more: it is kept in :attr:`failure`, and HDF5 goes on in memory.
    """

    def __init__(self, system: OperatingSystem) -> None:
        self.failure: BaseException | None = None
        """What went wrong first. Nothing can be committed any more."""
        self.waiting = 0
        """Bytes written since the last commit."""
        self._os = system
        self._file = -1
        self._appended = False
        """Bytes went to the file itself since it was last synced."""
        self._fresh: dict[int, bytearray] = {}
        """Pages that changed since the last commit."""
        self._held: dict[int, Buffer] = {}
        """Committed pages that the file does not have yet."""
        self._position = 0
        self._end = 0
        self._floor = 0
        """From here on nothing is committed: what is written there goes straight to the file."""
        self._on_disk = 0
        """Length of the file itself."""

    @abc.abstractmethod
    def _before_append(self) -> None:
        """See to it that what is appended now is not taken for committed."""

    def _look(self, start: int, view: memoryview) -> None:
        fresh, held = self._fresh, self._held
        stop = start + len(view)
        first, last = start // PAGE, (stop - 1) // PAGE
        if first == last:
            page = fresh.get(first) or held.get(first)
            if page is not None:
                place = start - first * PAGE
                view[:] = page[place : place + len(view)]
                return
        found = self._os.read_into(self._file, view, start)
        if found < len(view):
            view[found:] = bytes(len(view) - found)
        if (fresh or held) and (start < self._floor or self.failure is not None):
            for number in range(first, last + 1):
                page = fresh.get(number) or held.get(number)
                if page is not None:
                    border = number * PAGE
                    low, high = max(start, border), min(stop, border + PAGE)
                    view[low - start : high - start] = page[low - border : high - border]

    def write(self, data: Buffer) -> int:
        """Write at the position; nothing of it is in the file before :meth:`commit`."""
        view = memoryview(data).cast("B")
        start = self._position
        stop = start + len(view)
        try:
            border = self._floor
            if stop <= border or self.failure is not None:
                self._put(start, view)
            elif start >= border:
                self._append(start, view)
            else:
                self._put(start, view[: border - start])
                self._append(border, view[border - start :])
        except BaseException as error:
            self.failure = self.failure or error
            if not isinstance(error, OSError):
                raise
        self.waiting += len(view)
        self._position = stop
        if stop > self._end:
            self._end = stop
        return len(view)

    def _put(self, start: int, view: memoryview) -> None:
        """Change pages in memory."""
        size = len(view)
        before, data = b"", b""
        if size >= 2 * PAGE:  # a chunk written again: mostly only some of its pages changed
            target = bytearray(size)
            self._look(start, memoryview(target))
            # as bytes: memoryviews are compared element by element
            before, data = bytes(target), bytes(view)
        done = 0
        while done < size:
            number, place = divmod(start + done, PAGE)
            length = min(PAGE - place, size - done)
            if not before or before[done : done + length] != data[done : done + length]:
                page = self._fresh.get(number)
                if page is None:
                    page = self._fresh[number] = self._page(number) if length < PAGE else bytearray(PAGE)
                page[place : place + length] = view[done : done + length]
            done += length

    def _page(self, number: int) -> bytearray:
        """Give a copy of a page as it was at the last commit."""
        held = self._held.get(number)
        if held is not None:
            return bytearray(held)
        page = bytearray(self._os.read(self._file, PAGE, number * PAGE))
        page.extend(bytes(PAGE - len(page)))
        return page

    def _append(self, start: int, view: memoryview) -> None:
        """Write to the file itself, beyond all that was committed."""
        try:
            self._before_append()
            self._appended = True
            self._os.write(self._file, view, start)
            self._on_disk = max(self._on_disk, start + len(view))
        except OSError as error:
            self.failure = self.failure or error
            self._put(start, view)

    def truncate(self, size: int | None = None) -> int:
        """Set the length; the file itself is cut when the commit is applied."""
        self._end = self._position if size is None else size
        return self._end

    def flush(self) -> None:
        """Do nothing: what lasts is said by :meth:`commit`."""
