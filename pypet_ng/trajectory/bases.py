"""Which small base classes do containers of pypet's users build on?"""

from __future__ import annotations

import logging
from typing import Any, Final

__all__ = ["HasLogger", "HasSlots", "KnowsTrajectory", "logger_of"]

_ROOT: Final = "pypet_ng"


def all_slots(cls: type) -> tuple[str, ...]:
    """Give the names of the slots of a class and its bases, each once."""
    found: dict[str, None] = {}
    for one in cls.__mro__:
        slots = one.__dict__.get("__slots__", ())
        found.update(dict.fromkeys((slots,) if isinstance(slots, str) else slots))
    return tuple(name for name in found if name not in ("__weakref__", "__dict__"))


def logger_of(cls: type, name: str | None = None) -> logging.Logger:
    """Give the logger of that name, by default the one called as the class (below ``pypet_ng``)."""
    return logging.getLogger(name or f"{_ROOT}.{cls.__module__}.{cls.__name__}")


class HasSlots:
    """Pickles what is in its slots as well as in its ``__dict__``."""

    __slots__ = ("__weakref__",)

    @property
    def __all_slots__(self) -> tuple[str, ...]:
        return all_slots(type(self))

    def __getstate__(self) -> dict[str, Any]:
        state = dict(getattr(self, "__dict__", {}))
        state.update({name: getattr(self, name) for name in self.__all_slots__ if hasattr(self, name)})
        return state

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
