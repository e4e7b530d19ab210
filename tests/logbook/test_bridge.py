"""Do trajectories and folders of logs become one another without loss of what both can hold?"""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

pytest.importorskip("yaml")

from pypet_ng import Environment, cartesian_product, load_trajectory
from pypet_ng.logbook import Experiment, ExperimentReader, Logbook, export_logbook, import_logbook


def work(traj: Any) -> None:
    if traj.x == 2 and traj.y == "b":
        raise ValueError("no such point")
    traj.f_add_result("z", traj.x * traj.scale)
    traj.f_add_result("sub.series", np.arange(traj.x + 1.0))
    traj.f_add_result("about", {"y": traj.y, "list": [1, 2]})


def test_a_trajectory_becomes_folders_and_comes_back(tmp_path: pathlib.Path) -> None:
    env = Environment(trajectory="t", filename=str(tmp_path / "t.hdf5"), on_error="return", log_config=None)
    env.traj.f_add_parameter("x", 1)
    env.traj.f_add_parameter("y", "a")
    env.traj.f_add_parameter("scale", 0.5)
    env.traj.f_explore(cartesian_product({"x": [1, 2], "y": ["a", "b"]}))
    env.run(work)
    traj = load_trajectory(name="t", filename=str(tmp_path / "t.hdf5"), load_all=2)

    home = export_logbook(traj, tmp_path / "logs")
    reader = ExperimentReader(home)
    assert [run.status for run in reader] == ["complete", "complete", "complete", "failed"]
    assert reader[1].params == {"x": 1, "y": "b", "scale": 0.5}
    assert reader[1].load_json("metrics") == {"z": 0.5}
    assert reader[2].load_array("sub/series").tolist() == [0.0, 1.0, 2.0]
    assert reader[0].load_json("about") == {"list": [1, 2], "y": "a"}
    assert "no such point" in reader[3].meta["failure_reason"]
    assert "work" in reader[3].meta["traceback"]
    assert [row["status"] for row in reader.index()] == ["complete"] * 3 + ["failed"]
    with pytest.raises(FileExistsError):
        export_logbook(traj, tmp_path / "logs")

    back = import_logbook(home, tmp_path / "back.hdf5")
    assert len(back) == 4
    assert back.f_get("parameters.scale").f_get() == 0.5
    table = back.f_to_dataframe(results="z", parameters=["x", "y"])
    assert table["x"].tolist() == [1, 1, 2, 2]
    assert table["z"].iloc[:3].tolist() == [0.5, 0.5, 1.0]
    assert back.f_collect("sub.series")[2].tolist() == [0.0, 1.0, 2.0]
    assert back.f_run_table()["state"].tolist() == ["done"] * 3 + ["failed"]
    assert "no such point" in back.f_get_run_information(3)["message"]


def test_folders_with_uneven_parameters_are_taken_in(tmp_path: pathlib.Path) -> None:
    exp = Experiment("e", base_dir=tmp_path)
    for params in ({"a": 1, "m": "x"}, {"a": 2.5, "b": True}, {"a": 3, "m": 4, "deep": {"q": [1, 2]}}):
        log = exp.add(**params)
        assert log is not None
        with log:
            log.array("x", np.arange(2))
            log.bytes("raw.bin", b"1")
            log.text("note", "words")
    with pytest.warns(UserWarning, match="3 figures, pickles or raw files"):
        traj = import_logbook(exp.exp_dir, ":memory:")
    assert traj.f_collect("a").values() == [1.0, 2.5, 3.0]
    assert traj.f_collect("m").values() == ["x", "", "4"]
    assert traj.f_collect("note").values() == ["words"] * 3


def test_only_new_folders_are_taken_in(tmp_path: pathlib.Path) -> None:
    for k in range(3):
        with Logbook(k, base_dir=tmp_path / "logs", params={"k": k}) as log:
            log.json("metrics", {"m": k * k})
        traj = import_logbook(tmp_path / "logs", tmp_path / "x.hdf5")
    assert traj.f_collect("m")[:].tolist() == [0, 1, 4]
    assert traj.f_run_table()["session"].tolist() == [1, 2, 3]
