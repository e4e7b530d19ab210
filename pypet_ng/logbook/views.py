"""How do a run's parameters look as a mapping, and its text file as a logger's target?"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pypet_ng.logbook.files import LogFile

__all__ = ["Handler", "Params"]


class Params(Mapping[str, Any]):
    """The parameters of a run as they are in its file; called with keywords it sets some."""

    __slots__ = ("_read", "_write")

    def __init__(
        self, read: Callable[[], dict[str, Any]], write: Callable[[Mapping[str, Any], str], None]
    ) -> None:
        self._read = read
        self._write = write

    def __call__(self, ext: str = "yaml", **kwargs: Any) -> None:
        """Write parameters, as ``params.yaml`` or ``params.json``; others stay."""
        self._write(kwargs, ext)

    def __getitem__(self, name: str) -> Any:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return repr(self._read())


class Handler(logging.Handler):
    """Writes the records of a logger to a run's ``log.txt``."""

    def __init__(self, file: LogFile) -> None:
        super().__init__(logging.DEBUG)
        self._file = file

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self._file.write(record.levelname, self.format(record))
