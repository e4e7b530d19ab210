"""Where and when do runs happen?

Runners are loaded when somebody names them: most need modules that a serial run does not.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from pypet_ng.runners.base import Job, Runner

if TYPE_CHECKING:
    from pypet_ng.runners.executors import ExecutorRunner
    from pypet_ng.runners.jax import JaxRunner
    from pypet_ng.runners.processes import ProcessRunner
    from pypet_ng.runners.serial import SerialRunner

__all__ = ["ExecutorRunner", "JaxRunner", "Job", "ProcessRunner", "Runner", "SerialRunner"]

_PLACES: Final = {
    "ExecutorRunner": "executors",
    "JaxRunner": "jax",
    "ProcessRunner": "processes",
    "SerialRunner": "serial",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
