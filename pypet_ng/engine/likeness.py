"""When would a function be traced to the same program as before?

A traced function is compiled once and used again in later sweeps. That is right only while all it
read when it was traced is as it was: its code, the variables it reaches, its arguments. What cannot
be compared counts as new, which costs a compilation and is never wrong. Not seen: what functions of
other modules read from *their* surroundings by attribute (``module.constant``), and changes inside of
objects written in C.
"""

from __future__ import annotations

import hashlib
import types
from collections.abc import Hashable, Iterator
from typing import Any, Final

import numpy as np

from pypet_ng.encoding import canonical
from pypet_ng.errors import UnsupportedValueError

__all__ = ["Likeness", "likeness"]

_PLAIN: Final = frozenset({bool, int, float, complex, str, bytes, type(None), type(Ellipsis)})
_MOST: Final = 20_000
"""Objects looked at before it is cheaper to compile again."""


class Itself:
    """Equal only to what stands for the same object, which it keeps alive."""

    __slots__ = ("_thing",)

    def __init__(self, thing: object) -> None:
        self._thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Itself) and other._thing is self._thing

    def __hash__(self) -> int:
        return hash((Itself, id(self._thing)))


class _TooMuchError(Exception):
    """There are more objects than are worth comparing."""


def likeness(*things: object) -> Hashable:
    """Give a value that is equal for things that would be traced alike.

    Costs a walk over all that is reachable, and a digest of each array: some 10 us for a function,
    0.3 s for a GB of arrays.
    """
    book = Likeness()
    try:
        return tuple(book.of(thing) for thing in things)
    except (_TooMuchError, RecursionError):
        return Itself(object())


class Likeness:
    """One walk over things; what was met before is named by its number."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}
        self._held: list[object] = []

    def of(self, thing: Any) -> Hashable:
        """Give what stands for a thing and all it reaches."""
        kind = type(thing)
        if kind in _PLAIN:
            # -0.0 and 0.0 are equal, and True and 1, but not what a function makes of them
            return kind, repr(thing) if kind in (float, complex) else thing
        number = self._seen.get(id(thing))
        if number is not None:
            return ("again", number)
        if len(self._seen) > _MOST:
            raise _TooMuchError
        self._seen[id(thing)] = len(self._seen)
        self._held.append(thing)  # else another object might get the same id during the walk
        if isinstance(thing, np.ndarray | np.generic):
            return self._array(thing)
        if isinstance(thing, list | tuple):
            return Itself(kind), tuple(map(self.of, thing))
        if isinstance(thing, set | frozenset):
            return Itself(kind), tuple(sorted(map(repr, thing)))
        if isinstance(thing, dict):
            return Itself(kind), tuple((self.of(key), self.of(value)) for key, value in thing.items())
        if isinstance(thing, types.FunctionType):
            return self._function(thing)
        if isinstance(thing, types.MethodType):
            return "method", self.of(thing.__func__), self.of(thing.__self__)
        if isinstance(thing, type | types.ModuleType | types.BuiltinFunctionType):
            return Itself(thing)
        return self._object(thing)

    @staticmethod
    def _array(array: Any) -> Hashable:
        array = np.asarray(array)
        if array.dtype.hasobject:
            try:
                return "objects", canonical(array)
            except UnsupportedValueError:
                return Itself(array)
        digest = hashlib.blake2b(array.tobytes(), digest_size=16).digest()
        return "array", str(array.dtype), array.shape, digest

    def _function(self, function: types.FunctionType) -> Hashable:
        code = function.__code__
        module = function.__module__ or ""
        if module.partition(".")[0] in ("jax", "jaxlib", "numpy", "equinox", "diffrax", "numpyro"):
            return Itself(function)  # libraries do not change while they are in use
        cells = []
        for cell in function.__closure__ or ():
            try:
                cells.append(cell.cell_contents)
            except ValueError:  # a variable that is not yet set
                cells.append(None)
        names = dict.fromkeys(_names(code))
        space = function.__globals__
        reached = tuple((name, self.of(space[name])) for name in names if name in space)
        return (
            Itself(code),
            self.of(function.__defaults__),
            self.of(function.__kwdefaults__),
            tuple(map(self.of, cells)),
            reached,
        )

    def _object(self, thing: Any) -> Hashable:
        kind = type(thing)
        if hasattr(thing, "aval") and hasattr(thing, "sharding"):
            # a JAX array, or one of random keys
            dtype = str(thing.dtype)
            return Itself(thing) if dtype.startswith("key<") else ("jax", dtype, self._array(thing))
        own_way = getattr(kind, "__reduce__", None) is not getattr(object, "__reduce__", None)
        if own_way and not hasattr(thing, "__wrapped__"):
            try:
                reduced = thing.__reduce__()
            except Exception:  # whatever a foreign class finds wrong: it cannot be compared
                return Itself(object())
            return Itself(kind), self.of(reduced) if isinstance(reduced, tuple) else Itself(thing)
        if hasattr(thing, "__wrapped__"):  # a jitted or otherwise wrapped function
            return Itself(thing), self.of(thing.__wrapped__)
        own = dict(getattr(thing, "__dict__", {}))
        for cls in kind.__mro__:
            slots = cls.__dict__.get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                if hasattr(thing, name):
                    own[name] = getattr(thing, name)
        if own:
            return Itself(kind), self.of(own)
        written = hasattr(thing, "__dict__") or any("__slots__" in cls.__dict__ for cls in kind.__mro__)
        return Itself(kind if written else thing)  # what is written in C may hide something


def _names(code: types.CodeType) -> Iterator[str]:
    """Give the names a function reads from its module, those of functions inside of it as well."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)
