"""Does the tree in memory fit the stored trajectory of its name, and which runs does it ask for?"""

from __future__ import annotations

import reprlib
from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Path
from pypet_ng.encoding import canonical, same
from pypet_ng.engine.definitions import compare_definitions
from pypet_ng.engine.session import Session, remember_made, trajectory_info
from pypet_ng.errors import PlanMismatchError
from pypet_ng.spaces.compare import relate
from pypet_ng.spaces.plan import Plan
from pypet_ng.storage.base import StorageService
from pypet_ng.tree.nodes import Group, Leaf, ParameterLeaf
from pypet_ng.tree.records import NodeKind, RunState, Skeleton

__all__ = ["attach", "explored_leaves", "own_items", "read_runbook", "take_plan"]


def explored_leaves(session: Session) -> dict[Path, Leaf]:
    """Give the explored parameters that are in memory."""
    leaves = {}
    for path in session.plan.names:
        node = session.tree.at(path)
        if isinstance(node, Leaf):
            leaves[path] = node
    return leaves


def own_items(leaf: Leaf, planned: Collection[Path]) -> dict[str, Any]:
    """Give the items to be stored with a leaf itself.

    A parameter that came with a range of its own, instead of one from ``f_explore``, keeps it there;
    the ranges of the plan's parameters (`planned`) are stored with the plan.
    """
    items = dict(leaf.dump())
    if isinstance(leaf, ParameterLeaf) and leaf.column is not None and leaf.path not in planned:
        items.update(leaf.dump_range())
    return items


def take_plan(session: Session, plan: Plan) -> None:
    """Make `plan` the session's, and its columns those of the parameters in memory."""
    session.plan = plan
    session.runs.grow(len(plan))
    for path, leaf in explored_leaves(session).items():
        leaf.take_column(plan.column(path))  # type: ignore[attr-defined]


def attach(session: Session) -> npt.NDArray[np.int64]:
    """Compare the session with the stored trajectory of its name, making that if there is none.

    Gives the run indices the session's plan asks for. Afterwards the file's plan holds all points
    of the session's, at the indices the session uses. PlanMismatchError says what differs.
    """
    storage = session.storage
    if storage is None:
        raise ValueError("This trajectory has no storage service: give filename= or storage_service=.")
    facts = session.facts
    rows = np.arange(len(session.plan), dtype=np.int64)
    if not facts.attached:
        name = session.tree.root.name
        if all(info.name != name for info in storage.trajectories()):
            storage.create(trajectory_info(session))
            remember_made(session)
            _leave_home(session)
            facts.attached = True
            facts.fresh = False
            facts.stored_runs = 0
            session.runs.grow(len(session.plan))
            return rows
        if facts.fresh:
            raise PlanMismatchError(
                f"{storage.location} has a trajectory {name!r} already, and this one was migrated there as a new "
                "one. Use another name, or f_migrate(..., in_store=True) if it is the same."
            )
        info = storage.select(name)
        stored = storage.read_plan()
        _compare_parameters(session, storage)
        compare_definitions(session, storage)
        facts.timestamp = info.timestamp
        seed = info.facts.get("seed")
        if seed is not None:
            if facts.seed is not None and facts.seed != int(str(seed)):
                raise PlanMismatchError(
                    f"The trajectory {name!r} in {storage.location} was made with seed={seed}, "
                    f"this script says seed={facts.seed}. Use the same seed, another trajectory or file "
                    "name, or overwrite_file=True."
                )
            facts.seed = int(str(seed))
        if not session.tree.root.comment:
            session.tree.root.comment = info.comment
        facts.attached = True
        if not stored.is_explored and not (storage.run_table().column("state") == RunState.DONE).any():
            facts.stored_runs = 0  # stored before anything was explored or run: nothing to be true to
            session.runs.grow(len(session.plan))
            return rows
        try:
            rows = _relate(session, stored)
        except PlanMismatchError:
            facts.attached = False
            raise
        return rows
    stored_length = _stored_length(storage)
    if not facts.stored_runs:
        return rows
    if stored_length == facts.stored_runs and stored_length <= facts.common:
        return rows  # the stored plan is the beginning of ours, as we made or compared it ourselves
    return _relate(session, storage.read_plan())


