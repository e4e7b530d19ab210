"""Does a script explore the same Space as the file it goes on with?"""

from __future__ import annotations

from typing import Final

from pypet_ng._typing import Path
from pypet_ng.engine.batching import skeleton_of
from pypet_ng.engine.session import Session
from pypet_ng.errors import PlanMismatchError
from pypet_ng.spaces.definition import Definition
from pypet_ng.storage.base import StorageService
from pypet_ng.tree.nodes import ParameterLeaf
from pypet_ng.tree.records import Record, RunState, WriteMode

__all__ = ["DEFINITION", "compare_definitions", "definition_of", "store_definition"]

DEFINITION: Final[Path] = ("config", "space", "definition")
"""Where the definition of the explored Space is kept, as JSON text."""


def _leaf(session: Session) -> ParameterLeaf | None:
    leaf = session.tree.at(DEFINITION)
    return leaf if isinstance(leaf, ParameterLeaf) and isinstance(leaf.default, str) else None


def definition_of(session: Session) -> Definition | None:
    """Give the definition of the Space that is explored; None if none is."""
    leaf = _leaf(session)
    return None if leaf is None else Definition.from_json(leaf.default)


def compare_definitions(session: Session, storage: StorageService) -> None:
    """Raise PlanMismatchError if runs were done with a Space that is another exploration.

    More or other points of the same kind are none: those the plan compares.
    """
    ours = definition_of(session)
    if ours is None or not storage.has(DEFINITION):
        return
    if not (storage.run_table().column("state") == RunState.DONE).any():
        return
    text = storage.read(DEFINITION).data.get("data")
    theirs = Definition.from_json(text) if isinstance(text, str) else None
    if theirs is None:
        return
    found = ours.differences(theirs)
    if found:
        raise PlanMismatchError(
            f"The Space of this script is not the one of trajectory {session.tree.root.name!r} in "
            f"{storage.location}, of which runs are done: {'; '.join(found)}. Use the same Space (more points: "
            "space.extend), another trajectory or file name, or overwrite_file=True."
        )


def store_definition(session: Session, storage: StorageService) -> None:
    """Store the definition in place of that of fewer points."""
    leaf = _leaf(session)
    if leaf is not None:
        storage.write([Record(skeleton_of(leaf, DEFINITION), dict(leaf.dump()))], WriteMode.OVERWRITE)
        leaf.stored = True
        leaf.kept = frozenset(leaf.dump())
