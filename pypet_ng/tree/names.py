"""Which names may users give, and what do the abbreviations mean?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pypet_ng._typing import Path
from pypet_ng.errors import InvalidNameError
from pypet_ng.tree.runnames import run_name, set_name

__all__ = ["BRANCHES", "Wildcards", "check_part", "expand", "split"]

BRANCHES: Final = ("config", "parameters", "derived_parameters", "results")
"""The four branches every trajectory can have below its root."""

LONGEST: Final = 128
_SHORT: Final = {
    "par": "parameters",
    "conf": "config",
    "dpar": "derived_parameters",
    "res": "results",
}
_ADMISSIBLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_RUN_STARTS: Final = ("r_", "ru", "rt")
_RUN_SHORT = re.compile(r"(?:r|run)_(\d+|A)")
_SET_SHORT = re.compile(r"(?:rts|runtoset)_(\d+|A)")

_parts: dict[str, Path] = {}


def split(name: str) -> Path:
    """Give the parts of a dotted name, the empty name has none. Cached, as users repeat names."""
    parts = _parts.get(name)
    if parts is None:
        parts = tuple(name.split(".")) if name else ()
        if len(_parts) > 20_000:  # a script that invents names must not fill the memory
            _parts.clear()
        _parts[name] = parts
    return parts


def expand(part: str) -> str:
    """Give the long form of an abbreviation that means the same at any run."""
    long = _SHORT.get(part)
    if long is not None:
        return long
    if part[:1] == "r" and part[:2] in _RUN_STARTS and len(part) < 30:
        match = _RUN_SHORT.fullmatch(part)
        if match is not None:
            return run_name(-1 if match[1] == "A" else int(match[1]))
        match = _SET_SHORT.fullmatch(part)
        if match is not None:
            return set_name(-1 if match[1] == "A" else int(match[1]))
    return part


def check_part(part: str) -> None:
    """Raise InvalidNameError if a node cannot have that name."""
    if not part:
        raise InvalidNameError("A name has an empty part: give at least one letter between the dots.")
    if _ADMISSIBLE.fullmatch(part) is None:
        raise InvalidNameError(
            f"{part!r} cannot name a node: only letters, digits, '_' and '-' can, and not a leading '_'."
        )
    if len(part) >= LONGEST:
        raise InvalidNameError(
            f"The name {part[:30]!r}... has {len(part)} characters: at most {LONGEST - 1} are possible."
        )


class Wildcards:
    """Which words stand for a name that depends on the current run?

    ``$`` and ``crun`` stand for the run's name, ``$set`` and ``crunset`` for its set's; users may add
    functions from a run index (-1: no run in particular) to a name.
    """

    __slots__ = ("_groups", "functions")

    def __init__(self) -> None:
        self.functions: dict[str, Callable[[int], str]] = {
            "$": run_name,
            "crun": run_name,
            "$set": set_name,
            "crunset": set_name,
        }
        self._groups: list[tuple[str, ...]] = [("$", "crun"), ("$set", "crunset")]

    def add(self, functions: Mapping[Any, Callable[[int], str]], *, replace: bool = False) -> None:
        """Add functions by word or tuple of words; ValueError, with nothing added, if a word is in use."""
        new: dict[str, Callable[[int], str]] = {}
        for words, function in functions.items():
            for word in (words,) if isinstance(words, str) else words:
                if word in new or (word in self.functions and not replace):
                    raise ValueError(
                        f"The wildcard {word!r} is given twice: one word, one function. There are already "
                        f"{', '.join(map(repr, self.functions))}."
                    )
                new[word] = function
        self.functions.update(new)
        for words in functions:
            group = (words,) if isinstance(words, str) else tuple(words)
            if group not in self._groups:
                self._groups.append(group)

    def copy_from(self, other: Wildcards) -> None:
        """Take the words and functions of another."""
        self.functions.update(other.functions)
        self._groups = list(other.groups())

    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Give the words, those of one function together."""
        return tuple(self._groups)

    def resolve(self, part: str, index: int) -> str:
        """Give the name a part means when run `index` is the current one."""
        function = self.functions.get(part)
        if function is not None:
            return function(index)
        return expand(part)
