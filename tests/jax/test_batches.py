"""Does a run function give in batches what it gives run by run?"""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypet_ng import Environment, load_trajectory
from pypet_ng.engine import seeds
from pypet_ng.runners import JaxRunner

jax = pytest.importorskip("jax")
jnp = jax.numpy


def sweep(runner: Any, runs: int, *, filename: Any = ":memory:", **options: Any) -> Environment:
    env = Environment(filename=filename, runner=runner, report_progress=False, log_config=None, **options)
    env.traj.f_add_parameter("x", 0.0, comment="varied")
    env.traj.f_add_parameter("group.y", 2.0)
    env.traj.f_explore({"x": np.linspace(0.0, 1.0, runs)})
    return env


def rich(traj: Any) -> Any:
    z = jnp.sin(traj.x) * traj.y
    traj.f_add_result("z", z, comment="a product")
    traj.f_add_result("deep.er.pair", first=traj.x * 2, second=jnp.ones(3) * z, note="text", number=5)
    traj.f_add_result("listed", [traj.x + 1, "text", {"inner": z}])
    traj.f_add_result("constant", np.arange(3))
    traj.f_add_derived_parameter("half", traj.x / 2)
    traj.f_add_result("$set.counted", traj.v_idx * 1)
    group = traj.results.f_add_group("runs.$.empty", comment="a group")
    group.v_annotations.unit = "mV"
    traj.f_get("z").v_annotations.unit = "V"
    return {"z": z, "two": (traj.x, None)}


def everything(env: Environment) -> dict[str, Any]:
    """Give all that is stored on runs, as plain values by path."""
    traj = env.traj
    traj.f_load(load_data=2)
    found: dict[str, Any] = {}
    for branch in ("results", "derived_parameters"):
        for node in traj.f_get(branch).f_iter_nodes(recursive=True):
            text = (node.v_comment, node.v_annotations.f_to_dict())
            items = node.f_to_dict() if node.v_is_leaf and branch == "results" else None
            value = node.f_get() if node.v_is_leaf and branch != "results" else None
            found[node.v_full_name] = (text, jax.tree.map(plain, items), plain(value))
    return found


def plain(value: Any) -> Any:
    """Give numbers as rounded Python floats, arrays as lists: batches have numpy's numbers."""
    if isinstance(value, str | None | dict):
        return value
    return np.round(np.asarray(value, np.float64), 5).tolist()


@pytest.mark.parametrize("n_vmap", ["auto", 1, 3, 64])
@pytest.mark.parametrize("n_pmap", [1, 2])
def test_all_that_a_run_adds_is_there_after_a_batch(n_vmap: Any, n_pmap: int) -> None:
    alone = sweep("serial", 7)
    batched = sweep("jax", 7, n_vmap=n_vmap, n_pmap=n_pmap)
    expected, found = alone.run(rich), batched.run(rich)
    assert [index for index, _ in found] == list(range(7))
    assert jax.tree.map(plain, [value for _, value in found]) == jax.tree.map(
        plain, [value for _, value in expected]
    )
    assert everything(batched) == everything(alone)
    assert batched.traj.f_is_completed()


def test_columns_are_stored_and_read_again(tmp_path: pathlib.Path) -> None:
    env = sweep("jax", 1000, filename=tmp_path / "a.hdf5", n_vmap=64)
    env.run(rich)
    traj = load_trajectory("trajectory", filename=tmp_path / "a.hdf5")
    x = np.linspace(0.0, 1.0, 1000)
    np.testing.assert_allclose(np.asarray(traj.f_collect("z")), 2 * np.sin(x), rtol=1e-5)
    assert traj.f_collect("z").dtype == np.float32
    np.testing.assert_allclose(np.asarray(traj.f_collect("half")), x / 2, rtol=1e-6)
    traj.v_auto_load = True
    assert traj.results.runs.run_00000999.deep.er.pair.note == "text"
    assert traj.results.runs[5].f_get("z").v_comment == "a product"


def test_without_storing_results_hang_in_the_tree() -> None:
    env = sweep("jax", 5, automatic_storing=False)
    env.run(rich)
    assert float(env.traj.results.runs[4].z) == pytest.approx(2 * np.sin(1.0), rel=1e-5)
    assert env.traj.results.runs[4].deep.er.pair.note == "text"


