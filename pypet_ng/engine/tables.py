"""How do columns become pandas tables: of parameters and results, and of the runs themselves?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array
from pypet_ng.engine.collecting import Catalog, Entry, chosen_runs, shortest_names
from pypet_ng.engine.columns import Column, is_scalar, promote
from pypet_ng.engine.session import Session
from pypet_ng.storage.base import NOT_SET
from pypet_ng.tree.records import Failure, RunState

__all__ = ["failure_of", "frame", "run_frame", "scalar_entries"]

_STATES: Final = [state.name.lower() for state in RunState]
_FAILED: Final = (RunState.FAILED, RunState.LOST, RunState.TIMED_OUT)
_NULLABLE: Final = {"i": "IntegerArray", "u": "IntegerArray", "b": "BooleanArray", "f": "FloatingArray"}

Names = str | Iterable[str] | bool | None


def frame(
    session: Session,
    results: Names = None,
    parameters: Names = None,
    derived_parameters: Names = False,
    run_information: bool | str | Iterable[str] = False,
    runs: Any = None,
) -> Any:
    """Give a DataFrame with one row per run, see ``Trajectory.f_to_dataframe``."""
    import pandas as pd

    catalog = Catalog(session)
    rows = chosen_runs(runs, len(session.plan))
    entries: list[Entry] = []
    given: dict[int, str] = {}

    def take(names: Names, every: list[Entry], by_default: list[Entry]) -> None:
        if names is None:
            entries.extend(by_default)
        elif isinstance(names, bool):
            entries.extend(every if names else [])
        else:
            for name in _listed(names):
                entry = catalog.find(name)
                if entry in entries:  # the explored parameters are there already
                    continue
                given[len(entries)] = getattr(name, "v_full_name", name)
                entries.append(entry)

    take(parameters, [*catalog.explored, *_ordinary(catalog)] if parameters is True else [], catalog.explored)
    if derived_parameters is True:
        derived = [*catalog.derived, *(e for e in catalog.fixed if e.path[0] == "derived_parameters")]
        take(True, scalar_entries(catalog, derived), [])
    else:
        take(derived_parameters, [], [])
    wanted = results is None or results is True
    scalars = scalar_entries(catalog, catalog.results) if wanted else []
    take(results, scalars, scalars)

    names = shortest_names(entries)
    for place, name in given.items():  # what users called it, unless something else is called so
        if name not in names:
            names[place] = name
    index = pd.RangeIndex(len(session.plan), name="run") if rows is None else pd.Index(rows, name="run")
    data = {
        name: _series_data(catalog.column(entry, name, rows), pd)
        for name, entry in zip(names, entries, strict=True)
    }
    table = pd.DataFrame(data, index=index, copy=False)
    if run_information is not False:
        facts = run_frame(session, rows)
        if run_information is not True:
            facts = facts[_listed(run_information)]
        # a result called 'state' keeps its name
        facts = facts.rename(columns={name: f"run.{name}" for name in facts.columns if name in data})
        table = pd.concat([table, facts], axis=1)
    return table


def _listed(names: Any) -> list[Any]:
    return [names] if isinstance(names, str) or hasattr(names, "v_full_name") else list(names)


def _ordinary(catalog: Catalog) -> list[Entry]:
    return [entry for entry in catalog.fixed if entry.path[0] == "parameters"]


def scalar_entries(catalog: Catalog, entries: Sequence[Entry]) -> list[Entry]:
    """Give those whose first value is a scalar; costs one value of each, not the columns."""
    return [entry for entry in entries if is_scalar(catalog.column(entry, entry.full).example())]


def _series_data(column: Column, pd: Any) -> Any:
    """Give a column in the form pandas keeps best: nullable where there are gaps."""
    values = column.to_numpy()
    if isinstance(values, np.ma.MaskedArray):
        gaps = np.ma.getmaskarray(values)
        if values.dtype != object:
            return _numbers(values.data, gaps, pd)
        listed = [None if gap else value for value, gap in zip(values.data.tolist(), gaps, strict=True)]
    elif values.dtype.kind in "biufcmM":
        return _numbers(values, None, pd)
    else:
        listed = values.tolist()
    present = [value for value in listed if value is not None]
    if len(present) < len(listed):
        # None is how simulations say "there is nothing": pandas has one word for both
        numbers = promote([NOT_SET if value is None else value for value in listed])
        if numbers is not None and numbers.ndim == 1:
            return _numbers(numbers, np.array([value is None for value in listed], np.bool_), pd)
    if all(type(value) is str for value in present):
        if not present:
            return np.array(listed, object)
        return (
            pd.array(listed, dtype="string")
            if len(present) < len(listed)
            else pd.Series(listed, dtype="str").array
        )
    cells = np.empty(len(listed), object)
    for place, value in enumerate(listed):
        cells[place] = value
    if all(map(is_scalar, present)):
        return pd.Series(cells, dtype=object).infer_objects().array
    return cells


def _numbers(values: Array, gaps: npt.NDArray[np.bool_] | None, pd: Any) -> Any:
    if values.ndim > 1:
        cells = np.empty(len(values), object)
        for place, value in enumerate(values):
            cells[place] = None if gaps is not None and gaps[place].all() else value
        return cells
    if values.dtype == np.float16 or (values.dtype.itemsize > 8 and values.dtype.kind == "f"):
        values = values.astype(np.float32 if values.dtype.itemsize == 2 else np.float64)
    if gaps is None:
        return values
    kind = _NULLABLE.get(values.dtype.kind)
    if kind is None:  # complex: NaN is there already
        return values
    return getattr(pd.arrays, kind)(values, gaps)


# -- runs -------------------------------------------------------------------------------------
def run_frame(session: Session, runs: Any = None) -> Any:
    """Give a DataFrame of states, times and failures, see ``Trajectory.f_run_table``."""
    import pandas as pd

    length = len(session.plan)
    chosen = chosen_runs(runs, length)
    book = session.runs
    columns: dict[str, Array] = {
        "state": np.zeros(length, np.uint8),
        "start": np.zeros(length),
        "finish": np.zeros(length),
        "attempt": np.zeros(length, np.uint16),
        "session": np.zeros(length, np.int64),
        "nonfinite": np.zeros(length, np.uint8),
    }
    hosts: list[str] = []
    failures: dict[int, Failure] = {}
    storage = session.storage if session.facts.attached else None
    if storage is not None:
        table = storage.run_table()
        for name, column in columns.items():
            known = table.column(name)[:length]
            column[: len(known)] = known
        hosts = table.hosts()[:length]
        failures = {failure.row: failure for failure in table.failures() if failure.row < length}
    # Runs of this session that were not stored are known here only.
    count = min(book.length, length)
    newer = np.flatnonzero(
        (book.state[:count] != RunState.NONE) & (book.start[:count] > columns["start"][:count])
    )
    for name in ("state", "start", "finish", "attempt"):
        columns[name][newer] = getattr(book, name)[newer]
    for row in newer.tolist() if len(failures) or len(book.failures) else ():
        failures.pop(row, None)
        if row in book.failures and columns["state"][row] in _FAILED:
            failures[row] = book.failures[row]

    def moments(name: str) -> Array:
        seconds = columns[name]
        known = np.isfinite(seconds) & (seconds > 0)
        micro = np.full(length, np.datetime64("NaT", "us"))
        micro[known] = np.round(seconds[known] * 1e6).astype(np.int64).astype("M8[us]")
        return micro

    ended = (columns["finish"] > 0) & (columns["start"] > 0)
    kinds = _texts({row: failure.type for row, failure in failures.items()}, length, pd)
    messages = _texts({row: failure.message for row, failure in failures.items()}, length, pd)
    names = list(dict.fromkeys(hosts))
    numbers = {name: place if name else -1 for place, name in enumerate(names)}
    host_codes = np.full(length, -1, np.int64)
    host_codes[: len(hosts)] = [numbers[host] for host in hosts]
    data = {
        "state": _categories(columns["state"].astype(np.int64), _STATES, pd),
        "start": moments("start"),
        "finish": moments("finish"),
        "duration": np.where(ended, columns["finish"] - columns["start"], np.nan),
        "attempt": columns["attempt"].astype(np.int64),
        "host": _categories(host_codes, names, pd),
        "session": columns["session"],
        "nonfinite": columns["nonfinite"] != 0,
        "error": kinds,
        "message": messages,
    }
    found = pd.DataFrame(data, index=pd.RangeIndex(length, name="run"), copy=False)
    return found if chosen is None else found.iloc[chosen]


def _texts(by_row: dict[int, str], length: int, pd: Any) -> Any:
    """Give rare texts as a categorical column: a million runs without one cost a byte each."""
    names = list(dict.fromkeys(by_row.values()))
    numbers = {name: place for place, name in enumerate(names)}
    codes = np.full(length, -1, np.int64)
    if by_row:
        codes[list(by_row)] = [numbers[text] for text in by_row.values()]
    return _categories(codes, names, pd)


def _categories(codes: npt.NDArray[np.int64], names: list[str], pd: Any) -> Any:
    return pd.Categorical.from_codes(codes, pd.Index(names, dtype=object))


def failure_of(session: Session, row: int) -> Failure | None:
    """Give the failure of a run that ended badly, with its traceback; None if it did not."""
    book = session.runs
    if row >= book.length or book.state[row] not in _FAILED:
        return None
    if row in book.failures:
        return book.failures[row]
    if session.storage is None or not session.facts.attached:
        return None
    stored = session.storage.run_table().failures(slice(row, row + 1))
    return stored[0] if stored else None
