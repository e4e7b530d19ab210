"""Does each mistake give a clear error, and leave everything as it was?"""

from __future__ import annotations

import os
import pathlib
import stat
import subprocess
import sys
from typing import Any

import h5py
import numpy as np
import pytest

import pypet_ng
from pypet_ng import (
    BrokenFileError,
    DesignError,
    Environment,
    FileBusyError,
    MissingFileError,
    NodeNotFoundError,
    NoSuchServiceError,
    NotInRunError,
    NotUniqueNodeError,
    ParameterLockedException,
    PresettingError,
    ReadOnlyFileError,
    Trajectory,
    TrajectoryNotFoundError,
    UnsupportedValueError,
    VersionMismatchError,
    load_trajectory,
)
from tests.engine.places import Place


def made(place: Place) -> Any:
    env = place.env()
    traj = env.traj
    traj.f_add_parameter("one.x", 1.0, comment="x")
    traj.f_add_parameter("two.x", 2.0)
    traj.f_add_parameter("y", 3)
    traj.f_add_result("r", 1)
    return env


def state_of(traj: Any) -> Any:
    """Give what a refused call must not change."""
    leaves = {
        name: (
            leaf.f_val_to_str(),
            leaf.v_comment,
            leaf.v_is_parameter and (leaf.v_explored, leaf.v_locked, len(leaf)),
        )
        for name, leaf in traj.f_to_dict().items()
    }
    return leaves, len(traj), traj.v_idx, sorted(traj.f_get_explored_parameters())


WRONG_EXPLORATIONS = [
    ({"xx": [1.0]}, NodeNotFoundError, r"'xx'.*Parameters there are: parameters\.one\.x"),
    (
        {"x": [1.0]},
        NotUniqueNodeError,
        r"'x' means several nodes.*'parameters\.one\.x'.*'parameters\.two\.x'",
    ),
    ({"one.x": [1.0, 2.0], "y": [1]}, DesignError, r"'parameters\.one\.x' has 2, 'parameters\.y' has 1"),
    ({"one.x": []}, DesignError, r"no values"),
    ({"one.x": [1.0], "y": [1.5]}, TypeError, r"(?s)parameters\.y.*float"),
    ({"one.x": [1, 2]}, TypeError, r"(?s)parameters\.one\.x.*int"),
    ({"y": [1, 2.0, 3]}, TypeError, r"(?s)parameters\.y.*float"),
    ({"one.x": 1.0}, TypeError, r"values of 'parameters\.one\.x' are 1\.0: give a list"),
    ({"one.x": "12"}, TypeError, r"give a list"),
    ({"r": [1]}, ValueError, r"'results\.r' is no parameter"),
    ({}, ValueError, r"nothing to explore"),
    ({"one.x": [1.0], "parameters.one.x": [2.0]}, ValueError, r"named twice"),
    ([("one.x", [1.0])], TypeError, r"dictionary.*not list"),
]


def message_of(error: BaseException) -> str:
    return "\n".join([str(error), *getattr(error, "__notes__", [])])


@pytest.mark.parametrize(("values", "error", "words"), WRONG_EXPLORATIONS)
def test_a_wrong_exploration_changes_nothing(
    place: Place, values: Any, error: type[Exception], words: str
) -> None:
    import re

    env = made(place)
    before = state_of(env.traj)
    with pytest.raises(error) as caught:
        env.traj.f_explore(values)
    assert re.search(words, message_of(caught.value), re.DOTALL), message_of(caught.value)
    assert state_of(env.traj) == before
    env.traj.f_explore({"one.x": [5.0, 6.0], "y": [1, 2]})  # all is well after it
    before = state_of(env.traj)
    with pytest.raises((TypeError, ValueError, AttributeError)):
        env.traj.f_expand(values)
    assert state_of(env.traj) == before
    assert env.run(lambda traj: traj.f_get("one.x").f_get()) == [(0, 5.0), (1, 6.0)]


