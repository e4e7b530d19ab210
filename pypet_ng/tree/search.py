"""Which node does a name mean, seen from some group?

Direct child first; else breadth first below, the lowest depth wins, two hits there are an error.
With a current run set, branches of other runs are not looked into, and where the best hit is a
result or derived parameter outside of any run (or there are several), a hit in the current run's own
branches goes first. A parameter at lower depth stays what it is. (pypet 0.7 finds several runs'
results and gives up: its issue 49.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pypet_ng._typing import Path
from pypet_ng.errors import NodeNotFoundError, NotUniqueNodeError, near_names
from pypet_ng.tree.lazy import LazyRuns
from pypet_ng.tree.names import split
from pypet_ng.tree.nodes import Group, Node
from pypet_ng.tree.runnames import ALL_RUNS, ALL_SETS
from pypet_ng.tree.structure import Tree, describe_hits

__all__ = ["find", "find_all", "find_part", "not_found", "resolve_parts"]

_OF_RUNS = ("results", "derived_parameters")


def _below(group: Group, tree: Tree, name: str) -> Iterator[Group]:
    """Give the subgroups a search for `name` looks into next."""
    yield from group.groups.values()
    if group.runs or isinstance(group.runs, LazyRuns):
        if tree.scope.index >= 0:
            for own in tree.scope.names:
                run = group.runs.get(own)
                if run is not None:
                    yield run
        elif isinstance(group.runs, LazyRuns):
            yield from group.runs.holding(name)
        else:
            yield from group.runs.values()


def _lowest(
    starts: Sequence[Group], tree: Tree, name: str, with_links: bool, max_depth: int | None
) -> list[Node]:
    """Give all different hits at the lowest depth below `starts`."""
    level: list[Group] = list(starts)
    seen: set[int] = set()
    depth = 1
    while level and (max_depth is None or depth <= max_depth):
        hits: dict[int, Node] = {}
        for group in level:
            child = group.children.get(name)
            if child is not None and (with_links or name not in group.links):
                hits[id(child)] = child
        if hits:
            return list(hits.values())
        following: list[Group] = []
        for group in level:
            for sub in _below(group, tree, name):
                if sub.parent is not group:  # reached by a link: perhaps for the second time, or in a circle
                    if not with_links:
                        continue
                    if id(sub) in seen:
                        continue
                seen.add(id(sub))
                following.append(sub)
        level = following
        depth += 1
    return []


def _own_run(tree: Tree, start: Group) -> list[Group]:
    """Give the current run's groups at or below `start`."""
    groups = []
    for holder in tree.holders:
        node: Node | None = holder
        while node is not None and node is not start:
            node = node.parent
        if node is start:
            for own in tree.scope.names:
                group = holder.runs.get(own)
                if group is not None:
                    groups.append(group)
    return groups


def _inside_run(tree: Tree, node: Node) -> bool:
    names = (*tree.scope.names, ALL_RUNS, ALL_SETS)
    child: Node | None = node
    while child is not None:
        if child.name in names:
            return True
        child = child.parent
    return False


def find_part(
    tree: Tree, start: Group, name: str, *, with_links: bool = True, max_depth: int | None = None
) -> Node | None:
    """Give the node that one part of a name means, None if there is none; NotUniqueNodeError."""
    child: Node | None = start.children.get(name)
    if child is not None and (with_links or name not in start.links):
        return child
    hits = _lowest((start,), tree, name, with_links, max_depth)
    if tree.scope.index >= 0 and hits and not _is_settled(tree, hits):
        own = _lowest(_own_run(tree, start), tree, name, with_links, max_depth)
        hits = own or hits
    if len(hits) > 1:
        hits = _prefer_results_run(tree, hits)
    if len(hits) > 1:
        raise NotUniqueNodeError(
            f"{name!r} means several nodes at the same depth below "
            f"{'.'.join(start.path) or 'the trajectory'}: {describe_hits(hits)}. Give more of the path."
        )
    if not hits:
        return None
    hit = hits[0]
    if with_links and max_depth is None and not tree.knows_in_runs(name):
        tree.lookups.setdefault(name, {})[start] = hit
    return hit


