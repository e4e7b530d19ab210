"""What must a storage service do for the trajectory and the engine?"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array, Path, Rows
from pypet_ng.spaces.plan import Plan
from pypet_ng.tree.records import (
    Batch,
    Failure,
    Note,
    Record,
    Signature,
    Skeleton,
    TrajectoryInfo,
    WriteMode,
)

__all__ = ["ABOUT", "NOT_SET", "RETURNED", "NotSet", "RunColumn", "RunTable", "StorageService"]


class NotSet(enum.Enum):
    """Marks a row of a column into which no run wrote."""

    NOT_SET = enum.auto()

    def __repr__(self) -> str:
        return "<not set>"


NOT_SET: Final = NotSet.NOT_SET
ABOUT: Final[Path] = ("overview",)
"""Path of a group that stands for the trajectory itself: its annotations. No user's node has this name."""
RETURNED: Final[Path] = ("overview", "returned")
"""Path under which :meth:`StorageService.read_runs` gives the returned values (item ``''``)."""


@runtime_checkable
class RunColumn(Protocol):
    """One item of one folded result over all runs, read where asked.

    A reader opens the file for each call and keeps no handle; it may be used from any thread that
    does not write. After more runs were stored, `len` and the rows follow at the next
    ``refresh()`` of the service.
    """

    def __len__(self) -> int:
        """Give the number of rows: the number of runs of the plan."""

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """Give the type all set scalars or equal-shaped arrays promote to; None: no common one."""

    def mask(self, rows: Rows = slice(None)) -> npt.NDArray[np.bool_]:
        """Give True where a run wrote nothing."""

    def at_once(self) -> AbstractContextManager[None]:
        """Have all calls inside ``with`` see one commit: values and the mask that belongs to them."""

    def values(self, rows: Rows = slice(None)) -> list[Any]:
        """Give the values with their exact types; ``NOT_SET`` where a run wrote nothing."""

    def array(self, rows: Rows = slice(None)) -> Array | None:
        """Give numbers (bool, int, float, complex, of one shape) as one array, promoted; None if
        some set value is no number or shapes differ. Rows that are not set hold NaN (0 in integer
        and bool arrays): see :meth:`mask`. Costs one read, no Python object per row."""


@runtime_checkable
class RunTable(Protocol):
    """States and times of the runs, one column each."""

    def __len__(self) -> int:
        """Give the number of runs of the plan."""

    def column(self, name: str, rows: Rows = slice(None)) -> Array:
        """Give one of ``state start finish attempt nonfinite session``; zeros where nothing is known."""

    def hosts(self, rows: Rows = slice(None)) -> list[str]:
        """Give the name of the machine each run ran on, ``''`` where unknown."""

    def failures(self, rows: Rows = slice(None)) -> list[Failure]:
        """Give the last failure of each run among `rows` that is failed, lost or timed out."""


