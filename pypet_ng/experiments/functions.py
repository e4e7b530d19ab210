"""Which functions may a pipeline call, so that a declaration read from a file cannot do harm?"""

from __future__ import annotations

import importlib
import inspect
import types
from collections.abc import Callable as AnyCallable
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pypet_ng.errors import DesignError, near_names
from pypet_ng.experiments.parts import Callable

__all__ = ["find_function", "register_function"]

_SHORT: Final[Mapping[str, str]] = {"np": "numpy", "jnp": "jax.numpy", "sp": "scipy"}
_ALLOWED: Final = (
    *("numpy", "numpy.fft", "numpy.linalg", "jax.numpy", "jax.numpy.fft", "jax.numpy.linalg", "math"),
    *(
        f"scipy.{part}"
        for part in ["signal", "stats", "fft", "ndimage", "integrate", "interpolate", "linalg", "special"]
    ),
)
_FILES: Final = frozenset(
    [
        "load",
        "save",
        "savez",
        "savez_compressed",
        "savetxt",
        "loadtxt",
        "genfromtxt",
        "fromfile",
        "fromregex",
        "memmap",
        "open_memmap",
        "DataSource",
        "from_dlpack",
        "frombuffer",
        "fromfunction",
        "vectorize",
        "apply_along_axis",
        "apply_over_axes",
        "piecewise",
        "set_printoptions",
        "seterr",
        "seterrcall",
        "setbufsize",
        "get_include",
        "show_config",
        "test",
        "info",
    ]
)
"""Functions of these modules that touch files, call back, or change how everything else works."""

_own: dict[str, AnyCallable[..., Any]] = {}
_F = TypeVar("_F", bound=AnyCallable[..., Any])


def register_function(function: _F, name: str | None = None) -> _F:
    """Let pipelines call a function of the script by its name: ``Callable('name')``. Gives the function.

    It gets the series, shape (time, node), and the arguments of the call. A script that reads results
    only does not need it.
    """
    _own[name or function.__name__] = function
    return function


def find_function(wanted: Callable) -> AnyCallable[..., Any]:
    """Give the function a declaration names; DesignError if there is none or it is not allowed."""
    if not isinstance(wanted, Callable):
        raise DesignError(f"{wanted!r} is no Callable(name, module).")
    name = str(wanted.name)
    if wanted.module is None:
        if name not in _own:
            raise DesignError(
                f"There is no function {name!r} without a module: register_function(...) makes one of your own "
                f"known.{near_names(name, _own)}"
            )
        return _own[name]
    module_name = _SHORT.get(wanted.module, wanted.module)
    if module_name not in _ALLOWED:
        raise DesignError(
            f"The module {wanted.module!r} cannot be used in a pipeline: allowed are {', '.join(_ALLOWED)}. For a "
            "function of your own use register_function(...) and Callable(name) without a module."
        )
    module = importlib.import_module(module_name)
    found = getattr(module, name, None)
    if name.startswith("_") or name in _FILES or not callable(found) or _is_foreign(found):
        raise DesignError(
            f"{module_name} has no function {name!r} for a pipeline.{near_names(name, dir(module))}"
        )
    return found  # type: ignore[no-any-return]


def _is_foreign(found: object) -> bool:
    return isinstance(found, types.ModuleType) or inspect.isclass(found)
