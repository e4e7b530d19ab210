"""What crosses the border between the tree, the runners and a storage?

Everything here is plain data without live references. Paths never hold the trajectory's own name.
A *folded* path has ``$`` where a path of one run has the run's name (``$set`` for a run set): one
template stands for all runs.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array, Path

__all__ = [
    "Batch",
    "Block",
    "Chunk",
    "Failure",
    "NodeKind",
    "Note",
    "NoteKind",
    "Record",
    "RunState",
    "RunStates",
    "Signature",
    "Skeleton",
    "TrajectoryInfo",
    "WriteMode",
]


class NodeKind(enum.Enum):
    """What a node is to a storage."""

    GROUP = "group"
    PARAMETER = "parameter"
    RESULT = "result"
    LINK = "link"


class WriteMode(enum.Enum):
    """What happens to what is stored already."""

    SKIP = 1
    """Nodes that are stored are left alone."""
    ADD = 2
    """What is missing is added, nothing is overwritten."""
    OVERWRITE = 3
    """What is given replaces what is stored."""


class RunState(enum.IntEnum):
    """How far a run got. Stored as u1: never renumber."""

    NONE = 0
    DONE = 1
    FAILED = 2
    LOST = 3
    TIMED_OUT = 4


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A stored node without its data."""

    path: Path
    kind: NodeKind
    class_name: str = ""
    """Bare name of the class the user sees, as ``'Parameter'``."""
    comment: str = ""
    annotations: Mapping[str, Any] = field(default_factory=dict)
    items: tuple[str, ...] = ()
    """Names of the data items of a leaf, in the order they were set."""
    target: Path = ()
    """Where a link leads to."""
    locked: bool = False
    explored: bool = False
    """A parameter with a range."""

    @property
    def is_leaf(self) -> bool:
        return self.kind is NodeKind.PARAMETER or self.kind is NodeKind.RESULT


@dataclass(frozen=True, slots=True)
class Record:
    """A node with data: its skeleton and the values of (some of) its items."""

    skeleton: Skeleton
    data: Mapping[str, Any] = field(default_factory=dict)
    """Item name to value (any value a codec accepts). A parameter's value is its item ``data``."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What many runs' leaves of one name have in common. Hashable."""

    path: Path
    """Folded path, as ``('results', 'runs', '$', 'z')``."""
    kind: NodeKind
    class_name: str
    comment: str
    items: tuple[str, ...]
    """Folded names (``pypet_ng.tree.runnames.fold_item``), as those of :class:`Block`."""


@dataclass(slots=True)
class Block:
    """The data of the leaves of one signature: row k of each column belongs to run ``rows[k]``."""

    rows: list[int] | npt.NDArray[np.int64] = field(default_factory=list)
    columns: dict[str, list[Any] | Array] = field(default_factory=dict)
    """Item name to values: a list of Python values (or ``Encoded``), or an array of shape
    (len(rows), ...) whose rows are numpy scalars (1-d) or arrays."""


class NoteKind(enum.IntEnum):
    """What a note says of a node of one run. Stored as u1: never renumber."""

    GROUP = 1
    """The group exists even without leaves; key: class name, value: its comment."""
    ANNOTATION = 2
    """key: name of the annotation, value: any value a codec accepts."""
    LINK = 3
    """The path's last part is the link's name; value: the target as a list of path parts."""


@dataclass(frozen=True, slots=True)
class Note:
    """A fact on one node of one run that is rare: kept in a sparse table."""

    row: int
    path: Path
    """Folded."""
    kind: NoteKind
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that did not end well."""

    row: int
    type: str
    message: str
    traceback: str
    attempt: int = 1
    state: RunState = RunState.FAILED
    error: BaseException | None = field(default=None, compare=False)
    """The exception itself where it could travel; never stored."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some runs to do: their indices and the explored values of just these."""

    rows: npt.NDArray[np.int64]
    columns: Mapping[Path, list[Any]]
    """By path of the explored parameter: one value per row."""
    attempts: npt.NDArray[np.uint16]
    """Which attempt this is for each run, from 1."""
    first_attempts: npt.NDArray[np.uint16]
    """The number the first attempt of this ``run`` call has: retries are counted from there."""

    def select(self, places: slice | npt.NDArray[np.int64]) -> Chunk:
        """Give the chunk of some of the runs, by their places in this one."""
        columns: dict[Path, list[Any]] = {}
        for path, values in self.columns.items():
            columns[path] = values[places] if isinstance(places, slice) else [values[i] for i in places]
        return Chunk(self.rows[places], columns, self.attempts[places], self.first_attempts[places])


@dataclass(slots=True)
class RunStates:
    """Columns of the run table for the runs of a batch."""

    rows: npt.NDArray[np.int64]
    state: npt.NDArray[np.uint8]
    start: npt.NDArray[np.float64]
    """Seconds since the epoch."""
    finish: npt.NDArray[np.float64]
    attempt: npt.NDArray[np.uint16]
    nonfinite: npt.NDArray[np.uint8]
    """1 where a scalar or array result of the run has a NaN or an infinity."""
    session: int = 0
    host: str = ""


@dataclass(slots=True)
class Batch:
    """What some runs gave: columns of results, run states, failures, and what fits no column.

    Also used for writing into rows afterwards (post-processing): then `runs` is None.
    """

    blocks: dict[Signature, Block] = field(default_factory=dict)
    runs: RunStates | None = None
    failures: list[Failure] = field(default_factory=list)
    returned: Block | None = None
    """Returned values, in the one column ``''``; rows may be missing (not kept)."""
    values: Sequence[tuple[int, Any]] = field(default_factory=list)
    """(run index, returned object) for the caller of ``env.run``; never stored."""
    notes: list[Note] = field(default_factory=list)
    records: list[tuple[int, Record]] = field(default_factory=list)
    """(run index, record) of nodes outside any template; on a conflict the lowest run wins."""


@dataclass(frozen=True, slots=True)
class TrajectoryInfo:
    """One trajectory of a file."""

    name: str
    comment: str = ""
    timestamp: float = 0.0
    """Seconds since the epoch."""
    format_version: str = ""
    program_version: str = ""
    python_version: str = ""
    length: int = 1
    """Number of runs."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else is to be kept: root seed, wildcards. JSON values."""


def as_rows(rows: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Give run indices as an int64 array."""
    return np.asarray(rows, dtype=np.int64)
