"""What does each keyword of the Environment mean?

One table: every keyword of pypet and of pypet_ng is in it, with what becomes of it. A keyword that
is not there is an error that suggests near ones.
"""

from __future__ import annotations

import enum
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pypet_ng.errors import near_names

__all__ = ["Fate", "default_of", "renamed", "sort_options", "without_needless"]


class Fate(enum.Enum):
    """Where a keyword goes."""

    ENVIRONMENT = "environment"
    TRAJECTORY = "trajectory"
    STORAGE = "storage"
    WORKERS = "workers"
    """Says who does the runs, see :mod:`pypet_ng.trajectory.workers`."""
    SWITCH = "switch"
    """A ``v_`` property of the trajectory."""
    RENAMED = "renamed"
    NEEDLESS = "needless"
    """Accepted and without effect, as the reason says; a warning tells if a non-default was given."""


@dataclass(frozen=True, slots=True)
class Option:
    """One row of the table."""

    fate: Fate
    default: Any = None
    note: str = ""
    """The new name, or why the keyword has no effect."""


_COMPRESSION = "columns are stored uncompressed; compress='portable' or 'fast' asks for compression"
_TABLES = "overviews are computed when asked for, not stored"
_PARALLEL = "workers live on from run to run and get what is fixed once"
_ONE_WRITER = "one process writes, nothing needs to be wrapped"
_NETWORK = (
    "results come home by the runner's own way, there is no server; runner=executor reaches other machines"
)
_RESUME = "finished runs are in the file: run the script again, or call env.resume()"

TABLE: Final[Mapping[str, Option]] = {
    "automatic_storing": Option(Fate.ENVIRONMENT, True),
    "clean_up_runs": Option(Fate.ENVIRONMENT, True),
    "keep_returned": Option(Fate.ENVIRONMENT, True),
    "on_error": Option(Fate.ENVIRONMENT, "raise"),
    "on_change": Option(Fate.ENVIRONMENT),
    "commit_interval": Option(Fate.ENVIRONMENT, 1.0),
    "seed": Option(Fate.ENVIRONMENT),
    "runner": Option(Fate.WORKERS),
    "multiproc": Option(Fate.WORKERS, False),
    "ncores": Option(Fate.WORKERS, 1),
    "start_method": Option(Fate.WORKERS, "loky"),
    "retries": Option(Fate.WORKERS, 0),
    "run_timeout": Option(Fate.WORKERS),
    "n_vmap": Option(Fate.WORKERS, "auto"),
    "n_pmap": Option(Fate.WORKERS),
    "niceness": Option(Fate.WORKERS),
    "cpu_cap": Option(Fate.WORKERS, 100.0),
    "memory_cap": Option(Fate.WORKERS, 100.0),
    "swap_cap": Option(Fate.WORKERS, 100.0),
    "use_scoop": Option(Fate.WORKERS, False),
    "do_single_runs": Option(Fate.ENVIRONMENT, True),
    "immediate_postproc": Option(Fate.ENVIRONMENT, False),
    "graceful_exit": Option(Fate.ENVIRONMENT, False),
    "git_mode": Option(Fate.ENVIRONMENT),
    "git_repository": Option(Fate.ENVIRONMENT),
    "git_message": Option(Fate.ENVIRONMENT, ""),
    "git_fail": Option(Fate.ENVIRONMENT, False),
    "sumatra_project": Option(Fate.ENVIRONMENT),
    "sumatra_reason": Option(Fate.ENVIRONMENT, ""),
    "sumatra_label": Option(Fate.ENVIRONMENT),
    "add_time": Option(Fate.TRAJECTORY, False),
    "comment": Option(Fate.TRAJECTORY, ""),
    "dynamic_imports": Option(Fate.TRAJECTORY),
    "wildcard_functions": Option(Fate.TRAJECTORY),
    "storage_service": Option(Fate.TRAJECTORY),
    "filename": Option(Fate.STORAGE),
    "overwrite_file": Option(Fate.STORAGE, False),
    "file_title": Option(Fate.STORAGE, ""),
    "compress": Option(Fate.STORAGE),
    "durability": Option(Fate.STORAGE, "fsync"),
    "apply_at_end": Option(Fate.STORAGE),
    "dynamically_imported_classes": Option(Fate.RENAMED, note="dynamic_imports"),
    "encoding": Option(Fate.NEEDLESS, "utf8", "text is always stored as UTF-8"),
    "complevel": Option(Fate.NEEDLESS, 9, _COMPRESSION),
    "complib": Option(Fate.NEEDLESS, "zlib", _COMPRESSION),
    "shuffle": Option(Fate.NEEDLESS, True, _COMPRESSION),
    "fletcher32": Option(Fate.NEEDLESS, False, _COMPRESSION),
    "pandas_format": Option(Fate.NEEDLESS, "fixed", "data frames are stored as columns"),
    "purge_duplicate_comments": Option(Fate.NEEDLESS, True, "equal comments are stored once, always"),
    "summary_tables": Option(Fate.NEEDLESS, True, _TABLES),
    "small_overview_tables": Option(Fate.NEEDLESS, True, _TABLES),
    "large_overview_tables": Option(Fate.NEEDLESS, False, _TABLES),
    "results_per_run": Option(Fate.NEEDLESS, 0, "columns grow as needed"),
    "derived_parameters_per_run": Option(Fate.NEEDLESS, 0, "columns grow as needed"),
    "display_time": Option(Fate.NEEDLESS, 20, "storing is quick enough not to be reported"),
    "use_hdf5": Option(Fate.NEEDLESS, True, "name a storage_service instead"),
    "lazy_debug": Option(Fate.NEEDLESS, False, "nothing is stored differently under a debugger"),
    "log_config": Option(Fate.ENVIRONMENT, "DEFAULT"),
    "log_stdout": Option(Fate.ENVIRONMENT, False),
    "log_folder": Option(Fate.ENVIRONMENT),
    "log_level": Option(Fate.ENVIRONMENT),
    "log_levels": Option(Fate.ENVIRONMENT),
    "logger_names": Option(Fate.ENVIRONMENT),
    "log_multiproc": Option(Fate.ENVIRONMENT, True),
    "report_progress": Option(Fate.ENVIRONMENT),
    "dry_run": Option(Fate.ENVIRONMENT, False),
    "use_pool": Option(Fate.NEEDLESS, False, _PARALLEL),
    "freeze_input": Option(Fate.NEEDLESS, False, _PARALLEL),
    "queue_maxsize": Option(Fate.NEEDLESS, -1, _PARALLEL),
    "freeze_pool_input": Option(Fate.RENAMED, note="freeze_input"),
    "port": Option(Fate.NEEDLESS, None, _NETWORK),
    "timeout": Option(Fate.NEEDLESS, None, _NETWORK),
    "gc_interval": Option(Fate.NEEDLESS, None, _PARALLEL),
    "resumable": Option(Fate.NEEDLESS, False, _RESUME),
    "resume_folder": Option(Fate.NEEDLESS, None, _RESUME),
    "delete_resume": Option(Fate.NEEDLESS, True, _RESUME),
    "continuable": Option(Fate.NEEDLESS, False, _RESUME),
    "continue_folder": Option(Fate.NEEDLESS, None, _RESUME),
    "delete_continue": Option(Fate.NEEDLESS, True, _RESUME),
    "wrap_mode": Option(Fate.NEEDLESS, "LOCK", _ONE_WRITER),
}
"""Keywords by name. Needless ones whose effect only concerns how something looks do not warn."""

