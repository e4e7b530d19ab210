"""What does somebody meet who uses sweeps without knowing how they are made?"""

from __future__ import annotations

import errno
import fcntl
import os
import pathlib
import subprocess
import sys
import threading
import time
from typing import Any

import h5py
import numpy as np
import pytest

from pypet_ng import Environment, compact_hdf5_file, load_trajectory
from pypet_ng.errors import FileBusyError, StorageError
from pypet_ng.storage.hdf5 import HDF5StorageService
from pypet_ng.storage.hdf5.file import StorageFile
from pypet_ng.storage.journal import osops
from tests.journal.stores import batch_of, begin

ROOT = pathlib.Path(__file__).parents[2]


def double(traj: Any) -> float:
    traj.f_add_result("z", traj.x * 2.0)
    return float(traj.x)


def environment(path: str, count: int, **options: Any) -> Environment:
    options.setdefault("commit_interval", 0.0)
    env = Environment("traj", filename=path, report_progress=False, log_config=None, **options)
    env.traj.f_add_parameter("x", 0.0)
    env.traj.f_explore({"x": [float(number) for number in range(count)]})
    return env


def states(path: str) -> list[str]:
    return [str(state) for state in load_trajectory(name="traj", filename=path).f_run_table()["state"]]


# -- names of files ---------------------------------------------------------------------------
def test_runs_may_change_the_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def wander(traj: Any) -> None:
        folder = tmp_path / f"run{traj.v_idx}"
        folder.mkdir()
        os.chdir(folder)
        traj.f_add_result("z", traj.x)

    environment("sweeps/file.hdf5", 3).run(wander)
    os.chdir(tmp_path)
    traj = load_trajectory(name="traj", filename="sweeps/file.hdf5")
    os.chdir("/")
    assert list(traj.f_collect("z")) == [0.0, 1.0, 2.0]
    assert sorted(os.listdir(tmp_path / "sweeps")) == ["file.hdf5"]
    assert [name for number in range(3) for name in os.listdir(tmp_path / f"run{number}")] == []


def test_two_names_of_one_file_have_one_journal(tmp_path: pathlib.Path) -> None:
    (tmp_path / "disk").mkdir()
    real, link = str(tmp_path / "disk" / "file.hdf5"), str(tmp_path / "link.hdf5")
    os.symlink(real, link)
    environment(link, 2).run(double)
    with h5py.File(real, "r"):  # a viewer: the journal stays
        environment(real, 4).run(double)
        assert sorted(os.listdir(tmp_path / "disk")) == ["file.hdf5", "file.hdf5.journal"]
        assert states(link) == ["done"] * 4
    environment(link, 6).run(double)
    assert states(real) == ["done"] * 6
    compact_hdf5_file(link, keep_backup=False)
    environment(link, 3, overwrite_file=True).run(double)
    assert os.path.islink(link)
    assert states(real) == ["done"] * 3


def test_a_journal_without_its_file_is_not_laid_over_another(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "file.hdf5")
    environment(path, 2).run(double)
    with h5py.File(path, "r"):
        environment(path, 4).run(double)
    os.rename(path, path + ".moved")
    with pytest.raises(StorageError, match="if you moved it, move the journal to it"):
        environment(path, 3).run(double)
    assert not os.path.exists(path)
    os.rename(path + ".journal", path + ".moved.journal")
    assert states(path + ".moved") == ["done"] * 4
    environment(path, 3).run(double)
    assert states(path) == ["done"] * 3


def test_a_compaction_that_was_refused_leaves_no_backup(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "file.hdf5")
    environment(path, 4).run(double)
    with h5py.File(path, "r"), pytest.raises(FileBusyError):
        compact_hdf5_file(path)
    assert not os.path.exists(path + "_backup")  # it would be the file itself, and change with it
    compact_hdf5_file(path)
    assert not os.path.samefile(path, path + "_backup")
    assert states(path + "_backup") == states(path) == ["done"] * 4


