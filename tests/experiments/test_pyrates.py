"""Does PyRates give what its equations say, through the same declarations?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sympy")
pytest.importorskip("jax")
pytest.importorskip("pyrates")

from pypet_ng import DesignError
from pypet_ng.experiments import (
    Coupling,
    Distribution,
    Dynamics,
    Exploration,
    ExplorationAxis,
    Network,
    Noise,
    Observation,
    Parameter,
    Range,
    load_experiment,
)
from pypet_ng.experiments.pyrates_backend import PyRatesBackend
from tests.experiments.models import experiment, series, swept

# PyRates opens and leaves what it likes; its warnings are not ours.
pytestmark = pytest.mark.filterwarnings("ignore")


def test_the_first_sample_is_the_initial_state_and_the_others_are_those_of_jax() -> None:
    exp = swept("mu", [0.1, 2.0, 10.0], experiment(duration=2.0))
    sweep = exp.run("pyrates").explorations["s"]
    assert sweep.results is not None
    assert sweep.results.shape == (3, 200, 2)
    assert sweep.output_names == ["x", "z"]
    assert sweep.time[0] == 0.0
    assert sweep.to_xarray().dims == ("mu", "time", "variable")
    found = np.asarray(sweep.results)
    assert np.allclose(found[:, 0], [0.1, 0.0])
    assert np.allclose(found[:, 1:], series(exp, "jax")[:, :-1, :, 0], rtol=1e-12, atol=1e-13)


def test_heun_is_of_order_two() -> None:
    """The tripwire: through its numpy back end PyRates 1.2.3 would be of order 1."""
    errors = []
    for step in (0.05, 0.025):
        model = Dynamics("Decay").add_parameter("k", 1.0).add_state_variable("x", "-k*x", 1.0)
        exp = swept("k", [1.0], experiment(model, 1.0 + step, step))
        errors.append(abs(series(exp, "pyrates")[0, -1, 0] - np.exp(-1.0)))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(
    "name", ["Generic2dOscillator", "FitzHughNagumo", "WilsonCowan", "JansenRit", "Lorenz"]
)
def test_models_of_the_library_run_whatever_their_names(name: str) -> None:
    model = Dynamics.from_db(name)
    parameter = list(model.parameters)[1]
    exp = experiment(model, 0.5)
    exp.explorations["s"] = Exploration(parameters=[Parameter(parameter, domain=Range(lo=0.5, hi=1.0, n=2))])
    a, b = series(exp, "pyrates"), series(exp, "jax")[..., 0]
    assert np.allclose(a[:, 1:], b[:, :-1], rtol=1e-10, atol=1e-12)


def test_adaptive_steps_are_those_of_scipy_within_tolerance() -> None:
    exp = swept("mu", [0.1, 1.0, 3.0], experiment(duration=20.0, step=0.1))
    exp.integration.method = "Dopri8"
    a, b = series(exp, "pyrates"), series(exp, "numpy")[..., 0]
    assert np.abs(a[:, 1:] - b[:, :-1]).max() < 1e-6


def test_grids_trials_and_observations_are_labelled_alike(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PyRatesBackend, "batch_size", lambda self, task: 3)  # in several networks
    model = Dynamics("m").add_parameter("a", 1.0).add_parameter("b", 1.0).add_parameter("idle", 1.0)
    model.add_state_variable("x", "a - b*x + 0*idle", 0.0)
    model.state_variables["x"].distribution = Distribution(domain=Range(lo=-1, hi=1))
    exp = experiment(model, 0.3)
    exp.integration.transient_time = 0.1
    exp.explorations["g"] = Exploration(
        space=[
            ExplorationAxis(parameter="a", explored_values=[3, 1]),
            ExplorationAxis(parameter="b", explored_values=[1, 2]),
        ],
        n_trials=2,
    )
    exp.observations["m"] = Observation(source="x", aggregation="last")
    sweep = exp.run("pyrates", filename=tmp_path / "x.hdf5").explorations["g"]
    other = exp.run("numpy").explorations["g"]
    assert sweep.results is not None
    assert sweep.results.shape == (4, 2, 30, 1)
    assert np.allclose(np.asarray(sweep.results)[..., 1:, :], np.asarray(other.results)[:, :, :-1, :, 0])
    assert sweep.observations["m"].dims == other.observations["m"].dims == ("a", "b", "trial")
    assert np.allclose(sweep.time[1:], other.time[:-1])
    back = load_experiment(tmp_path / "x.hdf5").explorations["g"]
    assert back.to_xarray().identical(sweep.to_xarray())


def test_what_it_cannot_do_is_refused_before_it_starts() -> None:
    exp = experiment()
    exp.integration.noise = Noise(parameters={"sigma": 1.0})
    with pytest.raises(DesignError, match="noise"):
        exp.run("pyrates")
    exp.integration.noise = None
    exp.integration.method = "RK4"
    with pytest.raises(DesignError, match="RungeKutta4thOrder"):
        exp.run("pyrates")
    exp.integration.method = "Heun"
    exp.network = Network(weights=[[0, 1], [1, 0]], coupling=Coupling(source="x"))
    with pytest.raises(DesignError, match="single nodes"):
        exp.run("pyrates")
    exp = swept("muu", [1.0])
    with pytest.raises(DesignError, match="'muu'"):
        exp.run("pyrates")