def _is_settled(tree: Tree, hits: list[Node]) -> bool:
    """Tell whether a current run cannot change what was found."""
    return len(hits) == 1 and (hits[0].branch not in _OF_RUNS or _inside_run(tree, hits[0]))


def _prefer_results_run(tree: Tree, hits: list[Node]) -> list[Node]:
    """Where both branches have a group for the current run, ``crun`` means the one of the results."""
    if tree.scope.names and all(hit.name in tree.scope.names for hit in hits):
        return [hit for hit in hits if hit.branch == "results"] or hits
    return hits


def resolve_parts(tree: Tree, name: str | int | Sequence[str | int]) -> tuple[str, ...]:
    """Give the parts of a name as users write it: dotted text, a run index, or a sequence of parts."""
    if isinstance(name, str):
        return split(name)
    if isinstance(name, int):
        return (f"run_{name:08d}" if name >= 0 else ALL_RUNS,)
    parts: list[str] = []
    for one in name:
        parts.extend(resolve_parts(tree, one))
    return tuple(parts)


def find(
    tree: Tree,
    start: Node,
    parts: Path,
    *,
    with_links: bool = True,
    shortcuts: bool = True,
    max_depth: int | None = None,
) -> Node | None:
    """Give the node that `parts` mean, seen from `start`; None if there is none.

    Wildcards mean the current run first, then ``run_ALL``. Raises NotUniqueNodeError.
    """
    node = _walk(tree, start, parts, tree.scope.index, with_links, shortcuts, max_depth)
    if node is None and tree.scope.index >= 0 and any(part in tree.wildcards.functions for part in parts):
        node = _walk(tree, start, parts, -1, with_links, shortcuts, max_depth)
    return node


def _walk(
    tree: Tree,
    start: Node,
    parts: Path,
    index: int,
    with_links: bool,
    shortcuts: bool,
    max_depth: int | None,
) -> Node | None:
    node: Node | None = start
    for part in parts:
        if not isinstance(node, Group):
            return None
        name = tree.wildcards.resolve(part, index)
        if shortcuts:
            hit = tree.lookups.get(name, {}).get(node) if with_links and max_depth is None else None
            node = hit or find_part(tree, node, name, with_links=with_links, max_depth=max_depth)
        else:
            child: Node | None = node.children.get(name)
            node = None if not with_links and name in node.links else child
    return node


def find_all(tree: Tree, start: Group, parts: Path, *, max_depth: int | None = None) -> list[Node]:
    """Give every node below `start` that `parts` can mean, not through links, in order of depth."""
    names = tuple(tree.wildcards.resolve(part, tree.scope.index) for part in parts)
    found: list[Node] = []
    level: list[Node] = list(start.own())
    depth = 1
    while level and (max_depth is None or depth <= max_depth):
        following: list[Node] = []
        for node in level:
            if node.name == names[-1] and _passes(node, start, names[:-1]):
                found.append(node)
            if isinstance(node, Group):
                following.extend(node.own())
        level = following
        depth += 1
    return found


def _passes(node: Node, start: Group, names: Path) -> bool:
    """Tell whether the way up from `node` to `start` meets `names` in order."""
    waiting = list(names)
    above = node.parent
    while waiting and above is not None and above is not start:
        if above.name == waiting[-1]:
            waiting.pop()
        above = above.parent
    return not waiting


def not_found(tree: Tree, start: Node, parts: Path) -> NodeNotFoundError:
    """Make the error for a name that means nothing, with near names that exist."""
    place = ".".join(start.path) or f"trajectory {tree.root.name!r}"
    known: list[str] = []
    if isinstance(start, Group):
        for count, node in enumerate(tree.walk(start)):
            known.append(node.name)
            if count > 5000:  # enough for a hint, and a typo in a huge tree stays cheap
                break
    name = ".".join(parts)
    hint = near_names(parts[-1] if parts else "", known)
    return NodeNotFoundError(
        f"{name!r} is not part of {place}.{hint} If it is stored but not loaded, "
        "load it (f_load_child, f_load_item) or switch on v_auto_load."
    )
