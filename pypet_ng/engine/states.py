"""How does a function of a state become a run function?

The state of a run is that of the explored Space at the run's point; without a Space it is a nested
dictionary of all parameters.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from pypet_ng._typing import Path
from pypet_ng.encoding import supports
from pypet_ng.engine.session import Session
from pypet_ng.errors import UnsupportedValueError
from pypet_ng.spaces.backend import is_typed_key
from pypet_ng.spaces.keys import Key, implementation_of, words_of, wrap_words
from pypet_ng.spaces.layout import Layout
from pypet_ng.spaces.pytrees import Item, flatten, parts_of
from pypet_ng.tree.nodes import Group, Leaf, ParameterLeaf
from pypet_ng.tree.records import NodeKind
from pypet_ng.tree.structure import Tree

__all__ = [
    "KeptStatic",
    "StateFunction",
    "StateSource",
    "add_results",
    "bind",
    "plain_of",
    "restore_of",
    "state_of",
    "takes_state",
]

_VALUE: Final = "value"
"""Name of the result of a function that gives no dictionary."""
_PLAIN: Final = frozenset({bool, int, float, complex, str, bytes, type(None), np.ndarray})
_QUICK: Final = _PLAIN | {np.float32, np.float64, np.int32, np.int64, np.uint32, np.bool_}
"""Types of results that are stored as they are."""


# -- what a file keeps of a leaf --------------------------------------------------------------------
def plain_of(value: Any) -> Any:
    """Give a leaf as numpy and Python know it: JAX arrays as numpy's, keys as their words.

    Lists, tuples and dictionaries are looked through; traced values stay as they are.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind in (list, tuple):
        return kind(map(plain_of, value))
    if kind is dict:
        return {name: plain_of(one) for name, one in value.items()}
    if isinstance(value, Key):
        return np.array(value.words)
    jax = sys.modules.get("jax")
    if jax is None or not isinstance(value, jax.Array) or isinstance(value, jax.core.Tracer):
        return value
    array = np.asarray(words_of(value) if is_typed_key(value) else value)
    return array if array.ndim else array[()]


class AsJax:
    """Makes a JAX array of a numpy one; traced values stay as they are."""

    __slots__ = ()

    def __call__(self, value: Any) -> Any:
        import jax

        return jax.numpy.asarray(value)


class AsKey:
    """Makes a key of its words."""

    __slots__ = ("implementation",)

    def __init__(self, implementation: str) -> None:
        self.implementation = implementation

    def __reduce__(self) -> tuple[Any, ...]:
        return AsKey, (self.implementation,)

    def __call__(self, value: Any) -> Any:
        return wrap_words(value, self.implementation)


class AsItIs:
    """Gives a value unchanged."""

    __slots__ = ()

    def __call__(self, value: Any) -> Any:
        return value


def restore_of(value: Any) -> Callable[[Any], Any] | None:
    """Give what makes such a leaf of its plain form; None if the plain form cannot be stored."""
    if isinstance(value, Key) or is_typed_key(value):
        implementation = implementation_of(value)
        return None if implementation is None else AsKey(implementation)
    if value is None or not supports(plain_of(value)):
        return None
    jax = sys.modules.get("jax")
    return AsJax() if jax is not None and isinstance(value, jax.Array) else AsItIs()


# -- the state of a run -----------------------------------------------------------------------------
class KeptStatic(NamedTuple):
    """A static leaf of a state that a parameter keeps."""

    place: int
    path: Path
    restore: Callable[[Any], Any]


class StateSource:
    """How the state of a run is made of the values of its parameters. Crosses processes.

    Static leaves are the script's own objects, in other processes what the parameters keep of them.
    A parameter whose value was replaced (by a traced value, say) goes before the script's object.
    """

    __slots__ = ("_axes", "_statics", "_tree", "kept", "layout", "live", "paths")

    def __init__(
        self,
        layout: Layout,
        paths: tuple[Path, ...],
        kept: tuple[KeptStatic, ...],
        live: Mapping[int, Any] | None = None,
    ) -> None:
        """`paths`: the parameter of each axis; `live`: objects of static leaves that `kept` names."""
        self.layout: Final = layout.without([one.place for one in kept])
        self.paths: Final = paths
        self.kept: Final = kept
        self.live: Final = dict(live or {})
        self._tree: Tree | None = None
        self._axes: list[Any] = []
        self._statics: list[tuple[KeptStatic, Any, Any, Any]] = []

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the live objects: the parameters that keep them travel anyhow.
        return StateSource, (self.layout, self.paths, self.kept)

    def _look_up(self, tree: Tree) -> None:
        """Find the parameters, once per tree: they stay where they are, their values change."""
        self._axes = [_parameter(tree, path) for path in self.paths]
        self._statics = []
        for one in self.kept:
            leaf = _parameter(tree, one.path)
            value = leaf.value
            made = self.live[one.place] if one.place in self.live else one.restore(value)
            self._statics.append((one, leaf, value, made))
        self._tree = tree

    def state(self, tree: Tree) -> Any:
        """Give the state at the tree's current run."""
        if self._tree is not tree:
            self._look_up(tree)
        statics = {
            one.place: made if leaf.value is value else one.restore(leaf.value)
            for one, leaf, value, made in self._statics
        }
        return self.layout.build([leaf.value for leaf in self._axes], statics)


