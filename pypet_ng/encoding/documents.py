"""How are nested lists, tuples, dicts and sets stored?

As a *document*: JSON text in which objects with one key that begins with ``$`` stand for what JSON
has no words for. Arrays, frames and whatever else has data of its own become further parts.

=================================  ==========================================================
``{"$tuple": [...]}``              also ``$set`` and ``$frozenset`` (in a fixed order)
``{"$dict": [[key, value], ...]}``  a dict with keys that are no text, or begin with ``$``
``{"$int": "-1f"}``                hexadecimal, beyond 2**53
``{"$float": "nan"}``              also ``inf`` and ``-inf``
``{"$complex": [real, imag]}``     numbers or "nan", "inf", "-inf"
``{"$objects": [shape, [...]]}``   an array of objects, in C order
``{"$bytes": "..."}``              base64; also ``$bytearray``
``{"$str": "..."}``                the same, for text without UTF-8 among labels
``{"$value": [...]}``              small values of other codecs: type, version, meta, parts as
                                   [dtype, shape, base64]
``{"$part": [...]}``               large ones: number k, type, version, meta, names of parts, axes,
                                   text; part p of it is part ``a<k>.<p>``, its main part ``a<k>``
=================================  ==========================================================
"""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np

from pypet_ng._typing import JSON, Array
from pypet_ng.encoding.arrays import dtype_from_json
from pypet_ng.encoding.encoded import Encoded
from pypet_ng.encoding.registry import check_at, decode, encode, is_ragged, refusal, register_own
from pypet_ng.encoding.sequences import encode_uniform
from pypet_ng.encoding.sequences import register_all as register_lists
from pypet_ng.encoding.text import from_utf8, to_utf8
from pypet_ng.errors import UnsupportedValueError, VersionMismatchError

__all__ = ["MAX_DEPTH", "DocumentCodec", "from_inline", "register_all", "to_inline"]

MAX_DEPTH = 100
"""Levels of containers in containers."""
_INLINE_ITEMS = 32
_INLINE_BYTES = 256
_EXACT = 2**53
_JSON_TYPES = frozenset({bool, str, type(None)})
_UNORDERED: dict[type, str] = {set: "$set", frozenset: "$frozenset"}


