"""What happens with files that are wrong, busy, foreign, damaged or deleted from?"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator

import h5py
import numpy as np
import pytest

from pypet_ng.errors import (
    BrokenFileError,
    DataNotInStorageError,
    FileBusyError,
    MissingFileError,
    NameTakenError,
    ReadOnlyFileError,
    StorageError,
    TrajectoryNotFoundError,
    VersionMismatchError,
)
from pypet_ng.spaces.columns import column_of
from pypet_ng.spaces.plan import Plan
from pypet_ng.storage.base import NOT_SET
from pypet_ng.storage.hdf5 import HDF5StorageService, file
from pypet_ng.storage.lease import Lease
from pypet_ng.tree.records import (
    Batch,
    Block,
    NodeKind,
    Record,
    Signature,
    Skeleton,
    TrajectoryInfo,
)

X = ("parameters", "x")
Z = Signature(("results", "runs", "$", "z"), NodeKind.RESULT, "Result", "", ("z",))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "PATIENCE", 0.0)


@pytest.fixture
def path(tmp_path: pathlib.Path) -> str:
    return str(tmp_path / "data.hdf5")


@pytest.fixture
def service(path: str) -> Iterator[HDF5StorageService]:
    service = HDF5StorageService(path)
    service.create(TrajectoryInfo("traj", timestamp=1.0))
    yield service
    service.close()


@pytest.fixture
def in_place(path: str, service: HDF5StorageService) -> HDF5StorageService:
    """Writes without a journal to the file that is there."""
    service = HDF5StorageService(path, durability="none")
    service.select("traj")
    return service


def leaf(path: tuple[str, ...], value: object, **more: object) -> Record:
    return Record(Skeleton(path, NodeKind.RESULT, "Result", items=("r",), **more), {"r": value})  # type: ignore[arg-type]


def explore(service: HDF5StorageService, runs: int) -> None:
    service.write([Record(Skeleton(X, NodeKind.PARAMETER, "Parameter", items=("data",)), {"data": 0})])
    service.write_plan(Plan({X: column_of(range(runs))}))


def python(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


# -- wrong files ------------------------------------------------------------------------------
def test_a_missing_file_is_named_with_near_ones(service: HDF5StorageService, path: str) -> None:
    wrong = HDF5StorageService(path.replace("data.hdf5", "date.hdf5"))
    with pytest.raises(MissingFileError, match=r"Did you mean 'data\.hdf5'"):
        wrong.select("traj")


def test_a_missing_folder_is_named_when_reading_and_made_when_creating(tmp_path: pathlib.Path) -> None:
    service = HDF5StorageService(str(tmp_path / "new" / "deep" / "data.hdf5"))
    with pytest.raises(MissingFileError, match="not even the folder"):
        service.select("traj")
    assert not (tmp_path / "new").exists()
    service.create(TrajectoryInfo("traj"))
    assert [info.name for info in service.trajectories()] == ["traj"]


def test_an_unknown_trajectory_is_named_with_those_there(service: HDF5StorageService, path: str) -> None:
    with pytest.raises(TrajectoryNotFoundError, match=r"no trajectory 'trai'; there are: 'traj'\. Did you"):
        HDF5StorageService(path).select("trai")


def test_nothing_is_done_without_a_chosen_trajectory(path: str) -> None:
    with pytest.raises(StorageError, match="call create or select first"):
        HDF5StorageService(path).read(X)


@pytest.mark.parametrize("content", [b"", b"name,value\n" * 100])
def test_a_file_that_is_not_hdf5_is_told(path: str, content: bytes) -> None:
    pathlib.Path(path).write_bytes(content)
    with pytest.raises(BrokenFileError, match=r"no HDF5 file|is empty"):
        HDF5StorageService(path).trajectories()


def test_a_file_that_is_cut_off_is_told(service: HDF5StorageService, path: str) -> None:
    service.write([leaf(("results", "r"), np.arange(50_000.0))])
    whole = pathlib.Path(path).read_bytes()
    pathlib.Path(path).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BrokenFileError, match="cut off"):
        HDF5StorageService(path).trajectories()


def test_a_file_that_was_not_closed_is_told(in_place: HDF5StorageService, path: str) -> None:
    copy = path + ".killed"
    with in_place.writing():
        in_place.write([leaf(("results", "r"), 1)])
        in_place.commit()
        shutil.copy(path, copy)
    with pytest.raises(BrokenFileError, match=r"was not closed.*h5clear"):
        HDF5StorageService(copy).trajectories()


def test_a_newer_format_is_refused(service: HDF5StorageService, path: str) -> None:
    with h5py.File(path, "r+") as opened:
        opened.attrs["format-version"] = np.bytes_("99.1")
    for call in (lambda it: it.select("traj"), lambda it: it.create(TrajectoryInfo("b"))):
        with pytest.raises(VersionMismatchError, match=r"format 99\.1"):
            call(HDF5StorageService(path))


@pytest.mark.parametrize("overwrite", [False, True])
def test_foreign_hdf5_files_are_described_and_never_overwritten(path: str, overwrite: bool) -> None:
    with h5py.File(path, "w") as opened:
        opened["measured"] = np.arange(3)
    before = pathlib.Path(path).read_bytes()
    with pytest.raises(BrokenFileError, match="something else \\(holding measured\\)"):
        HDF5StorageService(path).trajectories()
    with pytest.raises(BrokenFileError, match="something else"):
        HDF5StorageService(path, overwrite_file=overwrite).create(TrajectoryInfo("traj"))
    assert pathlib.Path(path).read_bytes() == before


def test_text_files_are_never_overwritten(path: str) -> None:
    pathlib.Path(path).write_text("precious")
    with pytest.raises(BrokenFileError):
        HDF5StorageService(path, overwrite_file=True).create(TrajectoryInfo("traj"))
    assert pathlib.Path(path).read_text() == "precious"


def test_overwriting_happens_at_the_first_create_only(service: HDF5StorageService, path: str) -> None:
    second = HDF5StorageService(path, overwrite_file=True)
    assert list(second.trajectories()) == []  # what will be replaced does not count
    assert [info.name for info in service.trajectories()] == ["traj"]
    second.create(TrajectoryInfo("a"))
    second.create(TrajectoryInfo("b"))
    assert [info.name for info in second.trajectories()] == ["a", "b"]
    with pytest.raises(NameTakenError):
        second.create(TrajectoryInfo("a"))


def test_beginning_anew_removes_the_file_once(service: HDF5StorageService, path: str) -> None:
    HDF5StorageService(path).begin_anew()
    assert [info.name for info in service.trajectories()] == ["traj"]
    second = HDF5StorageService(path, overwrite_file=True)
    second.begin_anew()
    assert not pathlib.Path(path).exists()
    HDF5StorageService(path).create(TrajectoryInfo("meanwhile"))
    second.begin_anew()
    second.create(TrajectoryInfo("a"))
    assert [info.name for info in second.trajectories()] == ["meanwhile", "a"]


def test_beginning_anew_spares_foreign_files_and_those_in_use(service: HDF5StorageService, path: str) -> None:
    with service.writing():
        service.write([leaf(("results", "r"), 1)])
        with pytest.raises(FileBusyError):
            HDF5StorageService(path, overwrite_file=True).begin_anew()
    assert [info.name for info in service.trajectories()] == ["traj"]
    with h5py.File(path, "w") as opened:
        opened["measured"] = np.arange(3)
    with pytest.raises(BrokenFileError, match="something else"):
        HDF5StorageService(path, overwrite_file=True).begin_anew()
    assert pathlib.Path(path).exists()


def test_a_file_that_was_not_closed_may_be_overwritten(in_place: HDF5StorageService, path: str) -> None:
    copy = path + ".killed"
    with in_place.writing():
        in_place.write([leaf(("results", "r"), 1)])
        in_place.commit()
        shutil.copy(path, copy)
    anew = HDF5StorageService(copy, overwrite_file=True)
    anew.create(TrajectoryInfo("anew"))
    assert [info.name for info in anew.trajectories()] == ["anew"]


def test_a_read_only_file_can_be_read_and_not_written(service: HDF5StorageService, path: str) -> None:
    service.write([leaf(("results", "r"), 1)])
    folder = os.path.dirname(path)
    os.chmod(path, 0o444)
    os.chmod(folder, 0o555)
    try:
        if os.access(path, os.W_OK):
            pytest.skip("this user may write everywhere")
        assert service.read(("results", "r")).data == {"r": 1}
        with pytest.raises(ReadOnlyFileError):
            service.write([leaf(("results", "s"), 1)])
    finally:
        os.chmod(folder, 0o755)
        os.chmod(path, 0o644)


# -- several users ----------------------------------------------------------------------------
_SECOND = """
import sys
from pypet_ng.errors import FileBusyError
from pypet_ng.storage.hdf5 import HDF5StorageService, file
file.PATIENCE = 0.0
service = HDF5StorageService(sys.argv[1])
try:
    with service.writing():
        print("wrote")
