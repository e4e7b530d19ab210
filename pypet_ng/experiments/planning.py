"""Which runs does an exploration consist of, and what is computed and kept for each?"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from pypet_ng._typing import Array
from pypet_ng.experiments.declaring import to_plain
from pypet_ng.experiments.experiment import Exploration, SimulationExperiment
from pypet_ng.experiments.observing import After, Running, Watch, watches
from pypet_ng.experiments.simulating import Program, method_name
from pypet_ng.experiments.system import make_system

__all__ = ["SIMULATION", "TRIAL", "Axis", "Task", "make_task", "node_name", "portable"]

SERIES_LIMIT: Final = 256 << 20
"""Bytes of series an exploration keeps unasked beside observations."""
TRIAL: Final = "trial"
SIMULATION: Final = "simulation"
"""Name of the one run of an experiment without explorations."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One explored parameter."""

    name: str
    explored_values: Array
    """Shape (n,)."""
    label: str = ""

    @property
    def n(self) -> int:
        """Number of values."""
        return len(self.explored_values)

    @property
    def lo(self) -> float:
        """Smallest value."""
        return float(self.explored_values.min())

    @property
    def hi(self) -> float:
        """Largest value."""
        return float(self.explored_values.max())


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """An exploration ready to be run."""

    key: str
    experiment: SimulationExperiment
    exploration: Exploration
    axes: tuple[Axis, ...]
    zipped: bool
    n_trials: int
    program: Program
    watched: tuple[Watch, ...]
    kept: tuple[int, ...]
    """Places of the states whose series are kept."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The grid of points without trials."""
        if self.zipped and self.axes:
            return (self.axes[0].n,)
        return tuple(axis.n for axis in self.axes)

    @property
    def n_points(self) -> int:
        """Number of points without trials."""
        return math.prod(self.shape)

    def columns(self) -> dict[str, Array]:
        """Give the values of each explored parameter, and the trials, over all runs in C order."""
        points: dict[str, Array] = {}
        if self.zipped:
            points = {axis.name: axis.explored_values for axis in self.axes}
        elif self.axes:
            grids = np.meshgrid(*(axis.explored_values for axis in self.axes), indexing="ij")
            points = {axis.name: grid.ravel() for axis, grid in zip(self.axes, grids, strict=True)}
        found = {name: np.repeat(values, self.n_trials) for name, values in points.items()}
        if self.n_trials > 1:
            found[TRIAL] = np.tile(np.arange(self.n_trials), self.n_points)
        return found

    def initial(self, trials: Sequence[int]) -> Array:
        """Give initial states, shape (state, point, node): drawn once per trial, the same at all points."""
        distinct = sorted(set(trials))
        drawn = np.stack([self._initial(trial) for trial in distinct], axis=1)
        place = {trial: position for position, trial in enumerate(distinct)}
        return np.ascontiguousarray(drawn[:, [place[trial] for trial in trials]])

    def _initial(self, trial: int) -> Array:
        nodes = self.program.system.n_nodes
        states = np.empty((len(self.program.system.states), nodes))
        for place, variable in enumerate(self.experiment.dynamics.state_variables.values()):
            if variable.distribution is None:
                assert variable.initial_value is not None
                states[place] = variable.initial_value
            else:
                root = (
                    self.experiment.seed if variable.distribution.seed is None else variable.distribution.seed
                )
                sequence = np.random.SeedSequence(root, spawn_key=(1, place, trial))
                states[place] = variable.distribution.draw(
                    np.random.default_rng(sequence), nodes, variable.name
                )
        return states

    def noise_seeds(self, trials: Sequence[int]) -> list[np.random.SeedSequence]:
        """Give what the noise of each run comes from: its trial alone."""
        noise = self.experiment.integration.noise
        root = self.experiment.seed if noise is None or noise.seed is None else noise.seed
        return [np.random.SeedSequence(root, spawn_key=(2, trial)) for trial in trials]

    def bytes_per_run(self, emitted: int) -> int:
        """Give how much the series of so many states of one run are."""
        return self.program.n_samples * self.program.system.n_nodes * 8 * emitted

    def declaration(self, backend: str) -> dict[str, str]:
        """Give, by part, texts that are the same where the numbers are: what is stored must agree with it."""
        plain = to_plain(self.experiment)
        dynamics = dict(plain.get("dynamics", {}))
        dynamics.pop("parameters", None)  # their values are parameters of their own
        parts: dict[str, Any] = {
            "dynamics": dynamics,
            "integration": plain.get("integration", {}),
            "network": plain.get("network", {}),
            "observations": plain.get("observations", {}),
            "seed": self.experiment.seed,
            "record": [self.program.system.states[place] for place in self.kept],
            "backend": backend,
        }
        return {name: _text(_without_words(part)) for name, part in parts.items()}