def test_exploring_twice_names_the_way_out(place: Place) -> None:
    env = made(place)
    env.traj.f_explore({"y": [1, 2]})
    before = state_of(env.traj)
    with pytest.raises(TypeError, match=r"'parameters\.y' is explored already\. Use f_expand"):
        env.traj.f_explore({"y": [3]})
    with pytest.raises(
        TypeError, match=r"exactly the explored parameters parameters\.y; given: parameters\.one\.x"
    ):
        env.traj.f_expand({"one.x": [3.0]})
    assert state_of(env.traj) == before
    env.run(lambda traj: None)
    with pytest.raises(TypeError, match=r"Runs of the trajectory are done"):
        env.traj.f_explore({"one.x": [3.0, 4.0]})
    with pytest.raises(TypeError, match=r"is stored: shrinking"):
        env.traj.f_shrink()
    assert len(place.load()) == 2


def test_a_locked_parameter_keeps_its_value(place: Place) -> None:
    env = made(place)
    assert env.traj.y == 3
    with pytest.raises(ParameterLockedException, match=r"(?s)parameters\.y.*4"):
        env.traj.y = 4
    env.run(lambda traj: None)
    with pytest.raises(ParameterLockedException, match=r"parameters\.one\.x"):
        env.traj.f_get("one.x").f_set(5.0)
    assert (env.traj.y, env.traj.f_get("one.x").f_get()) == (3, 1.0)
    assert place.load().y == 3


@pytest.mark.parametrize("value", [object(), lambda: 1, open, {1: object()}])
def test_an_unsupported_value_is_refused_where_it_is_set(place: Place, value: Any) -> None:
    env = made(place)
    before = state_of(env.traj)
    with pytest.raises(UnsupportedValueError, match="wrong"):
        env.traj.f_add_parameter("group.wrong", value)
    with pytest.raises(UnsupportedValueError, match="wrong"):
        env.traj.f_add_result("group.wrong", value)
    assert state_of(env.traj) == before
    z = env.traj.f_add_result("z", 1)
    with pytest.raises(UnsupportedValueError, match="bad"):
        z.f_set(good=1, bad=value)
    assert z.f_to_dict() == {"z": 1}


def test_a_value_that_became_unsupported_fails_its_run_only(place: Place) -> None:
    env = made(place)
    env.traj.f_explore({"y": [1, 2, 3]})

    def run(traj: Any) -> int:
        traj.f_add_result("first", traj.y)
        items = [traj.y]
        traj.f_add_result("z", items)
        if traj.y == 2:
            items.append(object)  # type: ignore[arg-type]
        return traj.y  # type: ignore[no-any-return]

    with pytest.raises(UnsupportedValueError):
        env.run(run)
    place.check()
    traj = place.load(load_data=2)
    assert traj.f_get_from_runs("z", fast_access=True, use_indices=True) == {0: [1], 2: [3]}
    assert traj.f_get_from_runs("first", fast_access=True, use_indices=True) == {0: 1, 2: 3}


def test_what_all_runs_share_is_not_added_in_a_run(place: Place) -> None:
    env = made(place)
    env.traj.f_explore({"y": [1, 2]})

    def run(traj: Any) -> None:
        for add in (
            lambda: traj.f_add_parameter("new", 1),
            lambda: traj.f_add_config("new", 1),
            lambda: traj.f_add_parameter_group("new"),
            lambda: traj.parameters.f_add_leaf("new", 1),
        ):
            with pytest.raises(NotInRunError, match=rf"during a single run \(run {traj.v_idx}\)"):
                add()

    env.run(run)
    assert "new" not in place.load(load_data=2)


def test_a_name_that_is_taken_is_refused(place: Place) -> None:
    env = made(place)
    before = state_of(env.traj)
    with pytest.raises(AttributeError, match=r"already a node 'parameters\.y'"):
        env.traj.f_add_parameter("y", 7)
    with pytest.raises(AttributeError, match=r"'parameters\.y' holds data"):
        env.traj.f_add_parameter("y.below", 7)
    assert state_of(env.traj) == before


def test_a_preset_without_its_parameter_stops_the_sweep(place: Place) -> None:
    env = made(place)
    env.traj.f_preset_parameter("yy", 5)
    with pytest.raises(PresettingError, match=r"parameters\.yy"):
        env.run(lambda traj: None)
    assert list(place.service().trajectories()) == []


