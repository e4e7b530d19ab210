"""Can a job travel to another process, and if not, what of it cannot?"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from pypet_ng.runners.base import Job

__all__ = ["Freezer", "freeze_job"]

_MUCH = 10 << 20


def _parts(job: Any) -> Iterator[tuple[str, Any]]:
    """Give what a job is made of, with words for a message."""
    function = getattr(job, "function", None)
    if function is not None:
        import inspect

        if inspect.isfunction(function):
            captured = inspect.getclosurevars(function)
            for name, value in captured.nonlocals.items():
                yield f"the variable {name!r} that the run function uses", value
            for name, value in captured.globals.items():
                yield f"the global {name!r} that the run function uses", value
        yield "the run function", function
    arguments = getattr(job, "arguments", None)
    if arguments is not None:
        args, kwargs = arguments.travellers()
        for place, value in enumerate(args):
            yield f"argument {place} of the run function", value
        for name, value in kwargs.items():
            yield f"argument {name!r} of the run function", value
    yield "the trajectory", getattr(job, "trajectory", None)


def freeze_job(job: Job) -> bytes:
    """Give a job as bytes; TypeError names what cannot travel, a warning what is large."""
    import cloudpickle

    try:
        data: bytes = cloudpickle.dumps(job, protocol=5)
    except Exception as error:
        for words, value in _parts(job):
            try:
                cloudpickle.dumps(value)
            except Exception as reason:
                raise TypeError(
                    f"{words[0].upper()}{words[1:]} cannot travel to a worker process "
                    f"({type(value).__name__}: {reason}). Make it inside the function, or run with "
                    "runner='serial'."
                ) from error
        raise TypeError(
            f"The run function cannot travel to a worker process: {error}. Run with runner='serial'."
        ) from error
    if len(data) > _MUCH:
        large = []
        for words, value in _parts(job):
            try:
                size = len(cloudpickle.dumps(value))
            except Exception:  # part of a whole that did travel: it is not the large one
                continue
            if size > _MUCH:
                large.append(f"{words} ({size >> 20} MB)")
        warnings.warn(
            f"{len(data) >> 20} MB travel to each worker: {', '.join(large) or 'function and arguments'}. "
            "Load large data inside the function instead.",
            stacklevel=6,
        )
    return data


class Freezer:
    """Keeps the bytes of the last job, as it is first asked for and then run."""

    def __init__(self) -> None:
        self._job: Job | None = None
        self._data = b""

    def freeze(self, job: Job) -> bytes:
        """Give the job as bytes; TypeError as :func:`freeze_job`."""
        if job is not self._job:
            self._data = freeze_job(job)
            self._job = job
        return self._data

    def refusal(self, job: Job) -> str | None:
        """Give None if the job can travel, else what of it cannot."""
        try:
            self.freeze(job)
        except TypeError as error:
            return str(error)
        return None

    def forget(self) -> None:
        """Let the job go."""
        self._job = None
