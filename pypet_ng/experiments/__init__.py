"""How is an experiment on a dynamical system declared, run, and looked at?

::

    from pypet_ng.experiments import Dynamics, Exploration, ExplorationAxis, SimulationExperiment

    exp = SimulationExperiment(dynamics=Dynamics.from_db("Generic2dOscillator"))
    exp.explorations["a"] = Exploration(space=ExplorationAxis(parameter="a", explored_values=[-2, 0, 2]))
    result = exp.run(filename="a.hdf5")
"""

from pypet_ng.errors import EquationError
from pypet_ng.experiments.dynamics import Dynamics
from pypet_ng.experiments.experiment import Exploration, ExplorationAxis, Integration, SimulationExperiment
from pypet_ng.experiments.functions import register_function
from pypet_ng.experiments.network import Coupling, Network
from pypet_ng.experiments.outcome import ExperimentResult
from pypet_ng.experiments.parts import (
    Argument,
    Callable,
    Distribution,
    FunctionCall,
    Noise,
    Observation,
    Parameter,
    Range,
    StateVariable,
)
from pypet_ng.experiments.results import ExplorationResult
from pypet_ng.experiments.running import load_experiment

__all__ = [
    "Argument",
    "Callable",
    "Coupling",
    "Distribution",
    "Dynamics",
    "EquationError",
    "ExperimentResult",
    "Exploration",
    "ExplorationAxis",
    "ExplorationResult",
    "FunctionCall",
    "Integration",
    "Network",
    "Noise",
    "Observation",
    "Parameter",
    "Range",
    "SimulationExperiment",
    "StateVariable",
    "load_experiment",
    "register_function",
]
