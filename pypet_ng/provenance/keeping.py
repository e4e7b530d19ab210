"""How is changed code committed, refused, or kept beside the branches?"""

from __future__ import annotations

import enum
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pypet_ng.errors import GitDiffError
from pypet_ng.provenance.contents import is_large, is_secret
from pypet_ng.provenance.repository import Repository

__all__ = ["CommitFacts", "GitMode", "commit_changes", "refuse_changes", "snapshot"]

_REFS: Final = "refs/pypet_ng"
_NAMED: Final = 10
_SOMEBODY: Final = {
    "GIT_AUTHOR_NAME": "pypet_ng",
    "GIT_AUTHOR_EMAIL": "pypet_ng@localhost",
    "GIT_COMMITTER_NAME": "pypet_ng",
    "GIT_COMMITTER_EMAIL": "pypet_ng@localhost",
}
"""Snapshots are nobody's work, and possible where no name is configured."""


class GitMode(enum.Enum):
    """What happens to the state of the code when runs begin."""

    OFF = "off"
    """Nothing."""
    RECORD = "record"
    """It is written down with the session: commit, branch, differences."""
    SNAPSHOT = "snapshot"
    """Beside that the working tree becomes a commit of its own, which no branch has."""
    COMMIT = "commit"
    """Changes of tracked files are committed to the branch, as pypet does."""


@dataclass(frozen=True, slots=True)
class CommitFacts:
    """What is remembered of a commit."""

    hexsha: str
    name_rev: str
    """SHA and a name that leads to it, as ``git name-rev`` gives."""
    committed_date: int
    """Seconds since the epoch."""
    message: str


def _commit_facts(repository: Repository) -> CommitFacts:
    sha, date, message = repository.line("log", "-1", "--format=%H%n%ct%n%B", "HEAD").split("\n", 2)
    return CommitFacts(sha, repository.line("name-rev", sha), int(date), message)


def refuse_changes(repository: Repository) -> CommitFacts:
    """Give the facts of HEAD; GitDiffError names tracked files that are not as committed."""
    head = repository.head()
    with repository.aside() as looking:
        changed = looking.changed(head) if head is not None else looking.tracked()
    if changed or head is None:
        named = ", ".join(changed[:_NAMED]) + (
            f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
        )
        raise GitDiffError(
            f"There are changes in {repository.root} that are not committed: {named or 'everything'}. Commit "
            "them, or leave git_fail out to have them committed (git_repository=...) or recorded (git_mode='record')."
        )
    return _commit_facts(repository)


def commit_changes(repository: Repository, message: str) -> CommitFacts:
    """Commit what differs in tracked files, staged or not, to the branch; give the facts of HEAD.

    New files are only taken in if somebody staged them. Hooks of the repository run.
    """
    head = repository.head()
    if head is None or repository.changed(head):
        repository.git("add", "--update", "--", ".")
        repository.git("commit", "--quiet", "--message", message)
    return _commit_facts(repository)


def snapshot(repository: Repository, is_own: Callable[[str], bool]) -> dict[str, Any]:
    """Make the working tree a commit under ``refs/pypet_ng/``; give its ``commit``, ``ref``, ``tree``.

    Tracked and new files are in it, ignored ones are not, nor our own outputs and new files that are
    large or look secret. Branch, index and files stay untouched; an unchanged tree makes no new commit.
    ``git checkout <commit>`` brings the code back.
    """
    root = repository.root
    head = repository.head()
    with repository.aside() as looking:
        changed = looking.changed(head) if head is not None else looking.tracked()
    new = [path for path in repository.untracked() if not (is_large(root, path) or is_secret(path))]
    wanted = [path for path in (*changed, *new) if not is_own(os.path.join(root, path))]
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        index = os.path.join(folder, "index")
        extra = {"GIT_INDEX_FILE": index}
        if head is not None:
            repository.git("read-tree", head, extra=extra)
        if wanted:
            names = b"\0".join(map(os.fsencode, wanted))
            # --remove: files that were deleted are named as well
            repository.git("update-index", "--add", "--remove", "-z", "--stdin", input=names, extra=extra)
        tree = repository.line("write-tree", extra=extra)
    if head is not None and tree == repository.line("rev-parse", f"{head}^{{tree}}"):
        return {"commit": head, "ref": None, "tree": tree}
    ref = f"{_REFS}/{tree[:16]}-on-{head[:12] if head else 'nothing'}"
    known = repository.git("rev-parse", "--verify", "--quiet", ref, fine=(0, 1)).decode().strip()
    if known:
        return {"commit": known, "ref": ref, "tree": tree}
    parents = ("-p", head) if head is not None else ()
    made = repository.line(
        "commit-tree", tree, *parents, "-m", "Snapshot of the working tree by pypet_ng", extra=_SOMEBODY
    )
    repository.git("update-ref", ref, made)
    return {"commit": made, "ref": ref, "tree": tree}
