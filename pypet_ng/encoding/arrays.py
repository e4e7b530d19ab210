"""How are numpy arrays of all dtypes stored?

Most arrays are their own part and need no meta. What HDF5 has no type for is stored in another form,
which the dtype in the meta together with that of the part tells:

=====================  ==================================================================
dates, time spans      int64 ticks
text (U)               fixed-width UTF-8 (S); u4 code points where there are lone surrogates
everything else        the raw bytes as u1, in one more axis at the end: long doubles, widths
                       of zero, structured dtypes that are nested, padded or hold such types
=====================  ==================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from pypet_ng._typing import JSON, Array
from pypet_ng.encoding.encoded import Encoded
from pypet_ng.encoding.registry import reader_of, refusal, register_own
from pypet_ng.errors import VersionMismatchError

__all__ = [
    "ARRAY",
    "decode_array",
    "dtype_from_json",
    "dtype_supported",
    "dtype_to_json",
    "encode_array",
    "is_plain",
    "register_all",
]

ARRAY = "array"
_VERSION = "1"
_CLASSES: dict[str, type[Array]] = {"matrix": np.matrix, "recarray": np.recarray}
_PLAIN_SIZES = {"b": 1, "i": 8, "u": 8, "f": 8, "c": 16}


def is_plain(dtype: np.dtype[Any]) -> bool:
    """Tell whether arrays of that dtype are their own part, and the part alone tells the dtype."""
    if dtype.char in "qQ":
        return np.dtype(dtype.str).char == dtype.char
    if dtype.names is None:
        return dtype.itemsize <= _PLAIN_SIZES.get(dtype.kind, -1) or (
            dtype.kind == "S" and dtype.itemsize > 0
        )
    if dtype.type is np.record or dtype.isalignedstruct or dtype.fields is None or not dtype.names:
        return False
    offset = 0
    for name in dtype.names:
        field = dtype.fields[name]
        # A third entry is a title. Names that are no plain words may mean something to a storage.
        if len(field) > 2 or field[0].names is not None or field[1] != offset or not name.isidentifier():
            return False
        if field[0].subdtype is not None or not is_plain(field[0]):
            return False
        offset += field[0].itemsize
    return offset == dtype.itemsize


def dtype_supported(dtype: np.dtype[Any]) -> bool:
    """Tell whether arrays of that dtype can be stored as bytes of some form: no objects inside."""
    return not dtype.hasobject and dtype.kind in "biufcSUMmV" and not _has_own_class(dtype)


def _has_own_class(dtype: np.dtype[Any]) -> bool:
    return dtype.type.__module__ != "numpy"


def dtype_to_json(dtype: np.dtype[Any]) -> JSON:
    """Give a dtype as JSON: its ``str``, or a description of a structured one with all offsets."""
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return {"base": dtype_to_json(base), "shape": [int(length) for length in shape]}
    if dtype.names is None or dtype.fields is None:
        if dtype.char in "qQ" and np.dtype(dtype.str).char != dtype.char:
            # Same bytes as int64, but another class of scalars.
            return dtype.str[0] + dtype.char
        return dtype.str
    fields: list[JSON] = []
    for name in dtype.names:
        field = dtype.fields[name]
        entry: list[JSON] = [name, dtype_to_json(field[0]), int(field[1])]
        if len(field) > 2:
            entry.append(str(field[2]))
        fields.append(entry)
    result: dict[str, JSON] = {"fields": fields, "size": dtype.itemsize}
    if dtype.isalignedstruct:
        result["aligned"] = True
    if dtype.type is np.record:
        result["record"] = True
    return result


def dtype_from_json(spec: JSON) -> np.dtype[Any]:
    """Give the dtype back; VersionMismatchError if it is no dtype that is ever stored."""
    if isinstance(spec, str):
        dtype: np.dtype[Any] = np.dtype(spec)
        if dtype.hasobject:
            raise VersionMismatchError(
                f"The stored dtype {spec!r} holds Python objects; nothing was decoded."
            )
        return dtype
    if not isinstance(spec, dict):
        raise VersionMismatchError(f"{spec!r} is no stored dtype; the data need a newer pypet_ng.")
    if "base" in spec:
        shape = tuple(cast("list[int]", spec["shape"]))
        pair: Any = (dtype_from_json(spec["base"]), shape)
        with_shape: np.dtype[Any] = np.dtype(pair)
        return with_shape
    fields = cast("list[list[Any]]", spec["fields"])
    description: dict[str, Any] = {
        "names": [field[0] for field in fields],
        "formats": [dtype_from_json(field[1]) for field in fields],
        "offsets": [field[2] for field in fields],
        "itemsize": spec["size"],
    }
    if any(len(field) > 3 for field in fields):
        description["titles"] = [field[3] if len(field) > 3 else None for field in fields]
    layout: Any = description
    result: np.dtype[Any] = np.dtype(layout, align=bool(spec.get("aligned")))
    return np.dtype((np.record, result)) if spec.get("record") else result


def encode_array(array: Array, *, copy: bool = True) -> Encoded:
    """Give the stored form of an array (or a numpy scalar made 0-d) of a supported dtype.

    The class is not looked at. With ``copy=False`` the part may share memory with `array`.
    """
    array = np.asarray(array)
    dtype = array.dtype
    if is_plain(dtype):
        part: Array = np.array(array, order="C") if copy else array
        return Encoded(ARRAY, _VERSION, parts={"": part})
    meta = {"dtype": dtype_to_json(dtype)}
    if not dtype.itemsize:
        # Not copied: numpy would widen U0 to U1.
        part = np.zeros((*array.shape, 0), np.uint8)
    elif dtype.kind in "Mm":
        part = np.array(array, order="C", copy=copy or None).view(dtype.byteorder + "i8")
    elif dtype.char in "qQ":
        part = np.array(array, order="C", copy=copy or None).view(dtype.str)
    elif dtype.kind == "U":
        part = _text_part(array)
    else:
        raw = np.array(array, order="C").tobytes()
        part = np.frombuffer(raw, np.uint8).reshape(*array.shape, dtype.itemsize)
    return Encoded(ARRAY, _VERSION, meta, {"": part})


def _text_part(array: Array) -> Array:
    width = array.dtype.itemsize // 4
    native = np.array(array.astype(f"=U{width}"), order="C")
    points = np.frombuffer(native.tobytes(), np.uint32)
    if not (points >= 0x80).any():
        return array.astype(f"S{width}")
    if ((points >= 0xD800) & (points < 0xE000)).any():
        # Lone surrogates have no UTF-8.
        return points.reshape(*array.shape, width)
    return np.asarray(np.char.encode(native, "utf-8"))


def decode_array(encoded: Encoded) -> Array:
    """Give a fresh array from its stored form, as plain ``numpy.ndarray``."""
    part = encoded.parts[""]
    spec = encoded.meta.get("dtype")
    if spec is None:
        return np.array(part)
    dtype = dtype_from_json(spec)
    if dtype.kind in "Mm":
        return part.astype(dtype.byteorder + "i8").view(dtype)
    if dtype.char in "qQ":
        return part.astype(dtype.str).view(dtype)
    if dtype.kind == "U" and part.dtype.kind == "S":
        return np.asarray(np.char.decode(part, "utf-8")).astype(dtype)
    if dtype.kind == "U" and part.dtype.kind == "u" and part.dtype.itemsize == 4:
        data = np.array(part, "=u4", order="C").tobytes()
        shape = part.shape[:-1]
        return np.frombuffer(data, dtype.newbyteorder("=")).reshape(shape).astype(dtype)
    shape = part.shape[:-1]
    if dtype.itemsize == 0:
        return _empty_items(shape, dtype)
    return np.array(np.frombuffer(part.tobytes(), dtype).reshape(shape))


def _empty_items(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    # np.zeros would widen U0 and S0 to one character.
    return np.ndarray(shape, dtype, buffer=bytearray(1))


class ArrayCodec:
    """Arrays without Python objects, of numpy's classes ndarray, matrix and recarray."""

    type_name = ARRAY
    version = _VERSION
    ragged = False

    def accepts(self, value: Any) -> bool:
        return type(value) in _ARRAY_CLASSES and dtype_supported(value.dtype)

    def check_inside(self, value: Any, place: str) -> None:
        if type(value) is np.ndarray and value.dtype == object:
            _documents().check_inside(value, place)
        elif not self.accepts(value):
            reason = remedy = ""
            if type(value) in _ARRAY_CLASSES:
                reason = f"its dtype is {value.dtype}"
                if value.dtype.kind == "T":
                    remedy = "convert it (array.astype('U'))"
            raise refusal(value, place, reason, remedy)

    def encode(self, value: Any) -> Encoded:
        if value.dtype == object and type(value) is np.ndarray:
            return cast("Encoded", _documents().encode(value))
        self.check_inside(value, "")
        encoded = encode_array(value)
        if type(value) is np.ndarray:
            return encoded
        meta: Mapping[str, JSON] = {**encoded.meta, "class": type(value).__name__}
        return Encoded(ARRAY, _VERSION, meta, encoded.parts)

    def decode(self, encoded: Encoded) -> Any:
        array = decode_array(encoded)
        name = encoded.meta.get("class")
        return array if name is None else array.view(_CLASSES[str(name)])


def _documents() -> Any:
    # Objects are walked by the codec of documents, which finds cycles through arrays and lists alike.
    return reader_of("document", "1")


_ARRAY_CLASSES: frozenset[type] = frozenset({np.ndarray, np.matrix, np.recarray})


def register_all() -> None:
    register_own(ArrayCodec(), *_ARRAY_CLASSES)
