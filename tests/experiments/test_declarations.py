"""Is a declaration that does not fit together an error before anything runs, and does its text say all of it?"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sympy")

from pypet_ng import DesignError
from pypet_ng.experiments import (
    Argument,
    Coupling,
    Distribution,
    Dynamics,
    Exploration,
    ExplorationAxis,
    FunctionCall,
    Network,
    Noise,
    Observation,
    Parameter,
    Range,
    SimulationExperiment,
)
from pypet_ng.experiments import Callable as Named
from tests.experiments.models import decay, experiment, series, swept, van_der_pol


def test_ranges_include_both_ends() -> None:
    assert Range(lo=0, hi=1, n=3).values().tolist() == [0.0, 0.5, 1.0]
    assert np.allclose(Range(lo=-10, hi=10, step=1).values(), np.arange(-10, 11))
    assert np.allclose(Range(lo=0.01, hi=1, n=3, log_scale=True).values(), [0.01, 0.1, 1.0])
    assert len(Range(lo=0, hi=1).values()) == 50
    assert Range(explored_values=[3, 1, 3]).values().tolist() == [3.0, 1.0, 3.0]


@pytest.mark.parametrize("step", [0.3, 0.4, 2.0])
def test_a_step_that_does_not_divide_the_span_is_refused(step: float) -> None:
    with pytest.raises(DesignError, match="does not divide"):
        Range(lo=0, hi=1, step=step).values()


def test_a_step_with_round_off_divides() -> None:
    assert np.allclose(Range(lo=0, hi=1, step=0.1).values(), np.linspace(0, 1, 11))
    assert np.allclose(Range(lo=0, hi=0.3, step=0.1).values(), [0, 0.1, 0.2, 0.3])


def _explored(name: str, **more: Any) -> Callable[[SimulationExperiment], None]:
    def change(exp: SimulationExperiment) -> None:
        exp.explorations["s"] = Exploration(
            space=ExplorationAxis(parameter=name, explored_values=[1.0, 2.0]), **more
        )

    return change


def _set(path: str, value: Any) -> Callable[[SimulationExperiment], None]:
    def change(exp: SimulationExperiment) -> None:
        *way, last = path.split(".")
        place: Any = exp
        for part in way:
            place = place[part] if isinstance(place, dict) else getattr(place, part)
        if isinstance(place, dict):
            place[last] = value
        else:
            setattr(place, last, value)

    return change


def _zip(exp: SimulationExperiment) -> None:
    exp.dynamics.add_parameter("nu", 1.0)
    axes = [
        ExplorationAxis(parameter="mu", explored_values=[1, 2]),
        ExplorationAxis(parameter="nu", explored_values=[1]),
    ]
    exp.explorations["s"] = Exploration(space=axes, mode="zip")


WRONG: dict[str, tuple[Callable[[SimulationExperiment], None], str]] = {
    "unknown parameter": (_explored("muu"), "'muu'.*Did you mean 'mu'"),
    "a state as parameter": (_explored("x"), "'x', which is no parameter"),
    "unknown mode": (_explored("mu", mode="prodct"), "'prodct'.*'product'"),
    "no trials": (_explored("mu", n_trials=0), "n_trials"),
    "unequal zip": (_zip, "unequal lengths: 'mu' has 2, 'nu' has 1"),
    "a dictionary": (_set("explorations.s", {"mu": [1]}), "not a dict"),
    "axis without values": (
        _set("explorations.s", Exploration(space=ExplorationAxis(parameter="mu"))),
        "no values",
    ),
    "NaN on an axis": (
        _set(
            "explorations.s",
            Exploration(space=ExplorationAxis(parameter="mu", explored_values=[float("nan")])),
        ),
        "finite",
    ),
    "unknown record": (_explored("mu", record=["y"]), "'y'"),
    "negative duration": (_set("integration.duration", -1.0), "duration is -1.0.*above 0"),
    "endless duration": (_set("integration.duration", float("inf")), "finite"),
    "no step": (_set("integration.step_size", 0.0), "step_size"),
    "step beyond duration": (_set("integration.step_size", 3.0), "no whole number"),
    "odd sampling": (_set("integration.sampling_step", 0.015), "sampling_step"),
    "unknown method": (_set("integration.method", "Hein"), "'Hein'.*'Heun'"),
    "noise with RK4": (
        lambda exp: (_set("integration.noise", Noise())(exp), _set("integration.method", "RK4")(exp)),
        "noise",
    ),
    "negative noise": (_set("integration.noise", Noise(parameters={"sigma": -1.0})), "sigma"),
    "a typo": (_set("dynamics.state_variables.x.equation", "zz"), "'zz' is not declared"),
    "no equation": (_set("dynamics.state_variables.x.equation", None), "no equation"),
    "no initial value": (_set("dynamics.state_variables.x.initial_value", None), "no initial value"),
    "no value": (_set("dynamics.parameters.mu.value", None), "'mu'.*no value"),
    "a bare number": (_set("dynamics.parameters.mu", 2.0), r"parameters\['mu'\].value"),
    "unknown source": (
        _set("observations.o", Observation(source="y", aggregation="mean")),
        "'y'.*no state variable",
    ),
    "source not said": (_set("observations.o", Observation(aggregation="mean")), "'x', 'z'"),
    "too long a tail": (_set("observations.o", Observation(source="x", tail_samples=1000)), "1000"),
    "all skipped": (_set("observations.o", Observation(source="x", skip_t=1.0)), "skip_t"),
    "module that is not allowed": (
        _set(
            "observations.o", Observation(source="x", pipeline=[FunctionCall(callable=Named("system", "os"))])
        ),
        "'os'.*allowed",
    ),
    "function that writes files": (
        _set(
            "observations.o",
            Observation(source="x", pipeline=[FunctionCall(callable=Named("savetxt", "numpy"))]),
        ),
        "savetxt",
    ),
    "crooked weights": (_set("network.weights", [[1.0, 2.0]]), r"\(node, node\)"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_is_an_error_before_anything_runs(what: str) -> None:
    change, message = WRONG[what]
    exp = experiment()
    change(exp)
    with pytest.raises(ValueError, match=re.compile(message, re.DOTALL)):
        exp.run("numpy")


def test_an_unknown_back_end_is_an_error() -> None:
    with pytest.raises(DesignError, match=r"'pyrats'.*'pyrates'"):
        experiment().run("pyrats")


@pytest.mark.parametrize("field", ["aggregation", "over"])
def test_an_unknown_aggregation_is_an_error_at_once(field: str) -> None:
    with pytest.raises(DesignError, match="'meen'"):
        Observation(**{"source": "x", field: "meen"})


@pytest.mark.parametrize("name", ["", "a b", "lambda", "__x", "1a", "a.b"])
def test_a_name_must_be_a_name(name: str) -> None:
    with pytest.raises(DesignError):
        Dynamics().add_parameter(name, 1.0)


def full() -> SimulationExperiment:
    model = van_der_pol()
    model.add_parameter("nu", np.float64(2.0), unit="1/ms", domain=Range(lo=0, hi=3, n=4))
    model.add_coupling_term("c_in", "input")
    model.add_derived_variable("sum", "x + z")
    model.state_variables["x"].equation = "z + c_in + 0*sum"
    model.state_variables["x"].distribution = Distribution(domain=Range(lo=-1, hi=1), seed=3)
    exp = experiment(model, 0.2)
    exp.integration.noise = Noise(parameters={"sigma": Parameter("sigma", 0.1)}, seed=5)
    exp.network = Network(
        weights=np.array([[0.0, 1.0], [0.5, 0.0]]),
        delays=[[0, 0.05], [0.02, 0]],
        coupling=Coupling(source="x", target="c_in", pre="a*x_j - x_i", parameters={"G": 0.1, "a": 2.0}),
    )
    exp.explorations["grid"] = Exploration(
        space=[
            ExplorationAxis(parameter="mu", domain=Range(lo=0, hi=1, step=0.5)),
            ExplorationAxis(parameter="Coupling.G", explored_values=np.array([0.1, 0.2])),
        ],
        parameters=[Parameter("Noise.sigma", domain=Range(lo=0, hi=0.1, n=2))],
        n_trials=2,
    )
    exp.observations["m"] = Observation(source="x", aggregation="mean", skip_t=0.1)
    exp.observations["p"] = Observation(
        source="z",
        pipeline=[
            FunctionCall(name="cut", callable=Named("diff", "np"), arguments=[Argument("axis", 0)]),
            FunctionCall(callable=Named("max", "numpy")),
        ],
    )
    return exp


def test_text_and_back_is_the_same_experiment() -> None:
    pytest.importorskip("yaml")
    exp = full()
    text = exp.to_yaml()
    back = SimulationExperiment.from_yaml(text)
    assert back.to_yaml() == text
    assert back.to_dict() == exp.to_dict()
    a = exp.run("numpy").explorations["grid"]
    b = back.run("numpy").explorations["grid"]
    assert np.array_equal(np.asarray(a.results), np.asarray(b.results))
    assert a.results is not None
    assert a.results.shape == (12, 2, 20, 2, 2)
    assert a.observations["m"].dims == ("mu", "Coupling.G", "Noise.sigma", "trial", "node")
    assert a.observations["p"].dims == ("mu", "Coupling.G", "Noise.sigma", "trial")


def test_sympy_equations_survive_the_text() -> None:
    sympy = pytest.importorskip("sympy")
    pytest.importorskip("yaml")
    x, k = sympy.symbols("x k")
    model = Dynamics("m").add_parameter("k", 0.1).add_state_variable("x", sympy.Rational(1, 3) * -k * x, 1.0)
    exp = experiment(model)
    assert "Rational" not in exp.to_yaml()
    back = SimulationExperiment.from_yaml(exp.to_yaml())
    assert np.array_equal(back.run("numpy").integration, exp.run("numpy").integration)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dynamics: {name: m, paramters: {}}", "'paramters'.*'parameters'"),
        ("explorations: {s: {space: {parametr: a}}}", "'parametr'"),
        ("- 1", "dictionary"),
        ("a: [", "no YAML"),
        ("!!python/object/apply:os.system ['true']", "no YAML"),
    ],
)
def test_a_text_that_says_something_else_is_an_error(text: str, message: str) -> None:
    pytest.importorskip("yaml")
    with pytest.raises(DesignError, match=re.compile(message, re.DOTALL)):
        SimulationExperiment.from_yaml(text)


def test_space_and_parameters_are_both_taken() -> None:
    exp = experiment(decay())
    exp.dynamics.add_parameter("other", 0.0)
    exp.explorations["one"] = Exploration(space=ExplorationAxis(parameter="k", domain=Range(lo=1, hi=2, n=3)))
    exp.explorations["two"] = Exploration(parameters=[Parameter(name="k", domain=Range(lo=1, hi=2, n=3))])
    exp.explorations["both"] = Exploration(
        space=ExplorationAxis(parameter="other", explored_values=[5]),
        parameters=[Parameter(name="k", domain=Range(lo=1, hi=2, n=3))],
    )
    result = exp.run("numpy")
    found = {key: np.asarray(one.results) for key, one in result.explorations.items()}
    assert np.array_equal(found["one"], found["two"])
    assert np.array_equal(found["one"], found["both"])
    assert result.explorations["both"].shape == (1, 3)


def test_axes_may_be_one_a_list_or_a_dictionary() -> None:
    pytest.importorskip("yaml")
    axis = ExplorationAxis("k", [1.0, 2.0])
    parameter = Parameter("k", domain=Range(1, 2, n=2))
    ways: list[dict[str, Any]] = [
        {"space": axis},
        {"space": [axis]},
        {"space": {"k": axis}},
        {"parameters": parameter, "space": {}},
        {"parameters": [parameter]},
        {"parameters": {"k": parameter}},
    ]
    found = []
    for way in ways:
        exp = experiment(decay())
        exp.explorations["s"] = Exploration(**way)
        found.append(series(SimulationExperiment.from_yaml(exp.to_yaml())))
        assert np.array_equal(found[0], found[-1])


def test_later_changes_do_not_touch_what_was_run() -> None:
    exp = swept("k", [1.0, 2.0], experiment(decay()))
    result = exp.run("numpy")
    exp.explorations.clear()
    exp.integration.duration = 7.0
    assert result.explorations["s"].results.shape == (2, 100, 1, 1)  # type: ignore[union-attr]
    assert result.experiment.integration.duration == 1.0


def test_reports_have_equations_and_a_row_per_parameter() -> None:
    model = van_der_pol()
    text = model.generate_report(format="markdown")
    assert "VdP" in text
    assert r"\dot{x} = z" in text
    assert r"\dot{z} = \mu*" in text or r"\dot{z} = - x" in text
    assert re.search(r"\| \$\\mu\$ \| 1.0 \| N/A \| Damping parameter \|", text)
    latex = model.generate_report(format="latex")
    assert r"\begin{align}" in latex
    assert "Damping parameter" in latex
    with pytest.raises(DesignError, match="'latex'"):
        model.generate_report(format="latx")


def test_trials_without_axes_and_default_series() -> None:
    exp = experiment(decay())
    exp.dynamics.state_variables["x"].distribution = Distribution(name="Gaussian", domain=Range(lo=-1, hi=1))
    exp.explorations["s"] = Exploration(n_trials=50)
    first = series(exp)[:, 0, 0, 0]
    assert len(set(first)) == 50
    assert 0.3 < first.std() < 0.7
