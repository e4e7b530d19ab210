"""How does a tree of nodes change, and how do looked-up names stay right when it does?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from pypet_ng._typing import Path
from pypet_ng.errors import NameTakenError, NodeNotFoundError, NotInRunError
from pypet_ng.tree.lazy import ChildSource, LazyChildren, LazyRuns
from pypet_ng.tree.names import Wildcards
from pypet_ng.tree.nodes import Group, Leaf, Node
from pypet_ng.tree.runnames import run_index, run_name, set_index, set_name

__all__ = ["Naming", "Reserve", "Scope", "Tree", "describe_hits"]


@dataclass(slots=True)
class Naming:
    """How do names lead to nodes and values? One object per trajectory, users set it by ``v_...``."""

    fast_access: bool = True
    """Give values instead of parameters and of results with one item of their own name."""
    shortcuts: bool = True
    auto_load: bool = False
    max_depth: int | None = None
    iter_recursive: bool = False
    with_links: bool = True
    no_clobber: bool = False
    """A name in use: warn and keep the old node instead of raising."""
    auto_run_prepend: bool = True
    """In a run, put results and derived parameters below ``runs.run_XXXXXXXX``."""


class Reserve(Protocol):
    """Brings nodes and data into memory."""

    def fetch(self, path: Path) -> Node:
        """Load the node at an exact path; DataNotInStorageError if there is none."""

    def fill(self, leaf: Leaf) -> None:
        """Load the data of an empty leaf; DataNotInStorageError if nothing is stored."""


class Scope:
    """At which run is the tree, and what did that run add?"""

    __slots__ = ("_names", "_named", "added", "index", "links", "running")

    def __init__(self) -> None:
        self.index = -1
        """Current run, -1 for none in particular."""
        self.running = False
        """A run function is at work: only results and derived parameters may be added."""
        self.added: list[Node] = []
        """Nodes attached since the run began, in order."""
        self.links: list[tuple[Group, str]] = []
        """Groups and names of links made since the run began."""
        self._named = -1
        self._names: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the groups that belong to the current run; made when asked for, as many runs never do."""
        index = self.index
        if index != self._named:
            self._named = index
            self._names = (run_name(index), set_name(index)) if index >= 0 else ()
        return self._names


