"""Which frames of a damaged, torn or reused journal count?"""

from __future__ import annotations

import os
import pathlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypet_ng.storage.journal.frames import PAGE, Story, make_frame, make_header, read_story
from pypet_ng.storage.journal.osops import OperatingSystem, _type_of

SYSTEM = OperatingSystem()


def journal(path: pathlib.Path, frames: list[dict[int, bytes]]) -> list[int]:
    """Write a journal and give the place where each frame ends."""
    head, story = make_header(100)
    data, ends = head, [len(head)]
    for number, pages in enumerate(frames):
        frame, crc = make_frame(story, pages, 1000 + number, 2 * PAGE)
        story = Story(story.epoch, 0, number + 1, crc, 0, 0, {})
        data += frame
        ends.append(len(data))
    path.write_bytes(data)
    return ends


def read(path: pathlib.Path, known: Story | None = None) -> Story | None:
    descriptor = SYSTEM.open(str(path), os.O_RDONLY)
    try:
        return read_story(SYSTEM, descriptor, known)
    finally:
        SYSTEM.close(descriptor)


def page(letter: str) -> bytes:
    return letter.encode() * PAGE


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("journal") / "j"


FRAMES = [{0: page("a"), 1: page("b")}, {1: page("c")}, {}, {0: page("d"), 7: page("e")}]


def told(story: Story | None) -> dict[int, bytes]:
    assert story is not None
    return {number: bytes(data) for number, data in story.pages.items()}


def pages_after(count: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for pages in FRAMES[:count]:
        found.update(pages)
    return found


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 5 * PAGE + 400))
def test_a_torn_journal_tells_what_its_whole_frames_tell(path: pathlib.Path, cut: int) -> None:
    ends = journal(path, FRAMES)
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    story = read(path)
    if cut < ends[0]:
        assert story is None
        return
    count = sum(end <= cut for end in ends) - 1
    assert story is not None
    assert (story.frames, story.size) == (count, ends[count])
    assert told(story) == pages_after(count)
    assert story.end == (1000 + count - 1 if count else 100)


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_nothing_after_a_damaged_byte_counts(path: pathlib.Path, place: int, flip: int) -> None:
    ends = journal(path, FRAMES)
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= flip
    path.write_bytes(data)
    story = read(path)
    count = sum(end <= place % len(data) for end in ends) - 1
    if count < 0:
        assert story is None
    else:
        assert told(story) == pages_after(count)


def test_what_was_read_before_is_not_read_again(path: pathlib.Path) -> None:
    ends = journal(path, FRAMES)
    whole = path.read_bytes()
    path.write_bytes(whole[: ends[2]])
    first = read(path)
    before = told(first)
    path.write_bytes(whole)
    second = read(path, first)
    assert told(first) == before  # a snapshot stays what it is
    assert told(second) == pages_after(4)
    assert read(path, second) is second


def test_frames_of_an_earlier_use_of_the_journal_do_not_count(path: pathlib.Path) -> None:
    ends = journal(path, FRAMES)
    old = path.read_bytes()
    journal(path, [FRAMES[0]])
    path.write_bytes(path.read_bytes() + old[ends[1] :])
    assert told(read(path)) == pages_after(1)


def test_random_bytes_are_no_journal(path: pathlib.Path) -> None:
    chance = random.Random(0)
    for size in (0, 1, 35, 36, 37, 500, 10_000):
        path.write_bytes(chance.randbytes(size))
        assert read(path) is None


def test_the_type_of_a_file_system_is_that_of_the_nearest_mount() -> None:
    mounts = [
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda rw",
        "30 22 0:30 / /data rw - nfs4 server:/x rw",
        "31 30 0:31 / /data/my\\040disk rw shared:2 master:1 - xfs /dev/sdb rw",
    ]
    assert _type_of("/home/a", mounts) == "ext4"
    assert _type_of("/data/a", mounts) == "nfs4"
    assert _type_of("/database/a", mounts) == "ext4"
    assert _type_of("/data/my disk/a", mounts) == "xfs"
    assert _type_of("/data", mounts) == "nfs4"
