"""How does one encoded value lie in the file, alone?

With the one part ``''``: a dataset. Else: a group with one dataset for each part.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from h5py import h5d, h5g, h5p, h5s, h5t

from pypet_ng._typing import Array
from pypet_ng.encoding.encoded import Encoded
from pypet_ng.errors import BrokenFileError
from pypet_ng.storage.hdf5 import attributes
from pypet_ng.storage.hdf5.attributes import Id, text_type
from pypet_ng.storage.hdf5.names import escape, unescape
from pypet_ng.storage.hdf5.trust import check_size, open_any, open_dataset, shape_and_dtype
from pypet_ng.storage.hdf5.vectors import exists, filtered

__all__ = ["PART", "part_name", "part_of", "read_element", "remove", "write_element"]

PART: Final = b"data"
"""Name of the dataset of the part ``''`` in a group of parts."""
_COMPACT: Final = 4096
_CHUNKED: Final = 4096
_CHUNK: Final = 1 << 20
_SCALAR: Final = h5s.create(h5s.SCALAR)


def part_name(part: str) -> bytes:
    """Give the name of the dataset of a part."""
    return b"data_" + escape(part).encode() if part else PART


def part_of(name: bytes) -> str:
    """Give the part whose dataset has that name."""
    return "" if name == PART else unescape(name.decode()[5:])


def remove(place: Id, name: bytes) -> None:
    """Delete a link if it is there, with what it leads to."""
    if exists(place, name):
        place.unlink(name)


def write_element(place: Id, name: bytes, value: Encoded, compress: str | None = None) -> None:
    """Write a value under a name that is free."""
    parts = value.parts
    if len(parts) == 1 and "" in parts:
        element = _write_part(place, name, parts[""], compress, value.text)
    else:
        element = h5g.create(place, name)
        for part, data in parts.items():
            _write_part(element, part_name(part), data, compress, value.text and not part)
    attributes.set_text(element, b"encoding-type", value.type, new=True)
    attributes.set_text(element, b"encoding-version", value.version, new=True)
    if value.meta:
        attributes.set_json(element, b"meta", dict(value.meta), new=True)
    if value.axes:
        attributes.set_json(element, b"axes", dict(value.axes), new=True)
    if value.text:
        attributes.set_int(element, b"text", 1)


def _write_part(place: Id, name: bytes, data: Array, compress: str | None, text: bool) -> Id:
    plist = h5p.create(h5p.DATASET_CREATE)
    plist.set_obj_track_times(False)
    if text and data.size and data.ndim == 1:
        raw = data.tobytes()
        if len(raw) <= _COMPACT and b"\x00" not in raw and _is_utf8(raw):
            plist.set_layout(h5d.COMPACT)
            kind = text_type(len(raw))
            dataset = h5d.create(place, name, kind, _SCALAR, dcpl=plist)
            dataset.write(h5s.ALL, h5s.ALL, np.array(raw), mtype=kind)
            return dataset
    if not data.flags.c_contiguous:
        data = np.ascontiguousarray(data)
    kind = h5t.py_create(data.dtype, logical=True)
    space = h5s.create_simple(data.shape) if data.ndim else _SCALAR
    if compress and data.ndim and data.nbytes >= _CHUNKED:
        shape = list(data.shape)
        while int(np.prod(shape)) * data.itemsize > _CHUNK:
            longest = max(range(len(shape)), key=shape.__getitem__)
            shape[longest] = -(-shape[longest] // 2)
        plist.set_chunk(tuple(shape))
        filtered(plist, compress, data.itemsize)
    elif data.nbytes <= _COMPACT:
        plist.set_layout(h5d.COMPACT)
    dataset = h5d.create(place, name, kind, space, dcpl=plist)
    if data.size:
        dataset.write(h5s.ALL, h5s.ALL, data, mtype=kind)
    return dataset


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def read_element(place: Id, name: bytes) -> Encoded:
    """Read what :func:`write_element` wrote; BrokenFileError if it is none of ours."""
    element: Any = open_any(place, name)
    kind = attributes.get_text(element, b"encoding-type")
    if not kind:
        raise BrokenFileError(f"{name.decode()!r} has no encoding-type: it was not written by pypet_ng")
    text = bool(attributes.get_int(element, b"text"))
    parts: dict[str, Array] = {}
    if isinstance(element, h5d.DatasetID):
        parts[""] = _read_part(element)
    else:
        for number in range(element.get_num_objs()):
            link = element.get_objname_by_idx(number)
            parts[part_of(link)] = _read_part(open_dataset(element, link))
    return Encoded(
        kind,
        attributes.get_text(element, b"encoding-version"),
        attributes.get_json(element, b"meta", {}),
        parts,
        attributes.get_json(element, b"axes", {}),
        text,
    )


def _read_part(dataset: Id) -> Array:
    shape, dtype, kind = shape_and_dtype(dataset)
    if kind.get_class() == h5t.STRING and kind.get_cset() == h5t.CSET_UTF8 and not shape:
        check_size(dataset, kind.get_size())
        raw = np.empty((), dtype=f"S{kind.get_size()}")
        dataset.read(h5s.ALL, h5s.ALL, raw, mtype=kind)
        return np.frombuffer(bytes(raw[()]), np.uint8).copy()
    check_size(dataset, math.prod(shape) * dtype.itemsize)
    data = np.empty(shape, dtype)
    if data.size:
        dataset.read(h5s.ALL, h5s.ALL, data, mtype=h5t.py_create(dtype, logical=True))
    return data
