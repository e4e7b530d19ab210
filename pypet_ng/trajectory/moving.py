"""How does a trajectory get another name, another place, or a second copy on disk?"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np

from pypet_ng.engine import storing, transfer
from pypet_ng.engine.attach import read_runbook, take_plan
from pypet_ng.engine.session import Session, forget_read_ahead, trust_if_made
from pypet_ng.errors import NameTakenError, StorageError
from pypet_ng.storage.base import StorageService
from pypet_ng.trajectory.keeping import make_service
from pypet_ng.trajectory.naming import check_name
from pypet_ng.tree.nodes import Leaf

__all__ = ["Moving", "backup"]


class Moving:
    """The calls of a trajectory that rename, relocate and back it up."""

    __slots__ = ()
    _session: Session

    def f_migrate(
        self,
        new_name: str | None = None,
        in_store: bool = False,
        new_storage_service: Any = None,
        **kwargs: Any,
    ) -> None:
        """Give the trajectory in memory another name, or another storage (``filename=...``).

        What is stored stays where it is. The next ``f_store`` writes what is in memory to the new place; data
        that were not loaded are not moved (:meth:`f_backup` copies all). `in_store`: it is stored there already, as
        by an earlier migration, and is gone on with; otherwise a trajectory of that name there is an error
        when storing.
        """
        session = self._session
        session.tree.check_outside_run("f_migrate")
        name = session.tree.root.name
        if new_name is not None:
            check_name(new_name)
            name = new_name
        service: StorageService | None = None
        if new_storage_service is not None or kwargs:
            service = make_service(new_storage_service, name, kwargs)
        session.tree.root.name = name
        if service is not None:
            session.storage = service
        forget_read_ahead(session)
        facts = session.facts
        facts.attached = False
        facts.stored_runs = facts.common = facts.number = 0
        facts.fresh = not in_store
        if in_store and session.storage is not None:
            self._return_to(name)
        for node in session.tree.walk(session.tree.root):
            node.stored = in_store and node.stored
            if isinstance(node, Leaf) and not in_store:
                node.kept = frozenset()

    def _return_to(self, name: str) -> None:
        """Go on with a trajectory that is stored already, if it is."""
        session = self._session
        storage = storing.ensure_storage(session)
        if all(info.name != name for info in storage.trajectories()):
            return
        info = storage.select(name)
        session.facts.timestamp = info.timestamp
        trust_if_made(session)
        if not session.plan.is_explored:  # else the two are compared when something is stored
            session.facts.attached = True
            take_plan(session, storage.read_plan())
            session.facts.stored_runs = len(session.plan)
            read_runbook(session)

    def f_backup(self, backup_filename: str | None = None) -> str:
        """Copy the stored trajectory to another file, by default ``backup_<name>.hdf5`` beside its own.

        Gives the name of that file. One of that name in it is replaced. What is in memory only is stored
        first. ValueError if the trajectory is kept in memory and no file is named.
        """
        session = self._session
        session.tree.check_outside_run("f_backup")
        storing.store_all(session)
        return backup(session, backup_filename)


def backup(session: Session, filename: str | None = None) -> str:
    """Copy what is stored of a trajectory; see ``Trajectory.f_backup``."""
    storage = storing.ensure_storage(session)
    name = session.tree.root.name
    if filename is None:
        if storage.location == ":memory:":
            raise ValueError(
                f"Trajectory {name!r} is kept in memory: name the file of its backup, backup_filename='...'."
            )
        filename = os.path.join(os.path.dirname(storage.location), f"backup_{name}.hdf5")
    elif storage.location != ":memory:" and os.path.abspath(filename) == os.path.abspath(storage.location):
        raise NameTakenError(f"The backup of {name!r} would go into its own file {filename!r}. Name another.")
    target: StorageService = make_service(None, name, {"filename": filename})
    if any(info.name == name for info in target.trajectories()):
        target.remove(name)
    source = transfer.beside(storage, name)
    info = next(one for one in source.trajectories() if one.name == name)
    target.create(replace(info, length=1))
    plan = source.read_plan()
    parameters = [one for one in source.scan(()) if one.path[0] == "parameters"]
    transfer.copy_nodes(source, target, parameters)
    rest = [one for one in source.scan(()) if one.path[0] != "parameters"]
    explored = {path for path in plan.names if path[0] != "parameters"}
    transfer.copy_nodes(source, target, [one for one in rest if one.path in explored])
    if plan.is_explored:
        target.write_plan(plan)
    transfer.copy_nodes(source, target, [one for one in rest if one.path not in explored])
    numbers = transfer.copy_sessions(source, target, "")
    transfer.copy_runs(source, target, np.arange(len(plan), dtype=np.int64), sessions=numbers)
    problems = target.verify()
    if problems:
        raise StorageError(f"The backup {filename!r} of {name!r} is not whole: {problems[0]}. Try again.")
    target.close()
    return filename
