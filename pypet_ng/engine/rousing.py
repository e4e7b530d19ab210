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
    """Build the groups of all stored runs that are not in memory; about 4 us per run."""
    for holder, children, part in lazy_holders(tree):
        flat = part.all_flat()
        if flat is None:
            for name in list(part):
                children.get(name)
            continue
        words = {path[-1] for path, _, _ in flat}
        for word in words - tree.run_words:
            tree.lookups.pop(word, None)
        tree.run_words |= words
        _rouse_flat(tree, holder, children, part, flat)


def _rouse_flat(
    tree: Tree,
    holder: Group,
    children: LazyChildren,
    part: FoldedRuns,
    flat: Sequence[tuple[Path, Sequence[Signature], npt.NDArray[np.uint16]]],
) -> None:
    """Do what building and adopting does, for runs that have only results directly in their groups."""
    columns = []
    for path, signatures, ids in flat:
        facts = [(one, one.comment, frozenset(one.items)) for one in signatures]
        columns.append((path[-1], facts, ids.tolist()))
    length = max((len(ids) for _, _, ids in columns), default=0)
    gone = children.gone
    eager = part.is_eager
    runs: dict[str, Group] = holder.runs
    for row in part.rows().tolist():
        name = run_name(row)
        if dict.__contains__(children, name) or name in gone:
            continue
        if row >= length or part.has_notes(row):
            children.get(name)
            continue
        group = Group(name)
        group.stored = group.of_run = True
        group.parent = holder
        group.tree = tree
        inside = group.children
        for leaf_name, facts, ids in columns:
            number = ids[row] if row < len(ids) else 0
            if number:
                signature, comment, kept = facts[number - 1]
                leaf = ResultLeaf(leaf_name, comment)
                leaf.stored = True
                leaf.kept = kept
                leaf.parent = group
                leaf.tree = tree
                inside[leaf_name] = leaf
                if eager:
                    part.fill(leaf, signature, row)
        dict.__setitem__(children, name, group)
        dict.__setitem__(runs, name, group)
