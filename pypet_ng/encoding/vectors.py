"""How is one column, index or categorical of pandas stored?

A *vector* has a name (``'0'``, ``'i'``) that begins the names of its parts, a label for its first axis
(``'rows'``), and a JSON description:

=============  ================================================================================
``"plain"``    the array itself
``array``      an array in one of the forms of ``arrays.py`` (its meta follows)
``text``       UTF-8 bytes, and ``.n``: bytes per row, or -1 None, -2 nan, -3 NA, -4 NaT
``string``     the same for a string dtype: [storage, missing value]
``object``     another encoded list: type, version, meta, parts
``zoned``      UTC ticks: [unit, time zone]
``masked``     nullable numbers: data (0 where missing), ``.m``: the mask; name of the dtype
``category``   codes, ``.c``: the categories, another vector; ``ordered``
``period``     ordinals; frequency
``interval``   ``.l`` and ``.r``, two vectors; closed side
=============  ================================================================================
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import JSON, Array
from pypet_ng.encoding.arrays import decode_array, dtype_supported, encode_array, is_plain
from pypet_ng.encoding.documents import from_inline, to_inline
from pypet_ng.encoding.encoded import Encoded
from pypet_ng.encoding.registry import decode, encode, refusal
from pypet_ng.encoding.text import join_text, split_text
from pypet_ng.encoding.times import tz_from_json, tz_supported, tz_to_json

__all__ = ["Parts", "get_index", "get_vector", "put_index", "put_vector", "string_dtype"]


class Parts:
    """Collects the parts of a frame."""

    __slots__ = ("arrays", "axes")

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}
        self.axes: dict[str, str] = {}

    def add(self, name: str, array: Array, axis: str) -> None:
        self.arrays[name] = array
        if axis != name:
            self.axes[name] = axis


def put_vector(values: Any, name: str, axis: str, out: Parts) -> JSON:
    """Add the parts of an array, extension array, Series or Index, and give its description."""
    dtype = values.dtype
    if isinstance(dtype, np.dtype):
        if dtype.kind == "O":
            return _put_objects(np.asarray(values).tolist(), name, axis, out)
        if is_plain(dtype):
            out.add(name, _copied(values), axis)
            return "plain"
        if not dtype_supported(dtype):
            raise refusal(values, reason=f"its dtype is {dtype}")
        encoded = encode_array(np.asarray(values))
        out.add(name, encoded.parts[""], axis)
        return {"array": dict(encoded.meta)}
    return _put_extension(values, dtype, name, axis, out)


def _copied(values: Any) -> Array:
    # np.array(series) asks pandas for attributes it has not, which costs more than the copy
    return np.array(values) if isinstance(values, np.ndarray) else values.to_numpy(copy=True)


def _put_extension(values: Any, dtype: Any, name: str, axis: str, out: Parts) -> JSON:
    import pandas as pd

    array = getattr(values, "array", values)
    if isinstance(dtype, pd.StringDtype):
        _put_text(np.asarray(array, dtype=object).tolist(), name, axis, out)
        return {"string": [str(dtype.storage), "NA" if dtype.na_value is pd.NA else "nan"]}
    if isinstance(dtype, pd.CategoricalDtype):
        out.add(name, np.array(array.codes), axis)
        categories = put_index(array.categories, f"{name}.c", f"{name}.c", out)
        return {"category": categories, "ordered": bool(array.ordered)}
    if isinstance(dtype, pd.DatetimeTZDtype):
        if not tz_supported(dtype.tz):
            raise refusal(values, reason=f"its time zone {dtype.tz!r} would not come back")
        out.add(name, np.array(array.asi8), axis)
        return {"zoned": [dtype.unit, tz_to_json(dtype.tz)]}
    if isinstance(dtype, pd.PeriodDtype):
        out.add(name, np.array(array.asi8), axis)
        return {"period": str(array.freqstr)}
    if isinstance(dtype, pd.IntervalDtype):
        # Sides as indices: they keep a tz, and an interval index has them at hand.
        left = put_vector(array.left, f"{name}.l", axis, out)
        right = put_vector(array.right, f"{name}.r", axis, out)
        return {"interval": [left, right], "closed": str(dtype.closed)}
    if type(dtype).__name__ in _MASKED and type(dtype).__module__.partition(".")[0] == "pandas":
        mask = np.array(array.isna())
        number_type: Any = dtype.numpy_dtype
        out.add(name, array.to_numpy(number_type, na_value=number_type.type(0), copy=True), axis)
        out.add(f"{name}.m", mask, axis)
        return {"masked": str(dtype)}
    raise refusal(values, reason=f"its dtype is {dtype}", remedy="convert it (astype)")


_MASKED = frozenset(
    {"BooleanDtype", "Float32Dtype", "Float64Dtype"}
    | {f"{sign}Int{bits}Dtype" for sign in ("", "U") for bits in (8, 16, 32, 64)}
)


def _missing_code(value: object) -> int:
    """Give the negative length that stands for a missing text, 0 if it is none."""
    if value is None:
        return -1
    if type(value) is float and value != value:
        return -2
    import pandas as pd

    return -3 if value is pd.NA else -4 if value is pd.NaT else 0


def _put_text(values: list[Any], name: str, axis: str, out: Parts) -> bool:
    """Add texts, some of which may be missing; False if something else is among them."""
    if set(map(type, values)) <= {str}:
        data, lengths = join_text(values)
    else:
        codes = [0 if type(value) is str else _missing_code(value) for value in values]
        if any(not code and type(value) is not str for code, value in zip(codes, values, strict=True)):
            return False
        data, lengths = join_text([value if type(value) is str else "" for value in values])
        missing = np.array(codes, np.int64)
        lengths = np.where(missing < 0, missing, lengths)
    out.add(name, data, name)
    out.add(f"{name}.n", lengths, axis)
    return True


def _put_objects(values: list[Any], name: str, axis: str, out: Parts) -> JSON:
    if _put_text(values, name, axis, out):
        return "text"
    encoded = encode(values)
    for part, array in encoded.parts.items():
        own = f"{name}.{part}" if part else name
        out.add(own, array, f"{name}.{encoded.axes[part]}" if part in encoded.axes else own)
    return {"object": [encoded.type, encoded.version, dict(encoded.meta), list(encoded.parts)]}


def string_dtype(storage: str, missing: str) -> Any:
    """Give pandas' dtype of texts, by its storage and its missing value ("NA" or "nan")."""
    import pandas as pd

    # The second argument came with pandas 2.3.
    return pd.StringDtype(storage) if missing == "NA" else pd.StringDtype(storage, na_value=float("nan"))


