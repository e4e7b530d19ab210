"""Which points does the merge of two trajectories visit?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Path
from pypet_ng.encoding import canonical, same
from pypet_ng.engine import loading
from pypet_ng.engine.attach import take_plan
from pypet_ng.engine.batching import skeleton_of
from pypet_ng.engine.session import Session
from pypet_ng.errors import near_names
from pypet_ng.spaces.columns import Column, IndexedColumn, ListColumn, OpaqueColumn, column_of
from pypet_ng.spaces.plan import Plan
from pypet_ng.storage.base import StorageService
from pypet_ng.trajectory.exploring import fingerprint
from pypet_ng.tree.nodes import Leaf, ParameterLeaf
from pypet_ng.tree.records import NodeKind, Record
from pypet_ng.tree.runnames import run_index, set_index

if TYPE_CHECKING:
    from pypet_ng.trajectory.trajectory import Trajectory

__all__ = ["MergedPlan", "merge_plans"]

_Numbers = npt.NDArray[np.int64]


@dataclass(slots=True)
class MergedPlan:
    """The points of two trajectories, one behind the other."""

    plan: Plan
    new: _Numbers
    """For each run of the other trajectory its index in the plan, -1 if it is left out."""
    first: int
    """Number of own runs."""
    differing: dict[Path, tuple[Any, Any]] = field(default_factory=dict)
    """Parameters fixed in both, with the values of both."""
    records: list[Record] = field(default_factory=list)
    """Containers of users' own classes with their new ranges, to be stored anew."""


def merge_plans(
    mine: Trajectory,
    other: Trajectory,
    target: StorageService,
    source: StorageService,
    ignored: frozenset[str],
    *,
    remove_duplicates: bool,
    trial_parameter: str | None,
) -> MergedPlan:
    """Find the points of a merge; nothing is changed.

    Raises TypeError if the parameters are not the same or not of the same types, ValueError if no run is left.
    """
    here, changed_here = _parameters(mine, target)
    there, _ = _parameters(other, source)
    _check_names(here, there, ignored)
    plans = target.read_plan(), source.read_plan()
    lengths = len(plans[0]), len(plans[1])
    trial = None if trial_parameter is None else _find_trial(here, trial_parameter)
    changed: dict[Path, _Pair] = {}
    differing: dict[Path, tuple[Any, Any]] = {}
    for path, my_leaf in here.items():
        if path not in there or ".".join(path) in ignored:
            continue
        pair = _Pair(path, my_leaf, there[path], *plans)
        pair.check_types()
        if path == trial or pair.is_explored or pair.differs:
            changed[path] = pair
            if not pair.is_explored and path != trial:
                differing[path] = (pair.mine.default, pair.theirs.default)
    kept = np.ones(lengths[1], np.bool_)
    if remove_duplicates and trial is None and not differing:
        kept = ~_known_points(list(changed.values()), lengths)
        if not kept.any():
            raise ValueError(
                f"All {lengths[1]} points of {other.v_name!r} are points of {mine.v_name!r} already: no run is left "
                "to be merged. Leave out remove_duplicates=True to add them anyway."
            )
    if not changed:
        raise ValueError(
            f"Nothing is explored in {mine.v_name!r} nor in {other.v_name!r}, and no parameter differs: there would be "
            "two runs at one point. Name a trial_parameter that tells them apart."
        )
    rows = np.flatnonzero(kept).astype(np.int64)
    new = np.full(lengths[1], -1, np.int64)
    new[rows] = lengths[0] + np.arange(len(rows))
    records = [Record(skeleton_of(here[path], path), dict(here[path].dump())) for path in changed_here]
    columns: dict[Path, Column] = {}
    order = (*plans[0].names, *(path for path in changed if path not in plans[0].names))
    for path in order:
        if path not in changed:
            raise TypeError(
                f"{'.'.join(path)!r} is explored in {mine.v_name!r} but not merged (ignore_data): "
                "the runs of the other trajectory would have no value of it."
            )
        pair = changed[path]
        if path == trial:
            columns[path] = pair.counted_on(rows)
        else:
            columns[path] = pair.joined(rows)
        records.extend(pair.record())
    return MergedPlan(Plan(columns), new, lengths[0], differing, records)


