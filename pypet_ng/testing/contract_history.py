"""Does a storage give what dictionaries give, after any history of calls?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pypet_ng._typing import Path
from pypet_ng.encoding import canonical
from pypet_ng.errors import PypetError
from pypet_ng.storage.base import NOT_SET, RETURNED, StorageService
from pypet_ng.storage.memory import MemoryStorageService
from pypet_ng.testing.contract_base import ContractBase, Leaf, Leaves, X, batch_of, p, plan_of, record, states
from pypet_ng.tree.records import Batch, Block, NodeKind, Note, NoteKind, TrajectoryInfo, WriteMode
from pypet_ng.tree.runnames import fold, unfold

__all__ = ["HistoryContract", "histories"]

_ROWS = 6
_FOLDED = ("results.runs.$.z", "results.runs.$.g.q", "results.a.$.z", "results.$set.$.s", "results.b.$")
_ORDINARY = (
    "results.r",
    "results.g.r",
    "results.g.s",
    "config.c",
    "results.runs.extra",
    "results.runs.run_ALL.z",
)
_GROUPS = ("results", "results.g", "results.runs", "results.a")
_ITEMS = ("a", "b", "c/d")

_Call = tuple[str, Callable[[StorageService], object]]


def _values() -> st.SearchStrategy[Any]:
    return st.one_of(
        st.sampled_from([None, 0, 1, 0.5, True, "a", "é" * 5, "", b"x", 2**70, np.float32(2), np.int8(1)]),
        st.floats(),
        st.text(max_size=4),
        st.builds(
            lambda shape, dtype: np.ones(shape, dtype=dtype),
            st.sampled_from([(), (2,), (3,), (0,), (2, 2)]),
            st.sampled_from(["f8", "i4", "?"]),
        ),
        st.lists(st.integers(0, 3), max_size=3),
        st.dictionaries(st.sampled_from("xy"), st.integers(0, 3)),
    )


def _data() -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(_ITEMS), _values(), max_size=3)


@st.composite
def _calls(draw: st.DrawFn) -> _Call:
    """One call on a service, with its description."""
    kind = draw(
        st.sampled_from(
            [
                "append",
                "append",
                "write",
                "write row",
                "delete",
                "delete row",
                "items",
                "notes",
                "plan",
                "mark",
                "again",
            ]
        )
    )
    row = draw(st.integers(0, _ROWS - 1))
    folded = draw(st.sampled_from(_FOLDED))
    comment = draw(st.sampled_from(["first", "second"]))
    annotations = draw(st.dictionaries(st.sampled_from("mn"), st.integers(0, 2), max_size=1))
    mode = draw(st.sampled_from(list(WriteMode)))
    if kind == "append":
        rows = draw(st.lists(st.integers(0, _ROWS - 1), min_size=1, max_size=4, unique=True))
        leaves: Leaves = {
            (path, one): Leaf(draw(_data()), draw(st.sampled_from(["", "said"])))
            for one in rows
            for path in draw(st.sets(st.sampled_from(_FOLDED), max_size=3))
        }
        batch = batch_of(leaves, rows)
        batch.runs = states(rows)
        batch.returned = Block(list(rows), {"": [draw(_values()) for _ in rows]})
        return f"append {leaves}", lambda service: service.append_runs(batch)
    if kind == "write":
        path = draw(st.sampled_from(_ORDINARY))
        one = record(path, draw(_data()), comment, annotations=annotations)
        return f"write {one} {mode}", lambda service: service.write([one], mode)
    if kind == "write row":
        one = record(unfold(p(folded), row), draw(_data()), comment, annotations=annotations)
        return f"write {one} {mode}", lambda service: service.write([one], mode)
    if kind == "delete":
        way = p(draw(st.sampled_from(_ORDINARY + _GROUPS)))
        return f"delete {way}", lambda service: service.delete(way)
    if kind == "delete row":
        way = unfold(p(folded), row)[: draw(st.integers(3, 5))]
        return f"delete {way}", lambda service: service.delete(way)
    if kind == "items":
        way = draw(st.sampled_from([unfold(p(folded), row), p(draw(st.sampled_from(_ORDINARY)))]))
        names = draw(st.lists(st.sampled_from(_ITEMS), min_size=1, max_size=2, unique=True))
        return f"delete {way} {names}", lambda service: service.delete(way, names)
    if kind == "notes":
        group = p("results.runs.$.group")
        notes = [
            Note(row, group, NoteKind.GROUP, "ResultGroup", comment),
            Note(row, group, NoteKind.ANNOTATION, draw(st.sampled_from("mn")), draw(_values())),
        ]
        return f"append {notes}", lambda service: service.append_runs(Batch(notes=notes))
    if kind == "plan":
        length = draw(st.integers(_ROWS, _ROWS + 3))
        return f"plan {length}", lambda service: service.write_plan(plan_of(length))
    if kind == "mark":
        return f"mark {row}", lambda service: service.mark_runs(np.array([row], dtype=np.int64), 0)

    def refresh(service: StorageService) -> None:
        service.commit()
        service.refresh()

    return "refresh", refresh


def histories() -> st.SearchStrategy[list[_Call]]:
    """Some calls in a row."""
    return st.lists(_calls(), min_size=1, max_size=10)


def snapshot(service: StorageService) -> dict[object, object]:
    """Give all that a service tells, as one comparable dictionary."""
    length = len(service.read_plan())
    found: dict[object, object] = {"length": length}
    for skeleton in service.scan():
        if fold(skeleton.path, length) is None:
            found[skeleton.path] = _node(service, skeleton.path)
    for path, known in service.signatures().items():
        ids = service.signature_ids(path)
        rows = np.flatnonzero(ids)
        for row in rows.tolist():
            found[path, row] = known[ids[row] - 1]
        items = sorted({name for row in rows.tolist() for name in known[ids[row] - 1].items})
        for item in items:
            found[path, item] = _column(service, path, item)
    for row in range(length):
        run = unfold(p("results.runs.$"), row)
        for way in (run, unfold(p("results.a.$"), row), unfold(p("results.$set.$"), row)):
            found["has", way] = service.has(way)
            if service.has(way):
                for skeleton in service.scan(way):
                    found[skeleton.path] = _node(service, skeleton.path)
    try:
        found[RETURNED] = _column(service, RETURNED, "")
    except PypetError:
        found[RETURNED] = None
    for note in service.notes():
        found[note.row, note.path, note.kind, note.key] = canonical(note.value)
    table = service.run_table()
    for name in ("state", "start", "finish", "attempt", "nonfinite", "session"):
        found[name] = table.column(name).tolist()
    found["hosts"] = table.hosts()
    return found


def _node(service: StorageService, path: Path) -> tuple[object, ...]:
    node = service.read(path)
    mine = node.skeleton
    notes = {name: canonical(value) for name, value in mine.annotations.items()}
    data = {name: canonical(value) for name, value in node.data.items()}
    return mine.kind, mine.class_name, mine.comment, mine.items, mine.explored, mine.target, notes, data


def _column(service: StorageService, path: Path, item: str) -> tuple[object, ...]:
    column = service.read_runs(path, item)
    values = [value if value is NOT_SET else canonical(value) for value in column.values()]
    array = column.array()
    return (
        values,
        column.mask().tolist(),
        str(column.dtype),
        None if array is None else canonical(array),
    )


class HistoryContract(ContractBase):
    """Random histories, compared with :class:`MemoryStorageService`."""

    @settings(
        max_examples=max(40, settings.default.max_examples),  # type: ignore[union-attr]  # the profile's
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
    )
    @given(history=histories())
    def test_any_history_ends_as_dictionaries_do(
        self, tmp_path_factory: pytest.TempPathFactory, history: list[_Call]
    ) -> None:
        service, oracle = self.make(tmp_path_factory.mktemp("history")), MemoryStorageService()
        for one in (service, oracle):
            one.create(TrajectoryInfo("traj"))
            one.write([record(X, {"data": 0}, kind=NodeKind.PARAMETER)])
            one.write_plan(plan_of(_ROWS))
        for words, call in history:
            raised = [_error(call, one) for one in (service, oracle)]
            assert raised[0] is raised[1], words
        service.commit()
        expected = snapshot(oracle)
        assert snapshot(service) == expected
        second = self.again(service)
        second.select("traj")
        assert snapshot(second) == expected
        second.close()
        assert list(service.verify()) == []
        self.raw_check(service)
        service.close()


def _error(call: Callable[[StorageService], object], service: StorageService) -> type[PypetError] | None:
    try:
        call(service)
    except PypetError as error:
        return type(error)
    return None
