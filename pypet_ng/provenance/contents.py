"""What of a working tree may go into a record, and in which form?

Text of changed files, as a patch against the commit, and of untracked ones, as it is: as long as all of
it stays below a size. Never our own outputs; of large, binary and secret-looking files only size and hash.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
from collections.abc import Callable, Iterable
from typing import Any, Final

from pypet_ng.provenance.repository import Repository

__all__ = ["describe", "is_large", "is_secret"]

LARGE: Final = 1 << 20
"""Bytes of a file, and of all text together, from which on only size and hash are kept."""
_MOST_FILES: Final = 1000
_MOST_HASHED: Final = 256 << 20
"""Bytes that are read for hashes in all; beyond, files are listed with their size."""
_SECRET: Final = (
    ".env", ".env.*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.asc",
    "*.gpg", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", ".netrc", "_netrc", ".pypirc", ".npmrc",
    ".htpasswd", ".git-credentials", "*secret*", "*password*", "*passwd*", "*credential*", "*token*",
    "*apikey*", "*api_key*", "*private_key*",
)  # fmt: skip


def is_secret(path: str) -> bool:
    """Tell whether any part of a path looks as if secrets were kept there."""
    parts = path.lower().split("/")
    return any(fnmatch.fnmatchcase(part, pattern) for part in parts for pattern in _SECRET)


def is_large(root: str, path: str) -> bool:
    """Tell whether a file is too large for a record."""
    return _size(os.path.join(root, path)) > LARGE


def _size(filename: str) -> int:
    try:
        return os.lstat(filename).st_size
    except OSError:
        return 0


class _Listing:
    """Size and hash of files, as long as reading them does not take too long."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._left = _MOST_HASHED

    def of(self, path: str) -> dict[str, Any]:
        filename = os.path.join(self._root, path)
        facts: dict[str, Any] = {"size": _size(filename)}
        if os.path.islink(filename) or not os.path.isfile(filename) or facts["size"] > self._left:
            return facts
        self._left -= facts["size"]
        try:
            with open(filename, "rb") as file:
                facts["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            facts["unread"] = str(error)
        return facts


def describe(repository: Repository, is_own: Callable[[str], bool]) -> dict[str, Any]:
    """Give commit, branch and all that differs from the commit, ready for JSON.

    ``diff`` is a patch of tracked files against ``commit`` (encode it with ``surrogateescape``); ``untracked`` has the text of other files
    by path; ``left_out`` lists what is in neither by path, with size and SHA-256. `is_own` (absolute
    path) tells our own outputs. Costs a handful of git processes.
    """
    with repository.aside() as looking:
        return _describe(looking, is_own)


def _describe(repository: Repository, is_own: Callable[[str], bool]) -> dict[str, Any]:
    root = repository.root
    head = repository.head()
    facts: dict[str, Any] = {"root": root, "commit": head, "branch": repository.branch()}
    base = head or _empty_tree(repository)
    changed = [path for path in repository.changed(base) if not is_own(os.path.join(root, path))]
    others = [path for path in repository.untracked() if not is_own(os.path.join(root, path))]
    facts["dirty"] = bool(changed or others)
    if not facts["dirty"]:
        return facts
    listing = _Listing(root)
    kept_back = [path for path in changed if is_secret(path) or is_large(root, path)]
    shown = _without(changed, kept_back)
    # more paths than a command line takes cannot be one short patch either
    patch = _patch(repository, base, shown) if 0 < len(shown) <= _MOST_FILES else b""
    if len(patch) > LARGE or len(shown) > _MOST_FILES:
        kept_back, patch = list(changed), b""
    if changed:
        facts["changed"] = changed[:_MOST_FILES]
    # escaped: what is not UTF-8 comes back byte by byte
    facts["diff"] = patch.decode("utf-8", "surrogateescape")
    left = LARGE - len(patch)
    texts: dict[str, str] = {}
    for path in others:
        text = None if is_secret(path) or _size(os.path.join(root, path)) > left else _text(root, path)
        if text is None:
            kept_back.append(path)
        else:
            texts[path] = text
            left -= len(text.encode())
    if texts:
        facts["untracked"] = texts
    if kept_back:
        facts["left_out"] = {path: listing.of(path) for path in kept_back[:_MOST_FILES]}
    if len(changed) > _MOST_FILES or len(kept_back) > _MOST_FILES:
        facts["not_listed"] = max(len(changed), len(kept_back)) - _MOST_FILES
    return facts


def _empty_tree(repository: Repository) -> str:
    return repository.git("hash-object", "-t", "tree", "--stdin", input=b"").decode().strip()


def _without(paths: Iterable[str], others: Iterable[str]) -> list[str]:
    gone = set(others)
    return [path for path in paths if path not in gone]


def _patch(repository: Repository, base: str, paths: list[str]) -> bytes:
    options = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--full-index", "--binary")
    return repository.git("--literal-pathspecs", "diff", *options, base, "--", *paths)


def _text(root: str, path: str) -> str | None:
    """Give the content of a text file, None for anything else."""
    filename = os.path.join(root, path)
    if os.path.islink(filename) or not os.path.isfile(filename):
        return None
    try:
        with open(filename, encoding="utf-8", newline="") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return None
    return None if "\0" in text else text
