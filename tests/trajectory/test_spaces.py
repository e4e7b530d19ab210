"""Does a trajectory explore a Space, keep what it is, and go on with it?"""

from __future__ import annotations

from collections import namedtuple
from functools import partial
from typing import Any

import numpy as np
import pytest

from pypet_ng import (
    DesignError,
    Environment,
    PlanMismatchError,
    explore,
    load_trajectory,
    takes_state,
)
from pypet_ng.spaces import DataAxis, GridAxis, PointKeyAxis, SeedAxis, Space, UniformAxis

jax = pytest.importorskip("jax")
jnp = jax.numpy


@pytest.fixture(autouse=True)
def fresh_folder(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def noisy(state: Any) -> dict[str, Any]:
    noise = jax.random.normal(state["noise"]["key"], (3,)) @ state["w"]
    return {
        "mean": noise.mean() * state["G"],
        "more": {"own": jax.random.uniform(state["own"]), "first": noise[0]},
        "pair": [1, state["G"]],
    }


def noisy_space(n: int = 3) -> Space:
    return Space(
        {"G": GridAxis(0.0, 1.0, n), "noise": {"key": SeedAxis(2), "sigma": 0.5}, "own": PointKeyAxis(),
         "w": jnp.arange(9.0).reshape(3, 3), "act": jnp.tanh, "none": None},
        mode="product", key=jax.random.key(3),
    )  # fmt: skip


@pytest.mark.parametrize("runner", ["serial", "processes"])
def test_a_function_of_states_gives_the_same_as_on_the_space_itself(runner: str) -> None:
    space = noisy_space()
    traj = explore(noisy, space, filename=":memory:", runner=runner, report_progress=False)
    assert len(traj) == 6
    for name in ("mean", "more.own", "more.first"):
        expected = []
        for state in space:
            found: Any = noisy(state)
            for part in name.split("."):
                found = found[part]
            expected.append(float(found))
        np.testing.assert_allclose(np.array(list(traj.f_collect(name))), expected, rtol=1e-6)
    assert traj.f_collect("pair")[1][0] == 1
    frame = traj.f_to_dataframe()
    assert {"G", "mean", "own"} <= {name.rpartition(".")[2] for name in frame.columns}
    assert traj.parameters.noise.sigma == 0.5
    np.testing.assert_array_equal(traj.parameters.w, space[0]["w"])
    assert "act" not in traj.parameters


def test_values_are_numpy_scalars_of_the_axis_and_statics_the_scripts_own() -> None:
    weights = jnp.ones(2)
    seen: list[Any] = []
    space = Space({"x": GridAxis(0, 1, 2), "i": DataAxis(np.array([1, 2], np.int8)), "w": weights, "f": len})
    explore(seen.append, space, filename=":memory:", name="t", report_progress=False)
    assert type(seen[0]["x"]) is np.float32
    assert type(seen[1]["i"]) is np.int8
    assert seen[0]["w"] is weights
    assert seen[0]["f"] is len


def test_a_bare_axis_and_sequences_get_names() -> None:
    traj = explore(
        lambda x: x * 2, Space(DataAxis([1.0, 2.0])), filename=":memory:", name="t", report_progress=False
    )
    assert traj.parameters.f_get("value").v_explored
    assert [float(value) for value in traj.f_collect("results.value")] == [2.0, 4.0]
    nested = explore(
        lambda s: s[0] + s[1][0], Space([DataAxis([1, 2]), (3, "x")]), filename=":memory:", name="u",
        report_progress=False,
    )  # fmt: skip
    assert nested.f_get("parameters.i0").v_explored
    assert nested.f_get("parameters.i1.i1").f_get() == "x"


def test_python_defaults_of_the_script_keep_their_type_in_the_file_only() -> None:
    env = Environment("t", filename=":memory:", report_progress=False)
    env.traj.f_add_parameter("neuron.tau", 10.0, comment="ms")
    env.traj.f_explore(Space({"neuron": {"tau": GridAxis(5.0, 20.0, 3)}}))
    got = env.run(lambda traj: (type(traj.neuron.tau), type(traj.v_state["neuron"]["tau"])))
    assert got[0][1] == (float, np.float32)


def test_what_a_function_gives_becomes_results_by_path() -> None:
    pair = namedtuple("pair", "a b")

    def f(state: Any) -> Any:
        return {
            "t": pair(state["x"], {"c": 1}),
            3: "text",
            "n": None,
            "j": jnp.zeros(2),
            "l": (jnp.ones(()), 2),
        }

    traj = explore(f, Space({"x": DataAxis([1.0, 2.0])}), filename="f.hdf5", report_progress=False)
    assert [float(v) for v in traj.f_collect("t.a")] == [1.0, 2.0]
    assert list(traj.f_collect("t.b.c")) == [1, 1]
    assert list(traj.f_collect("i3")) == ["text", "text"]
    assert list(traj.f_collect("n")) == [None, None]
    assert np.asarray(list(traj.f_collect("j"))).shape == (2, 2)
    assert next(iter(traj.f_collect("l"))) == (1.0, 2)

    single = explore(
        lambda s: s["x"], Space({"x": DataAxis([1.0])}), filename=":memory:", name="s", report_progress=False
    )
    assert [float(v) for v in single.f_collect("results.value")] == [1.0]


def test_without_a_space_the_state_is_a_dictionary_of_all_parameters() -> None:
    env = Environment("t", filename=":memory:", report_progress=False)
    env.traj.f_add_parameter("neuron.tau", 10.0)
    env.traj.f_add_parameter("x", 1)
    env.traj.f_explore({"x": [1, 2]})
    env.run(takes_state(lambda state: state["x"] * state["neuron"]["tau"]))
    assert list(env.traj.f_collect("value")) == [10.0, 20.0]
    assert repr(takes_state(noisy)) == "<noisy of a state>"
    assert takes_state(noisy).function is noisy
    with pytest.raises(TypeError, match="function of a state"):
        takes_state(3)  # type: ignore[arg-type]


# -- going on -----------------------------------------------------------------------------------------
class Counted:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, state: Any) -> Any:
        self.calls += 1
        return state["x"] if "x" in state else state["G"]


