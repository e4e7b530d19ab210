"""Does the code that made a run come back from the file and a clone of the repository?"""

from __future__ import annotations

import os
import pathlib
import shutil
import sys
from typing import Any

import pytest

from pypet_ng import Environment, Trajectory, load_trajectory
from pypet_ng.errors import DataNotInStorageError
from pypet_ng.provenance import GitError
from pypet_ng.provenance.restoring import RecordedCode
from tests.provenance.repositories import close_all, make_repository, state_of


@pytest.fixture
def repo(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    found = make_repository(tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    pathlib.Path("tool.sh").write_text("#!/bin/sh\n")
    os.chmod("tool.sh", 0o755)
    pathlib.Path("deep").mkdir()
    os.symlink("../other.py", "deep/link.py")
    found.index.add(["tool.sh", "deep/link.py"])
    found.index.commit("second")
    yield found
    close_all()


def sweep(points: list[int], **options: Any) -> Any:
    env = Environment("t", filename="out/t.hdf5", log_config=None, report_progress=False, **options)
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": points})
    env.run(lambda traj: traj.x)
    return env.traj


def load() -> Any:
    return load_trajectory("t", filename="out/t.hdf5", load_all=0)


@pytest.mark.parametrize("mode", ["record", "snapshot"])
def test_the_code_of_a_run_is_written_as_it_was(repo: Any, mode: str, tmp_path: pathlib.Path) -> None:
    pathlib.Path("code.py").write_text("x = 2\n")
    pathlib.Path("new.py").write_text("y = 'ä'\n")
    os.unlink("other.py")
    pathlib.Path("api_token.txt").write_text("hush")
    sweep([1, 2], git_mode=mode)
    pathlib.Path("code.py").write_text("x = 3\n")
    before = state_of(repo)
    code = load().f_get_code(1)
    assert code.is_dirty
    assert code.branch == "work"
    assert code.commit == repo.head.commit.hexsha
    left = code.restore(tmp_path / "then")
    assert state_of(repo) == before
    assert left == ["api_token.txt"]
    then = tmp_path / "then"
    assert (then / "code.py").read_text() == "x = 2\n"
    assert (then / "new.py").read_text() == "y = 'ä'\n"
    assert os.readlink(then / "deep/link.py") == "../other.py"
    assert os.access(then / "tool.sh", os.X_OK)
    assert sorted(os.listdir(then)) == [".gitignore", "code.py", "deep", "new.py", "tool.sh"]
    assert code.open_commit().hexsha == (code.snapshot or code.commit)


def test_each_run_has_the_code_of_its_own_session(repo: Any) -> None:
    sweep([1])
    first = repo.head.commit.hexsha
    pathlib.Path("code.py").write_text("x = 2\n")
    repo.index.add(["code.py"])
    repo.index.commit("third")
    sweep([1, 5])
    traj = load()
    assert traj.f_get_code("run_00000000").commit == first
    assert traj.f_get_code(1).commit == traj.f_get_code().commit == repo.head.commit.hexsha


def test_a_clone_elsewhere_gives_the_code(repo: Any, tmp_path: pathlib.Path) -> None:
    pathlib.Path("code.py").write_text("x = 2\n")
    sweep([1])
    clone = repo.clone(str(tmp_path / "clone"))
    clone.close()
    shutil.copy("out/t.hdf5", tmp_path / "t.hdf5")
    code = load_trajectory("t", filename=str(tmp_path / "t.hdf5")).f_get_code()
    # also inside of a repository, whose paths these are not
    code.restore(tmp_path / "clone" / "then", repository=tmp_path / "clone")
    assert (tmp_path / "clone" / "then" / "code.py").read_text() == "x = 2\n"
    with pytest.raises(FileExistsError, match="not empty"):
        code.restore(tmp_path / "clone")


@pytest.mark.parametrize(
    "path", ["../out.py", "../then2/out.py", "/tmp/pypet_ng_out.py", "deep/link.py", "away/out.py"]
)
def test_nothing_is_written_out_of_the_folder(repo: Any, path: str, tmp_path: pathlib.Path) -> None:
    os.symlink(tmp_path, "away")
    repo.index.add(["away"])
    repo.index.commit("a link that leads out")
    code = RecordedCode(repo.working_dir, repo.head.commit.hexsha, untracked={path: "x = 1\n"})
    with pytest.raises(GitError, match="leads out of the folder"):
        code.restore(tmp_path / "then")
    assert not os.path.exists(tmp_path / "out.py")


def test_what_is_missing_is_said(repo: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traj = sweep([1, 2], git_mode="off")
    with pytest.raises(DataNotInStorageError, match=r"code of run 1 .*git_mode"):
        traj.f_get_code(1)
    with pytest.raises(DataNotInStorageError, match="trajectory 't'"):
        traj.f_get_code()
    with pytest.raises(KeyError):
        traj.f_get_code(7)
    with pytest.raises(ValueError, match="filename"):
        Trajectory("none").f_get_code()
    code = RecordedCode(str(tmp_path / "project"), "1" * 40)
    with pytest.raises(GitError, match=r"has no commit 1+: fetch it"):
        code.open_commit()
    with pytest.raises(GitError, match="is no git repository: give a clone"):
        code.open_commit(tmp_path)
    with pytest.raises(GitError, match="no commit was recorded"):
        RecordedCode("anywhere", None).open_commit()
    unfit = RecordedCode(
        code.root, repo.head.commit.hexsha, diff="--- a/no.py\n+++ b/no.py\n@@ -1 +1 @@\n-a\n+b\n"
    )
    with pytest.raises(GitError, match="do not fit commit"):
        unfit.restore(tmp_path / "then")
    monkeypatch.setitem(sys.modules, "git", None)
    with pytest.raises(ImportError, match=r"pip install 'pypet_ng\[git\]'"):
        code.open_commit()
