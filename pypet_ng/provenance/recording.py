"""What is the state of the code right now, without asking git each time?"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, Final

from pypet_ng.provenance.contents import describe
from pypet_ng.provenance.keeping import GitMode, snapshot
from pypet_ng.provenance.repository import GitError, Repository
from pypet_ng.provenance.stats import Stats

__all__ = ["CodeRecord"]

_CHEAP: Final = 0.0025
"""Seconds a look at the files may take at each call ..."""
_PAUSE: Final = 200.0
"""... a longer one is repeated only after so many times its own length: half a percent of the time."""
_DEAR: Final = 0.5
_REST: Final = 50.0
"""Asking git for more than `_DEAR` seconds (heaps of files that a simulation adds) has a rest as well."""


class CodeRecord:
    """Keeps the facts on the code in a repository, and asks anew where files changed."""

    def __init__(self, repository: Repository, mode: GitMode, outputs: Callable[[], list[str]]) -> None:
        """`outputs` gives files and folders that we write ourselves (absolute paths)."""
        self._repository = repository
        self._mode = mode
        self._outputs = outputs
        self._own: tuple[str, ...] = ()
        self._stats: Stats | None = None
        self._facts: dict[str, Any] = {}
        self._not_before = 0.0

    def facts(self) -> dict[str, Any]:
        """Give commit, branch, differences (see ``describe``), the same object while nothing changes.

        Never raises: what git could not tell is the text ``problem``.
        """
        now = time.monotonic()
        if self._facts and now < self._not_before:
            return self._facts
        own = tuple(self._outputs())
        if self._stats is not None and own == self._own and self._stats.still_true():
            took = time.monotonic() - now
            self._not_before = now + (_PAUSE * took if took > _CHEAP else 0.0)
            return self._facts
        self._own = own
        try:
            # first the files: what is changed while git looks is seen the next time
            self._stats = Stats(self._repository, self._is_own)
            facts = describe(self._repository, self._is_own)
            if self._mode is GitMode.SNAPSHOT:
                facts["snapshot"] = snapshot(self._repository, self._is_own)
        except GitError as problem:
            facts = {"root": self._repository.root, "problem": str(problem)}
            self._not_before = time.monotonic() + 60.0  # where git fails it does so each time
        took = time.monotonic() - now
        if took > _DEAR:
            self._not_before = max(self._not_before, time.monotonic() + _REST * took)
        if facts != self._facts:
            self._facts = facts
        return self._facts

    def _is_own(self, path: str) -> bool:
        # beside the file lie its journal, lock and status, named after it
        return any(
            path == own or path.startswith((own + ".", own + os.sep, own + "-")) or _status_of(own, path)
            for own in self._own
        )


def _status_of(own: str, path: str) -> bool:
    """Tell whether a path is a hidden or temporary companion of one of our files."""
    folder, name = os.path.split(own)
    return os.path.dirname(path) == folder and os.path.basename(path).startswith(f".{name}")