class _Writer:
    """Builds the JSON tree of one document and collects its parts."""

    __slots__ = ("axes", "count", "inline_only", "parts", "path")

    def __init__(self, *, inline_only: bool = False) -> None:
        self.parts: dict[str, Array] = {}
        self.axes: dict[str, str] = {}
        self.count = 0
        self.inline_only = inline_only
        self.path: set[int] = set()

    def put(self, value: Any) -> JSON:
        kind = type(value)
        if kind in _JSON_TYPES:
            if kind is str and self.inline_only and not _has_utf8(value):
                return {"$str": base64.b64encode(value.encode("utf-8", "surrogatepass")).decode("ascii")}
            plain: JSON = value
            return plain
        if kind is int:
            return value if -_EXACT <= value <= _EXACT else {"$int": format(value, "x")}
        if kind is float:
            return value if math.isfinite(value) else {"$float": repr(value)}
        if kind is list or kind is tuple or kind is dict or kind in _UNORDERED:
            return self._put_container(value, kind)
        if kind is complex:
            return {"$complex": [_bare(value.real), _bare(value.imag)]}
        if (kind is bytes or kind is bytearray) and (self.inline_only or len(value) <= _INLINE_BYTES):
            return {f"${kind.__name__}": base64.b64encode(value).decode("ascii")}
        if _is_object_array(value):
            return self._put_container(value, kind)
        return self._put_encoded(encode(value))

    def _put_container(self, value: Any, kind: type) -> JSON:
        if id(value) in self.path:
            raise refusal(value, reason="it contains itself")
        if len(self.path) >= MAX_DEPTH:
            raise refusal(value, reason=f"it lies more than {MAX_DEPTH} levels deep", remedy="flatten it")
        self.path.add(id(value))
        try:
            if kind is dict:
                return self._put_dict(value)
            if kind is np.ndarray:
                objects = [self.put(value[index]) for index in np.ndindex(value.shape)]
                return {"$objects": [list(value.shape), objects]}
            if kind in _UNORDERED:
                # The order of a set changes from process to process.
                items = sorted((self.put(item) for item in value), key=json.dumps)
                return {_UNORDERED[kind]: items}
            if len(value) > _INLINE_ITEMS and not self.inline_only:
                encoded = encode_uniform(value)
                if encoded is not None:
                    return self._put_encoded(encoded)
            items = [self.put(item) for item in value]
            return items if kind is list else {"$tuple": items}
        finally:
            self.path.discard(id(value))

    def _put_dict(self, value: dict[Any, Any]) -> JSON:
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {key: self.put(item) for key, item in value.items()}
        return {"$dict": [[self.put(key), self.put(item)] for key, item in value.items()]}

    def _put_encoded(self, encoded: Encoded) -> JSON:
        parts = encoded.parts
        size = sum(part.nbytes for part in parts.values())
        small = size <= _INLINE_BYTES and (
            is_ragged(encoded) or all(part.ndim == 0 for part in parts.values())
        )
        if self.inline_only and not (small and all(part.dtype.names is None for part in parts.values())):
            raise refusal(encoded, reason=f"a value stored as {encoded.type!r} is too large for a label")
        if small and all(part.dtype.names is None for part in parts.values()):
            data: dict[str, JSON] = {name: _pack(part) for name, part in parts.items()}
            fields: list[JSON] = [encoded.type, encoded.version, dict(encoded.meta), data]
            if encoded.axes or encoded.text:
                fields += [dict(encoded.axes), encoded.text]
            return {"$value": fields}
        prefix = f"a{self.count}"
        self.count += 1
        for name, part in parts.items():
            self.parts[_part_name(prefix, name)] = part
        for name, axis in encoded.axes.items():
            self.axes[_part_name(prefix, name)] = f"{prefix}.{axis}"
        return {
            "$part": [
                prefix,
                encoded.type,
                encoded.version,
                dict(encoded.meta),
                list(parts),
                dict(encoded.axes),
                encoded.text,
            ]
        }


class _Reader:
    """Gives values back from a JSON tree; builds plain containers only, and asks codecs by name."""

    __slots__ = ("parts",)

    def __init__(self, parts: Any) -> None:
        self.parts = parts

    def get(self, tree: Any) -> Any:
        if type(tree) is list:
            return [self.get(item) for item in tree]
        if type(tree) is not dict:
            return tree
        if len(tree) == 1:
            tag, content = next(iter(tree.items()))
            if tag.startswith("$"):
                return self._get_tagged(tag, content)
        return {key: self.get(item) for key, item in tree.items()}

    def _get_tagged(self, tag: str, content: Any) -> Any:
        match tag:
            case "$tuple":
                return tuple(self.get(item) for item in content)
            case "$set":
                return {self.get(item) for item in content}
            case "$frozenset":
                return frozenset(self.get(item) for item in content)
            case "$objects":
                if math.prod(content[0]) != len(content[1]):
                    raise ValueError(f"an array of shape {content[0]} has {len(content[1])} elements")
                array = np.empty(tuple(content[0]), object)
                for index, item in enumerate(content[1]):
                    array.flat[index] = self.get(item)
                return array
            case "$dict":
                return {self.get(key): self.get(item) for key, item in content}
            case "$int":
                return int(content, 16)
            case "$float":
                return float(content)
            case "$complex":
                return complex(float(content[0]), float(content[1]))
            case "$str":
                return base64.b64decode(content).decode("utf-8", "surrogatepass")
            case "$bytes":
                return base64.b64decode(content)
            case "$bytearray":
                return bytearray(base64.b64decode(content))
            case "$value":
                name, version, meta, data, *more = content
                parts = {part: _unpack(packed) for part, packed in data.items()}
                return decode(Encoded(name, version, meta, parts, *more))
            case "$part":
                prefix, name, version, meta, names, axes, text = content
                own = {part: self.parts[_part_name(prefix, part)] for part in names}
                return decode(Encoded(name, version, meta, own, axes, text))
        raise VersionMismatchError(
            f"A stored document has the tag {tag!r}, which this version of pypet_ng does not know; "
            "update pypet_ng."
        )


