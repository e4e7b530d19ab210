"""What becomes of runs whose worker is gone?"""

from __future__ import annotations

import platform
import time

import numpy as np

from pypet_ng.tree.records import Batch, Chunk, Failure, RunState, RunStates

__all__ = ["lost_batch", "single", "without"]


def without(chunk: Chunk, row: int) -> Chunk:
    """Give a chunk without one of its runs."""
    return chunk.select(np.flatnonzero(chunk.rows != row))


def single(chunk: Chunk, row: int, attempt: int) -> Chunk:
    """Give a chunk of one run of `chunk`, at another attempt."""
    one = chunk.select(np.flatnonzero(chunk.rows == row))
    return Chunk(one.rows, one.columns, np.array([attempt], np.uint16), one.first_attempts)


def lost_batch(row: int, began: float, attempt: int, state: RunState, limit: float | None) -> Batch:
    """Give the batch of a run that will not come back."""
    if limit is None:
        kind, text = "WorkerDied", "the worker process died during the run (out of memory, killed, or crashed)"
    else:
        kind, text = "RunTimeout", f"the run took longer than run_timeout={limit:g} seconds and was ended"
    failure = Failure(row, kind, text, "", attempt, state)
    return Batch(
        runs=RunStates(
            rows=np.array([row], np.int64),
            state=np.array([state], np.uint8),
            start=np.array([began]),
            finish=np.array([time.time()]),
            attempt=np.array([attempt], np.uint16),
            nonfinite=np.zeros(1, np.uint8),
            host=platform.node(),
        ),
        failures=[failure],
    )
