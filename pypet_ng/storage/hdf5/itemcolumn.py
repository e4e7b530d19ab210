"""How does one item of a result lie in the file for all runs, whatever its values are?

Each row has a kind: 0 is not set, k the k-th variant, 255 a value apart. Variants are made as values of
new layouts come in; what is read back does not depend on the order in which that happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from h5py import h5g

from pypet_ng import encoding
from pypet_ng._typing import Array
from pypet_ng.encoding.encoded import Encoded, Layout, Stack
from pypet_ng.errors import BrokenFileError
from pypet_ng.storage.base import NOT_SET
from pypet_ng.storage.hdf5.attributes import Id
from pypet_ng.storage.hdf5.elements import read_element, remove, write_element
from pypet_ng.storage.hdf5.rows import RowSet, present
from pypet_ng.storage.hdf5.trust import open_group
from pypet_ng.storage.hdf5.variants import Variant
from pypet_ng.storage.hdf5.vectors import Vector, chunk_of_rows, exists
from pypet_ng.tree.runnames import run_name

__all__ = ["APART", "MOST_VARIANTS", "ItemColumn"]

MOST_VARIANTS: Final = 16
APART: Final = 255
"""Kind of rows whose value is an element of its own."""
_KIND: Final = b"_kind"
_IRREGULAR: Final = b"_irregular"
_U1: Final = np.dtype("u1")


class ItemColumn:
    """One item over all rows. Valid while the file is open."""

    __slots__ = ("_compress", "_group", "_irregular", "_kinds", "_variants")

    def __init__(self, group: Id, kinds: Vector, compress: str | None) -> None:
        self._group = group
        self._kinds = kinds
        self._compress = compress
        self._variants: list[Variant] | None = None
        self._irregular: Id | None = None

    @classmethod
    def open(cls, place: Id, name: bytes, compress: str | None = None) -> ItemColumn | None:
        """Open one; None if it is not there."""
        if not exists(place, name):
            return None
        group = open_group(place, name)
        kinds = Vector.open(group, _KIND, _U1)
        return None if kinds is None else cls(group, kinds, compress)

    @classmethod
    def create(cls, place: Id, name: bytes, planned: int, compress: str | None) -> ItemColumn:
        group = h5g.create(place, name)
        chunk = chunk_of_rows((), 1, planned, 1)
        column = cls(group, Vector.create(group, _KIND, _U1, chunk=chunk), compress)
        column._variants = []
        return column

    @property
    def length(self) -> int:
        """Number of rows there are; those beyond are not set."""
        return self._kinds.length

    def variants(self) -> list[Variant]:
        """Give the variants; that of kind k is at k - 1."""
        if self._variants is None:
            self._variants = []
            while exists(self._group, b"_%d" % (len(self._variants) + 1)):
                self._variants.append(Variant.open(self._group, len(self._variants) + 1))
        return self._variants

    # -- writing ------------------------------------------------------------------------------
    def write(self, rows: RowSet, values: Sequence[Any] | Array, planned: int) -> None:
        """Write values (raw, or `Encoded`, or an array with a row per value) into rows."""
        stacks = encoding.encode_column(values)
        if len(stacks) == 1:
            kind = self._write_stack(rows, stacks[0], values, planned)
            self._kinds.fill(rows, kind, planned)
            return
        kinds = np.zeros(rows.size, _U1)
        for stack in stacks:
            kinds[stack.positions] = self._write_stack(rows.take(stack.positions), stack, values, planned)
        self._kinds.write(rows, kinds, planned)

    def clear(self, rows: RowSet) -> None:
        """Mark rows as not set."""
        if rows.start < self._kinds.length:
            within = RowSet.of(rows.array[rows.array < self._kinds.length])
            self._kinds.fill(within, 0)

    def _write_stack(self, rows: RowSet, stack: Stack, values: Sequence[Any] | Array, planned: int) -> int:
        variant = self._variant_for(stack, planned)
        if variant is not None:
            variant.write(rows, stack, planned)
            return variant.id
        if self._irregular is None:
            there = exists(self._group, _IRREGULAR)
            self._irregular = (open_group if there else h5g.create)(self._group, _IRREGULAR)
        for row, position in zip(rows.array.tolist(), stack.positions.tolist(), strict=True):
            value = values[position]
            name = run_name(row).encode()
            remove(self._irregular, name)
            encoded = value if isinstance(value, Encoded) else encoding.encode(value)
            write_element(self._irregular, name, encoded, self._compress)
        return APART

    def _variant_for(self, stack: Stack, planned: int) -> Variant | None:
        layout = stack.layout
        lengths: dict[str, int] | None = None
        if not layout.ragged:
            common = {axis: stack.common_length(axis) for axis in layout.axes}
            if None not in common.values():
                lengths = {axis: length for axis, length in common.items() if length is not None}
        known = False
        ragged: Variant | None = None
        for variant in self.variants():
            if variant.layout == layout:
                known = True
                if variant.lengths is None:
                    ragged = variant
                elif variant.lengths == lengths:
                    return variant
        if ragged is not None:
            return ragged
        if len(self.variants()) >= MOST_VARIANTS:
            return None
        made = Variant.create(
            self._group, len(self.variants()) + 1, stack, None if known else lengths, planned, self._compress
        )
        self.variants().append(made)
        return made

    # -- reading ------------------------------------------------------------------------------
    def kinds(self, rows: RowSet) -> npt.NDArray[np.uint8]:
        """Give the kind of each row."""
        return self._kinds.read(rows)

    def variant(self, kind: int) -> Variant:
        """Give the variant of a kind."""
        if self._variants is not None and 1 <= kind <= len(self._variants):
            return self._variants[kind - 1]
        if not exists(self._group, b"_%d" % kind):
            raise BrokenFileError(
                f"a column has rows of kind {kind}, and only {len(self.variants())} variants"
            )
        return Variant.open(self._group, kind)  # a reader mostly needs one of them

    def values(self, rows: RowSet) -> list[Any]:
        """Give the values of rows; NOT_SET where there is none."""
        kinds = self.kinds(rows)
        found_kinds = present(kinds)
        if len(found_kinds) == 1 and 0 < found_kinds[0] < APART:
            stack = self.variant(found_kinds[0]).read(rows, np.arange(rows.size, dtype=np.int64))
            return encoding.decode_column(stack)
        values: list[Any] = [NOT_SET] * rows.size
        for kind in found_kinds:
            if not kind:
                continue
            positions = np.flatnonzero(kinds == kind)
            chosen = rows.take(positions)
            if kind == APART:
                found = [self.read_apart(row) for row in chosen.array.tolist()]
            else:
                found = encoding.decode_column(self.variant(kind).read(chosen, positions))
            for position, value in zip(positions.tolist(), found, strict=True):
                values[position] = value
        return values

    def read_apart(self, row: int) -> Any:
        """Give the value of a row of kind 255."""
        name = run_name(row).encode()
        if not exists(self._group, _IRREGULAR):
            raise BrokenFileError(f"the value of run {row} is missing: there is no group '_irregular'")
        group = open_group(self._group, _IRREGULAR)
        if not exists(group, name):
            raise BrokenFileError(f"the value of run {row} is missing in '_irregular'")
        return encoding.decode(read_element(group, name))

    def layouts(self) -> list[Layout]:
        """Give the layout of each variant."""
        return [variant.layout for variant in self.variants()]

    def problems(self) -> list[str]:
        """List what is wrong with the column."""
        rows = RowSet(0, self._kinds.length)
        kinds = self.kinds(rows)
        found: list[str] = []
        for kind in present(kinds):
            chosen = RowSet.of(np.flatnonzero(kinds == kind))
            if kind == APART:
                group = open_group(self._group, _IRREGULAR) if exists(self._group, _IRREGULAR) else None
                missing = [
                    row
                    for row in chosen.array.tolist()
                    if group is None or not exists(group, run_name(row).encode())
                ]
                found += [f"run {row} has kind 255 and no value apart" for row in missing]
            elif kind > len(self.variants()):
                found.append(
                    f"{chosen.size} runs from {chosen.start} on have kind {kind}, which is not there"
                )
            elif kind:
                found += [f"kind {kind}: {text}" for text in self.variants()[kind - 1].problems(chosen)]
        return found
