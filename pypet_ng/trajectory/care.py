"""Is what is stored sound, and how does a file become small again?"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from pypet_ng.engine.session import Session, forget_read_ahead
from pypet_ng.engine.storing import ensure_storage
from pypet_ng.errors import BrokenFileError, MissingFileError
from pypet_ng.trajectory.keeping import pick

__all__ = ["Care", "VerifyReport", "compact_hdf5_file"]

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What :meth:`Trajectory.f_verify` found. True if all is well."""

    trajectory: str
    location: str
    runs: int
    """Number of runs of the stored plan; 0 if that cannot be read."""
    problems: tuple[str, ...] = ()
    """One line for each, beginning with where it is."""

    @property
    def is_sound(self) -> bool:
        """Nothing was found."""
        return not self.problems

    def __bool__(self) -> bool:
        return self.is_sound

    def __str__(self) -> str:
        what = f"trajectory {self.trajectory!r} in {self.location} ({self.runs} runs)"
        if self.is_sound:
            return f"{what}: sound"
        shown = [f"  {line}" for line in self.problems[:_SHOWN]]
        if len(self.problems) > _SHOWN:
            shown.append(f"  ... and {len(self.problems) - _SHOWN} more")
        return "\n".join([f"{what}: {len(self.problems)} problems", *shown])


class Care:
    """The calls of a trajectory that look after its storage."""

    __slots__ = ()
    _session: Session

    def f_verify(self) -> VerifyReport:
        """Compare the stored trajectory with itself: index with groups, columns with run table, spans
        with data. Changes nothing; about 0.1 s for a million runs of one float.

        TypeError if the trajectory was never stored.
        """
        session = self._session
        storage = ensure_storage(session)
        name = session.tree.root.name
        if not session.facts.attached:
            raise TypeError(f"The trajectory {name!r} was never stored: call f_store or env.run first.")
        storage.refresh()
        runs = 0
        try:
            runs = len(storage.run_table())
            problems = tuple(storage.verify())
        except BrokenFileError as error:
            problems = (str(error),)
        return VerifyReport(name, storage.location, runs, problems)

    def f_compact(self) -> None:
        """Give the space of what was deleted back to the disk.

        All trajectories of the file are copied to a new one, which takes its place at the end; an error
        or a power cut on the way leaves the old one. Needs space for both. FileBusyError if another
        program has the file open.
        """
        session = self._session
        session.tree.check_outside_run("f_compact")
        storage = ensure_storage(session)
        storage.compact()
        forget_read_ahead(session)


def compact_hdf5_file(
    filename: str, name: str | None = None, index: int | None = None, keep_backup: bool = True
) -> int:
    """Make a file small again after deletions, and give the number of bytes that were given back.

    `name`, `index`: a trajectory that must be in the file (the whole file is compacted in any case).
    `keep_backup`: the old file stays, with ``_backup`` added to its name. MissingFileError,
    TrajectoryNotFoundError, BrokenFileError, FileBusyError.
    """
    from pypet_ng.storage.hdf5 import HDF5StorageService
    from pypet_ng.storage.journal import journal_of

    service = HDF5StorageService(os.fspath(filename))
    if not os.path.isfile(filename):
        raise MissingFileError(f"there is no file {filename!r} to compact. Correct the file name")
    infos = service.trajectories()
    if name is not None or index is not None:
        pick(infos, name, index, service.location)
    place = service.location
    before = os.path.getsize(place)
    if os.path.exists(journal_of(place)):
        with service.writing():
            service.trajectories()  # to open it for writing applies the journal
    with service.writing(), _kept(place) if keep_backup else contextlib.nullcontext():
        service.compact()
    return before - os.path.getsize(place)


@contextlib.contextmanager
def _kept(filename: str) -> Iterator[None]:
    """Let what replaces the file inside the block leave the old one as a backup."""
    aside = f"{filename}_backup.{os.getpid()}"
    try:
        try:
            os.link(filename, aside)
        except OSError:  # file systems without hard links
            import shutil

            shutil.copy2(filename, aside)
        yield
        # Only now: a backup that is the file itself under a second name would change with it.
        os.replace(aside, f"{filename}_backup")
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside)
