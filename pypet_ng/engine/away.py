"""How does a run on a worker process store and load, while the storage stays at home?

What it stores is noted as it is at that moment and goes home with the run, where it is written with all else
that the run added. What it loads is read from the file, as of the last commit.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Final

from pypet_ng._typing import Path
from pypet_ng.encoding import freeze, thawed
from pypet_ng.errors import DataNotInStorageError, StorageError
from pypet_ng.tree.records import Record, WriteMode

__all__ = ["AwayStorage", "Home"]

_READING: Final = frozenset(
    ["notes", "read_plan", "read_runs", "run_table", "scan", "sessions", "signature_ids", "signatures"]
)
_AT_HOME: Final = frozenset(
    [
        "add_session",
        "append_runs",
        "close",
        "commit",
        "compact",
        "create",
        "delete",
        "mark_runs",
        "remove",
        "rename",
        "select",
        "trajectories",
        "update_info",
        "verify",
        "write_plan",
    ]
)


@dataclass(frozen=True, slots=True)
class Home:
    """Where the trajectory of a job is stored."""

    location: str
    name: str
    stored_runs: int
    auto_load: bool
    """Whether names that are not in memory are read from the file."""


class AwayStorage:
    """The part of a storage service (see :class:`pypet_ng.storage.base.StorageService`) that a run can use.

    Reads as a reader of the file does. StorageError for what only the process at home can do.
    """

    def __init__(self, home: Home) -> None:
        self.location: Final = home.location
        self.name: Final = home.name
        self._reader: Any = None
        self._stored: dict[Path, Record] = {}

    def take(self) -> dict[Path, Record]:
        """Give the leaves that were stored since the last call, with values that nobody changes any more."""
        taken, self._stored = self._stored, {}
        return taken

    # -- storing ------------------------------------------------------------------------------
    def writing(self) -> AbstractContextManager[None]:
        return nullcontext()

    def write(self, records: Iterable[Record], mode: WriteMode = WriteMode.ADD) -> None:
        for record in records:
            skeleton = record.skeleton
            if not skeleton.is_leaf:
                continue  # groups and links stay in the tree until the run ends, and are gathered then
            data = {name: freeze(value) for name, value in record.data.items()}
            known = self._stored.get(skeleton.path)
            if known is not None:
                data = {**known.data, **data} if mode is WriteMode.OVERWRITE else {**data, **known.data}
            self._stored[skeleton.path] = Record(replace(skeleton, items=tuple(data)), data)

    # -- reading ------------------------------------------------------------------------------
    def _opened(self) -> Any:
        if self._reader is None:
            from pypet_ng.storage.hdf5 import HDF5StorageService

            if self.location == ":memory:":
                raise DataNotInStorageError(
                    f"The trajectory {self.name!r} is stored in the memory of another process: a run cannot load "
                    "from there. Load before the runs begin, or keep the trajectory in a file."
                )
            self._reader = HDF5StorageService(self.location)
            self._reader.select(self.name)
        return self._reader

    def has(self, path: Path) -> bool:
        return path in self._stored or bool(self._opened().has(path))

    def read(self, path: Path, items: Iterable[str] | None = None) -> Record:
        known = self._stored.get(path)
        if known is None:
            record: Record = self._opened().read(path, items)
            return record
        wanted = known.data.keys() if items is None else set(items)
        data = {name: thawed(value) for name, value in known.data.items() if name in wanted}
        return Record(known.skeleton, data)

    def reading(self) -> AbstractContextManager[None]:
        context: AbstractContextManager[None] = self._opened().reading()
        return context

    def refresh(self) -> None:
        if self._reader is not None:
            self._reader.refresh()

    def __getattr__(self, name: str) -> Any:
        if name in _READING:
            return getattr(self._opened(), name)
        if name in _AT_HOME:
            raise StorageError(
                f"A run on a worker process cannot {name.replace('_', ' ')} in {self.location}: only the process that "
                "called env.run can"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
