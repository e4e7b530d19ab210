"""At which run is a tree, and how are names in it to be understood?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pypet_ng._typing import Path
from pypet_ng.settings import TRUST
from pypet_ng.tree.runnames import ALL_RUNS, RUN, RUN_SET, run_name

if TYPE_CHECKING:
    from pypet_ng.tree.nodes import Group, Leaf, Node

__all__ = ["Draws", "Naming", "Reserve", "Scope"]


@dataclass(slots=True)
class Naming:
    """How do names lead to nodes and values? One object per trajectory, users set it by ``v_...``."""

    fast_access: bool = True
    """Give values instead of parameters and of results with one item of their own name."""
    shortcuts: bool = True
    auto_load: bool = False
    max_depth: int | None = None
    iter_recursive: bool = False
    with_links: bool = True
    no_clobber: bool = False
    """A name in use: warn and keep the old node instead of raising."""
    allow_pickle: bool = field(default_factory=lambda: TRUST.pickles)
    """Unpickle what a file holds: it can run any code."""
    auto_run_prepend: bool = True
    """In a run, put results and derived parameters below ``runs.run_XXXXXXXX``."""

    plain: bool = field(init=False, default=True)
    """Follows from the others: looked-up names may be used again, and values be given. A field, since
    each access by name asks for it."""

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        if name in ("fast_access", "shortcuts", "max_depth", "with_links") and hasattr(self, "with_links"):
            plain = self.fast_access and self.shortcuts and self.with_links and self.max_depth is None
            object.__setattr__(self, "plain", plain)


class Reserve(Protocol):
    """Brings nodes and data into memory."""

    def fetch(self, path: Path) -> Node:
        """Load the node at an exact path; DataNotInStorageError if there is none."""

    def fill(self, leaf: Leaf) -> None:
        """Load the data of an empty leaf; DataNotInStorageError if nothing is stored."""


class Draws(Protocol):
    """Stands for what belongs to one run while a function is traced for many runs at once.

    Each method gives an abstract value that works for all runs, or raises an error that says what
    to use instead.
    """

    def key(self) -> Any:
        """Give the run's JAX key."""

    def index(self) -> Any:
        """Give the run's index."""

    def seed(self) -> Any:
        """Give the run's whole number."""

    def rng(self) -> Any:
        """Give the run's numpy generator."""

    def name(self) -> Any:
        """Give the run's name."""


class Scope:
    """At which run is the tree, and what did that run add?"""

    __slots__ = (
        "_functions",
        "_name",
        "_named",
        "_names",
        "added",
        "draws",
        "homes",
        "index",
        "links",
        "plain",
        "running",
        "spare",
    )

    def __init__(self, functions: Mapping[str, Callable[[int], str]]) -> None:
        """Take the functions by which words mean a name at a run; ``$`` names the runs."""
        self._functions = functions
        self.index = -1
        """Current run, -1 for none in particular."""
        self.running = False
        """A run function is at work: only results and derived parameters may be added."""
        self.added: list[Node] = []
        """Nodes attached since the run began, in order."""
        self.links: list[tuple[Group, str]] = []
        """Groups and names of links made since the run began."""
        self.homes: dict[str, Group] = {}
        """The run's own group in each branch, as soon as something was added there."""
        self.plain = 0
        """How many of the added are leaves that hang directly in one of the homes and are known there."""
        self.spare: Group | None = None
        """A run's group that is out of the tree, empty, and unknown to anybody."""
        self.draws: Draws | None = None
        """Set while the function is traced: `index` is then one run of many."""
        self._name = ALL_RUNS
        self._named = -1
        self._names: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the current run's group."""
        index = self.index
        if index != self._named:
            self._named = index
            self._name = self._functions[RUN](index)
            self._names = ()
        return self._name

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the groups that belong to the current run; made when asked for, as many runs never do."""
        name = self.name
        if self.index >= 0 and not self._names:
            self._names = (name, self._functions[RUN_SET](self.index))
        return self._names

    @property
    def renamed(self) -> bool:
        """Whether a user's function names the runs: then nothing of theirs can be folded."""
        return self._functions[RUN] is not run_name

    def name_of(self, index: int) -> str:
        """Give the name of a run; negative: that of no run in particular."""
        return self._functions[RUN](index)

    def forget_names(self) -> None:
        """The functions are others now."""
        self._named = -2
