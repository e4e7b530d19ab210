"""Does a run's folder hold what was given, whole, and say how the run ended?"""

from __future__ import annotations

import enum
import json
import logging
import os
import pathlib
import resource
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

pytest.importorskip("yaml")

from pypet_ng import InvalidNameError, UnsupportedValueError
from pypet_ng.logbook import Logbook, LogReader


class Colour(enum.Enum):
    RED = "red"


def test_parameters_of_numpy_and_tuples_come_back_as_plain_values(tmp_path: pathlib.Path) -> None:
    given = {
        "f": np.float64(0.1),
        "i": np.int32(3),
        "flag": np.bool_(True),
        "vector": np.arange(3.0),
        "pair": (1, 2),
        "nested": {"deep": [np.float32(0.5)], 3: "three"},
        "colour": Colour.RED,
        "path": pathlib.Path("a/b"),
        "nothing": None,
        "text": "yes: #no",
    }
    for ext in ("yaml", "json"):
        log = Logbook(ext, base_dir=tmp_path)
        log.params(ext=ext, **given)
        assert LogReader(log.path).params == {
            "f": 0.1,
            "i": 3,
            "flag": True,
            "vector": [0.0, 1.0, 2.0],
            "pair": [1, 2],
            "nested": {"deep": [0.5], "3": "three"},
            "colour": "red",
            "path": "a/b",
            "nothing": None,
            "text": "yes: #no",
        }


def test_parameters_that_cannot_come_back_are_refused_before_there_is_a_folder(
    tmp_path: pathlib.Path,
) -> None:
    with pytest.raises(UnsupportedValueError, match="object"):
        Logbook("run", base_dir=tmp_path, params={"a": object()})
    assert not (tmp_path / "log_run").exists()


def test_parameters_are_read_by_name_and_added_by_call(tmp_path: pathlib.Path) -> None:
    log = Logbook("run", base_dir=tmp_path, params={"omega": 2.0})
    assert log.params["omega"] == 2.0
    log.params(dt=0.1)
    assert dict(log.params) == {"omega": 2.0, "dt": 0.1}
    assert len(log.params) == 2
    assert "dt" in repr(log.params)


def test_two_parameter_files_never_differ(tmp_path: pathlib.Path) -> None:
    log = Logbook("run", base_dir=tmp_path, params={"a": 1})
    log.params(ext="json", a=2)
    assert json.loads((log.path / "params.json").read_text()) == {"a": 2}
    assert LogReader(log.path).params == {"a": 2}


def test_the_newer_of_two_parameter_files_counts(tmp_path: pathlib.Path) -> None:
    log = Logbook("run", base_dir=tmp_path, params={"a": 1})
    (log.path / "params.json").write_text('{"a": 5}')
    os.utime(log.path / "params.json", (2e9, 2e9))
    assert LogReader(log.path).params == {"a": 5}


def test_an_unknown_kind_of_parameter_file_leaves_no_file(tmp_path: pathlib.Path) -> None:
    log = Logbook("run", base_dir=tmp_path)
    with pytest.raises(ValueError, match="txt"):
        log.params(ext="txt", a=1)
    assert sorted(os.listdir(log.path)) == ["log.txt", "metadata.json"]


def test_a_failure_keeps_reason_type_and_traceback(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ZeroDivisionError), Logbook("run", base_dir=tmp_path) as log:
        print(1 / 0)
    meta = LogReader(log.path).meta
    assert meta["failure_reason"] == "division by zero"
    assert meta["failure_type"] == "ZeroDivisionError"
    assert "print(1 / 0)" in meta["traceback"]
    assert "Traceback" in LogReader(log.path).log


def test_an_interrupt_without_words_is_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(KeyboardInterrupt), Logbook("run", base_dir=tmp_path) as log:
        raise KeyboardInterrupt
    assert LogReader(log.path).meta["failure_reason"] == "KeyboardInterrupt"


def test_a_later_success_takes_the_failure_away(tmp_path: pathlib.Path) -> None:
    log = Logbook("run", base_dir=tmp_path)
    try:
        raise RuntimeError("boom")
    except RuntimeError as error:
        log.mark_failed(str(error))
    assert "RuntimeError: boom" in LogReader(log.path).meta["traceback"]
    log.mark_complete()
    assert not {"failure_reason", "traceback"} & LogReader(log.path).meta.keys()


def test_overwriting_leaves_nothing_of_the_earlier_run(tmp_path: pathlib.Path) -> None:
    old = Logbook("run", base_dir=tmp_path, params={"a": 1})
    old.array("deep/x", np.zeros(3))
    old["extra/file.txt"].write_text("x")
    old.mark_failed("no")
    log = Logbook("run", base_dir=tmp_path, overwrite=True)
    assert sorted(os.listdir(log.path)) == ["log.txt", "metadata.json"]
    assert "failure_reason" not in LogReader(log.path).meta
    assert LogReader(log.path).log.count("\n") == 1


