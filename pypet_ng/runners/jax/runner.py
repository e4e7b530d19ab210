"""How does an Environment do its runs in batches on devices?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from pypet_ng.runners.base import Job, TraceableJob
from pypet_ng.runners.jax.columns import Feed, pieces_of
from pypet_ng.runners.jax.devices import choose_devices, import_jax, memory_limit
from pypet_ng.runners.jax.loop import DeviceLoop
from pypet_ng.runners.jax.programs import programs_for
from pypet_ng.runners.jax.sizing import AutoSize, FixedSize, Sizing
from pypet_ng.tree.records import Batch, Chunk

__all__ = ["JaxRunner"]


class JaxRunner:
    """Traces the run function once and does many runs at a time as one compiled program.

    Explored values are abstract in the function, results that depend on them are computed on the
    devices and come back as columns. The compiled program is kept for later sweeps of the same
    function (the 32 last used ones). Not thread safe.

    Parameters
    ----------
    n_vmap
        Runs per device that are computed as one vector, or ``'auto'``: found from the compiler's count of
        memory and the time of the first batches. Halved if memory does not suffice. If a batch of so
        many takes hardly any time, several go to the device at once, one after the other.
    n_pmap
        Number of devices, None: all that JAX has in this process.
    """

    name = "jax"

    def __init__(self, n_vmap: int | Literal["auto"] = "auto", n_pmap: int | None = None) -> None:
        """Raise ValueError for what is no positive number, DeviceError if there are not so many devices."""
        if n_vmap != "auto":
            _check("n_vmap", n_vmap, "'auto'")
        if n_pmap is not None:
            _check("n_pmap", n_pmap, "None (all devices)")
        import_jax()
        self._n_vmap = n_vmap
        self._devices = choose_devices(n_pmap)

    @property
    def n_vmap(self) -> int | Literal["auto"]:
        """Runs per device and batch."""
        return self._n_vmap

    @property
    def n_pmap(self) -> int:
        """Number of devices."""
        return len(self._devices)

    def accepts(self, job: Job) -> str | None:
        """Give None if the job can be traced, as far as is known before."""
        if not isinstance(job, TraceableJob):
            return f"A {type(job).__name__} cannot be traced for runner='jax'. Use runner='processes'."
        return job.untraceable()

    def run(self, job: Job, chunks: Iterable[Chunk]) -> Iterator[Batch]:
        """Do all runs; TracingError, before the first batch, if the function cannot be traced."""
        assert isinstance(job, TraceableJob)  # accepts() was asked
        return self.sweep(job, Feed(pieces_of(chunks)))

    def sweep(self, job: TraceableJob, feed: Feed) -> Iterator[Batch]:
        """Do all runs of a feed, as :meth:`run` does."""
        if not feed.available(1):
            return
        programs = programs_for(job, feed, self._devices)
        yield from DeviceLoop(job, feed, programs, self._sizing()).batches()

    def _sizing(self) -> Sizing:
        count = len(self._devices)
        limit = memory_limit(self._devices[0])
        return AutoSize(count, limit) if self._n_vmap == "auto" else FixedSize(self._n_vmap, count, limit)


def _check(name: str, value: object, other: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name}={value!r}: give a whole number from 1 on, or {other}.")
