"""Do storing, loading and overviews follow sections 10 and 11?"""

from __future__ import annotations

import pathlib
import warnings
from typing import Any

import pytest

from pypet_ng import (
    Environment,
    LazyStorageService,
    NNGroupNode,
    Parameter,
    Trajectory,
    load_trajectory,
)
from tests.pypet_api.api import WORKERS, line, run_some


@pytest.fixture
def file(tmp_path: pathlib.Path) -> str:
    return str(tmp_path / "f.hdf5")


@pytest.fixture
def traj(file: str) -> Any:
    traj = Trajectory("t", add_time=False, filename=file)
    traj.f_add_parameter("g.x", 1)
    traj.f_add_result("a.b.r", 1, 2, comment="c")
    traj.f_add_result("s", 5)
    return traj


def load(file: str, **options: Any) -> Any:
    return load_trajectory("t", filename=file, **options)


@line("10: traj.f_store(only_init, store_data, max_depth)")
def test_storing_all(line: str, traj: Any, file: str) -> None:
    traj.f_store(only_init=True)
    assert not load(file, load_data=2).f_has_children()
    traj.f_store(max_depth=3)
    assert "b" in load(file)
    assert "r" not in load(file)
    traj.f_store()
    assert load(file, load_data=2).f_get("r").r_1 == 2


@line("10: group.f_store, f_store_child")
def test_storing_groups(line: str, traj: Any, file: str) -> None:
    traj.f_store(only_init=True)
    traj.results.a.v_annotations.f_set(note=1)
    traj.results.f_store_child("a.b.r")
    loaded = load(file, load_data=2)
    assert loaded.f_get("a.b.r").r == 1
    assert loaded.a.v_annotations.note == 1, "groups on the way are stored as well"
    with pytest.raises(ValueError):
        traj.f_store_child("absent")
    traj.results.f_store()
    assert load(file, load_data=2).s == 5


@line("10: f_store_child, f_load_child: max_depth counts from the group")
def test_depths_count_from_the_group(line: str, traj: Any, file: str) -> None:
    traj.dpar.d1 = Parameter("d1.d2.d3.d4.d5", 1)
    traj.f_store(only_init=True)
    traj.dpar.f_store_child("d1", recursive=True, max_depth=3)
    loaded = load(file)
    assert "d3" in loaded
    assert "d4" not in loaded
    traj.f_store()
    fresh = Trajectory("t", add_time=False, filename=file)
    fresh.f_load(load_data=0)
    fresh.dpar.f_load_child("d1", recursive=True, max_depth=2)
    assert "d2" in fresh
    assert "d3" not in fresh


@line("10: f_store_item(s)")
def test_storing_items(line: str, traj: Any, file: str) -> None:
    with pytest.raises(TypeError):
        traj.f_store_item("s")
    traj.f_store()
    with pytest.raises(ValueError):
        traj.f_store_items([])
    traj.f_get("s").f_set(6, more=7)
    traj.f_store_item("s")
    assert load(file, load_data=2).f_get("s").f_to_dict() == {"s": 5, "more": 7}
    traj.f_store_item("s", overwrite=["s"], complevel=4)
    assert load(file, load_data=2).f_get("s").s == 6
    traj.f_get("s").f_set(8)
    traj.f_store_items(["s"], overwrite=True)
    assert load(file, load_data=2).f_get("s").s == 8
    traj.f_add_result("late.deep.q", 1)
    traj.f_store_items(["results.late"], recursive=True)
    assert load(file, load_data=2).late.deep.q == 1
    with pytest.raises(TypeError, match="complvel"):
        traj.f_store_item("s", complvel=1)


@line("10: store flags 0 to 3")
def test_store_flags(line: str, traj: Any, file: str) -> None:
    traj.f_store(store_data=0)
    assert load(file, load_data=2).f_get("s").f_is_empty()
    traj.f_store(store_data=2)
    for flag, expected in ((1, 5), (2, 5), (3, 9)):
        traj.f_get("s").f_set(9)
        traj.f_store(store_data=flag)
        assert load(file, load_data=2).s == expected


