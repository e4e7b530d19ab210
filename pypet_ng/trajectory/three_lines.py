"""How is a plain function explored in three lines?

::

    from pypet_ng import explore, grid

    traj = explore(f, x=grid(0, 1, 11), y=[1, 2, 3])
    print(traj.f_collect("value"))
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pypet_ng.engine.states import takes_state
from pypet_ng.errors import DesignError, near_names
from pypet_ng.spaces.designs import Design, axis, is_axis, multiply
from pypet_ng.spaces.space import Space
from pypet_ng.trajectory.environment import Environment
from pypet_ng.trajectory.options import TABLE

__all__ = ["KeywordFunction", "explore"]

VALUE: Final = "value"
"""Name of the result of a function that gives no dictionary."""


def explore(
    function: Callable[..., Any],
    /,
    *designs: Design | Space | Mapping[str, Any],
    filename: str | os.PathLike[str] | None = None,
    name: str | None = None,
    axes: Mapping[str, Any] | None = None,
    **axes_or_options: Any,
) -> Any:
    """Call ``function(x=..., y=...)`` at all points, keep what it gives, and give the trajectory.

    Parameters
    ----------
    function
        Takes its parameters as keywords. A dictionary it returns gives one result per key, anything
        else one result named ``value``.
    designs
        ``zipped(...)``, ``one_at_a_time(...)``, ``random(...)``, ``cases(...)``, or dictionaries of axes;
        or one Space and nothing else: then ``function(state)`` is called, see :func:`takes_state`.
    filename
        Where all is kept, default ``./hdf5/<name>.hdf5``; ``':memory:'`` keeps nothing on disk.
    name
        Of the trajectory, default: the function's.
    axes
        Axes by name, for names that are options as well.
    axes_or_options
        Options of :class:`Environment`, as ``runner=``, ``ncores=``, ``on_error=``, ``dry_run=``; all
        others are axes: a list, range, array or ``grid(...)``, or a single value, the same in all runs.

    Designs and axes are multiplied in the order given, the first one varying slowest. Called again with
    the same file it runs only what is missing; more values on an axis are more runs. Results are read
    from the file when they are asked for. With ``dry_run=True`` gives an estimate of time and size.

    DesignError (a ValueError), before anything runs, if names and function do not fit each other.
    """
    if not callable(function):
        raise TypeError(f"explore needs a function, not {function!r}.")
    if any(isinstance(one, Space) for one in designs):
        options = _options_with_space(designs, axes, axes_or_options)
        env = _environment(function, filename, name, options)
        env.trajectory.f_explore(designs[0])
        return _run(env, takes_state(function), options)
    signature = _signature(function)
    elsewhere = {*(axes or {}), *(known for one in designs for known in _names(one))}
    options, own_axes = _sorted(function, signature, axes_or_options, elsewhere)
    given: dict[str, Any] = {**(axes or {})}
    for known, values in own_axes.items():
        if known in given:
            raise DesignError(f"{known!r} is given twice, in axes= and as a keyword: give it once.")
        given[known] = values
    fixed = {known: value for known, value in given.items() if not is_axis(value)}
    varied = {known: value for known, value in given.items() if known not in fixed}
    plain = [one for one in designs if not isinstance(one, Space)]
    design = multiply([*plain, varied]) if designs or varied else None
    names = (*(design.names if design is not None else ()), *fixed)
    for known in fixed:
        if design is not None and known in design.names:
            raise DesignError(f"{known!r} is given twice: once with values, once as {fixed[known]!r}.")
    _check_names(function, signature, names)

    for known, column in () if design is None else design.columns.items():
        if column[0] is None:
            raise DesignError(
                f"{known!r} cannot be None: a parameter that holds None is empty, and an empty one cannot be "
                "explored. Let another value stand for it, as False or 'none'."
            )

    env = _environment(function, filename, name, options)
    traj = env.trajectory
    if design is not None:
        for known, column in design.columns.items():
            _add(traj, known, column[0])
        traj.f_explore({f"parameters.{known}": column for known, column in design.columns.items()})
    for known, value in fixed.items():
        _add(traj, known, value)
    return _run(
        env, KeywordFunction(function, design.names if design is not None else (), tuple(fixed)), options
    )


def _environment(
    function: Callable[..., Any], filename: Any, name: str | None, options: dict[str, Any]
) -> Environment:
    """Make the environment; completes the options."""
    options.setdefault("keep_returned", False)  # it gives results, nothing else
    if not {"runner", "multiproc"} & options.keys() and isinstance(ncores := options.get("ncores"), int):
        options["multiproc"] = ncores > 1
    return Environment(trajectory=name or _name_of(function), filename=filename, **options)


def _run(env: Environment, function: Callable[[Any], Any], options: Mapping[str, Any]) -> Any:
    """Do the runs, and give the trajectory ready for looking at results."""
    outcome = env.run(function)
    traj: Any = env.trajectory
    if env.dry_run:
        return outcome
    if traj.v_stored:
        traj.f_load(load_data=1)
        if not {"auto_load", "v_auto_load"} & options.keys():
            traj.v_auto_load = True
    return traj


def _options_with_space(
    designs: Sequence[Any], axes: Mapping[str, Any] | None, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Give the options beside a Space; DesignError if there are other axes."""
    for known in (*(axes or {}), *given):
        if known not in TABLE:
            raise DesignError(
                f"{known!r} is no option of explore, and a Space has all axes in its state: put it there."
                + near_names(known, TABLE)
            )
    if len(designs) > 1:
        raise DesignError(
            f"A Space is explored alone, but {len(designs)} designs are given: put their axes into its state."
        )
    return dict(given)


