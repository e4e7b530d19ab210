"""How does a column of equal things grow and get its rows, whatever order they come in?

A :class:`Vector` is one chunked dataset that grows along its first axis; :class:`Lines` a text to which
JSON lines are appended.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

import numpy as np
from h5py import h5d, h5p, h5s, h5t

from pypet_ng._typing import Array
from pypet_ng.errors import BrokenFileError
from pypet_ng.storage.hdf5.attributes import Id
from pypet_ng.storage.hdf5.file import load_filters
from pypet_ng.storage.hdf5.rows import RowSet, stretches
from pypet_ng.storage.hdf5.trust import check_size, open_dataset, shape_and_dtype

__all__ = ["Lines", "Vector", "chunk_of_rows", "chunk_of_text", "exists", "filtered"]

_KIB: Final = 1024
_MIB: Final = 1024 * _KIB
_CALL_BYTES: Final = 24 * _KIB
"""How many bytes can be read and written in the time of one more call (about 12 us)."""
_LARGE: Final = 256 * _KIB
_SELECT_COUNT: Final = 64


def exists(place: Id, name: bytes) -> bool:
    """Tell whether a group has a link of that name."""
    return bool(place.links.exists(name))


def _power(number: float) -> int:
    return 1 << max(0, math.ceil(number) - 1).bit_length()


def chunk_of_rows(tail: tuple[int, ...], itemsize: int, planned: int, batch: int) -> tuple[int, ...]:
    """Give the shape of the chunks of a column with `planned` rows, written `batch` rows at a time.

    A commit of one run rewrites its chunk: so chunks are about 64 KiB unless whole ones of 1 MiB are
    written at once, and no larger than the sweep. A row of 256 KiB is a chunk; none is over 64 MiB.
    """
    row = math.prod(tail) * itemsize
    if not tail:
        return (max(1, min(64 * _KIB // max(1, itemsize), max(256, _power(planned)))),)
    shape = [max(1, length) for length in tail]
    if row >= _LARGE:
        while math.prod(shape) * itemsize > 64 * _MIB:
            longest = max(range(len(shape)), key=shape.__getitem__)
            shape[longest] = -(-shape[longest] // 2)
        return (1, *shape)
    row = max(1, row)
    if row * batch >= _MIB:
        rows = _power(_MIB // row + 1) // 2
    else:
        rows = min(_power(64 * _KIB // row + 1) // 2, max(_power(planned), 4 * _KIB // row))
    return (max(1, rows), *shape)


def chunk_of_text(tail: tuple[int, ...], itemsize: int, expected: float, batch: int) -> tuple[int, ...]:
    """Give the shape of chunks where values of differing lengths lie end to end.

    `expected` elements come in all, `batch` of them now. Commits do not end where chunks do, and each
    rewrites the last chunk, half of one on average: so chunks are a quarter of those of whole rows.
    """
    element = max(1, math.prod(tail) * itemsize)
    size = _MIB // 4 if element * batch >= _MIB else min(64 * _KIB, max(512, _power(element * expected)))
    return (max(1, size // element), *(max(1, length) for length in tail))


def filtered(plist: Id, compress: str | None, itemsize: int) -> Id:
    """Give the property list with the filters of ``compress`` added."""
    if compress == "portable":
        if itemsize > 1:
            plist.set_shuffle()
        plist.set_deflate(1)
    elif compress == "fast":
        options = dict(load_filters().Blosc2(cname="zstd", clevel=1, filters=2))
        plist.set_filter(options["compression"], 0, options["compression_opts"])
    return plist


@lru_cache(maxsize=256)
def _vector_plist(chunk: tuple[int, ...], dtype: np.dtype[Any], compress: str | None) -> Id:
    plist = h5p.create(h5p.DATASET_CREATE)
    plist.set_chunk(chunk)
    plist.set_obj_track_times(False)
    if dtype.kind in "fc":
        plist.set_fill_value(np.full((), np.nan, dtype))  # else gaps look like results to other tools
    return filtered(plist, compress, dtype.itemsize)


class Vector:
    """A dataset of shape (row, ...) that grows. Rows beyond its end read as zeros."""

    __slots__ = ("_chunk", "_direct", "_id", "_memory", "_mspaces", "_space", "dtype", "length", "tail")

    def __init__(self, dataset: Id) -> None:
        self._id = dataset
        # The type in the file is also that in memory: no conversion, whatever the byte order.
        shape, self.dtype, self._memory = shape_and_dtype(dataset)
        if not shape:
            raise BrokenFileError("a column is a single value: restore a copy of the file")
        self.length: int = shape[0]
        self.tail: tuple[int, ...] = shape[1:]
        self._space = dataset.get_space()
        self._mspaces: dict[int, Id] = {}
        self._chunk = 0
        self._direct = False

    @classmethod
    def create(
        cls,
        place: Id,
        name: bytes,
        dtype: np.dtype[Any],
        *,
        tail: tuple[int, ...] = (),
        chunk: tuple[int, ...],
        compress: str | None = None,
    ) -> Vector:
        plist = _vector_plist(chunk, dtype, compress)
        # A chunk may not be longer than an axis of fixed length, nor 0: such axes are made growable.
        most = tuple(length or h5s.UNLIMITED for length in tail)
        space = h5s.create_simple((0, *tail), (h5s.UNLIMITED, *most))
        kind = h5t.py_create(dtype, logical=True)
        return cls(h5d.create(place, name, kind, space, dcpl=plist))

    @classmethod
    def open(
        cls, place: Id, name: bytes, dtype: np.dtype[Any] | None = None, tail: tuple[int, ...] = ()
    ) -> Vector | None:
        """Open one; None if it is not there, BrokenFileError if it has not the `dtype` and `tail` given."""
        if not exists(place, name):
            return None
        vector = cls(open_dataset(place, name))
        if dtype is not None and (vector.dtype != dtype or vector.tail != tail):
            raise BrokenFileError(
                f"the column {name.decode()!r} holds {vector.dtype} of shape {vector.tail}, not {dtype} of "
                f"shape {tail}: restore a copy of the file"
            )
        return vector

    def _learn_chunk(self) -> int:
        """Give the rows of a chunk; only writers need to know."""
        plist = self._id.get_create_plist()
        chunk = plist.get_chunk()
        self._chunk = chunk[0]
        self._direct = chunk == (1, *self.tail) and not plist.get_nfilters()
        return self._chunk

    def _in_memory(self, count: int) -> Id:
        space = self._mspaces.get(count)
        if space is None:
            space = h5s.create_simple((count, *self.tail))
            if len(self._mspaces) < _SELECT_COUNT:
                self._mspaces[count] = space
        return space

    def _select(self, start: int, stop: int) -> Id:
        zeros = (0,) * len(self.tail)
        self._space.select_hyperslab((start, *zeros), (stop - start, *self.tail))
        return self._space

    def resize(self, length: int) -> None:
        """Cut or grow to exactly `length` rows."""
        if length != self.length:
            self._id.set_extent((length, *self.tail))
            self._space = self._id.get_space()
            self.length = length

    def write(self, rows: RowSet, values: Array, limit: int = 0) -> None:
        """Write rows; values of shape (rows.size, ...). `limit`: how many rows will come in all."""
        if not rows.size:
            return
        if rows.stop > self.length:
            # A little ahead: resizing at each commit costs more than the writing itself.
            chunk = self._chunk or self._learn_chunk()
            whole = -(-rows.stop // chunk) * chunk
            self.resize(max(rows.stop, min(whole, limit)))
        if values.dtype != self.dtype or not values.flags.c_contiguous:
            values = np.ascontiguousarray(values, dtype=self.dtype)
        if not values.size:
            return
        if rows.dense:
            self._put(rows.start, values)
            return
        pieces = stretches(rows.array)
        covered = (rows.stop - rows.start) * values.itemsize * math.prod(self.tail)
        if 2 * covered < len(pieces) * _CALL_BYTES:
            whole_range = self.read_range(rows.start, rows.stop)
            whole_range[rows.array - rows.start] = values
            self._put(rows.start, whole_range)
            return
        first = rows.array
        for begin, end in pieces:
            self._put(int(first[begin]), values[begin:end])

    def fill(self, rows: RowSet, value: int, limit: int = 0) -> None:
        """Write one number into rows."""
        self.write(rows, np.full(rows.size, value, self.dtype), limit)

    def _put(self, start: int, values: Array) -> None:
        if not self._chunk:
            self._learn_chunk()
        if self._direct and values[:1].nbytes >= _LARGE:
            zeros = (0,) * len(self.tail)
            for number in range(len(values)):
                self._id.write_direct_chunk((start + number, *zeros), values[number])
            return
        count = len(values)
        self._id.write(self._in_memory(count), self._select(start, start + count), values, mtype=self._memory)

    def append(self, values: Array) -> int:
        """Write behind the last row and give the number of the first new row."""
        start = self.length
        if len(values):
            self.write(RowSet(start, start + len(values)), values)
        return start

    def check(self, rows: int) -> None:
        """Raise BrokenFileError if so many rows cannot come from this file."""
        check_size(self._id, rows * self.dtype.itemsize * math.prod(self.tail))

    def read_range(self, start: int, stop: int) -> Array:
        """Give rows start to stop, shape (stop - start, ...)."""
        self.check(stop - start)
        there = max(0, min(stop, self.length) - start)
        if there == stop - start:
            result = np.empty((there, *self.tail), self.dtype)
        else:
            result = np.zeros((stop - start, *self.tail), self.dtype)
        if there and result.size:
            into = result if there == len(result) else result[:there]
            self._id.read(
                self._in_memory(there), self._select(start, start + there), into, mtype=self._memory
            )
        return result

    def read(self, rows: RowSet) -> Array:
        """Give some rows, shape (rows.size, ...)."""
        if rows.dense:
            return self.read_range(rows.start, rows.stop)
        row_bytes = max(1, self.dtype.itemsize * math.prod(self.tail))
        array = rows.array
        pieces = stretches(array)
        if (rows.stop - rows.start - rows.size) * row_bytes <= 2 * len(pieces) * _CALL_BYTES:
            return self.read_range(rows.start, rows.stop)[array - rows.start]
        result = np.empty((rows.size, *self.tail), self.dtype)
        for begin, end in pieces:
            result[begin:end] = self.read_range(int(array[begin]), int(array[end - 1]) + 1)
        return result


_U1: Final = np.dtype("u1")


class Lines:
    """JSON values, one a line, in a dataset of UTF-8 bytes to which lines are appended."""

    __slots__ = ("_name", "_place", "_vector")

    def __init__(self, place: Id, name: bytes) -> None:
        """Take a group and the name the dataset has in it, or gets when the first line is written."""
        self._place = place
        self._name = name
        self._vector = Vector.open(place, name, _U1)

    def __bool__(self) -> bool:
        return self._vector is not None and self._vector.length > 0

    @property
    def size(self) -> int:
        """Number of bytes."""
        return 0 if self._vector is None else self._vector.length

    def append(self, values: Iterable[Any]) -> None:
        """Add lines."""
        data = b"".join(json.dumps(value, separators=(",", ":")).encode() + b"\n" for value in values)
        if not data:
            return
        if self._vector is None:
            chunk = chunk_of_text((), 1, 4 * len(data), len(data))
            self._vector = Vector.create(self._place, self._name, _U1, chunk=chunk)
        self._vector.append(np.frombuffer(data, _U1))

    def rewrite(self, values: Iterable[Any]) -> None:
        """Replace all lines."""
        if self._vector is not None:
            self._vector.resize(0)
        self.append(values)

    def read(self) -> list[Any]:
        """Give all values; ValueError if the text is damaged."""
        if self._vector is None or not self._vector.length:
            return []
        data = self._vector.read_range(0, self._vector.length).tobytes()
        return [json.loads(line) for line in data.split(b"\n") if line]
