"""How many runs go into a chunk?"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable

import numpy as np

from pypet_ng.runners.base import Job
from pypet_ng.tree.records import Batch, Chunk

__all__ = ["ChunkQueue", "perform_some", "rest_of"]

_LARGEST = 5000
_ENOUGH = 1.0
"""Seconds after which a worker sends what it has: runs after short ones may take hours."""


def perform_some(job: Job, chunk: Chunk) -> list[Batch]:
    """Do runs of a chunk; after a second no more are begun once the job gives what is finished."""
    began = time.monotonic()
    batches = []
    for batch in job.perform(chunk):
        batches.append(batch)
        if time.monotonic() - began >= _ENOUGH:
            break
    return batches


def rest_of(chunk: Chunk, batches: Iterable[Batch]) -> Chunk:
    """Give the runs of a chunk that are in none of the batches."""
    done = [batch.runs.rows for batch in batches if batch.runs is not None]
    if sum(map(len, done)) == len(chunk.rows):
        return chunk.select(slice(0, 0))
    return chunk.select(np.flatnonzero(~np.isin(chunk.rows, np.concatenate(done))))


class ChunkQueue:
    """Cuts chunks so that each takes about `target` seconds, as far as is known by now.

    Runs that come back go to the front. Draws from its source lazily.
    """

    def __init__(self, source: Iterable[Chunk], target: float) -> None:
        self._source = iter(source)
        self._waiting: deque[Chunk] = deque()
        self._target = target
        self._pace = 0.0

    def put_back(self, chunk: Chunk) -> None:
        """Give runs back; they are the next to go."""
        if len(chunk.rows):
            self._waiting.appendleft(chunk)

    def learn(self, batch: Batch) -> None:
        """Take note of how long runs took."""
        runs = batch.runs
        if runs is not None and len(runs.rows):
            taken = float(runs.finish[-1] - runs.start[0]) / len(runs.rows)
            self._pace = taken if not self._pace else 0.5 * (self._pace + taken)

    def take(self) -> Chunk | None:
        """Give the next chunk, None if nothing is left for now."""
        if not self._waiting:
            chunk = next(self._source, None)
            if chunk is None:
                return None
            self._waiting.append(chunk)
        chunk = self._waiting.popleft()
        size = 1 if not self._pace else max(1, min(_LARGEST, int(self._target / max(self._pace, 1e-7))))
        if len(chunk.rows) > size:
            self._waiting.appendleft(chunk.select(slice(size, None)))
            chunk = chunk.select(slice(0, size))
        return chunk
