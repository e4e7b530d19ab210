"""How do the points a script asks for relate to those a file holds?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Path, Rows
from pypet_ng.errors import PlanMismatchError
from pypet_ng.spaces.columns import (
    ArrayColumn,
    ChainColumn,
    Column,
    IndexedColumn,
    OpaqueColumn,
    PeriodicColumn,
)
from pypet_ng.spaces.plan import Plan, dotted

__all__ = ["Relation", "relate"]

_Numbers: TypeAlias = npt.NDArray[np.int64]
_WAYS_OUT = (
    "Use another trajectory name or another file, or overwrite_file=True to lose what is stored, or "
    "give the stored points too"
)


@dataclass(frozen=True, slots=True)
class Relation:
    """What to do when a script with one plan meets a file with another."""

    plan: Plan
    """The plan to go on with: the stored points in their order, new ones behind them."""
    wanted: Rows
    """The runs of `plan` that the script asked for, in the script's order."""
    appended: int
    """How many points of `plan` are not stored so far."""


def relate(new: Plan, stored: Plan, canonical: Callable[[object], bytes]) -> Relation:
    """Find the points of `new` among those of `stored`; PlanMismatchError if neither contains the other.

    A point is its typed values, told apart by `canonical` (bytes that are equal for equal values of
    one type), and the number of times it occurred before. Plans that begin alike cost one comparison
    of arrays; others cost a `canonical` for each distinct value.
    """
    if set(new.names) != set(stored.names):
        raise PlanMismatchError(_other_names(new.names, stored.names))
    if not stored.is_explored:
        return Relation(new, slice(0, 1), 0)
    new = new.ordered(stored.names)

    def same(a: object, b: object) -> bool:
        return a is b or canonical(a) == canonical(b)

    if new.starts_with(stored, same):
        return Relation(new, slice(0, len(new)), len(new) - len(stored))
    if stored.starts_with(new, same):
        return Relation(stored, slice(0, len(new)), 0)

    new_ids, stored_ids = _point_ids(new, stored, canonical)
    n_ids = int(max(new_ids.max(), stored_ids.max())) + 1
    stored_at = np.full(n_ids, -1, dtype=np.int64)
    stored_at[stored_ids] = np.arange(len(stored))
    in_new = np.zeros(n_ids, dtype=np.bool_)
    in_new[new_ids] = True
    wanted = stored_at[new_ids]
    fresh = np.flatnonzero(wanted < 0)
    if not fresh.size:
        return Relation(stored, wanted, 0)
    lacking = np.flatnonzero(~in_new[stored_ids])
    if lacking.size:
        raise PlanMismatchError(_other_points(new, int(fresh[0]), stored, int(lacking[0])))
    wanted[fresh] = len(stored) + np.arange(fresh.size)
    return Relation(stored.extended(new.select(fresh)), wanted, int(fresh.size))


def _point_ids(new: Plan, stored: Plan, canonical: Callable[[object], bytes]) -> tuple[_Numbers, _Numbers]:
    """Give a number for each point of both plans, equal for equal points of equal occurrence."""
    ids = np.zeros(len(new) + len(stored), dtype=np.int64)
    for path in stored.names:
        coder = _Coder(canonical)
        codes = np.concatenate([coder.codes(new.column(path)), coder.codes(stored.column(path))])
        # Numbered anew after each parameter: products of counts would overflow.
        ids = _renumbered(ids * (int(codes.max()) + 1) + codes)
    occurrences = np.concatenate([_occurrences(ids[: len(new)]), _occurrences(ids[len(new) :])])
    ids = _renumbered(ids * (int(occurrences.max()) + 1) + occurrences)
    return ids[: len(new)], ids[len(new) :]


class _Coder:
    """Numbers the distinct values of one parameter."""

    def __init__(self, canonical: Callable[[object], bytes]) -> None:
        self._canonical = canonical
        self._known: dict[tuple[bool, bytes], int] = {}

    def codes(self, column: Column) -> _Numbers:
        """Give the number of each value; shape (run,)."""
        if isinstance(column, PeriodicColumn):
            return self.codes(column.base)[column.places(slice(None))]
        if isinstance(column, IndexedColumn):
            return self.codes(column.base)[column.index_array]
        if isinstance(column, ChainColumn):
            return np.concatenate([self.codes(part) for part in column.parts])
        if isinstance(column, ArrayColumn):
            array = column.array()
            if array.dtype.kind in "biuf" and array.dtype.itemsize <= 8:
                # By their bits: 0.0 and -0.0 are two values.
                bits = np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}")
                _, first, inverse = np.unique(bits, return_index=True, return_inverse=True)
                return self._number(column.take(first.astype(np.int64)))[inverse]
        return self._number(column.take(), isinstance(column, OpaqueColumn))

    def _number(self, values: list[Any], opaque: bool = False) -> _Numbers:
        known = self._known
        return np.array(
            [known.setdefault((opaque, self._canonical(value)), len(known)) for value in values],
            dtype=np.int64,
        )


def _renumbered(numbers: _Numbers) -> _Numbers:
    return np.unique(numbers, return_inverse=True)[1].astype(np.int64, copy=False)


def _occurrences(ids: _Numbers) -> _Numbers:
    """Give for each place how often its id came before."""
    order = np.argsort(ids, kind="stable")
    ordered = ids[order]
    is_first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    starts = np.flatnonzero(is_first)
    counts = np.diff(np.append(starts, len(ids)))
    found = np.empty(len(ids), dtype=np.int64)
    found[order] = np.arange(len(ids)) - np.repeat(starts, counts)
    return found


def _other_names(new: tuple[Path, ...], stored: tuple[Path, ...]) -> str:
    def words(names: tuple[Path, ...]) -> str:
        return ", ".join(repr(dotted(path)) for path in names) or "nothing"

    only_new = [path for path in new if path not in stored]
    only_stored = [path for path in stored if path not in new]
    parts = [
        f"{text} {words(tuple(paths))}"
        for text, paths in (("only the script explores", only_new), ("only the file explores", only_stored))
        if paths
    ]
    return (
        f"the script explores {words(new)}, but the stored trajectory explores {words(stored)} "
        f"({'; '.join(parts)}). Use another trajectory name or another file, or overwrite_file=True to "
        "lose what is stored, or explore the same parameters"
    )


def _other_points(new: Plan, fresh: int, stored: Plan, lacking: int) -> str:
    def values(plan: Plan, index: int) -> str:
        if not 0 <= index < len(plan):
            return "no point"
        return ", ".join(f"{dotted(path)} = {_short(value)}" for path, value in plan.point(index).items())

    return (
        "the stored trajectory holds other points than the script asks for.\n"
        f"  stored, but not asked for: point {lacking} with {values(stored, lacking)}"
        f" (the script's point {lacking}: {values(new, lacking)})\n"
        f"  asked for, but not stored: point {fresh} with {values(new, fresh)}"
        f" (the file's point {fresh}: {values(stored, fresh)})\n"
        f"{_WAYS_OUT}"
    )


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."
