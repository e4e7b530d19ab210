"""What does a worker of a foreign engine do with a chunk?

The job travels once to each worker: a chunk is sent with the job's digest alone, a worker that does
not know it says so and gets the chunk again with the job. Threads each have a job of their own, as a
trajectory is at one run at a time.
"""

from __future__ import annotations

import pickle
import threading
from typing import Any, Final

from pypet_ng.runners.pace import perform_some
from pypet_ng.runners.parcels import Parcel, send
from pypet_ng.tree.records import Chunk

__all__ = ["UNKNOWN", "perform_anywhere", "ping"]

UNKNOWN: Final = "unknown job"
"""What a worker gives that does not have the job."""


class _Known(threading.local):
    digest: str = ""
    job: Any = None


_known = _Known()


def ping(unique: str) -> bool:
    """Tell that the worker is alive. `unique`: see :func:`perform_anywhere`."""
    return True


def perform_anywhere(unique: str, digest: str, data: bytes | None, chunk: Chunk) -> Parcel | str:
    """Do a chunk (the beginning of one, if its runs turn out long) of the job of that digest; gives ``UNKNOWN`` if it is not here and not in `data`.

    `unique` is another text in each call: Dask gives equal calls one result, failures included.
    """
    if _known.digest != digest:
        if data is None:
            return UNKNOWN
        _known.job = pickle.loads(data)  # bytes the parent made
        _known.digest = digest
    return send(perform_some(_known.job, chunk), None, large=False)
