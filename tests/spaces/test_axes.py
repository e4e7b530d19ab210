"""Do axes give the values they promise, and refuse what they cannot be?"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest

from pypet_ng.errors import DesignError
from pypet_ng.spaces import (
    ChoiceAxis,
    DataAxis,
    GridAxis,
    HaltonAxis,
    Key,
    LatinHypercubeAxis,
    LogGridAxis,
    NormalAxis,
    NumPyroAxis,
    PointKeyAxis,
    SeedAxis,
    SobolAxis,
    Space,
    UniformAxis,
    case_axes,
    halton,
    latin_hypercube,
    sobol,
)

jax = pytest.importorskip("jax")


def test_a_grid_includes_both_ends_and_ignores_the_key() -> None:
    axis = GridAxis(0.0, 2.0, 11)
    assert axis.size == 11
    np.testing.assert_array_equal(axis.generate_values(), jax.numpy.linspace(0.0, 2.0, 11))
    np.testing.assert_array_equal(axis.generate_values(jax.random.key(3)), axis.generate_values())
    assert GridAxis(2, 5, 1).generate_values().tolist() == [2.0]


def test_a_log_grid_has_equal_ratios() -> None:
    values = np.asarray(LogGridAxis(0.01, 100.0, 5).generate_values())
    np.testing.assert_allclose(values[1:] / values[:-1], 10.0, rtol=1e-5)


def test_uniform_draws_are_those_of_jax_for_the_key() -> None:
    key = jax.random.key(42)
    drawn = UniformAxis(-1.0, 3.0, 7).generate_values(key)
    np.testing.assert_array_equal(drawn, jax.random.uniform(key, (7,), minval=-1.0, maxval=3.0))
    no_key = UniformAxis(-1.0, 3.0, 7).generate_values()
    np.testing.assert_array_equal(no_key, UniformAxis(-1.0, 3.0, 7).generate_values(jax.random.key(0)))
    np.testing.assert_array_equal(drawn, UniformAxis(-1.0, 3.0, 7).generate_values(jax.random.PRNGKey(42)))


@pytest.mark.parametrize("make", [GridAxis, LogGridAxis, UniformAxis])
def test_a_shape_spreads_each_value(make: Any) -> None:
    values = make(0.5, 1.0, 4, shape=(3, 2)).generate_values()
    assert values.shape == (4, 3, 2)
    assert (values == values[:, :1, :1]).all()
    assert make(0.5, 1.0, 4, shape=()).generate_values().shape == (4,)


def test_data_keep_their_type_as_far_as_jax_has_it() -> None:
    assert DataAxis(np.array([1, 2], np.int8)).values.dtype == np.int8
    assert DataAxis([True, False]).values.dtype == np.bool_
    assert DataAxis([0.5, 1.0]).values.dtype == np.float32
    assert DataAxis(jax.random.split(jax.random.key(0), 3)).size == 3
    assert DataAxis(["a", "bc"]).generate_values().tolist() == ["a", "bc"]
    assert DataAxis(x / 2 for x in range(3)).size == 3


def test_numpyro_samples_are_independent_or_broadcast() -> None:
    dist = pytest.importorskip("numpyro.distributions")
    key = jax.random.key(456)
    independent = NumPyroAxis(dist.Normal(0.0, 1.0), 3, sample_shape=(2, 4)).generate_values(key)
    np.testing.assert_array_equal(independent, dist.Normal(0.0, 1.0).sample(key, (3, 2, 4)))
    spread = NumPyroAxis(dist.Normal(0.0, 1.0), 3, (2, 4), broadcast_mode=True).generate_values(key)
    assert spread.shape == (3, 2, 4)
    assert (spread == spread[:, :1, :1]).all()
    vectors = NumPyroAxis(dist.Dirichlet(np.ones(3)), 5, (2,), broadcast_mode=True).generate_values(key)
    assert vectors.shape == (5, 2, 3)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: GridAxis(0, 1, 0), ValueError, "Grid size must be positive, got 0"),
        (lambda: LogGridAxis(0.1, 1, -1), ValueError, "Grid size must be positive, got -1"),
        (lambda: UniformAxis(0, 1, 0), ValueError, "Sample size must be positive, got 0"),
        (
            lambda: GridAxis(1.0, 1.0, 2),
            ValueError,
            r"Low bound \(1.0\) must be less than high bound \(1.0\)",
        ),
        (lambda: UniformAxis(float("nan"), 1.0, 2), ValueError, "Low bound"),
        (lambda: LogGridAxis(0.0, 1.0, 2), ValueError, "Low bound must be positive for log scale, got 0.0"),
        (lambda: DataAxis([]), ValueError, "Data axis requires at least one value"),
        (lambda: DataAxis(3), TypeError, "several values"),
        (lambda: GridAxis(0, 1, 2.5), TypeError, "whole number"),  # type: ignore[arg-type]
        (lambda: GridAxis(0, 1, 2, shape=3), TypeError, "tuple"),  # type: ignore[arg-type]
        (lambda: GridAxis(0, 1, 2, group=["a"]), TypeError, "unhashable"),  # type: ignore[arg-type]
        (lambda: GridAxis(0, 1, 2, wrap=3), TypeError, "wrap=3"),  # type: ignore[arg-type]
        (lambda: NumPyroAxis(3, 2), TypeError, "distribution must be a NumPyro distribution instance"),
        (lambda: NormalAxis(0, 0, 2), ValueError, "Standard deviation must be positive"),
        (lambda: ChoiceAxis([1, 2], 2, p=[1]), ValueError, "2 weights"),
        (lambda: SobolAxis(0, 1, 4, dimension=-1), ValueError, "counted from 0"),
        (lambda: sobol(4, x=3), DesignError, "pair"),  # type: ignore[arg-type]
        (lambda: PointKeyAxis().size, DesignError, "ask the space"),
    ],
)
def test_what_is_no_axis_says_so(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_representations_say_what_differs() -> None:
    assert repr(GridAxis(low=0, high=1, n=2)) == "GridAxis(low=0, high=1, n=2)"
    assert (
        repr(GridAxis(0, 1, 2, shape=(3,), group="g"))
        == "GridAxis(low=0, high=1, n=2, shape=(3,), group='g')"
    )
    assert repr(DataAxis([1, 2])) == "DataAxis(values=[1 2])"


def test_normal_and_chosen_values_follow_their_distribution() -> None:
    values = np.asarray(NormalAxis(5.0, 2.0, 4000).generate_values(jax.random.key(1)))
    assert abs(values.mean() - 5.0) < 0.2
    assert abs(values.std() - 2.0) < 0.2
    chosen = np.asarray(ChoiceAxis([10, 20, 30], 3000, p=[1, 0, 3]).generate_values(jax.random.key(1)))
    assert set(chosen.tolist()) == {10, 30}
    assert abs((chosen == 30).mean() - 0.75) < 0.05
    assert ChoiceAxis(["a", "b"], 3).generate_values().dtype == object


def test_seeds_are_typed_keys_even_from_a_legacy_key() -> None:
    new = SeedAxis(4).generate_values(jax.random.key(9))
    old = SeedAxis(4).generate_values(jax.random.PRNGKey(9))
    assert jax.dtypes.issubdtype(old.dtype, jax.dtypes.prng_key)
    np.testing.assert_array_equal(jax.random.key_data(new), jax.random.key_data(old))


@pytest.mark.parametrize("kind", [SobolAxis, HaltonAxis, LatinHypercubeAxis])
def test_covering_axes_have_a_value_in_nearly_each_interval(kind: Any) -> None:
    values = np.asarray(kind(2.0, 6.0, 64, dimension=0).generate_values(jax.random.key(5)))
    assert values.min() >= 2.0
    assert values.max() <= 6.0
    counts = np.histogram(values, 16, (2.0, 6.0))[0]
    assert counts.min() >= 3
    assert counts.max() <= 5


@pytest.mark.parametrize("design", [sobol, halton, latin_hypercube])
def test_axes_of_a_covering_design_move_together_and_fill_the_square(design: Any) -> None:
    space = Space({**design(64, x=(0.0, 1.0), y=(0.0, 1.0)), "z": GridAxis(0, 1, 2)}, "product")
    assert space.N == 128
    frame = space.to_dataframe()
    cells = np.histogram2d(frame["x"], frame["y"], 4, [(0, 1), (0, 1)])[0]
    assert (cells > 0).all()
    assert abs(np.corrcoef(frame["x"], frame["y"])[0, 1]) < 0.35


def test_a_sobol_design_of_an_odd_size_warns() -> None:
    with pytest.warns(UserWarning, match="power of two, as 8"):
        SobolAxis(0.0, 1.0, 5).generate_values()


def test_cases_become_axes_of_one_group() -> None:
    axes = case_axes([{"x": 1, "kind": "a"}, {"x": 5, "kind": "b"}])
    space = Space({**axes, "y": GridAxis(0.0, 1.0, 3)}, "product")
    assert [(int(p["x"]), p["kind"], float(p["y"])) for p in space][2:4] == [(1, "a", 1.0), (5, "b", 0.0)]


def test_numpy_keys_draw_what_jax_draws_in_64_bit() -> None:
    ours, theirs = Key([3, 7]), jax.random.wrap_key_data(np.array([3, 7], np.uint32))
    np.testing.assert_array_equal(
        [key.words for key in ours.split(5)], jax.random.key_data(jax.random.split(theirs, 5))
    )
    np.testing.assert_array_equal(ours.fold_in(99).words, jax.random.key_data(jax.random.fold_in(theirs, 99)))
    with jax.enable_x64(True):
        np.testing.assert_array_equal(ours.uniform(9), jax.random.uniform(theirs, (9,)))


WITHOUT_JAX = """
    import sys

    sys.modules["jax"] = sys.modules["numpyro"] = None
    import dataclasses
    from collections import OrderedDict, defaultdict, namedtuple

    import numpy as np
    import pytest

    import pypet_ng
    from pypet_ng.spaces import *

    @dataclasses.dataclass(frozen=True)
    class Model:
        G: object
        w: object

    Noise = namedtuple("Noise", "sigma kind")
    state = {
        "model": Model(UniformAxis(0.0, 1.0, 2), 4),
        "noise": Noise(NormalAxis(0.0, 1.0, 2, group="g"), ChoiceAxis(["u", "v"], 2, group="g")),
        "list": [GridAxis(0.0, 1.0, 3, shape=(2,)), OrderedDict(b=1, a=DataAxis([1, 2]))],
        "seed": SeedAxis(2),
        "own": PointKeyAxis(),
        "text": "x",
        "none": None,
        "more": defaultdict(list, z=3),
    }
    space = Space(state, "product", key=Key([0, 5]))
    assert space.N == 2 * 2 * 3 * 2 * 2
    assert space.names == ("list[0]", "list[1].a", "model.G", "noise.sigma", "noise.kind", "own", "seed"), space.names
    point = space[-1]
    assert type(point["model"]) is Model and type(point["noise"]) is Noise and point["more"]["z"] == 3
    assert list(point["list"][1]) == ["b", "a"] and point["none"] is None and point["list"][0].shape == (2,)
    assert isinstance(point["model"].G, np.float64) and isinstance(point["seed"], Key)
    assert len(space.to_dataframe()) == 48 and space[5:9].N == 4 and (space + space[:1]).N == 49
    assert space.collect()["list"][0].shape == (48, 2)
    with pytest.warns(UserWarning, match="Total"):
        assert space.collect(n_vmap=5)["own"].shape == (5, 10)
    assert len(space.plan()) == 48

    def f(state):
        return {"z": state["model"].G * 2, "kind": state["noise"].kind, "own": state["own"].uniform(2)}

    traj = pypet_ng.explore(f, space, filename=":memory:")
    for row, point in enumerate(space):
        assert traj.f_collect("z")[row] == f(point)["z"]
        assert np.array_equal(traj.f_collect("results.own")[row], f(point)["own"])
    with pytest.raises(ValueError, match="order"):
        Space({1: GridAxis(0, 1, 2), "a": 3})
    with pytest.raises(ImportError, match="pypet_ng"):
        class Distribution:
            batch_shape = ()
            def sample(self, key, shape): ...
        NumPyroAxis(Distribution(), 2).generate_values()
    with pytest.raises(TypeError, match="no key"):
        Space(state, key=3)
    assert sys.modules["jax"] is None
    print("ok")
"""


def test_without_jax_all_but_numpyro_works() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(WITHOUT_JAX)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "ok\n", done.stderr
