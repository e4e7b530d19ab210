"""Which small experiments do the tests of this folder share?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pypet_ng.experiments import Dynamics, Exploration, ExplorationAxis, SimulationExperiment


def van_der_pol() -> Dynamics:
    """Give a model of two states."""
    model = Dynamics("VdP")
    model.add_parameter("mu", 1.0, description="Damping parameter")
    model.add_state_variable("x", equation="z", initial_value=0.1)
    model.add_state_variable("z", equation="mu*(1 - x**2)*z - x", initial_value=0.0)
    return model


def decay(rate: float = 1.0) -> Dynamics:
    """Give exponential decay, whose truth is known."""
    model = Dynamics("Decay")
    model.add_parameter("k", rate)
    model.add_state_variable("x", "-k*x", 1.0)
    return model


def experiment(
    model: Dynamics | None = None, duration: float = 1.0, step: float = 0.01
) -> SimulationExperiment:
    """Give an experiment that explores nothing yet."""
    exp = SimulationExperiment(dynamics=model or van_der_pol())
    exp.integration.duration = duration
    exp.integration.step_size = step
    return exp


def swept(
    parameter: str, values: Sequence[float], exp: SimulationExperiment | None = None, **more: Any
) -> SimulationExperiment:
    """Give an experiment with one sweep, ``'s'``."""
    found = experiment() if exp is None else exp
    axis = ExplorationAxis(parameter=parameter, explored_values=list(values))
    found.explorations["s"] = Exploration(name="s", space=axis, **more)
    return found


def series(
    exp: SimulationExperiment, backend: str = "numpy", key: str = "s", **options: Any
) -> np.ndarray[Any, Any]:
    """Run, and give the series of one exploration."""
    return np.asarray(exp.run(backend, **options).explorations[key].results)
