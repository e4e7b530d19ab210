"""Is the state of the code recorded truly, and without touching it?"""

from __future__ import annotations

import hashlib
import os
import pathlib
import subprocess
import time
from typing import Any

import pytest

from pypet_ng.provenance import CodeRecord, GitMode, Repository, snapshot
from pypet_ng.provenance.contents import LARGE, describe, is_secret
from pypet_ng.provenance.repository import GitError, around_script
from tests.provenance.repositories import make_repository, open_repository, state_of


def nothing_own(path: str) -> bool:
    return False


@pytest.fixture
def repo(tmp_path: pathlib.Path) -> Any:
    return make_repository(tmp_path / "project")


def facts_of(repo: Any, is_own: Any = nothing_own) -> dict[str, Any]:
    before = state_of(repo)
    found = describe(Repository(repo.working_dir), is_own)
    assert state_of(repo) == before, "looking changes nothing"
    return found


def root_of(repo: Any) -> pathlib.Path:
    return pathlib.Path(repo.working_dir)


def test_a_clean_tree_is_commit_and_branch(repo: Any) -> None:
    assert facts_of(repo) == {
        "root": str(root_of(repo)),
        "commit": repo.head.commit.hexsha,
        "branch": "work",
        "dirty": False,
    }


def test_changes_are_a_patch_that_applies(repo: Any, tmp_path: pathlib.Path) -> None:
    root = root_of(repo)
    (root / "code.py").write_text("# code.py\nx = 2\n")
    (root / "other.py").unlink()
    (root / "staged.py").write_text("new = 'é'\n")
    repo.index.add(["staged.py"])
    (root / "binary.bin").write_bytes(bytes(range(256)))
    repo.index.add(["binary.bin"])
    found = facts_of(repo)
    assert found["dirty"]
    assert sorted(found["changed"]) == ["binary.bin", "code.py", "other.py", "staged.py"]
    clone = tmp_path / "clone"
    repo.git.clone(".", str(clone))
    patch = tmp_path / "patch"
    patch.write_text(found["diff"], encoding="utf-8")
    open_repository(clone).git.apply(str(patch))
    assert (clone / "code.py").read_text() == "# code.py\nx = 2\n"
    assert (clone / "staged.py").read_text() == "new = 'é'\n"
    assert (clone / "binary.bin").read_bytes() == bytes(range(256))
    assert not (clone / "other.py").exists()


def test_changes_that_are_only_staged_are_seen(repo: Any) -> None:
    (root_of(repo) / "code.py").write_text("x = 2\n")
    repo.index.add(["code.py"])
    assert facts_of(repo)["changed"] == ["code.py"]


def test_untracked_text_is_kept_and_ignored_files_are_not(repo: Any) -> None:
    root = root_of(repo)
    (root / "new file.py").write_text("y = 'ü'\n")
    (root / "ignored").mkdir()
    (root / "ignored" / "data.py").write_text("no")
    (root / "a.log").write_text("no")
    found = facts_of(repo)
    assert found["untracked"] == {"new file.py": "y = 'ü'\n"}
    assert "left_out" not in found


