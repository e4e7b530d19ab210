"""Which classes do the nodes of a tree get?"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any

from pypet_ng.errors import UnknownClassError, near_names
from pypet_ng.trajectory.groups import NNGroupNode, group_class
from pypet_ng.trajectory.leaves import BaseParameter, BaseResult
from pypet_ng.trajectory.parameter import Parameter
from pypet_ng.trajectory.result import Result
from pypet_ng.tree.nodes import Group, Leaf, Node, OwnGroup, ParameterLeaf, ResultLeaf
from pypet_ng.tree.records import NodeKind, Skeleton

__all__ = ["ClassBook"]


class ClassBook:
    """Finds the class of a stored leaf by its bare name, and makes the views of nodes.

    User classes are found if the user named them (``dynamic_imports``), or if they were imported:
    then they are among the subclasses of BaseParameter and BaseResult.
    """

    __slots__ = ("_later", "_named")

    def __init__(self) -> None:
        self._named: dict[str, type] = {}
        self._later: dict[str, str] = {}

    def add(self, classes: Any) -> None:
        """Add a class, a text ``'module.Class'``, or several; TypeError for anything else.

        The module of a text is imported when a stored leaf asks for its class.
        """
        if isinstance(classes, (str, type)):
            classes = [classes]
        if not isinstance(classes, Iterable):
            raise TypeError(f"dynamic_imports takes classes or texts 'module.Class', not {classes!r}.")
        for one in classes:
            if isinstance(one, str):
                module, _, name = one.rpartition(".")
                if not module:
                    raise TypeError(f"{one!r} names no module: give 'module.Class'.")
                self._later[name] = module
            elif isinstance(one, type):
                self._named[one.__name__] = one
                self._later.pop(one.__name__, None)
            else:
                raise TypeError(f"dynamic_imports takes classes or texts 'module.Class', not {one!r}.")

    @property
    def named(self) -> tuple[type | str, ...]:
        """The classes users named, as they named them."""
        return (*self._named.values(), *(f"{module}.{name}" for name, module in self._later.items()))

    def find(self, name: str, bases: tuple[type, ...] = (BaseParameter, BaseResult)) -> type:
        """Give the class of that bare name; UnknownClassError says how to name it."""
        if name in self._later:
            module = self._later[name]
            self._named[name] = getattr(importlib.import_module(module), name)
            del self._later[name]
        cls = self._named.get(name)
        if cls is not None:
            return cls
        known: dict[str, type] = {}
        waiting: list[type] = list(bases)
        while waiting:
            one = waiting.pop()
            known.setdefault(one.__name__, one)
            waiting.extend(one.__subclasses__())
        if name in known:
            return known[name]
        raise UnknownClassError(
            f"A stored node is of the class {name!r}, which is not imported.{near_names(name, known)} "
            "Import its module before loading, or name it: dynamic_imports='module.Class'."
        )

    def make_leaf(self, skeleton: Skeleton) -> Leaf:
        """Make the core leaf of a stored one."""
        name = skeleton.path[-1]
        if skeleton.class_name == "Result" and skeleton.kind is NodeKind.RESULT:
            return ResultLeaf(name, skeleton.comment)
        if skeleton.class_name == "Parameter" and skeleton.kind is NodeKind.PARAMETER:
            return ParameterLeaf(name, skeleton.comment)
        view = self.find(skeleton.class_name)(".".join(skeleton.path), comment=skeleton.comment)
        leaf = view._node
        assert isinstance(leaf, Leaf)
        return leaf

    def make_view(self, node: Node) -> Any:
        """Make the public face of a core node."""
        if isinstance(node, OwnGroup):
            return self.find(node.class_name, (NNGroupNode,))(node)
        if isinstance(node, Group):
            return group_class(node.branch)(node)
        if isinstance(node, ParameterLeaf):
            return Parameter._over(node)
        assert isinstance(node, ResultLeaf)
        return Result._over(node)