def test_a_run_without_exploration_is_one_run() -> None:
    env = Environment(filename=":memory:", runner="jax", report_progress=False, log_config=None)
    env.traj.f_add_parameter("x", 4.0)
    assert env.run(lambda traj: traj.x * jnp.float32(2)) == [(0, 8.0)]


def test_what_comes_back_belongs_to_the_caller() -> None:
    values = sweep("jax", 4).run(lambda traj: jnp.ones(3) * traj.x)
    values[0][1][0] = 5.0
    assert values[0][1].tolist() == [5.0, 0.0, 0.0]


def test_returned_values_are_kept_for_the_next_session(tmp_path: pathlib.Path) -> None:
    def give(traj: Any) -> Any:
        return traj.x * 2, "text"

    first = sweep("jax", 30, filename=tmp_path / "a.hdf5").run(give)
    assert sweep("serial", 30, filename=tmp_path / "a.hdf5").run(give) == first


def test_nodes_that_are_returned_hold_no_abstract_values() -> None:
    env = Environment("nodes", filename=":memory:", runner="jax", report_progress=False, log_config=None)
    env.traj.f_add_parameter("x", 1.0)
    env.traj.f_explore({"x": [1.0, 2.0]})
    assert env.run(lambda traj: traj.f_add_result("z", traj.x)) == [(0, None), (1, None)]
    assert list(env.traj.f_collect("z")) == [1.0, 2.0]


def test_arguments_go_to_the_function() -> None:
    def scaled(traj: Any, factor: float, *, shift: float = 0.0) -> Any:
        return traj.x * factor + shift

    values = [value for _, value in sweep("jax", 5).run(scaled, 3.0, shift=1.0)]
    np.testing.assert_allclose(values, np.linspace(0.0, 1.0, 5) * 3 + 1, rtol=1e-6)


# -- types ----------------------------------------------------------------------------------------
def test_python_numbers_take_on_the_type_of_what_they_meet() -> None:
    def half(traj: Any) -> Any:
        return traj.x * jnp.float16(2), jnp.arange(3, dtype=jnp.int8) * traj.n

    for runner in ("serial", "jax"):
        env = Environment(filename=":memory:", runner=runner, report_progress=False, log_config=None)
        env.traj.f_add_parameter("x", 0.0)
        env.traj.f_add_parameter("n", 1)
        env.traj.f_explore({"x": [0.5, 1.5], "n": [3, 4]})
        assert [tuple(one.dtype.name for one in value) for _, value in env.run(half)] == [
            ("float16", "int8")
        ] * 2


def test_array_values_bools_complex_and_bfloat16() -> None:
    def use(traj: Any) -> None:
        traj.f_add_result("dot", jnp.dot(traj.a, traj.a))
        traj.f_add_result("flag", jnp.where(traj.b, 1, 2))
        traj.f_add_result("c", traj.c * 1j)
        traj.f_add_result("short", jnp.asarray(traj.x, jnp.bfloat16))
        traj.f_add_result("key", jax.random.split(traj.v_key))  # of batches, keys come as their words

    env = Environment(filename=":memory:", runner="jax", report_progress=False, log_config=None)
    traj = env.traj
    traj.f_add_parameter("a", np.zeros(2))
    traj.f_add_parameter("b", False)
    traj.f_add_parameter("c", 0j)
    traj.f_add_parameter("x", 0.0)
    arrays = [np.array([1.0, 2.0]), np.array([3.0, 4.0])]
    traj.f_explore({"a": arrays, "b": [True, False], "c": [1j, 2 + 0j], "x": [1.5, 2.5]})
    env.run(use)
    assert list(traj.f_collect("dot")) == [5.0, 25.0]
    assert list(traj.f_collect("flag")) == [1, 2]
    assert list(traj.f_collect("c")) == [-1, 2j]
    assert list(traj.f_collect("short")) == [1.5, 2.5]
    assert traj.f_collect("short").dtype == np.float32
    assert np.asarray(traj.f_collect("key")).shape == (2, 2, 2)


def test_sixty_four_bits_are_respected() -> None:
    with jax.enable_x64(True):
        env = Environment(filename=":memory:", runner="jax", report_progress=False, log_config=None)
        env.traj.f_add_parameter("n", 1)
        env.traj.f_explore({"n": [2**40, 2**41]})
        assert env.run(lambda traj: traj.n + 1) == [(0, 2**40 + 1), (1, 2**41 + 1)]
        assert env.traj.v_storage_service is not None


