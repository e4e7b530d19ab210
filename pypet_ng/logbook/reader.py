"""How do run folders come back without handling paths?"""

from __future__ import annotations

import html
import json
import os
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pypet_ng.errors import near_names
from pypet_ng.logbook.files import below
from pypet_ng.logbook.index import read_rows
from pypet_ng.logbook.plain import read_json, read_params

__all__ = ["ExperimentReader", "LogReader"]


class LogReader:
    """One run's folder. Reads what is asked for when it is asked for; changes nothing.

    FileNotFoundError if there is no such folder, ValueError if it is none of a run.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise FileNotFoundError(f"No such path: {self.path}")
        if not (self.path / "metadata.json").exists():
            raise ValueError(f"{self.path} is not a valid Logbook run: it has no metadata.json.")

    @property
    def run_id(self) -> str:
        """The run's id: the folder's name without its ``log_``."""
        return self.path.name.removeprefix("log_")

    @property
    def meta(self) -> dict[str, Any]:
        """What ``metadata.json`` holds."""
        found: dict[str, Any] = read_json(self.path / "metadata.json")
        return found

    @property
    def status(self) -> str:
        """``'initialized'``, ``'complete'``, ``'failed'`` or ``'unknown'``."""
        return str(self.meta.get("status", "unknown"))

    @property
    def params(self) -> dict[str, Any]:
        """The parameters, {} if none were written."""
        return read_params(self.path)

    @property
    def arrays(self) -> list[str]:
        """Names for :meth:`load_array`: ``'x'``, ``'sub/x'``, ``'bundle:key'``. Broken bundles are left out."""
        data = self.path / "data"
        names = [path.relative_to(data).as_posix().removesuffix(".npy") for path in data.rglob("*.npy")]
        for path in data.rglob("*.npz"):
            try:
                with zipfile.ZipFile(path) as bundle:
                    keys = [key.removesuffix(".npy") for key in bundle.namelist()]
            except (zipfile.BadZipFile, OSError):
                continue
            stem = path.relative_to(data).as_posix().removesuffix(".npz")
            names += [f"{stem}:{key}" for key in keys]
        return sorted(names)

    def _files(self, folder: str) -> list[str]:
        home = self.path / folder
        return sorted(path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file())

    @property
    def artifacts(self) -> list[str]:
        """Files below ``artifacts/`` with their endings, nested ones as ``folder/name.ext``."""
        return self._files("artifacts")

    @property
    def plots(self) -> list[str]:
        """Files below ``plots/``."""
        return self._files("plots")

    @property
    def log(self) -> str:
        """The text of ``log.txt``."""
        path = self.path / "log.txt"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def load_array(self, name: str) -> np.ndarray[Any, Any]:
        """Give an array: ``'x'`` from ``data/x.npy``, ``'bundle:key'`` from ``data/bundle.npz``.

        FileNotFoundError or KeyError, with near names.
        """
        bundle, colon, key = name.partition(":")
        path = below(self.path / "data", bundle, ".npz" if colon else ".npy")
        if not path.exists():
            raise FileNotFoundError(
                f"No such {'bundle' if colon else 'array'}: {path}.{near_names(name, self.arrays)}"
            )
        with np.load(path, allow_pickle=False) if colon else _opened(path) as found:
            if not colon:
                array: np.ndarray[Any, Any] = np.load(found, allow_pickle=False)
                return array
            if key not in found:
                raise KeyError(f"No key {key!r} in bundle {path.name!r}.{near_names(key, found.files)}")
            inside: np.ndarray[Any, Any] = found[key]
            return inside

    def load_json(self, name: str) -> Any:
        """Give a JSON artifact, with or without its ending; {} if there is none."""
        path = below(self.path / "artifacts", name.removesuffix(".json"), ".json")
        return read_json(path) if path.exists() else {}

    def load_text(self, name: str) -> str:
        """Give a text artifact, with or without its ending; FileNotFoundError."""
        return self._artifact(name, ".txt").read_text(encoding="utf-8")

    def load_bytes(self, name: str) -> bytes:
        """Give the bytes of any artifact; FileNotFoundError."""
        return self._artifact(name, "").read_bytes()

    def load_pickle(self, name: str) -> Any:
        """Give a pickled object. This runs what the file says: load only what you wrote yourself."""
        return pickle.loads(self._artifact(name, ".pkl").read_bytes())

    def _artifact(self, name: str, ending: str) -> Path:
        path = below(self.path / "artifacts", name.removesuffix(ending) if ending else name, ending)
        if not path.exists():
            raise FileNotFoundError(f"No such artifact: {path}.{near_names(path.name, self.artifacts)}")
        return path

    def __str__(self) -> str:
        params = self.params
        said = ", ".join(f"{name}={value}" for name, value in params.items()) or "(missing)"
        lines = [f"<LogReader '{self.run_id}'>", f"  params: {said}", f"  meta: status={self.status}"]
        for label, names in (("arrays", self.arrays), ("artifacts", self.artifacts), ("plots", self.plots)):
            if names:
                lines += [f"  {label}:", *(f"    - {name}" for name in names)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<LogReader {self.run_id!r} of {self.path}, {self.status}>"

    def _repr_html_(self) -> str:
        rows: list[tuple[str, Any]] = [("status", self.status), *self.params.items()]
        if self.status == "failed":
            rows.insert(1, ("reason", self.meta.get("failure_reason", "")))
        rows += [
            (label, ", ".join(names))
            for label, names in (
                ("arrays", self.arrays),
                ("artifacts", self.artifacts),
                ("plots", self.plots),
            )
            if names
        ]
        return _table(f"Run {self.run_id}", ("", ""), rows)


class ExperimentReader:
    """The runs of an experiment's folder, sorted by folder name, as they were when this was made.

    FileNotFoundError if the folder or its ``runs`` is not there.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.index_path = self.path / "index.csv"
        self.runs_path = self.path / "runs"
        if not self.path.exists():
            raise FileNotFoundError(f"No such path: {self.path}")
        with os.scandir(self.runs_path) as entries:
            folders = [Path(entry.path) for entry in entries if entry.is_dir()]
        self.runs = sorted(folder for folder in folders if (folder / "metadata.json").exists())
        self._places = {folder.name.removeprefix("log_"): folder for folder in self.runs}

    def __iter__(self) -> Iterator[LogReader]:
        return map(LogReader, self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def __contains__(self, run_id: object) -> bool:
        return run_id in self._places

    def __getitem__(self, run_id: int | str) -> LogReader:
        """Give a run by its place (negative: from the end) or its id; IndexError, KeyError."""
        if isinstance(run_id, str):
            if run_id not in self._places:
                raise KeyError(f"No run found with ID {run_id!r}.{near_names(run_id, self._places)}")
            return LogReader(self._places[run_id])
        if isinstance(run_id, bool) or not isinstance(run_id, int | np.integer):
            raise TypeError(f"A run is asked for by its place or its id, not by {run_id!r}.")
        if not -len(self.runs) <= run_id < len(self.runs):
            raise IndexError(f"Run index {run_id} out of range: there are {len(self.runs)} runs.")
        return LogReader(self.runs[run_id])

    def index(self) -> Iterator[dict[str, Any]]:
        """Give the rows of ``index.csv`` as text by column."""
        return iter(read_rows(self.index_path))

    @property
    def params(self) -> dict[str, dict[str, Any]]:
        """Parameters by run id; reads one file per run."""
        return {run.run_id: run.params for run in self}

    @property
    def meta(self) -> dict[str, dict[str, Any]]:
        """Metadata by run id; reads one file per run."""
        return {run.run_id: run.meta for run in self}

    def __str__(self) -> str:
        rows = read_rows(self.index_path)
        fields = ", ".join(rows[0]) if rows else "(missing)"
        lines = [
            f"<ExperimentReader '{self.path.name}'>",
            f"Index file: {self.index_path.name} with {len(rows)} entries",
            f"Fields: {fields}",
            f"Runs directory: {self.runs_path.name} with {len(self)} runs",
            *(f"- {run.run_id}: {run.status}" for run in self),
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<ExperimentReader of {self.path}, {len(self)} runs>"

    def _repr_html_(self) -> str:
        shown = [
            (run.run_id, run.status, json.dumps(run.params, default=str))
            for run in map(LogReader, self.runs[:50])
        ]
        title = f"{self.path.name}: {len(self)} runs" + (", the first 50" if len(self) > 50 else "")
        return _table(title, ("run", "status", "parameters"), shown)


def _opened(path: Path) -> Any:
    return open(path, "rb")


def _table(title: str, header: tuple[str, ...], rows: Any) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(cell)[:200])}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<details open><summary><b>{html.escape(title)}</b></summary><table><tr>{head}</tr>{body}</table></details>"
