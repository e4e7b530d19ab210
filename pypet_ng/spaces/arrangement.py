"""Which value of each axis does point i of a space have?

Points are never listed: a point's number is taken apart into a place on each axis, so that a product
of a billion points costs as much as one of ten.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Rows

__all__ = ["MODES", "Arrangement", "Factor", "arrange_product", "arrange_zip", "row_numbers"]


@dataclass(frozen=True, slots=True)
class Factor:
    """The place on one axis: ``(i // repeat) % size`` at point i."""

    repeat: int
    size: int

    def places(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Give the places of some points."""
        if self.repeat >= 2**63:  # more points than numbers of 64 bits: rows are all before the first step
            return np.zeros_like(rows)
        return rows // self.repeat % self.size


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The number of points, and the factor of each axis in the order of the axes."""

    n: int
    factors: tuple[Factor, ...]


def _grouped(sizes: Sequence[int], groups: Sequence[Hashable | None]) -> list[tuple[int, list[int]]]:
    """Give what moves as one: groups in the order of their first members, then the other axes.

    Each with its size, the least of its members', and the places of its members.
    """
    together: dict[Hashable, list[int]] = {}
    alone: list[tuple[int, list[int]]] = []
    for place, group in enumerate(groups):
        if group is None:
            alone.append((sizes[place], [place]))
        else:
            together.setdefault(group, []).append(place)
    composite = []
    for label, members in together.items():
        own = [sizes[place] for place in members]
        if len(set(own)) > 1:
            warnings.warn(
                f"Axes in group {label!r} have different sizes {own}. Using minimum size {min(own)}.",
                stacklevel=5,  # the line that makes the Space
            )
        composite.append((min(own), members))
    return composite + alone


def arrange_zip(sizes: Sequence[int], groups: Sequence[Hashable | None]) -> Arrangement:
    """Let all axes move together, as far as the shortest goes."""
    effective = [size for size, _ in _grouped(sizes, groups)]
    n = min(effective)
    if len(set(effective)) > 1:
        warnings.warn(
            f"In zip mode, effective axes have different sizes {effective}. Using minimum size {n}, "
            f"losing {max(effective) - n} combinations.",
            stacklevel=4,  # the line that makes the Space
        )
    return Arrangement(n, (Factor(1, n),) * len(sizes))


def arrange_product(sizes: Sequence[int], groups: Sequence[Hashable | None]) -> Arrangement:
    """Combine all with all, the first varying slowest: groups first, then the other axes."""
    units = _grouped(sizes, groups)
    n = repeat = math.prod(size for size, _ in units)
    factors: dict[int, Factor] = {}
    for size, members in units:
        repeat //= size
        for place in members:
            factors[place] = Factor(repeat, size)
    return Arrangement(n, tuple(factors[place] for place in range(len(sizes))))


MODES: Final[Mapping[str, Callable[[Sequence[int], Sequence[Hashable | None]], Arrangement]]] = {
    "product": arrange_product,
    "zip": arrange_zip,
}
"""How axes are combined, by the name of the mode."""


def row_numbers(rows: Rows, n: int) -> npt.NDArray[np.int64]:
    """Give rows as numbers from 0 on; IndexError beyond the last point."""
    if isinstance(rows, slice):
        return np.arange(*rows.indices(n), dtype=np.int64)
    numbers = np.asarray(rows, np.int64)
    if numbers.size and (int(numbers.min()) < -n or int(numbers.max()) >= n):
        bad = int(numbers.min()) if int(numbers.min()) < -n else int(numbers.max())
        raise IndexError(f"Index {bad} out of range for {n} combinations")
    if not numbers.size or numbers.min() >= 0:
        return numbers
    return np.where(numbers < 0, numbers + n, numbers)
