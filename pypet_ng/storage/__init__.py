"""Where do the nodes, points and results of a trajectory lie?

Each storage is imported where it is used: ``pypet_ng.storage.hdf5``, ``pypet_ng.storage.memory``.
"""

from pypet_ng.storage.base import NOT_SET, RETURNED, NotSet, RunColumn, RunTable, StorageService

__all__ = ["NOT_SET", "RETURNED", "NotSet", "RunColumn", "RunTable", "StorageService"]
