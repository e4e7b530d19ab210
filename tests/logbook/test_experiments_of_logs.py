"""Does the table of an experiment tell the truth, whoever writes to it?"""

from __future__ import annotations

import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("yaml")

from pypet_ng.logbook import Experiment, ExperimentReader, Logbook, LogReader


def begun(exp: Experiment, **params: Any) -> Logbook:
    log = exp.add(**params)
    assert log is not None
    return log


def test_close_values_and_unsafe_text_have_runs_of_their_own(tmp_path: pathlib.Path) -> None:
    exp = Experiment("e", base_dir=tmp_path)
    values: list[Any] = [0.1, 0.100001, 0.1000011, "a/b", "a_b", "a b", 1, 1.5, (1, 2), "(1, 2)", "x" * 300]
    ids = [begun(exp, v=value).run_id for value in values]
    assert len(set(ids)) == len(values)
    assert ids[0] == "e_v_0.1"
    assert all("/" not in run_id and len(run_id) < 240 for run_id in ids)


def test_ids_that_would_look_the_same_are_told_apart(tmp_path: pathlib.Path) -> None:
    exp = Experiment("e", base_dir=tmp_path)
    begun(exp, a="1_b_2")
    begun(exp, a=1, b=2)
    assert len(ExperimentReader(exp.exp_dir)) == 2
    with pytest.raises(FileExistsError):
        exp.add(a=1, b=2)


def test_failed_runs_are_called_failed_and_are_done_again(tmp_path: pathlib.Path) -> None:
    exp = Experiment("e", base_dir=tmp_path)
    log = begun(exp, a=1)
    log.json("metrics", {"x": 1})
    with pytest.raises(RuntimeError), log:
        raise RuntimeError("no")
    assert exp.to_dataframe()["status"].tolist() == ["failed"]
    again = exp.add(a=1, skip_existing=True)
    assert again is not None
    with again:
        again.json("metrics", {"x": 2})
    table = exp.to_dataframe()
    assert (table["status"].tolist(), table["x"].tolist()) == (["complete"], [2])
    assert exp.add(a=1, skip_existing=True) is None


def test_a_run_that_goes_on_is_skipped_and_a_dropped_one_is_done_again(tmp_path: pathlib.Path) -> None:
    exp = Experiment("e", base_dir=tmp_path)
    log = begun(exp, a=1)
    with pytest.warns(UserWarning, match="did not end"):
        assert exp.add(a=1, skip_existing=True) is None
    del log
    assert exp.add(a=1, skip_existing=True) is not None


def test_a_killed_run_is_done_again(tmp_path: pathlib.Path) -> None:
    code = (
        "import os, sys; from pypet_ng.logbook import Experiment\n"
        "log = Experiment('e', sys.argv[1]).add(a=1); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert Experiment("e", base_dir=tmp_path).add(a=1, skip_existing=True) is not None


def test_other_metrics_get_columns_of_their_own(tmp_path: pathlib.Path) -> None:
    exp = Experiment("e", base_dir=tmp_path)
    for place, metrics in enumerate([{"x": 1}, {"y": 2, "x": 3}, {}, {"status": "good", "a": 9}]):
        with begun(exp, a=place) as log:
            log.json("metrics", metrics)
    table = exp.to_dataframe().set_index("a")
    assert table["x"].tolist()[:2] == [1, 3]
    assert table.loc[1, "y"] == 2
    assert table["status"].unique().tolist() == ["complete"]
    assert table.loc[3, "metrics.status"] == "good"
    assert table.loc[3, "metrics.a"] == 9


def test_a_second_mark_replaces_the_row(tmp_path: pathlib.Path) -> None:
    exp = Experiment("e", base_dir=tmp_path)
    log = begun(exp, a=1)
    log.mark_complete()
    log.mark_failed("after all")
    assert exp.to_dataframe()["status"].tolist() == ["failed"]


def test_select_works_on_nothing_on_lists_and_on_gaps(tmp_path: pathlib.Path) -> None:
    exp = Experiment("e", base_dir=tmp_path)
    assert exp.select(a=1).empty
    for value in ([1, 2], [1, 3]):
        begun(exp, shape=value, b=None).mark_complete()
    assert len(exp.select(shape=(1, 2))) == 1
    assert len(exp.select(b=None)) == 2
    with pytest.raises(KeyError, match="shape"):
        exp.select(shap=1)


def test_processes_write_one_table(tmp_path: pathlib.Path) -> None:
    code = (
        "import sys; from pypet_ng.logbook import Experiment\n"
        "exp = Experiment('e', sys.argv[1])\n"
        "for k in range(40):\n"
        "    with exp.add(w=int(sys.argv[2]), k=k) as log:\n"
        "        log.json('metrics', {'m' + str(k % 3): k})\n"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(w)]) for w in range(3)]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    table = Experiment("e", base_dir=tmp_path).to_dataframe()
    assert len(table) == 120
    assert (table["status"] == "complete").all()
    for name, rest in (("m0", 0), ("m1", 1), ("m2", 2)):
        mine = table[table["k"] % 3 == rest]
        assert (mine[name] == mine["k"]).all()


def test_a_row_cut_off_in_the_middle_is_dropped(tmp_path: pathlib.Path) -> None:
    exp = Experiment("e", base_dir=tmp_path)
    begun(exp, a="ä").mark_complete()
    with exp.index_file.open("a") as file:
        file.write("e_a_2,2,comp")
    begun(exp, a="ö").mark_complete()
    begun(Experiment("e", base_dir=tmp_path), a="u").mark_complete()
    assert exp.to_dataframe()["a"].tolist() == ["ä", "ö", "u"]


def test_readers_take_places_ids_and_nested_arrays(tmp_path: pathlib.Path) -> None:
    exp = Experiment("e", base_dir=tmp_path)
    with begun(exp, log_x=1) as log:
        log.array("states/T", np.arange(2))
        log.text("sub/note", "hello")
        log.pickle("p", {1, 2})
        log.bytes("raw.bin", b"ab")
    reader = ExperimentReader(exp.exp_dir)
    run = reader[-1]
    assert run.run_id == "e_log_x_1"
    assert reader["e_log_x_1"].path == run.path
    assert "e_log_x_1" in reader
    assert run.arrays == ["states/T"]
    assert run.load_array("states/T").tolist() == [0, 1]
    assert (run.load_text("sub/note"), run.load_pickle("p"), run.load_bytes("raw.bin")) == (
        "hello",
        {1, 2},
        b"ab",
    )
    with pytest.raises(KeyError, match="e_log_x_1"):
        reader["e_log_x_2"]
    with pytest.raises(FileNotFoundError, match="states/T"):
        run.load_array("states/t")
    assert "e_log_x_1" in reader._repr_html_()
    assert "states/T" in run._repr_html_()
    assert "e_log_x_1" in exp._repr_html_()
    assert "states/T" in log._repr_html_()


def test_an_id_may_hold_the_prefix(tmp_path: pathlib.Path) -> None:
    assert LogReader(Logbook("a_log_b", base_dir=tmp_path).path).run_id == "a_log_b"


def test_marking_costs_the_same_however_many_rows_there_are(tmp_path: pathlib.Path) -> None:
    exp = Experiment("e", base_dir=tmp_path)
    begun(exp, a=0).mark_complete()
    inode = exp.index_file.stat().st_ino
    for value in range(1, 30):
        begun(exp, a=value).mark_complete()
    assert exp.index_file.stat().st_ino == inode  # appended to, not written anew
