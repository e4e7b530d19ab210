"""How do runs go on any engine that has ``submit``?

Dask (``Client.get_executor()``), ``mpi4py.futures.MPIPoolExecutor``, loky, thread pools: the engine
distributes, this runner cuts chunks and keeps the books.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait

import numpy as np

from pypet_ng.errors import WorkerError
from pypet_ng.runners.anywhere import UNKNOWN, perform_anywhere
from pypet_ng.runners.base import Job
from pypet_ng.runners.freight import Freezer
from pypet_ng.runners.losses import lost_batch, next_attempt
from pypet_ng.runners.pace import ChunkQueue
from pypet_ng.runners.parcels import Parcel, open_parcel
from pypet_ng.tree.records import Batch, Chunk, RunState

__all__ = ["ExecutorRunner"]

_TARGET = 0.25
"""Seconds a chunk should take: engines of clusters need some milliseconds per task."""


class ExecutorRunner:
    """Does runs on an executor. The executor stays the caller's: it is not shut down.

    A chunk whose future fails is submitted again, one run at a time and uncharged; a run that fails
    alone is charged an attempt, beyond `retries` it is lost. Engines that try again by themselves
    may do a run twice: attempt counts are then "at least". An engine that never ends a future
    makes ``run`` wait for ever.

    Parameters
    ----------
    executor
        Anything with ``submit(function, *args)`` that gives a ``concurrent.futures.Future``.
    retries
        How often a run that was lost is tried again.
    ahead
        Chunks submitted and not yet back, default twice the cores of this machine.
    """

    name = "executor"

    def __init__(self, executor: Executor, *, retries: int = 0, ahead: int | None = None) -> None:
        self.executor = executor
        self.retries = retries
        self._freezer = Freezer()
        self.ahead = ahead or 2 * (os.cpu_count() or 1)

    def accepts(self, job: Job) -> str | None:
        """Give None if the job can travel, else what of it cannot."""
        return self._freezer.refusal(job)

    def run(self, job: Job, chunks: Iterable[Chunk]) -> Iterator[Batch]:
        """Do all chunks; batches come in the order in which the engine ends them."""
        data = self._freezer.freeze(job)
        self._freezer.forget()
        digest = hashlib.sha256(data).hexdigest()
        queue = ChunkQueue(chunks, _TARGET)
        pending: dict[Future[Parcel | str], Chunk] = {}
        try:
            while True:
                while len(pending) < self.ahead:
                    chunk = queue.take()
                    if chunk is None:
                        break
                    pending[self._submit(digest, None, chunk)] = chunk
                if not pending:
                    return
                done, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    chunk = pending.pop(future)
                    try:
                        parcel = future.result()
                    except (Exception, CancelledError) as error:
                        yield from self._lost(queue, chunk, error)
                        continue
                    if isinstance(parcel, str):
                        assert parcel == UNKNOWN
                        pending[self._submit(digest, data, chunk)] = chunk
                        continue
                    for batch in open_parcel(parcel):
                        queue.learn(batch)
                        yield batch
        finally:
            for future in pending:
                future.cancel()

    def _submit(self, digest: str, data: bytes | None, chunk: Chunk) -> Future[Parcel | str]:
        try:
            return self.executor.submit(perform_anywhere, digest, data, chunk)
        except Exception as error:
            raise WorkerError(
                f"{type(self.executor).__name__} takes no more work ({type(error).__name__}: {error}). What came "
                "back is stored: run the script again with a new executor to do the rest."
            ) from error

    def _lost(self, queue: ChunkQueue, chunk: Chunk, error: BaseException) -> Iterator[Batch]:
        if len(chunk.rows) > 1:
            for place in reversed(range(len(chunk.rows))):
                queue.put_back(chunk.select(np.array([place])))
            return
        row = int(chunk.rows[0])
        again = next_attempt(chunk, row, self.retries)
        if again is not None:
            queue.put_back(again)
            return
        batch = lost_batch(chunk, row, time.time(), RunState.LOST, None)
        batch.failures[0] = type(batch.failures[0])(
            row,
            type(error).__name__,
            f"the engine lost the run: {error}",
            "",
            batch.failures[0].attempt,
            RunState.LOST,
        )
        yield batch
