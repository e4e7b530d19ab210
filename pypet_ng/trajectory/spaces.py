"""How does a trajectory explore a Space?

Axes become explored parameters, static leaves parameters where they can be stored; the definition of
the Space goes to the config.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Any, Final

from pypet_ng._typing import Path
from pypet_ng.encoding import canonical, same
from pypet_ng.engine.definitions import DEFINITION, definition_of
from pypet_ng.engine.session import Session
from pypet_ng.engine.states import KeptStatic, StateSource, plain_of, restore_of
from pypet_ng.errors import DesignError, UnsupportedValueError
from pypet_ng.spaces.columns import Column
from pypet_ng.spaces.definition import Definition
from pypet_ng.spaces.pytrees import name_of
from pypet_ng.spaces.space import Space
from pypet_ng.trajectory import exploring
from pypet_ng.tree.nodes import ParameterLeaf

__all__ = ["expand_space", "explore_space"]

_BELOW: Final[Path] = ("parameters",)
_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")


def explore_space(traj: Any, session: Session, space: Space) -> None:
    """Explore a Space; parameters it needs are added. On an error what is explored stays as it was."""
    columns = _columns(space)
    kept, live, prints = _statics(space)
    definition = replace(space.definition, statics=tuple(prints))
    for path, column in columns.items():
        if session.tree.at(path) is None:
            traj.parameters.f_add_parameter(".".join(path[1:]), column[0])
    for one in kept:
        _keep(traj, session, one, plain_of(live[one.place]))
    exploring.explore(session, {".".join(path): column for path, column in columns.items()})
    session.facts.source = StateSource(space.layout, tuple(columns), tuple(kept), live)
    _write_down(traj, session, definition)


def expand_space(traj: Any, session: Session, space: Space) -> None:
    """Add the points of a Space with the same axes; explores it if nothing is explored."""
    if not session.plan.is_explored:
        explore_space(traj, session, space)
        return
    exploring.expand(session, {".".join(path): column for path, column in _columns(space).items()})
    old = definition_of(session)
    if old is None:
        return
    own = space.definition
    ancestors = dict.fromkeys((old.digest, *old.ancestors, *own.ancestors))
    _write_down(traj, session, replace(own, statics=old.statics, ancestors=tuple(ancestors)))


def _columns(space: Space) -> dict[Path, Column]:
    plan = space.plan(_BELOW)
    return {path: plan.column(path) for path in plan.names}


def _statics(space: Space) -> tuple[list[KeptStatic], dict[int, Any], list[tuple[str, str]]]:
    """Sort static leaves into those that parameters keep, and fingerprints of the others."""
    kept: list[KeptStatic] = []
    live: dict[int, Any] = {}
    prints: list[tuple[str, str]] = []
    for static in space.layout.statics:
        restore = restore_of(static.value)
        if restore is None:
            prints.append((name_of(static.steps), _fingerprint(static.value)))
        else:
            kept.append(KeptStatic(static.place, (*_BELOW, *static.parts), restore))
            live[static.place] = static.value
    return kept, live, prints


def _keep(traj: Any, session: Session, static: KeptStatic, value: Any) -> None:
    leaf = session.tree.at(static.path)
    name = ".".join(static.path)
    if leaf is None:
        traj.parameters.f_add_parameter(".".join(static.path[1:]), value)
        return
    if not isinstance(leaf, ParameterLeaf):
        raise DesignError(
            f"{name!r} is no plain parameter and cannot keep a leaf of the Space: rename one of them."
        )
    if leaf.default is None:
        traj.f_get(name).f_set(value)
    elif not same(leaf.default, value):
        raise DesignError(
            f"The parameter {name!r} is {leaf.default!r}, but the Space has {value!r} there. Let them agree, "
            "or do not add the parameter: the Space does."
        )


def _write_down(traj: Any, session: Session, definition: Definition) -> None:
    text = definition.to_json()
    leaf = session.tree.at(DEFINITION)
    if leaf is None:
        traj.config.f_add_config(".".join(DEFINITION[1:]), text, comment="The explored Space, as JSON")
        return
    view = session.tree.view(leaf)
    view.f_unlock()
    view.f_set(text)
    view.f_lock()


def _fingerprint(value: Any) -> str:
    """Tell an object apart from others in a way that is the same in the next session."""
    named = getattr(value, "__qualname__", None)
    if callable(value) and isinstance(named, str):
        return f"{getattr(value, '__module__', '')}.{named}"
    cls = type(value)
    kind = f"{cls.__module__}.{cls.__qualname__}"
    shows: object = cls.__repr__
    if shows is object.__repr__:  # that is an address
        try:
            data = canonical(plain_of(dict(vars(value))))
        except (TypeError, UnsupportedValueError):  # no attributes, or such as cannot be compared either
            return kind
    else:
        data = _ADDRESS.sub("", repr(value)).encode()
    return f"{kind} {hashlib.sha256(data).hexdigest()[:16]}"
