"""How is brian2 imported without changing how doctests are collected?

``brian2.tests``, which brian2 imports, replaces a class of pytest's by its own, which knows no packages.
"""

from __future__ import annotations

from _pytest import doctest

_pytests_own = doctest.DoctestModule

import tests.brian2.simulator  # noqa: E402, F401

doctest.DoctestModule = _pytests_own  # type: ignore[misc]
