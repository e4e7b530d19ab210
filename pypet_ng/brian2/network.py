"""How is a brian2 network built from components, run in subruns, and analysed at each point?

A :class:`NetworkManager` is made of components (neurons, synapses), analysers (monitors and what is
done with them) and a runner (the order and length of subruns). ``env.run(manager.run_network)`` builds
the network anew in each run, or starts each run from the state in which :meth:`NetworkManager.pre_run_network`
left it.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from pypet_ng.brian2.parameter import Brian2Parameter

__all__ = ["NetworkAnalyser", "NetworkComponent", "NetworkManager", "NetworkRunner"]

_PRE_RUN: Final = "pre_run"


class NetworkComponent:
    """A part of a network. Subclass it and implement what the part needs; all hooks may stay empty.

    ``brian_list`` takes brian2 objects that are to be in the network from its beginning,
    ``network_dict`` whatever the components share.
    """

    def add_parameters(self, traj: Any) -> None:
        """Add parameters to the trajectory, before anything is explored."""

    def pre_build(self, traj: Any, brian_list: list[Any], network_dict: dict[str, Any]) -> None:
        """Build what all runs share. Called once before the runs (and once per worker process)."""

    def build(self, traj: Any, brian_list: list[Any], network_dict: dict[str, Any]) -> None:
        """Build what depends on explored parameters. Called at the beginning of each run."""

    def add_to_network(
        self,
        traj: Any,
        network: Any,
        current_subrun: Brian2Parameter,
        subrun_list: list[Brian2Parameter],
        network_dict: dict[str, Any],
    ) -> None:
        """Add objects to the network just before a subrun. `subrun_list`: the subruns after it."""

    def remove_from_network(
        self,
        traj: Any,
        network: Any,
        current_subrun: Brian2Parameter,
        subrun_list: list[Brian2Parameter],
        network_dict: dict[str, Any],
    ) -> None:
        """Remove objects from the network after a subrun and its analysis."""


class NetworkAnalyser(NetworkComponent):
    """A component that looks at the network after each subrun."""

    def analyse(
        self,
        traj: Any,
        network: Any,
        current_subrun: Brian2Parameter,
        subrun_list: list[Brian2Parameter],
        network_dict: dict[str, Any],
    ) -> None:
        """Add results to the trajectory. May change `subrun_list`, the subruns still to come."""


class NetworkRunner(NetworkComponent):
    """Runs a network as a sequence of subruns.

    The subruns are the parameters in one group of the trajectory; their values are durations, and
    their annotation ``order`` (a number) says which comes first.

    Parameters
    ----------
    report, report_period
        How brian2 tells its progress, as in ``Network.run``; default: as text, every 10 s.
    durations_group_name
        The group of the subruns of a run, below ``parameters``.
    pre_durations_group_name
        The group of the subruns of the pre-run.
    """

    def __init__(
        self,
        report: Any = "text",
        report_period: Any = None,
        durations_group_name: str = "simulation.durations",
        pre_durations_group_name: str = "simulation.pre_durations",
    ) -> None:
        self._report = report
        self._report_period = report_period
        self._group_name = durations_group_name
        self._pre_group_name = pre_durations_group_name

    def execute_network_pre_run(
        self,
        traj: Any,
        network: Any,
        network_dict: dict[str, Any],
        component_list: Sequence[NetworkComponent],
        analyser_list: Sequence[NetworkAnalyser],
    ) -> None:
        """Run the subruns that come before all runs; errors as in :meth:`execute_network_run`."""
        self._execute(traj, network, network_dict, component_list, analyser_list, self._pre_group_name)

    def execute_network_run(
        self,
        traj: Any,
        network: Any,
        network_dict: dict[str, Any],
        component_list: Sequence[NetworkComponent],
        analyser_list: Sequence[NetworkAnalyser],
    ) -> None:
        """Run the subruns of the current run.

        Each: ``add_to_network`` of components, analysers and this runner; the simulation;
        ``analyse`` of the analysers; ``remove_from_network`` of this runner, analysers, components.
        AttributeError if there is no subrun, RuntimeError if two have one order or one has none.
        """
        self._execute(traj, network, network_dict, component_list, analyser_list, self._group_name)

    def _execute(
        self,
        traj: Any,
        network: Any,
        network_dict: dict[str, Any],
        component_list: Sequence[NetworkComponent],
        analyser_list: Sequence[NetworkAnalyser],
        group_name: str,
    ) -> None:
        subruns = _subruns(traj, group_name)
        while subruns:
            current = subruns.pop(0)
            for part in (*component_list, *analyser_list, self):
                part.add_to_network(traj, network, current, subruns, network_dict)
            network.run(
                duration=current.f_get(),
                report=self._report,
                report_period=self._report_period or _ten_seconds(),
            )
            for analyser in analyser_list:
                analyser.analyse(traj, network, current, subruns, network_dict)
            for part in (self, *analyser_list, *component_list):
                part.remove_from_network(traj, network, current, subruns, network_dict)


def _ten_seconds() -> Any:
    from brian2 import second

    return 10 * second


def _subruns(traj: Any, group_name: str) -> list[Brian2Parameter]:
    """Give the subruns of a group in their order."""
    group = traj.parameters.f_get(group_name)
    found: dict[Any, Brian2Parameter] = {}
    for subrun in group.f_iter_leaves():
        order = subrun.v_annotations.f_to_dict().get("order")
        if order is None:
            raise RuntimeError(
                f"Subrun {subrun.v_full_name!r} has no place: set its v_annotations.order to a number."
            )
        if order in found:
            raise RuntimeError(
                f"Subruns {found[order].v_full_name!r} and {subrun.v_full_name!r} both have the order {order!r}: "
                "give each its own v_annotations.order."
            )
        found[order] = subrun
    if not found:
        raise AttributeError(
            f"There is no subrun below {group.v_full_name!r}: add a Brian2Parameter with a duration there "
            "and set its v_annotations.order."
        )
    return [found[order] for order in sorted(found)]


class NetworkManager:
    """Builds the network from its components and runs it; ``env.run(manager.run_network)``.

    Parameters
    ----------
    network_runner
        Runs the network.
    component_list, analyser_list
        What the network is made of, in the order in which it is built.
    network_constructor
        Makes the network of brian2 objects, default ``brian2.Network``.

    With worker processes the manager travels without brian2 objects: each worker takes components as they
    were before :meth:`pre_build`, builds the shared objects again, and takes over the state after the
    pre-run. For that building twice must give the same objects in the same order.
    """

    def __init__(
        self,
        network_runner: NetworkRunner,
        component_list: Iterable[NetworkComponent],
        analyser_list: Iterable[NetworkAnalyser] = (),
        network_constructor: Callable[..., Any] | None = None,
    ) -> None:
        self.components = list(component_list)
        self.network_runner = network_runner
        self.analysers = list(analyser_list)
        self._constructor = network_constructor
        self._brian_list: list[Any] = []
        self._network_dict: dict[str, Any] = {}
        self._network: Any = None
        self._objects: tuple[Any, ...] = ()
        self._pre_built = False
        self._state: bytes | None = None
        """State of the network after the pre-run, as brian2 writes it."""
        self._names: list[str] = []
        """Names of the objects and clocks that were built for the pre-run, in order."""
        self._unbuilt: bytes | None = None
        """The parts as they were before the shared objects were built; None if they cannot be pickled."""

    @property
    def _parts(self) -> list[NetworkComponent]:
        return [*self.components, *self.analysers, self.network_runner]

    def add_parameters(self, traj: Any) -> None:
        """Let all components, analysers and the runner add their parameters, in this order."""
        for part in self._parts:
            part.add_parameters(traj)

    def pre_build(self, traj: Any) -> None:
        """Let all parts build what the runs share. Optional; :meth:`pre_run_network` does it as well."""
        if not self._pre_built:
            self._unbuilt = _pickled((self.components, self.analysers, self.network_runner))
        self._brian_list = []
        self._network_dict = {}
        for part in self._parts:
            part.pre_build(traj, self._brian_list, self._network_dict)
        self._pre_built = True

    def pre_run_network(self, traj: Any) -> None:
        """Run the network once, before the runs: each of these starts from the state it ends in."""
        self.pre_build(traj)
        self._network = self._construct(self._brian_list)
        self._names = _names_in(self._brian_list)
        self.network_runner.execute_network_pre_run(
            traj, self._network, self._network_dict, self.components, self.analysers
        )
        self._network.store(_PRE_RUN)
        self._objects = tuple(self._network.objects)
        self._state = _state_of(self._network)

    def run_network(self, traj: Any) -> None:
        """Do one run; to be given to ``env.run``."""
        if self._pre_built and not self._network_dict and not self._brian_list:
            self._build_again(traj)
        brian_list = list(self._brian_list)
        network_dict = dict(self._network_dict)  # what one run adds is none of the next one's business
        if self._state is not None:
            self._rewind()
        for part in self._parts:
            part.build(traj, brian_list, network_dict)
        network = self._network if self._state is not None else self._construct(brian_list)
        self.network_runner.execute_network_run(traj, network, network_dict, self.components, self.analysers)

    def _construct(self, brian_list: Sequence[Any]) -> Any:
        if self._constructor is not None:
            return self._constructor(*brian_list)
        from brian2 import Network

        return Network(*brian_list)

    def _rewind(self) -> None:
        """Give the network the objects and the state it had after the pre-run."""
        objects = self._network.objects
        self._network.remove(*[one for one in objects if all(one is not own for own in self._objects)])
        self._network.add(*[own for own in self._objects if all(own is not one for one in objects)])
        self._network.restore(_PRE_RUN)

    def _build_again(self, traj: Any) -> None:
        """Build in a worker what the parent built, and take over its state."""
        self.pre_build(traj)
        if self._state is not None:
            self._network = self._construct(self._brian_list)
            mine = _names_in(self._brian_list)
            renamed = dict(zip(self._names, mine, strict=True)) if len(mine) == len(self._names) else {}
            _take_state(self._network, self._state, renamed)
            self._network.store(_PRE_RUN)
            self._objects = tuple(self._network.objects)

    def __getstate__(self) -> dict[str, Any]:
        # brian2 objects do not travel between processes
        state = {**self.__dict__, "_brian_list": [], "_network_dict": {}, "_network": None, "_objects": ()}
        if self._unbuilt is not None:  # the parts hold some by now, and know that they built them
            for name in ("components", "analysers", "network_runner"):
                del state[name]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._unbuilt is not None:
            self.components, self.analysers, self.network_runner = pickle.loads(self._unbuilt)


def _pickled(parts: tuple[Any, ...]) -> bytes | None:
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps(parts))
    except Exception:  # whatever a part holds; then the manager runs in its own process only
        return None


def _names_in(objects: Iterable[Any]) -> list[str]:
    """Give the names of brian2 objects, of what they contain, and of their clocks, in order."""
    names: dict[str, None] = {}
    for one in objects:
        if isinstance(one, list | tuple):
            names.update(dict.fromkeys(_names_in(one)))
            continue
        names[one.name] = None
        names[one.clock.name] = None
        names.update(dict.fromkeys(_names_in(one.contained_objects)))
    return list(names)


def _state_of(network: Any) -> bytes:
    """Give the state as brian2 writes it to a file."""
    with tempfile.TemporaryDirectory() as folder:
        filename = os.path.join(folder, "state")
        network.store(_PRE_RUN, filename)
        with open(filename, "rb") as file:
            return file.read()


def _take_state(network: Any, state: bytes, renamed: Mapping[str, str]) -> None:
    """Give a network the state of another that was built alike; `renamed`: from its names to those here."""
    stored = pickle.loads(state)
    stored[_PRE_RUN] = {renamed.get(name, name): one for name, one in stored[_PRE_RUN].items()}
    with tempfile.TemporaryDirectory() as folder:
        filename = os.path.join(folder, "state")
        with open(filename, "wb") as file:
            pickle.dump(stored, file)
        try:
            network.restore(_PRE_RUN, filename)
        except KeyError as error:
            error.add_note(
                "The network built in this worker has other objects than the pre-run's: let pre_build make the "
                "same ones each time, or give them names of their own, as NeuronGroup(..., name='neurons')."
            )
            raise
