"""Does the HDF5 service fulfil the contract of storages, whatever the compression?"""

from __future__ import annotations

import pathlib

import h5py
import pytest

from pypet_ng.storage.base import StorageService
from pypet_ng.storage.hdf5 import HDF5StorageService
from pypet_ng.testing.storage_contract import StorageContract


class TestHDF5Storage(StorageContract):
    compress: str | None = None

    def make(self, folder: pathlib.Path) -> StorageService:
        return HDF5StorageService(str(folder / "sub" / "file.hdf5"), compress=self.compress)

    def again(self, service: StorageService) -> StorageService:
        return HDF5StorageService(service.location)

    def raw_check(self, service: StorageService) -> None:
        """Plain h5py can visit and read everything, and nothing beside the file is left."""
        path = pathlib.Path(service.location)
        assert [entry.name for entry in path.parent.iterdir()] == [path.name]
        with h5py.File(path, "r") as file:
            assert file.attrs["format"] == b"pypet_ng"

            def look(_name: str, thing: object) -> None:
                if isinstance(thing, h5py.Dataset):
                    assert thing.dtype.kind != "O"  # no variable-length data, no references
                    _ = thing[()]

            file.visititems(look)


class TestCompressedHDF5Storage(TestHDF5Storage):
    compress = "portable"


def test_an_unknown_compression_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="'zip' is unknown: use one of None, 'portable', 'fast'"):
        HDF5StorageService("file.hdf5", compress="zip")
