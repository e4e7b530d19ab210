"""Which node does a name mean, seen from some group?

Direct child first; else breadth first below, the lowest depth wins, two hits there are an error.
With a current run set, branches of other runs are not looked into, and where the best hit is a
result or derived parameter outside of that run's branches (or there are several), hits in these go
first. A parameter at lower depth stays what it is. (pypet 0.7 finds several runs' results and gives
up: its issue 49.)

A tree without links is not walked: the tree's index tells where a name is, and only groups of
single runs are looked into, if any run has the name.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import Any

from pypet_ng._typing import Path
from pypet_ng.errors import NodeNotFoundError, NotUniqueNodeError, near_names
from pypet_ng.tree.lazy import LazyChildren, LazyRuns
from pypet_ng.tree.names import split
from pypet_ng.tree.nodes import Group, Node
from pypet_ng.tree.runnames import ALL_RUNS, ALL_SETS, run_name
from pypet_ng.tree.structure import Tree, describe_hits, is_run_name

__all__ = ["default_run_groups", "find", "find_all", "find_part", "not_found", "resolve_parts", "run_groups"]

_OF_RUNS = ("results", "derived_parameters")
_HINTS = 2000
"""So many names are compared for a hint: a typo in a huge tree stays cheap."""


# -- by walking ---------------------------------------------------------------------------------
def _runs_to_enter(group: Group, tree: Tree, name: str) -> Iterator[Group]:
    """Give the groups of runs and run sets below `group` that a search for `name` looks into."""
    runs = group.runs
    if tree.scope.index >= 0:
        for own in tree.scope.names:
            run = runs.get(own)
            if run is not None:
                yield run
    elif isinstance(runs, LazyRuns):
        yield from runs.holding(name)
    else:
        yield from runs.values()


def _lowest(
    starts: dict[int, list[Group]], tree: Tree, name: str, with_links: bool, max_depth: int | None
) -> tuple[list[Node], int]:
    """Give all hits at the lowest depth, and that depth; `starts` are groups by depth.

    A node that is reached by several ways (links) is as many hits: pypet takes that for ambiguous, too.
    """
    waiting = dict(starts)
    seen: set[int] = set()
    level: list[Group] = []
    depth = min(waiting, default=0)
    while level or waiting:
        for start in waiting.pop(depth, ()):
            if id(start) not in seen:
                seen.add(id(start))
                level.append(start)
        depth += 1
        if max_depth is not None and depth > max_depth:
            break
        hits: list[Node] = []
        for group in level:
            child = group.children.get(name)
            if child is not None and (with_links or name not in group.links):
                hits.append(child)
        if hits:
            return hits, depth
        following: list[Group] = []
        for group in level:
            subgroups: list[Group] = list(group.groups.values())
            if group.runs or isinstance(group.runs, LazyRuns):
                subgroups.extend(_runs_to_enter(group, tree, name))
            for sub in subgroups:
                if id(sub) in seen or (sub.parent is not group and not with_links):
                    continue  # by a link for the second time, or in a circle
                seen.add(id(sub))
                following.append(sub)
        level = following
    return [], 0


# -- by the index -------------------------------------------------------------------------------
def _distance(start: Node, node: Node) -> int | None:
    """Give the number of steps from `start` down to `node`, None if it is not below."""
    steps = 0
    one: Node | None = node
    while one is not start:
        if one is None:
            return None
        one = one.parent
        steps += 1
    return steps


def _outside_runs(tree: Tree, start: Group, name: str) -> tuple[list[Node], int]:
    """Give the hits at the lowest depth that are in no run's branch."""
    known = tree.index.get(name)
    if known is None:
        return [], 0
    if not isinstance(known, dict):
        steps = _distance(start, known)
        return ([known], steps) if steps else ([], 0)
    hits: list[Node] = []
    best = 0
    for node in known:
        steps = _distance(start, node)
        if not steps:
            continue
        if not hits or steps < best:
            hits, best = [node], steps
        elif steps == best:
            hits.append(node)
    return hits, best


