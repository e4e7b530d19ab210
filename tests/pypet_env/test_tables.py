"""Do the options of the storage (section 11) and the errors (section 22) of pypet mean something here?"""

from __future__ import annotations

import pathlib
import warnings
from typing import Any

import pytest

import pypet_ng
from pypet_ng import Environment, HDF5StorageService, Trajectory, load_trajectory


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
