"""Which values, of all kinds that can be stored, do the tests of the codecs share?"""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import scipy.sparse as sp
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

_BERLIN = ZoneInfo("Europe/Berlin")
_PAIR = np.dtype([("a", "i4"), ("b", "f8")])


def _without_unit() -> list[Any]:
    """Give times that have no unit, where numpy still makes such."""
    try:
        return [np.timedelta64(5), np.datetime64("NaT")]
    except DeprecationWarning:  # numpy 2.5: an error in these tests, as all warnings
        return []


PLAIN: list[Any] = [
    None, True, False, 0, -1, 2**63 - 1, -(2**63), 2**63, 10**30, -(10**5000),
    0.5, float("nan"), float("-inf"), -0.0, 5e-324, 1j, complex(float("nan"), -0.0),
    "", "ascii", "NUL \0 inside\0", "ünï€𝄞", "\ud800 lone", "\ud83d\ude00", b"", b"\0\xff\0", bytearray(b"ab"),
]  # fmt: skip

CONTAINERS: list[Any] = [
    [], (), {}, set(), frozenset(),
    [1, 2, 3], (1.5, float("nan")), [True, False], [1j], ["a", "ü", "\ud83d", "\ude00", ""], [1, 2**70],
    [1, "a", None, 2.5, b"x", (1, [2])], {"a": {"b": [1, {"c": ()}]}}, {1: "a", (1, 2): "b", None: "c"},
    {"$tuple": [1]}, {"$x": 1, "y": 2}, {"a": {1, 2}, "b": frozenset({"x"})}, {"big": 2**60, "n": float("nan")},
    {"x": np.arange(3), "y": [np.float32(1), np.zeros((2, 2))], "s": np.str_("t")},
    [np.float64(1), np.float64(2)], [np.int8(1), np.int16(2)], list(range(100)), tuple(map(str, range(50))),
    {"long": [0.5] * 100, "bytes": b"x" * 1000, "text": "t" * 1000},
    [dt.datetime(2020, 1, 1, tzinfo=_BERLIN), dt.timedelta(1), np.datetime64("2020")],
    {"frame": pd.DataFrame({"a": [1, 2], "b": ["x", None]}), "sparse": sp.csr_array(np.eye(3))},
    ["\ud83d", None, "\ude00"], {"\ud800": 1}, [[1.0] * 40, [2] * 40],
]  # fmt: skip

TIMES: list[Any] = [
    dt.date.min, dt.date(2020, 2, 29), dt.datetime.min, dt.datetime.max, dt.datetime(2020, 1, 2, 3, 4, 5, 6),
    dt.datetime(2020, 10, 25, 2, 30, tzinfo=_BERLIN), dt.datetime(2020, 10, 25, 2, 30, tzinfo=_BERLIN, fold=1),
    dt.datetime(1, 1, 1, tzinfo=dt.UTC), dt.time(1, 2, 3, 4), dt.time(5, tzinfo=dt.timezone(dt.timedelta(hours=1), "X")),
    dt.datetime(2020, 1, 1, tzinfo=dt.timezone(-dt.timedelta(microseconds=7))),
    dt.timedelta.min, dt.timedelta.max, dt.timedelta(microseconds=-1),
    pd.Timestamp("2020-10-25 01:30", tz="UTC").tz_convert("Europe/Berlin"), pd.Timestamp(5, unit="s"), pd.Timestamp("2020-01-01"),
    pd.Timedelta(5), pd.Timedelta("3 days"), pd.Period("2020-01", "M"), pd.NaT, pd.NA,
]  # fmt: skip

SCALARS: list[Any] = [
    *(np.dtype(char).type(1) for char in "?bhilqpBHILQPefdgFDG"),
    np.float64("nan"), np.longdouble(1) / 3, np.datetime64("2020-01-01"),
    np.datetime64(5, "25s"), np.timedelta64(5, "ms"), *_without_unit(), np.str_("a\0ü"), np.bytes_(b"x\0y"),
    np.void(b"abc"), np.array([(1, 2.5)], _PAIR)[0], np.rec.array([(1, 2.0)], dtype=_PAIR)[0],
]  # fmt: skip

ARRAYS: list[Any] = [
    *(np.ones((2, 3), char) for char in "?bhilqpBHILQPefdgFDG"),
    np.array(5), np.array("ü"), np.zeros((0, 3)), np.zeros((2, 0)), np.arange(6, dtype=">i4").reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(10)[::3], np.array([np.nan, -0.0, np.inf]),
    np.array(["a", "bb"]), np.array(["ü", "€𝄞"]), np.array(["ü"], ">U4"), np.array(["\ud800", "b"]),
    np.array(["\ud800"], ">U2"), np.array([], "U3"), np.ndarray(3, "U0", buffer=bytearray(1)), np.zeros(3, "S0"),
    np.array([b"a", b"b\0c"]), np.array(["2020", "NaT"], "M8[D]"), np.array([1, 2], ">m8[s]"), np.array(3, "M8[ns]"),
    np.array([(1, 2.5), (3, np.nan)], _PAIR), np.array([(1, "ü", [1, 2])], [("a", "i4"), ("b", "U3"), ("c", "i2", 2)]),
    np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True)), np.zeros(2, [("p", _PAIR), ("q", "M8[s]")]),
    np.zeros(2, [(("title", "a"), "i4")]), np.array([b"abc"], "V3"), np.zeros(2, []),
    np.arange(4).reshape(2, 2).view(np.matrix), np.rec.array([(1, 2.0)], dtype=_PAIR),
    np.array([1, "a", None, [1], np.arange(2)], object), np.array([[None, 1]], object), np.array([], object),
    np.ma.array([1, 2, 3], mask=[0, 1, 0]), np.ma.array([1.0, 2.0]), np.ma.array(1.0, mask=True),
    np.ma.array([[1, 2]], mask=True, fill_value=7, hard_mask=True), np.ma.array(["a", "b"], mask=[0, 1]),
]  # fmt: skip

