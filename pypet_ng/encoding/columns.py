"""How do many values become columns, and columns many values?"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pypet_ng._typing import Array
from pypet_ng.encoding.arrays import ARRAY, dtype_from_json, encode_array, is_plain
from pypet_ng.encoding.encoded import Encoded, Layout, PartLayout, Stack
from pypet_ng.encoding.registry import decode, encode, is_ragged, reader_of
from pypet_ng.encoding.scalars import INT64, NUMBER_TYPES
from pypet_ng.encoding.text import join_bytes, join_text, split_bytes, split_text

__all__ = ["decode_column", "encode_column", "layout_of", "number_type"]

_SCALAR = "numpy.scalar"
_NUMBERS = frozenset(cls.__name__ for cls in NUMBER_TYPES)
_TEXTS: dict[str, type] = {"str": str, "numpy.str": np.str_}
_BYTES: dict[str, type] = {"bytes": bytes, "bytearray": bytearray, "numpy.bytes": np.bytes_}
_FAST = _NUMBERS | _TEXTS.keys() | _BYTES.keys() | {"none", _SCALAR, ARRAY}

_write_meta = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_layouts: dict[Any, Layout] = {}
_MOST_LAYOUTS = 4096


def layout_of(encoded: Encoded) -> Layout:
    """Give what values must share with this one to lie in the same column."""
    meta = _write_meta(encoded.meta) if encoded.meta else "{}"
    shapes = tuple((name, part.dtype, part.shape[1:], part.ndim) for name, part in encoded.parts.items())
    # dtypes that compare equal give the same text; other keys are exact.
    key = (encoded.type, encoded.version, meta, shapes, tuple(encoded.axes.items()), encoded.text)
    layout = _layouts.get(key)
    if layout is None:
        parts = tuple(
            PartLayout(
                name,
                repr(part.dtype.descr) if part.dtype.names else part.dtype.str,
                encoded.axes.get(name, name) if part.ndim else None,
                tuple(int(length) for length in part.shape[1:]),
            )
            for name, part in encoded.parts.items()
        )
        layout = Layout(encoded.type, encoded.version, meta, parts, encoded.text, is_ragged(encoded))
        if len(_layouts) >= _MOST_LAYOUTS:
            _layouts.clear()
        _layouts[key] = layout
    return layout


def number_type(layout: Layout) -> np.dtype[Any] | None:
    """Give the dtype if values of this layout are numbers or arrays of numbers, else None."""
    if layout.type not in _NUMBERS and layout.type != _SCALAR and layout.type != ARRAY:
        return None
    if len(layout.parts) != 1 or layout.parts[0].dtype.startswith("["):
        return None
    dtype: np.dtype[Any] = np.dtype(layout.parts[0].dtype)
    if dtype.kind not in "biufc":
        return None
    if layout.meta != "{}":
        # Another form of the data (ticks, text, bytes), unless it names an integer of the same width.
        spec = layout.read_meta()
        if set(spec) != {"dtype"} or not isinstance(spec["dtype"], str):
            return None
        meant = dtype_from_json(spec["dtype"])
        return dtype if meant.kind in "iu" and meant == dtype else None
    return dtype


def encode_column(values: Sequence[object] | Array) -> list[Stack]:
    """Give values grouped by layout, groups in order of their first values.

    `values` are Python values or `Encoded`, or an array of shape (n, ...): its rows are numpy scalars
    if it is 1-d, else arrays. Such an array is taken over without a copy; nothing else shares memory.
    Raises UnsupportedValueError.
    """
    count = len(values)
    if not count:
        return []
    positions = np.arange(count, dtype=np.int64)
    if type(values) is np.ndarray:
        stack = _stack_rows(values, positions)
        if stack is not None:
            return [stack]
    rows: Sequence[Any] = list(values) if isinstance(values, np.ndarray) else values
    kinds = list(map(type, rows))
    kind = kinds[0]
    if kind is not Encoded and kinds.count(kind) == count:  # quicker than a set of all
        stacks = _stack_kind(kind, rows, positions)
    else:
        stacks = _stack_mixed(rows, kinds, positions)
    if len(stacks) > 1:
        stacks.sort(key=lambda stack: int(stack.positions[0]))
    return stacks


def _stack_mixed(values: Sequence[Any], kinds: list[type], positions: npt.NDArray[np.int64]) -> list[Stack]:
    distinct = dict.fromkeys(kinds)
    if Encoded in distinct:
        # Encoded forms of types with columns of their own are rare; decoded, they join those columns.
        values = [
            decode(value) if type(value) is Encoded and value.type in _FAST else value for value in values
        ]
        kinds = list(map(type, values))
        distinct = dict.fromkeys(kinds)
    numbers = {kind: number for number, kind in enumerate(distinct)}
    codes = np.fromiter(map(numbers.__getitem__, kinds), np.int64, len(kinds))
    stacks: list[Stack] = []
    others: list[int] = []
    for kind, number in numbers.items():
        indices = np.flatnonzero(codes == number).tolist()
        if kind not in _STACKERS and not issubclass(kind, np.generic):
            others += indices
            continue
        if kind is np.ndarray:
            others += [index for index in indices if not is_plain(values[index].dtype)]
            indices = [index for index in indices if is_plain(values[index].dtype)]
        if indices:
            stacks += _stack_kind(kind, [values[index] for index in indices], positions[indices])
    others.sort()
    return stacks + _stack_encoded([encode(values[index]) for index in others], positions[others])


def _stack_kind(kind: type, values: Sequence[Any], positions: npt.NDArray[np.int64]) -> list[Stack]:
    stacker = _STACKERS.get(kind)
    if stacker is None and issubclass(kind, np.generic):
        stacker = _stack_numpy_scalars
    if stacker is not None:
        return stacker(values, positions)
    return _stack_encoded([encode(value) for value in values], positions)


def _stack_numbers(values: Sequence[Any], positions: npt.NDArray[np.int64]) -> list[Stack]:
    kind = type(values[0])
    dtype = NUMBER_TYPES[kind]
    layout = layout_of(Encoded(kind.__name__, "1", parts={"": np.empty((), dtype)}))
    try:
        return [Stack(layout, positions, {"": np.fromiter(values, dtype, len(values))}, {})]
    except OverflowError:
        fits = np.array([value in INT64 for value in values])
    small, big = np.flatnonzero(fits).tolist(), np.flatnonzero(~fits).tolist()
    stacks = _stack_encoded([encode(values[index]) for index in big], positions[big])
    if small:
        numbers = np.fromiter((values[index] for index in small), dtype, len(small))
        stacks.append(Stack(layout, positions[small], {"": numbers}, {}))
    return stacks


def _stack_none(values: Sequence[Any], positions: npt.NDArray[np.int64]) -> list[Stack]:
    return [Stack(layout_of(encode(None)), positions, {}, {})]


def _stack_texts(values: Sequence[Any], positions: npt.NDArray[np.int64]) -> list[Stack]:
    data, lengths = join_text(values)
    return [Stack(layout_of(encode(values[0])), positions, {"": data}, {"": lengths})]


def _stack_bytes(values: Sequence[Any], positions: npt.NDArray[np.int64]) -> list[Stack]:
    data, lengths = join_bytes(values)
    return [Stack(layout_of(encode(values[0])), positions, {"": data}, {"": lengths})]


def _stack_numpy_scalars(values: Sequence[Any], positions: npt.NDArray[np.int64]) -> list[Stack]:
    dtype = values[0].dtype
    if dtype.kind not in "biufc" or not is_plain(dtype):
        return _stack_encoded([encode(value) for value in values], positions)
    layout = layout_of(encode(values[0]))
    return [Stack(layout, positions, {"": np.array(values, dtype)}, {})]


def _stack_arrays(values: Sequence[Any], positions: npt.NDArray[np.int64]) -> list[Stack]:
    groups: dict[Any, list[int]] = {}
    for index, value in enumerate(values):
        dtype = value.dtype
        groups.setdefault((dtype, dtype.char, value.ndim, value.shape[1:]), []).append(index)
    stacks: list[Stack] = []
    others: list[int] = []
    for (dtype, _, ndim, _), indices in groups.items():
        if not is_plain(dtype):
            others += indices
            continue
        own = [values[index] for index in indices]
        layout = layout_of(encode_array(own[0], copy=False))
        if ndim:
            lengths = np.fromiter(map(len, own), np.int64, len(own))
            stacks.append(
                Stack(layout, positions[indices], {"": np.concatenate(own, dtype=dtype)}, {"": lengths})
            )
        else:
            stacks.append(Stack(layout, positions[indices], {"": np.stack(own, dtype=dtype)}, {}))
    others.sort()
    return stacks + _stack_encoded([encode(values[index]) for index in others], positions[others])


_Stacker = Callable[[Sequence[Any], npt.NDArray[np.int64]], list[Stack]]
_STACKERS: dict[type, _Stacker] = {
    **dict.fromkeys(NUMBER_TYPES, _stack_numbers),
    **dict.fromkeys(_TEXTS.values(), _stack_texts),
    **dict.fromkeys(_BYTES.values(), _stack_bytes),
    type(None): _stack_none,
    np.ndarray: _stack_arrays,
}


def _stack_rows(values: Array, positions: npt.NDArray[np.int64]) -> Stack | None:
    """Give an array's rows as a column; None if their dtype has another form as a part."""
    if not is_plain(values.dtype) or values.ndim == 0:
        return None
    if values.ndim == 1:
        if values.dtype.kind not in "biufc":
            return None
        # Scalars are native whatever the array is.
        native = values.astype(values.dtype.newbyteorder("="), copy=False)
        return Stack(layout_of(encode(native[0])), positions, {"": native}, {})
    layout = layout_of(encode_array(values[0], copy=False))
    if values.ndim == 2:
        data = values.reshape(-1)
    else:
        data = values.reshape(values.shape[0] * values.shape[1], *values.shape[2:])
    return Stack(layout, positions, {"": data}, {"": np.full(len(values), values.shape[1], np.int64)})


