"""What does ``config.hdf5`` of a trajectory say about its file?

Scripts for pypet set these leaves before the first store, to choose tables and compression. The file here has
one layout, whatever they say: they are kept for those scripts, and as a note of what was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pypet_ng.trajectory.options import default_of
from pypet_ng.trajectory.parameter import Parameter
from pypet_ng.tree.nodes import Group, Leaf

if TYPE_CHECKING:
    from pypet_ng.trajectory.trajectory import Trajectory

__all__ = ["FILE_OPTIONS", "forget_file", "note_file"]

_GROUP: Final = ("config", "hdf5")
_COMMENT: Final = "Settings of pypet's files as they were given; a file of pypet_ng is the same with any of them"

FILE_OPTIONS: Final[Mapping[str, str]] = {
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


def note_file(traj: Trajectory, given: Mapping[str, Any]) -> None:
    """Add the leaves to a trajectory that is kept in a file and not stored yet; those there stay as they are."""
    from pypet_ng.storage.hdf5 import HDF5StorageService

    session = traj._session
    if session.facts.attached or not isinstance(session.storage, HDF5StorageService):
        return
    tree = session.tree
    added = False
    for name, option in FILE_OPTIONS.items():
        path = (*_GROUP, *name.split("."))
        if tree.at(path) is None:
            traj.f_add_config(Parameter, ".".join(path), given.get(option, default_of(option)))
            added = True
    group = tree.at(_GROUP)
    if added and group is not None and not group.comment:
        group.comment = _COMMENT


def forget_file(traj: Trajectory) -> None:
    """Take out the leaves that were not stored: those of a file about to be loaded win."""
    tree = traj._session.tree
    group = tree.at(_GROUP)
    if not isinstance(group, Group) or group.stored:
        return
    for name in FILE_OPTIONS:
        leaf = tree.at((*_GROUP, *name.split(".")))
        if isinstance(leaf, Leaf) and not leaf.stored:
            tree.detach(leaf)
