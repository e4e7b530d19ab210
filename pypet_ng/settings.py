"""Which options decide how runs are made and kept?"""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["TRUST", "OnChange", "OnError", "RunSettings", "Trust"]


class OnError(enum.Enum):
    """What happens when a run fails."""

    RAISE = "raise"
    """Finish and store all others, then raise the failure of the lowest run."""
    STOP = "stop"
    """Raise at the first failure; what is done is stored."""
    RETURN = "return"
    """Never raise: failures are in the run table."""


class OnChange(enum.Enum):
    """What happens to finished runs when the run function is not what it was."""

    KEEP = "keep"
    """They stay; what is missing is done by the new function."""
    RERUN = "rerun"
    """They are done again, their results are deleted."""


@dataclass(slots=True)
class RunSettings:
    """Options of an environment. Settable at any time; an ``env.run`` reads them when it starts."""

    automatic_storing: bool = True
    clean_up_runs: bool = True
    """Take what runs added out of memory once it is stored."""
    keep_returned: bool = True
    """Store what the run function returns, where a codec accepts it."""
    on_error: OnError = OnError.RAISE
    on_change: OnChange | None = None
    """What a changed function means for finished runs; None: CodeChangedError asks."""
    commit_interval: float = 1.0
    """Seconds after which finished runs are written out."""
    waiting_bytes: int = 64 << 20
    """Bytes of results after which finished runs are written out."""


@dataclass(slots=True)
class Trust:
    """What this process lets stored data do."""

    pickles: bool = False
    """New trajectories unpickle what files hold, which can run any code."""


TRUST = Trust()
"""The switches of this process."""
