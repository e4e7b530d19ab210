"""Which containers hold objects that only pickle can store?

The only places where pypet_ng writes pickles, as their users ask for it by the class. Reading is another
matter, see :mod:`pypet_ng.encoding.pickles`: pickles of trajectories that this process made are read,
of others only those of plain data, unless ``v_allow_pickle`` says more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pypet_ng.encoding.pickles import UnreadPickle, pack, protocol_of
from pypet_ng.settings import TRUST
from pypet_ng.trajectory.parameter import Parameter
from pypet_ng.trajectory.result import Result
from pypet_ng.tree.nodes import EXPLORED, Node

__all__ = ["PickleParameter", "PickleResult"]

_PROTOCOL: Final = 2


def _opened(node: Node, value: Any) -> Any:
    """Give the object of a pickle, other values as they are; PickleRefusedError names the node."""
    if not isinstance(value, UnreadPickle):
        return value
    trusted = node.tree.naming.allow_pickle if node.tree is not None else TRUST.pickles
    try:
        return value.open(trusted)
    except Exception as error:  # whatever the code of a pickle raises
        error.add_note(f"This is the pickle in {'.'.join(node.path) or node.name!r}.")
        raise


class PickleParameter(Parameter):
    """A parameter for any object that can be pickled; equal objects of a range are those that are one.

    Whether an object can be pickled is found out when it is stored (UnsupportedValueError).
    """

    __slots__ = ("_protocol",)

    def __init__(
        self, full_name: str, data: Any = None, comment: str = "", protocol: int = _PROTOCOL
    ) -> None:
        self._protocol = protocol
        super().__init__(full_name, data, comment)

    @property
    def v_protocol(self) -> int:
        """The pickle protocol; that of the stored data where some were loaded."""
        return self._protocol

    @v_protocol.setter
    def v_protocol(self, protocol: int) -> None:
        self._protocol = protocol

    def f_supports(self, data: Any) -> bool:
        """Give True: nobody knows before trying."""
        return True

    def f_get(self) -> Any:
        """Give the value at the current run, and lock; PickleRefusedError, see the module."""
        value = super().f_get()
        if isinstance(value, UnreadPickle):
            node = self._node
            is_default = node.default is value
            node.value = value = _opened(node, value)
            if is_default:
                node.default = value
        return value

    def f_get_default(self) -> Any:
        """Give the value outside of runs, and lock; PickleRefusedError, see the module."""
        value = super().f_get_default()
        if isinstance(value, UnreadPickle):
            self._node.default = value = _opened(self._node, value)
        return value

    def f_get_range(self, copy: bool = True) -> Sequence[Any]:
        """Give the explored values as a list; TypeError if there are none, PickleRefusedError."""
        return [_opened(self._node, value) for value in super().f_get_range(copy=False)]

    def _to_stored(self, value: Any) -> dict[str, Any]:
        return {"data": pack(value, self._protocol)}

    def _from_stored(self, form: dict[str, Any]) -> Any:
        return UnreadPickle(form["data"])

    def _store(self) -> dict[str, Any]:
        node = self._node
        items = {} if node.default is None else self._to_stored(node.default)
        if node.column is not None:
            items[EXPLORED] = [self._to_stored(value)["data"] for value in node.column]
        return items

    def _load(self, load_dict: dict[str, Any]) -> None:
        if "data" in load_dict:
            self._protocol = protocol_of(load_dict["data"])
            items = {"data": self._from_stored(load_dict)}
            if EXPLORED in load_dict:
                items[EXPLORED] = [UnreadPickle(data) for data in load_dict[EXPLORED]]
            super()._load(items)


class PickleResult(Result):
    """A result for any objects that can be pickled.

    Whether an object can be pickled is found out when it is stored (UnsupportedValueError).
    """

    __slots__ = ("_protocol",)

    def __init__(
        self, full_name: str, *args: Any, protocol: int = _PROTOCOL, comment: str = "", **kwargs: Any
    ) -> None:
        self._protocol = protocol
        super().__init__(full_name, *args, comment=comment, **kwargs)

    @property
    def v_protocol(self) -> int:
        """The pickle protocol; that of the first stored item where some were loaded."""
        return self._protocol

    @v_protocol.setter
    def v_protocol(self, protocol: int) -> None:
        self._protocol = protocol

    def _supports(self, item: Any) -> bool:
        return True

    def _store(self) -> dict[str, Any]:
        return {name: pack(value, self._protocol) for name, value in self._node.items.items()}

    def _load(self, load_dict: dict[str, Any]) -> None:
        for place, (name, data) in enumerate(load_dict.items()):
            if not place:
                self._protocol = protocol_of(data)
            self._node.items[name] = UnreadPickle(data)

    # -- reading: at the first touch of an item -----------------------------------------------
    def _open(self, name: str) -> Any:
        items = self._node.items
        value = items[name]
        if isinstance(value, UnreadPickle):
            value = items[name] = _opened(self._node, value)
        return value

    def _find(self, key: str) -> Any:
        super()._find(key)
        return self._open(key)

    def f_get(self, *names: str | int) -> Any:
        """Give items as :meth:`Result.f_get` does; PickleRefusedError, see the module."""
        items = self._node.items
        if not names and len(items) == 1:
            return self._open(next(iter(items)))
        return super().f_get(*names)

    def __getattr__(self, name: str) -> Any:
        if name[:1] != "_" and name in self._node.items:
            return self._open(name)
        return super().__getattr__(name)

    def f_to_dict(self, copy: bool = True) -> dict[str, Any]:
        """Give a dict of all items; with ``copy=False`` the one the result holds."""
        for name in self._node.items:
            self._open(name)
        return super().f_to_dict(copy)