def _part_name(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if name else prefix


def _has_utf8(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _bare(number: float) -> JSON:
    return number if math.isfinite(number) else repr(number)


def _pack(part: Array) -> JSON:
    return [part.dtype.str, list(part.shape), base64.b64encode(part.tobytes()).decode("ascii")]


def _unpack(packed: Any) -> Array:
    dtype, shape, data = packed
    return np.frombuffer(base64.b64decode(data), dtype_from_json(dtype)).reshape(shape)


def to_inline(value: Any) -> JSON:
    """Give a small plain value (a label, a name) as JSON; UnsupportedValueError if it needs parts."""
    return value if type(value) is str and value.isascii() else _Writer(inline_only=True).put(value)


def from_inline(tree: JSON) -> Any:
    """Give such a value back."""
    return tree if type(tree) is str else _Reader({}).get(tree)


class DocumentCodec:
    """Plain containers, and arrays of objects, with anything inside that has a codec."""

    type_name = "document"
    version = "1"
    ragged = True

    def accepts(self, value: Any) -> bool:
        try:
            self.check_inside(value, "")
        except UnsupportedValueError:
            return False
        return True

    def check_inside(self, value: Any, place: str) -> None:
        if type(value) not in _CONTAINERS and not _is_object_array(value):
            raise refusal(value, place)
        _check_container(value, place, set())

    def encode(self, value: Any) -> Encoded:
        if type(value) is list or type(value) is tuple:
            encoded = encode_uniform(value)
            if encoded is not None:
                return encoded
        elif type(value) not in _CONTAINERS and not _is_object_array(value):
            raise refusal(value)
        writer = _Writer()
        try:
            tree = writer.put(value)
        except UnsupportedValueError:
            self.check_inside(value, "")  # names the place
            raise
        text = json.dumps(tree, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        parts = {"": to_utf8(text), **writer.parts}
        return Encoded(self.type_name, self.version, parts=parts, axes=writer.axes, text=True)

    def decode(self, encoded: Encoded) -> Any:
        return _Reader(encoded.parts).get(json.loads(from_utf8(encoded.parts[""])))


_PLAIN_ITEMS = frozenset({*_JSON_TYPES, int, float, complex, bytes})
_CONTAINERS: frozenset[type] = frozenset({list, tuple, dict, set, frozenset})


def _check_container(value: Any, place: str, path: set[int]) -> None:
    if id(value) in path:
        raise refusal(value, place, "it contains itself", "store a copy without the cycle")
    if len(path) >= MAX_DEPTH:
        raise refusal(value, place, f"it lies more than {MAX_DEPTH} levels deep", "flatten it")
    path.add(id(value))
    if type(value) is dict:
        for key in value:
            _check_item(key, f"{place} key {_short(key)}".lstrip(), path)
        for key, item in value.items():
            if type(item) not in _PLAIN_ITEMS:
                _check_item(item, f"{place}[{_short(key)}]", path)
    elif isinstance(value, np.ndarray):
        for position in np.ndindex(value.shape):
            _check_item(value[position], f"{place}[{', '.join(map(str, position))}]", path)
    elif not set(map(type, value)) <= _PLAIN_ITEMS:
        ordered = type(value) is list or type(value) is tuple
        for index, item in enumerate(value):
            if type(item) not in _PLAIN_ITEMS:
                _check_item(item, f"{place}[{index}]" if ordered else f"{place}{{{_short(item)}}}", path)
    path.discard(id(value))


def _check_item(item: Any, place: str, path: set[int]) -> None:
    if type(item) in _CONTAINERS or _is_object_array(item):
        _check_container(item, place, path)
    else:
        check_at(item, place)


def _is_object_array(value: Any) -> bool:
    return type(value) is np.ndarray and value.dtype == object


def _short(key: Any) -> str:
    text = repr(key)
    return text if len(text) <= 40 else text[:37] + "..."


def register_all() -> None:
    register_own(DocumentCodec(), *_CONTAINERS)
    register_lists()
