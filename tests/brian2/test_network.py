"""Does a network go through its subruns, in the promised order and from the promised state?"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from pypet_ng import Environment, Trajectory, load_trajectory
from pypet_ng.brian2.network import NetworkAnalyser, NetworkComponent, NetworkManager, NetworkRunner
from pypet_ng.brian2.parameter import Brian2MonitorResult, Brian2Parameter, Brian2Result
from tests.brian2.simulator import NO_DEPRECATIONS, brian2

if brian2 is None:
    pytest.skip("brian2 cannot be imported", allow_module_level=True)

pytestmark = NO_DEPRECATIONS
ms, mV = brian2.ms, brian2.mV


class Neurons(NetworkComponent):
    """Neurons that drift up; built once or in each run."""

    def __init__(self, *, early: bool) -> None:
        self.early = early

    def add_parameters(self, traj: Any) -> None:
        traj.f_add_parameter(Brian2Parameter, "model.drive", 1 * mV)
        traj.f_add_parameter("model.N", 3)

    def make(self, traj: Any, brian_list: list[Any], network_dict: dict[str, Any]) -> None:
        group = brian2.NeuronGroup(
            traj.N, "dv/dt = drive / (1*ms) : volt\ndrive : volt", name="neurons", method="euler"
        )
        group.drive = traj.drive
        brian_list.append(group)
        network_dict["group"] = group

    def pre_build(self, traj: Any, brian_list: list[Any], network_dict: dict[str, Any]) -> None:
        if self.early:
            self.make(traj, brian_list, network_dict)

    def build(self, traj: Any, brian_list: list[Any], network_dict: dict[str, Any]) -> None:
        assert "of_a_run" not in network_dict, "runs share nothing they did not share before"
        network_dict["of_a_run"] = True
        if not self.early:
            self.make(traj, brian_list, network_dict)
        network_dict["group"].drive = traj.drive


class Voltage(NetworkAnalyser):
    """Keeps the voltage after each subrun, and a monitor of the second."""

    def add_to_network(self, traj: Any, network: Any, current: Any, left: Any, network_dict: Any) -> None:
        if current.v_name == "second":
            network_dict["monitor"] = brian2.StateMonitor(network_dict["group"], "v", record=True)
            network.add(network_dict["monitor"])

    def analyse(self, traj: Any, network: Any, current: Any, left: Any, network_dict: Any) -> None:
        if current.v_name != "before":
            traj.f_add_result(Brian2Result, f"v_{current.v_name}", network_dict["group"].v[:])
            traj.f_add_result(f"t_{current.v_name}", network.t)
        if current.v_name == "second":
            traj.f_add_result(Brian2MonitorResult, "monitor", network_dict["monitor"])

    def remove_from_network(
        self, traj: Any, network: Any, current: Any, left: Any, network_dict: Any
    ) -> None:
        if current.v_name == "second":
            network.remove(network_dict["monitor"])


class Runner(NetworkRunner):
    """Two subruns, added in the wrong order, after one of the pre-run."""

    def add_parameters(self, traj: Any) -> None:
        for name, length, order in (("durations.second", 3, 1), ("durations.first", 2, 0)):
            subrun = traj.f_add_parameter(Brian2Parameter, f"simulation.{name}", length * ms)
            subrun.v_annotations.order = order
        before = traj.f_add_parameter(Brian2Parameter, "simulation.pre_durations.before", 10 * ms)
        before.v_annotations.order = 0


def explored(tmp_path: pathlib.Path, manager: NetworkManager, **options: Any) -> Any:
    filename = str(tmp_path / "n.hdf5")
    env = Environment(trajectory="n", filename=filename, log_config=None, report_progress=False, **options)
    manager.add_parameters(env.traj)
    env.traj.f_explore({"drive": [1 * mV, 2 * mV, 4 * mV]})
    return env


PARALLEL = [
    pytest.param({}, id="serial"),
    pytest.param({"multiproc": True, "ncores": 2}, id="2 processes"),
]


def millivolts(values: Any) -> Any:
    return np.asarray(values) * 1000


@pytest.mark.parametrize("options", PARALLEL[:1])
def test_section_20_subruns(options: dict[str, Any], tmp_path: pathlib.Path) -> None:
    manager = NetworkManager(Runner(report=None), [Neurons(early=False)], [Voltage()])
    env = explored(tmp_path, manager, **options)
    env.run(manager.run_network)
    loaded = load_trajectory(name="n", filename=str(tmp_path / "n.hdf5"), load_all=2)
    for index in loaded.f_iter_runs(yields="idx"):
        drive = [1, 2, 4][index]
        run = loaded.results.runs.crun
        assert millivolts(run.v_first) == pytest.approx([2 * drive] * 3)
        assert millivolts(run.v_second) == pytest.approx([5 * drive] * 3)
        assert float(run.t_second / ms) == pytest.approx(5)
        assert run.monitor.v.shape == (3, 30)


@pytest.mark.parametrize("options", PARALLEL)
def test_section_20_pre_run(options: dict[str, Any], tmp_path: pathlib.Path) -> None:
    manager = NetworkManager(Runner(report=None), [Neurons(early=True)], [Voltage()])
    env = explored(tmp_path, manager, **options)
    manager.pre_run_network(env.traj)
    env.run(manager.run_network)
    loaded = load_trajectory(name="n", filename=str(tmp_path / "n.hdf5"), load_all=2)
    for index in loaded.f_iter_runs(yields="idx"):
        drive = [1, 2, 4][index]
        run = loaded.results.runs.crun
        assert millivolts(run.v_second) == pytest.approx([10 + 5 * drive] * 3), "10 ms at the default drive"
        assert float(run.t_second / ms) == pytest.approx(15)


class Nameless(Neurons):
    """Builds once, keeps what it built, and leaves names to brian2."""

    def __init__(self) -> None:
        super().__init__(early=True)
        self.group: Any = None

    def make(self, traj: Any, brian_list: list[Any], network_dict: dict[str, Any]) -> None:
        if self.group is None:
            self.group = brian2.NeuronGroup(
                traj.N, "dv/dt = drive / (1*ms) : volt\ndrive : volt", method="euler", dt=0.05 * ms
            )
            self.group.drive = traj.drive
            brian_list.append(self.group)
            brian_list.append([brian2.NeuronGroup(2, "dw/dt = 1 / (1*ms) : 1", method="euler")])
            network_dict["group"] = self.group


@pytest.mark.parametrize("options", PARALLEL)
def test_parts_may_keep_what_they_built(options: dict[str, Any], tmp_path: pathlib.Path) -> None:
    brian2.NeuronGroup(1, "v : 1")  # takes the first name
    manager = NetworkManager(Runner(report=None), [Nameless()], [Voltage()])
    env = explored(tmp_path, manager, **options)
    manager.pre_run_network(env.traj)
    env.run(manager.run_network)
    loaded = load_trajectory(name="n", filename=str(tmp_path / "n.hdf5"), load_all=2)
    for index, drive in enumerate([1, 2, 4]):
        loaded.v_idx = index
        assert millivolts(loaded.crun.v_second) == pytest.approx([10 + 5 * drive] * 3)


def test_hooks_are_called_in_the_promised_order(tmp_path: pathlib.Path) -> None:
    calls: list[str] = []

    def told(kind: type[NetworkComponent], name: str) -> Any:
        hooks = ("add_parameters", "build", "add_to_network", "analyse", "remove_from_network")

        def note(hook: str) -> Any:
            return lambda self, *given: calls.append(f"{name}.{hook}")

        return type(name, (kind,), {hook: note(hook) for hook in hooks})()

    class Told(Runner):
        def add_to_network(self, *given: Any) -> None:
            calls.append("runner.add_to_network")

        def remove_from_network(self, *given: Any) -> None:
            calls.append("runner.remove_from_network")

        def build(self, *given: Any) -> None:
            calls.append("runner.build")

    component, analyser = told(NetworkComponent, "component"), told(NetworkAnalyser, "analyser")
    manager = NetworkManager(Told(report=None), [Neurons(early=False), component], [analyser])
    env = explored(tmp_path, manager)
    assert calls == ["component.add_parameters", "analyser.add_parameters"]
    calls.clear()
    env.run(manager.run_network)
    one_subrun = [
        "component.add_to_network",
        "analyser.add_to_network",
        "runner.add_to_network",
        "analyser.analyse",
        "runner.remove_from_network",
        "analyser.remove_from_network",
        "component.remove_from_network",
    ]
    one_run = ["component.build", "analyser.build", "runner.build", *one_subrun, *one_subrun]
    assert calls == one_run * 3


def test_an_analyser_may_change_the_subruns_to_come(tmp_path: pathlib.Path) -> None:
    class Stops(NetworkAnalyser):
        def analyse(self, traj: Any, network: Any, current: Any, left: Any, network_dict: Any) -> None:
            traj.f_add_result(f"ended_{current.v_name}", len(left))
            left.clear()

    manager = NetworkManager(Runner(report=None), [Neurons(early=False)], [Stops()])
    env = explored(tmp_path, manager, clean_up_runs=False)
    env.run(manager.run_network)
    assert env.traj.results.runs.run_00000000.ended_first == 1
    assert "ended_second" not in env.traj.results.runs.run_00000000


def subruns(*orders: Any) -> Any:
    traj = Trajectory("t")
    traj.f_add_parameter_group("simulation.durations")
    for place, order in enumerate(orders):
        subrun = traj.f_add_parameter(Brian2Parameter, f"simulation.durations.d{place}", 1 * ms)
        if order is not None:
            subrun.v_annotations.order = order
    return traj


@pytest.mark.parametrize(
    ("orders", "error", "words"),
    [
        pytest.param((1, 1), RuntimeError, "both have the order 1", id="section 20: duplicates"),
        pytest.param((1, None), RuntimeError, "has no place", id="section 20: without order"),
        pytest.param((), AttributeError, "no subrun", id="section 20: none"),
    ],
)
def test_subruns_that_cannot_be_ordered_are_refused(orders: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        NetworkRunner().execute_network_run(subruns(*orders), None, {}, [], [])


def test_own_network_class_and_group_name(tmp_path: pathlib.Path) -> None:
    made: list[tuple[Any, ...]] = []

    def construct(*objects: Any) -> Any:
        made.append(objects)
        return brian2.Network(*objects)

    class Elsewhere(NetworkRunner):
        def add_parameters(self, traj: Any) -> None:
            subrun = traj.f_add_parameter(Brian2Parameter, "sub.steps.only", 1 * ms)
            subrun.v_annotations.order = 5

    runner = Elsewhere(report=None, durations_group_name="sub.steps")
    manager = NetworkManager(runner, [Neurons(early=False)], network_constructor=construct)
    explored(tmp_path, manager).run(manager.run_network)
    assert [len(objects) for objects in made] == [1, 1, 1]


def test_the_example_runs_and_inhibition_inhibits(tmp_path: pathlib.Path) -> None:
    root = pathlib.Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(root / "examples" / "brian2_network.py")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["w = 100. uV", "w = 0.5 mV", "w = 2. mV"]
    counts = [int(line.split()[-2]) for line in lines]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
