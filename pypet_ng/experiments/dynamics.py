"""What is a model: its equations, parameters and state variables?"""

from __future__ import annotations

import keyword
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pypet_ng.errors import DesignError, EquationError, near_names
from pypet_ng.experiments.equations import parse, symbol_names
from pypet_ng.experiments.parts import Distribution, Parameter, Range, StateVariable, choice, number

__all__ = ["Dynamics"]


@dataclass(repr=False)
class Dynamics:
    """A system of ordinary differential equations with named parameters.

    ::

        vdp = Dynamics("VanDerPol")
        vdp.add_parameter("mu", 1.0, description="Damping")
        vdp.add_state_variable("x", equation="z", initial_value=0.1)
        vdp.add_state_variable("z", equation="mu*(1 - x**2)*z - x", initial_value=0.0)

    An equation may name what is declared later. Every symbol must be declared before a run: one that is
    not is an error, never a new parameter.
    """

    name: str = "Dynamics"
    parameters: dict[str, Parameter] = field(default_factory=dict)
    state_variables: dict[str, StateVariable] = field(default_factory=dict)
    derived_variables: dict[str, Any] = field(default_factory=dict)
    """Names that stand for expressions in the equations, as the sigmoid of a membrane potential."""
    coupling_terms: dict[str, str] = field(default_factory=dict)
    """Names in the equations that stand for what a node gets from the network (0 without one)."""
    description: str = ""
    reference: str = ""
    """The publication the equations come from."""

    # -- declaring ----------------------------------------------------------------------------
    def add_parameter(
        self,
        name: str,
        value: float | None = None,
        unit: str | None = None,
        description: str | None = None,
        domain: Range | None = None,
        symbol: str | None = None,
    ) -> Dynamics:
        """Declare a parameter (again: in the place of the one declared before). Gives the model itself."""
        _check_name(name)
        if name in self.state_variables:
            raise DesignError(f"{name!r} is a state variable of {self.name!r}: choose another name.")
        self.parameters[name] = Parameter(name, value, unit, description, domain, symbol)
        return self

    def add_state_variable(
        self,
        name: str,
        equation: Any = None,
        initial_value: float | None = None,
        *,
        description: str | None = None,
        unit: str | None = None,
        domain: Range | None = None,
        distribution: Distribution | None = None,
        coupling_variable: bool = False,
    ) -> Dynamics:
        """Declare a state variable by the right side of its equation. Gives the model itself."""
        _check_name(name)
        if name in self.parameters:
            raise DesignError(f"{name!r} is a parameter of {self.name!r}: choose another name.")
        self.state_variables[name] = StateVariable(
            name, equation, initial_value, description, unit, domain, distribution, coupling_variable
        )
        return self

    def add_derived_variable(self, name: str, equation: Any) -> Dynamics:
        """Let a name stand for an expression in all equations. Gives the model itself."""
        _check_name(name)
        self.derived_variables[name] = equation
        return self

    def add_coupling_term(self, name: str, description: str = "") -> Dynamics:
        """Let a name stand for what comes from other nodes of a network. Gives the model itself."""
        _check_name(name)
        self.coupling_terms[name] = description
        return self

    # -- the library --------------------------------------------------------------------------
    @classmethod
    def from_db(cls, name: str) -> Dynamics:
        """Give a model of the library; KeyError names those that are there.

        >>> Dynamics.from_db("Lorenz").parameters["sigma"].value
        10.0
        """
        from pypet_ng.experiments.library import MODELS

        alike = {_bare(known): known for known in MODELS}
        found = MODELS.get(name) or MODELS.get(alike.get(_bare(name), ""))
        if found is None:
            raise KeyError(
                f"The library has no model {name!r}; there are {', '.join(MODELS)}.{near_names(name, MODELS)}"
            )
        return found()

    @staticmethod
    def list_db() -> list[str]:
        """Give the names of all models of the library."""
        from pypet_ng.experiments.library import MODELS

        return list(MODELS)

    # -- what follows from it -----------------------------------------------------------------
    def names(self) -> list[str]:
        """Give all names equations may use."""
        return [*self.parameters, *self.state_variables, *self.derived_variables, *self.coupling_terms]

    def equations(self) -> dict[str, Any]:
        """Give the right sides as sympy expressions, derived variables put in; EquationError.

        The symbols left are parameters, state variables, coupling terms, and ``t``.
        """
        names = self.names()
        derived = self._derived(names)
        found = {}
        for name, variable in self.state_variables.items():
            if variable.equation is None:
                raise EquationError(f"The state variable {name!r} of {self.name!r} has no equation.")
            found[name] = _put_in(parse(variable.equation, names, name), derived)
        return found

    def written_equations(self) -> dict[str, Any]:
        """Give the right sides as they were written, derived variables by their names."""
        names = self.names()
        return {
            name: parse(variable.equation, names, name) for name, variable in self.state_variables.items()
        }

    def _derived(self, names: list[str]) -> dict[str, Any]:
        waiting = {name: parse(text, names, name) for name, text in self.derived_variables.items()}
        done: dict[str, Any] = {}
        while waiting:
            ready = [name for name, one in waiting.items() if not symbol_names(one) & waiting.keys()]
            if not ready:
                raise EquationError(
                    f"The derived variables {', '.join(map(repr, waiting))} of {self.name!r} need each other."
                )
            for name in ready:
                done[name] = _put_in(waiting.pop(name), done)
        return done

    def check(self) -> None:
        """Raise DesignError for what keeps the model from being run."""
        if not self.state_variables:
            raise DesignError(f"The model {self.name!r} has no state variables: add_state_variable(...).")
        kinds = (self.parameters, self.state_variables, self.derived_variables, self.coupling_terms)
        every = self.names()
        twice = {name for name in every if every.count(name) > 1}
        if twice:
            raise DesignError(
                f"{', '.join(map(repr, sorted(twice)))}: declared twice in {self.name!r}, as different things."
            )
        for name in (name for kind in kinds for name in kind):
            _check_name(name)
        for name, parameter in self.parameters.items():
            if not isinstance(parameter, Parameter):
                raise DesignError(
                    f"parameters[{name!r}] of {self.name!r} is {parameter!r:.60}: set parameters[{name!r}].value, or "
                    "use add_parameter(...)."
                )
            if parameter.value is None:
                raise DesignError(f"The parameter {name!r} of {self.name!r} has no value.")
            number(parameter.value, f"The parameter {name!r} of {self.name!r}")
        for name, variable in self.state_variables.items():
            if variable.initial_value is None and variable.distribution is None:
                raise DesignError(
                    f"The state variable {name!r} of {self.name!r} has no initial value: give initial_value= or a "
                    "distribution."
                )
            if variable.initial_value is not None:
                number(variable.initial_value, f"The initial value of {name!r}")
        self.equations()

    def rhs(self, module: str = "numpy") -> Callable[..., list[Any]]:
        """Give the right sides as one function ``f(t, y, **parameters)``, for ``'numpy'`` or ``'jax'``.

        `y`: one number or array per state variable. Parameters left out have the values declared.
        """
        from pypet_ng.experiments.system import right_hand_side

        return right_hand_side(self, choice(module, ("numpy", "jax"), "The module of a right side"))

    def generate_report(self, format: str = "markdown", outputfile: str | None = None) -> str:
        """Describe the model as ``'markdown'`` or ``'latex'``: equations, parameters, state variables."""
        from pypet_ng.experiments.report import report

        text = report(self, format)
        if outputfile is not None:
            with open(outputfile, "w", encoding="utf-8") as file:
                file.write(text)
        return text

    def __repr__(self) -> str:
        return f"Dynamics({self.name!r}, states={list(self.state_variables)}, parameters={list(self.parameters)})"

    def _repr_markdown_(self) -> str:
        return self.generate_report("markdown")


def _bare(name: str) -> str:
    return "".join(mark for mark in str(name).lower() if mark.isalnum())


def _put_in(expression: Any, derived: dict[str, Any]) -> Any:
    if not derived:
        return expression
    return expression.xreplace(
        {one: derived[one.name] for one in expression.free_symbols if one.name in derived}
    )


def _check_name(name: str) -> None:
    if (
        not isinstance(name, str)
        or not name.isidentifier()
        or keyword.iskeyword(name)
        or name.startswith("__")
    ):
        raise DesignError(
            f"{name!r} is no name for a quantity: use letters, digits and '_', and no word of Python."
        )