class Tree:
    """The root and all that hangs below it. Not thread safe.

    *Looked-up names.* ``lookups[name][start]`` is the node that a search for `name` from `start`
    found. Attaching or detaching a node forgets the entries of its own name only, so that a run
    that adds ``z`` does not make ``x`` slow. Names that any run's branch holds are never
    remembered, as their meaning changes with the current run.
    """

    __slots__ = (
        "holders", "lookups", "make_view", "naming", "reserve", "root", "run_words", "scope", "wildcards",
    )

    def __init__(self, name: str, make_view: Callable[[Node], Any]) -> None:
        self.root = Group(name)
        self.root.tree = self
        self.make_view = make_view
        self.naming = Naming()
        self.reserve: Reserve | None = None
        """Where nodes that are not in memory may come from."""
        self.lookups: dict[str, dict[Group, Node]] = {}
        self.scope = Scope()
        self.wildcards = Wildcards()
        self.holders: dict[Group, None] = {}
        """Groups that have (or can build) groups of single runs."""
        self.run_words: set[str] = set()
        """Names that nodes below groups of single runs have or had."""

    # -- current run --------------------------------------------------------------------------
    def move_to(self, index: int, *, running: bool = False) -> None:
        """Make `index` the current run."""
        scope = self.scope
        scope.index = index
        scope.running = running
        if running and (scope.added or scope.links):
            scope.added = []
            scope.links = []

    # -- change -------------------------------------------------------------------------------
    def attach(self, parent: Group, node: Node) -> None:
        """Hang a node, with all below it, into a group; NameTakenError if the name is in use."""
        name = node.name
        if name in parent.children:
            raise NameTakenError(
                f"There is already a node {'.'.join((*parent.path, name))!r}. "
                "Use another name, or remove the old one with f_remove_child."
            )
        node.parent = parent
        parent.children[name] = node
        self._entered(parent, node)
        if self.scope.running:
            self.scope.added.append(node)

    def _entered(self, parent: Group, node: Node) -> None:
        if isinstance(node, Group):
            self._enlist(parent, node.name, node)
            stack: list[Node] = [node]
            in_run = self._in_run(node)
            while stack:
                one = stack.pop()
                one.tree = self
                if in_run:
                    self.run_words.add(one.name)
                self.lookups.pop(one.name, None)
                if isinstance(one, Group):
                    stack.extend(one.own() if type(one.children) is dict else ())
                    if one.runs:
                        self.holders[one] = None
        else:
            node.tree = self
            self.lookups.pop(node.name, None)
            if node.name not in self.run_words and self._in_run(node):
                self.run_words.add(node.name)

    def _enlist(self, parent: Group, name: str, group: Group) -> None:
        if (run_index(name) or 0) >= 0 and (run_index(name) is not None or (set_index(name) or -1) >= 0):
            dict.__setitem__(parent.runs, name, group)
            self.holders[parent] = None
        else:
            parent.groups[name] = group

    def _in_run(self, node: Node) -> bool:
        if not self.holders:
            return False
        child, parent = node, node.parent
        while parent is not None:
            if child.name in parent.runs:
                return True
            child, parent = parent, parent.parent
        return False

    def detach(self, node: Node) -> None:
        """Take a node with all below it out of the tree, and links to any of it."""
        parent = node.parent
        if parent is None:
            raise TypeError("The root cannot be removed from its own tree.")
        in_run = self._in_run(node)
        self._unlist(parent, node.name)
        if not in_run or self._has_links():
            inside = {id(one) for one in self.walk(node)}
            for one in self.walk(node):
                self.lookups.pop(one.name, None)
            for entries in self.lookups.values():
                for start in [start for start in entries if id(start) in inside]:
                    del entries[start]
            self._drop_links_to(inside)
        node.parent = None

    def _unlist(self, parent: Group, name: str) -> None:
        del parent.children[name]
        parent.groups.pop(name, None)
        parent.runs.pop(name, None)
        parent.links.discard(name)
        if not parent.runs and type(parent.runs) is dict:
            self.holders.pop(parent, None)

    def walk(self, node: Node) -> Iterator[Node]:
        """Give a node and all that exists below it, not through links; lazy children stay asleep."""
        stack = [node]
        while stack:
            one = stack.pop()
            yield one
            if isinstance(one, Group):
                names = list(dict.keys(one.children))
                stack.extend(
                    dict.__getitem__(one.children, name) for name in reversed(names) if name not in one.links
                )

    # -- links --------------------------------------------------------------------------------
    def link(self, group: Group, name: str, target: Node) -> None:
        """Make `name` in `group` another way to `target`."""
        if target.parent is None or target.tree is not self:
            raise ValueError(
                f"The link {name!r} must lead to a node of this tree below the root, not to {target.name!r}."
            )
        if name in group.children:
            raise NameTakenError(
                f"There is already a node {'.'.join((*group.path, name))!r}: a link needs a name of its own."
            )
        group.children[name] = target
        group.links.add(name)
        if isinstance(target, Group):
            self._enlist(group, name, target)
        if self.scope.running:
            self.scope.links.append((group, name))
        self.lookups.clear()  # all below the target can now be reached by shorter ways

    def unlink(self, group: Group, name: str) -> None:
        """Remove a link; ValueError if there is none of that name."""
        if name not in group.links:
            raise ValueError(
                f"There is no link {name!r} in {'.'.join(group.path) or 'the root'}; "
                f"links there: {', '.join(sorted(group.links)) or 'none'}."
            )
        self._unlist(group, name)
        self.lookups.clear()

    def _has_links(self) -> bool:
        return any(isinstance(node, Group) and node.links for node in self.walk(self.root))

    def _drop_links_to(self, inside: set[int]) -> None:
        for node in list(self.walk(self.root)):
            if isinstance(node, Group) and node.links:
                for name in [n for n in node.links if id(node.children[n]) in inside]:
                    self._unlist(node, name)
                    self.lookups.clear()

    # -- ways ---------------------------------------------------------------------------------
    def child(self, group: Group, name: str) -> Node | None:
        """Give a direct child or link target, building it if it is lazy."""
        child: Node | None = group.children.get(name)
        return child

    def at(self, path: Path) -> Node | None:
        """Give the node at an exact path, None if it is not in memory."""
        node: Node | None = self.root
        for part in path:
            if not isinstance(node, Group):
                return None
            node = node.children.get(part)
        return node

    def make_groups(self, start: Group, parts: Path) -> Group:
        """Give the group at `parts` below `start`, making what is missing.

        NodeNotFoundError if the way leads through a leaf or a link.
        """
        group = start
        for part in parts:
            child = group.children.get(part)
            if child is None:
                child = Group(part)
                self.attach(group, child)
            elif part in group.links:
                raise NodeNotFoundError(
                    f"You cannot hop over links: {'.'.join((*group.path, part))!r} is a link to "
                    f"{'.'.join(child.path)!r}. Add below that instead."
                )
            elif isinstance(child, Leaf):
                raise NameTakenError(
                    f"{'.'.join(child.path)!r} holds data and cannot have nodes below it. Use another name."
                )
            assert isinstance(child, Group)
            group = child
        return group

    def wake(self, group: Group, source: ChildSource) -> None:
        """Let `source` build the groups of single runs below `group` when they are asked for."""

        def adopt(child: Group) -> None:
            child.parent = group
            dict.__setitem__(group.runs, child.name, child)
            stack: list[Node] = [child]
            while stack:
                one = stack.pop()
                one.tree = self
                if isinstance(one, Group):
                    stack.extend(one.own() if type(one.children) is dict else ())
                    if one.runs or type(one.children) is not dict:
                        self.holders[one] = None

        if isinstance(group.children, LazyChildren):
            group.children.source = source
            group.children.gone.clear()
        else:
            group.children = LazyChildren(group.children, source, adopt)
            group.runs = LazyRuns(group.runs, group.children)
        self.holders[group] = None
        self.lookups.clear()

    def knows_in_runs(self, name: str) -> bool:
        """Tell whether a node of that name is or could be below the group of a single run."""
        return name in self.run_words or any(
            isinstance(group.children, LazyChildren) and group.children.source.knows(name)
            for group in self.holders
        )

    def view(self, node: Node) -> Any:
        """Give the one public face of a node."""
        if node.view is None:
            node.view = self.make_view(node)
        return node.view

    def check_outside_run(self, what: str) -> None:
        """Raise NotInRunError if a run function is at work."""
        if self.scope.running:
            raise NotInRunError(
                f"{what} is not available during a single run (run {self.scope.index}): it would change "
                "what all runs share. Do it before env.run or in post-processing."
            )


def describe_hits(hits: list[Node]) -> str:
    """Give the paths of ambiguous hits for a message."""
    return ", ".join(repr(".".join(hit.path)) for hit in hits[:4]) + (", ..." if len(hits) > 4 else "")

