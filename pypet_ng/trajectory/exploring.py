"""How do users say which points to visit, and move between them?"""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pypet_ng._typing import Path
from pypet_ng.encoding import canonical
from pypet_ng.engine.attach import explored_leaves, take_plan
from pypet_ng.engine.session import Session
from pypet_ng.errors import DesignError, NodeNotFoundError
from pypet_ng.spaces.columns import Column, OpaqueColumn, column_of
from pypet_ng.spaces.designs import Design
from pypet_ng.spaces.plan import Plan
from pypet_ng.tree import search
from pypet_ng.tree.nodes import Group, Leaf, ParameterLeaf
from pypet_ng.tree.records import NodeKind
from pypet_ng.tree.runnames import run_index, run_name

__all__ = ["expand", "explore", "find_indices", "index_of", "iterate_runs", "move_to", "shrink"]


def _parameter(session: Session, name: Any) -> Leaf:
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
        return taken
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
    return OpaqueColumn([_fingerprint(value) for value in values])


def _fingerprint(value: Any) -> str:
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
        leaf = _parameter(session, name)
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
            additions[path] = view._checked_column(column)
        else:
            listed = list(iterable)
            own.append((leaf, listed))
            additions[path] = OpaqueColumn([_fingerprint(value) for value in listed])
    plan = old.extended(Plan(additions))
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


def index_of(session: Session, run: str | int | None, *, some_run: bool = False) -> int:
    """Give the index of a run's name or number; KeyError if there is no such run.

    None, -1 and ``'run_ALL'`` mean no run in particular (-1), unless it must be `some_run`.
    """
    index: int | None = -1
    if isinstance(run, str):
        index = run_index(session.tree.wildcards.resolve(run, session.tree.scope.index))
    elif run is not None:
        index = operator.index(run)
    if index is None or not (0 if some_run else -1) <= index < len(session.plan):
        raise KeyError(
            f"There is no run {run!r}: trajectory {session.tree.root.name!r} has {len(session.plan)} runs, "
            f"{run_name(0)} to {run_name(len(session.plan) - 1)}. Use one of their names or indices."
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


def iterate_runs(
    session: Session, trajectory: Any, start: int, stop: int | None, step: int, yields: str
) -> Iterator[Any]:
    """Put the trajectory at one run after the other."""
    length = len(session.plan)
    stop = length if stop is None else stop
    if stop > length:
        raise ValueError(f"stop={stop} is beyond the {length} runs of the trajectory.")
    givers: dict[str, Callable[[int], Any]] = {
        "name": run_name,
        "idx": lambda index: index,
        "self": lambda _: trajectory,
        "copy": lambda _: trajectory.f_copy(),
    }
    if yields not in givers:
        raise ValueError(f"yields={yields!r}: choose one of {', '.join(map(repr, givers))}.")
    session.tree.check_outside_run("f_iter_runs")
    give = givers[yields]

    def walk() -> Iterator[Any]:
        for index in range(start, stop, step):
            move_to(session, index)
            yield give(index)
        move_to(session, -1)

    return walk()


def find_indices(
    session: Session, names: str | Sequence[str], predicate: Callable[..., Any]
) -> Iterator[int]:
    """Give the indices of the runs at which `predicate` of the named parameters' values is true."""
    session.tree.check_outside_run("f_find_idx")
    listed = [names] if isinstance(names, str) else list(names)
    leaves = []
    for name in listed:
        try:
            leaf = _parameter(session, name)
        except NodeNotFoundError:
            reserve = session.tree.reserve
            if reserve is None or not session.tree.naming.auto_load:
                raise
            parts = search.resolve_parts(session.tree, name)
            path = parts if parts[0] == "parameters" else ("parameters", *parts)
            fetched = reserve.fetch(path)
            assert isinstance(fetched, Leaf)
            leaf = fetched
        except ValueError as error:
            raise TypeError(f"{name!r} is no parameter: only parameters have a value at each run.") from error
        leaves.append(leaf)
    length = len(session.plan)

    def values_of(leaf: Leaf, rows: slice) -> Iterable[Any]:
        path = leaf.path
        count = rows.stop - rows.start
        if path in session.plan.names:
            if isinstance(leaf, ParameterLeaf):
                return session.plan.column(path).take(rows)
            found = []
            view = session.tree.view(leaf)
            for index in range(rows.start, rows.stop):
                leaf.move_to(index, None)  # type: ignore[attr-defined]
                found.append(view.f_get())
            move_to(session, session.tree.scope.index)
            return found
        if leaf.is_empty and session.tree.naming.auto_load and session.tree.reserve is not None:
            session.tree.reserve.fill(leaf)
        return [session.tree.view(leaf).f_get()] * count

    def walk() -> Iterator[int]:
        for start in range(0, length, 4096):
            rows = slice(start, min(start + 4096, length))
            columns = [values_of(leaf, rows) for leaf in leaves]
            for index, values in enumerate(zip(*columns, strict=True), start):
                if predicate(*values):
                    yield index

    return walk()