_DENSE = np.array([[0, 1.5, 0, 2, 0], [0, 0, 0, 0, 0], [3, 0, 0, 0, 4], [0, 5, 0, 0, 0]])
SPARSE: list[Any] = [
    *(
        getattr(sp, f"{form}_{kind}")(_DENSE)
        for form in ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")
        for kind in ("matrix", "array")
    ),
    sp.csr_matrix((3, 4), dtype="i2"), sp.coo_array(np.arange(8).reshape(2, 2, 2)), sp.csr_array(np.arange(4)),
    sp.coo_array(([0.0, 0, 1], ([1, 1, 0], [0, 0, 1])), shape=(2, 2)),
    sp.csr_matrix((np.array([0.0, 1]), np.array([1, 0], np.int64), np.array([0, 1, 2], np.int64)), shape=(2, 2)),
    sp.csr_matrix((np.array([1.0, 2]), np.array([1, 0]), np.array([0, 2, 2])), shape=(2, 2)),
    sp.csc_array(np.eye(2, dtype="g")), sp.bsr_array(np.kron(np.eye(2), np.ones((2, 2)))), sp.csr_array(_DENSE != 0),
]  # fmt: skip

FRAMES: list[Any] = [
    pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "zü"], "c": [1.0, np.nan, 2], "d": [True, False, True]}),
    pd.DataFrame({
        "category": pd.Categorical(["u", "v", "u"], ordered=True),
        "zoned": pd.to_datetime(["2020", "2021", None]).tz_localize("UTC").tz_convert("Asia/Tokyo"),
        "naive": pd.to_datetime(["2020", None, "2022"]),
        "span": pd.to_timedelta([1, 2, None], unit="s"),
        "Int64": pd.array([1, None, 3], dtype="Int64"),
        "UInt8": pd.array([1, None, 3], dtype="UInt8"),
        "boolean": pd.array([True, None, False], dtype="boolean"),
        "Float32": pd.array([1.5, None, 2], dtype="Float32"),
        "string": pd.array(["a", None, "c"], dtype="string"),
        "object": pd.Series([{"x": 1}, [1, 2], None], dtype=object),
        "missing": pd.Series([None, np.nan, pd.NA], dtype=object),
        "text": pd.Series(["a", None, np.nan], dtype=object),
        "mixed": pd.Series(["a", 1, (2,)], dtype=object),
        "arrays": pd.Series([np.arange(2), np.zeros(3), "s"], dtype=object),
        "period": pd.period_range("2020", periods=3, freq="M"),
        "interval": pd.cut([1, 2, 3], [0, 2, 4]),
        "complex": [1j, 2, 3],
    }),
    pd.DataFrame(), pd.DataFrame(index=range(5)), pd.DataFrame(columns=["a", "b"]), pd.DataFrame({"a": []}),
    pd.DataFrame(np.ones((2, 2)), columns=["x", "x"], index=pd.date_range("2020", periods=2, freq="D", tz="UTC")),
    pd.DataFrame(np.ones((2, 4)), columns=pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["p", None])),
    pd.DataFrame({1: [1], (1, 2): [2], None: [3], 2.5: [4], "\ud83d": [5]}), pd.DataFrame(np.ones((2, 3))),
    pd.DataFrame(np.ones((2, 2)), index=pd.MultiIndex.from_tuples([("a", 1), ("b", None)], names=["n", 2])),
    pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(4, 8, 2, name="t")),
    pd.DataFrame(np.ones((2, 3)), columns=pd.date_range("2020", periods=3)),
    pd.DataFrame(np.ones((2, 2)), columns=pd.Index([1, 2], dtype="u1", name=("tuple", 1))),
    pd.Series([1, 2], name=("a", 1)), pd.Series(["a", "b"], index=["x", "y"], name="n"), pd.Series([], dtype=object),
    pd.Series(np.array(["a", "b"], dtype=object), dtype=object), pd.Series([1.0, 2.0], dtype="float32"),
    pd.Index(["a", "b"], name="q"), pd.Index([1, "a", None]), pd.RangeIndex(3), pd.date_range("2020", periods=3, freq="h"),
    pd.timedelta_range("1s", periods=3), pd.CategoricalIndex(["a", "b"]), pd.interval_range(0, 3), pd.Index([1.5, 2]),
    pd.MultiIndex.from_product([[1, 2], ["x"]]), pd.Categorical(["a", None, "b"], categories=["b", "a", "c"]),
    pd.array([1, None]), pd.array(["a", None], dtype=pd.StringDtype("python", na_value=np.nan)),
]  # fmt: skip

ALL: list[Any] = [*PLAIN, *CONTAINERS, *TIMES, *SCALARS, *ARRAYS, *SPARSE, *FRAMES]

text = st.text(st.characters(), max_size=8)  # lone surrogates too
keys = st.one_of(st.integers(), text, st.booleans(), st.none(), st.floats(), st.binary(max_size=5))
plain = st.one_of(
    keys,
    st.complex_numbers(),
    st.dates(),
    st.timedeltas(),
    st.datetimes(timezones=st.none() | st.timezones()),
)
small_arrays = hnp.arrays(
    hnp.scalar_dtypes().filter(lambda dtype: dtype.kind != "U"),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
numpy_scalars = hnp.scalar_dtypes().flatmap(hnp.from_dtype)
leaves = plain | numpy_scalars | small_arrays
nested = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys | st.tuples(keys, keys), inner, max_size=3),
        st.frozensets(keys, max_size=3),
    ),
    max_leaves=10,
)
