"""Where and when do runs happen?"""

from pypet_ng.runners.base import Job, Runner
from pypet_ng.runners.processes import ProcessRunner
from pypet_ng.runners.serial import SerialRunner

__all__ = ["Job", "ProcessRunner", "Runner", "SerialRunner"]
