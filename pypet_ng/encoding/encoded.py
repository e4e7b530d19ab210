"""What does a value look like once it is encoded: alone, and as a column of many?

A value becomes a type name, a version, a small JSON ``meta`` and named numpy arrays. A storage needs
to know no more than that: one value alone is a dataset (or a group of datasets), many values of one
:class:`Layout` are columns.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import JSON, Array

__all__ = ["Encoded", "Layout", "PartLayout", "Stack"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """One value in its stored form. Owns its arrays: nobody else may write to them."""

    type: str
    """Name of the codec, stored as ``encoding-type``."""
    version: str
    """Version of the codec's form, stored as ``encoding-version``."""
    meta: Mapping[str, JSON] = field(default_factory=dict)
    """Small facts that are no arrays: dtype, class, column names."""
    parts: Mapping[str, Array] = field(default_factory=dict)
    """The data. The main part of a codec with one part is named ``''``. Only kinds b i u f c S V."""
    axes: Mapping[str, str] = field(default_factory=dict)
    """Parts whose first axis always has one common length name it alike; others stand for themselves."""
    text: bool = False
    """The part ``''`` is UTF-8 text (u1 bytes): a storage may show it as a string."""


@dataclass(frozen=True, slots=True)
class PartLayout:
    """Shape and type of one part, without the length of its first axis."""

    name: str
    dtype: str
    """``dtype.str``, or the repr of the descr of a structured dtype."""
    axis: str | None
    """Label of the first axis; None if the part is 0-d."""
    tail: tuple[int, ...]
    """Shape without the first axis."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What encoded values must share to lie in one column. Hashable."""

    type: str
    version: str
    meta: str
    """Canonical JSON text of ``Encoded.meta`` (sorted keys)."""
    parts: tuple[PartLayout, ...]
    text: bool = False
    ragged: bool = False
    """The length of the first axis is never constant (text): do not try a fixed column."""

    @property
    def axes(self) -> tuple[str, ...]:
        """Give the distinct labels of first axes, in order of the parts."""
        return tuple(dict.fromkeys(part.axis for part in self.parts if part.axis is not None))

    def read_meta(self) -> dict[str, JSON]:
        """Give ``Encoded.meta`` back."""
        meta: dict[str, JSON] = json.loads(self.meta)
        return meta


@dataclass(frozen=True, slots=True)
class Stack:
    """Many values of one layout, as columns."""

    layout: Layout
    positions: npt.NDArray[np.int64]
    """Which of the values given to ``encode_column`` these are, ascending; shape (n,)."""
    data: Mapping[str, Array]
    """By part name: 0-d parts stacked, shape (n,); all others joined along their first axis."""
    lengths: Mapping[str, npt.NDArray[np.int64]]
    """By axis label: the n lengths along which to cut the joined parts."""

    def __len__(self) -> int:
        return len(self.positions)

    def common_length(self, axis: str) -> int | None:
        """Give the length all values share along `axis`, or None."""
        lengths = self.lengths[axis]
        if len(lengths) and (lengths == lengths[0]).all():
            return int(lengths[0])
        return None
