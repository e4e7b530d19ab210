"""Where is it written what happens in worker processes?

Each process has its files: ``run_ALL_<host>_<process>_LOG.txt`` and ``..._ERROR.txt`` beside those of the
environment, opened by the first record. With a configuration whose file names hold ``$run`` or ``$set``
the files follow the runs, and those of the last run are closed: a process has the same number of open
files after 10,000 runs as after one.
"""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from pypet_ng.engine.logconfig import LogConfig, remove_handlers
from pypet_ng.engine.lognames import LogNames
from pypet_ng.engine.printed import Printed
from pypet_ng.tree.records import Failure
from pypet_ng.tree.runnames import run_name, set_name

__all__ = ["WorkerLogs"]

_FORMAT: Final = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"
_LOGGER: Final = logging.getLogger("pypet_ng.run")


class _State:
    """What this process logs to."""

    logs: ClassVar[WorkerLogs | None] = None
    handlers: ClassVar[list[logging.Handler]] = []
    run: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class WorkerLogs:
    """How workers of one environment log. Travels with the job."""

    names: LogNames
    home: int
    """The process that sent the job: it logs by itself."""
    folder: str | None = None
    loggers: tuple[tuple[str, int], ...] = (("", logging.INFO),)
    """Loggers by name, with the lowest level that is written."""
    config: LogConfig | None = None
    """Instead of folder and loggers."""
    stdout: tuple[str, int] | None = None
    """Logger and level of what is printed."""

    def begin(self) -> bool:
        """Set logging up in a worker, once; False in the process at home."""
        if os.getpid() == self.home:
            return False
        if _State.logs != self:
            _end()
            _State.logs = self
            if self.stdout is not None and not isinstance(sys.stdout, Printed):
                sys.stdout = Printed(sys.stdout, *self.stdout)
            if self.config is None:
                self._open_files()
            elif not self.config.per_run:
                _State.handlers = self.config.apply(self.names, workers=True)
        return True

    def begin_run(self, row: int) -> None:
        """Let the files follow the run, where their names ask for it."""
        if self.config is None or not self.config.per_run:
            return
        name = run_name(row)
        if _State.run != name:
            remove_handlers(_State.handlers)
            _State.run = name
            names = replace(self.names, run=name, set=set_name(row))
            _State.handlers = self.config.apply(names, workers=True)

    def failed(self, failure: Failure) -> None:
        """Log a failed run with its traceback."""
        _LOGGER.error(
            "Run %d failed: %s: %s\n%s", failure.row, failure.type, failure.message, failure.traceback
        )

    def _open_files(self) -> None:
        if self.folder is None:
            return
        made: list[logging.Handler] = []
        lowest = min(level for _, level in self.loggers)
        for kind, level in (("LOG", lowest), ("ERROR", logging.ERROR)):
            filename = os.path.join(self.folder, f"$run_$host_$proc_{kind}.txt")
            handler = logging.FileHandler(self.names.fill(filename), encoding="utf-8", delay=True)
            handler.setLevel(level)
            handler.setFormatter(logging.Formatter(_FORMAT))
            made.append(handler)
        if not logging.root.handlers:  # else a warning would no longer be seen on the screen
            screen = logging.StreamHandler()
            screen.setLevel(logging.WARNING)
            screen.addFilter(lambda record: record.name != _LOGGER.name)  # the parent tells of failures
            made.append(screen)
        for name, level in self.loggers:
            logger = logging.getLogger(name)
            logger.setLevel(level)
            for one in made:
                logger.addHandler(one)
        _State.handlers = made


def _end() -> None:
    remove_handlers(_State.handlers)
    _State.handlers = []
    _State.run = ""