def _parameters(traj: Trajectory, storage: StorageService) -> tuple[dict[Path, Leaf], list[Path]]:
    """Give the parameters of a trajectory that belong to no run, from a copy with their data; and which of
    them have other values in memory than in the storage."""
    twin = type(traj)(traj.v_name, add_time=False, dynamic_imports=traj._book.named)
    twin.v_allow_pickle = traj.v_allow_pickle
    session = twin._session
    session.storage = storage
    session.facts.attached = True
    take_plan(session, storage.read_plan())
    for branch in ("parameters", "derived_parameters"):
        if storage.has((branch,)):
            loading.load_below(session, (branch,), loading.DATA)
    tree = session.tree
    tree.reserve = None
    changed = _prefer_memory(traj, session)
    found = {
        node.path: node
        for branch in ("parameters", "derived_parameters")
        if branch in tree.root.children
        for node in tree.walk(tree.root.children[branch])
        if isinstance(node, Leaf)
        and node.kind is NodeKind.PARAMETER
        and not any(run_index(part) is not None or set_index(part) is not None for part in node.path)
    }
    return found, [path for path in changed if path in found]


def _prefer_memory(traj: Trajectory, session: Session) -> list[Path]:
    """Take over values that are in memory: users may have changed them since they were stored."""
    changed = []
    for node in session.tree.walk(session.tree.root):
        if isinstance(node, ParameterLeaf):
            own = traj._session.tree.at(node.path)
            if isinstance(own, ParameterLeaf) and not own.is_empty:
                data = own.dump()
                if not same(dict(data), dict(node.dump())):
                    changed.append(node.path)
                    node.locked = False
                    node.load(data)
    return changed


def _check_names(here: dict[Path, Leaf], there: dict[Path, Leaf], ignored: frozenset[str]) -> None:
    lacking = [
        f"{'.'.join(path)} (only in the {'one' if path in here else 'other'})"
        for path in here.keys() ^ there.keys()
        if path[0] == "parameters" and ".".join(path) not in ignored
    ]
    if lacking:
        raise TypeError(
            f"The trajectories have different parameters and cannot be merged: {', '.join(sorted(lacking)[:8])}. "
            "Name in ignore_data what does not matter."
        )


def _find_trial(here: dict[Path, Leaf], name: str) -> Path:
    parts = tuple(name.split("."))
    hits = [path for path in here if path[-len(parts) :] == parts]
    if len(hits) != 1:
        raise TypeError(
            f"The trial parameter {name!r} means {len(hits)} parameters: name exactly one."
            + near_names(name, map(".".join, here))
        )
    return hits[0]


