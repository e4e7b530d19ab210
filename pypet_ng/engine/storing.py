"""What of the tree in memory goes to the storage, and when?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy as np

from pypet_ng._typing import Path
from pypet_ng.engine.attach import attach, explored_leaves, own_items
from pypet_ng.engine.away import AwayStorage
from pypet_ng.engine.batching import skeleton_of
from pypet_ng.engine.definitions import store_definition
from pypet_ng.engine.session import Session, forget_read_ahead, trajectory_info
from pypet_ng.errors import DataNotInStorageError
from pypet_ng.storage.base import ABOUT, StorageService
from pypet_ng.tree.nodes import Group, Leaf, Node, ParameterLeaf
from pypet_ng.tree.records import Batch, NodeKind, Record, RunState, Skeleton, WriteMode
from pypet_ng.tree.runnames import fold

__all__ = [
    "delete_items",
    "ensure_storage",
    "prepare",
    "store_all",
    "store_items",
    "store_nodes",
    "store_plan",
    "write_mode",
]

_MODES = {1: WriteMode.SKIP, 2: WriteMode.ADD, 3: WriteMode.OVERWRITE}


def write_mode(store_data: int) -> WriteMode | None:
    """Translate pypet's store flags (0 to 3); None stores no data."""
    if store_data == 0:
        return None
    mode = _MODES.get(int(store_data))
    if mode is None:
        raise ValueError(
            f"store_data={store_data!r} is no store flag: 0 nothing, 1 skip stored, 2 add, 3 overwrite."
        )
    return mode


def ensure_storage(session: Session) -> StorageService:
    """Give the storage; ValueError if there is none."""
    if session.storage is None:
        raise ValueError("This trajectory has no storage service: give filename= or storage_service=.")
    return session.storage


def _records(
    session: Session,
    starts: Iterable[Node],
    mode: WriteMode | None,
    recursive: bool,
    max_depth: int | None,
    with_links: bool,
) -> Iterator[tuple[Node, Record]]:
    """Give what of some subtrees is new (with OVERWRITE: all of it), parents first."""
    tree = session.tree
    planned = frozenset(session.plan.names)
    for start in starts:
        deepest = None if max_depth is None else start.depth + max_depth
        yield from _parents(start)
        nodes = tree.walk(start) if recursive else iter((start,))
        for node in nodes:
            if node.parent is None or (deepest is not None and node.depth > deepest):
                continue
            record = _record(node, mode, planned)
            if record is not None:
                yield node, record
            if isinstance(node, Group) and with_links:
                for name in node.links:
                    target = node.children[name]
                    link = Skeleton((*node.path, name), NodeKind.LINK, target=target.path)
                    yield target, Record(link)


def _parents(node: Node) -> Iterator[tuple[Node, Record]]:
    """Give the groups above a node that are not stored and say more than that they are there."""
    above: list[Node] = []
    parent = node.parent
    while parent is not None and parent.parent is not None:
        if not parent.stored and (parent.comment or parent.annotations):
            above.append(parent)
        parent = parent.parent
    for group in reversed(above):
        yield group, Record(skeleton_of(group, group.path))


def _record(node: Node, mode: WriteMode | None, planned: Collection[Path]) -> Record | None:
    if node.stored and mode is WriteMode.SKIP:
        return None
    data: dict[str, Any] = {}
    if isinstance(node, Leaf):
        if mode is not None:
            data = own_items(node, planned)
            if mode is WriteMode.ADD and node.stored:
                data = {name: value for name, value in data.items() if name not in node.kept}
        if node.stored and not data and not node.annotations and mode is not WriteMode.OVERWRITE:
            return None
    elif node.stored and not node.annotations and mode is not WriteMode.OVERWRITE:
        return None
    return Record(skeleton_of(node, node.path), data)


