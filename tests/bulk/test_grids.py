"""Is a grid found where the runs are one, and nowhere else?"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypet_ng import DesignError, cartesian_product
from pypet_ng.spaces.columns import column_of
from pypet_ng.spaces.grids import find_grid, make_grid
from pypet_ng.spaces.plan import Plan


def plan_of(**lists: Any) -> Plan:
    return Plan({(name,): column_of(values) for name, values in lists.items()})


def check(plan: Plan, grid: Any) -> None:
    """Each run's own values must be the labels of its cell."""
    numbers = grid.spread(np.arange(len(plan)))
    for cell in itertools.product(*map(range, grid.shape)):
        run = int(numbers[cell])
        for place, (path, axis) in enumerate(grid.axes.items()):
            assert plan.column(path)[run] == axis[cell[place]]


axes = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True), min_size=1, max_size=3)


@given(axes, st.randoms(use_true_random=False), st.booleans())
def test_any_order_of_a_whole_product_is_a_grid(values, random, shuffled):
    points = list(itertools.product(*values))
    if shuffled:
        random.shuffle(points)
    plan = plan_of(**{f"p{place}": [point[place] for point in points] for place in range(len(values))})
    grid = find_grid(plan)
    assert grid is not None
    assert grid.shape == tuple(map(len, values))
    check(plan, grid)
    if len(points) > 1:
        # one run less, or one twice, is no grid
        fewer = plan.select(slice(0, len(points) - 1))
        found = find_grid(fewer)
        assert found is None or len(found.gaps().ravel()) == len(points) - 1
        twice = plan.select(np.array([*range(len(points)), 0]))
        assert find_grid(twice) is None


def test_a_declared_product_keeps_repeated_values_and_its_order():
    product = cartesian_product({"x": [1, 1, 2], "y": ["b", "a"]})
    plan = Plan({(name,): column for name, column in product.items()})
    grid = find_grid(plan)
    assert grid is not None
    assert grid.shape == (3, 2)
    assert list(grid.axes[("x",)]) == [1, 1, 2]
    assert grid.cells is None
    check(plan, grid)


def test_an_order_of_combination_is_undone():
    product = cartesian_product({"x": [1, 2, 3], "y": [1.0, 2.0]}, ("y", "x"))
    plan = Plan({(name,): column for name, column in product.items()})
    grid = find_grid(plan)
    assert grid is not None
    assert list(grid.axes) == [("x",), ("y",)]
    check(plan, grid)


@pytest.mark.parametrize("declared", [True, False])
def test_zipped_axes_of_a_product_lie_beside_each_other(declared):
    product = cartesian_product({"x": [1, 2, 3], "y": [4, 5, 6], "z": [0.0, 1.0]}, (("x", "y"), "z"))
    plan = Plan(
        {(name,): column if declared else column_of(list(column)) for name, column in product.items()}
    )
    grid = find_grid(plan)
    assert grid is not None
    assert list(grid.axes) == [("x",), ("z",)]
    head, values = grid.beside[("y",)]
    assert (head, list(values)) == (("x",), [4, 5, 6])
    check(plan, grid)


@pytest.mark.parametrize(
    "lists",
    [
        {"x": [1, 2, 3], "y": [4, 5, 6]},
        {"x": [1, 1, 2], "y": [1, 1, 2]},
        {"x": [1, 2, 1, 2], "y": [1, 2, 1, 2]},
        {"x": [1, 2, 3, 2]},
    ],
)
def test_zipped_and_repeated_points_are_no_grid(lists):
    assert find_grid(plan_of(**lists)) is None


def test_a_plan_without_parameters_is_no_grid():
    assert find_grid(Plan()) is None


def test_nan_arrays_and_tuples_can_be_axes():
    nan = float("nan")
    plan = plan_of(x=[nan, nan, 1.0, 1.0], y=[np.arange(2), np.arange(3)] * 2, z=[(1, [2])] * 4)
    grid = find_grid(plan)
    assert grid is not None
    assert grid.shape == (2, 2, 1)


def test_a_grid_that_is_asked_for_tells_its_gaps():
    grid = make_grid(plan_of(x=[1, 2, 2], y=[1, 1, 2]), [("x",), ("y",)])
    assert grid.gaps().tolist() == [[False, True], [False, False]]
    assert not grid.full


def test_a_cell_wanted_by_two_runs_is_an_error_naming_them():
    with pytest.raises(DesignError, match=r"runs 1 and 2 .*x=2"):
        make_grid(plan_of(x=[1, 2, 2], y=[1, 1, 2]), [("x",)])


def test_numbers_without_an_order_are_sorted_and_falling_ones_stay():
    x = find_grid(plan_of(x=[3, 1, 2]))
    assert x is not None
    assert list(x.axes[("x",)]) == [3, 1, 2]  # one axis is its own pattern
    expanded = plan_of(x=[3, 3, 1, 1, 2, 2], y=[1, 2, 2, 1, 1, 2])
    grid = find_grid(expanded)
    assert grid is not None
    assert list(grid.axes[("x",)]) == [1, 2, 3]
    falling = find_grid(plan_of(x=[3, 3, 2, 2], y=[1, 2, 2, 1]))
    assert falling is not None
    assert list(falling.axes[("x",)]) == [3, 2]
