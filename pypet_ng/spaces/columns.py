"""Which kinds of columns are there? (``held.py`` has those with values, ``derived.py`` the others.)"""

from pypet_ng.spaces.deferred import DeferredArray
from pypet_ng.spaces.derived import ChainColumn, IndexedColumn, PeriodicColumn, chain
from pypet_ng.spaces.held import (
    ArrayColumn,
    Column,
    ListColumn,
    OpaqueColumn,
    column_of,
    positions,
    same_values,
)

__all__ = [
    "ArrayColumn",
    "ChainColumn",
    "Column",
    "DeferredArray",
    "IndexedColumn",
    "ListColumn",
    "OpaqueColumn",
    "PeriodicColumn",
    "chain",
    "column_of",
    "positions",
    "same_values",
]
