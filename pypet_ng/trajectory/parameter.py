"""How does a parameter hold, lock and explore its value?"""

from __future__ import annotations

import copy as copying
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Final, NoReturn, Self

import numpy as np

from pypet_ng.encoding import check
from pypet_ng.errors import DesignError, ParameterLockedException, UnsupportedValueError
from pypet_ng.spaces.columns import ChainColumn, Column, IndexedColumn, PeriodicColumn, column_of
from pypet_ng.trajectory.briefs import brief
from pypet_ng.trajectory.inner_state import InnerState
from pypet_ng.trajectory.leaves import BaseParameter, stored_items
from pypet_ng.trajectory.parameter_leaves import HookedParameterLeaf, TranslatingLeaf
from pypet_ng.tree.nodes import EXPLORED, ParameterLeaf

__all__ = ["Parameter"]

_PLAIN: Final = frozenset({bool, int, float, complex, str, bytes})
"""Values of exactly these types can always be stored."""
_HOOKS: Final = (
    "_load",
    "_restore_default",
    "_set_parameter_access",
    "_store",
    "f_empty",
    "f_get",
    "f_is_empty",
    "f_supports_fast_access",
)


class Parameter(InnerState, BaseParameter):
    """A value that may differ from run to run.

    Any value that can be stored is possible, None means empty. Nothing is copied: do not change an
    array or list that a parameter holds. Reading the value locks the parameter.

    >>> tau = Parameter("neuron.tau", 10.0, comment="time constant in ms")
    >>> tau
    Parameter neuron.tau (`time constant in ms`): 10.0
    >>> tau.f_get()
    10.0
    >>> tau.v_locked
    True

    Subclasses may override the hooks of :class:`BaseParameter`, and ``f_supports`` to allow other
    values (which ``_store`` must then translate).
    """

    __slots__ = ()
    _node: ParameterLeaf
    _leaf_class: ClassVar[type[ParameterLeaf]] = ParameterLeaf
    _check: ClassVar[Callable[..., None]] = staticmethod(check)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if any(getattr(cls, hook) is not getattr(Parameter, hook) for hook in _HOOKS):
            cls._leaf_class = HookedParameterLeaf
        if cls.f_supports is not Parameter.f_supports:
            cls._check = _check_by_supports
            if cls._store is not Parameter._store:
                cls._leaf_class = TranslatingLeaf

    def __init__(self, full_name: str, data: Any = None, comment: str = "") -> None:
        """Make a parameter that hangs in no tree; UnsupportedValueError if `data` cannot be stored."""
        location, _, name = full_name.rpartition(".")
        self._begin(self._leaf_class(name, "", type(self).__name__), location)
        if comment:
            self.v_comment = comment
        if data is not None:
            self.f_set(data)

    def _begin(self, node: ParameterLeaf, location: str) -> None:
        self._own(node, location)
        self._explored = False
        self._full_copy = False

    @classmethod
    def _over(cls, node: ParameterLeaf) -> Self:
        """Give a view of a core leaf that has none."""
        view = cls.__new__(cls)
        view._begin(node, "")
        return view

    # -- the value --------------------------------------------------------------------------------
    def f_set(self, data: Any) -> None:
        """Set the value, None empties; nothing is copied.

        ParameterLockedException if locked, AttributeError if explored, UnsupportedValueError if no
        codec stores such a value.
        """
        node = self._node
        if node.locked:
            self._refuse(f"set to {brief(data)}")
        if node.column is not None or self._explored:
            raise AttributeError(
                f"Parameter {self.v_full_name!r} is explored and cannot be set to {brief(data)}: its values "
                "are those of the runs. Shrink the trajectory first (f_shrink)."
            )
        if data is not None:
            self._checked(data)
        node.value = node.default = data

    def f_get(self) -> Any:
        """Give the value at the current run, and lock; TypeError if the parameter is empty."""
        node = self._node
        if node.default is None:
            self._refuse_empty()
        node.locked = True
        return node.value

    def f_get_default(self) -> Any:
        """Give the value outside of runs, and lock; TypeError if the parameter is empty."""
        node = self._node
        if node.default is None:
            self._refuse_empty()
        node.locked = True
        return node.default

    @property
    def data(self) -> Any:
        """The value, as :meth:`f_get` and :meth:`f_set` do."""
        return self.f_get()

    @data.setter
    def data(self, data: Any) -> None:
        self.f_set(data)

    @property
    def default(self) -> Any:
        """The value outside of runs, as :meth:`f_get_default` gives it."""
        return self.f_get_default()

    def __getitem__(self, item: int | str) -> Any:
        """Give ``['data']``, ``['default']``, ``[-1]``: the default, ``[i]``: the value of run i."""
        if item == "data":
            return self.f_get()
        if item == "default":
            return self.f_get_default()
        if isinstance(item, str):
            raise KeyError(f"A parameter has 'data', 'default' and numbered values, but no {item!r}.")
        place = operator.index(item)
        default = self.f_get_default()
        if place == -1:
            return default
        column = self._node.column
        length = 1 if column is None else len(column)
        if column is None and place:
            self.f_get_range()  # raises, as there is none
        if not 0 <= place < length:
            raise IndexError(f"Parameter {self.v_full_name!r} has {length} values, but no number {place}.")
        return default if column is None else column[place]

    def __iter__(self) -> Iterator[Any]:
        """Give the explored values, else the only one."""
        column = self._node.column
        if column is not None:
            return iter(column)
        return iter(() if self.f_is_empty() else (self.f_get_default(),))

    def f_is_empty(self) -> bool:
        """Tell whether there is no value."""
        return self._node.default is None

    def f_empty(self) -> None:
        """Forget the value and the range; ParameterLockedException if locked."""
        node = self._node
        if node.locked:
            self._refuse("emptied")
        node.value = node.default = node.column = None
        self._explored = False

    def f_val_to_str(self) -> str:
        """Give the current value in at most 64 characters; locks nothing."""
        return "" if self._node.value is None else brief(self._node.value)

    # -- locks --------------------------------------------------------------------------------------
    @property
    def _locked(self) -> bool:
        return self._node.locked

    @_locked.setter
    def _locked(self, locked: bool) -> None:
        self._node.locked = locked

    @property
    def v_locked(self) -> bool:
        """Whether the value was read, explored, stored or loaded, and must not change any more."""
        return self._node.locked

    # -- the range ----------------------------------------------------------------------------------
    @property
    def v_explored(self) -> bool:
        """Whether the parameter has a range, even if this copy was sent without it."""
        return self._node.column is not None or self._explored

    def f_has_range(self) -> bool:
        """Tell whether there are explored values here."""
        return self._node.column is not None

    def f_get_range(self, copy: bool = True) -> Sequence[Any]:
        """Give the explored values as a list, TypeError if there are none.

        With ``copy=False`` the column itself is given: a sequence that never changes, made without
        an object per run.
        """
        column = self._node.column
        if column is None:
            raise TypeError(
                f"Parameter {self.v_full_name!r} has no range"
                + (
                    ": this copy was made without it (see v_full_copy)."
                    if self._explored
                    else ": explore it."
                )
            )
        return list(column) if copy else column

    def _explore(self, explore_iterable: Iterable[Any]) -> None:
        """Take the values of all runs and lock; nothing is changed if an error is raised.

        All must have exactly the type of the default. Costs nothing per value for arrays of
        numbers. Errors: ParameterLockedException, TypeError for other types, an empty parameter or
        one that is explored already, DesignError for no values, UnsupportedValueError.
        """
        if self._node.locked:
            self._refuse("explored")
        if self.v_explored:
            raise TypeError(
                f"Parameter {self.v_full_name!r} is explored already, with {len(self)} values: "
                "add more with f_expand, or shrink the trajectory first (f_shrink)."
            )
        self._node.column = self._checked_column(explore_iterable)
        self._explored = True
        self.f_lock()

    def _expand(self, explore_iterable: Iterable[Any]) -> None:
        """Take the values of more runs and lock; errors as in :meth:`_explore`."""
        node = self._node
        if node.locked:
            self._refuse("expanded")
        if node.column is None:
            raise TypeError(f"Parameter {self.v_full_name!r} has no range to expand: explore it first.")
        new = self._checked_column(explore_iterable)
        old = node.column if isinstance(node.column, Column) else column_of(node.column)
        node.column = old.extended(new)
        self._explored = True
        self.f_lock()

    def _shrink(self) -> None:
        """Forget the range, keep the default; errors: ParameterLockedException, TypeError."""
        node = self._node
        if node.locked:
            self._refuse("shrunk")
        if not self.v_explored:
            raise TypeError(f"Parameter {self.v_full_name!r} has no range that could be shrunk.")
        node.column = None
        node.value = node.default
        self._explored = False

    def _set_parameter_access(self, idx: int = 0) -> None:
        """Make value `idx` of the range the current one, -1 the default; ValueError beyond the range."""
        node = self._node
        if idx == -1:
            node.value = node.default
        elif node.column is not None:
            if not 0 <= idx < len(node.column):
                raise ValueError(
                    f"Parameter {self.v_full_name!r} has {len(node.column)} explored values, but no number {idx}."
                )
            node.value = node.column[idx]

    def _restore_default(self) -> None:
        self._node.value = self._node.default

    def _checked_column(self, values: Iterable[Any]) -> Column:
        """Give values as a column that could be explored; errors as in :meth:`_explore`."""
        default = self._node.default
        if default is None:
            raise TypeError(
                f"Parameter {self.v_full_name!r} is empty and cannot be explored: give it a default value "
                "first, as the type of the default is the type of all explored values."
            )
        try:
            column = column_of(values, default)
        except DesignError as error:
            error.add_note(f"Parameter {self.v_full_name!r} was to be explored.")
            raise
        own_types = type(self)._values_of_same_type is not BaseParameter._values_of_same_type
        own_check = type(self)._check is not check
        wanted = type(default)
        items = list(map(type, default)) if wanted is tuple else []
        storable = not own_check and (wanted in _PLAIN or (wanted is tuple and _PLAIN.issuperset(items)))
        alike = not own_types and column.value_type is wanted
        if alike and not own_check and (wanted in _PLAIN or issubclass(wanted, np.number)):
            return column  # one look at the whole was enough
        for piece in _pieces(column):
            for value in piece:
                if own_types:
                    fits = self._values_of_same_type(value, default)
                else:
                    fits = type(value) is wanted and (wanted is not tuple or list(map(type, value)) == items)
                if not fits:
                    self._refuse_types(column)
                if not storable:
                    self._checked(value)
        return column

    # -- storing --------------------------------------------------------------------------------------
    def _store(self) -> dict[str, Any]:
        """Give the default as item ``data``, and the range, if there is one, as ``explored_data``.

        The storage leaves the range out: it is stored with the plan of all runs.
        """
        node = self._node
        items = {} if node.default is None else {"data": node.default}
        if node.column is not None:
            items[EXPLORED] = list(node.column)
        return items

    def _load(self, load_dict: dict[str, Any]) -> None:
        """Take what ``_store`` gave, and lock."""
        node = self._node
        ParameterLeaf.load(node, load_dict)
        if EXPLORED in load_dict:
            node.column = column_of(load_dict[EXPLORED], node.default)
            self._explored = True

    def _to_stored(self, value: Any) -> dict[str, Any]:
        """Give the stored form of one explored value: what ``_store`` gives where it is the default.

        Asked only of subclasses that override both ``f_supports`` and ``_store``.
        """
        twin = self._twin()
        twin._node.value = twin._node.default = value
        return dict(stored_items(twin))

    def _from_stored(self, form: dict[str, Any]) -> Any:
        """Give back the value of a stored form, by ``_load``."""
        twin = self._twin()
        twin._load(dict(form))
        return twin.f_get()

    def _twin(self) -> Self:
        """Give an empty parameter of the same name and class."""
        twin = copying.copy(self)
        node = twin._node
        node.value = node.default = node.column = None
        node.locked = False
        twin._explored = False
        return twin

    # -- copies ---------------------------------------------------------------------------------------
    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state["_explored"] = self.v_explored
        if not self._full_copy:
            # A process that works on one point needs no values of a million others.
            state["_node"].column = None
        return state

    def _forget_range(self) -> None:
        """Be a copy without the range, that knows it had one."""
        self._explored = True
        self._node.column = None

    def _whole_state(self) -> dict[str, Any]:
        state = self.__getstate__()
        state["_node"].column = self._node.column
        return state

    def __copy__(self) -> Self:
        twin = type(self).__new__(type(self))
        twin.__setstate__(self._whole_state())
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        column = self._node.column
        memo[id(column)] = column  # columns never change
        twin = memo[id(self)] = type(self).__new__(type(self))
        twin.__setstate__(copying.deepcopy(self._whole_state(), memo))
        return twin

    # -- refusals -------------------------------------------------------------------------------------
    def _checked(self, value: Any) -> None:
        try:
            self._check(value)
        except UnsupportedValueError as error:
            error.add_note(f"This was to be a value of parameter {self.v_full_name!r}.")
            raise

    def _refuse(self, what: str) -> NoReturn:
        raise ParameterLockedException(
            f"Parameter {self.v_full_name!r} is locked with the value {self.f_val_to_str() or None} and cannot "
            f"be {what}: it was read, explored, stored or loaded, and whoever used the value would not "
            "know. If you are sure, call its f_unlock() first."
        )

    def _refuse_empty(self) -> NoReturn:
        raise TypeError(
            f"Parameter {self.v_full_name!r} is empty and has no value to give: set one with f_set, or load it."
        )

    def _refuse_types(self, column: Column) -> None:
        """Raise TypeError for the first value of another type; give if runs use none of that type."""
        default = self._node.default
        for place, value in enumerate(column):
            if not self._values_of_same_type(value, default):
                raise TypeError(
                    f"Parameter {self.v_full_name!r} holds {_kind(default)}, {brief(default)}, but value "
                    f"{place} of its range is {_kind(value)}, {brief(value)}. All values must have exactly "
                    f"the type of the default: {_remedy(value, default)}."
                )


