"""How are single values of columns read, without opening the file for each?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Path
from pypet_ng.errors import DataNotInStorageError
from pypet_ng.storage.base import NOT_SET, RunColumn, StorageService
from pypet_ng.tree.nodes import Leaf
from pypet_ng.tree.records import Signature
from pypet_ng.tree.runnames import unfold_item

__all__ = ["Rows", "load_row"]

_BLOCK_BYTES = 256 << 10
_ID_BLOCK = 65_536
_NO_IDS: npt.NDArray[np.uint16] = np.zeros(0, np.uint16)


class Rows:
    """Gives single values of columns, reading a block of rows at a time. Not thread safe."""

    def __init__(self, storage: StorageService, *, eager: bool = False) -> None:
        self.storage = storage
        self.eager = eager
        """Read whole columns at once and keep them."""
        self._columns: dict[tuple[Path, str], RunColumn] = {}
        self._blocks: dict[tuple[Path, str], tuple[int, list[Any]]] = {}
        self._steps: dict[tuple[Path, str], int] = {}
        self._signatures: Mapping[Path, Sequence[Signature]] | None = None
        self._ids: dict[Path, tuple[int, npt.NDArray[np.uint16]]] = {}

    def signature(self, path: Path, row: int) -> Signature | None:
        """Give what the leaf of a run looks like, None if the run wrote none; ids are read by the block."""
        if self._signatures is None:
            self._signatures = self.storage.signatures()
        known = self._signatures.get(path)
        if known is None:
            return None
        start, ids = self._ids.get(path, (0, _NO_IDS))
        if not start <= row < start + len(ids):
            start = row - row % _ID_BLOCK
            ids = self.storage.signature_ids(path, slice(start, start + _ID_BLOCK))
            self._ids[path] = (start, ids)
            if row >= start + len(ids):
                return None
        number = int(ids[row - start])
        # a signature may be newer than what was read of them, if the sweep is going on
        return known[number - 1] if 0 < number <= len(known) else None

    def preload(self, path: Path, item: str) -> None:
        """Read a whole column."""
        self._blocks[path, item] = (0, self.storage.read_runs(path, item).values())

    def whole(self, path: Path, item: str) -> list[Any]:
        """Give a column that :meth:`preload` read, not to be changed."""
        return self._blocks[path, item][1]

    def get(self, path: Path, item: str, row: int) -> Any:
        """Give one value; ``NOT_SET`` if the run wrote none."""
        key = (path, item)
        start, block = self._blocks.get(key, (0, []))
        if not start <= row < start + len(block):
            column = self._columns.get(key)
            if column is None:
                column = self._columns[key] = self.storage.read_runs(path, item)
            step = self._steps.get(key, 1)
            start = row - row % step
            block = column.values(slice(start, min(start + step, len(column))))
            if key not in self._steps:
                self._steps[key] = max(1, min(1024, _BLOCK_BYTES // max(1, _size(block[0]) if block else 1)))
            else:
                self._blocks[key] = (start, block)
            if not start <= row < start + len(block):
                return NOT_SET
        value = block[row - start]
        # the caller owns what it gets: arrays of the block must not be shared
        return value.copy() if isinstance(value, np.ndarray) else value


def _size(value: Any) -> int:
    size = getattr(value, "nbytes", None)
    if isinstance(size, int):
        return max(64, size)
    return max(64, len(value)) if isinstance(value, (str, bytes, list, tuple, dict)) else 64


def load_row(
    rows: Rows, leaf: Leaf, signature: Signature, row: int, only: frozenset[str] | None = None
) -> None:
    """Fill a leaf with the values of its row."""
    data = {}
    for item in signature.items:
        name = unfold_item(signature.path, item, row)
        if only is None or name in only:
            value = rows.get(signature.path, item, row)
            if value is not NOT_SET:
                data[name] = value
    if not data and signature.items and only is None:
        raise DataNotInStorageError(
            f"Run {row} has no data of {'.'.join(signature.path)!r} in {rows.storage.location}."
        )
    leaf.load(data)
