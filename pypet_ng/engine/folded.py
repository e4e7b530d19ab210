"""How do columns look like groups of single runs again, one run at a time?"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Path
from pypet_ng.engine.rowreader import Rows, load_row
from pypet_ng.engine.session import Session
from pypet_ng.tree.lazy import LazyChildren
from pypet_ng.tree.nodes import Group, Leaf, Node
from pypet_ng.tree.records import NodeKind, Note, NoteKind, Signature, Skeleton
from pypet_ng.tree.runnames import (
    RUN,
    RUN_SET,
    RUNS_PER_SET,
    run_index,
    run_name,
    set_index,
    set_name,
    unfold_item,
)
from pypet_ng.tree.structure import Tree

__all__ = ["FoldedRuns", "hang_runs", "put_to_sleep", "wake_runs"]

Flat = tuple[Path, Sequence[Signature], npt.NDArray[np.uint16]]


class FoldedRuns:
    """The children that runs have below one group (a :class:`pypet_ng.tree.lazy.ChildSource`)."""

    def __init__(self, session: Session, rows: Rows, prefix: Path, sets: bool) -> None:
        storage = rows.storage
        self._session = session
        self._rows = rows
        self._prefix = prefix
        self._mark = RUN_SET if sets else RUN
        depth = len(prefix)
        self._templates: dict[Path, Sequence[Signature]] = {
            path: signatures
            for path, signatures in storage.signatures().items()
            if path[:depth] == prefix and len(path) > depth and path[depth] == self._mark
        }
        self._notes: dict[int, list[Note]] = {}
        self.own_links: list[Note] = []
        """Links that are themselves called as a run: they lead elsewhere, nothing is built for them."""
        for note in storage.notes():
            if note.kind is NoteKind.LINK and note.path == (*prefix, self._mark):
                self.own_links.append(note)
            elif note.path[:depth] == prefix and len(note.path) > depth and note.path[depth] == self._mark:
                self._notes.setdefault(note.row, []).append(note)
        self._words = {
            word
            for path in (*self._templates, *(n.path for notes in self._notes.values() for n in notes))
            for word in path[depth + 1 :]
        }
        self._ids: dict[Path, npt.NDArray[np.uint16]] = {}
        self._present: npt.NDArray[np.bool_] | None = None

    @property
    def is_used(self) -> bool:
        """Tell whether any run has anything here."""
        return bool(self._templates or self._notes or self.own_links)

    def _ids_of(self, path: Path) -> npt.NDArray[np.uint16]:
        ids = self._ids.get(path)
        if ids is None:
            ids = self._rows.storage.signature_ids(path)
            newer = ids > len(self._templates[path])  # of a sweep that goes on: seen after a refresh
            if newer.any():
                ids = np.where(newer, np.uint16(0), ids)
            self._ids[path] = ids
        return ids

    def _mask(self) -> npt.NDArray[np.bool_]:
        """Give True for the runs that have anything here."""
        if self._present is None:
            length = max(
                [len(self._ids_of(path)) for path in self._templates] + [max(self._notes, default=-1) + 1]
            )
            present = np.zeros(length, bool)
            for path in self._templates:
                ids = self._ids_of(path)
                present[: len(ids)] |= ids != 0
            present[list(self._notes)] = True
            self._present = present
        return self._present

    def _rows_of(self, name: object) -> range:
        """Give the runs that a child's name stands for."""
        if not isinstance(name, str):
            return range(0)
        if self._mark == RUN:
            index = run_index(name)
            return range(index, index + 1) if index is not None and index >= 0 else range(0)
        number = set_index(name)
        return (
            range(number * RUNS_PER_SET, (number + 1) * RUNS_PER_SET)
            if number is not None and number >= 0
            else range(0)
        )

    @property
    def is_eager(self) -> bool:
        """Whether values are read with the groups."""
        return self._rows.eager

    def whole(self, path: Path, item: str) -> list[Any]:
        """Give a column that was read with the groups, not to be changed."""
        return self._rows.whole(path, item)

    def rows(self) -> npt.NDArray[np.int64]:
        """Give the runs that have anything here."""
        return np.flatnonzero(self._mask()).astype(np.int64, copy=False)

    def has_notes(self, row: int) -> bool:
        """Tell whether there are rare facts on a run: annotations, links, groups without leaves."""
        return row in self._notes

    def all_plain(self) -> list[Flat] | None:
        """Give the way below the group of a run, signatures and ids of all templates; None unless all are
        results of the plain class."""
        depth = len(self._prefix)
        found: list[Flat] = []
        for path, signatures in self._templates.items():
            way = path[depth + 1 :]
            if self._mark != RUN or not way or RUN in way or RUN_SET in way or not _are_plain(signatures):
                return None
            found.append((way, signatures, self._ids_of(path)))
        return found

    def flat(self, name: str) -> Flat | None:
        """Give path, signatures and ids of the results of that name that hang directly in the groups of
        runs; None if something else is called so, or may be."""
        depth = len(self._prefix)
        paths = [path for path in self._templates if name in path[depth + 1 :]]
        if len(paths) != 1 or any(name in n.path for notes in self._notes.values() for n in notes):
            return None
        return self._flat(paths[0])

    def _flat(self, path: Path) -> Flat | None:
        signatures = self._templates[path]
        depth = len(self._prefix)
        if len(path) != depth + 2 or path[depth] != RUN or not _are_plain(signatures):
            return None
        return path, signatures, self._ids_of(path)

    def __contains__(self, name: object) -> bool:
        rows = self._rows_of(name)
        return bool(self._mask()[rows.start : rows.stop].any())

    def __iter__(self) -> Iterator[str]:
        rows = np.flatnonzero(self._mask())
        if self._mark == RUN:
            return (run_name(int(row)) for row in rows)
        return (set_name(int(number) * RUNS_PER_SET) for number in np.unique(rows // RUNS_PER_SET))

    def __len__(self) -> int:
        if self._mark == RUN:
            return int(self._mask().sum())
        return len(np.unique(np.flatnonzero(self._mask()) // RUNS_PER_SET))

    def knows(self, name: str) -> bool:
        return name in self._words

    def holders(self, name: str, most: int) -> list[str]:
        depth = len(self._prefix)
        found: dict[str, None] = {}
        for path in self._templates:
            if name in path[depth + 1 :]:
                for row in np.flatnonzero(self._ids_of(path))[
                    : most * RUNS_PER_SET if self._mark == RUN_SET else most
                ]:
                    found[run_name(int(row)) if self._mark == RUN else set_name(int(row))] = None
        for row, notes in self._notes.items():
            if any(name in note.path[depth + 1 :] for note in notes):
                found[run_name(row) if self._mark == RUN else set_name(row)] = None
        return sorted(found)[:most] if len(found) > most else list(found)

    def among(self, rows: npt.NDArray[np.int64]) -> list[str]:
        """Give the names of the children in which some runs have anything."""
        mask = self._mask()
        inside = rows[rows < len(mask)]
        found = inside[mask[inside]]
        if self._mark == RUN:
            return [run_name(row) for row in found.tolist()]
        return [set_name(number * RUNS_PER_SET) for number in np.unique(found // RUNS_PER_SET).tolist()]

    def build(self, name: str) -> Node:
        """Make the group of one run (of a set: of all its runs) with leaves that wait for their data."""
        leaf = self._leaf_called(name)
        if leaf is not None:
            return leaf
        top, links = self.assemble(name)
        home = self._session.tree.at(self._prefix)
        if links and isinstance(home, Group):
            # links may lead here, or to runs whose links lead back: it must be found, not built again
            top.parent = home
            dict.__setitem__(home.children, name, top)
            self.link_up(top, links)
        return top

    def _leaf_called(self, name: str) -> Leaf | None:
        """Give a leaf that is itself called as a run, None if there is a group of that name."""
        template = (*self._prefix, RUN)
        signatures = self._templates.get(template)
        row = run_index(name)
        if signatures is None or row is None or not 0 <= row < len(self._ids_of(template)):
            return None
        number = int(self._ids_of(template)[row])
        return self._make_leaf(signatures[number - 1], name, row) if number else None

    def assemble(self, name: str) -> tuple[Group, list[tuple[int, Note]]]:
        """Make the group of a child without its links; gives these, with their runs, as well."""
        top = Group(name)
        top.stored = True
        depth = len(self._prefix)
        mask = self._mask()
        links: list[tuple[int, Note]] = []
        for row in self._rows_of(name):
            if row >= len(mask) or not mask[row]:
                continue
            for path, signatures in self._templates.items():
                ids = self._ids_of(path)
                if len(path) > depth + 1 and row < len(ids) and ids[row]:
                    self._hang(top, path[depth + 1 :], row, signatures[int(ids[row]) - 1])
            for note in self._notes.get(row, ()):
                if note.kind is NoteKind.LINK:
                    links.append((row, note))
                else:
                    self._annotate(top, note.path[depth + 1 :], row, note)
        return top, links

    def link_up(self, top: Group, links: list[tuple[int, Note]]) -> None:
        """Make the links of an assembled group that hangs in the tree."""
        tree = self._session.tree
        for row, note in links:
            target = tree.at(tuple(note.value))
            parts = note.path[len(self._prefix) + 1 :]
            group = self._descend(top, parts[:-1], row)
            name = _own_name(parts[-1], row)
            if target is not None and name not in group.children:
                group.children[name] = target
                group.links.add(name)
                if isinstance(target, Group):
                    group.groups[name] = target

    def _descend(self, top: Group, parts: Path, row: int) -> Group:
        group = top
        for part in parts:
            name = _own_name(part, row)
            child = group.children.get(name)
            if not isinstance(child, Group):
                child = Group(name)
                child.stored = True
                child.parent = group
                group.children[name] = child
                if part in (RUN, RUN_SET):
                    group.runs[name] = child
                else:
                    group.groups[name] = child
            group = child
        return group

    def _hang(self, top: Group, parts: Path, row: int, signature: Signature) -> None:
        group = self._descend(top, parts[:-1], row) if parts else top
        leaf = self._make_leaf(signature, _own_name(parts[-1], row), row)
        leaf.parent = group
        group.children[leaf.name] = leaf

    def _make_leaf(self, signature: Signature, name: str, row: int) -> Leaf:
        skeleton = Skeleton(
            path=(name,),
            kind=signature.kind,
            class_name=signature.class_name,
            comment=signature.comment,
            items=tuple(unfold_item(signature.path, item, row) for item in signature.items),
        )
        leaf = self._session.make_leaf(skeleton)
        leaf.stored = True
        leaf.kept = frozenset(skeleton.items)
        if self._rows.eager:
            load_row(self._rows, leaf, signature, row)
        return leaf

    def _annotate(self, top: Group, parts: Path, row: int, note: Note) -> None:
        if note.kind is NoteKind.GROUP:
            group = self._descend(top, parts, row)
            group.comment = note.value
            return
        owner = self._descend(top, parts[:-1], row) if parts else top
        node = owner.children.get(_own_name(parts[-1], row)) if parts else top
        if node is None:
            node = self._descend(top, parts, row)
        if node.annotations is None:
            node.annotations = {}
        node.annotations[note.key] = note.value


def _own_name(part: str, row: int) -> str:
    """Give what a part of a folded path is called in one run."""
    return run_name(row) if part == RUN else set_name(row) if part == RUN_SET else part


def _are_plain(signatures: Sequence[Signature]) -> bool:
    return all(one.kind is NodeKind.RESULT and one.class_name == "Result" for one in signatures)


class RunsAndSets:
    """The children of a group that has both single runs and sets of runs (a ChildSource)."""

    def __init__(self, parts: Sequence[FoldedRuns]) -> None:
        self.parts = tuple(parts)

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __contains__(self, name: object) -> bool:
        return any(name in part for part in self.parts)

    def __iter__(self) -> Iterator[str]:
        return itertools.chain.from_iterable(self.parts)

    def part_of(self, name: str) -> FoldedRuns:
        """Give the part to which a child belongs."""
        return next((part for part in self.parts if name in part), self.parts[0])

    def build(self, name: str) -> Node:
        return self.part_of(name).build(name)

    def knows(self, name: str) -> bool:
        return any(part.knows(name) for part in self.parts)

    def holders(self, name: str, most: int) -> list[str]:
        return [holder for part in self.parts for holder in part.holders(name, most)][:most]


def wake_runs(session: Session, rows: Rows, below: Path = ()) -> None:
    """Let the groups of single runs below a path be built from the columns when asked for."""
    storage = rows.storage
    signatures = storage.signatures()
    prefixes: dict[Path, None] = {}
    for path in (*signatures, *(note.path for note in storage.notes())):
        depth = next((depth for depth, part in enumerate(path) if part in (RUN, RUN_SET)), None)
        if depth is not None and path[:depth][: len(below)] == below[:depth]:
            prefixes[path[:depth]] = None
    for prefix in prefixes:
        if rows.eager:
            for path, known in signatures.items():
                if path[: len(prefix)] == prefix:
                    for item in dict.fromkeys(item for s in known for item in s.items):
                        rows.preload(path, item)
        hang_runs(session, rows, prefix)


def hang_runs(session: Session, rows: Rows, prefix: Path) -> bool:
    """Let the groups of runs directly below `prefix` be built when asked for; False if there are none.

    Those that are in memory already get what is stored besides.
    """
    parts = [
        part for part in (FoldedRuns(session, rows, prefix, sets) for sets in (False, True)) if part.is_used
    ]
    if not parts:
        return False
    tree = session.tree
    group = tree.make_groups(tree.root, prefix)
    source = parts[0] if len(parts) == 1 else RunsAndSets(parts)
    existing = [name for name in dict.keys(group.children) if name not in group.links]
    tree.wake(group, source)
    for name in existing:
        child = dict.__getitem__(group.children, name)
        for part in parts:
            if isinstance(child, Group) and name in part:
                beside, links = part.assemble(name)
                _merge(tree, child, beside)
                part.link_up(child, links)
    for part in parts:
        for note in part.own_links:
            name = run_name(note.row)
            target = tree.at(tuple(note.value))
            if target is not None and name not in group.children:
                tree.link(group, name, target)
    return True


def _merge(tree: Tree, old: Group, new: Group) -> None:
    """Hang what `old` lacks of `new` into it; what both have stays as it is in memory."""
    old.stored = True
    old.comment = old.comment or new.comment
    if new.annotations:
        old.annotations = {**new.annotations, **(old.annotations or {})}
    for name, child in list(new.children.items()):
        mine: Node | None = old.children.get(name)
        if mine is None:
            tree.attach(old, child)
        elif isinstance(mine, Group) and isinstance(child, Group):
            _merge(tree, mine, child)
        elif isinstance(mine, Leaf) and isinstance(child, Leaf):
            mine.stored = True
            mine.kept |= child.kept
            if mine.is_empty and not child.is_empty:
                mine.load(child.dump())


def put_to_sleep(session: Session, rows: npt.NDArray[np.int64]) -> None:
    """Take the groups of some runs out of memory, as these runs are to be done (again)."""
    tree = session.tree
    if not len(rows) or not tree.holders:
        return
    chosen = set(rows.tolist())
    for holder in list(tree.holders):
        children = holder.children
        if isinstance(children, LazyChildren):
            source: Any = children.source
            for part in getattr(source, "parts", (source,)):
                for name in part.among(rows) if isinstance(part, FoldedRuns) else ():
                    if run_index(name) is not None:
                        children.gone.add(name)
                    else:
                        children.get(name)  # a set has other runs as well
    for holder in list(tree.holders):
        for name, child in list(dict.items(holder.children)):
            if run_index(name) in chosen and name not in holder.links:
                tree.detach(child)
