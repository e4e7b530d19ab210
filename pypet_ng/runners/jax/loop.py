"""How do batches go to the devices and come back, and what if one fails?

Two batches are on their way: while the caller writes one down, the next is computed. A batch that does
not fit into memory is tried again at half the size; one that fails for another reason is cut in halves
until the runs are found that are to blame.
"""

from __future__ import annotations

import re
import time
import warnings
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from pypet_ng._typing import Array
from pypet_ng.runners.base import Template, TraceableJob
from pypet_ng.runners.jax.columns import Feed, Points, join
from pypet_ng.runners.jax.programs import BatchProgram, Programs
from pypet_ng.runners.jax.sizing import Sizing
from pypet_ng.tree.records import Batch

__all__ = ["DeviceLoop", "cause_of", "is_out_of_memory"]

_IN_FLIGHT: Final = 2
_LONG: Final = 0.03
"""Seconds of work worth a writing."""
_MUCH: Final = 1 << 20
"""Bytes of results worth a writing."""
_RAISED: Final = re.compile(
    r"^(?:[\w.]+\.)?([A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning)): ?(.*)$", re.M
)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that a device had not enough memory."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)


@dataclass(slots=True)
class Flight:
    """A batch on its way."""

    points: Points
    start: float
    outputs: list[Any]
    error: Exception | None = None
    """Why it did not even start."""

    def land(self) -> list[Array]:
        """Wait for the batch and give its columns, without the rows that only filled it up.

        Errors of the devices come up here.
        """
        if self.error is not None:
            raise self.error
        count = len(self.points)
        return [_on_host(output)[:count] for output in self.outputs]

    def is_ready(self) -> bool:
        """Tell whether the batch is computed."""
        return self.error is None and all(output.is_ready() for output in self.outputs)


def _on_host(output: Any) -> Array:
    array = np.asarray(output)
    if array.dtype.kind == "V":  # types that only accelerators have
        array = array.astype(np.float32)
    return array


