"""What can be done with one trajectory of an open file?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from pypet_ng._typing import Path
from pypet_ng.errors import DataNotInStorageError, near_names
from pypet_ng.storage.hdf5 import attributes
from pypet_ng.storage.hdf5.attributes import Id
from pypet_ng.storage.hdf5.file import Handle
from pypet_ng.storage.hdf5.index import NodeIndex
from pypet_ng.storage.hdf5.itemcolumn import ItemColumn
from pypet_ng.storage.hdf5.leaves import Leaves, open_path, ordered, picked
from pypet_ng.storage.hdf5.names import OVERVIEW, link_path
from pypet_ng.storage.hdf5.nodes import Nodes, walk
from pypet_ng.storage.hdf5.notes import Notes
from pypet_ng.storage.hdf5.planstore import PlanStore
from pypet_ng.storage.hdf5.runrows import RunRows
from pypet_ng.storage.hdf5.runtable import RunColumns
from pypet_ng.storage.hdf5.trust import open_group
from pypet_ng.storage.hdf5.vectors import Lines
from pypet_ng.tree.records import Batch, Block, NodeKind, Record, Skeleton, WriteMode
from pypet_ng.tree.runnames import RUN, fold

__all__ = ["OpenTrajectory"]

_RETURNED = b"returned"


class OpenTrajectory:
    """One trajectory while the file is open: for one call, or for a session of writing."""

    def __init__(self, handle: Handle, name: str, group: Id, index: NodeIndex | None) -> None:
        self.name = name
        self._handle = handle
        self.group = group
        self.overview = open_group(group, OVERVIEW.encode())
        self.plan = PlanStore(group, self.overview, handle.compress)
        self._known_index = index
        self._returned: ItemColumn | None = None

    # Each is opened when first needed: a reader mostly needs one of them.
    @cached_property
    def runs(self) -> int:
        return self.plan.length

    @cached_property
    def leaves(self) -> Leaves:
        return Leaves(self.group, self.overview, self.runs, self._handle.compress)

    @cached_property
    def table(self) -> RunColumns:
        return RunColumns(self.overview, self.runs, self._handle.compress)

    @cached_property
    def notes(self) -> Notes:
        return Notes(self.overview, self._handle.compress)

    @cached_property
    def rows(self) -> RunRows:
        return RunRows(self.leaves, self.notes)

    @cached_property
    def nodes(self) -> Nodes:
        return Nodes(self.group, self.name, self.index, self._handle.compress)

    @cached_property
    def index(self) -> NodeIndex:
        index = self._known_index
        if index is not None and not self._handle.writable:
            return index  # a reader sees what it saw until its refresh()
        stamp = attributes.get_int(self.group, b"stamp")
        if index is not None and index.stamp == stamp:
            return index
        found = NodeIndex.load(Lines(self.overview, b"nodes"), stamp)
        if found is None:
            found = walk(self.group)
            found.stamp = stamp
        return found

    def set_runs(self, runs: int) -> None:
        """Say that the plan has another length now."""
        self.__dict__["runs"] = runs
        self.leaves.planned = self.table.planned = runs

    def save(self) -> None:
        """Write the node index if nodes changed."""
        if "index" in self.__dict__ and self.index.is_changed:
            stamp = self.nodes.saved_stamp()
            if stamp >= 0:
                self.index.save(Lines(self.overview, b"nodes"), stamp)

    # -- nodes --------------------------------------------------------------------------------
    def find(self, path: Path) -> tuple[Skeleton, tuple[Path, int] | None]:
        """Give a node and, if it is a run's, its folded path and row; DataNotInStorageError."""
        folded = fold(path, self.runs)
        if folded is not None:
            node = self.rows.skeleton(*folded)
            implied = node is not None and node.kind is NodeKind.GROUP and not node.class_name
            if node is not None and not (implied and path in self.index.nodes):
                return node, folded
        there = self.index.nodes.get(path)
        if there is None:
            raise DataNotInStorageError(
                f"nothing is stored at {'.'.join(path)!r} of trajectory {self.name!r}.{self._hint(path)}"
            )
        return self._complete(there), None

    def _complete(self, node: Skeleton) -> Skeleton:
        path = node.path
        annotated = path in self.index.annotations
        explored = node.kind is NodeKind.PARAMETER and path in self._explored
        if not annotated and not explored:
            return node
        annotations = self.nodes.annotations(path) if annotated else node.annotations
        return replace(node, annotations=annotations, explored=explored)

    @property
    def _explored(self) -> frozenset[Path]:
        return frozenset(self.plan.names)

    def _hint(self, path: Path) -> str:
        near: list[str] = []
        for other in self.index.nodes:
            if other[-1:] == path[-1:] or other[:-1] == path[:-1] or len(near) < 500:
                near.append(".".join(other))
        folded = [".".join(other) for other in self.leaves.signatures()]
        return near_names(".".join(path), [*folded[:500], *near[-2000:]])

    def has(self, path: Path) -> bool:
        if path in self.index.nodes:
            return True
        folded = fold(path, self.runs)
        return folded is not None and self.rows.skeleton(*folded) is not None

    def read(self, path: Path, items: Iterable[str] | None) -> Record:
        node, folded = self.find(path)
        names = node.items if items is None else tuple(items)
        for name in names:
            if name not in node.items:
                raise DataNotInStorageError(
                    f"{'.'.join(path)!r} of trajectory {self.name!r} has no item {name!r}."
                    + near_names(name, node.items)
                )
        if folded is not None:
            return Record(node, self.rows.values(*folded, names))
        return Record(node, self.nodes.read(path, names))

    def scan(self, below: Path, depth: int | None) -> Iterator[Skeleton]:
        """Give the nodes below a path; see :meth:`StorageService.scan`."""
        if below or () not in self.index.nodes:
            self.find(below)
        folded = fold(below, self.runs)
        seen: set[Path] = set()
        if folded is not None:
            for node in self.rows.below(*folded):
                if depth is None or len(node.path) <= len(below) + depth:
                    seen.add(node.path)
                    yield node
        special = self._explored | self.index.annotations.keys()
        if not below and depth is None and not special and not self.index.has_run_names:
            yield from self.index.below(below, depth)
            return
        for node in self.index.below(below, depth):
            path = node.path
            if folded is None:
                if self.index.has_run_names and self._is_of_run(path):
                    continue
            elif path in seen:
                continue
            yield self._complete(node) if path in special else node

    def _is_of_run(self, path: Path) -> bool:
        return any(part[:4] == "run_" for part in path) and fold(path, self.runs) is not None

    def write(self, records: Iterable[Record], mode: WriteMode) -> None:
        of_runs: list[tuple[Path, int, Record]] = []
        for record in records:
            folded = fold(record.skeleton.path, self.runs)
            if folded is None:
                self.nodes.write(record, mode)
            else:
                if folded[0] not in self.leaves.signatures():
                    self.nodes.make_groups(folded[0])
                of_runs.append((*folded, record))
        if of_runs:
            self.rows.write(of_runs, mode)

    def delete(self, path: Path, items: Iterable[str] | None) -> None:
        if items is not None:
            names = tuple(items)
            record, folded = self.find(path)
            for name in names:
                if name not in record.items:
                    raise DataNotInStorageError(
                        f"{'.'.join(path)!r} has no item {name!r}.{near_names(name, record.items)}"
                    )
            signature = None if folded is None else self.rows.signature(*folded)
            if signature is not None and folded is not None:
                self.rows.delete_items(signature, folded[1], names)
            else:
                self.nodes.delete_items(path, names)
            return
        if RUN not in path:
            self.find(path)
        folded = fold(path, self.runs)
        if folded is not None:
            self.rows.delete(*folded)
            if any(other[: len(path)] == path for other in self.index.nodes):
                self.nodes.delete(path)
            return
        if path in self.index.nodes or RUN not in path:
            self.nodes.delete(path)
        elif open_path(self.group, path) is not None:
            self.group.unlink(link_path(path))
        self.leaves.forget(path)
        self.notes.delete(path, None)
        self.plan.forget(path)

    # -- runs ---------------------------------------------------------------------------------
    def append(self, batch: Batch) -> None:
        signatures = self.leaves.signatures()
        for signature, block in batch.blocks.items():
            if signature.path not in signatures:
                self.nodes.make_groups(signature.path)
            self.leaves.write(signature, block.rows, block.columns)
        if batch.returned is not None:
            self._append_returned(batch.returned)
        for note in batch.notes:
            self.nodes.make_groups(note.path)
        self.notes.append(batch.notes)
        for owner, record in batch.records:
            self._write_foreign(owner, record)
        if batch.runs is not None:
            self.table.write(batch.runs)
        self.table.write_failures(batch.failures)

    def _append_returned(self, block: Block) -> None:
        if not len(block.rows):
            return
        column = self.returned()
        if column is None:
            column = self._returned = ItemColumn.create(
                self.overview, _RETURNED, self.runs, self._handle.compress
            )
        rows, picks = ordered(block.rows)
        column.write(rows, picked(block.columns[""], picks), self.runs)

    def returned(self) -> ItemColumn | None:
        """Give the column of returned values, None if there are none."""
        if self._returned is None:
            self._returned = ItemColumn.open(self.overview, _RETURNED, self._handle.compress)
        return self._returned

    def _write_foreign(self, owner: int, record: Record) -> None:
        """Store what a run added outside the templates: of several runs the lowest wins."""
        path = record.skeleton.path
        if fold(path, self.runs) is not None:
            self.write([record], WriteMode.ADD)
            return
        node = self.index.nodes.get(path)
        if node is None or node.kind is NodeKind.GROUP:
            self.nodes.write(record, WriteMode.ADD, owner)
        elif owner <= self.index.owners.get(path, -1):
            self.nodes.delete(path)
            self.nodes.write(record, WriteMode.ADD, owner)
