"""Are results labelled, sliced, plotted and read as they are declared?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sympy")

from pypet_ng import DesignError
from pypet_ng.experiments import (
    Argument,
    Callable,
    Distribution,
    Exploration,
    ExplorationAxis,
    FunctionCall,
    Observation,
    Range,
    SimulationExperiment,
    register_function,
)
from tests.experiments.models import decay, experiment, series, swept, van_der_pol


def grid(**more: Any) -> SimulationExperiment:
    model = van_der_pol()
    model.add_parameter("w", 1.0)
    model.state_variables["z"].equation = "mu*(1 - x**2)*z - w*x"
    exp = experiment(model, 0.5)
    exp.explorations["g"] = Exploration(
        name="g",
        space=[
            ExplorationAxis(parameter="mu", explored_values=[0.5, 1.0, 2.0]),
            ExplorationAxis(parameter="w", domain=Range(lo=1, hi=2, n=2)),
        ],
        **more,
    )
    return exp


def test_products_vary_the_first_axis_slowest() -> None:
    sweep = grid().run("numpy").explorations["g"]
    assert repr(sweep) == "ExplorationResult(name='g', grid=3x2, timeseries=(6, 50, 2, 1))"
    assert sweep.shape == (3, 2)
    assert [axis.name for axis in sweep.axes] == ["mu", "w"]
    assert (sweep.axes[1].n, sweep.axes[1].lo, sweep.axes[1].hi) == (2, 1.0, 2.0)
    assert sweep.output_names == ["x", "z"]
    whole = sweep.to_xarray()
    assert whole.dims == ("mu", "w", "time", "variable", "node")
    alone = series(swept("w", [2.0], swept("mu", [1.0], grid())), key="s")
    one = grid()
    one.explorations.clear()
    one.dynamics.parameters["mu"].value, one.dynamics.parameters["w"].value = 1.0, 2.0
    assert np.array_equal(whole.sel(mu=1.0, w=2.0), one.run("numpy").integration)
    assert alone.shape == (1, 50, 2, 1)


def test_zipped_axes_share_one_dimension() -> None:
    exp = grid(mode="zip")
    exp.explorations["g"].space[1].domain = Range(lo=1, hi=2, n=3)
    exp.observations["m"] = Observation(source="x", aggregation="mean")
    sweep = exp.run("numpy").explorations["g"]
    assert sweep.shape == (3,)
    assert repr(sweep).startswith("ExplorationResult(name='g', grid=3, timeseries=(3, 50, 2, 1)")
    whole = sweep.to_xarray()
    assert whole.dims[0] == "point"
    assert whole.coords["mu"].values.tolist() == [0.5, 1.0, 2.0]
    assert whole.coords["w"].values.tolist() == [1.0, 1.5, 2.0]
    assert sweep.observations["m"].dims == ("point",)
    assert sweep.slice(w=1.5).coords["mu"] == 1.0


def test_values_given_keep_order_and_duplicates() -> None:
    exp = swept("k", [2.0, 1.0, 2.0], experiment(decay()))
    sweep = exp.run("numpy").explorations["s"]
    found = np.asarray(sweep.results)
    assert np.array_equal(found[0], found[2])
    assert not np.array_equal(found[0], found[1])
    assert sweep.axes[0].explored_values.tolist() == [2.0, 1.0, 2.0]


def test_the_keys_are_those_of_the_dictionaries() -> None:
    exp = swept("k", [1.0, 2.0], experiment(decay()))
    exp.explorations["s"].name = "other"
    exp.observations["key"] = Observation(name="other", source="x", aggregation="last")
    sweep = exp.run("numpy").explorations["s"]
    assert sweep.name == "other"
    assert list(sweep.observations) == ["key"]


def test_slices_take_values_that_were_explored() -> None:
    sweep = grid().run("numpy").explorations["g"]
    assert sweep.slice(mu=1.0).dims == ("w", "time", "variable", "node")
    assert sweep.slice(mu=1.0, w=2.0, variable="x", node=0).dims == ("time",)
    with pytest.raises(DesignError, match=r"mu=1.1 was not explored; there are 0.5, 1.0, 2.0"):
        sweep.slice(mu=1.1)
    with pytest.raises(DesignError, match="'mu'"):
        sweep.slice(muu=1.0)


OBSERVED = {
    "mean": (lambda x: x.mean(axis=0)),
    "sum": (lambda x: x.sum(axis=0)),
    "last": (lambda x: x[-1]),
    "first": (lambda x: x[0]),
    "max": (lambda x: x.max(axis=0)),
    "min": (lambda x: x.min(axis=0)),
    "std": (lambda x: x.std(axis=0)),
}


@pytest.mark.parametrize("backend", ["numpy", "jax"])
@pytest.mark.parametrize(
    "cut", [{}, {"skip_t": 0.1}, {"tail_samples": 7}, {"skip_t": 0.4, "tail_samples": 50}]
)
def test_aggregations_made_on_the_way_are_those_of_the_series(cut: dict[str, Any], backend: str) -> None:
    pytest.importorskip(backend)
    exp = grid()
    for name in OBSERVED:
        exp.observations[name] = Observation(source="x", aggregation=name, **cut)
    sweep = exp.run(backend).explorations["g"]
    start = max(round(cut.get("skip_t", 0.0) / 0.01), 50 - cut.get("tail_samples", 50))
    values = np.asarray(sweep.results)[:, start:, 0, 0]
    for name, function in OBSERVED.items():
        found = sweep.observations[name]
        assert found.dims == ("mu", "w")
        assert np.allclose(found.values.ravel(), [function(one) for one in values], rtol=1e-9, atol=1e-12), (
            name
        )


def test_pipelines_call_numpy_scipy_and_own_functions() -> None:
    register_function(_crossings)
    exp = grid()
    signal = [
        FunctionCall(callable=Callable("detrend", "scipy.signal"), input="x", arguments=[Argument("axis", 0)])
    ]
    exp.observations["trend"] = Observation(
        source="x", pipeline=[*signal, FunctionCall(callable=Callable("std", "np"))]
    )
    exp.observations["spectrum"] = Observation(
        source="x",
        pipeline=[
            FunctionCall(callable=Callable("ravel", "np")),
            FunctionCall(callable=Callable("diff", "np"), arguments={"n": 2}),
        ],
    )
    exp.observations["crossings"] = Observation(
        source="z", pipeline=[FunctionCall(callable=Callable("_crossings"))]
    )
    exp.observations["mean"] = Observation(
        pipeline=[FunctionCall(callable=Callable("mean", "np"), input="x")]
    )
    exp.observations["windows"] = Observation(source="x", aggregation="window", window_size=0.1)
    sweep = exp.run("numpy").explorations["g"]
    values = np.asarray(sweep.results)[..., 0]
    from scipy.signal import detrend

    assert np.allclose(
        sweep.observations["trend"].values.ravel(), detrend(values[:, :, 0], axis=1).std(axis=1)
    )
    assert sweep.observations["spectrum"].dims == ("mu", "w", "spectrum_0")
    assert sweep.observations["crossings"].shape == (3, 2)
    assert np.allclose(sweep.observations["mean"].values.ravel(), values[:, :, 0].mean(axis=1), rtol=1e-13)
    windows = sweep.observations["windows"]
    assert windows.dims == ("mu", "w", "time")
    assert np.allclose(windows.values.reshape(6, 5), values[:, :, 0].reshape(6, 5, 10).mean(axis=2))
    assert np.allclose(windows.time, [0.055, 0.155, 0.255, 0.355, 0.455])


def _crossings(values: np.ndarray[Any, Any]) -> int:
    return int((np.diff(np.sign(values[:, 0])) != 0).sum())


def _picky(values: np.ndarray[Any, Any]) -> float:
    if values[-1, 0] > 0.5:
        raise ValueError("too large for me")
    return 1.0


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_a_pipeline_that_fails_at_a_point_fails_that_point_only(backend: str) -> None:
    pytest.importorskip(backend)
    register_function(_picky)
    exp = swept("k", [0.1, 1.0, 2.0, 0.2, 3.0], experiment(decay()))
    exp.observations["p"] = Observation(source="x", pipeline=[FunctionCall(callable=Callable("_picky"))])
    sweep = exp.run(backend, on_error="return").explorations["s"]
    assert sweep.missing.tolist() == [True, False, False, True, False]
    assert np.isnan(sweep.observations["p"].values[[0, 3]]).all()
    assert np.isfinite(np.asarray(sweep.results)[[1, 2, 4]]).all()
    with pytest.raises(ValueError, match="too large for me"):
        exp.run(backend)


def test_observations_do_not_take_the_series_away_until_it_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    from pypet_ng.experiments import planning

    exp = grid()
    exp.observations["m"] = Observation(source="x", aggregation="mean")
    assert exp.run("numpy").explorations["g"].results is not None
    monkeypatch.setattr(planning, "SERIES_LIMIT", 1000)
    with pytest.warns(UserWarning, match="record='all'"):
        sweep = exp.run("numpy").explorations["g"]
    assert sweep.results is None
    assert "timeseries" not in repr(sweep)
    assert not np.isnan(sweep.observations["m"]).any()
    exp.explorations["g"].record = "all"
    assert exp.run("numpy").explorations["g"].results is not None
    exp.explorations["g"].record = ["z"]
    assert exp.run("numpy").explorations["g"].output_names == ["z"]
    exp.observations.clear()
    exp.explorations["g"].record = None
    assert exp.run("numpy").explorations["g"].results is not None


def test_results_behave_as_an_array() -> None:
    exp = grid(n_trials=2)
    exp.dynamics.state_variables["x"].distribution = Distribution(domain=Range(lo=-1, hi=1))
    lazy = exp.run("numpy").explorations["g"].results
    assert lazy is not None
    whole = np.asarray(lazy)
    assert lazy.shape == whole.shape == (6, 2, 50, 2, 1)
    assert (lazy.ndim, lazy.size, len(lazy), lazy.nbytes) == (5, whole.size, 6, whole.nbytes)
    keys: list[Any] = [
        0, -1, (2, 1), (slice(1, 4), 0), (0, slice(None), slice(0, 50, 7), 1), (..., 0), [0, 3], np.array([True] * 3 + [False] * 3),
        (slice(None, None, -2),), (1, 1, 3, 0, 0),
    ]  # fmt: skip
    for key in keys:
        assert np.array_equal(lazy[key], whole[key]), key
    assert np.array_equal(lazy + 1, whole + 1)
    assert np.allclose(lazy.mean(axis=2), whole.mean(axis=2))
    assert np.array_equal(np.abs(lazy), np.abs(whole))
    assert [one.shape for one in lazy] == [(2, 50, 2, 1)] * 6
    assert "read where it is used" in repr(lazy)
    with pytest.raises(AttributeError):
        lazy.no_such_thing  # noqa: B018
    with pytest.raises(IndexError):
        lazy[7]


def test_the_plain_simulation_is_there_with_and_without_explorations() -> None:
    exp = experiment(decay())
    exp.observations["m"] = Observation(source="x", aggregation="mean")
    alone = exp.run("numpy")
    assert alone.explorations == {}
    assert alone.integration.dims == ("time", "variable", "node")
    assert float(alone.observations["m"]) == pytest.approx(float(alone.integration.mean()))
    swept("k", [3.0], exp)
    assert np.array_equal(exp.run("numpy").integration, alone.integration)


@pytest.mark.filterwarnings("ignore:More than 20 figures")
def test_there_is_a_plot_for_every_kind_of_result() -> None:
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    exp = grid(n_trials=2)
    exp.dynamics.state_variables["x"].distribution = Distribution(domain=Range(lo=-1, hi=1))
    exp.explorations["line"] = Exploration(
        space=ExplorationAxis(parameter="mu", explored_values=[1.0, 2.0]), n_trials=3
    )
    exp.explorations["trials"] = Exploration(n_trials=4)
    exp.explorations["zip"] = Exploration(space=exp.explorations["line"].space, mode="zip")
    exp.observations["m"] = Observation(source="x", aggregation="mean")
    exp.observations["serie"] = Observation(source="x")
    found = exp.run("numpy").explorations
    try:
        for key, lines in (("g", 12), ("line", 6), ("trials", 4), ("zip", 2)):
            figure = found[key].plot(overlay=True)
            assert len(figure.axes[0].lines) == lines
            assert len([one for one in found[key].plot().axes if one.get_visible()]) == lines
            assert found[key].plot(variable="m") is not None
            assert found[key].plot(variable="z", overlay=True).axes[0].get_ylabel() == "z"
            assert found[key].plot(variable="serie") is not None
            assert "Exploration" in found[key]._repr_html_()
        with pytest.raises(DesignError, match="x, z, m"):
            found["g"].plot(variable="q")
        assert "VdP" in exp.run("numpy")._repr_html_()
    finally:
        plt.close("all")
