"""What can users do with a group: reach, list and add nodes by name?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, TypeAlias

from pypet_ng.engine import loading, storing
from pypet_ng.errors import NodeNotFoundError, near_names
from pypet_ng.trajectory import adding
from pypet_ng.trajectory.iterating import Predicate, iterate, to_dict
from pypet_ng.trajectory.leaves import BaseParameter, BaseResult, NNLeafNode
from pypet_ng.trajectory.nodes import Kids, NNTreeNode
from pypet_ng.tree import search
from pypet_ng.tree.nodes import Group, Leaf, Node, ParameterLeaf, ResultLeaf
from pypet_ng.tree.structure import Tree

__all__ = [
    "ConfigGroup",
    "DerivedParameterGroup",
    "NNGroupNode",
    "ParameterGroup",
    "ResultGroup",
    "group_class",
]

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


class NNGroupNode(NNTreeNode):
    """A group anywhere in the tree, reached by natural naming (pypet's name: natural naming group).

    ``group.a.b``, ``group['a.b']`` and ``group.f_get('a.b')`` reach nodes below; intermediate groups
    may be left out. See :mod:`pypet_ng.tree.search` for which node a name means.
    """

    __slots__ = ()
    _node: Group
    branch: ClassVar[str | None] = None
    """The branch this class of groups belongs to."""

    def __init__(self, node: Group) -> None:
        object.__setattr__(self, "_node", node)
        node.view = self

    @property
    def _tree(self) -> Tree:
        tree = self._node.tree
        if tree is None:
            raise TypeError(f"The group {self._node.name!r} was removed from its trajectory.")
        return tree

    @property
    def v_is_group(self) -> bool:
        return True

    @property
    def v_root(self) -> Any:
        """The trajectory."""
        return self._tree.view(self._tree.root)

    @property
    def kids(self) -> Kids:
        """Only the children, for tab completion."""
        return Kids(self)

    # -- reaching -----------------------------------------------------------------------------
    def __getattr__(self, name: str) -> Any:
        node = self._node
        tree = node.tree
        if tree is not None:
            try:
                hit = tree.lookups[name][node]
            except KeyError:
                pass
            else:
                if type(hit) is ParameterLeaf and tree.naming.fast_access and hit.value is not None:
                    hit.locked = True
                    return hit.value
        if name[:1] == "_" or name[:2] in ("f_", "v_"):
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r}." + near_names(name, dir(type(self)))
            )
        naming = self._tree.naming
        return self._reach(
            (name,), naming.fast_access, naming.with_links, naming.shortcuts, naming.max_depth, naming.auto_load
        )

    def _reach(
        self,
        parts: tuple[str, ...],
        fast_access: bool,
        with_links: bool,
        shortcuts: bool,
        max_depth: int | None,
        auto_load: bool,
    ) -> Any:
        tree = self._tree
        node = self._node
        if max_depth is not None and len(parts) > max_depth:
            raise ValueError(
                f"{'.'.join(parts)!r} has {len(parts)} parts, but the search is limited to a depth of {max_depth}."
            )
        self._wake_branch(parts)
        hit = search.find(tree, node, parts, with_links=with_links, shortcuts=shortcuts, max_depth=max_depth)
        if hit is None:
            if not auto_load or tree.reserve is None:
                raise search.not_found(tree, node, parts)
            resolve = tree.wildcards.resolve
            hit = tree.reserve.fetch(node.path + tuple(resolve(part, tree.scope.index) for part in parts))
        if isinstance(hit, Leaf):
            if auto_load and hit.is_empty and tree.reserve is not None:
                tree.reserve.fill(hit)
            if fast_access:
                return value_of(tree, hit)
        return tree.view(hit)

    def _wake_branch(self, parts: tuple[str, ...]) -> None:
        """Hook for the root, whose four branches come into being when asked for."""

    def __getitem__(self, name: Name) -> Any:
        naming = self._tree.naming
        return self._reach(
            search.resolve_parts(self._tree, name),
            naming.fast_access,
            naming.with_links,
            naming.shortcuts,
            naming.max_depth,
            naming.auto_load,
        )

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
        return self._reach(parts, fast_access, with_links, shortcuts, max_depth, auto_load)

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
        """Give what :meth:`f_get` gives, or `default` where nothing has that name."""
        try:
            return self.f_get(name, fast_access, with_links, shortcuts, max_depth, auto_load)
        except AttributeError:
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
            node = item._node
            if with_links and any(
                node is target
                for group in tree.walk(self._node)
                if isinstance(group, Group)
                for target in (group.children[link] for link in group.links)
            ):
                return True
            if node.tree is not tree or node is self._node:
                return False
            if max_depth is not None and node.depth - self._node.depth > max_depth:
                return False
            return any(above is self._node for above in item._up())
        parts = search.resolve_parts(tree, item)
        self._wake_branch(parts)
        try:
            hit = search.find(
                tree, self._node, parts, with_links=with_links, shortcuts=shortcuts, max_depth=max_depth
            )
        except AttributeError:  # several hits: the name leads somewhere
            return True
        return hit is not None

    def __contains__(self, item: Any) -> bool:
        naming = self._tree.naming
        return self.f_contains(item, naming.with_links, naming.shortcuts, naming.max_depth)

    # -- listing ------------------------------------------------------------------------------
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

        `predicate`: a function of the node; where it is false the subtree is left out, too. Or run
        indices (-1: ``run_ALL``): branches of other runs are left out. Runs that were not loaded
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
        """Give the leaves (or values) below by their names relative to here.

        `short_names` takes the last part only, ValueError if two leaves share it; `nested` gives
        dictionaries in dictionaries.
        """
        return to_dict(self._node, fast_access, short_names, nested, with_links, value_of)

    def f_get_children(self, copy: bool = True) -> dict[str, Any]:
        """Give the nodes that hang here by name, links included."""
        tree = self._tree
        return {name: tree.view(child) for name, child in self._node.children.items()}

    def f_get_groups(self, copy: bool = True) -> dict[str, Any]:
        """Give the groups among the children."""
        return {name: view for name, view in self.f_get_children().items() if view.v_is_group}

    def f_get_leaves(self, copy: bool = True) -> dict[str, Any]:
        """Give the leaves among the children."""
        return {name: view for name, view in self.f_get_children().items() if view.v_is_leaf}

    def f_get_links(self, copy: bool = True) -> dict[str, Any]:
        """Give the targets of the links that start here."""
        tree = self._tree
        return {name: tree.view(self._node.children[name]) for name in self._node.links}

    def f_children(self) -> int:
        """Give the number of nodes that hang here."""
        return len(self._node.children)

    def f_has_children(self) -> bool:
        return bool(self._node.children)

    def f_groups(self) -> int:
        """Give the number of groups that hang here."""
        return sum(isinstance(child, Group) for child in self._node.children.values())

    def f_has_groups(self) -> bool:
        return self.f_groups() > 0

    def f_leaves(self) -> int:
        """Give the number of leaves that hang here."""
        return sum(isinstance(child, Leaf) for child in self._node.children.values())

    def f_has_leaves(self) -> bool:
        return self.f_leaves() > 0

    def f_links(self) -> int:
        """Give the number of links that start here."""
        return len(self._node.links)

    def f_has_links(self) -> bool:
        return bool(self._node.links)

    def f_dir_data(self) -> list[str]:
        """Give the names tab completion shows."""
        return list(dict.keys(self._node.children))

    def __dir__(self) -> list[str]:
        return [*object.__dir__(self), *self.f_dir_data()]

    def __str__(self) -> str:
        node = self._node
        comment = f" ({node.comment})" if node.comment else ""
        tree = node.tree
        if tree is None:
            return f"{type(self).__name__} {node.name}{comment}"
        shown = []
        for count, name in enumerate(node.children):
            if count == 8:
                shown.append("...")
                break
            existing = dict.get(node.children, name)
            kind = type(tree.view(existing)).__name__ if existing is not None else "ResultGroup"
            shown.append(f"({name}: <{kind}>)")
        text = f"{type(self).__name__} {self._label()}{comment}"
        return f"{text}: {', '.join(shown)}" if shown else text

    def _label(self) -> str:
        return self.v_full_name

    __repr__ = __str__

    # -- changing -----------------------------------------------------------------------------
    def __setattr__(self, name: str, value: Any) -> None:
        if name[:1] == "_" or hasattr(type(self), name):
            object.__setattr__(self, name, value)
            return
        if name[:2] in ("f_", "v_"):
            raise AttributeError(
                f"{type(self).__name__} has no property {name!r}." + near_names(name, dir(type(self)))
            )
        if isinstance(value, NNTreeNode):
            self._assign_node(name, value)
            return
        leaf = self.f_get(name)
        if isinstance(leaf, BaseParameter):
            leaf.f_set(value)
        elif isinstance(leaf, BaseResult) and leaf.f_supports_fast_access():
            leaf.f_set(value)  # type: ignore[attr-defined]
        else:
            raise AttributeError(
                f"Assigning to {leaf.v_full_name!r} would not say which of its items is meant: "
                "use its f_set, or set the item."
            )

    def _assign_node(self, name: str, value: NNTreeNode) -> None:
        if value._node.parent is not None or value._node.tree is not None:
            self.f_add_link(name, value)
            return
        full = value.v_full_name
        if full not in ("", name) and not full.startswith(name + "."):
            raise AttributeError(
                f"The node is called {full!r}, but was assigned to {name!r}: give it that name, "
                f"a name beginning with {name + '.'!r}, or none."
            )
        if isinstance(value, NNLeafNode):
            self._attach_leaf(value, full or name, type(self).branch)
        else:
            raise AttributeError(f"A {type(value).__name__} cannot be assigned: use f_add_group({name!r}).")

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def _attach_leaf(self, leaf: NNLeafNode, name: str, branch: str | None) -> Any:
        tree = self._tree
        path = adding.place(tree, self._node, name, branch)
        adding.refuse_in_run(tree, path[0], type(leaf).__name__)
        return adding.add_leaf(tree, self._node, path, leaf)

    def _new_leaf(self, standard: type, branch: str | None, args: Any, kwargs: dict[str, Any]) -> Any:
        """Make a leaf from what an adding call was given: a name, a class and a name, or an instance."""
        if not args:
            for word in ("full_name", "name"):
                if word in kwargs:
                    args = (kwargs.pop(word),)
                    break
            else:
                raise ValueError("Adding a node needs its name (or an instance with a name).")
        first, *rest = args
        tree = self._tree
        if isinstance(first, NNLeafNode):
            if rest or kwargs:
                raise ValueError(f"{first.v_full_name!r} is an instance: it takes no further data when added.")
            return self._attach_leaf(first, first.v_full_name, branch)
        if isinstance(first, type):
            if not issubclass(first, NNLeafNode):
                raise TypeError(
                    f"{first.__name__} is no class of parameters or results: derive it from BaseParameter "
                    "or BaseResult."
                )
            standard = first
            if not rest and "full_name" not in kwargs:
                raise ValueError(f"Adding a {first.__name__} needs its name after the class.")
            first = rest.pop(0) if rest else kwargs.pop("full_name")
        if not isinstance(first, str):
            raise ValueError(f"A name is text, not {type(first).__name__} ({first!r}).")
        path = adding.place(tree, self._node, first, branch)
        adding.refuse_in_run(tree, path[0], standard.__name__)
        leaf = standard(".".join(path), *rest, **kwargs)
        return adding.add_leaf(tree, self._node, path, leaf)

    def f_add_leaf(self, *args: Any, **kwargs: Any) -> Any:
        """Add a leaf of the kind its place asks for; its name is taken as it is, also in a run."""
        root = self.v_root
        name = next((a for a in args if isinstance(a, str)), kwargs.get("full_name", ""))
        path = self._node.path + tuple(search.resolve_parts(self._tree, name))
        first = self._tree.wildcards.resolve(path[0], -1) if path else ""
        if first in ("parameters", "config", "derived_parameters"):
            standard = root.v_standard_parameter
        elif first == "results":
            standard = root.v_standard_result
        else:
            standard = root.v_standard_leaf
        return self._new_leaf(standard, None, args, kwargs)

    def f_add_group(self, name: str, comment: str = "") -> Any:
        """Add an empty group; its class is the one its branch asks for."""
        return self._add_group(name, comment, None)

    def _add_group(self, name: str, comment: str, branch: str | None) -> Any:
        tree = self._tree
        path = adding.place(tree, self._node, name, branch)
        adding.refuse_in_run(tree, path[0], "A group")
        return tree.view(adding.add_group(tree, self._node, path, comment))

    def f_add_link(self, name_or_node: Any, node: Any = None) -> Any:
        """Make a name here another way to a node of this tree; gives that node."""
        target = name_or_node if node is None else node
        if not isinstance(target, NNTreeNode):
            raise ValueError(f"A link leads to a node of the tree, not to {target!r}.")
        name = target.v_name if node is None else name_or_node
        tree = self._tree
        start = self._node
        path = adding.place(tree, start, name, None)
        if len(path) == 1 and path[0] in adding.BRANCHES:
            raise ValueError(f"{path[0]!r} is one of the four branches and cannot be a link.")
        parent = tree.make_groups(start, path[len(start.path) : -1])
        tree.link(parent, path[-1], target._node)
        return target

    def f_remove_link(self, name: str) -> None:
        """Remove a link from memory; ValueError if there is none."""
        self._tree.unlink(self._node, name)

    def f_remove_child(self, name: str, recursive: bool = False, predicate: Predicate = None) -> None:
        """Remove a child or link from memory; TypeError for a group with children unless `recursive`."""
        node = self._node
        if name not in node.children:
            raise ValueError(
                f"{self.v_full_name or 'The trajectory'!r} has no child {name!r}."
                + near_names(name, node.children)
            )
        if name in node.links:
            self._tree.unlink(node, name)
            return
        child = node.children[name]
        if isinstance(child, Group) and child.children:
            if not recursive:
                raise TypeError(
                    f"{'.'.join(child.path)!r} has children: use recursive=True to remove them as well."
                )
            if predicate is not None:
                self._tree.view(child).f_remove(predicate=predicate)
                return
        self._tree.detach(child)

    def f_remove(self, recursive: bool = True, predicate: Predicate = None) -> None:
        """Remove this group from memory, or with a `predicate` what is below and meets it."""
        tree = self._tree
        if predicate is not None:
            chosen = [view._node for view in iterate(self._node, True, False, None, predicate) if view.v_is_leaf]
            for leaf in chosen:
                if leaf.parent is not None:
                    tree.detach(leaf)
            return
        if not recursive and self._node.children:
            raise TypeError(f"{self.v_full_name!r} has children: use recursive=True to remove them as well.")
        tree.detach(self._node)

    # -- storing and loading ------------------------------------------------------------------
    def f_store(self, recursive: bool = True, store_data: int = 2, max_depth: int | None = None) -> None:
        """Store this group, by default with all below it; see :meth:`Trajectory.f_store`."""
        storing.store_nodes(self.v_root._session, [self._node], store_data, recursive, max_depth)

    def f_store_child(
        self, name: str, recursive: bool = False, store_data: int = 2, max_depth: int | None = None
    ) -> None:
        """Store one child; ValueError if there is none of that name."""
        child = search.find(
            self._tree, self._node, search.resolve_parts(self._tree, name), shortcuts=False, with_links=False
        )
        if child is None:
            raise ValueError(
                f"{self.v_full_name or 'The trajectory'!r} has no child {name!r} to store."
                + near_names(name, self.f_dir_data())
            )
        storing.store_nodes(self.v_root._session, [child], store_data, recursive, max_depth)

    def f_load(self, recursive: bool = True, load_data: int = 2, max_depth: int | None = None) -> Any:
        """Load this group's nodes from the storage; gives the group."""
        loading.load_below(self.v_root._session, self._node.path, load_data, recursive, max_depth)
        return self

    def f_load_child(
        self, name: str, recursive: bool = False, load_data: int = 2, max_depth: int | None = None
    ) -> Any:
        """Load one child by its exact path below here; gives the node."""
        tree = self._tree
        resolve = tree.wildcards.resolve
        parts = tuple(resolve(part, tree.scope.index) for part in search.resolve_parts(tree, name))
        path = self._node.path + parts
        loading.load_below(self.v_root._session, path, load_data, recursive, max_depth)
        node = tree.at(path)
        if node is None:
            raise NodeNotFoundError(f"{'.'.join(path)!r} was loaded but is not in the tree.")
        return tree.view(node)


class ParameterGroup(NNGroupNode):
    """A group below ``parameters``."""

    __slots__ = ()
    branch = "parameters"

    def f_add_parameter(self, *args: Any, **kwargs: Any) -> Any:
        """Add a parameter: ``(name, data, comment='')``, or a class first, or a ready instance."""
        return self.v_root._add_parameter(self, "parameters", args, kwargs)

    f_apar = f_add_parameter

    def f_add_parameter_group(self, name: str, comment: str = "") -> Any:
        """Add an empty group of parameters."""
        return self._add_group(name, comment, "parameters")


class ConfigGroup(NNGroupNode):
    """A group below ``config``."""

    __slots__ = ()
    branch = "config"

    def f_add_config(self, *args: Any, **kwargs: Any) -> Any:
        """Add a config parameter, see :meth:`ParameterGroup.f_add_parameter`."""
        return self.v_root._add_parameter(self, "config", args, kwargs)

    f_aconf = f_add_config

    def f_add_config_group(self, name: str, comment: str = "") -> Any:
        """Add an empty group of config parameters."""
        return self._add_group(name, comment, "config")


class DerivedParameterGroup(NNGroupNode):
    """A group below ``derived_parameters``."""

    __slots__ = ()
    branch = "derived_parameters"

    def f_add_derived_parameter(self, *args: Any, **kwargs: Any) -> Any:
        """Add a derived parameter; in a run below ``runs.run_XXXXXXXX``."""
        return self._new_leaf(self.v_root.v_standard_parameter, "derived_parameters", args, kwargs)

    f_adpar = f_add_derived_parameter

    def f_add_derived_parameter_group(self, name: str, comment: str = "") -> Any:
        """Add an empty group of derived parameters."""
        return self._add_group(name, comment, "derived_parameters")


class ResultGroup(NNGroupNode):
    """A group below ``results``."""

    __slots__ = ()
    branch = "results"

    def f_add_result(self, *args: Any, **kwargs: Any) -> Any:
        """Add a result: ``(name, *items, comment='', **named_items)``, or a class first, or an instance.

        In a run it goes below ``runs.run_XXXXXXXX``.
        """
        return self._new_leaf(self.v_root.v_standard_result, "results", args, kwargs)

    f_ares = f_add_result

    def f_add_result_group(self, name: str, comment: str = "") -> Any:
        """Add an empty group of results."""
        return self._add_group(name, comment, "results")


_BY_BRANCH: dict[str, type[NNGroupNode]] = {
    "parameters": ParameterGroup,
    "config": ConfigGroup,
    "derived_parameters": DerivedParameterGroup,
    "results": ResultGroup,
}


def group_class(branch: str) -> type[NNGroupNode]:
    """Give the class of groups below a branch."""
    return _BY_BRANCH.get(branch, NNGroupNode)


GroupFactory: TypeAlias = Callable[[Group], NNGroupNode]