def sweep(space: Space, f: Counted) -> Any:
    return explore(f, space, filename="sweep.hdf5", name="sweep", report_progress=False)


def test_the_same_space_runs_nothing_again() -> None:
    f = Counted()
    sweep(noisy_space(), f)
    sweep(noisy_space(), f)
    assert f.calls == 6


@pytest.mark.parametrize(
    "wider",
    [
        lambda: noisy_space() + noisy_space(5),
        lambda: noisy_space().extend([{"G": 7.0, "noise.key": jax.random.key(8)}] * 2),
        lambda: noisy_space(3).extend(noisy_space(3)[:2]),
    ],
)
def test_widening_runs_only_new_points(wider: Any) -> None:
    f = Counted()
    sweep(noisy_space(), f)
    longer = wider()
    traj = sweep(longer, f)
    assert f.calls == longer.N == len(traj)
    sweep(noisy_space(), f)  # the small one again: all done
    assert f.calls == longer.N


def test_a_finer_grid_goes_on_where_points_are_shared() -> None:
    f = Counted()
    sweep(Space({"x": GridAxis(0.0, 1.0, 3)}), f)
    sweep(Space({"x": GridAxis(0.0, 1.0, 5)}), f)
    assert f.calls == 5


def test_a_trial_of_some_points_comes_before_the_whole() -> None:
    f = Counted()
    space = Space({"x": GridAxis(0.0, 1.0, 4), "y": UniformAxis(0.0, 1.0, 3)}, "product")
    sweep(space[:5], f)
    sweep(space, f)
    assert f.calls == 12
    np.testing.assert_array_equal(
        sorted(float(v) for v in sweep(space, f).f_collect("value")), sorted(float(p["x"]) for p in space)
    )


