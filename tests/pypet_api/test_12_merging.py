"""Do merging, backup and migration follow section 12?"""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

import pypet_ng
from pypet_ng import Environment, Trajectory, load_trajectory, merge_all_in_folder
from tests.pypet_api.api import WORKERS, line


def calculate(traj: Any) -> float:
    traj.f_add_result("z", traj.x * traj.fixed, comment="product")
    traj.f_add_result("g.many", a=traj.x, text=f"run {traj.v_idx}", array=np.arange(int(traj.x)))
    traj.f_get("g.many").v_annotations.f_set(note=traj.v_idx)
    traj.f_add_derived_parameter("half", traj.x / 2)
    if traj.v_idx % 2:
        traj.f_add_result("odd", traj.v_idx)
    traj.results.runs.crun.f_add_link("short", traj.results.runs.crun.g)
    value: float = traj.x
    return value


def make(
    name: str, file: str, values: Any, fixed: float = 2.0, function: Any = calculate, **workers: Any
) -> Any:
    env = Environment(trajectory=name, filename=file, report_progress=False, log_config=None, **workers)
    traj = env.traj
    traj.f_add_parameter("x", 0.0, comment="explored")
    traj.f_add_parameter("fixed", fixed)
    traj.f_explore({"x": [float(value) for value in values]})
    if function is not None:
        env.run(function)
    else:
        traj.f_store()
    return traj


def products(traj: Any) -> list[float]:
    return [float(value) for value in traj.f_collect("z").values()]


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@line("12: f_merge")
@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("files", [("a.hdf5", "b.hdf5"), ("a.hdf5", "a.hdf5"), (":memory:", "b.hdf5")])
def test_runs_of_the_other_come_behind(
    line: str, files: tuple[str, str], workers: dict[str, Any], folder: pathlib.Path
) -> None:
    mine = make("mine", files[0], [1, 2, 3], **workers)
    other = make("other", files[1], [4, 5], **workers)
    report = mine.f_merge(other, backup=False)
    assert (report.first_run, report.runs, report.newly_explored) == (3, 2, {})
    assert "2 runs of 'other'" in str(report)
    again = mine
    if files[0] != ":memory:":
        again = load_trajectory("mine", filename=files[0])
    for traj in (mine, again):
        assert len(traj) == 5
        assert traj.f_get("x").f_get_range() == [1.0, 2.0, 3.0, 4.0, 5.0]
        assert products(traj) == [2.0, 4.0, 6.0, 8.0, 10.0]
        assert traj.f_collect("half").values() == [0.5, 1.0, 1.5, 2.0, 2.5]
        assert traj.f_get_from_runs("odd", fast_access=True, auto_load=True, use_indices=True) == {1: 1, 4: 1}
        assert traj.f_is_completed()
        traj.v_auto_load = True
        traj.v_idx = 4
        run = traj.results.runs.crun
        assert (run.z, run.g.many.text) == (10.0, "run 1")
        assert run.g.many.array.tolist() == [0, 1, 2, 3, 4]
        assert run.f_get("g.many").v_annotations.note == 1
        assert run.short.v_full_name == "results.runs.run_00000004.g"
        assert traj.f_get_run_information(4)["runtime"]
        traj.v_idx = -1
    assert products(other) == [8.0, 10.0], "the other one stays as it was"


@line("12: f_merge, the merged sweep goes on")
def test_a_merged_trajectory_is_run_on(line: str, folder: pathlib.Path) -> None:
    mine, other = make("mine", "a.hdf5", [1, 2]), make("other", "b.hdf5", [3])
    mine.f_merge(other, backup=False)
    env = Environment(mine, report_progress=False, log_config=None)
    assert env.run(calculate) == []
    mine.f_expand({"x": [9.0]})
    assert env.run(calculate) == [(3, 9.0)]
    again = make("mine", "a.hdf5", [1, 2, 3, 9])
    assert products(again) == [2.0, 4.0, 6.0, 18.0]
    assert load_trajectory("mine", filename="a.hdf5").v_storage_service.verify() == []


