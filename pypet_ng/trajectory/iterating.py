"""In which order are the nodes below a group given?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from pypet_ng.tree.lazy import LazyChildren
from pypet_ng.tree.nodes import Group, Leaf, Node
from pypet_ng.tree.runnames import run_index, set_index
from pypet_ng.tree.structure import Tree

__all__ = ["Predicate", "iterate", "to_dict"]

Predicate: TypeAlias = "Callable[[Any], bool] | Sequence[int | str] | None"


def _of_runs(indices: Sequence[int | str]) -> Callable[[str], bool]:
    """Give a test of names that leaves out the branches of other runs."""
    runs = {index if isinstance(index, int) else run_index(index) for index in indices}
    runs.discard(None)
    sets = {index // 1000 if index >= 0 else -1 for index in runs if index is not None}

    def wanted(name: str) -> bool:
        index = run_index(name)
        if index is not None:
            return index in runs
        number = set_index(name)
        return number is None or number in sets

    return wanted


def iterate(
    start: Group, recursive: bool, with_links: bool, max_depth: int | None, predicate: Predicate
) -> Iterator[Any]:
    """Give the views of the nodes below `start`, breadth first, each once.

    The tree may be changed meanwhile: nodes that were removed before their turn are left out.
    """
    tree = start.tree
    if tree is None:
        return
    chosen = predicate if callable(predicate) else None
    # by name, before a lazy child of another run is built
    wanted = None if predicate is None or chosen is not None else _of_runs(predicate)  # type: ignore[arg-type]
    if not recursive:
        max_depth = 1
    seen = {id(start)}
    level: list[Group] = [start]
    depth = 1
    while level and (max_depth is None or depth <= max_depth):
        following: list[Group] = []
        for group in level:
            children = group.children
            # names of a million waiting runs come one by one, else a list is safe against changes
            for name in children if isinstance(children, LazyChildren) else list(children):
                if (name in group.links and not with_links) or (wanted is not None and not wanted(name)):
                    continue
                node: Node | None = children.get(name)
                if node is None or id(node) in seen:
                    continue
                view = tree.view(node)
                if chosen is not None and not chosen(view):
                    continue
                seen.add(id(node))
                yield view
                if isinstance(node, Group):
                    following.append(node)
        level = following
        depth += 1


def to_dict(
    start: Group,
    fast_access: bool,
    short_names: bool,
    nested: bool,
    with_links: bool,
    value_of: Callable[[Tree, Node], Any],
) -> dict[str, Any]:
    """Give the leaves below `start` (or their values) by name; ValueError if short names clash."""
    tree = start.tree
    if tree is None:
        return {}
    if short_names and nested:
        raise ValueError(
            "short_names and nested exclude each other: nested dictionaries have the names as keys."
        )
    base = len(start.path)
    found: dict[str, Any] = {}
    for view in iterate(start, True, with_links, None, None):
        node = view._node
        if not isinstance(node, Leaf):
            continue
        value = view
        if fast_access:
            if node.is_empty and tree.naming.auto_load and tree.reserve is not None:
                tree.reserve.fill(node)
            value = value_of(tree, node)
        path = node.path
        # dictionaries in dictionaries begin here; a link may lead out, then the full name says where
        relative = path[base:] if nested and path[:base] == start.path else path
        if nested:
            place = found
            for part in relative[:-1]:
                place = place.setdefault(part, {})
            place[relative[-1]] = value
        elif short_names:
            if node.name in found:
                raise ValueError(
                    f"Two leaves below {'.'.join(start.path) or 'the trajectory'} are called {node.name!r}, one is "
                    f"{'.'.join(path)!r}: use short_names=False."
                )
            found[node.name] = value
        else:
            found[".".join(relative)] = value
    return found
