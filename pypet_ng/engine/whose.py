"""Whose code is it: the user's, an installed package's, Python's, or this package's?"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["file_of_import", "innermost", "is_ours", "is_own_wrapper", "is_user_class"]

_DEEPEST: Final = 20
_OWN_PACKAGE: Final = __name__.partition(".")[0]


@functools.cache
def _roots() -> tuple[str, ...]:
    import sysconfig  # reads a long table

    paths = sysconfig.get_paths()
    found = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib") if name in paths}
    return tuple(os.path.normcase(os.path.abspath(path)) + os.sep for path in found)


@functools.lru_cache(maxsize=4096)
def is_ours(module: str | None, filename: str | None) -> bool:
    """Tell whether code is the user's: neither installed, nor of Python, nor of this package."""
    top = (module or "").partition(".")[0]
    if top == _OWN_PACKAGE or top in sys.builtin_module_names:
        return False
    if filename is None:
        return top == "__main__"
    if filename.startswith("<frozen"):
        return False
    if filename.startswith("<") or "ipykernel" in filename:
        return top not in sys.stdlib_module_names
    path = os.path.normcase(os.path.abspath(filename))
    if f"{os.sep}site-packages{os.sep}" in path or f"{os.sep}dist-packages{os.sep}" in path:
        return False
    return not path.startswith(_roots())


def is_user_class(cls: type) -> bool:
    module = sys.modules.get(cls.__module__)
    return is_ours(cls.__module__, getattr(module, "__file__", None) if module else "<unknown>")


def is_own_wrapper(value: Any) -> bool:
    """Tell whether an object of this package stands for a user's function."""
    return type(value).__module__.partition(".")[0] == _OWN_PACKAGE and callable(value)


def file_of_import(name: str, level: int, known: Mapping[str, Any]) -> str | None:
    """Give the file of a user's module that a function imports; nothing is imported for it."""
    if level:
        package = str(known.get("__package__") or "").split(".")
        package = package[: len(package) - level + 1]
        if not package or not package[0]:
            return None
        name = ".".join([*package, name]) if name else ".".join(package)
    top = name.partition(".")[0]
    if not top or top in sys.stdlib_module_names or top == _OWN_PACKAGE:
        return None
    module = sys.modules.get(name)
    filename = getattr(module, "__file__", None)
    if module is None:
        filename = _search(name, tuple(sys.path))
    return filename if filename and filename.endswith(".py") and is_ours(name, filename) else None


@functools.lru_cache(maxsize=1024)
def _search(name: str, folders: tuple[str, ...]) -> str | None:
    """Look for a module that is not loaded yet, in the user's folders only."""
    for entry in folders:
        folder = os.path.normcase(os.path.abspath(entry or os.curdir))
        if (folder + os.sep).startswith(_roots()) or "site-packages" in folder or "dist-packages" in folder:
            continue
        place = os.path.join(folder, *name.split("."))
        for filename in (place + ".py", os.path.join(place, "__init__.py")):
            if os.path.isfile(filename):
                return filename
    return None


def innermost(function: Any) -> Any:
    """Give the user's own function in a partial, or in a wrapper of this package."""
    for _ in range(_DEEPEST):
        if isinstance(function, functools.partial):
            function = function.func
        elif is_own_wrapper(function) and callable(getattr(function, "function", None)):
            function = function.function
        else:
            break
    return function
