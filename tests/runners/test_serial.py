"""Does the serial runner keep the contract, and do runs stop and go on as promised?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pypet_ng import Environment
from pypet_ng.runners import Runner, SerialRunner
from pypet_ng.testing.runner_contract import RunnerContract
from pypet_ng.testing.vector_runner import VectorRunner


class TestSerialRunner(RunnerContract):
    def make(self) -> Runner:
        return SerialRunner()


@pytest.mark.parametrize("reverse", [False, True])
def test_a_runner_that_does_many_runs_at_once_gives_columns(reverse: bool, tmp_path: Any) -> None:
    runner = VectorRunner(
        lambda given: {"z": given["x"] ** 2, "v": np.outer(given["x"], [1, 2])}, reverse=reverse
    )
    env = Environment(filename=tmp_path / "vector.hdf5", runner=runner)
    env.traj.f_add_parameter("x", 1.0)
    env.traj.f_explore({"x": np.arange(2500.0)})
    env.run(lambda traj: None)
    env.traj.f_load(load_data=2)
    assert env.traj.runs[2000].z == 2000.0**2
    assert type(env.traj.runs[3].z) is np.float64
    assert env.traj.runs[7].v.tolist() == [7.0, 14.0]
    assert env.traj.f_is_completed()


def test_a_million_failing_runs_stop_after_the_first_ten() -> None:
    calls = []

    def fail(traj: Any) -> None:
        calls.append(traj.v_idx)
        raise ValueError("always")

    env = Environment(filename=":memory:")
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": range(1_000_000)})
    with pytest.raises(ValueError, match="always"):
        env.run(fail)
    assert len(calls) == 10


def test_on_error_stop_raises_at_once_and_keeps_what_is_done() -> None:
    calls = []

    def fail(traj: Any) -> int:
        calls.append(traj.x)
        if traj.x == 4:
            raise ValueError("four")
        return int(traj.x)

    env = Environment(filename=":memory:", on_error="stop")
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": range(20)})
    with pytest.raises(ValueError, match="four"):
        env.run(fail)
    assert calls == [0, 1, 2, 3, 4]
    assert [env.traj.f_is_completed(index) for index in range(6)] == [True] * 4 + [False] * 2