def _parameter(tree: Tree, path: Path) -> Any:
    leaf = tree.at(path)
    if isinstance(leaf, ParameterLeaf) and not leaf.is_empty:
        return leaf
    raise UnsupportedValueError(
        f"The state of a run needs the parameter {'.'.join(path)!r}, which is "
        f"{'not in memory' if leaf is None else 'empty or of a class of its own'}. Load it (f_load), or explore "
        "the Space in this session."
    )


def state_of(session: Session) -> Any:
    """Give the state at the current run."""
    source = session.facts.source
    return _nested(session.tree) if source is None else source.state(session.tree)


def _nested(tree: Tree) -> dict[str, Any]:
    """Give all parameters that have a value as a nested dictionary."""

    def below(group: Group) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for child in group.own():
            if isinstance(child, Group):
                found[child.name] = below(child)
            elif isinstance(child, Leaf) and child.kind is NodeKind.PARAMETER and not child.is_empty:
                found[child.name] = tree.view(child).f_get()
        return found

    start = tree.root.children.get("parameters")
    return below(start) if isinstance(start, Group) else {}


# -- functions of a state ---------------------------------------------------------------------------
class StateFunction:
    """A function of a state as a run function: takes a trajectory, adds what it gives as results."""

    __slots__ = ("function", "source")

    def __init__(self, function: Callable[..., Any], source: StateSource | None = None) -> None:
        if not callable(function):
            raise TypeError(f"takes_state needs a function of a state, not {function!r}.")
        self.function: Final = function
        self.source: Final = source
        """How states are made; None: as the trajectory says."""

    def __reduce__(self) -> tuple[Any, ...]:
        return StateFunction, (self.function, self.source)

    @property
    def __name__(self) -> str:
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    def __repr__(self) -> str:
        return f"<{getattr(self.function, '__qualname__', self.function)} of a state>"

    def __call__(self, traj: Any, *args: Any, **kwargs: Any) -> None:
        """Do one run."""
        source = self.source
        state = traj.v_state if source is None else source.state(traj.__pypet_node__.tree)
        add_results(traj, self.function(state, *args, **kwargs))


def takes_state(function: Callable[..., Any]) -> StateFunction:
    """Let ``env.run`` call ``function(state)``; usable as a decorator.

    The state is that of the explored Space at the run's point, with numpy scalars and arrays for the
    values of axes; without a Space it is a nested dictionary of the parameters. What the function
    gives becomes results: a dictionary one per key, nested ones by path (named tuples and other
    pytrees with named parts likewise), anything else one named ``value``.
    """
    return StateFunction(function)


def bind(function: Any, session: Session) -> Any:
    """Tell a function of a state how the session makes states; other functions stay as they are."""
    if isinstance(function, StateFunction) and function.source is None:
        return StateFunction(function.function, session.facts.source)
    return function


def add_results(traj: Any, value: Any) -> None:
    """Add what a function of a state gave as results of the current run."""
    add = traj.f_add_result
    if type(value) is dict and not _QUICK.issuperset(map(type, value.values())):
        for path, leaf in _named(value, ()):
            add(".".join(path), plain_of(leaf))
    elif type(value) is dict:  # the way of a million runs: numbers by name
        for name, leaf in value.items():
            plain = type(name) is str and name.isidentifier()
            add(name if plain else ".".join(Item(name).parts), leaf)
    elif type(value) in _QUICK:
        add(_VALUE, value)
    else:
        for path, leaf in _named(value, ()):
            add(".".join(path) or _VALUE, plain_of(leaf))


def _named(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Give the results in a value with their paths."""
    kind = type(value)
    if kind in _PLAIN or kind in (list, tuple) or isinstance(value, np.generic | np.ndarray):
        yield path, value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _named(one, (*path, *Item(name).parts))
    elif hasattr(kind, "_fields") and isinstance(value, tuple):
        for name, one in zip(kind._fields, value, strict=True):
            yield from _named(one, (*path, name))
    elif _is_node(value):
        tree = flatten(value)
        for steps, leaf in zip(tree.steps, tree.leaves, strict=True):
            yield (*path, *parts_of(steps)), leaf
    else:
        yield path, value


def _is_node(value: Any) -> bool:
    """Tell whether a value is a registered pytree of JAX; without JAX loaded none is."""
    jax = sys.modules.get("jax")
    if jax is None or isinstance(value, jax.Array):
        return False
    return not jax.tree_util.all_leaves([value])
