"""Is it written what happened, in which files, and how many of them stay open? (section 16)"""

from __future__ import annotations

import configparser
import gc
import logging
import os
import pathlib
import platform
from collections.abc import Iterator
from typing import Any

import pytest

from pypet_ng import Environment, Trajectory, progressbar, racedirs, rename_log_file


@pytest.fixture(autouse=True)
def _as_before(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in list(root.handlers):
        if handler not in handlers:
            root.removeHandler(handler)
            handler.close()
    for handler in handlers:
        if handler not in root.handlers:
            root.addHandler(handler)
    root.setLevel(level)


def make(count: int = 3, **options: Any) -> Any:
    env = Environment(trajectory="t", filename="t.hdf5", report_progress=False, git_mode="off", **options)
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": list(range(count))})
    return env


def speaks(traj: Any) -> None:
    logging.getLogger("mysim.core").info("at x=%d", traj.x)
    print("printed", traj.x)
    if traj.x == 1:
        raise ValueError("bad")


def texts(pattern: str) -> dict[str, str]:
    return {str(path): path.read_text() for path in sorted(pathlib.Path().glob(pattern))}


def test_section_16_general_and_error_log_of_an_environment() -> None:
    env = make(on_error="return")
    env.run(speaks)
    found = texts("logs/t/*/*")
    folder = f"logs/t/{env.name}"
    assert set(found) == {f"{folder}/LOG.txt", f"{folder}/ERROR.txt"}
    assert "ValueError: bad" in found[f"{folder}/ERROR.txt"]
    assert "3 runs to do" in found[f"{folder}/LOG.txt"]
    assert "runs to do" not in found[f"{folder}/ERROR.txt"]


def test_section_16_general_and_error_log_of_each_process() -> None:
    make(20, multiproc=True, ncores=2, on_error="return", log_stdout=True).run(speaks)
    logs = texts(f"logs/t/*/run_ALL_{platform.node()}_*_LOG.txt")
    errors = texts(f"logs/t/*/run_ALL_{platform.node()}_*_ERROR.txt")
    assert 1 <= len(logs) <= 2
    assert len(errors) == 1, "opened by the first error"
    everything = "".join(logs.values())
    for x in range(20):
        assert everything.count(f"at x={x}\n") == 1
        assert everything.count(f"printed {x}\n") == 1
    (error,) = errors.values()
    assert "Run 1 failed: ValueError: bad" in error
    assert "Traceback" in error
    assert "at x" not in error


def test_section_16_log_multiproc_can_be_left_out() -> None:
    make(multiproc=True, ncores=1, on_error="return", log_multiproc=False).run(speaks)
    assert not texts("logs/t/*/run_ALL*")


def test_section_16_log_stdout() -> None:
    make(on_error="return", log_stdout=("mylog", logging.WARNING), logger_names=["mylog"]).run(speaks)
    (text,) = texts("logs/t/*/LOG.txt").values()
    assert "WARNING  mylog: printed 2" in text


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({"logger_names": ["mysim"], "log_levels": [logging.INFO]}, True),
        ({"logger_names": ("mysim", "pypet"), "log_levels": (logging.INFO, logging.DEBUG)}, True),
        ({"logger_names": [""], "log_level": logging.INFO}, True),
        ({"logger_names": ["mysim"], "log_levels": [logging.ERROR]}, False),
        ({}, False),
    ],
    ids=str,
)
def test_section_16_simple_form(options: dict[str, Any], seen: bool) -> None:
    make(on_error="return", log_folder="elsewhere", **options).run(speaks)
    (text,) = texts("elsewhere/t/*/LOG.txt").values()
    assert ("at x=2" in text) is seen
    assert text.count("runs to do") == 1
    assert logging.getLogger("mysim").handlers == []


INI = """
[loggers]
keys=root
[handlers]
keys=main
[formatters]
keys=plain
[logger_root]
level=INFO
handlers=main
[handler_main]
class=FileHandler
level=INFO
formatter=plain
args=('mine/$traj/$env/$run_$host_LOG.txt', 'w')
[formatter_plain]
format=%(name)s %(message)s
[multiproc_loggers]
keys=root
[multiproc_handlers]
keys=main
[multiproc_formatters]
keys=plain
[multiproc_logger_root]
level=INFO
handlers=main
[multiproc_handler_main]
class=FileHandler
level=INFO
formatter=plain
args=('mine/$traj/$set/$run_$host_$proc.txt',)
[multiproc_formatter_plain]
format=%(name)s %(message)s
"""


def ini_as(how: str) -> Any:
    if how == "file":
        pathlib.Path("x.ini").write_text(INI)
        return "x.ini"
    parser = configparser.RawConfigParser()
    parser.read_string(INI)
    return parser


