"""How does a sweep become a record in the electronic lab notebook Sumatra?

Sumatra (Davison 2012) is imported when a project is named. Its last release is of 2021 and does not
close its files properly on newer Pythons, therefore its warnings are not passed on.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Mapping
from typing import Any

__all__ = ["SumatraRecord"]


class SumatraRecord:
    """One record: made when the sweep begins, added to the project when it ends."""

    def __init__(self, project: str, reason: str, label: str | None, parameters: Mapping[str, Any]) -> None:
        """Make a record; ValueError if there is no such project, or Sumatra is not there.

        `parameters` by full name: values as text, explored ones with their range.
        """
        if label is not None and "." in label:
            raise ValueError(f"sumatra_label={label!r}: a label of Sumatra has no dots.")
        load_project, parameter_set, executable = _imported()
        if not os.path.isdir(os.path.join(project, ".smt")):
            raise ValueError(f"sumatra_project={project!r} is no project of Sumatra: run 'smt init' there.")
        self._began = time.monotonic()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._project = load_project(project)
            script = os.path.abspath(sys.argv[0]) if sys.argv and os.path.isfile(sys.argv[0]) else None
            main = None if script is None else os.path.relpath(script, project)
            text = "\n".join(f"{name} = {_quoted(value)}" for name, value in sorted(parameters.items()))
            self._record = self._project.new_record(
                parameters=parameter_set(text),
                main_file=main or "default",
                executable=executable(path=sys.executable),
                label=label,
                reason=reason,
            )

    @property
    def label(self) -> str:
        """The name of the record."""
        return str(self._record.label)

    def finish(self) -> None:
        """Add the record to the project, with its duration and the data files it made."""
        record = self._record
        record.duration = time.monotonic() - self._began
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            record.output_data = record.datastore.find_new_data(record.timestamp)
            self._project.add_record(record)
            self._project.save()


def _quoted(value: Any) -> str:
    return repr(value if isinstance(value, bool | int | float) else " ".join(str(value).split()))


def _imported() -> tuple[Any, Any, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from sumatra.parameters import SimpleParameterSet
            from sumatra.programs import PythonExecutable
            from sumatra.projects import load_project
    except ImportError as error:
        raise ValueError(
            f"sumatra_project needs the package Sumatra ({error}): pip install sumatra, or leave the option out."
        ) from error
    return load_project, SimpleParameterSet, PythonExecutable
