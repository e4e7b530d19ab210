"""Where and when do runs happen?"""

from pypet_ng.runners.base import Job, Runner
from pypet_ng.runners.executors import ExecutorRunner
from pypet_ng.runners.jax import JaxRunner
from pypet_ng.runners.processes import ProcessRunner
from pypet_ng.runners.serial import SerialRunner

__all__ = ["ExecutorRunner", "JaxRunner", "Job", "ProcessRunner", "Runner", "SerialRunner"]
