"""How does the code come back that made a number, a year later?

What was recorded is a commit and what differed from it. GitPython reads the commit out of any clone of the
repository; the differences lie in the trajectory's own file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pypet_ng.provenance.repository import GitError

if TYPE_CHECKING:
    import git

__all__ = ["RecordedCode"]

_LINK: Final = 0o120000
_EXECUTABLE: Final = 0o111


@dataclass(frozen=True, slots=True)
class RecordedCode:
    """The state of the code when some runs began, as it was written down with them."""

    root: str
    """The working tree it was in, on the machine that ran."""
    commit: str | None
    """SHA of what was checked out; None before the first commit."""
    branch: str | None = None
    diff: str = ""
    """Patch of tracked files against `commit` (``surrogateescape`` for what is no UTF-8)."""
    untracked: Mapping[str, str] = field(default_factory=dict)
    """Text of files that were not tracked, by path."""
    left_out: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Size and SHA-256 of what is in neither: large, binary or secret-looking files."""
    snapshot: str | None = None
    """SHA of the commit that has the whole working tree (``git_mode='snapshot'``)."""
    problem: str = ""
    """Why nothing was recorded."""

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> RecordedCode:
        """Take what a session's row has."""
        return cls(
            root=str(facts.get("root", "")),
            commit=facts.get("commit"),
            branch=facts.get("branch"),
            diff=str(facts.get("diff", "")),
            untracked=facts.get("untracked", {}),
            left_out=facts.get("left_out", {}),
            snapshot=(facts.get("snapshot") or {}).get("commit"),
            problem=str(facts.get("problem", "")),
        )

    @property
    def is_dirty(self) -> bool:
        """True if the working tree was not as committed."""
        return bool(self.diff or self.untracked or self.left_out)

    def open_commit(self, repository: str | os.PathLike[str] | None = None) -> git.Commit:
        """Give the commit as GitPython's object: its tree, author, parents.

        Parameters
        ----------
        repository
            A clone that has it; by default the working tree it was recorded in.

        Raises
        ------
        GitError
            If there is no commit, no repository, or that repository has not got it.
        ImportError
            Without GitPython (``pip install 'pypet_ng[git]'``).
        """
        wanted = self.snapshot or self.commit
        if wanted is None:
            raise GitError(
                f"no commit was recorded of {self.root!r}" + (self.problem and f": {self.problem}")
            )
        try:
            import git
        except ImportError as error:
            raise ImportError(
                "Commits are read with GitPython, which is not installed: pip install 'pypet_ng[git]'"
            ) from error
        place = os.fspath(repository) if repository is not None else self.root
        try:
            repo = git.Repo(place)
        except (git.InvalidGitRepositoryError, git.NoSuchPathError) as error:
            raise GitError(
                f"{place!r} is no git repository: give a clone that has commit {wanted}"
            ) from error
        try:
            commit = repo.commit(wanted)
            _ = commit.tree  # reads it: before, any SHA is as good as another
            return commit
        except (ValueError, git.exc.ODBError) as error:
            hint = "snapshots are fetched by 'git fetch origin refs/pypet_ng/*:refs/pypet_ng/*'"
            raise GitError(
                f"the repository {place!r} has no commit {wanted}: fetch it"
                + (f"; {hint}" if self.snapshot else "")
            ) from error
        finally:
            repo.close()

    def restore(
        self, folder: str | os.PathLike[str], repository: str | os.PathLike[str] | None = None
    ) -> list[str]:
        """Write the code as it was into a new folder; give the paths whose content was not recorded.

        The repository is only read. `folder` must be empty or not there yet. GitError and ImportError as for
        :meth:`open_commit`, FileExistsError if something lies in the folder. Costs a process of git or two.

        Parameters
        ----------
        folder
            Where to.
        repository
            A clone that has the commit; by default the working tree it was recorded in.
        """
        target = os.path.abspath(folder)
        if os.path.isdir(target) and os.listdir(target):
            raise FileExistsError(f"the folder {target!r} is not empty: give a new one")
        commit = self.open_commit(repository)
        os.makedirs(target, exist_ok=True)
        _write_tree(commit.tree, target)
        if self.snapshot is None:
            self._apply_diff(target)
            for path, text in self.untracked.items():
                _write(_inside(target, path), text.encode("utf-8"))
        return sorted(self.left_out)

    def _apply_diff(self, target: str) -> None:
        if not self.diff:
            return
        import tempfile

        import git

        with tempfile.TemporaryFile() as patch:
            patch.write(self.diff.encode("utf-8", "surrogateescape"))
            patch.seek(0)
            # else a repository around the folder would take the paths for its own, and leave them out
            outside = {"GIT_CEILING_DIRECTORIES": os.path.dirname(target)}
            try:
                git.Git(target).execute(
                    ["git", "apply", "--whitespace=nowarn", "-"], istream=patch, env=outside
                )
            except git.GitCommandError as error:
                raise GitError(
                    f"the recorded differences do not fit commit {self.commit}: {error.stderr.strip()}"
                ) from error


def _write_tree(tree: git.Tree, target: str) -> None:
    import git

    for blob in tree.traverse():
        if not isinstance(blob, git.Blob):  # folders; submodules have repositories of their own
            continue
        path = _inside(target, os.fspath(blob.path))
        data = blob.data_stream.read()
        if blob.mode == _LINK:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.symlink(os.fsdecode(data), path)
            continue
        _write(path, data)
        if blob.mode & _EXECUTABLE:
            os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)


def _inside(target: str, path: str) -> str:
    """Give where a recorded path lies; GitError if that is out of the folder: files may come from anybody."""
    place = os.path.join(target, path)
    top = os.path.join(os.path.realpath(target), "")
    home = os.path.join(os.path.realpath(os.path.dirname(place)), "")
    if not home.startswith(top) or os.path.islink(place):
        raise GitError(f"the recorded path {path!r} leads out of the folder {target!r}: it is not written")
    return place


def _write(path: str, data: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