def _write(
    session: Session,
    storage: StorageService,
    starts: Iterable[Node],
    mode: WriteMode | None,
    recursive: bool = True,
    max_depth: int | None = None,
    with_links: bool = True,
) -> None:
    written: list[tuple[Node, Record]] = []

    def passing() -> Iterator[Record]:
        for node, record in _records(session, starts, mode, recursive, max_depth, with_links):
            written.append((node, record))
            yield record

    if session.tree.scope.running and not isinstance(storage, AwayStorage):  # at home, rows are replaced
        _drop_leftovers(session, storage, starts)
    storage.write(passing(), mode or WriteMode.ADD)
    for node, record in written:
        if record.skeleton.kind is NodeKind.LINK:
            continue
        node.stored = True
        if isinstance(node, Leaf):
            node.kept |= frozenset(record.data)
            if record.skeleton.kind is NodeKind.PARAMETER:
                node.locked = True


def _drop_leftovers(session: Session, storage: StorageService, nodes: Iterable[Node]) -> None:
    """Delete what an earlier attempt of the current run stored in place of its new leaves."""
    for node in nodes:
        if isinstance(node, Leaf) and not node.stored:
            folded = fold(node.path, len(session.plan))
            if folded is not None and folded[1] == session.tree.scope.index and storage.has(node.path):
                storage.delete(node.path)


def store_plan(session: Session) -> None:
    """Store the explored values, if there are more than are stored."""
    storage = ensure_storage(session)
    plan = session.plan
    facts = session.facts
    if plan.is_explored and len(plan) > facts.stored_runs:
        storage.write_plan(plan)
        store_definition(session, storage)
        for leaf in explored_leaves(session).values():
            if not isinstance(leaf, ParameterLeaf):  # the plan has fingerprints of its values only
                storage.write([Record(skeleton_of(leaf, leaf.path), dict(leaf.dump()))], WriteMode.OVERWRITE)
    if len(plan) >= facts.stored_runs:
        facts.stored_runs = facts.common = len(plan)


def store_all(
    session: Session, store_data: int = 2, *, only_init: bool = False, max_depth: int | None = None
) -> None:
    """Store the whole tree, the plan and the states of runs that were made in memory."""
    storage = ensure_storage(session)
    mode = write_mode(store_data)
    forget_read_ahead(session)
    with storage.writing():
        was_attached = session.facts.attached
        attach(session)
        if was_attached or session.facts.stored_runs:
            storage.update_info(trajectory_info(session))
        root = session.tree.root
        if root.annotations:
            about = Skeleton(ABOUT, NodeKind.GROUP, annotations=dict(root.annotations))
            storage.write([Record(about)], mode or WriteMode.ADD)
        if only_init:
            return
        parameters = [root.children[name] for name in ("parameters",) if name in root.children]
        _write(session, storage, parameters, mode, True, max_depth and max_depth - 1)
        store_plan(session)  # before any run's node: rows fold only below the length of the plan
        rest = [child for child in root.own() if child not in parameters]
        _write(session, storage, rest, mode, True, max_depth and max_depth - 1)
        for name in root.links:
            link = Skeleton((name,), NodeKind.LINK, target=root.children[name].path)
            storage.write([Record(link)], WriteMode.ADD)
        _store_states(session, storage)


def _store_states(session: Session, storage: StorageService) -> None:
    """Bring states of runs that were made without storing into the run table."""
    book = session.runs
    known = storage.run_table().column("state")
    ours = book.state[: book.length]
    stored = np.zeros(book.length, np.uint8)
    stored[: len(known)] = known[: book.length]
    rows = np.flatnonzero((ours != stored) & (ours != RunState.NONE)).astype(np.int64)
    if len(rows):
        states = book.columns(rows)
        states.session = session.facts.number
        failures = [book.failures[row] for row in rows.tolist() if row in book.failures]
        storage.append_runs(Batch(runs=states, failures=failures))


