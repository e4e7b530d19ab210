"""Do functions of a state give the same on all runners?"""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

from pypet_ng import Environment
from pypet_ng.engine.states import takes_state
from pypet_ng.spaces import DataAxis, GridAxis, Space, UniformAxis

jax = pytest.importorskip("jax")
jnp = jax.numpy


def model(state: Any, factor: float = 1.0) -> Any:
    assert state["method"] == "euler"
    weights = state["weights"] @ jnp.ones(3)
    return {
        "total": (state["a"] + state["b"]["c"] * state["k"]) * factor,
        "noise": {"draw": jax.random.normal(state["key"], (2,))},
        "weighted": weights * state["a"],
    }


def space(n: int = 4, scale: float = 1.0) -> Space:
    return Space(
        {
            "a": GridAxis(0.0, scale, 3),
            "b": {"c": UniformAxis(0.0, 1.0, n)},
            "k": 2.0,
            "key": DataAxis(jax.random.split(jax.random.key(1), 2)),
            "weights": jnp.ones((3, 3)),
            "method": "euler",
        },
        mode="product",
    )


def columns(runner: str, points: Space, **options: Any) -> dict[str, Any]:
    env = Environment(
        "states", filename=":memory:", runner=runner, report_progress=False, log_config=None, **options
    )
    env.traj.f_explore(points)
    env.run(takes_state(model), 3.0)
    return {name: np.asarray(env.traj.f_collect(name)) for name in ("total", "draw", "weighted")}


@pytest.mark.parametrize("runner", ["processes", "jax"])
def test_all_runners_give_the_same(runner: str) -> None:
    options = {"n_vmap": 5} if runner == "jax" else {"ncores": 1}
    expected, found = columns("serial", space()), columns(runner, space(), **options)
    for name, column in expected.items():
        assert found[name].dtype == column.dtype
        np.testing.assert_allclose(found[name], column, rtol=1e-5)


def test_another_space_of_the_same_structure_is_not_compiled_again(monkeypatch: Any) -> None:
    from pypet_ng.runners.jax import programs

    traces = []
    trace = programs.trace_point
    monkeypatch.setattr(programs, "trace_point", lambda *given: traces.append(1) or trace(*given))
    for scale in (1.0, 2.0, 3.0):
        columns("jax", space(scale=scale), n_vmap=8, n_pmap=1, seed=99)
    assert len(traces) <= 1  # none, if another test traced it before


def test_stored_and_gone_on_with(tmp_path: pathlib.Path) -> None:
    def sweep(points: Space) -> Environment:
        env = Environment(
            "states", filename=tmp_path / "a.hdf5", runner="jax", report_progress=False, log_config=None
        )
        env.traj.f_explore(points)
        env.run(takes_state(model))
        return env

    sweep(space())
    again = sweep(space())
    assert set(again.traj.v_storage_service.run_table().column("attempt")) == {1}
    total = np.asarray(again.traj.f_collect("total"))
    assert total.shape == (24,)