@line("12: f_merge, returned values and failures")
def test_returned_values_and_failures_go_along(line: str, folder: pathlib.Path) -> None:
    def fail_at_two(traj: Any) -> float:
        if traj.x == 2:
            raise ValueError("not two")
        return calculate(traj)

    mine, other = make("mine", "a.hdf5", [1]), make("other", "b.hdf5", [3], function=None)
    env = Environment(other, on_error="return", report_progress=False, log_config=None)
    other.f_expand({"x": [2.0]})
    env.run(fail_at_two)
    mine.f_merge(other, backup=False)
    assert mine.f_get_run_information(2)["state"] == "failed"
    assert "not two" in mine.f_get_run_information(2)["message"]
    merged = (
        Environment(
            load_trajectory("mine", filename="a.hdf5"),
            report_progress=False,
            log_config=None,
            on_change="keep",
        )
        if "on_change" in pypet_ng.trajectory.options.TABLE
        else Environment(load_trajectory("mine", filename="a.hdf5"), report_progress=False, log_config=None)
    )
    assert merged.run(calculate) == [(0, 1.0), (1, 3.0), (2, 2.0)], "the failed one is done again"


@line("12: f_merge, a fixed parameter that differs becomes explored")
def test_differing_parameters_become_explored(line: str, folder: pathlib.Path) -> None:
    mine, other = make("mine", "a.hdf5", [1, 2], 7.0), make("other", "b.hdf5", [1, 2], 8.0)
    report = mine.f_merge(other, remove_duplicates=True, backup=False)
    assert report.newly_explored == {"parameters.fixed": (7.0, 8.0)}
    assert mine.f_get("fixed").f_get_range() == [7.0, 7.0, 8.0, 8.0]
    loaded = load_trajectory("mine", filename="a.hdf5")
    assert loaded.f_get("fixed").f_get_range() == [7.0, 7.0, 8.0, 8.0]
    assert loaded.f_get("fixed").v_locked
    loaded.v_idx = 3
    assert (loaded.fixed, loaded.x) == (8.0, 2.0)


@line("12: f_merge, same parameters with same types and wildcards")
def test_trajectories_must_fit(line: str, folder: pathlib.Path) -> None:
    mine, other = make("mine", "a.hdf5", [1]), make("other", "b.hdf5", [2])
    mine.f_add_parameter("denied", 13)
    with pytest.raises(TypeError, match="denied"):
        mine.f_merge(other, backup=False)
    other.f_add_parameter("denied", 13.13)
    with pytest.raises(TypeError, match="denied"):
        mine.f_merge(other, backup=False)
    other.f_get("denied").f_unlock()
    other.f_get("denied").f_set(15)
    third = make("third", "c.hdf5", [3])
    third.f_add_wildcard_functions({("$w",): lambda index: f"w{index}"})
    with pytest.raises(TypeError, match=r"\$w"):
        mine.f_merge(third, backup=False)
    assert len(mine) == 1
    mine.f_merge(other, backup=False)
    assert mine.f_get("denied").f_get_range() == [13, 15], "values in memory count"
    for same in (mine, load_trajectory("mine", filename="a.hdf5")):
        with pytest.raises(ValueError, match="itself"):
            mine.f_merge(same, backup=False)


@line("12: f_merge(trial_parameter=...)")
def test_trials_are_numbered_on(line: str, folder: pathlib.Path) -> None:
    def trials(name: str, count: int) -> Any:
        traj = Trajectory(name, add_time=False, filename=f"{name}.hdf5")
        traj.f_add_parameter("g.trial", 0)
        traj.f_add_parameter("x", 1.0)
        traj.f_explore({"trial": range(count), "x": [1.0] * count})
        return traj

    mine = trials("mine", 3)
    mine.f_merge(trials("other", 2), trial_parameter="trial", backup=False)
    assert mine.f_get("trial").f_get_range() == [0, 1, 2, 3, 4]
    bad = trials("bad", 2)
    bad.f_expand({"trial": [7], "x": [1.0]})
    with pytest.raises(TypeError, match="from 0 on"):
        mine.f_merge(bad, trial_parameter="trial", backup=False)
    with pytest.raises(TypeError, match="means 0 parameters"):
        mine.f_merge(trials("third", 1), trial_parameter="trail", backup=False)


