"""Which numbers go to the devices for some runs?

Explored values become one column per parameter, of the type the function would see in a run of its
own: Python numbers are *weak*, they take on the type of what they are combined with.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array, Path
from pypet_ng.errors import TracingError
from pypet_ng.tree.records import Chunk

__all__ = ["Feed", "Kind", "Piece", "Points", "is_wide", "join", "piece_of", "pieces_of"]

_PYTHON: Final[dict[type, type]] = {bool: np.bool_, int: np.int64, float: np.float64, complex: np.complex128}
_NARROW: Final = {"int64": "int32", "uint64": "uint32", "float64": "float32", "complex128": "complex64"}


@dataclass(frozen=True, slots=True)
class Kind:
    """What the values of one explored parameter have in common."""

    dtype: str
    """As they go to the device."""
    shape: tuple[int, ...] = ()
    """Of one value."""
    weak: bool = False
    """They are Python numbers."""
    random: str = ""
    """Name of the generator if they are random keys; their words are what goes to the device."""

    @property
    def size(self) -> int:
        """Bytes of one value."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True)
class Points:
    """Some runs with their explored values: a column (run, ...) for each parameter."""

    rows: npt.NDArray[np.int64]
    attempts: npt.NDArray[np.uint16]
    columns: Mapping[Path, Array]

    def __len__(self) -> int:
        return len(self.rows)

    def cut(self, where: slice) -> Points:
        """Give some of the runs; shares memory."""
        columns = {path: column[where] for path, column in self.columns.items()}
        return Points(self.rows[where], self.attempts[where], columns)


def join(parts: Sequence[Points]) -> Points:
    """Give the runs of several as one."""
    if len(parts) == 1:
        return parts[0]
    columns = {path: np.concatenate([part.columns[path] for part in parts]) for path in parts[0].columns}
    rows = np.concatenate([part.rows for part in parts])
    return Points(rows, np.concatenate([part.attempts for part in parts]), columns)


Piece: TypeAlias = "tuple[Points, dict[Path, Kind]]"


def pieces_of(chunks: Iterable[Chunk]) -> Iterator[Piece]:
    """Give the runs of chunks with their values as columns; TracingError for what is no number."""
    wide = is_wide()
    for chunk in chunks:
        if len(chunk.rows):
            columns: dict[Path, Array] = {}
            kinds: dict[Path, Kind] = {}
            for path, values in chunk.columns.items():
                columns[path], kinds[path] = _column(path, values, chunk.rows, wide)
            yield Points(chunk.rows, chunk.attempts, columns), kinds


def piece_of(rows: npt.NDArray[np.int64], columns: Mapping[Path, Array], wide: bool) -> Piece:
    """Give points whose values are columns already, none of them Python numbers."""
    own = {path: _fitted(".".join(path), column, wide) for path, column in columns.items()}
    kinds = {path: Kind(str(column.dtype), column.shape[1:]) for path, column in own.items()}
    return Points(rows, np.ones(len(rows), np.uint16), own), kinds


class Feed:
    """Cuts runs anew, into pieces of any size. Draws pieces as they are needed.

    All must have values of the kinds of the first one; TracingError names what differs.
    """

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces = iter(pieces)
        self._parts: deque[Points] = deque()
        self._waiting = 0
        self.kinds: dict[Path, Kind] | None = None
        """By explored parameter; known as soon as there was a run."""

    def available(self, most: int) -> int:
        """Give how many runs are left, at most `most`."""
        while self._waiting < most:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._add(*piece)
        return min(most, self._waiting)

    def take(self, most: int) -> Points | None:
        """Give the next runs, None if there are none."""
        count = self.available(most)
        if not count:
            return None
        taken: list[Points] = []
        lacking = count
        while lacking:
            part = self._parts.popleft()
            if len(part) > lacking:
                self._parts.appendleft(part.cut(slice(lacking, None)))
                part = part.cut(slice(0, lacking))
            taken.append(part)
            lacking -= len(part)
        self._waiting -= count
        return join(taken)

    def first_row(self) -> int:
        """Give the run that is next; there must be one."""
        return int(self._parts[0].rows[0])

    def put_back(self, points: Points) -> None:
        """Give runs back; they are the next to be taken."""
        self._parts.appendleft(points)
        self._waiting += len(points)

    def _add(self, points: Points, kinds: dict[Path, Kind]) -> None:
        if self.kinds is None:
            self.kinds = kinds
        for path, kind in kinds.items():
            if kind != self.kinds[path]:
                raise TracingError(
                    f"The explored values of {'.'.join(path)!r} are {_words(self.kinds[path])} at first and "
                    f"{_words(kind)} in runs {points.rows[0]} to {points.rows[-1]}: a batch needs one shape and "
                    "type. Pad them to one shape, or use runner='processes'."
                )
        self._parts.append(points)
        self._waiting += len(points)


def is_wide() -> bool:
    """Tell whether JAX computes with 64 bits."""
    import jax

    return bool(jax.numpy.asarray(1.0).dtype == np.float64)


def _words(kind: Kind) -> str:
    return f"{kind.dtype} of shape {kind.shape}" if kind.shape else kind.dtype


def _column(path: Path, values: Any, rows: npt.NDArray[np.int64], wide: bool) -> tuple[Array, Kind]:
    """Give values as a column for the device, and their kind; TracingError if they are no numbers."""
    name = ".".join(path)
    first = values[0]
    python = _PYTHON.get(type(first))
    random = ""
    column: Array
    if python is not None:
        try:
            column = np.array(values, python)
        except (TypeError, ValueError, OverflowError) as error:
            raise TracingError(
                f"The explored values of {name!r} cannot be taken as {python.__name__}: {error}. Give numbers "
                "of one type, or use runner='processes'."
            ) from error
    elif type(first).__name__ == "PRNGKeyArray":
        import jax

        random = str(jax.random.key_impl(first))
        column = np.stack([np.asarray(jax.random.key_data(value)) for value in values])
    else:
        column = _stacked(name, values, rows)
    column = _fitted(name, column, wide)
    return column, Kind(str(column.dtype), column.shape[1:], python is not None, random)


def _stacked(name: str, values: Any, rows: npt.NDArray[np.int64]) -> Array:
    arrays = [np.asarray(value) for value in values]
    for row, array in zip(rows.tolist(), arrays, strict=True):
        if array.dtype.kind not in "biufcV":
            raise TracingError(
                f"The explored parameter {name!r} has the value {str(array)[:40]!r} in run {row}: in a batch "
                "all explored values are numbers or arrays of numbers. Explore a number that stands for it, or "
                "use runner='processes'."
            )
        if array.shape != arrays[0].shape:
            raise TracingError(
                f"The explored arrays of {name!r} differ in shape: {arrays[0].shape} in run {rows[0]}, "
                f"{array.shape} in run {row}. A batch needs one shape: pad them, or use runner='processes'."
            )
    return np.stack(arrays)


def _fitted(name: str, column: Array, wide: bool) -> Array:
    return column if wide or str(column.dtype) not in _NARROW else _narrowed(name, column)


def _narrowed(name: str, column: Array) -> Array:
    """Give 32-bit numbers, as JAX would, but never other integers than those that were given."""
    narrow = column.astype(_NARROW[str(column.dtype)])
    if column.dtype.kind in "iu" and not np.array_equal(narrow, column):
        guilty = column[narrow != column].flat[0]
        raise TracingError(
            f"The explored parameter {name!r} has the value {guilty}, which 32 bits cannot hold. "
            "Call jax.config.update(\"jax_enable_x64\", True) first, or use runner='processes'."
        )
    return narrow
