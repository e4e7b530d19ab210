"""How do runs go on any engine that has ``submit``?

Dask (``Client.get_executor()``), ``mpi4py.futures.MPIPoolExecutor``, loky, thread pools: the engine
distributes, this runner cuts chunks and keeps the books.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, CancelledError, Executor, Future, wait
from dataclasses import replace
from typing import Any

import numpy as np

from pypet_ng.errors import WorkerError
from pypet_ng.runners.anywhere import UNKNOWN, perform_anywhere, ping
from pypet_ng.runners.base import IDLE, Job
from pypet_ng.runners.freight import Freezer
from pypet_ng.runners.losses import lost_batch, next_attempt
from pypet_ng.runners.pace import ChunkQueue, rest_of
from pypet_ng.runners.parcels import Parcel, open_parcel
from pypet_ng.tree.records import Batch, Chunk, RunState

__all__ = ["ExecutorRunner"]

_TARGET = 0.25
"""Seconds a chunk should take: engines of clusters need some milliseconds per task."""
_PATIENCE = 20
"""Rounds of questions after which an engine counts as well again."""


class ExecutorRunner:
    """Does runs on an executor. The executor stays the caller's: it is not shut down.

    A chunk whose future fails is submitted again, one run at a time and uncharged; what fails again
    goes once more, alone on the whole engine: only then is it charged an attempt, and beyond
    `retries` it is lost. Engines that try again by themselves
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
    wait
        ``wait(futures, return_when=...)`` for engines whose futures are of their own kind.
    """

    name = "executor"

    def __init__(
        self,
        executor: Executor,
        *,
        retries: int = 0,
        ahead: int | None = None,
        wait: Callable[..., Any] = wait,
    ) -> None:
        self.executor = executor
        self.wait = wait
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
        flight = _Flight(self, ChunkQueue(chunks, _TARGET), data)
        try:
            while flight.fill():
                done, _ = self.wait(flight.pending, timeout=IDLE, return_when=FIRST_COMPLETED)
                if not done:
                    yield Batch()
                for future in done:
                    yield from flight.land(future)
        finally:
            for future in flight.pending:
                future.cancel()
        if flight.refused is not None:
            raise flight.refused


class _Flight:
    """The chunks of one ``run`` that are on their way."""

    def __init__(self, runner: ExecutorRunner, queue: ChunkQueue, data: bytes) -> None:
        self._runner = runner
        self._queue = queue
        self._data = data
        self._digest = hashlib.sha256(data).hexdigest()
        self._suspects: deque[Chunk] = deque()
        """Single runs whose future failed, perhaps because of another run on the same worker."""
        self._alone = False
        """The one chunk on its way is a suspect."""
        self._shaken = 0
        """How often to ask the engine whether it is well before a suspect goes."""
        self.pending: dict[Future[Parcel | str], Chunk] = {}
        self.refused: WorkerError | None = None
        """Set when the executor takes no more work."""

    def fill(self) -> bool:
        """Submit what may go; tell whether anything is on its way."""
        while self.refused is None and len(self.pending) < self._runner.ahead:
            if self._suspects:
                if self.pending or not self._is_well():
                    break  # a suspect goes alone, on an engine that is well: then its end is its own doing
                self._alone = True
                self._submit(None, self._suspects.popleft())
                break
            chunk = self._queue.take()
            if chunk is None:
                break
            self._submit(None, chunk)
        return bool(self.pending)

    def _is_well(self) -> bool:
        """Wait until the engine answers again: some give new work to a worker that is already dead."""
        while self._shaken > 0 and self.refused is None:
            self._shaken -= 1
            try:
                pings = [
                    self._runner.executor.submit(ping, uuid.uuid4().hex) for _ in range(self._runner.ahead)
                ]
            except Exception as error:
                self._refuse(error)
                break
            self._runner.wait(pings, return_when=ALL_COMPLETED)
            if all(one.exception() is None for one in pings):
                self._shaken = 0
        return self.refused is None

    def land(self, future: Future[Parcel | str]) -> Iterator[Batch]:
        """Take what came back."""
        chunk = self.pending.pop(future)
        alone = self._alone
        try:
            parcel = future.result()
        except (Exception, CancelledError) as error:
            self._alone = False
            self._shaken = _PATIENCE
            yield from self._lost(chunk, error, alone)
            return
        if isinstance(parcel, str):
            assert parcel == UNKNOWN
            self._submit(self._data, chunk)
            return
        self._alone = False
        batches = open_parcel(parcel)
        self._queue.put_back(rest_of(chunk, batches))
        for batch in batches:
            self._queue.learn(batch)
            yield batch

    def _submit(self, data: bytes | None, chunk: Chunk) -> None:
        executor = self._runner.executor
        try:
            future = executor.submit(perform_anywhere, uuid.uuid4().hex, self._digest, data, chunk)
        except Exception as error:
            self._refuse(error)
            return
        self.pending[future] = chunk

    def _refuse(self, error: Exception) -> None:
        self.refused = WorkerError(
            f"{type(self._runner.executor).__name__} takes no more work ({type(error).__name__}: {error}). "
            "What came back is stored: run the script again with a new executor to do the rest."
        )
        self.refused.__cause__ = error

    def _lost(self, chunk: Chunk, error: BaseException, alone: bool) -> Iterator[Batch]:
        if len(chunk.rows) > 1:
            for place in reversed(range(len(chunk.rows))):
                self._queue.put_back(chunk.select(np.array([place])))
            return
        if not alone:
            self._suspects.append(chunk)
            return
        row = int(chunk.rows[0])
        again = next_attempt(chunk, row, self._runner.retries)
        if again is not None:
            self._suspects.append(again)
            return
        batch = lost_batch(chunk, row, time.time(), RunState.LOST, None)
        batch.failures[0] = replace(
            batch.failures[0], type=type(error).__name__, message=f"the engine lost the run: {error}"
        )
        yield batch
