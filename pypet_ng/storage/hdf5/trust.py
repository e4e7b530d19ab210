"""What of a file may be believed that somebody else wrote, or that is damaged?

All groups and datasets are opened here: nothing that a link of the file leads to outside of it (external
links, external storage, virtual datasets) is followed, no size is believed that the file's own bytes do
not bear out, and what Python and HDF5 raise on damaged data becomes BrokenFileError.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final, TypeVar

import numpy as np
from h5py import h5d, h5g, h5i, h5l, h5o

from pypet_ng.errors import BrokenFileError, PypetError, StorageError

__all__ = [
    "check_rows",
    "check_size",
    "expect",
    "expect_texts",
    "open_any",
    "open_dataset",
    "open_group",
    "shape_and_dtype",
    "translated",
]

Id = Any
T = TypeVar("T")

_LARGE: Final = 1 << 30
"""Bytes that may be asked for without a question."""
_MOST_PER_BYTE: Final = 2000
"""gzip makes at most 1032 bytes of one."""
_RUN_BYTES: Final = 8
"""What the states of a run take at the very least; 10^8 planned runs need no file that holds them."""
_KINDS: Final = "biufcSV"
_REMEDY: Final = "The file is damaged, or was not written by pypet_ng: restore a copy"
_DAMAGE: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    SystemError,
    TypeError,
    ValueError,
)
"""What reading nonsense raises in Python, numpy and h5py (RecursionError is a RuntimeError)."""


@contextlib.contextmanager
def translated(location: str) -> Iterator[None]:
    """Turn what damaged data raise into BrokenFileError; errors of the package rise as they are."""
    try:
        yield
    except PypetError:
        raise
    except MemoryError as error:
        raise StorageError(
            f"there is not enough memory to read this from {location!r}. Read fewer rows at a time; if the "
            "file should be small, it is damaged: restore a copy"
        ) from error
    except _DAMAGE as error:
        text = " ".join(str(error).split())[:300]
        raise BrokenFileError(
            f"{location!r} cannot be read: {type(error).__name__}: {text}. {_REMEDY}"
        ) from error


def _refuse_foreign(place: Id, path: bytes) -> None:
    end = 0
    while end >= 0:
        end = path.find(b"/", end + 1)
        prefix = path if end < 0 else path[:end]
        try:
            kind = place.links.get_info(prefix).type
        except RuntimeError:
            return  # not there: opening says so
        if kind != h5l.TYPE_HARD:
            raise BrokenFileError(
                f"{prefix.decode(errors='replace')!r} is a link where data should be, which is not followed: "
                f"it may lead to another file. {_REMEDY}"
            )


def open_group(place: Id, path: bytes) -> Id:
    """Open a group below one; KeyError if it is not there."""
    if path != b".":
        _refuse_foreign(place, path)
    return h5g.open(place, path)


def open_any(place: Id, name: bytes) -> Id:
    """Open a group or dataset; KeyError if it is not there."""
    _refuse_foreign(place, name)
    found = h5o.open(place, name)
    if isinstance(found, h5d.DatasetID):
        _check_storage(found, name)
    return found


def open_dataset(place: Id, name: bytes) -> Id:
    """Open a dataset whose data lie in this file; KeyError if it is not there."""
    _refuse_foreign(place, name)
    found = h5d.open(place, name)
    _check_storage(found, name)
    return found


def _check_storage(dataset: Id, name: bytes) -> None:
    if dataset.get_offset() is not None:
        return  # lies in this file in one piece
    plist = dataset.get_create_plist()
    if plist.get_layout() == h5d.VIRTUAL or plist.get_external_count():
        raise BrokenFileError(
            f"the dataset {name.decode(errors='replace')!r} has its data in other files, which are not "
            f"read. {_REMEDY}"
        )


def check_size(place: Id, count: int, what: str = "data") -> None:
    """Raise BrokenFileError if `count` bytes are more than the file can hold."""
    if count <= _LARGE:
        return
    size = h5i.get_file_id(place).get_filesize()
    if count > size * _MOST_PER_BYTE:
        raise BrokenFileError(f"{what} of {count} bytes in a file of {size} bytes cannot be true. {_REMEDY}")


def check_rows(place: Id, rows: int) -> int:
    """Give a number of runs back if it can be true: between 1 and what fits into memory and file."""
    if rows < 1:
        raise BrokenFileError(f"there cannot be {rows} runs. {_REMEDY}")
    check_size(place, rows * _RUN_BYTES, f"{rows} runs")
    return rows


def shape_and_dtype(dataset: Id) -> tuple[tuple[int, ...], np.dtype[Any], Id]:
    """Give shape, type in memory and HDF5 type of a dataset, checked before anything is allocated."""
    kind = dataset.get_type()
    dtype: np.dtype[Any] = kind.dtype
    if dtype.hasobject or dtype.kind not in _KINDS or dtype.itemsize != kind.get_size():
        raise BrokenFileError(f"a dataset has the type {dtype}, which is not one of ours. {_REMEDY}")
    shape = dataset.shape
    if shape is None:
        raise BrokenFileError(f"a dataset has no shape. {_REMEDY}")
    return tuple(map(int, shape)), dtype, kind


def expect(value: Any, kind: type[T], what: str) -> T:
    """Give a value back if it is of the expected class; BrokenFileError."""
    if not isinstance(value, kind):
        raise BrokenFileError(f"{what} is {str(value)[:80]!r}. {_REMEDY}")
    return value


def expect_texts(values: Any, what: str) -> tuple[str, ...]:
    """Give a list of texts as a tuple; BrokenFileError if it is none."""
    if not isinstance(values, list) or not set(map(type, values)) <= {str}:
        raise BrokenFileError(f"{what} is {str(values)[:80]!r}. {_REMEDY}")
    return tuple(values)
