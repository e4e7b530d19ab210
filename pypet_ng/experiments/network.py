"""Which nodes are there, and what do they send each other?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pypet_ng._typing import Array
from pypet_ng.errors import DesignError, near_names
from pypet_ng.experiments.dynamics import Dynamics
from pypet_ng.experiments.equations import parse

__all__ = ["Coupling", "Network"]


@dataclass
class Coupling:
    """What node i gets: ``G * sum_j weights[i, j] * pre(x_i(t), x_j(t - delays[i, j]))``.

    ``pre`` is linear by default (``x_j``); other texts, as ``'sin(x_j - x_i)'`` or ``'a*x_j + b'``, may use
    `parameters`. The sum takes the place of the coupling term `target` in the equations, or is added to the
    derivative of the state variable `target`.
    """

    name: str = "Coupling"
    source: str | None = None
    """State variable that is sent; default: the one declared with ``coupling_variable=True``."""
    target: str | None = None
    """Default: the model's coupling term if it has one, else the source."""
    pre: str = "x_j"
    parameters: Mapping[str, float] = field(default_factory=dict)
    """``G`` is 1 if it is not given."""

    def values(self) -> dict[str, float]:
        """Give all parameters by name, ``G`` first."""
        found = {"G": 1.0}
        for name, value in self.parameters.items():
            found[name] = float(getattr(value, "value", value))
        return found

    def expression(self) -> Any:
        """Give ``pre`` as a sympy expression; EquationError."""
        return parse(self.pre, ["x_i", "x_j", *self.values()], f"{self.name}.pre")

    def ends(self, model: Dynamics) -> tuple[str, str]:
        """Give source and target; DesignError where they are not said or unknown."""
        states = list(model.state_variables)
        sent = [name for name, one in model.state_variables.items() if one.coupling_variable]
        source = self.source or (sent[0] if len(sent) == 1 else states[0] if len(states) == 1 else None)
        if source is None:
            raise DesignError(
                f"What {self.name!r} sends is not said: give source=, one of {', '.join(map(repr, states))}."
            )
        if source not in states:
            raise DesignError(
                f"The source {source!r} of {self.name!r} is no state variable.{near_names(source, states)}"
            )
        terms = list(model.coupling_terms)
        target = self.target or (terms[0] if terms else source)
        if target not in (*states, *terms):
            raise DesignError(
                f"The target {target!r} of {self.name!r} is neither a coupling term nor a state variable."
                f"{near_names(target, [*states, *terms])}"
            )
        return source, target


@dataclass
class Network:
    """Nodes that all have the same model, and what runs between them. One node by default."""

    weights: Any = ((0.0,),)
    """Shape (node, node): row i holds what comes to node i."""
    delays: Any = None
    """Shape (node, node), in the unit of time; None: at once."""
    lengths: Any = None
    """Instead of `delays`: lengths of the connections, divided by `conduction_speed`."""
    conduction_speed: float | None = None
    coupling: Coupling | Sequence[Coupling] = field(default_factory=Coupling)
    labels: Sequence[str] = ()

    @property
    def n_nodes(self) -> int:
        """The number of nodes."""
        return len(self.weights)

    def couplings(self) -> list[Coupling]:
        """Give the couplings as a list."""
        return [self.coupling] if isinstance(self.coupling, Coupling) else list(self.coupling)

    def weight_matrix(self) -> Array:
        """Give the weights, shape (node, node)."""
        return np.asarray(self.weights, np.float64)

    def delay_matrix(self) -> Array:
        """Give the delays in the unit of time, shape (node, node)."""
        if self.delays is not None:
            return np.broadcast_to(np.asarray(self.delays, np.float64), (self.n_nodes, self.n_nodes))
        if self.lengths is None:
            return np.zeros((self.n_nodes, self.n_nodes))
        if self.conduction_speed is None or not self.conduction_speed > 0:
            raise DesignError(f"conduction_speed={self.conduction_speed!r}: lengths need a speed above 0.")
        return np.asarray(self.lengths, np.float64) / self.conduction_speed

    def check(self, model: Dynamics) -> None:
        """Raise DesignError for what does not fit together."""
        weights = self.weight_matrix()
        n = self.n_nodes
        if weights.shape != (n, n) or n < 1:
            raise DesignError(f"The weights of a network have the shape (node, node), not {weights.shape}.")
        if not np.isfinite(weights).all():
            raise DesignError("The weights of the network must be finite numbers.")
        if self.delays is not None and self.lengths is not None:
            raise DesignError("A network has delays or lengths with conduction_speed, not both.")
        delays = self.delay_matrix()
        if delays.shape != (n, n) or not (np.isfinite(delays).all() and (delays >= 0).all()):
            raise DesignError(
                f"The delays of a network of {n} nodes must be {n} x {n} finite numbers from 0 on."
            )
        if self.labels and len(self.labels) != n:
            raise DesignError(f"The network has {n} nodes and {len(self.labels)} labels.")
        names = [one.name for one in self.couplings()]
        if len(set(names)) < len(names):
            raise DesignError(f"Couplings need names of their own; given: {', '.join(map(repr, names))}.")
        if self.is_used:
            for one in self.couplings():
                one.ends(model)
                one.expression()

    @property
    def is_used(self) -> bool:
        """False if nothing runs between nodes."""
        return bool(np.any(self.weight_matrix()))
