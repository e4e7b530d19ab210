"""Do looked-up names and the index say what a plain search of the whole tree says?"""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from pypet_ng.errors import NotUniqueNodeError
from pypet_ng.tree import search
from pypet_ng.tree.nodes import Group, Node, ParameterLeaf, ResultLeaf
from pypet_ng.tree.runnames import run_name, set_name
from pypet_ng.tree.structure import Tree

BRANCHES = ["parameters", "results", "derived_parameters"]
RUNS = [run_name(0), run_name(1)]
SETS = [set_name(0), set_name(1000)]
GROUPS = ["a", "b", "runs", "run_ALL", *RUNS, *SETS]
LEAVES = ["a", "x", "z"]
NAMES = sorted({*GROUPS, *LEAVES, "link", "missing"})


# -- the plain search: only `children`, `links` and `parent` are looked at ---------------------------
def lowest(starts: dict[int, list[Group]], name: str, own: tuple[str, ...]) -> list[Node]:
    """Give the hits at the lowest depth, one for each way; where `own` has names, without other runs."""
    visited: set[Group] = set()
    depth, level = min(starts, default=0), list[Group]()
    waiting = dict(starts)
    while level or waiting:
        level += [group for group in waiting.pop(depth, []) if group not in visited and group not in level]
        depth += 1
        hits = [group.children[name] for group in level if name in group.children]
        if hits:
            return hits
        visited.update(level)
        below = {
            child
            for group in level
            for key, child in group.children.items()
            if isinstance(child, Group) and not (own and key in RUNS + SETS and key not in own)
        }
        level = list(below - visited)
    return []


def below(start: Group) -> list[Group]:
    found = [start]
    for group in found:
        found += [
            child
            for key, child in group.children.items()
            if isinstance(child, Group) and key not in group.links
        ]
    return found


def way(node: Node) -> list[Node]:
    nodes = [node]
    while nodes[-1].parent is not None:
        nodes.append(nodes[-1].parent)
    return nodes


def plain(tree: Tree, start: Group, name: str) -> list[Node]:
    """Give what the name may mean: nothing, one node, or several (which is an error)."""
    if name in start.children:
        return [start.children[name]]
    index = tree.scope.index
    own = (run_name(index), set_name(index)) if index >= 0 else ()
    hits = lowest({0: [start]}, name, own)
    settled = len(hits) == 1 and (
        way(hits[0])[-2].name not in ("results", "derived_parameters")
        or any(one.name in own for one in way(hits[0]))
    )
    if index >= 0 and hits and not settled and name not in RUNS + SETS:
        inside = any(one.name in RUNS + SETS for one in way(start)[:-1])
        starts: dict[int, list[Group]] = {}
        for group in below(start):
            above = way(group)[1:]
            if group is start or group.name not in own:
                continue
            if not inside and any(one.name in RUNS + SETS for one in above):
                continue
            starts.setdefault(group.depth - start.depth, []).append(group)
        hits = lowest(starts, name, own) or hits
    if len(hits) > 1 and all(hit.name in (*own, "run_ALL", "run_set_ALL") for hit in hits):
        hits = [hit for hit in hits if way(hit)[-2].name == "results"] or hits
    return hits


