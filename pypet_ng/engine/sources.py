"""Where do the runs of a sweep come from: all known before, stopped by Ctrl+C, or added while it goes?"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pypet_ng.engine.attach import attach
from pypet_ng.engine.running import make_chunks
from pypet_ng.engine.session import Session
from pypet_ng.engine.storing import store_all
from pypet_ng.spaces.plan import Plan
from pypet_ng.tree.records import Chunk

__all__ = ["GracefulExit", "Growing"]

_Numbers = npt.NDArray[np.int64]
_LOGGER: Final = logging.getLogger("pypet_ng.sweep")


class GracefulExit:
    """Inside ``with``, the first Ctrl+C lets the runs at work end and begins no more; the second is usual.

    Only in the main thread; elsewhere it does nothing.
    """

    def __init__(self) -> None:
        self.asked = False
        """Whether Ctrl+C was pressed."""
        self._before: Any = None

    def __enter__(self) -> GracefulExit:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        # Not by logging: the signal may have come in the middle of a record.
        with contextlib.suppress(OSError):
            os.write(2, b"Ctrl+C: the runs at work are finished, no more are begun. Again: stop at once.\n")

    def chunks(self, plan: Plan, rows: _Numbers, attempts: npt.NDArray[np.uint16]) -> Iterator[Chunk]:
        """Give the runs one by one, until somebody presses Ctrl+C."""
        for chunk in make_chunks(plan, rows, attempts, size=1):
            if self.asked:
                _LOGGER.warning("Ctrl+C: no more runs were begun; those at work are finished and stored")
                return
            yield chunk


class Growing:
    """The chunks of a sweep; when all are given out, asks whether there are more points.

    An iterator that may go on after its end: a runner that still waits for runs asks again when some
    have come back.
    """

    def __init__(
        self,
        session: Session,
        first: Iterable[Chunk],
        finished: Callable[[], int],
        ask: Callable[[], bool],
        *,
        keeping: bool,
    ) -> None:
        """`finished` gives the number of results so far; `ask` tells whether the plan grew."""
        self._session = session
        self._chunks = iter(first)
        self._finished = finished
        self._ask = ask
        self._keeping = keeping
        self._asked_at = 0

    def __iter__(self) -> Growing:
        return self

    def __next__(self) -> Chunk:
        chunk = next(self._chunks, None)
        while chunk is None:
            finished = self._finished()
            if finished == self._asked_at:  # nothing new to be said
                raise StopIteration
            self._asked_at = finished
            before = len(self._session.plan)
            if not self._ask():
                raise StopIteration
            self._chunks = iter(self._added(before))
            chunk = next(self._chunks, None)
        return chunk

    def _added(self, before: int) -> Iterable[Chunk]:
        session = self._session
        rows = np.arange(before, len(session.plan), dtype=np.int64)
        if self._keeping:
            rows = attach(session)[before:]
            store_all(session)
        book = session.runs
        book.grow(max(len(session.plan), book.length))
        missing = book.missing(np.sort(rows))
        return make_chunks(session.plan, missing, (book.attempt[missing] + 1).astype(np.uint16))
