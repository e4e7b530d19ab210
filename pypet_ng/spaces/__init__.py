"""Which points are explored, and how are they held without an object per run?"""

from importlib.util import find_spec
from typing import Final

from pypet_ng.spaces.axes import AbstractAxis, DataAxis, GridAxis, LogGridAxis, UniformAxis
from pypet_ng.spaces.collecting import LAST_POINT
from pypet_ng.spaces.columns import ArrayColumn, Column, ListColumn, OpaqueColumn, column_of
from pypet_ng.spaces.compare import Relation, relate
from pypet_ng.spaces.covering import HaltonAxis, LatinHypercubeAxis, SobolAxis, halton, latin_hypercube, sobol
from pypet_ng.spaces.definition import Definition
from pypet_ng.spaces.derived import ChainColumn, IndexedColumn, PeriodicColumn
from pypet_ng.spaces.drawn import ChoiceAxis, NormalAxis, NumPyroAxis, PointKeyAxis, SeedAxis
from pypet_ng.spaces.keys import Key, by_name, by_position
from pypet_ng.spaces.layout import Layout
from pypet_ng.spaces.plan import Plan
from pypet_ng.spaces.product import cartesian_product, find_unique_points
from pypet_ng.spaces.rows import case_axes
from pypet_ng.spaces.space import Space
from pypet_ng.spaces.validators import register_validator, unregister_validator

__all__ = [
    "LAST_POINT",
    "NUMPYRO_AVAILABLE",
    "AbstractAxis",
    "ArrayColumn",
    "ChainColumn",
    "ChoiceAxis",
    "Column",
    "DataAxis",
    "Definition",
    "GridAxis",
    "HaltonAxis",
    "IndexedColumn",
    "Key",
    "LatinHypercubeAxis",
    "Layout",
    "ListColumn",
    "LogGridAxis",
    "NormalAxis",
    "NumPyroAxis",
    "OpaqueColumn",
    "PeriodicColumn",
    "Plan",
    "PointKeyAxis",
    "Relation",
    "SeedAxis",
    "SobolAxis",
    "Space",
    "UniformAxis",
    "by_name",
    "by_position",
    "cartesian_product",
    "case_axes",
    "column_of",
    "find_unique_points",
    "halton",
    "latin_hypercube",
    "register_validator",
    "relate",
    "sobol",
    "unregister_validator",
]

NUMPYRO_AVAILABLE: Final = find_spec("numpyro") is not None
"""Whether NumPyro is installed, for scripts that ask; nothing is imported."""