def _get_text(name: str, parts: Any, missing: dict[int, Any]) -> npt.NDArray[np.object_]:
    lengths = np.asarray(parts[f"{name}.n"])
    result = np.empty(len(lengths), object)
    result[:] = split_text(parts[name], np.maximum(lengths, 0))
    for code, value in missing.items():
        result[lengths == code] = value
    return result


def get_vector(spec: JSON, name: str, parts: Any) -> Any:
    """Give the numpy array or extension array back, in memory of its own."""
    import pandas as pd

    if spec == "plain":
        return np.array(parts[name])
    if spec == "text":
        return _get_text(name, parts, {-1: None, -2: float("nan"), -3: pd.NA, -4: pd.NaT})
    entries = cast("dict[str, Any]", spec)
    kind = next(key for key in entries if key not in ("ordered", "closed"))
    content = entries[kind]
    match kind:
        case "array":
            return decode_array(Encoded("array", "1", content, {"": parts[name]}))
        case "object":
            type_name, version, meta, names = content
            own = {part: parts[f"{name}.{part}" if part else name] for part in names}
            values = decode(Encoded(type_name, version, meta, own))
            result = np.empty(len(values), object)
            for row, value in enumerate(values):  # `result[:] = values` would unpack lists
                result[row] = value
            return result
        case "string":
            dtype = string_dtype(*content)
            texts = _get_text(name, parts, dict.fromkeys((-1, -2, -3, -4), dtype.na_value))
            return pd.array(texts, dtype=dtype)
        case "category":
            categories = get_index(content, f"{name}.c", parts)
            codes = np.array(parts[name])
            return pd.Categorical.from_codes(codes, categories, ordered=entries["ordered"])
        case "zoned":
            unit, zone = content
            stamps = pd.DatetimeIndex(np.array(parts[name], np.int64).view(f"M8[{unit}]"))
            return stamps.tz_localize("UTC").tz_convert(tz_from_json(zone)).array
        case "period":
            period: Any = pd.PeriodDtype(content)
            return pd.arrays.PeriodArray(np.array(parts[name], np.int64), dtype=period)
        case "interval":
            left, right = (
                get_vector(side, f"{name}.{letter}", parts)
                for side, letter in zip(content, "lr", strict=True)
            )
            return pd.arrays.IntervalArray.from_arrays(left, right, closed=entries["closed"])
        case "masked":
            data: Any = np.array(parts[name])
            mask = np.array(parts[f"{name}.m"], bool)
            if data.dtype.kind == "b":
                return pd.arrays.BooleanArray(data, mask)
            if data.dtype.kind == "f":
                return pd.arrays.FloatingArray(data, mask)
            return pd.arrays.IntegerArray(data, mask)
    raise ValueError(f"a column of kind {kind!r} is not known to this version of pypet_ng")


