"""How do names lead users from a group to nodes and values?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, TypeAlias

from pypet_ng.errors import DataNotInStorageError, NotUniqueNodeError
from pypet_ng.trajectory.leaves import NNLeafNode
from pypet_ng.trajectory.nodes import Kids, NNTreeNode
from pypet_ng.tree import search
from pypet_ng.tree.nodes import Group, Leaf, Node, ParameterLeaf, ResultLeaf
from pypet_ng.tree.structure import Tree

__all__ = ["Name", "Reaching", "value_of"]

Name: TypeAlias = "str | int | Sequence[str | int]"


def value_of(tree: Tree, leaf: Node) -> Any:
    """Give a leaf's value as fast access does: a parameter's value (locking it), the one item of a
    result that has the result's own name, else the container itself."""
    if type(leaf) is ParameterLeaf:
        if leaf.default is None:
            return tree.view(leaf)
        leaf.locked = True
        return leaf.value
    if type(leaf) is ResultLeaf:
        items = leaf.items
        return items[leaf.name] if len(items) == 1 and leaf.name in items else tree.view(leaf)
    view = tree.view(leaf)
    if isinstance(view, NNLeafNode) and view.f_supports_fast_access():
        return view.f_get()  # type: ignore[attr-defined]
    return view


class Reaching(NNTreeNode):
    """The part of a group that reaches nodes by natural naming.

    ``group.a.b``, ``group['a.b']`` and ``group.f_get('a.b')`` reach nodes below; intermediate groups
    may be left out. See :mod:`pypet_ng.tree.search` for which node a name means.
    """

    __slots__ = ()
    _node: Group

    @property
    def _tree(self) -> Tree:
        tree = self._node.tree
        if tree is None:
            raise TypeError(
                f"The group {self._node.name!r} was removed from its trajectory: reach or add it there again."
            )
        return tree

    @property
    def v_root(self) -> Any:
        """The trajectory."""
        return self._tree.root.view

    @property
    def kids(self) -> Kids:
        """Only the children, for tab completion."""
        return Kids(self)

    def __getattr__(self, name: str) -> Any:
        # What follows up to the first call is the way of traj.x in a run function: keep it short.
        if name[0] == "_":  # before anything is read: of a copy in the making, no slot is set yet
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        node = self._node
        tree = node.tree or self._tree  # which raises
        naming = tree.naming
        if naming.plain:
            hit: Node | None
            try:
                hit = tree.lookups[name][node]
            except KeyError:
                hit = node.children.get(name)
            if type(hit) is ParameterLeaf:
                if hit.value is not None:
                    hit.locked = True
                    return hit.value
            elif hit is not None and (not naming.auto_load or isinstance(hit, Group)):
                if isinstance(hit, Group):
                    return hit.view or tree.view(hit)
                return value_of(tree, hit)
        return self._reach((name,))

    def _reach(self, parts: tuple[str, ...]) -> Any:
        """Give what a name means by the switches of the trajectory."""
        naming = self._tree.naming
        return self._reach_by(
            parts,
            naming.fast_access,
            naming.with_links,
            naming.shortcuts,
            naming.max_depth,
            naming.auto_load,
        )

    def _find(
        self, parts: tuple[str, ...], with_links: bool, shortcuts: bool, max_depth: int | None
    ) -> Node | None:
        tree = self._tree
        if max_depth is not None and len(parts) > max_depth:
            raise ValueError(
                f"{'.'.join(parts)!r} has {len(parts)} parts, but the search is limited to a depth of "
                f"{max_depth}: give a shorter name or a greater max_depth."
            )
        self._wake_branch(parts)
        find = partial(
            search.find,
            tree,
            self._node,
            parts,
            with_links=with_links,
            shortcuts=shortcuts,
            max_depth=max_depth,
        )
        hit = find()
        if hit is None and tree.root.view._bring(self._node.path, parts, shortcuts=shortcuts):
            hit = find()
        return hit

    def _reach_by(
        self,
        parts: tuple[str, ...],
        fast_access: bool,
        with_links: bool,
        shortcuts: bool,
        max_depth: int | None,
        auto_load: bool,
    ) -> Any:
        tree = self._tree
        hit = self._find(parts, with_links, shortcuts, max_depth)
        if hit is None:
            if not auto_load or tree.reserve is None or not parts:
                asked = bool(parts) and parts[0][:2] in ("f_", "v_")
                own = [name for name in dir(type(self)) if name[0] != "_"] if asked else ()
                raise search.not_found(tree, self._node, parts, own)
            hit = self._fetch(parts)
        if isinstance(hit, Leaf):
            if auto_load and hit.is_empty and tree.reserve is not None:
                tree.reserve.fill(hit)
            if fast_access:
                return value_of(tree, hit)
        return tree.view(hit)

    def _fetch(self, parts: tuple[str, ...]) -> Node:
        """Load a node by its exact path; wildcards mean the current run first, then ``run_ALL``."""
        tree = self._tree
        assert tree.reserve is not None
        resolve = tree.wildcards.resolve
        path = self._node.path
        own, default = (
            path + tuple(resolve(part, index) for part in parts) for index in (tree.scope.index, -1)
        )
        try:
            return tree.reserve.fetch(own)
        except DataNotInStorageError:
            if own == default:
                raise
            try:
                return tree.reserve.fetch(default)
            except DataNotInStorageError:
                pass  # the error for the run that was meant is raised
            raise

    def _wake_branch(self, parts: tuple[str, ...]) -> None:
        """Hook for the root, whose four branches come into being when asked for."""

    def __getitem__(self, name: Name) -> Any:
        return self._reach(search.resolve_parts(self._tree, name))

    def f_get(
        self,
        name: Name,
        fast_access: bool = False,
        with_links: bool = True,
        shortcuts: bool = True,
        max_depth: int | None = None,
        auto_load: bool = False,
    ) -> Any:
        """Give the node (or with `fast_access` the value) a name means.

        Raises NodeNotFoundError, NotUniqueNodeError, with `auto_load` DataNotInStorageError.
        """
        if auto_load and not with_links:
            raise ValueError("auto_load=True needs with_links=True: what is loaded may hang behind a link.")
        parts = search.resolve_parts(self._tree, name)
        return self._reach_by(parts, fast_access, with_links, shortcuts, max_depth, auto_load)

    def f_get_default(
        self,
        name: Name,
        default: Any = None,
        fast_access: bool = True,
        with_links: bool = True,
        shortcuts: bool = True,
        max_depth: int | None = None,
        auto_load: bool = False,
    ) -> Any:
        """Give what :meth:`f_get` gives, or `default` where nothing has that name (or several do)."""
        try:
            if not auto_load:  # no error message, which costs more than the search
                parts = search.resolve_parts(self._tree, name)
                if self._find(parts, with_links, shortcuts, max_depth) is None:
                    return default
            return self.f_get(name, fast_access, with_links, shortcuts, max_depth, auto_load)
        except (AttributeError, DataNotInStorageError):
            return default

    def f_get_all(self, name: Name, max_depth: int | None = None, shortcuts: bool = True) -> list[Any]:
        """Give every node below that a name can mean, not through links."""
        tree = self._tree
        parts = search.resolve_parts(tree, name)
        if not shortcuts:
            hit = search.find(tree, self._node, parts, with_links=False, shortcuts=False)
            return [] if hit is None else [tree.view(hit)]
        return [tree.view(hit) for hit in search.find_all(tree, self._node, parts, max_depth=max_depth)]

    def f_contains(
        self, item: Any, with_links: bool = True, shortcuts: bool = False, max_depth: int | None = None
    ) -> bool:
        """Tell whether a name leads somewhere, or whether a node hangs below."""
        tree = self._tree
        if isinstance(item, NNTreeNode):
            return self._contains_node(item._node, with_links, max_depth)
        parts = search.resolve_parts(tree, item)
        if max_depth is not None and len(parts) > max_depth:
            return False
        try:
            # asking for a run that is not in memory yet must not build it
            above = self._find(parts[:-1], with_links, shortcuts, max_depth) if parts[1:] else self._node
            if isinstance(above, Group) and (max_depth is None or len(parts) == 1):
                name = tree.wildcards.resolve(parts[-1], tree.scope.index) if parts else ""
                if name in above.children and (with_links or name not in above.links):
                    return True
            return self._find(parts, with_links, shortcuts, max_depth) is not None
        except NotUniqueNodeError:  # the name leads somewhere, even if nobody can say where
            return True

    def _contains_node(self, node: Node, with_links: bool, max_depth: int | None) -> bool:
        tree = self._tree
        if node.tree is not tree or node is self._node:
            return False

        def is_below(one: Node, steps: int) -> bool:
            depth = one.depth - self._node.depth + steps
            if depth < 1 or (max_depth is not None and depth > max_depth):
                return False
            above: Node | None = one
            while above is not None and above is not self._node:
                above = above.parent
            return above is not None

        if is_below(node, 0):
            return True
        return with_links and any(
            group is self._node or is_below(group, 1) for group, _ in tree.linked.get(node, ())
        )

    def __contains__(self, item: Any) -> bool:
        naming = self._tree.naming
        return self.f_contains(item, naming.with_links, naming.shortcuts, naming.max_depth)
