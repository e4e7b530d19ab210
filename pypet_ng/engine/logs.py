"""Where is it written what happened during a sweep?

Records go to the logger ``pypet_ng`` and its children. While ``env.run`` is at work that logger has
the handlers made here; the root logger is never touched, and afterwards all is as before.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TextIO

from pypet_ng.engine.progress import PROGRESS, Tally
from pypet_ng.engine.session import Session
from pypet_ng.tree.records import Batch

__all__ = ["LOGGER", "LogOptions", "SweepLog", "log_options", "logging_to"]

LOGGER: Final = "pypet_ng"
_FORMAT: Final = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What of a sweep is logged, and where."""

    enabled: bool = True
    folder: str | None = "logs"
    """Folder of the log files, None: no files."""
    level: int = logging.INFO
    """Lowest level in ``LOG.txt``."""
    stdout: tuple[str, int] | None = None
    """Logger and level for what is printed, None: what is printed is not logged."""


def log_options(given: Mapping[str, Any], *, on_disk: bool) -> LogOptions:
    """Make options from ``log_config, log_folder, log_level, log_stdout``; ValueError if they do not fit.

    ``log_config=None`` switches logging off, ``log_folder=None`` the files. If nothing is said there
    are files where the trajectory is kept in a file as well (`on_disk`).
    """
    simple = [name for name in ("log_folder", "log_level") if name in given]
    config = given.get("log_config", "DEFAULT")
    if config is None:
        if simple:
            raise ValueError(
                f"log_config=None means no logging, but {simple[0]} was given as well: leave one out."
            )
        return LogOptions(enabled=False)
    if config != "DEFAULT":
        warnings.warn(
            f"log_config={config!r} is not read: only 'DEFAULT' and None (no logging) mean something. "
            "Use log_folder, log_level and log_stdout, or configure the logger 'pypet_ng' yourself.",
            stacklevel=4,
        )
    level = given.get("log_level")
    folder = given.get("log_folder", "logs" if on_disk else None)
    return LogOptions(
        folder=None if folder is None else os.fspath(folder),
        level=logging.INFO if level is None else _level(level),
        stdout=_stdout(given.get("log_stdout", False)),
    )


def _level(value: Any) -> int:
    number = logging.getLevelNamesMapping().get(value.upper()) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(f"log_level={value!r}: give a level such as logging.INFO or 'INFO'.")
    return number


def _stdout(value: Any) -> tuple[str, int] | None:
    if value is None or value is False:
        return None
    if value is True:
        return f"{LOGGER}.stdout", logging.INFO
    if isinstance(value, str):
        return value, logging.INFO
    if isinstance(value, tuple) and len(value) == 2:
        return str(value[0]), _level(value[1])
    raise ValueError(f"log_stdout={value!r}: give True, False, the name of a logger, or (name, level).")


