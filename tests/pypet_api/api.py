"""What do the tests of pypet's surface share?

Each test has the line of the table it is about in its id: section, then words of the line.
"""

from __future__ import annotations

from typing import Any

import pytest

from pypet_ng import Environment

__all__ = ["WORKERS", "line", "run_some"]

WORKERS: list[Any] = [
    pytest.param({}, id="serial"),
    pytest.param({"multiproc": True, "ncores": 2}, id="2-processes"),
]
"""Options of environments on which what matters is tried."""


def line(text: str) -> Any:
    """Mark a test with the line of the table it is about."""
    return pytest.mark.parametrize("line", [text])


def run_some(function: Any, points: int = 3, **options: Any) -> Any:
    """Give the trajectory of a sweep over ``x = 0.0, 1.0, ...``."""
    options.setdefault("filename", ":memory:")
    name = options.pop("trajectory", "some")
    env = Environment(trajectory=name, report_progress=False, log_config=None, **options)
    env.traj.f_add_parameter("x", 0.0, comment="the explored one")
    env.traj.f_explore({"x": [float(place) for place in range(points)]})
    env.run(function)
    return env.traj
