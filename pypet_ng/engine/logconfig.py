"""How is logging set up from an ini file or a dict, with the words of :mod:`pypet_ng.engine.lognames`?

Files are those of :mod:`logging.config`. Sections whose names begin with ``multiproc_`` are those of
worker processes. Folders of log files are made.
"""

from __future__ import annotations

import ast
import copy
import io
import logging
import os
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from pypet_ng.engine.lognames import LogNames

if TYPE_CHECKING:
    import configparser

__all__ = ["DictConfig", "IniConfig", "LogConfig", "log_config", "remove_handlers"]

_PREFIX: Final = "multiproc_"


class _Once:
    """Sets logging up once for an environment, and takes it back."""

    def __init__(self) -> None:
        self._made: list[logging.Handler] | None = None

    @abstractmethod
    def apply(self, names: LogNames, *, workers: bool = False) -> list[logging.Handler]:
        """Set logging up; give the handlers that were made."""

    def apply_once(self, names: LogNames) -> None:
        """Set logging up, if that was not done before: files may be opened anew for writing."""
        if self._made is None:
            self._made = self.apply(names)

    def remove(self) -> None:
        """Close and remove the handlers that were made."""
        made, self._made = self._made or [], []
        remove_handlers(made)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_made": None}


class IniConfig(_Once):
    """A configuration in the format of :func:`logging.config.fileConfig`. Travels to workers."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IniConfig) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    @property
    def per_run(self) -> bool:
        """Whether the files of a worker change from run to run."""
        parser = self._parser(workers=True)
        return any(word in value for name in parser.sections() for _, value in parser.items(name, raw=True)
                   for word in ("$run", "$set"))  # fmt: skip

    def apply(self, names: LogNames, *, workers: bool = False) -> list[logging.Handler]:
        """Set logging up; give the handlers that were made, none if there are no such sections."""
        parser = self._parser(workers=workers)
        if not parser.has_section("handlers"):
            return []
        for section in parser.sections():
            if section.startswith("handler_") and parser.has_option(section, "args"):
                filled = names.fill(parser.get(section, "args", raw=True))
                parser.set(section, "args", filled)
                _make_folder(parser.get(section, "class", raw=True, fallback=""), filled)
        before = _all_handlers()
        from logging.config import fileConfig  # here: it imports what serves sockets

        fileConfig(parser, disable_existing_loggers=False)
        return [one for one in _all_handlers() if one not in before]

    def _parser(self, *, workers: bool) -> configparser.RawConfigParser:
        import configparser

        whole = configparser.RawConfigParser()
        whole.optionxform = str  # type: ignore[assignment, method-assign]
        whole.read_string(self._text)
        chosen = configparser.RawConfigParser()
        chosen.optionxform = str  # type: ignore[assignment, method-assign]
        for section in whole.sections():
            if section.startswith(_PREFIX) == workers:
                name = section.removeprefix(_PREFIX) if workers else section
                chosen.read_dict({name: dict(whole.items(section, raw=True))})
        return chosen


class DictConfig(_Once):
    """A configuration in the format of :func:`logging.config.dictConfig`; workers have none of their own."""

    per_run = False

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self._config = dict(config)

    def apply(self, names: LogNames, *, workers: bool = False) -> list[logging.Handler]:
        """Set logging up; give the handlers that were made."""
        if workers:
            return []
        config = copy.deepcopy(self._config)
        for handler in config.get("handlers", {}).values():
            if "filename" in handler:
                handler["filename"] = names.fill(str(handler["filename"]))
                _make_parent(handler["filename"])
        config.setdefault("version", 1)
        config.setdefault("disable_existing_loggers", False)
        before = _all_handlers()
        from logging.config import dictConfig

        dictConfig(config)
        return [one for one in _all_handlers() if one not in before]


LogConfig = IniConfig | DictConfig


def log_config(given: Any) -> LogConfig:
    """Make a configuration of an ini file's name, a parser or a dict; ValueError if there is no such file."""
    import configparser

    if isinstance(given, Mapping) and not isinstance(given, configparser.RawConfigParser):
        return DictConfig(given)
    if isinstance(given, configparser.RawConfigParser):
        text = io.StringIO()
        given.write(text)
        return IniConfig(text.getvalue())
    filename = os.fspath(given)
    if not os.path.isfile(filename):
        raise ValueError(
            f"log_config={given!r}: there is no such file (looked for {os.path.abspath(filename)}). Give an ini "
            "file, a parser, a dict, 'DEFAULT', or None for no logging."
        )
    with open(filename, encoding="utf-8") as file:
        return IniConfig(file.read())


def _make_folder(class_name: str, args: str) -> None:
    """Make the folder of a file handler's file, the first of its arguments."""
    if "File" not in class_name:
        return
    try:
        values = ast.literal_eval(args)
    except (ValueError, SyntaxError):
        return  # names of the logging module are allowed there; such a file's folder must exist
    if isinstance(values, tuple) and values and isinstance(values[0], str):
        _make_parent(values[0])


def _make_parent(filename: str) -> None:
    folder = os.path.dirname(filename)
    if folder:
        os.makedirs(folder, exist_ok=True)


def _all_handlers() -> list[logging.Handler]:
    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    return [handler for logger in loggers for handler in logger.handlers]


def remove_handlers(handlers: Iterable[logging.Handler]) -> None:
    """Take handlers away from all loggers and close them."""
    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    for handler in handlers:
        for logger in loggers:
            logger.removeHandler(handler)
        handler.close()
