"""How do results get into memory that other processes made and nobody stores?"""

from __future__ import annotations

from pypet_ng.encoding import thawed
from pypet_ng.engine.session import Session
from pypet_ng.tree.nodes import Group
from pypet_ng.tree.records import Batch, NodeKind, NoteKind, Record, Skeleton
from pypet_ng.tree.runnames import unfold, unfold_item

__all__ = ["take_in"]


def _hang(session: Session, record: Record) -> None:
    """Make a node that is not in the tree yet; what is there was added in this process."""
    tree = session.tree
    skeleton = record.skeleton
    if tree.at(skeleton.path) is not None:
        return
    parent = tree.make_groups(tree.root, skeleton.path[:-1])
    if skeleton.kind is NodeKind.LINK:
        target = tree.at(skeleton.target)
        if target is not None:
            tree.link(parent, skeleton.path[-1], target)
        return
    if skeleton.kind is NodeKind.GROUP:
        tree.attach(parent, Group(skeleton.path[-1], skeleton.comment))
        return
    leaf = session.make_leaf(skeleton)
    tree.attach(parent, leaf)
    leaf.load({item: thawed(value) for item, value in record.data.items()})


def take_in(session: Session, batch: Batch) -> None:
    """Hang what the runs of a batch added into the tree, as unsaved nodes."""
    for signature, block in batch.blocks.items():
        for place, row in enumerate(block.rows):
            path, run = signature.path, int(row)
            skeleton = Skeleton(
                unfold(path, run),
                signature.kind,
                signature.class_name,
                signature.comment,
                items=tuple(unfold_item(path, item, run) for item in signature.items),
            )
            data = {unfold_item(path, item, run): column[place] for item, column in block.columns.items()}
            _hang(session, Record(skeleton, data))
    for _, record in batch.records:
        _hang(session, record)
    for note in batch.notes:
        path = unfold(note.path, note.row)
        if note.kind is NoteKind.LINK:
            _hang(session, Record(Skeleton(path, NodeKind.LINK, target=tuple(note.value))))
        elif note.kind is NoteKind.GROUP:
            _hang(session, Record(Skeleton(path, NodeKind.GROUP, comment=note.value)))
        else:
            node = session.tree.at(path)
            if node is not None:
                node.annotations = {**(node.annotations or {}), note.key: thawed(note.value)}
