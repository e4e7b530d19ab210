"""How are sparse matrices and arrays of scipy stored?"""

from __future__ import annotations

from typing import Any

import numpy as np

from pypet_ng._typing import JSON, Array
from pypet_ng.encoding.arrays import decode_array, dtype_supported, encode_array
from pypet_ng.encoding.encoded import Encoded
from pypet_ng.encoding.registry import register_own

__all__ = ["SparseCodec", "register_all"]

_COMPRESSED = ("csr", "csc", "bsr")
_VIA_COO = ("lil", "dok")
_FORMATS = (*_COMPRESSED, "coo", "dia", *_VIA_COO)


class SparseCodec:
    """All seven formats, ``*_matrix`` and ``*_array``, with explicit zeros, duplicates and order kept.

    lil and dok are stored as coo and converted back.
    """

    type_name = "scipy.sparse"
    version = "1"
    ragged = False

    def accepts(self, value: Any) -> bool:
        return type(value) in _classes().values() and dtype_supported(value.dtype)

    def encode(self, value: Any) -> Encoded:
        name = type(value).__name__
        stored = value.tocoo() if value.format in _VIA_COO else value
        # Compressed formats may hold room for more than they use.
        used = int(stored.indptr[-1]) if stored.format in _COMPRESSED else len(stored.data)
        data = encode_array(stored.data[:used])
        meta: dict[str, JSON] = {**data.meta, "class": name}
        parts: dict[str, Array] = {"data": data.parts[""], "shape": np.array(value.shape, np.int64)}
        axes = {"data": "stored"}
        if stored.format == "coo":
            for axis, coordinates in enumerate(stored.coords):
                parts[f"index{axis}"] = np.array(coordinates)
                axes[f"index{axis}"] = "stored"
            if stored.has_canonical_format and stored is value:
                meta["canonical"] = True
        elif stored.format == "dia":
            parts["offsets"] = np.array(stored.offsets)
            axes["offsets"] = "stored"
        else:
            parts["indices"] = np.array(stored.indices[:used])
            parts["indptr"] = np.array(stored.indptr)
            axes["indices"] = "stored"
        return Encoded(self.type_name, self.version, meta, parts, axes)

    def decode(self, encoded: Encoded) -> Any:
        name = str(encoded.meta["class"])
        target = _classes()[name]
        form = name.partition("_")[0]
        dtype = {key: spec for key, spec in encoded.meta.items() if key == "dtype"}
        data = decode_array(Encoded("array", "1", dtype, {"": encoded.parts["data"]}))
        shape = tuple(encoded.parts["shape"].tolist())
        if form in _COMPRESSED:
            indices, indptr = np.array(encoded.parts["indices"]), np.array(encoded.parts["indptr"])
            result = target((data, indices, indptr), shape=shape)
            # The constructor may choose another index type.
            result.indices, result.indptr = indices, indptr
            return result
        if form == "dia":
            offsets = np.array(encoded.parts["offsets"])
            result = target((data, offsets), shape=shape)
            result.offsets = offsets
            return result
        coordinates = tuple(np.array(encoded.parts[f"index{axis}"]) for axis in range(len(shape)))
        if form == "coo":
            result = target((data, coordinates), shape=shape)
            result.coords = coordinates
            result.has_canonical_format = bool(encoded.meta.get("canonical"))
            return result
        kind = name.partition("_")[2]
        stored = _classes()[f"coo_{kind}"]((data, coordinates), shape=shape)
        return getattr(stored, f"to{form}")()


def _classes() -> dict[str, type]:
    import scipy.sparse

    names = (f"{form}_{kind}" for form in _FORMATS for kind in ("matrix", "array"))
    return {name: getattr(scipy.sparse, name) for name in names}


def register_all() -> None:
    register_own(SparseCodec(), *_classes().values())