def store_nodes(
    session: Session,
    nodes: list[Any],
    store_data: int = 2,
    recursive: bool = True,
    max_depth: int | None = None,
    with_links: bool = True,
) -> None:
    """Store some subtrees; the trajectory itself is made if it is not there yet."""
    storage = ensure_storage(session)
    mode = write_mode(store_data)
    forget_read_ahead(session)
    with storage.writing():
        if not session.facts.attached and session.tree.scope.running:
            prepare(session)  # a run by hand of a trajectory that is stored nowhere yet
        if not session.tree.scope.running:
            attach(session)
            if any(node.branch != "parameters" for node in nodes):
                store_plan_parents(session, storage)
        if not recursive:
            max_depth = 0
        _write(session, storage, nodes, mode, recursive, max_depth, with_links)
        if not session.tree.scope.running:
            store_plan_parents(session, storage)


def prepare(session: Session) -> None:
    """Make sure that the stored trajectory is there and knows the plan, so that runs can be stored."""
    storage = ensure_storage(session)
    attach(session)
    store_plan_parents(session, storage)


def store_plan_parents(session: Session, storage: StorageService) -> None:
    """Store the explored parameters with the plan, so that run indices mean something."""
    plan = session.plan
    if plan.is_explored and len(plan) > session.facts.stored_runs:
        nodes = [node for node in (session.tree.at(path) for path in plan.names) if node is not None]
        _write(session, storage, nodes, WriteMode.ADD, recursive=False)
        store_plan(session)


def store_items(
    session: Session,
    nodes: list[Any],
    store_data: int,
    overwrite: bool | list[str],
    non_empties: bool = False,
    with_links: bool = True,
) -> None:
    """Store single nodes without what is below; `overwrite` True or names of items replaces those."""
    storage = ensure_storage(session)
    mode = WriteMode.OVERWRITE if overwrite else write_mode(store_data)
    forget_read_ahead(session)
    with storage.writing():
        if not session.tree.scope.running:
            attach(session)
            store_plan_parents(session, storage)
        chosen = [n for n in nodes if not (non_empties and isinstance(n, Leaf) and n.is_empty)]
        if isinstance(overwrite, list):
            for node in chosen:
                data = {name: value for name, value in node.dump().items() if name in overwrite}
                storage.write([Record(skeleton_of(node, node.path), data)], WriteMode.OVERWRITE)
                node.stored = True
                node.kept |= frozenset(data)
            return
        _write(session, storage, chosen, mode, recursive=False, with_links=with_links)


def delete_items(
    session: Session,
    targets: list[tuple[Any, tuple[str, ...]]],
    *,
    recursive: bool,
    items: list[str] | None,
    from_memory: bool,
    from_item: bool,
) -> None:
    """Delete (node or None, path) from the storage; TypeError for groups with children."""
    storage = ensure_storage(session)
    explored = set(session.plan.names)
    forget_read_ahead(session)
    with storage.writing():
        for node, path in targets:
            held = [".".join(name) for name in explored if name[: len(path)] == path]
            if items is None and held:
                raise TypeError(
                    f"{', '.join(map(repr, held))} is explored: its values say what the runs were. "
                    "Shrink the trajectory (f_shrink) first."
                )
            if items is None and not recursive and isinstance(node, Group) and any(storage.scan(path, 1)):
                raise TypeError(f"{'.'.join(path)!r} has children: use recursive=True.")
            if not storage.has(path):
                raise DataNotInStorageError(
                    f"{'.'.join(path)!r} is not stored in trajectory {storage.name!r} of {storage.location}."
                )
            storage.delete(path, items)
            if node is None:
                continue
            if items is None:
                for below in session.tree.walk(node):
                    below.stored = False
                    if isinstance(below, Leaf):
                        below.kept = frozenset()
                if from_memory and node.parent is not None:
                    session.tree.detach(node)
            else:
                node.kept -= frozenset(items)
                if from_item and hasattr(node, "items"):
                    for name in items:
                        node.items.pop(name, None)
