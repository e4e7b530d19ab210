"""Which program was compiled before, and how is one compiled for batches of a size?"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from pypet_ng._typing import Path
from pypet_ng.runners.base import TraceableJob
from pypet_ng.runners.jax.columns import Feed, Kind, Points
from pypet_ng.runners.jax.devices import import_jax
from pypet_ng.runners.jax.tracing import PointProgram, trace_point

__all__ = ["BatchProgram", "Programs", "programs_for"]

_MOST: Final = 32
_known: OrderedDict[Hashable, Programs] = OrderedDict()
"""Programs by what they depend on, the last used at the end. Not thread safe, as runs are not."""


class BatchProgram:
    """A program compiled for batches of one size."""

    def __init__(
        self, point: PointProgram, size: int, lanes: int, devices: Sequence[Any], constants: list[Any]
    ) -> None:
        """Compile for `size` runs, on each device `lanes` at a time. Takes from 50 ms to many seconds."""
        jax = import_jax()
        self.size = size
        self.lanes = lanes
        self.point = point
        self._constants = constants
        mapped = point.mapped(lanes)
        count = len(point.kinds) + 2
        if len(devices) > 1:
            # Not jit with shardings: a while_loop would then ask all devices in each of its steps whether
            # all are done. And check_vma off: loops inside of users' functions do not pass it.
            split = jax.sharding.PartitionSpec("p")
            mapped = jax.shard_map(
                mapped,
                mesh=jax.sharding.Mesh(np.array(devices), ("p",)),
                in_specs=(split,) * count + (jax.sharding.PartitionSpec(),) * len(constants),
                out_specs=split,
                check_vma=False,
            )
        inputs = [
            jax.ShapeDtypeStruct((size, *kind.shape), np.dtype(kind.dtype)) for kind in point.kinds.values()
        ]
        inputs += [jax.ShapeDtypeStruct((size, 2), np.uint32), jax.ShapeDtypeStruct((size,), np.int32)]
        with jax.default_device(devices[0]):
            began = time.perf_counter()
            self._compiled = jax.jit(mapped).lower(*inputs, *constants).compile()
            self.seconds = time.perf_counter() - began
            """How long the compilation took."""
        self.memory = _memory(self._compiled)
        """Bytes a batch takes on each device, by the compiler's count; 0 if it does not say."""
        self._far = devices[0].platform != "cpu"  # else results are in this memory already
        self._no_words = np.zeros((size, 2), np.uint32)

    def start(self, job: TraceableJob, points: Points) -> list[Any]:
        """Begin a batch and give its outputs, which may not be computed yet.

        The last batch has fewer runs: the last of them is repeated, as made-up values might never end.
        """
        lacking = self.size - len(points)
        inputs = [_padded(points.columns[path], lacking) for path in self.point.kinds]
        rows = _padded(points.rows, lacking)
        inputs.append(job.words(rows) if self.point.uses_words else self._no_words)
        inputs.append(rows.astype(np.int32))
        outputs: list[Any] = self._compiled(*inputs, *self._constants)
        if self._far:
            for output in outputs:
                output.copy_to_host_async()
        return outputs


def _memory(compiled: Any) -> int:
    stats = compiled.memory_analysis()
    if stats is None:
        return 0
    return int(
        stats.temp_size_in_bytes
        + stats.output_size_in_bytes
        + stats.argument_size_in_bytes
        - stats.alias_size_in_bytes
    )


def _padded(column: Any, lacking: int) -> Any:
    return np.concatenate([column, np.repeat(column[-1:], lacking, axis=0)]) if lacking else column


class Programs:
    """The programs of one function on some devices, by batch size."""

    def __init__(self, point: PointProgram, devices: Sequence[Any]) -> None:
        jax = import_jax()
        self.point = point
        self.devices = tuple(devices)
        self._compiled: dict[tuple[int, int], BatchProgram] = {}
        self.best = 0
        """The size that proved good in an earlier sweep, 0: none yet."""
        target: Any = devices[0]
        if len(devices) > 1:
            mesh = jax.sharding.Mesh(np.array(devices), ("p",))
            target = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
        self._constants = [jax.device_put(constant, target) for constant in point.constants]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes that need no compilation, all runs of a device at a time."""
        return tuple(size for size, lanes in self._compiled if size == lanes * len(self.devices))

    def of_size(self, size: int, lanes: int) -> BatchProgram:
        """Give the program for batches of a size, compiling it if it is not there.

        `lanes` at most are done at a time on each device; the size is then made a multiple.
        """
        count = len(self.devices)
        lanes = min(lanes, size // count)
        size -= size % (lanes * count)
        program = self._compiled.get((size, lanes))
        if program is None:
            program = BatchProgram(self.point, size, lanes, self.devices, self._constants)
            self._compiled[size, lanes] = program
        return program

    def forget(self, program: BatchProgram) -> None:
        """Forget a program that takes too much memory."""
        self._compiled.pop((program.size, program.lanes), None)


def programs_for(job: TraceableJob, feed: Feed, devices: Sequence[Any]) -> Programs:
    """Give the programs for a job's function, those of an earlier sweep if nothing they depend on changed.

    `feed` must have a run.
    """
    jax = import_jax()
    kinds: Mapping[Path, Kind] = feed.kinds or {}
    key = (
        job.likeness(),
        tuple(kinds.items()),
        tuple(devices),
        jax.numpy.asarray(1.0).dtype.name,
        jax.config.jax_default_matmul_precision,
        jax.config.jax_debug_nans,
    )
    found = _known.pop(key, None)
    if found is None:
        found = Programs(trace_point(job, feed.first_row(), kinds), devices)
    _known[key] = found
    while len(_known) > _MOST:
        _known.popitem(last=False)
    return found