@pytest.mark.parametrize("run_id", ["a/b", "", "..\\x", "a\0b", "x" * 300, "two\nlines"])
def test_an_id_that_is_no_folder_name_is_refused(run_id: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(InvalidNameError):
        Logbook(run_id, base_dir=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", ""])
def test_no_file_is_written_outside_the_run(name: str, tmp_path: pathlib.Path) -> None:
    log = Logbook("run", base_dir=tmp_path)
    for write in (lambda: log.text(name, ""), lambda: log.array(name, np.zeros(1)), lambda: log[name]):
        with pytest.raises(InvalidNameError):
            write()


def test_a_json_file_that_fails_leaves_the_old_one(tmp_path: pathlib.Path) -> None:
    log = Logbook("run", base_dir=tmp_path)
    log.json("m", {"a": np.float32(0.5), "b": np.arange(2), "c": (1, 2), 4: np.int64(1)})
    with pytest.raises(UnsupportedValueError, match=r"\['deep'\]"):
        log.json("m", {"a": 1, "deep": object()})
    reader = LogReader(log.path)
    assert reader.load_json("m") == {"a": 0.5, "b": [0, 1], "c": [1, 2], "4": 1}
    assert reader.artifacts == ["m.json"]
    assert not [name for name in os.listdir(log.path) if name.startswith(".")]


def test_an_array_of_objects_is_refused(tmp_path: pathlib.Path) -> None:
    log = Logbook("run", base_dir=tmp_path)
    with pytest.raises(UnsupportedValueError, match="pickle"):
        log.array("x", np.array([{}, 1], object))
    assert LogReader(log.path).arrays == []


def test_all_levels_reach_the_file(tmp_path: pathlib.Path) -> None:
    log = Logbook("run", base_dir=tmp_path)
    log.debug("d")
    log.info("100 %")
    log.warning("w %d", 3)
    log.error("e")
    log.note("n", logging.CRITICAL)
    log.logger.info("by %s", "logger")
    words = [line.split("] ", 1)[1] for line in LogReader(log.path).log.splitlines()]
    assert words == [
        "INFO Logbook initialized",
        "DEBUG d",
        "INFO 100 %",
        "WARNING w 3",
        "ERROR e",
        "CRITICAL n",
        "INFO by logger",
    ]


def test_runs_of_one_id_in_two_folders_log_apart(tmp_path: pathlib.Path) -> None:
    first = Logbook("same", base_dir=tmp_path / "a")
    second = Logbook("same", base_dir=tmp_path / "b")
    first.info("one")
    second.info("two")
    assert "two" not in LogReader(first.path).log
    assert "two" in LogReader(second.path).log


def test_no_descriptor_is_held(tmp_path: pathlib.Path) -> None:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(128, limits[1]), limits[1]))
    try:
        logs = [Logbook(k, base_dir=tmp_path) for k in range(200)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert len(logs) == 200
    if before:
        assert len(os.listdir("/proc/self/fd")) == before


def test_threads_share_a_run(tmp_path: pathlib.Path) -> None:
    log = Logbook("run", base_dir=tmp_path)

    def work(number: int) -> None:
        for k in range(20):
            log.meta(**{f"m{number}_{k}": k})
            log.info(f"thread {number} step {k}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(name.startswith("m") for name in LogReader(log.path).meta) == 80
    assert LogReader(log.path).log.count("\n") == 81


def test_what_others_write_into_the_metadata_stays(tmp_path: pathlib.Path) -> None:
    log = Logbook("run", base_dir=tmp_path)
    path = log.path / "metadata.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "host_note": "node 7", "status": "failed"}))
    assert log.status == "failed"
    log.meta(mine=1)
    assert LogReader(log.path).meta["host_note"] == "node 7"


def test_bundles_keep_any_key(tmp_path: pathlib.Path) -> None:
    log = Logbook("run", base_dir=tmp_path)
    log.arrays("sub/bundle", file=np.arange(3), x=np.eye(2), compressed=False)
    log.arrays("tight", z=np.zeros(1000))
    reader = LogReader(log.path)
    assert reader.arrays == ["sub/bundle:file", "sub/bundle:x", "tight:z"]
    assert reader.load_array("sub/bundle:file").tolist() == [0, 1, 2]
    assert (log.datadir / "tight.npz").stat().st_size < 1000


def test_a_figure_is_saved_in_each_format(tmp_path: pathlib.Path) -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure()
    figure.add_subplot().plot([0, 1])
    log = Logbook("run", base_dir=tmp_path)
    log.plot("deep/line", figure, formats=("png", "svg"))
    assert LogReader(log.path).plots == ["deep/line.png", "deep/line.svg"]


def test_notata_reads_what_is_written(tmp_path: pathlib.Path) -> None:
    notata: Any = pytest.importorskip("notata")
    with Logbook("run", base_dir=tmp_path, params={"a": np.float64(1)}) as log:
        log.array("x", np.arange(3))
        log.arrays("b", y=np.arange(2))
        log.json("m", {"k": 1})
    reader = notata.LogReader(log.path)
    assert (reader.params, reader.load_json("m"), reader.meta["status"]) == ({"a": 1.0}, {"k": 1}, "complete")
    assert reader.load_array("b:y").tolist() == [0, 1]


def test_a_killed_run_is_not_complete(tmp_path: pathlib.Path) -> None:
    code = (
        "import os, sys; from pypet_ng.logbook import Logbook\n"
        "log = Logbook('run', base_dir=sys.argv[1]); log.text('a', 'x'); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert LogReader(tmp_path / "log_run").status == "initialized"
    assert LogReader(tmp_path / "log_run").load_text("a") == "x"
