"""Which runner do the options of an environment mean?"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pypet_ng import runners
from pypet_ng.errors import near_names
from pypet_ng.runners.base import Runner
from pypet_ng.runners.caps import Caps

__all__ = ["WORKER_OPTIONS", "choose_runner"]

WORKER_OPTIONS: Final[Mapping[str, Any]] = {
    "runner": None,
    "multiproc": False,
    "ncores": 1,
    "start_method": "loky",
    "retries": 0,
    "run_timeout": None,
    "n_vmap": "auto",
    "n_pmap": None,
    "niceness": None,
    "cpu_cap": 100.0,
    "memory_cap": 100.0,
    "swap_cap": 100.0,
    "use_scoop": False,
}
"""Options that say who does the runs, with their defaults."""


def _serial(options: Mapping[str, Any]) -> Runner:
    if options["run_timeout"] is not None:
        raise ValueError(
            f"run_timeout={options['run_timeout']!r}: runs in this process cannot be ended. "
            "Use runner='processes' (or multiproc=True)."
        )
    return runners.SerialRunner()


def _processes(options: Mapping[str, Any]) -> Runner:
    return runners.ProcessRunner(
        options["ncores"],
        start_method=options["start_method"],
        retries=options["retries"],
        run_timeout=options["run_timeout"],
        niceness=options["niceness"],
        caps=_caps(options),
    )


def _jax(options: Mapping[str, Any]) -> Runner:
    if options["run_timeout"] is not None:
        raise ValueError(
            f"run_timeout={options['run_timeout']!r}: a batch on a device cannot be ended. Use runner='processes'."
        )
    return runners.JaxRunner(options["n_vmap"], options["n_pmap"])


def _caps(options: Mapping[str, Any]) -> Caps | None:
    """Give the limits, None if there are none."""
    memory = options["memory_cap"]
    cap, needed = memory if isinstance(memory, tuple | list) else (memory, 0.0)
    cpu, swap = options["cpu_cap"], options["swap_cap"]
    if min(cpu, cap, swap) >= 100 and not needed:
        return None
    return Caps(float(cpu), float(cap), float(swap), float(needed))


def _scoop(options: Mapping[str, Any]) -> Runner:
    """Give the runner that hands chunks to the workers of SCOOP; RuntimeError outside of it."""
    try:
        import scoop
        from scoop import futures
    except ImportError as error:
        raise ValueError(
            f"use_scoop=True needs the package SCOOP ({error}): pip install scoop. Other engines with submit(), "
            "as Dask's or MPI's, are given as runner=executor."
        ) from error
    if not scoop.IS_RUNNING:
        raise RuntimeError("use_scoop=True: start the script with 'python -m scoop script.py'.")

    def wait(pending: Iterable[Any], timeout: float | None = None, return_when: str = "") -> Any:
        # without the limit: while it waits for a time, this process of SCOOP does no work itself
        return futures.wait(list(pending), return_when=return_when)

    return runners.ExecutorRunner(futures, retries=options["retries"], wait=wait)


_BY_NAME: Final[dict[str, Callable[[Mapping[str, Any]], Runner]]] = {
    "serial": _serial,
    "processes": _processes,
    "jax": _jax,
}


def choose_runner(given: Mapping[str, Any]) -> Runner:
    """Give the runner that `runner`, `multiproc`, `ncores`, ... ask for; ValueError, TypeError.

    `runner`: a name, a Runner, or anything with ``submit``. ``multiproc=True`` means ``'processes'``.
    """
    options = {**WORKER_OPTIONS, **given}
    for name in ("ncores", "retries"):
        if isinstance(options[name], bool) or not isinstance(options[name], int) or options[name] < 0:
            raise ValueError(f"{name}={options[name]!r}: give a whole number from 0 on.")
    limit = options["run_timeout"]
    if limit is not None and not (isinstance(limit, (int, float)) and limit > 0):
        raise ValueError(f"run_timeout={limit!r}: give a number of seconds above 0.")
    niceness = options["niceness"]
    if niceness is not None and (isinstance(niceness, bool) or not isinstance(niceness, int)):
        raise ValueError(f"niceness={niceness!r}: give a whole number, 0 to 19 (higher is nicer).")
    value = options["runner"]
    if value is None and options["use_scoop"] and options["multiproc"]:
        return _scoop(options)
    if value is None:
        value = "processes" if options["multiproc"] else "serial"
        if options["ncores"] > 1 and "multiproc" not in given:
            warnings.warn(
                f"ncores={options['ncores']} has no effect: runs are done in this process. Use multiproc=True.",
                stacklevel=3,
            )
    batched = [name for name in ("n_vmap", "n_pmap") if name in given]
    if batched and value != "jax":
        warnings.warn(
            f"{' and '.join(f'{name}={given[name]!r}' for name in batched)} has an effect with runner='jax' "
            "alone: add it.",
            stacklevel=3,
        )
    if isinstance(value, str):
        make = _BY_NAME.get(value)
        if make is None:
            raise ValueError(
                f"There is no runner {value!r}; there are {', '.join(map(repr, _BY_NAME))}."
                + near_names(value, _BY_NAME)
            )
        if value == "processes" and "ncores" not in given:
            options["ncores"] = 0
        return make(options)
    if callable(getattr(value, "run", None)) and callable(getattr(value, "accepts", None)):
        runner: Runner = value
        return runner
    if callable(getattr(value, "submit", None)):
        if limit is not None:
            raise ValueError(
                f"run_timeout={limit!r}: an executor's runs cannot be ended from here. Use runner='processes'."
            )
        return runners.ExecutorRunner(value, retries=options["retries"])
    raise TypeError(f"runner={value!r} is neither a name, nor a Runner, nor an executor with submit().")
