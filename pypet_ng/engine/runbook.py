"""Which runs are done, and when did they run?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pypet_ng.errors import StorageError
from pypet_ng.tree.records import Failure, RunState, RunStates

__all__ = ["RunBook"]


class RunBook:
    """States and times of all runs in memory: 25 bytes per run, grown as the plan grows."""

    __slots__ = ("attempt", "failures", "finish", "length", "start", "state")

    def __init__(self, length: int = 0) -> None:
        self.length = 0
        self.state: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)
        self.attempt: npt.NDArray[np.uint16] = np.zeros(0, np.uint16)
        self.start: npt.NDArray[np.float64] = np.zeros(0)
        self.finish: npt.NDArray[np.float64] = np.zeros(0)
        self.failures: dict[int, Failure] = {}
        self.grow(length)

    def grow(self, length: int) -> None:
        """Make room for `length` runs; amortised, so that many small steps stay linear. StorageError if
        that is more than there is memory for."""
        if length > len(self.state):
            room = max(length, 2 * len(self.state))
            for name in ("state", "attempt", "start", "finish"):
                old = getattr(self, name)
                try:
                    new = np.zeros(room, old.dtype)
                except MemoryError as error:
                    raise StorageError(
                        f"there is not enough memory for the states of {length} runs (25 bytes each). If the "
                        "sweep is smaller, its file is damaged: restore a copy"
                    ) from error
                new[: self.length] = old[: self.length]
                setattr(self, name, new)
        if length < self.length:
            for name in ("state", "attempt", "start", "finish"):
                getattr(self, name)[length : self.length] = 0
        self.length = length

    def enter(self, states: RunStates) -> None:
        """Take over what a batch says of its runs."""
        rows = states.rows
        if len(rows) == 0:
            return
        self.grow(max(self.length, int(rows.max()) + 1))
        where: slice | npt.NDArray[np.int64] = rows
        if int(rows[-1]) - int(rows[0]) == len(rows) - 1 and (np.diff(rows) == 1).all():
            where = slice(int(rows[0]), int(rows[-1]) + 1)
        self.state[where] = states.state
        self.attempt[where] = states.attempt
        self.start[where] = states.start
        self.finish[where] = states.finish

    def is_done(self, index: int) -> bool:
        """Tell whether a run ended well."""
        return index < self.length and self.state[index] == RunState.DONE

    def missing(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Give those of `rows` that are not done, in their order."""
        if len(rows):
            self.grow(max(self.length, int(rows.max()) + 1))
        left: npt.NDArray[np.int64] = rows[self.state[rows] != RunState.DONE]
        return left

    def any_done(self) -> bool:
        """Tell whether at least one run is done."""
        return bool((self.state[: self.length] == RunState.DONE).any())

    def columns(self, rows: npt.NDArray[np.int64]) -> RunStates:
        """Give what is known of some runs, to be stored."""
        return RunStates(
            rows=rows,
            state=self.state[rows],
            start=self.start[rows],
            finish=self.finish[rows],
            attempt=self.attempt[rows],
            nonfinite=np.zeros(len(rows), np.uint8),
        )