def _inside_runs(tree: Tree, start: Group, name: str, max_depth: int | None) -> tuple[list[Node], int]:
    """Give the hits at the lowest depth that are groups of runs or below one; `start` is outside."""
    of_run = is_run_name(name)
    if not tree.holders or not (of_run or tree.knows_in_runs(name)):
        return [], 0
    hits: list[Node] = []
    best = 0
    starts: dict[int, list[Group]] = {}
    for holder in list(tree.holders):
        steps = None if holder.of_run else _distance(start, holder)
        if steps is None:
            continue
        group = holder.children.get(name) if of_run else None
        if group is not None and (max_depth is None or steps < max_depth) and not (hits and best <= steps):
            hits = [group] if not hits or steps + 1 < best else [*hits, group]
            best = steps + 1
        starts.setdefault(steps + 1, []).extend(_runs_to_enter(holder, tree, name))
    below, depth = _lowest(starts, tree, name, True, max_depth)
    if not below or (hits and best < depth):
        return hits, best
    return (below, depth) if not hits or depth < best else ([*hits, *below], best)


# -- one part -----------------------------------------------------------------------------------
def run_groups(tree: Tree, start: Group, names: Sequence[str]) -> list[tuple[Group, int]]:
    """Give the topmost groups of a run (and its set) below `start`, with their depth there."""
    groups = []
    for holder in list(tree.holders):
        steps = None if holder.of_run and not start.of_run else _distance(start, holder)
        if steps is not None:
            for own in names:
                group = holder.runs.get(own)
                if group is not None and group.parent is holder:
                    groups.append((group, steps + 1))
    return groups


def default_run_groups(tree: Tree) -> list[Group]:
    """Give the groups called ``run_ALL``: what hangs there counts for all runs."""
    known = tree.index.get(ALL_RUNS)
    if known is None:
        return []
    nodes: list[Node] = list(known) if isinstance(known, dict) else [known]
    return [node for node in nodes if isinstance(node, Group)]


def find_part(
    tree: Tree, start: Group, name: str, *, with_links: bool = True, max_depth: int | None = None
) -> Node | None:
    """Give the node that one part of a name means, None if there is none; NotUniqueNodeError."""
    child: Node | None = start.children.get(name)
    if child is not None and (with_links or name not in start.links):
        return child
    if tree.linked or start.of_run:
        hits, _ = _lowest({0: [start]}, tree, name, with_links, max_depth)
        own: list[Node] | None = None
    else:
        hits, depth = _outside_runs(tree, start, name)
        own, own_depth = _inside_runs(tree, start, name, max_depth)
        if max_depth is not None and depth > max_depth:
            hits = []
        if own and (not hits or own_depth <= depth):
            hits = own if not hits or own_depth < depth else [*hits, *own]
    # (the name of a run means its group, not another one of that name within the run)
    if tree.scope.index >= 0 and hits and not _is_settled(tree, hits) and not is_run_name(name):
        if own is None:
            starts: dict[int, list[Group]] = {}
            for group, steps in run_groups(tree, start, tree.scope.names):
                starts.setdefault(steps, []).append(group)
            own, _ = _lowest(starts, tree, name, with_links, max_depth)
        hits = own or hits
    if len(hits) > 1:
        hits = _prefer_results_run(tree, hits)
    if len(hits) > 1:
        raise NotUniqueNodeError(
            f"{name!r} means several nodes at the same depth below "
            f"{'.'.join(start.path) or 'the trajectory'}: {describe_hits(hits)}. "
            + ("Give more of the path." if tree.scope.index >= 0 else "Give more of the path, or set v_idx.")
        )
    if not hits:
        return None
    hit = hits[0]
    if with_links and max_depth is None and _is_for_all_runs(tree, name):
        tree.lookups.setdefault(name, {})[start] = hit
    return hit


def _is_for_all_runs(tree: Tree, name: str) -> bool:
    """Tell whether a name means the same at any run."""
    if name[:4] == "run_" or tree.knows_in_runs(name):
        return False
    # a link that starts in a run's branch is there at that run only
    return not any(group.of_run for starts in tree.linked.values() for group, _ in starts)


def _is_settled(tree: Tree, hits: list[Node]) -> bool:
    """Tell whether a current run cannot change what was found."""
    return len(hits) == 1 and (hits[0].branch not in _OF_RUNS or _inside_run(tree, hits[0]))


