"""How are numbers with a physical unit (quantities of brian2) stored, and read without brian2?

A quantity is its magnitudes in SI base units, which is what brian2 itself holds, and the unit as text
and as exponents of the seven base dimensions. Where brian2 cannot be imported, reading gives a
:class:`PlainQuantity`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import JSON, Array
from pypet_ng.encoding.arrays import decode_array, dtype_supported, encode_array
from pypet_ng.encoding.encoded import Encoded
from pypet_ng.encoding.registry import register_own

__all__ = ["PlainQuantity", "QuantityCodec", "register_all", "unit_text"]

_DIMENSIONS: Final = ("length", "mass", "time", "current", "temperature", "substance", "luminosity")
_BASES: Final = ("m", "kg", "s", "A", "K", "mol", "cd")
_NAMED: Final[dict[tuple[float, ...], str]] = {
    (0, 0, -1, 0, 0, 0, 0): "Hz",
    (1, 1, -2, 0, 0, 0, 0): "N",
    (-1, 1, -2, 0, 0, 0, 0): "Pa",
    (2, 1, -2, 0, 0, 0, 0): "J",
    (2, 1, -3, 0, 0, 0, 0): "W",
    (0, 0, 1, 1, 0, 0, 0): "C",
    (2, 1, -3, -1, 0, 0, 0): "V",
    (-2, -1, 4, 2, 0, 0, 0): "F",
    (2, 1, -3, -2, 0, 0, 0): "ohm",
    (-2, -1, 3, 2, 0, 0, 0): "S",
    (2, 1, -2, -1, 0, 0, 0): "Wb",
    (0, 1, -2, -1, 0, 0, 0): "T",
    (2, 1, -2, -2, 0, 0, 0): "H",
}
"""Derived units of the SI that have a name of their own (SI brochure, 9th edition, table 4)."""


@lru_cache(maxsize=1024)
def unit_text(exponents: tuple[float, ...]) -> str:
    """Give the SI unit of seven exponents (m, kg, s, A, K, mol, cd) as text.

    The text depends on nothing but the exponents: it is part of what identifies a value.

    >>> unit_text((2, 1, -3, -1, 0, 0, 0)), unit_text((-2, 0, 0, 1, 0, 0, 0)), unit_text((0,) * 7)
    ('V', 'm^-2 A', '1')
    """
    named = _NAMED.get(exponents)
    if named is not None:
        return named
    words = [
        base if power == 1 else f"{base}^{power:g}"
        for base, power in zip(_BASES, exponents, strict=True)
        if power
    ]
    return " ".join(words) or "1"


@dataclass(frozen=True, eq=False, slots=True)
class PlainQuantity:
    """A quantity as it is stored, for reading where brian2 is not installed.

    ``numpy.asarray`` and ``float`` give the magnitudes, in SI units. No arithmetic with units.
    """

    magnitude: Array
    """Numbers in SI base units, in the shape of the quantity."""
    exponents: tuple[float, ...]
    """Powers of m, kg, s, A, K, mol, cd."""

    @property
    def unit(self) -> str:
        """The SI unit as text."""
        return unit_text(self.exponents)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the magnitudes."""
        return self.magnitude.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the magnitudes, ``()`` for one number."""
        return self.magnitude.shape

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        return np.array(self.magnitude, dtype=dtype, copy=copy)

    def __float__(self) -> float:
        return float(self.magnitude)

    def __len__(self) -> int:
        return len(self.magnitude)

    def __getitem__(self, rows: Any) -> PlainQuantity:
        return PlainQuantity(np.asarray(self.magnitude[rows]), self.exponents)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PlainQuantity):
            return NotImplemented
        return self.exponents == other.exponents and np.array_equal(self.magnitude, other.magnitude)

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return f"{self.magnitude} {self.unit}"


class QuantityCodec:
    """``brian2.Quantity`` of any shape, and :class:`PlainQuantity`; bit for bit."""

    type_name = "brian2.quantity"
    version = "1"
    ragged = False

    def __init__(self, quantity: Any = None, dimension: Any = None) -> None:
        """Make a codec with brian2's Quantity and get_or_create_dimension, or None where there are none."""
        self._quantity = quantity
        self._dimension = dimension

    def accepts(self, value: Any) -> bool:
        own = type(value) is PlainQuantity or (self._quantity is not None and type(value) is self._quantity)
        return own and dtype_supported(value.dtype)

    def encode(self, value: Any) -> Encoded:
        plain = isinstance(value, PlainQuantity)
        exponents = value.exponents if plain else exponents_of(value.dim)
        data = encode_array(np.asarray(value))
        powers: list[JSON] = [_short(power) for power in exponents]
        meta: dict[str, JSON] = {**data.meta, "unit": unit_text(exponents), "dimension": powers}
        return Encoded(self.type_name, self.version, meta, data.parts)

    def decode(self, encoded: Encoded) -> Any:
        dtype = {name: spec for name, spec in encoded.meta.items() if name == "dtype"}
        magnitude = decode_array(Encoded("array", "1", dtype, encoded.parts))
        exponents = tuple(cast("list[float]", encoded.meta["dimension"]))
        if self._quantity is None:
            return PlainQuantity(magnitude, exponents)
        # forced: else what has no unit would come back as plain numbers
        return self._quantity(magnitude, dim=self._dimension(list(exponents)), force_quantity=True)


def exponents_of(dimension: Any) -> tuple[float, ...]:
    """Give the seven exponents of a ``brian2.Dimension``."""
    return tuple(_short(float(dimension.get_dimension(name))) for name in _DIMENSIONS)


def _short(power: float) -> float:
    return int(power) if power == int(power) else float(power)


def register_all() -> None:
    """Register the codec; imports brian2 if that works."""
    try:
        from brian2.units.fundamentalunits import Quantity, get_or_create_dimension
    except Exception:
        # Not installed, or broken by a newer numpy: what is stored can still be read.
        register_own(QuantityCodec(), PlainQuantity)
    else:
        register_own(QuantityCodec(Quantity, get_or_create_dimension), Quantity, PlainQuantity)
