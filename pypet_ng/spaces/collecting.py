"""How do the values of an axis become arrays in the shape of a batch, and columns of a table?"""

from __future__ import annotations

import math
import operator
import warnings
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array
from pypet_ng.errors import DesignError
from pypet_ng.spaces.backend import as_array, host_array, is_typed_key, jax_or_none
from pypet_ng.spaces.columns import same_values
from pypet_ng.spaces.keys import Key

__all__ = ["LAST_POINT", "alike", "grid_of_rows", "join", "like", "stack", "table_column"]


class LastPoint:
    """Says that a batch is filled up with the last point instead of with a number."""

    def __repr__(self) -> str:
        return "LAST_POINT"


LAST_POINT: Final = LastPoint()
"""As ``fill_value``: fill a batch up with its last real point, which no model finds strange."""


def _divisor(value: int | None, name: str) -> int:
    if value is None:
        return 1
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number or None, got {value!r}") from None
    if count < 1 or isinstance(value, bool):
        raise ValueError(f"{name} must be a positive whole number or None, got {value!r}")
    return count


def grid_of_rows(
    n: int, n_vmap: int | None, n_pmap: int | None, fill_value: Any
) -> tuple[tuple[int, ...], npt.NDArray[np.int64]]:
    """Give the leading shape of a batch of `n` points and the points in it, the last one repeated."""
    lanes = _divisor(n_vmap, "n_vmap") * _divisor(n_pmap, "n_pmap")
    n_map = math.ceil(n / lanes)
    total = lanes * n_map
    if total > n:
        warnings.warn(
            f"Total requested size {total} exceeds N = {n}. Using fill value: {fill_value}", stacklevel=3
        )
    shape = tuple(count for count in (n_pmap, n_vmap) if count is not None)
    return (*shape, n_map), np.minimum(np.arange(total, dtype=np.int64), n - 1)


def stack(values: Any, n: int, shape: tuple[int, ...], fill_value: Any) -> Any:
    """Bring values of shape (total, ...), of which `n` are real, into the leading shape of a batch."""
    if fill_value is not LAST_POINT and len(values) > n:
        values = _filled(values, n, fill_value)
    return values.reshape((*shape, *values.shape[1:]))


def _filled(values: Any, n: int, fill_value: Any) -> Any:
    jax = jax_or_none()
    count = len(values) - n
    if is_typed_key(values):
        words = jax.random.key_data(values[:n])
        filled = jax.numpy.concatenate([words, jax.numpy.zeros((count, *words.shape[1:]), words.dtype)])
        return jax.random.wrap_key_data(filled, impl=jax.random.key_impl(values))
    dtype = np.dtype(values.dtype)
    fill: Any = fill_value
    if isinstance(fill, float) and math.isnan(fill) and dtype.kind in "iub":
        fill = dtype.kind == "b"  # no whole number is NaN
    if isinstance(values, np.ndarray):
        return np.concatenate([values[:n], np.full((count, *values.shape[1:]), fill, dtype)])
    rest = jax.numpy.full((count, *values.shape[1:]), fill, values.dtype)
    return jax.numpy.concatenate([values[:n], rest])


def table_column(values: Array) -> Any:
    """Give values of shape (n, ...) as a column of a table: whole and real numbers in 64 bit, or objects."""
    if values.ndim == 1 and not values.dtype.hasobject:
        kind = values.dtype.kind
        if kind in "bcu" and values.dtype != np.uint64:
            return values.astype({"b": np.bool_, "c": np.complex128, "u": np.int64}[kind])
        return values if kind == "u" else values.astype(np.int64 if kind == "i" else np.float64)
    column = np.empty(len(values), object)
    for place, value in enumerate(values):
        column[place] = value
    return column


def alike(one: Any, two: Any) -> bool:
    """Tell whether two static leaves are the same."""
    if one is two:
        return True
    if hasattr(one, "dtype") and hasattr(two, "dtype"):
        return bool(one.dtype == two.dtype) and same_values(host_array(one), host_array(two))
    return same_values(one, two)


def like(values: list[Any], example: Any) -> Any:
    """Give explicit values as an array of the type that an axis has."""
    if is_typed_key(example) or example.dtype == object or isinstance(values[0], Key):
        return as_array(values)
    jax = jax_or_none()
    plain = np.asarray([host_array(value) for value in values])
    if not np.can_cast(plain.dtype, example.dtype, "same_kind"):
        raise DesignError(f"Rows of {plain.dtype} do not fit an axis of {example.dtype}: {values!r}")
    typed = plain.astype(example.dtype)
    return typed if jax is None or isinstance(example, np.ndarray) else jax.numpy.asarray(typed)


def join(name: str, one: Any, two: Any) -> Any:
    """Put the values of one axis behind each other; DesignError if they differ in type or shape."""
    if one.dtype != two.dtype or one.shape[1:] != two.shape[1:]:
        raise DesignError(
            f"The values of {name!r} are {one.dtype} of shape {one.shape[1:]} in one space, {two.dtype} of shape "
            f"{two.shape[1:]} in the other: make them alike."
        )
    if isinstance(one, np.ndarray):
        return np.concatenate([one, two])
    return jax_or_none().numpy.concatenate([one, two])
