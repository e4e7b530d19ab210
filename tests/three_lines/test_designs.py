"""Do designs and axes give the points they promise, and refuse what makes no sense?"""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypet_ng import DesignError, Trajectory, cases, grid, loggrid, one_at_a_time, random, zipped
from pypet_ng.spaces.columns import PeriodicColumn
from pypet_ng.spaces.designs import Design, axis, is_axis, multiply

REAL = st.floats(allow_nan=False, allow_infinity=False)


@given(REAL, REAL, st.integers(1, 50))
def test_grid_has_both_ends_and_rises_in_python_floats(a: float, b: float, n: int) -> None:
    lo, hi = sorted((a, b))
    if lo == hi and n > 1:
        with pytest.raises(DesignError):
            grid(lo, hi, n)
        return
    values = list(grid(lo, hi, n))
    assert len(values) == n
    assert {type(value) for value in values} == {float}
    assert values[0] == lo or math.isclose(values[0], lo)
    assert n == 1 or values[-1] == hi or math.isclose(values[-1], hi)
    assert values == sorted(values)


def test_loggrid_multiplies() -> None:
    assert list(loggrid(0.01, 100, 5)) == pytest.approx([0.01, 0.1, 1, 10, 100])
    assert list(loggrid(3, 7, 1)) == [3.0]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: grid(0, 1, 0),
        lambda: grid(0, 1, 2.0),  # type: ignore[arg-type]
        lambda: grid(0, 1, True),
        lambda: grid(1, 0, 3),
        lambda: grid(1, 1, 3),
        lambda: grid(0, math.inf, 3),
        lambda: grid(0, math.nan, 3),
        lambda: grid("a", 1, 3),  # type: ignore[arg-type]
        lambda: loggrid(0, 1, 3),
        lambda: loggrid(-1, 1, 3),
        lambda: loggrid(10, 1, 3),
        lambda: zipped(),
        lambda: zipped(x=[1, 2], y=[1]),
        lambda: zipped(x=[]),
        lambda: zipped(x=3),
        lambda: one_at_a_time({}),
        lambda: one_at_a_time({"x": 1}, y=[1]),
        lambda: one_at_a_time([1], x=[1]),  # type: ignore[arg-type]
        lambda: random(0, 1, x=(0, 1)),
        lambda: random(3, -1, x=(0, 1)),
        lambda: random(3, 1),
        lambda: random(3, 1, x=(1, 0)),
        lambda: random(3, 1, x=(0, 1, 2)),
        lambda: random(3, 1, x=("a", "b")),
        lambda: random(3, 1, x=(0, math.inf)),
        lambda: random(3, 1, x=(0, 2**64)),
        lambda: random(3, 1, x=5),
        lambda: random(3, 1, {"x": (0, 1)}, x=(0, 1)),
        lambda: cases([]),
        lambda: cases({"x": [1]}),  # type: ignore[arg-type]
        lambda: cases([{"x": 1}, {"y": 1}]),
        lambda: cases([{"x": 1}, {"x": 1, "y": 1}]),
        lambda: cases([1]),  # type: ignore[list-item]
        lambda: cases([{}]),
        lambda: multiply([]),
        lambda: multiply([zipped(x=[1]), {"x": [2]}]),
        lambda: axis({1, 2}),
        lambda: axis("abc"),
    ],
)
def test_nonsense_is_refused(wrong: Any) -> None:
    with pytest.raises(DesignError):
        wrong()


def test_messages_name_the_values_and_near_names() -> None:
    with pytest.raises(DesignError, match=r"'tua'.*Did you mean 'tau'"):
        one_at_a_time({"tau": 1.0}, tua=[1.0])
    with pytest.raises(DesignError, match="'x' has 2, 'y' has 1"):
        zipped(x=[1, 2], y=[1])
    with pytest.raises(DesignError, match=r"Case 1 .* lacks 'tau', has 'tua'\. .* Did you mean 'tau'"):
        cases([{"tau": 1}, {"tua": 2}])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], int),
        ([1, 2.5], float),
        ([True, False], bool),
        (range(3), int),
        (np.arange(3), int),
        (np.arange(3, dtype=np.uint8), int),
        (np.linspace(0, 1, 3, dtype=np.float32), float),
        (np.array([1j]), complex),
        (np.array(["a", "b"]), str),
        ([np.float64(1), np.float64(2)], float),
        ([np.int64(1), 2.0], float),
        (pd.Series([1, 2]), int),
        (pd.Series([1.5, 2]), float),
        (pd.Series(["a", "b"]), str),
        ((i for i in range(3)), int),
        (grid(0, 1, 3), float),
    ],
)
def test_numbers_arrive_as_python_numbers(values: Any, kind: type) -> None:
    assert is_axis(values)
    column = axis(values)
    assert column.value_type is kind
    assert {type(value) for value in column} == {kind}


@pytest.mark.parametrize(
    "value", [1, 1.0, "text", b"x", None, {"a": 1}, np.array(3), np.float64(2), object()]
)
def test_a_single_value_is_no_axis(value: Any) -> None:
    assert not is_axis(value)


def test_rows_of_a_matrix_are_an_axis_of_arrays() -> None:
    column = axis(np.eye(3))
    assert len(column) == 3
    assert column[1].tolist() == [0.0, 1.0, 0.0]


def test_large_whole_numbers_do_not_lose_digits_among_floats() -> None:
    assert axis([2**60, 0.5])[0] == 2**60
    assert axis([2**70, 1]).take() == [2**70, 1]


