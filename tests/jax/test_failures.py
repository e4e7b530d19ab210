"""What happens to runs of a batch that fail, and to batches that do not fit?"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from pypet_ng import Environment
from pypet_ng.runners import JaxRunner
from pypet_ng.runners.jax import loop, programs
from pypet_ng.tree.records import RunState

jax = pytest.importorskip("jax")
jnp = jax.numpy


@pytest.fixture(autouse=True)
def _afresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No programs of other tests; and JAX is not to log each failure of a callback with its traceback."""
    monkeypatch.setattr(programs, "_known", OrderedDict())
    logger = logging.getLogger("jax._src.callback")
    logger.disabled = True
    yield
    logger.disabled = False


def sweep(runs: int, **options: Any) -> Environment:
    if "runner" not in options:
        options = {"runner": "jax", "n_pmap": 1, **options}
    env = Environment(filename=":memory:", report_progress=False, log_config=None, **options)
    env.traj.f_add_parameter("x", 0.0)
    env.traj.f_explore({"x": np.arange(float(runs))})
    return env


def refuse(value: Any) -> Any:
    if value in (3, 5):
        raise ValueError(f"{float(value)} is not to my taste")
    return np.asarray(value)


def picky(traj: Any) -> Any:
    shape = jax.ShapeDtypeStruct((), jnp.float32)
    checked = jax.pure_callback(refuse, shape, jnp.float32(traj.x), vmap_method="sequential")
    traj.f_add_result("z", checked * 2)
    return checked


@pytest.mark.parametrize("n_vmap", [1, 4, 64])
def test_the_guilty_points_fail_and_the_others_are_done(n_vmap: int) -> None:
    env = sweep(20, n_vmap=n_vmap, on_error="return")
    results = env.run(picky)
    done = [index for index in range(20) if index not in (3, 5)]
    assert [(index, float(value)) for index, value in results] == [(index, index) for index in done]
    table = env.traj.v_storage_service.run_table()
    assert np.flatnonzero(table.column("state") != RunState.DONE).tolist() == [3, 5]
    failures = table.failures()
    assert [failure.type for failure in failures] == ["ValueError", "ValueError"]
    assert failures[0].message == "3.0 is not to my taste"
    assert "refuse" in failures[0].traceback
    assert [float(value) for value in env.traj.f_collect("z")[:].compressed()] == [
        2.0 * index for index in done
    ]


def test_the_failure_of_the_lowest_run_is_raised_after_all_others() -> None:
    env = sweep(20, n_vmap=8)
    with pytest.raises(RuntimeError, match="is not to my taste") as caught:
        env.run(picky)
    assert any("Run 3" in note and "2 of 20" in note for note in caught.value.__notes__)
    assert sum(env.traj.f_is_completed(index) for index in range(20)) == 18
    assert env.traj.f_retry_failed() == [3, 5]
    assert [index for index, _ in env.run(lambda traj: traj.x)] == [3, 5]


def test_a_sweep_in_which_all_runs_fail_ends_early() -> None:
    calls = []

    def never(value: Any) -> Any:
        calls.append(value)
        raise ValueError("never")

    def run(traj: Any) -> Any:
        shape = jax.ShapeDtypeStruct((), jnp.float32)
        return jax.pure_callback(never, shape, jnp.float32(traj.x), vmap_method="sequential")

    with pytest.raises(RuntimeError, match="never") as caught:
        sweep(10_000, n_vmap=16).run(run)
    assert any("were not tried" in note for note in caught.value.__notes__)
    assert len(calls) < 200


def test_not_finite_results_are_kept_and_flagged() -> None:
    env = sweep(50, n_vmap=16)

    def run(traj: Any) -> None:
        traj.f_add_result("z", jnp.where(traj.x == 7, jnp.nan, traj.x))
        traj.f_add_result("series", jnp.where(traj.x == 9, jnp.inf, jnp.arange(4.0)))
        traj.f_add_result("huge", jnp.full(3, 1e30) * traj.x)  # its squares are not finite

    env.run(run)
    table = env.traj.v_storage_service.run_table()
    assert np.flatnonzero(table.column("nonfinite")).tolist() == [7, 9]
    assert (table.column("state") == RunState.DONE).all()
    assert np.isnan(env.traj.f_collect("z")[7])


