"""How are text and bytes stored, one or many?

Text is UTF-8. Lone surrogates, which Python takes from broken file names, keep their three bytes
("surrogatepass"), so that every ``str`` comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array
from pypet_ng.encoding.encoded import Encoded
from pypet_ng.encoding.registry import register_own

__all__ = ["from_utf8", "join_bytes", "join_text", "register_all", "split_bytes", "split_text", "to_utf8"]


def to_utf8(value: str) -> npt.NDArray[np.uint8]:
    """Give the UTF-8 bytes of a text as an array that cannot be written to."""
    return np.frombuffer(value.encode("utf-8", "surrogatepass"), np.uint8)


def from_utf8(data: Array) -> str:
    """Give the text back."""
    return data.tobytes().decode("utf-8", "surrogatepass")


def join_text(values: Sequence[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Give the joined UTF-8 bytes of many texts, and how many bytes belong to each."""
    joined = "".join(values)
    if joined.isascii():
        return to_utf8(joined), np.fromiter(map(len, values), np.int64, len(values))
    return join_bytes([value.encode("utf-8", "surrogatepass") for value in values])


def split_text(data: Array, lengths: npt.NDArray[np.int64]) -> list[str]:
    """Give many texts back from their joined bytes."""
    raw = data.tobytes()
    if raw.isascii():
        text = raw.decode("ascii")
        return [text[start:stop] for start, stop in _cuts(lengths)]
    return [raw[start:stop].decode("utf-8", "surrogatepass") for start, stop in _cuts(lengths)]


def join_bytes(values: Sequence[bytes | bytearray]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Give the joined bytes, and how many belong to each value."""
    return np.frombuffer(b"".join(values), np.uint8), np.fromiter(map(len, values), np.int64, len(values))


def split_bytes(data: Array, lengths: npt.NDArray[np.int64]) -> list[bytes]:
    """Give many byte strings back."""
    raw = data.tobytes()
    return [raw[start:stop] for start, stop in _cuts(lengths)]


def _cuts(lengths: npt.NDArray[np.int64]) -> Iterable[tuple[int, int]]:
    return pairwise(accumulate(lengths.tolist(), initial=0))


class TextCodec:
    """``str``, or numpy's text scalar."""

    version = "1"
    ragged = True
    immutable = True

    def __init__(self, type_name: str, cls: type) -> None:
        self.type_name = type_name
        self._class = cls

    def accepts(self, value: Any) -> bool:
        return type(value) is self._class

    def encode(self, value: Any) -> Encoded:
        return Encoded(self.type_name, self.version, parts={"": to_utf8(value)}, text=True)

    def decode(self, encoded: Encoded) -> Any:
        text = from_utf8(encoded.parts[""])
        return text if self._class is str else self._class(text)


class BytesCodec:
    """``bytes``, ``bytearray``, or numpy's bytes scalar."""

    version = "1"
    ragged = True

    def __init__(self, type_name: str, cls: type) -> None:
        self.type_name = type_name
        self.immutable = cls is not bytearray
        self._class = cls

    def accepts(self, value: Any) -> bool:
        return type(value) is self._class

    def encode(self, value: Any) -> Encoded:
        return Encoded(self.type_name, self.version, parts={"": np.frombuffer(bytes(value), np.uint8)})

    def decode(self, encoded: Encoded) -> Any:
        data = encoded.parts[""].tobytes()
        return data if self._class is bytes else self._class(data)


def register_all() -> None:
    register_own(TextCodec("str", str), str)
    register_own(TextCodec("numpy.str", np.str_), np.str_)
    register_own(BytesCodec("bytes", bytes), bytes)
    register_own(BytesCodec("bytearray", bytearray), bytearray)
    register_own(BytesCodec("numpy.bytes", np.bytes_), np.bytes_)
