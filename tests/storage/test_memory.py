"""Does the service that keeps trajectories in memory fulfil the contract of storages?"""

from __future__ import annotations

import pathlib

from pypet_ng.storage.base import StorageService
from pypet_ng.storage.memory import MemoryStorageService
from pypet_ng.testing.storage_contract import StorageContract
from pypet_ng.tree.records import TrajectoryInfo


class TestMemoryStorage(StorageContract):
    def make(self, folder: pathlib.Path) -> StorageService:
        return MemoryStorageService()

    def again(self, service: StorageService) -> StorageService:
        assert isinstance(service, MemoryStorageService)
        return MemoryStorageService(store=service.store)


def test_a_memory_service_is_a_storage_service() -> None:
    assert isinstance(MemoryStorageService(), StorageService)
    assert MemoryStorageService().location == ":memory:"


def test_overwriting_clears_a_shared_store_at_the_first_create() -> None:
    first = MemoryStorageService()
    first.create(TrajectoryInfo("a"))
    second = MemoryStorageService(overwrite_file=True, compress="fast", store=first.store)
    assert list(second.trajectories()) == []  # what will be replaced does not count
    assert [info.name for info in first.trajectories()] == ["a"]
    second.create(TrajectoryInfo("a"))
    second.create(TrajectoryInfo("b"))
    assert [info.name for info in second.trajectories()] == ["a", "b"]
