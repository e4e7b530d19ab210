"""How do quantities at the points of a Space become tables and arrays with named dimensions?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pypet_ng._typing import Array
from pypet_ng.spaces import Space

if TYPE_CHECKING:
    import pandas
    import xarray

__all__ = ["dataset", "frame", "stacked"]

_POINT: Final = "point"


def stacked(values: Sequence[Any]) -> Array:
    """Give values as an array (point, ...); as objects where shapes differ or they are no numbers.

    None (no value) becomes NaN among real numbers, 0 among others.
    """
    present = [np.asarray(value) for value in values if value is not None]
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
    """Give the columns over the dimensions of the space; its axes are the coordinates."""
    import xarray

    dims, shape = _dimensions(space)
    coordinates = {}
    along = {name: dim for dim, (_, names, _) in dims.items() for name in names}
    for place, (name, factor) in enumerate(zip(space.names, space.factors, strict=True)):
        if name in along:
            rows = np.arange(factor.size, dtype=np.int64) * factor.repeat
            values = space.gather(rows)[place]
        else:
            values = space.gather()[place]
        # xarray wants what is named as a dimension to have that one only
        free = name if values.ndim == 1 else f"{name}_values"
        coordinates[free] = _variable((along.get(name, _POINT),), free, values)
    variables: dict[str, Any] = {}
    names = tuple(dims) or (_POINT,)
    for name, column in columns.items():
        values = np.asarray(column)
        free = _free(name, [*coordinates, *names, *variables])
        variables[free] = _variable(names, free, values.reshape(*shape, *values.shape[1:]))
    return xarray.Dataset(variables, coordinates)


def _variable(dims: tuple[str, ...], name: str, values: Array) -> tuple[tuple[str, ...], Array]:
    return (*dims, *(f"{name}_{place}" for place in range(values.ndim - len(dims)))), values


def _dimensions(space: Space) -> tuple[dict[str, tuple[int, list[str], int]], tuple[int, ...]]:
    """Give the dimensions of a product, slowest first, each with its repeat, axes and size; else none."""
    found: dict[tuple[int, int], list[int]] = {}
    for place, factor in enumerate(space.factors):
        found.setdefault((factor.repeat, factor.size), []).append(place)
    ordered = sorted(found, reverse=True)
    shape = tuple(size for _, size in ordered)
    repeats = [repeat for repeat, _ in ordered]
    expected = [int(np.prod(shape[place + 1 :], dtype=object)) for place in range(len(shape))]
    if space.mode != "product" or repeats != expected or int(np.prod(shape, dtype=object)) != space.N:
        return {}, (space.N,)
    dims = {}
    for repeat, size in ordered:
        places = found[repeat, size]
        names = [space.names[place] for place in places]
        group = space.axes[places[0]].group
        dims[names[0] if len(names) == 1 or not isinstance(group, str) else group] = (repeat, names, size)
    return dims, shape
