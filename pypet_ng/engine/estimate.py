"""How long would a sweep take, and how large would its file be?"""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pypet_ng.encoding import Encoded, canonical
from pypet_ng.engine.attach import explored_leaves
from pypet_ng.engine.batching import BatchBuilder
from pypet_ng.engine.running import make_chunks
from pypet_ng.engine.session import Session
from pypet_ng.engine.single_run import PerRun, SameForAll, TreeJob
from pypet_ng.spaces.columns import ChainColumn, Column, IndexedColumn, PeriodicColumn
from pypet_ng.spaces.compare import relate
from pypet_ng.spaces.plan import Plan
from pypet_ng.tree.nodes import Leaf
from pypet_ng.tree.records import Batch, Failure, RunState

__all__ = ["Estimate", "estimate"]

_TRIES: Final = 16
"""At most so many runs are tried one by one ..."""
_PATIENCE: Final = 0.5
"""... and no more are begun after so many seconds."""
_QUICK: Final = 0.05
"""If they took less in all, so many more are tried at once, as single ones would mostly be overhead:"""
_MORE: Final = 1000
_PER_RUN: Final = 36
"""Bytes of the run table per run."""
_EMPTY: Final = 30_000
"""Bytes of a file with one small trajectory without runs."""

_Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a sweep would cost, from a few runs that were made on trial."""

    total: int
    """Points that are asked for."""
    runs: int
    """Runs that are to be made for them; the others are done already."""
    seconds_per_run: float
    """In this process."""
    seconds: float
    """For all runs on all workers."""
    bytes: int
    """That the file would grow by, uncompressed."""
    location: str | None
    """Where they would be stored, None: nowhere."""
    tried: tuple[int, ...] = ()
    """Runs that were made on trial."""
    failures: tuple[Failure, ...] = ()
    """Those of them that failed."""

    def __repr__(self) -> str:
        lines = [f"Dry run: {self.runs} runs to do"]
        if self.runs < self.total:
            lines[0] += f" ({self.total - self.runs} of {self.total} are done already)"
        if self.runs:
            lines.append(
                f"  time: about {_time(self.seconds)} ({_time(self.seconds_per_run)} per run in one process)"
            )
            where = f"in {self.location}" if self.location is not None else "in memory, stored nowhere"
            lines.append(f"  size: about {_size(self.bytes)} {where}")
            lines.append(f"  from {len(self.tried)} runs on trial, nothing of which was kept")
        if self.failures:
            first = self.failures[0]
            lines.append(
                f"  {len(self.failures)} of them failed; run {first.row}: {first.type}: {first.message}"
            )
        return "\n".join(lines)


def _time(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} us"
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    return str(datetime.timedelta(seconds=round(seconds)))


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def estimate(
    session: Session,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    per_run: bool = False,
    storing: bool = True,
    keep_returned: bool = True,
    workers: int = 1,
) -> Estimate:
    """Make a few of the runs that are to do, in this process, and estimate the whole from them.

    Takes about half a second, or as long as one run. Nothing is stored, the tree, its locks and the
    seed are as before; what the function does elsewhere (its own files) it does. The points lie evenly
    between the first and the last one. PlanMismatchError if the stored trajectory does not fit.
    """
    session.tree.check_outside_run("A dry run")
    storage = session.storage if storing else None
    plan, wanted, missing = _to_do(session, storing)
    tried: list[int] = []
    failures: list[Failure] = []
    took: list[float] = []
    size = 0.0
    if len(missing):
        arguments = PerRun(missing.tolist(), args, kwargs) if per_run else SameForAll(args, kwargs)
        with _as_before(session):
            job = TreeJob(
                session.tree,
                function,
                arguments,
                explored_leaves(session),
                BatchBuilder(keep_returned=storage is not None and keep_returned),
                keep_nodes=False,
                interval=float("inf"),
                waiting_bytes=sys.maxsize,
                stop_at_failure=False,
            )

            def perform(rows: _Numbers) -> float:
                nonlocal size
                start = time.perf_counter()
                batches = [
                    batch
                    for chunk in make_chunks(plan, rows, np.ones(len(rows), np.uint16))
                    for batch in job.perform(chunk)
                ]
                passed = time.perf_counter() - start
                for batch in batches:
                    failures.extend(batch.failures)
                    size += _bytes_of(batch)
                tried.extend(rows.tolist())
                return passed

            for row in _spread(missing, _TRIES):
                took.append(perform(row))
                if sum(took) > _PATIENCE:
                    break
            others = np.setdiff1d(missing, tried)
            if sum(took) < _QUICK and len(others):
                some = others[:: max(1, len(others) // _MORE)][:_MORE]
                took = [perform(some) / len(some)]
    count = len(missing)
    typical = took[1:] or took  # the first one paid for imports and compilation
    each = sum(typical) / len(typical) if typical else 0.0
    bytes_ = 0.0
    if count:
        bytes_ = count * (size / len(tried) + _PER_RUN)
        if len(missing) == len(plan):  # else there is a file
            bytes_ += _EMPTY + _plan_bytes(plan)
    return Estimate(
        total=len(wanted),
        runs=count,
        seconds_per_run=each,
        seconds=each * count / max(1, min(workers, count)),
        bytes=round(bytes_),
        location=None if storage is None else storage.location,
        tried=tuple(sorted(tried)),
        failures=tuple(sorted(failures, key=lambda one: one.row)),
    )


def _to_do(session: Session, storing: bool) -> tuple[Plan, _Numbers, _Numbers]:
    """Give plan, points asked for and runs to do as ``env.run`` would see them, changing nothing."""
    plan = session.plan
    wanted = np.arange(len(plan), dtype=np.int64)
    storage = session.storage
    states = session.runs.state[: session.runs.length]
    if storing and storage is not None and not session.facts.attached:
        name = session.tree.root.name
        if any(info.name == name for info in storage.trajectories()):
            storage.select(name)
            states = storage.run_table().column("state")
            stored = storage.read_plan()
            if stored.is_explored or (states == RunState.DONE).any():
                relation = relate(plan, stored, canonical)
                plan = relation.plan
                rows = relation.wanted
                wanted = (
                    np.arange(*rows.indices(len(plan)), dtype=np.int64) if isinstance(rows, slice) else rows
                )
    known = np.zeros(max(len(plan), len(states)), np.uint8)
    known[: len(states)] = states
    return plan, wanted, wanted[known[wanted] != RunState.DONE]


def _spread(rows: _Numbers, most: int) -> Iterator[_Numbers]:
    """Give up to `most` single rows, those that say most first: the ends, the middle, and so on."""
    given: set[int] = set()
    steps = 1
    while len(given) < min(most, len(rows)):
        for place in np.linspace(0, len(rows) - 1, steps + 1).round().astype(np.int64).tolist():
            if place not in given and len(given) < most:
                given.add(place)
                yield rows[place : place + 1]
        steps *= 2


@contextmanager
def _as_before(session: Session) -> Iterator[None]:
    """Take back inside the tree what runs on trial do to it."""
    tree = session.tree
    facts = session.facts
    seed = facts.seed
    before = {id(node): node for node in tree.walk(tree.root)}
    locks = [(node, node.locked) for node in before.values() if isinstance(node, Leaf)]
    try:
        yield
    finally:
        for leaf in explored_leaves(session).values():
            leaf.restore_default()  # type: ignore[attr-defined]
        tree.move_to(-1)
        for node in list(tree.walk(tree.root)):
            if id(node) not in before and node.parent is not None:
                tree.detach(node)
        for leaf, locked in locks:
            leaf.locked = locked
        facts.seed = seed


# -- sizes ------------------------------------------------------------------------------------------
def _bytes_of(batch: Batch) -> float:
    blocks = list(batch.blocks.values())
    if batch.returned is not None:
        blocks.append(batch.returned)
    total = sum(_bytes(value) for block in blocks for values in block.columns.values() for value in values)
    total += sum(_bytes(value) for _, record in batch.records for value in record.data.values())
    total += sum(64 + _bytes(note.value) for note in batch.notes)
    return total + sum(len(failure.traceback) + 200 for failure in batch.failures)


def _bytes(value: Any) -> float:
    if isinstance(value, np.ndarray | np.generic):
        return value.nbytes
    if isinstance(value, Encoded):
        return 16 + sum(part.nbytes for part in value.parts.values())
    if isinstance(value, str | bytes):
        return 16 + len(value)
    if isinstance(value, list | tuple):
        return 16 + sum(map(_bytes, value))
    if isinstance(value, dict):
        return 16 + sum(_bytes(key) + _bytes(one) for key, one in value.items())
    return 8


def _plan_bytes(plan: Plan) -> float:
    return sum(_column_bytes(plan.column(path)) for path in plan.names)


def _column_bytes(column: Column) -> float:
    if isinstance(column, PeriodicColumn):
        return _column_bytes(column.base)
    if isinstance(column, IndexedColumn):
        return 8 * len(column) + _column_bytes(column.base)
    if isinstance(column, ChainColumn):
        return sum(map(_column_bytes, column.parts))
    some = column.take(slice(0, 100))
    return len(column) * sum(map(_bytes, some)) / len(some)
