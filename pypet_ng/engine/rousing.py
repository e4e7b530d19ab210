"""How do the groups of many stored runs come into memory at once, and their values without any group?"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Path
from pypet_ng.engine.folded import FoldedRuns
from pypet_ng.storage.base import NOT_SET
from pypet_ng.tree.lazy import LazyChildren
from pypet_ng.tree.nodes import Group, ResultLeaf
from pypet_ng.tree.records import Signature
from pypet_ng.tree.runnames import run_name
from pypet_ng.tree.structure import Tree

__all__ = ["Template", "lazy_holders", "rouse", "templates_called", "undisturbed"]


@dataclass(frozen=True, slots=True)
class Template:
    """Leaves of one name that hang directly in the groups of runs below one holder."""

    path: Path
    """Folded."""
    children: LazyChildren
    """Where the groups hang."""
    signatures: Sequence[Signature]
    ids: npt.NDArray[np.uint16]
    """Per run which signature its leaf has, from 1; 0: none."""
    eager: bool
    """Values are read with the groups."""


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Put off the collector of cyclic garbage: of thousands of new nodes, all stay, and looking through
    them again and again would take longer than making them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def lazy_holders(tree: Tree) -> Iterator[tuple[Group, LazyChildren, Any]]:
    """Give the groups below which stored runs wait, with the sources that can build them."""
    for holder, children in list(tree.lazy.items()):
        source: Any = children.source
        for part in getattr(source, "parts", (source,)):
            if isinstance(part, FoldedRuns):
                yield holder, children, part


def templates_called(tree: Tree, name: str) -> list[Template] | None:
    """Give the templates of leaves of that name; None if some run could have it somewhere deeper."""
    found = []
    for _, children, part in lazy_holders(tree):
        if not part.knows(name):
            continue
        shape = part.flat(name)
        if shape is None:
            return None
        found.append(Template(shape[0], children, shape[1], shape[2], part.is_eager))
    return found


def rouse(tree: Tree) -> None:
    """Build the groups of all stored runs that are not in memory; some microseconds per run and leaf."""
    for holder, children, part in lazy_holders(tree):
        plain = part.all_plain()
        if plain is None:
            for name in list(part):
                children.get(name)
            continue
        words = {word for way, _, _ in plain for word in way}
        for word in words - tree.run_words:
            tree.lookups.pop(word, None)
        tree.run_words |= words
        _rouse_plain(tree, holder, children, part, plain)


def _rouse_plain(
    tree: Tree,
    holder: Group,
    children: LazyChildren,
    part: FoldedRuns,
    plain: Sequence[tuple[Path, Sequence[Signature], npt.NDArray[np.uint16]]],
) -> None:
    """Do what building and adopting does, for runs that have only plain results."""
    eager = part.is_eager
    columns = []
    for way, signatures, ids in plain:
        facts = [
            (
                one.comment,
                frozenset(one.items),
                [(item, part.whole(one.path, item)) for item in one.items] if eager else [],
            )
            for one in signatures
        ]
        columns.append((way[:-1], way[-1], facts, ids.tolist()))
    length = min((len(ids) for _, _, _, ids in columns), default=0)
    gone = children.gone
    runs: dict[str, Group] = holder.runs
    there, enter = dict.__contains__, dict.__setitem__
    has_notes = part.has_notes
    for row in part.rows().tolist():
        name = run_name(row)
        if there(children, name) or name in gone:
            continue
        if row >= length or has_notes(row):
            children.get(name)
            continue
        group = Group(name)
        group.stored = group.of_run = True
        group.parent = holder
        group.tree = tree
        hung = group.children
        below: dict[Path, Group] = {}
        for way, leaf_name, facts, ids in columns:
            number = ids[row]
            if not number:
                continue
            comment, kept, data = facts[number - 1]
            leaf = ResultLeaf(leaf_name, comment)
            leaf.stored = True
            leaf.kept = kept
            leaf.tree = tree
            if way:
                home = below.get(way) or _descend(tree, group, way, below)
                leaf.parent = home
                home.children[leaf_name] = leaf
            else:
                leaf.parent = group
                hung[leaf_name] = leaf
            if eager:
                leaf.items = {
                    # arrays of the column must not be shared with those who may change them
                    item: value.copy() if isinstance(value, np.ndarray) else value
                    for item, values in data
                    if (value := values[row]) is not NOT_SET
                }
        enter(children, name, group)
        enter(runs, name, group)


def _stored_group(tree: Tree, parent: Group, name: str) -> Group:
    group = Group(name)
    group.stored = group.of_run = True
    group.parent = parent
    group.tree = tree
    return group


def _descend(tree: Tree, top: Group, way: Path, below: dict[Path, Group]) -> Group:
    """Give the group at the end of a way below that of a run, making what is missing."""
    group = top
    for length in range(1, len(way) + 1):
        here = way[:length]
        known = below.get(here)
        if known is None:
            known = below[here] = _stored_group(tree, group, way[length - 1])
            group.children[known.name] = group.groups[known.name] = known
        group = known
    return group
