"""Which runs are done, and when did they run?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array
from pypet_ng.errors import StorageError
from pypet_ng.tree.records import Failure, RunState, RunStates

__all__ = ["RunBook"]

_PUT_OFF = ("attempt", "start", "finish")
_COLUMNS = ("state", *(f"_{name}" for name in _PUT_OFF))


class RunBook:
    """States and times of all runs in memory: 19 bytes per run, grown as the plan grows.

    What is stored on attempts and times is read when somebody first asks for it.
    """

    __slots__ = ("_attempt", "_finish", "_start", "_stored", "failures", "length", "state")

    def __init__(self, length: int = 0) -> None:
        self.length = 0
        self.state: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)
        self._attempt: npt.NDArray[np.uint16] = np.zeros(0, np.uint16)
        self._start: npt.NDArray[np.float64] = np.zeros(0)
        self._finish: npt.NDArray[np.float64] = np.zeros(0)
        self._stored: Callable[[str], Array] | None = None
        self.failures: dict[int, Failure] = {}
        self.grow(length)

    def take_over(self, state: npt.NDArray[np.uint8], stored: Callable[[str], Array]) -> None:
        """Take over stored states; `stored` gives the columns attempt, start and finish by name."""
        self._settle()
        self.grow(max(self.length, len(state)))
        self.state[: len(state)] = state
        self._stored = stored

    def _settle(self) -> None:
        """Read what was put off."""
        stored, self._stored = self._stored, None
        if stored is not None:
            for name in _PUT_OFF:
                column = stored(name)[: self.length]
                getattr(self, f"_{name}")[: len(column)] = column

    @property
    def attempt(self) -> npt.NDArray[np.uint16]:
        """How often each run was tried."""
        self._settle()
        return self._attempt

    @property
    def start(self) -> npt.NDArray[np.float64]:
        """When each run began, seconds since the epoch."""
        self._settle()
        return self._start

    @property
    def finish(self) -> npt.NDArray[np.float64]:
        """When each run ended, seconds since the epoch."""
        self._settle()
        return self._finish

    def grow(self, length: int) -> None:
        """Make room for `length` runs; amortised, so that many small steps stay linear. StorageError if
        that is more than there is memory for."""
        if length > len(self.state):
            room = max(length, 2 * len(self.state))
            for name in _COLUMNS:
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
            self._settle()
            for name in _COLUMNS:
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
        return index < self.length and bool(self.state[index] == RunState.DONE)

    def missing(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Give those of `rows` that are not done, in their order."""
        if len(rows):
            self.grow(max(self.length, int(rows.max()) + 1))
        left: npt.NDArray[np.int64] = rows[self.state[rows] != RunState.DONE]
        return left

    def any_done(self) -> bool:
        """Tell whether at least one run is done."""
        return bool((self.state[: self.length] == RunState.DONE).any())

    def copied(self) -> RunBook:
        """Give a book of its own that knows the same."""
        self._settle()
        book = RunBook(self.length)
        for name in _COLUMNS:
            getattr(book, name)[: self.length] = getattr(self, name)[: self.length]
        book.failures = dict(self.failures)
        return book

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