def put_index(index: Any, name: str, axis: str, out: Parts) -> JSON:
    """Add the parts of an index of any class of pandas and give its description.

    A RangeIndex from 0 in steps of 1 beside a part of the same axis needs no part.
    """
    import pandas as pd

    if type(index) is pd.RangeIndex:
        spec: dict[str, JSON] = {"range": None}
        if index.start == 0 and index.step == 1:
            spec["range"] = next((part for part, label in out.axes.items() if label == axis), None)
        if spec["range"] is None:
            out.add(name, np.array([index.start, index.stop, index.step], np.int64), name)
        return _with_names(spec, [index.name])
    if type(index) is pd.MultiIndex:
        levels: list[JSON] = []
        for number, (level, codes) in enumerate(zip(index.levels, index.codes, strict=True)):
            own = f"{name}.{number}"
            levels.append(put_index(level.rename(None), own, own, out))
            out.add(f"{own}.k", np.array(codes), axis)
        return _with_names({"multi": levels}, list(index.names))
    if type(index) not in _index_classes():
        raise refusal(index)
    spec = {"vector": put_vector(index, name, axis, out)}
    frequency = getattr(index, "freqstr", None)
    if frequency is not None and type(index) is not pd.PeriodIndex:
        spec["freq"] = str(frequency)
    return _with_names(spec, [index.name])


def _with_names(spec: dict[str, JSON], names: list[Any]) -> JSON:
    if any(name is not None for name in names):
        spec["names"] = [to_inline(name) for name in names]
    return spec


def get_index(spec: JSON, name: str, parts: Any) -> Any:
    """Give the index back."""
    import pandas as pd

    entries = cast("dict[str, Any]", spec)
    names = [from_inline(label) for label in entries["names"]] if "names" in entries else [None]
    if "range" in entries:
        beside = entries["range"]
        start, stop, step = parts[name].tolist() if beside is None else (0, len(parts[beside]), 1)
        return pd.RangeIndex(start, stop, step, name=names[0])
    if "multi" in entries:
        levels = entries["multi"]
        codes: list[Any] = [np.array(parts[f"{name}.{k}.k"]) for k in range(len(levels))]
        return pd.MultiIndex(
            levels=[get_index(level, f"{name}.{k}", parts) for k, level in enumerate(levels)],
            codes=codes,
            names=names if "names" in entries else None,
            verify_integrity=False,
        )
    values = get_vector(entries["vector"], name, parts)
    index = pd.Index(values, dtype=values.dtype, name=names[0])
    if "freq" in entries:
        return type(index)(index, freq=entries["freq"])
    return index


def _index_classes() -> tuple[type, ...]:
    import pandas as pd

    return (
        pd.Index,
        pd.DatetimeIndex,
        pd.TimedeltaIndex,
        pd.PeriodIndex,
        pd.CategoricalIndex,
        pd.IntervalIndex,
    )
