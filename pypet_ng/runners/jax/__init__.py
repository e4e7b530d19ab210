"""How are many runs done at once, as one compiled program on one or several devices?"""

from pypet_ng.runners.jax.runner import JaxRunner

__all__ = ["JaxRunner"]
