"""How do quantities at the points of a Space become tables and arrays with named dimensions?"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from pypet_ng._typing import Array
from pypet_ng.spaces import PointKeyAxis, Space
from pypet_ng.spaces.backend import host_array

if TYPE_CHECKING:
    import pandas
    import xarray

__all__ = ["dataset", "frame", "stacked"]

_POINT: Final = "point"


def stacked(values: Sequence[Any]) -> Array:
    """Give values as an array (point, ...); as objects where shapes differ or they are no numbers.

    None (no value) becomes NaN among real numbers, 0 among others; random keys become their words.
    """
    present = [host_array(value) for value in values if value is not None]
    shapes = {array.shape for array in present}
    kinds = {array.dtype.kind for array in present}
    if len(shapes) == 1 and kinds <= set("biufc") and kinds:
        dtype = np.result_type(*{array.dtype for array in present})
        if len(present) == len(values):
            return np.stack(present).astype(dtype, copy=False)
        column = np.full((len(values), *shapes.pop()), np.nan if dtype.kind in "fc" else 0, dtype)
        column[[value is not None for value in values]] = np.stack(present)
        return column
    objects = np.empty(len(values), object)
    for place, value in enumerate(values):
        objects[place] = value
    return objects


def _free(name: str, taken: Sequence[str]) -> str:
    """Give a name that is not in use."""
    while name in taken:
        name = f"result.{name}"
    return name


def _cells(column: Any) -> Any:
    """Give a column as one of a table: arrays are objects."""
    values = np.asarray(column)
    if values.ndim == 1:
        return values
    cells = np.empty(len(values), object)
    for place, value in enumerate(values):
        cells[place] = value
    return cells


def frame(space: Space, columns: Mapping[str, Any]) -> pandas.DataFrame:
    """Give the table of the axes, and of the columns by their names."""
    table = space.to_dataframe()
    taken = list(table.columns)
    for name, column in columns.items():
        free = _free(name, taken)
        taken.append(free)
        table[free] = _cells(column)
    return table


def dataset(space: Space, columns: Mapping[str, Any]) -> xarray.Dataset:
    """Give the columns over the dimensions of the space; its axes are the coordinates.

    Keys of points' own lie over all dimensions.
    """
    import xarray

    dims = _dimensions(space)
    shape = tuple(dim.size for dim in dims)
    names = tuple(dim.name for dim in dims)
    along = {place: dim for dim in dims for place in dim.places}
    coordinates = {}
    for place, (name, factor) in enumerate(zip(space.names, space.factors, strict=True)):
        if place in along:
            rows = np.arange(factor.size, dtype=np.int64) * factor.repeat
            over: tuple[str, ...] = (along[place].name,)
            values = space.gather(rows)[place]
        else:
            over = names
            values = space.gather()[place]
            values = values.reshape(*shape, *values.shape[1:])
        # xarray wants what is named as a dimension to have that one only
        free = name if values.ndim == 1 else f"{name}_values"
        coordinates[free] = _variable(over, free, values)
    variables: dict[str, Any] = {}
    for name, column in columns.items():
        values = np.asarray(column)
        free = _free(name, [*coordinates, *names, *variables])
        variables[free] = _variable(names, free, values.reshape(*shape, *values.shape[1:]))
    return xarray.Dataset(variables, coordinates)


def _variable(dims: tuple[str, ...], name: str, values: Array) -> tuple[tuple[str, ...], Array]:
    return (*dims, *(f"{name}_{place}" for place in range(values.ndim - len(dims)))), values


class _Dimension(NamedTuple):
    """What varies together in a product."""

    name: str
    size: int
    places: tuple[int, ...]
    """Of its axes among those of the space."""


def _dimensions(space: Space) -> list[_Dimension]:
    """Give the dimensions of a product, slowest first; of other spaces the points."""
    if space.mode != "product":
        return [_Dimension(_POINT, space.N, ())]
    together: dict[tuple[bool, Hashable], list[int]] = {}
    for place, axis in enumerate(space.axes):
        if not isinstance(axis, PointKeyAxis):  # has a value per point and adds none
            grouped = axis.group is not None
            together.setdefault((grouped, axis.group if grouped else place), []).append(place)
    if not together:
        return [_Dimension(_POINT, space.N, ())]
    dims = []
    # Where repeats are equal all but one of the sizes are 1, so their order does not matter.
    for (_, label), places in sorted(together.items(), key=lambda one: -space.factors[one[1][0]].repeat):
        others = {name for place, name in enumerate(space.names) if place not in places}
        named = isinstance(label, str) and len(places) > 1 and label not in others
        name = str(label) if named else space.names[places[0]]
        dims.append(_Dimension(name, space.factors[places[0]].size, tuple(places)))
    return dims
