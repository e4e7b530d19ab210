"""Which points are explored, and how are they held without an object per run?"""

from pypet_ng.spaces.columns import ArrayColumn, Column, ListColumn, OpaqueColumn, column_of
from pypet_ng.spaces.compare import Relation, relate
from pypet_ng.spaces.derived import ChainColumn, IndexedColumn, PeriodicColumn
from pypet_ng.spaces.plan import Plan
from pypet_ng.spaces.product import cartesian_product, find_unique_points

__all__ = [
    "ArrayColumn",
    "ChainColumn",
    "Column",
    "IndexedColumn",
    "ListColumn",
    "OpaqueColumn",
    "PeriodicColumn",
    "Plan",
    "Relation",
    "cartesian_product",
    "column_of",
    "find_unique_points",
    "relate",
]