class Searches(RuleBasedStateMachine):
    """Random trees with runs and links, changed and searched in turns."""

    groups: Bundle[Group] = Bundle("groups")
    leaves: Bundle[Node] = Bundle("leaves")

    def __init__(self) -> None:
        super().__init__()
        self.tree = Tree("t", make_view=Any)
        for name in BRANCHES:
            self.tree.attach(self.tree.root, Group(name))

    def check(self, start: Group, name: str) -> None:
        expected = plain(self.tree, start, name)
        for _ in range(2):  # the second time from the memory of names
            try:
                found = search.find(self.tree, start, (name,))
            except NotUniqueNodeError:
                assert len(expected) > 1, (start.path, name)
            else:
                assert expected == ([found] if found is not None else []), (start.path, name)

    def is_in(self, node: Node) -> bool:
        return node.tree is self.tree

    @rule(target=groups, branch=st.sampled_from(BRANCHES))
    def branch(self, branch: str) -> Group:
        group = self.tree.root.children.get(branch)
        if not isinstance(group, Group):
            group = Group(branch)
            self.tree.attach(self.tree.root, group)
        return group

    @rule(target=groups, parent=groups, name=st.sampled_from(GROUPS))
    def add_group(self, parent: Group, name: str) -> Group:
        if self.is_in(parent) and name not in parent.children and parent.depth < 6:
            group = Group(name)
            self.tree.attach(parent, group)
            return group
        return parent

    @rule(target=leaves, parent=groups, name=st.sampled_from(LEAVES), parameter=st.booleans())
    def add_leaf(self, parent: Group, name: str, parameter: bool) -> Node:
        leaf: Node = ParameterLeaf(name) if parameter else ResultLeaf(name)
        if self.is_in(parent) and name not in parent.children:
            self.tree.attach(parent, leaf)
        return leaf

    @rule(run=st.sampled_from([0, 1]), name=st.sampled_from(LEAVES), branch=st.sampled_from(BRANCHES[1:]))
    def do_run(self, run: int, name: str, branch: str) -> None:
        """Add as a run function does, search, and take it out again."""
        here = self.tree.scope.index
        self.branch(branch)
        before = {id(node) for node in self.tree.walk(self.tree.root)}
        self.tree.move_to(run, running=True)
        home = self.tree.run_home(branch)
        if name not in home.children:
            self.tree.attach(home, ResultLeaf(name))
        self.check(self.tree.root, name)
        self.tree.leave_run()
        self.tree.move_to(here)
        after = [node for node in self.tree.walk(self.tree.root) if id(node) not in before]
        assert all(node.name == "runs" for node in after)

    @rule(group=groups, to=groups, name=st.sampled_from(["link", "a", "x"]))
    def link_group(self, group: Group, to: Group, name: str) -> None:
        if self.is_in(group) and self.is_in(to) and name not in group.children:
            self.tree.link(group, name, to)

    @rule(group=groups, to=leaves)
    def link_leaf(self, group: Group, to: Node) -> None:
        if self.is_in(group) and self.is_in(to) and to.parent is not None and "link" not in group.children:
            self.tree.link(group, "link", to)

    @rule(group=groups)
    def unlink(self, group: Group) -> None:
        for name in list(group.links):
            if self.is_in(group):
                self.tree.unlink(group, name)

    @rule(node=consumes(leaves))
    def remove_leaf(self, node: Node) -> None:
        if self.is_in(node):
            self.tree.detach(node)

    @rule(node=consumes(groups))
    def remove_group(self, node: Group) -> None:
        if self.is_in(node) and node.parent is not self.tree.root:
            self.tree.detach(node)

    @rule(index=st.sampled_from([-1, 0, 1]))
    def set_run(self, index: int) -> None:
        self.tree.move_to(index)

    @rule(start=groups)
    def search_from(self, start: Group) -> None:
        if self.is_in(start):
            for name in NAMES:
                self.check(start, name)

    @invariant()
    def search_from_root(self) -> None:
        for name in NAMES:
            self.check(self.tree.root, name)

    @invariant()
    def books_are_right(self) -> None:
        """What the tree keeps beside the nodes follows from the nodes."""
        nodes = list(self.tree.walk(self.tree.root))
        links = {
            (group.children[name], group, name)
            for group in nodes
            if isinstance(group, Group)
            for name in group.links
        }
        kept = {(to, group, name) for to, starts in self.tree.linked.items() for group, name in starts}
        assert kept == links
        assert all(to.tree is self.tree for to, _, _ in links)
        outside: dict[str, set[Node]] = {}
        for node in nodes[1:]:
            in_run = any(one.name in RUNS + SETS for one in way(node))
            if isinstance(node, Group):
                assert node.of_run == in_run
            if not in_run:
                outside.setdefault(node.name, set()).add(node)
        assert outside == {
            name: set(known) if isinstance(known, dict) else {known}
            for name, known in self.tree.index.items()
        }


TestSearches = Searches.TestCase
TestSearches.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
