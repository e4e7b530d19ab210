"""How does an array look that is read from its trajectory only where it is used?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.mixins import NDArrayOperatorsMixin

from pypet_ng._typing import Array

__all__ = ["StoredArray"]


class StoredArray(NDArrayOperatorsMixin):
    """Results of all runs as one array, first axes those of the runs. Reads what an index asks for.

    Behaves as a numpy array: indexing, arithmetic, numpy functions, and the methods of arrays. What is
    read is not kept; runs that are missing are NaN.
    """

    def __init__(
        self,
        read: Callable[[npt.NDArray[np.int64]], Array],
        rows: npt.NDArray[np.int64],
        tail: tuple[int, ...],
    ) -> None:
        """Take a function from run positions to an array (run, \\*tail), and the runs' grid of positions."""
        self._read = read
        self._rows = rows
        self._tail = tail

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return (*self._rows.shape, *self._tail)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values."""
        return np.dtype(np.float64)

    @property
    def nbytes(self) -> int:
        """Bytes it would take in memory."""
        return self.size * 8

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Array]:
        for place in range(len(self)):
            yield self[place]

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        whole = self._all()
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [np.asarray(one) if isinstance(one, StoredArray) else one for one in inputs]
        return getattr(ufunc, method)(*plain, **kwargs)

    def __getitem__(self, key: Any) -> Any:
        keys = key if isinstance(key, tuple) else (key,)
        first = len(self._rows.shape)
        simple = all(isinstance(one, int | np.integer | slice) for one in keys)
        if not simple:
            # lists, masks and ellipses: numpy knows their rules; only leading plain ones save reading
            return self._all()[key]
        rows = self._rows[keys[:first]]
        rest = keys[first:]
        values = self._read(np.atleast_1d(rows).ravel()).reshape((*np.shape(rows), *self._tail))
        return values[(*(slice(None),) * np.ndim(rows), *rest)] if rest else values

    def _all(self) -> Array:
        return self._read(self._rows.ravel()).reshape(self.shape)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(f"An array of results has no attribute {name!r}.")
        return getattr(self._all(), name)

    def __repr__(self) -> str:
        return f"<StoredArray of shape {self.shape}, float64, {self.nbytes / 2**20:.1f} MiB, read where it is used>"
