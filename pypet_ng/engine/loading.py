"""How do stored nodes and their data come into memory?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pypet_ng._typing import Path
from pypet_ng.engine.attach import read_runbook, take_plan
from pypet_ng.engine.away import AwayStorage, Home
from pypet_ng.engine.folded import hang_runs, wake_runs
from pypet_ng.engine.rousing import undisturbed
from pypet_ng.engine.rowreader import Rows, load_row
from pypet_ng.engine.session import Session, forget_read_ahead
from pypet_ng.engine.storing import ensure_storage
from pypet_ng.errors import DataNotInStorageError
from pypet_ng.storage.base import ABOUT
from pypet_ng.tree.names import BRANCHES
from pypet_ng.tree.nodes import Group, Leaf, Node, OwnGroup
from pypet_ng.tree.records import NodeKind, RunState, Skeleton
from pypet_ng.tree.runnames import fold

__all__ = ["LoadOptions", "Shelf", "fill", "load", "load_below", "load_items", "refresh"]

NOTHING, SKELETON, DATA, OVERWRITE = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How much of each branch to load: 0 nothing, 1 nodes, 2 data, 3 data even over data in memory."""

    parameters: int = DATA
    derived_parameters: int = SKELETON
    results: int = SKELETON
    other: int = SKELETON
    recursive: bool = True
    max_depth: int | None = None

    def of(self, branch: str) -> int:
        """Give the flag of a branch."""
        if branch in ("parameters", "config"):
            return self.parameters
        return {"derived_parameters": self.derived_parameters, "results": self.results}.get(
            branch, self.other
        )


