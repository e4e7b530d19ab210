"""What do the cores of parameters look like whose class overrides hooks?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from pypet_ng._typing import Rows
from pypet_ng.encoding import canonical
from pypet_ng.spaces.columns import Column, IndexedColumn, ListColumn
from pypet_ng.trajectory.leaves import stored_items
from pypet_ng.tree.nodes import EXPLORED, ParameterLeaf

__all__ = ["HookedParameterLeaf", "RestoredColumn", "TranslatingLeaf", "distinct"]


class HookedParameterLeaf(ParameterLeaf):
    """The core of a subclass of :class:`Parameter` that overrides a hook: it asks the view."""

    __slots__ = ()

    @property
    def is_empty(self) -> bool:
        return bool(self.view.f_is_empty())

    def dump(self) -> Mapping[str, Any]:
        items = {} if self.is_empty else dict(stored_items(self.view))
        items.pop(EXPLORED, None)  # the plan has it, or dump_range gives it
        return items

    def dump_range(self) -> Mapping[str, Any]:
        if self.column is None:
            return {}
        return {name: item for name, item in stored_items(self.view).items() if name == EXPLORED}

    def load(self, data: Mapping[str, Any]) -> None:
        self.view._load(dict(data))
        self.locked = True

    def clear(self) -> None:
        self.view.f_empty()

    def move_to(self, index: int, value: Any) -> None:
        # A worker knows the value of the run only, not the range the hook would look into.
        self.value = value
        self.view._set_parameter_access(index)

    def restore_default(self) -> None:
        self.view._restore_default()


class RestoredColumn(Column):
    """Explored values that are made anew from their stored forms when somebody asks for them.

    Parameters
    ----------
    forms
        The column of the plan.
    restore
        Makes a value of a form.
    values
        The values themselves where they are still in memory: those who explored get their own objects.
    """

    __slots__ = ("_restore", "_values", "forms")

    def __init__(
        self, forms: Column, restore: Callable[[dict[str, Any]], Any], values: Column | None = None
    ) -> None:
        self.forms: Final = forms
        self._restore = restore
        self._values = values

    def __reduce__(self) -> tuple[Any, ...]:
        return ListColumn, (self.take(),)

    @property
    def value_type(self) -> type | None:
        return None

    def __len__(self) -> int:
        return len(self.forms)

    def take(self, rows: Rows = slice(None)) -> list[Any]:
        if self._values is not None:
            return self._values.take(rows)
        return [self._restore(form) for form in self.forms.take(rows)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.take())

    def array(self, rows: Rows = slice(None)) -> None:
        return None

    def select(self, rows: Rows) -> Column:
        return ListColumn(self.take(rows))


def distinct(values: Column) -> Column:
    """Give a column that holds each distinct value once.

    The same object counts once; other values are compared by what can be stored of them.
    """
    known: dict[Any, int] = {}
    kept: list[Any] = []
    index = np.empty(len(values), np.int64)
    alive = values.take()  # ids mean something only as long as the values live
    for place, value in enumerate(alive):
        key: Any = id(value)
        number = known.get(key)
        if number is None:
            try:
                form = canonical(value)
            except TypeError:  # only its own container can keep it
                form = None
            number = known.get(form, len(kept)) if form is not None else len(kept)
            if number == len(kept):
                kept.append(value)
            if form is not None:
                known[form] = number
            known[key] = number
        index[place] = number
    return values if len(kept) == len(values) else IndexedColumn(ListColumn(kept), index)


class TranslatingLeaf(HookedParameterLeaf):
    """The core of a parameter whose values only its own hooks can store.

    The plan, the storage and other processes have the values' stored forms; `column` gives the values.
    """

    __slots__ = ()

    def storable(self, column: Any) -> Any:
        values = column if isinstance(column, Column) else ListColumn(list(column))
        by_id: dict[int, int] = {}
        forms: list[dict[str, Any]] = []
        index = np.empty(len(values), np.int64)
        alive = values.take()  # ids mean something only as long as the values live
        for place, value in enumerate(alive):
            number = by_id.get(id(value))
            if number is None:
                number = by_id[id(value)] = len(forms)
                forms.append(self.view._to_stored(value))
            index[place] = number
        plain = len(forms) == len(values)
        stored: Column = ListColumn(forms) if plain else IndexedColumn(ListColumn(forms), index)
        if column is self.column:
            self.column = RestoredColumn(stored, self.view._from_stored, values)
        return stored

    def take_column(self, column: Any) -> None:
        mine = self.column
        if isinstance(mine, RestoredColumn) and mine.forms is column:
            return
        self.column = RestoredColumn(column, self.view._from_stored)

    def move_to(self, index: int, value: Any) -> None:
        own = self.column is not None and index < len(self.column)
        super().move_to(
            index, self.column[index] if own and self.column is not None else self.view._from_stored(value)
        )
