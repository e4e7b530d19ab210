"""What is wrong with a trajectory, and how is a file made small again?"""

from __future__ import annotations

from h5py import h5a, h5o

from pypet_ng.storage.hdf5 import attributes
from pypet_ng.storage.hdf5.file import Handle
from pypet_ng.storage.hdf5.index import NodeIndex
from pypet_ng.storage.hdf5.nodes import walk
from pypet_ng.storage.hdf5.opened import OpenTrajectory
from pypet_ng.storage.hdf5.vectors import Lines
from pypet_ng.tree.records import NodeKind

__all__ = ["copy_live", "problems"]


def problems(trajectory: OpenTrajectory) -> list[str]:
    """List what is wrong: index against groups, kinds against variants, spans against data."""
    found = trajectory.leaves.problems()
    found += trajectory.table.problems(trajectory.runs)
    found += trajectory.notes.problems()
    found += trajectory.plan.problems()
    returned = trajectory.returned()
    if returned is not None:
        found += [f"returned values: {text}" for text in returned.problems()]
    return found + _index_problems(trajectory) + _item_problems(trajectory)


def _index_problems(trajectory: OpenTrajectory) -> list[str]:
    walked = walk(trajectory.group)
    stamp = attributes.get_int(trajectory.group, b"stamp")
    index = NodeIndex.load(Lines(trajectory.overview, b"nodes"), stamp)
    if index is None or trajectory.index.is_changed:
        return []  # a cache that is out of date is rebuilt by the next reader
    found = [
        f"node index: {'.'.join(path)!r} has no group" for path in index.nodes if path not in walked.nodes
    ]
    for path, node in walked.nodes.items():
        indexed = index.nodes.get(path)
        if indexed is None:
            if path:
                found.append(f"node index: {'.'.join(path)!r} is missing")
        elif node.kind is not NodeKind.LINK and indexed != node:
            found.append(f"node index: {'.'.join(path)!r} is {indexed}, its group says {node}")
    return found


def _item_problems(trajectory: OpenTrajectory) -> list[str]:
    found = []
    for path, node in trajectory.index.nodes.items():
        if node.is_leaf:
            try:
                trajectory.nodes.read(path, node.items)
                trajectory.nodes.annotations(path)
            except (OSError, ValueError, KeyError, TypeError) as error:
                found.append(f"{'.'.join(path)}: {error}")
    return found


def copy_live(old: Handle, new: Handle) -> None:
    """Copy all objects that can be reached; chunks are copied as they are, not decoded."""
    for number in range(old.root.get_num_objs()):
        link = old.root.get_objname_by_idx(number)
        h5o.copy(old.root, link, new.root, link)
    for number in range(h5a.get_num_attrs(old.root)):
        name = h5a.open(old.root, index=number).name
        attributes.set_text(new.root, name, attributes.get_text(old.root, name))
