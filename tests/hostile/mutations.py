"""Which harm can be done to a file?"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

__all__ = ["MUTATIONS", "mutate"]


def flip_bits(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 3, 20))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def swap(data: bytearray, chance: random.Random) -> None:
    size = chance.choice((64, 512, 4096))
    a, b = (chance.randrange(max(1, len(data) - size)) for _ in range(2))
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]


def blank(data: bytearray, chance: random.Random) -> None:
    size = chance.choice((1, 8, 64, 2048))
    start = chance.randrange(max(1, len(data) - size))
    data[start : start + size] = bytes([chance.choice((0, 255))]) * len(data[start : start + size])


def _objects(file: h5py.File) -> list[Any]:
    found: list[Any] = [file]
    file.visititems(lambda _, thing: found.append(thing))
    return found


def _odd(chance: random.Random) -> Any:
    return chance.choice(
        [
            np.int64(-1),
            np.int64(2**62),
            np.int64(10**12),
            np.float64("nan"),
            np.bytes_(b"[]"),
            np.bytes_(b"{}"),
            np.bytes_(b"null"),
            np.bytes_(b"[[[[["),
            np.bytes_(b'{"a":' * 3000),
            np.bytes_(b"[" * 100_000),
            np.bytes_(b"\xff\xfe"),
            np.bytes_(b"nonsense"),
            np.bytes_(b'[["", "<f8", null, [1000000000, 1000000000]]]'),
            np.arange(5),
            "a text of variable length",
            ["many", "texts"],
        ]
    )


def edit_attribute(file: h5py.File, chance: random.Random) -> None:
    things = [thing for thing in _objects(file) if len(thing.attrs)]
    thing = chance.choice(things)
    name = chance.choice(list(thing.attrs))
    old = thing.attrs[name]
    del thing.attrs[name]
    if chance.random() < 0.2:
        return
    if isinstance(old, bytes) and chance.random() < 0.4:
        text = bytearray(old)
        text[chance.randrange(len(text))] = chance.choice(b'0123456789{}[]",-')
        thing.attrs[name] = np.bytes_(bytes(text))
    else:
        thing.attrs[name] = _odd(chance)


def edit_data(file: h5py.File, chance: random.Random) -> None:
    datasets = [thing for thing in _objects(file) if isinstance(thing, h5py.Dataset) and thing.size]
    dataset = chance.choice(datasets)
    if dataset.dtype.kind not in "iuf" or not dataset.shape:
        return
    at = tuple(chance.randrange(length) for length in dataset.shape)
    dataset[at] = (
        chance.choice([0, 1, 3, 255]) if dataset.dtype.kind == "u" else chance.choice([-1, 10**9, 5])
    )


def replace_object(file: h5py.File, chance: random.Random) -> None:
    names: list[str] = []
    file.visit(names.append)
    name = chance.choice(names)
    del file[name]
    what = chance.randrange(7)
    if what == 0:
        file.create_dataset(name, (10**14,), "f8", chunks=(1024,))
    elif what == 1:
        file.create_dataset(name, data=np.arange(12.0).reshape(3, 4))
    elif what == 2:
        file.create_dataset(name, data="text")
    elif what == 3:
        file.create_group(name)
    elif what == 4:
        file[name] = h5py.SoftLink("/" + name)
    elif what == 5:
        file[name] = file[chance.choice([other for other in names if other in file] or ["/"])]


def resize(file: h5py.File, chance: random.Random) -> None:
    datasets = [
        thing for thing in _objects(file) if isinstance(thing, h5py.Dataset) and thing.maxshape[:1] == (None,)
    ]
    dataset = chance.choice(datasets)
    dataset.resize(chance.choice([0, 1, dataset.shape[0] // 2, 10**13]), axis=0)


_BYTES: dict[str, Callable[[bytearray, random.Random], None]] = {
    "bits": flip_bits,
    "cut": cut,
    "swap": swap,
    "blank": blank,
}
_OBJECTS: dict[str, Callable[[h5py.File, random.Random], None]] = {
    "attribute": edit_attribute,
    "data": edit_data,
    "object": replace_object,
    "size": resize,
}
MUTATIONS = (*_BYTES, *_OBJECTS)


def mutate(source: str, target: str, number: int) -> str:
    """Write a harmed copy of a file and say what was done; the same number does the same harm."""
    chance = random.Random(number)
    kind = MUTATIONS[number % len(MUTATIONS)]
    with open(source, "rb") as file:
        data = bytearray(file.read())
    if kind in _BYTES:
        _BYTES[kind](data, chance)
    with open(target, "wb") as file:
        file.write(data)
    if kind in _OBJECTS:
        with h5py.File(target, "r+", locking=False) as opened:
            _OBJECTS[kind](opened, chance)
    return kind
