"""How does the name ``pypet`` come to mean pypet_ng?"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_loader
from types import ModuleType
from typing import TYPE_CHECKING, Final

from pypet_ng.settings import TRUST

if TYPE_CHECKING:
    from importlib.abc import Loader, MetaPathFinder
else:
    # the import system asks for methods, not for these classes, which load a dozen modules
    Loader = MetaPathFinder = object

__all__ = ["VARIABLE", "install"]

VARIABLE: Final = "PYPET_NG_COMPAT"
"""Environment variable that lets worker processes know the name as well."""
_OLD: Final = "pypet"
_NEW: Final = "pypet_ng"


class _Same(Loader):
    """Gives a module of pypet_ng under pypet's name: one object, so that classes are the same."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._target)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # the import system has put the alias' there


class _AliasFinder(MetaPathFinder):
    """Finds ``pypet`` and its modules."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, dot, rest = fullname.partition(".")
        if package != _OLD:
            return None
        name = f"{_NEW}{dot}{rest}"
        try:
            there = find_spec(name) is not None
        except ModuleNotFoundError:  # its parent is no package
            there = False
        return spec_from_loader(fullname, _Same(name)) if there else None


def install() -> None:
    """Let ``import pypet`` mean pypet_ng, in this process and in workers it starts from now on.

    Pickles in files are read from now on, as pypet does (see ``v_allow_pickle``). RuntimeError if the real
    pypet was imported already.
    """
    known = sys.modules.get(_OLD)
    if known is not None and known.__name__ != _NEW:
        raise RuntimeError(
            f"pypet itself was imported already (from {getattr(known, '__file__', 'somewhere')}): call "
            "pypet_ng.compat.install() before anything imports pypet."
        )
    if not any(isinstance(finder, _AliasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AliasFinder())
    os.environ[VARIABLE] = "1"
    TRUST.pickles = True
