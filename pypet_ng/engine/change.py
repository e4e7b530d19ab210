"""What becomes of finished runs when the run function is not the one that did them?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pypet_ng.engine.fingerprint import ARGUMENTS, Fingerprint, fingerprint
from pypet_ng.engine.session import Session, Work, forget_read_ahead
from pypet_ng.errors import CodeChangedError
from pypet_ng.settings import OnChange, RunSettings
from pypet_ng.tree.records import RunState

__all__ = ["Verdict", "judge", "stored_fingerprint"]

_MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided, before anything is changed."""

    work: Work
    is_new: bool
    """The fingerprint is not that of the session in the file: enter another one."""
    choice: OnChange | None = None
    reruns: bool = False

    def facts(self) -> dict[str, Any]:
        """Give what the file keeps of it with the session."""
        assert self.work.fingerprint is not None
        facts: dict[str, Any] = {"code": self.work.fingerprint.to_json()}
        if self.choice is not None:
            facts["on_change"] = self.choice.value
        return facts

    def carry_out(self, session: Session) -> None:
        """Mark the finished runs to do if they are to be done again; their results are deleted."""
        facts = session.facts
        facts.work, facts.keep_next = self.work, False
        if not self.reruns:
            return
        book = session.runs
        rows = np.flatnonzero(book.state[: book.length] == RunState.DONE).astype(np.int64)
        storage = session.storage
        assert storage is not None
        # First the marks: should this process end here, nothing half deleted counts as done.
        storage.mark_runs(rows, int(RunState.NONE))
        for path in list(storage.signatures()):
            storage.delete(path)
        book.state[rows] = RunState.NONE
        facts.given = 0
        forget_read_ahead(session)


def stored_fingerprint(sessions: Sequence[Mapping[str, Any]]) -> Fingerprint | None:
    """Give the fingerprint that counts: that of the last session which has one."""
    for facts in reversed(sessions):
        found = Fingerprint.from_json(facts.get("code"))
        if found is not None:
            return found
    return None


def judge(
    session: Session,
    settings: RunSettings,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    per_run: bool,
) -> Verdict:
    """Compare the function with the one that did the finished runs; CodeChangedError if it changed.

    To be called when the session is attached to its stored trajectory, and nothing is stored yet.
    """
    facts = session.facts
    storage = session.storage
    assert storage is not None
    last = facts.work
    new = fingerprint(function, args, kwargs, per_run=per_run)
    work = Work(function, tuple(args), dict(kwargs), new)
    here = bool(facts.number) and last.fingerprint is not None
    old = last.fingerprint if here else stored_fingerprint(storage.sessions())
    if old is None:
        return Verdict(work, is_new=True)
    # A function that was called already may have changed what it holds: counters, lists it appends to.
    used = here and function is last.function
    differences = old.differences(new, only_code=used)
    if used and not per_run and not differences and not _same_objects(work, last):
        if old.parts.get(ARGUMENTS) != new.parts.get(ARGUMENTS):
            differences = ["the arguments of env.run changed"]
    if not differences:
        work.fingerprint = old if used else new
        return Verdict(work, is_new=not here)
    if not session.runs.any_done():
        return Verdict(work, is_new=True)
    choice = OnChange.KEEP if facts.keep_next else settings.on_change
    if choice is None:
        raise _question(session, differences)
    return Verdict(work, is_new=True, choice=choice, reruns=choice is OnChange.RERUN)


def _same_objects(work: Work, last: Work) -> bool:
    if len(work.args) != len(last.args) or work.kwargs.keys() != last.kwargs.keys():
        return False
    return all(a is b for a, b in zip(work.args, last.args, strict=True)) and all(
        value is last.kwargs[name] for name, value in work.kwargs.items()
    )


def _question(session: Session, differences: list[str]) -> CodeChangedError:
    storage = session.storage
    assert storage is not None
    done = int((session.runs.state[: session.runs.length] == RunState.DONE).sum())
    named = "; ".join(differences[:_MOST_NAMED])
    if len(differences) > _MOST_NAMED:
        named += f"; and {len(differences) - _MOST_NAMED} more"
    return CodeChangedError(
        f"{done} finished runs of trajectory {session.tree.root.name!r} in {storage.location} were done by "
        f"other code: {named}. Say what is to become of them: Environment(..., on_change='keep') keeps them "
        "and does what is missing with the new code, on_change='rerun' does them again."
    )
