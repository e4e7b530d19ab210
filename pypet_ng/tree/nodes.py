"""What are groups, parameters and results, before anybody gives them a public face?

Nodes are data with a place in a tree. They have clean names and no ``__getattr__``; what users touch
are the views of the trajectory layer. Only :class:`pypet_ng.tree.structure.Tree` changes ``parent``,
``children``, ``groups``, ``runs`` and ``links``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pypet_ng._typing import Path
from pypet_ng.tree.records import NodeKind

if TYPE_CHECKING:
    from pypet_ng.tree.structure import Tree

__all__ = ["EXPLORED", "Group", "Leaf", "Node", "ParameterLeaf", "ResultLeaf"]


EXPLORED: Final = "explored_data"
"""Item that holds a parameter's range where the plan of all runs does not."""
_NOTHING: frozenset[str] = frozenset()


class Node:
    """What groups and leaves have in common."""

    __slots__ = ("annotations", "comment", "name", "parent", "stored", "tree", "view")

    def __init__(self, name: str, comment: str = "") -> None:
        self.name = name
        self.comment = comment
        self.parent: Group | None = None
        self.tree: Tree | None = None
        self.annotations: dict[str, Any] | None = None
        self.stored = False
        self.view: Any = None
        """The one public face of the node, made when first asked for."""

    @property
    def path(self) -> Path:
        """Give the way from the root to here; the root's is ``()``."""
        parts = []
        node: Node = self
        while node.parent is not None:
            parts.append(node.name)
            node = node.parent
        parts.reverse()
        return tuple(parts)

    @property
    def depth(self) -> int:
        """Give the number of steps from the root."""
        depth = 0
        node = self.parent
        while node is not None:
            depth += 1
            node = node.parent
        return depth

    @property
    def root(self) -> Node:
        """Give the topmost node that can be reached from here."""
        node: Node = self
        while node.parent is not None:
            node = node.parent
        return node

    @property
    def branch(self) -> str:
        """Give the first part of the path, ``''`` for the root."""
        node: Node = self
        name = ""
        while node.parent is not None:
            name = node.name
            node = node.parent
        return name


class Group(Node):
    """A node that holds others."""

    __slots__ = ("children", "groups", "links", "of_run", "runs")
    kind: ClassVar[NodeKind] = NodeKind.GROUP

    def __init__(self, name: str, comment: str = "") -> None:
        # each run makes one or two: a call of Node.__init__ would cost a third of this
        self.name = name
        self.comment = comment
        self.parent = None
        self.tree = None
        self.annotations = None
        self.stored = False
        self.view = None
        self.children: dict[str, Node] = {}
        """All that hangs here, link targets included, by name."""
        self.groups: dict[str, Group] = {}
        """The groups among them (and links to groups), apart from those of single runs."""
        self.runs: dict[str, Group] = {}
        """The groups of single runs and of run sets."""
        self.links: set[str] = set()
        """Names among the children that are links."""
        self.of_run = False
        """The group of a single run or run set, or somewhere below one."""

    def own(self) -> Iterator[Node]:
        """Give the children that are no links."""
        if not self.links:
            return iter(self.children.values())
        return (child for name, child in self.children.items() if name not in self.links)


class OwnGroup(Group):
    """A group that a user's class is the face of."""

    __slots__ = ("class_name",)

    def __init__(self, name: str, comment: str = "", class_name: str = "") -> None:
        super().__init__(name, comment)
        self.class_name = class_name


class Leaf(Node):
    """A node that holds data."""

    __slots__ = ("class_name", "kept", "locked")
    kind: ClassVar[NodeKind]

    def __init__(self, name: str, comment: str = "", class_name: str = "") -> None:
        super().__init__(name, comment)
        self.class_name = class_name
        self.locked = False
        self.kept: frozenset[str] = _NOTHING
        """Names of the items that are stored."""

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to give or store."""
        raise NotImplementedError(f"{type(self).__name__} must say when it is empty")

    def dump(self) -> Mapping[str, Any]:
        """Give the items to be stored."""
        raise NotImplementedError(f"{type(self).__name__} must say what is to be stored")

    def load(self, data: Mapping[str, Any]) -> None:
        """Take items that were stored."""
        raise NotImplementedError(f"{type(self).__name__} must take stored items")

    def clear(self) -> None:
        """Forget the data."""
        raise NotImplementedError(f"{type(self).__name__} must be able to forget its data")


class ParameterLeaf(Leaf):
    """A value that may change from run to run."""

    __slots__ = ("column", "default", "value")
    kind = NodeKind.PARAMETER

    def __init__(self, name: str, comment: str = "", class_name: str = "Parameter") -> None:
        super().__init__(name, comment, class_name)
        self.value: Any = None
        """The value at the current run; None: empty."""
        self.default: Any = None
        self.column: Sequence[Any] | None = None
        """The explored values, one per run."""

    @property
    def is_empty(self) -> bool:
        return self.default is None

    @property
    def is_explored(self) -> bool:
        """Tell whether there is a range."""
        return self.column is not None

    def dump(self) -> Mapping[str, Any]:
        return {} if self.default is None else {"data": self.default}

    def dump_range(self) -> Mapping[str, Any]:
        """Give the explored values as an item, for a range that is no part of the trajectory's plan."""
        return {} if self.column is None else {EXPLORED: list(self.column)}

    def load(self, data: Mapping[str, Any]) -> None:
        if "data" in data:
            self.default = self.value = data["data"]
            self.locked = True
        if EXPLORED in data:
            self.column = list(data[EXPLORED])

    def clear(self) -> None:
        self.value = self.default = self.column = None

    def storable(self, column: Any) -> Any:
        """Give the form in which a column of explored values goes into the plan and to other processes."""
        return column

    def take_column(self, column: Any) -> None:
        """Take the plan's column of this parameter."""
        self.column = column

    def move_to(self, index: int, value: Any) -> None:
        """Take the value of run `index` in the plan's form; its place in the range is known to who calls."""
        self.value = value

    def restore_default(self) -> None:
        """Leave the current run."""
        self.value = self.default


class ResultLeaf(Leaf):
    """Named items that a run or the analysis produced."""

    __slots__ = ("items",)
    kind = NodeKind.RESULT

    def __init__(self, name: str, comment: str = "", class_name: str = "Result") -> None:
        # flat, without the constructors above it: trees of many thousand results are loaded at once
        self.name = name
        self.comment = comment
        self.parent = self.tree = self.annotations = None
        self.stored = self.locked = False
        self.view = None
        self.class_name = class_name
        self.kept = _NOTHING
        self.items: dict[str, Any] = {}

    @property
    def is_empty(self) -> bool:
        return not self.items

    def dump(self) -> Mapping[str, Any]:
        return self.items

    def load(self, data: Mapping[str, Any]) -> None:
        self.items.update(data)

    def clear(self) -> None:
        self.items = {}