class Shape(NamedTuple):
    """A function of x and y, as nested operations."""

    name: str
    parts: tuple[Any, ...]


_TWO: dict[str, Callable[..., Any]] = {"+": jnp.add, "*": jnp.multiply, "max": jnp.maximum, "-": jnp.subtract}
_ONE: dict[str, Callable[..., Any]] = {
    "neg": jnp.negative,
    "abs": jnp.abs,
    "square": jnp.square,
    "floor": jnp.floor,
}
_LEAF = st.sampled_from([Shape("x", ()), Shape("y", ()), Shape("one", ())])
_SHAPES = st.recursive(
    _LEAF,
    lambda inner: st.one_of(
        st.builds(lambda name, a, b: Shape(name, (a, b)), st.sampled_from(list(_TWO)), inner, inner),
        st.builds(lambda name, a: Shape(name, (a,)), st.sampled_from(list(_ONE)), inner),
    ),
    max_leaves=6,
)


def apply(shape: Shape, x: Any, y: Any) -> Any:
    leaves = {"x": x, "y": y, "one": 1.5}
    if not shape.parts:
        return jnp.asarray(leaves[shape.name])
    values = [apply(part, x, y) for part in shape.parts]
    return (_TWO | _ONE)[shape.name](*values)


@settings(max_examples=10)
@given(shape=_SHAPES, xs=st.lists(st.floats(-3, 3), min_size=1, max_size=5))
def test_any_pure_function_gives_the_same_in_batches(shape: Shape, xs: list[float]) -> None:
    def run(traj: Any) -> Any:
        return apply(shape, traj.x, traj.y)

    def results(runner: Any) -> list[float]:
        env = Environment(filename=":memory:", runner=runner, report_progress=False, log_config=None)
        env.traj.f_add_parameter("x", 0.0)
        env.traj.f_add_parameter("y", 0.25)
        env.traj.f_explore({"x": xs})
        return [float(value) for _, value in env.run(run)]

    with jax.enable_x64(True):
        # not bit by bit: the compiler may join a product and a sum into one rounding
        np.testing.assert_allclose(results("jax"), results("serial"), rtol=1e-12, atol=1e-12)


# -- random numbers ---------------------------------------------------------------------------------
@given(
    root=st.integers(0, 2**200),
    rows=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20),
)
def test_keys_of_many_runs_are_those_of_single_runs(root: int, rows: list[int]) -> None:
    words = seeds.words_of(root, np.array(rows, np.int64))
    for row, own in zip(rows, words, strict=True):
        assert own.tolist() == np.asarray(jax.random.key_data(seeds.key_of(root, row))).tolist()


def test_the_key_of_a_run_is_the_same_in_a_batch() -> None:
    def draw(traj: Any) -> Any:
        return jax.random.normal(traj.v_key, (3,))

    alone = sweep("serial", 9, seed=5).run(draw)
    for n_vmap in (1, 4, 9):
        batched = sweep("jax", 9, seed=5, n_vmap=n_vmap).run(draw)
        for (_, one), (_, two) in zip(alone, batched, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-6)


# -- compiling once ---------------------------------------------------------------------------------
FACTOR = 2.0


def note(trace: object) -> None:
    """Be told of a trace; tests put something else here."""


def traced(traj: Any) -> Any:
    note(object())
    return traj.x * FACTOR + traj.y


def test_a_second_sweep_of_the_same_structure_is_not_compiled_again(monkeypatch: Any) -> None:
    seen: set[object] = set()
    monkeypatch.setitem(globals(), "note", seen.add)  # a method of C, whose object is not looked into
    runner = JaxRunner(n_vmap=8, n_pmap=1)

    def run(runs: int, y: float = 2.0, name: str = "one") -> Any:
        env = Environment(name, filename=":memory:", runner=runner, report_progress=False, log_config=None)
        env.traj.f_add_parameter("x", 0.0)
        env.traj.f_add_parameter("y", y)
        env.traj.f_explore({"x": np.linspace(0.0, 3.0, runs)})
        return env.run(traced)

    run(20)
    run(20, name="two")
    run(333)
    assert len(seen) == 1
    run(20, y=3.0)  # a constant is part of the program
    assert len(seen) == 2
    monkeypatch.setitem(globals(), "FACTOR", 5.0)  # and so is what the function reads around it
    assert run(4)[3][1] == 17.0
    assert len(seen) == 3
