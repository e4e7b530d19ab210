"""How far is a sweep, and who is told?"""

from __future__ import annotations

import datetime
import importlib
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from pypet_ng.tree.records import Batch, RunStates

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "PROGRESS",
    "Bar",
    "Lines",
    "NotebookBar",
    "Observer",
    "Percents",
    "Silent",
    "Tally",
    "Together",
    "observer_of",
]

PROGRESS: Final = "pypet_ng.progress"
"""Name of the logger of progress lines."""

_PATIENCE: Final = 2.0
"""Seconds a sweep may take before anything is shown."""
_PAUSE: Final = 30.0
"""Seconds between two plain lines."""


class Observer(Protocol):
    """Is told how a sweep goes on, in the thread that called ``env.run``."""

    def started(self, total: int, done: int) -> None:
        """Hear how many points were asked for, and how many of them were done before."""

    def advanced(self, batch: Batch) -> None:
        """Hear of runs that ended. Called once per batch: to be quick, and to keep nothing of it."""

    def finished(self) -> None:
        """Hear that no more runs come, also after an error or Ctrl+C. Called once per `started`."""


class Silent:
    """Says nothing."""

    def started(self, total: int, done: int) -> None:
        """Do nothing."""

    def advanced(self, batch: Batch) -> None:
        """Do nothing."""

    def finished(self) -> None:
        """Do nothing."""


class Together:
    """Passes on to several observers what it hears, `finished` in the opposite order."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = [one for one in observers if not isinstance(one, Silent)]

    def started(self, total: int, done: int) -> None:
        """Pass on."""
        for one in self._observers:
            one.started(total, done)

    def advanced(self, batch: Batch) -> None:
        """Pass on."""
        for one in self._observers:
            one.advanced(batch)

    def finished(self) -> None:
        """Pass on."""
        for one in reversed(self._observers):
            one.finished()


class Tally:
    """Counts runs and estimates the time that is left."""

    __slots__ = ("before", "began", "clock", "ended", "failed", "total", "worked")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.begin(0, 0)

    def begin(self, total: int, done: int) -> None:
        """Begin a sweep over `total` points, `done` of which were done before."""
        self.total = total
        self.before = done
        self.ended = self.failed = 0
        self.began = self.worked = self.clock()

    def add(self, batch: Batch) -> None:
        """Count the runs of a batch."""
        if batch.runs is not None:
            if not self.ended:
                self._leave_out_the_start(batch.runs)
            self.ended += len(batch.runs.rows)
            self.failed += len(batch.failures)

    def _leave_out_the_start(self, first: RunStates) -> None:
        """Let the clock begin with the first run: workers take seconds to start, quick runs take none."""
        if len(first.rows) and first.start.min() > 0:
            took = float(first.finish.max() - first.start.min())  # of one host: its clock may be off
            if took >= 0:
                self.worked = max(self.began, self.clock() - took)

    @property
    def done(self) -> int:
        """Runs that ended, also before this sweep."""
        return self.before + self.ended

    @property
    def share(self) -> float:
        """Part of all runs that ended, 0 to 1."""
        return self.done / self.total if self.total else 1.0

    def words(self) -> str:
        """Give failures, rate and remaining time, where they are known."""
        passed = self.clock() - self.worked
        parts = [f"{self.failed} failed"] if self.failed else []
        if self.ended and passed > 0:
            rate = self.ended / passed
            parts.append(f"{rate:.3g} runs/s" if rate >= 1 else f"{1 / rate:.3g} s per run")
            if self.done < self.total:
                seconds = datetime.timedelta(seconds=round((self.total - self.done) / rate))
                parts.append(f"about {seconds} left")
        return ", ".join(parts)

    def line(self) -> str:
        """Give all of it as one line."""
        words = self.words()
        counts = f"{self.done} of {self.total} runs ended ({100 * self.share:.1f} %)"
        return f"{counts}, {words}" if words else counts


class Lines:
    """Writes a line when a sweep has lasted a while, and then at most one per pause."""

    def __init__(
        self,
        write: Callable[[str], None],
        *,
        patience: float = _PATIENCE,
        pause: float = _PAUSE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._patience = patience
        self._pause = pause
        self._tally = Tally(clock)
        self._next = 0.0

    def started(self, total: int, done: int) -> None:
        """Begin to count."""
        self._tally.begin(total, done)
        self._next = self._tally.began + self._patience

    def advanced(self, batch: Batch) -> None:
        """Count, and write if it is time."""
        tally = self._tally
        tally.add(batch)
        now = tally.clock()
        if now >= self._next:
            self._next = now + self._pause
            self._write(tally.line())

    def finished(self) -> None:
        """Say nothing: the log has the last word."""


class Percents:
    """Writes a line at each step of so many percent, as pypet does."""

    def __init__(
        self, step: float, write: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not 0 < step <= 100:
            raise ValueError(f"report_progress={step!r}: give percents above 0 and up to 100.")
        self._step = step
        self._write = write
        self._tally = Tally(clock)
        self._last = 0

    def started(self, total: int, done: int) -> None:
        """Begin to count."""
        self._tally.begin(total, done)
        self._last = self._place()

    def _place(self) -> int:
        # the small part of a step takes up what 100 * share loses in its last digits
        return int(100 * self._tally.share / self._step + 1e-9)

    def advanced(self, batch: Batch) -> None:
        """Count, and write if a step is passed, or all is done."""
        self._tally.add(batch)
        place = self._place()
        if place > self._last or self._tally.share >= 1:
            self._last = place
            self._write(self._tally.line())

    def finished(self) -> None:
        """Do nothing."""


class Bar:
    """A bar on the terminal, from the moment a sweep has lasted a while."""

    def __init__(self, console: Console | None = None, *, patience: float = _PATIENCE) -> None:
        self._console = console
        self._patience = patience
        self._tally = Tally()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._over = True
        self._progress: Any = None
        self._task: Any = None
        self._shown = 0.0

    def started(self, total: int, done: int) -> None:
        """Set the alarm: a run may take hours, so that waiting for the first batch would be too long."""
        self._tally.begin(total, done)
        self._over = False
        if self._patience <= 0:
            self._show()
            return
        self._timer = threading.Timer(self._patience, self._show)
        self._timer.daemon = True
        self._timer.start()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn
        from rich.table import Column
        from rich.text import Text

        tally = self._tally

        class Words(ProgressColumn):
            def render(self, task: Any) -> Text:
                passed = datetime.timedelta(seconds=int(tally.clock() - tally.began))
                return Text(f"{passed} {tally.words()}", style="red" if tally.failed else "")

        with self._lock:
            if self._over:
                return
            progress = Progress(
                BarColumn(bar_width=None, table_column=Column(ratio=1)),
                MofNCompleteColumn(),
                Words(table_column=Column(no_wrap=True)),
                console=self._console or Console(stderr=True),
                refresh_per_second=4,
                expand=True,
            )
            self._task = progress.add_task("runs", total=tally.total, completed=tally.done)
            progress.start()
            self._progress = progress

    def advanced(self, batch: Batch) -> None:
        """Count, and move the bar at most ten times a second."""
        tally = self._tally
        tally.add(batch)
        if self._progress is not None:
            now = tally.clock()
            if now - self._shown >= 0.1:
                self._shown = now
                self._progress.update(self._task, completed=tally.done)

    def finished(self) -> None:
        """Leave the bar as it is at the end."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        with self._lock:
            self._over = True
            progress, self._progress = self._progress, None
        if progress is not None:
            progress.update(self._task, completed=self._tally.done)
            progress.stop()