@line("12: f_merge, nothing tells the runs apart")
def test_two_runs_at_one_point_need_a_trial_parameter(line: str, folder: pathlib.Path) -> None:
    trajs = []
    for name in ("mine", "other"):
        traj = Trajectory(name, add_time=False, filename="a.hdf5")
        traj.f_add_parameter("trial", 0)
        trajs.append(traj)
    with pytest.raises(ValueError, match="trial_parameter"):
        trajs[0].f_merge(trajs[1])
    trajs[0].f_merge(trajs[1], trial_parameter="trial")
    assert trajs[0].f_get("trial").f_get_range() == [0, 1]


@line("12: f_merge(remove_duplicates=True)")
def test_known_points_are_left_out(line: str, folder: pathlib.Path) -> None:
    mine, other = make("mine", "a.hdf5", [1, 2, 3]), make("other", "b.hdf5", [3, 4, 2, 5])
    report = mine.f_merge(other, remove_duplicates=True, backup=False)
    assert (report.duplicates, report.runs) == ([0, 2], 2)
    assert "2 runs were left out" in str(report)
    assert mine.f_get("x").f_get_range() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert products(mine) == [2.0, 4.0, 6.0, 8.0, 10.0]
    mine.v_auto_load = True
    assert mine.results.runs.run_00000004.f_get("g.many").v_annotations.note == 3
    with pytest.raises(ValueError, match="points"):
        mine.f_merge(make("third", "c.hdf5", [5]), remove_duplicates=True, backup=False)


@line("12: f_merge(ignore_data=...)")
def test_ignored_data_stay_away(line: str, folder: pathlib.Path) -> None:
    mine, other = make("mine", "a.hdf5", [1]), make("other", "b.hdf5", [2, 3])
    other.f_add_parameter("only_there", 1)
    mine.f_merge(
        other,
        ignore_data=[
            "parameters.only_there",
            "results.runs.run_00000000.z",
            "derived_parameters.runs.$.half",
        ],
        backup=False,
    )
    assert mine.f_collect("z").mask.tolist() == [False, True, False]
    assert mine.f_collect("half").mask.tolist() == [False, True, True]
    assert "only_there" not in mine


@line("12: f_merge, nodes that belong to no run")
def test_other_nodes(line: str, folder: pathlib.Path) -> None:
    mine, other = make("mine", "a.hdf5", [1]), make("other", "b.hdf5", [2, 3])
    mine.f_add_result("summary", 1)
    other.f_add_result("summary", 2)
    other.f_add_result("own.summary", 3, comment="theirs")
    other.f_add_result("same_run.run_00000001.extra", 5)
    other.f_add_leaf("results.run_ALL.lost", 4)
    other.f_add_leaf("derived_parameters.runs.run_ALL.for_all", 6)
    other.results.f_add_link("way", other.results.own)
    other.f_store()
    report = mine.f_merge(other, backup=False)
    mine.f_load(load_results=2, load_derived_parameters=2)
    assert report.kept == ["results.summary"]
    assert report.left_out == ["results.run_ALL.lost"]
    assert (mine.results.summary, mine.results.own.summary, mine.results.way.summary) == (1, 3, 3)
    assert mine.results.same_run.run_00000002.extra == 5
    assert "lost" not in mine
    mine.v_idx = 2
    assert mine.derived_parameters.runs.crun.for_all == 6
    mine.v_idx = 0
    assert "derived_parameters.crun.for_all" not in mine


