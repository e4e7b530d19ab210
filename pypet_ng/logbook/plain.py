"""Which values can stand in a JSON or YAML file and come back?

Numbers, text, truth values, None, moments, and lists and dictionaries of them. What numpy has of these becomes
Python's; tuples, sets and arrays become lists, paths text. Everything else is refused.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from pypet_ng.errors import UnsupportedValueError

__all__ = [
    "check_yaml",
    "json_text",
    "param_stamps",
    "plain",
    "read_json",
    "read_params",
    "to_json",
    "to_yaml",
]


def plain(value: Any, where: str = "") -> Any:
    """Give a value in plain Python types; UnsupportedValueError names the place in it that has none."""
    kind = type(value)
    if kind in (str, int, float, bool, type(None), datetime.datetime, datetime.date):
        return value
    if isinstance(value, Mapping):
        return {_key(key, where): plain(inner, f"{where}[{key!r}]") for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner, f"{where}[{place}]") for place, inner in enumerate(value)]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist(), where)
    if isinstance(value, enum.Enum):
        return plain(value.value, where)
    for parent in (bool, int, float, str):
        if isinstance(value, parent):
            return parent(value)
    if isinstance(value, set | frozenset):
        return [plain(inner, where) for inner in sorted(value, key=repr)]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, complex | datetime.timedelta | datetime.time):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: plain(getattr(value, field.name), f"{where}.{field.name}") for field in fields}
    if hasattr(value, "__array__"):  # jax, pandas, xarray
        return plain(np.asarray(value), where)
    raise UnsupportedValueError(
        f"{kind.__name__} {value!r:.60}{f' at {where}' if where else ''} cannot be written as plain text that comes "
        "back. Give numbers, text, lists or dictionaries; log.pickle(...) and log.array(...) keep other things."
    )


def _key(key: Any, where: str) -> str:
    if isinstance(key, str):
        return str(key)
    if isinstance(key, np.generic):
        key = key.item()
    if isinstance(key, bool | int | float | tuple) or key is None:
        return json.dumps(key) if not isinstance(key, tuple) else str(key)
    raise UnsupportedValueError(
        f"The key {key!r}{f' at {where}' if where else ''} is no text: use text as keys."
    )


def to_json(value: Any) -> str:
    """Give JSON text, keys sorted; moments as text. NaN and infinities as Python's json writes them."""
    return json_text(plain(value))


def json_text(simple: Any) -> str:
    """Give JSON text of what :func:`plain` gave: a dictionary has one line per key.

    Deeper levels stay on their line: json indents in Python code, ten times slower than its C code.
    """
    if not isinstance(simple, dict) or not simple:
        return _encode(simple)
    lines = [f"  {_encode(key)}: {_encode(simple[key])}" for key in sorted(simple)]
    return "{\n" + ",\n".join(lines) + "\n}"


_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, default=str).encode


def read_json(path: Path) -> Any:
    """Give what a JSON file holds."""
    return json.loads(path.read_bytes())


@functools.cache
def _yaml() -> Any:
    try:
        import yaml
    except ImportError as error:
        raise ImportError('Parameters are kept as YAML: pip install "pypet_ng[logbook]"') from error
    return yaml


@functools.cache
def _yaml_classes() -> tuple[Any, Any]:
    """Give the safe dumper and loader, those written in C where there are such."""
    yaml = _yaml()
    return getattr(yaml, "CSafeDumper", yaml.SafeDumper), getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check_yaml() -> None:
    """Raise ImportError, with the way out, where there is no PyYAML."""
    _yaml()


def to_yaml(params: Mapping[str, Any]) -> str:
    """Give YAML text that any YAML reader takes, keys sorted."""
    simple = plain(params)
    lines = [f"{_yaml_scalar(key)}: {_yaml_scalar(simple[key])}\n" for key in sorted(simple)]
    if simple and not any("\0" in line for line in lines):
        return "".join(lines)
    text: str = _yaml().dump(
        simple, Dumper=_yaml_classes()[0], sort_keys=True, allow_unicode=True, default_flow_style=None
    )
    return text


_WORD: Final = re.compile(r"[A-Za-z_][\w./-]*", re.ASCII)
_RESERVED: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def _yaml_scalar(value: Any) -> str:
    """Give what YAML writes for plain scalars (PyYAML takes 0.2 ms for three), a NUL for all else."""
    kind = type(value)
    if kind is float:
        if value != value or value in (float("inf"), float("-inf")):
            return "\0"
        text = repr(value)
        return text if "." in text or "e" not in text else text.replace("e", ".0e")
    if kind is int:
        return repr(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is str and _WORD.fullmatch(value) and value.lower() not in _RESERVED:
        return str(value)
    return "null" if value is None else "\0"


def param_stamps(folder: str | os.PathLike[str]) -> tuple[tuple[int, int, int] | None, ...]:
    """Give what changes when somebody writes parameters."""
    return tuple(_stamp(f"{os.fspath(folder)}/params.{ext}") for ext in ("yaml", "json"))


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _read_yaml(path: Path) -> dict[str, Any]:
    found = _yaml().load(path.read_bytes(), Loader=_yaml_classes()[1])
    return found or {}


def read_params(folder: Path) -> dict[str, Any]:
    """Give the parameters of a run folder, of the newer file if there are two; {} if there is none."""
    readers = {folder / "params.yaml": _read_yaml, folder / "params.json": read_json}
    ages: dict[Path, int] = {}
    for path in readers:
        try:
            ages[path] = path.stat().st_mtime_ns
        except FileNotFoundError:
            continue
    if not ages:
        return {}
    newest = max(ages, key=ages.__getitem__)  # the first of equals: YAML
    params: dict[str, Any] = readers[newest](newest)
    return params