def _add(traj: Any, name: str, value: Any) -> None:
    try:
        traj.parameters.f_add_parameter(name, value)
    except (TypeError, ValueError) as error:
        error.add_note(f"This was to be the parameter {name!r} of the explored function.")
        raise


class KeywordFunction:
    """A function of keywords as a run function: takes a trajectory, adds what it gives as results."""

    __slots__ = ("_constant", "_getters", "_seen", "fixed", "function", "varied")

    def __init__(
        self, function: Callable[..., Any], varied: tuple[str, ...], fixed: tuple[str, ...] = ()
    ) -> None:
        """`varied` and `fixed` name the parameters it gets, all of them children of ``parameters``."""
        self.function = function
        self.varied = varied
        self.fixed = fixed
        self._seen: Any = None
        self._getters: list[tuple[str, Callable[[], Any]]] = []
        self._constant: dict[str, Any] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return KeywordFunction, (self.function, self.varied, self.fixed)

    def __repr__(self) -> str:
        names = ", ".join((*self.varied, *self.fixed))
        return f"<{getattr(self.function, '__qualname__', self.function)} of {names or 'nothing'}>"

    def _look_up(self, traj: Any) -> None:
        """Find the parameters, once per process: they stay where they are, their values change."""
        self._getters = [(name, traj.f_get(f"parameters.{name}").f_get) for name in self.varied]
        leaves = {name: traj.f_get(f"parameters.{name}") for name in self.fixed}
        # a parameter cannot hold None: it is empty
        self._constant = {name: None if leaf.f_is_empty() else leaf.f_get() for name, leaf in leaves.items()}
        self._seen = traj

    def __call__(self, traj: Any) -> None:
        """Do one run."""
        if self._seen is not traj:
            self._look_up(traj)
        given = self._constant.copy()
        for name, get in self._getters:
            given[name] = get()
        value = self.function(**given)
        if isinstance(value, dict):
            for name, result in value.items():
                if not isinstance(name, str):
                    raise TypeError(
                        f"The function gave a dictionary with the key {name!r}: names of results are text."
                    )
                traj.f_add_result(name, result)
        else:
            traj.f_add_result(VALUE, value)


# -- names ------------------------------------------------------------------------------------------
def _names(design: Any) -> tuple[str, ...]:
    if isinstance(design, Design):
        return design.names
    if isinstance(design, Mapping):
        for name, values in design.items():
            axis(values, name)
        return tuple(design)
    raise DesignError(
        f"explore takes designs such as zipped(...), cases(...) and axes as keywords, not {design!r}. "
        "A list of dictionaries is cases(rows); a list of values needs a name, as x=[...]."
    )


def _signature(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter] | None:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):  # some functions written in C have none
        return None


def _title(function: Any) -> str:
    return getattr(function, "__name__", None) or type(function).__name__


def _name_of(function: Any) -> str:
    """Give a name for the trajectory."""
    inner = getattr(function, "func", function)  # functools.partial
    text = _title(inner)
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_") or "explored"


def _sorted(
    function: Any,
    signature: Mapping[str, inspect.Parameter] | None,
    given: Mapping[str, Any],
    elsewhere: set[str],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part keywords into options and axes; DesignError for one that could be both."""
    options: dict[str, Any] = {}
    axes: dict[str, Any] = {}
    for name, value in given.items():
        if name not in TABLE:
            axes[name] = value
        elif signature is not None and name in signature and name not in elsewhere:
            raise DesignError(
                f"{name!r} is a parameter of {_title(function)!r} and an option of explore as well. For the "
                f"parameter write axes={{{name!r}: ...}}; then {name}=... means the option."
            )
        else:
            options[name] = value
    return options, axes


def _check_names(
    function: Any, signature: Mapping[str, inspect.Parameter] | None, names: tuple[str, ...]
) -> None:
    if signature is None:
        return
    kinds = inspect.Parameter
    usable = [n for n, p in signature.items() if p.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)]
    anything = any(p.kind is kinds.VAR_KEYWORD for p in signature.values())
    title = _title(function)
    takes = f"{title!r} takes {', '.join(map(repr, usable)) or 'nothing'}"
    for name, parameter in signature.items():
        if parameter.kind is kinds.POSITIONAL_ONLY and parameter.default is kinds.empty:
            raise DesignError(
                f"The parameter {name!r} of {title!r} cannot be given as a keyword. Wrap it: "
                f"explore(lambda {name}: {title}({name}), {name}=[...])."
            )
    if not anything:
        for name in names:
            if name not in usable:
                raise DesignError(
                    f"{name!r} is neither a parameter of {title!r} nor an option of explore: {takes}."
                    + near_names(name, [*usable, *TABLE])
                )
    lacking = [n for n in usable if signature[n].default is kinds.empty and n not in names]
    if lacking:
        raise DesignError(
            f"{takes}, but nothing is said about {', '.join(map(repr, lacking))}: "
            "give values to explore, or a single value."
        )
