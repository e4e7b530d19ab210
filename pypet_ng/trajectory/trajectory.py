"""What is a trajectory to its user: the root of the tree, the plan, and the way to the storage?"""

from __future__ import annotations

import datetime
import time as clock
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pypet_ng._typing import Path
from pypet_ng._version import __version__
from pypet_ng.engine import seeds
from pypet_ng.engine.loading import Shelf
from pypet_ng.engine.session import Session
from pypet_ng.engine.states import state_of
from pypet_ng.errors import PresettingError
from pypet_ng.spaces.designs import Design
from pypet_ng.spaces.space import Space
from pypet_ng.trajectory import adding, exploring
from pypet_ng.trajectory.care import Care
from pypet_ng.trajectory.codeviews import CodeViews
from pypet_ng.trajectory.collecting import Collecting
from pypet_ng.trajectory.copying import Copying
from pypet_ng.trajectory.factory import ClassBook
from pypet_ng.trajectory.fileconfig import bring_file_config, note_file_config
from pypet_ng.trajectory.groups import (
    ConfigGroup,
    DerivedParameterGroup,
    NNGroupNode,
    ParameterGroup,
    ResultGroup,
)
from pypet_ng.trajectory.keeping import Keeping, begin_anew, make_service
from pypet_ng.trajectory.leaves import BaseParameter
from pypet_ng.trajectory.manual import ManualRuns
from pypet_ng.trajectory.merging import Merging
from pypet_ng.trajectory.moving import Moving
from pypet_ng.trajectory.naming import NOT_IN_RUNS, check_name, stamped
from pypet_ng.trajectory.options import renamed
from pypet_ng.trajectory.overviews import Overviews
from pypet_ng.trajectory.parameter import Parameter
from pypet_ng.trajectory.reaching import value_of
from pypet_ng.trajectory.result import Result
from pypet_ng.trajectory.runviews import RunViews
from pypet_ng.trajectory.spaces import expand_space, explore_space
from pypet_ng.trajectory.visiting import find_indices
from pypet_ng.tree.names import BRANCHES
from pypet_ng.tree.nodes import Group, Leaf, Node
from pypet_ng.tree.records import NodeKind
from pypet_ng.tree.structure import Tree

__all__ = ["Trajectory"]


