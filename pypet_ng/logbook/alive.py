"""Does a run that was begun still go on, and where does it go on?"""

from __future__ import annotations

import functools
import os
import platform
import sys
import weakref
from pathlib import Path
from typing import Any, Final

from pypet_ng._version import __version__
from pypet_ng.logbook.plain import read_json

__all__ = ["ENDED", "enter", "is_running", "leave", "provenance"]

ENDED: Final = ("complete", "failed")
_live: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
"""What writes the runs of this process that go on, by absolute path."""


def enter(folder: Path, writer: object) -> None:
    """Remember that a run of this process goes on as long as its writer is in use."""
    _live[os.path.abspath(folder)] = writer


def leave(folder: Path) -> None:
    """Remember that it ended."""
    _live.pop(os.path.abspath(folder), None)


def is_running(folder: Path) -> bool:
    """Tell whether the run of a folder goes on: in this process, or in one that lives on this machine.

    Of a run that began on another machine and did not end, nobody knows: True.
    """
    if os.path.abspath(folder) in _live:
        return True
    try:
        meta = read_json(folder / "metadata.json")
    except (FileNotFoundError, ValueError):
        return False
    if meta.get("status") in ENDED or "pid" not in meta:
        return False
    if meta.get("host") != platform.node():
        return True
    pid = meta["pid"]
    mark = _process_mark(pid)
    return pid != os.getpid() and mark != "" and mark == meta.get("process")


def _process_mark(pid: int) -> str:
    """Give what tells a process from a later one of the same number; '' if there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[19].decode()
    except FileNotFoundError:
        if os.path.isdir("/proc/self"):
            return ""
    try:
        os.kill(pid, 0)  # no /proc here
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "alive"
    return "alive"


@functools.cache
def _facts_of(pid: int) -> dict[str, Any]:
    return {
        "host": platform.node(),
        "pid": pid,
        "process": _process_mark(pid),
        "python": platform.python_version(),
        "pypet_ng": __version__,
        "script": os.path.abspath(sys.argv[0]) if sys.argv and sys.argv[0] else "",
    }


def provenance() -> dict[str, Any]:
    """Give what ``metadata.json`` says of who writes it."""
    return {**_facts_of(os.getpid()), "cwd": os.getcwd()}