class Shelf:
    """Keeps batches that came back until they are worth writing: each writing has its price."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self._points: list[Points] = []
        self._columns: list[list[Array]] = []
        self._bytes = 0
        self._start = self._finish = 0.0

    def put(self, points: Points, columns: list[Array], start: float, finish: float) -> None:
        """Take a batch."""
        if not self._points:
            self._start = start
        self._finish = finish
        self._points.append(points)
        self._columns.append(columns)
        self._bytes += sum(column.nbytes for column in columns)

    def is_full(self) -> bool:
        """Tell whether it is time to write."""
        return self._finish - self._start >= _LONG or self._bytes >= _MUCH

    def take(self) -> Iterator[Batch]:
        """Give all as one batch, nothing if there is none."""
        if not self._points:
            return
        points = join(self._points)
        columns = self._columns[0]
        if len(self._columns) > 1:
            columns = [np.concatenate(parts) for parts in zip(*self._columns, strict=True)]
        self._points, self._columns, self._bytes = [], [], 0
        yield self._template.fill(points.rows, points.attempts, columns, self._start, self._finish)


class DeviceLoop:
    """One sweep over the runs of a feed."""

    def __init__(self, job: TraceableJob, feed: Feed, programs: Programs, sizing: Sizing) -> None:
        self._job = job
        self._feed = feed
        self._programs = programs
        self._sizing = sizing
        self._template = programs.point.template
        self._shelf = Shelf(self._template)
        self._flights: deque[Flight] = deque()
        self._landed = 0.0

    def batches(self) -> Iterator[Batch]:
        """Give batches of columns, and one for each failed run."""
        program = self._fitting(self._sizing.first(self._programs, self._feed))
        while True:
            try:
                self._launch(program)
                if not self._flights:
                    break
                flight = self._flights[0]
                began = time.time()
                columns = flight.land()
            except KeyboardInterrupt:
                for flight in self._flights:  # the user interrupts, but does not want to lose what is there
                    if flight.is_ready():
                        self._shelf.put(flight.points, flight.land(), flight.start, time.time())
                yield from self._shelf.take()
                raise
            except Exception as error:
                if is_out_of_memory(error) and program.size > len(self._programs.devices):
                    program = self._smaller(program, error)
                else:
                    yield from self._shelf.take()
                    yield from self._search(program, error)
                continue
            self._flights.popleft()
            finish = time.time()
            cycle = finish - max(flight.start, self._landed)
            self._landed = finish
            self._shelf.put(flight.points, columns, flight.start, finish)
            if self._shelf.is_full():
                yield from self._shelf.take()
            size = self._sizing.after(finish - began, cycle, program, self._feed)
            if size != program.size:
                program = self._fitting(size)
                self._programs.best = program.size
        yield from self._shelf.take()

    def _launch(self, program: BatchProgram) -> None:
        """Send batches until two are on their way, or nothing is left."""
        while len(self._flights) < _IN_FLIGHT:
            points = self._feed.take(program.size)
            if points is None:
                return
            self._flights.append(self._sent(program, points))

    def _sent(self, program: BatchProgram, points: Points) -> Flight:
        start = time.time()
        try:
            return Flight(points, start, program.start(self._job, points))
        except Exception as error:  # it is looked at when the batches before it are back
            return Flight(points, start, [], error)

    # -- memory ------------------------------------------------------------------------------
    def _fitting(self, size: int) -> BatchProgram:
        """Give a program of a size, or of a smaller one that fits into memory."""
        while True:
            try:
                program = self._programs.of_size(size, self._sizing.lanes)
            except Exception as error:
                if not is_out_of_memory(error) or size <= len(self._programs.devices):
                    raise
                size = self._half(size)
                continue
            better = self._sizing.checked(program)
            if better >= program.size:
                return program
            self._programs.forget(program)
            size = better

    def _half(self, size: int) -> int:
        devices = len(self._programs.devices)
        return max(1, size // devices // 2) * devices

    def _smaller(self, program: BatchProgram, error: BaseException) -> BatchProgram:
        """Take back all batches and give a program of half the size."""
        size = self._half(program.size)
        devices = len(self._programs.devices)
        warnings.warn(
            f"A batch of {program.size} runs did not fit into memory ({_first_line(error)}): going on with "
            f"{size}. n_vmap={max(1, size // devices)} would have saved the attempt.",
            stacklevel=2,
        )
        while self._flights:
            self._feed.put_back(self._flights.pop().points)
        self._programs.forget(program)
        self._programs.best = size
        return self._fitting(size)

    # -- failures ----------------------------------------------------------------------------
    def _search(self, program: BatchProgram, error: BaseException) -> Iterator[Batch]:
        """Find the runs that made the oldest batch fail; the others are done."""
        stack = [self._flights.popleft()]
        known: BaseException | None = error
        while stack:
            flight = stack.pop()
            points = flight.points
            failure, known = known, None
            if failure is None:
                flight = self._sent(program, points)
                try:
                    self._shelf.put(points, flight.land(), flight.start, time.time())
                    continue
                except Exception as fresh:
                    failure = fresh
            if len(points) > 1:
                middle = len(points) // 2
                stack += [
                    Flight(points.cut(half), flight.start, [])
                    for half in (slice(middle, None), slice(0, middle))
                ]
                continue
            yield from self._shelf.take()
            kind, message = cause_of(failure)
            row, attempt = int(points.rows[0]), int(points.attempts[0])
            yield self._template.failed(row, attempt, failure, kind, message, flight.start, time.time())


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def cause_of(error: BaseException) -> tuple[str, str]:
    """Give type and message of the user's own error if the device's error only wraps it, else ''."""
    found = (
        _RAISED.findall(str(error)) if type(error).__name__ in ("JaxRuntimeError", "XlaRuntimeError") else []
    )
    return found[-1] if found else ("", "")
