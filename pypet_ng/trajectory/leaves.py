"""What have all leaves in common, and what must a container of a user's own implement?

A leaf view owns a core leaf of :mod:`pypet_ng.tree.nodes`. That of a user's own container keeps no
data: it asks the container's hooks, as ``_store`` and ``_load``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pypet_ng._typing import Path
from pypet_ng.encoding import same, supports
from pypet_ng.errors import UnsupportedValueError
from pypet_ng.spaces.columns import Column
from pypet_ng.trajectory.bases import logger_of
from pypet_ng.trajectory.briefs import brief, brief_text
from pypet_ng.trajectory.nodes import NNTreeNode
from pypet_ng.tree.nodes import Leaf
from pypet_ng.tree.records import NodeKind
from pypet_ng.tree.runnames import run_index

__all__ = [
    "BaseParameter",
    "BaseResult",
    "ContainerLeaf",
    "ContainerParameterLeaf",
    "ContainerResultLeaf",
    "NNLeafNode",
    "stored_items",
]

_PLACE: Final[dict[str, Any]] = {
    "parent": None,
    "tree": None,
    "view": None,
    "stored": False,
    "kept": frozenset(),
}
"""What a node has because of its tree and its storage, and what a copy has instead."""
_HELD: Final = ("annotations", "items")
"""Dicts that belong to a node, unlike a dict that is a parameter's value."""


def stored_items(view: Any) -> Mapping[str, Any]:
    """Give what the hook ``_store`` of a leaf gives; TypeError if that is no dict."""
    items = view._store()
    if not isinstance(items, Mapping):
        raise TypeError(
            f"{type(view).__name__}._store of {view.v_full_name!r} gave {brief(items)} "
            f"({type(items).__name__}): it must give a dict of names and values."
        )
    return items


def detached(node: Leaf) -> Leaf:
    """Give a copy of a core leaf that hangs in no tree and is stored nowhere; its values are shared."""
    copy = object.__new__(type(node))
    for cls in type(node).__mro__:
        for name in cls.__dict__.get("__slots__", ()):
            # By the slot itself: a subclass may have put a property in front of it.
            slot = cls.__dict__[name]
            try:
                value = _PLACE[name] if name in _PLACE else slot.__get__(node, cls)
            except AttributeError:  # a slot that is not in use
                continue
            slot.__set__(copy, dict(value) if name in _HELD and value is not None else value)
    return copy


class ContainerLeaf(Leaf):
    """The core of a user's own container: it has no data and asks the container."""

    __slots__ = ()

    @property
    def is_empty(self) -> bool:
        return bool(self.view.f_is_empty())

    def dump(self) -> Mapping[str, Any]:
        return {} if self.is_empty else stored_items(self.view)

    def load(self, data: Mapping[str, Any]) -> None:
        self.view._load(dict(data))

    def clear(self) -> None:
        self.view.f_empty()


class ContainerResultLeaf(ContainerLeaf):
    """The core of a subclass of :class:`BaseResult`."""

    __slots__ = ()
    kind = NodeKind.RESULT


class ContainerParameterLeaf(ContainerLeaf):
    """The core of a subclass of :class:`BaseParameter`."""

    __slots__ = ("column",)
    kind = NodeKind.PARAMETER

    def __init__(self, name: str, comment: str = "", class_name: str = "") -> None:
        super().__init__(name, comment, class_name)
        self.column: Column | None = None
        """Fingerprints of the explored values, as the plan has them; set by who explores."""

    @property
    def locked(self) -> bool:
        return self.view is not None and bool(self.view.v_locked)

    @locked.setter
    def locked(self, locked: bool) -> None:
        view = getattr(self, "view", None)  # there is none yet while the leaf is made or unpickled
        if view is not None:
            if locked:
                view.f_lock()
            else:
                view.f_unlock()

    @property
    def is_explored(self) -> bool:
        """Tell whether the container has several values."""
        return bool(self.view.v_explored)

    def load(self, data: Mapping[str, Any]) -> None:
        super().load(data)
        self.locked = True

    def clear(self) -> None:
        super().clear()
        self.column = None

    def take_column(self, column: Column) -> None:
        """Take the fingerprints of the plan."""
        self.column = column

    def move_to(self, index: int, value: Any) -> None:
        """Let the container take its value of run `index`; `value` is only the fingerprint."""
        self.view._set_parameter_access(index)

    def restore_default(self) -> None:
        """Leave the current run."""
        self.view._restore_default()


