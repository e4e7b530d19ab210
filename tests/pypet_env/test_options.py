"""Does every keyword of section 13 work, or is it translated, or does it warn with the new way?"""

from __future__ import annotations

import configparser
import os
import pathlib
import warnings
from typing import Any

import numpy as np
import pytest

from pypet_ng import Environment, Trajectory, load_trajectory
from pypet_ng.runners import ProcessRunner
from pypet_ng.trajectory.options import TABLE


@pytest.fixture(autouse=True)
def _fresh_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(**options: Any) -> Any:
    env = Environment(trajectory="t", **{"filename": "t.hdf5", "report_progress": False, **options})
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": [1, 2, 3]})
    return env


def square(traj: Any) -> int:
    traj.f_add_result("z", traj.x**2)
    return traj.x**2


KEYWORDS = {
    "trajectory": "trajectory add_time comment dynamic_imports wildcard_functions",
    "storage": "automatic_storing storage_service filename file_title overwrite_file encoding complevel complib "
    "shuffle fletcher32 pandas_format purge_duplicate_comments summary_tables small_overview_tables "
    "large_overview_tables results_per_run derived_parameters_per_run display_time lazy_debug",
    "logging": "log_config log_stdout report_progress log_folder logger_names log_levels log_multiproc log_level",
    "parallel": "multiproc ncores use_pool use_scoop freeze_input wrap_mode queue_maxsize port timeout gc_interval "
    "niceness cpu_cap memory_cap swap_cap graceful_exit",
    "runs": "clean_up_runs immediate_postproc do_single_runs",
    "resume": "resumable resume_folder delete_resume continuable continue_folder delete_continue",
    "provenance": "git_repository git_message git_fail sumatra_project sumatra_reason sumatra_label",
    "renamed": "dynamically_imported_classes freeze_pool_input use_hdf5",
}


@pytest.mark.parametrize("row", KEYWORDS)
def test_section_13_all_keywords_are_in_the_table(row: str) -> None:
    known = {*TABLE, "trajectory", "config"}
    assert set(KEYWORDS[row].split()) <= known


ACCEPTED = [
    {"encoding": "utf8"}, {"complevel": 3}, {"complib": "blosc"}, {"shuffle": False}, {"fletcher32": True},
    {"summary_tables": False}, {"small_overview_tables": False}, {"large_overview_tables": True},
    {"use_pool": True}, {"use_pool": True, "freeze_input": True}, {"wrap_mode": "QUEUE"}, {"wrap_mode": None},
    {"queue_maxsize": 5}, {"gc_interval": 3}, {"niceness": 5}, {"cpu_cap": 99.0}, {"memory_cap": (99.9, 1.0)},
    {"graceful_exit": True}, {"immediate_postproc": True}, {"resumable": True}, {"resume_folder": "r"},
    {"log_stdout": True}, {"report_progress": (5, "pypet", 20)}, {"report_progress": True},
    {"logger_names": ["pypet_ng"], "log_levels": [20]}, {"multiproc": False, "ncores": 2},
]  # fmt: skip


@pytest.mark.parametrize("options", ACCEPTED, ids=str)
def test_section_13_keyword_is_accepted_without_a_word(options: dict[str, Any]) -> None:
    assert make(**options).run(square) == [(0, 1), (1, 4), (2, 9)]


WARNED = [
    ({"dynamically_imported_classes": []}, DeprecationWarning, "dynamic_imports"),
    ({"freeze_pool_input": True, "use_pool": True}, DeprecationWarning, "freeze_input"),
    ({"use_hdf5": False}, UserWarning, "storage_service"),
    ({"pandas_format": "table"}, UserWarning, "columns"),
    ({"lazy_debug": True}, UserWarning, "debugger"),
    ({"wrap_mode": "NETLOCK", "port": 5}, UserWarning, "runner=executor"),
    ({"ncores": 2}, UserWarning, "multiproc=True"),
]


