"""How do committed changes lie in the journal, and which of them count?

The journal of ``<file>`` is ``<file>.journal``: a header and frames. Integers are little-endian::

    header   magic "PNGJRNL1", epoch (16 random bytes), end u8, crc u4
    frame    magic "PNGF", count u4, number u8, end u8, direct u8, crc u4,
             count page numbers u8, count pages of 4096 bytes

A frame is one commit: the pages of the file that changed, and `end`, the length the file has then.
``end`` of the header is the length before the first frame. Bytes from `direct` on were written to the file
itself before the frame was. Each crc (CRC-32) begins with the one before it, the header's with 0; so a frame
counts only if all before it do, and what is left of an earlier use of the journal does not.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pypet_ng.storage.journal.osops import Buffer, OperatingSystem

__all__ = ["PAGE", "Story", "frame_size", "journal_of", "make_frame", "make_header", "read_story", "round_up"]

PAGE: Final = 4096
_HEADER: Final = struct.Struct("<8s16sQ")
_FRAME: Final = struct.Struct("<4sIQQQ")
_CRC: Final = struct.Struct("<I")
_MAGIC: Final = b"PNGJRNL1"
_FRAME_MAGIC: Final = b"PNGF"
_HEADER_SIZE: Final = _HEADER.size + _CRC.size
_FRAME_SIZE: Final = _FRAME.size + _CRC.size


def journal_of(path: str) -> str:
    """Give the name of a file's journal."""
    return path + ".journal"


def round_up(size: int) -> int:
    """Give the next page border."""
    return -(-size // PAGE) * PAGE


def frame_size(count: int) -> int:
    """Give the bytes a frame of so many pages takes."""
    return _FRAME_SIZE + count * (8 + PAGE)


@dataclass(frozen=True, slots=True)
class Story:
    """What a journal tells. Never changed: :func:`read_story` makes a new one when more is there."""

    epoch: bytes
    size: int
    """Length of the journal up to the end of its last frame that counts."""
    frames: int
    crc: int
    end: int
    """Length of the file."""
    direct: int
    """From here on the last frame's writer wrote to the file itself."""
    pages: Mapping[int, Buffer]
    """Latest content by page number. A page may reach beyond `end`; what lies there means nothing."""


def make_header(end: int) -> tuple[bytes, Story]:
    """Give the header of a new journal, and what it tells."""
    epoch = os.urandom(16)
    head = _HEADER.pack(_MAGIC, epoch, end)
    crc = zlib.crc32(head)
    return head + _CRC.pack(crc), Story(epoch, _HEADER_SIZE, 0, crc, end, round_up(end), {})


def make_frame(story: Story, pages: Mapping[int, Buffer], end: int, direct: int) -> tuple[bytes, int]:
    """Give the frame that goes on with `story`, and its crc."""
    head = _FRAME.pack(_FRAME_MAGIC, len(pages), story.frames, end, direct)
    numbers = struct.pack(f"<{len(pages)}Q", *pages)
    body = b"".join((numbers, *pages.values()))
    crc = zlib.crc32(body, zlib.crc32(head, story.crc))
    return b"".join((head, _CRC.pack(crc), body)), crc


def read_story(system: OperatingSystem, descriptor: int, known: Story | None = None) -> Story | None:
    """Read a journal up to its last frame that counts; None if not even the header does.

    With what was `known` of it before only what came since is read. Costs about 1 ms per MB. A frame that is
    being written while this reads does not count yet, as one that was torn never will.
    """
    size = system.size(descriptor)
    head = system.read(descriptor, _HEADER_SIZE, 0)
    if len(head) < _HEADER_SIZE:
        return None
    magic, epoch, end = _HEADER.unpack_from(head)
    crc = zlib.crc32(head[: _HEADER.size])
    if magic != _MAGIC or _CRC.unpack_from(head, _HEADER.size)[0] != crc or end >= 1 << 62:
        return None
    if known is None or known.epoch != epoch or known.size > size:
        known = Story(epoch, _HEADER_SIZE, 0, crc, end, round_up(end), {})
    pages = dict(known.pages)
    place, frames, crc, end, direct = known.size, known.frames, known.crc, known.end, known.direct
    while place + _FRAME_SIZE <= size:
        head = system.read(descriptor, _FRAME_SIZE, place)
        if len(head) < _FRAME_SIZE:
            break
        magic, count, number, new_end, new_direct = _FRAME.unpack_from(head)
        length = count * (8 + PAGE)
        if magic != _FRAME_MAGIC or number != frames or place + _FRAME_SIZE + length > size:
            break
        body = system.read(descriptor, length, place + _FRAME_SIZE)
        new_crc = zlib.crc32(body, zlib.crc32(head[: _FRAME.size], crc))
        if len(body) < length or new_crc != _CRC.unpack_from(head, _FRAME.size)[0]:
            break
        if new_direct < direct:
            # The file was brought up to date and cut in between. What older frames say of pages from there on
            # was overtaken by bytes that went to the file itself.
            pages = {page: data for page, data in pages.items() if page * PAGE < new_direct}
        view = memoryview(body)
        for index, page in enumerate(struct.unpack_from(f"<{count}Q", body)):
            start = count * 8 + index * PAGE
            pages[page] = view[start : start + PAGE]
        place, frames, crc, end, direct = (
            place + _FRAME_SIZE + length,
            number + 1,
            new_crc,
            new_end,
            new_direct,
        )
    if frames == known.frames:
        return known
    return Story(epoch, place, frames, crc, end, direct, pages)
