"""How do stored nodes and the results of runs get from one trajectory into another, column by column?

Both may lie in one file: nothing is read while the target is written to. What waits in between is
bounded by :data:`WAITING` bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Path, Rows
from pypet_ng.errors import DataNotInStorageError
from pypet_ng.storage.base import NOT_SET, RETURNED, StorageService
from pypet_ng.storage.hdf5 import HDF5StorageService
from pypet_ng.storage.memory import MemoryStorageService
from pypet_ng.tree.records import (
    Batch,
    Block,
    NodeKind,
    Note,
    NoteKind,
    Record,
    RunStates,
    Signature,
    Skeleton,
)

__all__ = ["WAITING", "Loader", "beside", "copy_nodes", "copy_runs", "copy_sessions", "dense"]

WAITING: Final = 64 << 20
_MOST_ROWS: Final = 65_536
_Numbers = npt.NDArray[np.int64]


def beside(service: StorageService, name: str) -> StorageService:
    """Give a second service on the same data with trajectory `name` selected, as one works on one at a time.

    A service of another kind is given itself.
    """
    twin: StorageService = service
    if isinstance(service, MemoryStorageService):
        twin = MemoryStorageService(service.location, store=service.store)
    elif isinstance(service, HDF5StorageService):
        twin = type(service)(service.location)
    twin.select(name)
    return twin


def dense(rows: _Numbers) -> Rows:
    """Give run indices as a slice where they are one."""
    if len(rows) and int(rows[-1]) - int(rows[0]) == len(rows) - 1 and bool((np.diff(rows) == 1).all()):
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


def _size(value: Any) -> int:
    """Give about how many bytes a value takes."""
    size = getattr(value, "nbytes", None)
    if isinstance(size, (int, np.integer)):
        return 16 + int(size)
    if isinstance(value, (list, tuple, set, frozenset)):
        return 64 + sum(map(_size, list(value)[:100])) * max(1, len(value) // 100)
    if isinstance(value, dict):
        return 64 + sum(_size(item) for item in list(value.values())[:100]) * max(1, len(value) // 100)
    return 16 + len(value) if isinstance(value, (str, bytes, bytearray)) else 32


@dataclass(slots=True)
class Loader:
    """Gathers what is to be appended to the target, so that it is opened once for much."""

    target: StorageService
    batch: Batch = field(default_factory=Batch)
    waiting: int = 0

    def add(self, signature: Signature, block: Block, size: int) -> None:
        """Take a block of columns; of one signature there can be one in a batch."""
        if signature in self.batch.blocks or self.waiting + size > WAITING:
            self.flush()
        self.batch.blocks[signature] = block
        self.waiting += size

    def flush(self) -> None:
        """Append what waits."""
        batch, self.batch, self.waiting = self.batch, Batch(), 0
        if batch.blocks or batch.notes or batch.returned is not None or batch.runs is not None:
            self.target.append_runs(batch)


def copy_runs(
    source: StorageService,
    target: StorageService,
    new: _Numbers,
    *,
    sessions: Mapping[int, int],
    leave_out: Callable[[Path], npt.NDArray[np.bool_] | None] = lambda _: None,
    rename: Callable[[Path], Path | None] = lambda path: path,
) -> None:
    """Copy results, returned values, notes, states and failures of runs.

    Parameters
    ----------
    new
        For each run of the source its index in the target, -1 to leave it out. Shape (run,).
    sessions
        Numbers of the source's sessions to those in the target.
    leave_out
        For a folded path a mask of the source's runs whose leaves are not wanted, None if all are.
    rename
        Gives the new place of what a link leads to, None to drop the link.

    The target's plan must have the runs already. Costs one read and one write of each column, and a
    Python object per value.
    """
    loader = Loader(target)
    kept = np.flatnonzero(new >= 0).astype(np.int64)
    for path, signatures in source.signatures().items():
        unwanted = leave_out(path)
        rows = kept if unwanted is None else kept[~unwanted[kept]]
        ids = source.signature_ids(path)
        rows = rows[rows < len(ids)]
        for number, signature in enumerate(signatures, 1):
            _copy_columns(source, loader, signature, rows[ids[rows] == number], new)
    loader.flush()
    _copy_returned(source, loader, kept, new)
    notes = [
        moved
        for note in source.notes()
        if note.row < len(new) and new[note.row] >= 0 and (moved := _moved(note, new, leave_out, rename))
    ]
    loader.batch.notes = notes
    loader.flush()
    # states last: a run whose results are not all there must not count as done
    _copy_states(source, target, kept, new, sessions)


def _copy_columns(
    source: StorageService, loader: Loader, signature: Signature, rows: _Numbers, new: _Numbers
) -> None:
    if not len(rows):
        return
    columns = {item: source.read_runs(signature.path, item) for item in signature.items}
    first = sum(_size(column.values(rows[:1])[0]) for column in columns.values())
    step = max(1, min(_MOST_ROWS, WAITING // (4 * max(32, first))))
    start = 0
    while start < len(rows):
        some = rows[start : start + step]
        values = {item: column.values(dense(some)) for item, column in columns.items()}
        for one, block in _whole(signature, new[some], values):
            loader.add(
                one, block, sum(_size(value) for value in list(values.values())[:1]) + first * len(some)
            )
        start += step


def _whole(
    signature: Signature, rows: _Numbers, values: dict[str, list[Any]]
) -> Iterator[tuple[Signature, Block]]:
    """Give blocks without gaps: rows that lack an item have a signature of their own."""
    if not any(value is NOT_SET for column in values.values() for value in column):
        yield signature, Block(rows, dict(values))
        return
    groups: dict[tuple[str, ...], list[int]] = {}
    for place in range(len(rows)):
        items = tuple(item for item in signature.items if values[item][place] is not NOT_SET)
        groups.setdefault(items, []).append(place)
    for items, places in groups.items():
        columns: dict[str, Any] = {item: [values[item][place] for place in places] for item in items}
        yield replace(signature, items=items), Block(rows[places], columns)


def _copy_returned(source: StorageService, loader: Loader, kept: _Numbers, new: _Numbers) -> None:
    try:
        column = source.read_runs(RETURNED, "")
    except DataNotInStorageError:
        return
    kept = kept[kept < len(column)]
    for start in range(0, len(kept), _MOST_ROWS):
        some = kept[start : start + _MOST_ROWS]
        values = column.values(dense(some))
        places = [place for place, value in enumerate(values) if value is not NOT_SET]
        loader.batch.returned = Block(new[some][places], {"": [values[place] for place in places]})
        loader.flush()


def _moved(
    note: Note,
    new: _Numbers,
    leave_out: Callable[[Path], npt.NDArray[np.bool_] | None],
    rename: Callable[[Path], Path | None],
) -> Note | None:
    unwanted = leave_out(note.path)
    if unwanted is not None and unwanted[note.row]:
        return None
    value = note.value
    if note.kind is NoteKind.LINK:
        goal = rename(tuple(value))
        if goal is None:
            return None
        value = list(goal)
    return replace(note, row=int(new[note.row]), value=value)


def _copy_states(
    source: StorageService, target: StorageService, kept: _Numbers, new: _Numbers, sessions: Mapping[int, int]
) -> None:
    table = source.run_table()
    if not len(kept):
        return
    rows = dense(kept)
    columns = {
        name: table.column(name, rows) for name in ("state", "start", "finish", "attempt", "nonfinite")
    }
    numbers = table.column("session", rows)
    hosts = np.array(table.hosts(rows), dtype=object)
    failures = {failure.row: failure for failure in table.failures(rows)}
    known = columns["state"] != 0
    pairs: dict[tuple[int, str], None] = dict.fromkeys(
        zip(numbers[known].tolist(), hosts[known].tolist(), strict=True)
    )
    for number, host in pairs:
        chosen = np.flatnonzero(known & (numbers == number) & (hosts == host))
        states = RunStates(
            rows=new[kept[chosen]],
            state=columns["state"][chosen],
            start=columns["start"][chosen],
            finish=columns["finish"][chosen],
            attempt=columns["attempt"][chosen],
            nonfinite=columns["nonfinite"][chosen],
            session=sessions.get(number, 0),
            host=host,
        )
        failed = [
            replace(failures[row], row=int(new[row])) for row in kept[chosen].tolist() if row in failures
        ]
        target.append_runs(Batch(runs=states, failures=failed))


def copy_sessions(source: StorageService, target: StorageService, note: str) -> dict[int, int]:
    """Enter the sessions of the source into the target; gives the new number of each.

    `note` says where they come from. Numbers that are there already (a copied trajectory) stay.
    """
    numbers = {}
    for number, facts in enumerate(source.sessions(), 1):
        kept = dict(facts)
        if note:
            kept.setdefault("merged_from", note)
        numbers[number] = target.add_session(kept)
    return numbers


def copy_nodes(
    source: StorageService,
    target: StorageService,
    skeletons: Iterable[Skeleton],
    rename: Callable[[Path], Path | None] = lambda path: path,
) -> int:
    """Copy nodes that belong to no run, with their data; gives how many leaves. What is there stays."""
    waiting: list[Record] = []
    size = leaves = 0
    links: list[Record] = []
    for skeleton in skeletons:
        path = rename(skeleton.path)
        if path is None:
            continue
        if skeleton.kind is NodeKind.LINK:
            goal = rename(skeleton.target)
            if goal is not None:
                links.append(Record(replace(skeleton, path=path, target=goal)))
            continue
        data: Mapping[str, Any] = source.read(skeleton.path).data if skeleton.is_leaf else {}
        leaves += skeleton.is_leaf
        size += sum(map(_size, data.values()))
        waiting.append(Record(replace(skeleton, path=path), data))
        if size > WAITING:
            target.write(waiting)
            waiting, size = [], 0
    _write(target, waiting)
    _write(target, links)
    return leaves


def _write(target: StorageService, records: Sequence[Record]) -> None:
    if records:
        target.write(records)