def test_large_secret_and_binary_files_are_listed_with_size_and_hash(repo: Any) -> None:
    root = root_of(repo)
    contents = {
        ".env": b"PASSWORD=hunter2\n",
        "my_token.txt": b"abc",
        "data.bin": b"\0\1\2",
        "large.csv": b"1," * LARGE,
    }
    for name, content in contents.items():
        (root / name).write_bytes(content)
    (root / "code.py").write_bytes(b"# large\n" * (LARGE // 4))
    found = facts_of(repo)
    assert "hunter2" not in repr(found)
    assert found["diff"] == ""
    contents["code.py"] = b"# large\n" * (LARGE // 4)
    assert found["left_out"] == {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in contents.items()
    }


def test_all_text_together_stays_below_a_size(repo: Any) -> None:
    root = root_of(repo)
    for number in range(5):
        (root / f"notes_{number}.txt").write_text("word " * (LARGE // 20))
    found = facts_of(repo)
    assert sum(len(text) for text in found["untracked"].values()) <= LARGE
    assert len(found["untracked"]) + len(found["left_out"]) == 5
    assert len(found["left_out"]) >= 1


def test_our_own_outputs_are_not_mentioned(repo: Any) -> None:
    root = root_of(repo)
    (root / "t.hdf5").write_bytes(b"data")
    (root / "t.hdf5.journal").write_bytes(b"data")
    record = CodeRecord(
        Repository(str(root)), GitMode.RECORD, lambda: [str(root / "t.hdf5"), str(root / "logs")]
    )
    (root / "logs").mkdir()
    (root / "logs" / "x.txt").write_text("x")
    assert record.facts()["dirty"] is False


def test_before_the_first_commit(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "fresh"
    repo = open_repository(folder)
    (folder / "a.py").write_text("a")
    found = describe(Repository(str(folder)), nothing_own)
    assert (found["commit"], found["branch"], found["untracked"]) == (None, "work", {"a.py": "a"})
    made = snapshot(Repository(str(folder)), nothing_own)
    assert repo.git.show(f"{made['commit']}:a.py") == "a"


def test_a_detached_head_has_no_branch(repo: Any) -> None:
    repo.git.checkout("--detach")
    assert describe(Repository(repo.working_dir), nothing_own)["branch"] is None


def test_secret_names() -> None:
    for path in (
        ".env",
        "a/.env.local",
        "id_rsa",
        "keys/server.pem",
        "API_TOKEN.txt",
        "secrets/a.py",
        ".netrc",
    ):
        assert is_secret(path), path
    for path in ("code.py", "environment.py", "keys.py", "envelope.txt"):
        assert not is_secret(path), path


# -- the cache ----------------------------------------------------------------------------------------
def record_of(repo: Any, mode: GitMode = GitMode.RECORD) -> CodeRecord:
    return CodeRecord(Repository(repo.working_dir), mode, list)


def change_file(root: pathlib.Path, repo: Any) -> None:
    (root / "code.py").write_text("x = 12345\n")


def add_file(root: pathlib.Path, repo: Any) -> None:
    (root / "new.py").write_text("")


def add_deep_file(root: pathlib.Path, repo: Any) -> None:
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "new.py").write_text("")


def remove_file(root: pathlib.Path, repo: Any) -> None:
    (root / "code.py").unlink()


def commit_nothing(root: pathlib.Path, repo: Any) -> None:
    repo.index.commit("again")


def checkout_branch(root: pathlib.Path, repo: Any) -> None:
    repo.git.checkout("-b", "another")


@pytest.mark.parametrize(
    "change", [change_file, add_file, add_deep_file, remove_file, commit_nothing, checkout_branch]
)
def test_the_record_follows_every_change(change: Any, repo: Any) -> None:
    record = record_of(repo)
    before = record.facts()
    assert record.facts() is before
    change(root_of(repo), repo)
    after = record.facts()
    assert after != before
    assert after == facts_of(repo)


def test_where_git_is_missing_the_record_says_so(repo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    facts = record_of(repo).facts()
    assert "no git command" in facts["problem"]
    with pytest.raises(GitError):
        Repository(repo.working_dir).head()


def test_a_broken_repository_is_a_problem_and_no_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / ".git").mkdir()
    assert "problem" in CodeRecord(Repository(str(tmp_path)), GitMode.RECORD, list).facts()


def test_hooks_variables_lead_to_no_other_repository(
    repo: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = make_repository(tmp_path / "elsewhere")
    monkeypatch.setenv("GIT_DIR", elsewhere.git_dir)
    assert describe(Repository(repo.working_dir), nothing_own)["root"] == repo.working_dir
    change_file(root_of(repo), repo)
    assert describe(Repository(repo.working_dir), nothing_own)["changed"] == ["code.py"]


def test_asking_again_takes_less_than_5_ms_for_a_thousand_files(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "big"
    repo = make_repository(folder)
    for number in range(1000):
        place = folder / f"d{number % 20}"
        place.mkdir(exist_ok=True)
        (place / f"f{number}.py").write_text("x")
    repo.git.add(".")
    repo.index.commit("many")
    record = record_of(repo)
    first = record.facts()
    times = []
    for _ in range(20):
        began = time.process_time()
        assert record.facts() is first
        times.append(time.process_time() - began)
    assert sum(times) / len(times) < 0.005, times


# -- snapshots ----------------------------------------------------------------------------------------
def test_a_snapshot_is_the_working_tree_and_touches_nothing(repo: Any) -> None:
    root = root_of(repo)
    (root / "code.py").write_text("x = 2\n")
    (root / "other.py").unlink()
    (root / "new.py").write_text("new")
    (root / ".env").write_text("secret")
    (root / "half.py").write_text("staged")
    repo.index.add(["half.py"])
    (root / "half.py").write_text("and changed")
    before = state_of(repo)
    made = snapshot(Repository(str(root)), nothing_own)
    assert state_of(repo) == before
    commit = repo.commit(made["commit"])
    assert {blob.path: blob.data_stream.read().decode() for blob in commit.tree.traverse()} == {
        ".gitignore": "ignored/\n*.log\n",
        "code.py": "x = 2\n",
        "new.py": "new",
        "half.py": "and changed",
    }
    assert [parent.hexsha for parent in commit.parents] == [repo.head.commit.hexsha]
    assert repo.git.rev_parse(made["ref"]) == made["commit"]
    assert snapshot(Repository(str(root)), nothing_own) == made, "the same tree makes no new commit"
    repo.git.gc("--prune=now", "--quiet")
    assert repo.commit(made["commit"]), "the ref keeps it from being collected"


def test_the_snapshot_of_a_clean_tree_is_head(repo: Any) -> None:
    made = snapshot(Repository(repo.working_dir), nothing_own)
    assert (made["commit"], made["ref"]) == (repo.head.commit.hexsha, None)


# -- finding ------------------------------------------------------------------------------------------
def test_a_repository_is_found_from_below_and_as_a_worktree(repo: Any, tmp_path: pathlib.Path) -> None:
    root = root_of(repo)
    below = root / "a" / "b"
    below.mkdir(parents=True)
    found = Repository.above(str(below))
    assert found is not None
    assert found.root == str(root)
    repo.git.worktree("add", str(tmp_path / "second"))
    second = Repository.above(str(tmp_path / "second"))
    assert second is not None
    record = CodeRecord(second, GitMode.RECORD, list)
    before = record.facts()
    assert (before["branch"], before["dirty"]) == ("second", False)
    subprocess.run(["git", "commit", "-q", "--allow-empty", "-m", "x"], cwd=tmp_path / "second", check=True)
    assert record.facts()["commit"] != before["commit"]


def test_no_repository_around(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Repository.above(str(tmp_path)) is None
    monkeypatch.chdir(tmp_path)
    assert around_script() is None, "pytest lies somewhere else, and here is none"
    assert os.getcwd() == str(tmp_path)
