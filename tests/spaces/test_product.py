"""Are products as pypet makes them, and are repeated points found?"""

from __future__ import annotations

import itertools
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypet_ng.errors import DesignError
from pypet_ng.spaces.columns import PeriodicColumn, column_of
from pypet_ng.spaces.product import cartesian_product, find_unique_points


def test_the_first_name_varies_slowest() -> None:
    product = cartesian_product({"param1": [1, 2, 3], "param2": [42.0, 52.5]})
    assert product == {"param1": [1, 1, 2, 2, 3, 3], "param2": [42.0, 52.5] * 3}
    assert isinstance(product["param1"], PeriodicColumn)
    assert product["param1"].repeat == 2


def test_combined_parameters_order_and_zip() -> None:
    product = cartesian_product(
        {"param1": [42.0, 52.5], "param2": ["a", "b"], "param3": [1, 2, 3]},
        ("param3", ("param1", "param2")),
    )
    assert list(product) == ["param1", "param2", "param3"]
    assert product == {
        "param1": [42.0, 52.5] * 3,
        "param2": ["a", "b"] * 3,
        "param3": [1, 1, 2, 2, 3, 3],
    }


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4), min_size=1, max_size=4))
def test_a_product_is_that_of_itertools(axes: list[list[int]]) -> None:
    names = [f"p{k}" for k in range(len(axes))]
    product = cartesian_product(dict(zip(names, axes, strict=True)))
    assert list(zip(*(product[name] for name in names), strict=True)) == list(itertools.product(*axes))


def test_a_product_of_matrices_costs_the_sum() -> None:
    matrices = [np.full((10, 10), float(k)) for k in range(100)]
    tracemalloc.start()
    try:
        product = cartesian_product({"m": matrices, "x": np.arange(1000)})
        used = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(product["m"]) == len(product["x"]) == 100_000
    assert product["m"][99_999] is matrices[99]
    assert used < 50_000


@pytest.mark.parametrize(
    ("values", "combined", "words"),
    [
        ({"x": [1, 2], "y": [1]}, (("x", "y"),), "'x' has 2, 'y' has 1"),
        ({"x": [1, 2], "yes": [1]}, ("x", "yess"), "'yess'.*Did you mean 'yes'"),
        ({"x": [1, 2], "y": [1]}, ("x",), "leaves out 'y'"),
        ({"x": [1, 2], "y": [1]}, ("x", ("y", "x")), "'x' twice"),
        ({"x": []}, (), "no values"),
    ],
)
def test_lists_that_do_not_fit_are_refused(values: Any, combined: Any, words: str) -> None:
    with pytest.raises(DesignError, match=words):
        cartesian_product(values, combined)


def test_no_parameters_give_no_columns() -> None:
    assert cartesian_product({}) == {}


class Ranged:
    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def f_get_range(self) -> list[Any]:
        return self.values


def test_unique_points_list_their_runs() -> None:
    found = find_unique_points([Ranged([1, 2, 1, 1]), column_of([0.5, 0.5, 0.5, 1.5])])
    assert found == [((1, 0.5), [0, 2]), ((2, 0.5), [1]), ((1, 1.5), [3])]


def test_unique_points_compare_what_has_no_hash() -> None:
    one, two = np.ones(2), np.zeros(2)
    found = find_unique_points([[one, two, one.copy()], [[1], [1], [1]], [{"a": one}, {}, {"a": one.copy()}]])
    assert [runs for _, runs in found] == [[0, 2], [1]]
    nan = column_of([float("nan"), 1.0, float("nan")])
    assert [runs for _, runs in find_unique_points([nan])] == [[0, 2], [1]]
    assert find_unique_points([]) == []


def test_unique_points_of_unequal_ranges_are_refused() -> None:
    with pytest.raises(DesignError, match=r"\[1, 2\]"):
        find_unique_points([[1], [1, 2]])
