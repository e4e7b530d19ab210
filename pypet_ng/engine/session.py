"""What belongs together while a trajectory is at work?"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pypet_ng.engine.fingerprint import Fingerprint
from pypet_ng.engine.runbook import RunBook
from pypet_ng.spaces.plan import Plan
from pypet_ng.tree.nodes import Leaf
from pypet_ng.tree.records import Skeleton, TrajectoryInfo
from pypet_ng.tree.structure import Tree

if TYPE_CHECKING:
    from pypet_ng.engine.states import StateSource
    from pypet_ng.storage.base import StorageService

__all__ = ["Facts", "Session", "forget_read_ahead", "remember_made", "trajectory_info", "trust_if_made"]


@dataclass(slots=True)
class Facts:
    """Small facts on a trajectory that are no nodes."""

    timestamp: float = field(default_factory=time.time)
    seed: int | None = None
    """Root of all seeds; fresh entropy at first need."""
    attached: bool = False
    """The tree in memory was compared with (or made) the stored trajectory of its name."""
    stored_runs: int = 0
    """Length of the stored plan when last seen."""
    common: int = 0
    """So many points at the beginning of the plan are known to be those of the stored plan."""
    given: int = 0
    """Runs below this index were given back by an ``env.run`` of this session."""
    number: int = 0
    """Number of this session in the file, 0: not entered yet."""
    code: Fingerprint | None = None
    """Fingerprint of the run function, as entered in the file with this session."""
    keep_next: bool = False
    """The next run keeps finished runs even if the function changed: failed ones were marked to do."""
    full_copy: bool = False
    """Copies for other processes have the explored values of all runs."""
    fresh: bool = False
    """The trajectory is to be new in its storage: one of its name there is not its own."""
    begun: float = 0.0
    """When a run was begun by hand, seconds since the epoch; 0: none is under way."""
    extra: dict[str, Any] = field(default_factory=dict)
    source: StateSource | None = None
    """How a run's state is made, if a Space is explored."""

    def root_seed(self) -> int:
        """Give the root seed, drawing it from the system's entropy if nobody set one."""
        if self.seed is None:
            self.seed = secrets.randbits(96)
        return self.seed


@dataclass(slots=True, eq=False)
class Session:
    """The tree, the plan, and where they are kept. Data only; the functions of this layer act on it."""

    tree: Tree
    make_leaf: Callable[[Skeleton], Leaf]
    """Makes the core leaf for a stored one, with the user's own class where it has one."""
    storage: StorageService | None = None
    plan: Plan = field(default_factory=lambda: Plan({}))
    runs: RunBook = field(default_factory=RunBook)
    facts: Facts = field(default_factory=Facts)


def trajectory_info(session: Session) -> TrajectoryInfo:
    """Give what the storage keeps on the trajectory as a whole."""
    import platform

    from pypet_ng._version import __version__

    facts = session.facts
    kept: dict[str, Any] = dict(facts.extra)
    kept["seed"] = str(facts.root_seed())  # text: JSON readers elsewhere cut integers at 53 bits
    return TrajectoryInfo(
        name=session.tree.root.name,
        comment=session.tree.root.comment,
        timestamp=facts.timestamp,
        program_version=__version__,
        python_version=platform.python_version(),
        length=len(session.plan),
        facts=kept,
    )


_made_here: set[tuple[str, str, float]] = set()


def _mark(storage: StorageService, name: str, timestamp: float) -> tuple[str, str, float]:
    location = storage.location
    return location if location == ":memory:" else os.path.abspath(location), name, timestamp


def remember_made(session: Session) -> None:
    """Remember that this process made the stored trajectory: what it holds is its own."""
    assert session.storage is not None
    _made_here.add(_mark(session.storage, session.tree.root.name, session.facts.timestamp))
    session.tree.naming.allow_pickle = True


def trust_if_made(session: Session) -> None:
    """Allow the pickles of a loaded trajectory that this process made."""
    assert session.storage is not None
    if _mark(session.storage, session.storage.name or "", session.facts.timestamp) in _made_here:
        session.tree.naming.allow_pickle = True


def forget_read_ahead(session: Session) -> None:
    """Drop what was read ahead of single runs: something is stored anew."""
    forget = getattr(session.tree.reserve, "forget", None)
    if forget is not None:
        forget()


def reading(session: Session) -> AbstractContextManager[None]:
    """Have all that is read inside ``with`` be of one commit, whoever writes meanwhile."""
    return nullcontext() if session.storage is None else session.storage.reading()
