"""Which small base classes do containers of pypet's users build on?"""

from __future__ import annotations

import logging
from typing import Any, ClassVar, Final

__all__ = ["HasLogger", "HasSlots", "KnowsTrajectory", "logger_of"]

_ROOT: Final = "pypet_ng"


def all_slots(cls: type) -> frozenset[str]:
    """Give the names of the slots of a class and its bases."""
    found: set[str] = set()
    for one in cls.__mro__:
        slots = one.__dict__.get("__slots__", ())
        found.update((slots,) if isinstance(slots, str) else slots)
    return frozenset(found)


def logger_of(cls: type, name: str | None = None) -> logging.Logger:
    """Give the logger of that name, by default the one called as the class (below ``pypet_ng``)."""
    return logging.getLogger(name or f"{_ROOT}.{cls.__module__}.{cls.__name__}")


class HasSlots:
    """Pickles what is in its slots as well as in its ``__dict__``."""

    __slots__ = ("__weakref__",)
    __all_slots__: ClassVar[frozenset[str]] = frozenset(__slots__)
    """Names of all slots of the class, inherited ones as well."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__all_slots__ = all_slots(cls)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(getattr(self, "__dict__", {}))
        names = self.__all_slots__ - {"__weakref__", "__dict__"}
        state.update({name: getattr(self, name) for name in names if hasattr(self, name)})
        return state

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.__all_slots__})

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)


class HasLogger(HasSlots):
    """Has a logger that is called as its class (below ``pypet_ng``); it does not travel with pickles."""

    __slots__ = ("_logger",)

    def _set_logger(self, name: str | None = None) -> None:
        """Take the logger of that name, by default the one of the class."""
        self._logger = logger_of(type(self), name)

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        if "_logger" in state:
            state["_logger"] = state["_logger"].name
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_logger" in state:
            self._set_logger(state["_logger"])


class KnowsTrajectory(HasSlots):
    """Marks functions objects that know the trajectory they work on."""

    __slots__ = ()
    KNOWS_TRAJECTORY: Final = True
