"""How does what single runs added become columns?"""

from __future__ import annotations

import platform
import sys
import traceback
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from pypet_ng._typing import Path
from pypet_ng.encoding import Encoded, freeze, supports
from pypet_ng.tree.nodes import Group, Leaf, Node, OwnGroup, ResultLeaf
from pypet_ng.tree.records import (
    Batch,
    Block,
    Failure,
    NodeKind,
    Note,
    NoteKind,
    Record,
    RunState,
    RunStates,
    Signature,
    Skeleton,
)
from pypet_ng.tree.runnames import RUN, RUN_SET, fold_item
from pypet_ng.tree.structure import Scope

__all__ = ["BatchBuilder", "failure_of", "nonfinite_flags", "skeleton_of"]

_LARGE = 256 << 10
_NOTHING = type(None)


def skeleton_of(node: Node, path: Path) -> Skeleton:
    """Give the skeleton of a node in memory."""
    annotations = dict(node.annotations) if node.annotations else {}
    if isinstance(node, Leaf):
        return Skeleton(
            path=path,
            kind=node.kind,
            class_name=node.class_name,
            comment=node.comment,
            annotations=annotations,
            items=tuple(node.dump()),
            locked=node.locked,
            explored=getattr(node, "column", None) is not None,
        )
    name = node.class_name if isinstance(node, OwnGroup) else ""
    return Skeleton(path, NodeKind.GROUP, name, node.comment, annotations)


def failure_of(row: int, error: BaseException, attempt: int) -> Failure:
    """Describe an exception of a run; the frames of the engine itself are left out."""
    trace = error.__traceback__
    if trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    text = "".join(traceback.format_exception(type(error), error, trace))
    return Failure(row, type(error).__name__, str(error), text, attempt, error=error)


def _fold(node: Node, run: str, run_set: str) -> Path:
    """Give the node's path with the run's and the set's names replaced."""
    parts = []
    parent = node.parent
    while parent is not None:
        name = node.name
        parts.append(RUN if name == run else RUN_SET if name == run_set else name)
        node, parent = parent, parent.parent
    parts.reverse()
    if RUN_SET in parts and RUN not in parts:  # a set without a run belongs to no row
        parts = [run_set if part == RUN_SET else part for part in parts]
    return tuple(parts)


def _says_nothing(group: Group) -> bool:
    """Tell whether a group is there for what hangs in it alone."""
    return bool(group.children) and not group.comment and not group.annotations


