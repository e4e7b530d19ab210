"""What must a runner do for the engine?"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array, Path
from pypet_ng.tree.records import Batch, Chunk
from pypet_ng.tree.scope import Draws

__all__ = ["IDLE", "Job", "Runner", "Template", "TraceableJob"]

IDLE: Final = 0.5


class Job(Protocol):
    """The function of a sweep with everything it needs besides the explored values."""

    def perform(self, chunk: Chunk) -> Iterator[Batch]:
        """Do the runs of a chunk, in order, and give them back as one or more batches.

        A run that raises is a failure in its batch. KeyboardInterrupt passes, after the runs
        that were finished have been given.
        """


class Template(Protocol):
    """What the runs of a traced function have in common."""

    def take_outputs(self) -> Sequence[Any]:
        """Give the abstract values whose columns :meth:`fill` wants. To be called once, in the trace."""

    def fill(
        self,
        rows: npt.NDArray[np.int64],
        attempts: npt.NDArray[np.uint16],
        outputs: Sequence[Array],
        start: float,
        finish: float,
    ) -> Batch:
        """Give the batch of some runs from one column (run, ...) per output; times since the epoch."""

    def failed(
        self,
        row: int,
        attempt: int,
        error: BaseException,
        kind: str,
        message: str,
        start: float,
        finish: float,
    ) -> Batch:
        """Give the batch of one run that failed; `kind` and `message` may be ``''``."""


@runtime_checkable
class TraceableJob(Protocol):
    """A job whose function can be traced at one run to be done for many runs at once."""

    def untraceable(self) -> str | None:
        """Give None, or why the function must not be traced and what to do."""

    def likeness(self) -> Hashable:
        """Give a value that is equal for jobs whose functions would be traced alike."""

    def words(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
        """Give the two words of each run's random key, shape (run, 2)."""

    def trace(self, row: int, values: Mapping[Path, Any], draws: Draws) -> Template:
        """Do run `row` with abstract values by path of the explored parameter.

        Errors of the function pass. Leaves nothing behind.
        """


class Runner(Protocol):
    """Decides where and when chunks are done. May be used for one ``run`` at a time."""

    name: str

    def accepts(self, job: Job) -> str | None:
        """Give None, or the reason why this runner cannot do the job and what to use instead."""

    def run(self, job: Job, chunks: Iterable[Chunk]) -> Iterator[Batch]:
        """Do all chunks, drawing them lazily, and give batches in any order.

        Each run of each chunk is in exactly one batch, done or failed. A runner that waits for others gives
        an empty batch (``runs`` is None) when nothing came for :data:`IDLE` seconds: what came before can
        be stored meanwhile.
        """