@line("10: load_trajectory")
def test_loading_trajectories(line: str, traj: Any, file: str) -> None:
    traj.f_store()
    other = Trajectory("second", add_time=False, filename=file)
    other.f_store()
    for wrong in ({}, {"name": "t", "index": 0}, {"name": "absent"}, {"index": 7}):
        with pytest.raises(ValueError):
            load_trajectory(filename=file, **wrong)
    with pytest.raises(ValueError):
        load_trajectory("t", filename=file + ".absent")
    assert load_trajectory(index=-1, filename=file).v_name == "second"
    assert load_trajectory(index=0, filename=file, load_all=2).s == 5
    with pytest.warns(DeprecationWarning, match="dynamic_imports"):
        load_trajectory(index=0, filename=file, dynamically_imported_classes=[])


@line("10: load flags 0 to 3")
def test_load_flags(line: str, traj: Any, file: str) -> None:
    traj.f_store()
    assert "s" not in load(file, load_results=0)
    skeleton = load(file, load_results=1)
    assert skeleton.f_get("s").f_is_empty()
    assert skeleton.f_get("r").v_comment == "c"
    assert skeleton.x == 1
    loaded = load(file, load_data=2)
    loaded.f_get("s").f_set(99, extra=1)
    loaded.f_load(load_data=2)
    assert loaded.f_get("s").s == 99
    loaded.f_load(load_results=3)
    assert loaded.f_get("s").f_to_dict() == {"s": 5}, "what is in memory is replaced"


@line("10: as_new")
def test_loading_as_new(line: str, file: str) -> None:
    run_some(lambda traj: traj.f_add_result("z", 1) and None, filename=file, trajectory="t")
    new = load(file, as_new=True, new_name="again", add_time=False)
    assert (new.v_name, len(new), "results.runs" in new) == ("again", 3, False)
    assert not new.f_get("x").v_locked
    env = Environment(new, filename=":memory:", report_progress=False, log_config=None)
    assert len(env.run(lambda traj: traj.x)) == 3


@line("10: f_load_skeleton, group.f_load, f_load_child")
def test_loading_parts(line: str, traj: Any, file: str) -> None:
    traj.f_store()
    fresh = Trajectory("t", add_time=False, filename=file)
    fresh.f_load_skeleton()
    assert fresh.f_get("s").f_is_empty()
    assert fresh.results.f_load(load_data=2) is fresh.results
    assert fresh.s == 5
    fresh = Trajectory("t", add_time=False, filename=file)
    fresh.f_load(load_data=0)
    assert fresh.results.f_load_child("a.b.r").r == 1
    traj.f_add_result("later", 1)
    traj.f_store()
    assert fresh.results.f_load_child("later").later == 1, "what another one stored meanwhile is found"


@line("10: f_load_item(s)")
def test_loading_items(line: str, traj: Any, file: str) -> None:
    with pytest.raises(TypeError):
        traj.f_load_item("s")
    traj.f_store()
    loaded = load(file)
    loaded.f_load_item("r", load_only="r_1")
    assert loaded.f_get("r").f_to_dict() == {"r_1": 2}
    loaded.f_load_items(["r"], load_except="r_1")
    assert loaded.f_get("r").f_to_dict() == {"r_1": 2, "r": 1}
    with pytest.raises(ValueError):
        loaded.f_load_item("r", load_only="r", load_except="r_1")
    with pytest.warns(UserWarning, match="no stored item"):
        loaded.f_load_item("r", load_only="absent")


@line("10: v_auto_load")
@pytest.mark.parametrize("workers", WORKERS)
def test_auto_load(line: str, workers: dict[str, Any], file: str) -> None:
    run_some(lambda traj: traj.f_add_result("z", traj.x) and None, filename=file, trajectory="t", **workers)
    fresh = Trajectory("t", add_time=False, filename=file)
    fresh.f_load(load_data=0)
    fresh.v_auto_load = True
    assert fresh.results.runs.run_00000002.z == 2.0
    fresh.v_idx = 1
    assert (fresh.parameters.x, fresh.results.runs.crun.z) == (1.0, 1.0)


