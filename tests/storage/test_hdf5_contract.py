"""Does the HDF5 service fulfil the contract of storages, whatever the compression?"""

from __future__ import annotations

import pathlib

import h5py
import numpy as np
import pytest

from pypet_ng.encoding import same
from pypet_ng.spaces.columns import column_of
from pypet_ng.spaces.plan import Plan
from pypet_ng.storage.base import StorageService
from pypet_ng.storage.hdf5 import HDF5StorageService
from pypet_ng.testing.storage_contract import StorageContract
from pypet_ng.tree.records import Batch, Block, NodeKind, Record, Signature, Skeleton, TrajectoryInfo

X = ("parameters", "x")
Z = Signature(("results", "runs", "$", "z"), NodeKind.RESULT, "Result", "", ("z",))


class TestHDF5Storage(StorageContract):
    def make(self, folder: pathlib.Path) -> StorageService:
        return HDF5StorageService(str(folder / "sub" / "file.hdf5"))

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


@pytest.mark.parametrize("compress", [None, "portable"])
def test_values_of_all_kinds_come_back_whatever_the_compression(
    tmp_path: pathlib.Path, compress: str | None
) -> None:
    values = [np.arange(5000.0), np.arange(5000.0), "text" * 5000, 1, 0.5, None, [1, 2], {"a": np.eye(3)}]
    service = HDF5StorageService(str(tmp_path / "file.hdf5"), compress=compress)
    service.create(TrajectoryInfo("traj"))
    service.write(
        [Record(Skeleton(X, NodeKind.PARAMETER, "Parameter", items=("data",)), {"data": values[0]})]
    )
    service.write_plan(Plan({X: column_of(range(len(values)))}))
    rows = list(range(len(values)))
    for order in (rows, rows[::-1]):  # the second time all rows are replaced
        block = Block(list(order), {"z": [values[row] for row in order]})
        service.append_runs(Batch({Z: block}))
    other = HDF5StorageService(service.location)
    other.select("traj")
    assert all(map(same, other.read_runs(Z.path, "z").values(), values))
    assert same(other.read(X).data["data"], values[0])
    assert other.verify() == []
    with h5py.File(service.location, "r") as opened:
        assert opened["traj/parameters/x/data"].compression == ("gzip" if compress else None)


def test_an_unknown_compression_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="'zip' is unknown: use one of None, 'portable', 'fast'"):
        HDF5StorageService("file.hdf5", compress="zip")
