"""What does one run compute, as a program without Python?

The function is called once, with abstract values. Out comes a program (a jaxpr) for one run, which is
then mapped over any number of runs without calling the function again. Arrays that the function used
and that are the same in all runs become inputs of the program: they are sent once and are not part of
what is compiled.
"""

from __future__ import annotations

import linecache
import os
import random
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, NoReturn

import numpy as np

from pypet_ng import _typing
from pypet_ng._typing import Path
from pypet_ng.errors import TracingError
from pypet_ng.runners.base import Template, TraceableJob
from pypet_ng.runners.jax.columns import Kind
from pypet_ng.runners.jax.devices import import_jax

__all__ = ["PointProgram", "TracedDraws", "trace_point"]

_ADVICE: Final = (
    "In a batch the explored values are abstract arrays: use jax.numpy instead of numpy and math, jnp.where or "
    "jax.lax.cond instead of if, jax.lax.fori_loop or scan for loops that depend on them, and no float(). Or run "
    "the function as it is: runner='processes' (or 'serial')."
)
_HERE: Final = os.path.join(os.path.dirname(_typing.__file__), "")


class TracedDraws:
    """The random key and the index of a run as abstract values (see ``tree.scope.Draws``)."""

    def __init__(self, words: Any, index: Any) -> None:
        self._words = words
        self._index = index
        self.uses_words = False
        """Whether the function asked for its key."""

    def key(self) -> Any:
        """Give the run's key."""
        jax = import_jax()
        self.uses_words = True
        return jax.random.wrap_key_data(self._words, impl="threefry2x32")

    def index(self) -> Any:
        """Give the run's index."""
        return self._index

    def seed(self) -> NoReturn:
        """Raise TracingError."""
        raise TracingError(
            "traj.v_seed is a Python number of one run, and a batch does many runs at once: use traj.v_key with "
            "jax.random, or runner='processes'."
        )

    def rng(self) -> NoReturn:
        """Raise TracingError."""
        raise TracingError(
            "traj.v_rng is a numpy generator of one run, and a batch does many runs at once: use traj.v_key with "
            "jax.random, or runner='processes'."
        )

    def name(self) -> NoReturn:
        """Raise TracingError."""
        raise TracingError(
            "traj.v_crun is the name of one run, and a batch does many runs at once: '$' in a name stands for "
            "it (traj.f_add_result('group.$.z', z)), traj.v_idx is the index as a number. Or use "
            "runner='processes'."
        )


@dataclass(slots=True)
class PointProgram:
    """What the function computes at one point."""

    closed: Any
    """The program with the arrays it uses (a ``ClosedJaxpr``)."""
    kinds: Mapping[Path, Kind]
    """Its first inputs; then come the two words of the key, the run index, and `constants`."""
    constants: list[Any]
    """Arrays that are the same in all runs."""
    uses_words: bool
    template: Template
    out_bytes: int
    """Of the results of one run."""
    in_bytes: int

    def mapped(self, lanes: int) -> Any:
        """Give a function of columns (run, ...) and the constants that does all the runs.

        `lanes` at a time as one vector; their number is a multiple of it.
        """
        jax = import_jax()
        jaxpr = self.closed.jaxpr
        count = len(self.kinds) + 2

        def one(*inputs: Any) -> list[Any]:
            found: list[Any] = jax.core.eval_jaxpr(jaxpr, inputs[count:], *inputs[:count])
            return found

        vector = jax.vmap(one, in_axes=(0,) * count + (None,) * len(self.constants))

        def many(*inputs: Any) -> list[Any]:
            if inputs[0].shape[0] == lanes:
                return list(vector(*inputs))
            columns = [column.reshape(-1, lanes, *column.shape[1:]) for column in inputs[:count]]
            stacked = jax.lax.map(lambda some: vector(*some, *inputs[count:]), columns)
            return [column.reshape(-1, *column.shape[2:]) for column in stacked]

        return many


def trace_point(job: TraceableJob, row: int, kinds: Mapping[Path, Kind]) -> PointProgram:
    """Trace a job's function at run `row`; TracingError names the line that cannot be traced."""
    jax = import_jax()
    held: dict[str, Any] = {}

    def point(*inputs: Any) -> list[Any]:
        *values, words, index = inputs
        given = {
            path: jax.random.wrap_key_data(value, impl=kind.random) if kind.random else value
            for (path, kind), value in zip(kinds.items(), values, strict=True)
        }
        draws = TracedDraws(words, index)
        template = job.trace(row, given, draws)
        held["draws"], held["template"] = draws, template
        return [_as_numbers(value) for value in template.take_outputs()]

    inputs = [
        jax.ShapeDtypeStruct(kind.shape, np.dtype(kind.dtype), weak_type=kind.weak) for kind in kinds.values()
    ]
    inputs += [jax.ShapeDtypeStruct((2,), np.uint32), jax.ShapeDtypeStruct((), np.int32)]
    before = _drawn_so_far()
    try:
        closed = jax.make_jaxpr(point)(*inputs)
    except TracingError as error:
        error.add_note(_place(error.__traceback__))
        raise
    except (jax.errors.JAXTypeError, jax.errors.JAXIndexError) as error:
        first = (str(error).strip().splitlines() or [""])[0]
        raise TracingError(
            f"The function cannot be done in batches (runner='jax'): {type(error).__name__} "
            f"{_place(error.__traceback__)}\n  {first}\n{_ADVICE}"
        ) from error
    except Exception as error:
        error.add_note(
            f"This happened {_place(error.__traceback__)} while the function was traced for runner='jax'. "
            f"{_ADVICE}"
        )
        raise
    if _drawn_so_far() != before:
        warnings.warn(
            "The function drew random numbers from numpy.random or random. In a batch that happens once, while "
            "it is traced: all runs have the same numbers. Use jax.random with traj.v_key or a key in the state, "
            "or runner='processes'.",
            stacklevel=2,
        )
    return PointProgram(
        closed,
        dict(kinds),
        [_plain(constant) for constant in closed.consts],
        held["draws"].uses_words,
        held["template"],
        sum(_bytes(aval) for aval in closed.out_avals),
        sum(kind.size for kind in kinds.values()) + 12,
    )


def _drawn_so_far() -> tuple[Any, ...]:
    """Give what is another after a draw from a generator that all code shares."""
    return repr(np.random.get_state(legacy=False)), random.getstate()


def _as_numbers(value: Any) -> Any:
    """Give the words of random keys, all else as it is."""
    jax = import_jax()
    if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        return jax.random.key_data(value)
    return value


def _plain(constant: Any) -> Any:
    # JAX wraps the numpy arrays it meets; random keys stay as they are
    return constant if hasattr(constant, "sharding") else np.asarray(constant)


def _bytes(aval: Any) -> int:
    return int(np.prod(aval.shape, dtype=np.int64)) * int(aval.dtype.itemsize)


def _place(trace: TracebackType | None) -> str:
    """Say where in the user's code an error came up."""
    jax = import_jax()
    foreign = (_HERE, os.path.join(os.path.dirname(jax.__file__), ""))
    last = fallback = None
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if not filename.startswith(foreign):
            fallback = trace
            if f"{os.sep}site-packages{os.sep}" not in filename:
                last = trace
        trace = trace.tb_next
    found = last or fallback
    if found is None:
        return "in code that has no source"
    code = found.tb_frame.f_code
    line = linecache.getline(code.co_filename, found.tb_lineno).strip()
    text = f": {line}" if line else ""
    return f"in line {found.tb_lineno} of {code.co_filename}, in {code.co_qualname}{text}"
