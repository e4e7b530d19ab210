"""Which code made a run?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pypet_ng.engine.storing import ensure_storage
from pypet_ng.errors import DataNotInStorageError
from pypet_ng.trajectory import exploring

if TYPE_CHECKING:
    from pypet_ng.engine.session import Session
    from pypet_ng.provenance.restoring import RecordedCode

__all__ = ["CodeViews"]


class CodeViews:
    """What was written down of the code, by run."""

    __slots__ = ()
    _session: Session

    def f_get_code(self, run: int | str | None = None) -> RecordedCode:
        """Give the state of the code that was recorded when a run was done, or when runs last began.

        Parameters
        ----------
        run
            Index or name of a run; None for the last ``env.run``.

        Returns
        -------
        RecordedCode
            Commit, branch, differences; ``restore('folder')`` writes the code as it was.

        Raises
        ------
        DataNotInStorageError
            If nothing was recorded: no repository around the script, ``git_mode='off'``, or the run was
            not done yet.
        """
        from pypet_ng.provenance.restoring import RecordedCode  # when asked for only

        session = self._session
        storage = ensure_storage(session)
        sessions = storage.sessions()
        name = session.tree.root.name
        if run is None:
            found = next((facts["git"] for facts in reversed(sessions) if "git" in facts), None)
            what = f"trajectory {name!r}"
        else:
            index = exploring.index_of(session, run)
            number = int(storage.run_table().column("session", slice(index, index + 1))[0])
            facts: Mapping[str, Any] = sessions[number - 1] if 0 < number <= len(sessions) else {}
            found = facts.get("git")
            what = f"run {index} of trajectory {name!r}" + ("" if number else ", which is not done")
        if found is None:
            raise DataNotInStorageError(
                f"nothing is recorded on the code of {what} in {storage.location}: code is recorded when runs begin "
                "and the script lies in a git repository (git_mode='record', 'snapshot' or 'commit')."
            )
        return RecordedCode.from_facts(found)