def test_one_at_a_time_visits_the_base_once() -> None:
    design = one_at_a_time({"x": 1.0, "y": "a", "z": 7}, x=[0.0, 1.0, 2.0], y=["b"])
    assert [tuple(point.values()) for point in design] == [
        (1.0, "a", 7),
        (0.0, "a", 7),
        (2.0, "a", 7),
        (1.0, "b", 7),
    ]


@given(
    st.dictionaries(st.sampled_from("abcde"), st.lists(st.integers(-5, 5), max_size=4), min_size=1),
    st.integers(-5, 5),
)
def test_one_at_a_time_changes_at_most_one_name(lists: dict[str, list[int]], base: int) -> None:
    lists = {name: values or [base] for name, values in lists.items()}
    design = one_at_a_time(dict.fromkeys(lists, base), **lists)
    points = list(design)
    assert points[0] == dict.fromkeys(lists, base)
    for point in points[1:]:
        assert sum(value != base for value in point.values()) == 1
    varied = [(n, v) for point in points for n, v in point.items() if v != base]
    assert varied == [(n, v) for n, values in lists.items() for v in values if v != base]


@given(st.integers(0, 2**70), st.integers(1, 40), st.integers(1, 40))
def test_more_random_points_begin_with_the_same_ones(seed: int, n: int, more: int) -> None:
    def design(count: int, **further: Any) -> Design:
        return random(
            count, seed, x=(0.0, 1.0), k=(1, 6), big=(-(2**63), 2**63 - 1), c=["a", "b", "c"], **further
        )

    small, large = design(n), design(n + more, other=(0, 9))
    assert list(small) == [{k: v for k, v in p.items() if k != "other"} for p in list(large)[:n]]
    for point in large:
        assert type(point["x"]) is float
        assert 0 <= point["x"] <= 1
        assert type(point["k"]) is int
        assert 1 <= point["k"] <= 6
        assert point["c"] in ("a", "b", "c")


def test_random_reaches_both_ends_of_whole_numbers_and_differs_between_names() -> None:
    design = random(200, 1, a=(1, 3), b=(1, 3), x=(-1.7e308, 1.7e308))
    assert set(design.columns["a"]) == {1, 2, 3}
    assert list(design.columns["a"]) != list(design.columns["b"])
    assert all(map(math.isfinite, design.columns["x"]))


def test_random_takes_names_of_its_own_arguments() -> None:
    assert random(2, 1, {"n": (1, 2), "seed": ["a"]}, x=(0, 1)).names == ("n", "seed", "x")


def test_cases_of_dictionaries_and_of_a_data_frame_agree() -> None:
    rows = [{"x": 1, "y": 0.5, "s": "a"}, {"s": "b", "x": 2, "y": 1.5}]
    assert list(cases(rows)) == [{"x": 1, "y": 0.5, "s": "a"}, {"x": 2, "y": 1.5, "s": "b"}]
    assert cases(pd.DataFrame(rows)) == cases(rows)
    assert cases(cases(rows)) == cases(rows)


LISTS = st.lists(st.integers(0, 9), min_size=1, max_size=4)


@given(LISTS, LISTS, LISTS, LISTS)
def test_multiplying_is_a_nested_loop_the_first_slowest(
    a: list[int], b: list[int], c: list[int], d: list[int]
) -> None:
    pair = zipped(b=b, bb=[value + 0.5 for value in b])
    inner = multiply([pair, {"c": c}])
    product = multiply([{"a": a}, inner, {"d": d}])
    expected = [{"a": i, "b": j, "bb": j + 0.5, "c": k, "d": m} for i in a for j in b for k in c for m in d]
    assert list(product) == expected
    assert len(product) == len(expected)
    assert product.point(len(expected) - 1) == expected[-1]
    assert multiply([{"a": a, "x": b}, zipped(d=d)]) == multiply([{"a": a}, {"x": b}, zipped(d=d)])
    assert not any(
        isinstance(column, PeriodicColumn) and isinstance(column.base, PeriodicColumn)
        for column in product.columns.values()
    )


def test_a_product_of_ten_million_points_costs_its_axes() -> None:
    product = multiply([{"x": range(1000)}, zipped(y=range(100), z=range(100)), {"w": range(100)}])
    assert len(product) == 10_000_000
    assert len(pickle.dumps(product)) < 50_000


def test_designs_are_alike_after_a_journey() -> None:
    for design in (random(3, 1, x=(0, 1)), multiply([zipped(x=[1, 2]), {"y": ["a"]}])):
        assert pickle.loads(pickle.dumps(design)) == design


def test_trajectories_explore_axes_and_designs() -> None:
    traj = Trajectory("t", add_time=False)
    traj.f_add_parameter("x", 0.0)
    traj.f_add_parameter("group.k", 0)
    traj.f_explore({"x": grid(0, 1, 3), "k": range(3)})
    assert list(traj.f_get("x").f_get_range()) == [0.0, 0.5, 1.0]
    traj.f_expand(zipped(x=[2.0], k=[7]))
    assert len(traj) == 4
    assert traj.f_get("k").f_get_range() == [0, 1, 2, 7]

    other = Trajectory("t", add_time=False)
    other.f_add_parameter("x", 0.0)
    other.f_add_parameter("k", 0)
    other.f_explore(random(5, 1, x=(0.0, 1.0), k=(0, 3)))
    assert len(other) == 5
