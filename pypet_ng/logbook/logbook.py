"""How does one run write its folder?"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import pickle
import shutil
import sys
import threading
import time
import traceback as tracebacks
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from pypet_ng.errors import UnsupportedValueError
from pypet_ng.logbook import alive
from pypet_ng.logbook.files import LEVELS, LogFile, below, checked_run_id, replaced, write_bytes, write_text
from pypet_ng.logbook.plain import (
    check_yaml,
    json_text,
    param_stamps,
    plain,
    read_json,
    read_params,
    to_json,
    to_yaml,
)
from pypet_ng.logbook.views import Handler, Params

__all__ = ["Logbook"]


class Logbook:
    """The folder of one run: parameters, messages, arrays, figures, other files, and how it ended.

    ::

        with Logbook("oscillator", params={"omega": 2.0}) as log:
            log.info("integrating")
            log.array("energy", energy)  # data/energy.npy
            log.json("metrics", {"drift": 1e-9})  # artifacts/metrics.json

    Leaving the ``with`` block marks the run complete, or failed with reason and traceback. Every file is
    written whole or not at all; no file is held open. Threads may share a Logbook.

    Parameters
    ----------
    run_id
        Names the folder ``log_<run_id>``: one folder, so no slashes (InvalidNameError).
    base_dir
        Where the folder lies.
    params
        Parameters to write at once.
    overwrite
        Empty the folder of an earlier run of that name; else FileExistsError.
    preallocate
        Make the subfolders at once.
    callback
        Called with this object whenever the run is marked.
    """

    def __init__(
        self,
        run_id: str | int,
        base_dir: str | os.PathLike[str] = "outputs",
        params: Mapping[str, Any] | None = None,
        overwrite: bool = False,
        preallocate: bool = False,
        callback: Callable[[Logbook], Any] | None = None,
    ) -> None:
        self.run_id = checked_run_id(run_id)
        self.path = Path(base_dir) / f"log_{self.run_id}"
        self.callback = callback
        given = plain(dict(params)) if params else {}  # what cannot be written is to leave no folder
        if given:
            check_yaml()
        _make_folder(self.path, overwrite)
        self.log_path = self.path / "log.txt"
        self.datadir = self.path / "data"
        self.plotdir = self.path / "plots"
        self.artifactsdir = self.path / "artifacts"
        self._lock = threading.RLock()
        self._file = LogFile(self.log_path)
        self._meta: dict[str, Any] = {}
        self._stamp: tuple[int, int, int] | None = None
        self._known_params: tuple[Any, dict[str, Any]] = (None, {})
        """The parameters as they were last read, and the stamps of their files then."""
        self._start_time = time.time()
        if preallocate:
            for folder in (self.datadir, self.plotdir, self.artifactsdir):
                folder.mkdir(exist_ok=True)
        words = []
        if given:
            write_text(self.path / "params.yaml", to_yaml(given), self.path)
            words.append("Saved params (yaml) in params.yaml")
            self._known_params = (param_stamps(self.path), given)
        self._store_meta(status="initialized", start_time=_now(), run_id=self.run_id, **alive.provenance())
        alive.enter(self.path, self)
        self._file.write("INFO", *words, "Logbook initialized")

    # -- how it ends --------------------------------------------------------------------------
    def __enter__(self) -> Logbook:
        self._file.hold()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if exc_value is not None:
                self.mark_failed(exc_value)
            elif self.status not in alive.ENDED:
                self.mark_complete()
        finally:
            self._file.let_go()

    def mark_complete(self) -> None:
        """Mark the run as complete; what was said of an earlier failure goes."""
        with self._lock:
            self._drop_failure()
            self._store_meta(status="complete", end_time=_now(), runtime_sec=round(self.elapsed, 6))
            self._file.write("INFO", "Marked complete")
        self._marked()

    def mark_failed(self, reason: str | BaseException) -> None:
        """Mark the run as failed, with a reason in words or an exception, whose traceback is kept too.

        Called in an ``except`` block with words, it keeps the traceback of what was caught.
        """
        error = reason if isinstance(reason, BaseException) else sys.exc_info()[1]
        words = str(reason) if not isinstance(reason, BaseException) else str(reason) or type(reason).__name__
        facts: dict[str, Any] = {"failure_reason": words}
        if error is not None:
            facts["failure_type"] = type(error).__name__
            facts["traceback"] = "".join(tracebacks.format_exception(error))
        with self._lock:
            self._drop_failure()
            self._store_meta(status="failed", end_time=_now(), runtime_sec=round(self.elapsed, 6), **facts)
            self._file.write("ERROR", f"Marked failed: {words}")
            if error is not None:
                self._file.write("ERROR", facts["traceback"].rstrip())
        self._marked()

    def _drop_failure(self) -> None:
        self._load_meta()
        for name in ("failure_reason", "failure_type", "traceback"):
            self._meta.pop(name, None)

    def _marked(self) -> None:
        alive.leave(self.path)
        if self.callback is not None:
            self.callback(self)

    @property
    def status(self) -> str:
        """``'initialized'``, ``'complete'``, ``'failed'``, or ``'unknown'`` if the folder does not say."""
        with self._lock:
            self._load_meta()
            return str(self._meta.get("status", "unknown"))

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.time() - self._start_time

    # -- messages -----------------------------------------------------------------------------
    def note(self, message: object, level: int | str = logging.INFO) -> None:
        """Write a message to ``log.txt``; `level` as in :mod:`logging`."""
        name = level.upper() if isinstance(level, str) else LEVELS.get(level, f"Level {level}")
        self._file.write(name, str(message))

    def debug(self, msg: object, *args: object) -> None:
        """Write a message of level DEBUG. `args` are filled into its ``%`` marks, if given."""
        self._file.write("DEBUG", _filled(msg, args))

    def info(self, msg: object, *args: object) -> None:
        """Write a message of level INFO."""
        self._file.write("INFO", _filled(msg, args))

    def warning(self, msg: object, *args: object) -> None:
        """Write a message of level WARNING."""
        self._file.write("WARNING", _filled(msg, args))

    def error(self, msg: object, *args: object) -> None:
        """Write a message of level ERROR."""
        self._file.write("ERROR", _filled(msg, args))

    @functools.cached_property
    def logger(self) -> logging.Logger:
        """A logger of the standard library that writes to ``log.txt``; for code that wants one."""
        logger = logging.Logger(f"pypet_ng.logbook.{self.run_id}", logging.DEBUG)
        logger.addHandler(Handler(self._file))
        return logger

    # -- facts and parameters -----------------------------------------------------------------
    def _load_meta(self) -> None:
        """Take over what somebody else wrote to ``metadata.json``."""
        path = f"{self.path}/metadata.json"
        try:
            found = os.stat(path)
        except FileNotFoundError:
            self._meta, self._stamp = {}, None
            return
        stamp = (found.st_ino, found.st_size, found.st_mtime_ns)
        if stamp != self._stamp:
            self._meta, self._stamp = read_json(Path(path)), stamp

    def meta(self, **fields: Any) -> None:
        """Set fields of ``metadata.json``; others stay."""
        given = plain(fields)
        with self._lock:
            self._load_meta()
            self._store_meta(**given)

    def _store_meta(self, **fields: Any) -> None:
        self._meta.update(fields)
        path = f"{self.path}/metadata.json"
        write_text(path, json_text(self._meta), self.path)
        found = os.stat(path)
        self._stamp = (found.st_ino, found.st_size, found.st_mtime_ns)

    @property
    def params(self) -> Params:
        """The parameters: ``log.params(omega=2.0)`` adds some, ``log.params["omega"]`` gives one back."""
        return Params(self._load_params, self.write_params)

    def _load_params(self) -> dict[str, Any]:
        stamps = param_stamps(self.path)
        if self._known_params[0] != stamps:
            self._known_params = (stamps, read_params(self.path))
        return dict(self._known_params[1])

    def write_params(self, given: Mapping[str, Any], ext: str = "yaml") -> None:
        """Write parameters of any names, see :attr:`params`; ValueError for another `ext`."""
        writers = {"yaml": to_yaml, "json": to_json}
        if ext not in writers:
            raise ValueError(f"ext={ext!r}: parameters are kept as 'yaml' or 'json'.")
        with self._lock:
            merged = {**self._load_params(), **plain(given)}
            for other, write in writers.items():
                path = self.path / f"params.{other}"
                if other == ext or path.exists():  # two files must not say different things
                    write_text(path, write(merged), self.path)
        self._file.write("INFO", f"Saved params ({ext}) in params.{ext}")

    # -- files --------------------------------------------------------------------------------
    def _target_dir(self, category: str | None, fallback: Path) -> Path:
        if category is None:
            return fallback
        folder = below(self.path, category)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _saved(self, what: str, name: str, path: Path) -> None:
        self._file.write("INFO", f"Saved {what} {name} in {os.fspath(path)[len(os.fspath(self.path)) + 1 :]}")

    def array(self, name: str, array: Any, category: str | None = None) -> None:
        """Save one array as ``data/<name>.npy``; `name` may be nested, `category` replaces ``data``."""
        path = below(self._target_dir(category, self.datadir), name, ".npy")
        values = _checked(name, array)
        with replaced(path, self.path) as aside, open(aside, "wb") as file:
            np.lib.format.write_array(file, values, allow_pickle=False)
        self._saved("array", name, path)

    def arrays(self, name: str, compressed: bool = True, **arrays: Any) -> None:
        """Save several arrays in one ``data/<name>.npz``, under the keys given."""
        path = below(self.datadir, name, ".npz")
        values = {key: _checked(f"{name}:{key}", array) for key, array in arrays.items()}
        method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
        # Level 1: within 10 % of the default's size on float series, at a third of its time.
        with (
            replaced(path, self.path) as aside,
            zipfile.ZipFile(aside, "w", method, compresslevel=1) as bundle,
        ):
            for key, array in values.items():
                with bundle.open(f"{key}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, array, allow_pickle=False)
        self._saved("arrays", name, path)

    def plot(
        self,
        name: str,
        fig: Any = None,
        dpi: int = 200,
        formats: Iterable[str] = ("png",),
        category: str | None = None,
    ) -> None:
        """Save a matplotlib figure (default: the current one) as ``plots/<name>.<format>``.

        RuntimeError if matplotlib is not installed.
        """
        if fig is None:
            try:
                import matplotlib.pyplot as plt
            except ImportError as error:
                raise RuntimeError('Plots need matplotlib: pip install "pypet_ng[plot]"') from error
            fig = plt.gcf()
        wanted = (formats,) if isinstance(formats, str) else tuple(formats)
        folder = self._target_dir(category, self.plotdir)
        for ext in wanted:
            with replaced(below(folder, name, f".{ext}"), self.path) as aside:
                fig.savefig(aside, dpi=dpi, bbox_inches="tight", format=ext)
        self._file.write("INFO", f"Saved plot {name} ({'/'.join(wanted)}) in {folder.relative_to(self.path)}")

    def text(self, name: str, content: str, category: str | None = None) -> None:
        """Save text as ``artifacts/<name>.txt``."""
        path = below(self._target_dir(category, self.artifactsdir), name, ".txt")
        write_text(path, content, self.path)
        self._saved("text", name, path)

    def json(self, name: str, data: Any, category: str | None = None) -> None:
        """Save numbers, text, lists, dictionaries, numpy's too, as ``artifacts/<name>.json``."""
        path = below(self._target_dir(category, self.artifactsdir), name, ".json")
        write_text(path, to_json(data), self.path)
        self._saved("JSON", name, path)

    def pickle(
        self, name: str, obj: Any, protocol: int = pickle.HIGHEST_PROTOCOL, category: str | None = None
    ) -> None:
        """Save any Python object as ``artifacts/<name>.pkl``; who loads a pickle runs what is in it."""
        path = below(self._target_dir(category, self.artifactsdir), name, ".pkl")
        write_bytes(path, pickle.dumps(obj, protocol), self.path)
        self._saved("pickle", name, path)

    def bytes(self, name: str, data: bytes | bytearray | memoryview, category: str | None = None) -> None:
        """Save raw bytes as ``artifacts/<name>``, which has its own ending."""
        path = below(self._target_dir(category, self.artifactsdir), name)
        write_bytes(path, memoryview(data).tobytes(), self.path)
        self._saved("bytes", name, path)

    save_array = array
    save_numpy = array
    save_arrays = arrays
    save_plot = plot
    save_text = text
    save_json = json
    save_pickle = pickle
    save_bytes = bytes

    def __getitem__(self, relative: str) -> Path:
        """Give the path of any file in the run's folder; the folders above it are made."""
        path = below(self.path, relative)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _repr_html_(self) -> str:
        from pypet_ng.logbook.reader import LogReader  # only notebooks need it

        return LogReader(self.path)._repr_html_()

    def __repr__(self) -> str:
        return f"<Logbook {self.run_id!r} in {self.path}, {self.status}>"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S")


def _filled(message: object, args: tuple[object, ...]) -> str:
    text = str(message)
    return text % args if args else text


def _checked(name: str, array: Any) -> np.ndarray[Any, Any]:
    values: np.ndarray[Any, Any] = np.asanyarray(array)
    if values.dtype.hasobject:
        raise UnsupportedValueError(
            f"The array {name!r} holds Python objects, which no .npy file keeps without pickle: give numbers or "
            "text of one length, or use log.pickle."
        )
    return values


def _make_folder(path: Path, overwrite: bool) -> None:
    try:
        try:
            os.mkdir(path)
        except FileNotFoundError:
            os.makedirs(path.parent, exist_ok=True)
            os.mkdir(path)
    except FileExistsError:
        if not overwrite:
            raise FileExistsError(
                f"Run directory {path} already exists. Use another run id, or overwrite=True to empty it."
            ) from None
        if not path.is_dir():
            raise
        for child in path.iterdir():
            if child.is_dir() and not child.is_symlink():
                shutil.rmtree(child)
            else:
                with contextlib.suppress(FileNotFoundError):
                    child.unlink()
