"""Which pickles may be read back?

Unpickling can run any code. Pickles of plain data (numbers, text, containers, dates, numpy arrays) are
always read; others only where somebody said so. What is not read stays bytes that know why.
"""

from __future__ import annotations

import io
import pickle
from typing import Any, Final

from pypet_ng.errors import PickleRefusedError, UnsupportedValueError

__all__ = ["UnreadPickle", "pack", "protocol_of"]

_HARMLESS: Final[dict[str, frozenset[str]]] = {
    "builtins": frozenset({"bytearray", "complex", "frozenset", "range", "set", "slice"}),
    "collections": frozenset({"Counter", "OrderedDict", "defaultdict", "deque"}),
    "_codecs": frozenset({"encode"}),  # bytes in protocols 0 to 2
    "datetime": frozenset({"date", "datetime", "time", "timedelta", "timezone"}),
    "decimal": frozenset({"Decimal"}),
    "fractions": frozenset({"Fraction"}),
    "numpy": frozenset({"dtype", "ndarray"}),
    "numpy.core.multiarray": frozenset({"_reconstruct", "scalar"}),
    "numpy._core.multiarray": frozenset({"_reconstruct", "scalar"}),
    "numpy.core.numeric": frozenset({"_frombuffer"}),
    "numpy._core.numeric": frozenset({"_frombuffer"}),
}
"""What makes data and does nothing else, by module."""
_OLD_NAMES: Final = {"__builtin__": "builtins", "copy_reg": "copyreg"}


class _Careful(pickle.Unpickler):
    """Makes objects of harmless classes only."""

    def find_class(self, module: str, name: str) -> Any:
        if name not in _HARMLESS.get(_OLD_NAMES.get(module, module), ()):
            raise PickleRefusedError(
                f"A stored pickle asks for {module}.{name}, and unpickling can run any code. If you trust the file, "
                "load it with load_trajectory(..., allow_pickle=True), or set traj.v_allow_pickle = True."
            )
        return super().find_class(module, name)


class UnreadPickle:
    """A pickle that nobody has read yet."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data: Final = data

    def open(self, trusted: bool) -> Any:
        """Give the object; PickleRefusedError unless `trusted` or made of plain data."""
        return pickle.loads(self.data) if trusted else _Careful(io.BytesIO(self.data)).load()

    def __eq__(self, other: object) -> bool:
        return self.data == other.data if isinstance(other, UnreadPickle) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.data)

    def __reduce__(self) -> tuple[Any, ...]:
        return UnreadPickle, (self.data,)

    def __repr__(self) -> str:
        return f"<pickle of {len(self.data)} bytes>"


def pack(value: Any, protocol: int) -> bytes:
    """Give the pickle of a value; UnsupportedValueError if it cannot be pickled."""
    if isinstance(value, UnreadPickle):
        return value.data
    try:
        return pickle.dumps(value, protocol=protocol)
    except (pickle.PicklingError, AttributeError, TypeError, RecursionError) as error:
        raise UnsupportedValueError(
            f"A value of type {type(value).__qualname__!r} cannot be pickled: {error}. Keep what it is made of "
            "instead, or define its class at the top of a module."
        ) from error


def protocol_of(data: bytes) -> int:
    """Give the protocol of a pickle."""
    if data[:1] == b"\x80" and len(data) > 1:
        return data[1]
    import pickletools

    return max(code.proto for code, _, _ in pickletools.genops(data))  # 0 and 1 leave no mark