class Shelf:
    """Brings missing nodes and data when natural naming meets them (``v_auto_load``)."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows: Rows | None = None

    @property
    def rows(self) -> Rows:
        """The reader of single rows; its blocks are valid until :meth:`forget`."""
        storage = ensure_storage(self._session)
        if self._rows is None or self._rows.storage is not storage:
            self._rows = Rows(storage)
        return self._rows

    def leave_home(self, home: Home) -> AwayStorage:
        """Let a trajectory that came to a worker process store and load; gives what it stores to."""
        session = self._session
        session.storage = away = AwayStorage(home)
        session.facts.attached = True
        session.facts.stored_runs = session.facts.common = home.stored_runs
        session.tree.naming.auto_load = home.auto_load
        return away

    def forget(self) -> None:
        """Drop what was read ahead: something was stored."""
        self._rows = None

    def fetch(self, path: Path) -> Node:
        """Load the node at an exact path, groups without what is below them."""
        session = self._session
        node = session.tree.at(path)
        if node is not None:
            return node
        ensure_storage(session)
        load_below(session, path, DATA, recursive=False)
        node = session.tree.at(path)
        if node is None:
            raise _nothing(session, path)
        return node

    def fill(self, leaf: Leaf) -> None:
        """Load the data of a leaf."""
        fill(self._session, leaf)


def _nothing(session: Session, path: Path) -> DataNotInStorageError:
    storage = ensure_storage(session)
    return DataNotInStorageError(
        f"{'.'.join(path)!r} is neither in memory nor stored in trajectory {storage.name!r} "
        f"of {storage.location}. Check the path; f_load_skeleton() lists all there is."
    )


def fill(session: Session, leaf: Leaf, only: Iterable[str] | None = None) -> None:
    """Load (some) items of a leaf; a parameter keeps the place of the current run."""
    storage = ensure_storage(session)
    path = leaf.path
    wanted = None if only is None else frozenset(only)
    folded = fold(path, max(len(session.plan), 1))
    if folded is not None:
        rows = _cached_rows(session)
        signature = rows.signature(folded[0], folded[1])
        if signature is not None:
            load_row(rows, leaf, signature, folded[1], wanted)
            leaf.stored = True
            return
    record = storage.read(path, None if wanted is None else list(wanted))
    leaf.load(record.data)
    leaf.stored = True
    leaf.kept |= frozenset(record.skeleton.items)
    _place_in_run(session, leaf)


def _cached_rows(session: Session) -> Rows:
    """Give the block reader of a session, so that a loop over runs opens the file once per block."""
    shelf = session.tree.reserve
    if isinstance(shelf, Shelf):
        return shelf.rows
    return Rows(ensure_storage(session))


def _place_in_run(session: Session, leaf: Leaf) -> None:
    path = leaf.path
    if leaf.kind is NodeKind.PARAMETER and path in session.plan.names:
        column = session.plan.column(path)
        leaf.take_column(column)  # type: ignore[attr-defined]
        index = session.tree.scope.index
        if index >= 0:
            leaf.move_to(index, column[index])  # type: ignore[attr-defined]


def _group_of(skeleton: Skeleton) -> Group:
    name = skeleton.path[-1]
    return OwnGroup(name, class_name=skeleton.class_name) if skeleton.class_name else Group(name)


def _graft(session: Session, skeleton: Skeleton, flag: int, parents: dict[Path, Group]) -> None:
    """Make the node of a skeleton, or complete the one that is there. `parents`: groups met so far."""
    tree = session.tree
    path = skeleton.path
    parent = parents.get(path[:-1])
    if parent is None:
        parent = parents[path[:-1]] = tree.make_groups(tree.root, path[:-1])
    node = parent.children.get(path[-1])
    if skeleton.kind is NodeKind.LINK:
        if node is None:
            target = tree.at(skeleton.target)
            if target is not None:
                tree.link(parent, path[-1], target)
        return
    if node is None:
        node = _group_of(skeleton) if skeleton.kind is NodeKind.GROUP else session.make_leaf(skeleton)
        node.name = path[-1]
        node.comment = skeleton.comment
        if skeleton.annotations:
            node.annotations = dict(skeleton.annotations)
        tree.attach(parent, node)
    elif flag == OVERWRITE:
        node.comment = skeleton.comment
        node.annotations = dict(skeleton.annotations) or None
    elif not node.stored:
        node.comment = skeleton.comment or node.comment
        node.annotations = {**skeleton.annotations, **(node.annotations or {})} or None
    node.stored = True
    if isinstance(node, Leaf):
        items = frozenset(skeleton.items)
        node.kept = node.kept | items if node.kept else items
        if flag >= DATA and (node.is_empty or flag == OVERWRITE):
            if flag == OVERWRITE and not node.is_empty:
                node.locked = False
                node.clear()
                node.kept = items
            fill(session, node)
        if skeleton.locked:
            node.locked = True
        if skeleton.kind is NodeKind.PARAMETER:
            _place_in_run(session, node)


def _graft_all(session: Session, skeletons: Iterable[Skeleton], flag_of: Any) -> None:
    parents: dict[Path, Group] = {}
    with undisturbed():
        links = _graft_nodes(session, skeletons, flag_of, parents)
    for skeleton in links:
        _graft(session, skeleton, SKELETON, parents)


def _graft_nodes(
    session: Session, skeletons: Iterable[Skeleton], flag_of: Any, parents: dict[Path, Group]
) -> list[Skeleton]:
    """Graft all but the links; gives those."""
    links = []
    for skeleton in skeletons:
        flag = flag_of(skeleton.path)
        if flag == NOTHING:
            continue
        if skeleton.kind is NodeKind.LINK:
            links.append(skeleton)
        else:
            _graft(session, skeleton, flag, parents)
    return links


def load(session: Session, options: LoadOptions, *, as_new: bool = False) -> None:
    """Load the selected trajectory into an empty or existing tree."""
    storage = ensure_storage(session)
    forget_read_ahead(session)
    take_plan(session, storage.read_plan())
    flags = {branch: options.of(branch) for branch in BRANCHES}
    wanted = any(flags.values()) or options.other != NOTHING
    if wanted:
        depth = options.max_depth if options.recursive else 1
        nodes = (one for one in storage.scan((), depth) if one.path != ABOUT)
        _graft_all(session, nodes, lambda path: options.of(path[0]))
    take_plan(session, session.plan)
    if as_new:
        return
    if wanted and storage.has(ABOUT):
        root = session.tree.root
        notes = storage.read(ABOUT, ()).skeleton.annotations
        ours = root.annotations or {}
        root.annotations = {**ours, **notes} if options.other == OVERWRITE else {**notes, **ours}
    if options.recursive and options.max_depth is None:
        for branch in ("results", "derived_parameters", ""):
            flag = options.of(branch)
            if flag != NOTHING:
                _wake(session, branch, eager=flag >= DATA)
    read_runbook(session)


def refresh(session: Session) -> int:
    """See what was stored since the trajectory was loaded: points, runs, nodes. Gives the number of new done runs.

    What is in memory stays. Costs about what loading the skeleton does.
    """
    session.tree.check_outside_run("f_refresh")
    storage = ensure_storage(session)
    storage.refresh()
    before = int((session.runs.state == RunState.DONE).sum())
    with storage.reading():
        load(session, LoadOptions(SKELETON, SKELETON, SKELETON, SKELETON))
    session.facts.stored_runs = len(session.plan)
    return int((session.runs.state == RunState.DONE).sum()) - before


def _wake(session: Session, branch: str, eager: bool) -> None:
    storage = ensure_storage(session)
    signatures = storage.signatures()
    notes = storage.notes()
    if branch:
        if any(path[0] == branch for path in signatures) or any(note.path[0] == branch for note in notes):
            wake_runs(session, Rows(storage, eager=eager), (branch,))
        return
    for top in dict.fromkeys(path[0] for path in signatures):
        if top not in ("results", "derived_parameters"):
            wake_runs(session, Rows(storage, eager=eager), (top,) if not top.startswith("$") else ())


def load_below(
    session: Session,
    path: Path,
    load_data: int,
    recursive: bool = True,
    max_depth: int | None = None,
    with_links: bool = True,
) -> None:
    """Load the node at `path` and (recursively) what is below it; DataNotInStorageError."""
    flag = int(load_data)
    if flag == NOTHING:
        return
    scope = session.tree.scope
    running, scope.running = scope.running, False  # what is loaded in a run is not what the run adds
    try:
        _load_below(session, path, flag, recursive, max_depth, with_links)
    finally:
        scope.running = running


def _load_below(
    session: Session, path: Path, flag: int, recursive: bool, max_depth: int | None, with_links: bool
) -> None:
    storage = ensure_storage(session)
    tree = session.tree
    if recursive:
        storage.refresh()  # whoever asks for all of it wants it as it is now
    folded = fold(path, max(len(session.plan), 1))
    if folded is not None:
        node = _run_node(session, path)
        if node is not None:
            for below in tree.walk(node) if recursive else (node,):
                if isinstance(below, Leaf) and flag >= DATA and (below.is_empty or flag == OVERWRITE):
                    fill(session, below)
            return
    if not path:
        nodes = (one for one in storage.scan((), None if recursive else 1) if one.path != ABOUT)
        _graft_all(session, nodes, lambda _: flag)
    else:
        if not storage.has(path):
            storage.refresh()  # somebody else may have stored it since
            if not storage.has(path):
                raise _nothing(session, path)
        above = [path[:length] for length in range(1, len(path))]
        missing = [one for one in above if tree.at(one) is None]
        skeletons = [storage.read(one, ()).skeleton for one in missing if storage.has(one)]
        skeletons.append(storage.read(path, ()).skeleton)
        goal = skeletons[-1].target
        if goal and tree.at(goal) is None:  # a link is no way to what is not in memory
            _load_below(session, goal, flag, False, None, True)
        if recursive and skeletons[-1].kind is NodeKind.GROUP:
            hanging = storage.scan(path, max_depth)
            skeletons.extend(one for one in hanging if with_links or one.kind is not NodeKind.LINK)
        _graft_all(session, skeletons, lambda _: flag)
    if path and not recursive and isinstance(tree.at(path), Group):
        # the groups of single runs appear with the group they hang in, without being built
        hang_runs(session, _cached_rows(session), path)
    elif recursive and max_depth is None:
        wake_runs(session, Rows(storage, eager=flag >= DATA), path)


def _run_node(session: Session, path: Path) -> Node | None:
    """Give a node of one run, waking the group its run hangs in."""
    tree = session.tree
    node = tree.at(path)
    if node is not None:
        return node
    folded = fold(path, max(len(session.plan), 1))
    assert folded is not None
    prefix: list[str] = []
    for part in folded[0]:
        if part.startswith("$"):
            break
        prefix.append(part)
    top = tuple(prefix)
    hang_runs(session, _cached_rows(session), top)
    return tree.at(path)


def load_items(
    session: Session,
    leaves: Iterable[Any],
    load_data: int,
    only: list[str] | None,
    leave_out: list[str] | None,
) -> None:
    """Load (some) items of leaves."""
    storage = ensure_storage(session)
    for leaf in leaves:
        path = leaf.path
        if not storage.has(path):
            raise _nothing(session, path)
        if int(load_data) == OVERWRITE:
            leaf.clear()
        names = only
        if leave_out is not None:
            names = [name for name in storage.read(path, ()).skeleton.items if name not in leave_out]
        if names is None and not leaf.is_empty and leaf.kept <= leaf.dump().keys():
            continue
        if names is None and not leaf.is_empty:
            names = [name for name in leaf.kept if name not in leaf.dump()]
        fill(session, leaf, names)
