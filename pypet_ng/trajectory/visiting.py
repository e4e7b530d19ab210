"""How does a trajectory visit its runs one after the other, and which of them fit a predicate?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array, Path
from pypet_ng.engine.attach import explored_leaves
from pypet_ng.engine.session import Session
from pypet_ng.errors import NodeNotFoundError
from pypet_ng.spaces.columns import Column
from pypet_ng.trajectory.exploring import move_to, parameter_of
from pypet_ng.tree import search
from pypet_ng.tree.nodes import Leaf, ParameterLeaf
from pypet_ng.tree.runnames import run_name

__all__ = ["find_indices", "iterate_runs"]

_STEP: Final = 1024
"""So many explored values are taken at once."""
_BLOCK: Final = 65_536

Values = Callable[[slice], Sequence[Any]]


# -- one after the other ------------------------------------------------------------------------
def iterate_runs(
    session: Session, trajectory: Any, start: int, stop: int | None, step: int, yields: str
) -> Iterator[Any]:
    """Put the trajectory at one run after the other; afterwards at none.

    Values are taken by the block; what the user does to the tree or the plan meanwhile counts.
    """
    length = len(session.plan)
    stop = length if stop is None else stop
    if stop > length:
        raise ValueError(f"stop={stop} is beyond the {length} runs of the trajectory.")
    givers: dict[str, Callable[[int], Any]] = {
        "name": run_name if not session.tree.scope.renamed else session.tree.scope.name_of,
        "idx": lambda index: index,
        "self": lambda _: trajectory,
        "copy": lambda _: trajectory.f_copy(),
    }
    if yields not in givers:
        raise ValueError(f"yields={yields!r}: choose one of {', '.join(map(repr, givers))}.")
    session.tree.check_outside_run("f_iter_runs")
    return _visits(session, range(start, stop, step), givers[yields])


def _visits(session: Session, indices: range, give: Callable[[int], Any]) -> Iterator[Any]:
    tree = session.tree
    for start in range(0, len(indices), _STEP):
        some = indices[start : start + _STEP]
        plan = session.plan
        movers = _movers(session, np.arange(some.start, some.stop, some.step, dtype=np.int64))
        version = len(tree.index)
        for place, index in enumerate(some):
            if session.plan is not plan or len(tree.index) != version:
                move_to(session, index)  # the tree or the plan is not what the movers were made for
            else:
                for move, values in movers:
                    move(index, values[place])
                tree.move_to(index)
            yield give(index)
            tree.check_outside_run("f_iter_runs")
    move_to(session, -1)


def _movers(
    session: Session, rows: npt.NDArray[np.int64]
) -> list[tuple[Callable[[int, Any], None], list[Any]]]:
    return [
        (leaf.move_to, session.plan.column(path).take(rows))  # type: ignore[attr-defined]
        for path, leaf in explored_leaves(session).items()
    ]


# -- which fit ----------------------------------------------------------------------------------
def find_indices(
    session: Session,
    names: str | Sequence[str],
    predicate: Callable[..., Any],
    *,
    vectorized: bool = False,
) -> Iterator[int]:
    """Give the indices of the runs at which `predicate` of the named parameters' values is true.

    Exactly the values of each run, of their own types; or, `vectorized`, arrays of the values of many
    runs (objects where the values are no numbers).
    """
    if session.tree.scope.running and not session.facts.full_copy:
        session.tree.check_outside_run("f_find_idx")
    listed = [names] if isinstance(names, str) or not isinstance(names, Iterable) else list(names)
    leaves = [_parameter(session, name) for name in listed]
    length = len(session.plan)
    return (
        _arrays_fit(session, leaves, predicate, length)
        if vectorized
        else _fit(session, leaves, predicate, length)
    )


def _parameter(session: Session, name: Any) -> Leaf:
    try:
        leaf = parameter_of(session, name)
    except NodeNotFoundError:
        reserve = session.tree.reserve
        if reserve is None or not session.tree.naming.auto_load:
            raise
        parts = search.resolve_parts(session.tree, name)
        path: Path = parts if parts[0] == "parameters" else ("parameters", *parts)
        fetched = reserve.fetch(path)
        assert isinstance(fetched, Leaf)
        leaf = fetched
    except ValueError as error:
        raise TypeError(f"{name!r} is no parameter: only parameters have a value at each run.") from error
    if leaf.is_empty and session.tree.naming.auto_load and session.tree.reserve is not None:
        session.tree.reserve.fill(leaf)
    return leaf


def _values_of(session: Session, leaf: Leaf) -> Values:
    """Give what gives the values of a parameter at a range of runs."""
    path = leaf.path
    if path not in session.plan.names:
        value = session.tree.view(leaf).f_get()
        return lambda rows: [value] * (rows.stop - rows.start)
    if isinstance(leaf, ParameterLeaf):
        column = leaf.column if isinstance(leaf.column, Column) else session.plan.column(path)
        return lambda rows: column.take(rows)
    view = session.tree.view(leaf)

    def moved(rows: slice) -> list[Any]:
        found = []
        for index in range(rows.start, rows.stop):
            leaf.move_to(index, None)  # type: ignore[attr-defined]
            found.append(view.f_get())
        move_to(session, session.tree.scope.index)
        return found

    return moved


def _fit(
    session: Session, leaves: Sequence[Leaf], predicate: Callable[..., Any], length: int
) -> Iterator[int]:
    columns = [_values_of(session, leaf) for leaf in leaves]
    # small blocks first: who wants the first hit only should not wait for a million values
    start, block = 0, 64
    while start < length:
        rows = slice(start, min(start + block, length))
        yield from compress(range(rows.start, rows.stop), map(predicate, *(take(rows) for take in columns)))
        start, block = rows.stop, min(4 * block, _STEP)


def _arrays_fit(
    session: Session, leaves: Sequence[Leaf], predicate: Callable[..., Any], length: int
) -> Iterator[int]:
    columns = [_arrays_of(session, leaf) for leaf in leaves]
    for start in range(0, length, _BLOCK):
        rows = slice(start, min(start + _BLOCK, length))
        fits = np.asarray(predicate(*(take(rows) for take in columns)))
        if fits.shape != (rows.stop - rows.start,) or fits.dtype != np.bool_:
            raise ValueError(
                f"A vectorized predicate gets arrays of {rows.stop - rows.start} values and must give as many "
                f"truth values, but gave {fits.dtype} of shape {fits.shape}. Use comparisons and &, | of "
                "arrays, or leave out vectorized=True."
            )
        yield from (np.flatnonzero(fits) + start).tolist()


def _arrays_of(session: Session, leaf: Leaf) -> Callable[[slice], Array]:
    values = _values_of(session, leaf)
    path = leaf.path
    plain = path in session.plan.names and isinstance(leaf, ParameterLeaf)

    def take(rows: slice) -> Array:
        if plain:
            numbers = session.plan.column(path).array(rows)
            if numbers is not None:
                return numbers
        listed = values(rows)
        objects = np.empty(len(listed), object)
        for place, value in enumerate(listed):  # one by one: numpy would take a list of arrays apart
            objects[place] = value
        first = listed[0] if listed else None
        is_number = isinstance(first, (bool, int, float, complex, np.number)) and not plain
        return np.full(len(listed), first) if is_number else objects

    return take
