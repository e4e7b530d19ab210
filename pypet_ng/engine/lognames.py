"""What stands for ``$env $traj $run $set $proc $host`` in the name of a log file?"""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from typing import Final

__all__ = ["ALL_RUNS", "ALL_SETS", "LogNames", "process_name"]

ALL_RUNS: Final = "run_ALL"
ALL_SETS: Final = "run_set_ALL"
_WORD: Final = re.compile(r"\$(env|traj|run|set|proc|host)")


def process_name() -> str:
    """Give name and number of this process, as a part of a file name."""
    import multiprocessing

    plain = re.sub(r"\W+", "_", multiprocessing.current_process().name)
    return f"{plain}-{os.getpid()}"


@dataclass(frozen=True, slots=True)
class LogNames:
    """What the words stand for; process and host are those of the process that fills in."""

    env: str = "environment"
    traj: str = "trajectory"
    run: str = ALL_RUNS
    set: str = ALL_SETS
    proc: str | None = None
    host: str | None = None

    def fill(self, text: str) -> str:
        """Give a file name without the words.

        >>> LogNames(env="e", traj="t", host="h", proc="p").fill("logs/$traj/$env/$run_$host_$proc_LOG.txt")
        'logs/t/e/run_ALL_h_p_LOG.txt'
        """
        words = {"env": self.env, "traj": self.traj, "run": self.run, "set": self.set}
        words["host"] = self.host if self.host is not None else platform.node()
        words["proc"] = self.proc if self.proc is not None else process_name()
        return _WORD.sub(lambda found: words[found[1]], text)