@pytest.mark.parametrize(
    ("other", "text"),
    [
        ({"mode": "zip"}, "the mode is 'zip', not 'product'"),
        ({"key": jax.random.key(9)}, r"the key is \[0, 9\]"),
        ({"state": {"group": "g"}}, "axis 'x' is in group 'g', not None"),
        ({"state": {"f": max}}, "the leaf 'f' is builtins.max, not builtins.min"),
        ({"state": {"w": 3.0}}, "'parameters.w' is 3.0 in this script, but 2.0"),
        ({"state": {"n": 2, "high": 5.0}}, "holds other points"),
    ],
)
def test_another_definition_is_refused_once_runs_are_done(other: Any, text: str) -> None:
    def make(mode: str = "product", key: Any = None, state: Any = None) -> Space:
        own = {"f": min, "w": 2.0, "group": None, "n": 3, "high": 1.0, **(state or {})}
        axes = {"x": GridAxis(0.0, own["high"], own["n"], group=own["group"]), "u": UniformAxis(0, 1, 3)}
        return Space({**axes, "f": own["f"], "w": own["w"]}, mode, key)

    f = Counted()
    sweep(make(), f)
    with pytest.raises(PlanMismatchError, match=text):
        sweep(make(**other), f)
    assert f.calls == 9


def test_another_key_of_a_space_that_draws_nothing_is_no_other_space() -> None:
    f = Counted()
    sweep(Space({"x": GridAxis(0, 1, 3)}, key=jax.random.key(1)), f)
    sweep(Space({"x": GridAxis(0, 1, 3)}, key=jax.random.key(2)), f)
    assert f.calls == 3


def test_a_loaded_trajectory_is_expanded_by_a_space() -> None:
    f = Counted()
    sweep(Space({"x": GridAxis(0.0, 1.0, 3)}), f)
    traj = load_trajectory("sweep", filename="sweep.hdf5")
    assert set(traj.v_state) == {"x"}
    traj.f_expand(Space({"x": DataAxis([5.0, 6.0])}))
    Environment(traj, report_progress=False).run(takes_state(f))
    assert f.calls == 5
    sweep(Space({"x": GridAxis(0.0, 1.0, 3)}), f)
    assert f.calls == 5


def test_shrinking_forgets_the_space() -> None:
    env = Environment("t", filename=":memory:", report_progress=False)
    env.traj.f_explore(Space({"x": GridAxis(0.0, 1.0, 3)}))
    env.traj.f_shrink()
    env.traj.f_explore({"x": [np.float32(4)]})
    assert env.run(lambda traj: traj.v_state) == [(0, {"x": 4.0})]
    assert "space" not in env.traj.config


# -- refusals -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "text"),
    [
        (partial(explore, min, Space(DataAxis([1])), x=[1, 2]), "'x' is no option of explore"),
        (partial(explore, min, Space(DataAxis([1])), axes={"x": 1}), "'x' is no option of explore"),
        (partial(explore, min, Space(DataAxis([1])), {"x": [1]}), "explored alone"),
        (partial(explore, min, Space(DataAxis([1])), filname="f"), "Did you mean 'filename'|is no option"),
    ],
)
def test_a_space_is_explored_alone(call: Any, text: str) -> None:
    with pytest.raises(DesignError, match=text):
        call()


def test_a_parameter_that_disagrees_with_a_static_leaf_is_refused() -> None:
    env = Environment("t", filename=":memory:", report_progress=False)
    env.traj.f_add_parameter("w", 1.0)
    with pytest.raises(DesignError, match=r"'parameters\.w' is 1\.0, but the Space has 2\.0"):
        env.traj.f_explore(Space({"x": GridAxis(0, 1, 2), "w": 2.0}))
