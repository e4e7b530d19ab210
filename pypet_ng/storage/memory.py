"""How are trajectories kept without a file?"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array, Path, Rows
from pypet_ng.errors import (
    DataNotInStorageError,
    FileBusyError,
    NameTakenError,
    StorageError,
    TrajectoryNotFoundError,
    near_names,
)
from pypet_ng.spaces.columns import positions
from pypet_ng.spaces.plan import Plan
from pypet_ng.storage.base import NOT_SET, RETURNED
from pypet_ng.storage.memory_data import RunRow, StoredTrajectory, frozen, given, thawed
from pypet_ng.tree.records import (
    Batch,
    Failure,
    Note,
    Record,
    RunState,
    Signature,
    Skeleton,
    TrajectoryInfo,
    WriteMode,
)

__all__ = ["MemoryRunColumn", "MemoryRunTable", "MemoryStorageService", "MemoryStore"]

_COLUMNS: Mapping[str, type[np.generic]] = {
    "state": np.uint8,
    "start": np.float64,
    "finish": np.float64,
    "attempt": np.uint16,
    "nonfinite": np.uint8,
    "session": np.uint32,
}


class MemoryStore:
    """The data that several services of one process may share."""

    def __init__(self) -> None:
        self.trajectories: dict[str, StoredTrajectory] = {}
        self.writer: MemoryStorageService | None = None
        self.since = 0.0


class MemoryStorageService:
    """Keeps trajectories in memory, for tests and for sweeps that need no file.

    A second service on the same data: ``MemoryStorageService(store=service.store)``. What is
    written is seen by it at once.
    """

    def __init__(
        self,
        filename: str = ":memory:",
        overwrite_file: bool = False,
        *,
        store: MemoryStore | None = None,
        **_options: object,
    ) -> None:
        """Make a store, or share one; options that concern files (`compress`, ...) do nothing."""
        self._filename = filename
        self._overwrite = overwrite_file
        self.store = MemoryStore() if store is None else store
        self._selected: StoredTrajectory | None = None
        self._depth = 0

    def __repr__(self) -> str:
        return f"<MemoryStorageService of {list(self.store.trajectories)}>"

    @property
    def name(self) -> str | None:
        return None if self._selected is None else self._selected.info.name

    @property
    def location(self) -> str:
        return self._filename

    def begin_anew(self) -> None:
        """Forget at once what `overwrite_file` allows to replace; without it, or the second time, do nothing."""
        if self._overwrite:
            self.store.trajectories.clear()
        self._overwrite = False

    @property
    def _data(self) -> StoredTrajectory:
        if self._selected is None:
            raise StorageError(f"no trajectory of {self.location} is chosen: call create or select first")
        return self._selected

    # -- trajectories -------------------------------------------------------------------------
    def trajectories(self) -> Sequence[TrajectoryInfo]:
        if self._overwrite:  # what create will replace does not count
            return []
        return [data.info for data in self.store.trajectories.values()]

    def create(self, info: TrajectoryInfo) -> None:
        with self.writing():
            self.begin_anew()
            self._refuse_taken(info.name)
            facts = json.loads(json.dumps(dict(info.facts)))
            self._selected = StoredTrajectory(replace(info, facts=facts, length=1))
            self.store.trajectories[info.name] = self._selected

    def _refuse_taken(self, name: str) -> None:
        if name in self.store.trajectories:
            raise NameTakenError(
                f"{self.location} has a trajectory {name!r} already. Use another name, load it, or remove it"
            )

    def _find(self, name: str) -> StoredTrajectory:
        if name not in self.store.trajectories:
            there = ", ".join(map(repr, self.store.trajectories)) or "none"
            raise TrajectoryNotFoundError(
                f"{self.location} has no trajectory {name!r}; there are: {there}."
                + near_names(name, self.store.trajectories)
            )
        return self.store.trajectories[name]

    def select(self, name: str) -> TrajectoryInfo:
        self._selected = self._find(name)
        return self._selected.info

    def update_info(self, info: TrajectoryInfo) -> None:
        with self.writing():
            facts = json.loads(json.dumps(dict(info.facts)))
            self._data.info = replace(self._data.info, comment=info.comment, facts=facts)

    def rename(self, new_name: str) -> None:
        with self.writing():
            data = self._data
            self._refuse_taken(new_name)
            data.info = replace(data.info, name=new_name)
            everything = list(self.store.trajectories.values())
            self.store.trajectories.clear()
            self.store.trajectories.update({one.info.name: one for one in everything})

    def remove(self, name: str) -> None:
        with self.writing():
            if self._find(name) is self._selected:
                self._selected = None
            del self.store.trajectories[name]

    def reading(self) -> AbstractContextManager[None]:
        return nullcontext()

    # -- sessions of writing ------------------------------------------------------------------
    @contextmanager
    def writing(self) -> Iterator[None]:
        store = self.store
        if store.writer is not None and store.writer is not self:
            since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(store.since))
            raise FileBusyError(
                f"another service of this process has been writing to {self.location} since {since}. "
                "Wait until it is done"
            )
        if store.writer is None:
            store.writer, store.since = self, time.time()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                store.writer = None

    def commit(self) -> None:
        """Do nothing: what was written is there."""

    def refresh(self) -> None:
        """Do nothing: nothing is cached."""

    def close(self) -> None:
        """Do nothing: nothing is open."""

    # -- nodes --------------------------------------------------------------------------------
    def write(self, records: Iterable[Record], mode: WriteMode = WriteMode.ADD) -> None:
        with self.writing():
            data = self._data
            for record in records:
                data.write(record, mode)

    def read(self, path: Path, items: Iterable[str] | None = None) -> Record:
        return self._data.read(path, items)

    def scan(self, below: Path = (), depth: int | None = None) -> Iterator[Skeleton]:
        return self._data.scan(below, depth)

    def has(self, path: Path) -> bool:
        return self._data.has(path)

    def delete(self, path: Path, items: Iterable[str] | None = None) -> None:
        with self.writing():
            self._data.delete(path, items)

    # -- runs ---------------------------------------------------------------------------------
    def append_runs(self, batch: Batch) -> None:
        with self.writing():
            self._data.append(batch)

    def signatures(self) -> Mapping[Path, Sequence[Signature]]:
        return {path: list(known) for path, known in self._data.signatures.items()}

    def signature_ids(self, path: Path, rows: Rows = slice(None)) -> npt.NDArray[np.uint16]:
        data = self._data
        if path not in data.signatures:
            raise self._no_column(path, near_names(".".join(path), map(".".join, data.signatures)))
        ids = np.zeros(len(data.plan), dtype=np.uint16)
        for row, leaf in data.leaves[path].items():
            if row < len(ids):
                ids[row] = data.signatures[path].index(leaf.signature) + 1
        return ids[rows]

    def read_runs(self, path: Path, item: str) -> MemoryRunColumn:
        data = self._data
        if path == RETURNED:
            if item or not data.returned:
                raise self._no_column(path, " No returned value is kept.")
            return MemoryRunColumn(data, path, item)
        leaves = data.leaves.get(path)
        if leaves is None:
            raise self._no_column(path, near_names(".".join(path), map(".".join, data.leaves)))
        items = {name for leaf in leaves.values() for name in leaf.items}
        if item not in items:
            raise self._no_column((*path, item), near_names(item, items))
        return MemoryRunColumn(data, path, item)

    def _no_column(self, path: Path, tail: str) -> DataNotInStorageError:
        return DataNotInStorageError(
            f"no run of trajectory {self.name!r} in {self.location} wrote {'.'.join(path)!r}.{tail}"
        )

    def notes(self) -> Sequence[Note]:
        return [
            Note(row, path, kind, key, given(value))
            for row, notes in sorted(self._data.notes.items())
            for (path, kind, key), value in notes.items()
        ]

    def run_table(self) -> MemoryRunTable:
        return MemoryRunTable(self._data)

    def mark_runs(self, rows: npt.NDArray[np.int64], state: int) -> None:
        with self.writing():
            for row in positions(rows, len(self._data.plan)).tolist():
                self._data.runs.setdefault(row, RunRow()).state = int(state)

    # -- plan and sessions --------------------------------------------------------------------
    def write_plan(self, plan: Plan) -> None:
        with self.writing():
            data = self._data
            data.plan = Plan({path: frozen(plan.column(path)) for path in plan.names})
            data.info = replace(data.info, length=len(plan))

    def read_plan(self) -> Plan:
        plan = self._data.plan
        return Plan({path: thawed(plan.column(path)) for path in plan.names})

    def add_session(self, facts: Mapping[str, Any]) -> int:
        with self.writing():
            sessions = self._data.sessions
            sessions.append(json.dumps(dict(facts)))
            return len(sessions)

    def sessions(self) -> Sequence[Mapping[str, Any]]:
        return [json.loads(facts) for facts in self._data.sessions]

    # -- care ---------------------------------------------------------------------------------
    def verify(self) -> Sequence[str]:
        return []

    def compact(self) -> None:
        """Do nothing: deleted data are gone."""


class MemoryRunColumn:
    """One item of one folded result over all runs, looked up where asked."""

    def __init__(self, data: StoredTrajectory, path: Path, item: str) -> None:
        self._data = data
        self._path = path
        self._item = item

    def __len__(self) -> int:
        return len(self._data.plan)

    def at_once(self) -> AbstractContextManager[None]:
        return nullcontext()

    def _kept(self, row: int) -> Any:
        if self._path == RETURNED:
            return self._data.returned.get(row, NOT_SET)
        leaf = self._data.leaves.get(self._path, {}).get(row)
        return NOT_SET if leaf is None else leaf.items.get(self._item, NOT_SET)

    def _given(self, rows: Rows) -> list[Any]:
        return [given(self._kept(row)) for row in positions(rows, len(self)).tolist()]

    @property
    def dtype(self) -> np.dtype[Any] | None:
        return _common_dtype([value for value in self._given(slice(None)) if value is not NOT_SET])

    def mask(self, rows: Rows = slice(None)) -> npt.NDArray[np.bool_]:
        places = positions(rows, len(self)).tolist()
        return np.array([self._kept(row) is NOT_SET for row in places], dtype=np.bool_)

    def values(self, rows: Rows = slice(None)) -> list[Any]:
        return self._given(rows)

    def array(self, rows: Rows = slice(None)) -> Array | None:
        every = self._given(slice(None))
        are_set = [value for value in every if value is not NOT_SET]
        dtype = _common_dtype(are_set)
        if dtype is None:
            return None
        gap = np.full(np.shape(are_set[0]), np.nan if dtype.kind in "fc" else 0, dtype=dtype)
        return np.array([gap if value is NOT_SET else value for value in every], dtype=dtype)[rows]


def _common_dtype(values: list[Any]) -> np.dtype[Any] | None:
    """Give what numbers or arrays of numbers of one shape promote to, None for anything else."""
    types = set(map(type, values))
    if int in types and any(type(value) is int and not -(2**63) <= value < 2**63 for value in values):
        return None
    if types <= {bool, int, float, complex}:
        return (
            np.result_type(*(np.dtype(np.int64 if one is int else one) for one in types)) if types else None
        )
    if not all(
        one is np.ndarray or one in (bool, int, float, complex) or issubclass(one, np.generic)
        for one in types
    ):
        return None
    arrays = [np.asarray(value) for value in values]
    if len({array.shape for array in arrays}) > 1 or any(array.dtype.kind not in "biufc" for array in arrays):
        return None
    return np.result_type(*{array.dtype for array in arrays})


class MemoryRunTable:
    """States and times of the runs."""

    def __init__(self, data: StoredTrajectory) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data.plan)

    def _rows(self, rows: Rows) -> list[RunRow]:
        nothing = RunRow()
        return [self._data.runs.get(row, nothing) for row in positions(rows, len(self)).tolist()]

    def column(self, name: str, rows: Rows = slice(None)) -> Array:
        if name not in _COLUMNS:
            raise KeyError(f"the run table has no column {name!r}, only {', '.join(_COLUMNS)}")
        return np.array([getattr(row, name) for row in self._rows(rows)], dtype=_COLUMNS[name])

    def hosts(self, rows: Rows = slice(None)) -> list[str]:
        return [row.host for row in self._rows(rows)]

    def failures(self, rows: Rows = slice(None)) -> list[Failure]:
        failed = (RunState.FAILED, RunState.LOST, RunState.TIMED_OUT)
        return [
            self._data.failures[row]
            for row in positions(rows, len(self)).tolist()
            if row in self._data.failures and self._data.runs.get(row, RunRow()).state in failed
        ]
