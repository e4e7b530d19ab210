"""Which codec stores a value, and which one reads it back?

Values choose their codec by class, stored data by type name and version. Codecs for classes of
optional packages are loaded when the first value (or stored datum) of such a package is met, so
that nothing is imported that nobody uses.
"""

from __future__ import annotations

import importlib
from typing import Any, Protocol

import numpy as np

from pypet_ng.encoding.encoded import Encoded
from pypet_ng.errors import UnsupportedValueError, VersionMismatchError, near_names

__all__ = [
    "Codec",
    "check",
    "check_at",
    "decode",
    "encode",
    "find",
    "freeze",
    "is_ragged",
    "reader_of",
    "refusal",
    "register",
    "supports",
]

PLAIN: frozenset[type] = frozenset({int, float, bool, str, type(None), complex, bytes})
"""Values of exactly these types are always supported, hold nothing else and never change."""

_BUILTIN_CONTAINERS = (list, tuple, dict, set, frozenset, bytearray)
_BUILTIN_SCALARS = (bool, int, float, complex, str, bytes)


class Codec(Protocol):
    """Turns values of some classes into :class:`Encoded` and back, keeping value and exact type.

    Must be thread safe and must not run code that comes from the stored data. A codec that stores
    containers may also have ``check_inside(value, place)``, which raises
    :class:`UnsupportedValueError` naming the place; it is then asked instead of `accepts`.
    """

    @property
    def type_name(self) -> str:
        """Name under which values are stored. Codecs of a package use a prefix: ``'mylab.trace'``."""

    @property
    def version(self) -> str:
        """Version of the stored form. Reading older ones: register one codec per version."""

    @property
    def ragged(self) -> bool:
        """Whether lengths differ from value to value as in text (a hint for storages)."""

    def accepts(self, value: Any) -> bool:
        """Tell whether `value` comes back equal and with its exact type."""

    def encode(self, value: Any) -> Encoded:
        """Give the stored form, sharing no memory with `value`; UnsupportedValueError if impossible."""

    def decode(self, encoded: Encoded) -> Any:
        """Give the value, sharing no memory with `encoded`."""


_by_class: dict[type, Codec] = {}
_by_name: dict[tuple[str, str], Codec] = {}
_own_classes: set[type] = set()
_own_names: set[str] = set()

_later: dict[str, str] = {
    "pandas": "pypet_ng.encoding.frames",
    "scipy": "pypet_ng.encoding.sparse",
    "numpy.ma": "pypet_ng.encoding.masked",
    "jax": "pypet_ng.encoding.jaxarrays",
    "jaxlib": "pypet_ng.encoding.jaxarrays",
    "brian2": "pypet_ng.encoding.quantities",
    "pypet_ng.encoding.quantities": "pypet_ng.encoding.quantities",
}
"""Package (of a class, or prefix of a type name) to the module that registers its codecs."""


def register(codec: Codec, *classes: type) -> None:
    """Let `codec` store values of `classes` and read what is stored under its name and version.

    Values of subclasses are offered to it as well (nearest class first). Without classes it only
    reads. Registering again replaces, except for what pypet_ng itself stores: ValueError.
    """
    for cls in classes:
        if cls in _own_classes:
            raise ValueError(
                f"Values of {_name_of(cls)} are stored by pypet_ng's own codec "
                f"{_by_class[cls].type_name!r}, codec {codec.type_name!r} cannot take its place. "
                "Register your codec for a class of your own."
            )
    if codec.type_name in _own_names:
        raise ValueError(
            f"The type name {codec.type_name!r} belongs to pypet_ng. Give your codec another name, "
            f"for example 'mylab.{codec.type_name}'."
        )
    _by_name[codec.type_name, codec.version] = codec
    for cls in classes:
        _by_class[cls] = codec


def register_own(codec: Codec, *classes: type) -> None:
    """Register a codec of pypet_ng itself. Doing it twice does no harm."""
    _by_name[codec.type_name, codec.version] = codec
    _own_names.add(codec.type_name)
    for cls in classes:
        _by_class[cls] = codec
        _own_classes.add(cls)


def find(cls: type) -> Codec | None:
    """Give the codec for values of a class: its own, or the one of the nearest base class."""
    codec = _by_class.get(cls)
    if codec is not None:
        return codec
    if _later:
        for base in cls.__mro__:
            module = base.__module__
            if isinstance(module, str):
                _load(module)
                _load(module.partition(".")[0])
    for base in cls.__mro__:
        codec = _by_class.get(base)
        if codec is not None:
            return codec
    return None


def check(value: object) -> None:
    """Raise UnsupportedValueError unless `value` (with all inside it) can be stored.

    Costs one look-up for plain Python values, a walk for containers, and as much as encoding for
    data frames.
    """
    if type(value) in PLAIN:
        return
    check_at(value, "")


