"""How do users say which points to visit, and move between them?"""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Iterable, Mapping
from typing import Any

from pypet_ng._typing import Path
from pypet_ng.encoding import canonical
from pypet_ng.engine.attach import explored_leaves, take_plan
from pypet_ng.engine.definitions import DEFINITION
from pypet_ng.engine.session import Session
from pypet_ng.errors import DesignError
from pypet_ng.spaces.columns import Column, OpaqueColumn, column_of
from pypet_ng.spaces.designs import Design
from pypet_ng.spaces.plan import Plan
from pypet_ng.tree import search
from pypet_ng.tree.nodes import Group, Leaf, ParameterLeaf
from pypet_ng.tree.records import NodeKind
from pypet_ng.tree.runnames import run_index

__all__ = [
    "expand",
    "explore",
    "fingerprint",
    "forget_removed",
    "index_of",
    "move_to",
    "parameter_of",
    "shrink",
]


def parameter_of(session: Session, name: Any) -> Leaf:
    """Give the parameter a name means; parameters go before anything else of that name."""
    tree = session.tree
    if isinstance(name, str):
        parts = search.resolve_parts(tree, name)
    elif hasattr(name, "v_full_name"):
        parts = tuple(name.v_full_name.split("."))
    else:
        raise TypeError(
            f"A parameter is named by text or by itself, not by {name!r} ({type(name).__name__})."
        )
    hit = None
    for branch in ("parameters", "derived_parameters"):
        start = tree.root.children.get(branch)
        if isinstance(start, Group):
            inside = parts[1:] if parts[:1] == (branch,) else parts
            hit = search.find(tree, start, inside)
            if hit is not None:
                break
    if hit is None:
        hit = search.find(tree, tree.root, parts)
    if hit is None:
        error = search.not_found(tree, tree.root, parts)
        known = [
            ".".join(node.path)
            for node in tree.walk(tree.root)
            if getattr(node, "kind", None) is NodeKind.PARAMETER and node.branch != "config"
        ]
        error.add_note(f"Parameters there are: {', '.join(sorted(known)[:12]) or 'none'}.")
        raise error
    if not isinstance(hit, Leaf) or hit.kind is not NodeKind.PARAMETER:
        raise ValueError(f"{'.'.join(hit.path)!r} is no parameter and cannot be explored.")
    return hit


def _take(session: Session, leaf: Leaf, values: Iterable[Any], append: bool) -> Column:
    """Let a parameter take values; gives its part of the plan."""
    view = session.tree.view(leaf)
    if isinstance(leaf, ParameterLeaf):
        column = values if isinstance(values, Column) else column_of(values, leaf.default)
        (view._expand if append else view._explore)(column)
        taken = leaf.column
        assert isinstance(taken, Column)
        stored: Column = leaf.storable(taken)
        return stored
    values = list(values)
    if not values:
        raise DesignError(
            f"{'.'.join(leaf.path)!r} cannot be explored: there are no values. Give at least one."
        )
    locked = view.v_locked
    if locked:
        view.f_unlock()
    try:
        (view._expand if append else view._explore)(values)
    finally:
        view.f_lock()
    return OpaqueColumn([fingerprint(value) for value in values])


def fingerprint(value: Any) -> str:
    """Give a text that is equal for equal values, for those that only their container can store."""
    try:
        data = canonical(value)
    except TypeError:  # only the user's own container knows how to keep it
        data = _description(value)
    return hashlib.sha256(data).hexdigest()


def _description(value: Any) -> bytes:
    """Tell an object apart from others in a way that is the same in the next session."""
    cls = type(value)
    shows: object = cls.__repr__
    if shows is object.__repr__:  # that is an address
        try:
            return f"{cls.__module__}.{cls.__qualname__}:".encode() + canonical(dict(vars(value)))
        except TypeError:  # no attributes, or such as cannot be compared either
            pass
    return repr(value).encode()


def _resolved(
    session: Session, values: Mapping[Any, Iterable[Any]] | Design
) -> dict[Path, tuple[Leaf, Iterable[Any]]]:
    if isinstance(values, Design):
        values = values.columns
    if not isinstance(values, Mapping):
        raise TypeError(
            f"Exploration needs a dictionary from parameter names to values, not {type(values).__name__}."
        )
    chosen: dict[Path, tuple[Leaf, Iterable[Any]]] = {}
    for name, iterable in values.items():
        leaf = parameter_of(session, name)
        if leaf.path in chosen:
            raise ValueError(f"{'.'.join(leaf.path)!r} is named twice: give its values once.")
        if isinstance(iterable, (str, bytes)) or not hasattr(iterable, "__iter__"):
            raise TypeError(
                f"The values of {'.'.join(leaf.path)!r} are {iterable!r}: give a list or another iterable."
            )
        chosen[leaf.path] = (leaf, iterable)
    if not chosen:
        raise ValueError("There is nothing to explore: give at least one parameter with its values.")
    return chosen


