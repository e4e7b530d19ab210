"""Which values must survive every road through a storage with their exact types?"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

__all__ = ["sample_values"]


def sample_values() -> dict[str, Any]:
    """Give fresh values of all kinds by a name for each. Imports pandas and scipy."""
    values: dict[str, Any] = {}
    for group in (_plain, _scalars, _arrays, _containers, _times, _tables):
        values.update(group())
    return values


def _plain() -> dict[str, Any]:
    return {
        "none": None,
        "true": True,
        "int_zero": 0,
        "int_small": -7,
        "int_64": 2**63 - 1,
        "int_huge": -(2**70),
        "float": 0.1,
        "float_nan": float("nan"),
        "float_inf": float("-inf"),
        "float_negative_zero": -0.0,
        "complex": 1.5 - 2j,
        "str_empty": "",
        "str_ascii": "tau",
        "str_unicode": "τ=10 ms \U0001f9e0",
        "str_nul": "a\0b\0",
        "str_surrogate": "bad \udcff name",
        "str_lines": "one\r\ntwo\n",
        "str_long": "long " * 30_000,
        "bytes": b"\0\xff text \0",
        "bytes_empty": b"",
        "bytearray": bytearray(b"abc"),
    }


def _scalars() -> dict[str, Any]:
    return {
        "np_bool": np.True_,
        "np_int8": np.int8(-3),
        "np_uint64": np.uint64(2**64 - 1),
        "np_float16": np.float16(0.5),
        "np_float32": np.float32(0.1),
        "np_float64": np.float64(0.1),
        "np_longdouble": np.longdouble(1) / 3,
        "np_complex64": np.complex64(1 + 2j),
        "np_str": np.str_("µ"),
        "np_bytes": np.bytes_(b"ab"),
        "np_datetime": np.datetime64("2024-02-29T12:00", "ms"),
        "np_timedelta": np.timedelta64(5, "s"),
        "np_nat": np.datetime64("NaT", "D"),
    }


def _arrays() -> dict[str, Any]:
    table = np.zeros(2, dtype=[("x", "<f8"), ("n", "<i4")])
    table["x"] = [0.5, 1.5]
    return {
        "array_float": np.linspace(0, 1, 5),
        "array_2d": np.arange(6).reshape(2, 3),
        "array_3d_float32": np.ones((2, 1, 3), dtype=np.float32),
        "array_bool": np.array([True, False]),
        "array_complex": np.array([1j, 2.0]),
        "array_0d": np.array(3.5),
        "array_empty": np.empty(0),
        "array_empty_2d": np.empty((0, 3), dtype=np.int16),
        "array_big_endian": np.arange(3, dtype=">i4"),
        "array_fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "array_strided": np.arange(10)[::3],
        "array_text": np.array(["a", "βγ", ""]),
        "array_bytes": np.array([b"a", b"bcd"]),
        "array_dates": np.array(["2024-01-01", "NaT"], dtype="datetime64[D]"),
        "array_structured": table,
        "array_objects": np.array([1, "a", None, 2.5], dtype=object),
        "matrix": np.arange(4.0).reshape(2, 2).view(np.matrix),
    }


def _containers() -> dict[str, Any]:
    return {
        "list_empty": [],
        "list_float": [0.1, 0.2],
        "list_int": [1, 2, 3],
        "list_mixed": [1, 2.0, True, None, "a"],
        "list_nested": [[1], [2, [3.5]], ()],
        "list_arrays": [np.ones(2), np.zeros((2, 2), dtype=np.int8)],
        "tuple": (1, "a"),
        "tuple_float": (0.5, 1.5),
        "list_text": ["a", "é", ""],
        "set": {1, 2},
        "frozenset": frozenset(["a", "b"]),
        "dict_empty": {},
        "dict": {"tau": 0.1, "n": 3, "name": "x"},
        "dict_nested": {"a": {"b": [1, {"c": np.arange(2)}]}, 3: "int key", (1, 2): None},
    }


def _times() -> dict[str, Any]:
    zone = dt.timezone(dt.timedelta(hours=2))
    return {
        "datetime": dt.datetime(2024, 2, 29, 12, 30, 1, 5),
        "datetime_zone": dt.datetime(2024, 2, 29, 12, 30, tzinfo=zone),
        "date": dt.date(1999, 12, 31),
        "time": dt.time(23, 59, 59, 999999),
        "timedelta": dt.timedelta(days=-1, microseconds=3),
    }


def _tables() -> dict[str, Any]:
    import pandas as pd
    from scipy import sparse

    dense = np.array([[0.0, 1.5, 0.0], [2.0, 0.0, 0.0]])
    return {
        "frame": pd.DataFrame({"x": [0.5, 1.5], "n": [1, 2], "name": ["a", "é"]}),
        "frame_empty": pd.DataFrame(),
        "frame_index": pd.DataFrame(
            {"y": [1.0, None]}, index=pd.DatetimeIndex(["2024-01-01", "2024-01-03"], name="day")
        ),
        "frame_categories": pd.DataFrame({"c": pd.Categorical(["u", "v", "u"], ordered=True)}),
        "frame_objects": pd.DataFrame({"o": pd.Series([1, "a", None], dtype=object)}),
        "series": pd.Series([1, 2, 3], name="s", index=["a", "b", "c"]),
        "sparse_csr": sparse.csr_matrix(dense),
        "sparse_csc_array": sparse.csc_array(dense),
        "sparse_coo": sparse.coo_matrix(dense),
        "sparse_dia": sparse.dia_matrix(np.eye(3)),
    }
