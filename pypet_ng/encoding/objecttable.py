"""How do tables keep the exact Python types of their cells?"""

from __future__ import annotations

from typing import Any

import pandas as pd

__all__ = ["ObjectTable"]


class ObjectTable(pd.DataFrame):
    """A DataFrame of dtype object: a Python int in a cell comes back from a file as a Python int.

    >>> table = ObjectTable({"name": ["a", "b"], "count": [1, 2]})
    >>> type(table["count"][0])
    <class 'int'>

    Needs pandas; what is computed from it are plain frames and series.
    """

    def __init__(self, data: Any = None, index: Any = None, columns: Any = None, copy: bool = False) -> None:
        init: Any = super().__init__
        init(data=data, index=index, columns=columns, dtype=object, copy=copy)
