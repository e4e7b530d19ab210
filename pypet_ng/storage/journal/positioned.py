"""What does h5py ask of any file object that it reads from?"""

from __future__ import annotations

import abc

from pypet_ng.storage.journal.osops import Buffer

__all__ = ["Positioned"]


class Positioned(abc.ABC):
    """A file object with a position and an end; what lies in between a subclass looks up.

    Not thread safe, no lock is taken inside.
    """

    _position: int
    _end: int

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to `offset` from the beginning (0), from here (1) or from the end (2)."""
        self._position = offset if not whence else offset + (self._position if whence == 1 else self._end)
        return self._position

    def tell(self) -> int:
        """Give the position."""
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Give up to `size` bytes."""
        left = max(0, self._end - self._position)
        data = bytearray(left if size < 0 else min(left, size))
        self.readinto(data)
        return bytes(data)

    def readinto(self, target: Buffer) -> int:
        """Fill `target` from the position on, as far as the file goes; give the number of bytes."""
        view = memoryview(target).cast("B")
        start = self._position
        count = max(0, min(len(view), self._end - start))
        if count:
            self._look(start, view[:count])
            self._position = start + count
        return count

    @abc.abstractmethod
    def _look(self, start: int, view: memoryview) -> None:
        """Fill all of `view` with what lies from `start` on."""
