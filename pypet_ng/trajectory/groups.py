"""How do users change what hangs in a group, and store or load it?"""

from __future__ import annotations

from typing import Any, ClassVar

from pypet_ng._typing import Path
from pypet_ng.engine import loading, storing
from pypet_ng.errors import NodeNotFoundError, near_names
from pypet_ng.trajectory import adding
from pypet_ng.trajectory.exploring import forget_removed
from pypet_ng.trajectory.iterating import Predicate
from pypet_ng.trajectory.leaves import BaseParameter, BaseResult, NNLeafNode
from pypet_ng.trajectory.listing import Listing
from pypet_ng.trajectory.nodes import NNTreeNode
from pypet_ng.tree import search
from pypet_ng.tree.names import BRANCHES
from pypet_ng.tree.nodes import Group, Node, OwnGroup

__all__ = [
    "ConfigGroup",
    "DerivedParameterGroup",
    "NNGroupNode",
    "ParameterGroup",
    "ResultGroup",
    "group_class",
]


class NNGroupNode(Listing):
    """A group anywhere in the tree, reached by natural naming (pypet's name: natural naming group).

    What names mean: :mod:`pypet_ng.trajectory.reaching`; what is shown:
    :mod:`pypet_ng.trajectory.listing`.
    """

    __slots__ = ()
    _branch: ClassVar[str | None] = None
    """The branch this class of groups belongs to."""

    def __init__(self, full_name: str | Group = "", comment: str = "") -> None:
        """Make a group that hangs in no tree, to be assigned to a name; its own name counts from there."""
        node = full_name if isinstance(full_name, Group) else self._new_node(full_name, comment)
        object.__setattr__(self, "_node", node)
        node.view = self

    @classmethod
    def _new_node(cls, name: str, comment: str) -> Group:
        if cls.__module__ == __name__:
            return Group(name, comment)
        return OwnGroup(name, comment, cls.__name__)

    @property
    def v_is_group(self) -> bool:
        return True

    # -- copies -------------------------------------------------------------------------------
    def __copy__(self) -> Any:
        return self  # a node has one view; of a whole trajectory f_copy gives another

    def __reduce__(self) -> tuple[Any, ...]:
        node = self._node
        if node.tree is None:
            return _lone_group, (type(self), node.name, node.comment, node.annotations)
        return _group_at, (self.v_root, node.path)  # it brings its trajectory along, as in pypet

    # -- assigning ----------------------------------------------------------------------------
    def __setattr__(self, name: str, value: Any) -> None:
        if name[:1] == "_" or hasattr(type(self), name):
            object.__setattr__(self, name, value)
        elif isinstance(value, NNTreeNode):
            self._assign_node(name, value)
        else:
            self._assign_value((name,), value)

    def __setitem__(self, name: Any, value: Any) -> None:
        parts = search.resolve_parts(self._tree, name)
        if not isinstance(value, NNTreeNode):
            self._assign_value(parts, value)
            return
        key = ".".join(parts)
        named_whole = value.v_full_name == key or value.v_full_name.startswith(key + ".")
        if len(parts) > 1 and not (named_whole and value._node.tree is None):
            above = self.f_get_default(parts[:-1], fast_access=False)
            if isinstance(above, NNGroupNode):
                above._assign_node(parts[-1], value)
                return
        self._assign_node(key, value)  # which makes the groups on the way

    def _assign_value(self, parts: tuple[str, ...], value: Any) -> None:
        naming = self._tree.naming
        leaf = self._reach_by(
            parts, False, naming.with_links, naming.shortcuts, naming.max_depth, naming.auto_load
        )
        if isinstance(leaf, BaseParameter) or (
            isinstance(leaf, BaseResult) and (leaf.f_supports_fast_access() or leaf.f_is_empty())
        ):
            leaf.f_set(value)  # type: ignore[union-attr]
        elif isinstance(leaf, BaseResult):
            raise AttributeError(
                f"Assigning to the result {leaf.v_full_name!r} would not say which of its items is meant: "
                "use its f_set, or set the item."
            )
        else:
            raise AttributeError(
                f"{leaf.v_full_name!r} is a group and takes no value: assign to a parameter or result in it."
            )

    def _assign_node(self, name: str, value: NNTreeNode) -> None:
        if value._node.tree is not None:
            self.f_add_link(name, value)
            return
        full = value.v_name if isinstance(value, NNGroupNode) else value.v_full_name
        if full not in ("", name) and not full.startswith(name + "."):
            raise AttributeError(
                f"The node is called {full!r}, but was assigned to {name!r}: give it that name, "
                f"a name beginning with {name + '.'!r}, or none."
            )
        if isinstance(value, NNLeafNode):
            self._attach_leaf(value, full or name, type(self)._branch)
        else:
            self._attach_group(value, full or name)

    # -- adding -------------------------------------------------------------------------------
    def _attach_leaf(self, leaf: NNLeafNode, name: str, branch: str | None) -> Any:
        tree = self._tree
        start, parts, full = adding.place(tree, self._node, name, branch)
        top = full.partition(".")[0]
        adding.refuse_in_run(tree, top, f"A {type(leaf).__name__}")
        adding.check_leaf_place(full)
        adding.check_kind(top, leaf._node.kind, type(leaf).__name__)
        return adding.add_leaf(tree, start, parts, leaf)

    def _new_leaf(
        self, standard: str, branch: str | None, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Make a leaf from what an adding call was given: a name, a class and a name, or an instance.

        `standard` says which of the trajectory's standard classes is meant.
        """
        tree = self._tree
        if args and type(args[0]) is str:
            name = args[0]
            rest = args[1:]
            cls = tree.root.view._standards[standard]
        else:
            cls, name, rest = self._class_and_name(args, kwargs)
            if cls is None:
                return self._attach_leaf(name, name.v_full_name, branch)
            cls = cls if cls is not _STANDARD else tree.root.view._standards[standard]
        start, parts, full = adding.place(tree, self._node, name, branch)
        if branch is None:
            adding.refuse_in_run(tree, full.partition(".")[0], f"A {cls.__name__}")
            adding.check_leaf_place(full)
        leaf = cls(full, *rest, **kwargs)
        adding.check_kind(branch or full.partition(".")[0], leaf._node.kind, cls.__name__)
        return adding.add_leaf(tree, start, parts, leaf)

    def _class_and_name(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, Any, tuple[Any, ...]]:
        """Give (class, name, further arguments); for an instance (None, instance, nothing)."""
        rest = list(args)
        cls: Any = _STANDARD
        if rest and isinstance(rest[0], type):
            cls = rest.pop(0)
            if not issubclass(cls, NNLeafNode):
                raise TypeError(
                    f"{cls.__name__} is no class of parameters or results: derive it from BaseParameter "
                    "or BaseResult."
                )
        if not rest:
            for word in ("full_name", "name"):
                if word in kwargs:
                    rest = [kwargs.pop(word)]
                    break
            else:
                raise ValueError("Adding a node needs its name (or an instance with a name): give it first.")
        name = rest.pop(0)
        if isinstance(name, NNLeafNode) and cls is _STANDARD:
            if rest or kwargs:
                raise ValueError(
                    f"{name.v_full_name!r} is an instance: it takes no further data when added. Use its f_set."
                )
            return None, name, ()
        if not isinstance(name, str):
            raise ValueError(f"A name is text, not {type(name).__name__} ({name!r}): give the name first.")
        return cls, str(name), tuple(rest)

    def f_add_leaf(self, *args: Any, **kwargs: Any) -> Any:
        """Add a leaf of the kind its place asks for; its name is taken as it is, also in a run."""
        name = next((a for a in args if isinstance(a, str)), kwargs.get("full_name", kwargs.get("name", "")))
        path = self._node.path + tuple(search.resolve_parts(self._tree, name))
        first = self._tree.wildcards.resolve(path[0], -1) if path else ""
        standard = "leaf"
        if first in ("parameters", "config", "derived_parameters"):
            standard = "parameter"
        elif first == "results":
            standard = "result"
        return self._new_leaf(standard, None, args, kwargs)

    def f_add_group(self, name: Any = None, comment: str = "", *, full_name: str | None = None) -> Any:
        """Add an empty group; its class is the one its branch asks for. Or one that was made before.

        `full_name`: pypet's word for `name`.
        """
        if isinstance(name, NNGroupNode):
            self._attach_group(name, name.v_name)
            return name
        return self._add_group(name, comment, None, full_name)

    def _attach_group(self, group: Any, name: str) -> None:
        tree = self._tree
        start, parts, full = adding.place(tree, self._node, name, None)
        assert isinstance(start, Group)  # a run's group is meant only where a branch is
        top = full.partition(".")[0]
        adding.refuse_in_run(tree, top, "A group")
        wanted = group_class(top)
        # A user's own class may hang anywhere, the classes of the branches in their branch only.
        if not isinstance(group, wanted) or (wanted is NNGroupNode and type(group) in _OF_BRANCHES):
            raise TypeError(
                f"A {type(group).__name__} cannot hang at {full!r}: groups there are of {wanted.__name__}."
            )
        node = group._node
        parent = tree.make_groups(start, parts[:-1])
        node.name = parts[-1]
        tree.attach(parent, node)

    def _add_group(self, name: str | None, comment: str, branch: str | None, full_name: str | None) -> Any:
        name = name if full_name is None else full_name
        if name is None:
            raise ValueError("A group needs a name: give one, as 'stimulus' or 'stimulus.left'.")
        tree = self._tree
        start, parts, full = adding.place(tree, self._node, name, branch)
        adding.refuse_in_run(tree, full.partition(".")[0], "A group")
        return tree.view(adding.add_group(tree, start, parts, comment))

    def f_add_link(self, name_or_node: Any, node: Any = None) -> Any:
        """Make a name here another way to a node of this tree; gives that node."""
        target = name_or_node if node is None else node
        if isinstance(target, str) and node is not None:
            target = self.v_root.f_get(target)
        if not isinstance(target, NNTreeNode):
            raise ValueError(f"A link leads to a node of the tree, not to {target!r}: give the node itself.")
        name = target.v_name if node is None else name_or_node
        tree = self._tree
        start, parts, full = adding.place(tree, self._node, name, None)
        assert isinstance(start, Group)  # a run's group is meant only where a branch is
        if full in BRANCHES:
            raise ValueError(f"{full!r} is one of the four branches and cannot be a link. Use another name.")
        adding.refuse_in_run(tree, full.partition(".")[0], "A link")
        if target._node.parent is None or target._node.tree is not tree:
            tree.link(self._node, parts[-1], target._node)  # raises, before groups are made
        tree.link(tree.make_groups(start, parts[:-1]), parts[-1], target._node)
        return target

    # -- removing -----------------------------------------------------------------------------
    def f_remove_link(self, name: str) -> None:
        """Remove a link from memory; ValueError if there is none."""
        self._tree.unlink(self._node, name)

    def f_remove_child(self, name: str, recursive: bool = False, predicate: Predicate = None) -> None:
        """Remove a child or link from memory; TypeError for a group with children unless `recursive`.

        With a `predicate` see :meth:`f_remove`.
        """
        node = self._node
        if name not in node.children:
            raise ValueError(
                f"{self.v_full_name or 'The trajectory'!r} has no child {name!r}."
                + (near_names(name, self.f_dir_data()) or " f_get_children() lists them.")
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
                self._prune(child, predicate)
                return
        self._tree.detach(child)
        forget_removed(self.v_root._session)

    def f_remove(self, recursive: bool = True, predicate: Predicate = None) -> None:
        """Remove this group from memory with all below it; the trajectory itself only loses its children.

        `predicate`: a function of the node; where it is false the node stays with all below it, and
        so do the groups above.
        """
        tree = self._tree
        node = self._node
        if node.parent is None and not recursive:
            raise ValueError("The trajectory itself cannot be removed: use recursive=True to empty it.")
        if not recursive and node.children:
            raise TypeError(f"{self.v_full_name!r} has children: use recursive=True to remove them as well.")
        if predicate is not None:
            self._prune(node, predicate)
            return
        for one in list(node.own()) if node.parent is None else [node]:
            tree.detach(one)
        forget_removed(tree.root.view._session)

    def _prune(self, top: Group, predicate: Predicate) -> None:
        tree = self._tree
        if not callable(predicate):
            raise TypeError(f"Removing needs a predicate that is a function of the node, not {predicate!r}.")

        def empties(node: Node) -> bool:
            """Remove what is to go below; tell whether the node itself is to go."""
            if node is not tree.root and not predicate(tree.view(node)):
                return False
            if not isinstance(node, Group):
                return True
            for child in list(node.own()):
                if child.tree is tree and empties(child):
                    tree.detach(child)
            return node is not tree.root and len(node.children) == len(node.links)

        if empties(top):
            tree.detach(top)
        forget_removed(tree.root.view._session)

    # -- storing and loading ------------------------------------------------------------------
    def f_store(self, recursive: bool = True, store_data: int = 2, max_depth: int | None = None) -> None:
        """Store this group, by default with all below it; see :meth:`Trajectory.f_store`."""
        storing.store_nodes(self.v_root._session, [self._node], store_data, recursive, max_depth)

    def f_store_child(
        self, name: str, recursive: bool = False, store_data: int = 2, max_depth: int | None = None
    ) -> None:
        """Store one child; `max_depth` counts from here. ValueError if there is none of that name."""
        child = search.find(
            self._tree, self._node, search.resolve_parts(self._tree, name), shortcuts=False, with_links=False
        )
        if child is None:
            raise ValueError(
                f"{self.v_full_name or 'The trajectory'!r} has no child {name!r} to store."
                + near_names(name, self.f_dir_data())
            )
        deepest = None if max_depth is None else max_depth - len(search.resolve_parts(self._tree, name))
        storing.store_nodes(self.v_root._session, [child], store_data, recursive, deepest)

    def f_load(self, recursive: bool = True, load_data: int = 2, max_depth: int | None = None) -> Any:
        """Load this group's nodes from the storage; gives the group."""
        loading.load_below(self.v_root._session, self._node.path, load_data, recursive, max_depth)
        return self

    def f_load_child(
        self, name: str, recursive: bool = False, load_data: int = 2, max_depth: int | None = None
    ) -> Any:
        """Load one child by its exact path below here; gives the node. `max_depth` counts from here."""
        tree = self._tree
        resolve = tree.wildcards.resolve
        parts = tuple(resolve(part, tree.scope.index) for part in search.resolve_parts(tree, name))
        path = self._node.path + parts
        deepest = None if max_depth is None else max_depth - len(parts)
        loading.load_below(self.v_root._session, path, load_data, recursive, deepest)
        node = tree.at(path)
        if node is None:
            raise NodeNotFoundError(
                f"{'.'.join(path)!r} was loaded but is not in the tree: it may be a link to something that "
                "is not loaded. Load that first."
            )
        return tree.view(node)


class ParameterGroup(NNGroupNode):
    """A group below ``parameters``."""

    __slots__ = ()
    _branch: ClassVar[str | None] = "parameters"

    def f_add_parameter(self, *args: Any, **kwargs: Any) -> Any:
        """Add a parameter: ``(name, data, comment='')``, or a class first, or a ready instance."""
        return self.v_root._add_parameter(self, "parameters", args, kwargs)

    f_apar = f_add_parameter

    def f_add_parameter_group(
        self, name: str | None = None, comment: str = "", *, full_name: str | None = None
    ) -> Any:
        """Add an empty group of parameters."""
        return self._add_group(name, comment, "parameters", full_name)


class ConfigGroup(NNGroupNode):
    """A group below ``config``."""

    __slots__ = ()
    _branch: ClassVar[str | None] = "config"

    def f_add_config(self, *args: Any, **kwargs: Any) -> Any:
        """Add a config parameter, see :meth:`ParameterGroup.f_add_parameter`."""
        return self.v_root._add_parameter(self, "config", args, kwargs)

    f_aconf = f_add_config

    def f_add_config_group(
        self, name: str | None = None, comment: str = "", *, full_name: str | None = None
    ) -> Any:
        """Add an empty group of config parameters."""
        return self._add_group(name, comment, "config", full_name)


class DerivedParameterGroup(NNGroupNode):
    """A group below ``derived_parameters``."""

    __slots__ = ()
    _branch: ClassVar[str | None] = "derived_parameters"

    def f_add_derived_parameter(self, *args: Any, **kwargs: Any) -> Any:
        """Add a derived parameter; in a run below ``runs.run_XXXXXXXX``."""
        return self._new_leaf("parameter", "derived_parameters", args, kwargs)

    f_adpar = f_add_derived_parameter

    def f_add_derived_parameter_group(
        self, name: str | None = None, comment: str = "", *, full_name: str | None = None
    ) -> Any:
        """Add an empty group of derived parameters."""
        return self._add_group(name, comment, "derived_parameters", full_name)


class ResultGroup(NNGroupNode):
    """A group below ``results``."""

    __slots__ = ()
    _branch: ClassVar[str | None] = "results"

    def f_add_result(self, *args: Any, **kwargs: Any) -> Any:
        """Add a result: ``(name, *items, comment='', **named_items)``, or a class first, or an instance.

        In a run it goes below ``runs.run_XXXXXXXX``.
        """
        return self._new_leaf("result", "results", args, kwargs)

    f_ares = f_add_result

    def f_add_result_group(
        self, name: str | None = None, comment: str = "", *, full_name: str | None = None
    ) -> Any:
        """Add an empty group of results."""
        return self._add_group(name, comment, "results", full_name)


_STANDARD = object()
"""Stands for the trajectory's standard class."""
_OF_BRANCHES = (ParameterGroup, ConfigGroup, DerivedParameterGroup, ResultGroup)
_BY_BRANCH: dict[str, type[NNGroupNode]] = {
    "parameters": ParameterGroup,
    "config": ConfigGroup,
    "derived_parameters": DerivedParameterGroup,
    "results": ResultGroup,
}


def _lone_group(cls: type[NNGroupNode], name: str, comment: str, notes: dict[str, Any] | None) -> NNGroupNode:
    """Make a group anew that hangs in no tree."""
    group = cls(name, comment)
    group._node.annotations = dict(notes) if notes else None
    return group


def _group_at(root: Any, path: Path) -> Any:
    """Give the group of a trajectory that came as a copy."""
    return root.f_get(".".join(path), shortcuts=False)


def group_class(branch: str) -> type[NNGroupNode]:
    """Give the class of groups below a branch."""
    return _BY_BRANCH.get(branch, NNGroupNode)
