"""What happens between ``env.run`` and the list of returned values?"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from pypet_ng.engine.attach import attach, explored_leaves
from pypet_ng.engine.away import Home
from pypet_ng.engine.batching import BatchBuilder
from pypet_ng.engine.change import judge
from pypet_ng.engine.folded import put_to_sleep
from pypet_ng.engine.homecoming import take_in
from pypet_ng.engine.progress import Observer, Silent
from pypet_ng.engine.returned import Gathered
from pypet_ng.engine.session import Session, forget_read_ahead
from pypet_ng.engine.signals import Interrupts
from pypet_ng.engine.single_run import PerRun, SameForAll, TreeJob
from pypet_ng.engine.storing import store_all
from pypet_ng.engine.worklogs import WorkerLogs
from pypet_ng.errors import DataNotInStorageError, RunFailedError
from pypet_ng.runners.base import Runner
from pypet_ng.settings import OnError, RunSettings
from pypet_ng.spaces.plan import Plan
from pypet_ng.storage.base import NOT_SET, RETURNED
from pypet_ng.tree.nodes import Leaf
from pypet_ng.tree.records import Batch, Chunk, Failure, NodeKind, RunState

__all__ = ["make_chunks", "retry_failed", "run"]

_CHUNK = 1000
_Numbers = npt.NDArray[np.int64]


def make_chunks(
    plan: Plan, rows: _Numbers, attempts: npt.NDArray[np.uint16], size: int = _CHUNK
) -> Iterator[Chunk]:
    """Cut runs into chunks, each with the explored values of just its rows."""
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        dense = int(some[-1]) - int(some[0]) == len(some) - 1 and bool((np.diff(some) == 1).all())
        chosen = slice(int(some[0]), int(some[-1]) + 1) if dense else some
        numbers = attempts[start : start + size]
        yield Chunk(some, plan.columns(chosen), numbers, numbers)


def run(
    session: Session,
    settings: RunSettings,
    runner: Runner,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    results: Gathered,
    per_run: bool = False,
    session_facts: Mapping[str, Any] | None = None,
    observer: Observer | None = None,
    source: Callable[[Plan, _Numbers, npt.NDArray[np.uint16]], Iterable[Chunk]] | None = None,
    logs: WorkerLogs | None = None,
) -> None:
    """Do all runs of the plan that are not done; (index, returned value) go to `results`.

    `source` cuts runs into chunks (default :func:`make_chunks`), and may give fewer or more of them.
    In the first call of a session on an existing trajectory the list has the values of all points
    of the plan, later the new ones only. See the architecture, section "one run, end to end".
    """
    tree = session.tree
    tree.check_outside_run("Running a sweep")
    keeping = settings.automatic_storing and session.storage is not None
    storage = session.storage if keeping else None
    with Interrupts() as interrupts, storage.writing() if storage is not None else nullcontext():
        _go_home(session)
        if storage is not None:
            if session.facts.attached:
                storage.refresh()
            wanted = np.sort(attach(session))
            verdict = judge(session, settings, function, args, kwargs, per_run=per_run)
            _lock_parameters(session)
            store_all(session)
            if not session.facts.number or verdict.is_new:
                facts = dict(session_facts or {})
                facts["keep_returned"] = settings.keep_returned
                facts["seed"] = str(session.facts.root_seed())
                facts |= verdict.facts()
                session.facts.number = storage.add_session(facts)
            verdict.carry_out(session)
            with interrupts.held():
                storage.commit()  # what is to be done is known to all before the first run
        else:
            wanted = np.arange(len(session.plan), dtype=np.int64)
            _lock_parameters(session)
        book = session.runs
        book.grow(max(len(session.plan), book.length))
        new = wanted[wanted >= session.facts.given]
        missing = book.missing(wanted)
        kept = (
            _kept_values(session, settings, new[book.state[new] == RunState.DONE])
            if storage
            else ({}, missing)
        )
        values, lost = kept
        if storage is not None and len(lost):
            warnings.warn(
                f"The returned values of {len(lost)} finished runs could not be stored when they ran: these "
                "runs run again. Return something a codec accepts, or use keep_returned=False.",
                stacklevel=4,
            )
            missing = np.union1d(missing, lost).astype(np.int64)
        session.facts.given = max(session.facts.given, len(session.plan))
        arguments = PerRun(missing.tolist(), args, kwargs) if per_run else SameForAll(args, kwargs)
        results.add(values.items())
        if len(missing):
            put_to_sleep(session, missing)
            job = TreeJob(
                tree,
                function,
                arguments,
                explored_leaves(session),
                BatchBuilder(keep_returned=keeping and settings.keep_returned),
                keep_nodes=not (keeping and settings.clean_up_runs),
                stores=keeping,
                interval=settings.commit_interval,
                waiting_bytes=settings.waiting_bytes,
                stop_at_failure=settings.on_error is OnError.STOP,
                root_seed=session.facts.root_seed(),
                logs=logs,
                home=_home_of(session) if keeping else None,
            )
            refusal = runner.accepts(job)
            if refusal is not None:
                raise TypeError(refusal)
            observer = observer or Silent()
            observer.started(len(wanted), len(wanted) - len(missing))
            try:
                _loop(
                    session,
                    settings,
                    runner,
                    job,
                    missing,
                    results,
                    observer,
                    interrupts,
                    source or make_chunks,
                )
            except KeyboardInterrupt as stop:
                done = int(np.count_nonzero(book.state[wanted] == RunState.DONE))
                stop.add_note(
                    f"{done} of {len(wanted)} runs of trajectory {tree.root.name!r} are done"
                    + (
                        ". Run the script again to do the others."
                        if storage is not None
                        else ", but not stored."
                    )
                )
                raise
            finally:
                with interrupts.held():
                    observer.finished()
                    _go_home(session)
                    if storage is not None:
                        forget_read_ahead(session)
                        storage.commit()
            if storage is not None:
                store_all(session)
        elif observer is not None:
            observer.started(len(wanted), len(wanted))
            observer.finished()


def retry_failed(session: Session) -> list[int]:
    """Mark failed, lost and timed-out runs as not done yet; gives their indices."""
    session.tree.check_outside_run("f_retry_failed")
    book = session.runs
    states = book.state[: len(session.plan)]
    rows = np.flatnonzero((states != RunState.NONE) & (states != RunState.DONE)).astype(np.int64)
    if len(rows):
        book.state[rows] = RunState.NONE
        if session.storage is not None and session.facts.attached:
            session.storage.mark_runs(rows, int(RunState.NONE))
    session.facts.keep_next = True
    return [int(row) for row in rows]


def _home_of(session: Session) -> Home | None:
    """Give where runs on worker processes load from; a storage that travels goes with them by itself."""
    storage = session.storage
    if storage is None or storage.name is None or getattr(storage, "travels", False):
        return None
    return Home(storage.location, storage.name, session.facts.stored_runs, session.tree.naming.auto_load)


def _go_home(session: Session) -> None:
    """Leave any current run: parameters have their default values again."""
    for leaf in explored_leaves(session).values():
        leaf.restore_default()  # type: ignore[attr-defined]
    session.tree.move_to(-1)


def _lock_parameters(session: Session) -> None:
    for branch in ("config", "parameters", "derived_parameters"):
        start = session.tree.root.children.get(branch)
        if start is not None:
            for node in session.tree.walk(start):
                if isinstance(node, Leaf) and node.kind is NodeKind.PARAMETER and not node.is_empty:
                    node.locked = True


def _kept_values(session: Session, settings: RunSettings, done: _Numbers) -> tuple[dict[int, Any], _Numbers]:
    """Give the stored returned values of finished runs, and the runs whose values are missing."""
    nothing = np.zeros(0, np.int64)
    storage = session.storage
    if not len(done) or storage is None or not settings.keep_returned:
        return {}, nothing
    try:
        column = storage.read_runs(RETURNED, "")
    except DataNotInStorageError:
        values: list[Any] = [NOT_SET] * len(done)
    else:
        dense = int(done[-1]) - int(done[0]) == len(done) - 1
        values = column.values(slice(int(done[0]), int(done[-1]) + 1) if dense else done)
        values += [NOT_SET] * (len(done) - len(values))
    found = {
        int(row): value for row, value in zip(done.tolist(), values, strict=True) if value is not NOT_SET
    }
    if len(found) == len(done):
        return found, nothing
    numbers = storage.run_table().column("session")
    careless = {
        place + 1 for place, facts in enumerate(storage.sessions()) if not facts.get("keep_returned", True)
    }
    lost = [
        row
        for row in done.tolist()
        if row not in found and not (row < len(numbers) and int(numbers[row]) in careless)
    ]
    return found, np.array(lost, np.int64)


def _loop(
    session: Session,
    settings: RunSettings,
    runner: Runner,
    job: TreeJob,
    missing: _Numbers,
    results: Gathered,
    observer: Observer,
    interrupts: Interrupts,
    source: Callable[[Plan, _Numbers, npt.NDArray[np.uint16]], Iterable[Chunk]],
) -> None:
    storage = session.storage if settings.automatic_storing else None
    book = session.runs
    number = session.facts.number
    attempts = (book.attempt[missing] + 1).astype(np.uint16)
    failed = finished = untried = 0
    lowest: Failure | None = None
    committed = time.monotonic()
    waiting = False
    for batch in runner.run(job, source(session.plan, missing, attempts)):
        with interrupts.held():
            if batch.runs is not None:
                batch.runs.session = number
                if storage is not None:
                    storage.append_runs(batch)
                    waiting = True
                else:
                    take_in(session, batch)
                book.enter(batch.runs)
                results.add(batch.values)
                for failure in batch.failures:
                    book.failures[failure.row] = failure
                    if lowest is None or failure.row < lowest.row:
                        lowest = failure
                failed += len(batch.failures)
                finished += len(batch.runs.rows)
            # before observers hear of them: what is reported is stored
            if waiting and storage is not None and time.monotonic() - committed >= settings.commit_interval:
                storage.commit()
                committed, waiting = time.monotonic(), False
            if batch.runs is not None:
                observer.advanced(batch)
        if batch.failures and _give_up(settings, batch, failed, finished):
            untried = len(missing) - finished
            break
    if lowest is not None and settings.on_error is not OnError.RETURN:
        _raise(session, lowest, failed, len(missing), untried)


def _give_up(settings: RunSettings, batch: Batch, failed: int, finished: int) -> bool:
    if settings.on_error is OnError.STOP:
        return True
    return settings.on_error is OnError.RAISE and failed == finished and finished >= 10


def _raise(session: Session, failure: Failure, failed: int, count: int, untried: int) -> None:
    """Raise the run's own exception with notes on where it happened; its record where it could not travel."""
    point = {".".join(path): value for path, value in session.plan.point(failure.row).items()}
    error = failure.error or RunFailedError(f"{failure.type}: {failure.message}\n{failure.traceback}")
    error.add_note(
        f"Run {failure.row} of trajectory {session.tree.root.name!r} failed at {point}; "
        f"{failed} of {count} runs failed{f', so {untried} were not tried' if untried else ''}. "
        "The others are kept. "
        "Mend the function and run the script again: only what is missing is done."
    )
    raise error
