"""Is everything in the file, is what is done there not done again, and does it come back?"""

from __future__ import annotations

import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sympy")
pytest.importorskip("yaml")

from pypet_ng import Environment, PlanMismatchError, load_trajectory
from pypet_ng.errors import MissingFileError, TrajectoryNotFoundError
from pypet_ng.experiments import (
    Distribution,
    Exploration,
    ExplorationAxis,
    Noise,
    Observation,
    Range,
    SimulationExperiment,
    load_experiment,
)
from pypet_ng.experiments.backends import NumpyBackend
from tests.experiments.models import experiment, swept, van_der_pol

BACKENDS = ["numpy", "jax"]


def rich() -> SimulationExperiment:
    exp = swept("mu", [0.5, 1.0, 2.0], experiment(van_der_pol(), 0.5), n_trials=2)
    exp.name = "rich one"
    exp.dynamics.state_variables["x"].distribution = Distribution(domain=Range(lo=-1, hi=1))
    exp.integration.noise = Noise(parameters={"sigma": 0.1})
    exp.observations["m"] = Observation(source="x", aggregation="mean")
    exp.explorations["z"] = Exploration(
        space=[
            ExplorationAxis(parameter="mu", explored_values=[1, 2]),
            ExplorationAxis(parameter="Noise.sigma", explored_values=[0.0, 0.5]),
        ],
        mode="zip",
    )
    return exp


@pytest.mark.parametrize("backend", BACKENDS)
def test_everything_comes_back_from_the_file_alone(backend: str, tmp_path: pathlib.Path) -> None:
    pytest.importorskip(backend)
    file = tmp_path / "deep.hdf5"
    made = rich().run(backend, filename=file)
    back = load_experiment(file)
    assert back.backend == backend
    assert back.experiment.to_yaml() == rich().to_yaml()
    for key, one in made.explorations.items():
        two = back.explorations[key]
        assert repr(two) == repr(one)
        assert np.array_equal(np.asarray(two.results), np.asarray(one.results))
        assert two.observations["m"].identical(one.observations["m"])
        assert two.to_xarray().identical(one.to_xarray())
        assert np.array_equal(two.time, one.time)
        assert not two.missing.any()
    in_memory = rich().run(backend)
    assert np.array_equal(in_memory.explorations["s"].results, made.explorations["s"].results)  # type: ignore[arg-type]


def test_the_file_is_an_ordinary_trajectory_file(tmp_path: pathlib.Path) -> None:
    file = str(tmp_path / "x.hdf5")
    rich().run("numpy", filename=file)
    traj = load_trajectory(name="rich_one_s_numpy", filename=file, load_all=1)
    table = traj.f_to_dataframe(results="m")
    assert table["mu"].tolist() == [0.5, 0.5, 1.0, 1.0, 2.0, 2.0]
    assert table["trial"].tolist() == [0, 1] * 3
    assert traj.f_collect("series")[4].shape == (50, 2, 1)


class Counting(NumpyBackend):
    """Counts the points it does, and stops after some."""

    def __init__(self, limit: int = 10**9, at_once: int = 1) -> None:
        self.done: list[float] = []
        self._limit = limit
        self._at_once = at_once

    def batch_size(self, task: Any) -> int:
        return self._at_once

    def columns(self, task: Any, parameters: Any, trials: Any) -> Any:
        if len(self.done) >= self._limit:
            raise KeyboardInterrupt
        self.done += parameters[0].tolist()
        return super().columns(task, parameters, trials)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Any:
    from pypet_ng.experiments import running

    def use(backend: Counting) -> Counting:
        monkeypatch.setattr(running, "find_backend", lambda name: backend)
        return backend

    return use


def test_what_was_interrupted_goes_on_where_it_stopped(tmp_path: pathlib.Path, counted: Any) -> None:
    file = tmp_path / "x.hdf5"
    exp = swept("mu", [1.0, 2.0, 3.0, 4.0])
    counted(Counting(limit=2))
    with pytest.raises(KeyboardInterrupt):
        exp.run(filename=file)
    part = load_experiment(file).explorations["s"]
    assert part.missing.tolist() == [False, False, True, True]
    assert np.isnan(np.asarray(part.results)[2:]).all()
    backend = counted(Counting())
    whole = exp.run(filename=file).explorations["s"]
    assert backend.done == [3.0, 4.0]
    assert np.array_equal(np.asarray(whole.results), np.asarray(exp.run("numpy").explorations["s"].results))
    again = counted(Counting())
    exp.run(filename=file)
    assert again.done == []


