"""What do the parts of the storage contract share: making a service, describing leaves, comparing?"""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from pypet_ng._typing import Path
from pypet_ng.encoding import same
from pypet_ng.spaces.columns import Column, column_of
from pypet_ng.spaces.plan import Plan
from pypet_ng.storage.base import NOT_SET, StorageService
from pypet_ng.tree.records import (
    Batch,
    Block,
    NodeKind,
    Record,
    RunStates,
    Signature,
    Skeleton,
    TrajectoryInfo,
)
from pypet_ng.tree.runnames import unfold

__all__ = ["ContractBase", "Leaf", "X", "assert_rows", "batch_of", "p", "plan_of", "record", "states"]

X: Path = ("parameters", "x")


def p(dotted: str) -> Path:
    """Give a path from its dotted form."""
    return tuple(dotted.split("."))


def record(
    path: str | Path,
    data: Mapping[str, Any] | None = None,
    comment: str = "",
    *,
    kind: NodeKind = NodeKind.RESULT,
    class_name: str = "",
    **more: Any,
) -> Record:
    """Give a record; items in the order of `data`."""
    data = data or {}
    way = p(path) if isinstance(path, str) else path
    name = class_name or ("Result" if kind is NodeKind.RESULT else "Parameter")
    if kind in (NodeKind.GROUP, NodeKind.LINK) and not class_name:
        name = ""
    return Record(Skeleton(way, kind, name, comment, items=tuple(data), **more), dict(data))


def plan_of(length: int, *others: tuple[Path, Column]) -> Plan:
    """Give a plan of `length` runs."""
    return Plan({X: column_of(range(length)), **dict(others)})


@dataclass(frozen=True)
class Leaf:
    """A leaf of one run, as a test describes it."""

    items: Mapping[str, Any]
    comment: str = ""
    class_name: str = "Result"
    kind: NodeKind = NodeKind.RESULT

    def signature(self, path: Path) -> Signature:
        return Signature(path, self.kind, self.class_name, self.comment, tuple(self.items))


Leaves = dict[tuple[str, int], Leaf]
"""What all runs wrote: (folded path, run index) to leaf."""


def batch_of(leaves: Leaves, rows: Iterable[int]) -> Batch:
    """Give the batch in which the runs `rows` report, in that order."""
    blocks: dict[Signature, Block] = {}
    for row in rows:
        for (path, owner), leaf in leaves.items():
            if owner != row:
                continue
            block = blocks.setdefault(leaf.signature(p(path)), Block())
            assert isinstance(block.rows, list)
            block.rows.append(row)
            for name, value in leaf.items.items():
                column = block.columns.setdefault(name, [])
                assert isinstance(column, list)
                column.append(value)
    return Batch(blocks=blocks)


def states(rows: Iterable[int], state: int = 1, session: int = 1, host: str = "node-1") -> RunStates:
    """Give states with times that tell the runs apart."""
    index = np.array(list(rows), dtype=np.int64)
    return RunStates(
        rows=index,
        state=np.full(len(index), state, dtype=np.uint8),
        start=1e9 + index.astype(np.float64),
        finish=1e9 + 0.5 + index.astype(np.float64),
        attempt=np.ones(len(index), dtype=np.uint16),
        nonfinite=(index % 2).astype(np.uint8),
        session=session,
        host=host,
    )


def assert_rows(service: StorageService, leaves: Leaves, length: int) -> None:
    """Check that a service gives exactly these leaves, by row and by column."""
    columns: dict[tuple[str, str], list[Any]] = {}
    for (path, row), leaf in leaves.items():
        way = unfold(p(path), row)
        assert service.has(way), way
        found = service.read(way)
        skeleton = found.skeleton
        assert skeleton.path == way
        assert (skeleton.kind, skeleton.class_name) == (leaf.kind, leaf.class_name), way
        assert skeleton.comment == leaf.comment, way
        assert skeleton.items == tuple(leaf.items), way
        assert list(found.data) == list(leaf.items), way
        for name, value in leaf.items.items():
            assert same(found.data[name], value), (way, name, found.data[name], value)
            columns.setdefault((path, name), [NOT_SET] * length)[row] = value
    for (path, name), values in columns.items():
        column = service.read_runs(p(path), name)
        assert len(column) == length
        assert_values(column.values(), values, (path, name))
        assert column.mask().tolist() == [value is NOT_SET for value in values]
        some = np.array([length - 1, 0, length // 2], dtype=np.int64)
        assert_values(column.values(some), [values[row] for row in some.tolist()], (path, name))
        assert_values(column.values(slice(1, None)), values[1:], (path, name))
        ids = service.signature_ids(p(path))
        known = service.signatures()[p(path)]
        assert len(ids) == length
        for row, number in enumerate(ids.tolist()):
            leaf_here = leaves.get((path, row))
            assert (known[number - 1] if number else None) == (
                leaf_here.signature(p(path)) if leaf_here is not None else None
            )


def assert_values(found: list[Any], expected: list[Any], where: object) -> None:
    """Check that values are the same with their exact types."""
    assert len(found) == len(expected), where
    for row, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
        if theirs is NOT_SET or mine is NOT_SET:
            assert mine is theirs, (where, row, mine)
        else:
            assert same(mine, theirs), (where, row, mine, theirs)


class ContractBase:
    """How a test class makes services. Sub-classes give :meth:`make` and :meth:`again`."""

    def make(self, folder: pathlib.Path) -> StorageService:
        """Give a service without trajectories, whose file (if any) lies in `folder`."""
        raise NotImplementedError

    def again(self, service: StorageService) -> StorageService:
        """Give a second service on the same data, as another process would open it."""
        raise NotImplementedError

    def raw_check(self, service: StorageService) -> None:
        """Check the data by another road than the service's methods. Called after each test."""

    @pytest.fixture
    def service(self, tmp_path: pathlib.Path) -> Iterator[StorageService]:
        """A service with the empty trajectory ``'traj'``."""
        service = self.make(tmp_path)
        service.create(TrajectoryInfo("traj", "for tests", timestamp=1e9))
        yield service
        service.commit()
        assert list(service.verify()) == []
        self.raw_check(service)
        service.close()

    def views(self, service: StorageService) -> Iterator[StorageService]:
        """Give the service itself and a second one, after a commit."""
        service.commit()
        yield service
        assert service.name is not None
        second = self.again(service)
        second.select(service.name)
        second.refresh()
        yield second
        second.close()

    def explored(self, service: StorageService, length: int) -> None:
        """Store a plan of `length` runs."""
        service.write([record(X, {"data": 0}, kind=NodeKind.PARAMETER)])
        service.write_plan(plan_of(length))