def _text(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _without_words(value: Any) -> Any:
    """Leave out what is for people only."""
    if isinstance(value, Mapping):
        words = ("description", "label", "unit", "reference", "symbol")
        return {name: _without_words(inner) for name, inner in value.items() if name not in words}
    if isinstance(value, list):
        return [_without_words(inner) for inner in value]
    return value


def node_name(name: str) -> str:
    """Give the name a node can have for any name of a quantity; the same wherever that is possible."""
    taken = re.fullmatch(r"(r|run|rts|runtoset)_(\d+|A)|par|param|conf|dpar|res|crun|crunset", name)
    parts = []
    for part in name.split("."):
        plain = re.sub(r"[^A-Za-z0-9_]", lambda mark: f"u{ord(mark[0]):x}", part)
        parts.append(plain if plain and not plain.startswith("_") and not taken else f"q{plain}")
    return ".".join(parts)


def portable(experiment: SimulationExperiment) -> SimulationExperiment:
    """Give a copy that later changes of the one given do not touch."""
    from pypet_ng.experiments.declaring import from_plain

    copy = from_plain(to_plain(experiment), type(experiment))
    assert isinstance(copy, type(experiment))
    return copy


def make_task(experiment: SimulationExperiment, key: str, exploration: Exploration) -> Task:
    """Give the task of an exploration of a checked experiment."""
    integration = experiment.integration
    axes = tuple(Axis(one.parameter, one.values(), one.label or "") for one in exploration.axes())
    system = make_system(experiment).simplified([axis.name for axis in axes])
    noise = integration.noise
    noisy: tuple[int, ...] = ()
    if noise is not None:
        chosen = noise.state_variables or system.states
        noisy = tuple(place for place, name in enumerate(system.states) if name in chosen)
    delayed = bool((system.delays[system.weights != 0] > 0).any())
    watched = watches(experiment)
    zipped = exploration.mode == "zip" and bool(axes)
    n_points = axes[0].n if zipped else math.prod(axis.n for axis in axes)
    total = n_points * exploration.n_trials * len(system.states) * integration.n_samples * system.n_nodes * 8
    kept = _kept(key, exploration, system.states, bool(watched), total)
    looked_at = {system.states.index(one.source) for one in watched if isinstance(one, After)}
    program = Program(
        system=system,
        method=method_name(integration.method, noisy=bool(noisy), delayed=delayed),
        dt=float(integration.step_size),
        every=integration.every,
        n_samples=integration.n_samples,
        n_transient=integration.n_transient,
        emit=tuple(sorted({*kept, *looked_at})),
        running=tuple(one for one in watched if isinstance(one, Running)),
        varied=tuple(sorted(system.parameters.index(axis.name) for axis in axes)),
        noisy=noisy,
        additive=noise.additive if noise is not None else True,
        correlated=noise.correlated if noise is not None else False,
        rtol=float(integration.rtol),
        atol=float(integration.atol),
    )
    return Task(
        key, experiment, exploration, axes, zipped, int(exploration.n_trials), program, tuple(watched), kept
    )


def _kept(
    key: str, exploration: Exploration, states: tuple[str, ...], observed: bool, total: int
) -> tuple[int, ...]:
    record = exploration.record
    every = tuple(range(len(states)))
    if record == "all":
        return every
    if record == "observations":
        return ()
    if record is not None:
        names = [record] if isinstance(record, str) else list(record)
        return tuple(states.index(name) for name in names)
    if observed and total > SERIES_LIMIT:
        warnings.warn(
            f"The series of the exploration {key!r} would be {total / 2**20:.0f} MiB, more than "
            f"{SERIES_LIMIT >> 20}: only its observations are kept. Use record='all' in its Exploration to keep them.",
            stacklevel=5,
        )
        return ()
    return every
