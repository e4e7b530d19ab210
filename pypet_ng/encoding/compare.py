"""Are two values the same, in value and type, and what byte string stands for a value?

Both questions have one answer: values are the same exactly if their canonical bytes are equal. NaN is
the same as NaN, and -0.0 as 0.0; the order of dicts and sets does not count, that of arrays in memory
(C or Fortran) neither, a dtype does.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from pypet_ng._typing import Array
from pypet_ng.encoding.arrays import dtype_to_json
from pypet_ng.encoding.documents import MAX_DEPTH
from pypet_ng.encoding.encoded import Encoded
from pypet_ng.encoding.registry import check, decode, encode, refusal
from pypet_ng.encoding.sequences import encode_uniform

__all__ = ["canonical", "same"]

_EXACT = frozenset({int, bool, str, bytes, type(None)})
_HEADS: dict[type, bytes] = {list: b"L", tuple: b"T", set: b"S", frozenset: b"Z", dict: b"D"}
_FEW = 32
"""Longer lists of one plain type are taken as one array."""
_pack_float = struct.Struct("<d").pack


def same(a: object, b: object) -> bool:
    """Tell whether two values are equal and of exactly the same type, recursively.

    Fast for plain values and arrays; else costs the canonical bytes of both. Raises
    UnsupportedValueError for two different objects of one class that has no codec.
    """
    if a is b:
        return True
    kind = type(a)
    if kind is not type(b):
        return False
    if kind in _EXACT:
        return a == b
    if kind is float:
        return a == b or (a != a and b != b)
    if kind is np.ndarray:
        return _same_arrays(a, b)  # type: ignore[arg-type]
    if (kind is list or kind is tuple or kind is dict) and len(a) != len(b):  # type: ignore[arg-type]
        return False
    return canonical(a) == canonical(b)


def _same_arrays(a: Array, b: Array) -> bool:
    if a.shape != b.shape or dtype_to_json(a.dtype) != dtype_to_json(b.dtype):
        return False
    if a.dtype.kind in "biuSUMm":
        # As bytes, so that NaT is NaT.
        return a.tobytes() == b.tobytes()
    if a.dtype.kind in "fc" and np.array_equal(a, b):
        return True
    return canonical(a) == canonical(b)


def canonical(value: object) -> bytes:
    """Give a byte string that two values share exactly if they are the same (see the module).

    It does not change from process to process. Raises UnsupportedValueError.
    """
    return _canonical(value, 0)


def _canonical(value: Any, depth: int) -> bytes:
    kind = type(value)
    if kind is float:
        return b"f" + _float_bytes(value)
    if kind is int:
        return b"i%x" % value
    if kind is str:
        text: bytes = value.encode("utf-8", "surrogatepass")
        return b"s" + text
    if kind is bool:
        return b"b1" if value else b"b0"
    if value is None:
        return b"n"
    if kind is complex:
        return b"c" + _float_bytes(value.real) + _float_bytes(value.imag)
    if kind is bytes:
        return b"y%b" % value
    head = _HEADS.get(kind)
    if head is not None:
        return _of_container(value, head, depth)
    if kind is Encoded:
        return _canonical(decode(value), depth)
    if isinstance(value, np.ndarray | np.generic) and kind.__module__ == "numpy":
        check(value)
        return b"a" + _joined([kind.__name__.encode(), _of_array(np.asarray(value), depth)])
    return b"e" + _of_encoded(encode(value))


def _of_container(value: Any, head: bytes, depth: int) -> bytes:
    if depth > MAX_DEPTH:
        check(value)  # names a cycle and where it is
        raise refusal(value, reason=f"it lies more than {MAX_DEPTH} levels deep")
    if head == b"D":
        items = sorted(
            _joined([_canonical(key, depth + 1), _canonical(item, depth + 1)]) for key, item in value.items()
        )
        return head + _joined(items)
    if head in b"SZ":
        return head + _joined(sorted(_canonical(item, depth + 1) for item in value))
    uniform = encode_uniform(value) if len(value) > _FEW else None
    if uniform is not None:
        return b"u" + _of_encoded(uniform)
    return head + _joined([_canonical(item, depth + 1) for item in value])


def _of_encoded(encoded: Encoded) -> bytes:
    pieces = [
        encoded.type.encode(),
        encoded.version.encode(),
        json.dumps(encoded.meta, sort_keys=True).encode(),
    ]
    for name, part in sorted(encoded.parts.items()):
        pieces += [name.encode(), _of_array(np.asarray(part), 0)]
    return _joined(pieces)


def _of_array(array: Array, depth: int) -> bytes:
    dtype = array.dtype
    if dtype.kind == "O":
        items = [_canonical(array[index], depth + 1) for index in np.ndindex(array.shape)]
        return _joined([b"O", repr(array.shape).encode(), *items])
    spec = json.dumps(dtype_to_json(dtype)).encode()
    shape = ",".join(map(str, array.shape)).encode()
    return _joined([spec, shape, *_contents(array)])


def _contents(array: Array) -> list[bytes]:
    """Give the bytes of equal arrays of one dtype equal: no padding, one NaN, one zero."""
    dtype = array.dtype
    if dtype.names:
        return [_joined(_contents(array[name])) for name in dtype.names]
    if dtype.kind == "c":
        return [*_contents(array.real), *_contents(array.imag)]
    if dtype.kind != "f":
        return [array.tobytes() if dtype.itemsize else b""]
    missing = np.isnan(array)
    clean = np.where(missing, np.zeros((), dtype), array + np.zeros((), dtype))
    pieces = [np.packbits(missing).tobytes()] if missing.any() else [b""]
    if dtype.itemsize <= 8:
        return [*pieces, clean.tobytes()]
    # The bytes of long doubles have undefined padding: three doubles hold all their digits.
    mantissa, exponent = np.frexp(clean)
    for _ in range(3):
        high = mantissa.astype(np.float64)
        pieces.append(high.tobytes())
        mantissa = np.where(np.isfinite(mantissa), mantissa - high, 0)
    return [*pieces, exponent.tobytes()]


def _float_bytes(value: float) -> bytes:
    return _pack_float(value + 0.0) if value == value else b"nan"


def _joined(pieces: list[bytes]) -> bytes:
    return b"".join(b"%d:%b" % (len(piece), piece) for piece in pieces)
