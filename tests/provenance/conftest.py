"""What is done around each test of the provenance?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.provenance.repositories import close_all


@pytest.fixture(autouse=True)
def _no_processes_of_gitpython() -> Iterator[None]:
    yield
    close_all()
