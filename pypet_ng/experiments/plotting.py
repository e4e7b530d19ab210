"""How does the result of an exploration look?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pypet_ng.errors import DesignError, near_names

if TYPE_CHECKING:
    from pypet_ng.experiments.results import ExplorationResult

__all__ = ["plot"]

_MOST_LINES: Final = 64
_MOST_SAMPLES: Final = 4000
"""Samples drawn per line: more do not show."""


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError('Plots need matplotlib: pip install "pypet_ng[plot]"') from error
    return plt


def plot(result: ExplorationResult, *, overlay: bool, variable: str | None, **options: Any) -> Any:
    """Plot series, or observations where there are no series or one is named; gives the figure."""
    observed = list(result.observations)
    states = result.output_names
    name = variable or (states[0] if states else observed[0] if observed else None)
    if name in states:
        return _series(result, states.index(name), overlay, **options)
    if name in observed:
        return _observation(result, name, **options)
    known = [*states, *observed]
    raise DesignError(
        f"There is no {name!r} to plot; there are {', '.join(known)}.{near_names(str(name), known)}"
    )


def _titles(result: ExplorationResult) -> list[str]:
    columns = {axis.name: axis.explored_values for axis in result.axes}
    if len(result.shape) == len(columns) and columns:
        grids = np.meshgrid(*columns.values(), indexing="ij")
        columns = {name: grid.ravel() for name, grid in zip(columns, grids, strict=True)}
    points = [
        ", ".join(f"{name}={values[place]:.4g}" for name, values in columns.items())
        for place in range(math.prod(result.shape))
    ]
    if result.n_trials == 1:
        return points
    return [
        ", ".join(filter(None, (point, f"trial={trial}")))
        for point in points
        for trial in range(result.n_trials)
    ]


def _series(result: ExplorationResult, place: int, overlay: bool, **options: Any) -> Any:
    plt = _pyplot()
    stored = result.results
    assert stored is not None
    titles = _titles(result)
    count = min(len(titles), _MOST_LINES)
    step = max(1, len(result.time) // _MOST_SAMPLES)
    times = result.time[::step]
    cut = f" (the first {count} of {len(titles)})" if count < len(titles) else ""
    lines = []
    for number in range(count):
        index = (number,) if len(result.runs_shape) == 1 else divmod(number, result.n_trials)
        values = np.asarray(stored[(*index, slice(None, None, step), place)])
        lines.append(values if values.ndim == 1 else values.reshape(len(times), -1))
    scale = result.experiment.integration.time_scale
    if overlay or count == 1:
        figure, axes = plt.subplots(**options)
        colours = plt.get_cmap("viridis")(np.linspace(0, 0.95, count))
        for values, title, colour in zip(lines, titles, colours, strict=False):
            drawn = axes.plot(times, values, color=colour, linewidth=1.0)
            drawn[0].set_label(title or None)
        if count > 1 and count <= 12:
            axes.legend(fontsize="small")
        axes.set_xlabel(f"time ({scale})")
        axes.set_ylabel(result.output_names[place])
        axes.set_title(f"{result.exploration.label or result.name}{cut}")
        return figure
    width = math.ceil(math.sqrt(count))
    height = math.ceil(count / width)
    options.setdefault("figsize", (3.2 * width, 2.4 * height))
    figure, grid = plt.subplots(height, width, sharex=True, squeeze=False, **options)
    for number, axes in enumerate(grid.ravel()):
        if number >= count:
            axes.set_visible(False)
            continue
        axes.plot(times, lines[number], linewidth=0.8)
        axes.set_title(titles[number], fontsize="small")
    figure.supxlabel(f"time ({scale})")
    figure.supylabel(result.output_names[place])
    return figure


def _observation(result: ExplorationResult, name: str, **options: Any) -> Any:
    plt = _pyplot()
    values = result.observations[name]
    figure, axes = plt.subplots(**options)
    names = [axis.name for axis in result.axes if axis.name in values.dims]
    spread = "trial" in values.dims
    others = [dim for dim in values.dims if dim not in (*names, "trial", "point")]
    if others:  # what is left of time and nodes: its mean stands for it
        values = (
            values.mean([dim for dim in others if dim != "time"]) if names or "time" not in others else values
        )
        if "time" in values.dims and names:
            values = values.mean("time")
    middle = values.mean("trial") if spread and len(values.dims) > 1 else values
    if len(names) == 2 and middle.ndim == 2:
        middle.plot.pcolormesh(x=names[0], y=names[1], ax=axes)
    elif middle.ndim == 1:
        dim = middle.dims[0]
        axes.plot(middle[dim], middle, "o-" if middle.size <= 40 else "-")
        if spread and len(values.dims) > 1:
            width = values.std("trial")
            axes.fill_between(middle[dim], middle - width, middle + width, alpha=0.3)
        axes.set_xlabel(str(dim))
        axes.set_ylabel(name)
    else:
        drawn: Any = middle.plot
        drawn(ax=axes)
    axes.set_title(result.exploration.label or result.name)
    return figure
