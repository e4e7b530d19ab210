"""What must a storage do with plans and with the facts of sessions?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pypet_ng.encoding import same
from pypet_ng.spaces.columns import (
    ArrayColumn,
    Column,
    IndexedColumn,
    ListColumn,
    OpaqueColumn,
    PeriodicColumn,
    chain,
    column_of,
)
from pypet_ng.spaces.plan import Plan
from pypet_ng.storage.base import StorageService
from pypet_ng.testing.contract_base import ContractBase, X, plan_of, record
from pypet_ng.tree.records import NodeKind

__all__ = ["PlanContract"]

_COLUMNS: dict[str, Any] = {
    "float": lambda: column_of([0.1, float("nan"), -0.0, 3.0]),
    "int": lambda: column_of([1, 2, 3, -(2**63)]),
    "bool": lambda: column_of([True, False, True, True]),
    "complex": lambda: column_of([1j, 2.0 + 0j, 3j, -1j]),
    "float32": lambda: column_of(np.arange(4, dtype=np.float32)),
    "uint64": lambda: ArrayColumn(np.array([0, 1, 2, 2**64 - 1], dtype=np.uint64), int),
    "text": lambda: column_of(["a", "é", "", "x" * 100]),
    "mixed": lambda: column_of([1, 2.0, None, (1, "a")]),
    "huge": lambda: column_of([2**70, 1, -(2**70), 0]),
    "matrices": lambda: ListColumn([np.ones((2, 2)), np.zeros(3), np.ones((2, 2)), np.arange(2)]),
    "periodic": lambda: PeriodicColumn(column_of([0.5, 1.5]), 1, 4),
    "periodic_texts": lambda: PeriodicColumn(column_of(["a", "b"]), 2, 4),
    "periodic_matrices": lambda: PeriodicColumn(ListColumn([np.ones(2), np.zeros((1, 2))]), 2, 4),
    "indexed": lambda: IndexedColumn(column_of(["a", "b"]), np.array([1, 0, 0, 1], dtype=np.int64)),
    "chain": lambda: chain([column_of([1, 2]), column_of([0.5, "a"])]),
    "chain_of_grids": lambda: chain([PeriodicColumn(column_of(["a"]), 1, 3), column_of(["b"])]),
    "opaque": lambda: OpaqueColumn(["f1", "f2", "f1", "f3"]),
}


class PlanContract(ContractBase):
    """Plans of every kind of column, and sessions."""

    def test_without_a_plan_there_is_one_run(self, service: StorageService) -> None:
        for view in self.views(service):
            assert len(view.read_plan()) == 1
            assert not view.read_plan().is_explored
            assert len(view.run_table()) == 1

    @pytest.mark.parametrize("name", sorted(_COLUMNS))
    def test_every_column_comes_back(self, service: StorageService, name: str) -> None:
        column: Column = _COLUMNS[name]()
        y = ("parameters", "group", "y")
        service.write([record(path, {"data": 0}, kind=NodeKind.PARAMETER) for path in (X, y)])
        plan = plan_of(4, (y, column))
        service.write_plan(plan)
        self._check_plan(service, plan)
        # extended, as a later session does it
        longer = plan.extended(Plan({X: column_of([10, 11, 12]), y: _COLUMNS[name]()[1:]}))
        service.write_plan(longer)
        self._check_plan(service, longer)
        # replaced
        other = plan_of(2, (y, _COLUMNS[name]()[2:]))
        service.write_plan(other)
        self._check_plan(service, other)

    def _check_plan(self, service: StorageService, plan: Plan) -> None:
        for view in self.views(service):
            found = view.read_plan()
            assert found.names == plan.names
            assert len(found) == len(plan) == len(view.run_table())
            assert same(found.columns(), plan.columns())
            rows = np.array([len(plan) - 1, 0], dtype=np.int64)
            assert same(found.columns(rows), plan.columns(rows))
            for path in plan.names:
                mine, theirs = found.column(path), plan.column(path)
                assert isinstance(mine, OpaqueColumn) is isinstance(theirs, OpaqueColumn)
                assert view.read(path).skeleton.explored
            (info,) = view.trajectories()
            assert info.length == len(plan)

    def test_a_plan_grows_in_many_steps(self, service: StorageService) -> None:
        y = ("parameters", "y")
        service.write([record(path, {"data": 0}, kind=NodeKind.PARAMETER) for path in (X, y)])
        plan = Plan({X: column_of([0]), y: column_of(["a"])})
        for number in range(1, 20):
            plan = plan.extended(
                Plan({X: column_of([number, -number]), y: column_of([f"t{number}", "é" * number])})
            )
            service.write_plan(plan)
        self._check_plan(service, plan)

    def test_a_plan_without_columns_replaces_one(self, service: StorageService) -> None:
        self.explored(service, 3)
        service.write_plan(Plan())
        for view in self.views(service):
            assert not view.read_plan().is_explored
            assert not view.read(X).skeleton.explored
            assert dict(view.read(X).data) == {"data": 0}

    def test_a_plans_matrices_do_not_change_with_the_users(self, service: StorageService) -> None:
        matrix = np.zeros(2)
        service.write([record(X, {"data": matrix}, kind=NodeKind.PARAMETER)])
        service.write_plan(Plan({X: column_of([matrix, np.ones(2)])}))
        matrix[:] = 5
        assert same(service.read_plan().column(X)[0], np.zeros(2))

    def test_sessions_are_numbered_from_one(self, service: StorageService) -> None:
        assert service.add_session({"host": "a", "nested": {"list": [1, None, "é"]}}) == 1
        assert service.add_session({}) == 2
        for view in self.views(service):
            assert [dict(facts) for facts in view.sessions()] == [
                {"host": "a", "nested": {"list": [1, None, "é"]}},
                {},
            ]
