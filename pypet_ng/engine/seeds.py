"""Which random numbers belong to a run?

All come from the trajectory's root seed and the run index alone, by ``numpy.random.SeedSequence``
with the index as spawn key: the same on any runner, resumed or not, and no two runs share a stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import jax

__all__ = ["key_of", "rng_of", "seed_of"]


def _sequence(root: int, index: int) -> np.random.SeedSequence:
    # run -1 (no run in particular) has a stream of its own, apart from those of all runs
    key = (index,) if index >= 0 else (2**32 - 1, 0)
    return np.random.SeedSequence(root, spawn_key=key)


def seed_of(root: int, index: int) -> int:
    """Give a whole number below 2**63 for generators that want one."""
    return int(_sequence(root, index).generate_state(1, np.uint64)[0] >> np.uint64(1))


def rng_of(root: int, index: int) -> np.random.Generator:
    """Give a fresh generator at the start of the run's stream."""
    return np.random.default_rng(_sequence(root, index))


def key_of(root: int, index: int) -> jax.Array:
    """Give a typed JAX key; ImportError with the way out if JAX is not installed."""
    try:
        import jax
    except ImportError as error:
        raise ImportError('v_key needs JAX: pip install "pypet_ng[jax]"') from error
    words: Any = _sequence(root, index).generate_state(2, np.uint32)
    key: jax.Array = jax.random.wrap_key_data(jax.numpy.asarray(words), impl="threefry2x32")
    return key
