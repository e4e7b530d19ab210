"""Do columns behave as the lists they stand for, with exact types, and without an object per run?"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypet_ng.errors import DesignError
from pypet_ng.spaces.columns import (
    ArrayColumn,
    ChainColumn,
    Column,
    IndexedColumn,
    ListColumn,
    OpaqueColumn,
    PeriodicColumn,
    chain,
    column_of,
)

MATRIX = np.arange(6.0).reshape(2, 3)

SCALARS = st.one_of(
    st.lists(st.floats(allow_nan=False), min_size=1, max_size=8),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=8),
    st.lists(st.integers(), min_size=1, max_size=8),
    st.lists(st.booleans(), min_size=1, max_size=8),
    st.lists(st.complex_numbers(allow_nan=False), min_size=1, max_size=8),
    st.lists(st.text(max_size=3), min_size=1, max_size=8),
    st.lists(st.one_of(st.integers(), st.floats(allow_nan=False), st.none()), min_size=1, max_size=8),
)


@st.composite
def columns(draw: st.DrawFn, depth: int = 2) -> tuple[Column, list[Any]]:
    """A column with the list it stands for."""
    values = draw(SCALARS)
    column = column_of(values)
    for _ in range(draw(st.integers(0, depth))):
        kind = draw(st.sampled_from(["periodic", "index", "chain", "slice"]))
        if kind == "periodic":
            repeat, length = draw(st.integers(1, 4)), draw(st.integers(1, 30))
            column = PeriodicColumn(column, repeat, length)
            values = [values[(i // repeat) % len(values)] for i in range(length)]
        elif kind == "index":
            index = draw(st.lists(st.integers(0, len(values) - 1), min_size=1, max_size=12))
            column = IndexedColumn(column, np.array(index, dtype=np.int64))
            values = [values[i] for i in index]
        elif kind == "chain":
            more = draw(SCALARS)
            column, values = column.extended(column_of(more)), values + more
        else:
            start = draw(st.integers(0, len(values) - 1))
            column, values = column[start:], values[start:]
    return column, values


def exactly(a: list[Any], b: list[Any]) -> bool:
    return len(a) == len(b) and all(
        type(x) is type(y) and repr(x) == repr(y) for x, y in zip(a, b, strict=True)
    )


@settings(max_examples=60, deadline=None)
@given(columns(), st.data())
def test_a_column_is_the_list_it_stands_for(pair: tuple[Column, list[Any]], data: st.DataObject) -> None:
    column, values = pair
    assert len(column) == len(values)
    assert exactly(list(column), values)
    assert exactly(column.take(), values)
    assert column == values
    assert values == column
    assert exactly([column[i] for i in range(-len(values), len(values))], values + values)
    some = data.draw(st.slices(len(values)))
    assert exactly(column[some].take(), values[some])
    assert exactly(column.take(some), values[some])
    index = data.draw(st.lists(st.integers(-len(values), len(values) - 1), max_size=9))
    rows = np.array(index, dtype=np.int64)
    assert exactly(column.take(rows), [values[i] for i in index])
    assert exactly(column.select(rows).take(), [values[i] for i in index])
    for selection in (some, rows):
        numbers = column.array(selection)
        if numbers is not None:
            assert len({type(value) for value in values}) == 1
            assert exactly(numbers.tolist(), column.take(selection))
    assert column.value_type is None or {type(value) for value in values} == {column.value_type}
    copy = pickle.loads(pickle.dumps(column))
    assert type(copy) is type(column)
    assert exactly(copy.take(), values)
    with pytest.raises(IndexError):
        column[len(values)]
    with pytest.raises(IndexError):
        column.take(np.array([len(values)], dtype=np.int64))


@settings(max_examples=60, deadline=None)
@given(columns(), columns())
def test_extending_joins_and_leaves_the_parts_alone(
    one: tuple[Column, list[Any]], two: tuple[Column, list[Any]]
) -> None:
    column, values = one
    other, others = two
    both = column.extended(other)
    again = column.extended(column)
    assert exactly(both.take(), values + others)
    assert exactly(again.take(), values + values)
    assert exactly(column.take(), values)
    assert exactly(other.take(), others)
    if isinstance(both, ChainColumn):
        assert all(a.merged(b) is None for a, b in zip(both.parts, both.parts[1:], strict=False))
    assert exactly((column + others).take(), values + others)
    assert exactly((values + other).take(), values + others)


@pytest.mark.parametrize(
    ("values", "default", "kind", "given_type"),
    [
        (range(3, 12, 2), None, ArrayColumn, int),
        (range(2**70, 2**70 + 3), None, ListColumn, int),
        ([1, 2**63], None, ListColumn, int),
        ([1.0, 2.0], None, ArrayColumn, float),
        ([True, False], None, ArrayColumn, bool),
        ([1j], None, ArrayColumn, complex),
        ([1, 2.0], 1.0, ListColumn, None),
        ([True, 1], None, ListColumn, None),
        ([np.float64(1), np.float64(2)], 1.0, ListColumn, np.float64),
        (np.linspace(0, 1, 3), None, ArrayColumn, np.float64),
        (np.linspace(0, 1, 3), 0.0, ArrayColumn, float),
        (np.linspace(0, 1, 3, dtype=np.float32), 0.0, ArrayColumn, float),
        (np.arange(3), 0.0, ArrayColumn, np.int64),
        (np.arange(3, dtype=np.int8), 5, ArrayColumn, int),
        (np.array([2**64 - 1], dtype=np.uint64), 5, ArrayColumn, int),
        (np.array([True]), False, ArrayColumn, bool),
        (np.arange(3.0, dtype=">f8"), None, ArrayColumn, np.float64),
        (np.array(["a", "b"]), None, ListColumn, np.str_),
        (np.ones((3, 2)), None, ListColumn, np.ndarray),
        ((x for x in "ab"), None, ListColumn, str),
        ([MATRIX, MATRIX], None, ListColumn, np.ndarray),
        (["é", "b"], None, ListColumn, str),
        ([None, None], None, ListColumn, type(None)),
    ],
)
def test_values_keep_their_types(values: Any, default: Any, kind: type, given_type: type | None) -> None:
    expected = list(values) if not hasattr(values, "send") else ["a", "b"]
    column = column_of(values, default)
    assert type(column) is kind
    assert column.value_type is given_type
    if given_type is not None:
        assert {type(value) for value in column} == {given_type}
    assert column == expected


def test_a_whole_array_becomes_the_defaults_type_also_inside_a_product() -> None:
    column = PeriodicColumn(column_of(np.linspace(0, 1, 3)), 2, 12)
    assert column.value_type is np.float64
    assert column_of(column, 1.0).value_type is float
    assert column_of(column, 1).value_type is np.float64
    assert column_of(chain([column, column_of(["a"])]), 1.0)[0:1].value_type is float


@pytest.mark.parametrize("values", [[], (), range(0), np.empty(0), iter(())])
def test_no_values_are_a_design_error(values: Any) -> None:
    with pytest.raises(DesignError, match="no values"):
        column_of(values)


def test_the_users_array_may_be_changed_afterwards() -> None:
    mine = np.zeros(3)
    column = column_of(mine)
    mine[:] = 1
    assert column == [0.0, 0.0, 0.0]
    numbers = column.array()
    assert numbers is not None
    with pytest.raises(ValueError, match="read-only"):
        numbers[0] = 1


def test_matrices_are_picked_by_reference() -> None:
    column = PeriodicColumn(ListColumn([MATRIX, MATRIX + 1]), 3, 1000)
    assert column[3] is column[5]
    assert column.array() is None
    assert column == [MATRIX, MATRIX, MATRIX, MATRIX + 1, MATRIX + 1, MATRIX + 1] * 166 + [MATRIX] * 3 + [
        MATRIX + 1
    ]


def test_small_grids_of_numbers_behind_each_other_become_one_array() -> None:
    column: Column = PeriodicColumn(column_of([1.0, 2.0]), 2, 4)
    for _ in range(10):
        column = column.extended(PeriodicColumn(column_of([3.0, 4.0]), 1, 4))
    assert type(column) is ArrayColumn
    assert column == [1.0, 1.0, 2.0, 2.0] + [3.0, 4.0] * 20


def test_two_extensions_of_one_column_do_not_see_each_other() -> None:
    for base in (column_of([1.0, 2.0]), column_of(["a"]), OpaqueColumn(["x"])):
        grown = base.extended(base)
        one, two = grown.extended(base), grown.extended(base[:1].extended(grown))
        assert one == [*grown, *base]
        assert two == [*grown, base[0], *grown]
        assert type(one) is type(base)


def test_comparing_sees_nan_as_itself_and_zero_signs() -> None:
    assert column_of([0.0, float("nan")]) == [0.0, float("nan")]
    assert column_of([0.0]) == [0]
    assert column_of([1]) != [2]
    assert column_of([1, 2]) != [1]
    assert column_of(["a"]) != "a"
    assert column_of([1.0]) != 1.0
    assert (column_of(np.arange(3)) == np.arange(3)) is True
    assert not column_of([0.0]).same_start(column_of([-0.0]), lambda a, b: True)


@pytest.mark.parametrize("make", [lambda: [1.0] * 10, lambda: ["a"] * 10, lambda: [1, "a"] * 5])
def test_a_thousand_extensions_cost_what_they_add(make: Callable[[], list[Any]]) -> None:
    column = column_of(make())
    for _ in range(999):
        column = column.extended(column_of(make()))
    assert type(column) is not ChainColumn
    assert len(column) == 10_000
    assert column[9_999] == make()[-1]


def test_a_repr_is_that_of_a_list_but_of_many_or_large_values_short() -> None:
    assert repr(column_of(range(10**6))) == "[0, 1, 2, ..., 999999] (1000000 values)"
    assert repr(ListColumn([1, "a"])) == "[1, 'a']"
    assert repr(column_of([0.5, 2.0])) == repr([0.5, 2.0])
    changing = column_of([3, 1, 2]).copy()
    changing.sort()
    assert changing == [1, 2, 3]
    assert len(repr(ListColumn([np.ones(1000)] * 9))) < 500


def test_what_is_no_column_of_numbers_is_refused() -> None:
    with pytest.raises(TypeError, match="1-d"):
        ArrayColumn(MATRIX)
    with pytest.raises(TypeError, match="delivered as float"):
        ArrayColumn(np.arange(3), float)
    with pytest.raises(IndexError):
        IndexedColumn(column_of([1]), np.array([1], dtype=np.int64))
    with pytest.raises(ValueError, match="repeated 0 times"):
        PeriodicColumn(column_of([1]), 0, 3)
    with pytest.raises(TypeError):
        column_of([1]) + 3  # type: ignore[operator]


def test_a_column_is_found_in_and_turned_into_an_array() -> None:
    column = PeriodicColumn(column_of([1.0, 2.0]), 1, 5)
    assert 2.0 in column
    assert 3.0 not in column
    assert column.index(2.0) == 1
    assert column.count(1.0) == 3
    assert np.array_equal(np.asarray(column), [1, 2, 1, 2, 1])
    assert np.asarray(column_of(["a", "b"])).dtype.kind == "U"
