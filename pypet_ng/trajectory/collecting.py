"""How do users look at all runs at once?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pypet_ng.engine import cubes, tables
from pypet_ng.engine.collecting import Catalog, chosen_runs
from pypet_ng.engine.columns import Column
from pypet_ng.engine.session import Session, reading

__all__ = ["Collecting"]


class Collecting:
    """The calls of a trajectory that give columns and tables instead of single runs."""

    __slots__ = ()
    _session: Session

    def f_collect(self, name: str, runs: Any = None) -> Column:
        """Give one quantity over all runs as a lazy column; nothing is read before it is used.

        `name` is what natural naming finds below the results of a run (then below its derived
        parameters, then among parameters): ``'z'``, ``'sub.z'``, ``'result.item'``; a result's own name
        if it has one item. What stands for the run in a full path can be left out. `runs`: indices,
        names, a slice, or a boolean mask; default all.

        NodeNotFoundError names what is near; NotUniqueNodeError names what the name could mean.

        >>> from pypet_ng import Environment
        >>> env = Environment(trajectory='sums', filename=':memory:')
        >>> env.traj.f_add_parameter('x', 1.0)  # doctest: +ELLIPSIS
        Parameter parameters.x...
        >>> env.traj.f_explore({'x': [1.0, 2.0, 3.0]})
        >>> _ = env.run(lambda traj: traj.f_add_result('z', 2 * traj.x) and None)
        >>> env.traj.f_collect('z')[1:]
        array([4., 6.])
        """
        session = self._session
        catalog = Catalog(session)
        entry = catalog.find(name)
        text = getattr(name, "v_full_name", name)
        return catalog.column(entry, text, chosen_runs(runs, len(session.plan)))

    def f_to_dataframe(
        self,
        results: str | Iterable[str] | bool | None = None,
        parameters: str | Iterable[str] | bool | None = None,
        derived_parameters: str | Iterable[str] | bool = False,
        run_information: bool | str | Iterable[str] = False,
        runs: Any = None,
    ) -> Any:
        """Give a pandas DataFrame with one row per run, explored parameters first, then results.

        Columns have the shortest names that are unique among them. By default there are all explored
        parameters and all scalar results; names choose others, arrays too (as objects); False leaves
        them out, True takes all. Where a run wrote nothing or None, columns have pandas' nullable
        types. `run_information` adds (some of) the columns of :meth:`f_run_table`. `runs` as in
        :meth:`f_collect`.
        """
        with reading(self._session):
            return tables.frame(self._session, results, parameters, derived_parameters, run_information, runs)

    def f_to_xarray(self, name: Any = None, dims: str | Iterable[str] | None = None) -> Any:
        """Give an xarray DataArray of one name, or a Dataset of several (None: all scalar results).

        If the runs are the product of the explored parameters' values, each once, these are the
        dimensions; else ``run`` is, with the parameters as coordinates along it. `dims` with names of
        explored parameters asks for a grid in any case, ``dims='run'`` for the plain list of runs.
        Arrays have further dimensions ``<name>_0``, ``<name>_1``, ... Where no run wrote a number there
        is NaN, which makes integers float.

        DesignError if two runs would share a cell of the grid.
        """
        with reading(self._session):
            return cubes.cube(self._session, name, dims)

    def f_run_table(self, runs: Any = None) -> Any:
        """Give a pandas DataFrame on the runs themselves.

        Columns: ``state`` ('none', 'done', 'failed', 'lost', 'timed_out'), ``start`` and ``finish`` (UTC),
        ``duration`` in seconds, ``attempt``, ``host``, ``session``, ``nonfinite``, and for failures
        ``error`` (the type) and ``message``. ``f_get_run_information(run)`` has the traceback.
        """
        with reading(self._session):
            return tables.run_frame(self._session, runs)

    def _repr_html_(self) -> str:
        from pypet_ng.trajectory.html import trajectory_html  # only notebooks need it

        return trajectory_html(self._session)

    def _information(self, index: int) -> dict[str, Any]:
        information: dict[str, Any] = super()._information(index)  # type: ignore[misc]
        failure = tables.failure_of(self._session, index)
        if failure is not None:
            information.update(error=failure.type, message=failure.message, traceback=failure.traceback)
        return information