@line("12: f_merge(backup=True), f_backup")
def test_backups_are_whole(line: str, folder: pathlib.Path) -> None:
    mine, other = make("mine", "a.hdf5", [1, 2]), make("other", "b.hdf5", [3])
    mine.f_add_result("summary", [1, "two"])
    mine.f_add_config("deep.c", 5)
    mine.f_merge(other)
    backup = load_trajectory("mine", filename="backup_mine.hdf5", load_data=2)
    assert len(backup) == 2
    assert products(backup) == [2.0, 4.0]
    assert (backup.results.summary, backup.deep.c, backup.v_comment) == ([1, "two"], 5, mine.v_comment)
    assert backup.f_is_completed()
    assert backup.v_timestamp == mine.v_timestamp
    assert backup.results.runs.run_00000001.short.many.text == "run 1"
    assert (folder / "backup_other.hdf5").exists()
    assert mine.f_backup("named.hdf5") == "named.hdf5"
    assert products(load_trajectory("mine", filename="named.hdf5")) == [2.0, 4.0, 6.0]
    mine.f_backup("named.hdf5")
    assert len(load_trajectory(index=0, filename="named.hdf5")) == 3, "the older backup is replaced"
    with pytest.raises(AttributeError):
        mine.f_backup("a.hdf5")
    with pytest.raises(ValueError):
        make("kept", ":memory:", [1]).f_backup()


@line("12: f_merge(move_data=True, delete_other_trajectory=True)")
@pytest.mark.parametrize("files", [("a.hdf5", "b.hdf5"), ("a.hdf5", "a.hdf5")])
def test_moving_and_deleting(line: str, files: tuple[str, str], folder: pathlib.Path) -> None:
    mine, other = make("mine", files[0], [1, 2]), make("other", files[1], [3, 2])
    mine.f_merge(other, move_data=True, remove_duplicates=True, backup=False)
    left = load_trajectory("other", filename=files[1])
    assert left.f_collect("z").mask.tolist() == [True, False], "what was not merged stays"
    assert products(mine) == [2.0, 4.0, 6.0]
    third = make("third", files[1], [7])
    mine.f_merge(third, move_data=True, delete_other_trajectory=True, backup=False)
    with pytest.raises(ValueError):
        load_trajectory("third", filename=files[1])
    assert products(load_trajectory("mine", filename=files[0])) == [2.0, 4.0, 6.0, 14.0]


@line("12: f_merge(keep_info, keep_other_trajectory_info, merge_config)")
def test_the_history_is_kept(line: str, folder: pathlib.Path) -> None:
    mine, other = make("mine", "a.hdf5", [1]), make("other", "b.hdf5", [2])
    other.f_add_config("git.commit_1.hexsha", "abc")
    other.f_add_config("private", 1)
    other.v_comment = "the other"
    other.f_store()
    mine.f_merge(other, backup=False)
    merge = next(iter(mine.config.merge))
    assert merge.v_name.startswith("merge_")
    assert (merge.merged_runs, merge.length_before_merge, merge.other_trajectory.name) == (1, 1, "other")
    assert mine.config.git.commit_1.hexsha == "abc"
    assert "private" not in mine
    plain = make("plain", "c.hdf5", [1])
    plain.f_merge(other, backup=False, keep_info=False, merge_config=False)
    assert "config.merge" not in plain
    assert "git" not in plain


@line("12: f_merge, old names of its options")
def test_old_names_warn(line: str, folder: pathlib.Path) -> None:
    mine, other = make("mine", "a.hdf5", [1]), make("other", "b.hdf5", [2])
    with pytest.raises(TypeError, match="nonsense"):
        mine.f_merge(other, backup=False, nonsense=1)
    with pytest.warns(DeprecationWarning, match="move_data"):
        mine.f_merge(other, backup=False, move_nodes=False)


