"""How do values become stored data, alone and as columns, and come back with their exact types?

>>> from pypet_ng.encoding import decode, encode
>>> decode(encode({"taus": (0.1, 2), "seen": {3, 4}}))
{'taus': (0.1, 2), 'seen': {3, 4}}
"""

from __future__ import annotations

from pypet_ng.encoding import arrays, documents, scalars, text, times
from pypet_ng.encoding.columns import decode_column, encode_column, layout_of, number_type
from pypet_ng.encoding.compare import canonical, same
from pypet_ng.encoding.encoded import Encoded, Layout, PartLayout, Stack
from pypet_ng.encoding.registry import (
    Codec,
    check,
    decode,
    encode,
    freeze,
    refusal,
    register,
    supports,
    thawed,
)

__all__ = [
    "Codec",
    "Encoded",
    "Layout",
    "PartLayout",
    "Stack",
    "canonical",
    "check",
    "decode",
    "decode_column",
    "encode",
    "encode_column",
    "freeze",
    "layout_of",
    "number_type",
    "refusal",
    "register",
    "same",
    "supports",
    "thawed",
]

# The codecs of pandas, scipy, numpy.ma and jax register themselves when the first such value is met.
for _module in (scalars, text, arrays, documents, times):
    _module.register_all()
