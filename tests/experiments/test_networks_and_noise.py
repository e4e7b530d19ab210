"""Do networks, delays, noise and trials do what is declared?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sympy")

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
    Range,
    SimulationExperiment,
)
from tests.experiments.models import decay, experiment, series

BACKENDS = ["numpy", "jax"]
WEIGHTS = np.array([[0.0, 0.5, 0.0], [0.2, 0.0, 0.3], [0.0, 0.7, 0.1]])


def chain(**network: Any) -> SimulationExperiment:
    model = Dynamics("Linear").add_parameter("k", 1.0).add_coupling_term("c")
    model.add_state_variable("x", "-k*x + c", 1.0, coupling_variable=True)
    model.state_variables["x"].distribution = Distribution(domain=Range(lo=0, hi=1), seed=1)
    exp = experiment(model, 1.0, 0.01)
    exp.network = Network(**{"weights": WEIGHTS, **network})
    return exp


@pytest.mark.parametrize("backend", BACKENDS)
def test_linear_coupling_is_a_matrix_exponential(backend: str) -> None:
    pytest.importorskip(backend)
    from scipy.linalg import expm

    exp = chain(coupling=Coupling(parameters={"G": 0.8}))
    exp.integration.method = "RK4"
    found = exp.run(backend).integration.values[:, 0]
    matrix = -np.eye(3) + 0.8 * WEIGHTS
    begin = np.linalg.solve(expm(matrix * 0.01), found[0])
    assert np.allclose(found[-1], expm(matrix) @ begin, atol=1e-9)


@pytest.mark.parametrize("pre", ["sin(x_j - x_i)", "a*x_j + b"])
def test_any_coupling_is_the_sum_over_pairs(pre: str) -> None:
    pytest.importorskip("jax")
    exp = chain(coupling=Coupling(pre=pre, parameters={"G": 0.8, "a": 2.0, "b": 0.3}))
    exp.integration.method = "Euler"
    a, b = exp.run("numpy").integration.values[:, 0], exp.run("jax").integration.values[:, 0]
    assert np.allclose(a, b, rtol=1e-13)
    x = a[0]
    pairs = np.sin(x[None, :] - x[:, None]) if "sin" in pre else 2.0 * x[None, :] + 0.3 + 0 * x[:, None]
    assert np.allclose(a[1], x + 0.01 * (-x + 0.8 * (WEIGHTS * pairs).sum(axis=1)), rtol=1e-13)


@pytest.mark.parametrize("method", ["Euler", "Heun", "RK4"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_delays_reach_back_as_far_as_they_say(method: str, backend: str) -> None:
    pytest.importorskip(backend)
    # x0' = 0 ramps by its own drive; x1' = x0(t - 0.3) with x0 = t: x1 = (t - 0.3)^2 / 2 from 0.3 on
    model = Dynamics("Ramp").add_coupling_term("c").add_parameter("s", 0.0)
    model.add_state_variable("x", "1 + 0*c", 0.0, coupling_variable=True).add_state_variable("y", "c", 0.0)
    exp = experiment(model, 1.0, 0.01)
    exp.network = Network(weights=[[0, 0], [1, 0]], delays=[[0, 0], [0.3, 0]])
    exp.integration.method = method
    found = exp.run(backend).integration.values
    times = 0.01 * np.arange(1, 101)
    exact = np.where(times > 0.3, (times - 0.3) ** 2 / 2, 0.0)
    assert np.allclose(found[:, 0, 0], times)
    assert np.allclose(found[:, 1, 1], exact, atol=0.006 if method == "Euler" else 1e-12)
    assert np.allclose(found[:, 1, 0], 0.0)


def test_delays_of_several_lengths_agree_between_numpy_and_jax() -> None:
    pytest.importorskip("jax")
    exp = chain(delays=np.array([[0, 0.05, 0], [0.02, 0, 0.0], [0.01, 0.11, 0.03]]))
    exp.explorations["s"] = Exploration(
        space=ExplorationAxis(parameter="Coupling.G", explored_values=[0.0, 0.5, 2.0])
    )
    a, b = series(exp, "numpy"), series(exp, "jax")
    assert np.allclose(a, b, rtol=1e-13)
    assert not np.allclose(a[0], a[2])


def test_lengths_need_a_speed() -> None:
    exp = chain(lengths=np.full((3, 3), 10.0))
    with pytest.raises(DesignError, match="conduction_speed"):
        exp.run("numpy")
    exp.network.conduction_speed = 100.0
    other = chain(delays=np.full((3, 3), 0.1))
    assert np.array_equal(exp.run("numpy").integration, other.run("numpy").integration)


def test_adaptive_methods_take_networks_but_no_delays() -> None:
    pytest.importorskip("diffrax")
    exp = chain()
    fine = exp.run("numpy").integration.values
    exp.integration.method = "Tsit5"
    assert np.allclose(exp.run("jax").integration.values, fine, atol=1e-4)
    assert np.allclose(exp.run("numpy").integration.values, exp.run("jax").integration.values, atol=1e-8)
    exp.network.delays = np.full((3, 3), 0.1)
    with pytest.raises(DesignError, match="delays"):
        exp.run("jax")


@pytest.mark.parametrize("backend", BACKENDS)
def test_observations_of_networks_name_their_nodes(backend: str) -> None:
    pytest.importorskip(backend)
    exp = chain(labels=["a", "b", "c"])
    exp.explorations["s"] = Exploration(space=ExplorationAxis(parameter="k", explored_values=[1.0, 2.0]))
    exp.observations["m"] = Observation(source="x", aggregation="mean")
    exp.observations["over_nodes"] = Observation(source="x", aggregation="mean", over="node")
    exp.observations["whole"] = Observation(source="x")
    sweep = exp.run(backend).explorations["s"]
    values = np.asarray(sweep.results)[:, :, 0]
    assert sweep.observations["m"].dims == ("k", "node")
    assert np.allclose(sweep.observations["m"], values.mean(axis=1))
    assert sweep.observations["m"].sel(node="b").shape == (2,)
    assert sweep.observations["over_nodes"].dims == ("k", "time")
    assert np.allclose(sweep.observations["over_nodes"], values.mean(axis=2))
    assert sweep.observations["whole"].dims == ("k", "time", "node")
    assert sweep.to_xarray().dims == ("k", "time", "variable", "node")


# -- noise and trials --------------------------------------------------------------------------------
def noisy(sigma: float = 0.5, seed: int | None = None, **noise: Any) -> SimulationExperiment:
    exp = experiment(decay(0.0), 1.0, 0.01)
    exp.integration.method = "Euler"
    exp.integration.noise = Noise(parameters={"sigma": sigma}, seed=seed, **noise)
    exp.explorations["s"] = Exploration(n_trials=400)
    return exp


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("method", ["EulerMaruyama", "Heun"])
def test_noise_is_that_of_a_wiener_process(backend: str, method: str) -> None:
    pytest.importorskip(backend)
    exp = noisy()
    exp.integration.method = method
    found = series(exp, backend)[:, :, 0, 0] - 1.0
    assert found[:, -1].std() == pytest.approx(0.5, rel=0.12)
    assert abs(found[:, -1].mean()) < 0.1
    steps = np.diff(found, axis=1)
    assert abs(np.corrcoef(steps[:, 0], steps[:, 1])[0, 1]) < 0.15
    assert len(set(found[:, 0])) == 400


@pytest.mark.parametrize("backend", BACKENDS)
def test_multiplicative_noise_is_of_ito_or_stratonovich(backend: str) -> None:
    pytest.importorskip(backend)
    means = {}
    for method in ("Euler", "Heun"):
        exp = noisy(0.8, additive=False)
        exp.integration.method = method
        exp.explorations["s"].n_trials = 2000
        exp.integration.sampling_step = 1.0
        means[method] = series(exp, backend)[:, -1, 0, 0].mean()
    assert means["Euler"] == pytest.approx(1.0, abs=0.09)
    assert means["Heun"] == pytest.approx(np.exp(0.32), abs=0.13)


@pytest.mark.parametrize("backend", BACKENDS)
def test_seeds_say_which_noise_and_trials_differ(backend: str) -> None:
    pytest.importorskip(backend)

    def found(seed: int | None, root: int = 42) -> np.ndarray[Any, Any]:
        exp = noisy(seed=seed)
        exp.explorations["s"].n_trials = 4
        exp.seed = root
        return series(exp, backend)

    first = found(1)
    assert np.array_equal(first, found(1))
    assert np.array_equal(first, found(1, root=7))
    assert not np.array_equal(first, found(2))
    assert not np.array_equal(found(None), found(None, root=7))
    assert not np.array_equal(first[0], first[1])
    few = noisy(seed=1)
    few.explorations["s"].n_trials = 2
    assert np.array_equal(series(few, backend), first[:2])


@pytest.mark.parametrize("backend", BACKENDS)
def test_all_points_share_the_draws_of_a_trial(backend: str) -> None:
    pytest.importorskip(backend)
    exp = noisy()
    exp.dynamics.state_variables["x"].distribution = Distribution(domain=Range(lo=-1, hi=1))
    exp.explorations["s"] = Exploration(
        space=ExplorationAxis(parameter="k", explored_values=[0.0, 0.0, 1.0]), n_trials=3
    )
    found = series(exp, backend)
    assert found.shape == (3, 3, 100, 1, 1)
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    assert len(set(found[0, :, 0, 0, 0])) == 3


def test_initial_values_are_the_same_for_numpy_and_jax() -> None:
    pytest.importorskip("jax")
    exp = experiment(decay(), 0.1)
    exp.dynamics.state_variables["x"].distribution = Distribution(domain=Range(lo=-1, hi=1), seed=9)
    exp.explorations["s"] = Exploration(n_trials=5)
    assert np.allclose(series(exp, "numpy"), series(exp, "jax"), rtol=1e-14)


def test_noise_of_chosen_states_and_shared_by_nodes() -> None:
    model = Dynamics("Two").add_state_variable("x", "0", 0.0).add_state_variable("y", "0", 0.0)
    exp = experiment(model, 0.5)
    exp.network = Network(weights=np.zeros((2, 2)))
    exp.integration.noise = Noise(parameters={"sigma": 1.0}, state_variables=["y"], correlated=True)
    found = exp.run("numpy").integration.values
    assert (found[:, 0] == 0).all()
    assert np.array_equal(found[:, 1, 0], found[:, 1, 1])
    assert found[:, 1].std() > 0