except FileBusyError as error:
    print("busy", error)
try:
    print([info.name for info in service.trajectories()])
except FileBusyError as error:
    print("busy", error)
"""


@pytest.mark.parametrize("durability", ["fsync", "os", "none"])
def test_a_second_writer_is_told_who_writes(service: HDF5StorageService, path: str, durability: str) -> None:
    service = HDF5StorageService(path, durability=durability)
    service.select("traj")
    with service.writing():
        service.commit()
        service.write([leaf(("results", "r"), 1)])
        writer, reader = python(_SECOND, path).splitlines()
    assert writer.startswith("busy")
    assert f"process {os.getpid()} on host" in writer
    assert "since 2" in writer
    assert reader.startswith("busy") if durability == "none" else reader == "['traj']"
    assert python(_SECOND, path).splitlines() == ["wrote", "['traj']"]


def test_a_lease_ends_with_its_process_and_leaves_no_file(path: str) -> None:
    code = (
        "import os, sys; from pypet_ng.storage.lease import Lease; Lease(sys.argv[1]).acquire(); os._exit(0)"
    )
    python(code, path)
    assert os.path.exists(path + ".lock")  # of a process that is gone: no obstacle
    lease = Lease(path)
    lease.acquire()
    with pytest.raises(FileBusyError, match=f"process {os.getpid()}"):
        Lease(path).acquire()
    lease.release()
    assert not os.path.exists(path + ".lock")


def test_a_reader_in_the_way_of_writing_in_place_is_told(in_place: HDF5StorageService, path: str) -> None:
    code = """
