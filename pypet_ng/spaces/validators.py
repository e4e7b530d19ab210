"""Who else may say that an axis cannot be where it is?

A package whose states have leaves that must not vary (the indices of a sparse graph) registers a check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pypet_ng.spaces.axes import AbstractAxis
from pypet_ng.spaces.pytrees import Steps

__all__ = ["Validator", "register_validator", "unregister_validator", "validate"]

Validator = Callable[[Any, Mapping[Steps, AbstractAxis]], None]
"""Gets a state and its axes by the way to their leaves; raises an error to refuse them."""

_validators: list[Validator] = []


def register_validator(check: Validator) -> Validator:
    """Have each new Space checked; usable as a decorator. Registering twice checks once."""
    if not callable(check):
        raise TypeError(f"A validator is called with (state, axes), but {check!r} cannot be called.")
    if check not in _validators:
        _validators.append(check)
    return check


def unregister_validator(check: Validator) -> None:
    """Have no more spaces checked by it; ValueError if it is not registered."""
    if check not in _validators:
        raise ValueError(f"{check!r} is not registered as a validator of spaces.")
    _validators.remove(check)


def validate(state: Any, axes: Mapping[Steps, AbstractAxis]) -> None:
    """Let all registered checks look at a state."""
    for check in tuple(_validators):
        check(state, axes)
