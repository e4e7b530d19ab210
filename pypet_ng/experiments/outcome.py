"""What does an experiment give: its explorations by key, and the plain simulation?"""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pypet_ng.experiments.backends import Backend
from pypet_ng.experiments.experiment import Exploration, SimulationExperiment
from pypet_ng.experiments.planning import SIMULATION, make_task
from pypet_ng.experiments.results import ExplorationResult

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ExperimentResult"]


class ExperimentResult:
    """The results of an experiment: ``explorations`` by key, and the plain simulation."""

    def __init__(
        self, experiment: SimulationExperiment, backend: Backend, explorations: dict[str, ExplorationResult]
    ) -> None:
        self.experiment = experiment
        """The declaration as it was run."""
        self._backend = backend
        self._found = explorations

    @property
    def backend(self) -> str:
        """The back end that did the runs."""
        return self._backend.name

    @property
    def explorations(self) -> dict[str, ExplorationResult]:
        """Results by the keys of the explorations."""
        return dict(self._found) if self.experiment.explorations else {}

    @cached_property
    def integration(self) -> xr.DataArray:
        """The experiment as declared, nothing explored: dimensions ``time``, ``variable``, ``node``.

        Where there are explorations it is simulated when it is first asked for, and not kept in the file.
        """
        if not self.experiment.explorations:
            return next(iter(self._found.values())).to_xarray().rename(SIMULATION)
        import xarray as xr

        from pypet_ng.experiments.declaring import from_plain, to_plain

        plain = {
            name: part
            for name, part in to_plain(self.experiment).items()
            if name not in ("explorations", "observations")
        }
        alone: SimulationExperiment = from_plain(plain, SimulationExperiment)
        task = make_task(alone, SIMULATION, Exploration(name=SIMULATION, record="all"))
        values = task.program.system.values[:, None]
        columns, _ = self._backend.columns(task, values, [0])
        shown = ExplorationResult(task, self._backend, next(iter(self._found.values())).traj)
        series = columns["series"][0]
        dims, coords = ["time", "variable"], {"time": shown.time, "variable": shown.output_names}
        if self._backend.has_nodes:
            return xr.DataArray(series, dims=[*dims, "node"], coords=coords, name=SIMULATION)
        return xr.DataArray(series[..., 0], dims=dims, coords=coords, name=SIMULATION)

    @property
    def observations(self) -> Mapping[str, Any]:
        """The observations of the plain simulation, where nothing was explored; {} else."""
        return {} if self.experiment.explorations else next(iter(self._found.values())).observations

    def __repr__(self) -> str:
        return f"ExperimentResult({self.experiment.name!r}, backend={self.backend!r}, explorations={list(self._found)})"

    def _repr_html_(self) -> str:
        parts = "".join(one._repr_html_() for one in self._found.values())
        model = self.experiment.dynamics.name
        return f"<details open><summary><b>{html.escape(self.experiment.name)}</b>: {html.escape(model)}</summary>{parts}</details>"
