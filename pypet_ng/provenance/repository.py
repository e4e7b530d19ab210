"""How is a git repository found, and asked something?

The ``git`` command itself is asked, as a process of a few milliseconds: where there is git there is
provenance, without a further package.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

__all__ = ["GitError", "Repository", "around_script"]


_PATIENCE: Final = 20.0
"""Seconds after which a command on a huge or remote working tree is given up."""
_OTHER_PLACES: Final = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
)
"""Set where a script is run by a hook of git; they would lead to another repository."""
_QUIET: Final = (
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.quotepath=off",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
)


_INSTALLED: Final = {"site-packages", "dist-packages"}


class GitError(Exception):
    """git could not be run, or said no; the text is its first line."""


class Repository:
    """A working tree of git. Asking it changes nothing, not even the index."""

    def __init__(self, root: str, extra: Mapping[str, str] | None = None) -> None:
        """Take the folder that holds ``.git``; `extra` goes to the environment of git."""
        self.root = os.path.abspath(root)
        self._extra = dict(extra or {})

    @classmethod
    def above(cls, folder: str) -> Repository | None:
        """Give the repository in which a folder lies, None if in none. Starts no process."""
        place = os.path.abspath(folder)
        while True:
            if os.path.exists(os.path.join(place, ".git")):
                return cls(place)
            above = os.path.dirname(place)
            if above == place:
                return None
            place = above

    def git(
        self,
        *arguments: str,
        input: bytes | None = None,
        extra: Mapping[str, str] | None = None,
        fine: Sequence[int] = (0,),
    ) -> bytes:
        """Give what a git command prints; GitError if it is not there, ends badly, or takes too long."""
        import subprocess  # here and below: most sweeps ask git once, imports of the package never

        environment = {name: value for name, value in os.environ.items() if name not in _OTHER_PLACES}
        # no lock of the index is taken for asking; messages in one language
        environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        environment |= self._extra | dict(extra or {})
        try:
            done = subprocess.run(
                ["git", *_QUIET, *arguments],
                cwd=self.root,
                env=environment,
                input=input,
                stdin=subprocess.DEVNULL if input is None else None,
                capture_output=True,
                timeout=_PATIENCE,
                check=False,
            )
        except FileNotFoundError as error:
            raise GitError("there is no git command on this machine") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise GitError(f"git {arguments[0]} in {self.root}: {error}") from error
        if done.returncode not in fine:
            words = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise GitError(
                f"git {arguments[0]} in {self.root}: {words[0] if words else f'exit code {done.returncode}'}"
            )
        return done.stdout

    @contextlib.contextmanager
    def aside(self) -> Iterator[Repository]:
        """Give the same with a copy of the index, because ``git diff`` would write to the index."""
        import shutil
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            index = os.path.join(folder, "index")
            for place in self.git_folders[:1]:
                with contextlib.suppress(FileNotFoundError):  # nothing was ever added
                    shutil.copyfile(os.path.join(place, "index"), index)
            yield Repository(self.root, {"GIT_INDEX_FILE": index})

    def line(self, *arguments: str, extra: Mapping[str, str] | None = None) -> str:
        """Give what a command prints as text without the end of the line."""
        return self.git(*arguments, extra=extra).decode("utf-8", "replace").strip()

    def names(self, *arguments: str) -> list[str]:
        """Give the paths a command prints, each ended by a zero byte."""
        return [os.fsdecode(name) for name in self.git(*arguments).split(b"\0") if name]

    def head(self) -> str | None:
        """Give the SHA of the commit that is checked out, None before the first."""
        found = self.git("rev-parse", "--verify", "--quiet", "HEAD^{commit}", fine=(0, 1))
        return found.decode().strip() or None

    def branch(self) -> str | None:
        """Give the name of the branch, None if none is checked out."""
        return self.git("symbolic-ref", "--short", "--quiet", "HEAD", fine=(0, 1)).decode().strip() or None

    def changed(self, base: str) -> list[str]:
        """Give the tracked files that are not as in `base`, staged changes included."""
        return self.names("diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", base, "--")

    def untracked(self) -> list[str]:
        """Give files that are neither tracked nor ignored."""
        return self.names("ls-files", "--others", "--exclude-standard", "-z")

    def tracked(self) -> list[str]:
        """Give the files in the index."""
        return self.names("ls-files", "-z")

    @cached_property
    def git_folders(self) -> tuple[str, ...]:
        """Folders with HEAD, index and refs: two where this is one of several working trees."""
        found = self.line("rev-parse", "--absolute-git-dir", "--git-common-dir").splitlines()
        return tuple(dict.fromkeys(os.path.normpath(os.path.join(self.root, one)) for one in found))


def around_script() -> Repository | None:
    """Give the repository of the script that runs, else of the working folder; starts no process."""
    script = os.path.abspath(sys.argv[0]) if sys.argv and sys.argv[0] not in ("", "-c", "-m") else ""
    installed = tuple(os.path.abspath(place) + os.sep for place in {sys.prefix, sys.base_prefix})
    places = set(script.split(os.sep))
    if not os.path.isfile(script) or places & _INSTALLED or os.path.realpath(script).startswith(installed):
        script = ""  # a notebook, a shell, or a tool such as pytest
    return Repository.above(os.path.dirname(script) if script else os.getcwd())
