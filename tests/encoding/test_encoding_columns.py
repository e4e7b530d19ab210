"""Do columns of values give back every value at its position?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pypet_ng.encoding import (
    Encoded,
    decode_column,
    encode,
    encode_column,
    freeze,
    layout_of,
    number_type,
    register,
    same,
)
from tests.encoding.encoding_samples import ALL, nested, numpy_scalars, plain, small_arrays


def assert_column_keeps(values: Any, expected: list[Any] | None = None) -> None:
    expected = list(values) if expected is None else expected
    stacks = encode_column(values)
    layouts = [stack.layout for stack in stacks]
    assert len(set(layouts)) == len(layouts)
    assert [stack.positions[0] for stack in stacks] == sorted(stack.positions[0] for stack in stacks)
    seen = []
    for stack in stacks:
        assert set(stack.lengths) == set(stack.layout.axes)
        assert (np.diff(stack.positions) > 0).all()
        for part in stack.layout.parts:
            data = stack.data[part.name]
            assert data.shape[1:] == part.tail or (part.axis is None and data.shape == (len(stack),))
            total = len(stack) if part.axis is None else int(stack.lengths[part.axis].sum())
            assert len(data) == total
        back = decode_column(stack)
        assert len(back) == len(stack)
        for position, value in zip(stack.positions.tolist(), back, strict=True):
            assert same(value, expected[position]), (value, expected[position])
            seen.append(position)
    assert sorted(seen) == list(range(len(expected)))


@pytest.mark.parametrize("value", ALL, ids=lambda value: type(value).__name__)
def test_many_of_one_value_are_one_column(value: Any) -> None:
    assert len(encode_column([value] * 3)) == 1
    assert_column_keeps([value] * 3)
    assert encode_column([value])[0].layout == layout_of(encode(value))


def test_everything_together_keeps_its_position() -> None:
    assert_column_keeps(ALL + ALL[::-1])


def test_frozen_and_raw_values_share_columns() -> None:
    mixed = [value for pair in zip(ALL, map(freeze, ALL), map(encode, ALL), strict=True) for value in pair]
    assert_column_keeps(mixed, [value for value in ALL for _ in range(3)])


@settings(max_examples=60, deadline=None)
@given(st.lists(nested, max_size=8))
def test_any_values_keep_their_position(values: list[Any]) -> None:
    assert_column_keeps(values)


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.lists(st.integers(), max_size=6),
        st.lists(st.floats(), max_size=6),
        st.lists(st.text(st.characters()), max_size=6),
        st.lists(st.binary(), max_size=6),
        st.lists(plain, max_size=6),
        st.lists(numpy_scalars, max_size=6),
        st.lists(small_arrays, max_size=6),
    )
)
def test_values_of_one_kind_keep_their_position(values: list[Any]) -> None:
    assert_column_keeps(values)


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(max_dims=3, max_side=3)))
def test_rows_of_an_array_are_scalars_or_arrays(values: Any) -> None:
    assert_column_keeps(values)


def test_rows_of_an_array_are_taken_without_a_copy() -> None:
    values = np.zeros((4, 3, 2))
    (stack,) = encode_column(values)
    assert np.shares_memory(stack.data[""], values)
    assert stack.lengths[""].tolist() == [3, 3, 3, 3]
    assert stack.layout == layout_of(encode(values[0]))


def test_no_values_give_no_columns() -> None:
    assert encode_column([]) == []
    assert encode_column(np.zeros((0, 3))) == []


def test_a_column_of_arrays_does_not_share_memory_with_them() -> None:
    array = np.zeros(3)
    (stack,) = encode_column([array])
    assert not np.shares_memory(stack.data[""], array)


def test_arrays_that_differ_in_their_first_length_share_a_column() -> None:
    (stack,) = encode_column([np.zeros((k, 2)) for k in (3, 0, 1)])
    assert stack.lengths[""].tolist() == [3, 0, 1]
    assert stack.common_length("") is None


def test_numbers_name_the_type_they_promote_to() -> None:
    for value, expected in [
        (True, "?"), (1, "<i8"), (1.5, "<f8"), (1j, "<c16"), (np.float32(1), "<f4"), (np.zeros((2, 3), ">i2"), ">i2"),
        (np.longlong(1), "<i8"), (np.array(1), "<i8"),
    ]:  # fmt: skip
        assert number_type(layout_of(encode(value))) == np.dtype(expected)


def test_what_is_no_number_names_no_type() -> None:
    for value in (None, "a", 2**70, np.datetime64(1, "s"), np.longdouble(1), np.array(["a"]), [1, 2], {"a": 1},
                  np.zeros(2, "i4,f8"), np.ones((1, 1)).view(np.matrix), np.array([b"a"]), np.array(["\ud800"]), np.zeros(1, "V2")):  # fmt: skip
        assert number_type(layout_of(encode(value))) is None


def test_parts_that_disagree_on_an_axis_are_refused() -> None:
    class Odd:
        pass

    class OddCodec:
        type_name = "tests.odd"
        version = "1"
        ragged = False

        def accepts(self, value: Any) -> bool:
            return True

        def encode(self, value: Any) -> Encoded:
            return Encoded(
                self.type_name, "1", {}, {"a": np.zeros(2), "b": np.zeros(3)}, {"a": "n", "b": "n"}
            )

        def decode(self, encoded: Encoded) -> Any:
            return Odd()

    register(OddCodec(), Odd)
    with pytest.raises(ValueError, match=r"'tests\.odd'.*different lengths along the axis 'n'"):
        encode_column([Odd()])
