"""Which leaves does a state have, what are they called, and how is it put together again?

With JAX installed a state is any of its pytrees. Without it: dictionaries, lists, tuples, named tuples
and dataclasses, in the order in which JAX visits them.
"""

from __future__ import annotations

import dataclasses
import re
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pypet_ng.spaces.backend import jax_or_none

__all__ = ["Attribute", "Item", "Place", "Step", "Steps", "Tree", "flatten", "name_of", "parts_of"]

_UNFIT = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Item:
    """A step into a dictionary."""

    key: Any

    @property
    def text(self) -> str:
        """The step in a column's name."""
        return f".{self.key}"

    @property
    def parts(self) -> tuple[str, ...]:
        """The step in a parameter's name: text with dots is several."""
        if isinstance(self.key, str):
            return tuple(map(_fit, self.key.split(".")))
        return (f"i{self.key}",) if isinstance(self.key, int) and self.key >= 0 else (_fit(str(self.key)),)


@dataclass(frozen=True, slots=True)
class Attribute:
    """A step to an attribute."""

    name: str

    @property
    def text(self) -> str:
        """The step in a column's name."""
        return f".{self.name}"

    @property
    def parts(self) -> tuple[str, ...]:
        """The step in a parameter's name."""
        return (_fit(self.name),)


@dataclass(frozen=True, slots=True)
class Place:
    """A step into a sequence."""

    index: int

    @property
    def text(self) -> str:
        """The step in a column's name."""
        return f"[{self.index}]"

    @property
    def parts(self) -> tuple[str, ...]:
        """The step in a parameter's name."""
        return (f"i{self.index}",)


Step: TypeAlias = Item | Attribute | Place
Steps: TypeAlias = tuple[Step, ...]


def _fit(text: str) -> str:
    """Give a text as a name that a parameter can have."""
    fitted = _UNFIT.sub("_", text)
    return fitted if fitted[:1] not in ("", "_", "-") else f"x{fitted}"


def name_of(steps: Steps) -> str:
    """Give the name of a leaf as a column: ``'model.G'``, ``'[0]'``, ``'value'`` for a bare leaf."""
    text = "".join(step.text for step in steps)
    return text.removeprefix(".") or "value"


def parts_of(steps: Steps) -> tuple[str, ...]:
    """Give the name of a leaf as a parameter: ``('model', 'G')``, ``('i0',)``, ``('value',)``."""
    return tuple(part for step in steps for part in step.parts) or ("value",)


@dataclass(frozen=True, slots=True)
class Tree:
    """The leaves of a state, and how to make such a state of other leaves."""

    leaves: list[Any]
    steps: list[Steps]
    rebuild: Callable[[Sequence[Any]], Any]


def flatten(state: Any) -> Tree:
    """Take a state apart; ValueError for a dictionary whose keys have no order."""
    jax = jax_or_none()
    if jax is None:
        leaves: list[Any] = []
        steps: list[Steps] = []
        maker = _walk(state, (), leaves, steps)
        return Tree(leaves, steps, lambda given: maker(iter(given)))
    tree = jax.tree_util
    found, structure = tree.tree_flatten_with_path(state)
    kinds = (
        (tree.DictKey, lambda one: Item(one.key)),
        (tree.GetAttrKey, lambda one: Attribute(one.name)),
        (tree.SequenceKey, lambda one: Place(one.idx)),
        (tree.FlattenedIndexKey, lambda one: Place(one.key)),
    )

    def step(one: Any) -> Step:
        for kind, make in kinds:
            if isinstance(one, kind):
                made: Step = make(one)
                return made
        return Attribute(str(one).strip(".[]'\""))  # a node class with keys of its own

    return Tree(
        [leaf for _, leaf in found],
        [tuple(map(step, path)) for path, _ in found],
        structure.unflatten,
    )


_Maker: TypeAlias = Callable[[Any], Any]


def _walk(node: Any, path: Steps, leaves: list[Any], steps: list[Steps]) -> _Maker:
    """Collect leaves below a node; gives what makes such a node from an iterator of leaves."""
    kind = type(node)
    if node is None:
        return lambda given: None
    if kind in (dict, defaultdict, OrderedDict):
        names = list(node)
        if kind is not OrderedDict:
            try:
                names = sorted(names)
            except TypeError:
                raise ValueError(
                    f"The keys {names!r} of a dictionary have no order: use keys of one type, or an OrderedDict."
                ) from None
        makers = [_walk(node[name], (*path, Item(name)), leaves, steps) for name in names]
        if kind is defaultdict:
            factory = node.default_factory
            return lambda given: defaultdict(
                factory, {name: make(given) for name, make in zip(names, makers, strict=True)}
            )
        make_dict: Any = kind
        return lambda given: make_dict((name, make(given)) for name, make in zip(names, makers, strict=True))
    if isinstance(node, tuple) and hasattr(kind, "_fields"):
        makers = [
            _walk(value, (*path, Attribute(name)), leaves, steps)
            for name, value in zip(kind._fields, node, strict=True)
        ]
        return lambda given: kind(*[make(given) for make in makers])
    if kind in (list, tuple):
        makers = [_walk(value, (*path, Place(place)), leaves, steps) for place, value in enumerate(node)]
        return lambda given: kind([make(given) for make in makers])
    if dataclasses.is_dataclass(node) and not isinstance(node, type):
        names = [field.name for field in dataclasses.fields(node)]
        makers = [_walk(getattr(node, name), (*path, Attribute(name)), leaves, steps) for name in names]

        def make_one(given: Any) -> Any:
            twin = object.__new__(kind)
            for name, make in zip(names, makers, strict=True):
                object.__setattr__(twin, name, make(given))
            return twin

        return make_one
    leaves.append(node)
    steps.append(path)
    return lambda given: next(given)