def _stack_encoded(values: Sequence[Encoded], positions: npt.NDArray[np.int64]) -> list[Stack]:
    groups: dict[Layout, list[int]] = {}
    for index, value in enumerate(values):
        groups.setdefault(layout_of(value), []).append(index)
    stacks: list[Stack] = []
    for layout, indices in groups.items():
        own = [values[index] for index in indices]
        data: dict[str, Array] = {}
        lengths: dict[str, npt.NDArray[np.int64]] = {}
        for part in layout.parts:
            arrays = [value.parts[part.name] for value in own]
            if part.axis is None:
                data[part.name] = np.stack(arrays, dtype=arrays[0].dtype)
                continue
            counts = np.fromiter(map(len, arrays), np.int64, len(arrays))
            known = lengths.setdefault(part.axis, counts)
            if known is not counts and not np.array_equal(known, counts):
                raise ValueError(
                    f"The codec {layout.type!r} (version {layout.version!r}) gave parts of different lengths "
                    f"along the axis {part.axis!r}; parts that share an axis label must be equally long."
                )
            data[part.name] = np.concatenate(arrays, dtype=arrays[0].dtype)
        stacks.append(Stack(layout, positions[indices], data, lengths))
    return stacks


def decode_column(stack: Stack) -> list[Any]:
    """Give the values in the order of the stack's positions.

    Arrays among them may be views of the stack's data where these can be written to: do not use the
    stack afterwards if the values are to be changed.
    """
    layout = stack.layout
    count = len(stack)
    name = layout.type
    if layout.meta == "{}":
        if name in _NUMBERS:
            numbers: list[Any] = stack.data[""].tolist()
            return numbers
        if name == "none":
            return [None] * count
        if name == _SCALAR and layout.parts[0].axis is None:
            return list(stack.data[""])
        if name in _TEXTS:
            texts = split_text(stack.data[""], stack.lengths[""])
            return texts if name == "str" else [np.str_(text) for text in texts]
        if name in _BYTES:
            pieces = split_bytes(stack.data[""], stack.lengths[""])
            return pieces if name == "bytes" else [_BYTES[name](piece) for piece in pieces]
        if name == ARRAY:
            return _split_arrays(stack)
    meta = layout.read_meta()
    codec = reader_of(name, layout.version)
    pieces_of = {part.name: _split_part(stack, part) for part in layout.parts}
    axes = {part.name: part.axis for part in layout.parts if part.axis is not None and part.axis != part.name}
    values = []
    for row in range(count):
        parts = {part: pieces[row] for part, pieces in pieces_of.items()}
        values.append(codec.decode(Encoded(name, layout.version, meta, parts, axes, layout.text)))
    return values


def _split_part(stack: Stack, part: PartLayout) -> list[Array]:
    data = stack.data[part.name]
    if part.axis is None:
        return [data[row] if data.dtype.names else np.asarray(data[row]) for row in range(len(data))]
    ends = np.cumsum(stack.lengths[part.axis]).tolist()
    starts = [0, *ends[:-1]]
    return [data[start:end] for start, end in zip(starts, ends, strict=True)]


def _split_arrays(stack: Stack) -> list[Any]:
    data = stack.data[""]
    if stack.layout.parts[0].axis is None:
        return [np.array(data[row], data.dtype) for row in range(len(data))]
    if not data.flags.writeable:
        data = data.copy()
    length = stack.common_length("")
    if length is not None:
        return list(data.reshape(len(stack), length, *data.shape[1:]))
    return _split_part(Stack(stack.layout, stack.positions, {"": data}, stack.lengths), stack.layout.parts[0])
