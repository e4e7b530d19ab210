"""Which steps make a merge of two stored trajectories?"""

from __future__ import annotations

import datetime
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Path
from pypet_ng.encoding import same
from pypet_ng.engine import loading, storing, transfer
from pypet_ng.engine.attach import read_runbook, take_plan
from pypet_ng.engine.session import Session, forget_read_ahead
from pypet_ng.storage.base import ABOUT, StorageService
from pypet_ng.storage.memory import MemoryStorageService
from pypet_ng.trajectory.merged_plans import MergedPlan, merge_plans
from pypet_ng.trajectory.moving import backup as make_backup
from pypet_ng.tree.nodes import Leaf
from pypet_ng.tree.records import (
    Batch,
    Block,
    NodeKind,
    Note,
    NoteKind,
    Record,
    Signature,
    Skeleton,
    WriteMode,
)
from pypet_ng.tree.runnames import (
    ALL_RUNS,
    ALL_SETS,
    RUN,
    fold,
    run_index,
    run_name,
    set_index,
    set_name,
    unfold,
)

if TYPE_CHECKING:
    from pypet_ng.trajectory.trajectory import Trajectory

__all__ = ["Merge", "MergeReport", "is_on_disk"]

_OF_HISTORY: Final = ("git", "environment", "merge")
"""Groups of ``config`` that are merged."""
_LARGE: Final = 64 << 20
_Numbers = npt.NDArray[np.int64]


@dataclass(slots=True)
class MergeReport:
    """What a merge did, and in what the two trajectories differed."""

    trajectory: str
    other: str
    first_run: int = 0
    """Index of the first run that was added."""
    runs: int = 0
    """How many runs were added."""
    duplicates: list[int] = field(default_factory=list)
    """Runs of the other trajectory that were left out, as their points were there already."""
    newly_explored: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """Parameters that are explored since the merge, with the values both had."""
    kept: list[str] = field(default_factory=list)
    """Nodes that both had with different data: this trajectory's stayed."""
    left_out: list[str] = field(default_factory=list)
    """Nodes of the other trajectory that were not merged."""
    only_here: list[str] = field(default_factory=list)
    """Results of runs that only this trajectory has."""
    only_there: list[str] = field(default_factory=list)
    """Results of runs that only the other trajectory has."""

    def __str__(self) -> str:
        lines = [
            f"{self.runs} runs of {self.other!r} are runs {self.first_run} and on of {self.trajectory!r}."
        ]
        if self.duplicates:
            lines.append(f"{len(self.duplicates)} runs were left out: their points were there already.")
        lines += [
            f"{name} is explored now: {mine!r}, {theirs!r}"
            for name, (mine, theirs) in self.newly_explored.items()
        ]
        for text, names in (
            ("kept as they were here", self.kept),
            ("not merged", self.left_out),
            ("results only here", self.only_here),
            ("results only there", self.only_there),
        ):
            if names:
                shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
                lines.append(f"{text}: {shown}")
        return "\n".join(lines)


def is_on_disk(session: Session) -> bool:
    return session.storage is not None and session.storage.location != ":memory:"


