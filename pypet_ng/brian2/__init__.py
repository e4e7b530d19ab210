"""How do networks of the spiking neuron simulator brian2 go together with trajectories?"""

from __future__ import annotations

from pypet_ng.brian2.network import NetworkAnalyser, NetworkComponent, NetworkManager, NetworkRunner
from pypet_ng.brian2.parameter import Brian2MonitorResult, Brian2Parameter, Brian2Result

__all__ = [
    "Brian2MonitorResult",
    "Brian2Parameter",
    "Brian2Result",
    "NetworkAnalyser",
    "NetworkComponent",
    "NetworkManager",
    "NetworkRunner",
]