class BatchBuilder:
    """Gathers finished runs until somebody takes them as one batch. Not thread safe."""

    __slots__ = (
        "_blocks",
        "_host",
        "_keep_returned",
        "_known",
        "_quick",
        "_times",
        "_values",
        "batch",
        "waiting",
    )

    def __init__(self, keep_returned: bool) -> None:
        self._keep_returned = keep_returned
        self._host = platform.node()
        self._known: dict[tuple[Path, str, str, tuple[str, ...]], Signature] = {}
        self._reset()

    @property
    def keeps_returned(self) -> bool:
        """Whether returned values are stored."""
        return self._keep_returned

    def emptied(self) -> BatchBuilder:
        """Give a new builder of the same kind."""
        return BatchBuilder(self._keep_returned)

    def _reset(self) -> None:
        self._values: list[tuple[int, Any]] = []
        self.batch = Batch(returned=Block([], {"": []}), values=self._values)
        self._blocks: dict[tuple[Path, str, str, tuple[str, ...]], Block] = {}
        self._quick: dict[tuple[Group, str, str, str, str], tuple[list[int], list[Any]]] = {}
        """Rows and values of results with one item that hang directly in the run's group, found without
        making their paths: by the group of all runs, name, class, comment and item."""
        self._times: tuple[list[int], list[float], list[float], list[int]] = ([], [], [], [])
        """Row, start, finish and attempt of each run; all that did not fail are done."""
        self.waiting = 0
        """Bytes of large values that wait."""

    def __len__(self) -> int:
        return len(self._times[0])

    def end_run(
        self, row: int, start: float, finish: float, attempt: int, value: Any, failure: Failure | None
    ) -> None:
        """Enter the state of a run after its nodes were added."""
        rows, starts, finishes, attempts = self._times
        rows.append(row)
        starts.append(start)
        finishes.append(finish)
        attempts.append(attempt)
        if failure is None:
            batch = self.batch
            self._values.append((row, value))
            if self._keep_returned:
                kind = type(value)
                if kind is float or kind is _NOTHING or supports(value):
                    returned: Any = batch.returned
                    returned.columns[""].append(
                        value if kind is float or kind is _NOTHING else self._hold(value)
                    )
                    returned.rows.append(row)
        else:
            self.batch.failures.append(failure)

    def discard(self, row: int) -> None:
        """Forget what the run added last: it failed."""
        for signature, block in list(self.batch.blocks.items()):
            if len(block.rows) and block.rows[-1] == row:
                block.rows.pop()  # type: ignore[union-attr]
                for values in block.columns.values():
                    values.pop()  # type: ignore[union-attr]
            if not len(block.rows):
                del self.batch.blocks[signature]
                del self._blocks[signature.path, signature.class_name, signature.comment, signature.items]
                self._quick.clear()
        self.batch.notes = [note for note in self.batch.notes if note.row != row]
        self.batch.records = [pair for pair in self.batch.records if pair[0] != row]

    def _hold(self, value: Any) -> Any:
        kind = type(value)
        if kind is float or kind is int:
            return value
        if isinstance(value, np.ndarray) and value.nbytes >= _LARGE and value.dtype != object:
            # written out before the next run begins: a copy would only cost time
            self.waiting = max(self.waiting, sys.maxsize)
            return value
        held = value if kind is Encoded else freeze(value)
        if isinstance(held, np.ndarray):
            self.waiting += held.nbytes
        elif isinstance(held, Encoded):
            self.waiting += sum(part.nbytes for part in held.parts.values())
        elif kind is str or kind is bytes:
            self.waiting += len(value)
        return held

    def add(self, row: int, scope: Scope) -> None:
        """Enter what a run attached to the tree."""
        run = scope.name
        quick = self._quick
        slow: list[Node] = []
        for node in scope.added:
            if type(node) is ResultLeaf:
                home: Any = node.parent
                if len(node.items) == 1 and home is not None and home.name == run:
                    for item, value in node.items.items():
                        place = quick.get((home.parent, node.name, node.class_name, node.comment, item))
                        if place is not None and not node.stored and not node.annotations:
                            held = value if type(value) is float else self._hold(value)
                            place[0].append(row)
                            place[1].append(held)
                            break
                    else:
                        slow.append(node)
                    continue
            elif type(node) is Group and node.name == run and _says_nothing(node):
                continue  # the run's own group: its leaves say all
            slow.append(node)
        if slow or scope.links:
            self._add_slowly(row, scope, slow)

    def _add_slowly(self, row: int, scope: Scope, nodes: list[Node]) -> None:
        # runs that a user's own function names have no rows in columns
        run, run_set = ("", "") if scope.renamed else scope.names
        for node in nodes:
            if type(node) is Group and node.name == run_set and _says_nothing(node):
                continue  # the group of the run's set: the leaves in it say all
            folded = _fold(node, run, run_set)
            if isinstance(node, Leaf):
                self._add_leaf(row, node, folded)
            elif RUN not in folded:
                if node.parent is not None:
                    self.batch.records.append((row, Record(skeleton_of(node, node.path))))
            else:
                assert isinstance(node, Group)
                if node.comment or not node.children:
                    self.batch.notes.append(Note(row, folded, NoteKind.GROUP, "", node.comment))
                self._add_annotations(row, node, folded)
        for group, name in scope.links:
            target = group.children.get(name)
            if target is None or name not in group.links:
                continue
            folded = (*_fold(group, run, run_set), name)
            if RUN not in folded:
                link = Skeleton((*group.path, name), NodeKind.LINK, target=target.path)
                self.batch.records.append((row, Record(link)))
            else:
                self.batch.notes.append(Note(row, folded, NoteKind.LINK, "", list(target.path)))

    def _add_leaf(self, row: int, leaf: Leaf, folded: Path) -> None:
        data = leaf.items if type(leaf) is ResultLeaf else leaf.dump()
        if leaf.stored and data.keys() <= leaf.kept:
            return  # the run function stored it by itself (f_store_item)
        if RUN not in folded:
            kept = {name: self._hold(value) for name, value in data.items()}
            self.batch.records.append((row, Record(skeleton_of(leaf, leaf.path), kept)))
            return
        block = self._add_row(row, folded, leaf.kind, leaf.class_name, leaf.comment, data)
        items = tuple(data)
        home = leaf.parent
        if (
            len(items) == 1
            and type(leaf) is ResultLeaf
            and home is not None
            and home.parent is not None
            and folded[-2] == RUN
            and folded[-1] != RUN
        ):
            place = (home.parent, leaf.name, leaf.class_name, leaf.comment, items[0])
            self._quick[place] = (block.rows, block.columns[items[0]])  # type: ignore[assignment]
        if leaf.annotations:
            self._add_annotations(row, leaf, folded)

    def _add_row(
        self, row: int, folded: Path, kind: NodeKind, class_name: str, comment: str, data: Mapping[str, Any]
    ) -> Block:
        """Enter what a leaf of a run holds; gives the block it went to."""
        if folded[-1] == RUN:
            data = {fold_item(folded, item, row): value for item, value in data.items()}
        items = tuple(data)
        key = (folded, class_name, comment, items)
        block = self._blocks.get(key)
        if block is None:
            signature = self._known.get(key)
            if signature is None:
                signature = Signature(folded, kind, class_name, comment, items)
                if len(self._known) < 10_000:
                    self._known[key] = signature
            block = self._blocks[key] = Block([], {item: [] for item in items})
            self.batch.blocks[signature] = block
        columns = block.columns
        if len(items) == 1:
            value = data[items[0]]
            columns[items[0]].append(value if type(value) is float else self._hold(value))  # type: ignore[union-attr]
        else:
            # held first: a value that cannot be kept must not leave columns of unequal length
            held = [self._hold(value) for value in data.values()]
            for item, value in zip(items, held, strict=True):
                columns[item].append(value)  # type: ignore[union-attr]
        block.rows.append(row)  # type: ignore[union-attr]
        return block

    def add_stored(self, row: int, scope: Scope, records: Iterable[Record]) -> None:
        """Enter leaves that a run stored by itself; they may be empty by now, or out of the tree."""
        run, run_set = ("", "") if scope.renamed else scope.names
        for record in records:
            skeleton = record.skeleton
            folded = tuple(
                RUN if name == run else RUN_SET if name == run_set else name for name in skeleton.path
            )
            if RUN not in folded:
                self.batch.records.append((row, record))
                continue
            self._add_row(row, folded, skeleton.kind, skeleton.class_name, skeleton.comment, record.data)
            for key, value in skeleton.annotations.items():
                self.batch.notes.append(Note(row, folded, NoteKind.ANNOTATION, key, self._frozen(value)))

    def _add_annotations(self, row: int, node: Node, folded: Path) -> None:
        for key, value in (node.annotations or {}).items():
            self.batch.notes.append(Note(row, folded, NoteKind.ANNOTATION, key, self._frozen(value)))

    def _frozen(self, value: Any) -> Any:
        return freeze(value)

    def take(self, session_number: int = 0) -> Batch:
        """Give what was gathered and begin anew."""
        batch = self.batch
        rows, starts, finishes, attempts = self._times
        index = np.array(rows, np.int64)
        states = np.full(len(rows), RunState.DONE, np.uint8)
        if batch.failures:
            places = {row: place for place, row in enumerate(rows)}
            for failure in batch.failures:
                states[places[failure.row]] = failure.state
        batch.runs = RunStates(
            rows=index,
            state=states,
            start=np.array(starts, np.float64),
            finish=np.array(finishes, np.float64),
            attempt=np.array(attempts, np.uint16),
            nonfinite=nonfinite_flags(index, batch),
            session=session_number,
            host=self._host,
        )
        if batch.returned is not None and not len(batch.returned.rows):
            batch.returned = None
        self._reset()
        return batch


