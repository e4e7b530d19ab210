"""How is what a run prints logged as well?"""

from __future__ import annotations

import io
import logging
from typing import TextIO

__all__ = ["Printed"]


class Printed(io.TextIOBase):
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
