"""How is a model of states traced, and where do its values of many points go?"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array, Path
from pypet_ng.engine.likeness import likeness
from pypet_ng.engine.traced import failed_run, run_states
from pypet_ng.errors import RunFailedError
from pypet_ng.runners.jax.columns import Piece, is_wide, piece_of
from pypet_ng.spaces import Space
from pypet_ng.spaces.pytrees import flatten, name_of
from pypet_ng.tree.records import Batch, Failure
from pypet_ng.tree.scope import Draws

__all__ = ["Collector", "StateJob", "Structure", "pieces_of_space", "report_failures"]

_PIECE: Final = 4096


def _path(place: int) -> Path:
    return (f"axis{place}",)


def pieces_of_space(space: Space) -> Iterator[Piece]:
    """Give the points of a space with the plain values of its axes, some at a time."""
    wide = is_wide()
    for start in range(0, space.N, _PIECE):
        rows = np.arange(start, min(start + _PIECE, space.N), dtype=np.int64)
        columns = {_path(place): column for place, column in enumerate(space.gather(rows))}
        for (path, column), name in zip(columns.items(), space.names, strict=True):
            columns[path] = np.asarray(column)
            if column.dtype.kind not in "biufcV":
                raise TypeError(
                    f"The axis {name!r} has values of type {column.dtype}, as {column[0]!r}: in a batch all axes are "
                    "numbers. Use SequentialExecution."
                )
        yield piece_of(rows, columns, wide)


class Repeated:
    """A value that is the same at all points."""

    __slots__ = ("_count", "_value")

    def __init__(self, value: Any, count: int) -> None:
        self._value = value
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Any:
        if not -self._count <= index < self._count:
            raise IndexError(index)
        return self._value


class Structure:
    """What the values of a model have in common (a ``runners.base.Template``)."""

    def __init__(self, value: Any) -> None:
        import jax

        tree = flatten(value)
        self.names = tuple(map(name_of, tree.steps))
        self.rebuild: Callable[[Sequence[Any]], Any] = tree.rebuild
        self._outputs = [leaf for leaf in tree.leaves if isinstance(leaf, jax.Array)]
        self._constants = [None if isinstance(leaf, jax.Array) else (leaf,) for leaf in tree.leaves]

    def take_outputs(self) -> Sequence[Any]:
        """Give the abstract values, once."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def columns(self, computed: Sequence[Array], count: int) -> list[Any]:
        """Give a column for each leaf: computed ones in their order, the others repeated."""
        given = iter(computed)
        return [
            next(given) if constant is None else Repeated(constant[0], count) for constant in self._constants
        ]

    def fill(
        self,
        rows: npt.NDArray[np.int64],
        attempts: npt.NDArray[np.uint16],
        outputs: Sequence[Array],
        start: float,
        finish: float,
    ) -> Batch:
        """Give the batch of some points."""
        states = run_states(rows, attempts, start, finish)
        return StateBatch(runs=states, structure=self, computed=list(outputs))

    def failed(
        self,
        row: int,
        attempt: int,
        error: BaseException,
        kind: str,
        message: str,
        start: float,
        finish: float,
    ) -> Batch:
        """Give the batch of a point at which the model failed."""
        return failed_run(row, attempt, error, kind, message, start, finish)


@dataclass(slots=True)
class StateBatch(Batch):
    """The values of a model at some points."""

    structure: Structure | None = None
    computed: list[Array] = field(default_factory=list)


class StateJob:
    """A model with its arguments (a ``runners.base.TraceableJob``)."""

    def __init__(
        self, space: Space, model: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        self._layout = space.layout
        self._model = model
        self._args = tuple(args)
        self._kwargs = dict(kwargs)

    def untraceable(self) -> str | None:
        """Give None."""
        return None

    def likeness(self) -> Hashable:
        """Give a value that is equal for models that would be traced alike."""
        return likeness("states", self._model, self._args, self._kwargs, self._layout)

    def words(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
        """Give zeros: states have their keys in axes."""
        return np.zeros((len(rows), 2), np.uint32)

    def trace(self, row: int, values: Mapping[Path, Any], draws: Draws) -> Structure:
        """Call the model with an abstract state."""
        state = self._layout.build([values[_path(place)] for place in range(len(values))])
        return Structure(self._model(state, *self._args, **self._kwargs))


class Collector:
    """Takes batches of values in any order."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._computed: list[Array] = []
        self.structure: Structure | None = None
        """None as long as nothing came."""
        self.failures: list[Failure] = []

    def take(self, batch: Batch) -> None:
        """Copy the values of a batch to their places."""
        self.failures += batch.failures
        if not isinstance(batch, StateBatch) or batch.runs is None:
            return
        rows = batch.runs.rows
        if self.structure is None:
            self.structure = batch.structure
            if len(rows) == self._count:  # all at once: nothing needs to be copied
                self._computed = batch.computed
                return
            self._computed = [np.empty((self._count, *one.shape[1:]), one.dtype) for one in batch.computed]
        where = slice(int(rows[0]), int(rows[-1]) + 1)
        for whole, one in zip(self._computed, batch.computed, strict=True):
            whole[where if where.stop - where.start == len(rows) else rows] = one

    def columns(self) -> list[Any]:
        """Give a column for each leaf; points that failed hold NaN or 0."""
        if self.structure is None:
            return []
        failed = [failure.row for failure in self.failures]
        if failed:
            for whole in self._computed:
                whole[failed] = np.nan if whole.dtype.kind in "fc" else 0
        return self.structure.columns(self._computed, self._count)


def report_failures(failures: Sequence[Failure], count: int) -> None:
    """Warn of points that failed; raise the first failure if all did."""
    if not failures:
        return
    first = min(failures, key=lambda failure: failure.row)
    text = (
        f"The model failed at {len(failures)} of {count} points, first at point {first.row}: {first.type}: "
        f"{first.message}"
    )
    if len(failures) == count:
        error = first.error or RunFailedError(f"{first.type}: {first.message}\n{first.traceback}")
        error.add_note(text)
        raise error
    warnings.warn(f"{text}. See result.failures; the other points are there.", stacklevel=3)
