"""How can a group have a million children of which only those somebody asks for exist?"""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, Sequence, ValuesView
from typing import TYPE_CHECKING, Any, Protocol

from pypet_ng.tree.runnames import run_index, set_name

if TYPE_CHECKING:
    from pypet_ng.tree.nodes import Group, Node

__all__ = ["ChildSource", "LazyChildren", "LazyRuns"]


class ChildSource(Protocol):
    """Knows the run groups that could hang below one group."""

    def __len__(self) -> int:
        """Give their number."""

    def __contains__(self, name: object) -> bool:
        """Tell whether there is one of that name."""

    def __iter__(self) -> Iterator[str]:
        """Give their names in order of the runs."""

    def build(self, name: str) -> Node:
        """Make the group with all below it; it hangs nowhere yet."""

    def knows(self, name: str) -> bool:
        """Tell whether any run has a node of that name somewhere below."""

    def holders(self, name: str, most: int) -> Sequence[str]:
        """Give at most `most` of the groups below which a node is called `name`."""


class LazyChildren(dict[str, "Node"]):
    """The children of a group: those that exist, then those the source can still build.

    ``dict`` methods that look past the existing entries build what they meet: ``values()`` and
    ``items()`` of a million runs build a million groups, so the search never calls them.
    """

    __slots__ = ("adopt", "gone", "source")

    def __init__(self, existing: dict[str, Node], source: ChildSource, adopt: Callable[[Node], None]) -> None:
        super().__init__(existing)
        self.source = source
        self.adopt = adopt
        self.gone: set[str] = set()
        """Names the user removed from memory: they must not come back by themselves."""

    def _build(self, name: str) -> Node:
        group = self.source.build(name)
        super().__setitem__(name, group)
        self.adopt(group)
        return group

    def waiting(self, name: object) -> bool:
        """Tell whether there is a child of that name that could be built."""
        return not super().__contains__(name) and name in self.source and name not in self.gone

    def __missing__(self, name: str) -> Node:
        if self.waiting(name):
            return self._build(name)
        raise KeyError(name)

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def existing(self) -> list[str]:
        """Give the names of the children that were built or added."""
        return list(super().keys())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or self.waiting(name)

    def __setitem__(self, name: str, node: Node) -> None:
        super().__setitem__(name, node)
        self.gone.discard(name)

    def __delitem__(self, name: str) -> None:
        if super().__contains__(name):
            super().__delitem__(name)
        elif not self.waiting(name):
            raise KeyError(name)
        if name in self.source:
            self.gone.add(name)

    def __len__(self) -> int:
        """Give the number of children; costs the number of those that exist."""
        apart = sum(1 for name in self.existing() if name not in self.source)
        return apart + len(self.source) - len(self.gone)

    def __bool__(self) -> bool:
        return super().__len__() > 0 or len(self.source) > len(self.gone)

    def __iter__(self) -> Iterator[str]:
        for name in self.existing():
            if name not in self.source:
                yield name
        for name in self.source:
            if name not in self.gone:
                yield name

    def keys(self) -> KeysView[str]:  # type: ignore[override]  # dict's own looks at what exists only
        return KeysView(self)

    def values(self) -> ValuesView[Node]:  # type: ignore[override]
        return ValuesView(self)

    def items(self) -> ItemsView[str, Node]:  # type: ignore[override]
        return ItemsView(self)


class LazyRuns(dict[str, "Group"]):
    """The run groups among lazy children, as the search sees them."""

    __slots__ = ("children",)

    def __init__(self, existing: dict[str, Group], children: LazyChildren) -> None:
        super().__init__(existing)
        self.children = children

    def get(self, name: str, default: Any = None) -> Any:
        group = super().get(name)
        if group is None and self.children.waiting(name):
            self.children[name]  # adopting it enters it here, too, unless it is a leaf
            group = super().get(name)
        return default if group is None else group

    def holding(self, name: str, most: int | None = 2) -> list[Group]:
        """Give groups enough to know whether one, several or no run has a node called `name`.

        Those that exist are given in any case, of the others at most `most` (None: all).
        """
        found = list(super().values())
        children = self.children
        limit = len(children.source) if most is None else most + len(found) + len(children.gone)
        names = list(children.source.holders(name, limit))
        index = run_index(name)
        if index is not None and index >= 0:  # a run inside of its set
            names.append(set_name(index))
        built = 0
        for holder in names:
            if children.waiting(holder):
                group = self.get(holder)
                if group is None:
                    continue
                found.append(group)
                built += 1
                if built == most:
                    break
        return found
