"""How do many values of one layout lie in the file?

A *fixed* variant holds values of one shape: each part is a dataset (row, ...). A *ragged* one holds
values of any length: each part is all values end to end, and a span (start, length) per row and axis.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from h5py import h5d, h5g

from pypet_ng._typing import Array
from pypet_ng.encoding.encoded import Layout, PartLayout, Stack
from pypet_ng.errors import BrokenFileError
from pypet_ng.storage.hdf5 import attributes
from pypet_ng.storage.hdf5.attributes import Id
from pypet_ng.storage.hdf5.elements import part_name
from pypet_ng.storage.hdf5.rows import RowSet
from pypet_ng.storage.hdf5.trust import open_any, open_dataset
from pypet_ng.storage.hdf5.vectors import Vector, chunk_of_rows, chunk_of_text

__all__ = ["Variant"]

_SPAN: Final = np.dtype("<i8")
_U1: Final = np.dtype("u1")


def _span_name(number: int) -> bytes:
    return b"_span_%d" % number if number else b"_span"


class Variant:
    """The values of one layout in one column, by row."""

    __slots__ = ("_parts", "_spans", "id", "layout", "lengths")

    def __init__(
        self,
        number: int,
        layout: Layout,
        lengths: dict[str, int] | None,
        parts: dict[str, Vector],
        spans: dict[str, Vector],
    ) -> None:
        self.id: Final = number
        """The kind of the rows that have such a value."""
        self.layout: Final = layout
        self.lengths: Final = lengths
        """By axis, of a fixed variant; None if ragged."""
        self._parts = parts
        self._spans = spans

    @classmethod
    def create(
        cls,
        place: Id,
        number: int,
        stack: Stack,
        lengths: dict[str, int] | None,
        planned: int,
        compress: str | None,
    ) -> Variant:
        layout = stack.layout
        name = b"_%d" % number
        alone = lengths is not None and len(layout.parts) == 1 and layout.parts[0].name == ""
        group = place if alone else h5g.create(place, name)
        parts: dict[str, Vector] = {}
        spans: dict[str, Vector] = {}
        count = len(stack)
        for part in layout.parts:
            data = stack.data[part.name]
            if part.axis is not None and lengths is None:
                tail = part.tail
                expected = len(data) / max(1, count) * max(planned, count)
                chunk = chunk_of_text(tail, data.itemsize, expected, len(data))
            else:
                tail = part.tail if part.axis is None or lengths is None else (lengths[part.axis], *part.tail)
                chunk = chunk_of_rows(tail, data.itemsize, planned, count)
            link = name if alone else part_name(part.name)
            parts[part.name] = Vector.create(
                group, link, data.dtype, tail=tail, chunk=chunk, compress=compress
            )
        if lengths is None:
            for index, axis in enumerate(layout.axes):
                chunk = (*chunk_of_rows((), 16, planned, count), 2)
                spans[axis] = Vector.create(
                    group, _span_name(index), _SPAN, tail=(2,), chunk=chunk, compress=compress
                )
        _write_layout(open_dataset(place, name) if alone else group, layout, lengths)
        return cls(number, layout, lengths, parts, spans)

    @classmethod
    def open(cls, place: Id, number: int) -> Variant:
        name = b"_%d" % number
        element: Any = open_any(place, name)
        layout, lengths = _read_layout(element)
        if isinstance(element, h5d.DatasetID):
            return cls(number, layout, lengths, {"": Vector(element)}, {})
        parts = {part.name: _need(element, part_name(part.name)) for part in layout.parts}
        spans = {}
        if lengths is None:
            spans = {axis: _need(element, _span_name(i), _SPAN, (2,)) for i, axis in enumerate(layout.axes)}
        return cls(number, layout, lengths, parts, spans)

    def write(self, rows: RowSet, stack: Stack, limit: int) -> None:
        """Write the values of a stack of this layout; value k goes to row k of `rows`."""
        if self.lengths is None:
            for axis, lengths in stack.lengths.items():
                ends = np.cumsum(lengths)
                own = [part.name for part in self.layout.parts if part.axis == axis]
                # All parts of an axis have the same length: they are only ever written together here.
                first = self._parts[own[0]].length if own else 0
                for name in own:
                    self._parts[name].append(stack.data[name])
                span = np.empty((len(lengths), 2), _SPAN)
                span[:, 0] = ends - lengths + first
                span[:, 1] = lengths
                self._spans[axis].write(rows, span, limit)
        for part in self.layout.parts:
            data = stack.data[part.name]
            if part.axis is None:
                self._parts[part.name].write(rows, data, limit)
            elif self.lengths is not None:
                shape = (rows.size, self.lengths[part.axis], *part.tail)
                self._parts[part.name].write(rows, data.reshape(shape), limit)

    def read(self, rows: RowSet, positions: npt.NDArray[np.int64]) -> Stack:
        """Give the values of rows; `positions` says which of the caller's values they are."""
        data: dict[str, Array] = {}
        lengths: dict[str, npt.NDArray[np.int64]] = {}
        for axis in self.layout.axes:
            if self.lengths is None:
                span = self._spans[axis].read(rows)
                lengths[axis] = np.ascontiguousarray(span[:, 1])
                for part in self.layout.parts:
                    if part.axis == axis:
                        data[part.name] = _gather(self._parts[part.name], span)
            else:
                lengths[axis] = np.full(rows.size, self.lengths[axis], np.int64)
        for part in self.layout.parts:
            if part.axis is None:
                data[part.name] = self._parts[part.name].read(rows)
            elif self.lengths is not None:
                values = self._parts[part.name].read(rows)
                data[part.name] = values.reshape((rows.size * self.lengths[part.axis], *part.tail))
        return Stack(self.layout, positions, data, lengths)

    def read_raw(self, rows: RowSet) -> Array:
        """Give the main part of a fixed variant as it lies in the file, shape (rows.size, ...)."""
        return self._parts[""].read(rows)

    def problems(self, rows: RowSet) -> list[str]:
        """List what is wrong with the given rows, which should have values here."""
        found = []
        for part in self.layout.parts:
            vector = self._parts[part.name]
            fixed = part.axis is None or self.lengths is not None
            if fixed and rows.size and vector.length < rows.stop:
                found.append(f"part {part.name!r} has {vector.length} rows, run {rows.stop - 1} is missing")
        for axis, spans in self._spans.items():
            span = spans.read(rows)
            for part in self.layout.parts:
                if part.axis == axis and len(span):
                    end = int((span[:, 0] + span[:, 1]).max())
                    if int(span.min()) < 0 or end > self._parts[part.name].length:
                        found.append(f"spans of part {part.name!r} reach beyond its data")
        return found


