"""How do the columns of a batch become what single runs would have added?

A function is traced at one run. What it added there is the *template* of all runs of the batch: where
results go, their comments, links and notes. Values that depend on the run came out of the trace and are
columns later; the others are the same in all runs.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array
from pypet_ng.encoding import freeze, supports
from pypet_ng.engine.batching import BatchBuilder, failure_of, nonfinite_flags
from pypet_ng.engine.returned import Nothings, Pairs
from pypet_ng.errors import TracingError
from pypet_ng.tree.records import Batch, Block, Failure, RunState, RunStates
from pypet_ng.tree.scope import Scope

__all__ = ["RunTemplate", "TemplateMaker", "failed_run", "run_states", "template_of"]

_Rows = npt.NDArray[np.int64]


class Part(Protocol):
    """Where the values of one item of all runs come from."""

    def column(self, count: int, outputs: Sequence[Array]) -> Array | list[Any]:
        """Give one value per run."""


class Output:
    """A value that came out of the trace as a whole."""

    __slots__ = ("_place",)

    def __init__(self, place: int) -> None:
        self._place = place

    def column(self, count: int, outputs: Sequence[Array]) -> Array | list[Any]:
        """Give the column as it is, not copied."""
        return outputs[self._place]


class Constant:
    """A value that is the same in all runs."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def column(self, count: int, outputs: Sequence[Array]) -> Array | list[Any]:
        """Give the value so many times."""
        return [self.value] * count


class Nested:
    """A container with values that came out of the trace; costs a container per run."""

    __slots__ = ("_parts", "_structure")

    def __init__(self, structure: Any, parts: list[Part]) -> None:
        self._structure = structure
        self._parts = parts

    def column(self, count: int, outputs: Sequence[Array]) -> Array | list[Any]:
        """Give a container for each run."""
        columns = [part.column(count, outputs) for part in self._parts]
        return [self._structure.unflatten(values) for values in zip(*columns, strict=True)]


class TemplateMaker:
    """Sorts the values of one traced run into those that depend on the run and the others."""

    def __init__(self) -> None:
        self.outputs: list[Any] = []
        """Abstract values, in the order in which their columns are expected."""

    def part(self, value: Any) -> Part:
        """Give where the values of all runs come from, for what one run gave."""
        import jax

        if isinstance(value, jax.Array):  # abstract ones count as such
            self.outputs.append(value)
            return Output(len(self.outputs) - 1)
        leaves, structure = jax.tree_util.tree_flatten(value)
        if not any(isinstance(leaf, jax.Array) for leaf in leaves):
            return Constant(freeze(value) if supports(value) else value)
        return Nested(structure, [self.part(leaf) for leaf in leaves])


class TemplateBuilder(BatchBuilder):
    """Gathers what one traced run added; keeps its values as they are."""

    __slots__ = ()

    def _hold(self, value: Any) -> Any:
        return value

    def _frozen(self, value: Any) -> Any:
        return value


class RunTemplate:
    """What the runs of a traced function have in common. Makes batches of columns; keeps no trace."""

    def __init__(self, added: Batch, value: Any, *, keep_returned: bool) -> None:
        maker = TemplateMaker()
        self._blocks = {
            signature: {item: maker.part(values[0]) for item, values in block.columns.items()}
            for signature, block in added.blocks.items()
        }
        self._returned = maker.part(value)
        self._keep_returned = keep_returned
        self._records = [record for _, record in added.records]
        self._notes = added.notes
        self._check_shared()
        self._notes = [replace(note, value=freeze(note.value)) for note in added.notes]
        self.outputs: tuple[Any, ...] = tuple(maker.outputs)
        """The abstract values to be computed; to be taken with :meth:`take_outputs`, once."""

    def _check_shared(self) -> None:
        """Refuse values that depend on the run in places that all runs share."""
        import jax

        places = [(".".join(record.skeleton.path), record.data) for record in self._records]
        places += [(".".join(note.path), note.value) for note in self._notes]
        for path, value in places:
            if any(isinstance(leaf, jax.Array) for leaf in jax.tree_util.tree_leaves(value)):
                raise TracingError(
                    f"{path!r} got a value that differs from run to run, but is no result or derived parameter "
                    "of a single run (an annotation, or a node outside of the run's groups). Batches of runs "
                    "cannot keep such values: add them as results, or use runner='processes'."
                )

    def take_outputs(self) -> tuple[Any, ...]:
        """Give the abstract values, and forget them: they mean nothing after the trace."""
        outputs, self.outputs = self.outputs, ()
        return outputs

    def fill(
        self,
        rows: _Rows,
        attempts: npt.NDArray[np.uint16],
        outputs: Sequence[Array],
        start: float,
        finish: float,
    ) -> Batch:
        """Give the batch of some runs; `outputs`: a column (run, ...) for each output. Not copied."""
        count = len(rows)
        batch = Batch(
            blocks={
                signature: Block(rows, {item: part.column(count, outputs) for item, part in parts.items()})
                for signature, parts in self._blocks.items()
            },
            notes=[replace(note, row=row) for row in rows.tolist() for note in self._notes]
            if self._notes
            else [],
            records=[(int(rows[0]), record) for record in self._records],
        )
        self._return(batch, rows, outputs)
        batch.runs = run_states(rows, attempts, start, finish)
        batch.runs.nonfinite = nonfinite_flags(rows, batch)
        return batch

    def _return(self, batch: Batch, rows: _Rows, outputs: Sequence[Array]) -> None:
        part = self._returned
        column = part.column(len(rows), outputs)
        nothing = isinstance(part, Constant) and part.value is None
        if nothing:
            batch.values = Nothings(rows)
        elif isinstance(column, np.ndarray):
            batch.values = Pairs(rows, np.array(column))  # the caller owns what came back
        else:
            batch.values = Pairs(rows, column)
        if self._keep_returned and (isinstance(column, np.ndarray) or supports(column[0])):
            batch.returned = Block(rows, {"": column})

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
        """Give the batch of a run that failed."""
        return failed_run(row, attempt, error, kind, message, start, finish)


def run_states(rows: _Rows, attempts: npt.NDArray[np.uint16], start: float, finish: float) -> RunStates:
    """Give the states of runs that were done together; times since the epoch."""
    count = len(rows)
    return RunStates(
        rows=rows,
        state=np.full(count, RunState.DONE, np.uint8),
        start=np.full(count, start),
        finish=np.full(count, finish),
        attempt=attempts,
        nonfinite=np.zeros(count, np.uint8),
        host=platform.node(),
    )


def failed_run(
    row: int, attempt: int, error: BaseException, kind: str, message: str, start: float, finish: float
) -> Batch:
    """Give the batch of a run that failed; `kind` and `message` where they say more than the error."""
    failure = failure_of(row, error, attempt)
    if kind:
        failure = Failure(row, kind, message, failure.traceback, attempt, error=error)
    runs = run_states(np.array([row], np.int64), np.array([attempt], np.uint16), start, finish)
    runs.state[:] = failure.state
    return Batch(failures=[failure], runs=runs)


def template_of(scope: Scope, row: int, value: Any, *, keep_returned: bool) -> RunTemplate:
    """Give the template of what one traced run left in the tree and returned.

    A node that is returned counts as nothing: it would hold the abstract value for ever.
    """
    if hasattr(value, "__pypet_node__"):
        value = None
    builder = TemplateBuilder(keep_returned=False)
    builder.add(row, scope)
    return RunTemplate(builder.batch, value, keep_returned=keep_returned)