# -- memory -----------------------------------------------------------------------------------------
class Cramped:
    """Lets programs of more than `most` runs run out of memory, after `after` good batches."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, most: int, after: int = 0) -> None:
        self.sizes: list[int] = []
        start = programs.BatchProgram.start

        def guarded(program: Any, job: Any, points: Any) -> Any:
            self.sizes.append(program.size)
            if program.size > most and len(self.sizes) > after:
                raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 99 bytes.")
            return start(program, job, points)

        monkeypatch.setattr(programs.BatchProgram, "start", guarded)


@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize("n_vmap", [64, "auto"])
def test_batches_that_do_not_fit_are_halved(monkeypatch: Any, after: int, n_vmap: Any) -> None:
    cramped = Cramped(monkeypatch, 10, after)
    env = sweep(2000, n_vmap=n_vmap)
    with pytest.warns(UserWarning, match=r"did not fit into memory \(RESOURCE_EXHAUSTED"):
        results = env.run(lambda traj: traj.x * jnp.float32(2))
    assert results == [(index, 2.0 * index) for index in range(2000)]
    assert min(cramped.sizes) > 5
    assert env.traj.f_is_completed()


def test_the_size_that_fits_is_remembered(monkeypatch: Any) -> None:
    runner = JaxRunner(n_pmap=1)
    cramped = Cramped(monkeypatch, 10)

    def run(traj: Any) -> Any:
        return traj.x * jnp.float32(3)

    with pytest.warns(UserWarning, match="did not fit"):
        sweep(200, runner=runner).run(run)
    cramped.sizes.clear()
    sweep(200, runner=runner).run(run)
    assert max(cramped.sizes) <= 10


def test_a_single_run_that_does_not_fit_fails(monkeypatch: Any) -> None:
    Cramped(monkeypatch, 0)
    env = sweep(4, n_vmap=2, on_error="return")
    with pytest.warns(UserWarning, match="did not fit"):
        assert env.run(lambda traj: traj.x + 5) == []
    failures = env.traj.v_storage_service.run_table().failures()
    assert [failure.row for failure in failures] == [0, 1, 2, 3]
    assert "RESOURCE_EXHAUSTED" in failures[0].message


def test_out_of_memory_while_compiling_is_halved_too(monkeypatch: Any) -> None:
    made = programs.BatchProgram.__init__

    def guarded(self: Any, point: Any, size: int, *rest: Any) -> None:
        if size > 20:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory.")
        made(self, point, size, *rest)

    monkeypatch.setattr(programs.BatchProgram, "__init__", guarded)
    assert len(sweep(100).run(lambda traj: traj.x + 7)) == 100


def test_errors_of_memory_are_told_from_others() -> None:
    assert loop.is_out_of_memory(MemoryError())
    assert loop.is_out_of_memory(jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: 1 byte"))
    assert not loop.is_out_of_memory(ValueError("x"))


# -- uneven work --------------------------------------------------------------------------------------
@pytest.mark.parametrize("n_pmap", [1, 2])
def test_the_last_batch_is_filled_with_a_real_point(n_pmap: int) -> None:
    """A loop that ends for the real points alone would never end for made-up ones."""

    def count_down(traj: Any) -> Any:
        return jax.lax.while_loop(
            lambda state: state[0] > 0,
            lambda state: (state[0] - 1, state[1] + 1),
            (jnp.where(jnp.isnan(traj.x), jnp.inf, traj.x + 1), 0),
        )[1]

    env = sweep(11, n_vmap=4, n_pmap=n_pmap)
    assert env.run(count_down) == [(index, index + 1) for index in range(11)]
