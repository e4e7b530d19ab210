"""Does verifying find what is wrong, and does compacting keep everything else?"""

from __future__ import annotations

import os
import pathlib
from typing import Any

import h5py
import numpy as np
import pytest

from pypet_ng import (
    MissingFileError,
    Trajectory,
    TrajectoryNotFoundError,
    VerifyReport,
    compact_hdf5_file,
    load_trajectory,
)
from tests.engine.places import Place


def work(traj: Any) -> float:
    traj.f_add_result("z", traj.x * 2.0)
    traj.f_add_result("big", np.full(1000, traj.x))
    return float(traj.x)


def sweep(place: Place, name: str = "traj", runs: int = 20) -> Any:
    env = place.env(name)
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": list(range(runs))})
    env.run(work)
    return env.traj


def test_a_sound_trajectory_is_sound(place: Place) -> None:
    report = sweep(place).f_verify()
    assert isinstance(report, VerifyReport)
    assert report
    assert (report.runs, report.problems) == (20, ())
    assert str(report).endswith("(20 runs): sound")
    assert place.load().f_verify().is_sound


def test_what_was_never_stored_cannot_be_verified(tmp_path: pathlib.Path) -> None:
    with pytest.raises(TypeError, match="never stored"):
        Trajectory("t", filename=str(tmp_path / "f.hdf5")).f_verify()


@pytest.mark.parametrize("damage", ["state", "kind", "plan", "column", "index", "attribute"])
def test_damage_is_reported_and_not_raised(tmp_path: pathlib.Path, damage: str) -> None:
    place = Place("hdf5", tmp_path)
    traj = sweep(place)
    with h5py.File(place.filename, "r+") as file:
        group = file["traj"]
        if damage == "state":
            group["overview/runs/state"][3] = 77
        elif damage == "kind":
            group["results/runs/$/z/z/_kind"][3] = 9
        elif damage == "plan":
            group["overview"].attrs["runs"] = 21
        elif damage == "column":
            del group["results/runs/$/z/z"]
        elif damage == "index":
            group["parameters"].create_group("ghost").attrs["kind"] = np.bytes_("group")
        else:
            group["overview"].attrs["explored"] = np.bytes_(b"[[1]]")
    report = traj.f_verify()
    assert not report
    assert report.problems
    assert "problems" in str(report)


def test_compacting_keeps_what_is_there(place: Place) -> None:
    traj = sweep(place)
    sweep(place, "other")
    for index in range(20):
        traj.f_delete_item(f"results.runs.run_{index:08d}.big")
    before = os.path.getsize(place.filename) if place.kind == "hdf5" else 0
    traj.f_compact()
    assert traj.f_verify()
    if before:
        assert os.path.getsize(place.filename) < before - 100_000
    assert place.column("results.runs.$.z") == [2.0 * x for x in range(20)]
    assert place.load("other", load_data=2).results.runs.run_00000003.big[5] == 3.0
    traj.f_expand({"x": [20]})
    place.check("other")
    assert traj.x == 0


def test_a_file_is_compacted_with_a_backup(tmp_path: pathlib.Path) -> None:
    place = Place("hdf5", tmp_path)
    traj = sweep(place)
    traj.f_delete_item("results.runs", recursive=True, remove_from_trajectory=True)
    before = os.path.getsize(place.filename)
    given_back = compact_hdf5_file(place.filename, name="traj")
    assert os.path.getsize(place.filename) == before - given_back
    assert given_back > 100_000
    assert load_trajectory("traj", filename=place.filename + "_backup").f_verify()
    assert place.load().f_verify()
    assert sorted(os.listdir(tmp_path)) == ["kept.hdf5", "kept.hdf5_backup"]
    assert compact_hdf5_file(place.filename, keep_backup=False) < 10_000


def test_compacting_needs_the_file_and_the_trajectory(tmp_path: pathlib.Path) -> None:
    place = Place("hdf5", tmp_path)
    with pytest.raises(MissingFileError):
        compact_hdf5_file(place.filename)
    sweep(place)
    with pytest.raises(TrajectoryNotFoundError):
        compact_hdf5_file(place.filename, name="tray")
    assert os.listdir(tmp_path) == ["kept.hdf5"]