def nonfinite_flags(index: np.ndarray[Any, Any], batch: Batch) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Give 1 for each run of `index` for which a result in `batch` holds a NaN or an infinity, else 0."""
    flags = np.zeros(len(index), np.uint8)
    blocks = list(batch.blocks.values())
    if batch.returned is not None:
        blocks.append(batch.returned)
    for block in blocks:
        for values in block.columns.values():
            bad = _bad_places(values) if isinstance(values, np.ndarray) else _bad_rows(values)
            if len(bad):
                guilty = np.asarray(block.rows, np.int64)[bad]
                flags[np.isin(index, guilty)] = 1
    return flags


def _bad_places(column: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Give the rows of an array with a NaN or infinity in them."""
    if column.dtype.kind not in "fc" or not column.size:
        return np.zeros(0, np.int64)
    if column.dtype in (np.float32, np.float64) and column.flags.c_contiguous:
        flat = column.reshape(-1)
        with np.errstate(all="ignore"):
            squares = np.dot(flat, flat)
        if np.isfinite(squares):  # one pass without a copy; else perhaps only the squares are too large
            return np.zeros(0, np.int64)
    finite = np.isfinite(column).reshape(len(column), -1)
    return np.flatnonzero(~finite.all(axis=1))


def _bad_rows(values: Any) -> list[int]:
    """Give the positions of values with a NaN or infinity in them."""
    if not len(values):
        return []
    kinds = set(map(type, values)) if isinstance(values, list) else set()
    if kinds == {_NOTHING}:
        return []
    if kinds and kinds <= {float, int, bool}:
        try:
            finite = np.isfinite(np.array(values, np.float64))
        except OverflowError:  # an integer beyond any float is finite
            finite = np.array([not (type(v) is float and (v != v or abs(v) == float("inf"))) for v in values])
        return [] if finite.all() else np.flatnonzero(~finite).tolist()
    bad = []
    for position, value in enumerate(values):
        if isinstance(value, (float, complex, np.ndarray, np.generic)):
            array = np.asarray(value)
            if array.dtype.kind in "fc" and not np.isfinite(array).all():
                bad.append(position)
    return bad
