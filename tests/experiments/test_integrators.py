"""Do the integrators give the truth, in numpy and in JAX, for every model of the library?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sympy")

from pypet_ng.experiments import Dynamics
from tests.experiments.models import decay, experiment, series, swept, van_der_pol

MODELS = [name for name in Dynamics.list_db() if name != "QIF"]
BACKENDS = ["numpy", "jax"]


def truth(model: Dynamics, times: np.ndarray[Any, Any], **parameters: float) -> np.ndarray[Any, Any]:
    """Give the states, shape (time, state), by an independent solver of high order."""
    from scipy.integrate import solve_ivp

    rhs = model.rhs("numpy")
    begin = [one.initial_value for one in model.state_variables.values()]
    found: Any = solve_ivp(
        lambda t, y: [float(one) for one in rhs(t, list(y), **parameters)],
        (0.0, float(times[-1])),
        np.array(begin, np.float64),
        method="DOP853",
        t_eval=times,
        rtol=1e-12,
        atol=1e-12,
    )
    return np.asarray(found.y.T)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("method", "order"), [("Euler", 1), ("Heun", 2), ("RungeKutta4thOrder", 4)])
def test_methods_have_their_order(method: str, order: int, backend: str) -> None:
    pytest.importorskip(backend)
    errors = []
    for step in (0.05, 0.025):
        exp = swept("k", [1.0], experiment(decay(), 1.0, step))
        exp.integration.method = method
        errors.append(abs(series(exp, backend)[0, -1, 0, 0] - np.exp(-1.0)))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_samples_are_the_states_after_each_step(backend: str) -> None:
    pytest.importorskip(backend)
    exp = swept("k", [1.0], experiment(decay(), 0.5, 0.1))
    exp.integration.method = "Euler"
    sweep = exp.run(backend).explorations["s"]
    assert np.allclose(sweep.time, [0.1, 0.2, 0.3, 0.4, 0.5])
    assert np.allclose(np.asarray(sweep.results)[0, :, 0, 0], 0.9 ** np.arange(1, 6), rtol=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
def test_thinning_and_transients_only_choose_samples(backend: str) -> None:
    pytest.importorskip(backend)
    whole = swept("mu", [0.5, 2.0], experiment(duration=2.0))
    dense = series(whole, backend)
    whole.integration.sampling_step = 0.05
    thin = whole.run(backend).explorations["s"]
    assert np.array_equal(np.asarray(thin.results), dense[:, 4::5])
    assert thin.dt == pytest.approx(0.05)
    whole.integration.transient_time = 0.5
    whole.integration.duration = 1.5
    late = whole.run(backend).explorations["s"]
    assert np.allclose(np.asarray(late.results), dense[:, 54::5], rtol=1e-13, atol=1e-14)
    assert late.time[0] == pytest.approx(0.55)


@pytest.mark.parametrize("name", MODELS)
def test_numpy_and_jax_agree_and_both_follow_an_independent_solver(name: str) -> None:
    pytest.importorskip("jax")
    model = Dynamics.from_db(name)
    parameter = next(iter(model.parameters))
    values = [
        float(model.parameters[parameter].value or 0.0),
        1.05 * float(model.parameters[parameter].value or 0.1),
    ]
    exp = swept(parameter, values, experiment(model, 1.0, 0.002))
    exp.integration.sampling_step = 0.01
    exp.integration.method = "RK4"
    a, b = series(exp, "numpy"), series(exp, "jax")
    scale = np.abs(a).max(axis=(0, 1, 3), keepdims=True)
    assert (np.abs(a - b) <= 1e-12 * scale).all()
    times = 0.01 * np.arange(1, 101)
    for place, value in enumerate(values):
        exact = truth(model, times, **{parameter: value})
        assert (np.abs(a[place, :, :, 0] - exact) <= 1e-6 * scale[0, :, :, 0]).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_adaptive_steps_of_jax_follow_an_independent_solver(name: str) -> None:
    pytest.importorskip("diffrax")
    model = Dynamics.from_db(name)
    exp = experiment(model, 5.0, 0.05)
    exp.integration.method = "Dopri8"
    found = exp.run("jax").integration.values[:, :, 0]
    exact = truth(model, 0.05 * np.arange(1, 101))
    assert np.abs(found - exact).max() < 1e-6 * max(1.0, np.abs(exact).max())


@pytest.mark.parametrize(
    ("backend", "method"),
    [
        ("numpy", "Tsit5"),
        ("numpy", "Kvaerno5"),
        ("jax", "Tsit5"),
        pytest.param("jax", "Kvaerno5", marks=pytest.mark.slow),
        pytest.param("jax", "Dopri5", marks=pytest.mark.slow),
    ],
)
def test_adaptive_methods_agree_over_a_sweep(backend: str, method: str) -> None:
    pytest.importorskip("diffrax")
    exp = swept("mu", [0.1, 2.0], experiment(van_der_pol(), 10.0, 0.5))
    exp.integration.method = method
    found = series(exp, backend)
    for place, mu in enumerate([0.1, 2.0]):
        exact = truth(exp.dynamics, 0.5 * np.arange(1, 21), mu=mu)
        assert np.abs(found[place, :, :, 0] - exact).max() < 1e-6


def test_the_sweep_of_the_oscillator_is_known() -> None:
    """Means of an independent Heun integration of the equations of Sanz-Leon et al. (2015)."""
    pytest.importorskip("jax")
    from pypet_ng.experiments import Observation

    exp = swept(
        "a", [-2.0, -1.0, 0.0, 1.0, 2.0, 5], experiment(Dynamics.from_db("Generic2dOscillator"), 800.0, 0.01)
    )
    exp.observations["m"] = Observation(source="V", aggregation="mean")
    found = exp.run().explorations["s"].observations["m"]
    known = [-0.185260743401835, -0.0948107019566315, 0.00139388886821606]
    known += [0.103960925612605, 0.224506268905984, 0.680461759217666]
    assert np.allclose(found, known, rtol=0, atol=1e-11)


@pytest.mark.parametrize("backend", BACKENDS)
def test_points_that_blow_up_are_kept_flagged_and_counted(backend: str) -> None:
    pytest.importorskip(backend)
    model = (
        Dynamics("Blow")
        .add_parameter("a", 1.0)
        .add_state_variable("x", "a*x**2", 1.0)
        .add_state_variable("y", "1", 0.0)
    )
    exp = swept("a", [0.0, 5.0, -1.0, 9.0], experiment(model, 2.0))
    with pytest.warns(UserWarning, match="2 of 4 runs of 's'"):
        sweep = exp.run(backend).explorations["s"]
    assert sweep.nonfinite.tolist() == [False, True, False, True]
    assert sweep.n_nonfinite == 2
    values = np.asarray(sweep.results)
    assert np.isfinite(values[[0, 2]]).all()
    assert not np.isfinite(values[1, -1, 0, 0])
    assert np.allclose(values[1, :, 1, 0], 0.01 * np.arange(1, 201))
    assert not sweep.missing.any()


@pytest.mark.parametrize("backend", BACKENDS)
def test_time_may_stand_in_an_equation(backend: str) -> None:
    pytest.importorskip(backend)
    model = Dynamics("Driven").add_state_variable("x", "2*t", 0.0)
    exp = experiment(model, 1.0, 0.1)
    assert np.allclose(exp.run(backend).integration.values[:, 0, 0], (0.1 * np.arange(1, 11)) ** 2)


def test_models_name_their_source() -> None:
    for name in Dynamics.list_db():
        model = Dynamics.from_db(name)
        model.check()
        assert any(mark.isdigit() for mark in model.reference), name
    assert Dynamics.from_db("van_der_pol").name == "VanDerPol"
    with pytest.raises(KeyError, match="Did you mean 'Lorenz'"):
        Dynamics.from_db("Lorentz")


FACTS: Mapping[str, tuple[Mapping[str, float], Mapping[str, float]]] = {
    "Lorenz": ({"rho": 0.5}, {"x": 0.0, "y": 0.0, "z": 0.0}),  # Lorenz (1963), section 6: rest below rho = 1
    "ReducedWongWang": ({"w": 0.0, "I_o": 0.3}, {}),
    "WilsonCowan": ({"P": 0.0}, {"E": 0.0, "I": 0.0}),  # eq. 15: rest is a fixed point
    "HopfNormalForm": ({"a": -0.5}, {"x": 0.0, "y": 0.0}),
}


@pytest.mark.parametrize("name", FACTS)
def test_models_do_what_their_papers_say(name: str) -> None:
    parameters, rest = FACTS[name]
    model = Dynamics.from_db(name)
    end = truth(model, np.array([400.0]), **parameters)[0]
    for place, state in enumerate(model.state_variables):
        if state in rest:
            assert abs(end[place] - rest[state]) < 1e-3
    if name == "ReducedWongWang":  # eq. 7 at rest: S = tau gamma H / (1 + tau gamma H), eq. 6 at I = 0.3 nA
        x = 270 * 0.3 - 108
        rate = x / (1 - np.exp(-0.154 * x)) / 1000
        assert truth(model, np.array([5000.0]), **parameters)[0, 0] == pytest.approx(
            64.1 * rate / (1 + 64.1 * rate), rel=1e-6
        )


def test_the_hopf_cycle_has_its_radius() -> None:
    end = truth(Dynamics.from_db("HopfNormalForm"), np.linspace(80, 100, 50), a=0.25)
    assert np.allclose(np.hypot(end[:, 0], end[:, 1]), 0.5, atol=1e-6)


def test_jansen_rit_oscillates_in_the_alpha_band() -> None:
    """Jansen, Rit (1995), section 3.1 and fig. 3: with C = 135 the column oscillates at about 10 Hz."""
    times = np.arange(1000.0, 3000.0)
    states = truth(Dynamics.from_db("JansenRit"), times)
    signal = states[:, 1] - states[:, 2]
    power = np.abs(np.fft.rfft(signal - signal.mean()))
    assert 8.0 < np.fft.rfftfreq(len(times), 1e-3)[power.argmax()] < 13.0
