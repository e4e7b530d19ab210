"""In which order are the nodes below a group given?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from pypet_ng.tree.nodes import Group, Leaf, Node
from pypet_ng.tree.runnames import run_index, set_index
from pypet_ng.tree.structure import Tree

__all__ = ["Predicate", "iterate", "to_dict"]

Predicate: TypeAlias = "Callable[[Any], bool] | Sequence[int] | None"


def _of_runs(indices: Sequence[int]) -> Callable[[Node], bool]:
    """Give a test that leaves out the branches of other runs."""
    runs = set(indices)
    sets = {index // 1000 if index >= 0 else -1 for index in runs}

    def wanted(node: Node) -> bool:
        index = run_index(node.name)
        if index is not None:
            return index in runs
        number = set_index(node.name)
        return number is None or number in sets

    return wanted


def iterate(
    start: Group, recursive: bool, with_links: bool, max_depth: int | None, predicate: Predicate
) -> Iterator[Any]:
    """Give the views of the nodes below `start`, breadth first, each once."""
    tree = start.tree
    if tree is None:
        return
    wanted: Callable[[Node], bool] | None
    if predicate is None:
        wanted = None
    elif callable(predicate):
        chosen = predicate

        def wanted(node: Node) -> bool:
            return bool(chosen(tree.view(node)))

    else:
        wanted = _of_runs(predicate)
    if not recursive:
        max_depth = 1
    seen = {id(start)}
    level: list[Group] = [start]
    depth = 1
    while level and (max_depth is None or depth <= max_depth):
        following: list[Group] = []
        for group in level:
            for name, node in group.children.items():
                if name in group.links and not with_links:
                    continue
                if id(node) in seen or (wanted is not None and not wanted(node)):
                    continue
                seen.add(id(node))
                yield tree.view(node)
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
    base = len(start.path)
    found: dict[str, Any] = {}
    for view in iterate(start, True, with_links, None, None):
        node = view._node
        if not isinstance(node, Leaf):
            continue
        if fast_access and node.is_empty and tree.naming.auto_load and tree.reserve is not None:
            tree.reserve.fill(node)
        value = value_of(tree, node) if fast_access else view
        path = node.path
        # a link may lead out of the subtree: then only the full name says where the leaf is
        relative = path[base:] if path[:base] == start.path else path
        if nested:
            place = found
            for part in relative[:-1]:
                place = place.setdefault(part, {})
            place[relative[-1]] = value
        elif short_names:
            if node.name in found:
                raise ValueError(
                    f"Two leaves below {'.'.join(start.path) or 'the trajectory'} are called {node.name!r}: "
                    "use short_names=False."
                )
            found[node.name] = value
        else:
            found[".".join(relative)] = value
    return found
