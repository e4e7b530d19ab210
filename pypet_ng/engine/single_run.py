"""How is one run done?"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Path
from pypet_ng.engine.away import AwayStorage, Home
from pypet_ng.engine.batching import BatchBuilder, failure_of
from pypet_ng.engine.definitions import DEFINITION
from pypet_ng.engine.likeness import likeness
from pypet_ng.engine.loading import Shelf
from pypet_ng.engine.seeds import words_of
from pypet_ng.engine.traced import RunTemplate, template_of
from pypet_ng.engine.worklogs import WorkerLogs
from pypet_ng.tree.nodes import Group, Leaf, ParameterLeaf
from pypet_ng.tree.records import Batch, Chunk, Record
from pypet_ng.tree.scope import Draws
from pypet_ng.tree.structure import Tree

__all__ = ["Arguments", "PerRun", "SameForAll", "TreeJob"]


_NOTES: Final[frozenset[Path]] = frozenset(
    [DEFINITION[:2], *(("config", name) for name in ("environment", "git", "sumatra", "merge"))]
)
"""Groups of what environments note down, which no run function is traced by."""


class SameForAll:
    """Every run gets the same arguments."""

    __slots__ = ("args", "kwargs")

    def __init__(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self.args = tuple(args)
        self.kwargs = dict(kwargs)

    def of(self, row: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Give the arguments of run `row`."""
        return self.args, self.kwargs

    def travellers(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Give all that goes to a worker."""
        return self.args, self.kwargs


class PerRun:
    """Each run gets its own element of each argument."""

    __slots__ = ("_args", "_kwargs", "_place")

    def __init__(self, rows: Sequence[int], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        from itertools import islice

        count = len(rows)
        self._args = [list(islice(iter(values), count)) for values in args]
        self._kwargs = {name: list(islice(iter(values), count)) for name, values in kwargs.items()}
        for name, values in (*enumerate(self._args), *self._kwargs.items()):
            if len(values) < count:
                raise ValueError(
                    f"Argument {name!r} of run_map has {len(values)} elements for {count} runs: give one per run."
                )
        self._place = {int(row): place for place, row in enumerate(rows)}

    def travellers(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Give all that goes to a worker."""
        return tuple(self._args), dict(self._kwargs)

    def of(self, row: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Give the arguments of run `row`."""
        place = self._place[row]
        return (
            tuple(values[place] for values in self._args),
            {name: values[place] for name, values in self._kwargs.items()},
        )


Arguments = SameForAll | PerRun


class TreeJob:
    """A run function with the tree it works on (a :class:`pypet_ng.runners.base.Job`).

    A run adds its results to the real tree, below its own run's group; afterwards what it added is
    gathered and taken out again. Nothing is copied per run.
    """

    def __init__(
        self,
        tree: Tree,
        function: Callable[..., Any],
        arguments: Arguments,
        explored: Mapping[tuple[str, ...], Any],
        builder: BatchBuilder,
        *,
        keep_nodes: bool,
        stores: bool = True,
        interval: float,
        waiting_bytes: int,
        stop_at_failure: bool,
        root_seed: int = 0,
        logs: WorkerLogs | None = None,
        home: Home | None = None,
    ) -> None:
        """`home`: where runs on worker processes load from, None if nowhere."""
        self._tree = tree
        self._storage_home = home
        self._away: AwayStorage | None = None
        self._function = function
        self._arguments = arguments
        self._explored = dict(explored)
        self._builder = builder
        self._keep_nodes = keep_nodes
        self._stores = stores
        self._interval = interval
        self._waiting_bytes = waiting_bytes
        self._stop_at_failure = stop_at_failure
        self._root_seed = root_seed
        self._logs = logs
        self._none_ended_well = True
        self.mark: Callable[[int, float], None] | None = None
        """Told which run begins, where somebody wants to know should this process die."""

    @property
    def function(self) -> Callable[..., Any]:
        """The run function."""
        return self._function

    @property
    def arguments(self) -> Arguments:
        """What it gets besides the trajectory."""
        return self._arguments

    @property
    def trajectory(self) -> Any:
        """What it gets first."""
        return self._tree.view(self._tree.root)

    def __getstate__(self) -> dict[str, Any]:
        tree = self._tree
        state = dict(self.__dict__, mark=None, _tree=tree.view(tree.root), _explored=list(self._explored))
        state["_builder"] = self._builder.emptied()
        state["_away"] = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        root = state["_tree"].__pypet_node__
        tree: Tree = root.tree
        explored = {path: tree.at(path) for path in state["_explored"]}
        self.__dict__.update(state, _tree=tree, _explored=explored, _home=state["_tree"], _keep_nodes=False)
        if self._storage_home is not None and isinstance(tree.reserve, Shelf):
            self._away = tree.reserve.leave_home(self._storage_home)

    def perform(self, chunk: Chunk) -> Iterator[Batch]:
        """Do the runs of a chunk; see :class:`pypet_ng.runners.base.Job`."""
        tree = self._tree
        function = self._function
        builder = self._builder
        trajectory = tree.view(tree.root)
        movers = [(self._explored[path].move_to, values) for path, values in chunk.columns.items()]
        constant = self._arguments if isinstance(self._arguments, SameForAll) else None
        args, kwargs = constant.of(0) if constant is not None else ((), {})
        attempts = chunk.attempts.tolist()
        logs = self._logs if self._logs is not None and self._logs.begin() else None
        clock = time.time
        mark = self.mark
        last = clock()
        scope = tree.scope
        tree.move_to(-1)
        for place, row in enumerate(chunk.rows.tolist()):
            for move, values in movers:
                move(row, values[place])
            scope.index = row
            scope.running = True
            if logs is not None:
                logs.begin_run(row)
            if constant is None:
                args, kwargs = self._arguments.of(row)
            failure = None
            value = None
            start = clock()
            if mark is not None:
                mark(row, start)
            try:
                value = function(trajectory, *args, **kwargs)
                finish = clock()
                stored = {} if self._away is None else self._away.take()
                if stored:
                    self._complete(stored)
                if scope.added or scope.links:
                    builder.add(row, scope)
                if stored:
                    builder.add_stored(row, scope, stored.values())
            except KeyboardInterrupt:
                self._clean(keep=False)
                if len(builder):
                    yield builder.take()
                raise
            except BaseException as error:  # a failed run is data, SystemExit included
                finish = clock()
                failure = failure_of(row, error, attempts[place])
                if logs is not None:
                    logs.failed(failure)
                builder.discard(row)
                if self._away is not None:
                    self._away.take()
            builder.end_run(row, start, finish, attempts[place], value, failure)
            if failure is None:
                self._none_ended_well = False
            if scope.added or scope.links:
                self._clean(keep=self._keep_nodes and failure is None)
            if (
                finish - last >= self._interval
                or builder.waiting >= self._waiting_bytes
                or (failure is not None and (self._stop_at_failure or self._none_ended_well))
            ):
                yield builder.take()
                last = clock()
        if len(builder):
            yield builder.take()

    def _complete(self, stored: dict[Path, Record]) -> None:
        """Add to what a run stored by itself the items its leaves got afterwards."""
        for path, record in stored.items():
            leaf = self._tree.at(path)
            if not isinstance(leaf, Leaf):
                continue
            late = {name: value for name, value in leaf.dump().items() if name not in leaf.kept}
            if late:
                data = {**record.data, **late}
                stored[path] = Record(replace(record.skeleton, items=tuple(data)), data)
                leaf.kept |= frozenset(late)

    # -- many runs at once ------------------------------------------------------------------------
    def untraceable(self) -> str | None:
        """Give None if the function may be traced, else why not and what to do."""
        if isinstance(self._arguments, PerRun):
            return (
                "run_map gives each run arguments of its own, which batches of runs cannot have. Explore them "
                "as parameters, or use runner='processes'."
            )
        for path, leaf in self._explored.items():
            if not isinstance(leaf, ParameterLeaf):
                return (
                    f"The explored parameter {'.'.join(path)!r} is a {leaf.class_name} that knows its values by "
                    "itself, one at a time: batches of runs need numbers. Use runner='processes'."
                )
        return None

    def likeness(self) -> Hashable:
        """Give a value that is equal for jobs whose functions would be traced alike."""
        tree = self._tree
        explored = set(self._explored.values())
        fixed: list[Any] = []
        waiting: list[Group] = [tree.root]
        while waiting:
            group = waiting.pop()
            if group.path in _NOTES:
                continue
            # not the root's name: another trajectory of the same structure is traced alike
            fixed.append((group.path, sorted(group.links)))
            for child in group.own() if not group.runs else group.groups.values():
                if isinstance(child, Group):
                    if not child.of_run:
                        waiting.append(child)
                elif isinstance(child, Leaf):
                    content = None if child in explored else child.dump()
                    fixed.append((child.name, child.class_name, content))
        return likeness(
            self._function,
            self._arguments.travellers(),
            fixed,
            list(self._explored),
            asdict(tree.naming),
            dict(tree.wildcards.functions),
            self._builder.keeps_returned,
        )

    def words(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
        """Give the two words of each run's key, shape (run, 2)."""
        return words_of(self._root_seed, rows)

    def trace(self, row: int, values: Mapping[Path, Any], draws: Draws) -> RunTemplate:
        """Do run `row` with abstract values; the tree is afterwards as it was.

        `values` holds one for each explored parameter, `draws` what else differs from run to run.
        """
        tree = self._tree
        scope = tree.scope
        args, kwargs = self._arguments.of(row)
        tree.move_to(-1)
        try:
            for path, value in values.items():
                self._explored[path].move_to(row, value)
            scope.index, scope.running, scope.draws = row, True, draws
            value = self._function(tree.view(tree.root), *args, **kwargs)
            return template_of(scope, row, value, keep_returned=self._builder.keeps_returned)
        finally:
            scope.draws = None
            self._clean(keep=False)
            for path in values:
                self._explored[path].restore_default()
            tree.move_to(-1)

    def _clean(self, *, keep: bool) -> None:
        """Take what the run added out of the tree, or mark it as stored if it is."""
        if not keep:
            self._tree.leave_run()
            return
        for node in self._tree.scope.added if self._stores else ():
            if isinstance(node, Leaf):
                node.kept = frozenset(node.dump())
            node.stored = True
        self._tree.keep_run()
