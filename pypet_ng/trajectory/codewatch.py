"""What do the ``git_*`` and ``sumatra_*`` options of an environment ask for, and what came of it?"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pypet_ng.errors import GitDiffError
from pypet_ng.provenance import (
    CodeRecord,
    CommitFacts,
    GitError,
    GitMode,
    Repository,
    around_script,
    commit_changes,
    refuse_changes,
)
from pypet_ng.trajectory.parameter import Parameter
from pypet_ng.trajectory.trajectory import Trajectory
from pypet_ng.tree.nodes import Leaf, ParameterLeaf

__all__ = ["CodeWatch", "GitOptions", "SumatraOptions", "git_options", "sumatra_options"]

_EXTRA: Final = "Use git_mode='off' to do without."


@dataclass(frozen=True, slots=True)
class GitOptions:
    """Which repository, and what to do with it."""

    mode: GitMode
    repository: Repository | None
    message: str
    fail: bool
    """Changed code is an error."""


@dataclass(frozen=True, slots=True)
class SumatraOptions:
    """Which project of Sumatra gets a record of each ``run``."""

    project: str
    reason: str
    label: str | None


def git_options(given: Mapping[str, Any], *, by_default: bool) -> GitOptions:
    """Sort out ``git_mode, git_repository, git_message, git_fail``; ValueError if they do not fit.

    A named repository means 'commit' (as in pypet), none means 'record' of the repository around the
    script where `by_default`.
    """
    path = given.get("git_repository")
    fail = bool(given.get("git_fail", False))
    message = str(given.get("git_message") or "")
    asked = given.get("git_mode")
    if "git_mode" in given and asked is None:
        asked = GitMode.OFF
    if asked is not None:
        try:
            asked = GitMode(asked)
        except ValueError:
            choices = ", ".join(repr(one.value) for one in GitMode)
            raise ValueError(f"git_mode={asked!r}: choose one of {choices}.") from None
    if path is not None:
        repository = Repository.above(os.fspath(path))
        if repository is None:
            raise ValueError(
                f"git_repository={path!r}: neither that folder nor one above it has a .git. {_EXTRA}"
            )
        return GitOptions(asked or GitMode.COMMIT, repository, message, fail)
    if asked is GitMode.OFF or (asked is None and not by_default and not fail):
        return GitOptions(GitMode.OFF, None, message, fail)
    found = around_script()
    if found is None and (asked is not None or fail):
        raise ValueError(
            f"git_{'fail' if fail else 'mode'} was given, but there is no git repository around the script: name "
            f"it with git_repository='...'. {_EXTRA}"
        )
    return GitOptions((asked or GitMode.RECORD) if found else GitMode.OFF, found, message, fail)


def sumatra_options(given: Mapping[str, Any]) -> SumatraOptions | None:
    """Sort out ``sumatra_project, sumatra_reason, sumatra_label``; ValueError for a label with dots."""
    project, label = given.get("sumatra_project"), given.get("sumatra_label")
    if label is not None and "." in label:
        raise ValueError(f"sumatra_label={label!r}: a label of Sumatra has no dots.")
    if project is None:
        return None
    return SumatraOptions(os.fspath(project), str(given.get("sumatra_reason") or ""), label)


class CodeWatch:
    """Commits, refuses or records changed code, as the options say."""

    def __init__(
        self,
        git: GitOptions,
        sumatra: SumatraOptions | None,
        traj: Trajectory,
        outputs: Callable[[], list[str]],
    ) -> None:
        """Commit or refuse at once, where that is asked for; GitDiffError.

        `outputs` gives the files and folders we write ourselves.
        """
        self._sumatra = sumatra
        self._traj = traj
        self._commit: CommitFacts | None = None
        self._record: CodeRecord | None = None
        if git.repository is not None and (git.fail or git.mode is GitMode.COMMIT):
            self._commit = self._settle(git, git.repository)
            _add_config(traj, self._commit)
        if git.repository is not None and git.mode is not GitMode.OFF:
            self._record = CodeRecord(git.repository, git.mode, outputs)

    @property
    def hexsha(self) -> str | None:
        """SHA of the commit that was made or found clean, None if there was no need of one."""
        return None if self._commit is None else self._commit.hexsha

    def _settle(self, git: GitOptions, repository: Repository) -> CommitFacts:
        stamp = time.strftime("%Y_%m_%d_%Hh%Mm%Ss", time.localtime())
        facts = [f"Trajectory: `{self._traj.v_name}`", f"Time: `{stamp}`"]
        if self._traj.v_comment:
            facts.append(f"Comment: `{self._traj.v_comment}`")
        message = f"{git.message} -- {', '.join(facts)}" if git.message else ", ".join(facts)
        try:
            return refuse_changes(repository) if git.fail else commit_changes(repository, message)
        except GitError as error:
            raise GitDiffError(f"The code could not be committed: {error}. {_EXTRA}") from error

    def facts(self) -> dict[str, Any] | None:
        """Give what a session's row is to have on the code, None for nothing.

        At most a look at the files' times while nothing changes, see :class:`CodeRecord`.
        """
        return None if self._record is None else self._record.facts()

    @contextlib.contextmanager
    def recorded(self) -> Iterator[None]:
        """Make a record of Sumatra of what goes on inside, if that is asked for."""
        if self._sumatra is None:
            yield
            return
        from pypet_ng.provenance.sumatra import SumatraRecord

        traj, options = self._traj, self._sumatra
        explored = ", ".join(".".join(path[1:]) for path in traj._session.plan.names)
        about = [
            options.reason,
            f"Trajectory {traj.v_name}",
            traj.v_comment,
            explored and f"Explored {explored}",
        ]
        record = SumatraRecord(
            options.project, " -- ".join(filter(None, about)), options.label, _parameters(traj)
        )
        try:
            yield
        finally:
            record.finish()


def _add_config(traj: Trajectory, commit: CommitFacts) -> None:
    stamp = time.strftime("%Y_%m_%d_%Hh%Mm%Ss", time.localtime(commit.committed_date))
    group = f"git.commit_{commit.hexsha[:7]}_{stamp}"
    if traj._session.tree.at(("config", *group.split("."))) is not None:
        return  # an earlier environment of this trajectory found the same commit
    traj.f_add_config(Parameter, f"{group}.hexsha", commit.hexsha, comment="SHA-1 hash of commit")
    traj.f_add_config(
        Parameter, f"{group}.name_rev", commit.name_rev, comment="String describing the commit's hex sha"
    )
    traj.f_add_config(
        Parameter, f"{group}.committed_date", commit.committed_date, comment="Date of commit, s since epoch"
    )
    traj.f_add_config(Parameter, f"{group}.message", commit.message, comment="The commit message")


def _parameters(traj: Trajectory) -> dict[str, Any]:
    session = traj._session
    found: dict[str, Any] = {}
    for node in session.tree.walk(session.tree.root):
        if isinstance(node, Leaf) and node.branch == "parameters":
            value = node.value if isinstance(node, ParameterLeaf) else session.tree.view(node).f_val_to_str()
            column = getattr(node, "column", None)
            found[".".join(node.path[1:])] = value if column is None else str(column)[:200]
    return found
