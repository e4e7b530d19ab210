"""What real repositories do the tests work on?"""

from __future__ import annotations

import os
import pathlib
from typing import Any, Final

import pytest

_opened: Final[list[Any]] = []


def close_all() -> None:
    """End the processes of GitPython."""
    while _opened:
        _opened.pop().close()


def open_repository(folder: pathlib.Path) -> Any:
    """Make a repository of GitPython without a commit, or open one."""
    git = pytest.importorskip("git")
    folder.mkdir(parents=True, exist_ok=True)
    repo = git.Repo.init(folder, initial_branch="work")
    _opened.append(repo)
    return repo


def make_repository(folder: pathlib.Path) -> Any:
    """Make a repository of GitPython with one commit of ``code.py`` and ``other.py``."""
    repo = open_repository(folder)
    with repo.config_writer() as config:
        config.set_value("user", "name", "A Researcher")
        config.set_value("user", "email", "researcher@example.org")
        config.set_value("commit", "gpgsign", "false")
    for name in ("code.py", "other.py"):
        (folder / name).write_text(f"# {name}\nx = 1\n")
    (folder / ".gitignore").write_text("ignored/\n*.log\n")
    repo.index.add(["code.py", "other.py", ".gitignore"])
    repo.index.commit("first")
    return repo


def state_of(repo: Any) -> tuple[Any, ...]:
    """Give branch, commit, index and files: what nobody may touch."""
    root = pathlib.Path(repo.working_dir)
    files = {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }
    index = pathlib.Path(repo.git_dir, "index").read_bytes()
    head = repo.head.commit.hexsha if repo.head.is_valid() else None
    return (
        repo.active_branch.name,
        head,
        index,
        files,
        os.listdir(pathlib.Path(repo.git_dir, "refs", "heads")),
    )
