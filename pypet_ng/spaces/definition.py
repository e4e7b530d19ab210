"""Are two spaces the same exploration, and if not, what differs?"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

import numpy as np

from pypet_ng._typing import Array

__all__ = ["AxisFacts", "Definition", "digest_of"]


def digest_of(array: Array) -> str:
    """Give a text that is equal for equal arrays of one type."""
    if array.dtype.hasobject:
        content = repr(array.tolist()).encode()
    else:
        content = np.ascontiguousarray(array).tobytes()
    head = f"{array.dtype.str}{array.shape}".encode()
    return hashlib.sha256(head + content).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class AxisFacts:
    """What is to be known about one axis."""

    name: str
    kind: str
    """Name of its class."""
    size: int
    group: str | None
    dtype: str
    values: str
    """Digest of its plain values."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a space is made of, as far as it can be written down."""

    mode: str
    key: tuple[int, ...]
    key_kind: str
    key_rule: str
    random: bool
    """Whether the key matters."""
    axes: tuple[AxisFacts, ...]
    statics: tuple[tuple[str, str], ...] = ()
    """Names and fingerprints of leaves that no parameter keeps."""
    ancestors: tuple[str, ...] = ()
    """Digests of the spaces it was cut from or extends."""

    _version: ClassVar[int] = 1

    @property
    def digest(self) -> str:
        """A text that is equal for equal definitions, whatever they come from."""
        content = {
            name: value for name, value in asdict(self).items() if name not in ("ancestors", "statics")
        }
        if not self.random:
            content["key"] = content["key_kind"] = content["key_rule"] = None
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]

    @property
    def lineage(self) -> frozenset[str]:
        """Digests of itself and of its ancestors."""
        return frozenset((self.digest, *self.ancestors))

    def to_json(self) -> str:
        """Give the definition as text."""
        return json.dumps({"version": self._version, **asdict(self)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Definition | None:
        """Give the definition back; None for one that a newer version wrote."""
        facts: dict[str, Any] = json.loads(text)
        if facts.pop("version", None) != cls._version:
            return None
        facts["axes"] = tuple(AxisFacts(**one) for one in facts["axes"])
        for name in ("key", "ancestors"):
            facts[name] = tuple(facts[name])
        facts["statics"] = tuple((name, print_) for name, print_ in facts["statics"])
        return cls(**{field.name: facts[field.name] for field in fields(cls)})

    def differences(self, other: Definition) -> list[str]:
        """Say what makes this another exploration than `other`, beyond the number and values of points.

        Nothing does if one was cut from the other, extends it, or both come from the same space.
        """
        found = []
        mine, theirs = dict(self.statics), dict(other.statics)
        for name in sorted({*mine, *theirs}):
            if mine.get(name) != theirs.get(name):
                found.append(
                    f"the leaf {name!r} is {mine.get(name, 'absent')}, not {theirs.get(name, 'absent')}"
                )
        if self.lineage & other.lineage:
            return found
        if self.mode != other.mode:
            found.append(f"the mode is {self.mode!r}, not {other.mode!r}")
        if self.random or other.random:
            if (self.key, self.key_kind) != (other.key, other.key_kind):
                found.append(
                    f"the key is {list(self.key)} ({self.key_kind}), not {list(other.key)} ({other.key_kind})"
                )
            if self.key_rule != other.key_rule:
                found.append(f"keys are derived {self.key_rule}, not {other.key_rule}")
        here = {axis.name: axis for axis in self.axes}
        there = {axis.name: axis for axis in other.axes}
        if list(here) != list(there):
            found.append(f"the axes are {', '.join(here)}, not {', '.join(there)}")
        found.extend(
            f"axis {name!r} is in group {axis.group}, not {there[name].group}"
            for name, axis in here.items()
            if name in there and axis.group != there[name].group
        )
        return found
