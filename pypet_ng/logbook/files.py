"""How do files of a run folder get written whole or not at all, and where may they lie?"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

from pypet_ng.errors import InvalidNameError

__all__ = ["LEVELS", "LogFile", "below", "checked_run_id", "replaced", "write_bytes", "write_text"]

LEVELS: Final = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}

StrPath: TypeAlias = "str | os.PathLike[str]"
_counter = itertools.count()


@contextlib.contextmanager
def replaced(path: StrPath, home: StrPath) -> Iterator[str]:
    """Give the name of a new file that takes the place of `path` when all went well.

    It lies in `home`, the run's folder, where no reader looks for data, arrays or artifacts.
    """
    aside = f"{home}/.writing-{os.getpid()}-{next(_counter)}"
    try:
        yield aside
        try:
            os.replace(aside, path)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.replace(aside, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside)
        raise


def write_bytes(path: StrPath, data: bytes, home: StrPath) -> None:
    """Write a file so that a reader sees the old one or the new one."""
    with replaced(path, home) as aside:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)


def write_text(path: StrPath, text: str, home: StrPath) -> None:
    """Write text as UTF-8, see :func:`write_bytes`."""
    write_bytes(path, text.encode("utf-8"), home)


def below(folder: Path, name: str, ending: str = "") -> Path:
    """Give the path of a name inside a folder, nested ones too; InvalidNameError if it leads outside."""
    parts = name.replace("\\", "/").split("/") if isinstance(name, str) else []
    if not name or not parts or os.path.isabs(name) or ".." in parts or "\0" in name:
        raise InvalidNameError(
            f"{name!r} does not name a file inside {folder}: give a relative name without '..'."
        )
    return folder / f"{name}{ending}"


def checked_run_id(run_id: Any) -> str:
    """Give a run's name as text; InvalidNameError if it cannot be the name of one folder."""
    text = str(run_id)
    wrong = [mark for mark in ("/", "\\", "\0", "\n") if mark in text]
    if not text.strip() or wrong or len(text.encode()) > 240:
        reason = (
            f"it has {', '.join(map(repr, wrong))}"
            if wrong
            else "it is empty"
            if not text.strip()
            else "it is too long"
        )
        raise InvalidNameError(
            f"{text[:60]!r} cannot be a run id, the name of one folder: {reason}. Use letters, digits, '_', '-', '.'."
        )
    return text


class LogFile:
    """A text file to which lines are appended. Safe in threads and processes.

    The file is open only while a line is written, or between :meth:`hold` and :meth:`let_go`.
    """

    __slots__ = ("_descriptor", "_second", "_stamp", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1
        self._second = -1
        self._stamp = ""

    def write(self, level: str, *messages: str) -> None:
        """Append messages, with the local time to the second."""
        now = int(time.time())
        if now != self._second:
            self._stamp = time.strftime("[%Y-%m-%dT%H:%M:%S] ", time.localtime(now))
            self._second = now
        text = "".join(f"{self._stamp}{level} {message}\n" for message in messages)
        line = text.encode("utf-8", "backslashreplace")
        if self._descriptor >= 0:
            os.write(self._descriptor, line)  # one call: lines of several writers do not mix
            return
        descriptor = self._open()
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        return os.open(self.path, flags, 0o666)

    def hold(self) -> None:
        """Keep the file open, which saves two thirds of the time of a line."""
        if self._descriptor < 0:
            self._descriptor = self._open()

    def let_go(self) -> None:
        """Close the file."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
