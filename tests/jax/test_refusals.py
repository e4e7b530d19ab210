"""Do errors of batches say what is wrong, where, and what to do?"""

from __future__ import annotations

import math
import random
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from pypet_ng import DeviceError, Environment, TracingError, UnsupportedValueError

jax = pytest.importorskip("jax")
jnp = jax.numpy


def sweep(values: Any = (0.5, 1.5), **options: Any) -> Environment:
    options = {"runner": "jax", **options}
    env = Environment(filename=":memory:", report_progress=False, log_config=None, **options)
    env.traj.f_add_parameter("x", values[0])
    env.traj.f_explore({"x": list(values)})
    return env


def branches(traj: Any) -> Any:
    if traj.x > 1:  # this line
        return 1
    return 2


def uses_math(traj: Any) -> Any:
    return math.sin(traj.x)  # this line


def uses_numpy(traj: Any) -> Any:
    return np.sin(traj.x)  # this line


def converts(traj: Any) -> Any:
    return float(traj.x)  # this line


def counts(traj: Any) -> Any:
    return [0 for _ in range(traj.x)]  # this line


def chooses(traj: Any) -> Any:
    return jnp.arange(3)[jnp.arange(3) > traj.x]  # this line


@pytest.mark.parametrize("function", [branches, uses_math, uses_numpy, converts, counts, chooses])
def test_what_cannot_be_traced_names_its_line(function: Any) -> None:
    env = sweep((1, 2)) if function is counts else sweep()
    with pytest.raises(TracingError) as caught:
        env.run(function)
    text = str(caught.value)
    assert "# this line" in text
    assert __file__ in text
    assert function.__name__ in text
    assert "runner='processes'" in text
    assert not env.traj.f_is_completed(0)
    assert len(Environment(trajectory=env.traj, runner="serial", log_config=None).run(lambda traj: 1)) == 2


def test_the_tree_is_well_after_a_function_that_cannot_be_traced() -> None:
    env = sweep()

    def run(traj: Any) -> None:
        traj.f_add_result("z", traj.x)
        branches(traj)

    with pytest.raises(TracingError):
        env.run(run)
    assert env.traj.v_idx == -1
    assert env.traj.x == 0.5
    assert not env.traj.f_contains("z")


@pytest.mark.parametrize("name", ["v_rng", "v_seed", "v_crun"])
def test_what_belongs_to_one_run_names_what_to_use(name: str) -> None:
    with pytest.raises(TracingError, match=rf"traj\.{name} .*runner='processes'") as caught:
        sweep().run(lambda traj: getattr(traj, name))
    assert ("v_key" in str(caught.value)) == (name != "v_crun")
    assert any("test_refusals.py" in note for note in caught.value.__notes__)


def test_shared_generators_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="drew random numbers.*all runs have the same"):
        sweep().run(lambda traj: traj.x + np.random.normal())
    with pytest.warns(UserWarning, match="drew random numbers.*all runs have the same"):
        sweep().run(lambda traj: traj.x * random.random())


def test_errors_of_the_function_itself_pass_with_a_note() -> None:
    def run(traj: Any) -> Any:
        return jnp.dot(jnp.ones(3) * traj.x, jnp.ones(4))

    with pytest.raises(TypeError, match="dot") as caught:
        sweep().run(run)
    assert any("while the function was traced" in note for note in caught.value.__notes__)


def test_objects_as_results_are_refused_as_everywhere() -> None:
    with pytest.raises(UnsupportedValueError, match="object"):
        sweep().run(lambda traj: traj.f_add_result("z", object()))


def test_values_that_differ_belong_to_results() -> None:
    def annotate(traj: Any) -> None:
        traj.f_add_result("z", traj.x).v_annotations.best = traj.x

    def share(traj: Any) -> None:
        traj.results.f_add_result("shared.z", traj.x)

    with pytest.raises(TracingError, match=r"'results\.runs\.\$\.z'.*annotation.*add them as results"):
        sweep().run(annotate)
    with pytest.raises(TracingError, match=r"'results\.shared\.z'.*add them as results"):
        sweep(auto_run_prepend=False).run(share)


def test_texts_cannot_be_explored_in_batches() -> None:
    with pytest.raises(TracingError, match=r"'parameters\.x' has the value 'euler' in run 0.*processes"):
        sweep(("euler", "heun")).run(lambda traj: 1)


def test_arrays_of_several_shapes_name_the_runs() -> None:
    with pytest.raises(TracingError, match=r"\(2,\) in run 0, \(3,\) in run 1"):
        sweep((np.zeros(2), np.zeros(3))).run(lambda traj: traj.x.sum())


def test_kinds_that_change_in_the_middle_name_the_runs() -> None:
    values = [np.zeros(2)] * 1000 + [np.zeros(3)] * 1000
    with pytest.raises(TracingError, match=r"of shape \(3,\) in runs 1000 to 1999"):
        sweep(values, n_vmap=1500).run(lambda traj: traj.x.sum())


def test_integers_beyond_32_bits_are_not_cut() -> None:
    with pytest.raises(TracingError, match=r"1099511627776, which 32 bits cannot hold.*jax_enable_x64"):
        sweep((1, 2**40)).run(lambda traj: traj.x)


def test_run_map_is_refused() -> None:
    with pytest.raises(TypeError, match=r"run_map.*runner='processes'"):
        sweep().run_map(lambda traj, a: a, [1, 2])


def test_more_devices_than_there_are_names_them_and_the_flag() -> None:
    count = len(jax.local_devices())
    with pytest.raises(DeviceError, match="xla_force_host_platform_device_count=99") as caught:
        sweep(n_pmap=99)
    assert str(jax.local_devices()[0]) in str(caught.value)
    assert f"n_pmap={count}" in str(caught.value)


@pytest.mark.parametrize(
    "options", [{"n_vmap": 0}, {"n_vmap": 1.5}, {"n_vmap": "all"}, {"n_pmap": 0}, {"n_pmap": True}]
)
def test_sizes_are_whole_numbers(options: Any) -> None:
    with pytest.raises(ValueError, match="give a whole number from 1 on"):
        sweep(**options)


def test_sizes_without_the_runner_warn() -> None:
    with pytest.warns(UserWarning, match="n_vmap=4 has an effect with runner='jax' alone"):
        sweep(runner=None, n_vmap=4)


def test_run_timeout_is_refused() -> None:
    with pytest.raises(ValueError, match="run_timeout"):
        sweep(run_timeout=3.0)


def test_the_package_stays_light() -> None:
    code = (
        "import sys, pypet_ng, pypet_ng.runners.jax, pypet_ng.execution; "
        "sys.exit('jax' in sys.modules or 'pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
