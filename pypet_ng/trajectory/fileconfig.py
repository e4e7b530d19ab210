"""What does ``config.hdf5`` of a trajectory say about its file?

Scripts for pypet set these leaves before the first store, to choose tables and compression. The file here has
one layout, whatever they say: they are kept for those scripts, and as a note of what was asked for. A leaf in
a file costs about 1 ms and 1 kB, so only those given are made at once; the others when somebody asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pypet_ng._typing import Path
from pypet_ng.trajectory.options import default_of
from pypet_ng.trajectory.parameter import Parameter
from pypet_ng.tree.nodes import Group, Leaf

if TYPE_CHECKING:
    from pypet_ng.trajectory.trajectory import Trajectory

__all__ = ["bring_file_config", "forget_file_config", "note_file_config"]

_GROUP: Final = ("config", "hdf5")
_COMMENT: Final = (
    "Settings of pypet's files as they were given; a file of pypet_ng is the same with any of them"
)

_OPTIONS: Final[Mapping[str, str]] = {
    "overview.config_overview": "small_overview_tables",
    "overview.parameters_overview": "small_overview_tables",
    "overview.explored_parameters_overview": "small_overview_tables",
    "overview.derived_parameters_overview": "large_overview_tables",
    "overview.results_overview": "large_overview_tables",
    "overview.derived_parameters_summary": "summary_tables",
    "overview.results_summary": "summary_tables",
    "purge_duplicate_comments": "purge_duplicate_comments",
    "results_per_run": "results_per_run",
    "derived_parameters_per_run": "derived_parameters_per_run",
    "complevel": "complevel",
    "complib": "complib",
    "encoding": "encoding",
    "fletcher32": "fletcher32",
    "shuffle": "shuffle",
    "pandas_format": "pandas_format",
}
"""Leaves below ``config.hdf5``, and the keyword that gives each its value."""

_NAMES: Final = frozenset(["hdf5", "overview", *(name.rpartition(".")[2] for name in _OPTIONS)])


def _path(name: str) -> Path:
    return (*_GROUP, *name.split("."))


def _is_in_file(traj: Trajectory) -> bool:
    from pypet_ng.storage.hdf5 import HDF5StorageService

    return isinstance(traj._session.storage, HDF5StorageService)


def _add(traj: Trajectory, values: Mapping[str, Any]) -> bool:
    """Add those that are missing; tells whether there were any."""
    tree = traj._session.tree
    missing = {name: value for name, value in values.items() if tree.at(_path(name)) is None}
    for name, value in missing.items():
        traj.f_add_config(Parameter, ".".join(_path(name)), value)
    group = tree.at(_GROUP)
    if missing and group is not None and not group.comment:
        group.comment = _COMMENT
    return bool(missing)


def note_file_config(traj: Trajectory, given: Mapping[str, Any]) -> None:
    """Add what was given as a keyword or preset, to a trajectory of a file that is not stored yet."""
    if traj._session.facts.attached or not (given.keys() & _OPTIONS.values() or traj._presets):
        return
    if not _is_in_file(traj):
        return
    noted = {
        name: given.get(option, default_of(option))
        for name, option in _OPTIONS.items()
        if option in given or ".".join(_path(name)) in traj._presets
    }
    _add(traj, noted)


def bring_file_config(traj: Trajectory, start: Path, parts: Path, *, shortcuts: bool) -> bool:
    """Add all leaves if a name that meant nothing so far, seen from the group `start`, can mean one of them."""
    if not parts or parts[-1] not in _NAMES or start[:1] not in ((), ("config",)):
        return False
    if not shortcuts and (*start, *parts)[: len(_GROUP)] != _GROUP:
        return False
    session = traj._session
    tree = session.tree
    if tree.scope.running or not _is_in_file(traj):
        return False
    storage = session.storage
    assert storage is not None
    if session.facts.attached and tree.at(_GROUP) is None and storage.has(_GROUP):
        return False  # stored, but not loaded
    return _add(traj, {name: default_of(option) for name, option in _OPTIONS.items()})


def forget_file_config(traj: Trajectory) -> None:
    """Take out what is not stored: the settings of a file about to be loaded win."""
    tree = traj._session.tree
    group = tree.at(_GROUP)
    if not isinstance(group, Group) or group.stored:
        return
    for name in _OPTIONS:
        leaf = tree.at(_path(name))
        if isinstance(leaf, Leaf) and not leaf.stored:
            tree.detach(leaf)
