"""How are small facts kept as attributes of HDF5 groups and datasets?

Texts are fixed-length UTF-8 strings: variable-length ones cost a heap of 4 KiB and four times the
time. h5py gives them as bytes. A text that is empty is not written; one that HDF5 cannot hold (NUL at
the end, lone surrogates) is escaped as in JSON, with the attribute's name followed by ``:json``.
"""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
from h5py import h5a, h5s, h5t

__all__ = ["Id", "drop", "get_int", "get_json", "get_text", "set_int", "set_json", "set_text", "text_type"]

Id = Any
"""A low-level h5py object (``h5g.GroupID``, ``h5d.DatasetID``): h5py has no types of its own."""

_SCALAR: Final = h5s.create(h5s.SCALAR)
_INT: Final = h5t.py_create(np.dtype("<i8"))
_MOST: Final = 1 << 28
_TEXT_TYPES: dict[int, Id] = {}


def text_type(size: int) -> Id:
    """Give the HDF5 type of UTF-8 texts of `size` bytes."""
    found = _TEXT_TYPES.get(size)
    if found is None:
        found = h5t.C_S1.copy()
        found.set_size(size)
        found.set_cset(h5t.CSET_UTF8)
        found.set_strpad(h5t.STR_NULLPAD)
        if len(_TEXT_TYPES) < 1024:
            _TEXT_TYPES[size] = found
    return found


def drop(place: Id, name: bytes) -> None:
    """Delete an attribute if it is there."""
    if h5a.exists(place, name):
        h5a.delete(place, name)


def set_text(place: Id, name: bytes, text: str, *, new: bool = False) -> None:
    """Write a text; `new` says that the object has no such attribute yet, which saves a look."""
    if not new:
        drop(place, name)
        drop(place, name + b":json")
    if not text:
        return
    if "\x00" in text or not text.isascii():
        try:
            data = text.encode()
        except UnicodeEncodeError:
            data = b"\x00"
        if b"\x00" in data:
            name, data = name + b":json", json.dumps(text).encode()
    else:
        data = text.encode()
    kind = text_type(len(data))
    # np.bytes_ would lose nothing here, but 0-d arrays of it are what h5a takes without a copy.
    h5a.create(place, name, kind, _SCALAR).write(np.array(data), mtype=kind)


def get_text(place: Id, name: bytes) -> str:
    """Read a text, ``''`` if there is none."""
    try:
        return _read_bytes(place, name).decode()
    except KeyError:
        spelled = name + b":json"
    if not h5a.exists(place, spelled):
        return ""
    text: str = json.loads(_read_bytes(place, spelled))
    return text


def _open_single(place: Id, name: bytes) -> Id:
    """Open an attribute of one element. h5py would read more than one beyond the end of what takes them."""
    attribute = h5a.open(place, name)
    if attribute.shape not in ((), (1,)):
        raise ValueError(f"attribute {name.decode()!r} is no single value")
    return attribute


def _read_bytes(place: Id, name: bytes) -> bytes:
    attribute = _open_single(place, name)
    kind = attribute.get_type()
    if kind.get_class() != h5t.STRING or kind.is_variable_str():
        raise ValueError(f"attribute {name.decode()!r} is no text of fixed length")
    if kind.get_size() > _MOST:
        raise ValueError(f"attribute {name.decode()!r} has {kind.get_size()} bytes")
    data = np.empty((), dtype=f"S{kind.get_size()}")
    attribute.read(data, mtype=kind)
    return bytes(data[()])


def set_json(place: Id, name: bytes, value: Any, *, new: bool = False) -> None:
    """Write a JSON value as text."""
    set_text(place, name, json.dumps(value, separators=(",", ":")), new=new)


def get_json(place: Id, name: bytes, default: Any = None) -> Any:
    """Read a JSON value, `default` if there is none."""
    text = get_text(place, name)
    return json.loads(text) if text else default


def set_int(place: Id, name: bytes, value: int) -> None:
    """Write a whole number (64 bit)."""
    number = np.array(value, dtype="<i8")
    if h5a.exists(place, name):
        _open_single(place, name).write(number, mtype=_INT)
    else:
        h5a.create(place, name, _INT, _SCALAR).write(number, mtype=_INT)


def get_int(place: Id, name: bytes, default: int = 0) -> int:
    """Read a whole number, `default` if there is none."""
    try:
        attribute = _open_single(place, name)
    except KeyError:
        return default
    number = np.empty((), dtype="<i8")
    attribute.read(number, mtype=_INT)
    return int(number)