class Merge:
    """One merge, step by step."""

    def __init__(
        self,
        mine: Trajectory,
        other: Trajectory,
        ignored: frozenset[str],
        *,
        remove_duplicates: bool,
        trial_parameter: str | None,
    ) -> None:
        self._mine = mine
        self._other = other
        self._ignored = ignored
        self._remove_duplicates = remove_duplicates
        self._trial_parameter = trial_parameter
        session = self._session = mine._session
        theirs = self._theirs = other._session
        for one in (session, theirs):
            one.tree.check_outside_run("f_merge")
        _check_wildcards(session, theirs)
        if theirs.storage is None:
            theirs.storage = MemoryStorageService()
        for one in (session, theirs):
            storing.ensure_storage(one)
            if not one.facts.attached or _has_unsaved(one):
                storing.store_all(one)
        assert session.storage is not None
        assert theirs.storage is not None
        self._target: StorageService = session.storage
        if _is_same(session, theirs):
            raise ValueError(
                f"Trajectory {other.v_name!r} of {theirs.storage.location} cannot be merged with itself: "
                "no run would be new."
            )
        self._source = transfer.beside(theirs.storage, other.v_name)
        self._target.select(mine.v_name)
        self._merged: MergedPlan | None = None
        self._report = MergeReport(mine.v_name, other.v_name)
        self._names: dict[str, str] = {}
        self._timestamp = time.time()

    # -- which points -------------------------------------------------------------------------
    def plan(self) -> None:
        """Find out which points there will be; nothing is changed."""
        self._merged = merge_plans(
            self._mine,
            self._other,
            self._target,
            self._source,
            self._ignored,
            remove_duplicates=self._remove_duplicates,
            trial_parameter=self._trial_parameter,
        )
        merged = self._merged
        report = self._report
        report.first_run = merged.first
        report.runs = int((merged.new >= 0).sum())
        report.duplicates = np.flatnonzero(merged.new < 0).tolist()
        report.newly_explored = {".".join(path): pair for path, pair in merged.differing.items()}
        mine, theirs = (one.tree.wildcards.functions for one in (self._session, self._theirs))
        for word, name_there in theirs.items():
            if name_there in (run_name, set_name) and mine[word] is name_there:
                continue
            self._names.setdefault(name_there(-1), "")
            for row, new in enumerate(merged.new.tolist()):
                self._names.setdefault(name_there(row), mine[word](new) if new >= 0 else "")

    @property
    def _new(self) -> _Numbers:
        assert self._merged is not None
        return self._merged.new

    def back_up(self) -> None:
        """Copy both to files beside theirs."""
        for session in (self._theirs, self._session):
            if is_on_disk(session):
                make_backup(session)
        self._target.select(self._mine.v_name)

    # -- names --------------------------------------------------------------------------------
    def _rename(self, path: Path) -> Path | None:
        """Give the new place of a path, None if it belongs to a run that is not merged, or to all."""
        parts = []
        for part in path:
            if part in (ALL_RUNS, ALL_SETS):
                return None
            index = run_index(part)
            number = set_index(part)
            if part in self._names:
                part = self._names[part]
                if not part:
                    return None
            elif index is not None:
                if index >= len(self._new) or self._new[index] < 0:
                    return None
                part = self._mine._session.tree.scope.name_of(int(self._new[index]))
            elif number is not None:
                used = self._new[number * 1000 : (number + 1) * 1000]
                used = used[used >= 0]
                if not len(used):
                    return None
                part = set_name(int(used[0]))
            parts.append(part)
        return tuple(parts)

    def _unwanted(self) -> Callable[[Path], npt.NDArray[np.bool_] | None]:
        """Give what tells which runs' leaves of a template are ignored."""
        length = len(self._new)
        whole: set[Path] = set()
        single: dict[Path, list[int]] = {}
        for name in self._ignored:
            path = tuple(name.split("."))
            folded = fold(path, length)
            if folded is None:
                whole.add(tuple(RUN if part == "crun" else part for part in path))
            else:
                single.setdefault(folded[0], []).append(folded[1])

        def mask(path: Path) -> npt.NDArray[np.bool_] | None:
            if any(path[: len(top)] == top for top in whole):
                return np.ones(length, np.bool_)
            rows = [row for top, some in single.items() if path[: len(top)] == top for row in some]
            if not rows:
                return None
            ignored = np.zeros(length, np.bool_)
            ignored[rows] = True
            return ignored

        return mask

    # -- copying ------------------------------------------------------------------------------
    def copy(self, *, with_config: bool) -> None:
        """Write plan, runs and nodes."""
        merged = self._merged
        assert merged is not None
        target, source = self._target, self._source
        forget_read_ahead(self._session)
        mine, theirs = set(target.signatures()), set(source.signatures())
        self._report.only_here = sorted(".".join(path) for path in mine - theirs) if mine else []
        self._report.only_there = sorted(".".join(path) for path in theirs - mine) if mine else []
        with target.writing():
            target.write_plan(merged.plan)
            for record in merged.records:  # containers that know their values themselves
                target.write([record], WriteMode.OVERWRITE)
        sessions = transfer.copy_sessions(source, target, self._other.v_name)
        self._copy_nodes(with_config)
        transfer.copy_runs(
            source,
            target,
            merged.new,
            sessions=sessions,
            leave_out=self._unwanted(),
            rename=self._rename,
        )
        self._copy_to_runs()

    def _copy_nodes(self, with_config: bool) -> None:
        there = {skeleton.path: skeleton for skeleton in self._target.scan(())}
        chosen: dict[Path, Path] = {}
        skeletons: list[Skeleton] = []
        for skeleton in self._source.scan(()):
            new = self._place(skeleton, there, with_config)
            if new is not None:
                chosen[skeleton.path] = new
                skeletons.append(skeleton)
        transfer.copy_nodes(
            self._source, self._target, skeletons, lambda path: chosen.get(path) or self._rename(path)
        )

    def _place(self, skeleton: Skeleton, there: dict[Path, Skeleton], with_config: bool) -> Path | None:
        """Give where a node of the other goes, None if it stays where it is."""
        path = skeleton.path
        name = ".".join(path)
        if path[0] == "parameters" or path == ABOUT:
            return None
        if path[0] == "config" and not (with_config and path[1:2] and path[1] in _OF_HISTORY):
            return None
        if any(name == one or name.startswith(one + ".") for one in self._ignored):
            return None
        new = self._rename(path)
        if new is None or (skeleton.kind is NodeKind.LINK and self._rename(skeleton.target) is None):
            if skeleton.kind is not NodeKind.GROUP and path[0] != "derived_parameters":
                self._report.left_out.append(name)
            return None
        known = there.get(new)
        if known is not None:
            if skeleton.is_leaf and known.is_leaf and path[0] != "config":
                mine, theirs = self._target.read(new).data, self._source.read(path).data
                if not same(dict(mine), dict(theirs)) and path not in self._merged_paths():
                    self._report.kept.append(name)
            return None
        return new

    def _merged_paths(self) -> frozenset[Path]:
        assert self._merged is not None
        return frozenset(self._merged.plan.names)

    def _copy_to_runs(self) -> None:
        """Give derived parameters that count for all of the other's runs to each run that was merged."""
        rows = self._new[self._new >= 0]
        for skeleton in list(self._source.scan(())):
            path = skeleton.path
            if path[0] != "derived_parameters" or ALL_RUNS not in path or not skeleton.is_leaf:
                continue
            if ".".join(path) in self._ignored:
                continue
            data = dict(self._source.read(path).data)
            if self._target.has(path) and same(dict(self._target.read(path).data), data):
                continue
            folded = tuple(RUN if part == ALL_RUNS else part for part in path)
            self._give(
                Signature(folded, skeleton.kind, skeleton.class_name, skeleton.comment, tuple(data)),
                data,
                rows,
            )

    def _give(self, signature: Signature, data: dict[str, Any], rows: _Numbers) -> None:
        size = sum(getattr(value, "nbytes", 64) for value in data.values())
        if size * len(rows) <= _LARGE:
            columns: dict[str, Any] = {item: [value] * len(rows) for item, value in data.items()}
            self._target.append_runs(Batch(blocks={signature: Block(rows, columns)}))
            return
        # once, and links in the other runs: copies of a large value would fill the disk
        first = int(rows[0])
        goal = list(unfold(signature.path, first))
        block = Block(rows[:1], {item: [value] for item, value in data.items()})
        notes = [Note(row, signature.path, NoteKind.LINK, "", goal) for row in rows[1:].tolist()]
        self._target.append_runs(Batch(blocks={signature: block}, notes=notes))

    # -- afterwards -----------------------------------------------------------------------------
    def note(self, on_other: bool) -> None:
        """Enter the merge under ``config.merge``."""
        mine, other = self._mine, self._other
        merged = self._merged
        assert merged is not None
        text = f"{mine.v_name}{mine.v_timestamp}{other.v_name}{other.v_timestamp}{self._timestamp}"
        sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        moment = datetime.datetime.fromtimestamp(self._timestamp)
        top = f"merge_{sha[:7]}_{moment:%Y_%m_%d_%Hh%Mm%Ss}"
        facts: list[tuple[str, Any, str]] = [
            ("merged_runs", self._report.runs, "Number of merged runs"),
            ("timestamp", self._timestamp, "Time of the merge"),
            ("hexsha", sha, "SHA-1 of the merge"),
            ("remove_duplicates", self._remove_duplicates, "Runs at known points were left out"),
            ("length_before_merge", merged.first, "Number of runs before"),
        ]
        if self._ignored:
            facts.append(("ignore_data", tuple(sorted(self._ignored)), "What was not merged"))
        if self._trial_parameter is not None:
            facts.append(("trial_parameter", self._trial_parameter, "The parameter that numbers the trials"))
        if on_other:
            facts += [
                ("other_trajectory.name", other.v_name, "Name of the merged trajectory"),
                ("other_trajectory.timestamp", other.v_timestamp, "When it was made"),
                ("other_trajectory.length", len(self._new), "Its number of runs"),
                ("other_trajectory.seed", str(self._theirs.facts.root_seed()), "Root of its runs' seeds"),
            ]
            if other.v_comment:
                facts.append(("other_trajectory.comment", other.v_comment, "Its comment"))
        records = [
            Record(
                Skeleton(
                    ("config", "merge", top, *name.split(".")),
                    NodeKind.PARAMETER,
                    "Parameter",
                    comment,
                    items=("data",),
                    locked=True,
                ),
                {"data": value},
            )
            for name, value, comment in facts
        ]
        self._target.write(records)

    def delete_moved(self) -> None:
        """Delete from the other trajectory what was copied."""
        source = self._source
        unwanted = self._unwanted()
        everything = bool((self._new >= 0).all()) and not self._ignored
        if everything:
            for branch in ("results", "derived_parameters"):
                if source.has((branch,)):
                    source.delete((branch,))
        else:
            self._delete_rows(unwanted)
        self._forget_other()

    def _delete_rows(self, unwanted: Callable[[Path], npt.NDArray[np.bool_] | None]) -> None:
        with self._source.writing():
            for path in list(self._source.signatures()):
                kept = unwanted(path)
                ids = self._source.signature_ids(path)
                for row in np.flatnonzero(ids).tolist():
                    if self._new[row] >= 0 and (kept is None or not kept[row]):
                        self._source.delete(unfold(path, row))

    def delete_other(self) -> None:
        """Delete the other trajectory from its storage."""
        self._source.remove(self._other.v_name)
        self._forget_other()
        self._theirs.facts.attached = False
        self._theirs.facts.stored_runs = 0

    def _forget_other(self) -> None:
        forget_read_ahead(self._theirs)
        assert self._theirs.storage is not None
        self._theirs.storage.refresh()

    def finish(self) -> MergeReport:
        """Let the trajectory in memory know what is stored now."""
        merged = self._merged
        session = self._session
        assert merged is not None
        self._source.close()
        self._target.refresh()
        facts = session.facts
        facts.stored_runs = facts.common = facts.given = len(merged.plan)
        take_plan(session, merged.plan)
        for path in merged.plan.names:
            node = session.tree.at(path)
            if isinstance(node, Leaf):
                node.locked = True
        read_runbook(session)
        loading.load(session, loading.LoadOptions())
        session.tree.move_to(-1)
        return self._report


def _check_wildcards(mine: Session, theirs: Session) -> None:
    ours, others = set(mine.tree.wildcards.functions), set(theirs.tree.wildcards.functions)
    if ours != others:
        raise TypeError(
            f"The trajectories have different wildcards ({', '.join(sorted(ours ^ others))}): names of runs would "
            "not mean the same. Load both with the same wildcard_functions."
        )


def _has_unsaved(session: Session) -> bool:
    return any(
        isinstance(node, Leaf) and not node.stored and not node.is_empty
        for node in session.tree.walk(session.tree.root)
    )


def _is_same(mine: Session, theirs: Session) -> bool:
    if mine is theirs:
        return True
    a, b = mine.storage, theirs.storage
    if a is None or b is None or mine.tree.root.name != theirs.tree.root.name:
        return False
    if isinstance(a, MemoryStorageService) and isinstance(b, MemoryStorageService):
        return a.store is b.store
    return os.path.abspath(a.location) == os.path.abspath(b.location)
