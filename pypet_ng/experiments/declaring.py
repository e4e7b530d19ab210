"""How does a declaration become plain text, and the text a declaration?"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from pypet_ng.errors import DesignError, near_names
from pypet_ng.experiments.dynamics import Dynamics
from pypet_ng.experiments.equations import expression_text
from pypet_ng.experiments.experiment import Exploration, ExplorationAxis, Integration, SimulationExperiment
from pypet_ng.experiments.network import Coupling, Network
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

__all__ = ["from_plain", "from_yaml", "to_plain", "to_yaml"]

_INSIDE: Final[Mapping[tuple[type, str], type]] = {
    (SimulationExperiment, "dynamics"): Dynamics,
    (SimulationExperiment, "integration"): Integration,
    (SimulationExperiment, "network"): Network,
    (SimulationExperiment, "explorations"): Exploration,
    (SimulationExperiment, "observations"): Observation,
    (Dynamics, "parameters"): Parameter,
    (Dynamics, "state_variables"): StateVariable,
    (Parameter, "domain"): Range,
    (StateVariable, "domain"): Range,
    (StateVariable, "distribution"): Distribution,
    (Distribution, "domain"): Range,
    (Integration, "noise"): Noise,
    (Noise, "parameters"): Parameter,
    (Network, "coupling"): Coupling,
    (Exploration, "space"): ExplorationAxis,
    (Exploration, "parameters"): Parameter,
    (ExplorationAxis, "domain"): Range,
    (Observation, "pipeline"): FunctionCall,
    (FunctionCall, "callable"): Callable,
    (FunctionCall, "arguments"): Argument,
}
"""What lies in a field: one such object, a list, or a dictionary of them by name."""


def to_plain(value: Any) -> Any:
    """Give a declaration, or a part of one, in dictionaries, lists, numbers and text; defaults left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        found = {}
        for field in dataclasses.fields(value):
            inner = getattr(value, field.name)
            default = (
                field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
            )
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                default = dataclasses.MISSING
            plain = to_plain(inner)
            if default is dataclasses.MISSING or plain != to_plain(default):
                found[field.name] = plain
        return found
    if isinstance(value, Mapping):
        return {str(name): to_plain(inner) for name, inner in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [to_plain(inner) for inner in value]
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if hasattr(value, "free_symbols"):
        return expression_text(value.rhs if getattr(value, "is_Equality", False) else value)
    if hasattr(value, "__array__"):
        return np.asarray(value).tolist()
    raise DesignError(
        f"{value!r} ({type(value).__name__}) cannot be part of a declaration: give numbers or text."
    )


def from_plain(data: Any, kind: type) -> Any:
    """Give the object of a class that :func:`to_plain` described; DesignError for unknown fields."""
    if not isinstance(data, Mapping):
        raise DesignError(f"A {kind.__name__} is described by a dictionary, not by {data!r:.80}.")
    fields = {field.name for field in dataclasses.fields(kind)}
    given: dict[str, Any] = {}
    for name, inner in data.items():
        if name not in fields:
            raise DesignError(f"A {kind.__name__} has no {name!r}.{near_names(str(name), fields)}")
        inside = _INSIDE.get((kind, name))
        given[name] = inner if inside is None else _inner(inner, kind, name, inside)
    try:
        return kind(**given)
    except TypeError as error:
        raise DesignError(f"A {kind.__name__} cannot be made of {sorted(given)}: {error}") from None


_ONE: Final[Mapping[tuple[type, str], str]] = {
    (Exploration, "space"): "parameter",
    (Exploration, "parameters"): "name",
    (FunctionCall, "arguments"): "name",
}
"""Fields that hold one object or several: what only the description of one has, as text."""
_SEVERAL: Final = frozenset(
    {
        (SimulationExperiment, "explorations"),
        (SimulationExperiment, "observations"),
        (Dynamics, "parameters"),
        (Dynamics, "state_variables"),
        (Noise, "parameters"),
    }
)
"""Fields that hold a dictionary of objects by name."""


def _inner(data: Any, owner: type, name: str, kind: type) -> Any:
    if data is None:
        return None
    if isinstance(data, list):
        return [from_plain(one, kind) for one in data]
    if not isinstance(data, Mapping):
        raise DesignError(f"{name!r} is {data!r:.80}: it holds a {kind.__name__}, or several.")
    mark = _ONE.get((owner, name), "")
    if (owner, name) in _SEVERAL or (mark and not isinstance(data.get(mark), str)):
        if owner in (Noise, FunctionCall):  # there a value may stand for itself
            return {
                key: from_plain(one, kind) if isinstance(one, Mapping) else one for key, one in data.items()
            }
        if all(isinstance(one, Mapping) for one in data.values()):
            return {key: from_plain(one, kind) for key, one in data.items()}
    return from_plain(data, kind)


def _yaml() -> Any:
    try:
        import yaml
    except ImportError as error:
        raise ImportError('Declarations are written as YAML: pip install "pypet_ng[dynamics]"') from error
    return yaml


def to_yaml(declared: Any) -> str:
    """Give a declaration as YAML text, in the order of its fields."""
    text: str = _yaml().safe_dump(
        to_plain(declared), sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )
    return text


def from_yaml(text: str, kind: type) -> Any:
    """Give the object of a class that a YAML text describes; DesignError. The text cannot run code."""
    yaml = _yaml()
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DesignError(f"This is no YAML: {error}") from None
    return from_plain(data, kind)
