"""Which options of pypet contradict each other, or cannot be met here?

The rules are pypet's, so that a script that was refused there is refused here for the same reason.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["check_together"]

_MODES: Final = ("LOCK", "QUEUE", "PIPE", "LOCAL", "NETLOCK", "NETQUEUE", "NONE")
_NET: Final = ("NETLOCK", "NETQUEUE")
_Given = Mapping[str, Any]


def _pool_and_scoop(given: _Given) -> str | None:
    if given.get("use_pool") and given.get("use_scoop"):
        return "use_pool and use_scoop exclude each other: choose one of them, or none"
    return None


def _immediate(given: _Given) -> str | None:
    if given.get("immediate_postproc") and (given.get("use_pool") or given.get("use_scoop")):
        return "immediate_postproc=True is not possible with use_pool or use_scoop: leave these out"
    return None


def _scoop(given: _Given) -> str | None:
    if not given.get("use_scoop"):
        return None
    mode = given.get("wrap_mode", "LOCAL")
    if mode not in ("LOCAL", *_NET):
        return f"use_scoop=True works with wrap_mode 'LOCAL', 'NETLOCK' or 'NETQUEUE', not {mode!r}"
    if given.get("graceful_exit"):
        return "graceful_exit=True is not possible with use_scoop=True: SCOOP handles Ctrl+C itself"
    return None


def _freeze(given: _Given) -> str | None:
    frozen = given.get("freeze_input", given.get("freeze_pool_input"))
    if frozen and not (given.get("use_pool") or given.get("use_scoop")):
        return "freeze_input=True means something with use_pool=True or use_scoop=True only"
    return None


def _resume(given: _Given) -> str | None:
    if not given.get("resumable", given.get("continuable")):
        return None
    if given.get("wrap_mode") in ("QUEUE", "PIPE"):
        return f"resumable=True is not possible with wrap_mode={given['wrap_mode']!r}: leave wrap_mode out"
    if not given.get("automatic_storing", True):
        return "resumable=True needs automatic_storing=True: what is not stored cannot be gone on with"
    return None


def _mode(given: _Given) -> str | None:
    mode = given.get("wrap_mode")
    if mode is not None and mode not in _MODES:
        return f"wrap_mode={mode!r}: choose one of {', '.join(map(repr, _MODES))}, or leave it out"
    if given.get("port") is not None and mode not in _NET:
        return f"port={given['port']!r} means something with wrap_mode 'NETLOCK' or 'NETQUEUE' only"
    return None


def _comments(given: _Given) -> str | None:
    if given.get("purge_duplicate_comments") and given.get("summary_tables") is False:
        return "purge_duplicate_comments=True needs summary_tables=True"
    return None


def _caps(given: _Given) -> str | None:
    capped = False
    for name in ("cpu_cap", "memory_cap", "swap_cap"):
        value = given.get(name, 100.0)
        cap = value[0] if name == "memory_cap" and isinstance(value, tuple | list) and value else value
        if isinstance(cap, bool) or not isinstance(cap, int | float) or not 0 < cap <= 100:
            return f"{name}={value!r}: give a percentage above 0 and up to 100"
        capped |= value != 100.0
    if capped and importlib.util.find_spec("psutil") is None:
        return (
            "cpu_cap, memory_cap and swap_cap need the package psutil: pip install psutil, or leave them out"
        )
    return None


def _logging(given: _Given) -> str | None:
    simple = [name for name in ("log_folder", "logger_names", "log_levels", "log_level", "log_multiproc")
              if given.get(name) is not None]  # fmt: skip
    if "log_config" in given and simple:
        return (
            f"log_config={given['log_config']!r} and {simple[0]} are two ways to say the same: leave one out"
        )
    names, levels = given.get("logger_names"), given.get("log_levels")
    if names is not None and isinstance(levels, tuple | list) and len(levels) not in (1, len(names)):
        return f"{len(names)} logger_names, but {len(levels)} log_levels: give as many, or one level"
    return None


_RULES: Final[tuple[Callable[[_Given], str | None], ...]] = (
    _immediate,
    _pool_and_scoop,
    _scoop,
    _freeze,
    _resume,
    _mode,
    _comments,
    _caps,
    _logging,
)


def check_together(given: Mapping[str, Any]) -> None:
    """Raise ValueError for the first rule that the options of an environment break."""
    for rule in _RULES:
        complaint = rule(given)
        if complaint is not None:
            raise ValueError(f"{complaint}.")