import sys, h5py
with h5py.File(sys.argv[1], 'r'):
    print('open', flush=True)
    sys.stdin.read()
"""
    reader = subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "open\n"
        with pytest.raises(FileBusyError, match="another program"):
            in_place.write([leaf(("results", "r"), 1)])
        with pytest.raises(FileBusyError, match="another program"):
            HDF5StorageService(path, overwrite_file=True).create(TrajectoryInfo("anew"))
    finally:
        reader.communicate("")
    in_place.write([leaf(("results", "r"), 1)])


def test_the_lease_is_given_back_after_an_error(service: HDF5StorageService, path: str) -> None:
    def fail() -> None:
        with service.writing():
            service.write([leaf(("results", "r"), 1)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    second = HDF5StorageService(path)
    second.select("traj")
    with second.writing():
        assert second.read(("results", "r")).data == {"r": 1}


# -- rows -------------------------------------------------------------------------------------
@pytest.mark.parametrize("order", ["ascending", "backwards", "shuffled", "sparse"])
def test_rows_come_back_in_whatever_order_they_were_written(service: HDF5StorageService, order: str) -> None:
    explore(service, 5000)
    rng = np.random.default_rng(1)
    rows = np.arange(5000)
    if order == "backwards":
        rows = rows[::-1].copy()
    elif order == "shuffled":
        rng.shuffle(rows)
    elif order == "sparse":
        rows = np.sort(rng.choice(5000, 300, replace=False))
    vectors = rng.random((5000, 3))
    with service.writing():
        for part in np.array_split(rows, 7):
            vector = Signature(("results", "runs", "$", "v"), NodeKind.RESULT, "Result", "", ("v",))
            values = [float(row) for row in part]
            service.append_runs(
                Batch({Z: Block(part, {"z": values}), vector: Block(part, {"v": vectors[part]})})
            )
    expected = np.full(5000, np.nan)
    expected[rows] = rows
    column = service.read_runs(Z.path, "z")
    np.testing.assert_array_equal(column.array(), expected)
    np.testing.assert_array_equal(column.mask(), np.isnan(expected))
    some = rng.integers(-5000, 5000, 200)
    np.testing.assert_array_equal(column.array(some), expected[some])
    found = service.read_runs(("results", "runs", "$", "v"), "v").values(slice(10, 4000, 7))
    for row, value in zip(range(10, 4000, 7), found, strict=True):
        assert value is NOT_SET if np.isnan(expected[row]) else np.array_equal(value, vectors[row])
    assert service.verify() == []


def test_rows_beyond_the_last_are_refused(service: HDF5StorageService) -> None:
    explore(service, 3)
    service.append_runs(Batch({Z: Block([0], {"z": [1.0]})}))
    with pytest.raises(IndexError, match="there is no run 3: there are 3 runs"):
        service.read_runs(Z.path, "z").values(np.array([0, 3]))
    with pytest.raises(DataNotInStorageError, match=r"Did you mean 'results\.runs\.\$\.z'"):
        service.read_runs(("results", "runs", "$", "zz"), "z")


def test_rows_of_256_kib_and_more_are_chunks_of_their_own(service: HDF5StorageService, path: str) -> None:
    explore(service, 4)
    data = np.random.default_rng(0).random((3, 40_000))
    service.append_runs(Batch({Z: Block([3, 0, 1], {"z": data})}))
    column = service.read_runs(Z.path, "z")
    for row, place in ((3, 0), (0, 1), (1, 2)):
        np.testing.assert_array_equal(column.values(slice(row, row + 1))[0], data[place])
    assert column.mask().tolist() == [False, False, True, False]
    with h5py.File(path, "r") as opened:
        assert opened["traj/results/runs/$/z/z/_1"].chunks == (1, 40_000)


# -- the node index ---------------------------------------------------------------------------
def _fill(service: HDF5StorageService) -> None:
    service.write(
        [
            leaf(("results", "a", "r"), 1.5, comment="näh\x00", annotations={"k": np.arange(3), "l": 2}),
            leaf(("results", "b.c", "_r"), "text", locked=True),
            leaf(("results", "a", "overview"), 1),
            leaf(("overview", "mine"), 1),
            Record(Skeleton(("results", "link"), NodeKind.LINK, target=("results", "a", "r"))),
            Record(Skeleton(("results", "empty"), NodeKind.GROUP, "ResultGroup", "c")),
        ]
    )


def _shown(service: HDF5StorageService) -> list[str]:
    return sorted(repr(node) for node in service.scan())


@pytest.mark.parametrize("damage", ["stamp", "text", "gone"])
def test_the_index_is_rebuilt_from_the_groups(service: HDF5StorageService, path: str, damage: str) -> None:
    _fill(service)
    before = _shown(service)
    with h5py.File(path, "r+") as opened:
        if damage == "stamp":
            opened["traj"].attrs["stamp"] = 77
        elif damage == "text":
            opened["traj/overview/nodes"][5:9] = 0
        else:
            del opened["traj/overview/nodes"]
    other = HDF5StorageService(path)
    other.select("traj")
    assert _shown(other) == before
    other.write([leaf(("results", "more"), 1)])
    assert other.verify() == []
    third = HDF5StorageService(path)
    third.select("traj")
    assert _shown(third) == _shown(other)


def test_many_small_changes_keep_the_index_small(service: HDF5StorageService, path: str) -> None:
    for number in range(150):
        service.write([leaf(("results", f"r{number}"), number)])
        if number % 3 == 0:
            service.delete(("results", f"r{number}"))
    other = HDF5StorageService(path)
    other.select("traj")
    assert _shown(other) == _shown(service)
    assert len(_shown(other)) == 101
    assert other.verify() == []


def test_names_and_comments_of_any_length_come_back(service: HDF5StorageService, path: str) -> None:
    comment = "long " * 30_000
    items = tuple(f"item {number}/{number}" for number in range(6000))
    record = Record(
        Skeleton(("results", "big"), NodeKind.RESULT, "Result", comment, {"note": "x" * 100_000}, items),
        {items[0]: 1, items[5999]: 2},
    )
    service.write([record])
    other = HDF5StorageService(path)
    other.select("traj")
    found = other.read(("results", "big"))
    assert found.skeleton.comment == comment
    assert found.skeleton.annotations == {"note": "x" * 100_000}
    assert found.data == {items[0]: 1, items[5999]: 2}


# -- space ------------------------------------------------------------------------------------
def test_deleted_space_is_used_again(service: HDF5StorageService, path: str) -> None:
    sizes = []
    for number in range(12):
        service.write([leaf(("results", "r"), np.full(20_000, number))])
        sizes.append(os.path.getsize(path))
        service.delete(("results", "r"))
    assert sizes[-1] <= 1.1 * sizes[1]


def test_compacting_keeps_everything_and_gives_space_back(service: HDF5StorageService, path: str) -> None:
    explore(service, 10)
    _fill(service)
    service.append_runs(Batch({Z: Block(range(10), {"z": ["t" * row for row in range(10)]})}))  # type: ignore[arg-type]
    service.write([leaf(("results", "big"), np.random.default_rng(0).random(300_000))])
    service.write([leaf(("results", "last"), 1)])
    service.delete(("results", "big"))
    before, shown = os.path.getsize(path), _shown(service)
    service.compact()
    assert os.path.getsize(path) < before - 2_000_000
    for one in (service, HDF5StorageService(path)):
        one.select("traj")
        assert _shown(one) == shown
        assert one.read_runs(Z.path, "z").values() == ["t" * row for row in range(10)]
        assert one.verify() == []
    assert os.listdir(os.path.dirname(path)) == ["data.hdf5"]


def test_one_extension_after_the_other_appends_to_the_plan(service: HDF5StorageService, path: str) -> None:
    explore(service, 10)
    plan = service.read_plan()
    for start in range(10, 210, 10):
        plan = plan.extended(Plan({X: column_of(range(start, start + 10))}))
        service.write_plan(plan)
    with h5py.File(path, "r") as opened:
        assert list(opened["traj/parameters/x/_explored"]) == ["part_0"]
    other = HDF5StorageService(path)
    assert other.select("traj").length == 210
    assert other.read_plan() == plan


def test_a_plan_needs_its_parameters(service: HDF5StorageService) -> None:
    with pytest.raises(DataNotInStorageError, match="Write its node before the plan"):
        service.write_plan(Plan({("parameters", "group", "y"): column_of([1, 2])}))


# -- damage and other tools -------------------------------------------------------------------
def test_verify_names_what_is_wrong(service: HDF5StorageService, path: str) -> None:
    explore(service, 6)
    service.append_runs(Batch({Z: Block(range(6), {"z": [1.0, 2, "a", None, [1, 2], 3.0]})}))  # type: ignore[arg-type]
    assert service.verify() == []
    with h5py.File(path, "r+") as opened:
        kinds = opened["traj/results/runs/$/z/z/_kind"]
        kinds[0], kinds[1], kinds[2] = 0, 99, 255
    problems = "\n".join(service.verify())
    assert "'z' is not set in 1 runs, first 0" in problems
    assert "kind 99" in problems
    assert "run 2 has kind 255 and no value apart" in problems
    with pytest.raises(BrokenFileError, match="kind 99"):
        service.read_runs(Z.path, "z").values()


def test_plain_h5py_reads_the_data(service: HDF5StorageService, path: str) -> None:
    explore(service, 4)
    service.write([leaf(("results", "text"), "grün"), leaf(("results", "array"), np.eye(2))])
    service.append_runs(Batch({Z: Block([0, 2], {"z": [0.5, 1.5]})}))
    with h5py.File(path, "r") as opened:
        traj = opened["traj"]
        assert traj["results/text/r"].asstr()[()] == "grün"
        np.testing.assert_array_equal(traj["results/array/r"][()], np.eye(2))
        assert traj["results/array"].attrs["kind"] == b"result"
        np.testing.assert_array_equal(traj["results/runs/$/z/z/_1"][:3], [0.5, np.nan, 1.5])
        np.testing.assert_array_equal(traj["results/runs/$/z/z/_kind"][:3], [1, 0, 1])


def test_pytables_walks_the_file_and_reads_the_numbers(service: HDF5StorageService, path: str) -> None:
    tables = pytest.importorskip("tables")
    explore(service, 4)
    _fill(service)
    service.write([leaf(("results", "array"), np.eye(2)), leaf(("results", "complex"), np.array([1j, 2]))])
    service.append_runs(
        Batch({Z: Block([0, 1, 3], {"z": [0.5, "text", 1.5]})}, returned=Block([0], {"": [{"a": [1, 2]}]}))
    )
    seen = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names as '$' cannot be attributes of Python objects
        with tables.open_file(path) as opened:
            for node in opened.walk_nodes("/"):
                if isinstance(node, tables.Array) and node.dtype.kind in "biufc":
                    seen[node._v_pathname] = node.read()
    np.testing.assert_array_equal(seen["/traj/results/array/r"], np.eye(2))
    np.testing.assert_array_equal(seen["/traj/results/complex/r"], [1j, 2])
    np.testing.assert_array_equal(seen["/traj/results/runs/$/z/z/_1"][[0, 3]], [0.5, 1.5])
