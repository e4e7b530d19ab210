"""Does a Space stand for the points it promises, in their order, with their names?"""

from __future__ import annotations

import dataclasses
import pickle
import warnings
from collections import OrderedDict, namedtuple
from typing import Any

import numpy as np
import pytest

from pypet_ng.errors import DesignError
from pypet_ng.spaces import (
    LAST_POINT,
    AbstractAxis,
    DataAxis,
    GridAxis,
    Key,
    PointKeyAxis,
    SeedAxis,
    Space,
    UniformAxis,
    by_name,
    register_validator,
    unregister_validator,
)

jax = pytest.importorskip("jax")
jnp = jax.numpy


def numbers(space: Space, *names: str) -> list[tuple[float, ...]]:
    return [tuple(float(point[name]) for name in names) for point in space]


# -- order and names ----------------------------------------------------------------------------------
def test_a_product_varies_the_last_axis_fastest_and_visits_keys_sorted() -> None:
    space = Space({"b": DataAxis([10, 20]), "a": DataAxis([1, 2, 3])}, mode="product")
    assert space.names == ("a", "b")
    assert numbers(space, "a", "b") == [(1, 10), (1, 20), (2, 10), (2, 20), (3, 10), (3, 20)]


def test_groups_come_first_in_a_product_wherever_they_are() -> None:
    state = {"a": DataAxis([1, 2]), "b": DataAxis([5, 6], group="g"), "c": {"d": DataAxis([7, 8], group="g")}}
    space = Space(state, mode="product")
    found = [(int(p["a"]), int(p["b"]), int(p["c"]["d"])) for p in space]
    assert found == [(1, 5, 7), (2, 5, 7), (1, 6, 8), (2, 6, 8)]
    assert repr(space) == "Space(N=4, mode='product', axes=3, groups=1)"


def test_labels_that_are_equal_are_one_group() -> None:
    axes = [DataAxis([1, 2], group=label) for label in (1, 1.0, True)]
    assert Space(axes, mode="product").N == 2


def test_unequal_sizes_are_cut_with_a_warning_at_the_users_line() -> None:
    with pytest.warns(UserWarning, match=r"sizes \[10, 3\]. Using minimum size 3, losing 7") as caught:
        space = Space({"a": DataAxis(range(10)), "b": DataAxis([1, 2, 3])})
    assert caught[0].filename == __file__
    assert numbers(space[-2:], "a", "b") == [(1, 2), (2, 3)]
    assert len(space.to_dataframe()) == 3
    assert space.collect()["a"].shape == (3,)
    assert len(space.plan()) == 3
    with pytest.warns(UserWarning, match=r"group 'g' have different sizes \[3, 2\]") as caught:
        space = Space(
            [DataAxis([1, 2, 3], group="g"), DataAxis([1, 2], group="g"), DataAxis([1, 2])], "product"
        )
    assert caught[0].filename == __file__
    assert space.N == 4
    assert space.collect()[0].tolist() == [1, 1, 2, 2]


def test_names_follow_the_way_to_the_leaf() -> None:
    pair = namedtuple("pair", "x y")
    state = OrderedDict(
        z={"k": DataAxis([1])},
        l=[DataAxis([1]), (DataAxis([1]),)],
        n=pair(DataAxis([1]), 2),
        i={3: DataAxis([1])},
    )
    space = Space(state)
    assert space.names == ("z.k", "l[0]", "l[1][0]", "n.x", "i.3")
    paths = [("z", "k"), ("l", "i0"), ("l", "i1", "i0"), ("n", "x"), ("i", "i3")]
    assert space.plan(()).names == tuple(paths)
    assert Space(DataAxis([1, 2])).names == ("value",)
    assert Space(DataAxis([1, 2])).plan().names == (("parameters", "value"),)