def _leave_home(session: Session) -> None:
    """Nothing of the tree is in a new trajectory, even if it was stored or done somewhere else."""
    elsewhere = False
    for node in session.tree.walk(session.tree.root):
        elsewhere |= node.stored
        node.stored = False
        if isinstance(node, Leaf):
            node.kept = frozenset()
    if elsewhere:
        session.runs.grow(0)
        session.runs.failures.clear()
        session.facts.given = session.facts.number = 0


def _stored_length(storage: StorageService) -> int:
    for info in storage.trajectories():
        if info.name == storage.name:
            return info.length
    return 0


def _relate(session: Session, stored: Plan) -> npt.NDArray[np.int64]:
    storage = session.storage
    assert storage is not None
    try:
        relation = relate(session.plan, stored, canonical)
    except PlanMismatchError as error:
        error.add_note(f"Trajectory {session.tree.root.name!r} in {storage.location}.")
        raise
    count = len(session.plan)
    wanted = relation.wanted
    rows = (
        np.arange(*wanted.indices(len(relation.plan)), dtype=np.int64)
        if isinstance(wanted, slice)
        else wanted
    )
    if not (rows == np.arange(count)).all():
        _reorder_own(session, rows, len(stored))
        take_plan(session, relation.plan)  # the file's indices are for ever: take its order
    session.facts.stored_runs = len(stored)
    session.facts.common = min(len(stored), len(session.plan))
    read_runbook(session)
    return rows


def _reorder_own(session: Session, rows: npt.NDArray[np.int64], stored_length: int) -> None:
    """Give explored containers of users the stored values, then those of new points.

    Only they know their values; the plan has fingerprints.
    """
    storage = session.storage
    assert storage is not None
    fresh = np.flatnonzero(rows >= stored_length)
    fresh = fresh[np.argsort(rows[fresh])]
    for path, leaf in explored_leaves(session).items():
        if isinstance(leaf, ParameterLeaf):
            continue
        view = session.tree.view(leaf)
        ours = list(view.f_get_range())
        leaf.locked = False
        leaf.load(storage.read(path).data)
        if len(fresh):
            leaf.locked = False
            view._expand([ours[place] for place in fresh.tolist()])
            leaf.locked = True


def read_runbook(session: Session) -> None:
    """Take over what is stored on the states and times of the runs."""
    storage = session.storage
    assert storage is not None
    table = storage.run_table()
    book = session.runs
    book.grow(max(len(session.plan), len(table), book.length))
    book.take_over(table.column("state"), table.column)


def _compare_parameters(session: Session, storage: StorageService) -> None:
    """Raise PlanMismatchError if a parameter in memory is stored with another value, or not at all."""
    parameters = session.tree.root.children.get("parameters")
    if not isinstance(parameters, Group):
        return
    if not storage.has(("parameters",)):
        return
    stored: dict[Path, Skeleton] = {
        skeleton.path: skeleton
        for skeleton in storage.scan(("parameters",))
        if skeleton.kind is NodeKind.PARAMETER
    }
    explored = set(session.plan.names)
    place = f"trajectory {session.tree.root.name!r} in {storage.location}"
    ways = "Use another trajectory or file name, or overwrite_file=True to begin anew."
    for node in session.tree.walk(parameters):
        if not isinstance(node, Leaf) or (node.stored and node.is_empty):
            continue
        path = node.path
        name = ".".join(path)
        if path not in stored:
            if bool((storage.run_table().column("state") == RunState.DONE).any()):
                raise PlanMismatchError(
                    f"The parameter {name!r} is new, but runs of {place} were done without it. {ways}"
                )
            continue
        if path in explored or stored[path].explored:
            continue
        ours, theirs = own_items(node, explored), dict(storage.read(path).data)
        if not same(ours, theirs):
            raise PlanMismatchError(
                f"The parameter {name!r} is {_show(ours)} in this script, but {_show(theirs)} in {place}. {ways}"
            )
        if not node.stored:
            node.stored = True
            node.kept = frozenset(theirs)


def _show(data: dict[str, Any]) -> str:
    value = data.get("data", data) if data else "empty"
    return reprlib.repr(value)
