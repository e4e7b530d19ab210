"""How does a table of runs stay whole while several processes write to it?"""

from __future__ import annotations

import contextlib
import csv
import importlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pypet_ng.logbook.files import write_text

__all__ = ["Index", "read_rows"]


def _find_flock() -> Any:
    try:
        return importlib.import_module("fcntl")
    except ImportError:  # Windows: one process at a time there
        return None


_FCNTL: Final = _find_flock()


class Index:
    """A CSV file with one row per run. Each call takes a lock; a row costs the same however many there are."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._header: list[str] = []
        self._known: set[str] = set()
        self._inode = self._size = 0

    def enter(self, row: Mapping[str, Any]) -> None:
        """Add the row of a run, or put it in the place of the one that run has (by ``run_id``)."""
        written = {name: _cell(value) for name, value in row.items()}
        with self._locked():
            self._look()
            if not self._header or written["run_id"] in self._known or not self._header_has(written):
                self._rewrite(written)
            else:
                with open(self.path, "a", newline="", encoding="utf-8") as file:
                    file.write(_line([written.get(name, "") for name in self._header]))
                self._known.add(written["run_id"])
            self._remember()

    def _header_has(self, row: Mapping[str, str]) -> bool:
        return row.keys() <= set(self._header)

    def _remember(self) -> None:
        found = os.stat(self.path)
        self._inode, self._size = found.st_ino, found.st_size

    def _look(self) -> None:
        """Learn what others wrote since the last look."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            self._header, self._known, self._inode, self._size = [], set(), 0, 0
            return
        if (found.st_ino, found.st_size) == (self._inode, self._size):
            return
        whole = found.st_ino != self._inode or found.st_size < self._size
        begin = 0 if whole else self._size
        with open(self.path, "rb") as file:
            file.seek(begin)
            data = file.read()
        if data and not data.endswith(b"\n"):  # a writer was killed in the middle of its row
            data = data[: data.rfind(b"\n") + 1]
            os.truncate(self.path, begin + len(data))
        text = data.decode("utf-8")
        lines = list(csv.reader(io.StringIO(text, newline="")))
        if whole:
            self._header, self._known = (lines.pop(0) if lines else []), set()
        place = self._header.index("run_id") if "run_id" in self._header else 0
        self._known.update(line[place] for line in lines if len(line) > place)

    def _rewrite(self, row: Mapping[str, str]) -> None:
        rows = read_rows(self.path)
        header = list(self._header)
        header += [name for name in row if name not in header]
        for place, old in enumerate(rows):
            if old.get("run_id") == row["run_id"]:
                rows[place] = dict(row)
                break
        else:
            rows.append(dict(row))
        lines = [header, *([one.get(name) or "" for name in header] for one in rows)]
        write_text(self.path, "".join(map(_line, lines)), self.path.parent)
        self._header, self._known = header, {one.get("run_id", "") for one in rows}

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self.path.with_name(".index.lock")
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(lock, flags, 0o666)
        try:
            if _FCNTL is not None:
                _FCNTL.flock(descriptor, _FCNTL.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _line(cells: list[str]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return json.dumps(value, default=str)
    return str(value)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Give all rows as text by column; [] if there is no table yet."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return [dict(row) for row in csv.DictReader(file, restkey="more", restval="")]
    except FileNotFoundError:
        return []
