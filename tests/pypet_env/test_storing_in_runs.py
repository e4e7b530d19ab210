"""Can a run store and load parts by itself, here and on worker processes?"""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

from pypet_ng import Environment, load_trajectory
from pypet_ng.errors import DataNotInStorageError, StorageError

PARALLEL = [pytest.param({}, id="serial"), pytest.param({"multiproc": True, "ncores": 2}, id="2 processes")]


@pytest.fixture(autouse=True)
def _fresh_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(**options: Any) -> Any:
    env = Environment(
        trajectory="t", **{"filename": "t.hdf5", "report_progress": False, "log_config": None, **options}
    )
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": [1, 2, 3]})
    return env


def _keeps_parts(traj: Any, how: str) -> str:
    big = traj.f_add_result("big", np.arange(3) + traj.x, comment="c")
    big.v_annotations.unit = "mV"
    if how == "item":
        traj.f_store_item("big")
        big.f_empty()
    elif how == "removed":
        traj.f_store_item("big")
        traj.f_remove_item("big")
    elif how == "more":
        buffer = np.arange(3) + traj.x
        pair = traj.f_add_result("pair", buffer)
        traj.f_store_item("pair")
        buffer[:] = -1
        pair.f_set(late=traj.x)
    elif how == "child":
        traj.results.f_store_child("runs", recursive=True)
    else:
        traj.f_store()
    if how == "failing" and traj.v_idx == 1:
        raise RuntimeError("after storing")
    return "done"


@pytest.mark.parametrize("how", ["item", "removed", "more", "child", "all", "failing"])
@pytest.mark.parametrize("options", PARALLEL)
def test_section_10_a_run_stores_parts_by_itself(options: Any, how: str) -> None:
    env = make(on_error="return", **options)
    env.run(_keeps_parts, how)
    traj = load_trajectory("t", filename="t.hdf5", load_all=2)
    kept = traj.f_get_from_runs("big", use_indices=True)
    if how != "failing" or options.get("multiproc"):
        assert sorted(kept) == ([0, 2] if how == "failing" else [0, 1, 2])
    for idx, result in kept.items():
        traj.v_idx = idx
        assert result.big.tolist() == [traj.x, traj.x + 1, traj.x + 2]
        assert (result.v_comment, result.v_annotations.unit) == ("c", "mV")
    if how == "more":
        traj.v_idx = 2
        assert traj.crun.pair.late == 3
        if options.get("multiproc"):
            assert traj.crun.pair.pair.tolist() == [3, 4, 5], "as it was when it was stored"


def _reads(traj: Any) -> Any:
    traj.f_remove_item("results.fix")
    traj.f_load_item("results.empty")
    return traj.results.f_load_child("fix").f_get(), traj.f_get("results.empty").f_get()


@pytest.mark.parametrize("options", PARALLEL)
def test_section_15_a_run_loads_from_the_file(options: Any) -> None:
    env = make(**options)
    env.traj.f_add_result("fix", [1, 2])
    env.traj.f_add_result("empty", 7)
    env.traj.f_store()
    env.traj.f_get("results.empty").f_empty()
    assert env.run(_reads) == [(idx, ([1, 2], 7)) for idx in range(3)]


def _asks_for_what_is_at_home(traj: Any) -> None:
    assert not hasattr(traj.v_storage_service, "no_such_call")
    traj.v_storage_service.mark_runs([0], 0)


def test_a_run_on_a_worker_says_what_it_cannot_do() -> None:
    with pytest.raises(StorageError, match=r"cannot mark runs in .*t\.hdf5"):
        make(multiproc=True, ncores=2).run(_asks_for_what_is_at_home)
    env = make(multiproc=True, ncores=2, filename=":memory:")
    env.traj.f_add_result("fix", 1)
    env.traj.f_add_result("empty", 7).f_empty()
    with pytest.raises(DataNotInStorageError, match="memory of another process"):
        env.run(_reads)
