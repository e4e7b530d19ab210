"""How does a trajectory get to another process?

As what a run function can ask for: all nodes in memory with their data, the switches of naming, the
seed, the number of runs. The explored values travel with the chunks of runs, the storage stays at
home.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from pypet_ng._typing import Path
from pypet_ng.engine.attach import explored_leaves, take_plan
from pypet_ng.engine.states import StateSource
from pypet_ng.spaces.plan import Outline, Plan
from pypet_ng.tree.nodes import Group, ParameterLeaf, ResultLeaf
from pypet_ng.tree.records import NodeKind, Skeleton

if TYPE_CHECKING:
    from pypet_ng.trajectory.trajectory import Trajectory

__all__ = ["Luggage", "pack", "unpack"]


@dataclass(slots=True)
class Luggage:
    """A trajectory ready to travel."""

    name: str
    comment: str
    annotations: dict[str, Any]
    naming: dict[str, Any]
    standards: dict[str, type]
    classes: tuple[type | str, ...]
    wildcards: dict[str, Callable[[int], str]]
    seed: int
    timestamp: float
    explored: tuple[Path, ...]
    length: int
    plan: Plan | None = None
    """All explored values, where the user wants them everywhere (``v_full_copy``)."""
    storage: Any = None
    """A storage service that may be used from other processes, see :mod:`pypet_ng.storage.remote`."""
    stored_runs: int = 0
    groups: list[tuple[Path, str, dict[str, Any] | None]] = field(default_factory=list)
    leaves: list[tuple[Skeleton, dict[str, Any]]] = field(default_factory=list)
    """Leaves of the plain classes."""
    containers: list[tuple[Path, Any]] = field(default_factory=list)
    """Leaves of users' own classes: the containers themselves."""
    links: list[tuple[Path, Path]] = field(default_factory=list)
    source: StateSource | None = None
    run: int = -1
    """The current run."""
    running: bool = False
    begun: float = 0.0
    point: dict[Path, Any] = field(default_factory=dict)
    """The explored values of the current run."""


def pack(traj: Trajectory) -> Luggage:
    """Make ready all that is in memory; groups of lazily loaded runs stay at home."""
    session = traj._session
    tree = session.tree
    luggage = Luggage(
        name=tree.root.name,
        comment=tree.root.comment,
        annotations=dict(tree.root.annotations or {}),
        naming=asdict(tree.naming),
        standards=dict(traj._standards),
        classes=traj._book.named,
        wildcards=dict(tree.wildcards.functions),
        seed=session.facts.root_seed(),
        timestamp=session.facts.timestamp,
        explored=session.plan.names,
        length=len(session.plan),
        source=session.facts.source,
        plan=session.plan if session.facts.full_copy else None,
    )
    scope = tree.scope
    if scope.index >= 0:
        luggage.run, luggage.running, luggage.begun = scope.index, scope.running, session.facts.begun
        if type(session.plan) is Plan:
            luggage.point = session.plan.point(scope.index)
        else:  # a worker's: it knows the values of its own run only, and those are there
            leaves = explored_leaves(session).items()
            luggage.point = {path: leaf.value for path, leaf in leaves if type(leaf) is ParameterLeaf}
    if getattr(session.storage, "travels", False):
        luggage.storage = session.storage
        luggage.stored_runs = session.facts.stored_runs
    classes = dict.fromkeys(luggage.classes)
    for node in tree.walk(tree.root):
        path = node.path
        if isinstance(node, Group):
            if path:
                luggage.groups.append((path, node.comment, node.annotations))
            luggage.links.extend(((*path, name), node.children[name].path) for name in node.links)
        elif type(node) is ParameterLeaf or type(node) is ResultLeaf:
            skeleton = Skeleton(
                path, node.kind, node.class_name, node.comment, node.annotations or {}, locked=node.locked
            )
            luggage.leaves.append((skeleton, dict(node.dump())))
            if node.class_name not in ("Parameter", "Result") and node.view is not None:
                classes[type(node.view)] = None  # a worker may not have imported it
        else:
            luggage.containers.append((path, tree.view(node)))
    luggage.classes = tuple(classes)
    return luggage


def unpack(luggage: Luggage) -> Trajectory:
    """Make the trajectory anew."""
    from pypet_ng.trajectory.trajectory import Trajectory

    traj = Trajectory(luggage.name, add_time=False, comment=luggage.comment, dynamic_imports=luggage.classes)
    traj._standards.update(luggage.standards)
    session = traj._session
    tree = session.tree
    tree.root.annotations = luggage.annotations or None
    tree.wildcards.functions.update(luggage.wildcards)
    tree.scope.forget_names()
    session.facts.seed = luggage.seed
    session.facts.timestamp = luggage.timestamp
    session.facts.source = luggage.source
    for path, comment, notes in luggage.groups:
        group = tree.make_groups(tree.root, path)
        group.comment = comment
        group.annotations = notes
    for skeleton, data in luggage.leaves:
        leaf = session.make_leaf(skeleton)
        leaf.class_name = skeleton.class_name
        leaf.annotations = dict(skeleton.annotations) or None
        tree.attach(tree.make_groups(tree.root, skeleton.path[:-1]), leaf)
        leaf.load(data)
        leaf.locked = skeleton.locked
        if skeleton.kind is NodeKind.PARAMETER and skeleton.path in luggage.explored:
            leaf.locked = True
    for path, container in luggage.containers:
        node = container.__pypet_node__
        node.name = path[-1]
        tree.attach(tree.make_groups(tree.root, path[:-1]), node)
    for path, target in luggage.links:
        goal = tree.at(target)
        if goal is not None:
            tree.link(tree.make_groups(tree.root, path[:-1]), path[-1], goal)
    for name, value in luggage.naming.items():
        setattr(tree.naming, name, value)
    if luggage.storage is None:
        tree.naming.auto_load = False  # the storage stayed at home
    else:
        session.storage = luggage.storage
        session.facts.attached = True
        session.facts.stored_runs = session.facts.common = luggage.stored_runs
    session.plan = Plan() if not luggage.explored else Outline(luggage.explored, luggage.length)
    if luggage.plan is not None:
        session.facts.full_copy = True
        take_plan(session, luggage.plan)
    for path, value in luggage.point.items():
        here = tree.at(path)
        if isinstance(here, ParameterLeaf):  # others travelled as they are
            here.move_to(luggage.run, value)
    if luggage.run >= 0:
        session.facts.begun = luggage.begun
        session.runs.grow(luggage.length)
        tree.move_to(luggage.run, running=luggage.running)
    return traj
