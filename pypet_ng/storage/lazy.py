"""Which storage is for trying things out and keeps nothing?"""

from __future__ import annotations

from pypet_ng.storage.memory import MemoryStorageService

__all__ = ["LazyStorageService"]


class LazyStorageService(MemoryStorageService):
    """Takes everything and touches no file: what it was given is gone with the object.

    For debugging, where pypet's service of that name ignores all requests.
    """

    def __init__(self, filename: str = ":memory:", overwrite_file: bool = False, **_options: object) -> None:
        super().__init__(":memory:", overwrite_file)
