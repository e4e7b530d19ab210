"""What do the git options of an environment do, and what is left of it in the file?"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import time
from typing import Any

import pytest

from pypet_ng import Environment, load_trajectory
from pypet_ng.errors import GitDiffError
from tests.provenance.repositories import make_repository, state_of

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def repo(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    found = make_repository(tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return found


def make(**options: Any) -> Any:
    env = Environment(
        trajectory="t", filename="t.hdf5", log_folder=None, report_progress=False, comment="why", **options
    )
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": [1, 2]})
    return env


def change() -> None:
    pathlib.Path("code.py").write_text("x = 2\n")


def run(env: Any) -> None:
    env.run(lambda traj: traj.x)


def sessions() -> list[Any]:
    traj = load_trajectory(name="t", filename="t.hdf5", load_all=0)
    return list(traj._session.storage.sessions())


# -- section 17 ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("staged", [False, True], ids=["changed", "staged"])
def test_section_17_git_repository_commits_changes(staged: bool, repo: Any) -> None:
    change()
    if staged:
        repo.index.add(["code.py"])
    env = make(git_repository=".", git_message="Mine")
    head = repo.head.commit
    assert not repo.is_dirty()
    assert head.message.startswith("Mine -- Trajectory: `t`, Time: `")
    assert "Comment: `why`" in head.message
    assert (env.hexsha, env.name[:19]) == (head.hexsha, f"environment_{head.hexsha[:7]}")
    run(env)
    loaded = load_trajectory(name="t", filename="t.hdf5", load_all=2)
    (commit,) = loaded.config.git
    assert commit.v_name.startswith(f"commit_{head.hexsha[:7]}_")
    assert commit.hexsha == head.hexsha
    assert commit.name_rev == f"{head.hexsha} work"
    assert commit.committed_date == head.committed_date
    assert commit.message.strip() == head.message.strip()
    assert sessions()[0]["git"]["commit"] == head.hexsha


def test_section_17_a_clean_repository_gets_no_commit(repo: Any) -> None:
    before = repo.head.commit.hexsha
    pathlib.Path("untracked.py").write_text("")
    assert make(git_repository=".").hexsha == before
    assert repo.head.commit.hexsha == before


@pytest.mark.parametrize("staged", [False, True], ids=["changed", "staged"])
def test_section_17_git_fail_names_the_files(staged: bool, repo: Any) -> None:
    change()
    if staged:
        repo.index.add(["code.py"])
    before = state_of(repo)
    with pytest.raises(GitDiffError, match=r"not committed: code\.py\. Commit them"):
        make(git_repository=".", git_fail=True)
    assert state_of(repo) == before
    repo.index.add(["code.py"])
    repo.index.commit("done")
    assert make(git_repository=".", git_fail=True).hexsha == repo.head.commit.hexsha


def test_a_hook_that_refuses_the_commit_is_heard(repo: Any) -> None:
    change()
    hook = pathlib.Path(repo.git_dir, "hooks", "pre-commit")
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho style is bad >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(GitDiffError, match="style is bad"):
        make(git_repository=".")


# -- better -------------------------------------------------------------------------------------------
def test_record_is_the_default_where_there_is_a_repository(repo: Any) -> None:
    change()
    before = state_of(repo)
    run(make())
    (session,) = sessions()
    assert session["git"]["commit"] == repo.head.commit.hexsha
    assert session["git"]["branch"] == "work"
    assert "+x = 2" in session["git"]["diff"]
    assert "untracked" not in session["git"], "our own file is not part of the code"
    after = state_of(repo)
    assert (after[:3], after[4]) == (before[:3], before[4])


def test_other_code_makes_another_session(repo: Any) -> None:
    env = make()
    run(env)
    env.traj.f_expand({"x": [3]})
    run(env)
    assert len(sessions()) == 1
    change()
    env.traj.f_expand({"x": [4]})
    run(env)
    first, second = sessions()
    assert not first["git"]["dirty"]
    assert "+x = 2" in second["git"]["diff"]


def test_names_and_text_in_other_encodings_come_back(repo: Any) -> None:
    content = "x = 'Zoë'\n".encode("latin-1")
    pathlib.Path("code.py").write_bytes(content)
    pathlib.Path(os.fsdecode(b"n\xe4me.py")).write_text("y")
    run(make())
    found = sessions()[0]["git"]
    assert b"+" + content in found["diff"].encode("utf-8", "surrogateescape")
    assert {os.fsencode(name): text for name, text in found["untracked"].items()} == {b"n\xe4me.py": "y"}


def test_snapshot_mode(repo: Any) -> None:
    change()
    run(make(git_mode="snapshot"))
    found = sessions()[0]["git"]["snapshot"]
    assert repo.git.show(f"{found['commit']}:code.py") == "x = 2"
    assert repo.is_dirty()


@pytest.mark.parametrize("options", [{"git_mode": "off"}, {"git_mode": None}])
def test_off(options: Any, repo: Any) -> None:
    run(make(**options))
    assert "git" not in sessions()[0]


def test_nothing_is_asked_where_nothing_is_kept(repo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: Any, **options: Any) -> Any:
        raise AssertionError("no process is to be started")

    monkeypatch.setattr(subprocess, "run", refuse)
    env = Environment(trajectory="t", filename=":memory:", log_config=None, report_progress=False)
    env.run(lambda traj: None)


def test_wrong_options(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"choose one of 'off', 'record', 'snapshot', 'commit'"):
        make(git_mode="recrod")
    with pytest.raises(ValueError, match=r"has a \.git"):
        make(git_repository=str(tmp_path))
    with pytest.raises(ValueError, match="no git repository around the script"):
        make(git_mode="snapshot")
    run(make())
    assert "git" not in sessions()[0]


def test_without_git_everything_else_goes_on(repo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    run(make())
    assert "no git command" in sessions()[0]["git"]["problem"]
    with pytest.raises(GitDiffError, match="git_mode='off'"):
        make(git_repository=".")


SCRIPT = """
from pypet_ng import Environment
env = Environment(trajectory="t", filename="t.hdf5", log_config=None, report_progress=False)
env.run(print)
"""


def test_the_repository_of_the_script_counts_not_that_of_the_folder(
    repo: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = pathlib.Path("script.py").absolute()
    script.write_text(SCRIPT)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    subprocess.run([sys.executable, str(script)], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    assert sessions()[0]["git"]["untracked"] == {"script.py": SCRIPT}


def test_recording_costs_at_most_5_ms_per_run(repo: Any) -> None:
    def seconds(**options: Any) -> float:
        env = make(overwrite_file=True, **options)
        run(env)
        began = time.process_time()
        for number in range(20):
            env.traj.f_expand({"x": [10 + number]})
            run(env)
        return (time.process_time() - began) / 20

    plain = min(seconds(git_mode="off") for _ in range(2))
    recording = min(seconds() for _ in range(2))
    assert recording - plain < 0.005, (recording, plain)


SUMATRA = """
from pypet_ng import Environment
env = Environment(trajectory="t", filename="t.hdf5", log_config=None, report_progress=False, comment="why",
                  sumatra_project=".", sumatra_reason="to see", sumatra_label="one")
