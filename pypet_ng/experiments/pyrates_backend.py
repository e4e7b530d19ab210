"""How are the runs of an exploration done by PyRates?

Through PyRates' own ``grid_search``, on a circuit built from objects. Three things differ from handing it
the model as it is:

- every symbol is renamed, because PyRates reserves names such as ``I``, ``E``, ``beta`` and ``gamma``;
- its ``heun`` on the numpy back end is never used: the derivatives it makes there write into one buffer, so
  that the second evaluation overwrites the first and the method is of order 1 (PyRates 1.2.3). Its JAX back
  end does Heun and Euler as they should be;
- adaptive methods go to its scipy path, as LSODA with tight tolerances whichever was named: that solver copies
  the derivatives, while those of scipy written in Python keep the one buffer and lose digits (with DOP853 and
  rtol=1e-10 the van der Pol oscillator is off by 1e-3 after 20 time units, with LSODA by 3e-8).

The first sample is the initial state, at time 0 (or at the end of the transient).
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from pypet_ng._typing import Array
from pypet_ng.errors import DesignError
from pypet_ng.experiments.arrays import double_precision
from pypet_ng.experiments.backends import outcome_columns
from pypet_ng.experiments.equations import expression_text, need_sympy, parse
from pypet_ng.experiments.planning import Task
from pypet_ng.experiments.simulating import ADAPTIVE, outcome_of

__all__ = ["PyRatesBackend"]

_AT_ONCE: Final = 32
"""Points in one network: PyRates' time for building it grows faster than their number."""
_FIXED: Final[Mapping[str, str]] = {"Euler": "euler", "Heun": "heun"}
_TIGHT: Final = 1e-11
"""Tolerance of LSODA, unless the experiment asks for a smaller one."""


def _pyrates() -> Any:
    try:
        import pyrates
    except ImportError as error:
        raise ImportError('run("pyrates") needs PyRates: pip install "pypet_ng[pyrates,jax]"') from error
    return pyrates


class PyRatesBackend:
    """Done by PyRates, in double precision: single nodes without noise."""

    name = "pyrates"
    starts_at_zero = True
    has_nodes = False

    def check(self, task: Task) -> None:
        """Raise DesignError for what PyRates' ``grid_search`` is not used for here."""
        program = task.program
        _pyrates()
        if program.system.n_nodes > 1 or program.system.links:
            raise DesignError(
                "The back end 'pyrates' does single nodes only: use 'jax' or 'numpy' for networks."
            )
        if program.noisy:
            raise DesignError("The back end 'pyrates' has no noise: use 'jax' or 'numpy', or noise=None.")
        if program.method not in (*_FIXED, *ADAPTIVE):
            known = ", ".join(map(repr, (*_FIXED, *ADAPTIVE)))
            raise DesignError(
                f"PyRates has no method {program.method!r}: use one of {known}, or the back end 'jax'."
            )

    def batch_size(self, task: Task) -> int:
        """Give how many points make one network."""
        return _AT_ONCE

    def columns(self, task: Task, parameters: Array, trials: Sequence[int]) -> tuple[dict[str, Array], Array]:
        """Do some points as one network; see :class:`pypet_ng.experiments.backends.Backend`."""
        count = len(trials)
        initial = task.initial(trials)
        if count == 1:  # a network of one point has results of another form: do it twice
            parameters, initial = np.repeat(parameters, 2, axis=1), np.repeat(initial, 2, axis=1)
        outcome = outcome_of(task.program, self._search(task, parameters, initial)[:, :, :count])
        return outcome_columns(task, outcome, count), outcome.finite

    def _search(self, task: Task, parameters: Array, initial: Array) -> Array:
        """Give all samples, shape (time, state, point, 1)."""
        pyrates = _pyrates()
        program = task.program
        count = parameters.shape[1]
        circuit, parameter_names, state_names = _circuit(pyrates, task)
        grid = {name: parameters[place].tolist() for place, name in parameter_names.items()}
        for place, name in enumerate(state_names):
            grid[f"initial_{name}"] = initial[place, :, 0].tolist()
        where = {name: {"vars": [f"op/{name.removeprefix('initial_')}"], "nodes": ["p"]} for name in grid}
        steps = program.n_transient + program.every * program.n_samples
        options: dict[str, Any] = {"solver": _FIXED.get(program.method, "scipy"), "backend": "jax"}
        if program.method in ADAPTIVE:
            options["backend"] = "default"
            tolerances = {"rtol": min(program.rtol, _TIGHT), "atol": min(program.atol, _TIGHT)}
            options |= {"method": "LSODA", **tolerances}
        with _quietly():
            found, table = pyrates.grid_search(
                circuit,
                grid,
                where,
                step_size=program.dt,
                simulation_time=steps * program.dt,
                sampling_step_size=program.dt,
                outputs={name: f"p/op/{name}" for name in state_names},
                permute_grid=False,
                vectorize=True,
                float_precision="float64",
                verbose=False,
                clear=True,
                **options,
            )
        order = {str(name): place for place, name in enumerate(table.index)}
        samples = np.full((len(found), len(state_names), count, 1), np.nan)
        for position, column in enumerate(found.columns):
            place = order[str(column[1])]
            samples[:, state_names.index(column[0]), place, 0] = found.iloc[:, position].to_numpy()
        kept: Array = samples[program.n_transient :: program.every][: program.n_samples]
        if len(kept) < program.n_samples:
            raise RuntimeError(f"PyRates gave {len(samples)} samples for {steps} steps.")
        return kept


