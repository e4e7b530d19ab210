"""What does a group show of the nodes that hang in it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeAlias
from weakref import WeakValueDictionary

from pypet_ng.trajectory.briefs import brief_text
from pypet_ng.trajectory.iterating import Predicate, iterate, to_dict
from pypet_ng.trajectory.reaching import Reaching, value_of
from pypet_ng.tree.lazy import LazyChildren
from pypet_ng.tree.nodes import Group, Leaf, Node

__all__ = ["Listing", "LiveChildren"]

_SHOWN = 5
_COMPLETED = 1000
"""So many names tab completion shows: more help nobody, and a group may have a million."""


class LiveChildren(Mapping[str, Any]):
    """Some of the children of a group as they are at the moment: read only, and costs nothing to make.

    Groups of single runs that were not loaded yet are built when they are asked for.
    """

    __slots__ = ("__weakref__", "_group", "_wanted")

    def __init__(self, group: Group, wanted: _Wanted = None) -> None:
        self._group = group
        self._wanted = wanted

    def __getitem__(self, name: str) -> Any:
        node: Node = self._group.children[name]
        if self._wanted is not None and not self._wanted(self._group, name, node):
            raise KeyError(name)
        assert node.tree is not None
        return node.tree.view(node)

    def __iter__(self) -> Iterator[str]:
        children = self._group.children
        if self._wanted is None:
            return iter(children)
        if self._wanted is _is_link:
            return iter([name for name in dict.keys(children) if name in self._group.links])
        return (name for name in children if self._wanted(self._group, name, children[name]))

    def __contains__(self, name: object) -> bool:
        if self._wanted is None:
            return name in self._group.children
        return super().__contains__(name)

    def __len__(self) -> int:
        return len(self._group.children) if self._wanted is None else sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"{{{', '.join(map(repr, islice(self, _SHOWN)))}{', ...' if len(self) > _SHOWN else ''}}}"


def _is_leaf(group: Group, name: str, node: Node) -> bool:
    return isinstance(node, Leaf) and name not in group.links


def _is_group(group: Group, name: str, node: Node) -> bool:
    return isinstance(node, Group) and name not in group.links


def _is_link(group: Group, name: str, node: Node) -> bool:
    return name in group.links


_Wanted: TypeAlias = "Callable[[Group, str, Node], bool] | None"
_alive: WeakValueDictionary[tuple[int, _Wanted], LiveChildren] = WeakValueDictionary()
"""Views somebody holds, by group and kind: asking again gives the same object, as pypet's dictionaries do."""


def _live(group: Group, wanted: _Wanted = None) -> LiveChildren:
    """Give the live view of some children. (A view keeps its group, so that the id stays the group's.)"""
    key = (id(group), wanted)
    view = _alive.get(key)
    if view is None:
        view = _alive[key] = LiveChildren(group, wanted)
    return view


class Listing(Reaching):
    """The part of a group that lists what hangs in it."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        return self.f_iter_nodes(self._tree.naming.iter_recursive, with_links=self._tree.naming.with_links)

    def f_iter_nodes(
        self,
        recursive: bool = True,
        with_links: bool = True,
        max_depth: int | None = None,
        predicate: Predicate = None,
    ) -> Iterator[Any]:
        """Give the nodes below, breadth first, each once.

        `predicate`: a function of the node; where it is false the subtree is left out, too. Or names or
        indices of runs (-1: ``run_ALL``): branches of other runs are left out. Runs that were not loaded
        yet come into memory as the iteration reaches them.
        """
        return iterate(self._node, recursive, with_links, max_depth, predicate)

    def f_iter_leaves(self, with_links: bool = True) -> Iterator[Any]:
        """Give the leaves below, breadth first."""
        return (node for node in self.f_iter_nodes(with_links=with_links) if node.v_is_leaf)

    def f_to_dict(
        self,
        fast_access: bool = False,
        short_names: bool = False,
        nested: bool = False,
        copy: bool = True,
        with_links: bool = True,
    ) -> dict[str, Any]:
        """Give the leaves (or values) below by their full names.

        `short_names` takes the last part only, ValueError if two leaves share it; `nested` gives
        dictionaries in dictionaries that begin with the children of this group. The dictionary is always a new one; ``copy=False`` with any of
        the other options is a ValueError.
        """
        if not copy and (fast_access or short_names or nested):
            raise ValueError(
                "copy=False gives the leaves by full name as they are: "
                "leave it out with fast_access, short_names or nested."
            )
        return to_dict(self._node, fast_access, short_names, nested, with_links, value_of)

    def f_get_children(self, copy: bool = True) -> Mapping[str, Any]:
        """Give the nodes that hang here by name, links included.

        A dictionary; with ``copy=False`` a live view, which does not build runs nobody asked for.
        """
        return self._children(copy)

    def f_get_groups(self, copy: bool = True) -> Mapping[str, Any]:
        """Give the groups among the children, without links."""
        return self._children(copy, _is_group)

    def f_get_leaves(self, copy: bool = True) -> Mapping[str, Any]:
        """Give the leaves among the children, without links."""
        return self._children(copy, _is_leaf)

    def f_get_links(self, copy: bool = True) -> Mapping[str, Any]:
        """Give the targets of the links that start here."""
        return self._children(copy, _is_link)

    def _children(self, copy: bool, wanted: _Wanted = None) -> Mapping[str, Any]:
        live = _live(self._node, wanted)
        return dict(live.items()) if copy else live

    def f_children(self) -> int:
        """Give the number of nodes that hang here."""
        return len(self._node.children)

    def f_has_children(self) -> bool:
        """Tell whether anything hangs here."""
        return bool(self._node.children)

    def f_groups(self) -> int:
        """Give the number of groups that hang here; what can be built are groups of single runs."""
        return len(self._node.children) - self.f_leaves() - self.f_links()

    def f_has_groups(self) -> bool:
        """Tell whether a group hangs here."""
        return self.f_groups() > 0

    def f_leaves(self) -> int:
        """Give the number of leaves that hang here."""
        children, links = self._node.children, self._node.links
        return sum(
            isinstance(dict.__getitem__(children, name), Leaf)
            for name in dict.keys(children)
            if name not in links
        )

    def f_has_leaves(self) -> bool:
        """Tell whether a leaf hangs here."""
        return self.f_leaves() > 0

    def f_links(self) -> int:
        """Give the number of links that start here."""
        return len(self._node.links)

    def f_has_links(self) -> bool:
        """Tell whether a link starts here."""
        return bool(self._node.links)

    def f_dir_data(self) -> list[str]:
        """Give the names tab completion shows, at most a thousand."""
        return list(islice(self._node.children, _COMPLETED))

    def __dir__(self) -> list[str]:
        return [*object.__dir__(self), *self.f_dir_data()]

    def __str__(self) -> str:
        node = self._node
        tree = node.tree
        comment = brief_text(node.comment) if node.comment else ""
        if tree is None:
            return f"{type(self).__name__} {node.name}" + (f" ({comment})" if comment else "")
        children = node.children
        shown = []
        for name in islice(children, _SHOWN):
            waits = isinstance(children, LazyChildren) and children.waiting(name)
            cls = type(self) if waits else type(tree.view(children[name]))
            shown.append(f"({name}: <{cls.__name__}>)")
        if len(children) > _SHOWN:
            shown.append("...")
        text = f"{type(self).__name__} {self._label(comment)}"
        return f"{text}: {', '.join(shown)}" if shown else text

    def _label(self, comment: str) -> str:
        return self.v_full_name + (f" ({comment})" if comment else "")

    __repr__ = __str__
