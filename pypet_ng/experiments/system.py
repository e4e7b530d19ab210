"""How does a declared model become one function for the derivatives, the same for numpy and JAX?"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pypet_ng._typing import Array
from pypet_ng.experiments.dynamics import Dynamics
from pypet_ng.experiments.equations import TIME, expression_text, need_sympy, parse

if TYPE_CHECKING:
    from pypet_ng.experiments.experiment import SimulationExperiment

__all__ = ["Link", "System", "compiled", "make_system", "parameter_names", "right_hand_side"]


@functools.lru_cache(maxsize=256)
def compiled(texts: tuple[str, ...], names: tuple[str, ...], module: str) -> Callable[..., list[Any]]:
    """Give a function of as many arguments as `names`, giving the value of each text.

    `module`: ``'numpy'`` or ``'jax'``. Texts come out of :func:`expression_text`. Names are replaced before
    code is made of them, so that none of them can mean something else there.
    """
    sp = need_sympy()
    stand_ins = [sp.Symbol(f"_arg{place}") for place in range(len(names))]
    swap = {sp.Symbol(name): one for name, one in zip(names, stand_ins, strict=True)}
    expressions = [parse(text, names).xreplace(swap) for text in texts]
    function: Callable[..., list[Any]] = sp.lambdify(stand_ins, expressions, modules=module, cse=True)
    return function


@dataclass(frozen=True, slots=True)
class Link:
    """One coupling between nodes, ready to be computed."""

    source: int
    """Place of the state variable that is sent."""
    target: str
    """Symbol in the equations that stands for the sum."""
    is_linear: bool
    """What is sent is ``x_j`` itself: the sum is a product with the weights."""
    pre: str
    names: tuple[str, ...]
    """Symbols of ``pre``: x_i, x_j, then parameters."""
    places: tuple[int, ...]
    """Places of these parameters, ``G`` first, among all."""


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """A model as numbers and functions. All states of a batch have the shape (point, node)."""

    states: tuple[str, ...]
    parameters: tuple[str, ...]
    """All that can be explored, dotted where it is no parameter of the model."""
    values: Array
    """Their values, shape (parameter,)."""
    own: int
    """So many of them are parameters of the model itself."""
    texts: tuple[str, ...]
    symbols: tuple[str, ...]
    """Arguments of the equations: time, states, own parameters, coupling terms."""
    terms: tuple[str, ...]
    links: tuple[Link, ...]
    weights: Array
    delays: Array
    """Shape (node, node), in the unit of time."""

    @property
    def n_nodes(self) -> int:
        return len(self.weights)

    def function(self, module: str) -> Callable[..., list[Any]]:
        """Give the derivatives as a function of all `symbols`."""
        return compiled(self.texts, self.symbols, module)

    def simplified(self, varied: Collection[str]) -> System:
        """Give the system without what a parameter of 0 or 1 takes away, unless it is among the `varied`.

        Machine code made once serves all values of the other parameters.
        """
        sp = need_sympy()
        plain = {
            sp.Symbol(name): sp.Integer(int(value))
            for name, value in zip(self.parameters[: self.own], self.values, strict=False)
            if name not in varied and value in (0.0, 1.0)
        }
        texts = []
        for text in self.texts:
            expression = parse(text, self.symbols)
            shorter = expression.xreplace(plain)
            kept = shorter if not shorter.has(sp.nan, sp.zoo, sp.oo, -sp.oo) else expression
            texts.append(expression_text(kept))
        return replace(self, texts=tuple(texts))

    def fingerprint(self) -> str:
        """Give a text that is the same for systems that need the same program."""
        links = [[link.source, link.target, link.pre, link.places] for link in self.links]
        return json.dumps([self.texts, self.symbols, links, self.weights.tolist(), self.delays.tolist()])


def parameter_names(experiment: SimulationExperiment) -> list[str]:
    """Give the names of all that can be explored."""
    names = list(experiment.dynamics.parameters)
    for coupling in experiment.network.couplings() if experiment.network.is_used else ():
        names += [f"{coupling.name}.{name}" for name in coupling.values()]
    if experiment.integration.noise is not None:
        names.append("Noise.sigma")
    return names


def make_system(experiment: SimulationExperiment) -> System:
    """Give the system of a checked experiment."""
    model, network = experiment.dynamics, experiment.network
    equations = dict(model.equations())
    names = parameter_names(experiment)
    values = [float(parameter.value or 0.0) for parameter in model.parameters.values()]
    own = len(values)
    terms = list(model.coupling_terms)
    links = []
    for coupling in network.couplings() if network.is_used else ():
        source, target = coupling.ends(model)
        if target in model.state_variables:
            symbol = f"_into_{target}"
            if symbol not in terms:
                terms.append(symbol)
                equations[target] = equations[target] + need_sympy().Symbol(symbol)
            target = symbol
        given = coupling.values()
        pre = coupling.expression()
        links.append(
            Link(
                source=list(model.state_variables).index(source),
                target=target,
                is_linear=str(pre) == "x_j",
                pre=expression_text(pre),
                names=("x_i", "x_j", *given),
                places=tuple(len(values) + place for place in range(len(given))),
            )
        )
        values += given.values()
    if experiment.integration.noise is not None:
        values.append(experiment.integration.noise.sigma)
    return System(
        states=tuple(model.state_variables),
        parameters=tuple(names),
        values=np.array(values, np.float64),
        own=own,
        texts=tuple(expression_text(one) for one in equations.values()),
        symbols=(*_time(model), *model.state_variables, *model.parameters, *terms),
        terms=tuple(terms),
        links=tuple(links),
        weights=network.weight_matrix(),
        delays=network.delay_matrix() if network.is_used else np.zeros((network.n_nodes, network.n_nodes)),
    )


def _time(model: Dynamics) -> tuple[str, ...]:
    """Give the symbol of time; one nobody can write if something else is called so."""
    return ("_time",) if TIME in model.names() else (TIME,)


def right_hand_side(model: Dynamics, module: str = "numpy") -> Callable[..., list[Any]]:
    """Give ``f(t, y, **parameters)`` with `y` a sequence of states; parameters left out have their values.

    Gives the derivatives in the order of the states, for scalars or arrays of any one shape. `module`:
    ``'numpy'`` or ``'jax'``.
    """
    model.check()
    texts = tuple(expression_text(one) for one in model.equations().values())
    symbols = (*_time(model), *model.state_variables, *model.parameters, *model.coupling_terms)
    function = compiled(texts, symbols, module)

    def derivatives(t: Any, y: Sequence[Any], **parameters: Any) -> list[Any]:
        given = {name: one.value for name, one in model.parameters.items()}
        unknown = [name for name in parameters if name not in given and name not in model.coupling_terms]
        if unknown:
            raise TypeError(f"{model.name!r} has no parameter {unknown[0]!r}; there are {', '.join(given)}.")
        inputs = [parameters.get(name, 0.0) for name in model.coupling_terms]
        return function(t, *y, *({**given, **parameters}[name] for name in given), *inputs)

    return derivatives
