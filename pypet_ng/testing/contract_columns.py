"""What must a storage tell of columns as numbers, of returned values, and of the states of runs?"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from pypet_ng.encoding import same
from pypet_ng.errors import DataNotInStorageError, FileBusyError
from pypet_ng.spaces.columns import column_of
from pypet_ng.spaces.plan import Plan
from pypet_ng.storage.base import NOT_SET, RETURNED, StorageService
from pypet_ng.testing.contract_base import (
    Leaf,
    Leaves,
    X,
    assert_rows,
    assert_values,
    batch_of,
    p,
    states,
)
from pypet_ng.testing.contract_runs import N, RunFixtures, Z, all_leaves
from pypet_ng.tree.records import (
    Batch,
    Block,
    Failure,
    RunState,
)

__all__ = ["ColumnContract"]


class ColumnContract(RunFixtures):
    """Columns as arrays, and the run table."""

    # -- numbers ------------------------------------------------------------------------------
    @pytest.mark.parametrize(
        ("values", "dtype"),
        [
            ([0, 0.5, True], "f8"),
            ([1, 2, 3], "i8"),
            ([True, False, True], "?"),
            ([1, True, np.int8(3)], "i8"),
            ([1j, 2.0, 3], "c16"),
            ([np.float32(1.5), np.float32(2), np.float32(0)], "f4"),
            ([np.float32(1.5), 2, 3.5], "f8"),
            ([np.ones(3), np.arange(3), np.zeros(3, bool)], "f8"),
            ([np.int16(3), np.uint8(2), np.int16(1)], "i2"),
            ([np.arange(2, dtype=">i4"), np.arange(2, dtype="<i4"), np.arange(2)], "i8"),
            ([1, "text", 2], None),
            ([1.0, None, 2.0], None),
            ([np.ones(2), np.ones(3), np.ones(2)], None),
            ([1.0, np.ones(2), 1.0], None),
            ([2**70, 1, 2], None),
            (["a", "b", "c"], None),
        ],
    )
    @pytest.mark.parametrize("rows", [(0, 1, 2), (4, 1, 8)])
    def test_numbers_promote_and_gaps_are_masked(
        self, runs: StorageService, values: list[Any], dtype: str | None, rows: tuple[int, ...]
    ) -> None:
        leaves: Leaves = {(Z, row): Leaf({"z": value}) for row, value in zip(rows, values, strict=True)}
        runs.append_runs(batch_of(leaves, rows))
        for view in self.views(runs):
            column = view.read_runs(p(Z), "z")
            assert column.mask().tolist() == [row not in rows for row in range(N)]
            assert_values(column.values(np.array(rows, dtype=np.int64)), values, "values")
            array = column.array()
            if dtype is None:
                assert column.dtype is None
                assert array is None
                continue
            assert column.dtype == np.dtype(dtype)
            assert array is not None
            assert array.dtype == np.dtype(dtype)
            assert array.shape == (N, *np.shape(values[0]))
            assert np.array_equal(array[list(rows)], np.array(values, dtype=dtype))
            gaps = array[column.mask()]
            assert np.isnan(gaps).all() if array.dtype.kind in "fc" else not gaps.any()
            some = column.array(np.array([8, rows[0]], dtype=np.int64))
            assert same(some, array[[8, rows[0]]])
            assert same(column.array(slice(1, 5)), array[1:5])

    def test_a_column_nobody_wrote_is_an_error_with_near_names(self, runs: StorageService) -> None:
        runs.append_runs(batch_of({("results.runs.$.alpha", 1): Leaf({"alpha": 1})}, [1]))
        for path, item in (("results.runs.$.alphaa", "alpha"), ("results.runs.$.alpha", "alphaa")):
            with pytest.raises(DataNotInStorageError, match=r"alphaa.*Did you mean.*alpha"):
                runs.read_runs(p(path), item)
        with pytest.raises(DataNotInStorageError):
            runs.read_runs(RETURNED, "")

    def test_returned_values_are_a_column(self, runs: StorageService) -> None:
        values: list[Any] = [1.5, (1, "a"), None, np.arange(3)]
        runs.append_runs(Batch(returned=Block([3, 0, 7, 1], {"": values})))
        runs.append_runs(Batch(returned=Block(np.array([4, 5]), {"": np.array([0.5, 1.5])})))
        expected = [
            values[1],
            values[3],
            NOT_SET,
            1.5,
            np.float64(0.5),
            np.float64(1.5),
            NOT_SET,
            None,
            NOT_SET,
        ]
        for view in self.views(runs):
            column = view.read_runs(RETURNED, "")
            assert_values(column.values(), expected, "returned")
            assert column.mask().sum() == 3

    # -- states -------------------------------------------------------------------------------
    def test_the_run_table_gives_states_and_failures(self, runs: StorageService) -> None:
        runs.add_session({})
        runs.append_runs(Batch(runs=states([0, 2, 5])))
        failed = Failure(7, "ValueError", "bad µ", "Traceback\n  line", 1)
        lost = Failure(1, "", "the worker died", "", 2, RunState.LOST)
        runs.append_runs(Batch(runs=states([7], RunState.FAILED, host="node-2"), failures=[failed]))
        runs.append_runs(Batch(runs=states([1], RunState.LOST, 2), failures=[lost]))
        for view in self.views(runs):
            table = view.run_table()
            assert len(table) == N
            assert table.column("state").tolist() == [1, 3, 1, 0, 0, 1, 0, 2, 0]
            assert table.column("start").tolist() == [1e9, 1e9 + 1, 1e9 + 2, 0, 0, 1e9 + 5, 0, 1e9 + 7, 0]
            assert table.column("finish", slice(2, 4)).tolist() == [1e9 + 2.5, 0]
            assert table.column("attempt", np.array([8, 7])).tolist() == [0, 1]
            assert table.column("nonfinite").tolist() == [0, 1, 0, 0, 0, 1, 0, 1, 0]
            assert table.column("session").tolist() == [1, 2, 1, 0, 0, 1, 0, 1, 0]
            assert table.column("state").dtype == np.uint8
            assert table.hosts() == ["node-1", "node-1", "node-1", "", "", "node-1", "", "node-2", ""]
            assert table.hosts(np.array([7, 8])) == ["node-2", ""]
            assert sorted(table.failures(), key=lambda failure: failure.row) == [lost, failed]
            assert table.failures(slice(5, None)) == [failed]

    def test_a_run_that_succeeds_later_is_no_failure(self, runs: StorageService) -> None:
        failed = Failure(7, "ValueError", "bad", "trace", 1)
        runs.append_runs(Batch(runs=states([7], RunState.FAILED), failures=[failed]))
        again = Failure(7, "TypeError", "worse", "trace 2", 2, RunState.TIMED_OUT)
        runs.append_runs(Batch(runs=states([7], RunState.TIMED_OUT), failures=[again]))
        assert runs.run_table().failures() == [again]
        runs.append_runs(Batch(runs=states([7])))
        for view in self.views(runs):
            assert view.run_table().failures() == []
            assert view.run_table().column("state")[7] == RunState.DONE

    def test_marked_runs_keep_their_results(self, runs: StorageService) -> None:
        leaves = all_leaves()
        batch = batch_of(leaves, range(N))
        batch.runs = states(range(N))
        runs.append_runs(batch)
        runs.mark_runs(np.array([6, 2], dtype=np.int64), RunState.NONE)
        for view in self.views(runs):
            assert view.run_table().column("state").tolist() == [1, 1, 0, 1, 1, 1, 0, 1, 1]
            assert_rows(view, leaves, N)

    def test_the_run_table_grows_with_the_plan(self, runs: StorageService) -> None:
        runs.append_runs(Batch(runs=states(range(N))))
        runs.write_plan(runs.read_plan().extended(Plan({X: column_of([100, 101])})))
        for view in self.views(runs):
            assert view.run_table().column("state").tolist() == [1] * N + [0, 0]
            assert view.run_table().hosts()[-3:] == ["node-1", "", ""]
        runs.append_runs(Batch(runs=states([N + 1])))
        assert runs.run_table().column("state").tolist() == [1] * N + [0, 1]

    def test_runs_are_refused_while_another_writes(self, runs: StorageService) -> None:
        second = self.again(runs)
        second.select("traj")
        with runs.writing(), pytest.raises(FileBusyError):
            second.append_runs(Batch(runs=states([0])))
        second.close()

    def test_many_batches_in_one_session_of_writing(self, service: StorageService) -> None:
        n = 300
        self.explored(service, n)
        leaves: Leaves = {}
        for row in range(n):
            leaves[Z, row] = Leaf({"z": row * 0.5, "text": "x" * (row % 7), "a": np.arange(row % 3)})
        rows = list(range(n))
        random.Random(1).shuffle(rows)
        with service.writing():
            for start in range(0, n, 7):
                batch = batch_of(leaves, rows[start : start + 7])
                batch.runs = states(rows[start : start + 7])
                service.append_runs(batch)
                if start % 70 == 0:
                    service.commit()
        for view in self.views(service):
            assert_rows(view, leaves, n)
            assert (view.run_table().column("state") == RunState.DONE).all()
