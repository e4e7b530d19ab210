"""How does a tree of nodes change, and how do looked-up names stay right when it does?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pypet_ng._typing import Path
from pypet_ng.errors import NameTakenError, NodeNotFoundError, NotInRunError
from pypet_ng.tree.lazy import ChildSource, LazyChildren, LazyRuns
from pypet_ng.tree.names import Wildcards
from pypet_ng.tree.nodes import Group, Leaf, Node, ParameterLeaf, ResultLeaf
from pypet_ng.tree.runnames import run_index, set_index
from pypet_ng.tree.scope import Naming, Reserve, Scope

__all__ = ["Naming", "Reserve", "Scope", "Tree", "describe_hits", "is_run_name"]


def is_run_name(name: str) -> bool:
    """Tell whether a group of that name belongs to one run or one set of runs (``run_ALL`` does not)."""
    if name[:4] != "run_":
        return False
    index = run_index(name)
    if index is None:
        index = set_index(name)
    return index is not None and index >= 0


class Tree:
    """The root and all that hangs below it. Not thread safe.

    *Looked-up names.* ``lookups[name][start]`` is the node that a search for `name` from `start`
    found. Attaching or detaching a leaf forgets the entries of its own name only, so that a run
    that adds ``z`` does not make ``x`` slow. Names that any run's branch holds are never
    remembered, as their meaning changes with the current run.

    *Where names are.* ``index`` knows the nodes of a name outside of the groups of single runs, so
    that a search need not walk a big tree. It says nothing on links: a tree that has some is walked.
    """

    __slots__ = (
        "holders",
        "index",
        "lazy",
        "linked",
        "lookups",
        "make_view",
        "naming",
        "places",
        "reserve",
        "reserved",
        "root",
        "run_words",
        "scope",
        "wildcards",
    )

    def __init__(self, name: str, make_view: Callable[[Node], Any]) -> None:
        self.root = Group(name)
        self.root.tree = self
        self.make_view = make_view
        self.naming = Naming()
        self.reserve: Reserve | None = None
        """Where nodes that are not in memory may come from."""
        self.reserved: frozenset[str] = frozenset()
        """Names that nodes can have, but that only ``[...]`` reaches."""
        self.lookups: dict[str, dict[Group, Node]] = {}
        self.index: dict[str, Node | dict[Node, None]] = {}
        self.wildcards = Wildcards()
        self.scope = Scope(self.wildcards.functions)
        self.holders: dict[Group, None] = {}
        """Groups that have (or can build) groups of single runs."""
        self.lazy: dict[Group, LazyChildren] = {}
        """Those among them that can build some."""
        self.linked: dict[Node, dict[tuple[Group, str], None]] = {}
        """Targets of links, and from where the links start."""
        self.run_words: set[str] = set()
        """Names that nodes below groups of single runs have or had, but for those of runs."""
        self.places: dict[tuple[str, str], Path] = {}
        """Checked parts of names that were added from the root: see ``trajectory.adding``."""

    # -- current run --------------------------------------------------------------------------
    def move_to(self, index: int, *, running: bool = False) -> None:
        """Make `index` the current run."""
        scope = self.scope
        scope.index = index
        scope.running = running
        if (running and (scope.added or scope.links)) or scope.homes:
            self._begin_scope()

    def leave_run(self) -> None:
        """Take out what a run function added: nodes, and links wherever they start.

        Groups outside of the run's own branches stay. What is taken out can still be read by who
        holds it, but the circles of nodes and views are broken, so that the collector of cyclic
        garbage has nothing to do.
        """
        scope = self.scope
        scope.running = False
        if not scope.links and not self.linked and len(scope.added) == scope.plain + len(scope.homes):
            for home in scope.homes.values():  # nothing but simple results in the run's own groups
                runs: Any = home.parent
                del runs.children[home.name]
                runs.runs.pop(home.name, None)
                home.parent = home.tree = None
                if home.view is None:  # nobody has seen it: it can serve the next run as well
                    home.children.clear()
                    scope.spare = home
            for node in scope.added:
                if node is not scope.spare:
                    node.tree = node.parent = node.view = None
            self._begin_scope()
            return
        for group, name in scope.links:
            if group.tree is self and name in group.links:
                self.unlink(group, name)
        for node in scope.added:  # parents come before what hangs in them
            if node.tree is not self:
                continue  # the function removed it by itself
            parent = node.parent
            assert parent is not None
            if isinstance(node, Group):
                if not node.of_run:
                    continue
                if parent.tree is self:
                    self._unlist(parent, node.name)
                if node.runs or node in self.linked or node.links:
                    self._forget(node, True)
            elif not parent.of_run or self.linked:
                self.detach(node)
            elif parent.tree is self:
                del parent.children[node.name]
            node.tree = node.parent = node.view = None
        self._begin_scope()

    def keep_run(self) -> None:
        """Leave the run, and in the tree what its function added."""
        self.scope.running = False
        self._begin_scope()

    def _begin_scope(self) -> None:
        scope = self.scope
        scope.added = []
        scope.links = []
        scope.homes = {}
        scope.plain = 0

    def add_plain(self, branch: str, leaf: Leaf) -> bool:
        """Hang a leaf directly into the current run's group as :meth:`attach` would, only quicker.

        Gives False, and does nothing, where more has to be found out: the name is new in runs, or taken.
        """
        scope = self.scope
        home = scope.homes.get(branch) or self.run_home(branch)
        name = leaf.name
        if name in home.children or name not in self.run_words or home.tree is not self:
            return False
        leaf.parent = home
        leaf.tree = self
        home.children[name] = leaf
        scope.added.append(leaf)
        scope.plain += 1
        return True

    def run_home(self, branch: str) -> Group:
        """Give the current run's group in a branch, making it if it is not there."""
        scope = self.scope
        home = scope.homes.get(branch)
        if home is not None and home.tree is self:
            return home
        name = scope.name
        try:
            runs: Any = self.root.children[branch].children["runs"]  # type: ignore[attr-defined]
        except (AttributeError, KeyError):
            runs = self.make_groups(self.root, (branch, "runs"))
        if name in runs.children:
            home = self.make_groups(runs, (name,))
        else:  # as attach does it, but this happens in each run and nothing needs to be found out
            home = scope.spare or Group(name)
            scope.spare = None
            home.name = name
            home.parent = runs
            home.tree = self
            home.of_run = True
            runs.children[name] = home
            dict.__setitem__(runs.runs, name, home)
            self.holders[runs] = None
            if scope.running:
                scope.added.append(home)
        scope.homes[branch] = home
        return home

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
        node.tree = self
        of_run = parent.of_run
        if isinstance(node, Group):
            self._enlist(parent, name, node)
            of_run = node.of_run
            if node.children:
                self._enter_below(node)
        if not (of_run and name in self.run_words):
            self._enter(node, name, of_run)
        if self.scope.running:
            self.scope.added.append(node)

    def _enter(self, node: Node, name: str, of_run: bool) -> None:
        """Make a node known by its name."""
        if of_run:
            if name not in self.run_words and not is_run_name(name):
                self.run_words.add(name)
                self.lookups.pop(name, None)
            return
        if self.lookups:
            self.lookups.pop(name, None)
        index = self.index
        known = index.get(name)
        if known is None:
            index[name] = node
        elif isinstance(known, dict):
            known[node] = None
        else:
            index[name] = {known: None, node: None}

    def _enter_below(self, top: Group) -> None:
        """Make known all below a group that comes with children."""
        for node in self.walk(top):
            if node is top:
                continue
            node.tree = self
            parent = node.parent
            assert parent is not None
            if isinstance(node, Group):
                node.of_run = parent.of_run or node.name in parent.runs
            self._enter(node, node.name, node.of_run if isinstance(node, Group) else parent.of_run)
            if isinstance(node, Group):
                self._enter_group(node)
        self._enter_group(top)

    def _enter_group(self, group: Group) -> None:
        if group.runs or type(group.children) is not dict:
            self.holders[group] = None
        for name in group.links:
            self.linked.setdefault(dict.__getitem__(group.children, name), {})[group, name] = None
            self.lookups.clear()

    def _enlist(self, parent: Group, name: str, group: Group) -> None:
        if name[:4] == "run_" and is_run_name(name):
            dict.__setitem__(parent.runs, name, group)
            self.holders[parent] = None
            if name not in parent.links:
                group.of_run = True
        else:
            parent.groups[name] = group
            if name not in parent.links:
                group.of_run = parent.of_run

    def detach(self, node: Node) -> None:
        """Take a node with all below it out of the tree, and links to any of it.

        Costs what hangs below the node, not what the tree has.
        """
        parent = node.parent
        if parent is None:
            raise TypeError("The root cannot be removed from its own tree.")
        self._unlist(parent, node.name)
        if isinstance(node, Group):
            for one in list(self.walk(node)):
                assert one.parent is not None
                self._forget(one, one.of_run if isinstance(one, Group) else one.parent.of_run)
            if not node.of_run:
                self.lookups.clear()  # some may have begun at a group that is gone
        else:
            self._forget(node, parent.of_run)
        node.parent = None

    def _forget(self, node: Node, of_run: bool) -> None:
        node.tree = None
        if type(node) is ResultLeaf or type(node) is ParameterLeaf:
            node.view = None  # no circle: large values are gone as soon as nobody holds their container
        if isinstance(node, Group):
            self.holders.pop(node, None)
            self.lazy.pop(node, None)
            for name in node.links:
                self._unregister(dict.__getitem__(node.children, name), node, name)
        if self.linked and node in self.linked:
            for group, name in list(self.linked[node]):
                self.unlink(group, name)
        if of_run:
            return
        name = node.name
        self.lookups.pop(name, None)
        known = self.index.get(name)
        if known is node:
            del self.index[name]
        elif isinstance(known, dict):
            known.pop(node, None)
            if not known:
                del self.index[name]

    def _unlist(self, parent: Group, name: str) -> None:
        del parent.children[name]
        parent.groups.pop(name, None)
        parent.runs.pop(name, None)
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
                f"The link {name!r} must lead to a node of this tree below the root, not to {target.name!r}. "
                "Add the node first, or link to what hangs below the root."
            )
        if name in group.children:
            raise NameTakenError(
                f"There is already a node {'.'.join((*group.path, name))!r}: a link needs a name of its own."
            )
        group.links.add(name)
        group.children[name] = target
        if isinstance(target, Group):
            self._enlist(group, name, target)
        self.linked.setdefault(target, {})[group, name] = None
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
        target = dict.__getitem__(group.children, name)
        self._unlist(group, name)
        group.links.discard(name)
        self._unregister(target, group, name)
        self.lookups.clear()

    def _unregister(self, target: Node, group: Group, name: str) -> None:
        starts = self.linked.get(target)
        if starts is not None:
            starts.pop((group, name), None)
            if not starts:
                del self.linked[target]

    # -- ways ---------------------------------------------------------------------------------
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

        NodeNotFoundError if the way leads through a link, NameTakenError if through a leaf.
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

        def adopt(child: Node) -> None:
            child.parent = group
            child.tree = self
            if not isinstance(child, Group):  # a leaf that is called as a run
                return
            child.of_run = True
            dict.__setitem__(group.runs, child.name, child)
            self._enter_below(child)

        if isinstance(group.children, LazyChildren):
            group.children.source = source
            group.children.gone.clear()
        else:
            group.children = LazyChildren(group.children, source, adopt)
            group.runs = LazyRuns(group.runs, group.children)
        self.holders[group] = None
        self.lazy[group] = group.children
        self.lookups.clear()

    def knows_in_runs(self, name: str) -> bool:
        """Tell whether a node of that name is or could be below the group of a single run."""
        return name in self.run_words or any(children.source.knows(name) for children in self.lazy.values())

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