@line("10: f_delete_item(s), f_remove_item(s)")
def test_deleting_items(line: str, traj: Any, file: str) -> None:
    traj.f_store()
    traj.f_delete_item("r", delete_only=["r_1"], remove_from_item=True)
    assert "r_1" not in traj.f_get("r")
    assert load(file, load_data=2).f_get("r").f_to_dict() == {"r": 1}
    traj.f_delete_items(["s"], remove_from_trajectory=True)
    assert "s" not in traj
    assert "s" not in load(file)
    with pytest.raises(TypeError):
        traj.f_delete_item("results.a")
    traj.f_delete_item("results.a", recursive=True)
    assert "r" in traj
    assert "r" not in load(file)
    with pytest.raises(TypeError):
        traj.f_remove_item("results.a")
    traj.f_remove_items(["results.a"], recursive=True)
    assert "r" not in traj


@line("10: large results pattern")
def test_results_are_emptied_and_loaded_again(line: str, traj: Any) -> None:
    traj.f_store()
    result = traj.f_get("s")
    result.f_empty()
    assert result.f_is_empty()
    traj.f_load_item("s")
    assert traj.s == 5


@line("10: v_storage_service")
def test_services_are_settable(line: str, traj: Any, file: str) -> None:
    service = LazyStorageService("anything", compress=None)
    assert service.location == ":memory:"
    traj.v_storage_service = service
    traj.f_store()
    assert traj.v_storage_service is service
    assert not pathlib.Path(file).exists()


@line("11: service keywords")
def test_keywords_of_pypets_service_are_accepted(line: str, file: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        traj = Trajectory("t", add_time=False, filename=file, complib="blosc", large_overview_tables=True)
    traj.f_store()
    load(file, complevel=5)


@line("11: overview tables")
@pytest.mark.parametrize("workers", WORKERS)
def test_overviews_are_computed(line: str, workers: dict[str, Any], file: str) -> None:
    pytest.importorskip("pandas")

    def run(traj: Any) -> None:
        traj.f_add_result("z", traj.x, comment="each")
        if traj.v_idx:
            traj.f_add_result("some", traj.x)

    traj = run_some(run, filename=file, trajectory="t", **workers)
    traj.f_add_config("c", 5)
    traj.f_add_result("summary", 1, comment="c" * 600)
    traj.f_add_derived_parameter("d", 1)
    for one in (traj, load(file)):
        tables = one.f_overview()
        assert set(tables) >= {"info", "runs", "parameters", "explored_parameters", "results", "config"}
        assert tables["info"].loc[0, "length"] == 3
        assert tables["explored_parameters"].loc[0, "range"] == "0.0, 1.0, 2.0"
        results = tables["results"].set_index("name")
        assert (results.loc["z", "runs"], results.loc["some", "runs"]) == (3, 2)
        assert (results.loc["z", "comment"], results.loc["z", "example"]) == ("each", "0.0")
        assert len(one.f_overview("runs")) == 3
    assert len(traj.f_overview("results_summary").set_index("name").loc["summary", "comment"]) == 512
    assert traj.f_overview("config_overview").set_index("name").loc["c", "value"] == "5"
    assert traj.f_overview("derived_parameters").loc[0, "name"] == "d"
    with pytest.raises(ValueError, match="results"):
        traj.f_overview("reslts")


@line("11: several trajectories per file")
def test_a_file_holds_several(line: str, traj: Any, file: str) -> None:
    traj.f_store()
    second = Trajectory("second", add_time=False, filename=file)
    second.f_add_group("only")
    second.f_store()
    assert "only" not in load(file)
    assert type(load_trajectory("second", filename=file).only) is NNGroupNode
