"""Is the machine too busy for one more process?"""

from __future__ import annotations

import time
from typing import Final

__all__ = ["Caps"]

_PAUSE: Final = 0.1
"""Seconds between two looks; psutil's CPU share is that since the last one."""


class Caps:
    """Limits of CPU, memory and swap in percent. Needs psutil (ModuleNotFoundError)."""

    def __init__(
        self, cpu: float = 100.0, memory: float = 100.0, swap: float = 100.0, per_process: float = 0.0
    ) -> None:
        """`per_process`: megabytes that a new process will need."""
        import psutil

        self._psutil = psutil
        self._cpu = cpu
        self._memory = memory
        self._swap = swap
        self._needed = per_process * 1e6
        self._looked = float("-inf")
        self._reached = False
        psutil.cpu_percent(interval=None)  # the first call has nothing to compare with

    def reached(self) -> bool:
        """Tell whether one of the limits is reached, or would be by one more process."""
        now = time.monotonic()
        if now - self._looked >= _PAUSE:
            self._looked = now
            self._reached = self._look()
        return self._reached

    def _look(self) -> bool:
        if self._cpu < 100 and self._psutil.cpu_percent(interval=None) > self._cpu:
            return True
        if self._memory < 100 or self._needed:
            memory = self._psutil.virtual_memory()
            if 100 * (memory.total - memory.available + self._needed) / memory.total > self._memory:
                return True
        return self._swap < 100 and bool(self._psutil.swap_memory().percent > self._swap)
