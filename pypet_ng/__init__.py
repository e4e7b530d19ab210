"""pypet_ng: explore the parameter space of a simulation and keep parameters and results together."""

from __future__ import annotations

import os as _os
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from pypet_ng._version import __version__
from pypet_ng.engine.progressbar import progressbar
from pypet_ng.engine.states import takes_state
from pypet_ng.errors import (
    BrokenFileError,
    CodeChangedError,
    DataNotInStorageError,
    DesignError,
    DeviceError,
    FileBusyError,
    GitDiffError,
    InvalidNameError,
    MissingFileError,
    NameTakenError,
    NodeNotFoundError,
    NoSuchServiceError,
    NotInRunError,
    NotUniqueNodeError,
    ParameterLockedException,
    PickleRefusedError,
    PlanMismatchError,
    PresettingError,
    PypetError,
    ReadOnlyFileError,
    RunFailedError,
    StorageError,
    TooManyGroupsError,
    TracingError,
    TrajectoryNotFoundError,
    UnknownClassError,
    UnsupportedValueError,
    VersionMismatchError,
)
from pypet_ng.spaces.designs import cases, grid, loggrid, one_at_a_time, random, zipped
from pypet_ng.spaces.product import cartesian_product, find_unique_points
from pypet_ng.storage.hdf5 import HDF5StorageService
from pypet_ng.storage.lazy import LazyStorageService
from pypet_ng.storage.memory import MemoryStorageService
from pypet_ng.trajectory.adaptive import Generations
from pypet_ng.trajectory.bases import HasLogger, HasSlots, KnowsTrajectory
from pypet_ng.trajectory.care import VerifyReport, compact_hdf5_file
from pypet_ng.trajectory.environment import Environment
from pypet_ng.trajectory.folders import merge_all_in_folder
from pypet_ng.trajectory.groups import (
    ConfigGroup,
    DerivedParameterGroup,
    NNGroupNode,
    ParameterGroup,
    ResultGroup,
)
from pypet_ng.trajectory.leaves import BaseParameter, BaseResult, NNLeafNode
from pypet_ng.trajectory.load import load_trajectory
from pypet_ng.trajectory.manual import manual_run
from pypet_ng.trajectory.multiproc import MultiprocContext
from pypet_ng.trajectory.parameter import Parameter
from pypet_ng.trajectory.pickling import PickleParameter, PickleResult
from pypet_ng.trajectory.result import Result
from pypet_ng.trajectory.special_parameters import ArrayParameter, SparseParameter, SparseResult
from pypet_ng.trajectory.three_lines import explore
from pypet_ng.trajectory.trajectory import Trajectory
from pypet_ng.trajectory.utilities import racedirs, rename_log_file

if _TYPE_CHECKING:
    from pypet_ng.encoding.objecttable import ObjectTable

__all__ = [
    "ArrayParameter",
    "BaseParameter",
    "BaseResult",
    "BrokenFileError",
    "CodeChangedError",
    "ConfigGroup",
    "DataNotInStorageError",
    "DerivedParameterGroup",
    "DesignError",
    "DeviceError",
    "Environment",
    "FileBusyError",
    "Generations",
    "GitDiffError",
    "HDF5StorageService",
    "HasLogger",
    "HasSlots",
    "InvalidNameError",
    "KnowsTrajectory",
    "LazyStorageService",
    "MemoryStorageService",
    "MissingFileError",
    "MultiprocContext",
    "NNGroupNode",
    "NNLeafNode",
    "NameTakenError",
    "NoSuchServiceError",
    "NodeNotFoundError",
    "NotInRunError",
    "NotUniqueNodeError",
    "ObjectTable",
    "Parameter",
    "ParameterGroup",
    "ParameterLockedException",
    "PickleParameter",
    "PickleRefusedError",
    "PickleResult",
    "PlanMismatchError",
    "PresettingError",
    "PypetError",
    "ReadOnlyFileError",
    "Result",
    "ResultGroup",
    "RunFailedError",
    "SparseParameter",
    "SparseResult",
    "StorageError",
    "TooManyGroupsError",
    "TracingError",
    "Trajectory",
    "TrajectoryNotFoundError",
    "UnknownClassError",
    "UnsupportedValueError",
    "VerifyReport",
    "VersionMismatchError",
    "__version__",
    "cartesian_product",
    "cases",
    "compact_hdf5_file",
    "explore",
    "find_unique_points",
    "grid",
    "load_trajectory",
    "loggrid",
    "manual_run",
    "merge_all_in_folder",
    "one_at_a_time",
    "progressbar",
    "racedirs",
    "random",
    "rename_log_file",
    "takes_state",
    "zipped",
]


def __getattr__(name: str) -> _Any:
    if name == "ObjectTable":  # a class of pandas, which loads only when somebody wants it
        from pypet_ng.encoding.objecttable import ObjectTable

        return ObjectTable
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _announce() -> None:
    from pypet_ng.compat import modules

    modules.announce()
    if "PYPET_NG_COMPAT" in _os.environ:  # a worker of a process in which pypet means pypet_ng
        from pypet_ng.compat import install

        install()


_announce()
