"""How do ordinary nodes lie in the file?

One group each, with the facts as attributes, the annotations as the element ``_annotations``, and a leaf's
items as elements. A link is a soft link to the target's absolute path.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from h5py import h5, h5g, h5l, h5o

from pypet_ng import encoding
from pypet_ng._typing import Path
from pypet_ng.encoding.encoded import Encoded
from pypet_ng.errors import BrokenFileError, NameTakenError
from pypet_ng.storage.hdf5 import attributes
from pypet_ng.storage.hdf5.attributes import Id
from pypet_ng.storage.hdf5.elements import read_element, remove, write_element
from pypet_ng.storage.hdf5.index import NodeIndex
from pypet_ng.storage.hdf5.leaves import ORDERED
from pypet_ng.storage.hdf5.names import OVERVIEW, escape, link_path, unescape, unescape_path
from pypet_ng.storage.hdf5.trust import expect_texts, open_group
from pypet_ng.storage.hdf5.vectors import exists
from pypet_ng.tree.records import NodeKind, Record, Skeleton, WriteMode
from pypet_ng.tree.runnames import RUN, RUN_SET

__all__ = ["Nodes", "walk"]

_ANNOTATIONS: Final = b"_annotations"
_STAMP: Final = b"stamp"


class Nodes:
    """The ordinary nodes of an open trajectory."""

    def __init__(self, group: Id, name: str, index: NodeIndex, compress: str | None) -> None:
        self._group = group
        self._name = name
        self._index = index
        self._compress = compress
        self._groups: dict[Path, Id] = {(): group}
        self._stamp = -1

    # -- writing ------------------------------------------------------------------------------
    def touch(self) -> None:
        """Say that the structure changes: the index on disk is out of date until it is saved."""
        if self._stamp < 0:
            self._stamp = attributes.get_int(self._group, _STAMP) + 1
            attributes.set_int(self._group, _STAMP, self._stamp)

    def saved_stamp(self) -> int:
        """Give the stamp of the changes so far; later ones get a new one."""
        stamp, self._stamp = self._stamp, -1
        return stamp

    def make_groups(self, path: Path) -> None:
        """Make the ordinary groups that lead to `path`, up to a part that stands for a run."""
        for length, part in enumerate(path, 1):
            if part in (RUN, RUN_SET):
                return
            if path[:length] not in self._index.nodes:
                self.touch()
                self._make_group(path[:length])
                attributes.set_text(self._place(path[:length]), b"kind", NodeKind.GROUP.value, new=True)
                self._index.put(Skeleton(path[:length], NodeKind.GROUP))

    def _place(self, path: Path) -> Id:
        place = self._groups.get(path)
        if place is None:
            place = open_group(self._group, link_path(path))
            if len(self._groups) < 1024:
                self._groups[path] = place
        return place

    def _make_group(self, path: Path, leaf: bool = False) -> Id:
        parent, name = self._place(path[:-1]), _own_name(path)
        if exists(parent, name):  # made for the columns of runs, or left by a torn write
            return open_group(parent, name)
        return h5g.create(parent, name) if leaf else h5g.create(parent, name, gcpl=ORDERED)

    def write(self, record: Record, mode: WriteMode, owner: int = -1) -> None:
        """Store a node; see :meth:`StorageService.write`."""
        node = record.skeleton
        path = node.path
        there = self._index.nodes.get(path)
        if there is not None and mode is WriteMode.SKIP:
            return
        if there is not None and there.kind is not node.kind:
            raise NameTakenError(
                f"cannot store {'.'.join(path)!r} as {node.kind.value}: it is stored as {there.kind.value} "
                "already. Delete it first, or use another name"
            )
        if there is None:
            self.make_groups(path[:-1])
        replaces = there is None or mode is WriteMode.OVERWRITE
        if node.kind is NodeKind.LINK:
            self._write_link(node, replaces, owner)
            return
        data = record.data
        names = [name for name in node.items if name in data]
        names = [name for name in dict.fromkeys([*names, *data]) if replaces or name not in _items(there)]
        encoded = {name: encoding.encode(data[name]) for name in names}  # may fail: before anything is made
        annotations, fresh = self._annotations(there, node, replaces)
        merged = _merged(there, node, replaces, tuple(dict.fromkeys([*_items(there), *names])))
        if merged == there and not names and not fresh:
            return
        self.touch()
        if there is None:
            place = self._make_group(path, node.is_leaf)
            if not node.is_leaf:
                self._groups[path] = place
        else:
            place = open_group(self._group, link_path(path))
        for name, value in encoded.items():
            link = escape(name).encode()
            if there is not None:
                remove(place, link)
            write_element(place, link, value, self._compress)
        if fresh and annotations is not None:
            remove(place, _ANNOTATIONS)
            write_element(place, _ANNOTATIONS, annotations, self._compress)
        if there is not None:
            owner = self._index.owners.get(path, -1)
        _write_facts(place, merged, there, owner)
        self._index.put(merged, annotations, annotations is not None, owner)

    def _annotations(
        self, there: Skeleton | None, node: Skeleton, replaces: bool
    ) -> tuple[Encoded | None, bool]:
        """Give the encoded annotations after the write, and whether they are to be written."""
        path = node.path
        old = self.annotations(path) if there is not None else {}
        new = {key: value for key, value in node.annotations.items() if replaces or key not in old}
        if not old and not new:
            return None, False
        if not new:
            return self._index.annotations[path] or self._read_annotations(path), False
        return encoding.encode({**old, **new}), True

    def _write_link(self, node: Skeleton, replaces: bool, owner: int) -> None:
        path = node.path
        there = self._index.nodes.get(path)
        if not replaces or (there is not None and there.target == node.target):
            return
        self.touch()
        parent, name = self._place(path[:-1]), _own_name(path)
        remove(parent, name)
        parent.links.create_soft(name, self._absolute(node.target))
        self._index.put(Skeleton(path, NodeKind.LINK, node.class_name, target=node.target), owner=owner)

    def _absolute(self, target: Path) -> bytes:
        return b"/" + escape(self._name).encode() + b"/" + link_path(target)

    def relink(self, name: str) -> None:
        """Make all links lead into the trajectory under its new name."""
        self._name = name
        for path, node in self._index.nodes.items():
            if node.kind is NodeKind.LINK:
                parent, link = self._place(path[:-1]), _own_name(path)
                remove(parent, link)
                parent.links.create_soft(link, self._absolute(node.target))

    def delete(self, path: Path) -> None:
        """Delete a node with all below it, also the columns of runs that lie there."""
        self.touch()
        if path:
            name = link_path(path)
            parent = self._group if len(path) == 1 else open_group(self._group, link_path(path[:-1]))
            remove(parent, name.rpartition(b"/")[2])
        else:
            for child in [other for other in self._index.nodes if len(other) == 1]:
                remove(self._group, link_path(child))
        self._groups = {other: place for other, place in self._groups.items() if other[: len(path)] != path}
        self._groups[()] = self._group
        self._index.drop(path)
        if not path:
            self._index.put(Skeleton((), NodeKind.GROUP))

    def delete_items(self, path: Path, names: Iterable[str]) -> None:
        """Delete items of a leaf."""
        self.touch()
        place = open_group(self._group, link_path(path))
        gone = set(names)
        for name in gone:
            remove(place, escape(name).encode())
        node = self._index.nodes[path]
        left = replace(node, items=tuple(name for name in node.items if name not in gone))
        attributes.set_json(place, b"items", left.items)
        self._index.put(
            left,
            self._index.annotations.get(path),
            path in self._index.annotations,
            self._index.owners.get(path, -1),
        )

    # -- reading ------------------------------------------------------------------------------
    def read(self, path: Path, names: Sequence[str]) -> dict[str, Any]:
        """Give values of a leaf."""
        if not names:
            return {}  # a link, perhaps
        place = open_group(self._group, link_path(path))
        return {name: encoding.decode(read_element(place, escape(name).encode())) for name in names}

    def annotations(self, path: Path) -> dict[str, Any]:
        """Give the annotations of a node, decoded afresh."""
        if path not in self._index.annotations:
            return {}
        encoded = self._index.annotations[path] or self._read_annotations(path)
        decoded: Any = encoding.decode(encoded)
        return dict(decoded)

    def _read_annotations(self, path: Path) -> Encoded:
        return read_element(open_group(self._group, link_path(path)), _ANNOTATIONS)


def _own_name(path: Path) -> bytes:
    return link_path(path).rpartition(b"/")[2]


def _items(node: Skeleton | None) -> tuple[str, ...]:
    return () if node is None else node.items


def _merged(there: Skeleton | None, node: Skeleton, replaces: bool, items: tuple[str, ...]) -> Skeleton:
    if there is None:
        return replace(node, annotations={}, items=items, explored=False)
    return Skeleton(
        node.path,
        node.kind,
        node.class_name if node.class_name and (replaces or not there.class_name) else there.class_name,
        node.comment if node.comment and (replaces or not there.comment) else there.comment,
        {},
        items,
        (),
        node.locked if replaces else there.locked,
    )


def _write_facts(place: Id, node: Skeleton, there: Skeleton | None, owner: int) -> None:
    # A group made for the columns of runs has attributes already though no node was there.
    new = there is None and not attributes.get_text(place, b"kind")
    if there is None:
        attributes.set_text(place, b"kind", node.kind.value, new=new)
    if there is None or there.class_name != node.class_name:
        attributes.set_text(place, b"class", node.class_name, new=new)
    if there is None or there.comment != node.comment:
        attributes.set_text(place, b"comment", node.comment, new=new)
    if node.is_leaf and (there is None or there.items != node.items):
        attributes.set_json(place, b"items", node.items, new=new)
    if node.locked != (there is not None and there.locked):
        attributes.set_int(place, b"locked", int(node.locked))
    if owner >= 0:
        attributes.set_int(place, b"owner", owner)


def walk(group: Id) -> NodeIndex:
    """Make the index from the groups: about 0.3 ms for each node."""
    index = NodeIndex()
    _visit(group, (), index, set())
    return index


def _visit(group: Id, path: Path, index: NodeIndex, seen: set[Any]) -> None:
    address = h5o.get_info(group).addr
    if address in seen:  # a group in itself would have no end, one in many places very many paths
        raise BrokenFileError(f"the group of {'.'.join(path)!r} is at another place as well: restore a copy")
    seen.add(address)
    kind = NodeKind(attributes.get_text(group, b"kind") or NodeKind.GROUP.value)
    items = expect_texts(attributes.get_json(group, b"items", []), "the attribute 'items'")
    node = Skeleton(
        path,
        kind,
        attributes.get_text(group, b"class"),
        attributes.get_text(group, b"comment"),
        items=items,
        locked=bool(attributes.get_int(group, b"locked")),
    )
    notes = read_element(group, _ANNOTATIONS) if exists(group, _ANNOTATIONS) else None
    index.put(node, notes, notes is not None, attributes.get_int(group, b"owner", -1))
    if kind is not NodeKind.GROUP:
        return
    links: list[bytes] = []
    # Not `links.append` itself: it would be stopped by a result that is not None.
    group.links.iterate(lambda link: links.append(link), idx_type=h5.INDEX_CRT_ORDER)
    for link in links:
        name = link.decode()
        if name.startswith("_") or name in (RUN, RUN_SET) or (not path and name == OVERVIEW):
            continue
        child = (*path, unescape(name))
        if group.links.get_info(link).type == h5l.TYPE_SOFT:
            _, _, inner = group.links.get_val(link).decode().lstrip("/").partition("/")
            index.put(Skeleton(child, NodeKind.LINK, target=unescape_path(inner)))
        else:
            _visit(open_group(group, link), child, index, seen)