class Trajectory(  # type: ignore[misc]  # f_load of the whole takes more options than that of a group
    Keeping,
    Care,
    CodeViews,
    Collecting,
    Overviews,
    RunViews,
    ManualRuns,
    Copying,
    Moving,
    Merging,
    ParameterGroup,
    ConfigGroup,
    DerivedParameterGroup,
    ResultGroup,
    NNGroupNode,
):
    """The container of parameters and results, and the root of their tree.

    Parameters
    ----------
    name
        Name of the trajectory, also in the file.
    add_time
        Append the time to the name.
    comment
        What the trajectory is about.
    dynamic_imports
        Classes (or texts ``'module.Class'``) of own containers, to rebuild them on loading.
    wildcard_functions
        From tuples of words to functions that give a name for a run index (-1: no run).
    storage_service, kwargs
        A storage service (class or object) and its options; ``filename=`` alone means HDF5.

    Not thread safe; to be used by one process.
    """

    __slots__ = ("_book", "_presets", "_session", "_standards")
    _branch: ClassVar[str | None] = None

    def __init__(
        self,
        name: str = "my_trajectory",
        add_time: bool = False,
        comment: str = "",
        dynamic_imports: Any = None,
        wildcard_functions: Mapping[tuple[str, ...], Callable[[int], str]] | None = None,
        storage_service: Any = None,
        **kwargs: Any,
    ) -> None:
        timestamp = clock.time()
        dynamic_imports = renamed(kwargs, "dynamically_imported_classes", "dynamic_imports", dynamic_imports)
        check_name(name)
        if add_time:
            name = stamped(name, timestamp)
        book = ClassBook()
        tree = Tree(name, self._make_view)
        tree.root.comment = comment
        set_ = object.__setattr__
        set_(self, "_book", book)
        set_(self, "_presets", {})
        set_(self, "_standards", {"parameter": Parameter, "result": Result, "leaf": Result})
        set_(self, "_node", tree.root)
        tree.root.view = self
        session = Session(tree, book.make_leaf)
        session.facts.timestamp = timestamp
        set_(self, "_session", session)
        tree.reserved = _RESERVED
        tree.reserve = Shelf(session)
        if dynamic_imports is not None:
            book.add(dynamic_imports)
        if wildcard_functions:
            tree.wildcards.add(wildcard_functions, replace=True)
            tree.scope.forget_names()
        session.storage = make_service(storage_service, name, kwargs, ("comment", "dynamic_imports"))
        note_file_config(self, kwargs)
        begin_anew(session.storage)

    def __reduce__(self) -> tuple[Any, ...]:
        from pypet_ng.trajectory.traveling import pack, unpack

        return unpack, (pack(self),)

    def _make_view(self, node: Node) -> Any:
        return self._book.make_view(node)

    def _wake_branch(self, parts: tuple[str, ...]) -> None:
        # the four branches are there as soon as somebody asks for them
        name = self._tree.wildcards.resolve(parts[0], -1) if parts else ""
        if name in BRANCHES and name not in self._node.children:
            running, self._tree.scope.running = self._tree.scope.running, False
            try:
                self._tree.make_groups(self._node, (name,))
            finally:
                self._tree.scope.running = running

    def __dir__(self) -> list[str]:
        shown = super().__dir__()
        if not self._tree.scope.running:
            return shown
        return [name for name in shown if name not in NOT_IN_RUNS]

    def _bring(self, start: Path, parts: Path, *, shortcuts: bool) -> bool:
        return bring_file_config(self, start, parts, shortcuts=shortcuts)

    # -- facts --------------------------------------------------------------------------------
    @property
    def v_is_root(self) -> bool:
        return True

    @property
    def v_storage_service(self) -> Any:
        """The service that keeps the trajectory, None if nothing does."""
        return self._session.storage

    @v_storage_service.setter
    def v_storage_service(self, service: Any) -> None:
        self._session.storage = None if service is None else make_service(service, self.v_name, {})
        begin_anew(self._session.storage)
        self._session.facts.attached = False
        self._session.facts.stored_runs = 0

    @property
    def v_filename(self) -> str | None:
        """Where the trajectory is kept."""
        storage = self._session.storage
        return None if storage is None else storage.location

    @property
    def v_timestamp(self) -> float:
        """Seconds since the epoch at which the trajectory was made."""
        return self._session.facts.timestamp

    @property
    def v_time(self) -> str:
        """The time at which the trajectory was made, as text."""
        return f"{datetime.datetime.fromtimestamp(self.v_timestamp):%Y_%m_%d_%Hh%Mm%Ss}"

    @property
    def v_version(self) -> str:
        """Version of pypet_ng."""
        return __version__

    @property
    def v_python(self) -> str:
        """Version of Python."""
        import platform

        return platform.python_version()

    @property
    def v_stored(self) -> bool:
        return self._session.facts.attached

    def f_is_empty(self) -> bool:
        """Tell whether there are neither parameters nor results."""
        return not any(
            isinstance(node, Leaf) or (isinstance(node, Group) and node in self._tree.lazy and node.children)
            for name in ("parameters", "derived_parameters", "results")
            if name in self._node.children
            for node in self._tree.walk(self._node.children[name])
        )

    def _label(self, comment: str) -> str:
        return f"{self.v_name} (len:{len(self)}{f', {comment}' if comment else ''})"

    # -- states -------------------------------------------------------------------------------
    @property
    def v_state(self) -> Any:
        """The current run's state: that of the explored Space, with numpy values; without a Space all
        parameters as a nested dictionary. Outside of runs axes have their first values."""
        return state_of(self._session)

    # -- seeds --------------------------------------------------------------------------------
    @property
    def v_seed(self) -> int:
        """A whole number below 2**63 of the current run; the same on any runner, resumed or not."""
        draws = self._tree.scope.draws
        if draws is not None:
            return int(draws.seed())
        return seeds.seed_of(self._session.facts.root_seed(), self._tree.scope.index)

    @property
    def v_rng(self) -> Any:
        """A fresh numpy Generator at the start of the current run's stream.

        Each access begins the stream anew: keep the generator in a variable.
        """
        draws = self._tree.scope.draws
        if draws is not None:
            return draws.rng()
        return seeds.rng_of(self._session.facts.root_seed(), self._tree.scope.index)

    @property
    def v_key(self) -> Any:
        """The JAX key of the current run, the same on any runner; needs ``pypet_ng[jax]``."""
        draws = self._tree.scope.draws
        if draws is not None:
            return draws.key()
        return seeds.key_of(self._session.facts.root_seed(), self._tree.scope.index)

    # -- naming -------------------------------------------------------------------------------
    @property
    def v_standard_parameter(self) -> Any:
        """Class of the leaves ``f_add_parameter`` makes."""
        return self._standards["parameter"]

    @v_standard_parameter.setter
    def v_standard_parameter(self, cls: type) -> None:
        self._set_standard("parameter", cls)

    @property
    def v_standard_result(self) -> Any:
        """Class of the leaves ``f_add_result`` makes."""
        return self._standards["result"]

    @v_standard_result.setter
    def v_standard_result(self, cls: type) -> None:
        self._set_standard("result", cls)

    @property
    def v_standard_leaf(self) -> Any:
        """Class of the leaves ``f_add_leaf`` makes outside the four branches."""
        return self._standards["leaf"]

    @v_standard_leaf.setter
    def v_standard_leaf(self, cls: type) -> None:
        self._set_standard("leaf", cls)

    def _set_standard(self, what: str, cls: type) -> None:
        self._standards[what] = cls
        self._book.add(cls)

    def f_set_properties(self, **kwargs: Any) -> None:
        """Set several ``v_`` properties, named with or without the prefix; AttributeError if unknown."""
        for name, value in kwargs.items():
            full = name if name.startswith("v_") else f"v_{name}"
            if not isinstance(getattr(type(self), full, None), property):
                raise AttributeError(f"A trajectory has no property {full!r}.")
            setattr(self, full, value)

    def f_get_wildcards(self) -> tuple[tuple[str, ...], ...]:
        """Give the words that stand for a name of the current run, those of one function together."""
        return self._tree.wildcards.groups()

    def f_is_wildcard(self, wildcard: str) -> bool:
        """Tell whether a word stands for a name of the current run."""
        return wildcard in self._tree.wildcards.functions

    def f_wildcard(self, wildcard: str = "$", run_idx: int | None = None) -> str:
        """Give the name a wildcard means at a run; ValueError if it is none."""
        functions = self._tree.wildcards.functions
        if wildcard not in functions:
            raise ValueError(f"{wildcard!r} is no wildcard; there are {', '.join(map(repr, functions))}.")
        return functions[wildcard](self._tree.scope.index if run_idx is None else run_idx)

    def f_add_wildcard_functions(self, functions: Mapping[tuple[str, ...], Callable[[int], str]]) -> None:
        """Add wildcards; ValueError if a word is given twice."""
        self._tree.wildcards.add(functions)
        self._tree.places.clear()  # a word that was a plain name so far may be a wildcard now

    def f_add_to_dynamic_imports(self, dynamic_imports: Any) -> None:
        """Add classes (or texts ``'module.Class'``) with which stored leaves are rebuilt."""
        self._book.add(dynamic_imports)

    # -- parameters ---------------------------------------------------------------------------
    def _add_parameter(self, group: NNGroupNode, branch: str, args: Any, kwargs: dict[str, Any]) -> Any:
        adding.refuse_in_run(self._tree, branch, "A parameter")
        leaf = group._new_leaf("parameter", branch, args, kwargs)
        if not self._presets:
            return leaf
        preset = self._presets.pop(leaf.v_full_name, None)
        if preset is not None:
            leaf.f_set(*preset[0], **preset[1])
        return leaf

    def f_preset_parameter(self, param_name: str, *args: Any, **kwargs: Any) -> None:
        """Remember what a parameter is set to as soon as it is added (its ``f_set`` gets it)."""
        self._preset("parameters", param_name, args, kwargs)

    def f_preset_config(self, config_name: str, *args: Any, **kwargs: Any) -> None:
        """Remember what a config parameter is set to as soon as it is added."""
        self._preset("config", config_name, args, kwargs)

    def _preset(self, branch: str, name: str, args: Any, kwargs: Any) -> None:
        self._tree.check_outside_run("Presetting a parameter")
        full = name if name.startswith(branch + ".") else f"{branch}.{name}"
        if self._tree.at(tuple(full.split("."))) is not None:
            raise ValueError(f"{full!r} is there already: presetting comes too late. Use its f_set.")
        self._presets[full] = (args, kwargs)

    def _check_presets(self) -> None:
        if self._presets:
            raise PresettingError(
                f"Preset, but never added: {', '.join(sorted(self._presets))}. "
                "Check the spelling, or remove the f_preset call."
            )

    def f_lock_parameters(self) -> None:
        """Lock all parameters that are not empty."""
        self._lock("parameters")

    def f_lock_derived_parameters(self) -> None:
        """Lock all derived parameters that are not empty."""
        self._lock("derived_parameters")

    def _lock(self, branch: str) -> None:
        start = self._node.children.get(branch)
        for node in self._tree.walk(start) if start is not None else ():
            if isinstance(node, Leaf) and node.kind is NodeKind.PARAMETER and not node.is_empty:
                view: BaseParameter = self._tree.view(node)
                view.f_lock()

    def _leaves_of(self, branch: str, fast_access: bool, copy: bool) -> dict[str, Any]:
        _check_copy(fast_access, copy)
        start = self._node.children.get(branch)
        if start is None:
            return {}
        tree = self._tree
        view = tree.view(start)
        leaves: Iterable[Any] = view.f_iter_leaves(with_links=False)
        return {leaf.v_full_name: value_of(tree, leaf._node) if fast_access else leaf for leaf in leaves}

    def f_get_parameters(self, fast_access: bool = False, copy: bool = True) -> dict[str, Any]:
        """Give all parameters (or their values) by full name."""
        return self._leaves_of("parameters", fast_access, copy)

    def f_get_config(self, fast_access: bool = False, copy: bool = True) -> dict[str, Any]:
        """Give all config parameters (or their values) by full name."""
        return self._leaves_of("config", fast_access, copy)

    def f_get_derived_parameters(self, fast_access: bool = False, copy: bool = True) -> dict[str, Any]:
        """Give all derived parameters (or their values) by full name."""
        return self._leaves_of("derived_parameters", fast_access, copy)

    def f_get_results(self, fast_access: bool = False, copy: bool = True) -> dict[str, Any]:
        """Give all results (or their values) by full name."""
        return self._leaves_of("results", fast_access, copy)

    def f_get_explored_parameters(self, fast_access: bool = False, copy: bool = True) -> dict[str, Any]:
        """Give the explored parameters by full name; None for those that are not in memory."""
        _check_copy(fast_access, copy)
        tree = self._tree
        found: dict[str, Any] = {}
        for path in self._session.plan.names:
            node = tree.at(path)
            found[".".join(path)] = (
                None if node is None else value_of(tree, node) if fast_access else tree.view(node)
            )
        return found

    # -- results ------------------------------------------------------------------------------
    def f_add_result(self, *args: Any, **kwargs: Any) -> Any:
        """Add a result, see :meth:`ResultGroup.f_add_result`."""
        # The way of a million runs: a name that was used before, one value, in a run. It spares
        # finding out what is known already; everything else takes the long way to the same end.
        tree = self._node.tree
        assert tree is not None
        if (
            tree.scope.running
            and len(args) == 2
            and ("results", args[0]) in tree.places
            and self._standards["result"] is Result
            and tree.naming.auto_run_prepend
            and (not kwargs or tuple(kwargs) == ("comment",))
            and "." not in args[0]
        ):
            leaf = Result(*args, **kwargs)
            if tree.add_plain("results", leaf._node):
                return leaf
        return self._new_leaf("result", "results", args, kwargs)

    f_ares = f_add_result

    # -- exploring ----------------------------------------------------------------------------
    def __len__(self) -> int:
        """Give the number of runs, at least 1."""
        return len(self._session.plan)

    def __bool__(self) -> bool:
        return True

    def f_explore(self, build_dict: Mapping[Any, Iterable[Any]] | Design | Space) -> None:
        """Say which points to visit: parameter names with equally many values each, a design, or a Space.

        Ranges and one-dimensional arrays are kept as they are: a million points cost no Python
        object each; ``cartesian_product`` costs the sum of its lists. Raises ValueError for unequal
        or empty values, TypeError for values of another type than the default, or for a parameter
        that is explored already; then nothing is changed.

        A Space brings its parameters along: the way to a leaf becomes its name, places in sequences
        ``i0``, a bare axis ``value``. Its static leaves become parameters where they can be stored.
        See :func:`pypet_ng.takes_state` for functions of its states.
        """
        if isinstance(build_dict, Space):
            explore_space(self, self._session, build_dict)
        else:
            exploring.explore(self._session, build_dict)

    def f_expand(
        self, build_dict: Mapping[Any, Iterable[Any]] | Design | Space, fail_safe: bool = True
    ) -> None:
        """Add points for exactly the explored parameters (explores if there are none).

        Finished runs stay finished. `fail_safe` is always on: on an error nothing is changed.
        """
        if isinstance(build_dict, Space):
            expand_space(self, self._session, build_dict)
        else:
            exploring.expand(self._session, build_dict)

    def f_shrink(self, force: bool = False) -> None:
        """Forget the explored values; TypeError for a stored trajectory unless `force`."""
        exploring.shrink(self._session, force)

    def f_find_idx(
        self, name_list: str | Sequence[str], predicate: Callable[..., Any], vectorized: bool = False
    ) -> Iterator[int]:
        """Give the runs at which `predicate(*values)` of some parameters is true, as an iterator.

        Parameters that are not explored count with their value. With `vectorized` the predicate gets
        arrays with the values of many runs and gives an array of truth values: ``lambda x, y: (x > 1) &
        (y < 5)``. A million runs take about 20 ms then, else about 0.3 s (and what the predicate costs).
        TypeError for results.
        """
        return find_indices(self._session, name_list, predicate, vectorized=vectorized)


def _check_copy(fast_access: bool, copy: bool) -> None:
    if fast_access and not copy:
        raise ValueError("fast_access=True gives a new dictionary of values: use it with copy=True.")


_RESERVED = frozenset(name for name in dir(Trajectory) if name[0] != "_")
"""What ``traj.<name>`` gives instead of a node."""