@line("12: f_merge_many")
def test_merging_many(line: str, folder: pathlib.Path) -> None:
    mine = make("t0", "a.hdf5", [0])
    others = [make(f"t{place}", f"f{place % 2}.hdf5", [place]) for place in range(1, 4)]
    reports = mine.f_merge_many(others)
    assert [report.first_run for report in reports] == [1, 2, 3]
    assert products(mine) == [0.0, 2.0, 4.0, 6.0]
    assert (folder / "backup_t0.hdf5").exists()
    assert not (folder / "backup_t1.hdf5").exists()


@line("12: merge_all_in_folder")
def test_merging_a_folder(line: str, folder: pathlib.Path) -> None:
    make("late", "c.hdf5", [3])
    make("old", "a.hdf5", [9])
    make("first", "a.hdf5", [1])
    make("second", "b.hdf5", [2])
    (folder / "notes.txt").write_text("no trajectory")
    with pytest.raises(ValueError):
        merge_all_in_folder(str(folder), ext=".h5")
    merged = merge_all_in_folder(str(folder), delete_other_files=True)
    assert merged.v_name == "first"
    assert products(merged) == [2.0, 4.0, 6.0]
    left = sorted(path.name for path in folder.glob("*.hdf5"))
    assert left == ["a.hdf5", "backup_first.hdf5"]


@line("12: f_migrate")
def test_migrating(line: str, folder: pathlib.Path) -> None:
    traj = Trajectory("t", add_time=False, filename="a.hdf5")
    traj.f_add_result("I.am.a.result", 42)
    traj.f_store()
    traj.f_migrate(new_name="u", filename="b.hdf5")
    assert (traj.v_name, traj.v_stored, traj.f_get("result").v_stored) == ("u", False, False)
    traj.f_store()
    assert load_trajectory("u", filename="b.hdf5", load_data=2).result == 42
    assert load_trajectory("t", filename="a.hdf5", load_data=2).result == 42
    other = Trajectory("v", add_time=False)
    other.f_migrate(new_name="u", filename="b.hdf5", in_store=True)
    other.v_auto_load = True
    assert other.results.I.am.a.result == 42
    clash = Trajectory("u", add_time=False)
    clash.f_add_result("r", 1)
    clash.f_migrate(filename="b.hdf5")
    with pytest.raises(RuntimeError, match="migrated"):
        clash.f_store()


@line("12: custom wildcards in merges")
def test_runs_of_other_names_get_the_new_ones(line: str, folder: pathlib.Path) -> None:
    words = {
        ("$", "crun"): lambda index: f"try_{index}",
        ("$set", "crunset"): lambda index: f"set_{index // 2}",
    }

    def run(traj: Any) -> None:
        traj.f_add_result("$set.$.z", traj.x)

    trajs = []
    for name, values in (("mine", [0.0, 1.0]), ("other", [2.0, 3.0])):
        env = Environment(
            trajectory=name,
            filename=f"{name}.hdf5",
            wildcard_functions=words,
            report_progress=False,
            log_config=None,
        )
        env.traj.f_add_parameter("x", 0.0)
        env.traj.f_explore({"x": values})
        env.run(run)
        trajs.append(env.traj)
    trajs[0].f_merge(trajs[1], backup=False)
    trajs[0].f_load(load_results=2)
    assert trajs[0].results.set_1.try_3.z == 3.0
    assert trajs[0].results.set_0.try_1.z == 1.0


@pytest.mark.slow
@line("12: two trajectories of 100,000 runs")
def test_large_merges_are_quick(line: str, folder: pathlib.Path) -> None:
    import time

    def run(traj: Any) -> None:
        traj.f_add_result("z", traj.x)

    mine, other = (
        make(name, f"{name}.hdf5", np.arange(100_000) + start, function=run)
        for name, start in (("mine", 0), ("other", 100_000))
    )
    begin = time.process_time()
    mine.f_merge(other)
    assert time.process_time() - begin < 10
    assert len(mine) == 200_000
    assert mine.f_collect("z")[-1] == 199_999.0