def _need(place: Id, name: bytes, dtype: np.dtype[Any] | None = None, tail: tuple[int, ...] = ()) -> Vector:
    vector = Vector.open(place, name, dtype, tail)
    if vector is None:
        raise BrokenFileError(f"a column lacks its dataset {name.decode()!r}: restore a copy of the file")
    return vector


def _gather(vector: Vector, span: npt.NDArray[np.int64]) -> Array:
    """Give pieces of a vector end to end: span holds (start, length) of each."""
    starts, lengths = span[:, 0], span[:, 1]
    total = int(lengths.sum())
    if not total:
        return vector.read_range(0, 0)
    vector.check(total)
    if int(lengths.min()) < 0 or int(starts.min()) < 0 or int((starts + lengths).max()) > vector.length:
        raise BrokenFileError("a span of a column reaches beyond its data: restore a copy of the file")
    filled = lengths > 0
    low = int(starts[filled].min())
    high = int((starts + lengths)[filled].max())
    ends = np.cumsum(lengths)
    if high - low == total and bool((starts[filled] == low + (ends - lengths)[filled]).all()):
        return vector.read_range(low, high)
    if (high - low - total) * vector.dtype.itemsize * math.prod(vector.tail) <= 65536 * len(span):
        index = np.arange(total) + np.repeat(starts - low - (ends - lengths), lengths)
        gathered: Array = vector.read_range(low, high)[index]
        return gathered
    return np.concatenate(
        [vector.read_range(start, start + length) for start, length in span.tolist() if length]
    )


def _write_layout(element: Id, layout: Layout, lengths: Mapping[str, int] | None) -> None:
    attributes.set_text(element, b"encoding-type", layout.type, new=True)
    attributes.set_text(element, b"encoding-version", layout.version, new=True)
    if layout.meta != "{}":
        attributes.set_text(element, b"meta", layout.meta, new=True)
    facts: dict[str, Any] = {
        "parts": [[part.name, part.dtype, part.axis, part.tail] for part in layout.parts],
        "lengths": lengths,
    }
    if layout.meta != "{}":
        facts["meta"] = True  # so that readers need not look for what is mostly not there
    if layout.text:
        facts["text"] = True
    if layout.ragged:
        facts["ragged"] = True
    attributes.set_json(element, b"layout", facts, new=True)


def _read_layout(element: Id) -> tuple[Layout, dict[str, int] | None]:
    facts = attributes.get_json(element, b"layout")
    if facts is None:
        raise BrokenFileError("a column lacks its attribute 'layout': restore a copy of the file")
    parts = tuple(PartLayout(name, dtype, axis, tuple(tail)) for name, dtype, axis, tail in facts["parts"])
    layout = Layout(
        attributes.get_text(element, b"encoding-type"),
        attributes.get_text(element, b"encoding-version"),
        attributes.get_text(element, b"meta") if facts.get("meta") else "{}",
        parts,
        facts.get("text", False),
        facts.get("ragged", False),
    )
    return layout, facts["lengths"]