class NNLeafNode(NNTreeNode):
    """Base of all leaves. Its name is dotted; once it hangs in a tree, the path there counts."""

    __slots__ = ("_location",)
    _node: Leaf
    _location: str

    def __init__(self, full_name: str, comment: str = "", is_parameter: bool = False) -> None:
        kind: type[Leaf] = ContainerParameterLeaf if is_parameter else ContainerResultLeaf
        location, _, name = full_name.rpartition(".")
        self._own(kind(name, "", type(self).__name__), location)
        if comment:
            self.v_comment = comment

    def _own(self, node: Leaf, location: str) -> None:
        """Take a core leaf; `location` is the parent's dotted name as long as there is no parent."""
        object.__setattr__(self, "_node", node)
        object.__setattr__(self, "_location", location)
        node.view = self

    @property
    def _logger(self) -> logging.Logger:
        """The logger of the class, for the hooks of a user's own container."""
        own: logging.Logger | None = getattr(self, "__dict__", {}).get("_logger")
        return logger_of(type(self)) if own is None else own

    @_logger.setter
    def _logger(self, logger: logging.Logger) -> None:
        self.__dict__["_logger"] = logger

    def _set_logger(self, name: str | None = None) -> None:
        """Take the logger of that name, by default the one of the class."""
        self._logger = logger_of(type(self), name)

    def _rename(self, full_name: str) -> None:
        """Take another name, for leaves that hang in no tree."""
        location, _, self._node.name = full_name.rpartition(".")
        object.__setattr__(self, "_location", location)

    @property
    def _way(self) -> Path:
        node = self._node
        if node.parent is not None:
            return node.path
        return tuple(f"{self._location}.{node.name}".split(".")) if self._location else (node.name,)

    @property
    def v_full_name(self) -> str:
        """Dotted path from the root, or the name as given while the leaf hangs in no tree."""
        return ".".join(self._way)

    @property
    def v_location(self) -> str:
        """Dotted path of the parent, ``''`` directly below the root."""
        return ".".join(self._way[:-1])

    @property
    def v_depth(self) -> int:
        """Number of steps from the root."""
        return len(self._way)

    @property
    def v_branch(self) -> str:
        """First part of the path."""
        return self._way[0]

    @property
    def v_run_branch(self) -> str:
        """Name of the run to whose branch the node belongs, else ``'trajectory'``."""
        return next((part for part in self._way if run_index(part) is not None), "trajectory")

    @property
    def v_is_leaf(self) -> bool:
        """Whether the node holds data."""
        return True

    @property
    def v_is_parameter(self) -> bool:
        """Whether the leaf is a parameter, not a result."""
        return self._node.kind is NodeKind.PARAMETER

    # -- hooks ----------------------------------------------------------------------------------
    def f_is_empty(self) -> bool:
        """Tell whether there is no data."""
        raise self._must("f_is_empty", "tell whether there is no data")

    def f_empty(self) -> None:
        """Forget the data; what is stored stays stored."""
        raise self._must("f_empty", "forget the data")

    def _store(self) -> dict[str, Any]:
        """Give a dict of item names and values that pypet_ng can store."""
        raise self._must("_store", "give a dict of what is to be stored")

    def _load(self, load_dict: dict[str, Any]) -> None:
        """Take back what ``_store`` gave (perhaps only some of the items)."""
        raise self._must("_load", "take the dict that _store gave")

    def f_supports_fast_access(self) -> bool:
        """Tell whether natural naming gives the value rather than this container."""
        return False

    def f_val_to_str(self) -> str:
        """Give the data in one short line; locks nothing."""
        return ""

    def _must(self, hook: str, what: str) -> NotImplementedError:
        return NotImplementedError(
            f"{type(self).__name__} ({self.v_full_name!r}) has no method {hook}: it must {what}."
        )

    # -- text -----------------------------------------------------------------------------------
    def _facts(self) -> list[str]:
        return [f"`{brief_text(self.v_comment)}`"] if self.v_comment else []

    def __str__(self) -> str:
        facts = self._facts()
        text = f"{self.f_get_class_name()} {self.v_full_name}" + (f" ({', '.join(facts)})" if facts else "")
        value = "" if self.f_is_empty() else " ".join(self.f_val_to_str().split())
        return f"{text}: {value}" if value else text

    def __repr__(self) -> str:
        return str(self)

    # -- copies ---------------------------------------------------------------------------------
    def __getstate__(self) -> dict[str, Any]:
        """Give all attributes by name, with a core that hangs in no tree."""
        state = object.__getstate__(self)
        # For classes with slots the default state is (__dict__ or None, slots).
        parts: Any = state if isinstance(state, tuple) else ({}, {})
        own, slots = parts
        return {**slots, **(own or {}), "_node": detached(self._node), "_location": self.v_location}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # The core first: other attributes may be kept there.
        self._own(state["_node"], state["_location"])
        for name, value in state.items():
            if name not in ("_node", "_location"):
                object.__setattr__(self, name, value)


class BaseResult(NNLeafNode):
    """Base of result containers. Subclass it to write your own.

    Implement ``_store``, ``_load``, ``f_is_empty`` and ``f_empty``; if natural naming is to give the
    value instead of the container, ``f_supports_fast_access`` and ``f_get`` as well. Attributes of
    your own are free.
    """

    __slots__ = ()

    def __init__(self, full_name: str, comment: str = "") -> None:
        super().__init__(full_name, comment, is_parameter=False)


