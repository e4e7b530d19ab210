"""What does a config file say to an environment?

An ini file with keywords of the constructor in ``[trajectory]``, ``[environment]`` and ``[storage_service]``,
parameters and config entries to be added in ``[parameters]`` and ``[config]``, and perhaps the sections
of :mod:`logging.config`. All values are Python literals::

    [environment]
    multiproc = True
    [parameters]
    neuron.tau = 10.0, 'time constant in ms'
"""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import configparser

__all__ = ["NOTHING_MORE", "Additions", "read_config"]

_KEYWORDS: Final = ("trajectory", "environment", "storage_service")


@dataclass(frozen=True, slots=True)
class Additions:
    """What is to be added to the trajectory: value and comment by name."""

    parameters: Mapping[str, tuple[Any, str]]
    config: Mapping[str, tuple[Any, str]]

    def add_to(self, traj: Any) -> None:
        """Add all to a trajectory."""
        for name, (value, comment) in self.parameters.items():
            traj.f_add_parameter(name, value, comment=comment)
        for name, (value, comment) in self.config.items():
            traj.f_add_config(name, value, comment=comment)


NOTHING_MORE: Final = Additions({}, {})


def read_config(config: Any, given: Mapping[str, Any]) -> tuple[dict[str, Any], Additions]:
    """Give the keywords of a config file (a name or a parser), overridden by those `given`, and the rest.

    ValueError if there is no such file, or a value is no Python literal. None reads nothing.
    """
    if config is None:
        return dict(given), NOTHING_MORE
    import configparser

    parser = config if isinstance(config, configparser.RawConfigParser) else _parse(config)
    keywords: dict[str, Any] = {}
    for section in _KEYWORDS:
        keywords |= _literals(parser, section)
    if parser.has_section("loggers") and not any(name.startswith("log") for name in (*keywords, *given)):
        keywords["log_config"] = config
    additions = Additions(_with_comments(parser, "parameters"), _with_comments(parser, "config"))
    return {**keywords, **given}, additions


def _parse(config: Any) -> configparser.RawConfigParser:
    filename = os.fspath(config)
    if not os.path.isfile(filename):
        raise ValueError(
            f"config={config!r}: there is no such file (looked for {os.path.abspath(filename)})."
        )
    import configparser

    # raw: formats of log records are full of percent signs
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    with open(filename, encoding="utf-8") as file:
        parser.read_file(file)
    return parser


def _literals(parser: configparser.RawConfigParser, section: str) -> dict[str, Any]:
    if not parser.has_section(section):
        return {}
    values = {}
    for name, text in parser.items(section, raw=True):
        try:
            values[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError) as error:
            raise ValueError(
                f"{name} = {text!r} in section [{section}] of the config file is no Python literal: numbers, "
                "'text' in quotes, True, None, lists, tuples, dicts."
            ) from error
    return values


def _with_comments(parser: configparser.RawConfigParser, section: str) -> dict[str, tuple[Any, str]]:
    return {
        name: value
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], str)
        else (value, "")
        for name, value in _literals(parser, section).items()
    }
