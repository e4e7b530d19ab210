"""In which file is a trajectory kept if the user does not say?"""

from __future__ import annotations

import os

__all__ = ["default_filename"]


def default_filename(filename: str | os.PathLike[str] | None, name: str | None) -> str:
    """Give the file for a trajectory: ``./hdf5/<name>.hdf5``, or ``<name>.hdf5`` in a given folder.

    ``':memory:'`` stays what it is.
    """
    own = f"{name or 'trajectory'}.hdf5"
    if filename is None:
        return os.path.join(".", "hdf5", own)
    given = os.fspath(filename)
    if given == ":memory:":
        return given
    if given.endswith(("/", os.sep)) or os.path.isdir(given):
        return os.path.join(given, own)
    return given
