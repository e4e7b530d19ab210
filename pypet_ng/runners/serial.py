"""How do runs go one after the other in this process?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pypet_ng.runners.base import Job
from pypet_ng.tree.records import Batch, Chunk

__all__ = ["SerialRunner"]


class SerialRunner:
    """Does one run after the other, in order of the chunks, in the calling thread."""

    name = "serial"

    def accepts(self, job: Job) -> str | None:
        """Accept every job."""
        return None

    def run(self, job: Job, chunks: Iterable[Chunk]) -> Iterator[Batch]:
        """Do the chunks in order."""
        for chunk in chunks:
            yield from job.perform(chunk)
