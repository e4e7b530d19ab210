"""How do many runs with folders of their own share one table?"""

from __future__ import annotations

import hashlib
import json
import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pypet_ng.errors import near_names
from pypet_ng.logbook.alive import is_running
from pypet_ng.logbook.files import checked_run_id
from pypet_ng.logbook.index import Index
from pypet_ng.logbook.logbook import Logbook
from pypet_ng.logbook.plain import plain, read_json, read_params
from pypet_ng.logbook.reader import ExperimentReader

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Experiment"]

_METRICS = "artifacts/metrics.json"


class Experiment:
    """Runs of one kind, below ``<base_dir>/<name>/runs``, and a table of them in ``index.csv``.

    ::

        exp = Experiment("oscillators")
        for omega in [1.0, 2.0]:
            log = exp.add(omega=omega, skip_existing=True)
            if log is not None:  # not done yet, or it failed
                with log:
                    log.json("metrics", {"energy": simulate(omega)})
        exp.to_dataframe()

    Several processes may add runs to one experiment at the same time.
    """

    def __init__(self, name: str, base_dir: str | os.PathLike[str] = "outputs") -> None:
        self.name = checked_run_id(name)
        self.base_dir = Path(base_dir)
        self.exp_dir = self.base_dir / self.name
        self.runs_dir = self.exp_dir / "runs"
        self.index_file = self.exp_dir / "index.csv"
        self.runs_dir.mkdir(parents=True, exist_ok=True)
        self._index = Index(self.index_file)

    def add(self, skip_existing: bool = False, **params: Any) -> Logbook | None:
        """Begin the run with these parameters, which make its id.

        If there is such a run: FileExistsError; with `skip_existing` None if it is complete or still
        going on, while one that failed or was killed begins anew. A run counts as going on as long as
        its process lives and its Logbook is in use.
        """
        run_id = self._run_id(params)
        folder = self.runs_dir / f"log_{run_id}"
        again = False
        if skip_existing and folder.exists():
            if _status(folder) == "complete":
                return None
            if is_running(folder):
                warnings.warn(
                    f"The run {run_id!r} has begun and did not end: it is skipped. If it was killed on another "
                    f"machine, delete {folder}.",
                    stacklevel=2,
                )
                return None
            again = True
        return Logbook(
            run_id,
            base_dir=self.runs_dir,
            params=params,
            overwrite=again,
            preallocate=True,
            callback=self.record,
        )

    def record(self, log: Logbook, metrics_file: str = _METRICS) -> None:
        """Enter a run's parameters, status and metrics into the table; its earlier row is replaced.

        The status is ``failed`` or ``complete`` as the run was marked, ``error`` if the metrics of a run
        that did not fail cannot be read (see ``error_reason``). For a run that was not marked it tells of
        the metrics: ``complete`` or ``missing``. Metrics named as a parameter get the prefix ``metrics.``.
        """
        metrics, problem = _read_metrics(log.path / metrics_file)
        status = log.status
        if status != "failed":
            if problem:
                status = "error"
            elif status != "complete":
                status = "missing" if metrics is None else "complete"
        row: dict[str, Any] = {"run_id": log.run_id}
        for name, value in log.params.items():
            row[f"params.{name}" if name in ("run_id", "status") else name] = value
        row["status"] = status
        for name, value in (metrics or {}).items():
            row[f"metrics.{name}" if name in row else name] = value
        if problem and status != "failed":
            row["error_reason"] = problem
        self._index.enter(row)

    # -- ids ----------------------------------------------------------------------------------
    def _run_id(self, params: Mapping[str, Any]) -> str:
        """Give the id for these parameters; other parameters never share it."""
        run_id = self._generate_run_id(params)
        folder = self.runs_dir / f"log_{run_id}"
        if folder.exists():
            try:
                there = read_params(folder)
            except ValueError:
                return run_id
            if there and _exact(there) != _exact(plain(params)):  # {'a': '1_b_2'} and {'a': 1, 'b': 2}
                return f"{run_id}~{_digest(_exact(plain(params)))}"
        return run_id

    def _generate_run_id(self, params: Mapping[str, Any]) -> str:
        parts = [f"{_safe(name)}_{self._safe_str(value)}" for name, value in sorted(params.items())]
        run_id = f"{self.name}_" + "_".join(parts)
        if len(run_id.encode()) <= 200:
            return run_id
        return f"{run_id[:120]}~{_digest(run_id)}"

    def _safe_str(self, val: Any) -> str:
        """Give a value as part of a file name: short where that is exact, never the same for two values."""
        if isinstance(val, float | np.floating):
            short = f"{val:.5g}"
            return short if type(val)(short) == val or val != val else str(val)
        if isinstance(val, Mapping | list | tuple | set | frozenset | np.ndarray):
            return _safe(_exact(plain(val)))
        return _safe(str(val))

    # -- looking at it ------------------------------------------------------------------------
    def to_dataframe(self) -> pd.DataFrame:
        """Give the table as a pandas DataFrame, empty if no run was recorded."""
        import pandas as pd

        try:
            return pd.read_csv(self.index_file, keep_default_na=False, na_values=[""], dtype={"run_id": str})
        except FileNotFoundError:
            return pd.DataFrame()

    def select(self, **filters: Any) -> pd.DataFrame:
        """Give the rows in which all these columns have these values (None: no value).

        KeyError for a column no run has.
        """
        table = self.to_dataframe()
        for name, value in filters.items():
            if table.empty:
                break
            if name not in table:
                raise KeyError(
                    f"No run of {self.index_file} has {name!r}; columns: {', '.join(map(str, table))}."
                    + near_names(name, map(str, table))
                )
            column = table[name]
            if value is None:
                table = table[column.isna()]
            elif isinstance(value, list | tuple | dict | np.ndarray):
                wanted = _exact(plain(value))
                table = table[column.map(str) == wanted]
            else:
                table = table[column == value]
        return table

    def _repr_html_(self) -> str:
        return ExperimentReader(self.exp_dir)._repr_html_()

    def __repr__(self) -> str:
        return f"<Experiment {self.name!r} in {self.exp_dir}>"


def _status(folder: Path) -> str:
    try:
        return str(read_json(folder / "metadata.json").get("status", "unknown"))
    except (FileNotFoundError, ValueError):
        return "unknown"


def _safe(text: str) -> str:
    safe = re.sub(r"[^\w.+=,@()\[\]-]", "_", text)
    if len(safe) > 60:
        safe = safe[:50]
    return safe if safe == text else f"{safe}~{_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _exact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _read_metrics(path: Path) -> tuple[dict[str, Any] | None, str]:
    """Give the metrics (None: there are none) and what is wrong with them."""
    try:
        found = read_json(path)
    except FileNotFoundError:
        return None, ""
    except (ValueError, OSError) as error:
        return None, f"{type(error).__name__}: {error}"
    if not isinstance(found, dict):
        return None, f"{path.name} holds no names with values, but {found!r:.60}"
    return found, ""
