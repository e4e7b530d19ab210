"""How are runs and sets of runs named, and which paths belong to one run?"""

from __future__ import annotations

import re
from typing import Final

from pypet_ng._typing import Path

__all__ = [
    "ALL_RUNS",
    "ALL_SETS",
    "RUN",
    "RUNS_PER_SET",
    "RUN_SET",
    "fold",
    "run_index",
    "run_name",
    "set_index",
    "set_name",
    "unfold",
]

RUNS_PER_SET: Final = 1000
ALL_RUNS: Final = "run_ALL"
ALL_SETS: Final = "run_set_ALL"
RUN: Final = "$"
"""Stands for the run's name in a folded path. User names cannot contain it."""
RUN_SET: Final = "$set"
"""Stands for the run set's name in a folded path."""

_RUN = re.compile(r"run_(\d{8,})")
_SET = re.compile(r"run_set_(\d{5,})")


def run_name(index: int) -> str:
    """Give the name of a run; negative: ``'run_ALL'``, which stands for no run in particular."""
    return f"run_{index:08d}" if index >= 0 else ALL_RUNS


def set_name(index: int) -> str:
    """Give the name of the set of 1000 runs in which run `index` lies; negative: ``'run_set_ALL'``."""
    return f"run_set_{index // RUNS_PER_SET:05d}" if index >= 0 else ALL_SETS


def run_index(name: str) -> int | None:
    """Give the index in a run's name (-1 for ``'run_ALL'``), None if it is no such name."""
    if name[:4] != "run_":
        return None
    if name == ALL_RUNS:
        return -1
    match = _RUN.fullmatch(name)
    if match is None:
        return None
    index = int(match[1])
    return index if run_name(index) == name else None


def set_index(name: str) -> int | None:
    """Give the number of the set in a set's name (-1 for ``'run_set_ALL'``), None if it is none."""
    if name == ALL_SETS:
        return -1
    match = _SET.fullmatch(name)
    if match is None:
        return None
    number = int(match[1])
    return number if set_name(number * RUNS_PER_SET) == name else None


def fold(path: Path, n_runs: int) -> tuple[Path, int] | None:
    """Give the folded path and the row of a path that belongs to one run below `n_runs`, else None.

    A path with the names of two different runs, with a set that is not the run's, or with a set
    alone belongs to no run.

    >>> fold(('results', 'runs', 'run_00000002', 'z'), 3)
    (('results', 'runs', '$', 'z'), 2)
    >>> fold(('results', 'runs', 'run_00000002', 'z'), 2) is None
    True
    """
    row = -1
    for part in path:
        if part[:4] == "run_":
            index = run_index(part)
            if index is not None and index >= 0:
                if row >= 0 and index != row:
                    return None
                row = index
    if not 0 <= row < n_runs:
        return None
    own, own_set = run_name(row), set_name(row)
    folded = tuple(RUN if part == own else RUN_SET if part == own_set else part for part in path)
    if any(set_index(part) is not None for part in folded):
        return None
    return folded, row


def unfold(path: Path, row: int) -> Path:
    """Give the path of one run that `path` stands for."""
    own, own_set = run_name(row), set_name(row)
    return tuple(own if part == RUN else own_set if part == RUN_SET else part for part in path)


def fold_item(path: Path, item: str, row: int) -> str:
    """Give the folded name of an item of the leaf at a folded path.

    The first item of a leaf that is called as its run is called so too: of all runs it is one column.

    >>> fold_item(('results', 'sums', '$'), 'run_00000002', 2)
    '$'
    >>> fold_item(('results', 'sums', '$'), 'run_00000002_1', 2)
    '$_1'
    >>> fold_item(('results', 'runs', '$', 'z'), 'run_00000002', 2)
    'run_00000002'
    """
    if path[-1:] != (RUN,):
        return item
    if item.startswith(RUN):  # a user's own: not to be taken for the mark
        return RUN + item
    own = run_name(row)
    rest = item[len(own) :]
    return RUN + rest if item.startswith(own) and (not rest or rest[0] == "_") else item


def unfold_item(path: Path, item: str, row: int) -> str:
    """Give the name in one run of an item that has a folded name; the inverse of :func:`fold_item`."""
    if not item.startswith(RUN) or path[-1:] != (RUN,):
        return item
    rest = item[len(RUN) :]
    return rest if rest.startswith(RUN) else run_name(row) + rest
