"""How does one HDF5 file serve as storage? (This module only opens, remembers and delegates.)"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pypet_ng import encoding
from pypet_ng._typing import Path, Rows
from pypet_ng.errors import DataNotInStorageError, StorageError, near_names
from pypet_ng.spaces.columns import Column
from pypet_ng.spaces.plan import Plan
from pypet_ng.storage.base import RETURNED
from pypet_ng.storage.hdf5 import care
from pypet_ng.storage.hdf5.catalog import Catalog
from pypet_ng.storage.hdf5.file import StorageFile, load_filters
from pypet_ng.storage.hdf5.index import NodeIndex
from pypet_ng.storage.hdf5.itemcolumn import ItemColumn
from pypet_ng.storage.hdf5.opened import OpenTrajectory
from pypet_ng.storage.hdf5.rows import resolve
from pypet_ng.storage.hdf5.runcolumn import HDF5RunColumn
from pypet_ng.storage.hdf5.runtable import HDF5RunTable
from pypet_ng.storage.hdf5.trust import expect, translated
from pypet_ng.storage.hdf5.vectors import Lines
from pypet_ng.tree.records import Batch, Note, Record, Signature, Skeleton, TrajectoryInfo, WriteMode

__all__ = ["HDF5StorageService"]

_COMPRESS: Final = (None, "portable", "fast")
_DURABILITY: Final = ("fsync", "os", "none")
_WAITING: Final = 64 << 20
"""Bytes that may wait for a commit: as long they are in memory, or lost if this process dies."""


class HDF5StorageService:
    """Keeps trajectories in one HDF5 file. See :class:`pypet_ng.storage.base.StorageService`.

    Every reading call opens the file and closes it again (about 0.4 ms); inside :meth:`writing` one
    handle is used for everything. Readers see what was committed last, also while another process writes
    (with its durability ``'none'`` they get FileBusyError after having tried for two seconds), and never hold
    a writer up. A commit is made when :meth:`writing` ends, by :meth:`commit`, and when 64 MiB wait.
    """

    def __init__(
        self,
        filename: str,
        overwrite_file: bool = False,
        compress: str | None = None,
        file_title: str = "",
        durability: str = "fsync",
        apply_at_end: bool | None = None,
    ) -> None:
        """Touch nothing yet: the first :meth:`create` makes the file, and its folders.

        With `overwrite_file` it then replaces one that is there, unless :meth:`begin_anew` removed it before. `compress`: None, ``'portable'``
        (gzip and shuffle, every reader knows them) or ``'fast'`` (blosc2, needs hdf5plugin).

        `durability`: what is committed outlives a killed process and a power cut (``'fsync'``), a killed
        process only (``'os'``), or nothing is promised (``'none'``: HDF5 writes in place, nothing can be read
        meanwhile, and a killed process leaves a file that does not open). `apply_at_end`: leave the file itself
        alone until the end of writing, with all changes in the journal; None: on network file systems.
        """
        if compress not in _COMPRESS:
            raise ValueError(
                f"compress={compress!r} is unknown: use one of {', '.join(map(repr, _COMPRESS))}"
            )
        if durability not in _DURABILITY:
            raise ValueError(
                f"durability={durability!r} is unknown: use one of {', '.join(map(repr, _DURABILITY))}"
            )
        if compress == "fast":
            load_filters()
        self._file = StorageFile(
            # Runs may change the folder they are in, and two names of one file must not have two journals.
            os.path.realpath(filename),
            compress=compress,
            title=file_title,
            durability=durability,
            apply_at_end=apply_at_end,
        )
        self._overwrite = overwrite_file
        self._name: str | None = None
        self._depth = 0
        self._session: dict[str, OpenTrajectory] = {}
        self._index: NodeIndex | None = None
        self._runs: int | None = None
        self._plan: Plan | None = None

    def __repr__(self) -> str:
        return f"<HDF5StorageService of {self.location!r}, trajectory {self._name!r}>"

    @property
    def name(self) -> str | None:
        return self._name

    @property
    def location(self) -> str:
        return self._file.name

    @property
    def filename(self) -> str:
        """The location, by pypet's name."""
        return self._file.name

    def begin_anew(self) -> None:
        """Remove at once what `overwrite_file` allows to replace; without it, or the second time, do nothing.

        What others store in the file between now and the first :meth:`create` is then not replaced.
        FileBusyError if somebody has the file open; BrokenFileError if it is no file of ours.
        """
        if self._overwrite and self._file.exists():
            with translated(self.location):
                self._file.remove()
            self._forget()
        self._overwrite = False

    # -- opening ------------------------------------------------------------------------------
    def _chosen(self) -> str:
        if self._name is None:
            raise StorageError(f"no trajectory of {self.location!r} is chosen: call create or select first")
        return self._name

    @contextlib.contextmanager
    def _opened(self, name: str | None = None) -> Iterator[OpenTrajectory]:
        """Open the selected trajectory (or another) for one call, or give the session's."""
        name = self._chosen() if name is None else name
        if self._depth:
            with translated(self.location):
                yield self._of_session(name)
            return
        with translated(self.location), self._file.reading() as handle:
            group = Catalog(handle, self.location).find(name)
            trajectory = OpenTrajectory(handle, name, group, self._index if name == self._name else None)
            if self._runs is not None and name == self._name:
                trajectory.__dict__["runs"] = self._runs
            yield trajectory
            self._remember(trajectory)

    def _of_session(self, name: str) -> OpenTrajectory:
        trajectory = self._session.get(name)
        if trajectory is None:
            handle = self._file.write_handle()
            group = Catalog(handle, self.location).find(name)
            trajectory = OpenTrajectory(handle, name, group, self._index if name == self._name else None)
            self._session[name] = trajectory
            if name == self._name:
                self._runs = trajectory.runs
        return trajectory

    def _remember(self, trajectory: OpenTrajectory) -> None:
        """Keep what was read, for the next calls until refresh()."""
        if trajectory.name == self._name:
            known = trajectory.__dict__
            self._index = known.get("index", self._index)
            self._runs = known.get("runs", self._runs)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[OpenTrajectory]:
        name = self._chosen()
        with self.writing():
            yield self._of_session(name)
            self._file.check()
            if self._file.waiting >= _WAITING:
                self.commit()

    @contextlib.contextmanager
    def _catalog(self) -> Iterator[Catalog]:
        if self._depth:
            yield Catalog(self._file.write_handle(), self.location)
            return
        with translated(self.location), self._file.reading() as handle:
            yield Catalog(handle, self.location)

    def _forget(self) -> None:
        self._index = None
        self._runs = None
        self._plan = None

    # -- trajectories -------------------------------------------------------------------------
    def trajectories(self) -> Sequence[TrajectoryInfo]:
        if self._overwrite or not self._file.exists():  # what create will replace does not count
            return []
        with self._catalog() as catalog:
            return catalog.infos()

    def create(self, info: TrajectoryInfo) -> None:
        with self.writing():
            if self._overwrite or not self._file.exists():
                self._session.clear()
                self._file.create()
                self._overwrite = False
            with self._catalog() as catalog:
                catalog.create(info)
            self._name = info.name
            self._forget()
            # The root's entry makes the index valid from the start.
            trajectory = self._of_session(info.name)
            trajectory.nodes.touch()
            trajectory.index.put(Skeleton((), trajectory.index.nodes[()].kind))

    def select(self, name: str) -> TrajectoryInfo:
        with self._catalog() as catalog:
            info = catalog.info(name)
        self._name = name
        self._forget()
        return info

    def update_info(self, info: TrajectoryInfo) -> None:
        name = self._chosen()
        with self.writing(), self._catalog() as catalog:
            catalog.update(info, name)

    def rename(self, new_name: str) -> None:
        with self._changing() as trajectory, self._catalog() as catalog:
            old = trajectory.name
            catalog.rename(old, new_name)
            trajectory.name = new_name
            trajectory.nodes.relink(new_name)
            self._session[new_name] = self._session.pop(old)
            self._name = new_name

    def remove(self, name: str) -> None:
        with self.writing(), self._catalog() as catalog:
            catalog.remove(name)
            self._session.pop(name, None)
            if name == self._name:
                self._name = None
                self._forget()

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        if self._depth or not self._file.exists():
            yield
            return
        with translated(self.location), self._file.reading():
            yield

    # -- sessions of writing ------------------------------------------------------------------
    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        if not self._depth and self._file.exists():
            self._file.take_lease()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                self._end()

    def _end(self) -> None:
        try:
            if self._file.is_lost:  # what was remembered of it is no more true
                self._forget()
            else:
                for trajectory in self._session.values():
                    trajectory.save()
                    self._remember(trajectory)
        finally:
            self._session.clear()
            self._file.end()

    def commit(self) -> None:
        if self._depth and self._file.is_writing:
            self._file.check()
            for trajectory in self._session.values():
                trajectory.save()
            self._file.commit()

    def refresh(self) -> None:
        if not self._depth:
            self._forget()

    def close(self) -> None:
        """Forget what was cached. The file is open only during calls and inside :meth:`writing`."""
        self.refresh()

    # -- nodes --------------------------------------------------------------------------------
    def write(self, records: Iterable[Record], mode: WriteMode = WriteMode.ADD) -> None:
        with self._changing() as trajectory:
            trajectory.write(records, mode)

    def read(self, path: Path, items: Iterable[str] | None = None) -> Record:
        with self._opened() as trajectory:
            return trajectory.read(path, items)

    def scan(self, below: Path = (), depth: int | None = None) -> Iterator[Skeleton]:
        with self._opened() as trajectory:
            return iter(list(trajectory.scan(below, depth)))

    def has(self, path: Path) -> bool:
        if self._index is not None and path in self._index.nodes:
            return True
        with self._opened() as trajectory:
            return trajectory.has(path)

    def delete(self, path: Path, items: Iterable[str] | None = None) -> None:
        with self._changing() as trajectory:
            trajectory.delete(path, items)
            self._plan = None

    # -- runs ---------------------------------------------------------------------------------
    def _length(self) -> int:
        if self._runs is None:
            with self._opened() as trajectory:
                self._runs = trajectory.runs
        return self._runs

    def append_runs(self, batch: Batch) -> None:
        with self._changing() as trajectory:
            trajectory.append(batch)

    def signatures(self) -> Mapping[Path, Sequence[Signature]]:
        with self._opened() as trajectory:
            return {path: list(known) for path, known in trajectory.leaves.signatures().items()}

    def signature_ids(self, path: Path, rows: Rows = slice(None)) -> npt.NDArray[np.uint16]:
        chosen, places = resolve(rows, self._length())
        with self._opened() as trajectory:
            if path not in trajectory.leaves.signatures():
                raise self._no_column(trajectory, path)
            ids = trajectory.leaves.ids(path, chosen)
        return ids if places is None else ids[places]

    def read_runs(self, path: Path, item: str) -> HDF5RunColumn:
        name = self._chosen()
        with self._opened() as trajectory:
            self._column(trajectory, path, item)

        @contextlib.contextmanager
        def opened() -> Iterator[ItemColumn]:
            with self._opened(self._name if name == self._name else name) as trajectory:
                yield self._column(trajectory, path, item)

        return HDF5RunColumn(opened, self._length, self.reading)

    def _column(self, trajectory: OpenTrajectory, path: Path, item: str) -> ItemColumn:
        if path == RETURNED:
            returned = trajectory.returned()
            if returned is None or item:
                raise DataNotInStorageError(
                    f"no returned value of trajectory {trajectory.name!r} is kept in {self.location!r}"
                    + (f"; their item is '', not {item!r}" if item else "")
                )
            return returned
        known = trajectory.leaves.signatures().get(path)
        if known is None:
            raise self._no_column(trajectory, path)
        column = trajectory.leaves.column(path, item)
        if column is None:
            items = sorted({name for signature in known for name in signature.items})
            raise DataNotInStorageError(
                f"no run of trajectory {trajectory.name!r} in {self.location!r} wrote an item {item!r} of "
                f"{'.'.join(path)!r}.{near_names(item, items)}"
            )
        return column

    def _no_column(self, trajectory: OpenTrajectory, path: Path) -> DataNotInStorageError:
        dotted = ".".join(path)
        hint = near_names(dotted, map(".".join, trajectory.leaves.signatures()))
        return DataNotInStorageError(
            f"no run of trajectory {trajectory.name!r} in {self.location!r} wrote {dotted!r}.{hint}"
        )

    def notes(self) -> Sequence[Note]:
        with self._opened() as trajectory:
            # Those of runs that the plan has not (any more) are nobody's.
            return [note for note in trajectory.notes.read() if note.row < trajectory.runs]

    def run_table(self) -> HDF5RunTable:
        return HDF5RunTable(self._opened, self._length)

    def mark_runs(self, rows: npt.NDArray[np.int64], state: int) -> None:
        with self._changing() as trajectory:
            chosen, _ = resolve(rows, trajectory.runs)
            trajectory.table.mark(chosen.array, state)

    # -- plan and sessions --------------------------------------------------------------------
    def write_plan(self, plan: Plan) -> None:
        with self._changing() as trajectory:
            stored = self._plan
            if stored is None:
                stored = trajectory.plan.read()
            self._plan = None
            if stored.is_explored and plan.starts_with(stored, encoding.same):
                if len(plan) > len(stored) or plan.names != stored.names:
                    trajectory.plan.append(plan, len(stored))
            elif stored.is_explored or plan.is_explored:
                trajectory.plan.replace(plan)
            trajectory.set_runs(len(plan))
            self._runs = len(plan)
            # Values that can change under our hands are not to be compared with later ones.
            if all(plan.column(path).array(slice(0, 1)) is not None for path in plan.names):
                self._plan = plan

    def read_plan(self) -> Plan:
        with self._opened() as trajectory:
            return trajectory.plan.read(partial(self._plan_column, self._chosen()))

    def _plan_column(self, name: str, path: Path) -> Column:
        with self._opened(name) as trajectory:
            return trajectory.plan.column(path)

    def add_session(self, facts: Mapping[str, Any]) -> int:
        with self._changing() as trajectory:
            lines = Lines(trajectory.overview, b"sessions")
            lines.append([dict(facts)])
            return len(lines.read())

    def sessions(self) -> Sequence[Mapping[str, Any]]:
        with self._opened() as trajectory:
            return [
                expect(facts, dict, "a line of the sessions")
                for facts in Lines(trajectory.overview, b"sessions").read()
            ]

    # -- care ---------------------------------------------------------------------------------
    def verify(self) -> Sequence[str]:
        with self._opened() as trajectory:
            return care.problems(trajectory)

    def compact(self) -> None:
        with self.writing():
            self.commit()
            self._session.clear()
            self._file.rewrite(care.copy_live)
            self._forget()
