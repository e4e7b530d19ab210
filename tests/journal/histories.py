"""Histories of a journalled HDF5 file, each commit of which can be told from all others by its content."""

from __future__ import annotations

import pathlib
import random
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

from pypet_ng.storage.journal import Overlay, TxnFile, osops, recover
from tests.journal.disks import Act, Recorder, crashes, digest

OPTIONS: dict[str, Any] = {"libver": ("v110", "v110")}
NEW: dict[str, Any] = {"fs_strategy": "fsm", "fs_persist": True, "track_order": True, **OPTIONS}


def make(path: str, rows: int = 20) -> None:
    """Make a file as the storage does, with something in it."""
    with h5py.File(path, "w", **NEW) as file:
        file.create_dataset(
            "runs/z", (rows,), "f8", maxshape=(None,), chunks=(64,), data=np.arange(rows) * 1.5
        )
        data = np.arange(rows)[:, None] + np.zeros(40)
        file.create_dataset("runs/a", (rows, 40), "f8", maxshape=(None, 40), chunks=(4, 40), data=data)
        file.attrs["commit"] = 0


def change(file: h5py.File, number: int, chance: random.Random) -> None:
    """Make the changes of commit `number`: rows, irregular groups, links, deletes, overwriting, renaming."""
    z, a = file["runs/z"], file["runs/a"]
    start, more = len(z), chance.choice((1, 3, 20))
    z.resize((start + more,))
    a.resize((start + more, 40))
    z[start:] = np.arange(start, start + more) * 1.5
    a[start:] = np.arange(start, start + more)[:, None]
    kind = chance.randrange(6)
    if kind < 3:
        group = file.create_group(f"tree/g{number:04d}/run", track_order=True)
        group["value"] = np.full(chance.choice((3, 700, 9000)), number)
        group.attrs["note"] = "x" * (number % 60)
        file[f"tree/link{number:04d}"] = h5py.SoftLink(f"/tree/g{number:04d}")
    elif kind == 3 and "tree" in file:
        names = [name for name in file["tree"] if name.startswith("g")]
        for name in chance.sample(names, len(names) // 2):
            del file["tree"][name]
    elif kind == 4 and "big" in file:
        del file["big"]  # at the end of the file: it becomes shorter, and grows again
    elif kind == 5 and "big" not in file:
        file["big"] = np.full(12_000, float(number))
    file.attrs["commit"] = number


def look(file: h5py.File) -> str:
    """Give all the file holds as text, and check what must be true of each commit."""
    rows = len(file["runs/z"])
    assert (file["runs/z"][:] == np.arange(rows) * 1.5).all()
    assert file["runs/a"].shape == (rows, 40)
    assert (file["runs/a"][:] == np.arange(rows)[:, None]).all()
    shown = [f"{file.attrs['commit']} {rows}"]
    for name in file.get("tree", ()):
        link = file["tree"].get(name, getlink=True)
        if isinstance(link, h5py.SoftLink):
            shown.append(f"{name}>{link.path}")
            continue
        group = file["tree"][name]["run"]
        value = group["value"][:]
        assert (value == int(name[1:])).all()
        shown.append(f"{name} {len(value)} {group.attrs['note']}")
    if "big" in file:
        value = file["big"][:]
        assert (value == value[0]).all()
        shown.append(f"big {value[0]}")
    return "\n".join(shown)


def look_at(path: str) -> str:
    """Look at a file as a plain reader would."""
    with h5py.File(path, "r") as file:
        return look(file)


def look_over(path: str) -> str:
    """Look at a file as our readers do: with what the journal tells."""
    overlay = Overlay(path)
    try:
        with h5py.File(overlay, "r") as file:
            return look(file)
    finally:
        overlay.close()


class History:
    """What was asked of the operating system, and when which content was committed."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.acts: list[Act] = []
        self.marks: list[tuple[int, int]] = []
        """(acts so far, number of the commit that had returned)."""
        self.shown: list[str] = []
        self.begun: list[tuple[int, int]] = []
        """(acts so far, number of the commit that is being made)."""


def record(folder: pathlib.Path, seed: int, commits: int, refused: float, reopening: float) -> History:
    """Write a history: `refused` is the part of checkpoints a reader delays, `reopening` of sessions that end."""
    chance = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    path = str(folder / "file.hdf5")
    make(path)
    recorder = Recorder(lambda: chance.random() < refused)
    recorder.begin(path)
    history = History(path)
    history.shown.append(look_at(path))
    history.marks.append((len(recorder.acts), 0))
    with osops.using(recorder):
        txn = TxnFile(path)
        file = h5py.File(txn, "r+", **OPTIONS)
        for number in range(1, commits + 1):
            change(file, number, chance)
            history.begun.append((len(recorder.acts), number))
            closing = chance.random() < reopening
            if closing:
                file.close()
            else:
                file.flush()
            txn.commit()
            history.marks.append((len(recorder.acts), number))
            if closing:
                history.shown.append(_look_through(txn))
                txn.close()
                txn = TxnFile(path)
                file = h5py.File(txn, "r+", **OPTIONS)
            else:
                history.shown.append(look(file))
        file.close()
        txn.commit()
        txn.close()
    history.acts = recorder.acts
    return history


def _look_through(txn: TxnFile) -> str:
    with h5py.File(txn, "r") as file:
        return look(file)


Finder = Callable[[str], str]


def judge(history: History, folder: pathlib.Path, seed: int) -> tuple[int, int, list[str]]:
    """Look at all disks crashes could leave: number of them, of different ones, and what is wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "file.hdf5"
    numbers = {shown: number for number, shown in enumerate(history.shown)}
    seen: dict[bytes, int | str] = {}
    wrong: list[str] = []
    states = 0
    for count, how, disk in crashes(history.acts, history.marks[0][0], random.Random(seed)):
        states += 1
        least = max(number for acts, number in history.marks if acts <= count)
        most = max((number for acts, number in history.begun if acts <= count), default=0)
        mark = digest(disk)
        if mark not in seen:
            for old in folder.iterdir():
                old.unlink()
            for name, data in disk.items():
                (folder / pathlib.Path(name).name).write_bytes(data)
            try:
                before = numbers[look_over(str(path))]
                if not recover(str(path), sync=False):
                    raise AssertionError("not recovered")
                after = numbers[look_at(str(path))]
                if before != after:
                    raise AssertionError(f"readers see {before}, recovery gives {after}")
                left = sorted(entry.name for entry in folder.iterdir())
                if left != ["file.hdf5"]:
                    raise AssertionError(f"left: {left}")
                seen[mark] = after
            except Exception as error:
                seen[mark] = f"{type(error).__name__}: {error}"
        found = seen[mark]
        if isinstance(found, str) or not least <= found <= most:
            wrong.append(
                f"act {count} ({history.acts[count - 1]!r:.60}), {how}: {found}, not {least}..{most}"
            )
    return states, len(seen), wrong
