"""Do all ways to read a Space, its plan, and what a file keeps of it agree, whatever the state?"""

from __future__ import annotations

import itertools
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pypet_ng import Environment, load_trajectory
from pypet_ng.errors import DesignError
from pypet_ng.spaces import (
    AbstractAxis,
    DataAxis,
    GridAxis,
    NormalAxis,
    PointKeyAxis,
    SeedAxis,
    Space,
    UniformAxis,
    by_name,
    by_position,
)

jax = pytest.importorskip("jax")

sizes = st.integers(1, 4)
groups = st.sampled_from([None, None, None, "g", "h"])
shapes = st.sampled_from([None, None, (2,)])
# One shape of data per type: each new one is a compilation of JAX.
data = st.builds(
    lambda values, dtype, group: DataAxis(np.array(values).astype(dtype), group=group),
    st.lists(st.integers(-3, 3), min_size=1, max_size=4),
    st.sampled_from([np.float32, np.int32, np.bool_]),
    groups,
)
texts = st.builds(DataAxis, st.lists(st.sampled_from(["a", "bc", ""]), min_size=1, max_size=3), group=groups)
axes: st.SearchStrategy[AbstractAxis] = st.one_of(
    st.builds(GridAxis, st.just(0.0), st.just(1.0), sizes, shapes, groups),
    st.builds(UniformAxis, st.just(0.0), st.just(1.0), sizes, shapes, groups),
    st.builds(NormalAxis, st.just(0.0), st.just(1.0), sizes, shapes, groups),
    st.builds(SeedAxis, sizes, groups),
    st.builds(PointKeyAxis),
    data,
    texts,
)
statics = st.sampled_from([1.5, "x", None, len, (1, 2)]) | st.builds(np.arange, st.just(3))
names = st.sampled_from(["a", "b", "c", "d"])
states = st.recursive(
    axes | statics,
    lambda inner: st.one_of(
        st.dictionaries(names, inner, min_size=1, max_size=3),
        st.lists(inner, min_size=1, max_size=3),
        st.lists(inner, min_size=1, max_size=2).map(tuple),
        st.dictionaries(names, inner, min_size=1, max_size=2).map(OrderedDict),
    ),
    max_leaves=6,
)


def made(state: Any, mode: str, rule: Any, seed: int) -> Space | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            space = Space(
                {"state": state, "more": DataAxis([0.5, 1.5])}, mode, jax.random.key(seed), key_rule=rule
            )
        except DesignError:
            return None
    return space if space.N <= 300 else None


spaces = st.builds(
    made,
    states,
    st.sampled_from(["zip", "product"]),
    st.sampled_from([by_name, by_position]),
    st.integers(0, 9),
).filter(lambda space: space is not None)


def plain(leaf: Any) -> Any:
    if hasattr(leaf, "dtype") and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return np.asarray(jax.random.key_data(leaf))
    return np.asarray(leaf) if isinstance(leaf, jax.Array) else leaf


def same(one: Any, two: Any) -> bool:
    ones, first = jax.tree_util.tree_flatten(one)
    twos, second = jax.tree_util.tree_flatten(two)
    return first == second and all(
        np.array_equal(plain(a), plain(b)) and getattr(a, "dtype", None) == getattr(b, "dtype", None)
        for a, b in zip(ones, twos, strict=True)
    )


def reference(space: Space) -> list[list[Any]]:
    """Say which values each point has by the definition of modes and groups, without arithmetic."""
    keys = space.key_rule(space.key, space.names)
    own = [isinstance(axis, PointKeyAxis) for axis in space.axes]
    values = [
        None if mine else list(axis.generate_values(key))
        for axis, key, mine in zip(space.axes, keys, own, strict=True)
    ]
    shaping = [place for place, mine in enumerate(own) if not mine]
    units: list[list[int]] = []
    for label in dict.fromkeys(space.axes[place].group for place in shaping):
        if label is not None:
            units.append([place for place in shaping if space.axes[place].group == label])
    units += [[place] for place in shaping if space.axes[place].group is None]
    lengths = [min(len(values[place]) for place in unit) for unit in units]  # type: ignore[arg-type]
    if space.mode == "zip":
        points = [(row,) * len(units) for row in range(min(lengths))]
    else:
        points = list(itertools.product(*map(range, lengths)))
    found = []
    for row, point in enumerate(points):
        leaves: list[Any] = [None] * len(own)
        for unit, place in zip(units, point, strict=True):
            for member in unit:
                leaves[member] = values[member][place]  # type: ignore[index]
        for member, mine in enumerate(own):
            if mine:
                leaves[member] = jax.random.fold_in(keys[member], row)
        found.append(leaves)
    return found


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], max_examples=25)
@given(spaces, st.data())
def test_all_ways_to_read_a_space_agree(space: Space, draw: st.DataObject) -> None:
    points = list(space)
    expected = reference(space)
    assert len(points) == space.N == len(expected)
    for point, leaves in zip(points, expected, strict=True):
        assert same(point, space.layout.assemble(leaves))
    index = draw.draw(st.integers(-space.N, space.N - 1))
    assert same(space[index], points[index])

    part = draw.draw(st.slices(space.N))
    rows = list(range(space.N))[part]
    if rows:
        assert all(map(same, space[part], [points[row] for row in rows]))
        assert all(map(same, space[rows], space[part]))
        assert all(map(same, space[part] + space[part], [points[row] for row in rows + rows]))

    gathered = space.gather()
    plan = space.plan()
    for row, point in enumerate(points):
        assert same(space.layout.build([column[row] for column in gathered]), point) or isinstance(
            point, np.generic
        )
        assert same(space.layout.build(list(plan.point(row).values())), point)

    stacked = space.collect()
    for name, values in zip(
        space.names, jax.tree_util.tree_leaves(space.collect(combine=False)[0]), strict=True
    ):
        frame = space.to_dataframe()[name]
        assert len(values) == len(frame) == space.N
        for row in range(space.N):
            assert np.array_equal(plain(values[row]), frame[row])
    assert jax.tree_util.tree_structure(stacked) == jax.tree_util.tree_structure(points[0])


@settings(
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.function_scoped_fixture,
    ],
    max_examples=10,
)
@given(space=spaces)
def test_stored_columns_and_states_of_runs_agree_with_the_space(space: Space, tmp_path: Path) -> None:
    filename = str(tmp_path / "space.hdf5")
    env = Environment("sweep", filename=filename, overwrite_file=True, report_progress=False)
    env.traj.f_explore(space)
    seen: list[Any] = []
    env.run(lambda traj: seen.append(traj.v_state))
    assert all(map(same, seen, space))
    stored = load_trajectory("sweep", filename=filename)
    paths = space.plan().names
    for row in range(space.N):
        stored.v_idx = row
        values = [stored.f_get(".".join(path)).f_get() for path in paths]
        assert same(space.layout.build(values), space[row])
