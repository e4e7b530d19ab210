"""Do the options of the storage (section 11) and the errors (section 22) of pypet mean something here?"""

from __future__ import annotations

import pathlib
import warnings
from typing import Any

import pytest

import pypet_ng
from pypet_ng import (
    Environment,
    HDF5StorageService,
    ParameterLockedException,
    Trajectory,
    load_trajectory,
)


@pytest.fixture(autouse=True)
def _fresh_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


SERVICE = {
    "file_title": "mine", "overwrite_file": True, "encoding": "utf8", "complevel": 4, "complib": "blosc",
    "shuffle": True, "fletcher32": True, "pandas_format": "fixed", "purge_duplicate_comments": True,
    "summary_tables": True, "small_overview_tables": False, "large_overview_tables": True,
    "results_per_run": 3, "derived_parameters_per_run": 2, "display_time": 20,
}  # fmt: skip


@pytest.mark.parametrize("name", SERVICE)
def test_section_11_service_keyword_in_all_three_places(name: str) -> None:
    option = {name: SERVICE[name]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        env = Environment(trajectory="a", filename="a.hdf5", log_config=None, report_progress=False, **option)
        env.run(lambda traj: None)
        traj = Trajectory("b", filename="b.hdf5", add_time=False, **option)
        traj.f_add_parameter("x", 1)
        traj.f_store()
        if name != "overwrite_file":
            assert load_trajectory(name="b", filename="b.hdf5", load_all=2, **option).x == 1


def test_section_11_filename() -> None:
    Environment(trajectory="a", log_config=None, report_progress=False).run(lambda traj: None)
    assert pathlib.Path("hdf5/a.hdf5").exists(), "the default"
    pathlib.Path("folder").mkdir()
    Environment(trajectory="a", filename="folder/", log_config=None, report_progress=False).run(
        lambda traj: None
    )
    assert pathlib.Path("folder/a.hdf5").exists(), "a folder gets the trajectory's name"


def test_section_11_several_trajectories_in_a_file() -> None:
    for name in ("one", "two"):
        env = Environment(trajectory=name, filename="f.hdf5", log_config=None, report_progress=False)
        env.traj.f_add_parameter("x", name)
        env.run(lambda traj: None)
    assert [load_trajectory(index=k, filename="f.hdf5", load_all=2).x for k in (0, -1)] == ["one", "two"]


def test_section_11_a_service_by_class_and_as_an_object() -> None:
    for service in (HDF5StorageService, HDF5StorageService("s.hdf5")):
        options: dict[str, Any] = {"filename": "s.hdf5"} if isinstance(service, type) else {}
        traj = Trajectory("t", storage_service=service, add_time=True, **options)
        traj.f_store()
    assert pathlib.Path("s.hdf5").exists()


ERRORS = {
    "ParameterLockedException": TypeError,
    "NotUniqueNodeError": AttributeError,
    "DataNotInStorageError": IOError,
    "VersionMismatchError": TypeError,
    "PresettingError": RuntimeError,
    "NoSuchServiceError": TypeError,
    "TooManyGroupsError": TypeError,
    "GitDiffError": RuntimeError,
}


@pytest.mark.parametrize("name", ERRORS)
def test_section_22_error_and_what_callers_catch(name: str) -> None:
    assert issubclass(getattr(pypet_ng, name), ERRORS[name])


QUIET: dict[str, Any] = {"log_config": None, "report_progress": False, "git_mode": "off"}
HDF5 = [
    "overview.config_overview",
    "overview.parameters_overview",
    "overview.explored_parameters_overview",
    "overview.derived_parameters_overview",
    "overview.results_overview",
    "overview.derived_parameters_summary",
    "overview.results_summary",
    "purge_duplicate_comments",
    "results_per_run",
    "derived_parameters_per_run",
    "complevel",
    "complib",
    "encoding",
    "fletcher32",
    "shuffle",
    "pandas_format",
]


@pytest.mark.parametrize("name", HDF5)
def test_section_11_settings_of_the_file_are_in_the_config(name: str) -> None:
    env = Environment(trajectory="a", filename="a.hdf5", **QUIET)
    leaf = env.traj.f_get(f"config.hdf5.{name}")
    assert leaf.v_full_name == f"config.hdf5.{name}"
    assert env.traj.f_get(name.rpartition(".")[2]) is leaf
    plain = Trajectory("b", filename="b.hdf5")
    assert f"config.hdf5.{name}" in plain
    assert plain.conf.hdf5[name] == leaf.f_get()


def test_section_11_settings_are_changed_before_the_first_store_and_kept() -> None:
    env = Environment(trajectory="a", filename="a.hdf5", **QUIET)
    traj = env.traj
    traj.hdf5.purge_duplicate_comments = 0
    traj.config.hdf5.overview.results_summary = 0
    env.run(lambda traj: traj.f_add_result("z", 1, comment="one"))
    with pytest.raises(ParameterLockedException):
        traj.hdf5.purge_duplicate_comments = 1
    traj.f_get("purge_duplicate_comments").f_unlock()
    again = load_trajectory("a", filename="a.hdf5", load_all=2)
    assert (again.hdf5.purge_duplicate_comments, again.overview.results_summary) == (0, 0)
    assert again.config.hdf5.v_comment


def test_section_11_given_settings_are_stored_and_those_of_the_file_win() -> None:
    Environment(trajectory="a", filename="a.hdf5", complevel=7, **QUIET).run(lambda traj: None)
    again = Trajectory("a", filename="a.hdf5", complevel=3)
    assert again.hdf5.complevel == 3
    again.f_load(load_data=2)
    assert again.hdf5.complevel == 7
    Environment(trajectory="a", filename="a.hdf5", complevel=5, **QUIET).run(lambda traj: None)
    assert load_trajectory("a", filename="a.hdf5").hdf5.complevel == 7


def test_section_11_settings_nobody_asks_for_cost_nothing() -> None:
    env = Environment(trajectory="a", filename="a.hdf5", **QUIET)
    assert "shufle" not in env.traj
    env.traj.f_add_parameter("net.deep.encoding", 1)
    assert env.traj.encoding == 1, "a user's name comes first"
    env.run(lambda traj: None)
    assert not any(
        name.startswith("config.hdf5") for name in load_trajectory("a", filename="a.hdf5").f_to_dict()
    )


def test_section_11_settings_of_the_file_need_a_file() -> None:
    assert "hdf5" not in Trajectory("a")
    assert "hdf5" not in Environment(trajectory="a", filename=":memory:", **QUIET).traj
    traj = Trajectory("a")
    traj.f_preset_config("hdf5.complevel", 4)
    Environment(trajectory=traj, filename="a.hdf5", **QUIET).run(lambda traj: None)
    assert load_trajectory("a", filename="a.hdf5").hdf5.complevel == 4


def test_section_11_settings_stored_but_not_loaded_are_not_made_up() -> None:
    Environment(trajectory="a", filename="a.hdf5", complevel=2, **QUIET).run(lambda traj: None)
    traj = load_trajectory("a", filename="a.hdf5", load_all=0)
    with pytest.raises(AttributeError, match="load it"):
        traj.f_get("config.hdf5.complevel")
    traj.v_auto_load = True
    assert traj["config.hdf5.complevel"] == 2


def test_section_11_overwriting_begins_when_the_environment_is_made() -> None:
    for name in ("old", "older"):
        Environment(trajectory=name, filename="a.hdf5", **QUIET).run(lambda traj: None)
    Environment(trajectory="t", filename="a.hdf5", overwrite_file=True, dry_run=True, **QUIET)
    assert pathlib.Path("a.hdf5").exists(), "an estimate removes nothing"
    with pytest.raises(ValueError, match="seed"):
        Environment(trajectory="t", filename="a.hdf5", overwrite_file=True, seed=-1, **QUIET)
    assert pathlib.Path("a.hdf5").exists(), "an environment that cannot be made removes nothing"
    first = Environment(trajectory="first", filename="a.hdf5", overwrite_file=True, **QUIET)
    assert not pathlib.Path("a.hdf5").exists()
    Environment(trajectory="second", filename="a.hdf5", **QUIET).run(lambda traj: None)
    first.run(lambda traj: None)
    assert [load_trajectory(index=k, filename="a.hdf5").v_name for k in (0, 1)] == ["second", "first"]
    Trajectory("t", filename="a.hdf5", overwrite_file=True)
    assert not pathlib.Path("a.hdf5").exists()


def test_section_11_a_service_says_its_filename() -> None:
    pathlib.Path("folder").mkdir()
    env = Environment(trajectory="a", filename="folder", **QUIET)
    assert env.traj.v_storage_service.filename == str(pathlib.Path("folder/a.hdf5").resolve())
