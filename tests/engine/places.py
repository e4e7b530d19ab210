"""Where do the engine's tests keep trajectories, and how do they come back to them?"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pypet_ng import Environment, HDF5StorageService, MemoryStorageService, Trajectory, load_trajectory
from pypet_ng.runners import SerialRunner
from pypet_ng.runners.base import Job
from pypet_ng.storage.base import StorageService
from pypet_ng.storage.memory import MemoryStore
from pypet_ng.tree.records import Batch, Chunk

__all__ = ["Calls", "Place", "ScatteredRunner"]


class Place:
    """One file, or one memory store. Each call makes new objects, as a new process would."""

    def __init__(self, kind: str, folder: pathlib.Path) -> None:
        self.kind = kind
        self.folder = folder
        self.filename = str(folder / "kept.hdf5")
        self._store = MemoryStore()

    def service(self, *, overwrite_file: bool = False) -> StorageService:
        """Give a new service on the data."""
        if self.kind == "memory":
            return MemoryStorageService(overwrite_file=overwrite_file, store=self._store)
        return HDF5StorageService(self.filename, overwrite_file=overwrite_file)

    def env(
        self, trajectory: str | Trajectory = "traj", *, overwrite_file: bool = False, **options: Any
    ) -> Any:
        """Give a new environment on the data. Tests give other functions to go on with: that is meant."""
        options.setdefault("on_change", "keep")
        service = self.service(overwrite_file=overwrite_file)
        return Environment(trajectory=trajectory, storage_service=service, **options)

    def load(self, name: str = "traj", **options: Any) -> Any:
        """Load a trajectory from the data."""
        return load_trajectory(name=name, storage_service=self.service(), **options)

    def column(self, path: str, item: str | None = None, name: str = "traj") -> list[Any]:
        """Give the stored values of one item over all runs."""
        service = self.service()
        service.select(name)
        way = tuple(path.split("."))
        return service.read_runs(way, way[-1] if item is None else item).values()

    def check(self, name: str = "traj") -> None:
        """Raise if what is stored is not sound."""
        service = self.service()
        service.select(name)
        assert list(service.verify()) == []


class ScatteredRunner:
    """Does each run as a chunk of its own, in any order, and gives the batches in any order."""

    name = "scattered"

    def __init__(
        self, runs: Callable[[list[int]], Iterable[int]] = list, batches: Callable[[list[Batch]], Any] = list
    ) -> None:
        self._runs = runs
        self._batches = batches

    def accepts(self, job: Job) -> str | None:
        """Accept every job."""
        return None

    def run(self, job: Job, chunks: Iterable[Chunk]) -> Iterator[Batch]:
        """Do all runs, then give what they gave."""
        single = {}
        for chunk in chunks:
            for at, row in enumerate(chunk.rows.tolist()):
                single[row] = chunk.select(slice(at, at + 1))
        batches = [b for row in self._runs(list(single)) for b in SerialRunner().run(job, [single[row]])]
        yield from self._batches(batches)


class Calls:
    """Counts in which runs a function was called."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.runs: list[int] = []

    def __call__(self, traj: Any, *args: Any, **kwargs: Any) -> Any:
        self.runs.append(traj.v_idx)
        return self.function(traj, *args, **kwargs)
