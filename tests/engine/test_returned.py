"""Are returned values given as promised, and does a long list of nothing cost next to nothing?"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from pypet_ng import Environment
from pypet_ng.engine.returned import Gathered, Nothings
from pypet_ng.runners import ProcessRunner


def test_values_come_sorted_with_none_among_them() -> None:
    gathered = Gathered()
    gathered.add([(3, "c"), (1, None)])
    gathered.add([(0, 1.5), (2, None)])
    assert gathered.all() == [(0, 1.5), (1, None), (2, None), (3, "c")]


def test_many_runs_without_a_value_look_like_a_list() -> None:
    gathered = Gathered()
    gathered.add((row, None) for row in range(20_000))
    values = gathered.all()
    assert isinstance(values, Nothings)
    assert len(values) == 20_000
    assert values[0] == (0, None)
    assert values[-1] == (19_999, None)
    assert values[3:5] == [(3, None), (4, None)]
    assert values == [(row, None) for row in range(20_000)]
    assert [row for row, _ in values] == list(range(20_000))
    assert len(values + [(1, 2)]) == 20_001
    assert len([(1, 2)] + values) == 20_001
    assert "..." in repr(values)
    assert sys.getsizeof(values) < 1000
    with pytest.raises(IndexError):
        values[20_000]


def test_results_of_workers_stay_in_memory_when_nothing_is_stored() -> None:
    def add(traj: Any) -> None:
        result = traj.f_add_result("sub.z", traj.x, comment="kept")
        result.v_annotations.note = "here"
        traj.f_add_result("array", np.full(50_000, traj.x))
        traj.f_add_derived_parameter("half", traj.x / 2)

    runner = ProcessRunner(2)
    try:
        env = Environment(filename=":memory:", automatic_storing=False, runner=runner)
        traj = env.traj
        traj.f_add_parameter("x", 0.0)
        traj.f_explore({"x": [1.0, 2.0, 3.0]})
        env.run(add)
        assert traj.results.runs.run_00000001.sub.z == 2.0
        assert traj.results.runs.run_00000001.sub.f_get("z").v_comment == "kept"
        assert traj.results.runs.run_00000001.sub.f_get("z").v_annotations.note == "here"
        assert (traj.results.runs.run_00000002.array == 3.0).all()
        traj.f_store()
        assert traj.f_collect("half").to_numpy().tolist() == [0.5, 1.0, 1.5]
    finally:
        runner.close()
