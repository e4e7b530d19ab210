"""How are the containers of pandas stored: frames, series, indices and extension arrays?

One part per column, named by its position (``'0'``, ``'1'``, ...). All parts with one entry per row
share the axis ``rows``, so that the frames of many runs lie in columns cut by one set of lengths.
Row labels are parts ``i...``, column labels are meta where that is possible, else parts ``c...``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from pypet_ng._typing import JSON
from pypet_ng.encoding.documents import from_inline, to_inline
from pypet_ng.encoding.encoded import Encoded
from pypet_ng.encoding.registry import check_at, decode, encode, refusal, register_own
from pypet_ng.encoding.times import register_pandas
from pypet_ng.encoding.vectors import Parts, get_index, get_vector, put_index, put_vector, string_dtype
from pypet_ng.errors import UnsupportedValueError

__all__ = ["PandasCodec", "register_all"]

_ROWS = "rows"


class PandasCodec:
    """One class of pandas, told by two functions how."""

    version = "1"
    ragged = False

    def __init__(
        self,
        kind: str,
        put: Callable[[Any, Parts], dict[str, JSON]],
        get: Callable[[dict[str, Any], Any], Any],
        *classes: type,
    ) -> None:
        self.type_name = f"pandas.{kind}"
        self._put = put
        self._get = get
        self._classes = classes

    def accepts(self, value: Any) -> bool:
        try:
            self.check_inside(value, "")
        except UnsupportedValueError:
            return False
        return True

    def check_inside(self, value: Any, place: str) -> None:
        if type(value) not in self._classes:
            raise refusal(value, place)
        self._try_put(value, Parts(), place)

    def encode(self, value: Any) -> Encoded:
        if type(value) not in self._classes:
            raise refusal(value)
        out = Parts()
        meta = self._try_put(value, out, "")
        return Encoded(self.type_name, self.version, meta, out.arrays, out.axes)

    def decode(self, encoded: Encoded) -> Any:
        return self._get(cast("dict[str, Any]", encoded.meta), encoded.parts)

    def _try_put(self, value: Any, out: Parts, place: str) -> dict[str, JSON]:
        try:
            return self._put(value, out)
        except UnsupportedValueError as error:
            _explain(value, place)
            raise refusal(value, place, f"of what it holds ({error})") from error


def _explain(value: Any, place: str) -> None:
    """Raise an error that names the first column, index or cell that cannot be stored."""
    vectors: dict[str, Any] = {}
    if hasattr(value, "items"):
        columns = value.items() if value.ndim > 1 else (("", value),)
        vectors = {f"{place}[{label!r}]" if label != "" else place: column for label, column in columns}
        vectors[f"{place}.index"] = value.index
    else:
        vectors[place] = value
    for where, vector in vectors.items():
        try:
            put_vector(vector, "0", _ROWS, Parts())
        except UnsupportedValueError as error:
            if vector.dtype == np.dtype(object):
                check_at(vector.tolist(), where)
            raise refusal(value, where, f"its dtype is {vector.dtype}", "convert it (astype)") from error


def _put_frame(frame: Any, out: Parts) -> dict[str, JSON]:
    data: list[JSON] = []
    for position, (_, column) in enumerate(frame.items()):
        data.append(put_vector(column, str(position), _ROWS, out))
    meta: dict[str, JSON] = {"data": data, "index": put_index(frame.index, "i", _ROWS, out)}
    meta["columns"] = _put_labels(frame.columns, out)
    _put_attributes(frame, meta, out)
    return meta


def _get_frame(meta: dict[str, Any], parts: Any) -> Any:
    import pandas as pd

    index = get_index(meta["index"], "i", parts)
    columns: dict[int, Any] = {}
    for position, spec in enumerate(meta["data"]):
        values = get_vector(spec, str(position), parts)
        if values.dtype == np.dtype(object):
            # A bare object array would be searched for text, and become a column of text.
            values = pd.Series(values, index=index, dtype=object, copy=False)
        columns[position] = values
    frame = pd.DataFrame(columns, index=index, copy=False)
    frame.columns = _get_labels(meta["columns"], parts)
    _get_attributes(frame, meta, parts)
    return frame


def _put_series(series: Any, out: Parts) -> dict[str, JSON]:
    meta: dict[str, JSON] = {"data": put_vector(series, "0", _ROWS, out)}
    meta["index"] = put_index(series.index, "i", _ROWS, out)
    if series.name is not None:
        meta["name"] = to_inline(series.name)
    _put_attributes(series, meta, out)
    return meta


def _get_series(meta: dict[str, Any], parts: Any) -> Any:
    import pandas as pd

    values = get_vector(meta["data"], "0", parts)
    name = from_inline(meta["name"]) if "name" in meta else None
    index = get_index(meta["index"], "i", parts)
    series = pd.Series(values, index=index, dtype=values.dtype, name=name, copy=False)
    _get_attributes(series, meta, parts)
    return series


def _put_bare_index(index: Any, out: Parts) -> dict[str, JSON]:
    return {"index": put_index(index, "i", _ROWS, out)}


def _get_bare_index(meta: dict[str, Any], parts: Any) -> Any:
    return get_index(meta["index"], "i", parts)


def _put_array(array: Any, out: Parts) -> dict[str, JSON]:
    return {"data": put_vector(array, "0", _ROWS, out)}


def _get_array(meta: dict[str, Any], parts: Any) -> Any:
    return get_vector(meta["data"], "0", parts)


def _put_labels(columns: Any, out: Parts) -> JSON:
    """Give column labels as meta if they are few words or numbers, since they are the same in all runs."""
    import pandas as pd

    spec: dict[str, JSON] = {}
    dtype = columns.dtype
    if type(columns) is pd.RangeIndex:
        spec["range"] = [columns.start, columns.stop, columns.step]
    elif type(columns) is pd.Index and getattr(dtype, "kind", "") == "O" and isinstance(dtype, np.dtype):
        try:
            spec["labels"] = [to_inline(label) for label in columns]
        except UnsupportedValueError:
            return {"index": put_index(columns, "c", "c", out)}
    elif type(columns) is pd.Index and isinstance(dtype, pd.StringDtype):
        labels = columns.tolist()
        if not all(type(label) is str for label in labels):
            return {"index": put_index(columns, "c", "c", out)}
        spec["labels"] = [to_inline(label) for label in labels]
        spec["string"] = [str(dtype.storage), "NA" if dtype.na_value is pd.NA else "nan"]
    elif type(columns) is pd.Index and isinstance(dtype, np.dtype) and dtype.kind in "iu":
        spec["labels"] = columns.tolist()
        spec["dtype"] = dtype.str
    else:
        return {"index": put_index(columns, "c", "c", out)}
    if columns.name is not None:
        spec["name"] = to_inline(columns.name)
    return spec


def _get_labels(spec: dict[str, Any], parts: Any) -> Any:
    import pandas as pd

    if "index" in spec:
        return get_index(spec["index"], "c", parts)
    name = from_inline(spec["name"]) if "name" in spec else None
    if "range" in spec:
        start, stop, step = spec["range"]
        return pd.RangeIndex(start, stop, step, name=name)
    dtype: Any = np.dtype(spec.get("dtype", object))
    if "string" in spec:
        dtype = string_dtype(*spec["string"])
    labels = np.empty(len(spec["labels"]), object)
    for position, label in enumerate(spec["labels"]):  # a tuple is one label
        labels[position] = from_inline(label)
    # Labels that are tuples would become a MultiIndex without tupleize_cols=False.
    return pd.Index(labels, dtype=dtype, name=name, tupleize_cols=False)


def _put_attributes(value: Any, meta: dict[str, JSON], out: Parts) -> None:
    if not value.flags.allows_duplicate_labels:
        meta["unique"] = True
    if value.attrs:
        encoded = encode(dict(value.attrs))
        for name, part in encoded.parts.items():
            own = f"attrs.{name}" if name else "attrs"
            out.add(own, part, f"attrs.{encoded.axes[name]}" if name in encoded.axes else own)
        meta["attrs"] = [encoded.version, list(encoded.parts)]


def _get_attributes(value: Any, meta: dict[str, Any], parts: Any) -> None:
    if "attrs" in meta:
        version, names = meta["attrs"]
        own = {name: parts[f"attrs.{name}" if name else "attrs"] for name in names}
        value.attrs = decode(Encoded("document", version, parts=own))
    if meta.get("unique"):
        value.flags.allows_duplicate_labels = False


def _get_object_table(meta: dict[str, Any], parts: Any) -> Any:
    from pypet_ng.encoding.objecttable import ObjectTable

    frame = _get_frame(meta, parts)
    table = ObjectTable(frame)
    table.attrs = frame.attrs
    return table


def register_all() -> None:
    """Register all codecs of pandas; imports it."""
    import pandas as pd

    register_pandas()
    indices = (
        pd.Index,
        pd.RangeIndex,
        pd.MultiIndex,
        pd.DatetimeIndex,
        pd.TimedeltaIndex,
        pd.PeriodIndex,
        pd.CategoricalIndex,
        pd.IntervalIndex,
    )
    # Arrays whose class follows from what is stored; numpy's and sparse ones are left out.
    arrays: tuple[type, ...] = (
        pd.Categorical,
        pd.arrays.BooleanArray,
        pd.arrays.FloatingArray,
        pd.arrays.IntegerArray,
        pd.arrays.IntervalArray,
        pd.arrays.PeriodArray,
        type(pd.array(["a"], dtype=pd.StringDtype("python"))),
    )
    from pypet_ng.encoding.objecttable import ObjectTable

    text = pd.Series(["a"]).array
    if isinstance(text.dtype, pd.StringDtype):
        arrays = (*arrays, type(text))
    for kind, put, get, classes in (
        ("frame", _put_frame, _get_frame, (pd.DataFrame,)),
        ("object-table", _put_frame, _get_object_table, (ObjectTable,)),
        ("series", _put_series, _get_series, (pd.Series,)),
        ("index", _put_bare_index, _get_bare_index, indices),
        ("array", _put_array, _get_array, arrays),
    ):
        register_own(PandasCodec(kind, put, get, *classes), *classes)
