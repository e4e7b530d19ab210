"""Did anything in a working tree change since we last looked, as far as file times and sizes tell?"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from typing import TypeAlias

from pypet_ng.provenance.repository import Repository

__all__ = ["Stats"]

_Sign: TypeAlias = tuple[int, int, int] | None


def _sign(filename: str) -> _Sign:
    try:
        found = os.lstat(filename)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


class Stats:
    """Times and sizes of all files that a record depends on, and the names in their folders.

    Looking costs one ``lstat`` per tracked file, about 2 us.
    """

    def __init__(self, repository: Repository, is_own: Callable[[str], bool]) -> None:
        """Look at the tree; takes two git processes."""
        root = repository.root
        self._is_own = is_own
        names = repository.tracked() + repository.untracked()
        files = [os.path.join(root, name) for name in names]
        self._signs = {name: _sign(name) for name in (*_git_files(repository), *files) if not is_own(name)}
        folders = {root, *map(os.path.dirname, files)}
        for folder in tuple(folders):  # folders that hold only folders
            while len(folder) > len(root):
                folder = os.path.dirname(folder)
                folders.add(folder)
        self._folders = {folder: (_sign(folder), self._names(folder)) for folder in folders}

    def still_true(self) -> bool:
        """Tell whether all is as it was; a folder in which only our own outputs came and went is."""
        if any(_sign(name) != sign for name, sign in self._signs.items()):
            return False
        for folder, (sign, names) in self._folders.items():
            new = _sign(folder)
            if new != sign:
                if self._names(folder) != names:
                    return False
                self._folders[folder] = (new, names)
        return True

    def _names(self, folder: str) -> frozenset[str]:
        return frozenset(_names_in(folder, self._is_own))


def _names_in(folder: str, is_own: Callable[[str], bool]) -> Iterable[str]:
    try:
        with os.scandir(folder) as entries:
            return [
                entry.name
                for entry in entries
                if entry.name != ".git" and not is_own(entry.path) and entry.name != "__pycache__"
            ]
    except OSError:
        return []


def _git_files(repository: Repository) -> list[str]:
    """Give the files that change with each commit, checkout and add."""
    found = []
    for folder in repository.git_folders:
        found += [os.path.join(folder, name) for name in ("HEAD", "index", "packed-refs", "info/exclude")]
    branch = repository.git("symbolic-ref", "--quiet", "HEAD", fine=(0, 1)).decode().strip()
    if branch:
        found += [os.path.join(folder, branch) for folder in repository.git_folders]
    return [name for name in found if not _is_folder(name)]


def _is_folder(filename: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(filename).st_mode)
    except OSError:
        return False