@pytest.mark.parametrize(("options", "kind", "words"), WARNED, ids=str)
def test_section_13_keyword_warns_with_the_new_way(options: Any, kind: Any, words: str) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert make(**options).run(square) == [(0, 1), (1, 4), (2, 9)]
    assert any(issubclass(one.category, kind) and words in str(one.message) for one in heard), heard


# pypet 0.6.1 was seen to refuse each of these
REFUSED = [
    ({"immediate_postproc": True, "use_pool": True}, "immediate_postproc"),
    ({"use_pool": True, "use_scoop": True}, "exclude each other"),
    ({"use_scoop": True, "wrap_mode": "LOCK"}, "'LOCAL'"),
    ({"use_scoop": True, "graceful_exit": True}, "SCOOP"),
    ({"resumable": True, "wrap_mode": "QUEUE"}, "resumable"),
    ({"resumable": True, "wrap_mode": "PIPE"}, "resumable"),
    ({"resumable": True, "automatic_storing": False}, "automatic_storing"),
    ({"freeze_input": True}, "use_pool"),
    ({"cpu_cap": 0}, "above 0"),
    ({"cpu_cap": 100.1}, "up to 100"),
    ({"memory_cap": (0, 1)}, "above 0"),
    ({"swap_cap": -1.0}, "above 0"),
    ({"port": 5555}, "NETLOCK"),
    ({"log_config": "DEFAULT", "log_level": 20}, "leave one out"),
    ({"log_folder": "x", "log_config": None}, "leave one out"),
    ({"config": "nope.ini"}, "no such file"),
    ({"purge_duplicate_comments": True, "summary_tables": False}, "summary_tables"),
    ({"wrap_mode": "LOKC"}, "'LOCK'"),
    ({"niceness": "high"}, "whole number"),
    ({"foo": 3}, "no option 'foo'"),
    ({"git_fial": 3}, "git_fail"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=str)
def test_section_13_refused_with_a_value_error(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Environment(trajectory="t", **options)


# -- prefixed names -----------------------------------------------------------------------------------
def test_section_13_prefixed_names() -> None:
    env = make()
    assert env.v_trajectory is env.trajectory is env.traj is env.v_traj
    env.f_add_postprocessing(lambda traj, results: None)
    assert env.f_run(square) == [(0, 1), (1, 4), (2, 9)]
    assert (env.v_hexsha, env.v_name, env.v_time, env.v_timestamp) == (
        env.hexsha,
        env.name,
        env.time,
        env.timestamp,
    )
    env.f_disable_logging()
    with pytest.raises(AttributeError):
        _ = env.f_rnu


def test_section_13_properties() -> None:
    env = make()
    assert env.name == f"environment_{env.hexsha[:7]}_{env.time}"
    assert len(env.hexsha) == 40
    assert env.hexsha != make(overwrite_file=True).hexsha
    assert env.current_idx == 0
    env.run(square)
    assert env.current_idx == 3
    assert env.run(square) == []
    env.current_idx = 1
    assert env.run(square) == [(1, 4), (2, 9)]
    with pytest.raises(ValueError, match="3 runs"):
        env.current_idx = 7


def test_section_13_context_manager() -> None:
    with Environment(trajectory="t", filename=":memory:") as env:
        assert isinstance(env.traj, Trajectory)


# -- config -------------------------------------------------------------------------------------------
def test_section_13_config_added() -> None:
    env = make(niceness=3)
    env.run(square)
    loaded = load_trajectory(name="t", filename="t.hdf5", load_all=2)
    found = loaded.config.environment.f_get(env.name).f_to_dict(fast_access=True, short_names=False)
    told = {name.removeprefix(f"config.environment.{env.name}."): value for name, value in found.items()}
    assert told["automatic_storing"] is True
    assert told["multiproc"] is False
    assert told["niceness"] == 3
    assert (told["hexsha"], told["timestamp"]) == (env.hexsha, env.timestamp)
    assert (told["trajectory.name"], told["trajectory.timestamp"]) == ("t", env.traj.v_timestamp)
    assert told["start_timestamp"] <= told["finish_timestamp"]
    assert told["runtime"].startswith("0:00:")
    assert os.path.isabs(told["script"])
    assert told["versions.numpy"] == np.__version__
    assert {"versions.python", "versions.pypet_ng", "versions.platform"} <= set(told)


def test_section_13_no_config_and_no_runs_without_single_runs() -> None:
    env = make(do_single_runs=False)
    assert not list(env.traj.config)
    with pytest.raises(RuntimeError, match="do_single_runs=False"):
        env.run(square)


CONFIG = """
[trajectory]
trajectory = 'from_file'
comment = "100 % from a file"
[environment]
automatic_storing = True
keep_returned = True
storage_service = 'pypet.HDF5StorageService'
[storage_service]
filename = './cfg.hdf5'
[parameters]
Neuron.tau = 10.5, 'a time'
N = 3
[config]
mode.fast = True
"""


@pytest.mark.parametrize("how", ["file", "parser"])
def test_section_13_config_file(how: str) -> None:
    pathlib.Path("x.ini").write_text(CONFIG)
    config: Any = "x.ini"
    if how == "parser":
        config = configparser.RawConfigParser()
        config.optionxform = str
        config.read_string(CONFIG)
    env = Environment(config=config, comment="mine", report_progress=False)
    assert Environment("explicit", config=config).traj.v_name == "explicit"
    traj = env.traj
    assert (traj.v_name, traj.v_comment) == ("from_file", "mine"), "what is given explicitly wins"
    assert (traj.Neuron.tau, traj.f_get("tau").v_comment, traj.N) == (10.5, "a time", 3)
    assert traj.config.mode.fast is True
    traj.f_explore({"N": [1, 2]})
    assert env.run(lambda traj: traj.N) == [(0, 1), (1, 2)]
    assert pathlib.Path("cfg.hdf5").exists()
    assert traj.v_storage_service.filename == traj.v_filename
    for wrong in ("pypet.NoSuchService", "no_such_module.Service", "Service"):
        with pytest.raises(ValueError, match="storage_service="):
            make(storage_service=wrong)


def test_a_config_file_with_nonsense_names_the_place() -> None:
    pathlib.Path("x.ini").write_text("[parameters]\nx = some words\n")
    with pytest.raises(ValueError, match=r"x = 'some words' in section \[parameters\]"):
        Environment(config="x.ini")
    pathlib.Path("x.ini").write_text("[environment]\nautomatic_sotring = True\n")
    with pytest.raises(ValueError, match="automatic_storing"):
        Environment(config="x.ini")


# -- niceness and caps --------------------------------------------------------------------------------
def niceness(traj: Any) -> int:
    return os.nice(0)


def test_section_15_niceness_of_workers() -> None:
    env = make(multiproc=True, ncores=1, niceness=2)
    expected = min(19, os.nice(0) + 2)
    assert [value for _, value in env.run(niceness)] == [expected] * 3


class AlwaysReached:
    """Says that the machine is full."""

    def __init__(self) -> None:
        self.asked = 0

    def reached(self) -> bool:
        self.asked += 1
        return True


def worker(traj: Any) -> int:
    return os.getpid()


def test_section_15_caps_leave_one_process_at_work() -> None:
    caps = AlwaysReached()
    runner = ProcessRunner(2, caps=caps)  # type: ignore[arg-type]
    values = make(runner=runner).run(worker)
    assert len(values) == 3
    assert len({pid for _, pid in values}) == 1
    assert caps.asked


def test_section_15_caps_are_measured() -> None:
    pytest.importorskip("psutil")
    from pypet_ng.runners.caps import Caps

    assert Caps(memory=0.001).reached()
    assert not Caps(memory=99.99).reached()
    assert Caps(memory=99.0, per_process=1e12).reached()
    env = make(multiproc=True, ncores=2, memory_cap=0.001)
    assert len({pid for _, pid in env.run(worker)}) == 1
