"""Which constants do scripts take from ``pypet.pypetconstants``?"""

from __future__ import annotations

from typing import Final

import numpy as np

from pypet_ng._version import __version__
from pypet_ng.tree.runnames import ALL_RUNS, ALL_SETS

VERSION: Final = __version__

# -- how much is loaded or stored -----------------------------------------------------------------
LOAD_NOTHING: Final = 0
LOAD_SKELETON: Final = 1
LOAD_DATA: Final = 2
UPDATE_SKELETON: Final = 1
UPDATE_DATA: Final = 2
OVERWRITE_DATA: Final = 3
STORE_NOTHING: Final = 0
STORE_DATA_SKIPPING: Final = 1
STORE_DATA: Final = 2

# -- how processes used to share the storage; accepted by the environment, and needless ---------------
WRAP_MODE_QUEUE: Final = "QUEUE"
WRAP_MODE_LOCK: Final = "LOCK"
WRAP_MODE_PIPE: Final = "PIPE"
WRAP_MODE_LOCAL: Final = "LOCAL"
WRAP_MODE_NETLOCK: Final = "NETLOCK"
WRAP_MODE_NETQUEUE: Final = "NETQUEUE"
WRAP_MODE_NONE: Final = "NONE"

# -- names of runs -------------------------------------------------------------------------------
FORMAT_ZEROS: Final = 8
RUN_NAME: Final = "run_"
RUN_NAME_DUMMY: Final = ALL_RUNS
FORMATTED_RUN_NAME: Final = "run_%08d"
SET_FORMAT_ZEROS: Final = 5
SET_NAME: Final = "run_set_"
SET_NAME_DUMMY: Final = ALL_SETS
FORMATTED_SET_NAME: Final = "run_set_%05d"

# -- words in the names of log files ---------------------------------------------------------------
LOG_ENV: Final = "$env"
LOG_TRAJ: Final = "$traj"
LOG_RUN: Final = "$run"
LOG_PROC: Final = "$proc"
LOG_HOST: Final = "$host"
LOG_SET: Final = "$set"
DEFAULT_LOGGING: Final = "DEFAULT"

# -- so much of a text the overview tables of pypet show -------------------------------------------
HDF5_STRCOL_MAX_NAME_LENGTH: Final = 128
HDF5_STRCOL_MAX_LOCATION_LENGTH: Final = 512
HDF5_STRCOL_MAX_VALUE_LENGTH: Final = 64
HDF5_STRCOL_MAX_COMMENT_LENGTH: Final = 512
HDF5_STRCOL_MAX_RANGE_LENGTH: Final = 1024
HDF5_STRCOL_MAX_RUNTIME_LENGTH: Final = 18

PARAMETER_SUPPORTED_DATA: Final[tuple[type, ...]] = (
    *(np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64),
    *(np.bool_, np.float32, np.float64, np.complex64, np.complex128, np.str_),
    *(bool, int, float, complex, str, bytes),
)
"""Scalars that any parameter takes; pypet_ng's take much more."""

__all__ = [name for name in dir() if name.isupper()]
