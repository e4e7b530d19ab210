"""How is any text spelled as the name of an HDF5 link, and back?

Names of links must not be empty or ``.`` or contain ``/`` or NUL; our own names begin with ``_``, and
PyTables hides some that do. So ``%``, ``/``, ``.``, NUL, lone surrogates and a leading ``_`` are written
as ``%`` and two hexadecimal digits (``%u`` and four for surrogates). The empty name is ``%``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from pypet_ng._typing import Path

__all__ = ["OVERVIEW", "escape", "link_path", "unescape", "unescape_path"]

OVERVIEW: Final = "overview"
"""Group of a trajectory that holds what is no node."""

_UNSAFE = re.compile("[%/.\x00\ud800-\udfff]|^_")
_SPELLED = re.compile("%(?:u([0-9A-F]{4})|([0-9A-F]{2}))")


def _spell(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"%u{code:04X}" if code > 0xFF else f"%{code:02X}"


@lru_cache(maxsize=16384)
def escape(name: str) -> str:
    """Give the link name that stands for `name`.

    >>> escape('_a.b/c')
    '%5Fa%2Eb%2Fc'
    """
    return _UNSAFE.sub(_spell, name) or "%"


def unescape(link: str) -> str:
    """Give back what :func:`escape` was given."""
    if "%" not in link:
        return link
    return "" if link == "%" else _SPELLED.sub(lambda match: chr(int(match[1] or match[2], 16)), link)


def link_path(path: Path) -> bytes:
    """Give the path of a node's group, relative to the trajectory's group; ``b'.'`` for itself.

    A node below the root that is called as our own group is spelled with its first letter escaped.
    """
    parts = [escape(part) for part in path]
    if not parts:
        return b"."
    if parts[0] == OVERVIEW:
        parts[0] = "%6Fverview"
    return "/".join(parts).encode()


def unescape_path(text: str) -> Path:
    """Give the path that :func:`link_path` spelled."""
    return tuple(unescape(part) for part in text.split("/") if part)
