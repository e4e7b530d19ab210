"""How does a file change in steps of which a crash leaves all or nothing?

Bytes beyond everything committed go straight to the file: nothing refers to them yet. What lies below is
kept in memory, by pages. A commit makes the former last, appends the latter to the journal as one frame, and
makes that last: then it has happened. When no reader is in the way, the pages are applied to the file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from typing import Final

from pypet_ng.storage.journal import osops
from pypet_ng.storage.journal.frames import (
    PAGE,
    Story,
    frame_size,
    journal_of,
    make_frame,
    make_header,
    read_story,
    round_up,
)
from pypet_ng.storage.journal.osops import Grip
from pypet_ng.storage.journal.pages import PagedFile

__all__ = ["COMPACT_SIZE", "RESET_SIZE", "TxnFile", "recover"]

RESET_SIZE = 1 << 20
"""An applied journal longer than this begins anew: readers need not read what the file has."""
COMPACT_SIZE = 64 << 20
"""A journal that cannot be applied is rewritten without overtaken pages when it grows beyond this."""
_MERGED: Final = 1 << 20
_PAUSE: Final = 0.002


class TxnFile(PagedFile):
    """A file object for h5py (``h5py.File(txn, "r+")``) that changes its file by commits only.

    Single-threaded, and no lock is taken inside. Its maker holds the lease of the file; it holds a shared
    flock on the file itself, so that other programs can read it and cannot open it for writing.

    After an error of the operating system no later commit succeeds (see :class:`PagedFile`).

    Parameters
    ----------
    path
        An existing file. If it has a journal, it begins with what that tells.
    sync
        Wait for the disk at commits. Without, commits outlive this process, not the machine.
    apply_at_end
        Leave the file alone until :meth:`close`.

    Raises BlockingIOError if another program has the file open for writing.
    """

    def __init__(self, path: str, *, sync: bool = True, apply_at_end: bool = False) -> None:
        super().__init__(osops.system())
        self.path: Final = path
        self._sync = sync
        self._apply_at_end = apply_at_end
        self._journal_path = journal_of(path)
        self._journal = -1
        self._named = False
        """The name of the journal is on the disk."""
        self._story: Story | None = None
        self._compacted = 0
        self._is_copy = False
        """This is a forked child's copy."""
        self._file = self._os.open(path, os.O_RDWR)
        osops.tell_if_forked(self)
        try:
            if self._os.lock(self._file, exclusive=False) is Grip.BUSY:
                raise BlockingIOError(11, "another program has the file open for writing", path)
            self._on_disk = self._end = self._committed = self._os.size(self._file)
            self._floor = round_up(self._end)
            self._adopt()
        except BaseException:
            self._let_go()
            raise

    # -- committing ---------------------------------------------------------------------------
    def commit(self) -> bool:
        """Make all that was written last; gives False if nothing changed.

        Costs two waits for the disk and what changed since the last commit, however long ago the file itself
        was brought up to date. OSError: nothing of it happened, and :attr:`failure` is set.
        """
        if self.failure is not None:
            raise self.failure
        self.waiting = 0
        pages = {number: page for number, page in self._changed() if number * PAGE < self._end}
        if not pages and self._end == self._committed:
            self._fresh.clear()
            return False
        try:
            self._check_alone()
            if self._journal < 0:
                self._begin_journal()
            if self._appended:
                self._wait(self._file)
                self._appended = False
            self._add_frame(pages)
        except BaseException as error:
            self.failure = error
            raise
        self._fresh = {}
        self._held.update(pages)
        self._committed = self._end
        self._floor = max(self._floor, round_up(self._end))
        if not self._apply_at_end:
            self.checkpoint()
        story = self._story
        if self._held and story is not None and story.size > max(COMPACT_SIZE, 2 * self._compacted):
            self._compact()
        return True

    def _changed(self) -> Iterator[tuple[int, bytearray]]:
        """Give the fresh pages that differ from what was committed, in order."""
        fresh, held = self._fresh, self._held
        numbers = sorted(fresh)
        place = 0
        while place < len(numbers):
            first = numbers[place]
            if first in held:
                if held[first] != fresh[first]:
                    yield first, fresh[first]
                place += 1
                continue
            stop = place + 1  # neighbours are compared with one read
            while stop < len(numbers) and numbers[stop] == first + stop - place and stop - place < 256:
                if numbers[stop] in held:
                    break
                stop += 1
            before = self._os.read(self._file, (stop - place) * PAGE, first * PAGE)
            for number in numbers[place:stop]:
                start = (number - first) * PAGE
                if before[start : start + PAGE] != fresh[number]:
                    yield number, fresh[number]
            place = stop

    def _check_alone(self) -> None:
        found = self._os.size(self._file)
        if found != self._on_disk:
            raise OSError(
                5,
                f"another program changed the file: it has {found} bytes, not the {self._on_disk} it was left with",
                self.path,
            )
        if not self._os.is_at(self._file, self.path):
            raise OSError(5, "another program replaced or removed the file", self.path)

    def _before_append(self) -> None:
        if self._journal < 0:
            self._begin_journal()  # it tells where the committed file ends

    def _begin_journal(self) -> None:
        head, story = make_header(self._committed)
        self._journal = self._os.open(self._journal_path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        self._os.write(self._journal, head, 0)
        self._story = story

    def _add_frame(self, pages: dict[int, bytearray]) -> None:
        story = self._story
        assert story is not None
        data, crc = make_frame(story, pages, self._end, self._floor)
        try:
            self._os.write(self._journal, data, story.size)
            self._wait(self._journal)
            if not self._named and self._sync:
                self._os.sync_folder(self.path)
            self._named = True
        except BaseException:
            # Whether it would be found is unknown: it must not be, as later ones would build upon it.
            with contextlib.suppress(OSError):
                self._os.truncate(self._journal, story.size)
                self._wait(self._journal)
            raise
        self._story = Story(
            story.epoch, story.size + len(data), story.frames + 1, crc, self._end, self._floor, {}
        )

    def _wait(self, descriptor: int) -> None:
        if self._sync:
            self._os.sync(descriptor)

    # -- bringing the file up to date ---------------------------------------------------------
    def checkpoint(self) -> bool:
        """Apply what is committed to the file, unless a reader is in the way; True if the file is up to date.

        To be called right after a commit only.
        """
        if self.failure is not None:
            return False
        if not self._held and self._on_disk == self._committed:
            return True
        if self._os.lock(self._file, exclusive=True) is Grip.BUSY:
            # The refused exchange cost us the shared lock as well.
            if self._os.lock(self._file, exclusive=False) is Grip.BUSY:
                self.failure = BlockingIOError(11, "another program has the file open for writing", self.path)
            return False
        try:
            self._apply()
            story = self._story
            if story is not None and story.size > RESET_SIZE:
                self._reset()
        except BaseException as error:
            self.failure = error  # the journal still has it all
            if not isinstance(error, OSError):
                raise
            return False
        finally:
            self._os.lock(self._file, exclusive=False)
        return True

    def _apply(self) -> None:
        numbers = sorted(self._held)
        place = 0
        while place < len(numbers):
            first = numbers[place]
            parts = [self._held[first]]
            while place + len(parts) < len(numbers) and numbers[place + len(parts)] == first + len(parts):
                parts.append(self._held[first + len(parts)])
                if len(parts) * PAGE >= _MERGED:
                    break
            place += len(parts)
            start = first * PAGE
            data = memoryview(b"".join(parts))[: max(0, self._committed - start)]
            if data:
                self._os.write(self._file, data, start)
                self._on_disk = max(self._on_disk, start + len(data))
        if self._on_disk != self._committed:
            self._os.truncate(self._file, self._committed)
            self._on_disk = self._committed
        self._wait(self._file)
        self._held = {}
        self._floor = round_up(self._committed)

    def _reset(self) -> None:
        # On the disk before any new frame: half overwritten, the old ones could count up to some point
        # that the file has left behind.
        head, story = make_header(self._committed)
        self._os.truncate(self._journal, 0)
        self._os.write(self._journal, head, 0)
        self._wait(self._journal)
        self._story = story
        self._compacted = 0

    def _compact(self) -> None:
        """Write the journal anew with one frame that has the latest of each page."""
        aside = self._journal_path + ".new"
        descriptor = -1
        try:
            head, story = make_header(self._committed)
            pages = dict(sorted(self._held.items()))
            data, crc = make_frame(story, pages, self._committed, self._floor)
            descriptor = self._os.open(aside, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            self._os.write(descriptor, head, 0)
            self._os.write(descriptor, data, story.size)
            self._wait(descriptor)
            self._os.rename(aside, self._journal_path)
            if self._sync:
                self._os.sync_folder(self.path)
        except BaseException as error:
            if descriptor >= 0:
                self._os.close(descriptor)
            with contextlib.suppress(OSError):
                self._os.unlink(aside)
            self.failure = error
            return
        self._os.close(self._journal)
        self._journal = descriptor
        size = story.size + frame_size(len(pages))
        self._story = Story(story.epoch, size, 1, crc, self._committed, self._floor, {})
        self._compacted = size

    # -- beginning and end --------------------------------------------------------------------
    def _adopt(self) -> None:
        """Begin with what a journal tells that somebody left."""
        with contextlib.suppress(FileNotFoundError):
            self._os.unlink(self._journal_path + ".new")
        try:
            self._journal = self._os.open(self._journal_path, os.O_RDWR)
        except FileNotFoundError:
            return
        story = read_story(self._os, self._journal)
        if story is None:  # not even begun: the file is what it was before
            self._os.close(self._journal)
            self._journal = -1
            self._drop_journal()
            return
        if self._os.size(self._journal) != story.size:
            self._os.truncate(self._journal, story.size)
        self._held = {number: bytes(page) for number, page in story.pages.items()}
        self._end = self._committed = story.end
        self._floor = max(story.direct, round_up(story.end))
        self._story = Story(story.epoch, story.size, story.frames, story.crc, story.end, self._floor, {})
        if not self._apply_at_end:
            self.checkpoint()
            if self.failure is not None:
                raise self.failure

    def _drop_journal(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._os.unlink(self._journal_path)
        self._named = False
        if self._sync:
            # Else it could come back after others, who know nothing of it, changed the file.
            self._os.sync_folder(self.path)

    def close(self, patience: float = 0.0) -> bool:
        """Forget what is not committed, bring the file up to date and let go of it.

        Gives False if a reader is in the way for `patience` seconds: then the journal stays, for readers and
        the next writer. Our own readers take milliseconds; a viewer may take hours.
        """
        if self._file < 0:
            return True
        if self._is_copy:
            self._let_go()
            return True
        self._fresh = {}
        self._end = self._committed
        failed, self.failure = self.failure, None
        try:
            self._on_disk = self._os.size(self._file)
            done = self.checkpoint()
            deadline = time.monotonic() + patience
            while not done and self.failure is None and time.monotonic() < deadline:
                time.sleep(_PAUSE)
                done = self.checkpoint()
            if self.failure is not None and failed is None:
                raise self.failure
            if done and self._journal >= 0:
                self._os.close(self._journal)
                self._journal = -1
                self._drop_journal()
            return done
        finally:
            self.failure = failed or self.failure
            self._let_go()

    def forked(self) -> None:
        """Leave file, journal and locks to the parent: in this child nothing can be committed."""
        if self._file < 0 or self._is_copy:
            return
        self._is_copy = True
        self.failure = OSError(errno.ECHILD, "this process was forked from the one that writes", self.path)
        if self._journal >= 0:
            self._os.close(self._journal)
            self._journal = -1
        try:
            self._os.disown(self._file, self.path)  # HDF5 may still read when it closes its copy
        except OSError:
            self._let_go()

    def _let_go(self) -> None:
        if self._journal >= 0:
            self._os.close(self._journal)
            self._journal = -1
        if self._file >= 0:
            self._os.unlock(self._file)
            self._os.close(self._file)
            self._file = -1


def recover(path: str, *, sync: bool = True) -> bool:
    """Bring a file up to date with a journal somebody left, holding its lease; False if a reader is in the way.

    Does nothing if there is no journal. BlockingIOError as for :class:`TxnFile`.
    """
    if not osops.system().exists(journal_of(path)):
        return True
    return TxnFile(path, sync=sync).close()
