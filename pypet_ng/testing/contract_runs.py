"""What must a storage do with the results of runs, by row and by column?"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pypet_ng._typing import Path
from pypet_ng.encoding import same
from pypet_ng.errors import DataNotInStorageError
from pypet_ng.storage.base import NOT_SET, StorageService
from pypet_ng.testing.contract_base import (
    ContractBase,
    Leaf,
    Leaves,
    X,
    assert_rows,
    batch_of,
    p,
    plan_of,
    record,
    states,
)
from pypet_ng.testing.samples import sample_values
from pypet_ng.tree.records import (
    Batch,
    Block,
    NodeKind,
    Note,
    NoteKind,
    Signature,
    WriteMode,
)

__all__ = ["RunContract", "RunFixtures", "all_leaves"]

N = 9
Z, DP, Q, S = "results.runs.$.z", "derived_parameters.runs.$.dp", "results.a.$.q", "results.$set.$.s"


def all_leaves() -> Leaves:
    """What nine runs wrote that differ in all ways runs can differ."""
    import pandas as pd

    leaves: Leaves = {}
    kinds: list[Any] = [0, 0.5, None, np.float32(1), np.int8(3), "text", True, None, 2**70]
    shapes = [(3,), (3,), (2,), (0,), (2, 2), (3,), (4, 1), (), (3,)]
    for row in range(N):
        leaves[Z, row] = Leaf({"z": kinds[row]}, f"run {row % 3} wrote this")
        leaves[DP, row] = Leaf({"data": row * 0.5}, "", "Parameter", NodeKind.PARAMETER)
        leaves[Q, row] = Leaf({"q": None if row == 4 else "ab" * row, "n": row})
        leaves[S, row] = Leaf({"s": np.full(shapes[row], row, dtype=("f8", "f4", "i4")[row % 3])})
        leaves["results.runs.$.deep.er.frame", row] = Leaf(
            {
                "frame": pd.DataFrame(
                    {"t": np.arange(row) * 0.1, "name": pd.Series(["x" * k for k in range(row)], dtype=str)}
                )
            }
        )
        if row % 2:
            leaves["results.runs.$.odd", row] = Leaf({"odd": 1j * row, "µ/.": [row, {"a": (row, "b")}]})
        if row == 5:
            leaves["results.runs.$.once", row] = Leaf({"only": b"\0here"}, "of one run only")
            leaves["results.runs.$.empty", row] = Leaf({})
    leaves[Q, 6] = Leaf({"q": "x", "n": 6, "extra": np.arange(2)})
    leaves[Q, 7] = Leaf({"n": 7, "q": "other order"}, "a comment", "OtherResult")
    return leaves


def _in_one(rows: list[int]) -> list[list[int]]:
    return [rows]


def _one_by_one(rows: list[int]) -> list[list[int]]:
    return [[row] for row in rows]


def _backwards(rows: list[int]) -> list[list[int]]:
    return [[row] for row in reversed(rows)]


def _backwards_in_one(rows: list[int]) -> list[list[int]]:
    return [rows[::-1]]


def _shuffled(rows: list[int]) -> list[list[int]]:
    mixed = rows[:]
    random.Random(3).shuffle(mixed)
    return [mixed[:4], mixed[4:5], mixed[5:]]


_ORDERS: list[Callable[[list[int]], list[list[int]]]] = [
    _in_one,
    _one_by_one,
    _backwards,
    _backwards_in_one,
    _shuffled,
]


class RunFixtures(ContractBase):
    """A trajectory with nine runs."""

    @pytest.fixture
    def runs(self, service: StorageService) -> StorageService:
        """A service whose trajectory has nine runs, without results."""
        self.explored(service, N)
        return service


class RunContract(RunFixtures):
    """Results of runs."""

    # -- rows and columns ---------------------------------------------------------------------
    @pytest.mark.parametrize("order", _ORDERS)
    def test_runs_come_back_in_whatever_order_they_finish(self, runs: StorageService, order: Any) -> None:
        leaves = all_leaves()
        for rows in order(list(range(N))):
            runs.append_runs(batch_of(leaves, rows))
        for view in self.views(runs):
            assert_rows(view, leaves, N)

    def test_what_runs_wrote_later_is_seen_after_a_refresh(self, runs: StorageService) -> None:
        leaves = all_leaves()
        first = {key: leaf for key, leaf in leaves.items() if key[1] in (1, 4)}
        runs.append_runs(batch_of(leaves, [1, 4]))
        runs.commit()
        second = self.again(runs)
        second.select("traj")
        assert_rows(second, first, N)
        column = second.read_runs(p(Z), "z")
        runs.append_runs(batch_of(leaves, [8, 0, 2]))
        runs.write_plan(plan_of(N + 3))
        runs.append_runs(batch_of(leaves, [3, 5, 6, 7]))
        runs.commit()
        second.refresh()
        assert_rows(second, leaves, N + 3)
        assert len(column) == N + 3
        assert column.values(slice(8, 10)) == [2**70, NOT_SET]
        second.close()

    @pytest.mark.parametrize("name", sorted(sample_values()))
    def test_every_value_lies_in_a_column_with_its_type(self, runs: StorageService, name: str) -> None:
        value = sample_values()[name]
        leaves: Leaves = {(Z, row): Leaf({"v": value}) for row in (0, 1, 3, 8)}
        leaves[Z, 4] = Leaf({"v": "another"})
        runs.append_runs(batch_of(leaves, [0, 1, 3, 4]))
        runs.append_runs(batch_of(leaves, [8]))
        for view in self.views(runs):
            assert_rows(view, leaves, N)

    @pytest.mark.parametrize("order", [_in_one, _backwards, _shuffled])
    def test_all_kinds_of_values_may_lie_in_one_column(self, service: StorageService, order: Any) -> None:
        values = list(sample_values().values())
        self.explored(service, len(values))
        leaves: Leaves = {(Z, row): Leaf({"v": value}) for row, value in enumerate(values)}
        for rows in order(list(range(len(values)))):
            service.append_runs(batch_of(leaves, rows))
        for view in self.views(service):
            assert_rows(view, leaves, len(values))
        leaves[Z, 3] = Leaf({"v": values[-1]})
        leaves[Z, len(values) - 1] = Leaf({"v": 0.5})
        service.append_runs(batch_of(leaves, [len(values) - 1, 3]))
        for view in self.views(service):
            assert_rows(view, leaves, len(values))

    @pytest.mark.parametrize("order", _ORDERS)
    def test_more_shapes_than_a_column_has_room_for(self, service: StorageService, order: Any) -> None:
        n = 48
        self.explored(service, n)
        leaves: Leaves = {}
        for row in range(n):
            dtype = ("f8", "f4", "i8", "i4", "i2", "i1", "u1", "c16")[row % 8]
            leaves[Z, row] = Leaf({"z": np.full((2,) * (row // 8), row % 100, dtype=dtype)})
        for rows in order(list(range(n))):
            service.append_runs(batch_of(leaves, rows))
        for view in self.views(service):
            assert_rows(view, leaves, n)

    def test_arrays_of_rows_are_taken_as_they_are(self, runs: StorageService) -> None:
        rows = np.array([1, 2, 3, 7], dtype=np.int64)
        z, m = np.linspace(0, 1, 4), np.arange(24, dtype=np.float32).reshape(4, 3, 2)
        signature = Signature(p(Z), NodeKind.RESULT, "Result", "batch", ("z", "m", "k"))
        block = Block(rows, {"z": z, "m": m, "k": np.array([True, False, True, True])})
        runs.append_runs(Batch({signature: block}, runs=states(rows.tolist())))
        expected: Leaves = {
            (Z, row): Leaf({"z": z[k], "m": m[k], "k": block.columns["k"][k]}, "batch")
            for k, row in enumerate(rows.tolist())
        }
        z0 = z.copy()
        z[:] = 7
        expected = {
            key: Leaf({**leaf.items, "z": z0[k]}, "batch") for k, (key, leaf) in enumerate(expected.items())
        }
        for view in self.views(runs):
            assert_rows(view, expected, N)
            values = view.read_runs(p(Z), "z").array()
            assert values is not None
            assert values.dtype == np.float64
            assert same(values[rows], z0)

    def test_a_row_written_twice_is_replaced(self, runs: StorageService) -> None:
        leaves = all_leaves()
        runs.append_runs(batch_of(leaves, range(N)))
        changed: Leaves = {
            (Z, 2): Leaf({"z": "now text"}, "changed"),
            (Z, 5): Leaf({"z": None}),
            (Q, 1): Leaf({"q": "longer than before " * 5}),
            (S, 0): Leaf({"s": np.ones((2, 2, 2))}),
            (DP, 8): Leaf({"data": -1.0}, "", "Parameter", NodeKind.PARAMETER),
        }
        runs.append_runs(batch_of(changed, [8, 2, 5, 1, 0]))
        for view in self.views(runs):
            assert_rows(view, {**leaves, **changed}, N)
        runs.append_runs(batch_of(leaves, [0, 1, 2, 5, 8]))
        for view in self.views(runs):
            assert_rows(view, leaves, N)

    def test_a_row_written_again_with_other_items_loses_the_first_ones(self, runs: StorageService) -> None:
        """Also where there are as many items as before."""
        runs.append_runs(batch_of({(Z, 1): Leaf({"a": None})}, [1]))
        changed: Leaves = {(Z, 1): Leaf({"b": 1.0})}
        runs.append_runs(batch_of(changed, [1]))
        for view in self.views(runs):
            assert_rows(view, changed, N)
            assert not view.read_runs(p(Z), "b").mask()[1]

    def test_rows_are_written_before_the_run_table_and_after(self, service: StorageService) -> None:
        """A trajectory that explores nothing has one run, with columns like any other."""
        leaf = Leaf({"z": 1.5})
        service.append_runs(batch_of({(Z, 0): leaf}, [0]))
        for view in self.views(service):
            assert_rows(view, {(Z, 0): leaf}, 1)
            assert view.has(p("results.runs"))

    # -- by paths -----------------------------------------------------------------------------
    def test_writing_a_path_of_a_run_is_writing_a_row(self, runs: StorageService) -> None:
        leaves = all_leaves()
        runs.append_runs(batch_of(leaves, range(N)))
        path = p("results.runs.run_00000002.post")
        runs.write([record(path, {"w": np.arange(2.0)}, "afterwards")])
        leaves["results.runs.$.post", 2] = Leaf({"w": np.arange(2.0)}, "afterwards")
        q = p("results.a.run_00000003.q")
        runs.write([record(q, {"q": "not this", "more": 1}, "nor this")])  # ADD keeps what is there
        leaves[Q, 3] = Leaf({"q": "ababab", "n": 3, "more": 1}, leaves[Q, 3].comment or "nor this")
        s = p("results.run_set_00000.run_00000001.s")
        runs.write([record(s, {"s": "text"}, "told")], WriteMode.OVERWRITE)
        leaves[S, 1] = Leaf({"s": "text"}, "told")
        runs.write([record(q, {"q": 0}, "no")], WriteMode.SKIP)
        for view in self.views(runs):
            assert_rows(view, leaves, N)
            assert view.read_runs(p("results.runs.$.post"), "w").mask().tolist() == [
                row != 2 for row in range(N)
            ]

    def test_items_called_as_the_run_are_one_column(self, runs: StorageService) -> None:
        path = p("results.sums.$")
        signature = Signature(path, NodeKind.RESULT, "Result", "", ("$", "$_1", "$$own"))
        columns: dict[str, list[Any]] = {"$": [1.0, 2.0], "$_1": ["a", "b"], "$$own": [3, 4]}
        runs.append_runs(Batch(blocks={signature: Block([1, 4], {**columns})}, runs=states([1, 4])))
        four = p("results.sums.run_00000004")
        names = ("run_00000004", "run_00000004_1", "$own")
        for view in self.views(runs):
            assert view.read_runs(path, "$").values(slice(1, 2)) == [1.0]
            found = view.read(four)
            assert found.skeleton.items == names
            assert found.data == dict(zip(names, (2.0, "b", 4), strict=True))
            assert view.read(four, ["run_00000004_1"]).data == {"run_00000004_1": "b"}
            with pytest.raises(DataNotInStorageError):
                view.read(four, ["$"])
            assert next(iter(view.scan(four[:2], 1)), None) is None
        five = p("results.sums.run_00000005")
        runs.write([record(five, {"run_00000005": 5.0, "other": 6})])
        runs.write([record(four, {"run_00000004": 7.0})], WriteMode.OVERWRITE)
        runs.delete(four, ["run_00000004_1"])
        for view in self.views(runs):
            column = view.read_runs(path, "$")
            assert column.mask().tolist() == [row not in (1, 4, 5) for row in range(N)]
            assert column.values(slice(4, 6)) == [7.0, 5.0]
            assert view.read(five).data == {"run_00000005": 5.0, "other": 6}
            assert view.read(four).data == {"run_00000004": 7.0, "$own": 4}

    def test_scanning_leaves_runs_out_unless_asked(self, runs: StorageService) -> None:
        runs.append_runs(batch_of(all_leaves(), range(N)))
        runs.write([record("results.runs.extra", {"z": 1}), record("results.runs.run_ALL.z", {"z": 1})])
        for view in self.views(runs):
            paths = {skeleton.path for skeleton in view.scan(("results",))}
            assert p("results.runs.extra") in paths
            assert p("results.runs.run_ALL.z") in paths
            assert p("results.runs") in paths
            assert p("results.a") in paths
            assert not any("run_0" in part or "$" in part for path in paths for part in path)
            own = p("results.runs.run_00000005")
            found = {skeleton.path[3:]: skeleton for skeleton in view.scan(own)}
            names = ["z", "deep", "deep.er", "deep.er.frame", "odd", "once", "empty"]
            assert set(found) == set(map(p, names))
            assert found["once",].comment == "of one run only"
            assert found["odd",].items == ("odd", "µ/.")
            assert found["deep",].kind is NodeKind.GROUP
            assert {s.path[-1] for s in view.scan(own, 1)} == {"z", "deep", "odd", "once", "empty"}
            assert {s.path for s in view.scan((*own, "deep"))} == {
                (*own, *p("deep.er")),
                (*own, *p("deep.er.frame")),
            }
            assert view.has(own)
            assert view.has((*own, "deep"))
            assert view.read((*own, "deep")).skeleton.kind is NodeKind.GROUP
            assert not view.has(p("results.runs.run_00000004.once"))
            with pytest.raises(DataNotInStorageError):
                view.read(p("results.runs.run_00000004.once"))
            with pytest.raises(DataNotInStorageError):
                view.read(p(f"results.runs.run_{N:08d}.z"))

    def test_one_runs_leaf_is_deleted_alone(self, runs: StorageService) -> None:
        leaves = all_leaves()
        runs.append_runs(batch_of(leaves, range(N)))
        runs.delete(p("results.runs.run_00000003.z"))
        runs.delete(p("results.a.run_00000006.q"), ["extra"])
        runs.delete(p("results.runs.run_00000005"))
        runs.delete(p("results.runs.run_00000007.deep"))
        for path, row in list(leaves):
            in_runs = path.startswith("results.runs")
            if (path, row) == (Z, 3) or (in_runs and row == 5) or (row == 7 and ".deep" in path):
                del leaves[path, row]
        leaves[Q, 6] = Leaf({"q": "x", "n": 6})
        for view in self.views(runs):
            assert_rows(view, leaves, N)
            for gone in ("run_00000003.z", "run_00000005.z", "run_00000005", "run_00000007.deep.er"):
                assert not view.has(p("results.runs." + gone))
        for gone in ("run_00000003.z", "run_00000005"):
            with pytest.raises(DataNotInStorageError):
                runs.delete(p("results.runs." + gone))
        with pytest.raises(DataNotInStorageError):
            runs.delete(p("results.a.run_00000006.q"), ["extra"])
        again = all_leaves()
        runs.append_runs(batch_of(again, [3, 5]))
        for key, leaf in again.items():
            if key[1] in (3, 5):
                leaves[key] = leaf
        for view in self.views(runs):
            assert_rows(view, leaves, N)

    def test_deleting_a_group_above_runs_takes_their_rows(self, runs: StorageService) -> None:
        runs.append_runs(batch_of(all_leaves(), range(N)))
        runs.delete(p("results.runs"))
        for view in self.views(runs):
            assert not view.has(p("results.runs.run_00000001.z"))
            assert view.has(p("results.a.run_00000001.q"))
        runs.append_runs(batch_of({(Z, 1): Leaf({"z": 5})}, [1]))
        for view in self.views(runs):
            assert_rows(view, {(Z, 1): Leaf({"z": 5})}, N)
            assert not view.has(p("results.runs.run_00000002.z"))

    def test_a_path_that_folds_only_later_stays_readable(self, service: StorageService) -> None:
        self.explored(service, 3)
        service.write([record(f"results.runs.run_{row:08d}.z", {"z": row}) for row in (1, 5, 7)])
        assert service.read(p("results.runs.run_00000005.z")).data == {"z": 5}
        service.write_plan(plan_of(N))
        service.append_runs(batch_of({(Z, 7): Leaf({"z": "of the run"})}, [7]))
        for view in self.views(service):
            for row, value in ((1, 1), (5, 5), (7, "of the run")):
                assert dict(view.read(p(f"results.runs.run_{row:08d}.z")).data) == {"z": value}
                assert view.has(p(f"results.runs.run_{row:08d}.z"))

    def test_groups_annotations_and_links_of_one_run(self, runs: StorageService) -> None:
        batch = batch_of(all_leaves(), range(N))
        here: Path = p("results.runs.$")
        batch.notes = [
            Note(2, here, NoteKind.ANNOTATION, "mood", "good"),
            Note(2, (*here, "z"), NoteKind.ANNOTATION, "array", np.arange(3)),
            Note(3, (*here, "z"), NoteKind.ANNOTATION, "mood", {"a": (1, None)}),
            Note(4, (*here, "alone"), NoteKind.GROUP, "ResultGroup", "an empty group"),
            Note(4, (*here, "to_q"), NoteKind.LINK, "", list(p("results.a.run_00000004.q"))),
        ]
        runs.append_runs(batch)
        run = [p(f"results.runs.run_{row:08d}") for row in range(N)]
        runs.write([record((*run[5], "z"), None, annotations={"late": 1.5})])
        runs.write([record((*run[6], "l"), kind=NodeKind.LINK, target=X)])
        for view in self.views(runs):
            assert dict(view.read(run[2]).skeleton.annotations) == {"mood": "good"}
            assert same(dict(view.read((*run[2], "z")).skeleton.annotations), {"array": np.arange(3)})
            assert dict(view.read((*run[3], "z")).skeleton.annotations) == {"mood": {"a": (1, None)}}
            assert dict(view.read((*run[1], "z")).skeleton.annotations) == {}
            assert dict(view.read((*run[5], "z")).skeleton.annotations) == {"late": 1.5}
            assert view.read((*run[5], "z")).data == {"z": "text"}
            alone = view.read((*run[4], "alone")).skeleton
            assert (alone.kind, alone.class_name, alone.comment) == (
                NodeKind.GROUP,
                "ResultGroup",
                "an empty group",
            )
            link = view.read((*run[4], "to_q")).skeleton
            assert (link.kind, link.target) == (NodeKind.LINK, p("results.a.run_00000004.q"))
            assert view.read((*run[6], "l")).skeleton.target == X
            assert {s.path[-1] for s in view.scan(run[4], 1)} >= {"alone", "to_q"}
            assert not view.has((*run[3], "alone"))
            annotations = {
                (note.row, note.path, note.key): note.value
                for note in view.notes()
                if note.kind is NoteKind.ANNOTATION
            }
            assert len(annotations) == 4
            assert same(annotations[2, (*here, "z"), "array"], np.arange(3))
        runs.append_runs(Batch(notes=[Note(2, here, NoteKind.ANNOTATION, "mood", "better")]))
        runs.delete((*run[4], "to_q"))
        for view in self.views(runs):
            assert dict(view.read(run[2]).skeleton.annotations) == {"mood": "better"}
            assert not view.has((*run[4], "to_q"))
            assert view.has((*run[4], "alone"))

    @pytest.mark.parametrize("order", [(2, 5, 7), (7, 5, 2), (5, 2, 7)])
    def test_outside_the_templates_the_lowest_run_wins(self, runs: StorageService, order: Any) -> None:
        runs.write([record("results.before", {"z": "kept"}, "mine")])
        for row in order:
            one = record("results.summary", {"z": row, f"only_{row}": 1}, f"by {row}")
            other = record("results.before", {"z": row}, f"by {row}")
            runs.append_runs(Batch(records=[(row, one), (row, other)]))
        for view in self.views(runs):
            found = view.read(p("results.summary"))
            assert dict(found.data) == {"z": 2, "only_2": 1}
            assert found.skeleton.comment == "by 2"
            assert dict(view.read(p("results.before")).data) == {"z": "kept"}
