"""How are single numbers, truth values and None stored?"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from pypet_ng._typing import JSON, Array
from pypet_ng.encoding.arrays import decode_array, dtype_supported, encode_array
from pypet_ng.encoding.encoded import Encoded
from pypet_ng.encoding.registry import register_own

__all__ = ["BIG_INT_META", "INT64", "NUMBER_TYPES", "NumpyScalarCodec", "register_all"]

INT64: Final = range(-(2**63), 2**63)
BIG_INT_META: Final[dict[str, JSON]] = {"big": True}

NUMBER_TYPES: Final[dict[type, np.dtype[Any]]] = {
    bool: np.dtype(bool),
    int: np.dtype(np.int64),
    float: np.dtype(np.float64),
    complex: np.dtype(np.complex128),
}
"""Python's numbers and the dtype of their part."""


class NumberCodec:
    """One Python number as a 0-d part; integers beyond int64 as hexadecimal text."""

    version = "1"
    ragged = False
    immutable = True

    def __init__(self, cls: type, dtype: np.dtype[Any]) -> None:
        self.type_name = cls.__name__
        self._class = cls
        self._dtype = dtype

    def accepts(self, value: Any) -> bool:
        return type(value) is self._class

    def encode(self, value: Any) -> Encoded:
        if self._class is int and value not in INT64:
            # Base 16: other bases cost quadratic time, and Python limits their length.
            data: Array = np.frombuffer(format(value, "x").encode(), np.uint8)
            return Encoded("int", self.version, BIG_INT_META, {"": data}, text=True)
        return Encoded(self.type_name, self.version, parts={"": np.array(value, self._dtype)})

    def decode(self, encoded: Encoded) -> Any:
        if encoded.meta.get("big"):
            return int(encoded.parts[""].tobytes(), 16)
        return self._class(encoded.parts[""].item())


class NoneCodec:
    """None has a type and no data."""

    type_name = "none"
    version = "1"
    ragged = False
    immutable = True

    def accepts(self, value: Any) -> bool:
        return value is None

    def encode(self, value: Any) -> Encoded:
        return Encoded(self.type_name, self.version)

    def decode(self, encoded: Encoded) -> Any:
        return None


class NumpyScalarCodec:
    """Numpy scalars, as 0-d arrays are. Text and bytes scalars are stored as text."""

    type_name = "numpy.scalar"
    version = "1"
    ragged = False

    def __init__(self, *, immutable: bool) -> None:
        self.immutable = immutable

    def accepts(self, value: Any) -> bool:
        return type(value) in _SCALAR_CLASSES and dtype_supported(value.dtype)

    def encode(self, value: Any) -> Encoded:
        array = encode_array(np.array(value))
        return Encoded(self.type_name, self.version, array.meta, array.parts)

    def decode(self, encoded: Encoded) -> Any:
        return decode_array(encoded)[()]


def _scalar_classes() -> list[type]:
    classes: set[type] = {np.dtype(char).type for char in "?bhilqpBHILQPefdgFDGMmV"}
    classes.add(np.record)
    return sorted(classes, key=lambda cls: cls.__name__)


_SCALAR_CLASSES = frozenset(_scalar_classes())


def register_all() -> None:
    for cls, dtype in NUMBER_TYPES.items():
        register_own(NumberCodec(cls, dtype), cls)
    register_own(NoneCodec(), type(None))
    for numpy_class in _scalar_classes():
        # The fields of a structured scalar can be assigned.
        register_own(NumpyScalarCodec(immutable=not issubclass(numpy_class, np.void)), numpy_class)