def _inside_run(tree: Tree, node: Node) -> bool:
    names = tree.scope.names
    child: Node | None = node
    while child is not None:
        if child.name in names:
            return True
        child = child.parent
    return False


def _prefer_results_run(tree: Tree, hits: list[Node]) -> list[Node]:
    """Of several groups for the current run, ``crun`` means that of ``results.runs``, else one in results."""
    names = (*tree.scope.names, ALL_RUNS, ALL_SETS)
    if not all(hit.name in names for hit in hits):
        return hits
    inside = [hit for hit in hits if hit.branch == "results"]
    own = [hit for hit in inside if hit.parent is not None and hit.parent.path == ("results", "runs")]
    return own or inside or hits


# -- whole names --------------------------------------------------------------------------------
def resolve_parts(tree: Tree, name: Any) -> tuple[str, ...]:
    """Give the parts of a name as users write it: dotted text, a run index, or a sequence of parts."""
    if isinstance(name, str):
        return split(name)
    try:
        return (run_name(operator.index(name)),)
    except TypeError:
        pass  # a sequence of parts, or nonsense
    parts: list[str] = []
    if not isinstance(name, (list, tuple)):
        raise TypeError(
            f"A name is text, the index of a run, or a list of such parts, not {type(name).__name__} ({name!r})."
        )
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
    if not parts:
        return None
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
            known = tree.lookups.get(name) if with_links and max_depth is None else None
            hit = known.get(node) if known is not None else None
            node = hit or find_part(tree, node, name, with_links=with_links, max_depth=max_depth)
        else:
            child: Node | None = node.children.get(name)
            node = None if not with_links and name in node.links else child
    return node


def find_all(tree: Tree, start: Group, parts: Path, *, max_depth: int | None = None) -> list[Node]:
    """Give every node below `start` that `parts` can mean, not through links, in order of depth.

    Of runs that are not in memory yet, those that have such a node are built.
    """
    names = tuple(tree.wildcards.resolve(part, tree.scope.index) for part in parts)
    if not names:
        return []
    found: list[Node] = []
    level = list(_children(start, names[-1]))
    depth = 1
    while level and (max_depth is None or depth <= max_depth):
        following: list[Node] = []
        for node in level:
            if node.name == names[-1] and _passes(node, start, names[:-1]):
                found.append(node)
            if isinstance(node, Group):
                following.extend(_children(node, names[-1]))
        level = following
        depth += 1
    return found


def _children(group: Group, name: str) -> Iterator[Node]:
    """Give the children that are no links, of those that can be built the ones with `name` in them."""
    children = group.children
    if isinstance(children, LazyChildren):
        if children.waiting(name):
            children.get(name)
        assert isinstance(group.runs, LazyRuns)
        group.runs.holding(name, None)
        return (dict.__getitem__(children, one) for one in children.existing() if one not in group.links)
    return group.own()


def _passes(node: Node, start: Group, names: Path) -> bool:
    """Tell whether the way up from `node` to `start` meets `names` in order."""
    waiting = list(names)
    above = node.parent
    while waiting and above is not None and above is not start:
        if above.name == waiting[-1]:
            waiting.pop()
        above = above.parent
    return not waiting


def not_found(tree: Tree, start: Node, parts: Path, known: Sequence[str] = ()) -> NodeNotFoundError:
    """Make the error for a name that means nothing, with near names that exist (or are `known`)."""
    place = repr(".".join(start.path)) if start.path else f"trajectory {tree.root.name!r}"
    words = list(known)
    if isinstance(start, Group):
        for count, node in enumerate(tree.walk(start)):
            words.append(node.name)
            if count > _HINTS:
                break
    name = ".".join(parts)
    meant = ".".join(tree.wildcards.resolve(part, tree.scope.index) for part in parts)
    also = f" ({meant})" if meant != name else ""
    hint = near_names(parts[-1] if parts else "", words)
    return NodeNotFoundError(
        f"{name!r}{also} is not part of {place}.{hint} If it is stored but not loaded, "
        "load it (f_load_child, f_load_item) or switch on v_auto_load."
    )
