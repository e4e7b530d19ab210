"""What is an experiment: a model, how it is integrated, what is explored and what is observed?"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pypet_ng._typing import Array
from pypet_ng.errors import DesignError
from pypet_ng.experiments.dynamics import Dynamics
from pypet_ng.experiments.network import Network
from pypet_ng.experiments.parts import Noise, Observation, Parameter, Range, choice, number

if TYPE_CHECKING:
    from pypet_ng.experiments.outcome import ExperimentResult
    from pypet_ng.trajectory.environment import Environment

__all__ = ["Exploration", "ExplorationAxis", "Integration", "SimulationExperiment"]


@dataclass
class Integration:
    """How the equations are integrated in time."""

    method: str = "Heun"
    """``'Euler'``, ``'Heun'``, ``'RungeKutta4thOrder'`` (``'RK4'``), with noise ``'EulerMaruyama'`` and
    ``'StochasticHeun'``; with adaptive steps ``'Tsit5'``, ``'Dopri5'``, ``'Dopri8'``, ``'Kvaerno5'``."""
    duration: float = 1000.0
    """Time that is recorded, after the transient."""
    step_size: float = 0.01220703125
    noise: Noise | None = None
    transient_time: float = 0.0
    """Time that is simulated first and not recorded."""
    sampling_step: float | None = None
    """Time between recorded samples, a multiple of `step_size`; default every step."""
    time_scale: str = "ms"
    rtol: float = 1e-10
    """Relative tolerance of adaptive methods."""
    atol: float = 1e-10

    def _count(self, span: float, what: str, least: int) -> int:
        count = round(span / self.step_size)
        if (
            abs(count * self.step_size - span) > 1e-6 * self.step_size * max(1.0, count * 1e-6)
            or count < least
        ):
            raise DesignError(
                f"{what}={span:g} is no whole number of steps of step_size={self.step_size:g} from {least} on."
            )
        return count

    @property
    def every(self) -> int:
        """Steps from one recorded sample to the next."""
        return 1 if self.sampling_step is None else self._count(self.sampling_step, "sampling_step", 1)

    @property
    def n_samples(self) -> int:
        """Number of recorded samples."""
        return self._count(self.duration, "duration", 1) // self.every

    @property
    def n_transient(self) -> int:
        """Number of steps before recording begins."""
        return self._count(self.transient_time, "transient_time", 0)

    @property
    def dt(self) -> float:
        """Time between recorded samples."""
        return float(self.step_size * self.every)

    def check(self) -> None:
        """Raise DesignError for what cannot be integrated."""
        for name in ("step_size", "duration", "rtol", "atol"):
            number(getattr(self, name), name, above=0)
        if number(self.transient_time, "transient_time") < 0:
            raise DesignError(f"transient_time is {self.transient_time!r}: give a number from 0 on.")
        if self.sampling_step is not None:
            number(self.sampling_step, "sampling_step", above=0)
        if self.n_samples < 1 or self._count(self.duration, "duration", 1) % self.every:
            raise DesignError(
                f"sampling_step={self.sampling_step!r} does not divide duration={self.duration:g}."
            )
        if (
            self.n_transient
            and self.noise is not None
            and number(self.noise.sigma, "The sigma of the noise") < 0
        ):
            raise DesignError(f"The sigma of the noise is {self.noise.sigma!r}: give a number from 0 on.")


@dataclass
class ExplorationAxis:
    """The values of one parameter: those given, or those of a domain."""

    parameter: str
    explored_values: Sequence[float] = ()
    domain: Range | None = None
    label: str | None = None
    description: str | None = None
    unit: str | None = None

    def values(self) -> Array:
        """Give the values, shape (n,); DesignError if they are not said."""
        what = f"The axis {self.parameter!r}"
        if len(self.explored_values):
            return np.array([number(v, f"{what}: a value") for v in self.explored_values])
        if self.domain is None:
            raise DesignError(f"{what} has no values: give explored_values=[...] or domain=Range(...).")
        return self.domain.values(what)


@dataclass
class Exploration:
    """Points of the parameter space at which the experiment is done.

    Axes come from `space` (an axis or a list of them) and from `parameters` with a domain; both may be
    given. ``mode='product'`` combines all with all, the first axis varying slowest; ``'zip'`` takes them
    side by side. Each point is done `n_trials` times, with initial values and noise of its own per trial
    (the same at all points).
    """

    name: str | None = None
    label: str | None = None
    description: str | None = None
    space: Any = ()
    parameters: Any = ()
    mode: str = "product"
    n_trials: int = 1
    record: str | Sequence[str] | None = None
    """Of which state variables the series are kept: names, ``'all'``, ``'observations'`` (of none), or
    None: of all, unless there are observations and the series are larger than 256 MiB."""
    strategy: str = "grid"

    def axes(self) -> list[ExplorationAxis]:
        """Give all axes in order."""
        space = self.space
        if isinstance(space, ExplorationAxis):
            space = [space]
        found = list(space.values() if isinstance(space, Mapping) else space or ())
        given = self.parameters
        if isinstance(given, Parameter):
            given = [given]
        for one in given.values() if isinstance(given, Mapping) else given or ():
            if isinstance(one, Parameter) and one.domain is not None:
                found.append(ExplorationAxis(parameter=one.name, domain=one.domain))
            elif isinstance(one, Parameter) and one.value is not None and np.ndim(one.value) == 1:
                found.append(ExplorationAxis(parameter=one.name, explored_values=list(np.asarray(one.value))))
            else:
                raise DesignError(
                    f"parameters= of the exploration {self.name!r} takes Parameter(name=, domain=Range(...)), not {one!r}."
                )
        for axis in found:
            if not isinstance(axis, ExplorationAxis):
                raise DesignError(
                    f"space= of the exploration {self.name!r} takes ExplorationAxis objects, not {axis!r}."
                )
        return found

    def check(self, key: str, known: Sequence[str]) -> None:
        """Raise DesignError for unknown parameters and values that do not fit; `key` names it."""
        from pypet_ng.errors import near_names

        what = f"The exploration {key!r}"
        choice(self.mode, ("product", "zip"), f"The mode of {what[4:]}")
        choice(self.strategy, ("grid",), f"The strategy of {what[4:]}")
        number(self.n_trials, f"n_trials of {what[4:]}", above=0, whole=True)
        axes = self.axes()
        names = [axis.parameter for axis in axes]
        for name in names:
            if name not in known:
                raise DesignError(
                    f"{what} explores {name!r}, which is no parameter; there are {', '.join(map(repr, known))}."
                    f"{near_names(name, known)}"
                )
            if names.count(name) > 1:
                raise DesignError(f"{what} has two axes for {name!r}: give one.")
        lengths = {axis.parameter: len(axis.values()) for axis in axes}
        if self.mode == "zip" and len(set(lengths.values())) > 1:
            raise DesignError(
                f"{what} zips axes of unequal lengths: "
                + ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
                + ". Give equally many values, or mode='product'."
            )


@dataclass(kw_only=True, repr=False)
class SimulationExperiment:
    """A model with all that is needed to run it, and what is to be explored and observed.

    ::

        exp = SimulationExperiment(dynamics=Dynamics.from_db("Generic2dOscillator"))
        exp.integration.duration = 800
        exp.explorations["a_sweep"] = Exploration(space=ExplorationAxis(parameter="a", explored_values=[-2, 0, 2]))
        exp.observations["mean_V"] = Observation(source="V", aggregation="mean")
        result = exp.run(filename="a_sweep.hdf5")
        result.explorations["a_sweep"].observations["mean_V"]
    """

    dynamics: Dynamics = field(default_factory=Dynamics)
    integration: Integration = field(default_factory=Integration)
    network: Network = field(default_factory=Network)
    explorations: dict[str, Exploration] = field(default_factory=dict)
    observations: dict[str, Observation] = field(default_factory=dict)
    name: str = "experiment"
    description: str = ""
    seed: int = 42
    """Root of the seeds of initial values and noise that have none of their own."""

    def check(self) -> None:
        """Raise DesignError for whatever does not fit together; nothing is run."""
        from pypet_ng.experiments.checking import check

        check(self)

    def run(
        self,
        backend: str = "jax",
        *,
        filename: str | os.PathLike[str] | None = None,
        env: Environment | None = None,
        **options: Any,
    ) -> ExperimentResult:
        """Do all explorations, or the one simulation if there are none, and give the results.

        Parameters
        ----------
        backend
            ``'jax'`` (``'tvboptim'`` means the same), ``'numpy'``, or ``'pyrates'``.
        filename
            An HDF5 file for everything: declaration, points, results. What is done there is not done
            again. Default: results stay in memory.
        env
            Instead of `filename`: an Environment, whose file and options are used.
        options
            Options of :class:`pypet_ng.Environment`, as ``report_progress=False``.

        DesignError, before anything runs, for a declaration that does not fit together.
        """
        from pypet_ng.experiments.running import run_experiment

        return run_experiment(self, backend, filename, env, options)

    def to_dict(self) -> dict[str, Any]:
        """Give the declaration as plain dictionaries, lists, numbers and text, without defaults."""
        from pypet_ng.experiments.declaring import to_plain

        found: dict[str, Any] = to_plain(self)
        return found

    def to_yaml(self) -> str:
        """Give the declaration as YAML text; :meth:`from_yaml` reads it."""
        from pypet_ng.experiments.declaring import to_yaml

        return to_yaml(self)

    @classmethod
    def from_yaml(cls, text: str) -> SimulationExperiment:
        """Give the experiment a YAML text declares; DesignError for unknown fields."""
        from pypet_ng.experiments.declaring import from_yaml

        found = from_yaml(text, cls)
        assert isinstance(found, cls)
        return found

    def __repr__(self) -> str:
        return (
            f"SimulationExperiment({self.dynamics.name!r}, {self.network.n_nodes} nodes, "
            f"explorations={list(self.explorations)}, observations={list(self.observations)})"
        )
