"""Which type names do several layers share?"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Path: TypeAlias = tuple[str, ...]
"""The way from the root to a node, without the trajectory's own name: ``('parameters', 'tau')``."""

JSON: TypeAlias = "None | bool | int | float | str | list[JSON] | dict[str, JSON]"
"""What a codec may put into ``Encoded.meta``."""

Array: TypeAlias = npt.NDArray[Any]
Rows: TypeAlias = "slice | npt.NDArray[np.int64]"
"""Run indices: a slice, or an int64 array."""
