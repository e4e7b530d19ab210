"""Where is it written what happened during a sweep?

Records go to the logger ``pypet_ng`` and its children. While ``env.run`` is at work that logger has
the handlers made here; the root logger is never touched, and afterwards all is as before.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pypet_ng.engine.logconfig import LogConfig, log_config
from pypet_ng.engine.lognames import LogNames
from pypet_ng.engine.printed import Printed
from pypet_ng.engine.progress import PROGRESS, Tally
from pypet_ng.engine.session import Session
from pypet_ng.engine.worklogs import WorkerLogs
from pypet_ng.tree.records import Batch

__all__ = ["LOGGER", "LogOptions", "SweepLog", "log_options", "logging_to", "worker_logs"]

LOGGER: Final = "pypet_ng"
_OURS: Final = (LOGGER, "pypet")
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
    loggers: tuple[tuple[str, int], ...] = ()
    """Further loggers whose records go to the files, ``''`` is the root."""
    workers: bool = True
    """Worker processes have files as well."""
    config: LogConfig | None = None
    """Instead of all but `stdout`: a configuration of the user's own, for all loggers."""


def log_options(given: Mapping[str, Any], *, on_disk: bool) -> LogOptions:
    """Make options from the options of an environment that begin with ``log``; ValueError if they do not fit.

    ``log_config=None`` switches logging off, ``log_folder=None`` the files; an ini file, a parser or a
    dict sets up logging by :mod:`logging.config`. If nothing is said there are files where the
    trajectory is kept in a file as well (`on_disk`).
    """
    simple = [name for name in ("log_folder", "log_level", "logger_names", "log_levels") if name in given]
    config = given.get("log_config", "DEFAULT")
    stdout = _stdout(given.get("log_stdout", False))
    if config is None:
        if simple:
            raise ValueError(
                f"log_config=None means no logging, but {simple[0]} was given as well: leave one out."
            )
        return LogOptions(enabled=False)
    if not isinstance(config, str) or config != "DEFAULT":
        return LogOptions(folder=None, stdout=stdout, config=log_config(config))
    folder = given.get("log_folder", "logs" if on_disk else None)
    loggers = _loggers(given.get("logger_names"), given.get("log_levels"), given.get("log_level"))
    level = given.get("log_level")
    if level is None and loggers:
        level = min(logging.INFO, *(one for _, one in loggers))
    return LogOptions(
        folder=None if folder is None else os.fspath(folder),
        level=logging.INFO if level is None else _level(level),
        stdout=stdout,
        loggers=tuple(one for one in loggers if one[0] not in _OURS),
        workers=bool(given.get("log_multiproc", True)),
    )


def _loggers(names: Any, levels: Any, level: Any) -> list[tuple[str, int]]:
    """Give the loggers of ``logger_names`` with their ``log_levels``."""
    if names is None:
        return []
    listed = [names] if isinstance(names, str) else list(names)
    if levels is None:
        levels = logging.INFO if level is None else level
    each = list(levels) if isinstance(levels, tuple | list) else [levels]
    if len(each) == 1:
        each *= len(listed)
    return [(str(name), _level(one)) for name, one in zip(listed, each, strict=True)]


def worker_logs(options: LogOptions, trajectory: str, environment: str) -> WorkerLogs | None:
    """Give how worker processes log, None if they do not."""
    if not options.enabled or not options.workers or (options.folder is None and options.config is None):
        return None
    return WorkerLogs(
        LogNames(environment, trajectory),
        os.getpid(),
        None if options.folder is None else os.path.abspath(_folder(options, trajectory, environment)),
        options.loggers or (("", options.level),),
        options.config,
        options.stdout,
    )


def _folder(options: LogOptions, trajectory: str, environment: str) -> str:
    assert options.folder is not None
    return os.path.join(LogNames(environment, trajectory).fill(options.folder), trajectory, environment)


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


class _Others(logging.Handler):
    """Passes on the records of other packages; ours come by their own way."""

    def __init__(self, handlers: list[logging.Handler]) -> None:
        super().__init__()
        self._handlers = handlers

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.partition(".")[0] != LOGGER:
            for handler in self._handlers:
                if record.levelno >= handler.level:
                    handler.handle(record)


def _attach(name: str, level: int, handlers: list[logging.Handler]) -> Callable[[], None]:
    """Let a logger write to our files as well; gives what undoes it."""
    logger = logging.getLogger(name)
    before = logger.level
    passing = _Others([one for one in handlers if isinstance(one, logging.FileHandler)])
    logger.addHandler(passing)
    logger.setLevel(min(level, logger.getEffectiveLevel()))

    def detach() -> None:
        logger.removeHandler(passing)
        logger.setLevel(before)

    return detach


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
    if options.config is not None:
        options.config.apply_once(LogNames(environment, trajectory))
        with _printing_to(options.stdout):
            yield None
        return
    folder = None if options.folder is None else _folder(options, trajectory, environment)
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
    others = [_attach(name, lowest, handlers) for name, lowest in options.loggers] if folder else []
    try:
        with _printing_to(options.stdout):
            yield folder
    finally:
        for detach in others:
            detach()
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()
        logger.setLevel(level)
        logger.propagate = propagate


@contextlib.contextmanager
def _printing_to(target: tuple[str, int] | None) -> Iterator[None]:
    if target is None:
        yield
        return
    printed = Printed(sys.stdout, *target)
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
