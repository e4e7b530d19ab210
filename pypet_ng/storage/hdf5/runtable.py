"""How are states, times and failures of the runs kept?

One packed column each in ``overview/runs``. Hosts and failures are numbers there that count the lines
of a text and the rows of a column of texts, from 1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from h5py import h5g

from pypet_ng._typing import Array, Rows
from pypet_ng.errors import BrokenFileError
from pypet_ng.storage.hdf5.attributes import Id
from pypet_ng.storage.hdf5.itemcolumn import ItemColumn
from pypet_ng.storage.hdf5.leaves import ORDERED, ordered
from pypet_ng.storage.hdf5.rows import RowSet, resolve
from pypet_ng.storage.hdf5.trust import open_group
from pypet_ng.storage.hdf5.vectors import Lines, Vector, chunk_of_rows, exists
from pypet_ng.tree.records import Failure, RunState, RunStates

__all__ = ["HDF5RunTable", "RunColumns"]

_DTYPES: Final[dict[str, np.dtype[Any]]] = {
    "state": np.dtype("u1"),
    "nonfinite": np.dtype("u1"),
    "session": np.dtype("<u4"),
    "start": np.dtype("<f8"),
    "finish": np.dtype("<f8"),
    "attempt": np.dtype("<u2"),
    "host": np.dtype("<u2"),
    "error": np.dtype("<i4"),
}
_GIVEN: Final = ("state", "nonfinite", "start", "finish", "attempt")
_FAILED: Final = (int(RunState.FAILED), int(RunState.LOST), int(RunState.TIMED_OUT))
_ERRORS: Final = b"errors"
_HOSTS: Final = b"hosts"


class RunColumns:
    """The columns of the run table of an open trajectory."""

    def __init__(self, overview: Id, planned: int, compress: str | None) -> None:
        self._overview = overview
        self._group: Id | None = open_group(overview, b"runs") if exists(overview, b"runs") else None
        self._vectors: dict[str, Vector] = {}
        self._hosts: list[str] | None = None
        self._errors: ItemColumn | None = None
        self._numbers: dict[str, int] = {}
        self._compress = compress
        self.planned = planned

    # -- writing ------------------------------------------------------------------------------
    def _made(self, name: str) -> Vector:
        vector = self._vector(name)
        if vector is None:
            if self._group is None:
                self._group = h5g.create(self._overview, b"runs", gcpl=ORDERED)
            dtype = _DTYPES[name]
            chunk = chunk_of_rows((), dtype.itemsize, self.planned, 1)
            vector = Vector.create(self._group, name.encode(), dtype, chunk=chunk, compress=self._compress)
            self._vectors[name] = vector
        return vector

    def _vector(self, name: str) -> Vector | None:
        vector = self._vectors.get(name)
        if vector is None and self._group is not None:
            vector = Vector.open(self._group, name.encode(), _DTYPES[name])
            if vector is not None:
                self._vectors[name] = vector
        return vector

    def write(self, states: RunStates) -> None:
        """Write the columns of some runs."""
        if not len(states.rows):
            return
        rows, picks = ordered(states.rows)
        for name in _GIVEN:
            values = np.asarray(getattr(states, name))
            self._made(name).write(rows, values if picks is None else values[picks], self.planned)
        self._made("session").fill(rows, states.session, self.planned)
        self._made("host").fill(rows, self._host(states.host), self.planned)

    def _host(self, host: str) -> int:
        if not host:
            return 0
        if self._hosts is None:
            self._hosts = self.hosts()
        if host not in self._hosts:
            self._made("host")
            Lines(self._group, _HOSTS).append([host])
            self._hosts.append(host)
        return self._hosts.index(host) + 1

    def write_failures(self, failures: Sequence[Failure]) -> None:
        """Write the failures of some runs, and their states."""
        if not failures:
            return
        last = {failure.row: failure for failure in failures}
        rows = np.array(sorted(last), np.int64)
        texts = []
        for row in rows.tolist():
            one = last[row]
            texts.append(json.dumps([one.type, one.message, one.traceback, one.attempt, int(one.state)]))
        new = [text for text in dict.fromkeys(texts) if text not in self._numbers]
        self._made("error")
        column = self._error_column()
        if column is None:
            column = self._errors = ItemColumn.create(self._group, _ERRORS, 1, self._compress)
        first = column.length
        if new:
            column.write(RowSet(first, first + len(new)), new, 0)
            if len(self._numbers) > 10_000:
                self._numbers.clear()
            self._numbers.update({text: first + place + 1 for place, text in enumerate(new)})
        chosen = RowSet.of(rows)
        numbers = np.array([self._numbers[text] for text in texts], _DTYPES["error"])
        self._made("error").write(chosen, numbers, self.planned)
        states = np.array([int(last[row].state) for row in rows.tolist()], _DTYPES["state"])
        self._made("state").write(chosen, states, self.planned)

    def mark(self, rows: npt.NDArray[np.int64], state: int) -> None:
        """Set the state of runs."""
        if len(rows):
            chosen, _ = ordered(rows)
            self._made("state").fill(chosen, int(state), self.planned)

    # -- reading ------------------------------------------------------------------------------
    def _error_column(self) -> ItemColumn | None:
        if self._errors is None and self._group is not None:
            self._errors = ItemColumn.open(self._group, _ERRORS, self._compress)
        return self._errors

    def hosts(self) -> list[str]:
        """Give the names of the hosts, number 1 first."""
        return [] if self._group is None else [str(host) for host in Lines(self._group, _HOSTS).read()]

    def read(self, name: str, rows: RowSet) -> Array:
        """Give a column, zeros where nothing is known."""
        vector = self._vector(name)
        if vector is None:
            return np.zeros(rows.size, _DTYPES[name])
        values = vector.read(rows)
        if values.dtype.kind == "f":
            values[np.isnan(values)] = 0.0  # rows that were skipped hold the fill value
        return values

    def failures(self, rows: RowSet) -> list[Failure]:
        """Give the last failure of each run that is failed, lost or timed out."""
        states = self.read("state", rows)
        numbers = self.read("error", rows)
        chosen = np.flatnonzero(np.isin(states, _FAILED) & (numbers > 0))
        column = self._error_column()
        if not chosen.size or column is None:
            return []
        distinct, places = np.unique(numbers[chosen], return_inverse=True)
        texts = column.values(RowSet.of(distinct.astype(np.int64) - 1))
        found = []
        for row, place in zip(rows.array[chosen].tolist(), places.tolist(), strict=True):
            kind, message, traceback, attempt, state = json.loads(texts[place])
            found.append(Failure(row, kind, message, traceback, attempt, RunState(state)))
        return found

    def problems(self, runs: int) -> list[str]:
        """List what is wrong with the run table."""
        found = []
        rows = RowSet(0, runs)
        states = self.read("state", rows)
        unknown = np.flatnonzero(states > max(RunState))
        if unknown.size:
            found.append(f"run table: run {unknown[0]} has the unknown state {states[unknown[0]]}")
        hosts = self.read("host", rows)
        if hosts.size and int(hosts.max()) > len(self.hosts()):
            found.append(f"run table: a run ran on host {int(hosts.max())} of {len(self.hosts())}")
        errors, column = self.read("error", rows), self._error_column()
        there = 0 if column is None else column.length
        if errors.size and int(errors.max()) > there:
            found.append(f"run table: a run has failure {int(errors.max())} of {there}")
        return found


class HDF5RunTable:
    """States and times of the runs, read where asked."""

    def __init__(self, opened: Callable[[], AbstractContextManager[Any]], length: Callable[[], int]) -> None:
        self._opened = opened
        self._length = length

    def __len__(self) -> int:
        return self._length()

    def _read(self, read: Callable[[RunColumns, RowSet], Any], rows: Rows) -> tuple[Any, Array | None]:
        chosen, places = resolve(rows, len(self))
        with self._opened() as trajectory:
            return read(trajectory.table, chosen), places

    def column(self, name: str, rows: Rows = slice(None)) -> Array:
        if name not in _DTYPES or name in ("host", "error"):
            names = ", ".join(key for key in _DTYPES if key not in ("host", "error"))
            raise KeyError(f"the run table has no column {name!r}, only {names}")
        values, places = self._read(lambda table, chosen: table.read(name, chosen), rows)
        found: Array = values if places is None else values[places]
        return found

    def hosts(self, rows: Rows = slice(None)) -> list[str]:
        (numbers, names), places = self._read(
            lambda table, chosen: (table.read("host", chosen), ["", *table.hosts()]), rows
        )
        if numbers.size and int(numbers.max()) >= len(names):
            raise BrokenFileError(
                f"run table: a run ran on host {int(numbers.max())} of {len(names) - 1}. Restore a copy of the file"
            )
        return [names[number] for number in (numbers if places is None else numbers[places]).tolist()]

    def failures(self, rows: Rows = slice(None)) -> list[Failure]:
        found: list[Failure]
        found, places = self._read(lambda table, chosen: table.failures(chosen), rows)
        if places is None:
            return found
        chosen, _ = resolve(rows, len(self))
        by_row = {failure.row: failure for failure in found}
        asked = chosen.array[places].tolist()
        return [by_row[row] for row in asked if row in by_row]