def test_a_grid_may_grow_and_only_new_points_are_done(tmp_path: pathlib.Path, counted: Any) -> None:
    file = tmp_path / "x.hdf5"
    exp = experiment()
    exp.dynamics.add_parameter("nu", 0.0)
    exp.observations["m"] = Observation(source="x", aggregation="mean")
    mu, nu = (
        ExplorationAxis(parameter="mu", explored_values=[1, 2]),
        ExplorationAxis(parameter="nu", explored_values=[5, 6]),
    )
    exp.explorations["g"] = Exploration(space=[mu, nu])
    counted(Counting(at_once=3))
    exp.run(filename=file)
    mu.explored_values = [0, 1, 2]
    nu.explored_values = [6, 5, 7]
    backend = counted(Counting(at_once=100))
    grown = exp.run(filename=file).explorations["g"]
    assert len(backend.done) == 5
    fresh = exp.run("numpy").explorations["g"]
    assert np.array_equal(np.asarray(grown.results), np.asarray(fresh.results))
    assert grown.observations["m"].identical(fresh.observations["m"])
    back = load_experiment(file).explorations["g"]
    assert back.to_xarray().identical(fresh.to_xarray())


@pytest.mark.parametrize(
    "change",
    [
        lambda exp: setattr(exp.dynamics.state_variables["z"], "equation", "-x"),
        lambda exp: setattr(exp.integration, "step_size", 0.005),
        lambda exp: setattr(exp, "seed", 1),
        lambda exp: exp.observations.update(m=Observation(source="x", aggregation="mean")),
        lambda exp: exp.dynamics.add_parameter("new", 1.0),
    ],
)
def test_another_declaration_does_not_mix_with_what_is_stored(change: Any, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "x.hdf5"
    exp = swept("mu", [1.0, 2.0])
    exp.run("numpy", filename=file)
    exp.dynamics.parameters["mu"].description = "words are no numbers"
    exp.run("numpy", filename=file)
    change(exp)
    with pytest.raises(PlanMismatchError):
        exp.run("numpy", filename=file)
    exp.run("numpy", filename=file, overwrite_file=True)
    assert load_experiment(file).experiment.to_yaml() == exp.to_yaml()


def test_back_ends_and_explorations_share_a_file(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("jax")
    file = tmp_path / "x.hdf5"
    exp = swept("mu", [1.0, 2.0])
    exp.run("numpy", filename=file)
    exp.run("tvboptim", filename=file)
    assert load_experiment(file).backend == "jax"
    exp.explorations["t"] = Exploration(space=ExplorationAxis(parameter="mu", explored_values=[3.0]))
    exp.run("numpy", filename=file)
    assert list(load_experiment(file).explorations) == ["s", "t"]


def test_an_environment_gives_the_file(tmp_path: pathlib.Path) -> None:
    file = str(tmp_path / "x.hdf5")
    env = Environment(trajectory="mine", filename=file, log_config=None)
    swept("mu", [1.0, 2.0]).run("numpy", env=env)
    assert load_experiment(file, "mine").explorations["s"].results.shape == (2, 100, 2, 1)  # type: ignore[union-attr]
    in_memory = Environment(trajectory="mine", filename=":memory:", log_config=None)
    assert swept("mu", [1.0]).run("numpy", env=in_memory).explorations["s"].shape == (1,)
    with pytest.raises(ValueError, match="not both"):
        swept("mu", [1.0]).run("numpy", env=env, filename=file)


def test_a_run_without_explorations_is_kept_too(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "x.hdf5"
    exp = experiment()
    made = exp.run("numpy", filename=file)
    assert load_experiment(file).integration.identical(made.integration)


def test_errors_say_what_is_in_the_file(tmp_path: pathlib.Path) -> None:
    with pytest.raises(MissingFileError):
        load_experiment(tmp_path / "no.hdf5")
    file = tmp_path / "x.hdf5"
    for name in ("one", "two"):
        exp = swept("mu", [1.0])
        exp.name = name
        exp.run("numpy", filename=file)
    with pytest.raises(TrajectoryNotFoundError, match="'one', 'two'"):
        load_experiment(file)
    with pytest.raises(TrajectoryNotFoundError, match="'one', 'two'"):
        load_experiment(file, "three")
    assert load_experiment(file, "two").experiment.name == "two"


def test_names_that_are_no_nodes_can_be_explored(tmp_path: pathlib.Path) -> None:
    exp = experiment()
    names = ["par", "r_1", "f_x", "v_y", "µ", "run_3", "crun"]
    for name in names:
        exp.dynamics.add_parameter(name, 0.0)
    exp.explorations["s"] = Exploration(
        space=[ExplorationAxis(parameter=name, explored_values=[1.0, 2.0]) for name in names], mode="zip"
    )
    exp.run("numpy", filename=tmp_path / "x.hdf5")
    back = load_experiment(tmp_path / "x.hdf5").explorations["s"]
    assert not back.missing.any()
    assert set(names) <= set(back.to_xarray().coords)


def test_importing_is_light() -> None:
    code = (
        "import sys, pypet_ng.experiments, pypet_ng.logbook\n"
        "heavy = {'jax', 'sympy', 'scipy', 'pandas', 'xarray', 'matplotlib', 'yaml', 'diffrax', 'pyrates'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
