"""Which points does a state whose leaves are axes stand for?"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array, Path, Rows
from pypet_ng.errors import DesignError
from pypet_ng.spaces import collecting, keys
from pypet_ng.spaces.arrangement import MODES, Factor, row_numbers
from pypet_ng.spaces.axes import AbstractAxis
from pypet_ng.spaces.columns import Column
from pypet_ng.spaces.definition import Definition
from pypet_ng.spaces.layout import Layout
from pypet_ng.spaces.plan import Plan
from pypet_ng.spaces.pytrees import flatten, name_of
from pypet_ng.spaces.table import AxisTable, arrange, draw
from pypet_ng.spaces.validators import validate

if TYPE_CHECKING:
    import pandas

__all__ = ["Space"]

_Numbers = npt.NDArray[np.int64]


class Space:
    """The points that a state with axes in place of leaves stands for. Immutable.

    A sequence of states: indexing and iterating give the state with one value in place of each axis,
    everything else as it is. Holds the values of the axes, each drawn once; nothing per point.
    Reading is thread safe once a first point was read.

    Parameters
    ----------
    state
        Any pytree of JAX (without JAX: dictionaries, lists, tuples, named tuples, dataclasses), or a
        bare axis. It is not changed; one axis in two places is two axes.
    mode
        ``'zip'``: all axes move together, the shortest ends it, with a warning if they differ.
        ``'product'``: all combinations, the last axis varying fastest. Axes of one group move together
        in both; in a product groups vary slower than single axes.
    key
        For axes that draw: a JAX key. None is always the same key. JAX's legacy keys are taken, too;
        without JAX see :class:`pypet_ng.spaces.Key`.
    key_rule
        :func:`by_position` (axes get keys in their order) or :func:`by_name` (by their names, so that
        a new axis changes no other's draws), or a function of yours like these.

    Raises
    ------
    ValueError
        No axis, an unknown mode, two axes of one name (DesignError).
    """

    def __init__(
        self,
        state: Any,
        mode: str = "zip",
        key: Any = None,
        *,
        key_rule: keys.KeyRule = keys.by_position,
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"Mode must be 'product' or 'zip', got {mode}")
        self._tree = tree = flatten(state)
        self._places = [place for place, leaf in enumerate(tree.leaves) if isinstance(leaf, AbstractAxis)]
        self._axes: tuple[AbstractAxis, ...] = tuple(tree.leaves[place] for place in self._places)
        if not self._axes:
            raise ValueError("Space must contain at least one AbstractAxis instance" + _hint(tree.leaves))
        self.state = state
        self.mode = mode
        self.key = keys.root_key(key)
        self._rule = key_rule
        self._n, self._factors = self._arranged = arrange(self._axes, mode)
        self._parents: tuple[Space, ...] = ()
        self._table: AxisTable | None = None
        self._made: Layout | None = None
        self._getters: list[tuple[int, int, Callable[[int], Any]]] = []
        # Names are checked now; how leaves are made is known when values are.
        self._bare = Layout(
            tree, self._places, [axis.wrap for axis in self._axes], [_no_finish] * len(self._axes)
        )
        validate(state, dict(zip(self._bare.steps, self._axes, strict=True)))

    # -- what it is made of -------------------------------------------------------------------
    @property
    def N(self) -> int:  # noqa: N802  (the name that scripts use)
        """The number of points, however large."""
        return self._n

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes, in the order of the state: ``'model.G'``, ``'[0]'``, ``'value'``."""
        return self._bare.names

    @property
    def axes(self) -> tuple[AbstractAxis, ...]:
        """The axes in the order of the state."""
        return self._axes

    @property
    def key_rule(self) -> keys.KeyRule:
        """What gives each axis its key."""
        return self._rule

    @property
    def axis_state(self) -> Any:
        """The state's structure with its axes, None in place of other leaves."""
        return self._bare.holes(self._axes)

    @property
    def static_state(self) -> Any:
        """The state with None in place of its axes."""
        return self._bare.replace([None] * len(self._axes))

    @property
    def has_wraps(self) -> bool:
        """Whether the leaf of some axis is wrapped."""
        return self._bare.has_wraps

    @property
    def layout(self) -> Layout:
        """How states are made of values."""
        self._drawn()
        assert self._made is not None
        return self._made

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Which value each axis has at a point, by the point's number."""
        return self._factors

    def _drawn(self) -> AxisTable:
        table = self._table
        if table is None:
            table = draw(self.names, self._axes, self._arranged, self.key, self._rule)
            wraps = [axis.wrap for axis in self._axes]
            self._getters = table.getters
            self._made = Layout(self._tree, self._places, wraps, table.finishes)
            self._table = table
        return table

    # -- a sequence of states -----------------------------------------------------------------
    def __len__(self) -> int:
        return self._n

    def __bool__(self) -> bool:
        return True  # there is always a point, and there may be more than len() can say

    def __repr__(self) -> str:
        groups = len({axis.group for axis in self._axes if axis.group is not None})
        tail = f", groups={groups}" if groups else ""
        return f"Space(N={self._n}, mode={self.mode!r}, axes={len(self._axes)}{tail})"

    def __iter__(self) -> Iterator[Any]:
        for index in range(self._n):
            yield self._point(index)

    def __getitem__(self, index: Any) -> Any:
        """Give one state (int), or the Space of some points (slice, list or array of numbers, mask)."""
        if type(index) is int:
            return self._point(index)
        if isinstance(index, slice):
            chosen = np.arange(*index.indices(self._n), dtype=np.int64)
            return self._select(chosen, f"Slice {index}")
        return self._pick(index)

    def _point(self, index: int) -> Any:
        n = self._n
        if not -n <= index < n:
            raise IndexError(f"Index {index} out of range for {n} combinations")
        if index < 0:
            index += n
        if self._table is None:
            self._drawn()
        made = self._made
        assert made is not None
        return made.assemble([leaf(index // repeat % size) for repeat, size, leaf in self._getters])

    def _pick(self, index: Any) -> Any:
        if not isinstance(index, bool | str | bytes | Mapping):
            try:
                return self._point(operator.index(index))
            except TypeError:
                pass
            chosen = np.asarray(index)
            if chosen.ndim == 1 and chosen.dtype == np.bool_:
                if len(chosen) != self._n:
                    raise IndexError(f"A mask of {len(chosen)} values for {self._n} combinations")
                return self._select(np.flatnonzero(chosen).astype(np.int64), "The mask")
            if chosen.ndim == 1 and (chosen.dtype.kind in "iu" or not chosen.size):
                return self._select(row_numbers(chosen.astype(np.int64), self._n), "The list of indices")
        raise TypeError(
            f"Index must be int or slice, got {type(index)}; a list or array of whole numbers or a mask is possible, too"
        )

    def _select(self, rows: _Numbers, what: str) -> Space:
        if not len(rows):
            raise ValueError(f"{what} results in empty parameter space with no combinations")
        return self._zipped(self._drawn().picked(rows), (self,))

    def _zipped(self, axes: Sequence[AbstractAxis], parents: tuple[Space, ...]) -> Space:
        """Give the zipped space of other axes in the same places."""
        made = Space(self._bare.replace(axes), mode="zip", key=self.key, key_rule=self._rule)
        made._parents = parents
        return made

    # -- many points at once ------------------------------------------------------------------
    def gather(self, rows: Rows = slice(None)) -> list[Array]:
        """Give the plain values of some points: per axis one numpy array of shape (row, ...).

        Keys are their words; :meth:`Layout.build` makes states of single rows. No object per point.
        """
        return self._drawn().plain(row_numbers(rows, self._n))

    def columns(self) -> list[Column]:
        """Give the plain values of all points: per axis one column, which costs what the axis costs."""
        return self._drawn().columns()

    def plan(self, below: Path = ("parameters",)) -> Plan:
        """Give the plan of the same points, the axes as parameters below a path.

        Parts of the way to a leaf become names, places in sequences ``i0``, a bare axis ``value``.
        """
        paths = [(*below, *parts) for parts in self._bare.parts]
        return Plan(dict(zip(paths, self.columns(), strict=True)))

    def collect(
        self,
        n_vmap: int | None = None,
        n_pmap: int | None = None,
        fill_value: Any = float("nan"),
        combine: bool = True,
    ) -> Any:
        """Give the state with all values of each axis stacked, shape (n_pmap, n_vmap, n_map, ...).

        n_pmap and n_vmap are there if given; n_map is as many as it takes. If that makes more points
        than there are, the last ones are filled (with a warning): real numbers with `fill_value`,
        whole numbers, bools and keys with 0, True, 0 where `fill_value` is NaN; all with the last
        point's values if it is :data:`LAST_POINT`.

        With ``combine=False`` gives the stacked values and the static leaves as two states with holes
        (None). ValueError if an axis is wrapped and `combine` is true: a wrap is for one point's value.
        """
        if combine and self.has_wraps:
            raise ValueError(
                "collect(combine=True) would give unwrapped values where the state has wrapped axes: use "
                "combine=False and wrap the values of each point."
            )
        shape, rows = collecting.grid_of_rows(self._n, n_vmap, n_pmap, fill_value)
        stacked = [
            collecting.stack(values, self._n, shape, fill_value) for values in self._drawn().leaves(rows)
        ]
        if combine:
            return self._bare.replace(stacked)
        return self._bare.holes(stacked), self.static_state

    def to_dataframe(self) -> pandas.DataFrame:
        """Give a table with one row per point and one column per axis; arrays and keys' words are objects."""
        import pandas as pd

        return pd.DataFrame(self._drawn().tabled())

    # -- other spaces -------------------------------------------------------------------------
    def filter(self, predicate: Callable[[Any], Any]) -> Space:
        """Give the space of the points whose states (with numpy values) `predicate` finds true.

        ValueError if there are none. Calls it once per point.
        """
        layout = self.layout
        chosen: list[int] = []
        for start in range(0, self._n, 4096):
            rows = self.gather(slice(start, start + 4096))
            chosen.extend(
                start + place
                for place, plain in enumerate(zip(*rows, strict=True))
                if predicate(layout.build(plain))
            )
        return self._select(np.array(chosen, np.int64), "The filter")

    def sample(self, k: int, key: Any = None) -> Space:
        """Give the space of `k` different points chosen at random, in their order; the same for the same key.

        ValueError for more than there are. `key` None derives one from the space's own. Costs `k`.
        """
        if not 0 < k <= self._n:
            raise ValueError(
                f"A sample of {k} points from a space of {self._n}: give a number from 1 to that."
            )
        chosen_key = keys.fold_in_all(self.key, np.uint32(0x5A3D)) if key is None else keys.root_key(key)
        rows = keys.generator_of(chosen_key).choice(self._n, k, replace=False, shuffle=False)
        return self._select(np.sort(rows).astype(np.int64), "The sample")

    def extend(self, other: Space | Sequence[Mapping[str, Any]]) -> Space:
        """Give the space of these points, and behind them those of another or of explicit rows.

        Rows are dictionaries from names of axes to values. The other space must have the same axes
        and static leaves; DesignError says what differs. Costs the values of all points.
        """
        if not isinstance(other, Space):
            other = self._zipped(self._drawn().continued(list(other)), ())
        if other.names != self.names:
            raise DesignError(
                f"A space with the axes {', '.join(self.names)} cannot be extended by one with the axes "
                f"{', '.join(other.names)}."
            )
        for mine, theirs in zip(self._bare.statics, other._bare.statics, strict=False):
            if mine.steps != theirs.steps or not collecting.alike(mine.value, theirs.value):
                raise DesignError(
                    f"The static leaf {name_of(mine.steps)!r} is {mine.value!r} in one space and "
                    f"{theirs.value!r} in the other: points of one space share it."
                )
        return self._zipped(self._drawn().joined(other._drawn()), (self, other))

    def __add__(self, other: Space) -> Space:
        return self.extend(other) if isinstance(other, Space) else NotImplemented

    # -- what makes it the exploration it is ----------------------------------------------------
    @property
    def definition(self) -> Definition:
        """What a file keeps, and compares when a script goes on with it. Reads all values once."""
        ancestors: list[str] = []
        for parent in self._parents:
            own = parent.definition
            ancestors += [own.digest, *own.ancestors]
        rule: Any = self._rule if hasattr(self._rule, "__qualname__") else type(self._rule)
        return Definition(
            mode=self.mode,
            key=tuple(keys.words_of(self.key).tolist()),
            key_kind=keys.implementation_of(self.key) or "words",
            key_rule=f"{rule.__module__}.{rule.__qualname__}",
            random=any(axis.random for axis in self._axes),
            axes=self._drawn().facts(),
            ancestors=tuple(dict.fromkeys(ancestors)),
        )


def _no_finish(value: Any) -> Any:
    return value


def _hint(leaves: Sequence[Any]) -> str:
    """Name a leaf that hides axes in its attributes."""
    for leaf in leaves:
        inside = getattr(leaf, "__dict__", None)
        if isinstance(inside, dict) and any(isinstance(value, AbstractAxis) for value in inside.values()):
            name = type(leaf).__name__
            return (
                f": the axes in a {name} are not seen, as it is no pytree. Register the class "
                "(jax.tree_util.register_dataclass), or use a dictionary"
            )
    return ""