env.traj.f_add_parameter("x", 0)
env.traj.f_explore({"x": [1, 2]})
env.run(lambda traj: traj.x)
"""


# -- Sumatra ------------------------------------------------------------------------------------------
@pytest.mark.slow  # Sumatra looks into every package that is loaded
def test_section_17_sumatra_record(repo: Any, tmp_path: pathlib.Path) -> None:
    pytest.importorskip("sumatra")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import sys; from sumatra.commands import init; init(sys.argv[1:])",
         "--repository", ".", "demo"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"Sumatra cannot make a project here: {done.stderr.strip().splitlines()[-1]}")
    pathlib.Path(".gitignore").write_text(".smt/\nData/\n*.hdf5*\n")
    script = pathlib.Path("script.py")
    script.write_text(SUMATRA)
    repo.git.add(".")
    repo.git.commit("-m", "project", "--allow-empty")
    # not from its own repository: Sumatra cannot read one of several working trees
    shutil.copytree(ROOT / "pypet_ng", tmp_path / "site" / "pypet_ng")
    place = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    subprocess.run([sys.executable, str(script)], env=place, check=True)
    from sumatra.projects import load_project

    found = load_project(".").get_record("one")
    assert found.reason.startswith("to see -- Trajectory t -- why -- Explored x")
    assert found.duration > 0
    assert "x" in str(found.parameters)


def test_sumatra_options_are_checked(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="no dots"):
        make(sumatra_project=".", sumatra_label="a.b")
    with pytest.raises(ValueError, match=r"smt init|needs the package"):
        run(make(sumatra_project=str(tmp_path)))
