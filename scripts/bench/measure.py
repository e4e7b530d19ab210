"""How is CPU time measured, and what is it compared with?

All figures are CPU time (user and system) of this process, in the unit given and as a multiple of a
calibration loop of bare Python, so that figures of different machines and loads can be compared.
"""

from __future__ import annotations

import os
import resource
import statistics
import time
from collections.abc import Callable

__all__ = ["Sheet", "cpu", "peak_mb"]


def cpu(work: Callable[[], object], repeat: int = 1) -> float:
    """Give the median CPU seconds of a call."""
    taken = []
    for _ in range(repeat):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def peak_mb() -> float:
    """Give the peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _calibration() -> None:
    total = 0
    for number in range(100_000):
        total += number & 7


class Sheet:
    """Prints figures against their budgets, and remembers whether all were met."""

    def __init__(self, title: str) -> None:
        self.failed: list[str] = []
        self.unit = cpu(_calibration, 15)
        print(f"{title}: {os.cpu_count()} cores, calibration loop (100,000 steps) {self.unit * 1e3:.2f} ms")

    def recalibrate(self) -> None:
        """Measure the calibration loop again: the load of the machine may have changed."""
        self.unit = cpu(_calibration, 15)

    def enter(
        self, what: str, value: float, unit: str, budget: float, *, seconds: float | None = None
    ) -> None:
        """Print one figure; `seconds` is the CPU time it stands for."""
        kept = value <= budget
        if not kept:
            self.failed.append(what)
        relative = "" if seconds is None else f"  ({seconds / self.unit:10.4f} x calibration)"
        print(
            f"{'ok  ' if kept else 'OVER'} {what:<58} {value:10.3f} {unit:<7} budget {budget:g}{relative}",
            flush=True,
        )

    def close(self) -> int:
        """Print what is over budget and give the exit status."""
        if self.failed:
            print(f"over budget: {', '.join(self.failed)}")
        return 1 if self.failed else 0
