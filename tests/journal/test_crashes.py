"""Does a file survive a crash at any moment, whatever of the unsynced writes reached the disk?"""

from __future__ import annotations

import pathlib

import pytest

from tests.journal.histories import judge, record

KINDS = {"free": (0.0, 0.3), "delayed": (0.66, 0.2), "never": (1.0, 0.25), "one session": (0.3, 0.0)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_crash_leaves_the_last_commit_or_the_one_being_made(tmp_path: pathlib.Path, kind: str) -> None:
    states = _simulate(tmp_path, kind, range(2), 10)
    assert states > 500


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_twenty_thousand_crashes(tmp_path: pathlib.Path, kind: str) -> None:
    states = _simulate(tmp_path, kind, range(10, 22), 18)
    assert states > 5000


def _simulate(folder: pathlib.Path, kind: str, seeds: range, commits: int) -> int:
    states = 0
    for seed in seeds:
        history = record(folder / f"made{seed}", seed, commits, *KINDS[kind])
        count, _, wrong = judge(history, folder / f"crashed{seed}", seed)
        assert not wrong, f"{len(wrong)} of {count} wrong, seed {seed}:\n" + "\n".join(wrong[:10])
        states += count
    return states
