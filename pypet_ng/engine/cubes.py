"""How do columns become xarray objects whose dimensions are the explored parameters?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pypet_ng._typing import Array, Path
from pypet_ng.engine.collecting import Catalog, Entry, shortest_names
from pypet_ng.engine.columns import Column, is_scalar
from pypet_ng.engine.session import Session
from pypet_ng.engine.tables import scalar_entries
from pypet_ng.errors import DesignError
from pypet_ng.spaces import columns as plans
from pypet_ng.spaces.grids import Grid, find_grid, make_grid

__all__ = ["cube"]

RUN_DIM = "run"


def cube(session: Session, names: Any = None, dims: str | Iterable[str] | None = None) -> Any:
    """Give a DataArray of one name, or a Dataset of several, see ``Trajectory.f_to_xarray``."""
    import xarray as xr

    catalog = Catalog(session)
    explored = dict(zip(session.plan.names, catalog.explored, strict=True))
    labels = dict(zip(explored, shortest_names(list(explored.values()), (RUN_DIM,)), strict=True))
    grid = _grid(session, catalog, dims)
    axes = [labels[path] for path in grid.axes] if grid is not None else [RUN_DIM]
    coords = _coordinates(session, catalog, grid, labels, xr)
    single = isinstance(names, str) or hasattr(names, "v_full_name")
    entries, called = _chosen(catalog, [names] if single else names, list(coords))
    facts = {"trajectory": session.tree.root.name}
    variables: dict[str, Any] = {}
    for entry, name in zip(entries, called, strict=True):
        values = _values(catalog.column(entry, name), grid)
        tail = [f"{name}_{place}" for place in range(values.ndim - len(axes))]
        attrs = {"path": entry.full}
        if entry.comment:
            attrs["comment"] = entry.comment
        if single:
            attrs = {**facts, **attrs}
        variables[name] = xr.Variable([*axes, *tail], values, attrs)
    if single:
        return xr.DataArray(variables[called[0]], coords=coords, name=called[0])
    if session.tree.root.comment:
        facts["comment"] = session.tree.root.comment
    return xr.Dataset(variables, coords=coords, attrs=facts)


def _chosen(catalog: Catalog, names: Any, taken: list[str]) -> tuple[list[Entry], list[str]]:
    """Give what is asked for, and what it is called so that no coordinate is called the same."""
    if names is None:
        entries = scalar_entries(catalog, catalog.results)
        return entries, shortest_names(entries, taken)
    given = [getattr(name, "v_full_name", name) for name in names]
    entries = [catalog.find(name) for name in given]
    called = shortest_names(entries, taken)
    for place, name in enumerate(given):
        if name not in called and name not in taken:
            called[place] = name
    return entries, called


def _grid(session: Session, catalog: Catalog, dims: str | Iterable[str] | None) -> Grid | None:
    plan = session.plan
    if dims is None:
        return find_grid(plan)
    listed = [dims] if isinstance(dims, str) else list(dims)
    if listed in ([], [RUN_DIM]):
        return None
    paths: list[Path] = []
    for name in listed:
        path = catalog.find_explored(name).path
        if path in paths:
            raise DesignError(f"dims names {name!r} twice")
        paths.append(path)
    return make_grid(plan, paths)


def _coordinates(
    session: Session, catalog: Catalog, grid: Grid | None, labels: dict[Path, str], xr: Any
) -> dict[str, Any]:
    plan = session.plan
    comments = {entry.path: entry.comment for entry in catalog.explored}

    def variable(path: Path, dims: Sequence[str], values: Array) -> Any:
        attrs = {"path": ".".join(path)}
        if comments[path]:
            attrs["comment"] = comments[path]
        return xr.Variable(dims, values, attrs)

    if grid is None:
        coords: dict[str, Any] = {RUN_DIM: np.arange(len(plan), dtype=np.int64)}
        for path, label in labels.items():
            values = Column(catalog.source(path), label).to_numpy()
            if values.ndim == 1:
                coords[label] = variable(path, [RUN_DIM], _labels(values))
        return coords
    coords = {}
    dims = [labels[path] for path in grid.axes]
    for path, axis in grid.axes.items():
        coords[labels[path]] = variable(path, [labels[path]], _axis(axis))
    for path, (head, axis) in grid.beside.items():
        coords[labels[path]] = variable(path, [labels[head]], _axis(axis))
    for path, label in labels.items():
        if label not in coords:  # explored, but no dimension of the grid that was asked for
            values = _values(Column(catalog.source(path), label), grid)
            if values.ndim == len(dims):
                coords[label] = variable(path, dims, values)
    return coords


def _axis(column: plans.Column) -> Array:
    """Give values as an axis' labels; what pandas cannot index becomes text."""
    numbers = column.array()
    if numbers is not None:
        return np.array(numbers)
    values = column.take()
    if all(type(value) is str for value in values):
        return np.array(values)
    labels = np.empty(len(values), object)
    for place, value in enumerate(values):
        labels[place] = value if is_scalar(value) else repr(value)[:200]
    if all(isinstance(value, np.generic) for value in values) and len({value.dtype for value in values}) == 1:
        return np.array(values)
    return labels


def _labels(values: Array) -> Array:
    """Give values in a type xarray can keep in files."""
    if values.dtype.kind == "T":
        return np.array(values.tolist(), object)
    return values


def _values(column: Column, grid: Grid | None) -> Array:
    """Give values with shape (*axes, ...); where there are gaps, numbers are float and hold NaN."""
    values = _labels(column.to_numpy())
    masked = isinstance(values, np.ma.MaskedArray)
    if masked or (grid is not None and not grid.full):
        if values.dtype.kind in "biu":
            values = values.astype(np.float64)
        if isinstance(values, np.ma.MaskedArray):
            values = values.filled(np.nan if values.dtype.kind in "fc" else None)
    if grid is None:
        return values
    spread = grid.spread(values)
    if not grid.full:
        gaps = grid.gaps()
        nothing: Any = np.nan if values.dtype.kind in "fc" else None
        if values.dtype.kind in "mM":
            nothing = np.array("NaT", values.dtype)
        spread[gaps] = nothing
    return spread