class BaseParameter(NNLeafNode):
    """Base of parameter containers. Subclass it to write your own.

    Implement ``_store``, ``_load``, ``f_is_empty``, ``f_empty``, ``f_set`` and ``f_get``; if the
    parameter can be explored, ``f_get_range``, ``_explore``, ``_expand``, ``_shrink``,
    ``_set_parameter_access`` and ``_restore_default`` as well. They must keep ``_explored`` right,
    and refuse changes while ``_locked``. Attributes of your own are free.
    """

    __slots__ = ("_explored", "_full_copy", "_locked")

    def __init__(self, full_name: str, comment: str = "") -> None:
        super().__init__(full_name, comment, is_parameter=True)
        self._explored = False
        self._full_copy = False
        self._locked = False

    # -- locks and ranges -----------------------------------------------------------------------
    @property
    def v_locked(self) -> bool:
        """Whether the parameter must not change any more."""
        return self._locked

    def f_lock(self) -> None:
        """Forbid changes."""
        self._locked = True

    def f_unlock(self) -> None:
        """Allow changes; nobody checks who used the old value."""
        self._locked = False

    @property
    def v_explored(self) -> bool:
        """Whether the parameter has a range, even if this copy was sent without it."""
        return self._explored

    @property
    def v_full_copy(self) -> bool:
        """Whether pickling keeps the range."""
        return self._full_copy

    @v_full_copy.setter
    def v_full_copy(self, full_copy: bool) -> None:
        self._full_copy = bool(full_copy)

    def f_has_range(self) -> bool:
        """Tell whether there are explored values here."""
        return self._explored

    def f_get_range_length(self) -> int:
        """Give the number of explored values; TypeError if there is no range."""
        return len(self.f_get_range(copy=False))

    def __len__(self) -> int:
        """Give 0 if empty, 1 if not explored, else the number of explored values."""
        if self.f_has_range():
            return self.f_get_range_length()
        return 0 if self.f_is_empty() else 1

    def __bool__(self) -> bool:
        return True  # an empty parameter is still there

    def f_supports(self, data: Any) -> bool:
        """Tell whether `data` can be a value."""
        return supports(data)

    def f_supports_fast_access(self) -> bool:
        """Tell whether natural naming gives the value: if there is one."""
        return not self.f_is_empty()

    # -- hooks ----------------------------------------------------------------------------------
    def f_set(self, data: Any) -> None:
        """Set the value; ParameterLockedException if the parameter is locked."""
        raise self._must("f_set", "take a value")

    def f_get(self) -> Any:
        """Give the value at the current run and lock."""
        raise self._must("f_get", "give the value and lock")

    def f_get_default(self) -> Any:
        """Give the value outside of runs and lock."""
        raise self._must("f_get_default", "give the default value and lock")

    def f_get_range(self, copy: bool = True) -> Sequence[Any]:
        """Give the explored values; TypeError if there are none."""
        raise self._must("f_get_range", "give the explored values")

    def _explore(self, explore_iterable: Iterable[Any]) -> None:
        """Take the values of all runs and lock."""
        raise self._must("_explore", "take the values of all runs")

    def _expand(self, explore_iterable: Iterable[Any]) -> None:
        """Take the values of more runs and lock."""
        raise self._must("_expand", "take the values of more runs")

    def _shrink(self) -> None:
        """Forget the range, keep the default."""
        raise self._must("_shrink", "forget its range")

    def _set_parameter_access(self, idx: int = 0) -> None:
        """Make value `idx` of the range the current one."""
        raise self._must("_set_parameter_access", "change to one value of its range")

    def _restore_default(self) -> None:
        """Make the default the current value."""
        raise self._must("_restore_default", "return to its default value")

    def _values_of_same_type(self, val1: Any, val2: Any) -> bool:
        """Tell whether two values may belong to one range.

        They must have exactly one type; tuples also one length, and one type item by item.
        False if only one of them can be a value, TypeError if neither can.
        """
        if type(val1) is not type(val2):
            if self.f_supports(val1) or self.f_supports(val2):
                return False
            raise self._neither(val1, val2)
        if not self.f_supports(val1) and not self.f_supports(val2):
            raise self._neither(val1, val2)
        if isinstance(val1, tuple):
            return list(map(type, val1)) == list(map(type, val2))
        return True

    def _equal_values(self, val1: Any, val2: Any) -> bool:
        """Tell whether two values are equal and of exactly one type; TypeError if neither can be a value."""
        if not self._values_of_same_type(val1, val2):
            return False
        try:
            return same(val1, val2)
        except UnsupportedValueError:  # only a pickle holds them
            from pypet_ng.trajectory.comparing import nested_equal  # it needs the classes of this module

            return nested_equal(val1, val2)

    def _neither(self, val1: Any, val2: Any) -> TypeError:
        return TypeError(
            f"{type(self).__name__} {self.v_full_name!r} can hold neither {brief(val1)} "
            f"({type(val1).__name__}) nor {brief(val2)} ({type(val2).__name__}), so it cannot compare them: "
            "convert them, or use a container that holds such values (PickleParameter)."
        )

    def _facts(self) -> list[str]:
        facts = [f"len:{len(self)}"] if self.f_has_range() else []
        return facts + super()._facts()
