"""pypet_ng: explore the parameter space of a simulation and keep parameters and results together."""

from __future__ import annotations

from pypet_ng._version import __version__
from pypet_ng.engine.progressbar import progressbar
from pypet_ng.errors import (
    BrokenFileError,
    DataNotInStorageError,
    DesignError,
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
    PlanMismatchError,
    PresettingError,
    PypetError,
    ReadOnlyFileError,
    RunFailedError,
    StorageError,
    TooManyGroupsError,
    TrajectoryNotFoundError,
    UnsupportedValueError,
    VersionMismatchError,
)
from pypet_ng.spaces.designs import cases, grid, loggrid, one_at_a_time, random, zipped
from pypet_ng.spaces.product import cartesian_product, find_unique_points
from pypet_ng.storage.hdf5 import HDF5StorageService
from pypet_ng.storage.memory import MemoryStorageService
from pypet_ng.trajectory.adaptive import Generations
from pypet_ng.trajectory.environment import Environment
from pypet_ng.trajectory.groups import (
    ConfigGroup,
    DerivedParameterGroup,
    NNGroupNode,
    ParameterGroup,
    ResultGroup,
)
from pypet_ng.trajectory.leaves import BaseParameter, BaseResult, NNLeafNode
from pypet_ng.trajectory.load import load_trajectory
from pypet_ng.trajectory.multiproc import MultiprocContext
from pypet_ng.trajectory.parameter import Parameter
from pypet_ng.trajectory.result import Result
from pypet_ng.trajectory.three_lines import explore
from pypet_ng.trajectory.trajectory import Trajectory
from pypet_ng.trajectory.utilities import racedirs, rename_log_file

__all__ = [
    "BaseParameter",
    "BaseResult",
    "BrokenFileError",
    "ConfigGroup",
    "DataNotInStorageError",
    "DerivedParameterGroup",
    "DesignError",
    "Environment",
    "FileBusyError",
    "Generations",
    "GitDiffError",
    "HDF5StorageService",
    "InvalidNameError",
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
    "Parameter",
    "ParameterGroup",
    "ParameterLockedException",
    "PlanMismatchError",
    "PresettingError",
    "PypetError",
    "ReadOnlyFileError",
    "Result",
    "ResultGroup",
    "RunFailedError",
    "StorageError",
    "TooManyGroupsError",
    "Trajectory",
    "TrajectoryNotFoundError",
    "UnsupportedValueError",
    "VersionMismatchError",
    "__version__",
    "cartesian_product",
    "cases",
    "explore",
    "find_unique_points",
    "grid",
    "load_trajectory",
    "loggrid",
    "one_at_a_time",
    "progressbar",
    "racedirs",
    "random",
    "rename_log_file",
    "zipped",
]