def _check_by_supports(self: Parameter, value: Any) -> None:
    """Stand in for ``check`` where a subclass says itself what it supports."""
    if not self.f_supports(value):
        raise UnsupportedValueError(
            f"{type(self).__name__} does not support {brief(value)} ({_kind(value)}): "
            "convert it, or use a container that does."
        )


def _pieces(column: Column) -> Iterator[Column]:
    """Give columns that hold each value once, instead of once per run."""
    if isinstance(column, ChainColumn):
        for part in column.parts:
            yield from _pieces(part)
    elif isinstance(column, PeriodicColumn | IndexedColumn):
        yield from _pieces(column.base)
    else:
        yield column


def _kind(value: object) -> str:
    """Give a value's type in words."""
    cls = type(value)
    name = cls.__name__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__name__}"
    if isinstance(value, tuple):
        items = ", ".join(type(item).__name__ for item in value[:4]) + (", ..." if len(value) > 4 else "")
        return f"a {name} of {len(value)} ({items})"
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _remedy(value: object, default: object) -> str:
    if isinstance(value, np.generic) and not isinstance(default, np.generic):
        if isinstance(default, float) and value.dtype.kind in "iu":
            return "give an array of floats, as array.astype(float), or plain numbers, as array.tolist()"
        return "give plain Python values, as array.tolist(), or set a numpy default"
    if type(value) is int and type(default) is float:
        return f"write {value}.0, or set an int default"
    if isinstance(value, tuple) and isinstance(default, tuple):
        return "give tuples of the default's length and item types"
    return f"convert the values to {type(default).__name__}, or set another default"
