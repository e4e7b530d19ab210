"""How are masked arrays stored?"""

from __future__ import annotations

from typing import Any

import numpy as np

from pypet_ng.encoding.arrays import decode_array, dtype_supported, encode_array
from pypet_ng.encoding.encoded import Encoded
from pypet_ng.encoding.registry import register_own

__all__ = ["MaskedCodec", "register_all"]


class MaskedCodec:
    """``numpy.ma.MaskedArray`` of unstructured dtypes: data (also below the mask), mask, fill value."""

    type_name = "numpy.ma.array"
    version = "1"
    ragged = False

    def accepts(self, value: Any) -> bool:
        if type(value) is not np.ma.MaskedArray or value.dtype.names is not None:
            return False
        return type(value.data) is np.ndarray and dtype_supported(value.dtype)

    def encode(self, value: Any) -> Encoded:
        data = encode_array(np.asarray(value.data))
        parts = {
            "": data.parts[""],
            "fill": encode_array(np.asarray(value.fill_value, value.dtype)).parts[""],
        }
        axes = {}
        if value.mask is not np.ma.nomask:
            parts["mask"] = np.array(value.mask)
            axes = {"mask": ""} if value.ndim else {}
        meta = {**data.meta, "hard": True} if value.hardmask else data.meta
        return Encoded(self.type_name, self.version, meta, parts, axes)

    def decode(self, encoded: Encoded) -> Any:
        dtype = {name: spec for name, spec in encoded.meta.items() if name == "dtype"}
        data = decode_array(Encoded("array", "1", dtype, {"": encoded.parts[""]}))
        fill: Any = decode_array(Encoded("array", "1", dtype, {"": encoded.parts["fill"]}))[()]
        mask: Any = np.array(encoded.parts["mask"]) if "mask" in encoded.parts else np.ma.nomask
        hard = bool(encoded.meta.get("hard"))
        return np.ma.MaskedArray(data, mask=mask, fill_value=fill, hard_mask=hard)


def register_all() -> None:
    register_own(MaskedCodec(), np.ma.MaskedArray)