# -- handlers ---------------------------------------------------------------------------------------
class _Console(logging.Handler):
    """Shows warnings, errors and progress on standard error, where nobody has configured logging."""

    def emit(self, record: logging.LogRecord) -> None:
        # sys.stderr is looked up each time: a progress bar replaces it while it is shown
        if record.levelno < logging.WARNING and record.name != PROGRESS:
            return
        try:
            sys.stderr.write(f"{getattr(record, 'brief', None) or self.format(record)}\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)


class _Above(logging.Handler):
    """Passes on what the user's own handlers would have seen without our lower level."""

    def __init__(self, parent: logging.Logger, level: int) -> None:
        super().__init__(level)
        self._parent = parent

    def emit(self, record: logging.LogRecord) -> None:
        self._parent.handle(record)


def _files(folder: str, level: int) -> list[logging.Handler]:
    try:
        os.makedirs(folder, exist_ok=True)
        everything = logging.FileHandler(os.path.join(folder, "LOG.txt"), encoding="utf-8")
    except OSError as error:
        # A sweep of days must not end because of its log.
        warnings.warn(
            f"There will be no log files in {folder!r}: {error}. Use log_folder=... for another folder.",
            stacklevel=5,
        )
        return []
    everything.setLevel(level)
    # Opened by the first error: that ERROR.txt is there says that something went wrong.
    errors = logging.FileHandler(os.path.join(folder, "ERROR.txt"), encoding="utf-8", delay=True)
    errors.setLevel(logging.ERROR)
    for handler in (everything, errors):
        handler.setFormatter(logging.Formatter(_FORMAT))
    return [everything, errors]


@contextlib.contextmanager
def logging_to(options: LogOptions, trajectory: str, environment: str) -> Iterator[str | None]:
    """Log to ``<folder>/<trajectory>/<environment>/LOG.txt`` and ``ERROR.txt`` inside the block.

    Gives that folder, None if there are no files. Two sweeps at once in threads of one process log
    into each other's files.
    """
    if not options.enabled:
        yield None
        return
    logger = logging.getLogger(LOGGER)
    level, propagate = logger.level, logger.propagate
    effective = logger.getEffectiveLevel()
    folder = None if options.folder is None else os.path.join(options.folder, trajectory, environment)
    seen = logger.hasHandlers()
    handlers = [] if folder is None else _files(folder, options.level)
    if not handlers:
        folder = None
    if not seen:
        handlers.append(_Console())
        logger.propagate = False  # else the handler of last resort says everything again
    lowest = min(options.level, logging.INFO)
    if lowest < effective:
        logger.setLevel(lowest)
        if seen and propagate and logger.parent is not None:
            logger.propagate = False
            handlers.append(_Above(logger.parent, effective))
    for handler in handlers:
        logger.addHandler(handler)
    try:
        with _printing_to(options.stdout):
            yield folder
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()
        logger.setLevel(level)
        logger.propagate = propagate


class _Printed(io.TextIOBase):
    """Standard output whose lines are logged as well."""

    def __init__(self, screen: TextIO, name: str, level: int) -> None:
        self._screen = screen
        self._logger = logging.getLogger(name)
        self._level = level
        self._rest = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._screen.write(text)
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line.strip():
                self._logger.log(self._level, line)
        return len(text)

    def flush(self) -> None:
        self._screen.flush()

    def isatty(self) -> bool:
        return self._screen.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._screen.encoding

    def last_line(self) -> None:
        """Log what was printed without an end of line."""
        if self._rest.strip():
            self._logger.log(self._level, self._rest)
        self._rest = ""


@contextlib.contextmanager
def _printing_to(target: tuple[str, int] | None) -> Iterator[None]:
    if target is None:
        yield
        return
    printed = _Printed(sys.stdout, *target)
    with contextlib.redirect_stdout(printed):
        try:
            yield
        finally:
            printed.last_line()


# -- what is logged ---------------------------------------------------------------------------------
class SweepLog:
    """Logs begin and end of a sweep, and its first failure at once (an observer)."""

    def __init__(self, session: Session, runner: str, folder: str | None = None) -> None:
        """`folder` is where the log files are."""
        self._session = session
        self._trajectory = session.tree.root.name
        self._runner = runner
        self._folder = folder
        self._tally = Tally()
        self._logger = logging.getLogger(f"{LOGGER}.sweep")

    def started(self, total: int, done: int) -> None:
        """Log the begin."""
        self._tally.begin(total, done)
        self._logger.info(
            "Trajectory %r: %d runs to do, %d done before, runner %r",
            self._trajectory,
            total - done,
            done,
            self._runner,
        )

    def advanced(self, batch: Batch) -> None:
        """Log the first failure with its traceback; the others are in the run table."""
        if batch.failures and not self._tally.failed:
            failure = min(batch.failures, key=lambda one: one.row)
            point = ", ".join(
                f"{'.'.join(path[1:])} = {value!r}"[:200]
                for path, value in self._session.plan.point(failure.row).items()
            )
            head = f"Run {failure.row} failed{f' at {point}' if point else ''}: {failure.type}: {failure.message}"
            where = f"\nThe traceback is in {os.path.join(self._folder, 'ERROR.txt')}" if self._folder else ""
            self._logger.error("%s\n%s", head, failure.traceback, extra={"brief": head + where})
        self._tally.add(batch)

    def finished(self) -> None:
        """Log the end."""
        tally = self._tally
        left = tally.total - tally.done
        level = logging.ERROR if tally.failed else logging.INFO
        words = f"{tally.ended - tally.failed} runs done, {tally.failed} failed, {left} left to do"
        took = f"after {tally.clock() - tally.began:.3g} s"
        # on the screen the error that is raised tells the same
        self._logger.log(level, "Trajectory %r: %s %s", self._trajectory, words, took, extra={"brief": words})