def explore(session: Session, values: Mapping[Any, Iterable[Any]] | Design) -> None:
    """Explore parameters; on any error all of them are as before."""
    session.tree.check_outside_run("f_explore")
    if session.runs.any_done() and not session.plan.is_explored:
        raise TypeError(
            "The trajectory was run already with nothing explored: f_explore would change what run 0 was. "
            "Use f_expand, or another trajectory."
        )
    chosen = _resolved(session, values)
    old = session.plan
    for path in chosen:
        if path in old.names:
            raise TypeError(
                f"{'.'.join(path)!r} is explored already. Use f_expand to add points, or f_shrink to begin anew."
            )
    if session.runs.any_done():
        raise TypeError(
            f"Runs of the trajectory are done: exploring {', '.join('.'.join(p) for p in chosen)} as well would "
            "change what they were. Use f_expand with the explored parameters, or another trajectory."
        )
    taken: list[tuple[Leaf, bool]] = []
    plan = old
    try:
        for path, (leaf, iterable) in chosen.items():
            locked = leaf.locked
            leaf.locked = False
            try:
                column = _take(session, leaf, iterable, append=False)
            except BaseException:
                leaf.locked = locked
                raise
            taken.append((leaf, locked))
            plan = plan.with_column(path, column)
        _check_run_names(session, len(plan))
    except BaseException:
        for leaf, locked in taken:
            leaf.locked = False
            session.tree.view(leaf)._shrink()
            leaf.locked = locked
        raise
    for leaf, _ in taken:
        leaf.locked = True
    take_plan(session, plan)
    move_to(session, session.tree.scope.index)


def _check_run_names(session: Session, length: int) -> None:
    """Raise RuntimeError where a user's function gives two runs one name."""
    scope = session.tree.scope
    if not scope.renamed:
        return
    seen: dict[str, int] = {scope.name_of(-1): -1}
    for index in range(length):
        name = scope.name_of(index)
        if name in seen:
            raise RuntimeError(
                f"The wildcard function of '$' gives the runs {seen[name]} and {index} one name, {name!r}: "
                "it must give each its own (-1 stands for no run)."
            )
        seen[name] = index


def expand(session: Session, values: Mapping[Any, Iterable[Any]] | Design) -> None:
    """Add points; explores if nothing is explored yet. On any error all is as before."""
    session.tree.check_outside_run("f_expand")
    old = session.plan
    if not old.is_explored:
        explore(session, values)
        return
    chosen = _resolved(session, values)
    if set(chosen) != set(old.names):
        raise TypeError(
            f"f_expand must give values for exactly the explored parameters "
            f"{', '.join('.'.join(path) for path in old.names)}; given: "
            f"{', '.join('.'.join(path) for path in chosen)}."
        )
    additions: dict[Path, Column] = {}
    own: list[tuple[Leaf, list[Any]]] = []
    for path, (leaf, iterable) in chosen.items():
        if isinstance(leaf, ParameterLeaf):
            view = session.tree.view(leaf)
            column = iterable if isinstance(iterable, Column) else column_of(iterable, leaf.default)
            additions[path] = leaf.storable(view._checked_column(column))
        else:
            listed = list(iterable)
            own.append((leaf, listed))
            additions[path] = OpaqueColumn([fingerprint(value) for value in listed])
    plan = old.extended(Plan(additions))
    _check_run_names(session, len(plan))
    for leaf, listed in own:
        view = session.tree.view(leaf)
        view.f_unlock()
        try:
            view._expand(listed)
        finally:
            view.f_lock()
    take_plan(session, plan)


def shrink(session: Session, force: bool) -> None:
    """Forget all explored values; TypeError for a stored trajectory unless `force`."""
    session.tree.check_outside_run("f_shrink")
    if session.facts.attached and session.plan.is_explored and not force:
        raise TypeError(
            "The trajectory is stored: shrinking would part it from its runs. Use force=True if you mean it."
        )
    for leaf in explored_leaves(session).values():
        leaf.locked = False
        session.tree.view(leaf)._shrink()
        leaf.restore_default()  # type: ignore[attr-defined]
    session.tree.move_to(-1)
    session.plan = Plan({})
    session.runs.grow(1)
    session.runs.state[:1] = 0
    session.facts.given = 0
    session.facts.source = None
    definition = session.tree.at(DEFINITION)
    if definition is not None and definition.parent is not None:
        group = definition.parent
        session.tree.detach(group if len(group.children) == 1 else definition)


def forget_removed(session: Session) -> None:
    """Explore no more what was removed from memory; other explored parameters keep their points.

    What was stored stays explored, as the stored runs were at its values.
    """
    if session.facts.attached or session.tree.scope.running:
        return
    gone = [path for path in session.plan.names if session.tree.at(path) is None]
    if gone and len(gone) == len(session.plan.names):
        shrink(session, force=True)
        return
    for path in gone:
        session.plan = session.plan.without(path)


def index_of(session: Session, run: str | int | None, *, some_run: bool = False) -> int:
    """Give the index of a run's name or number; KeyError if there is no such run.

    None, -1 and ``'run_ALL'`` mean no run in particular (-1), unless it must be `some_run`.
    """
    index: int | None = -1
    scope = session.tree.scope
    if isinstance(run, str):
        name = session.tree.wildcards.resolve(run, scope.index)
        index = run_index(name)
        if index is None and scope.renamed:
            index = next((one for one in range(-1, len(session.plan)) if scope.name_of(one) == name), None)
    elif run is not None:
        index = operator.index(run)
    if index is None or not (0 if some_run else -1) <= index < len(session.plan):
        raise KeyError(
            f"There is no run {run!r}: trajectory {session.tree.root.name!r} has {len(session.plan)} runs, "
            f"{scope.name_of(0)} to {scope.name_of(len(session.plan) - 1)}. Use one of their names or indices."
        )
    return index


def move_to(session: Session, index: int) -> None:
    """Put the trajectory at one run (-1: none): explored parameters take that point's values."""
    session.tree.check_outside_run("Changing the current run")
    leaves = explored_leaves(session)
    if index < 0:
        for leaf in leaves.values():
            leaf.restore_default()  # type: ignore[attr-defined]
    else:
        for path, leaf in leaves.items():
            leaf.move_to(index, session.plan.column(path)[index])  # type: ignore[attr-defined]
    session.tree.move_to(index)
