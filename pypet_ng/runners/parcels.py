"""How do finished runs get from a worker to the parent?

As bytes made inside the worker, so that a value that cannot travel is that run's failure and breaks
nothing else. Large arrays go through a file in shared memory that the parent maps and removes.
"""

from __future__ import annotations

import mmap
import os
import pickle
import tempfile
import traceback
from dataclasses import dataclass
from typing import Any

import numpy as np

from pypet_ng.tree.records import Batch, Failure, RunState

__all__ = ["Parcel", "open_parcel", "send", "shared_folder"]

LARGE = 256 << 10
_PLAIN = frozenset({float, int, bool, str, bytes, type(None)})


@dataclass(frozen=True, slots=True)
class Parcel:
    """Batches as bytes."""

    data: bytes
    filename: str = ""
    """File with the large buffers, ``''`` if there are none."""
    sizes: tuple[int, ...] = ()


def shared_folder() -> str | None:
    """Give a folder that is memory and not disk, None where there is none."""
    return "/dev/shm" if os.path.isdir("/dev/shm") and os.access("/dev/shm", os.W_OK) else None


def _fail(batch: Batch, row: int, error: BaseException, what: str) -> None:
    assert batch.runs is not None
    place = int(np.flatnonzero(batch.runs.rows == row)[0])
    batch.runs.state[place] = RunState.FAILED
    batch.failures.append(
        Failure(
            row,
            type(error).__name__,
            f"{what} of run {row} cannot travel from the worker: {error}",
            "".join(traceback.format_exception(error)),
            int(batch.runs.attempt[place]),
        )
    )


def _travels(value: Any) -> BaseException | None:
    import cloudpickle

    try:
        pickle.loads(cloudpickle.dumps(value))  # our own bytes, a moment old
    except Exception as error:
        return error
    return None


def _make_ready(batch: Batch) -> None:
    """Take out what cannot travel, and what travels twice."""
    for place, failure in enumerate(batch.failures):
        if failure.error is not None and _travels(failure.error) is not None:
            batch.failures[place] = Failure(
                failure.row, failure.type, failure.message, failure.traceback, failure.attempt, failure.state
            )
    returned = batch.returned
    kept = returned is not None and len(returned.rows) == len(batch.values)
    if returned is not None and kept and set(map(type, returned.columns[""])) <= _PLAIN:
        batch.values = []  # the parent takes them from the returned column
        return
    bad: dict[int, BaseException] = {}
    for row, value in batch.values:
        if type(value) not in _PLAIN and not (type(value) is np.ndarray and value.dtype.kind in "biufc"):
            error = _travels(value)
            if error is not None:
                bad[row] = error
    for row, error in bad.items():
        _fail(batch, row, error, "The returned value")
    if bad:
        batch.values = [pair for pair in batch.values if pair[0] not in bad]


def send(batches: list[Batch], folder: str | None, *, large: bool = True) -> Parcel:
    """Make the bytes; called in the worker. With `large` big buffers go through a file in `folder`."""
    import cloudpickle

    for batch in batches:
        _make_ready(batch)
    buffers: list[pickle.PickleBuffer] = []

    def keep(buffer: pickle.PickleBuffer) -> bool:
        if buffer.raw().nbytes < LARGE:
            return True  # in band
        buffers.append(buffer)
        return False

    data = cloudpickle.dumps(batches, protocol=5, buffer_callback=keep if large else None)
    if not buffers:
        return Parcel(data)
    views = [buffer.raw() for buffer in buffers]
    handle, filename = tempfile.mkstemp(prefix="parcel_", dir=folder)
    try:
        for view in views:
            rest = view
            while rest:
                rest = rest[os.write(handle, rest) :]
    finally:
        os.close(handle)
    return Parcel(data, filename, tuple(view.nbytes for view in views))


def open_parcel(parcel: Parcel) -> list[Batch]:
    """Give the batches; large arrays lie in mapped memory that lives as long as they do."""
    buffers: list[memoryview] = []
    if parcel.filename:
        with open(parcel.filename, "rb") as file:
            os.unlink(parcel.filename)
            # private: the arrays may be written to, as any array a run returned
            whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
        start = 0
        for size in parcel.sizes:
            buffers.append(whole[start : start + size])
            start += size
    batches: list[Batch] = pickle.loads(parcel.data, buffers=buffers)  # bytes of our own workers
    for batch in batches:
        if not batch.values and batch.returned is not None:
            rows = batch.returned.rows
            batch.values = list(zip([int(row) for row in rows], batch.returned.columns[""], strict=True))
    return batches
