"""What happens to a sweep when somebody presses Ctrl+C, or the batch system ends the job?

The first signal stops the sweep where runs are done, what is done is stored; the second leaves at once.
While something is being stored neither strikes before that is complete.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final

__all__ = ["Interrupts", "Terminated"]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_SIMULATORS: Final = ("brian2",)
"""Libraries whose handlers end one simulation early, and let the program take that for all of it."""


def _gives_way(handler: object) -> bool:
    if handler in (signal.SIG_DFL, signal.default_int_handler):
        return True
    return type(handler).__module__.partition(".")[0] in _SIMULATORS


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived. A KeyboardInterrupt, because those are what no run counts as its failure."""


class Interrupts:
    """Takes SIGINT and SIGTERM inside ``with``; does nothing outside the main thread.

    A SIGTERM is delivered again on leaving, so that the process ends as the sender expects. Handlers that
    somebody else installed for a signal stay in force for it; but brian2's, which ends the simulation that
    goes on and not the program, gives way: what it cut short would be stored as a run that is done.
    """

    def __init__(self) -> None:
        self.count = 0
        """Signals so far."""
        self._before: dict[int, Any] = {}
        self._held = 0
        self._waiting: type[KeyboardInterrupt] | None = None
        self._terminated = False
        self._process = os.getpid()

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if _gives_way(signal.getsignal(number)):
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def _take_again(self) -> None:
        # A run that imports such a library puts its handler before ours.
        for number in self._before:
            handler = signal.getsignal(number)
            if handler != self._handle and _gives_way(handler):
                signal.signal(number, self._handle)

    def __exit__(self, *_: object) -> None:
        self._restore()
        if self._terminated:
            os.kill(os.getpid(), signal.SIGTERM)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if os.getpid() != self._process:  # a worker that was forked: none of this is its business
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        self.count += 1
        kind = Terminated if number == signal.SIGTERM else KeyboardInterrupt
        self._terminated |= kind is Terminated
        if self.count > 1:
            self._restore()  # whoever insists gets what Python does
        if self._held:
            self._waiting = kind
        else:
            raise kind

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let signals wait for the end of the block: half-stored things help nobody."""
        self._held += 1
        if self._before:
            self._take_again()
        try:
            yield
        finally:
            self._held -= 1
            kind, waiting = self._waiting, not self._held
            if kind is not None and waiting:
                self._waiting = None
                raise kind
