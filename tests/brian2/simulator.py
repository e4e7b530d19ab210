"""Where do the tests get brian2 from, and how is it set up?"""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from _pytest import doctest


def _imported() -> Any:
    # brian2.tests, which brian2 imports, replaces a class of pytest's by its own, which knows no packages.
    pytests_own = doctest.DoctestModule
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # brian2 uses deprecated names of pyparsing
            import brian2
    except Exception:  # not installed; or, as brian2 2.9 with numpy 2.4, broken
        return None
    finally:
        doctest.DoctestModule = pytests_own  # type: ignore[misc]
    brian2.prefs.codegen.target = "numpy"  # no compiler, no waiting for one
    return brian2


brian2 = _imported()

NO_DEPRECATIONS = pytest.mark.filterwarnings("ignore::DeprecationWarning")
"""For the workers as well, which get the filters of this process."""
