"""How do users reach the small facts that are noted on a node?"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from typing import Any

from pypet_ng.encoding import check
from pypet_ng.errors import UnsupportedValueError, near_names
from pypet_ng.tree.nodes import Node

__all__ = ["Annotations"]

_POSITIONAL = "annotation"


class Annotations:
    """A view of the annotations of a node: names and values, by attribute or by item.

    Values may be whatever a result can hold. They are stored and loaded with the skeleton, so keep
    them small. Integers stand for the names positional arguments get: ``0`` for ``annotation``,
    ``1`` for ``annotation_1``. Names that are also methods are reached by item only.
    """

    __slots__ = ("_node",)
    _node: Node

    def __init__(self, node: Node | None = None) -> None:
        object.__setattr__(self, "_node", Node("") if node is None else node)

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy stands alone: the node would bring its whole tree along.
        return _alone, (self.f_to_dict(),)

    def f_set(self, /, *args: Any, **kwargs: Any) -> None:
        """Set some: positional values are named ``annotation``, ``annotation_1``, ...

        UnsupportedValueError, with nothing set, if one of them cannot be stored.
        """
        new = {_name(place): value for place, value in enumerate(args)}
        new.update(kwargs)
        for name, value in new.items():
            self._check(name, value)
        self._take(new)

    def f_set_single(self, name: str | int, data: Any) -> None:
        """Set one."""
        key = _name(name)
        self._check(key, data)
        self._take({key: data})

    def f_get(self, *names: str | int) -> Any:
        """Give the value of one name, a tuple for several, the only value for none.

        AttributeError if a name is unknown or there are none, ValueError if no name is given and
        there are several.
        """
        if not names:
            known = self._known
            if not known:
                raise AttributeError(f"{self._owner} has no annotations: set one with f_set.")
            if len(known) > 1:
                raise ValueError(
                    f"{self._owner} has {len(known)} annotations ({self._listed()}): say which one to get."
                )
            return next(iter(known.values()))
        values = tuple(self._find(_name(name)) for name in names)
        return values[0] if len(values) == 1 else values

    def f_remove(self, *names: str | int) -> None:
        """Remove some; AttributeError, with nothing removed, if one is unknown."""
        keys = [_name(name) for name in names]
        for key in keys:
            self._find(key)
        for key in keys:
            self._known.pop(key, None)

    def f_empty(self) -> None:
        """Remove all."""
        self._node.annotations = None

    def f_is_empty(self) -> bool:
        """Tell whether there are none."""
        return not self._node.annotations

    def f_to_dict(self, copy: bool = True) -> dict[str, Any]:
        """Give a dict of all; with ``copy=False`` the one the node holds."""
        if copy:
            return dict(self._known)
        if self._node.annotations is None:
            self._node.annotations = {}
        return self._node.annotations

    def f_ann_to_str(self) -> str:
        """Give one line, ``k=v; k=v``, sorted by name."""
        return "; ".join(f"{name}={value}" for name, value in sorted(self._known.items(), key=_first))

    def __getitem__(self, name: str | int) -> Any:
        return self._find(_name(name))

    def __setitem__(self, name: str | int, data: Any) -> None:
        self.f_set_single(name, data)

    def __delitem__(self, name: str | int) -> None:
        self.f_remove(name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # Python and libraries probe for such names
            raise AttributeError(f"Annotations have no attribute {name!r}: names do not start with '_'.")
        return self._find(name)

    def __setattr__(self, name: str, data: Any) -> None:
        if name.startswith("_") or hasattr(type(self), name):
            raise AttributeError(
                f"{name!r} cannot be set as an attribute of annotations: "
                + (
                    f"use ['{name}'] = ... instead."
                    if not name.startswith("_")
                    else "names start with a letter."
                )
            )
        self.f_set_single(name, data)

    def __delattr__(self, name: str) -> None:
        self.f_remove(name)

    def __contains__(self, name: object) -> bool:
        return (_name(name) if isinstance(name, int) else name) in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._known))

    def __len__(self) -> int:
        return len(self._known)

    def __eq__(self, other: object) -> bool:
        from pypet_ng.encoding import same

        if isinstance(other, Annotations):
            return same(self.f_to_dict(), other.f_to_dict())
        return same(self.f_to_dict(), other) if isinstance(other, dict) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __dir__(self) -> list[str]:
        return [*object.__dir__(self), *self._known]

    def __str__(self) -> str:
        return self.f_ann_to_str()

    def __repr__(self) -> str:
        return f"<Annotations of {self._owner}: {self.f_ann_to_str()}>"

    @property
    def _known(self) -> dict[str, Any]:
        return self._node.annotations or {}

    @property
    def _owner(self) -> str:
        node = self._node
        return repr(".".join(node.path) or node.name)

    def _listed(self) -> str:
        return ", ".join(map(repr, self._known)) or "none"

    def _find(self, key: str) -> Any:
        known = self._known
        if key not in known:
            raise AttributeError(
                f"{self._owner} has no annotation {key!r}, it has: {self._listed()}." + near_names(key, known)
            )
        return known[key]

    def _check(self, name: str, value: Any) -> None:
        if not name:
            raise ValueError(f"An annotation of {self._owner} needs a name.")
        try:
            check(value)
        except UnsupportedValueError as error:
            error.add_note(f"This was to be the annotation {name!r} of {self._owner}.")
            raise

    def _take(self, new: Mapping[str, Any]) -> None:
        if self._node.annotations is None:
            self._node.annotations = {}
        self._node.annotations.update(new)


def _name(key: object) -> str:
    """Give the name an integer stands for; other names as they are."""
    if isinstance(key, str):
        return key
    try:
        place = operator.index(key)  # type: ignore[arg-type]  # raises for what is no integer
    except TypeError:
        raise TypeError(f"Annotations are named by text or numbered, not by {key!r}.") from None
    if place < 0:
        raise ValueError(f"Annotations are numbered from 0, there is no {place}.")
    return _POSITIONAL if place == 0 else f"{_POSITIONAL}_{place}"


def _first(pair: tuple[str, Any]) -> str:
    return pair[0]


def _alone(data: dict[str, Any]) -> Annotations:
    annotations = Annotations()
    annotations._take(data)
    return annotations
