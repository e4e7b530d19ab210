"""What becomes of finished runs when the run function is not the one that did them?"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pypet_ng.engine.fingerprint import Fingerprint, fingerprint, same_function
from pypet_ng.engine.session import Session, forget_read_ahead
from pypet_ng.errors import CodeChangedError
from pypet_ng.settings import OnChange, RunSettings
from pypet_ng.tree.records import RunState

__all__ = ["Verdict", "judge", "stored_fingerprints"]

_MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided, before anything is changed."""

    code: Fingerprint
    is_new: bool
    """The fingerprint is not that of the session in the file: enter another one."""
    choice: OnChange | None = None
    reruns: bool = False

    def facts(self) -> dict[str, Any]:
        """Give what the file keeps of it with the session."""
        facts: dict[str, Any] = {"code": self.code.to_json()}
        if self.choice is not None:
            facts["on_change"] = self.choice.value
        return facts

    def carry_out(self, session: Session) -> None:
        """Mark the finished runs to do if they are to be done again; their results are deleted."""
        facts = session.facts
        facts.code, facts.keep_next = self.code, False
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


def stored_fingerprints(sessions: Sequence[Mapping[str, Any]]) -> list[Fingerprint]:
    """Give the fingerprints that count, the last first: those since finished runs were last done again."""
    found = []
    for facts in reversed(sessions):
        code = Fingerprint.from_json(facts.get("code"))
        if code is not None:
            found.append(code)
        if facts.get("on_change") == OnChange.RERUN.value:
            break
    return found


def judge(
    session: Session,
    settings: RunSettings,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    per_run: bool,
) -> Verdict:
    """Compare the function with those that did the finished runs; CodeChangedError if it is another one.

    A trajectory that ran and then got new points goes on with whatever it is given: the call is about
    these. So a script that changes arguments between generations is not asked, the first time nor when
    it is started again. To be called when the session is attached to its stored trajectory, and nothing
    is stored yet.
    """
    facts = session.facts
    storage = session.storage
    assert storage is not None
    new = _as_at_first(function, args, kwargs, fingerprint(function, args, kwargs, per_run=per_run))
    known = [facts.code] if facts.code is not None else stored_fingerprints(storage.sessions())
    differences = known[0].differences(new) if known else []
    is_known = any(not old.differences(new) for old in known)
    expanded = facts.code is not None and 0 < facts.given < len(session.plan)
    if not known or is_known or expanded or not session.runs.any_done():
        return Verdict(new, is_new=not known or bool(differences))
    choice = OnChange.KEEP if facts.keep_next else settings.on_change
    if choice is None:
        raise _question(session, differences)
    return Verdict(new, is_new=True, choice=choice, reruns=choice is OnChange.RERUN)


_Call = tuple[Any, tuple[Any, ...], dict[str, Any], Fingerprint]
_called: deque[_Call] = deque(maxlen=16)
"""Functions this process ran, with their fingerprints before the first run."""


def _as_at_first(
    function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], now: Fingerprint
) -> Fingerprint:
    """Leave out of a fingerprint what the function changed itself: a list it appends to, a counter.

    In another process these begin anew, so it is the first state that tells whether two are the same.
    """
    for place, (known, old_args, old_kwargs, first) in enumerate(_called):
        if same_function(function, known):
            same = _same_objects(args, old_args) and _same_objects(
                [*kwargs.items()], [*old_kwargs.items()], pairs=True
            )
            found = now.before(first, same_arguments=same)
            _called[place] = (function, tuple(args), dict(kwargs), found)
            return found
    _called.append((function, tuple(args), dict(kwargs), now))
    return now


def _same_objects(some: Sequence[Any], others: Sequence[Any], *, pairs: bool = False) -> bool:
    if len(some) != len(others):
        return False
    if pairs:
        return all(a[0] == b[0] and a[1] is b[1] for a, b in zip(some, others, strict=True))
    return all(a is b for a, b in zip(some, others, strict=True))


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
