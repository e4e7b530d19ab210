"""How do the results of all runs lie in the file, result by result?

A folded path is a group; each item in it an :class:`ItemColumn`; ``_signature`` says for each run which
class, comment and items its leaf has. The signatures of all folded paths are lines of one text.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from h5py import h5g, h5p

from pypet_ng._typing import Array, Path
from pypet_ng.errors import BrokenFileError, PypetError, StorageError
from pypet_ng.storage.hdf5 import attributes
from pypet_ng.storage.hdf5.attributes import Id
from pypet_ng.storage.hdf5.itemcolumn import ItemColumn
from pypet_ng.storage.hdf5.names import escape, link_path
from pypet_ng.storage.hdf5.rows import RowSet
from pypet_ng.storage.hdf5.trust import expect, expect_texts, open_group
from pypet_ng.storage.hdf5.vectors import Lines, Vector, chunk_of_rows, exists
from pypet_ng.tree.records import NodeKind, Signature, as_rows

__all__ = ["ORDERED", "Leaves", "ensure_groups", "open_path", "ordered", "picked"]

_U2: Final = np.dtype("<u2")
_MOST: Final = 65535
_SIGNATURE: Final = b"_signature"


def ordered(
    rows: Sequence[int] | npt.NDArray[np.int64],
) -> tuple[RowSet, npt.NDArray[np.int64] | None]:
    """Give distinct ascending rows, and which of the given ones they are (None: as they came).

    Of a row that is given twice the last counts.
    """
    array = as_rows(rows)
    if len(array) < 2 or (array[-1] - array[0] + 1 == len(array) and bool((np.diff(array) == 1).all())):
        return RowSet.of(array), None
    if bool((np.diff(array) > 0).all()):
        return RowSet.of(array), None
    distinct, last = np.unique(array[::-1], return_index=True)
    return RowSet.of(distinct), len(array) - 1 - last


def picked(values: list[Any] | Array, picks: npt.NDArray[np.int64] | None) -> list[Any] | Array:
    """Give the values at some positions."""
    if picks is None:
        return values
    return values[picks] if isinstance(values, np.ndarray) else [values[pick] for pick in picks.tolist()]


class _Leaf:
    """An open folded leaf."""

    __slots__ = ("columns", "group", "ids", "items", "known")

    def __init__(self, group: Id, ids: Vector, signatures: list[Signature]) -> None:
        self.group = group
        self.ids = ids
        self.known = {signature: number for number, signature in enumerate(signatures, 1)}
        self.items = {item for signature in signatures for item in signature.items}
        self.columns: dict[str, ItemColumn] = {}


class Leaves:
    """The folded leaves of an open trajectory."""

    def __init__(self, group: Id, overview: Id, planned: int, compress: str | None) -> None:
        self._group = group
        self._overview = overview
        self._compress = compress
        self._lines: Lines | None = None
        self._signatures: dict[Path, list[Signature]] | None = None
        self._open: dict[Path, _Leaf] = {}
        self.planned = planned

    # -- signatures ---------------------------------------------------------------------------
    def _text(self) -> Lines:
        if self._lines is None:
            self._lines = Lines(self._overview, b"signatures")
        return self._lines

    def signatures(self) -> dict[Path, list[Signature]]:
        """Give the signatures by folded path; their position + 1 is their id."""
        if self._signatures is None:
            self._signatures = {}
            for path, kind, class_name, comment, items in self._text().read():
                what = "a line of the signatures of results"
                signature = Signature(
                    expect_texts(path, what),
                    NodeKind(kind),
                    expect(class_name, str, what),
                    expect(comment, str, what),
                    expect_texts(items, what),
                )
                self._signatures.setdefault(signature.path, []).append(signature)
        return self._signatures

    def _id_of(self, leaf: _Leaf, signature: Signature) -> int:
        number = leaf.known.get(signature)
        if number is not None:
            return number
        known = self.signatures().setdefault(signature.path, [])
        if len(known) >= _MOST:
            return self._similar(known, signature)
        known.append(signature)
        leaf.known[signature] = len(known)
        leaf.items.update(signature.items)
        self._text().append([_line(signature)])
        return len(known)

    def _similar(self, known: list[Signature], signature: Signature) -> int:
        for number, other in enumerate(known, 1):
            if (other.kind, other.class_name, other.items) == (
                signature.kind,
                signature.class_name,
                signature.items,
            ):
                warnings.warn(
                    f"{'.'.join(signature.path)!r} has {_MOST} different comments already; the comment "
                    f"{other.comment!r} is stored for another run too. Use an annotation for what "
                    "differs from run to run",
                    stacklevel=2,
                )
                return number
        raise StorageError(
            f"{'.'.join(signature.path)!r} has {_MOST} different combinations of class, comment and items. "
            "Give its items the same names in all runs"
        )

    def forget(self, top: Path) -> None:
        """Delete the templates at and below `top`, whose groups are gone."""
        self._keep({path: known for path, known in self.signatures().items() if path[: len(top)] != top})

    def _keep(self, left: dict[Path, list[Signature]]) -> None:
        if len(left) != len(self.signatures()):
            self._signatures = left
            self._text().rewrite(_line(signature) for known in left.values() for signature in known)
            self._open = {path: leaf for path, leaf in self._open.items() if path in left}

    # -- groups -------------------------------------------------------------------------------
    def _leaf(self, path: Path) -> _Leaf | None:
        leaf = self._open.get(path)
        if leaf is None:
            known = self.signatures().get(path)
            if known is None:
                return None
            leaf = self._opened(open_group(self._group, link_path(path)), known)
            self._open[path] = leaf
        return leaf

    def _opened(self, group: Id, known: list[Signature]) -> _Leaf:
        ids = Vector.open(group, _SIGNATURE, _U2)
        if ids is None:
            chunk = chunk_of_rows((), 2, self.planned, 1)
            ids = Vector.create(group, _SIGNATURE, _U2, chunk=chunk, compress=self._compress)
        return _Leaf(group, ids, known)

    def _made(self, signature: Signature) -> _Leaf:
        leaf = self._leaf(signature.path)
        if leaf is None:
            group = ensure_groups(self._group, signature.path)
            if not attributes.get_text(group, b"kind"):
                attributes.set_text(group, b"kind", f"{signature.kind.value} of runs", new=True)
                attributes.set_text(group, b"class", signature.class_name, new=True)
                attributes.set_text(group, b"comment", signature.comment, new=True)
            leaf = self._open[signature.path] = self._opened(group, [])
        return leaf

    # -- columns ------------------------------------------------------------------------------
    def write(
        self,
        signature: Signature,
        rows: Sequence[int] | npt.NDArray[np.int64],
        columns: Mapping[str, list[Any] | Array],
    ) -> None:
        """Write leaves of one signature; what a row's leaf had and has not any more is cleared."""
        if not len(rows):
            return
        chosen, picks = ordered(rows)
        if chosen.start < 0:
            raise StorageError(f"there is no run {chosen.start}: {'.'.join(signature.path)!r} was not stored")
        leaf = self._made(signature)
        for item in signature.items:
            values = columns.get(item)
            if values is None:
                continue
            if len(values) != len(rows):
                raise StorageError(
                    f"item {item!r} of {'.'.join(signature.path)!r} has {len(values)} values for "
                    f"{len(rows)} runs: nothing of it was stored"
                )
            column = self._column(leaf, item)
            if column is None:
                name = escape(item).encode()
                column = ItemColumn.create(leaf.group, name, self.planned, self._compress)
                leaf.columns[item] = column
            column.write(chosen, picked(values, picks), self.planned)
        for item in leaf.items.difference(signature.items):
            self._clear_item(leaf, item, chosen)
        leaf.ids.fill(chosen, self._id_of(leaf, signature), self.planned)

    def _column(self, leaf: _Leaf, item: str) -> ItemColumn | None:
        column = leaf.columns.get(item)
        if column is None:
            column = ItemColumn.open(leaf.group, escape(item).encode(), self._compress)
            if column is not None:
                leaf.columns[item] = column
        return column

    def _clear_item(self, leaf: _Leaf, item: str, rows: RowSet) -> None:
        column = self._column(leaf, item)
        if column is not None:
            column.clear(rows)

    def column(self, path: Path, item: str) -> ItemColumn | None:
        """Give the column of an item, None if no run wrote it. Needs no look at the signatures."""
        leaf = self._open.get(path)
        if leaf is not None:
            return self._column(leaf, item)
        group = open_path(self._group, path)
        return None if group is None else ItemColumn.open(group, escape(item).encode(), self._compress)

    def ids(self, path: Path, rows: RowSet) -> npt.NDArray[np.uint16]:
        """Give the signature id of each row, 0 where there is no leaf."""
        leaf = self._leaf(path)
        if leaf is None:
            return np.zeros(rows.size, _U2)
        ids: npt.NDArray[np.uint16] = leaf.ids.read(rows)
        known = len(self.signatures()[path])
        if ids.size and int(ids.max()) > known:
            raise BrokenFileError(f"{'.'.join(path)!r}: a run has signature {int(ids.max())} of {known}")
        return ids

    def signature(self, path: Path, row: int) -> Signature | None:
        """Give the signature of the leaf of one run, None if it has none."""
        known = self.signatures().get(path)
        if known is None:
            return None
        number = int(self.ids(path, RowSet(row, row + 1))[0])
        return known[number - 1] if number else None

    def values(self, signature: Signature, row: int, items: Sequence[str]) -> dict[str, Any]:
        """Give values of the leaf of one run."""
        rows = RowSet(row, row + 1)
        found = {}
        for item in items:
            column = self.column(signature.path, item)
            if column is None:
                raise StorageError(
                    f"the column {item!r} of {'.'.join(signature.path)!r} is missing in the file"
                )
            found[item] = column.values(rows)[0]
        return found

    def clear(self, path: Path, row: int) -> None:
        """Delete the leaf of one run."""
        leaf = self._leaf(path)
        if leaf is None:
            return
        rows = RowSet(row, row + 1)
        if row < leaf.ids.length:
            leaf.ids.fill(rows, 0)
        for item in leaf.items:
            self._clear_item(leaf, item, rows)
        if leaf.ids.read(RowSet(0, leaf.ids.length)).any():
            return
        others = [other for other in self.signatures() if other != path]
        if not any(other[: len(path)] == path for other in others):
            name = link_path(path)
            del leaf, self._open[path]
            self._group.unlink(name)
            self._keep({other: self.signatures()[other] for other in others})

    def problems(self) -> list[str]:
        """List what is wrong with the columns."""
        found: list[str] = []
        for path, known in self.signatures().items():
            where = ".".join(path)
            if open_path(self._group, path) is None:
                found.append(f"{where}: has signatures and no group")
                continue
            leaf = self._leaf(path)
            if leaf is None:
                continue
            ids = leaf.ids.read(RowSet(0, leaf.ids.length))
            if ids.size and int(ids.max()) > len(known):
                found.append(f"{where}: a run has signature {int(ids.max())} of {len(known)}")
            for item in sorted(leaf.items):
                column = self._column(leaf, item)
                having = np.flatnonzero(
                    np.isin(ids, [n for n, signature in enumerate(known, 1) if item in signature.items])
                )
                if column is None:
                    if having.size:
                        found.append(f"{where}: item {item!r} has no column")
                    continue
                missing = having[column.kinds(RowSet.of(having)) == 0]
                if missing.size:
                    found.append(
                        f"{where}: item {item!r} is not set in {missing.size} runs, first {missing[0]}"
                    )
                found += [f"{where}: item {item!r}: {text}" for text in column.problems()]
        return found


def _line(signature: Signature) -> list[Any]:
    return [
        signature.path,
        signature.kind.value,
        signature.class_name,
        signature.comment,
        signature.items,
    ]


def open_path(group: Id, path: Path) -> Id | None:
    """Open the group of a path, None if there is none."""
    try:
        return open_group(group, link_path(path))
    except PypetError:
        raise
    except (KeyError, ValueError):  # h5py: the last part is missing, or one before it
        return None


def _ordered_groups() -> Id:
    plist = h5p.create(h5p.GROUP_CREATE)
    plist.set_link_creation_order(h5p.CRT_ORDER_TRACKED | h5p.CRT_ORDER_INDEXED)
    return plist


ORDERED: Final = _ordered_groups()
"""Property list of groups whose children come back in the order they were made."""


def ensure_groups(group: Id, path: Path) -> Id:
    """Open the group of a path, making what is missing."""
    for part in link_path(path).split(b"/"):
        group = open_group(group, part) if exists(group, part) else h5g.create(group, part, gcpl=ORDERED)
    return group
