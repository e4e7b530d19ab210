"""What do all tests share: how thorough hypothesis is, and the storages they run on?"""

from __future__ import annotations

import os
import pathlib

import pytest
from hypothesis import HealthCheck, settings

from tests.engine.places import Place

# Storing to a file takes as long as the disk likes: a deadline would test the machine.
# Two devices on any machine, so that what is divided among devices is tested; before anybody imports JAX.
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=2")

settings.register_profile("dev", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "ci",
    deadline=None,
    max_examples=25,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "thorough", deadline=None, max_examples=1000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure no coverage of what runs the same lines again and again: it would double its time."""
    for item in items:
        is_property = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if is_property or item.get_closest_marker("repeats") is not None:
            item.add_marker("no_cover")


@pytest.fixture(params=["memory", "hdf5"])
def kind(request: pytest.FixtureRequest) -> str:
    """The name of a storage."""
    name: str = request.param
    return name


@pytest.fixture
def place(kind: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place to keep trajectories in, once per storage; the working directory is a fresh folder."""
    monkeypatch.chdir(tmp_path)
    return Place(kind, tmp_path)
