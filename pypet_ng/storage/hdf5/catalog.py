"""Which trajectories does a file hold, and what is known of each as a whole?"""

from __future__ import annotations

import json
from typing import Any, Final

from h5py import h5g

from pypet_ng.errors import NameTakenError, TrajectoryNotFoundError, near_names
from pypet_ng.storage.hdf5 import attributes
from pypet_ng.storage.hdf5.attributes import Id
from pypet_ng.storage.hdf5.file import Handle
from pypet_ng.storage.hdf5.leaves import ORDERED
from pypet_ng.storage.hdf5.names import OVERVIEW, escape, unescape
from pypet_ng.storage.hdf5.trust import check_rows, expect, open_group
from pypet_ng.storage.hdf5.vectors import exists
from pypet_ng.tree.records import NodeKind, TrajectoryInfo

__all__ = ["Catalog"]

_TEXTS: Final = (
    ("format_version", b"format-version"),
    ("program_version", b"program-version"),
    ("python_version", b"python-version"),
    ("comment", b"description"),
)
_NUMBER: Final = b"number"


class Catalog:
    """The trajectories of an open file."""

    def __init__(self, handle: Handle, filename: str) -> None:
        self._root = handle.root
        self._filename = filename

    def names(self) -> list[str]:
        """Give the names, oldest first."""
        found = []
        for index in range(self._root.get_num_objs()):
            link = self._root.get_objname_by_idx(index)
            group = open_group(self._root, link)
            found.append((attributes.get_int(group, _NUMBER), unescape(link.decode())))
        return [name for _, name in sorted(found)]

    def infos(self) -> list[TrajectoryInfo]:
        return [self.info(name) for name in self.names()]

    def info(self, name: str) -> TrajectoryInfo:
        """Give what is known of one; TrajectoryNotFoundError names those that are there."""
        group = self.find(name)
        texts = {field: attributes.get_text(group, attribute) for field, attribute in _TEXTS}
        overview = open_group(group, OVERVIEW.encode())
        return TrajectoryInfo(
            name,
            timestamp=float(attributes.get_json(group, b"timestamp", 0.0)),
            length=check_rows(overview, attributes.get_int(overview, b"runs", 1)),
            facts=_facts(attributes.get_json(group, b"facts", {})),
            **texts,
        )

    def find(self, name: str) -> Id:
        """Give the group of a trajectory."""
        link = escape(name).encode()
        if not exists(self._root, link):
            names = self.names()
            there = ", ".join(map(repr, names)) or "none"
            raise TrajectoryNotFoundError(
                f"{self._filename!r} has no trajectory {name!r}; there are: {there}.{near_names(name, names)}"
            )
        return open_group(self._root, link)

    def _refuse_taken(self, name: str) -> None:
        if exists(self._root, escape(name).encode()):
            raise NameTakenError(
                f"{self._filename!r} has a trajectory {name!r} already. Use another name, load it, or "
                "remove it"
            )

    def create(self, info: TrajectoryInfo) -> None:
        """Make an empty trajectory."""
        self._refuse_taken(info.name)
        facts = json.dumps(dict(info.facts))  # may fail: before anything is made
        numbers = [attributes.get_int(self.find(name), _NUMBER) for name in self.names()]
        group = h5g.create(self._root, escape(info.name).encode(), gcpl=ORDERED)
        attributes.set_int(group, _NUMBER, max(numbers, default=0) + 1)
        attributes.set_text(group, b"kind", NodeKind.GROUP.value, new=True)
        for field, attribute in _TEXTS:
            attributes.set_text(group, attribute, getattr(info, field), new=True)
        attributes.set_json(group, b"timestamp", info.timestamp, new=True)
        attributes.set_text(group, b"facts", facts, new=True)
        h5g.create(group, OVERVIEW.encode())

    def update(self, info: TrajectoryInfo, name: str) -> None:
        """Replace comment and facts of a trajectory."""
        facts = json.dumps(dict(info.facts))
        group = self.find(name)
        attributes.set_text(group, b"description", info.comment)
        attributes.set_text(group, b"facts", facts)

    def rename(self, old: str, new: str) -> None:
        self.find(old)
        self._refuse_taken(new)
        self._root.links.move(escape(old).encode(), self._root, escape(new).encode())

    def remove(self, name: str) -> None:
        self.find(name)
        self._root.unlink(escape(name).encode())


def _facts(found: Any) -> dict[str, Any]:
    facts: dict[str, Any] = expect(found, dict, "the attribute 'facts'")
    seed = facts.get("seed")
    if seed is not None:
        int(str(seed))
    return facts
