"""Does any text survive as a name, and do rows find their way?"""

from __future__ import annotations

import doctest
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pypet_ng.storage.hdf5 import names, rows

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=12)


@settings(max_examples=60)
@given(ANY_TEXT)
def test_any_name_is_spelled_as_a_link_and_comes_back(name: str) -> None:
    link = names.escape(name)
    assert names.unescape(link) == name
    assert link
    assert link != "."
    assert not link.startswith("_")
    assert not set("/\x00") & set(link)
    link.encode()


@settings(max_examples=60)
@given(st.lists(ANY_TEXT, min_size=1, max_size=4))
def test_any_path_is_spelled_and_comes_back(parts: list[str]) -> None:
    spelled = names.link_path(tuple(parts)).decode()
    assert names.unescape_path(spelled) == tuple(parts)
    assert spelled.split("/")[0] != names.OVERVIEW


@settings(max_examples=60)
@given(st.integers(1, 40), st.data())
def test_resolved_rows_are_those_numpy_would_give(length: int, data: Any) -> None:
    some = st.lists(st.integers(-length, length - 1), max_size=20)
    asked = data.draw(st.one_of(st.slices(length), some.map(lambda rows: np.array(rows, np.int64))))
    chosen, places = rows.resolve(asked, length)
    found = chosen.array if places is None else chosen.array[places]
    np.testing.assert_array_equal(found, np.arange(length)[asked])
    assert chosen.size == len(chosen.array)


def test_the_examples_in_the_docstrings_hold() -> None:
    for module in (names, rows):
        assert doctest.testmod(module).failed == 0
