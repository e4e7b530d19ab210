"""What becomes of runs whose worker is gone?"""

from __future__ import annotations

import platform
import time

import numpy as np

from pypet_ng.tree.records import Batch, Chunk, Failure, RunState, RunStates

__all__ = ["lost_batch", "next_attempt", "without"]


def without(chunk: Chunk, row: int) -> Chunk:
    """Give a chunk without one of its runs."""
    return chunk.select(np.flatnonzero(chunk.rows != row))


def next_attempt(chunk: Chunk, row: int, retries: int) -> Chunk | None:
    """Give the chunk of one run at its next attempt, None if it had all it may have."""
    one = chunk.select(np.flatnonzero(chunk.rows == row))
    if int(one.attempts[0]) - int(one.first_attempts[0]) >= retries:
        return None
    return Chunk(one.rows, one.columns, one.attempts + np.uint16(1), one.first_attempts)


def lost_batch(chunk: Chunk, row: int, began: float, state: RunState, limit: float | None) -> Batch:
    """Give the batch of a run of `chunk` that will not come back."""
    if limit is None:
        kind, text = (
            "WorkerDied",
            "the worker process died during the run (out of memory, killed, or crashed)",
        )
    else:
        kind, text = "RunTimeout", f"the run took longer than run_timeout={limit:g} seconds and was ended"
    attempt = int(chunk.attempts[chunk.rows == row][0])
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
        failures=[Failure(row, kind, text, "", attempt, state)],
    )
