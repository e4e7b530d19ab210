"""How do runs go on several processes of this machine?

One single-worker executor of loky per worker: where a worker dies, only its own chunks are lost, and
the start mark tells which run was guilty. Workers begin without importing the user's main script
(functions travel by cloudpickle) and live from one ``run`` to the next.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from pypet_ng.errors import WorkerError
from pypet_ng.runners.base import IDLE, Job
from pypet_ng.runners.caps import Caps
from pypet_ng.runners.freight import Freezer
from pypet_ng.runners.losses import lost_batch, next_attempt, without
from pypet_ng.runners.marks import MarkBoard
from pypet_ng.runners.pace import ChunkQueue, rest_of
from pypet_ng.runners.parcels import Parcel, open_parcel, shared_folder
from pypet_ng.tree.records import Batch, Chunk, RunState

__all__ = ["ProcessRunner"]

_TARGET = 0.075
"""Seconds a chunk should take: long against the 0.2 ms a chunk costs, short against a commit."""
_AHEAD = 2
"""Chunks a worker has at a time: it never waits for the parent."""
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "BLIS_NUM_THREADS",
)


class _Worker:
    """One worker process with the chunks it was given."""

    def __init__(self, number: int, runner: ProcessRunner) -> None:
        self.number = number
        self._runner = runner
        self.executor: Any = None
        self.version = -1
        self.pending: deque[tuple[Future[Parcel], Chunk, float]] = deque()
        self.deaths_in_a_row = 0

    def _start(self) -> None:
        import loky

        from pypet_ng.runners.worker import begin, surroundings

        runner = self._runner
        self.executor = loky.ProcessPoolExecutor(
            1,
            context=loky.backend.get_context(runner.start_method),
            initializer=begin,
            initargs=(surroundings(runner.board.filename, self.number, runner.folder, runner.niceness),),
            env=runner.environment,
            timeout=None,
        )
        self.version = -1

    def submit(self, version: int, job: bytes, chunk: Chunk) -> None:
        from pypet_ng.runners.worker import install, perform

        if self.executor is None:
            self._start()
        if self.version != version:
            self.executor.submit(install, version, job)
            self.version = version
        self.pending.append((self.executor.submit(perform, version, chunk), chunk, time.monotonic()))

    def pids(self) -> list[int]:
        return list(self.executor._processes) if self.executor is not None else []

    def stop(self, *, kill: bool) -> None:
        """End the process; with `kill` also in the middle of a run."""
        executor, self.executor = self.executor, None
        self.pending.clear()
        self.version = -1
        if executor is not None:
            executor.shutdown(wait=True, kill_workers=kill)


class ProcessRunner:
    """Does runs on worker processes of this machine.

    Parameters
    ----------
    ncores
        Number of workers, 0 for as many as the machine has cores this process may use.
    start_method
        ``'loky'`` (a fresh interpreter; the default) or ``'fork'``.
    retries
        How often a run that killed its worker, or took too long, is tried again.
    run_timeout
        Seconds after which a run is ended and its worker replaced.
    threads
        Threads of BLAS and OpenMP per worker, default: cores / workers.
    niceness
        How much nicer than this process the workers are (Unix).
    caps
        While these are reached, idle workers get nothing to do; one always works.

    Memory: two chunks per worker and their results. Use from one thread. :meth:`close` ends the
    workers; they also end when this process does.
    """

    name = "processes"

    def __init__(
        self,
        ncores: int = 0,
        *,
        start_method: str = "loky",
        retries: int = 0,
        run_timeout: float | None = None,
        threads: int | None = None,
        niceness: int | None = None,
        caps: Caps | None = None,
    ) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if ncores < 0:
            raise ValueError(f"ncores={ncores}: give a number of workers, 0 for all {cores} cores.")
        if start_method not in ("loky", "fork"):
            raise ValueError(f"start_method={start_method!r}: choose 'loky' or 'fork'.")
        self.ncores = ncores or cores
        self.start_method = start_method
        self.retries = retries
        self.run_timeout = run_timeout
        self.niceness = niceness
        self.caps = caps
        self.folder = tempfile.mkdtemp(prefix="pypet_ng_", dir=shared_folder())
        self._remove_folder = weakref.finalize(self, shutil.rmtree, self.folder, True)
        self.board = MarkBoard(self.ncores, self.folder)
        count = str(threads or max(1, cores // self.ncores))
        self.environment = {name: os.environ.get(name, count) for name in _THREADS}
        # loky replaces a worker whose memory grew by 300 MB: a simulation may well need more
        self.environment["LOKY_MAX_MEMORY_LEAK_SIZE"] = "1e18"
        self._workers = [_Worker(number, self) for number in range(self.ncores)]
        self._freezer = Freezer()
        self._job: bytes | None = None
        self._version = 0

    def accepts(self, job: Job) -> str | None:
        """Give None if the job can travel, else what of it cannot."""
        return self._freezer.refusal(job)

    def run(self, job: Job, chunks: Iterable[Chunk]) -> Iterator[Batch]:
        """Do all chunks; batches come in the order in which workers finish."""
        data = self._freezer.freeze(job)
        self._freezer.forget()
        if data != self._job:
            self._job = data
            self._version += 1
        queue = ChunkQueue(chunks, _TARGET)
        finished = False
        try:
            while True:
                self._feed(queue, data)
                futures = [worker.pending[0][0] for worker in self._workers if worker.pending]
                if not futures:
                    break
                done, _ = wait(futures, timeout=self._patience(), return_when=FIRST_COMPLETED)
                if not done:
                    yield Batch()
                for worker in self._workers:
                    yield from self._collect(worker, queue)
                    if self.run_timeout is not None:
                        self._end_slow(worker)
            finished = True
        finally:
            if not finished:
                self._stop(kill=True)

    def close(self) -> None:
        """End all workers and remove what they share."""
        self._stop(kill=True)
        self.board.close()
        self._remove_folder()

    def __del__(self) -> None:
        if getattr(self, "_workers", None) and os.path.isdir(self.folder):
            self.close()

    def _stop(self, *, kill: bool) -> None:
        for worker in self._workers:
            worker.stop(kill=kill)
            self.board.clear(worker.number)
        for name in os.listdir(self.folder) if os.path.isdir(self.folder) else ():
            if name.startswith("parcel_"):
                os.unlink(os.path.join(self.folder, name))

    def _feed(self, queue: ChunkQueue, data: bytes) -> None:
        for ahead in range(1, _AHEAD + 1):
            for worker in self._workers:
                if len(worker.pending) < ahead:
                    if not worker.pending and self._is_capped():
                        continue
                    chunk = queue.take()
                    if chunk is None:
                        return
                    worker.submit(self._version, data, chunk)

    # -- taking back --------------------------------------------------------------------------
    def _collect(self, worker: _Worker, queue: ChunkQueue) -> Iterator[Batch]:
        while worker.pending and worker.pending[0][0].done():
            future = worker.pending[0][0]
            error = future.exception()
            if error is not None:
                yield from self._mourn(worker, queue, error)
                return
            _, chunk, _ = worker.pending.popleft()
            worker.deaths_in_a_row = 0
            batches = open_parcel(future.result())
            queue.put_back(rest_of(chunk, batches))
            for batch in batches:
                queue.learn(batch)
                yield batch

    def _mourn(self, worker: _Worker, queue: ChunkQueue, error: BaseException) -> Iterator[Batch]:
        """Charge the run at which a worker died; its other runs go back without a charge."""
        row, began = self.board.read(worker.number)
        chunks = [chunk for _, chunk, _ in worker.pending]
        overdue = self.run_timeout is not None and row >= 0 and time.time() - began >= self.run_timeout
        worker.stop(kill=True)
        self.board.clear(worker.number)
        worker.deaths_in_a_row += 1
        guilty = next((chunk for chunk in chunks if row >= 0 and (chunk.rows == row).any()), None)
        if guilty is None and worker.deaths_in_a_row >= 3:
            raise WorkerError(
                f"A worker process died three times before it began a run ({type(error).__name__}: {error}). "
                "Something the function imports ends the process; try it in a process of its own."
            ) from error
        for chunk in reversed(chunks):
            queue.put_back(without(chunk, row) if chunk is guilty else chunk)
        if guilty is None:
            return
        again = next_attempt(guilty, row, self.retries)
        if again is not None:
            queue.put_back(again)
            return
        state = RunState.TIMED_OUT if overdue else RunState.LOST
        yield lost_batch(guilty, row, began, state, self.run_timeout if overdue else None)

    # -- limits -------------------------------------------------------------------------------
    def _patience(self) -> float:
        waits = IDLE if self.caps is None else IDLE / 2
        return waits if self.run_timeout is None else min(IDLE / 2, self.run_timeout / 4)

    def _is_capped(self) -> bool:
        """Tell whether a worker without work is to stay without."""
        return self.caps is not None and any(one.pending for one in self._workers) and self.caps.reached()

    def _end_slow(self, worker: _Worker) -> None:
        assert self.run_timeout is not None
        row, began = self.board.read(worker.number)
        if row >= 0 and time.time() - began > self.run_timeout:
            import signal

            for pid in worker.pids():
                os.kill(pid, signal.SIGKILL)
