"""Can a file be read, right and at any time, while its sweep goes on?"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from pypet_ng import Environment, load_trajectory
from pypet_ng.storage.hdf5 import HDF5StorageService
from pypet_ng.storage.journal import Overlay, TxnFile, journal_of
from tests.journal.stores import X, batch_of, begin, check, leaf


@pytest.fixture
def path(tmp_path: pathlib.Path) -> str:
    return str(tmp_path / "file.hdf5")


_POLL = """
import json, sys
from tests.journal.stores import check
from pypet_ng.storage.hdf5 import HDF5StorageService
service = HDF5StorageService(sys.argv[1])
service.select("traj")
print("ready", flush=True)
reads, last = 0, 0
while True:
    service.refresh()
    done = check(service, live=True)
    assert done >= last, (done, last)
    last, reads = done, reads + 1
    if done >= int(sys.argv[2]):
        break
print(json.dumps([reads, last]))
"""


def poll(path: str, runs: int, count: int) -> list[subprocess.Popen[str]]:
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", _POLL, path, str(runs)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=pathlib.Path(__file__).parents[2],
        )
        for _ in range(count)
    ]
    for reader in readers:
        assert reader.stdout is not None
        line = reader.stdout.readline()
        assert line == "ready\n", reader.communicate()
    return readers


def _sweep_with_readers(path: str, runs: int, size: int) -> tuple[int, float]:
    """Write a sweep while two processes poll; gives their reads, and CPU seconds of the writer per commit."""
    service = begin(path, runs)
    service.append_runs(batch_of(np.arange(size)))
    readers = poll(path, runs, 2)
    try:
        start = time.process_time()
        with service.writing():
            for first in range(size, runs, size):
                service.append_runs(batch_of(np.arange(first, min(first + size, runs))))
                if first % (5 * size) == 0:
                    service.write([leaf(("results", f"r{first}"), np.full(3000, first))])
                if first % (7 * size) == 0:
                    for node in list(service.scan(("results",), 1)):
                        if node.path[-1] != "runs":
                            service.delete(node.path)
                service.commit()
        spent = (time.process_time() - start) / (runs // size)
        reads = 0
        for reader in readers:
            output, errors = reader.communicate(timeout=120)
            assert not reader.returncode, errors
            reads += int(output.strip("[]\n").split(",")[0])
    finally:
        for reader in readers:
            reader.kill()
            reader.communicate()
    assert check(service) == runs
    assert service.verify() == []
    service.write([leaf(("results", "last"), 1)])  # now that nobody reads, all is applied
    return reads, spent


def test_two_polling_readers_see_nothing_wrong(path: str) -> None:
    reads, _ = _sweep_with_readers(path, 600, 6)
    assert reads > 2
    assert os.listdir(os.path.dirname(path)) == ["file.hdf5"]


@pytest.mark.slow
def test_two_readers_poll_during_twenty_thousand_runs(path: str) -> None:
    reads, _ = _sweep_with_readers(path, 20_000, 50)
    assert reads > 10


def test_an_old_snapshot_survives_deleting_and_growing(path: str) -> None:
    service = begin(path)
    service.write([leaf(("results", "tail"), np.full(500_000, 7.0))])
    overlay = Overlay(path)
    with h5py.File(overlay, "r", rdcc_nbytes=0) as opened:
        for number in range(4):
            with service.writing():
                service.delete(("results", "tail" if not number else f"new{number - 1}"))
                service.commit()
                service.write([leaf(("results", f"new{number}"), np.full(500_000, -1.0))])
                service.commit()
        assert (opened["traj/results/tail/r"][:] == 7).all()
    overlay.close()
    assert os.path.exists(journal_of(path))
    service.write([leaf(("results", "last"), 1)])
    assert not os.path.exists(journal_of(path))
    assert (service.read(("results", "new3")).data["r"] == -1).all()
    assert service.verify() == []


def _one_run_commits(path: str, commits: int) -> None:
    """A viewer holds the file open; the cost of commits does not grow, nor does the journal without bound."""
    service = begin(path, commits)
    with h5py.File(path, "r", locking=True) as viewer, service.writing():
        spent, sizes = [], []
        for row in range(commits):
            start = time.process_time()
            service.append_runs(batch_of(np.array([row])))
            service.commit()
            spent.append(time.process_time() - start)
            sizes.append(os.path.getsize(journal_of(path)))
        early = float(np.median(spent[40:60] if commits > 100 else spent[:20]))
        late = float(np.median(spent[-20:]))
        assert late <= 1.5 * early, (early, late)
        assert max(sizes) <= (64 << 20) + max(np.diff(sizes))
        assert len(viewer["traj/overview"]) > 0
        reader = HDF5StorageService(path)
        reader.select("traj")
        assert check(reader) == commits
    assert os.path.exists(journal_of(path)) is False or check(service) == commits
    service.write([leaf(("results", "last"), 1)])
    assert not os.path.exists(journal_of(path))
    with h5py.File(path, "r") as opened:
        assert (opened["traj/overview/runs/state"][:commits] == 1).all()


def test_a_viewer_that_never_lets_go_costs_nothing(path: str) -> None:
    _one_run_commits(path, 150)


@pytest.mark.slow
def test_a_viewer_holds_the_file_for_five_thousand_commits(path: str) -> None:
    _one_run_commits(path, 5000)


def test_a_reader_in_the_same_process_sees_the_last_commit_only(path: str) -> None:
    service = begin(path)
    reader = HDF5StorageService(path)
    reader.select("traj")
    with service.writing():
        service.append_runs(batch_of(np.arange(4)))
        assert check(reader) == 0
        service.commit()
        assert check(reader) == 4
        service.append_runs(batch_of(np.arange(4, 6)))
        assert check(reader) == 4
    assert check(reader) == 6


def test_readers_never_replay_what_a_dead_writer_left(path: str) -> None:
    service = begin(path)
    with h5py.File(path, "r", locking=True):
        service.append_runs(batch_of(np.arange(4)))
    before = pathlib.Path(path).read_bytes(), pathlib.Path(journal_of(path)).read_bytes()
    os.chmod(path, 0o444)
    reader = HDF5StorageService(path)
    reader.select("traj")
    assert check(reader) == 4
    assert (pathlib.Path(path).read_bytes(), pathlib.Path(journal_of(path)).read_bytes()) == before


def test_a_torn_frame_is_not_seen(path: str) -> None:
    service = begin(path)
    with h5py.File(path, "r", locking=True):
        service.append_runs(batch_of(np.arange(4)))
        size = os.path.getsize(journal_of(path))
        service.append_runs(batch_of(np.arange(4, 6)))
        os.truncate(journal_of(path), size + 5000)
    assert check(service) == 4
    service.append_runs(batch_of(np.arange(4, 7)))
    assert check(service) == 7


def test_h5py_files_through_the_journal_have_the_promised_format(path: str) -> None:
    service = begin(path)
    service.append_runs(batch_of(np.arange(20)))
    head = pathlib.Path(path).read_bytes()[:12]
    assert head[:9] == b"\x89HDF\r\n\x1a\n\x03"  # superblock 3, as libver v110 has it
    assert head[11] == 0  # not marked as open
    with h5py.File(path, "r") as opened:
        assert opened.id.get_create_plist().get_file_space_strategy()[:2] == (
            h5py.h5f.FSPACE_STRATEGY_FSM_AGGR,
            True,
        )


def test_the_journal_file_object_refuses_writing_to_readers(path: str) -> None:
    begin(path)
    overlay = Overlay(path)
    with pytest.raises(OSError, match="opened for reading"):
        overlay.write(b"x")
    overlay.close()
    txn = TxnFile(path)
    assert txn.read(4) == b"\x89HDF"
    assert txn.tell() == 4
    txn.close()


# -- through the trajectory -------------------------------------------------------------------
def test_a_loaded_trajectory_follows_its_sweep(path: str) -> None:
    env = Environment("traj", filename=path, commit_interval=0.0, report_progress=False, on_change="keep")
    env.traj.f_add_parameter("x", 0.0)
    env.traj.f_explore({"x": [float(number) for number in range(6)]})
    seen: list[tuple[int, list[float]]] = []
    loaded = []

    def look(traj: object) -> None:
        traj.f_add_result("z", 2 * traj.x)  # type: ignore[attr-defined]
        if not loaded:
            loaded.append(load_trajectory("traj", filename=path))
            loaded[0].v_auto_load = True
        new = loaded[0].f_refresh()
        done = [run for run in range(6) if loaded[0].f_is_completed(run)]
        values = [loaded[0].results.runs[f"run_{run:08d}"].z for run in done]
        assert values == [2.0 * run for run in done]
        seen.append((new, values))

    env.run(look)
    assert len(seen) == 6
    assert seen[-1][1] == [0.0, 2.0, 4.0, 6.0, 8.0]
    traj = loaded[0]
    assert traj.f_refresh() == 1
    assert list(traj.f_collect("z")[:]) == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    env.traj.f_expand({"x": [6.0, 7.0]})
    env.run(lambda traj: traj.f_add_result("z", 2 * traj.x) and traj.f_add_result("new", 1) and None)
    assert traj.f_refresh() == 2
    assert len(traj) == 8
    assert traj.results.runs.run_00000007.new == 1
    assert list(traj.f_to_dataframe()["x"]) == [float(number) for number in range(8)]


def test_refreshing_what_was_never_stored_is_refused() -> None:
    env = Environment("traj", filename=":memory:")
    with pytest.raises(TypeError, match="never stored"):
        env.traj.f_refresh()


def test_parameters_are_seen_in_the_plan(path: str) -> None:
    service = begin(path, 5)
    assert service.read_plan().names == (X,) or list(service.read_plan().names) == [X]
