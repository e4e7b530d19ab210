"""What does an environment write about itself below ``config.environment``?"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

from pypet_ng._version import __version__
from pypet_ng.trajectory.parameter import Parameter
from pypet_ng.trajectory.trajectory import Trajectory
from pypet_ng.tree.nodes import Leaf

__all__ = ["RECORDED_OPTIONS", "EnvironmentConfig", "own_hexsha"]

_PACKAGES: Final = (
    ("numpy", "numpy"),
    ("h5py", "h5py"),
    ("scipy", "scipy"),
    ("pandas", "pandas"),
    ("xarray", "xarray"),
    ("tables", "PyTables"),
    ("jax", "jax"),
    ("brian2", "brian2"),
)
"""Modules whose versions are noted if they are loaded, and pypet's names of them."""


RECORDED_OPTIONS: Final = frozenset(
    [
        "multiproc",
        "ncores",
        "wrap_mode",
        "use_pool",
        "use_scoop",
        "freeze_input",
        "niceness",
        "cpu_cap",
        "memory_cap",
        "swap_cap",
        "immediate_postproc",
        "resumable",
        "queue_maxsize",
    ]
)
"""Options that are written as they were given: pypet's, as each name may stand in the way of a user's."""


def own_hexsha(*facts: object) -> str:
    """Give a SHA-1 that stands for an environment where there is no commit."""
    return hashlib.sha1("|".join(map(str, facts)).encode(), usedforsecurity=False).hexdigest()


class EnvironmentConfig:
    """The group ``config.environment.<name>`` of a trajectory."""

    def __init__(self, traj: Trajectory, name: str) -> None:
        self._traj = traj
        self._path = f"environment.{name}"
        self._began = 0.0

    def describe(self, options: Mapping[str, Any], hexsha: str, timestamp: float) -> None:
        """Add what is known when the environment is made; `options` are those of the constructor."""
        traj = self._traj
        # loaded packages only: looking for versions of all that is installed takes longer than a sweep
        versions = {
            shown: str(getattr(sys.modules[module], "__version__", "unknown"))
            for module, shown in _PACKAGES
            if sys.modules.get(module) is not None  # None: somebody forbade the import
        }
        versions |= {"python": platform.python_version(), "pypet_ng": __version__}
        versions["platform"] = f"{platform.system()}, {platform.release()}, {platform.machine()}"
        facts = {
            **options,
            "hexsha": hexsha,
            "timestamp": timestamp,
            "script": os.path.abspath(sys.argv[0]) if sys.argv and sys.argv[0] else "",
            "trajectory.name": traj.v_name,
            "trajectory.timestamp": traj.v_timestamp,
        }
        facts |= {f"versions.{package}": text for package, text in versions.items()}
        for name, value in facts.items():
            if value is not None:
                self._set(name, value)

    def begins(self) -> None:
        """Note that runs begin, if these are the first."""
        self._began = time.time()
        if self._leaf("start_timestamp") is None:
            self._set("start_timestamp", self._began)

    def ends(self) -> list[Any]:
        """Note that runs ended, and give the parameters to be stored; none if it is not worth a write."""
        now = time.time()
        first = self._leaf("finish_timestamp") is None
        start = self._leaf("start_timestamp")
        began = self._began if start is None else start.f_get()
        noted = [self._set("finish_timestamp", now), self._set("runtime", _text_of(now - began))]
        return noted if first or now - self._began > 1.0 else []

    def _leaf(self, name: str) -> Any:
        tree = self._traj._session.tree
        node = tree.at(("config", *self._path.split("."), *name.split(".")))
        return tree.view(node) if isinstance(node, Leaf) else None

    def _set(self, name: str, value: Any) -> Any:
        leaf = self._leaf(name)
        if leaf is None:
            return self._traj.f_add_config(Parameter, f"{self._path}.{name}", value)
        leaf.f_unlock()
        leaf.f_set(value)
        return leaf


def _text_of(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:09.6f}"
