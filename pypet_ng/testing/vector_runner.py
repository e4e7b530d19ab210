"""How does a runner look that does many runs at once, as a device would?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from pypet_ng.runners.base import Job
from pypet_ng.tree.records import (
    Batch,
    Block,
    Chunk,
    NodeKind,
    RunState,
    RunStates,
    Signature,
)

__all__ = ["VectorRunner"]


class VectorRunner:
    """A stand-in for batched runners: applies a vectorised function to the columns of each chunk.

    Parameters
    ----------
    function
        From {last part of an explored path: array (rows,)} to {result name: array (rows, ...)}.
    reverse
        Give the chunks' batches last first, as an engine that finishes out of order would.
    """

    name = "vector"

    def __init__(
        self, function: Callable[[Mapping[str, Any]], Mapping[str, Any]], *, reverse: bool = False
    ) -> None:
        self._function = function
        self._reverse = reverse

    def accepts(self, job: Job) -> str | None:
        """Accept every job: its own function is not used."""
        return None

    def run(self, job: Job, chunks: Iterable[Chunk]) -> Iterator[Batch]:
        """Give one batch per chunk."""
        ordered = reversed(list(chunks)) if self._reverse else chunks
        for chunk in ordered:
            yield self._batch(chunk)

    def _batch(self, chunk: Chunk) -> Batch:
        count = len(chunk.rows)
        start = time.time()
        given = {path[-1]: np.asarray(values) for path, values in chunk.columns.items()}
        blocks = {
            Signature(("results", "runs", "$", name), NodeKind.RESULT, "Result", "", (name,)): Block(
                chunk.rows, {name: np.asarray(column)}
            )
            for name, column in self._function(given).items()
        }
        return Batch(
            blocks=blocks,
            runs=RunStates(
                rows=chunk.rows,
                state=np.full(count, RunState.DONE, np.uint8),
                start=np.full(count, start),
                finish=np.full(count, time.time()),
                attempt=chunk.attempts,
                nonfinite=np.zeros(count, np.uint8),
            ),
        )
