"""Do `same` and `canonical` agree on which values are the same?"""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings

import pypet_ng
from pypet_ng.encoding import canonical, encode, same
from pypet_ng.errors import UnsupportedValueError
from tests.encoding.encoding_samples import ALL, nested


def test_all_samples_differ_from_each_other() -> None:
    distinct = [value for value in ALL if not (isinstance(value, float) and value == 0)]
    forms = {}
    for position, value in enumerate(distinct):
        form = canonical(value)
        other = forms.setdefault(form, position)
        # np.intp and the like are other names of the same class.
        assert other == position or type(distinct[other]) is type(value), (value, distinct[other])


@pytest.mark.parametrize("value", ALL, ids=lambda value: type(value).__name__)
def test_a_copy_is_the_same(value: Any) -> None:
    # Copies of NA are others, and numpy widens copies of U0.
    unique = value is pd.NA or value is pd.NaT or getattr(value, "dtype", None) == np.dtype("U0")
    other = value if unique else copy.deepcopy(value)
    assert same(value, other)
    assert canonical(value) == canonical(other)
    assert canonical(encode(value)) == canonical(value)


@settings(max_examples=60, deadline=None)
@given(nested, nested)
def test_same_means_equal_canonical_bytes(a: Any, b: Any) -> None:
    assert same(a, b) == (canonical(a) == canonical(b))
    assert same([a, b], [a, b])


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (float("nan"), float("nan")),
        (0.0, -0.0),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({3, 1, 2}, {1, 2, 3}),
        (np.array([np.nan, 0.0]), np.array([np.nan, -0.0])),
        (np.array([-0.0], "g"), np.array([0.0], "g")),
        (np.ones((2, 3)), np.ones((2, 3), order="F")),
        ([0.0] * 50, [-0.0] * 50),
        (np.datetime64("NaT", "s"), np.datetime64("NaT", "s")),
        (np.array([(1, np.nan)], "i4,f8"), np.array([(1, np.nan)], "i4,f8")),
    ],
)
def test_these_are_the_same(a: Any, b: Any) -> None:
    assert same(a, b)
    assert canonical(a) == canonical(b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 1.0),
        (1, True),
        (1.0, np.float64(1)),
        ("a", b"a"),
        ((1, 2), [1, 2]),
        ([1, 2], [1, 2.0]),
        ({"a": 1}, {"a": True}),
        ({1: 1}, {True: 1}),
        (["ab", "c"], ["a", "bc"]),
        (["a", ["b"]], [["a"], "b"]),
        (np.zeros(2), np.zeros(2, "f4")),
        (np.zeros(2, "<i4"), np.zeros(2, ">i4")),
        (np.zeros((1, 2)), np.zeros((2, 1))),
        (np.zeros(2), np.zeros((2, 1))),
        (np.array(1.0), np.float64(1.0)),
        (np.longdouble(1) / 3, np.longdouble(1 / 3)),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1.0]})),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})),
        (sp.csr_array(np.eye(2)), sp.csc_array(np.eye(2))),
        (sp.csr_array(np.eye(2)), sp.csr_matrix(np.eye(2))),
        (complex(float("nan"), 1), complex(float("nan"), 2)),
    ],
)
def test_these_differ(a: Any, b: Any) -> None:
    assert not same(a, b)
    assert canonical(a) != canonical(b)


def test_what_cannot_be_stored_has_no_canonical_bytes() -> None:
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    for value in (object(), [1, object()], cyclic, np.array([object()])):
        with pytest.raises(UnsupportedValueError):
            canonical(value)


def _in_new_process(code: str, seed: str = "0") -> str:
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": seed},
        cwd=Path(pypet_ng.__file__).parents[1],
    )
    return result.stdout


def test_canonical_bytes_do_not_change_from_process_to_process() -> None:
    code = (
        "from pypet_ng.encoding import canonical, encode; v = {'s': {'a', 'b', 'c', 'd'}, 1: frozenset('xyz')};"
        "print(canonical(v).hex(), encode(v).parts[''].tobytes().hex())"
    )
    assert _in_new_process(code, "1") == _in_new_process(code, "2")


def test_importing_loads_neither_pandas_nor_scipy() -> None:
    code = (
        "import sys, numpy as np; from pypet_ng.encoding import *\n"
        "v = [1, 'a', {'b': np.arange(3)}, np.float64(2), (1.5, None)]\n"
        "assert same(decode(encode(v)), v); encode_column(v); freeze(v); check(v); assert not supports(object())\n"
        "print([m for m in ('pandas', 'scipy') if m in sys.modules])"
    )
    assert _in_new_process(code).strip() == "[]"


def test_stored_data_of_pandas_and_scipy_load_them_when_decoded() -> None:
    code = (
        "import numpy as np; from pypet_ng.encoding import *\n"
        "spec = {'data': ['plain'], 'index': {'range': '0'}, 'columns': {'labels': ['a']}}\n"
        "print(type(decode(Encoded('pandas.frame', '1', spec, {'0': np.arange(3)}))).__name__)"
    )
    assert _in_new_process(code).strip() == "DataFrame"
