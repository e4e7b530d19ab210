"""Which code made a result: the run function, the user's code it reaches, and what it was given?

A fingerprint has a digest for each function, method, module and value that is reached through global
names, closures, defaults, attributes of the user's modules, base classes, partials and wrappers.
Installed packages and the standard library are named, not followed. Nothing is called or imported.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pypet_ng.engine.reached import Walk
from pypet_ng.engine.whose import innermost, is_own_wrapper

__all__ = ["ARGUMENTS", "Fingerprint", "fingerprint", "same_function"]

ARGUMENTS: Final = "=arguments"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Digests by name. Names of values (global names, closures, defaults, arguments) begin with ``=``, or
    with ``~`` if the function itself may change them while it runs: lists, objects, what is ``global``."""

    function: str
    parts: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give it as facts of a session."""
        return {"function": self.function, "parts": dict(self.parts)}

    @classmethod
    def from_json(cls, facts: Any) -> Fingerprint | None:
        """Give it back; None if these are no such facts."""
        if not isinstance(facts, Mapping) or not isinstance(facts.get("parts"), Mapping):
            return None
        return cls(str(facts.get("function", "")), {str(k): str(v) for k, v in facts["parts"].items()})

    def code(self) -> dict[str, str]:
        """Give the parts that are code."""
        return {name: digest for name, digest in self.parts.items() if name[0] not in "=~"}

    def before(self, first: Fingerprint, *, same_arguments: bool) -> Fingerprint:
        """Give this one with what a function may have changed itself as it was at `first`."""
        parts = dict(self.parts)
        for name, digest in first.parts.items():
            if name in parts and (name[0] == "~" or (name == ARGUMENTS and same_arguments)):
                parts[name] = digest
        return Fingerprint(self.function, parts)

    def differences(self, new: Fingerprint) -> list[str]:
        """Say what `new` has that is not here, and the other way round; empty if they are the same."""
        old_parts, new_parts = self.parts, new.parts
        if old_parts == new_parts:
            return []
        found = []
        if self.function != new.function:
            found.append(f"the function is {new.function!r}, it was {self.function!r}")
        for name in new_parts:
            if name in old_parts and old_parts[name] != new_parts[name]:
                found.append(f"{_spoken(name)} changed")
        found += [f"{_spoken(name)} is new" for name in new_parts if name not in old_parts]
        found += [f"{_spoken(name)} is not used any more" for name in old_parts if name not in new_parts]
        return found


def _spoken(name: str) -> str:
    if name == ARGUMENTS:
        return "the arguments of env.run"
    return f"the value {name[1:]!r}" if name[0] in "=~" else repr(name)


def fingerprint(
    function: Callable[..., Any],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    per_run: bool = False,
) -> Fingerprint:
    """Give the fingerprint of a function and its arguments.

    `per_run`: arguments are one iterable per parameter; only their number and names count. Costs about
    0.1 ms once the code objects are known; what a value costs is bounded (16 MiB of arrays in all,
    10,000 items), beyond that lengths count.
    """
    walk = Walk(function)
    said = walk.object(function)
    if not isinstance(function, types.FunctionType):
        inner = innermost(function)  # an object may count its calls
        plain = isinstance(inner, types.FunctionType | types.MethodType | types.BuiltinFunctionType | type)
        fixed = plain and (isinstance(function, functools.partial) or is_own_wrapper(function))
        walk.put(f"{'=' if fixed else '~'}the object that is called", said)
    given = dict(kwargs or {})
    if per_run:
        walk.put(ARGUMENTS, repr((len(args), sorted(given))))
    elif args or given:
        walk.put(ARGUMENTS, walk.value((tuple(args), given)))
    walk.go()
    return Fingerprint(_title(function), walk.parts)


def _title(function: Any) -> str:
    inner = innermost(function)
    named = isinstance(inner, types.FunctionType | types.MethodType | types.BuiltinFunctionType | type)
    return str(inner.__qualname__) if named else type(inner).__qualname__


def same_function(one: Any, other: Any) -> bool:
    """Tell whether two run functions are one object, methods of one object, or wrap such."""
    one, other = innermost(one), innermost(other)
    if isinstance(one, types.MethodType) and isinstance(other, types.MethodType):
        return one.__self__ is other.__self__ and one.__func__ is other.__func__
    return one is other
