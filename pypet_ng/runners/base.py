"""What must a runner do for the engine?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from pypet_ng.tree.records import Batch, Chunk

__all__ = ["IDLE", "Job", "Runner"]

IDLE: Final = 0.5


class Job(Protocol):
    """The function of a sweep with everything it needs besides the explored values."""

    def perform(self, chunk: Chunk) -> Iterator[Batch]:
        """Do the runs of a chunk, in order, and give them back as one or more batches.

        A run that raises is a failure in its batch. KeyboardInterrupt passes, after the runs
        that were finished have been given.
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
