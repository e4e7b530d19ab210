"""How are JAX arrays stored?

As what they hold: a number as a numpy scalar, all else as a numpy array. So a result is the same
whether its run was done alone, where it is a JAX array, or in a batch, where it is a row of a column,
and reading needs no JAX.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from pypet_ng.encoding.arrays import dtype_supported
from pypet_ng.encoding.encoded import Encoded
from pypet_ng.encoding.registry import encode, refusal, register_own

__all__ = ["JaxArrayCodec", "TracerCodec", "register_all", "to_numpy"]


def to_numpy(value: Any) -> Any:
    """Give a numpy scalar or array with the numbers of a JAX array; waits until they are computed.

    Types that only accelerators have (bfloat16, float8) become float32, which holds them exactly.
    """
    array = np.asarray(value)
    if array.dtype.kind == "V" and array.dtype.names is None:
        array = array.astype(np.float32)
    return array[()]


class JaxArrayCodec:
    """Writes JAX arrays under the name of the numpy value they become."""

    type_name = "jax.Array"
    version = "1"
    ragged = False

    def accepts(self, value: Any) -> bool:
        return not _is_key(value) and dtype_supported(to_numpy(value[:0] if value.ndim else value).dtype)

    def check_inside(self, value: Any, place: str) -> None:
        if _is_key(value):
            raise refusal(
                value, place, "it is an array of random keys", "store jax.random.key_data(key) instead"
            )

    def encode(self, value: Any) -> Encoded:
        self.check_inside(value, "")
        return encode(to_numpy(value))

    def decode(self, encoded: Encoded) -> Any:
        raise NotImplementedError("JAX arrays are stored as numpy values: nothing has this type name")


class TracerCodec:
    """Lets the abstract values of a traced function be added as results; they are never written."""

    type_name = "jax.Tracer"
    version = "1"
    ragged = False
    immutable = True

    def accepts(self, value: Any) -> bool:
        return True

    def encode(self, value: Any) -> Encoded:
        raise refusal(
            value,
            reason="it is the abstract value of a function that was being traced",
            remedy="store results by f_add_result or the returned value, which are written when they are known",
        )

    def decode(self, encoded: Encoded) -> Any:
        raise NotImplementedError("abstract values are never stored")


def _is_key(value: Any) -> bool:
    jax: Any = importlib.import_module("jax")
    return bool(jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key))


def register_all() -> None:
    jax: Any = importlib.import_module("jax")
    register_own(JaxArrayCodec(), jax.Array)  # all concrete ones derive from it
    register_own(TracerCodec(), jax.core.Tracer)
