"""How is a network of brian2 built from components and run in two subruns at each point?"""

from __future__ import annotations

from brian2 import NeuronGroup, SpikeMonitor, Synapses, ms, mV, prefs

from pypet_ng import Environment
from pypet_ng.brian2.network import NetworkAnalyser, NetworkComponent, NetworkManager, NetworkRunner
from pypet_ng.brian2.parameter import Brian2MonitorResult, Brian2Parameter

prefs.codegen.target = "numpy"  # a small network: no compiler is worth its time


class Neurons(NetworkComponent):
    """Leaky neurons with a constant drive."""

    def add_parameters(self, traj):
        traj.f_add_parameter("neurons.N", 50, comment="How many")
        traj.f_add_parameter(Brian2Parameter, "neurons.tau", 5 * ms)
        traj.f_add_parameter(Brian2Parameter, "neurons.drive", 10.5 * mV)

    def build(self, traj, brian_list, network_dict):
        group = NeuronGroup(
            traj.N,
            "dv/dt = (drive - v) / tau : volt",
            threshold="v > 10*mV",
            reset="v = 0*mV",
            method="exact",
            namespace={"drive": traj.drive, "tau": traj.tau},
        )
        group.v = "10*mV * i / N"
        brian_list.append(group)
        network_dict["neurons"] = group


class Inhibition(NetworkComponent):
    """Each neuron inhibits some others."""

    def add_parameters(self, traj):
        traj.f_add_parameter(Brian2Parameter, "synapses.w", 0.5 * mV)

    def build(self, traj, brian_list, network_dict):
        neurons = network_dict["neurons"]
        synapses = Synapses(neurons, neurons, on_pre="v -= w", namespace={"w": traj.w})
        synapses.connect(condition="(i * 7 + j) % 5 == 0")
        brian_list.append(synapses)


class Spikes(NetworkAnalyser):
    """Records spikes after the network has settled."""

    def add_to_network(self, traj, network, current_subrun, subrun_list, network_dict):
        if current_subrun.v_name == "measure":
            network_dict["spikes"] = SpikeMonitor(network_dict["neurons"])
            network.add(network_dict["spikes"])

    def analyse(self, traj, network, current_subrun, subrun_list, network_dict):
        if current_subrun.v_name == "measure":
            traj.f_add_result(Brian2MonitorResult, "spikes", network_dict["spikes"])


class Phases(NetworkRunner):
    """First the network settles, then it is measured."""

    def add_parameters(self, traj):
        for order, (name, duration) in enumerate({"settle": 20 * ms, "measure": 50 * ms}.items()):
            subrun = traj.f_add_parameter(Brian2Parameter, f"simulation.durations.{name}", duration)
            subrun.v_annotations.order = order


def main():
    manager = NetworkManager(Phases(report=None), [Neurons(), Inhibition()], [Spikes()])
    env = Environment(trajectory="inhibition", filename="./hdf5/inhibition.hdf5", report_progress=False)
    traj = env.traj
    manager.add_parameters(traj)
    traj.f_explore({"w": [0.1 * mV, 0.5 * mV, 2 * mV]})
    env.run(manager.run_network)
    traj.v_auto_load = True
    for _ in traj.f_iter_runs():
        print(f"w = {traj.w}: {traj.results.runs.crun.spikes.num_spikes} spikes")


if __name__ == "__main__":
    main()
