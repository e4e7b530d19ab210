"""How does one point's state come about from the values of its axes?

A layout is what all points of a space share: the structure of the state, its static leaves, and how
the leaf of each axis is made of a plain value. It crosses processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from pypet_ng._typing import Path
from pypet_ng.errors import DesignError
from pypet_ng.spaces.pytrees import Steps, Tree, flatten, name_of, parts_of

__all__ = ["Layout", "Static"]

_Wrap = Callable[[Any], Any] | None
_NONE: Final[Mapping[int, Any]] = MappingProxyType({})


class Static(NamedTuple):
    """A leaf that is the same at all points."""

    place: int
    """Its number among the leaves of the state."""
    steps: Steps
    parts: Path
    """What it is called as a parameter."""
    value: Any


class Layout:
    """The structure of a state with some leaves taken by axes. Immutable, thread safe."""

    __slots__ = ("_finishes", "_leaves", "_places", "_tree", "_wraps")

    def __init__(
        self,
        tree: Tree,
        places: Sequence[int],
        wraps: Sequence[_Wrap],
        finishes: Sequence[Callable[[Any], Any]],
    ) -> None:
        """`places`: which leaves of `tree` are axes; DesignError if two leaves have one name."""
        self._tree = tree
        self._places = tuple(places)
        self._wraps = tuple(wraps)
        self._finishes = tuple(finishes)
        self._leaves = list(tree.leaves)
        _check_names([name_of(tree.steps[place]) for place in self._places])

    def __reduce__(self) -> tuple[Any, ...]:
        # Structures of JAX cannot always be pickled: a state with ... for leaves can, if its classes can.
        skeleton = self._tree.rebuild([...] * len(self._leaves))
        statics = [... if place in self._places else leaf for place, leaf in enumerate(self._leaves)]
        return _again, (skeleton, statics, self._places, self._wraps, self._finishes)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes as columns of tables, in the order of the state."""
        return tuple(name_of(self._tree.steps[place]) for place in self._places)

    @property
    def steps(self) -> tuple[Steps, ...]:
        """The ways to the axes' leaves, step by step."""
        return tuple(self._tree.steps[place] for place in self._places)

    @property
    def parts(self) -> tuple[Path, ...]:
        """Names of the axes as parameters; DesignError if two leaves of the state would have one."""
        found = [parts_of(steps) for steps in self._tree.steps]
        taken: dict[Path, int] = {}
        for place, path in enumerate(found):
            for length in range(1, len(path) + 1):
                other = taken.get(path[:length])
                if other is not None:
                    raise self._clash(other, place)
            taken[path] = place
        for place, path in enumerate(found):
            for length in range(1, len(path)):
                if path[:length] in taken:
                    raise self._clash(taken[path[:length]], place)
        return tuple(found[place] for place in self._places)

    def _clash(self, one: int, other: int) -> DesignError:
        names = [name_of(self._tree.steps[place]) for place in (one, other)]
        path = ".".join(parts_of(self._tree.steps[one]))
        return DesignError(
            f"The leaves {names[0]!r} and {names[1]!r} of the state would both be the parameter {path!r}, or one "
            "below the other. Rename a key of the state."
        )

    @property
    def statics(self) -> tuple[Static, ...]:
        """The other leaves."""
        return tuple(
            Static(place, steps, parts_of(steps), leaf)
            for place, (steps, leaf) in enumerate(zip(self._tree.steps, self._leaves, strict=True))
            if place not in self._places
        )

    @property
    def has_wraps(self) -> bool:
        """Whether the leaf of some axis is wrapped."""
        return any(wrap is not None for wrap in self._wraps)

    def without(self, places: Iterable[int]) -> Layout:
        """Give the layout with ``...`` for some static leaves, which :meth:`build` is then told."""
        left = {*places}
        leaves = [... if place in left else leaf for place, leaf in enumerate(self._leaves)]
        tree = Tree(leaves, self._tree.steps, self._tree.rebuild)
        return Layout(tree, self._places, self._wraps, self._finishes)

    def build(self, plain: Sequence[Any], statics: Mapping[int, Any] = _NONE) -> Any:
        """Give the state for one plain value per axis: a number, an array, a key's words; or traced ones.

        `statics` replaces static leaves by their places.
        """
        filled = self._leaves.copy()
        for place, wrap, finish, value in zip(self._places, self._wraps, self._finishes, plain, strict=True):
            filled[place] = finish(value) if wrap is None else wrap(finish(value))
        for place, value in statics.items():
            filled[place] = value
        return self._tree.rebuild(filled)

    def assemble(self, leaves: Sequence[Any]) -> Any:
        """Give the state for one finished leaf per axis, wrapped where the axis says so."""
        filled = self._leaves.copy()
        for place, wrap, leaf in zip(self._places, self._wraps, leaves, strict=True):
            filled[place] = leaf if wrap is None else wrap(leaf)
        return self._tree.rebuild(filled)

    def replace(self, leaves: Sequence[Any]) -> Any:
        """Give the state with other things in the places of the axes, nothing wrapped."""
        filled = self._leaves.copy()
        for place, leaf in zip(self._places, leaves, strict=True):
            filled[place] = leaf
        return self._tree.rebuild(filled)

    def holes(self, leaves: Sequence[Any]) -> Any:
        """Give the structure with `leaves` in the places of the axes, None in the others."""
        filled: list[Any] = [None] * len(self._leaves)
        for place, leaf in zip(self._places, leaves, strict=True):
            filled[place] = leaf
        return self._tree.rebuild(filled)


def _again(
    skeleton: Any, leaves: list[Any], places: Sequence[int], wraps: Sequence[_Wrap], finishes: Any
) -> Layout:
    tree = flatten(skeleton)
    return Layout(Tree(leaves, tree.steps, tree.rebuild), places, wraps, finishes)


def _check_names(names: Sequence[str]) -> None:
    double = [name for name, count in Counter(names).items() if count > 1]
    if double:
        raise DesignError(
            f"Two axes of the state have the name {double[0]!r} in tables and files, as keys with dots and "
            "nested keys read alike. Rename a key of the state."
        )
