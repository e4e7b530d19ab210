"""Is brian2 imported before any test module does it, in the way that leaves pytest alone?"""

from __future__ import annotations

import tests.brian2.simulator  # noqa: F401