@runtime_checkable
class StorageService(Protocol):
    """Keeps trajectories: their nodes, their plan, and the results of their runs.

    One service object works on one trajectory at a time: the one it created or selected last.
    Not thread safe; a service object must not cross a process border. All ``write_*``, ``append_*``
    and deleting calls open a short :meth:`writing` of their own when none is open.

    *Folding.* A path one part of which is a run's name (``run_00000002``, index below the number of
    runs of the plan) belongs to a row, whoever writes it: :meth:`write`, :meth:`read`,
    :meth:`delete` and :meth:`scan` translate such paths, so that the tree never sees the columns.
    :func:`pypet_ng.tree.runnames.fold` tells which paths these are.
    """

    @property
    def name(self) -> str | None:
        """Name of the selected trajectory."""

    @property
    def location(self) -> str:
        """Where the data are, for messages: the file name or ``':memory:'``."""

    # -- trajectories -------------------------------------------------------------------------
    def trajectories(self) -> Sequence[TrajectoryInfo]:
        """List those that are there, oldest first. An absent file has none."""

    def create(self, info: TrajectoryInfo) -> None:
        """Make an empty trajectory and select it; NameTakenError if it is there."""

    def select(self, name: str) -> TrajectoryInfo:
        """Choose one; TrajectoryNotFoundError names those that are there."""

    def update_info(self, info: TrajectoryInfo) -> None:
        """Replace comment and facts of the selected trajectory (`name` and `timestamp` stay)."""

    def rename(self, new_name: str) -> None:
        """Rename the selected trajectory."""

    def remove(self, name: str) -> None:
        """Delete a whole trajectory."""

    def reading(self) -> AbstractContextManager[None]:
        """Have all reading calls of this thread inside ``with`` see one commit (re-entrant); not to be
        held for long, and nothing is written inside."""

    # -- sessions of writing ------------------------------------------------------------------
    def writing(self) -> AbstractContextManager[None]:
        """Hold the writer's lease (re-entrant); FileBusyError if somebody else has it.

        Commits on leaving, also after an exception.
        """

    def commit(self) -> None:
        """Make all that was written since the last commit last."""

    def refresh(self) -> None:
        """Forget what was cached, to see what others wrote."""

    def close(self) -> None:
        """Release everything; the object may be used again afterwards."""

    # -- nodes --------------------------------------------------------------------------------
    def write(self, records: Iterable[Record], mode: WriteMode = WriteMode.ADD) -> None:
        """Store nodes; parents that are missing are made. Costs one pass, runs are stored as columns.

        `ADD` keeps what is there: items, comment, annotations; `OVERWRITE` replaces what the record
        gives (items it does not name stay); `SKIP` leaves stored nodes alone.
        """

    def read(self, path: Path, items: Iterable[str] | None = None) -> Record:
        """Give a node with (some of) its items; DataNotInStorageError names near paths."""

    def scan(self, below: Path = (), depth: int | None = None) -> Iterator[Skeleton]:
        """Give all nodes below a path without data, parents first, from the node index.

        Nodes of runs are left out (see :meth:`signatures`), unless `below` itself lies in one run.
        `depth` limits the levels (1: children only). DataNotInStorageError if `below` is not there.
        """

    def has(self, path: Path) -> bool:
        """Tell whether a node (also of a run) is stored."""

    def delete(self, path: Path, items: Iterable[str] | None = None) -> None:
        """Delete a node with all below it, or only items of a leaf; DataNotInStorageError."""

    # -- runs ---------------------------------------------------------------------------------
    def append_runs(self, batch: Batch) -> None:
        """Store results, states, failures of some runs, any order; a row written twice is replaced."""

    def signatures(self) -> Mapping[Path, Sequence[Signature]]:
        """Give the signatures by folded path; the position in the sequence + 1 is the id."""

    def signature_ids(self, path: Path, rows: Rows = slice(None)) -> npt.NDArray[np.uint16]:
        """Give per run which signature its leaf has: 0 none, k the k-th. Length: number of runs."""

    def read_runs(self, path: Path, item: str) -> RunColumn:
        """Give a column; DataNotInStorageError if no run wrote such an item."""

    def notes(self) -> Sequence[Note]:
        """Give the rare facts on nodes of single runs."""

    def run_table(self) -> RunTable:
        """Give states and times of the runs."""

    def mark_runs(self, rows: npt.NDArray[np.int64], state: int) -> None:
        """Set the state of runs, to have them run again."""

    # -- plan and sessions --------------------------------------------------------------------
    def write_plan(self, plan: Plan) -> None:
        """Store the explored columns. A plan that begins with the stored one is appended to it
        (cost: the new points); else the stored one is replaced. The parameters' nodes exist."""

    def read_plan(self) -> Plan:
        """Give the stored plan; an empty one (one run, no columns) if there is none."""

    def add_session(self, facts: Mapping[str, Any]) -> int:
        """Remember a session (JSON values) and give its number, from 1."""

    def sessions(self) -> Sequence[Mapping[str, Any]]:
        """Give the facts of all sessions in order."""

    # -- care ---------------------------------------------------------------------------------
    def verify(self) -> Sequence[str]:
        """List what is wrong with the stored data, empty if nothing is."""

    def compact(self) -> None:
        """Give deleted space back."""