# -- when runs are stored ---------------------------------------------------------------------
def wait_until(condition: Any, seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        threading.Event().wait(0.05)
    return bool(condition())


def gated(traj: Any) -> None:
    """The first three runs end at once; the fourth waits for a file."""
    import os
    import time

    traj.f_add_result("z", traj.x)
    while traj.x >= 3.0 and not os.path.exists(traj.gate):
        time.sleep(0.02)


@pytest.mark.parametrize("kind", ["processes", "executor"])
def test_finished_runs_are_stored_while_others_take_long(tmp_path: pathlib.Path, kind: str) -> None:
    path, gate = str(tmp_path / "file.hdf5"), tmp_path / "gate"
    seen: list[list[str]] = []

    def watch() -> None:
        def all_there() -> bool:
            try:
                found = states(path)
            except StorageError:  # nothing was committed yet
                found = []
            seen.append(found)
            return found.count("done") == 3

        try:
            wait_until(all_there)
        finally:
            gate.touch()

    if kind == "processes":
        options: dict[str, Any] = {"multiproc": True, "ncores": 2}
    else:
        from concurrent.futures import ThreadPoolExecutor

        options = {"runner": ThreadPoolExecutor(2)}
    env = environment(path, 4, commit_interval=1.0, **options)
    env.traj.f_add_parameter("gate", str(gate))
    watcher = threading.Thread(target=watch)
    watcher.start()
    env.run(gated)
    watcher.join()
    assert seen[-1] == ["done"] * 3 + ["none"]
    assert states(path) == ["done"] * 4


def slowing(traj: Any) -> None:
    """Runs are short at first, then a chunk of many turns out long."""
    import time

    traj.f_add_result("z", traj.x)
    time.sleep(0.001 if traj.x < 300 else 0.3)


def test_a_chunk_whose_runs_turn_out_long_comes_back_in_parts(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "file.hdf5")
    counts: list[int] = []

    class Watch:
        def started(self, total: int, done: int) -> None:
            pass

        def advanced(self, batch: Any) -> None:
            counts.append(int((batch.runs.rows >= 300).sum()))

        def finished(self) -> None:
            pass

    env = environment(path, 320, multiproc=True, ncores=1)
    env = Environment(env.traj, multiproc=True, ncores=1, report_progress=Watch(), log_config=None)
    env.run(slowing)
    assert sum(counts) == 20
    assert max(counts) <= 5
    assert states(path) == ["done"] * 320


# -- leaving ----------------------------------------------------------------------------------
def test_a_worker_that_begins_when_its_parent_is_gone_ends(tmp_path: pathlib.Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    script = (
        "from dataclasses import replace\n"
        "from pypet_ng.runners.marks import MarkBoard\n"
        "from pypet_ng.runners.worker import begin, surroundings\n"
        f"board = MarkBoard(1, {str(tmp_path)!r})\n"
        f"begin(replace(surroundings(board.filename, 0, None), parent={gone.pid}))\n"
        "print('goes on')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ended.stdout == ""
    assert ended.returncode == 1, ended.stderr


FORKING = """
import os, sys
from pypet_ng import Environment
path, way = sys.argv[1:]
def run(traj):
    if traj.x == 2.0:
        child = os.fork()
        if not child and way == "exit":
            sys.exit(0)
        elif not child and way == "return":
            return -1.0
        elif not child:
            sys.stdin.read()
            os._exit(0)
        if way == "stay":
            os.kill(os.getpid(), 9)
        os.waitpid(child, 0)
    traj.f_add_result("z", traj.x)
    return traj.x
env = Environment("traj", filename=path, commit_interval=0.0, report_progress=False, log_config=None)
env.traj.f_add_parameter("x", 0.0)
env.traj.f_explore({"x": [float(number) for number in range(5)]})
env.run(run)
print("ended")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("way", ["exit", "return"])
def test_a_child_forked_in_a_run_cannot_touch_the_file(tmp_path: pathlib.Path, way: str) -> None:
    path = str(tmp_path / "file.hdf5")
    ended = subprocess.run(
        [sys.executable, "-c", FORKING, path, way], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ended.stdout == "ended\n", ended.stderr
    assert "this process was forked in a run" in ended.stderr
    traj = load_trajectory(name="traj", filename=path)
    assert list(traj.f_collect("z")) == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert traj.f_verify()
    assert os.listdir(tmp_path) == ["file.hdf5"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_children_of_a_killed_sweep_do_not_keep_its_locks(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "file.hdf5")
    with subprocess.Popen(
        [sys.executable, "-c", FORKING, path, "stay"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as killed:
        assert wait_until(lambda: killed.poll() is not None)
        assert states(path) == ["done", "done", "none", "none", "none"]
        environment(path, 5, on_change="keep").run(double)  # its child still waits for us
        assert killed.stdin is not None
        killed.stdin.close()
    assert states(path) == ["done"] * 5
    assert os.listdir(tmp_path) == ["file.hdf5"]


def test_a_replaced_file_keeps_its_permissions(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "file.hdf5")
    environment(path, 2).run(double)
    os.chmod(path, 0o640)
    compact_hdf5_file(path)
    assert os.stat(path).st_mode & 0o777 == 0o640


def test_no_space_for_a_compaction_leaves_all_as_it_was(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "file.hdf5")
    environment(path, 400).run(double)
    script = (
        "import resource, sys\n"
        "from pypet_ng import compact_hdf5_file\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "compact_hdf5_file(sys.argv[1])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, path],
        cwd=ROOT,
        # what measures coverage would meet the limit first
        env={name: value for name, value in os.environ.items() if not name.startswith("COV")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "StorageError: writing" in ended.stderr
    assert "allows no larger files" in ended.stderr
    # Closing a file changes it a little: if that finds no room either, it stays in the journal.
    assert set(os.listdir(tmp_path)) <= {"file.hdf5", "file.hdf5.journal"}
    assert states(path) == ["done"] * 400
    compact_hdf5_file(path, keep_backup=False)  # there is room again
    assert os.listdir(tmp_path) == ["file.hdf5"]
    assert states(path) == ["done"] * 400


def test_a_journal_that_finds_no_room_when_it_is_applied_says_so(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "file.hdf5")
    environment(path, 2).run(double)
    service = HDF5StorageService(path)

    def full(self: Any, descriptor: int, data: Any, offset: int) -> None:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))

    with open(path, "rb") as reader:  # in the way: the journal stays
        fcntl.flock(reader, fcntl.LOCK_SH)
        with service.writing():
            service.trajectories()
    assert set(os.listdir(tmp_path)) == {"file.hdf5", "file.hdf5.journal"}
    with monkeypatch.context() as patched:
        patched.setattr(type(osops.system()), "write", full)
        with pytest.raises(StorageError, match="allows no larger files"), service.writing():
            service.trajectories()
    with service.writing():
        service.trajectories()
    assert os.listdir(tmp_path) == ["file.hdf5"]
    assert states(path) == ["done"] * 2


# -- reading meanwhile ------------------------------------------------------------------------
def test_what_one_call_reads_is_of_one_commit(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "file.hdf5")
    service = begin(path, 200)
    service.append_runs(batch_of(np.arange(2)))
    traj = load_trajectory(name="traj", filename=path)
    column = traj.f_collect("z")
    done = 2
    opened = StorageFile._open_reading

    def open_after_one_more(self: StorageFile) -> Any:
        """Whenever a call opens the file, another run was stored just before."""
        nonlocal done
        service.append_runs(batch_of(np.arange(done, done + 1)))
        done += 1
        return opened(self)

    monkeypatch.setattr(StorageFile, "_open_reading", open_after_one_more)
    for _ in range(3):
        numbers = column[:]
        assert numbers.count() == done
        assert not np.isnan(numbers.compressed()).any()
        frame = traj.f_to_dataframe(run_information=["state"])
        assert (frame["z"].notna() == (frame["state"] == "done")).all()
        assert frame["z"].notna().sum() == done
        table = traj.f_run_table()
        assert (table["finish"].notna() == (table["state"] == "done")).all()
        assert traj.f_to_xarray("z").notnull().sum() == done
        traj.f_refresh()
    assert done == 2 + 3 * 5
