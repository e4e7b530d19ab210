"""Stored sweeps whose content tells which commit it is, for the tests of the storage as a whole."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from pypet_ng.spaces.columns import column_of
from pypet_ng.spaces.plan import Plan
from pypet_ng.storage.base import NOT_SET
from pypet_ng.storage.hdf5 import HDF5StorageService
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
    TrajectoryInfo,
)

X = ("parameters", "x")
RUNS = ("results", "runs", "$")


def signature(name: str) -> Signature:
    return Signature((*RUNS, name), NodeKind.RESULT, "Result", "", (name,))


def leaf(path: tuple[str, ...], value: object) -> Record:
    return Record(Skeleton(path, NodeKind.RESULT, "Result", items=("r",)), {"r": value})


def begin(path: str, runs: int = 200, **options: Any) -> HDF5StorageService:
    """Make a file with a trajectory of so many runs."""
    service = HDF5StorageService(path, **options)
    with service.writing():
        service.create(TrajectoryInfo("traj", timestamp=1.0))
        service.write([Record(Skeleton(X, NodeKind.PARAMETER, "Parameter", items=("data",)), {"data": 0})])
        service.write_plan(Plan({X: column_of(range(runs))}))
    return service


def ended(rows: np.ndarray[Any, np.dtype[np.int64]]) -> RunStates:
    count = len(rows)
    return RunStates(
        rows,
        np.ones(count, np.uint8),
        np.full(count, 1e9),
        np.full(count, 1e9 + 1),
        np.ones(count, np.uint16),
        np.zeros(count, np.uint8),
        1,
        "host",
    )


def batch_of(rows: np.ndarray[Any, np.dtype[np.int64]]) -> Batch:
    """Give results of runs that follow from their indices: floats, arrays, ragged ones, irregular ones, links."""
    listed = rows.tolist()
    notes = [Note(row, (*RUNS, "link"), NoteKind.LINK, "", list(X)) for row in listed if row % 5 == 0]
    return Batch(
        {
            signature("z"): Block(rows, {"z": [row * 1.5 for row in listed]}),
            signature("a"): Block(rows, {"a": np.arange(30.0) + rows[:, None]}),
            signature("s"): Block(rows, {"s": [np.arange(row % 7) for row in listed]}),
            signature("i"): Block(rows, {"i": [{"k": row} if row % 3 else f"text {row}" for row in listed]}),
        },
        notes=notes,
        runs=ended(rows),
    )


def check(service: HDF5StorageService, *, live: bool = False) -> int:
    """Check all that is stored of runs and give how many of them are done.

    `live`: somebody writes, and each call may see a later commit than the one before.
    """
    found = np.flatnonzero(service.run_table().column("state") == 1)
    if not len(found):
        return 0
    columns = {name: service.read_runs((*RUNS, name), name).values() for name in "zasi"}
    for row in found.tolist():
        assert columns["z"][row] == row * 1.5
        assert (columns["a"][row] == np.arange(30.0) + row).all()
        assert columns["s"][row].tolist() == list(range(row % 7))
        assert columns["i"][row] == ({"k": row} if row % 3 else f"text {row}")
    done = frozenset(found.tolist())
    for values in columns.values():
        for row, value in enumerate(values):
            assert (value is NOT_SET) == (row not in done) or (live and row not in done)
    return len(found)


def look(path: str) -> str:
    """Give what is stored as text."""
    service = HDF5StorageService(path)
    if not any(info.name == "traj" for info in service.trajectories()):
        return "no trajectory"
    service.select("traj")
    done = check(service)
    shown = [f"{done} of {len(service.run_table())}, {len(service.sessions())} sessions"]
    for node in service.scan():
        shown.append(repr(node))
        if node.is_leaf and node.path != X:
            value = service.read(node.path).data["r"]
            shown.append(f"{np.size(value)} {np.ravel(value)[0]}")
    return "\n".join(shown)


def change(service: HDF5StorageService, number: int, done: int, chance: random.Random) -> int:
    """Make the changes of one commit; gives how many runs are done then."""
    rows = np.arange(done, done + chance.choice((1, 2, 9)))
    service.append_runs(batch_of(rows))
    kind = chance.randrange(4)
    if kind == 0:
        service.write([leaf(("results", f"r{number}"), np.full(chance.choice((2, 4000)), number))])
        service.write(
            [Record(Skeleton(("results", f"l{number}"), NodeKind.LINK, target=("results", f"r{number}")))]
        )
    elif kind == 1:
        for node in list(service.scan(("results",), 1)):
            if node.path[-1] != "runs" and chance.random() < 0.5:
                service.delete(node.path)
    elif kind == 2:
        service.add_session({"number": number})
    return done + len(rows)
