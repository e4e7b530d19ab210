"""Which tables give an overview of a trajectory?

pypet stores such tables in its files; these are computed when asked for, from the columns of the runs, so
that a million runs cost no row each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from pypet_ng._version import __version__
from pypet_ng.engine import tables
from pypet_ng.engine.collecting import Catalog, Entry
from pypet_ng.engine.session import Session
from pypet_ng.errors import near_names
from pypet_ng.trajectory.briefs import brief, brief_text
from pypet_ng.tree.nodes import Leaf

__all__ = ["Overviews"]

_COMMENT: Final = 512
_VALUE: Final = 64
_RANGE: Final = 1024

Row = dict[str, Any]


def _leaves(session: Session, branch: str) -> Iterator[Leaf]:
    """Give the leaves of a branch that are in memory and belong to no run."""
    tree = session.tree
    start = tree.root.children.get(branch)
    for node in tree.walk(start) if start is not None else ():
        if isinstance(node, Leaf) and not (node.parent is not None and node.parent.of_run):
            yield node


def _facts(session: Session, leaf: Leaf) -> Row:
    view = session.tree.view(leaf)
    return {
        "location": view.v_location,
        "name": view.v_name,
        "class": view.f_get_class_name(),
        "value": view.f_val_to_str()[:_VALUE],
        "comment": brief_text(leaf.comment, _COMMENT),
    }


def _branch(name: str) -> Callable[[Session], list[Row]]:
    return lambda session: [_facts(session, leaf) for leaf in _leaves(session, name)]


def _info(session: Session) -> list[Row]:
    traj = session.tree.view(session.tree.root)
    return [
        {
            "name": traj.v_name,
            "time": traj.v_time,
            "timestamp": traj.v_timestamp,
            "length": len(session.plan),
            "comment": brief_text(traj.v_comment, _COMMENT),
            "version": __version__,
            "python": traj.v_python,
        }
    ]


def _explored(session: Session) -> list[Row]:
    rows = []
    for path in session.plan.names:
        column = session.plan.column(path)
        node = session.tree.at(path)
        shown: list[str] = []
        length = 0
        values = column if node is None else getattr(node, "column", None) or column
        for value in values:
            shown.append(brief(value, _VALUE))
            length += len(shown[-1]) + 2
            if length > _RANGE:
                shown[-1] = "..."
                break
        rows.append(
            {
                "location": ".".join(path[:-1]),
                "name": path[-1],
                "class": "" if not isinstance(node, Leaf) else node.class_name,
                "length": len(column),
                "range": ", ".join(shown),
                "comment": "" if node is None else brief_text(node.comment, _COMMENT),
            }
        )
    return rows


def _of_runs(session: Session, entries: list[Entry], catalog: Catalog) -> Iterator[Row]:
    for entry in entries:
        column = catalog.column(entry, entry.full)
        mask = column.mask
        first = column.example()
        yield {
            "location": ".".join(entry.path[:-1]),
            "name": entry.path[-1],
            "item": entry.item,
            "runs": int(np.count_nonzero(~mask)),
            "example": "" if first is np.ma.masked else brief(first, _VALUE),
            "comment": brief_text(entry.comment, _COMMENT),
        }


def _results(session: Session) -> list[Row]:
    catalog = Catalog(session)
    of_runs = list(_of_runs(session, catalog.results, catalog))
    return of_runs + [_item_facts(session, leaf) for leaf in _leaves(session, "results")]


def _derived(session: Session) -> list[Row]:
    catalog = Catalog(session)
    of_runs = list(_of_runs(session, catalog.derived, catalog))
    return of_runs + [_item_facts(session, leaf) for leaf in _leaves(session, "derived_parameters")]


def _item_facts(session: Session, leaf: Leaf) -> Row:
    facts = _facts(session, leaf)
    items = sorted(leaf.kept) or list(leaf.dump())
    return {
        "location": facts["location"],
        "name": facts["name"],
        "item": ", ".join(items),
        "runs": 0,
        "example": facts["value"],
        "comment": facts["comment"],
    }


_TABLES: Final[Mapping[str, Callable[[Session], list[Row]]]] = {
    "info": _info,
    "config": _branch("config"),
    "parameters": _branch("parameters"),
    "explored_parameters": _explored,
    "derived_parameters": _derived,
    "results": _results,
}
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "config": ("location", "name", "class", "value", "comment"),
    "parameters": ("location", "name", "class", "value", "comment"),
    "explored_parameters": ("location", "name", "class", "length", "range", "comment"),
    "derived_parameters": ("location", "name", "item", "runs", "example", "comment"),
    "results": ("location", "name", "item", "runs", "example", "comment"),
}
"""Columns of tables that may be empty."""


class Overviews:
    """The call of a trajectory that gives overview tables."""

    __slots__ = ()
    _session: Session

    def f_overview(self, table: str | None = None) -> Any:
        """Give an overview as a pandas DataFrame; without a name a dict of all.

        ``'info'``, ``'config'``, ``'parameters'``, ``'explored_parameters'``, ``'derived_parameters'``, ``'results'``
        (of runs one row per item, with the number of runs that have it, and a first example), and
        ``'runs'`` (see :meth:`f_run_table`). What is not in memory shows no value.
        """
        import pandas as pd

        def make(name: str) -> Any:
            return pd.DataFrame(_TABLES[name](self._session), columns=_COLUMNS.get(name))

        if table is None:
            return {**{name: make(name) for name in _TABLES}, "runs": tables.run_frame(self._session)}
        name = table.removesuffix("_overview").removesuffix("_summary")
        if name == "runs":
            return tables.run_frame(self._session)
        if name not in _TABLES:
            known = (*_TABLES, "runs")
            raise ValueError(
                f"There is no overview {table!r}.{near_names(table, known)} There are: {', '.join(known)}."
            )
        return make(name)
