"""What does a worker process do between its start and its end?"""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import signal
import sys
import threading
import time
import warnings
from dataclasses import dataclass
from typing import Any

from pypet_ng.runners.marks import MarkSlot
from pypet_ng.runners.pace import perform_some
from pypet_ng.runners.parcels import Parcel, send
from pypet_ng.tree.records import Chunk

__all__ = ["Surroundings", "begin", "install", "perform", "surroundings"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What of the parent's state a function may rely on."""

    folder: str
    search_path: tuple[str, ...]
    filters: tuple[Any, ...]
    parent: int
    marks: str
    slot: int
    shared: str | None
    niceness: int | None = None
    """Added to the priority value of the parent, None: the same."""


class _State:
    job: Any = None
    version: int = -1
    refusal: BaseException | None = None
    """What happened when the job was taken over."""
    mark: MarkSlot | None = None
    shared: str | None = None


def surroundings(marks: str, slot: int, shared: str | None, niceness: int | None = None) -> Surroundings:
    """Describe this process for its workers."""
    filters = []
    for one in warnings.filters:
        with contextlib.suppress(Exception):  # a filter that cannot travel concerns how things look only
            pickle.dumps(one)
            filters.append(one)
    return Surroundings(
        os.getcwd(), tuple(sys.path), tuple(filters), os.getpid(), marks, slot, shared, niceness
    )


def _watch(parent: int, shared: str | None) -> None:
    """End this process when its parent is gone, also in the middle of a run; clear up after it."""
    while os.getppid() == parent:
        time.sleep(0.5)
    _leave(shared)


def _leave(shared: str | None) -> None:
    if shared is not None:
        shutil.rmtree(shared, ignore_errors=True)
    os._exit(1)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # not ours to signal, or a system that cannot ask: taken as alive
        return True
    return True


def _copy_filters(filters: tuple[Any, ...]) -> None:
    warnings.resetwarnings()
    for action, message, category, module, line in reversed(filters):
        # compiled patterns come from filterwarnings, texts from the command line
        texts = [getattr(one, "pattern", one) or "" for one in (message, module)]
        warnings.filterwarnings(action, texts[0], category, texts[1], line)


def begin(given: Surroundings) -> None:
    """Make the worker's state like the parent's; called once per worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the parent's to handle
    os.chdir(given.folder)
    sys.path[:] = list(given.search_path)
    _copy_filters(given.filters)
    _State.mark = MarkSlot(given.marks, given.slot)
    _State.shared = given.shared
    if given.niceness is not None and hasattr(os, "nice"):
        with contextlib.suppress(PermissionError):  # only the administrator may be less nice than the parent
            os.nice(given.niceness)
    if not _lives(given.parent):  # killed while this process began: nobody would ever end it
        _leave(given.shared)
    if os.getppid() == given.parent:
        threading.Thread(target=_watch, args=(given.parent, given.shared), daemon=True).start()


def install(version: int, data: bytes) -> None:
    """Take over the job; called once per job. What goes wrong is told when the first chunk comes."""
    _State.version = version
    _State.refusal = None
    try:
        _State.job = pickle.loads(data)  # the parent's own bytes
        _State.job.mark = _State.mark
    except Exception as error:
        _State.refusal = error


def perform(version: int, chunk: Chunk) -> Parcel:
    """Do a chunk of the job that was installed, or the beginning of it if its runs turn out long."""
    assert _State.version == version
    if _State.refusal is not None:
        raise _State.refusal
    mark = _State.mark
    assert mark is not None
    batches = perform_some(_State.job, chunk)
    mark(-1, 0.0)
    return send(batches, _State.shared)
