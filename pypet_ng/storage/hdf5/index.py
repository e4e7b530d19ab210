"""Which ordinary nodes are there, without opening their groups?

A cache in ``overview/nodes``: a first line with columns of all nodes, then a line for what each session of
writing changed. It holds if the stamp of the last line is the trajectory's; else the groups are walked.
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np

from pypet_ng._typing import Path
from pypet_ng.encoding.encoded import Encoded
from pypet_ng.storage.hdf5.vectors import Lines
from pypet_ng.tree.records import NodeKind, Skeleton

__all__ = ["NodeIndex"]

_KINDS: Final = tuple(NodeKind)
_LAYOUT: Final = 1
_LONG: Final = 65536
_DEEPEST: Final = 1000


class NodeIndex:
    """All ordinary nodes of a trajectory, by path, parents before children."""

    def __init__(self) -> None:
        self.nodes: dict[Path, Skeleton] = {}
        """Without annotations, and without `explored`."""
        self.annotations: dict[Path, Encoded | None] = {}
        """Encoded annotations of those that have some; None: to be read from the node itself."""
        self.owners: dict[Path, int] = {}
        """The run that added a node, of those that one run in particular did."""
        self.stamp = 0
        self.has_run_names = False
        """False: no node is named as a run is. True: look for yourself."""
        self._changed: dict[Path, None] = {}
        self._gone: list[Path] = []
        self._base_size = 0
        self._is_whole = False

    # -- changing -----------------------------------------------------------------------------
    @property
    def is_changed(self) -> bool:
        return bool(self._changed or self._gone)

    def put(
        self, node: Skeleton, annotations: Encoded | None = None, annotated: bool = False, owner: int = -1
    ) -> None:
        """Set a node."""
        path = node.path
        self.nodes[path] = node
        if path and path[-1][:4] == "run_":
            self.has_run_names = True
        if annotated:
            self.annotations[path] = annotations if annotations is None or _is_text(annotations) else None
        else:
            self.annotations.pop(path, None)
        if owner >= 0:
            self.owners[path] = owner
        else:
            self.owners.pop(path, None)
        self._changed[path] = None

    def drop(self, top: Path) -> None:
        """Delete a node and all below it."""
        node = self.nodes.get(top)
        inner = node is None or node.kind is NodeKind.GROUP
        gone = [path for path in self.nodes if path[: len(top)] == top] if inner else [top]
        for path in gone:
            del self.nodes[path]
            self.annotations.pop(path, None)
            self.owners.pop(path, None)
            self._changed.pop(path, None)
        self._gone.append(top)

    def below(self, top: Path, depth: int | None) -> Iterator[Skeleton]:
        """Give the nodes below a path, parents first."""
        size = len(top)
        if not size and depth is None:
            yield from (node for path, node in self.nodes.items() if path)
            return
        most = float("inf") if depth is None else size + depth
        for path, node in self.nodes.items():
            if size < len(path) <= most and path[:size] == top:
                yield node

    # -- on disk ------------------------------------------------------------------------------
    def save(self, lines: Lines, stamp: int) -> None:
        """Write what changed; everything anew when the changes have grown longer than the columns."""
        if (
            self._is_whole
            and 2 * len(self._changed) < len(self.nodes)
            and lines.size <= 2 * self._base_size + _LONG
        ):
            change = {
                "stamp": stamp,
                "gone": self._gone,
                "set": [self._row(path) for path in self._changed if path in self.nodes],
            }
            lines.append([change])
        else:
            lines.rewrite([self._columns(stamp)])
            self._base_size = lines.size
            self._is_whole = True
        self._changed = {}
        self._gone = []
        self.stamp = stamp

    def _row(self, path: Path) -> list[Any]:
        node = self.nodes[path]
        row: list[Any] = [path, _KINDS.index(node.kind), node.class_name, node.comment, node.items]
        notes = _to_json(self.annotations[path]) if path in self.annotations else False
        return [*row, int(node.locked), node.target, notes, self.owners.get(path, -1)]

    def _columns(self, stamp: int) -> dict[str, Any]:
        numbers = {path: number for number, path in enumerate(self.nodes)}
        classes: dict[str, int] = {}
        items: dict[tuple[str, ...], int] = {}
        nodes = list(self.nodes.values())
        return {
            "layout": _LAYOUT,
            "name": [path[-1] if path else "" for path in self.nodes],
            "parent": [numbers.get(path[:-1], -1) if path else -1 for path in self.nodes],
            "kind": [_KINDS.index(node.kind) for node in nodes],
            "class": [classes.setdefault(node.class_name, len(classes)) for node in nodes],
            "comment": [node.comment for node in nodes],
            "items": [items.setdefault(node.items, len(items)) for node in nodes],
            "locked": [number for number, node in enumerate(nodes) if node.locked],
            "classes": list(classes),
            "item_names": list(items),
            "target": [[numbers[node.path], node.target] for node in nodes if node.target],
            "annotations": [[numbers[path], _to_json(notes)] for path, notes in self.annotations.items()],
            "owner": [[numbers[path], owner] for path, owner in self.owners.items()],
            "stamp": stamp,
        }

    @classmethod
    def load(cls, lines: Lines, stamp: int) -> NodeIndex | None:
        """Read the index; None if there is none, it is damaged, or its stamp is another."""
        try:
            base, *changes = lines.read()
            if base["layout"] != _LAYOUT or (changes[-1] if changes else base)["stamp"] != stamp:
                return None
            index = cls()
            index._load_columns(base)
            for change in changes:
                for path in change["gone"]:
                    index.drop(tuple(path))
                for path, kind, class_name, comment, items, locked, target, notes, owner in change["set"]:
                    _check_texts(path, items, target, [class_name, comment])
                    node = Skeleton(
                        tuple(path),
                        _KINDS[kind],
                        class_name,
                        comment,
                        items=tuple(items),
                        target=tuple(target),
                        locked=bool(locked),
                    )
                    index.put(node, _from_json(notes), notes is not False, owner)
        except (ValueError, KeyError, TypeError, IndexError, OSError, AttributeError):
            return None  # it is a cache: the groups say everything
        index._changed = {}
        index._gone = []
        index._base_size = lines.size if not changes else lines.size // 2
        index._is_whole = True
        index.stamp = stamp
        return index

    def _load_columns(self, base: dict[str, Any]) -> None:
        names = base["name"]
        _check_texts(names, base["comment"], base["classes"], *base["item_names"])
        self.has_run_names = "run_" in "\n".join(names)  # or so: a look at each name would cost more
        paths: list[Path] = []
        append = paths.append
        deepest = 0
        for name, parent in zip(names, base["parent"], strict=True):
            append((*paths[parent], name) if parent >= 0 else ())
            deepest = max(deepest, parent >= 0 and len(paths[-1]))
        if deepest > _DEEPEST:
            raise ValueError(f"nodes lie {deepest} levels deep")
        classes = base["classes"]
        items = [tuple(names) for names in base["item_names"]]
        nothing: dict[str, Any] = {}
        nodes = self.nodes = dict(
            zip(
                paths,
                _skeletons(
                    len(paths),
                    path=paths,
                    kind=map(_KINDS.__getitem__, base["kind"]),
                    class_name=map(classes.__getitem__, base["class"]),
                    comment=base["comment"],
                    annotations=itertools.repeat(nothing),
                    items=map(items.__getitem__, base["items"]),
                    target=itertools.repeat(()),
                    locked=itertools.repeat(False),
                    explored=itertools.repeat(False),
                ),
                strict=True,
            )
        )
        for place in base["locked"]:
            nodes[paths[place]] = replace(nodes[paths[place]], locked=True)
        for place, target in base["target"]:
            _check_texts(target)
            nodes[paths[place]] = replace(nodes[paths[place]], target=tuple(target))
        for place, notes in base["annotations"]:
            self.annotations[paths[place]] = _from_json(notes)
        for place, owner in base["owner"]:
            self.owners[paths[place]] = owner


def _skeletons(count: int, **columns: Iterable[Any]) -> list[Skeleton]:
    """Give skeletons from columns, one for each field.

    The slots are filled directly, field by field: for 10,000 frozen objects that takes a third of the
    time of their ``__init__``.
    """
    made = [Skeleton.__new__(Skeleton) for _ in range(count)]
    for name, values in columns.items():
        collections.deque(map(Skeleton.__dict__[name].__set__, made, values), maxlen=0)
    return made


def _check_texts(*lists: Any) -> None:
    """Raise TypeError unless all are lists of texts: JSON holds other things as well."""
    for texts in lists:
        if type(texts) is not list or not set(map(type, texts)) <= {str}:
            raise TypeError(f"{str(texts)[:80]} is no list of texts")


def _is_text(value: Encoded) -> bool:
    return value.text and set(value.parts) == {""} and value.parts[""].nbytes <= _LONG


def _to_json(value: Encoded | None) -> Any:
    if value is None:
        return None
    text = value.parts[""].tobytes().decode("utf-8", "surrogatepass")
    return [value.type, value.version, dict(value.meta), dict(value.axes), text]


def _from_json(value: Any) -> Encoded | None:
    if not value:
        return None
    kind, version, meta, axes, text = value
    data = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8).copy()
    return Encoded(kind, version, meta, {"": data}, axes, True)
