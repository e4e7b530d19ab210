"""What is left of a batched sweep that was killed or interrupted, and does the next one do the rest?"""

from __future__ import annotations

import pathlib
import random
import signal
import subprocess
import sys
import textwrap
import time
from typing import Any

import numpy as np
import pytest

from pypet_ng import Environment, StorageError, load_trajectory
from pypet_ng.tree.records import RunState

jax = pytest.importorskip("jax")
jnp = jax.numpy

RUNS = 4000

SCRIPT = textwrap.dedent(
    """
    import sys
    import jax, jax.numpy as jnp, numpy as np
    from pypet_ng import Environment

    def run(traj):
        slow = jax.lax.fori_loop(0, 1500, lambda _, value: jnp.sin(value) + 0.1, jnp.full(8, traj.x))
        traj.f_add_result("z", traj.x * 2)
        traj.f_add_result("series", slow * 0 + traj.x + jnp.arange(8.0))

    env = Environment("killed", filename=sys.argv[1], runner="jax", n_vmap=16, n_pmap=1, seed=1,
                      commit_interval=0.05, report_progress=False, log_config=None)
    env.traj.f_add_parameter("x", 0.0)
    env.traj.f_explore({"x": np.arange(4000.0)})
    print("ready", flush=True)
    env.run(run)
    """
)


def run(traj: Any) -> None:
    traj.f_add_result("z", traj.x * 2)
    traj.f_add_result("series", traj.x + jnp.arange(8.0))


def column(filename: pathlib.Path, name: str) -> Any:
    """Give a column of the run table as the file has it now."""
    return load_trajectory("killed", filename=filename).v_storage_service.run_table().column(name)


def check(filename: pathlib.Path) -> Any:
    """Give which runs are done, after a look at what is stored of them."""
    traj = load_trajectory("killed", filename=filename)
    done = np.flatnonzero(traj.v_storage_service.run_table().column("state") == RunState.DONE)
    if len(done):
        z = np.ma.filled(np.ma.asarray(traj.f_collect("z")[:]), np.nan)
        series = np.ma.filled(np.ma.asarray(traj.f_collect("series")[:]), np.nan)
        assert (z[done] == 2.0 * done).all()
        assert (series[done] == done[:, None] + np.arange(8.0)).all()
    return done


def finish(filename: pathlib.Path, done: Any) -> None:
    """Do what is left, and see that it was only that."""
    before = column(filename, "session")
    subprocess.run([sys.executable, "-c", SCRIPT, str(filename)], check=True, stdout=subprocess.DEVNULL)
    assert len(check(filename)) == RUNS
    after = column(filename, "session")
    assert (after[done] == before[done]).all()
    assert (np.delete(after, done) > before.max()).all()


def wait_for_runs(filename: pathlib.Path) -> None:
    """Wait until some runs are in the file."""
    for _ in range(600):
        time.sleep(0.1)
        try:
            if np.any(column(filename, "state")):
                return
        except StorageError:  # nothing is committed so far
            continue
    raise AssertionError("no run was done within a minute")


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 8))])
def test_a_killed_sweep_keeps_whole_batches_and_does_the_rest(tmp_path: pathlib.Path, seed: int) -> None:
    filename = tmp_path / "killed.hdf5"
    with subprocess.Popen([sys.executable, "-c", SCRIPT, str(filename)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        wait_for_runs(filename)
        time.sleep(random.Random(seed).uniform(0.0, 0.5))
        child.kill()
    done = check(filename)
    finish(filename, done)


def test_ctrl_c_keeps_what_is_done_and_says_how_much(tmp_path: pathlib.Path) -> None:
    filename = tmp_path / "killed.hdf5"
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(filename)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        wait_for_runs(filename)
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
    text = errors.decode()
    assert "KeyboardInterrupt" in text
    done = check(filename)
    assert 0 < len(done) < RUNS
    assert f"{len(done)} of {RUNS} runs of trajectory 'killed' are done" in text


class Impatient:
    """Presses Ctrl+C while the third batch is waited for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from pypet_ng.runners.jax import loop

        land = loop.Flight.land
        self.landings = 0

        def interrupted(flight: Any) -> Any:
            self.landings += 1
            if self.landings == 3:
                jax.block_until_ready(flight.outputs)
                raise KeyboardInterrupt
            return land(flight)

        monkeypatch.setattr(loop.Flight, "land", interrupted)


def test_batches_that_are_computed_are_kept_at_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    Impatient(monkeypatch)
    env = Environment(
        filename=":memory:", runner="jax", n_vmap=10, n_pmap=1, report_progress=False, log_config=None
    )
    env.traj.f_add_parameter("x", 0.0)
    env.traj.f_explore({"x": np.arange(100.0)})
    with pytest.raises(KeyboardInterrupt):
        env.run(run)
    assert sum(env.traj.f_is_completed(index) for index in range(100)) in (30, 40)
    env.run(run)
    assert env.traj.f_is_completed()