def test_two_axes_of_one_name_are_refused() -> None:
    with pytest.raises(DesignError, match=r"'a\.b'"):
        Space({"a.b": DataAxis([1]), "a": {"b": DataAxis([2])}})
    space = Space({"a b": DataAxis([1]), "a_b": DataAxis([2])})
    with pytest.raises(DesignError, match="both be the parameter 'a_b'"):
        space.plan()


def test_registered_dataclasses_are_walked_and_others_are_pointed_at() -> None:
    @dataclasses.dataclass
    class Model:
        G: Any
        w: Any

    with pytest.raises(ValueError, match="at least one AbstractAxis instance: the axes in a Model"):
        Space({"model": Model(DataAxis([1]), 2)})
    jax.tree_util.register_dataclass(Model, ["G", "w"], [])
    space = Space({"model": Model(DataAxis([1, 2]), 2)})
    assert space.names == ("model.G",)
    assert int(space[1]["model"].G) == 2


def test_equinox_modules_are_walked() -> None:
    eqx = pytest.importorskip("equinox")

    class Cell(eqx.Module):  # type: ignore[misc,name-defined]
        gain: Any
        weights: Any

    weights = jnp.eye(2)
    space = Space(Cell(GridAxis(0.0, 1.0, 3), weights))
    assert space.names == ("gain",)
    assert space[2].weights is weights
    assert float(space[2].gain) == 1.0


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Space({"a": 1.0}), "Space must contain at least one AbstractAxis instance"),
        (lambda: Space({"a": GridAxis(0, 1, 2)}, mode="foo"), "Mode must be 'product' or 'zip', got foo"),
        (lambda: Space({1: GridAxis(0, 1, 2), "a": 2}), "sorting|order"),
    ],
)
def test_what_is_no_space_says_so(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()


# -- keys -----------------------------------------------------------------------------------------------
def test_each_axis_gets_the_key_of_its_place() -> None:
    key = jax.random.key(11)
    space = Space({"a": GridAxis(0, 1, 4), "u": UniformAxis(0, 1, 4), "v": UniformAxis(0, 1, 4)}, key=key)
    parts = jax.random.split(key, 4)
    collected = space.collect()
    np.testing.assert_array_equal(collected["u"], jax.random.uniform(parts[2], (4,)))
    np.testing.assert_array_equal(collected["v"], jax.random.uniform(parts[3], (4,)))
    default = Space(space.state)
    np.testing.assert_array_equal(
        default.collect()["u"], Space(space.state, key=jax.random.key(0)).collect()["u"]
    )
    assert space.key is key


def test_keys_by_name_do_not_depend_on_other_axes() -> None:
    one = Space({"u": UniformAxis(0, 1, 4)}, key_rule=by_name)
    two = Space({"a": UniformAxis(0, 1, 4), "u": UniformAxis(0, 1, 4)}, key_rule=by_name)
    np.testing.assert_array_equal(one.collect()["u"], two.collect()["u"])
    assert not np.array_equal(two.collect()["a"], two.collect()["u"])


def test_a_number_is_no_key() -> None:
    with pytest.raises(TypeError, match=r"jax\.random\.key\(42\)"):
        Space({"a": GridAxis(0, 1, 2)}, key=42)
    assert Space({"a": UniformAxis(0, 1, 2)}, key=Key([0, 5])).definition == (
        Space({"a": UniformAxis(0, 1, 2)}, key=jax.random.key(5)).definition
    )


def test_seeds_repeat_each_point_and_own_keys_add_none() -> None:
    space = Space({"a": GridAxis(0, 1, 3), "seed": SeedAxis(2), "own": PointKeyAxis()}, "product")
    assert space.N == 6
    frame = space.to_dataframe()
    assert len({tuple(words) for words in frame["seed"]}) == 2
    assert len({tuple(words) for words in frame["own"]}) == 6
    picked = space[[4, 1]]
    for place, row in enumerate([4, 1]):
        for name in ("seed", "own"):
            np.testing.assert_array_equal(
                jax.random.key_data(picked[place][name]), jax.random.key_data(space[row][name])
            )
    assert picked.plan().column(("parameters", "own"))[0] == 4
    assert Space({"own": PointKeyAxis()}).N == 1


# -- reading ----------------------------------------------------------------------------------------------
def test_indices_of_all_kinds() -> None:
    space = Space({"a": DataAxis([1, 2, 3, 4])})
    assert int(space[-1]["a"]) == int(space[np.int64(3)]["a"]) == 4
    assert numbers(space[[2, -4]], "a") == [(3,), (1,)]
    assert numbers(space[np.array([True, False, False, True])], "a") == [(1,), (4,)]
    assert numbers(space[::-2], "a") == [(4,), (2,)]
    assert space[1:3].mode == "zip"
    for index in (4, -5):
        with pytest.raises(IndexError, match=f"Index {index} out of range for 4 combinations"):
            space[index]
    with pytest.raises(IndexError, match="Index 9"):
        space[[9]]
    with pytest.raises(IndexError, match="mask of 2"):
        space[[True, False]]
    for index in ("a", True, 1.5, None, [0.5]):
        with pytest.raises(TypeError, match="Index must be int or slice, got"):
            space[index]
    with pytest.raises(ValueError, match=r"Slice slice\(2, 2, None\) results in empty parameter space"):
        space[2:2]
    with pytest.raises(ValueError, match="empty parameter space"):
        space[[]]


def test_values_are_arrays_of_jax_and_static_leaves_the_same_objects() -> None:
    weights = np.ones(3)
    space = Space({"a": GridAxis(0, 1, 2), "w": weights, "f": len, "n": None})
    point = space[1]
    assert isinstance(point["a"], jax.Array)
    assert point["a"].shape == ()
    assert point["w"] is weights
    assert point["f"] is len
    assert space.static_state == {"a": None, "w": weights, "f": len, "n": None}
    assert space.axis_state["w"] is None


def test_iterating_is_reentrant() -> None:
    space = Space({"a": DataAxis(range(3))})
    assert [(int(x["a"]), int(y["a"])) for x in space for y in space] == [
        (i, j) for i in range(3) for j in range(3)
    ]


def test_points_can_be_read_inside_of_a_trace() -> None:
    space = Space({"a": UniformAxis(0.0, 1.0, 400)}, key=jax.random.key(1))

    @jax.jit
    def total(x: Any) -> Any:
        return x + space[0]["a"] + space[1]["a"] + space[2]["a"]

    expected = jax.random.uniform(jax.random.split(jax.random.key(1), 2)[1], (400,))
    np.testing.assert_allclose(total(0.0), expected[:3].sum(), rtol=1e-6)
    np.testing.assert_array_equal([p["a"] for p in space[:40]], expected[:40])
    np.testing.assert_array_equal([p["a"] for p in space], expected)


def test_a_product_of_1e9_points_and_more_is_cheap() -> None:
    space = Space({name: GridAxis(0.0, 1.0, 1000) for name in "abc"}, mode="product")
    assert len(space) == 10**9
    point = space[123_456_789]
    assert [round(float(point[name]) * 999) for name in "abc"] == [123, 456, 789]
    assert len(space.plan()) == 10**9
    huge = Space({str(i): GridAxis(0, 1, 10**4) for i in range(6)}, mode="product")
    assert huge.N == 10**24
    assert float(huge[10**24 - 1]["0"]) == 1.0
    assert huge
    assert [column.tolist() for column in huge.gather(np.array([1]))][-1] == [np.float32(1 / 9999)]


# -- many at once ---------------------------------------------------------------------------------------
def test_collect_shapes_batches_and_fills_them() -> None:
    state = {"f": DataAxis([0.5, 1.5, 2.5]), "i": DataAxis([1, 2, 3]), "b": DataAxis([False] * 3),
             "k": DataAxis(jax.random.split(jax.random.key(0), 3)), "w": "x"}  # fmt: skip
    space = Space(state)
    assert space.collect()["f"].shape == (3,)
    with pytest.warns(UserWarning, match="Total requested size 4 exceeds N = 3"):
        got = space.collect(n_vmap=2, n_pmap=1)
    assert got["f"].shape == (1, 2, 2)
    assert np.isnan(got["f"][0, 1, 1])
    assert int(got["i"][0, 1, 1]) == 0
    assert bool(got["b"][0, 1, 1])
    assert not np.asarray(jax.random.key_data(got["k"][0, 1, 1])).any()
    assert got["w"] == "x"
    with pytest.warns(UserWarning, match="LAST_POINT"):
        last = space.collect(n_pmap=2, fill_value=LAST_POINT)
    assert last["f"].tolist() == [[0.5, 1.5], [2.5, 2.5]]
    axes, static = space.collect(combine=False)
    assert axes["w"] is None
    assert static == {"f": None, "i": None, "b": None, "k": None, "w": "x"}
    for bad in (0, -1, True):
        with pytest.raises(ValueError, match="n_vmap must be a positive whole number"):
            space.collect(n_vmap=bad)
    with pytest.raises(TypeError, match="n_pmap"):
        space.collect(n_pmap=1.5)  # type: ignore[arg-type]


def test_array_valued_axes_multiply() -> None:
    matrices = np.arange(12.0).reshape(3, 2, 2)
    space = Space({"m": DataAxis(matrices), "x": GridAxis(0, 1, 2, shape=(2,))}, mode="product")
    assert space.N == 6
    np.testing.assert_array_equal(space[4]["m"], matrices[2])
    assert space.collect()["m"].shape == (6, 2, 2)


def test_frames_have_numbers_in_64_bit_and_objects() -> None:
    space = Space({"f": GridAxis(0, 1, 2), "i": DataAxis([1, 2]), "b": DataAxis([True, False]),
                   "m": DataAxis(np.eye(2)), "t": DataAxis(["u", "v"]), "k": SeedAxis(2)})  # fmt: skip
    frame = space.to_dataframe()
    assert {name: dtype.kind for name, dtype in frame.dtypes.items() if name != "t"} == {
        "b": "b", "f": "f", "i": "i", "k": "O", "m": "O",
    }  # fmt: skip
    assert frame["k"][1].dtype == np.uint32
    assert list(frame["t"]) == ["u", "v"]
    assert frame["f"].dtype == np.float64


# -- wraps ------------------------------------------------------------------------------------------------
class Wrapped:
    def __init__(self, value: Any) -> None:
        self.value = value


def test_wraps_meet_single_values_only() -> None:
    space = Space({"a": GridAxis(0.0, 1.0, 3, wrap=Wrapped), "b": GridAxis(0, 1, 3)})
    assert isinstance(space[1]["a"], Wrapped)
    assert float(space[1:][0]["a"].value) == 0.5
    assert space.has_wraps
    assert space.to_dataframe()["a"].tolist() == [0.0, 0.5, 1.0]
    assert space.collect(combine=False)[0]["a"].shape == (3,)
    with pytest.raises(ValueError, match="wrapped"):
        space.collect()


def test_a_wrap_can_see_all_values_before() -> None:
    class Positive(Wrapped):
        @staticmethod
        def validate_initial_value(values: Any) -> None:
            if not (values > 0).all():
                raise ValueError("not positive")

    assert isinstance(Space({"a": GridAxis(0.5, 1.0, 3, wrap=Positive)})[0]["a"], Positive)
    with pytest.raises(ValueError, match="not positive"):
        Space({"a": GridAxis(0.0, 1.0, 3, wrap=Positive)})[2]


# -- other spaces -----------------------------------------------------------------------------------------
def test_filter_sample_extend_and_sum() -> None:
    space = Space({"a": GridAxis(0.0, 1.0, 5), "b": GridAxis(0.0, 1.0, 5), "w": "x"}, mode="product")
    triangle = space.filter(lambda state: state["a"] < state["b"])
    assert triangle.N == 10
    assert all(float(p["a"]) < float(p["b"]) for p in triangle)
    sample = space.sample(7)
    assert sample.N == 7
    assert len(set(numbers(sample, "a", "b"))) == 7
    assert numbers(sample, "a", "b") == numbers(space.sample(7), "a", "b")
    assert numbers(sample, "a", "b") != numbers(space.sample(7, jax.random.key(4)), "a", "b")
    longer = space.extend([{"a": 2, "b": 3.5}])
    assert numbers(longer[-2:], "a", "b") == [(1.0, 1.0), (2.0, 3.5)]
    assert (space + triangle).N == 35
    assert Space({n: GridAxis(0, 1, 1000) for n in "abc"}, "product").sample(5).N == 5
    with pytest.raises(ValueError, match="from 1 to that"):
        space.sample(26)
    with pytest.raises(ValueError, match="filter results in empty"):
        space.filter(lambda state: False)


@pytest.mark.parametrize(
    ("other", "text"),
    [
        ([{"a": 1.0}], "lacks 'b'"),
        ([{"a": 1.0, "b": 1.0, "bb": 2}], "Did you mean 'b'"),
        ([], "no rows"),
        ([{"a": 1j, "b": 0}], "complex128 do not fit"),
        (Space({"a": GridAxis(0, 1, 2)}), "cannot be extended by one with the axes a"),
        (Space({"a": GridAxis(0, 1, 2), "b": GridAxis(0, 1, 2), "w": "y"}), "static leaf 'w'"),
        (Space({"a": DataAxis([1]), "b": DataAxis([1.0]), "w": "x"}), "values of 'a' are float32"),
    ],
)
def test_what_cannot_extend_a_space_says_why(other: Any, text: str) -> None:
    space = Space({"a": GridAxis(0.0, 1.0, 3), "b": GridAxis(0.0, 1.0, 3), "w": "x"})
    with pytest.raises(DesignError, match=text):
        space.extend(other)


# -- own axes and checks --------------------------------------------------------------------------------
def test_an_axis_of_ones_own_needs_two_methods() -> None:
    class Halves(AbstractAxis):
        @property
        def size(self) -> int:
            return 3

        def generate_values(self, key: Any = None) -> Any:
            return np.array([1.0, 0.5, 0.25])

    class Liar(Halves):
        @property
        def size(self) -> int:
            return 4

    assert numbers(Space({"a": Halves()}), "a") == [(1.0,), (0.5,), (0.25,)]
    with pytest.raises(DesignError, match="says that it has 4 values, but generates"):
        Space({"a": Liar()})[0]


def test_validators_see_each_new_space() -> None:
    def no_weights(state: Any, axes: Any) -> None:
        for steps in axes:
            if steps[-1].parts == ("weights",):
                raise ValueError("weights must not vary")

    register_validator(no_weights)
    try:
        Space({"a": GridAxis(0, 1, 2)})
        with pytest.raises(ValueError, match="must not vary"):
            Space({"weights": GridAxis(0, 1, 2)})
    finally:
        unregister_validator(no_weights)
    Space({"weights": GridAxis(0, 1, 2)})
    with pytest.raises(ValueError, match="not registered"):
        unregister_validator(no_weights)


def test_layouts_cross_processes_and_build_the_same_states() -> None:
    space = Space({"a": [GridAxis(0, 1, 3), np.arange(2)], "k": SeedAxis(3), "own": PointKeyAxis()})
    layout = pickle.loads(pickle.dumps(space.layout))
    for row in range(3):
        built = layout.build([column[row] for column in space.gather()])
        assert float(built["a"][0]) == float(space[row]["a"][0])
        assert built["a"][1].tolist() == [0, 1]
        for name in ("k", "own"):
            np.testing.assert_array_equal(
                jax.random.key_data(built[name]), jax.random.key_data(space[row][name])
            )


def test_no_warning_comes_from_spaces_that_are_alright() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Space({"a": GridAxis(0, 1, 3), "b": GridAxis(0, 1, 3)})[1:].collect(n_vmap=2)
