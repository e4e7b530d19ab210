"""Which errors can pypet_ng raise, and which built-in does each extend?

::

    PypetError
    ├── NamingError
    │   ├── NodeNotFoundError        (AttributeError)  no node of that name
    │   ├── NotUniqueNodeError       (AttributeError)  several nodes at the same depth
    │   ├── NameTakenError           (AttributeError)  a node of that name is there already
    │   └── InvalidNameError         (ValueError)      the name itself cannot be used
    ├── ParameterLockedException     (TypeError)       a parameter that was read must not change
    ├── UnknownClassError            (AttributeError)  a stored leaf is of a class that is not imported
    ├── NotInRunError                (TypeError)       not possible during a single run
    ├── DesignError                  (ValueError)      the explored points do not fit together
    │   ├── PlanMismatchError        (RuntimeError)    the file holds other points or parameters
    │   │   └── CodeChangedError                       its runs were done by another function
    │   └── EquationError                              an equation that cannot be used
    ├── UnsupportedValueError        (TypeError)       no codec stores such a value
    ├── RunFailedError               (RuntimeError)    a run failed where its exception could not travel
    ├── WorkerError                  (RuntimeError)    worker processes do not start
    ├── TracingError                 (TypeError)       a function cannot be done in batches
    ├── DeviceError                  (ValueError)      not the devices that were asked for
    ├── PresettingError              (RuntimeError)    a preset that never met its parameter
    ├── NoSuchServiceError           (TypeError)       not a storage service
    ├── TooManyGroupsError           (TypeError)
    ├── GitDiffError                 (RuntimeError)
    ├── VersionMismatchError         (TypeError)       the file was written in a newer format
    └── StorageError                 (OSError)
        ├── DataNotInStorageError                      nothing stored under that path
        ├── PickleRefusedError                         a stored pickle that nobody allowed to be read
        ├── FileBusyError                              somebody else is writing
        ├── BrokenFileError          (ValueError)      no HDF5 file, cut off, or not closed
        ├── MissingFileError         (ValueError)      no such file or folder
        ├── ReadOnlyFileError                          the file must not be changed
        └── TrajectoryNotFoundError  (ValueError)      the file has no trajectory of that name

A message has three parts: what happened, with the values; where; what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BrokenFileError",
    "CodeChangedError",
    "DataNotInStorageError",
    "DesignError",
    "DeviceError",
    "EquationError",
    "FileBusyError",
    "GitDiffError",
    "InvalidNameError",
    "MissingFileError",
    "NameTakenError",
    "NamingError",
    "NoSuchServiceError",
    "NodeNotFoundError",
    "NotInRunError",
    "NotUniqueNodeError",
    "ParameterLockedException",
    "PickleRefusedError",
    "PlanMismatchError",
    "PresettingError",
    "PypetError",
    "ReadOnlyFileError",
    "RunFailedError",
    "StorageError",
    "TooManyGroupsError",
    "TracingError",
    "TrajectoryNotFoundError",
    "UnknownClassError",
    "UnsupportedValueError",
    "VersionMismatchError",
    "WorkerError",
    "near_names",
]


class PypetError(Exception):
    """What all errors of pypet_ng have in common."""


class NamingError(PypetError):
    """A name does not lead to exactly one node."""


class NodeNotFoundError(NamingError, AttributeError):
    """No node of that name can be reached from where the search began."""


class NotUniqueNodeError(NamingError, AttributeError):
    """Several nodes of that name lie at the same, lowest depth."""


class NameTakenError(NamingError, AttributeError):
    """A node of that name is there already."""


class InvalidNameError(NamingError, ValueError):
    """The name has forbidden characters, is reserved, or is too long."""


class ParameterLockedException(PypetError, TypeError):  # noqa: N818  (pypet's name)
    """A parameter that was read, explored or stored must not change."""


class NotInRunError(PypetError, TypeError):
    """The call would change what all runs share, and a run is going on."""


class UnknownClassError(PypetError, AttributeError):
    """A stored leaf is of a class that is neither ours nor imported."""


class DesignError(PypetError, ValueError):
    """Explored values do not fit the parameters or each other."""


class PlanMismatchError(DesignError, RuntimeError):
    """The file holds other points or other parameters than the script."""


class CodeChangedError(PlanMismatchError):
    """Runs of the file were done by a function that is not the one of the script."""


class EquationError(DesignError):
    """The text of an equation is no arithmetic of declared names."""


class UnsupportedValueError(PypetError, TypeError):
    """No codec is registered for a value of that type."""


class RunFailedError(PypetError, RuntimeError):
    """A run failed in a place from which its own exception could not travel."""


class WorkerError(PypetError, RuntimeError):
    """Worker processes end before they do anything."""


class TracingError(PypetError, TypeError):
    """A function, its parameters or its results cannot be done for many runs at once."""


class DeviceError(PypetError, ValueError):
    """There are not as many devices as were asked for."""


class PresettingError(PypetError, RuntimeError):
    """A parameter was preset, but nobody added it."""


class NoSuchServiceError(PypetError, TypeError):
    """The object given as storage service is none."""


class TooManyGroupsError(PypetError, TypeError):
    """Kept for scripts that catch pypet's error; pypet_ng has no such limit."""


class GitDiffError(PypetError, RuntimeError):
    """The repository has uncommitted changes, and that was forbidden."""


class VersionMismatchError(PypetError, TypeError):
    """The file was written in a newer format than this version reads."""


class StorageError(PypetError, OSError):
    """Reading or writing failed."""


class DataNotInStorageError(StorageError):
    """Nothing is stored under that path."""


class PickleRefusedError(StorageError):
    """A stored pickle could run any code, and nobody said that the file is to be trusted."""


class FileBusyError(StorageError):
    """Another process is writing to the file."""


class BrokenFileError(StorageError, ValueError):
    """The file is no HDF5 file, is cut off, or was not closed."""


class MissingFileError(StorageError, ValueError):
    """There is no such file or folder."""


class ReadOnlyFileError(StorageError):
    """The file or its folder must not be changed."""


class TrajectoryNotFoundError(StorageError, ValueError):
    """The file has no trajectory of that name or index."""


def near_names(name: str, known: Iterable[str], *, most: int = 3) -> str:
    """Give the tail of a "not found" message: ``" Did you mean 'tau'?"`` or ``""``."""
    near = difflib.get_close_matches(name, list(dict.fromkeys(known)), n=most, cutoff=0.6)
    if not near:
        return ""
    return " Did you mean " + " or ".join(repr(word) for word in near) + "?"