def check_at(value: object, place: str) -> None:
    """Do what :func:`check` does, for a value at a `place` such as ``['a'][3]`` of a container."""
    if type(value) in PLAIN or type(value) is Encoded:
        return
    codec = find(type(value))
    if codec is None:
        raise refusal(value, place)
    check_inside = getattr(codec, "check_inside", None)
    if check_inside is not None:
        check_inside(value, place)
    elif not codec.accepts(value):
        raise refusal(value, place)


def supports(value: object) -> bool:
    """Tell whether `value` can be stored; costs what :func:`check` costs."""
    try:
        check(value)
    except UnsupportedValueError:
        return False
    return True


def encode(value: object) -> Encoded:
    """Give the stored form of a value; it shares no memory with the value.

    An `Encoded` is given back as it is. Raises UnsupportedValueError.
    """
    if type(value) is Encoded:
        return value
    codec = find(type(value))
    if codec is None:
        raise refusal(value)
    if getattr(codec, "check_inside", None) is None and not codec.accepts(value):
        raise refusal(value)
    return codec.encode(value)


def decode(encoded: Encoded) -> Any:
    """Give the value back, sharing no memory with `encoded`; VersionMismatchError if nobody reads it."""
    return reader_of(encoded.type, encoded.version).decode(encoded)


def reader_of(type_name: str, version: str) -> Codec:
    """Give the codec that reads data stored under that name and version."""
    codec = _by_name.get((type_name, version))
    if codec is None:
        _load(type_name.rpartition(".")[0])
        codec = _by_name.get((type_name, version))
    if codec is not None:
        return codec
    read = sorted(known for name, known in _by_name if name == type_name)
    if read:
        raise VersionMismatchError(
            f"The data are stored as {type_name!r} in version {version!r}, which nobody here reads "
            f"(known: {', '.join(read)}). Update pypet_ng, or the package whose codec wrote them."
        )
    raise VersionMismatchError(
        f"The data are stored as {type_name!r} (version {version!r}), and no codec of that name is "
        f"registered.{near_names(type_name, (name for name, _ in _by_name))} Import the package that "
        "registers it, call pypet_ng.encoding.register(codec), or update pypet_ng."
    )


def freeze(value: object) -> object:
    """Give something that stays as it is while the user goes on changing `value`.

    Immutable values are given as they are, arrays as copies, everything else as `Encoded`.
    Raises UnsupportedValueError.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    codec = find(kind)
    if codec is None:
        raise refusal(value)
    if getattr(codec, "immutable", False):
        check_at(value, "")
        return value
    # Not: U0, which numpy would widen, and arrays of objects, which can change.
    if kind is np.ndarray and isinstance(value, np.ndarray) and value.dtype.itemsize and codec.accepts(value):
        return value.copy()
    return encode(value)


def thawed(value: Any) -> Any:
    """Give the value of which :func:`freeze` made `value`."""
    return decode(value) if isinstance(value, Encoded) else value


def is_ragged(encoded: Encoded) -> bool:
    """Tell whether lengths of such data are never constant."""
    return encoded.text or reader_of(encoded.type, encoded.version).ragged


def refusal(value: object, place: str = "", reason: str = "", remedy: str = "") -> UnsupportedValueError:
    """Give the error that says which value, where, why, and what to do."""
    cls = type(value)
    name = _name_of(cls)
    where = f" (found at {place})" if place else ""
    if not reason:
        base = _plain_base(cls)
        if base is not None:
            reason = f"it would come back as a plain {base.__name__}, not with its own type"
            remedy = remedy or f"convert it ({base.__name__}(value))"
        elif isinstance(value, np.ndarray) and cls is not np.ndarray:
            reason = "only numpy's own array classes come back with their exact type"
            remedy = remedy or "convert it (numpy.asarray(value))"
        else:
            reason = "no codec is registered for its class"
    remedy = remedy or "convert it to plain Python values or numpy arrays"
    return UnsupportedValueError(
        f"A value of type {name!r}{where} cannot be stored: {reason}. Either {remedy}, or register a "
        "codec for its class with pypet_ng.encoding.register, or keep it in a PickleResult or "
        "PickleParameter."
    )


def _plain_base(cls: type) -> type | None:
    for base in (*_BUILTIN_CONTAINERS, *_BUILTIN_SCALARS):
        if issubclass(cls, base) and cls is not base:
            return base
    return None


def _name_of(cls: type) -> str:
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def _load(package: str) -> None:
    module = _later.get(package)
    if module is not None:
        importlib.import_module(module).register_all()
        # Only now: another thread must not find the package gone and its codecs not yet there.
        _later.pop(package, None)
