"""How does a result hold named items?"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Final, Self

from pypet_ng.encoding import check, supports
from pypet_ng.errors import InvalidNameError, UnsupportedValueError, near_names
from pypet_ng.trajectory.briefs import brief, repr_start
from pypet_ng.trajectory.leaves import BaseResult, NNLeafNode, stored_items
from pypet_ng.trajectory.nodes import NNTreeNode
from pypet_ng.tree.nodes import ResultLeaf

__all__ = ["HookedResultLeaf", "Result"]

_HOOKS: Final = ("_load", "_store", "f_empty", "f_get", "f_is_empty", "f_supports_fast_access")
_SHOWN: Final = 64
_NONE: Final[frozenset[str]] = frozenset()
_put: Final = object.__setattr__
_new: Final[Callable[[type[ResultLeaf]], ResultLeaf]] = object.__new__
_set_node: Final[Callable[[Any, Any], None]] = vars(NNTreeNode)["_node"].__set__
_set_location: Final[Callable[[Any, str], None]] = vars(NNLeafNode)["_location"].__set__


class HookedResultLeaf(ResultLeaf):
    """The core of a subclass of :class:`Result` that overrides a hook: it asks the view."""

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


class Result(BaseResult):
    """Named items that a run or the analysis produced; any value that can be stored, also None.

    Positional values are named like the result: ``z``, ``z_1``, ``z_2``, ... and can be reached by
    number. Items are attributes, too, unless their name starts with ``_`` or is that of a method.

    >>> z = Result("group.z", 1.5, unit="mV")
    >>> z.unit, z["z"], z[0]
    ('mV', 1.5, 1.5)
    >>> z
    Result group.z: z=1.5, unit='mV'

    Subclasses may override the hooks of :class:`BaseResult`, and ``_supports`` to allow other values
    (which ``_store`` must then translate).
    """

    __slots__ = ()
    _node: ResultLeaf
    _leaf_class: ClassVar[type[ResultLeaf]] = ResultLeaf
    _check: ClassVar[Callable[..., None]] = staticmethod(check)
    _one_by_one: ClassVar[bool] = False
    """Whether a subclass wants to see each item in its own `f_set` or `f_set_single`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if any(getattr(cls, hook) is not getattr(Result, hook) for hook in _HOOKS):
            cls._leaf_class = HookedResultLeaf
        if cls._supports is not Result._supports:
            cls._check = _check_by_supports
        cls._one_by_one = cls.f_set_single is not Result.f_set_single or cls.f_set is not Result.f_set

    def __init__(self, full_name: str, *args: Any, comment: str = "", **kwargs: Any) -> None:
        """Make a result that hangs in no tree; UnsupportedValueError if a value cannot be stored."""
        # Made once per result and run. Filling the core here instead of calling its constructor, and
        # the slots by their setters instead of object.__setattr__, halves the time.
        cls = type(self)
        if "." in full_name:
            location, _, name = full_name.rpartition(".")
        else:
            location, name = "", full_name
        node = _new(cls._leaf_class)
        node.name = name
        node.comment = ""
        node.parent = node.tree = node.annotations = None
        node.stored = node.locked = False
        node.kept = _NONE
        node.class_name = cls.__name__
        node.view = self
        items: dict[str, Any] = {}
        node.items = items
        _set_node(self, node)
        _set_location(self, location)
        if comment:
            self.v_comment = comment
        if len(args) == 1 and not kwargs and not cls._one_by_one:
            value = args[0]
            try:
                self._check(value)
            except UnsupportedValueError as error:
                self._place(error, name)
                raise
            items[name] = value
        elif args or kwargs:
            self.f_set(*args, **kwargs)

    @classmethod
    def _over(cls, node: ResultLeaf) -> Self:
        """Give a view of a core leaf that has none."""
        view = cls.__new__(cls)  # as _own does, but this is done for each of a million results
        _set_node(view, node)
        _set_location(view, "")
        node.view = view
        return view

    def _rename(self, full_name: str) -> None:
        """Take another name, for results that hang in no tree; items named alike follow."""
        old, items = self._node.name, self._node.items
        super()._rename(full_name)
        new = self._node.name
        numbered = old + "_"
        renamed = {}
        for name, value in items.items():
            if name == old:
                name = new
            elif name.startswith(numbered) and name[len(numbered) :].isdecimal():
                name = f"{new}_{name[len(numbered) :]}"
            renamed[name] = value
        self._node.items = renamed

    # -- set ------------------------------------------------------------------------------------------
    def f_set(self, /, *args: Any, **kwargs: Any) -> None:
        """Set items: positional ones are named as the result, then ``name_1``, ``name_2``, ...

        UnsupportedValueError or InvalidNameError, with nothing set, if one is impossible.
        """
        name = self._node.name
        new = {name if place == 0 else f"{name}_{place}": value for place, value in enumerate(args)}
        new.update(kwargs)
        if self._one_by_one:
            for name, value in new.items():
                self.f_set_single(name, value)
            return
        for name, value in new.items():
            if not name.isidentifier():
                self._check_name(name)
            try:
                self._check(value)
            except UnsupportedValueError as error:
                self._place(error, name)
                raise
        self._node.items.update(new)

    def f_set_single(self, name: str | int, item: Any) -> None:
        """Set one item; its name may have dots: ``'a.b.c'``."""
        key = self.f_translate_key(name)
        if not key.isidentifier():
            self._check_name(key)
        try:
            self._check(item)
        except UnsupportedValueError as error:
            self._place(error, key)
            raise
        self._node.items[key] = item

    def __setitem__(self, name: str | int, item: Any) -> None:
        self.f_set_single(name, item)

    def __setattr__(self, name: str, item: Any) -> None:
        if name[:1] != "_" and not hasattr(type(self), name):
            self.f_set_single(name, item)
            return
        try:
            _put(self, name, item)
        except AttributeError as error:
            if not name.startswith("_"):
                error.add_note(
                    f"{name!r} is a name of class {type(self).__name__} itself. For an item of that name "
                    f"write result[{name!r}] = ..."
                )
            raise

    def _supports(self, item: Any) -> bool:
        """Tell whether `item` can be the value of an item."""
        return supports(item)

    # -- get ------------------------------------------------------------------------------------------
    def f_get(self, *names: str | int) -> Any:
        """Give the item of one name, a list for several names, the only item for none.

        AttributeError if a name is unknown or the result empty, ValueError if no name is given and
        there are several items.
        """
        if len(names) == 1:
            return self._find(self.f_translate_key(names[0]))
        if names:
            return [self._find(self.f_translate_key(name)) for name in names]
        items = self._node.items
        if len(items) == 1:
            return next(iter(items.values()))
        if items:
            raise ValueError(
                f"Result {self.v_full_name!r} has {len(items)} items ({self._listed()}): say which one to get."
            )
        raise AttributeError(
            f"Result {self.v_full_name!r} is empty and has no item to give: set one with f_set, or load it."
        )

    def f_translate_key(self, key: str | int) -> str:
        """Give the name a number stands for: 0 for the result's own, n for ``name_n``."""
        if isinstance(key, str):
            return key
        try:
            place = operator.index(key)
        except TypeError:
            raise TypeError(
                f"Items of result {self.v_full_name!r} are named by text or numbered, not by {key!r}."
            ) from None
        if place < 0:
            raise AttributeError(
                f"Items of result {self.v_full_name!r} are numbered from 0, there is no {place}."
            )
        return self._node.name if place == 0 else f"{self._node.name}_{place}"

    def __getitem__(self, name: str | int) -> Any:
        return self.f_get(name)

    def __getattr__(self, name: str) -> Any:
        if name[:1] == "_":  # Python and libraries probe for such names
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r} (items are reached by [{name!r}])"
            )
        items = self._node.items
        return items[name] if name in items else self._find(name)

    def __contains__(self, name: object) -> bool:
        return (self.f_translate_key(name) if isinstance(name, int) else name) in self._node.items

    def __iter__(self) -> Iterator[str]:
        """Give the names of the items in the order they were set."""
        return iter(list(self._node.items))

    def __len__(self) -> int:
        return len(self._node.items)

    def __bool__(self) -> bool:
        return True  # an empty result is still there

    def __dir__(self) -> list[str]:
        return [*object.__dir__(self), *self._node.items]

    def f_to_dict(self, copy: bool = True) -> dict[str, Any]:
        """Give a dict of all items; with ``copy=False`` the one the result holds."""
        return dict(self._node.items) if copy else self._node.items

    def f_supports_fast_access(self) -> bool:
        """Tell whether natural naming gives the value: if it is the only item and named as the result."""
        items = self._node.items
        return len(items) == 1 and self._node.name in items

    # -- remove ---------------------------------------------------------------------------------------
    def f_remove(self, *names: str | int) -> None:
        """Remove items; AttributeError, with nothing removed, if one is unknown."""
        keys = list(dict.fromkeys(map(self.f_translate_key, names)))
        for key in keys:
            self._find(key)
        for key in keys:
            del self._node.items[key]

    def __delitem__(self, name: str | int) -> None:
        self.f_remove(name)

    def __delattr__(self, name: str) -> None:
        if name[:1] == "_" or hasattr(type(self), name):
            object.__delattr__(self, name)
        else:
            self.f_remove(name)

    def f_is_empty(self) -> bool:
        """Tell whether there are no items."""
        return not self._node.items

    def f_empty(self) -> None:
        """Forget all items; what is stored stays stored."""
        self._node.items = {}

    # -- storing --------------------------------------------------------------------------------------
    def _store(self) -> dict[str, Any]:
        return dict(self._node.items)

    def _load(self, load_dict: dict[str, Any]) -> None:
        self._node.items.update(load_dict)

    # -- text and messages ----------------------------------------------------------------------------
    def f_val_to_str(self) -> str:
        """Give names and the ``repr`` of the values, cut off at 64 characters."""
        text = ""
        for name, value in self._node.items.items():
            text += f"{name}={repr_start(value, _SHOWN)}, "
            if len(text) > _SHOWN:
                return text[: _SHOWN - 3] + "..."
        return text[:-2]

    def _listed(self) -> str:
        return brief_names(self._node.items)

    def _find(self, key: str) -> Any:
        items = self._node.items
        try:
            return items[key]
        except KeyError:
            raise AttributeError(
                f"Result {self.v_full_name!r} has no item {key!r}, it has: {self._listed()}."
                + near_names(key, items)
            ) from None

    def _check_name(self, name: str) -> None:
        if name == self._node.name and not name:
            return  # a result that gets its name from the tree
        if not all(name.split(".")) or "/" in name or "\0" in name:
            raise InvalidNameError(
                f"{name!r} cannot name an item of result {self.v_full_name!r}: it must not be empty nor have "
                "'/', a zero byte, or an empty part between dots."
            )

    def _place(self, error: Exception, name: str) -> None:
        error.add_note(f"This was to be the item {name!r} of result {self.v_full_name!r}.")


def _check_by_supports(self: Result, value: Any) -> None:
    """Stand in for ``check`` where a subclass says itself what it supports."""
    if not self._supports(value):
        raise UnsupportedValueError(
            f"{type(self).__name__} does not support {brief(value)} ({type(value).__name__}): "
            "convert it, or use a container that does."
        )


def brief_names(items: Mapping[str, Any], most: int = 12) -> str:
    """Give some of the names of a dict for a message."""
    names = [repr(name) for name, _ in zip(items, range(most), strict=False)]
    return ", ".join(names + ["..."] * (len(items) > most)) or "none"
