"""How do users look at single runs and switch naming on and off?"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any
from weakref import WeakValueDictionary

from pypet_ng.engine.attach import explored_leaves
from pypet_ng.engine.running import retry_failed
from pypet_ng.engine.session import Session
from pypet_ng.trajectory import exploring
from pypet_ng.trajectory.briefs import brief
from pypet_ng.trajectory.gathering import Wanted, gather
from pypet_ng.trajectory.visiting import iterate_runs
from pypet_ng.tree.records import RunState

__all__ = ["LiveRuns", "RunViews"]


def _text(moment: float) -> str:
    return f"{datetime.datetime.fromtimestamp(moment):%Y_%m_%d_%Hh%Mm%Ss}" if moment else ""


def _summary(point: Mapping[tuple[str, ...], Any]) -> str:
    """Give the values of a point as pypet does: by last name, by full name where that is taken."""
    shown: dict[str, str] = {}
    for path, value in sorted(point.items(), key=lambda item: (item[0][-1], item[0])):
        name = ".".join(path) if path[-1] in shown else path[-1]
        shown[name] = brief(value)
    return ",   ".join(f"{name}: {text}" for name, text in shown.items())


def _information(session: Session, index: int) -> dict[str, Any]:
    book = session.runs
    known = index < book.length
    start = float(book.start[index]) if known else 0.0
    finish = float(book.finish[index]) if known else 0.0
    state = RunState(int(book.state[index])) if known else RunState.NONE
    if state is not RunState.NONE and start == 0.0 and session.storage is not None and session.facts.attached:
        table = session.storage.run_table()
        rows = slice(index, index + 1)
        start, finish = float(table.column("start", rows)[0]), float(table.column("finish", rows)[0])
    point = session.plan.point(index)
    facts = {
        "name": session.tree.scope.name_of(index),
        "idx": index,
        "state": state.name.lower(),
        "completed": int(state is RunState.DONE),
        "timestamp": start,
        "finish_timestamp": finish,
        "time": _text(start),
        "runtime": str(datetime.timedelta(seconds=finish - start)) if finish else "",
        "parameter_summary": _summary(point),
        "short_environment_hexsha": "",
        "attempt": int(book.attempt[index]) if known else 0,
    }
    if state not in (RunState.NONE, RunState.DONE):
        failure = book.failures.get(index)
        if failure is None and session.storage is not None and session.facts.attached:
            stored = session.storage.run_table().failures(slice(index, index + 1))
            failure = next(iter(stored), None)
        if failure is not None:
            facts["error"], facts["message"], facts["traceback"] = (
                failure.type,
                failure.message,
                failure.traceback,
            )
    return facts


class LiveRuns(Mapping[str, dict[str, Any]]):
    """States and times of all runs by name, as they are when asked for."""

    __slots__ = ("__weakref__", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session

    def __getitem__(self, name: str) -> dict[str, Any]:
        return _information(self._session, exploring.index_of(self._session, name, some_run=True))

    def __iter__(self) -> Iterator[str]:
        return map(self._session.tree.scope.name_of, range(len(self._session.plan)))

    def __len__(self) -> int:
        return len(self._session.plan)

    def __repr__(self) -> str:
        return f"<information on {len(self)} runs>"


_live: WeakValueDictionary[int, LiveRuns] = WeakValueDictionary()


def _switch(name: str, doc: str) -> Any:
    def get(self: Any) -> Any:
        return getattr(self._session.tree.naming, name)

    def set_(self: Any, value: Any) -> None:
        setattr(self._session.tree.naming, name, value)

    return property(get, set_, doc=doc)


class RunViews:
    """The parts of a trajectory that deal with single runs and with how names are understood."""

    __slots__ = ()
    _session: Session

    v_fast_access = _switch("fast_access", "Give values instead of parameters and single-item results.")
    v_shortcuts = _switch("shortcuts", "Search below a group for names that are no children of it.")
    v_auto_load = _switch("auto_load", "Load what is not in memory when a name leads to it.")
    v_max_depth = _switch("max_depth", "Limit of the search, None: no limit.")
    v_iter_recursive = _switch("iter_recursive", "Iterate over all nodes below, not only children.")
    v_with_links = _switch("with_links", "Follow links in search and iteration.")
    v_no_clobber = _switch("no_clobber", "Adding a name in use keeps the old node and warns.")
    v_allow_pickle = _switch(
        "allow_pickle", "Unpickle what files hold, though a pickle of others can run any code."
    )
    v_auto_run_prepend = _switch("auto_run_prepend", "In a run, put results below the run's group.")

    @property
    def v_idx(self) -> int:
        """The current run, -1 for none; settable outside of runs."""
        scope = self._session.tree.scope
        if scope.draws is not None:
            return scope.draws.index()  # type: ignore[no-any-return]  # abstract, but as good as an int
        return scope.index

    @v_idx.setter
    def v_idx(self, index: int | None) -> None:
        exploring.move_to(self._session, exploring.index_of(self._session, index))

    @property
    def v_crun(self) -> str | None:
        """Name of the current run, None for none; settable outside of runs."""
        scope = self._session.tree.scope
        if scope.draws is not None:
            return str(scope.draws.name())
        return scope.name if scope.index >= 0 else None

    @v_crun.setter
    def v_crun(self, name: str | int | None) -> None:
        self.f_set_crun(name)

    @property
    def v_crun_(self) -> str:
        """Name of the current run, ``'run_ALL'`` for none."""
        return self.v_crun or self._session.tree.scope.name

    @property
    def v_environment_name(self) -> str | None:
        """Name of the environment that worked on the trajectory last, None if none did."""
        name: str | None = self._session.facts.extra.get("environment_name")
        return name

    @property
    def v_environment_hexsha(self) -> str | None:
        """SHA-1 of that environment, None if none worked on the trajectory."""
        sha: str | None = self._session.facts.extra.get("environment_hexsha")
        return sha

    @property
    def v_full_copy(self) -> bool:
        """Whether a copy for another process has all explored values, not only those of its own runs."""
        return self._session.facts.full_copy

    @v_full_copy.setter
    def v_full_copy(self, full: bool) -> None:
        self._session.facts.full_copy = bool(full)
        for leaf in explored_leaves(self._session).values():
            self._session.tree.view(leaf).v_full_copy = bool(full)

    @property
    def v_is_run(self) -> bool:
        """Whether a run function is at work."""
        return self._session.tree.scope.running

    def f_set_crun(self, name_or_idx: str | int | None) -> None:
        """Put the trajectory at a run: explored parameters take its values, ``crun`` means it.

        None or -1 leaves it. KeyError if there is no such run.
        """
        exploring.move_to(self._session, exploring.index_of(self._session, name_or_idx))

    def f_restore_default(self) -> None:
        """Leave the current run: parameters have their default values again."""
        exploring.move_to(self._session, -1)

    def f_iter_runs(
        self, start: int = 0, stop: int | None = None, step: int = 1, yields: str = "name"
    ) -> Iterator[Any]:
        """Put the trajectory at one run after the other, giving ``'name'``, ``'idx'``, ``'self'`` or ``'copy'``.

        At the end no run is the current one; after a ``break`` the last one stays.
        """
        return iterate_runs(self._session, self, start, stop, step, yields)

    def f_get_run_names(self, sort: bool = True) -> list[str]:
        """Give the names of all runs in order."""
        return list(map(self._session.tree.scope.name_of, range(len(self._session.plan))))

    def f_idx_to_run(self, name_or_idx: str | int) -> Any:
        """Give the name of an index, or the index of a name; KeyError if there is no such run."""
        index = exploring.index_of(self._session, name_or_idx)
        return index if isinstance(name_or_idx, str) else self._session.tree.scope.name_of(index)

    def f_is_completed(self, name_or_id: str | int | None = None) -> bool:
        """Tell whether a run, or without an argument every run, ended well."""
        session = self._session
        book = session.runs
        if name_or_id is not None:
            return book.is_done(exploring.index_of(session, name_or_id, some_run=True))
        length = len(session.plan)
        return book.length >= length and bool((book.state[:length] == RunState.DONE).all())

    def f_retry_failed(self) -> list[int]:
        """Mark failed, lost and timed-out runs as to be done, and give their indices.

        Mend the function, then call ``env.run`` again: it does just these, and finished runs are kept
        though the function changed (``on_change='keep'`` for that one call).
        """
        return retry_failed(self._session)

    def f_get_run_information(
        self, name_or_idx: str | int | None = None, copy: bool = True
    ) -> Mapping[str, Any]:
        """Give state and times of a run, or of all runs by name.

        A dictionary, for runs that did not end well with ``error`` and ``message``; of all runs with
        ``copy=False`` a live view, which costs nothing to make.
        """
        session = self._session
        if name_or_idx is None and copy:
            name_of = session.tree.scope.name_of
            return {name_of(index): _information(session, index) for index in range(len(session.plan))}
        if name_or_idx is None:
            live = _live.get(id(session))  # the same object as long as somebody has it, as in pypet
            if live is None:
                live = _live[id(session)] = LiveRuns(session)
            return live
        return _information(session, exploring.index_of(session, name_or_idx, some_run=True))

    def f_get_from_runs(
        self,
        name: str,
        include_default_run: bool = True,
        use_indices: bool = False,
        fast_access: bool = False,
        with_links: bool = True,
        shortcuts: bool = True,
        max_depth: int | None = None,
        auto_load: bool = False,
    ) -> dict[Any, Any]:
        """Give by run the node (or value) a name means in that run's branches; runs without it are left out.

        With `include_default_run` what is below ``run_ALL`` counts for all runs. NotUniqueNodeError
        if a run has several. For one quantity over all runs as an array see :meth:`f_collect`.
        """
        how = Wanted(
            include_default_run, use_indices, fast_access, with_links, shortcuts, max_depth, auto_load
        )
        return gather(self._session, name, how)
