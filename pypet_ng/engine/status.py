"""How do other shells see how far a sweep is?

``<file>.status`` is JSON: ``total``, ``done`` (also before this sweep), ``failed``, ``states`` (runs of this sweep by
state), ``rate`` (runs per second), ``left`` (seconds, estimated), ``error`` (the last one), ``pid``, ``host``, ``session``,
``started`` and ``updated`` (seconds since the epoch). It is replaced as a whole, at most once a second, and
removed when the sweep ends; one that is left belongs to a sweep whose process was killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from pypet_ng.tree.records import Batch, RunState

__all__ = ["StatusFile", "status_of"]


def status_of(filename: str) -> str:
    """Give the name of the status file of a storage file."""
    return filename + ".status"


class StatusFile:
    """An :class:`pypet_ng.engine.progress.Observer`. Sweeps of less than a second leave the disk alone."""

    def __init__(
        self, filename: str, session: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = status_of(filename)
        self._session = session
        self._clock = clock

    def started(self, total: int, done: int) -> None:
        """Begin to count."""
        self._total, self._before = total, done
        self._states: Counter[str] = Counter()
        self._error: dict[str, Any] | None = None
        self._began = self._clock()
        self._next = self._began + 1.0
        self._since = time.time()

    def advanced(self, batch: Batch) -> None:
        """Count, and write if it is time."""
        if batch.runs is not None:
            states, counts = np.unique(batch.runs.state, return_counts=True)
            for state, count in zip(states.tolist(), counts.tolist(), strict=True):
                self._states[RunState(state).name.lower()] += count
        if batch.failures:
            last = batch.failures[-1]
            self._error = {"run": last.row, "type": last.type, "message": last.message}
        if self._clock() >= self._next:
            self._next = self._clock() + 1.0
            self._write()

    def _write(self) -> None:
        ended = sum(self._states.values())
        rate = ended / max(self._clock() - self._began, 1e-9)
        done = self._before + self._states["done"]
        facts = {
            "total": self._total,
            "done": done,
            "failed": ended - self._states["done"],
            "states": dict(self._states),
            "rate": rate,
            "left": (self._total - self._before - ended) / rate if rate else None,
            "error": self._error,
            "pid": os.getpid(),
            "host": platform.node(),
            "session": self._session(),
            "started": self._since,
            "updated": time.time(),
        }
        aside = f"{self._path}.{os.getpid()}"
        with contextlib.suppress(OSError):  # nobody's results depend on it
            with open(aside, "w", encoding="utf-8") as file:
                json.dump(facts, file)
            os.replace(aside, self._path)

    def finished(self) -> None:
        """Remove the file, also one that a killed sweep left: from now on the storage tells all."""
        with contextlib.suppress(OSError):
            os.unlink(self._path)