class _Pair:
    """One parameter in both trajectories."""

    def __init__(self, path: Path, mine: Leaf, theirs: Leaf, my_plan: Plan, their_plan: Plan) -> None:
        self.path = path
        self.mine = _Side(mine, my_plan, path)
        self.theirs = _Side(theirs, their_plan, path)

    @property
    def is_explored(self) -> bool:
        return self.mine.is_explored or self.theirs.is_explored

    @property
    def differs(self) -> bool:
        a, b = self.mine, self.theirs
        if a.leaf.is_empty or b.leaf.is_empty:
            return a.leaf.is_empty != b.leaf.is_empty
        return not a.view._equal_values(a.default, b.default)

    def check_types(self) -> None:
        """Raise TypeError where values of both could not stand in one range."""
        a, b = self.mine, self.theirs
        if a.leaf.is_empty and b.leaf.is_empty:
            return
        if a.leaf.is_empty or b.leaf.is_empty or not a.view._values_of_same_type(a.default, b.default):
            kinds = [
                "empty" if side.leaf.is_empty else f"{side.default!r:.60} ({type(side.default).__name__})"
                for side in (a, b)
            ]
            raise TypeError(
                f"The parameter {'.'.join(self.path)!r} is {kinds[0]} in the one and {kinds[1]} in the other trajectory: "
                "values of one range have one type."
            )

    def joined(self, rows: _Numbers) -> Column:
        """Give the values of all own runs, then those of some runs of the other."""
        if not isinstance(self.mine.leaf, ParameterLeaf):
            return self._joined_own(rows)
        return self.mine.column().extended(self.theirs.column().select(transfer_rows(rows)))

    def counted_on(self, rows: _Numbers) -> Column:
        """Give trial numbers that go on; TypeError if they do not count from 0."""
        tops = []
        for side in (self.mine, self.theirs):
            values = side.column().take()
            top = max(values) if all(type(value) is int for value in values) else -1
            if set(values) != set(range(top + 1)):
                raise TypeError(
                    f"The trial parameter {'.'.join(self.path)!r} must have all whole numbers from 0 on, not "
                    f"{sorted(set(map(repr, values)))[:8]}."
                )
            tops.append(top)
        later = [value + tops[0] + 1 for value in self.theirs.column().take()]
        return self.mine.column().extended(column_of(later).select(transfer_rows(rows)))

    def _joined_own(self, rows: _Numbers) -> Column:
        """Let a user's own container take the other's values; the plan has their fingerprints."""
        view = self.mine.view
        values = self.theirs.values()
        chosen = [values[row] for row in rows.tolist()]
        before = self.mine.values()
        view.f_unlock()
        if not self.mine.is_explored:
            view._explore(before)
            view.f_unlock()
        view._expand(chosen)
        view.f_lock()
        return OpaqueColumn([fingerprint(value) for value in (*before, *chosen)])

    def record(self) -> list[Record]:
        """Give what is to be stored anew of the parameter besides the plan."""
        leaf = self.mine.leaf
        if isinstance(leaf, ParameterLeaf):
            return []
        return [Record(skeleton_of(leaf, self.path), dict(leaf.dump()))]


class _Side:
    """A parameter in one of the trajectories."""

    def __init__(self, leaf: Leaf, plan: Plan, path: Path) -> None:
        self.leaf = leaf
        self.view: Any = leaf.tree.view(leaf) if leaf.tree is not None else leaf.view
        self._plan = plan
        self._path = path

    @property
    def is_explored(self) -> bool:
        return self._path in self._plan.names

    @property
    def default(self) -> Any:
        return self.view.f_get_default()

    def column(self) -> Column:
        """Give the values of all runs, in the plan's form."""
        if self.is_explored:
            return self._plan.column(self._path)
        assert isinstance(self.leaf, ParameterLeaf)
        one: Column = self.leaf.storable(ListColumn([self.leaf.default]))
        plain = column_of(one, self.leaf.default) if isinstance(one, ListColumn) else one
        return IndexedColumn(column_of(plain.take()), np.zeros(len(self._plan), np.int64))

    def values(self) -> list[Any]:
        """Give the values themselves."""
        if self.is_explored:
            return list(self.view.f_get_range())
        return [self.default] * len(self._plan)


def transfer_rows(rows: _Numbers) -> slice | _Numbers:
    """Give rows as a slice where they are one."""
    if len(rows) and int(rows[-1]) - int(rows[0]) == len(rows) - 1:
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


def _known_points(pairs: list[_Pair], lengths: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Tell which points of the other trajectory the own one has."""
    ids = np.zeros(sum(lengths), np.int64)
    for pair in pairs:
        codes = _codes(pair.mine.column(), pair.theirs.column())
        # numbered anew after each parameter: products of counts would overflow
        ids = np.unique(ids * (int(codes.max()) + 1) + codes, return_inverse=True)[1].astype(np.int64)
    known: npt.NDArray[np.bool_] = np.isin(ids[lengths[0] :], ids[: lengths[0]])
    return known


def _codes(mine: Column, theirs: Column) -> _Numbers:
    """Number the distinct values of two columns, one behind the other."""
    a, b = mine.array(), theirs.array()
    if a is not None and b is not None and a.dtype == b.dtype and mine.value_type is theirs.value_type:
        both = np.concatenate([a, b])
        if both.dtype.kind == "f":
            both = both + 0.0  # -0.0 is 0.0
        return np.unique(both, return_inverse=True)[1].astype(np.int64)
    known: dict[bytes, int] = {}
    coded = [known.setdefault(canonical(value), len(known)) for value in (*mine.take(), *theirs.take())]
    return np.array(coded, np.int64)