@pytest.mark.parametrize("how", ["file", "parser"])
def test_section_16_ini_file(how: str) -> None:
    with make(log_config=ini_as(how), on_error="return") as env:
        env.run(speaks)
        env.traj.f_expand({"x": [7]})
        env.run(speaks)
    text = pathlib.Path(f"mine/t/{env.name}/run_ALL_{platform.node()}_LOG.txt").read_text()
    assert "mysim.core at x=0" in text, "the second run did not begin the file anew"
    assert "mysim.core at x=7" in text
    assert "pypet_ng.sweep Trajectory 't': 3 runs to do" in text
    assert not pathlib.Path("logs").exists()
    assert not [one for one in logging.getLogger().handlers if type(one) is logging.FileHandler]


def test_section_16_ini_file_follows_runs_in_workers() -> None:
    with make(30, log_config=ini_as("file"), multiproc=True, ncores=1, on_error="return") as env:
        env.run(speaks)
    for x in range(30):
        (text,) = texts(f"mine/t/run_set_00000/run_{x:08d}_{platform.node()}_*.txt").values()
        assert f"mysim.core at x={x}\n" in text


def test_section_16_dict() -> None:
    config = {
        "version": 1,
        "handlers": {"main": {"class": "logging.FileHandler", "filename": "d/$traj/$run.txt"}},
        "root": {"handlers": ["main"], "level": "INFO"},
    }
    with make(log_config=config, on_error="return") as env:
        logging.getLogger("mine").info("before the runs")
        env.run(speaks)
        logging.getLogger("mine").info("after the runs")
    text = pathlib.Path("d/t/run_ALL.txt").read_text()
    assert text.index("before the runs") < text.index("at x=2") < text.index("after the runs")


def test_section_16_missing_file() -> None:
    with pytest.raises(ValueError, match="no such file"):
        make(log_config="nope.ini")


# -- descriptors --------------------------------------------------------------------------------------
def count_open(traj: Any) -> int:
    logging.getLogger("mysim").warning("x")
    return len(os.listdir("/proc/self/fd"))


needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts open files by /proc")


@needs_proc
@pytest.mark.parametrize("options", [{}, {"multiproc": True, "ncores": 2}], ids=["serial", "2 processes"])
def test_section_16_descriptors_stay_the_same_over_10_000_runs(options: Any) -> None:
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    env = make(10_000, logger_names=["mysim"], **options)
    counts = [value for _, value in env.run(count_open)]
    # files that earlier tests left behind may be closed meanwhile: fewer is fine
    assert max(counts[5_000:]) <= max(counts[1_000:5_000])
    assert max(counts) < before + 40
    del env
    assert len(os.listdir("/proc/self/fd")) <= before + (0 if not options else 30)


@needs_proc
def test_section_16_descriptors_with_a_file_per_run() -> None:
    with make(300, log_config=ini_as("file"), multiproc=True, ncores=1) as env:
        counts = [value for _, value in env.run(count_open)]
    assert max(counts[10:]) - min(counts[10:]) <= 1
    assert len(texts("mine/t/run_set_00000/*")) == 300


# -- helpers ------------------------------------------------------------------------------------------
def test_section_16_rename_log_file() -> None:
    name = "x/$env/$traj/$set/$run_$host_$proc.txt"
    traj = Trajectory("tr", add_time=False)
    traj.f_add_parameter("x", 1)
    traj.f_explore({"x": [1, 2]})
    filled = rename_log_file(name, traj, env_name="E", process_name="p", host_name="h")
    assert filled == "x/E/tr/run_set_ALL/run_ALL_h_p.txt"
    traj.v_idx = 1
    assert rename_log_file("$run-$set", traj) == "run_00000001-run_set_00000"
    env = make()
    assert rename_log_file("$traj/$env", env.traj) == f"t/{env.name}"
    assert str(os.getpid()) in rename_log_file("$proc")
    assert rename_log_file("$host") == platform.node()


# values seen on pypet 0.6.1
def test_section_16_progressbar() -> None:
    told = [
        progressbar(index, 24, percentage_step=20, logger=None, time=False, reset=not index)
        for index in range(24)
    ]
    assert {index: text for index, text in enumerate(told) if text is not None} == {
        0: "[                    ]  4.2%",
        4: "[====                ] 20.8%",
        9: "[========            ] 41.7%",
        14: "[============        ] 62.5%",
        19: "[================    ] 83.3%",
        23: "[====================]100.0%",
    }
    assert progressbar(5, 10, logger=None, time=False) == "[============        ] 60.0%"
    lines = [progressbar(i, 3, logger=None, fmt_string="A %s B", length=5, reset=not i) for i in range(3)]
    assert lines == ["A [=    ] 33.3% B", "A [===  ] 66.7%, remaining: 0:00:00 B", "A [=====]100.0% B"]


def test_section_16_progressbar_prints_or_logs(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    for index in range(2):
        progressbar(index, 2, time=False, reset=not index)
    assert capsys.readouterr().out == "\r[==========          ] 50.0%\r[====================]100.0%\n"
    with caplog.at_level(logging.INFO, "bars"):
        progressbar(0, 1, logger="bars")
    assert "100.0%" in caplog.text


def test_section_21_racedirs() -> None:
    racedirs("a/b")
    racedirs("a/b")
    assert os.path.isdir("a/b")
    pathlib.Path("f").write_text("")
    with pytest.raises(OSError, match="is a file"):
        racedirs("f")
