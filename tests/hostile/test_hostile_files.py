"""Does a hostile or broken file give data or an error of ours, in bounded time and memory?"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import pytest

from pypet_ng import BrokenFileError, Environment, StorageError, cartesian_product, load_trajectory
from tests.hostile.mutations import mutate

pytestmark = pytest.mark.repeats

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent


def work(traj: Any) -> Any:
    if traj.x == 2 and traj.y == 0.5:
        raise ValueError("no result here")
    traj.f_add_result("z", traj.x * traj.y, comment="a product")
    traj.f_add_result("group.array", np.arange(6.0).reshape(2, 3) + traj.x)
    traj.f_add_result("ragged", list(range(traj.x)), text="x" * traj.x, either=traj.x if traj.y < 1 else "no")
    if traj.x == 1:
        traj.f_add_result("rare", {"a": [1, {"b": (2, np.arange(40))}]})
        traj.results.runs.crun.f_add_group("noted").v_annotations.f_set(why="because")
    return traj.x


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> str:
    filename = str(tmp_path_factory.mktemp("hostile") / "good.hdf5")
    env = Environment("traj", filename=filename, log_config=None, on_error="return", comment="A sweep.")
    traj = env.traj
    traj.f_add_parameter("x", 0, comment="times")
    traj.f_add_parameter("y", 0.5)
    traj.f_add_parameter("group.words", ["a", "b"])
    traj.f_add_parameter("group.matrix", np.eye(4))
    traj.f_add_derived_parameter("sub.d", {"nested": [1, 2.0, "three", None]})
    traj.f_explore(cartesian_product({"x": list(range(8)), "y": [0.5, 1.5]}))
    env.run(work)
    traj.f_expand({"x": [9, 10], "y": [0.1, 0.2]})
    env.run(work)
    traj.f_add_result("summary.total", 3.5, parts=np.arange(3000))
    traj.results.f_add_link("shortcut", traj.f_get("results.summary.total"))
    traj.v_annotations.f_set(author="nobody")
    traj.f_store()
    assert traj.f_verify()
    return filename


def read_apart(filenames: list[str]) -> list[str]:
    """Read files in processes with a limit of memory and time; what a process dies of is told."""
    left = list(filenames)
    told: list[str] = []
    while left:
        done = subprocess.run(
            [sys.executable, str(HERE / "reader.py"), *left],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
            check=False,
        )
        ends = [line[4:] for line in done.stdout.splitlines() if line.startswith("end ")]
        told += ends
        left = left[len(ends) :]
        if left:
            told.append(f"BAD died with {done.returncode}: {done.stderr[-1500:]}")
            left = left[1:]
    return told


def fuzz(good: str, folder: pathlib.Path, first: int, count: int) -> None:
    names = []
    kinds = []
    for number in range(first, first + count):
        names.append(str(folder / f"f{number}.hdf5"))
        kinds.append(mutate(good, names[-1], number))
    told = read_apart(names)
    bad = [
        f"{number + first} ({kind}): {text}"
        for number, (kind, text) in enumerate(zip(kinds, told, strict=True))
        if text.startswith("BAD")
    ]
    assert not bad, "\n".join(bad)
    for name in names:
        os.unlink(name)


def test_sixty_harmed_files_give_data_or_an_error_of_ours(good: str, tmp_path: pathlib.Path) -> None:
    fuzz(good, tmp_path, 0, 60)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 4000, 250))
def test_three_thousand_harmed_files(good: str, tmp_path: pathlib.Path, first: int) -> None:
    fuzz(good, tmp_path, first, 250)


def test_an_unharmed_file_gives_data(good: str) -> None:
    assert read_apart([good]) == ["data"]


# -- what leads elsewhere ---------------------------------------------------------------------------
@pytest.fixture
def secret(tmp_path: pathlib.Path, good: str) -> str:
    """Another file of the same form, with something in it that must not be seen."""
    name = str(tmp_path / "other.hdf5")
    shutil.copy(good, name)
    with h5py.File(name, "r+") as file:
        data = file["traj/parameters/group/words"]
        data.attrs["comment"] = np.bytes_(b"SECRET")
        file["traj/parameters"].attrs["comment"] = np.bytes_(b"SECRET")
        file["traj/overview"].attrs["explored"] = np.bytes_(b'[["SECRET"]]')
        file["plain"] = np.frombuffer(b"SECRET" * 100, np.uint8)
    (tmp_path / "raw").write_bytes(b"SECRET" * 1000)
    return name


@pytest.mark.parametrize(
    "name",
    [
        "parameters",
        "parameters/x",
        "parameters/x/data",
        "parameters/x/_explored",
        "parameters/x/_explored/part_0",
        "results/runs/$",
        "results/runs/$/z",
        "results/runs/$/z/z",
        "results/runs/$/z/z/_1",
        "overview",
        "overview/nodes",
        "overview/runs",
        "overview/runs/state",
        "overview/signatures",
        "overview/returned",
        "",
    ],
)
@pytest.mark.parametrize("soft", [False, True])
def test_links_that_lead_elsewhere_are_refused(
    good: str, secret: str, tmp_path: pathlib.Path, name: str, soft: bool
) -> None:
    hostile = str(tmp_path / "hostile.hdf5")
    shutil.copy(good, hostile)
    with h5py.File(hostile, "r+") as file:
        place = f"traj/{name}".rstrip("/")
        if place in file:
            del file[place]
        if soft:
            file["through"] = h5py.ExternalLink(secret, "/")
            file[place] = h5py.SoftLink(f"/through/{place}")
        else:
            file[place] = h5py.ExternalLink(secret, "/" + place)
    (told,) = read_apart([hostile])
    assert told != "SECRET"
    assert not told.startswith("BAD")


def _external_storage(file: h5py.File, raw: str, other: str) -> None:
    old = file["traj/parameters/group/matrix/data"]
    attributes = dict(old.attrs)
    del file["traj/parameters/group/matrix/data"]
    new = file["traj/parameters/group/matrix"].create_dataset(
        "data", (4, 4), "f8", external=[(raw, 0, h5py.h5f.UNLIMITED)]
    )
    new.attrs.update(attributes)


def _virtual(file: h5py.File, raw: str, other: str) -> None:
    old = file["traj/parameters/group/matrix/data"]
    attributes = dict(old.attrs)
    del file["traj/parameters/group/matrix/data"]
    layout = h5py.VirtualLayout((4, 4), "u1")
    layout[:] = h5py.VirtualSource(other, "plain", (600,))[:16]
    new = file["traj/parameters/group/matrix"].create_virtual_dataset("data", layout)
    new.attrs.update(attributes)


@pytest.mark.parametrize("make", [_external_storage, _virtual])
def test_data_of_other_files_are_not_read(
    good: str, secret: str, tmp_path: pathlib.Path, make: Callable[[h5py.File, str, str], None]
) -> None:
    hostile = str(tmp_path / "hostile.hdf5")
    shutil.copy(good, hostile)
    with h5py.File(hostile, "r+") as file:
        make(file, str(tmp_path / "raw"), secret)
    with pytest.raises(BrokenFileError, match="other files"):
        load_trajectory("traj", filename=hostile, load_data=2)


# -- what has no end --------------------------------------------------------------------------------
@pytest.mark.parametrize("what", ["hard link", "soft link", "many paths", "deep", "plan", "runs", "index"])
def test_what_has_no_end_is_refused_quickly(good: str, tmp_path: pathlib.Path, what: str) -> None:
    hostile = str(tmp_path / "hostile.hdf5")
    shutil.copy(good, hostile)
    with h5py.File(hostile, "r+") as file:
        traj = file["traj"]
        if what != "index":
            del traj["overview/nodes"]  # the groups are to be walked
        if what == "hard link":
            traj["results/loop"] = traj["results"]
        elif what == "soft link":
            traj["results/loop"] = h5py.SoftLink("/traj/results")
        elif what == "many paths":
            group = traj["results"]
            for _ in range(60):
                inner = group.create_group("a")
                group["b"] = inner
                group = inner
        elif what == "deep":
            group = traj["results"]
            for _ in range(3000):
                group = group.create_group("d")
        elif what == "plan":
            part = traj["parameters/x/_explored/part_0"]
            part.attrs["structure"] = np.bytes_(b"periodic")
            part.attrs["repeat"] = 1
            part.attrs["length"] = 18
            if "base" in part:
                del part["base"]
            part["base"] = traj["parameters/x/_explored"]
        elif what == "runs":
            traj["overview"].attrs["runs"] = 10**15
        else:
            names = ["d"] * 100_000
            del traj["overview/nodes"]
            text = '{"layout":1,"name":%s,"parent":%s}\n' % (  # noqa: UP031
                str(["", *names]).replace("'", '"'),
                list(range(-1, 100_000)),
            )
            traj["overview"].create_dataset(
                "nodes", data=np.frombuffer(text.encode(), "u1"), maxshape=(None,), chunks=(4096,)
            )
    (told,) = read_apart([hostile])
    assert not told.startswith("BAD"), told


@pytest.mark.parametrize("name", ["locked", "comment", "kind"])
def test_an_attribute_of_many_values_is_refused_before_it_is_read(
    good: str, tmp_path: pathlib.Path, name: str
) -> None:
    # h5py reads such an attribute beyond the end of the buffer for one value.
    hostile = str(tmp_path / "hostile.hdf5")
    shutil.copy(good, hostile)
    with h5py.File(hostile, "r+") as file:
        del file["traj/overview/nodes"]
        attributes = file["traj/derived_parameters/sub/d"].attrs
        attributes[name] = np.arange(1000) if name == "locked" else np.array([b"group"] * 1000)
    with pytest.raises(BrokenFileError, match=f"'{name}' is no single value"):
        load_trajectory("traj", filename=hostile)


def test_the_error_names_the_file_and_what_to_do(good: str, tmp_path: pathlib.Path) -> None:
    hostile = str(tmp_path / "hostile.hdf5")
    shutil.copy(good, hostile)
    with h5py.File(hostile, "r+") as file:
        file["traj/overview"].attrs["explored"] = np.bytes_(b"[[")
    with pytest.raises(StorageError, match=r"hostile\.hdf5.*restore a copy"):
        load_trajectory("traj", filename=hostile)