@pytest.mark.parametrize("wrong", [None, 3, "text", [1]])
def test_only_functions_can_be_run(place: Place, wrong: Any) -> None:
    env = made(place)
    with pytest.raises(TypeError, match=r"run needs a function that takes the trajectory, not"):
        env.run(wrong)
    assert list(place.service().trajectories()) == []


def test_a_function_with_another_signature_says_so(place: Place) -> None:
    env = made(place)
    with pytest.raises(TypeError, match="positional argument"):
        env.run(lambda: None)
    assert not place.load().f_is_completed()


def test_an_unknown_option_suggests_a_near_one(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, near in (
        ("file_name", "filename"),
        ("automatic_storring", "automatic_storing"),
        ("on_eror", "on_error"),
    ):
        with pytest.raises((ValueError, TypeError), match=rf"no option '{name}' .*'{near}'"):
            Environment(**{name: 1})
    with pytest.raises(ValueError, match=r"on_error='never': choose one of 'raise', 'stop', 'return'"):
        Environment(on_error="never")
    with pytest.raises(ValueError, match=r"(?s)no runner 'seriel'.*'serial'"):
        Environment(runner="seriel")
    with pytest.raises(TypeError, match="runner=3 is neither"):
        Environment(runner=3)
    with pytest.raises(NoSuchServiceError, match="no storage service"):
        Environment(storage_service=object())
    with pytest.raises(ValueError, match="'comment'"):
        Environment(trajectory=Trajectory(), comment="too late")
    with pytest.raises(AttributeError, match=r"no attribute 'runn'.*'run'"):
        Environment(filename=":memory:").runn  # noqa: B018
    assert list(tmp_path.iterdir()) == []


# -- files -----------------------------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a file with a finished sweep."""
    monkeypatch.chdir(tmp_path)
    filename = str(tmp_path / "kept.hdf5")
    sweep(filename)
    return filename


def sweep(filename: str, **options: Any) -> list[tuple[int, Any]]:
    env = Environment(trajectory="traj", filename=filename, **options)
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": [1, 2, 3]})
    return env.run(lambda traj: traj.f_add_result("z", traj.x) and traj.x)


def assert_whole(filename: str) -> None:
    traj = load_trajectory("traj", filename=filename, load_data=2)
    assert [traj.results.runs[i].z for i in range(3)] == [1, 2, 3]


def test_a_file_that_is_no_hdf5_file_is_left_alone(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "notes.hdf5"
    path.write_text("these are notes, and no data\n" * 100)
    for use in (
        lambda: load_trajectory("traj", filename=str(path)),
        lambda: sweep(str(path)),
        lambda: sweep(str(path), overwrite_file=True),  # what pypet_ng did not write it does not overwrite
    ):
        with pytest.raises(BrokenFileError, match=r"notes\.hdf5"):
            use()
        assert path.read_text() == "these are notes, and no data\n" * 100
        assert [entry.name for entry in tmp_path.iterdir() if "lock" not in entry.name] == ["notes.hdf5"]


def test_an_empty_file_is_no_trajectory(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "empty.hdf5"
    path.touch()
    with pytest.raises(BrokenFileError, match=r"empty\.hdf5"):
        load_trajectory("traj", filename=str(path))
    assert path.stat().st_size == 0


def test_a_truncated_file_is_recognised(kept: str) -> None:
    size = os.path.getsize(kept)
    os.truncate(kept, size // 2)
    for use in (lambda: load_trajectory("traj", filename=kept), lambda: sweep(kept)):
        with pytest.raises(BrokenFileError, match=r"kept\.hdf5"):
            use()
        assert os.path.getsize(kept) == size // 2


def test_a_file_of_a_newer_format_is_recognised(kept: str) -> None:
    with h5py.File(kept, "r+") as file:
        places = [file, *(file[name] for name in file)]
        changed = 0
        for place in places:
            if "format-version" in place.attrs:
                place.attrs["format-version"] = np.bytes_("99.0")
                changed += 1
        assert changed
    before = pathlib.Path(kept).read_bytes()
    for use in (lambda: load_trajectory("traj", filename=kept), lambda: sweep(kept)):
        with pytest.raises(VersionMismatchError, match=r"99.*"):
            use()
    assert pathlib.Path(kept).read_bytes() == before


def test_a_file_that_must_not_be_changed_can_be_read(kept: str) -> None:
    os.chmod(kept, stat.S_IRUSR)
    if os.access(kept, os.W_OK):
        pytest.skip("this user may write everywhere")
    before = pathlib.Path(kept).read_bytes()
    assert_whole(kept)
    traj = load_trajectory("traj", filename=kept)
    traj.f_add_result("more", 1)
    with pytest.raises(ReadOnlyFileError, match=r"kept\.hdf5"):
        traj.f_store()
    assert pathlib.Path(kept).read_bytes() == before


def test_a_missing_file_or_folder_is_named_and_not_made(tmp_path: pathlib.Path) -> None:
    for missing in (tmp_path / "no.hdf5", tmp_path / "no" / "folder" / "f.hdf5"):
        with pytest.raises((MissingFileError, TrajectoryNotFoundError)) as caught:
            load_trajectory("traj", filename=str(missing))
        assert isinstance(caught.value, ValueError)
        assert str(missing.name) in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert len(sweep(str(tmp_path / "new" / "folder" / "f.hdf5"))) == 3


def test_a_missing_trajectory_names_those_that_are_there(kept: str) -> None:
    with pytest.raises(TrajectoryNotFoundError, match=r"kept\.hdf5 has no trajectory 'trja'; there: 'traj'"):
        load_trajectory("trja", filename=kept)
    traj = Trajectory("other", add_time=False, filename=kept)
    with pytest.raises(TrajectoryNotFoundError, match="'other'"):
        traj.f_load()
    assert_whole(kept)


HOLD = """
import sys
from pypet_ng import HDF5StorageService
service = HDF5StorageService(sys.argv[1])
service.select("traj")
with service.writing():
    print("writing", flush=True)
    sys.stdin.readline()
"""


def test_a_second_writer_is_refused_until_the_first_is_done(kept: str) -> None:
    root = os.path.dirname(os.path.dirname(pypet_ng.__file__))
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, kept],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    try:
        assert first.stdout is not None
        assert first.stdin is not None
        assert first.stdout.readline() == "writing\n"
        env = Environment(trajectory="traj", filename=kept, on_change="keep")
        env.traj.f_add_parameter("x", 0)
        env.traj.f_explore({"x": [1, 2, 3, 4]})
        calls: list[int] = []
        with pytest.raises(FileBusyError, match=rf"(?s)kept\.hdf5.*{first.pid}"):
            env.run(lambda traj: calls.append(traj.x))
        assert calls == []
        first.stdin.write("\n")
        first.stdin.flush()
        assert first.wait(timeout=30) == 0
        env.run(lambda traj: calls.append(traj.x))
        assert calls == [4]
    finally:
        first.kill()
        first.wait()
        for stream in (first.stdin, first.stdout):
            if stream is not None:
                stream.close()
    assert len(load_trajectory("traj", filename=kept)) == 4


def test_a_missing_folder_is_no_place_to_store_if_it_cannot_be_made(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError, match="file"):
        sweep(str(tmp_path / "file" / "f.hdf5"))
    assert (tmp_path / "file").read_text() == "no folder"


def test_a_failing_store_leaves_what_was_stored(kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    traj = load_trajectory("traj", filename=kept, load_data=2)
    traj.f_add_result("good", np.arange(3))
    items = [1]
    traj.f_add_result("later_bad", items)
    items.append(object)  # type: ignore[arg-type]
    with pytest.raises(UnsupportedValueError):
        traj.f_store()
    assert_whole(kept)
    items.pop()
    traj.f_store()
    back = load_trajectory("traj", filename=kept, load_data=2)
    assert back.later_bad == [1]
    assert back.good.tolist() == [0, 1, 2]
