"""Does every value come back from its stored form, equal and with its exact type?"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings

from pypet_ng.encoding import Encoded, check, decode, encode, freeze, layout_of, same, supports
from tests.encoding.encoding_samples import ALL, FRAMES, SPARSE, nested


def _name(value: Any) -> str:
    return type(value).__name__


def assert_storable(encoded: Encoded) -> None:
    """What an HDF5 storage relies on."""
    json.dumps(encoded.meta, allow_nan=False)
    sizes: dict[str, int] = {}
    for name, part in encoded.parts.items():
        assert type(part) is np.ndarray
        assert "/" not in name
        for dtype in [part.dtype] if part.dtype.names is None else [f[0] for f in part.dtype.fields.values()]:
            assert dtype.kind in "biufcS", (name, dtype)
            assert dtype.itemsize > 0, (name, dtype)
            assert dtype.kind == "S" or dtype.itemsize <= (16 if dtype.kind == "c" else 8)
        if part.ndim:
            assert sizes.setdefault(encoded.axes.get(name, name), len(part)) == len(part)
    assert hash(layout_of(encoded)) is not None


@pytest.mark.parametrize("value", ALL, ids=_name)
def test_a_value_comes_back_with_its_exact_type(value: Any) -> None:
    check(value)
    assert supports(value)
    encoded = encode(value)
    assert_storable(encoded)
    back = decode(encoded)
    assert type(back) is type(value)
    assert same(back, value)
    assert same(decode(encode(back)), value)
    if isinstance(value, np.ndarray):
        assert back.dtype == value.dtype
        assert back.dtype.str == value.dtype.str
        assert back.shape == value.shape


@settings(max_examples=60, deadline=None)
@given(nested)
def test_any_nesting_comes_back(value: Any) -> None:
    encoded = encode(value)
    assert_storable(encoded)
    assert same(decode(encoded), value)


@pytest.mark.parametrize("value", [v for v in FRAMES if isinstance(v, pd.DataFrame)])
def test_frames_come_back_as_pandas_sees_it(value: Any) -> None:
    back = decode(encode(value))
    pd.testing.assert_frame_equal(
        back, value, check_exact=True, check_index_type=True, check_column_type=True
    )
    for (_, got), (_, given_column) in zip(back.items(), value.items(), strict=True):
        if got.dtype == object:
            assert list(map(type, got)) == list(map(type, given_column))


@pytest.mark.parametrize("value", [v for v in FRAMES if isinstance(v, pd.Series | pd.Index)])
def test_series_and_indices_come_back_as_pandas_sees_it(value: Any) -> None:
    back = decode(encode(value))
    if isinstance(value, pd.Series):
        pd.testing.assert_series_equal(back, value, check_exact=True)
    else:
        pd.testing.assert_index_equal(back, value, exact=True)
        assert getattr(back, "freq", None) == getattr(value, "freq", None)


def test_frame_attributes_and_flags_come_back() -> None:
    frame = pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False)
    frame.attrs = {"unit": "mV", "trace": np.arange(3)}
    back = decode(encode(frame))
    assert same(back.attrs, frame.attrs)
    assert not back.flags.allows_duplicate_labels


@pytest.mark.parametrize("value", SPARSE)
def test_sparse_keeps_structure(value: Any) -> None:
    back = decode(encode(value))
    assert back.format == value.format
    assert back.shape == value.shape
    assert back.dtype == value.dtype
    assert back.nnz == value.nnz
    for name in ("data", "indices", "indptr", "offsets", "row", "col"):
        if value.format in ("csr", "csc", "bsr", "coo", "dia") and hasattr(value, name) and value.ndim == 2:
            got, expected = getattr(back, name), getattr(value, name)
            assert got.dtype == expected.dtype, name
            assert (got == expected).all(), name
    for flag in ("has_sorted_indices", "has_canonical_format"):
        assert getattr(back, flag, None) == getattr(value, flag, None)


def test_frames_of_many_runs_share_one_layout() -> None:
    layouts = set()
    for rows in (1, 5, 20):
        frame = pd.DataFrame({
            "a": np.arange(rows),
            "b": [f"word{'x' * k}" for k in range(rows)],
            "c": pd.Categorical([f"only{rows}"] * rows),
        })  # fmt: skip
        encoded = encode(frame)
        assert {encoded.axes.get(name, name) for name in ("0", "1.n", "2")} == {"rows"}
        layouts.add(layout_of(encoded))
    assert len(layouts) == 1


def test_texts_of_any_length_share_one_ragged_layout() -> None:
    layouts = {layout_of(encode(text)) for text in ("", "a", "ü" * 100)}
    assert len(layouts) == 1
    assert layouts.pop().ragged


@pytest.mark.parametrize(
    ("value", "change"),
    [
        (np.zeros(3), lambda v: v.fill(1)),
        (np.array([[1], [2]], object), lambda v: v.fill(0)),
        ([1, [2]], lambda v: v[1].append(3)),
        ({"a": np.zeros(2)}, lambda v: v["a"].fill(5)),
        (bytearray(b"ab"), lambda v: v.extend(b"c")),
        ([0.5] * 100, lambda v: v.clear()),
        (np.array([(1, 2.0)], "i4,f8")[0], lambda v: v.__setitem__("f0", 9)),
        (np.ma.array([1, 2]), lambda v: v.__setitem__(0, np.ma.masked)),
        (sp.csr_array(np.eye(2)), lambda v: v.data.fill(7)),
        (sp.lil_array(np.eye(2)), lambda v: v.__setitem__((0, 1), 7)),
        (pd.DataFrame({"a": [1, 2], "b": [[1], [2]]}), lambda v: v.loc[0, "b"].append(5)),
        (pd.DataFrame({"a": [1, 2]}), lambda v: v.iloc.__setitem__((0, 0), 9)),
        (pd.Series([1.0, 2.0]), lambda v: v.iloc.__setitem__(0, 9.0)),
    ],
)
def test_frozen_values_do_not_change_with_the_original(value: Any, change: Any) -> None:
    before = encode(value)
    frozen = freeze(value)
    change(value)
    assert same(frozen, decode(before)) or same(decode(frozen), decode(before))


def test_freezing_gives_immutable_values_as_they_are() -> None:
    for value in (1, 1.5, "a", None, b"x", np.float64(2), pd.Timestamp("2020")):
        assert freeze(value) is value


def test_a_decoded_value_may_be_changed() -> None:
    for value in (np.arange(3), {"a": np.arange(3)}, np.array(["ü"]), np.array([1, 2], "M8[s]")):
        encoded = encode(value)
        back = decode(encoded)
        (back["a"] if isinstance(back, dict) else back)[0] = 0
        assert same(decode(encoded), value)


def test_encoding_what_is_encoded_gives_it_back() -> None:
    encoded = encode([1, "a"])
    assert encode(encoded) is encoded
    assert decode(encode({"x": encoded})) == {"x": [1, "a"]}
