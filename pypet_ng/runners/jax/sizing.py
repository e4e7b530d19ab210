"""How many runs make a batch?

Large batches cost memory, delay what is written and shown, and leave the processor's caches; small ones
pay for Python between the batches. One compilation costs more than either, so a first guess is only
left when the compiler's or the first batches' figures say that it pays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Protocol

from pypet_ng.runners.jax.columns import Feed
from pypet_ng.runners.jax.programs import BatchProgram, Programs
from pypet_ng.runners.jax.tracing import PointProgram

__all__ = ["AutoSize", "FixedSize", "Sizing"]

_FIRST: Final = 512
"""Runs per device in a first batch, if they are not too large."""
_OUTPUT: Final = 16 << 20
"""Bytes of results per device and batch: writing goes on in pieces while the next batch is computed."""
_SHORT: Final = 0.02
"""Seconds a batch should take at least, with its writing."""
_OVERHEAD: Final = 0.0003
"""Seconds between two batches that are saved by a larger one: cutting, writing, bookkeeping."""
_LARGEST: Final = 1 << 16
_AHEAD: Final = 256 << 20
"""Bytes of explored values that may be looked at ahead."""


class Sizing(Protocol):
    """Decides on the size of batches during one sweep."""

    lanes: int
    """So many runs at most are computed as one vector on a device."""

    def first(self, programs: Programs, feed: Feed) -> int:
        """Give the size of the first batches."""

    def checked(self, program: BatchProgram) -> int:
        """Give the size to use instead after a look at the compiled program; its own if it is well."""

    def after(self, waited: float, cycle: float, program: BatchProgram, feed: Feed) -> int:
        """Give the size of the next batches after one for which the host waited so many seconds; `cycle`
        is the time since the batch before came back."""


class _Growing:
    """Makes batches larger that are so short that the time between them counts."""

    def __init__(self, lanes: int, limit: int) -> None:
        self.lanes = lanes
        self._limit = limit
        self._seen = 0
        self._settled = False

    def after(self, waited: float, cycle: float, program: BatchProgram, feed: Feed) -> int:
        """Give a larger size if that pays, else the program's.

        Hardly waited for is a batch that was ready before the one before it was written.
        """
        self._seen += 1
        size = program.size
        # the first batch of a program is slower than the others
        if self._settled or self._seen < 3:
            return size
        self._settled = True  # fewer runs are left each time: what does not pay now, never will
        if cycle >= _SHORT or size >= _LARGEST:
            return size
        room = self._limit / max(1, program.memory)
        factor = min(_power(_SHORT / max(waited, 1e-4)), _power(room), max(1, _LARGEST // size))
        left = feed.available(min(8 * size * factor, _AHEAD // max(1, program.point.in_bytes)))
        while factor >= 2 and left < 4 * size * factor:  # fewer would not overlap with their writing
            factor //= 2
        saved = left / size * (1 - 1 / factor) * _OVERHEAD
        return size * factor if factor >= 2 and saved > 2 * program.seconds else size


class FixedSize(_Growing):
    """`n_vmap` runs on each of `n_pmap` devices at a time; fewer if there are no more."""

    def __init__(self, n_vmap: int, n_pmap: int, limit: int) -> None:
        super().__init__(n_vmap, limit)
        self._n_vmap = n_vmap
        self._n_pmap = n_pmap

    def first(self, programs: Programs, feed: Feed) -> int:
        """Give n_vmap * n_pmap, or just enough for all runs."""
        size = self._n_vmap * self._n_pmap
        left = feed.available(size)
        if left < size:
            return _fitting(left, self._n_pmap, programs.sizes)
        return size

    def checked(self, program: BatchProgram) -> int:
        """Give the size as it is."""
        return program.size


class AutoSize(_Growing):
    """Finds the size by bytes, then by time.

    Parameters
    ----------
    n_pmap
        Number of devices.
    limit
        Bytes a batch may take on each device.
    """

    def __init__(self, n_pmap: int, limit: int) -> None:
        super().__init__(_LARGEST, limit)
        self._n_pmap = n_pmap

    def first(self, programs: Programs, feed: Feed) -> int:
        """Give a size that is compiled already and would do, else the guess by bytes per run."""
        point = programs.point
        each = programs.best // self._n_pmap or _FIRST
        each = max(
            1, min(each, _power(_OUTPUT / max(1, point.out_bytes)), _power(self._limit / 4 / _bytes(point)))
        )
        size = each * self._n_pmap
        left = feed.available(size)
        return size if left == size else _fitting(left, self._n_pmap, programs.sizes)

    def checked(self, program: BatchProgram) -> int:
        """Give a smaller size if the compiled program takes more memory than it may."""
        memory = program.memory
        if memory <= self._limit or program.size <= self._n_pmap:
            return program.size
        return max(1, _power(program.size / self._n_pmap * self._limit / memory)) * self._n_pmap


def _bytes(point: PointProgram) -> int:
    return max(1, point.out_bytes + point.in_bytes)


def _power(number: float) -> int:
    """Give the largest power of two that is not above a number, at least 1."""
    return 1 << max(0, math.floor(math.log2(number))) if number >= 1 else 1


def _fitting(count: int, n_pmap: int, compiled: Sequence[int]) -> int:
    """Give the size for so few runs that they are one batch: one that is there already if little is wasted."""
    least = max(1, -(-count // n_pmap)) * n_pmap
    near = [size for size in compiled if least <= size <= max(64 * n_pmap, 3 * least // 2)]
    return min(near, default=least)
