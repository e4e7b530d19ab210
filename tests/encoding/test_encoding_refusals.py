"""Is what cannot be stored refused at once, with its type, its place and a way out?"""

from __future__ import annotations

import collections
import datetime as dt
import enum
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pypet_ng.encoding import Encoded, check, decode, encode, encode_column, freeze, register, supports
from pypet_ng.errors import UnsupportedValueError, VersionMismatchError


class Colour(enum.IntEnum):
    RED = 1


class Thing:
    pass


class OddZone(dt.tzinfo):
    def utcoffset(self, when: Any) -> dt.timedelta:
        return dt.timedelta(0)


Pair = collections.namedtuple("Pair", "a b")
cyclic: list[Any] = [1]
cyclic.append({"again": cyclic})
cyclic_array = np.array([None, 1], object)
cyclic_array[0] = [cyclic_array]
deep: list[Any] = []
for _ in range(5000):
    deep = [deep]

REFUSED = [
    Thing(), Thing, len, lambda: 0, (n for n in range(3)), cyclic, cyclic_array, deep, Colour.RED, Pair(1, 2),
    collections.OrderedDict(a=1), [1, Thing()], {"a": {1: Thing()}}, {Pair(1, 2): 1}, {"s": frozenset({Pair(1, 2)})},
    np.array([1, Thing()], object), np.zeros(2, [("o", object)]), np.array(["a"], np.dtypes.StringDType()),
    dt.datetime(2020, 1, 1, tzinfo=OddZone()), pd.DataFrame({"a": [Thing()]}), pd.Series([1, 2], dtype="Sparse[int]"),
    type("Sub", (np.ndarray,), {})((2,)), type("Frame", (pd.DataFrame,), {})({"a": [1]}), type("Text", (str,), {})("a"),
    np.ma.array([(1, 2)], dtype="i4,i4"), np.ma.masked, {"z": [dt.datetime(2020, 1, 1, tzinfo=OddZone())]},
]  # fmt: skip


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: type(value).__name__)
def test_what_has_no_codec_is_refused_everywhere(value: Any) -> None:
    assert not supports(value)
    for refuse in (check, encode, freeze, lambda v: encode_column([1, v]), lambda v: encode({"a": [v]})):
        with pytest.raises(UnsupportedValueError):
            refuse(value)


@pytest.mark.parametrize("store", [check, encode, freeze])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Thing(), r"test_encoding_refusals.Thing' cannot be stored: no codec.*register.*PickleResult"),
        ({"a": [1, 2, 3, Thing()]}, r"Thing' \(found at \['a'\]\[3\]\)"),
        ({"a": ({"b": Thing()},)}, r"found at \['a'\]\[0\]\['b'\]"),
        ({"x": np.array([1, Thing()], object)}, r"found at \['x'\]\[1\]"),
        ([np.array([1, Thing()], object), 1], r"found at \[0\]\[1\]"),
        (Colour.RED, r"plain int, not with its own type. Either convert it \(int\(value\)\)"),
        ([Pair(1, 2)], r"Pair' \(found at \[0\]\).*plain tuple"),
        ({"me": cyclic}, r"found at \['me'\]\[1\]\['again'\]\).*contains itself"),
        (deep, "more than 100 levels deep"),
        (pd.DataFrame({"a": [1, 2], "b": [1, Thing()]}), r"Thing' \(found at \['b'\]\[1\]\)"),
        ({"f": pd.DataFrame({"a": pd.arrays.SparseArray([1])})}, r"found at \['f'\]\['a'\]\) cannot be stored: its dtype is Sparse"),
        ({"k": {Pair(1, 2): 1}}, r"found at \['k'\] key Pair\(a=1, b=2\)"),
        ([dt.time(tzinfo=OddZone())], r"datetime.time' \(found at \[0\]\).*its time zone"),
        ({"t": np.array(["a"], np.dtypes.StringDType())}, r"found at \['t'\]\).*astype\('U'\)"),
    ],
)  # fmt: skip
def test_the_message_names_type_place_and_way_out(store: Any, value: Any, message: str) -> None:
    with pytest.raises(UnsupportedValueError, match=message):
        store(value)


def test_unknown_type_and_version_are_named() -> None:
    with pytest.raises(VersionMismatchError, match=r"'flaot' \(version '1'\).*Did you mean 'float'"):
        decode(Encoded("flaot", "1"))
    with pytest.raises(VersionMismatchError, match=r"'float' in version '99'.*known: 1"):
        decode(Encoded("float", "99"))
    with pytest.raises(VersionMismatchError, match=r"'pandas.frame' in version '7'"):
        decode(Encoded("pandas.frame", "7"))


def test_stored_dtypes_of_objects_are_not_decoded() -> None:
    with pytest.raises(VersionMismatchError, match="Python objects"):
        decode(Encoded("array", "1", {"dtype": "|O"}, {"": np.zeros((1, 8), np.uint8)}))


class Trace:
    def __init__(self, name: str, data: Any) -> None:
        self.name = name
        self.data = data


class SubTrace(Trace):
    pass


class TraceCodec:
    type_name = "mylab.trace"
    version = "1"
    ragged = False

    def accepts(self, value: Any) -> bool:
        return type(value) is Trace

    def encode(self, value: Any) -> Encoded:
        return Encoded(self.type_name, self.version, {"name": value.name}, {"": np.array(value.data)})

    def decode(self, encoded: Encoded) -> Trace:
        return Trace(str(encoded.meta["name"]), np.array(encoded.parts[""]))


def test_a_registered_codec_stores_its_class_alone_inside_and_in_columns() -> None:
    register(TraceCodec(), Trace)
    trace = Trace("v", [1.0, 2.0])
    for back in (decode(encode(trace)), decode(encode({"t": [trace]}))["t"][0]):
        assert type(back) is Trace
        assert back.name == "v"
        assert back.data.tolist() == [1.0, 2.0]
    assert len(encode_column([trace, trace])) == 1
    with pytest.raises(UnsupportedValueError, match="SubTrace"):
        check([SubTrace("v", [])])


def test_what_pypet_stores_itself_cannot_be_taken_over() -> None:
    with pytest.raises(ValueError, match=r"Values of float are stored by pypet_ng's own codec 'float'"):
        register(TraceCodec(), float)
    codec = TraceCodec()
    codec.type_name = "float"
    with pytest.raises(ValueError, match="'float' belongs to pypet_ng"):
        register(codec, Trace)