def _circuit(pyrates: Any, task: Task) -> tuple[Any, dict[int, str], list[str]]:
    """Give the circuit of one node, PyRates' names of the parameters in use by place, and of the states."""
    sp = need_sympy()
    system = task.program.system
    own = system.parameters[: system.own]
    parameters = [f"p_{name}" for name in own]
    states = [f"s_{name}" for name in system.states]
    swap = {
        sp.Symbol(old): sp.Symbol(new)
        for old, new in zip((*system.states, *own), (*states, *parameters), strict=True)
    }
    swap |= {sp.Symbol(term): sp.Integer(0) for term in system.terms}
    equations = []
    used: set[Any] = set()
    for name, text in zip(states, system.texts, strict=True):
        expression = parse(text, system.symbols)
        if expression.free_symbols & {sp.Symbol(system.symbols[0])}:
            raise DesignError(
                "The back end 'pyrates' does not take equations with time: use 'jax' or 'numpy'."
            )
        if expression.has(sp.Piecewise, sp.Max, sp.Min, sp.Mod, sp.Heaviside):
            raise DesignError(f"The back end 'pyrates' does not take {text[:80]!r}: use 'jax' or 'numpy'.")
        # Products of sums make PyRates 1.2.3 fail (an Add has no shape): written out they do not.
        written = sp.expand(expression.xreplace(swap)).subs(sp.pi, sp.Float(float(np.pi)))
        used |= written.free_symbols
        equations.append(f"{name}' = {expression_text(written)}")
    variables: dict[str, Any] = dict.fromkeys(states, "variable(0.0)")
    variables[states[0]] = "output(0.0)"
    in_use = {place: name for place, name in enumerate(parameters) if sp.Symbol(name) in used}
    variables |= {name: float(system.values[place]) for place, name in in_use.items()}
    operator = pyrates.OperatorTemplate(name="op", path=None, equations=equations, variables=variables)
    node = pyrates.NodeTemplate(name="node", path=None, operators=[operator])
    return pyrates.CircuitTemplate(name="net", path=None, nodes={"p": node}), in_use, states


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Let PyRates write its build files into a folder that goes, compute in double precision, and be quiet."""
    import jax

    here = os.getcwd()
    config: Any = jax.config
    wide = bool(config.jax_enable_x64)
    with tempfile.TemporaryDirectory() as folder, double_precision(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of arguments that only one of its solvers knows
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(here)
            config.update("jax_enable_x64", wide)  # PyRates switches it on for the whole process