_SILENT: Final = frozenset({_ONE_WRITER, _RESUME, _TABLES, _COMPRESSION, _PARALLEL})

for _switch in (
    "v_fast_access",
    "v_shortcuts",
    "v_auto_load",
    "v_max_depth",
    "v_iter_recursive",
    "v_with_links",
    "v_no_clobber",
    "v_auto_run_prepend",
    "v_standard_parameter",
    "v_standard_result",
    "v_standard_leaf",
):
    TABLE[_switch] = TABLE[_switch[2:]] = Option(Fate.SWITCH)  # type: ignore[index]


def default_of(name: str) -> Any:
    """Give what a keyword means if it is not given."""
    return TABLE[name].default


def renamed(given: dict[str, Any], old: str, new: str, value: Any) -> Any:
    """Give what was given under an old name, with a warning, else `value`; takes it out of `given`."""
    if old not in given:
        return value
    warnings.warn(f"{old!r} is now called {new!r}.", DeprecationWarning, stacklevel=3)
    return given.pop(old)


def without_needless(given: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out pypet's options of the storage that have no effect here, with the warnings of the table."""
    left = {}
    for name, value in given.items():
        option = TABLE.get(name)
        if option is None or option.fate is not Fate.NEEDLESS:
            left[name] = value
        else:
            _warn_if_needless(name, value, option, 6)
    return left


def _warn_if_needless(name: str, value: Any, option: Option, level: int) -> None:
    if value != option.default and option.note not in _SILENT:
        warnings.warn(f"{name}={value!r} has no effect: {option.note}.", UserWarning, stacklevel=level)


def sort_options(given: Mapping[str, Any]) -> dict[Fate, dict[str, Any]]:
    """Sort keywords by where they go; ValueError names unknown ones and near ones."""
    sorted_: dict[Fate, dict[str, Any]] = {fate: {} for fate in Fate}
    for name, value in given.items():
        option = TABLE.get(name)
        if option is None:
            raise ValueError(
                f"Environment has no option {name!r} (given: {value!r}).{near_names(name, TABLE)}"
            )
        if option.fate is Fate.RENAMED:
            warnings.warn(f"{name!r} is now called {option.note!r}.", DeprecationWarning, stacklevel=4)
            name, option = option.note, TABLE[option.note]
        if option.fate is Fate.NEEDLESS:
            _warn_if_needless(name, value, option, 5)
            continue
        sorted_[option.fate][name if option.fate is not Fate.SWITCH else name.removeprefix("v_")] = value
    return sorted_