class NotebookBar:
    """A bar in the output of a notebook cell, updated in place."""

    def __init__(self, *, patience: float = _PATIENCE, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._tally = Tally(clock)
        self._next = 0.0
        self._handle: Any = None

    def started(self, total: int, done: int) -> None:
        """Begin to count."""
        self._tally.begin(total, done)
        self._handle = None
        self._next = self._tally.began + self._patience

    def advanced(self, batch: Batch) -> None:
        """Count, and draw at most twice a second."""
        self._tally.add(batch)
        now = self._tally.clock()
        if now >= self._next:
            self._next = now + 0.5
            self._draw()

    def finished(self) -> None:
        """Draw the end, if there is a bar."""
        if self._handle is not None:
            self._draw()

    def _draw(self) -> None:
        shown = importlib.import_module("IPython.display")

        tally = self._tally
        html = shown.HTML(
            f'<progress value="{tally.done}" max="{tally.total}" style="width: 50%"></progress> {tally.line()}'
        )
        if self._handle is None:
            self._handle = shown.display(html, display_id=True)
        else:
            self._handle.update(html)


# -- choosing ---------------------------------------------------------------------------------------
def observer_of(choice: Any) -> Observer:
    """Give the observer that ``report_progress=`` means.

    None or True: a bar on a terminal or in a notebook, else a line from time to time; False: nothing;
    a number: a line at each so many percent; ``(5, 'pypet', logging.INFO)``: on that logger and level;
    ``'print'`` (also in place of the logger): on standard output; or an observer. ValueError else.
    """
    if choice is False:
        return Silent()
    if choice is None or choice is True:
        return _fitting()
    if callable(getattr(choice, "advanced", None)) and callable(getattr(choice, "started", None)):
        given: Observer = choice
        return given
    if choice == "print":
        return Percents(5, _to_stdout)
    if isinstance(choice, int | float):
        return Percents(choice, _to_logger(PROGRESS, logging.INFO))
    if isinstance(choice, tuple | list) and 1 <= len(choice) <= 3 and isinstance(choice[0], int | float):
        step: float = choice[0]
        where = choice[1] if len(choice) > 1 else PROGRESS
        level = choice[2] if len(choice) > 2 else logging.INFO
        if where == "print":
            return Percents(step, _to_stdout)
        return Percents(step, _to_logger(where, level))
    raise ValueError(
        f"report_progress={choice!r}: give True, False, a number of percents, 'print', or "
        "(percents, logger, level)."
    )


def _fitting() -> Observer:
    if _in_notebook():
        return NotebookBar()
    if sys.stderr is not None and sys.stderr.isatty():
        return Bar()
    return Lines(_to_logger(PROGRESS, logging.INFO))


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return getattr(shell, "kernel", None) is not None


def _to_logger(where: Any, level: Any) -> Callable[[str], None]:
    if where in ("pypet", "pypet_ng"):
        where = PROGRESS
    logger = where if isinstance(where, logging.Logger) else logging.getLogger(where)

    def write(line: str) -> None:
        logger.log(level, line)

    return write


def _to_stdout(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
