"""Which test suites can an implementation of a seam inherit?

They stand outside the package: they may import all of it, and nothing of it imports them.
"""

import pytest

# Before they are imported: their assertions then show values as those of test modules do.
pytest.register_assert_rewrite(
    *(f"{__name__}.contract_{module}" for module in ("base", "columns", "history", "nodes", "plans", "runs"))
)
