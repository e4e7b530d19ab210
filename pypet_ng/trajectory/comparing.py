"""Are two values, parameters or results equal?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

from pypet_ng.trajectory.leaves import BaseParameter, BaseResult

__all__ = ["nested_equal", "parameters_equal", "results_equal"]


def results_equal(a: Any, b: Any) -> bool:
    """Tell whether two results have the same full name and equal items; comments do not count.

    ValueError if one of them is no result.
    """
    _check(a, b, BaseResult, "results")
    return bool(a.v_full_name == b.v_full_name) and nested_equal(_data(a), _data(b))


def parameters_equal(a: Any, b: Any) -> bool:
    """Tell whether two parameters have the same full name, class, value and range; comments do not count.

    ValueError if one of them is no parameter.
    """
    _check(a, b, BaseParameter, "parameters")
    if a.v_full_name != b.v_full_name or a.f_is_empty() != b.f_is_empty():
        return False
    if type(a) is not type(b) or a.f_has_range() != b.f_has_range() or len(a) != len(b):
        return False
    if a.f_is_empty():
        return True
    if not a._equal_values(a.f_get(), b.f_get()):
        return False
    return not a.f_has_range() or all(
        map(a._equal_values, a.f_get_range(copy=False), b.f_get_range(copy=False))
    )


def _check(a: Any, b: Any, cls: type, what: str) -> None:
    for one in (a, b):
        if not isinstance(one, cls):
            raise ValueError(f"Only {what} can be compared, not {one!r} ({type(one).__name__}).")


def _data(result: Any) -> Any:
    return result.f_to_dict() if hasattr(result, "f_to_dict") else result._store()


def nested_equal(a: Any, b: Any) -> bool:
    """Tell whether two objects are equal, looking into containers, arrays, frames and sparse matrices.

    Objects that say nothing on equality are equal if their attributes are, of whatever classes they
    are. NaN equals NaN.
    """
    if a is b:
        return True
    if a is None or b is None:
        return False
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return _arrays_equal(a, b)
    if _is_of(a, "pandas") or _is_of(b, "pandas"):
        return type(a) is type(b) and _pandas_equal(a, b)
    if _is_of(a, "scipy") or _is_of(b, "scipy"):
        return _sparse_equal(a, b)
    if isinstance(a, (str, bytes)) or isinstance(b, (str, bytes)):
        return bool(a == b)
    if isinstance(a, Mapping):
        return (
            isinstance(b, Mapping)
            and a.keys() == b.keys()
            and all(nested_equal(value, b[key]) for key, value in a.items())
        )
    if isinstance(a, Set):
        return isinstance(b, Set) and a == b
    if isinstance(a, Sequence):
        return isinstance(b, Sequence) and len(a) == len(b) and all(map(nested_equal, a, b))
    return _objects_equal(a, b)


def _is_of(value: Any, package: str) -> bool:
    return any(base.__module__.partition(".")[0] == package for base in type(value).__mro__)


def _arrays_equal(a: Any, b: Any) -> bool:
    if not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray)) or a.shape != b.shape:
        return False
    if a.dtype.kind == "O" or b.dtype.kind == "O":
        return all(map(nested_equal, a.ravel().tolist(), b.ravel().tolist()))
    return bool(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc" and b.dtype.kind in "fc"))


def _pandas_equal(a: Any, b: Any) -> bool:
    if bool(a.equals(b)):
        return True
    if a.shape != b.shape or not a.index.equals(b.index):
        return False
    if a.ndim > 1 and not a.columns.equals(b.columns):
        return False
    return _arrays_equal(a.to_numpy(dtype=object), b.to_numpy(dtype=object))


def _sparse_equal(a: Any, b: Any) -> bool:
    if type(a) is not type(b) or a.shape != b.shape or a.dtype != b.dtype:
        return False
    return bool(np.array_equal(a.toarray(), b.toarray(), equal_nan=a.dtype.kind in "fc"))


def _objects_equal(a: Any, b: Any) -> bool:
    if a != a and b != b:
        return True
    plain: Any = object.__eq__
    if type(a).__eq__ is not plain or type(b).__eq__ is not plain:
        try:
            return bool(a == b)
        except (TypeError, ValueError):  # it compares element by element, or not at all
            pass
    ours, theirs = _attributes(a), _attributes(b)
    return bool(ours) and nested_equal(ours, theirs)


def _attributes(value: Any) -> dict[str, Any]:
    found = dict(getattr(value, "__dict__", {}))
    for cls in type(value).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                found[name] = getattr(value, name)
    return found
