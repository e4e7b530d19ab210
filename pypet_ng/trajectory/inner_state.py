"""Under which names do pypet's own parameters keep their state, for subclasses written against them?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pypet_ng.spaces.columns import column_of
from pypet_ng.tree.nodes import ParameterLeaf

__all__ = ["InnerState"]


class InnerState:
    """Gives subclasses of :class:`Parameter` the attributes that pypet's has for its hooks.

    Users' ``_store`` and ``_load`` read and set these without asking for locks; all else should use
    ``f_get``, ``f_set`` and ``f_get_range``.
    """

    __slots__ = ()
    _node: ParameterLeaf

    @property
    def _data(self) -> Any:
        """The value at the current run, None if empty; neither locks nor checks."""
        return self._node.value

    @_data.setter
    def _data(self, data: Any) -> None:
        self._node.value = data

    @property
    def _default(self) -> Any:
        """The value outside of runs, None if empty; neither locks nor checks."""
        return self._node.default

    @_default.setter
    def _default(self, data: Any) -> None:
        self._node.default = data

    @property
    def _explored_range(self) -> list[Any]:
        """A new list of the explored values, empty if there are none; costs a step per run."""
        column = self._node.column
        return [] if column is None else list(column)

    @_explored_range.setter
    def _explored_range(self, values: Iterable[Any]) -> None:
        held = list(values)
        self._node.column = column_of(held, self._node.default) if held else None
