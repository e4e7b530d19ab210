"""How are long lists and tuples of one plain type stored compactly?"""

from __future__ import annotations

from typing import Any

import numpy as np

from pypet_ng._typing import JSON
from pypet_ng.encoding.arrays import decode_array, encode_array, is_plain
from pypet_ng.encoding.encoded import Encoded
from pypet_ng.encoding.registry import register_own
from pypet_ng.encoding.scalars import NUMBER_TYPES
from pypet_ng.encoding.text import join_text, split_text

__all__ = ["ListCodec", "encode_uniform", "register_all"]

_TYPE_NAME = "list"
_VERSION = "1"


def encode_uniform(values: list[Any] | tuple[Any, ...]) -> Encoded | None:
    """Give the stored form of a list or tuple whose items all have one plain type, or None.

    One part holds all numbers; texts are one part of UTF-8 bytes and one of lengths in bytes.
    """
    kinds = set(map(type, values))
    if len(kinds) != 1:
        return None
    kind = kinds.pop()
    meta: dict[str, JSON] = {"container": "tuple" if type(values) is tuple else "list"}
    if kind is str:
        data, lengths = join_text(values)
        meta["of"] = "str"
        return Encoded(_TYPE_NAME, _VERSION, meta, {"": data, "lengths": lengths})
    dtype = NUMBER_TYPES.get(kind)
    if dtype is not None:
        meta["of"] = kind.__name__
        try:
            numbers = np.fromiter(values, dtype, len(values))
        except OverflowError:
            return None
        return Encoded(_TYPE_NAME, _VERSION, meta, {"": numbers})
    if issubclass(kind, np.generic) and values[0].dtype.kind in "biufc" and is_plain(values[0].dtype):
        meta["of"] = "numpy"
        return Encoded(_TYPE_NAME, _VERSION, meta, encode_array(np.array(values, values[0].dtype)).parts)
    return None


class ListCodec:
    """Reads what :func:`encode_uniform` gives; lists choose it through the codec of documents."""

    type_name = _TYPE_NAME
    version = _VERSION
    ragged = True

    def accepts(self, value: Any) -> bool:
        return False

    def encode(self, value: Any) -> Encoded:
        encoded = encode_uniform(value)
        if encoded is None:
            raise TypeError("the items are not of one plain type")
        return encoded

    def decode(self, encoded: Encoded) -> Any:
        kind = encoded.meta["of"]
        values: list[Any]
        if kind == "str":
            values = split_text(encoded.parts[""], encoded.parts["lengths"])
        elif kind == "numpy":
            values = list(decode_array(Encoded("array", "1", parts=encoded.parts)))
        else:
            values = encoded.parts[""].tolist()
        return tuple(values) if encoded.meta["container"] == "tuple" else values


def register_all() -> None:
    register_own(ListCodec())
