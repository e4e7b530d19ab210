"""Does a declaration fit together, before anything is run?"""

from __future__ import annotations

from typing import Any

from pypet_ng.errors import DesignError, near_names
from pypet_ng.experiments.experiment import Exploration, SimulationExperiment
from pypet_ng.experiments.parts import Observation, number

__all__ = ["check", "source_of"]


def check(experiment: SimulationExperiment) -> None:
    """Raise DesignError (a ValueError) for the first thing that does not fit."""
    from pypet_ng.experiments.system import parameter_names

    model = experiment.dynamics
    model.check()
    experiment.integration.check()
    experiment.network.check(model)
    noise = experiment.integration.noise
    for name in noise.state_variables if noise is not None else ():
        if name not in model.state_variables:
            raise DesignError(
                f"There is noise for {name!r}, no state variable.{near_names(name, model.state_variables)}"
            )
    if noise is not None and noise.sigma < 0:
        raise DesignError(f"The sigma of the noise is {noise.sigma!r}: give a number from 0 on.")
    known = parameter_names(experiment)
    for key, exploration in experiment.explorations.items():
        if not isinstance(exploration, Exploration):
            raise DesignError(
                f"explorations[{key!r}] is {exploration!r:.80}: give an Exploration(...), not a {type(exploration).__name__}."
            )
        if not str(key).isidentifier():
            raise DesignError(f"The exploration {key!r} needs a name of letters, digits and '_'.")
        exploration.check(key, known)
        _check_record(key, exploration, list(model.state_variables), bool(experiment.observations))
    for key, observation in experiment.observations.items():
        if not isinstance(observation, Observation):
            raise DesignError(
                f"observations[{key!r}] is {observation!r:.80}: give an Observation(...), not a {type(observation).__name__}."
            )
        _check_observation(experiment, key, observation)


def _check_record(key: str, exploration: Exploration, states: list[str], observed: bool) -> None:
    record = exploration.record
    if record is None or record == "all":
        return
    if record == "observations":
        if not observed:
            raise DesignError(f"The exploration {key!r} records observations only, but none are declared.")
        return
    for name in [record] if isinstance(record, str) else record:
        if name not in states:
            raise DesignError(
                f"The exploration {key!r} records {name!r}: give 'all', 'observations', or state variables."
                f"{near_names(name, [*states, 'all', 'observations'])}"
            )


def source_of(experiment: SimulationExperiment, key: str, observation: Observation) -> str:
    """Give the state variable an observation looks at; DesignError if it is unknown or not said."""
    states = list(experiment.dynamics.state_variables)
    given = observation.source
    if given is None and observation.pipeline:
        given = observation.pipeline[0].input
    if given is None and len(states) == 1:
        given = states[0]
    if given not in states:
        raise DesignError(
            f"The observation {key!r} looks at {given!r}, which is no state variable; there are "
            f"{', '.join(map(repr, states))}.{near_names(str(given), states)}"
        )
    return given


def _check_observation(experiment: SimulationExperiment, key: str, observation: Observation) -> None:
    from pypet_ng.experiments.functions import find_function

    if not str(key).isidentifier() or key == "series":
        raise DesignError(f"The observation {key!r} needs another name, of letters, digits and '_'.")
    observation.__post_init__()  # fields may have been set since it was made
    source_of(experiment, key, observation)
    integration = experiment.integration
    samples = integration.n_samples
    if (
        observation.skip_t is not None
        and not 0 <= number(observation.skip_t, "skip_t") < integration.duration
    ):
        raise DesignError(
            f"skip_t={observation.skip_t!r} of {key!r} leaves nothing of duration={integration.duration:g}."
        )
    if observation.tail_samples is not None:
        tail = number(observation.tail_samples, f"tail_samples of {key!r}", above=0, whole=True)
        if tail > samples:
            raise DesignError(
                f"tail_samples={observation.tail_samples} of {key!r}: there are only {samples} samples."
            )
    if observation.window_size is not None:
        number(observation.window_size, f"window_size of {key!r}", above=0)
    for place, call in enumerate(observation.pipeline):
        if call.callable is None:
            raise DesignError(
                f"Step {place} of the pipeline of {key!r} has no callable: give Callable(name, module)."
            )
        if place and call.input is not None and call.input not in _outputs(observation, place):
            raise DesignError(
                f"Step {place} of the pipeline of {key!r} takes {call.input!r}: only the first step takes a state "
                "variable, each later one what the step before it gave."
            )
        find_function(call.callable)


def _outputs(observation: Observation, place: int) -> list[Any]:
    return [call.name for call in observation.pipeline[:place]] + [observation.source]
