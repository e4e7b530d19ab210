"""Are arrays JAX's or numpy's here?

JAX's where JAX is installed, so that a state can go straight into a traced function; else numpy's.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any, Final

import numpy as np

from pypet_ng._typing import Array

__all__ = [
    "OPAQUE_KINDS",
    "as_array",
    "computed_now",
    "host_array",
    "is_tracing",
    "is_typed_key",
    "jax_or_none",
]

OPAQUE_KINDS: Final = "OUSTMm"
"""Kinds of numpy arrays that JAX has no counterpart of: they stay as they are."""


@cache
def jax_or_none() -> Any:
    """Give the module jax, None if it is not installed. The first call costs the import."""
    try:
        import jax
    except ImportError:
        return None
    return jax


def computed_now() -> AbstractContextManager[Any]:
    """Have JAX compute at once what is called inside, even while a function is traced."""
    jax = jax_or_none()
    return nullcontext() if jax is None else jax.ensure_compile_time_eval()


def is_tracing() -> bool:
    """Tell whether JAX is tracing a function that called us."""
    jax = jax_or_none()
    # What is computed while tracing is abstract, also of constants.
    return jax is not None and isinstance(jax.numpy.add(1, 1), jax.core.Tracer)


def is_typed_key(values: Any) -> bool:
    """Tell whether something is an array of JAX's typed keys; costs no import of JAX."""
    dtype = getattr(values, "dtype", None)
    if dtype is None or isinstance(dtype, np.dtype):
        return False
    jax = jax_or_none()
    return jax is not None and bool(jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key))


def as_array(values: Any) -> Any:
    """Give an array of JAX's kind where there is one; texts and objects become numpy's of dtype object."""
    if is_typed_key(values):
        return values
    jax = jax_or_none()
    if jax is not None and isinstance(values, jax.Array):
        return values
    if isinstance(values, list | tuple) and values and is_typed_key(values[0]):
        return jax.numpy.stack(values)
    try:
        plain = np.asarray(values)
    except ValueError:  # lists of unequal lengths
        plain = np.empty(len(values), object)
        plain[:] = list(values)
    if plain.dtype.kind in OPAQUE_KINDS:
        if isinstance(values, np.ndarray):
            return plain.astype(object)
        held = np.empty(len(values) if plain.ndim else (), object)
        held[...] = list(values) if plain.ndim == 1 else plain if not plain.ndim else None
        if plain.ndim > 1:
            for place, value in enumerate(values):
                held[place] = value
        return held
    # From `values`, not from `plain`: Python numbers have the default type of whoever makes the array.
    return np.array(plain) if jax is None else jax.numpy.asarray(values)


def host_array(values: Any) -> Array:
    """Give values as a numpy array, not to be written to; typed keys as their data (uint32)."""
    if is_typed_key(values):
        values = jax_or_none().random.key_data(values)
    return np.asarray(values)
