"""Does a storage service do what ``storage/base.py`` promises? Inherit :class:`StorageContract` to know."""

from __future__ import annotations

from pypet_ng.testing.contract_columns import ColumnContract
from pypet_ng.testing.contract_history import HistoryContract
from pypet_ng.testing.contract_nodes import NodeContract
from pypet_ng.testing.contract_plans import PlanContract
from pypet_ng.testing.contract_runs import RunContract

__all__ = ["StorageContract"]


class StorageContract(NodeContract, PlanContract, RunContract, ColumnContract, HistoryContract):
    """All duties of a storage service, as tests.

    A sub-class gives ``make(folder)``, a fresh service whose file (if any) lies in that folder, and
    ``again(service)``, a second service on the same data. It may give ``raw_check(service)``, called
    after each test, to look at the data by another road than the service's own methods::

        class TestMyStorage(StorageContract):
            def make(self, folder):
                return MyStorageService(folder / "file.hdf5")

            def again(self, service):
                return MyStorageService(service.location)
    """
