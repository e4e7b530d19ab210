"""How do scripts that were written for pypet run with pypet_ng?

``import pypet_ng.compat; pypet_ng.compat.install()`` makes ``import pypet`` (and its documented modules)
give pypet_ng; ``python -m pypet_ng.compat script.py`` does so for an unmodified script.
"""

from __future__ import annotations

from pypet_ng.compat.alias import install

__all__ = ["install"]
