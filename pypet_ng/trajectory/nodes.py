"""What can users ask any node of the tree?

The classes here and in ``groups``, ``leaves`` and ``trajectory`` are *views*: they give the nodes of
:mod:`pypet_ng.tree` the names users know (``f_`` methods, ``v_`` properties) and hold no state of
their own besides the node. Each node has exactly one view, so that identity holds.
"""

from __future__ import annotations

from typing import Any

from pypet_ng.errors import NodeNotFoundError, near_names
from pypet_ng.trajectory.annotations import Annotations
from pypet_ng.tree.nodes import Node
from pypet_ng.tree.runnames import run_index

__all__ = ["Kids", "NNTreeNode", "Prefixed"]


class Prefixed:
    """The ``v_`` or ``f_`` names of a node without the prefix, for tab completion."""

    __slots__ = ("_owner", "_prefix")

    def __init__(self, owner: Any, prefix: str) -> None:
        object.__setattr__(self, "_owner", owner)
        object.__setattr__(self, "_prefix", prefix)

    def __getattr__(self, name: str) -> Any:
        if name[:1] == "_":  # libraries probe for such names, also before the slots are set
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self._owner, self._prefix + name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._owner, self._prefix + name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return Prefixed, (self._owner, self._prefix)

    def __dir__(self) -> list[str]:
        known = dir(type(self._owner))
        return [word[len(self._prefix) :] for word in known if word.startswith(self._prefix)]


class Kids:
    """Only the children of a group, for tab completion."""

    __slots__ = ("_group",)

    def __init__(self, group: Any) -> None:
        self._group = group

    def __getattr__(self, name: str) -> Any:
        if name[:1] == "_":  # libraries probe for such names, also before the slot is set
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        children = self._group.f_get_children(copy=False)
        if name not in children:
            raise NodeNotFoundError(
                f"{self._group.v_full_name or 'The trajectory'!r} has no child {name!r}."
                + (near_names(name, self._group.f_dir_data()) or " Its f_get_children() lists them.")
            )
        return children[name]

    def __dir__(self) -> list[str]:
        names: list[str] = self._group.f_dir_data()
        return names


class NNTreeNode:
    """Base of all nodes (pypet's name: natural naming tree node)."""

    __slots__ = ("__weakref__", "_node")
    _node: Node

    @property
    def __pypet_node__(self) -> Node:
        """The core node, for the layers below; users need it never."""
        return self._node

    @property
    def v_name(self) -> str:
        """Last part of the path; the root's is the trajectory's name."""
        return self._node.name

    @property
    def v_full_name(self) -> str:
        """Dotted path from the root, ``''`` for the root."""
        return ".".join(self._node.path)

    @property
    def v_location(self) -> str:
        """Dotted path of the parent, ``''`` directly below the root."""
        return ".".join(self._node.path[:-1])

    @property
    def v_depth(self) -> int:
        """Number of steps from the root."""
        return self._node.depth

    @property
    def v_branch(self) -> str:
        """First part of the path."""
        return self._node.branch

    @property
    def v_run_branch(self) -> str:
        """Name of the run to whose branch the node belongs, else ``'trajectory'``."""
        for part in self._node.path:
            if run_index(part) is not None:
                return part
        return "trajectory"

    @property
    def v_comment(self) -> str:
        """A text of any length."""
        return self._node.comment

    @v_comment.setter
    def v_comment(self, comment: str) -> None:
        if not isinstance(comment, str):
            raise TypeError(f"A comment is text, not {type(comment).__name__} ({comment!r}).")
        if self._node.parent is None and self._node.tree is not None:
            self._node.tree.check_outside_run("Setting the comment of the trajectory")
        self._node.comment = comment

    @property
    def v_stored(self) -> bool:
        """Whether the node was stored or loaded."""
        return self._node.stored

    @property
    def v_is_leaf(self) -> bool:
        """Whether the node holds data."""
        return False

    @property
    def v_is_group(self) -> bool:
        """Whether the node holds other nodes."""
        return False

    @property
    def v_is_root(self) -> bool:
        """Whether the node is the trajectory."""
        return False

    @property
    def v_annotations(self) -> Annotations:
        """Small facts that belong to the node; any value a result can hold."""
        return Annotations(self._node)

    @v_annotations.setter
    def v_annotations(self, annotations: dict[str, Any]) -> None:
        self._node.annotations = None
        self.v_annotations.f_set(**dict(annotations))

    def f_set_annotations(self, *args: Any, **kwargs: Any) -> None:
        """Set annotations, see :meth:`Annotations.f_set`."""
        self.v_annotations.f_set(*args, **kwargs)

    def f_get_annotations(self, *names: str | int) -> Any:
        """Give annotations, see :meth:`Annotations.f_get`."""
        return self.v_annotations.f_get(*names)

    def f_ann_to_str(self) -> str:
        """Give the annotations as one line, ``k=v; k=v`` sorted."""
        return self.v_annotations.f_ann_to_str()

    def f_get_class_name(self) -> str:
        """Give the name of the class."""
        return type(self).__name__

    def _repr_html_(self) -> str:
        from pypet_ng.trajectory.html import node_html  # only notebooks need it

        return node_html(self._node)

    @property
    def vars(self) -> Any:
        """``node.vars.x`` is ``node.v_x``."""
        return Prefixed(self, "v_")

    @property
    def func(self) -> Any:
        """``node.func.x`` is ``node.f_x``."""
        return Prefixed(self, "f_")

    def f_get_parent(self) -> Any:
        """Give the group the node hangs in; TypeError for the root."""
        parent = self._node.parent
        if parent is None or parent.tree is None:
            raise TypeError(f"{self._node.name!r} has no parent: it is the root or hangs in no tree.")
        return parent.tree.view(parent)
