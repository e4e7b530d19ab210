"""Does a result hold named items as documented?"""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypet_ng.errors import InvalidNameError, UnsupportedValueError
from pypet_ng.trajectory.leaves import detached
from pypet_ng.trajectory.result import Result
from pypet_ng.tree.nodes import ResultLeaf
from pypet_ng.tree.structure import Tree

VALUES = [
    None,
    0,
    2**80,
    "größe",
    np.bool_(False),
    np.array(3.5),
    np.array([1, "x", None], dtype=object),
    [1, 2.0],
    [[1], [2, 3]],
    {"a": {"b": {1: np.arange(2)}}},
    {},
    {1, 2},
    pd.DataFrame({"a": [1, 2], "b": ["x", None]}),
    pd.Series([1.5, 2.5], name="s"),
]


def slots_of(node: ResultLeaf) -> dict[str, Any]:
    names = [name for cls in type(node).__mro__ for name in cls.__dict__.get("__slots__", ())]
    return {name: getattr(node, name) for name in names if name != "view"}


def test_the_core_is_the_one_its_constructor_makes() -> None:
    """The constructor of a result fills the core itself, for speed: it must not forget a slot."""
    assert slots_of(Result("z")._node) == slots_of(ResultLeaf("z"))
    assert Result("z", 1)._node.items == {"z": 1}
    node = ResultLeaf("y")
    view = Result._over(node)
    assert node.view is view
    view.f_set(3)
    assert node.items == {"y": 3}


def test_positional_values_are_named_as_the_result() -> None:
    result = Result("group.z", 1, 2, 3, comment="three", extra="e")
    assert result.f_to_dict() == {"z": 1, "z_1": 2, "z_2": 3, "extra": "e"}
    assert result.v_comment == "three"
    assert result.v_name == "z"
    assert result.v_full_name == "group.z"
    assert result.v_location == "group"
    assert result.v_is_leaf
    assert not result.v_is_parameter
    assert result._node.class_name == "Result"


def test_in_a_tree_the_path_counts() -> None:
    tree = Tree("traj", lambda node: node)
    result = Result("z", 1)
    group = tree.make_groups(tree.root, ("results", "runs", "run_00000003"))
    tree.attach(group, result._node)
    assert result.v_full_name == "results.runs.run_00000003.z"
    assert result.v_run_branch == "run_00000003"
    assert result.v_depth == 4


def test_attribute_item_and_number_reach_the_same() -> None:
    result = Result("z", 1, 2, name="n")
    assert result.z == result["z"] == result[0] == result.f_get("z") == result.f_get(0) == 1
    assert result.z_1 == result[1] == result[np.int64(1)] == 2
    assert result.name == "n"
    assert result.f_get("name", 1) == ["n", 2]
    assert result.f_translate_key(0) == "z"
    assert result.f_translate_key(4) == "z_4"
    assert result.f_translate_key("name") == "name"
    assert "z" in result
    assert 1 in result
    assert 2 not in result
    assert "nothing" not in result
    assert list(result) == ["z", "z_1", "name"]
    assert len(result) == 3


def test_items_can_be_set_in_all_ways() -> None:
    result = Result("z")
    result.f_set(1, other=2)
    result.f_set_single("third", 3)
    result["fourth"] = 4
    result.fifth = 5
    result[1] = "one"
    assert result.f_to_dict() == {"z": 1, "other": 2, "third": 3, "fourth": 4, "fifth": 5, "z_1": "one"}
    result.f_set(10)
    assert result.z == 10


def test_get_without_a_name_needs_exactly_one_item() -> None:
    result = Result("a.z")
    with pytest.raises(AttributeError, match=r"'a\.z' is empty"):
        result.f_get()
    result.f_set(w=1)
    assert result.f_get() == 1
    result.f_set(v=1)
    with pytest.raises(ValueError, match="'w', 'v'"):
        result.f_get()


def test_unknown_items_are_attribute_errors_with_near_names() -> None:
    result = Result("a.z", voltage=1)
    for call in (
        lambda: result.votage,
        lambda: result["votage"],
        lambda: result.f_get("votage"),
        lambda: result.f_get("voltage", "votage"),
        lambda: result.f_remove("votage"),
        lambda: delattr(result, "votage"),
    ):
        with pytest.raises(AttributeError, match=r"'a\.z'.*'votage'.*Did you mean 'voltage'"):
            call()
    for call in (lambda: result[0], lambda: result[7], lambda: result[-1]):
        with pytest.raises(AttributeError):
            call()
    assert getattr(result, "w", None) is None
    assert not hasattr(result, "_repr_latex_")


def test_items_can_be_removed() -> None:
    result = Result("z", 1, 2, a=3, b=4, c=5)
    del result.a
    del result["b"]
    del result[1]
    result.f_remove("c")
    assert result.f_to_dict() == {"z": 1}
    result.f_set(q=1)
    with pytest.raises(AttributeError):
        result.f_remove("q", "nothing")
    assert "q" in result
    result.f_remove("q", 0)
    assert result.f_is_empty()
    result.f_set(1)
    assert not result.f_is_empty()
    result.f_empty()
    assert result.f_is_empty()
    assert len(result) == 0
    assert result, "an empty result is still a result"


def test_to_dict_gives_a_copy_unless_told_otherwise() -> None:
    result = Result("z", 1)
    result.f_to_dict()["x"] = 1
    assert "x" not in result
    result.f_to_dict(copy=False)["x"] = 1
    assert "x" in result


def test_fast_access_is_for_one_item_of_the_own_name() -> None:
    assert Result("a.z", 1).f_supports_fast_access()
    assert Result("a.z", None).f_supports_fast_access()
    assert not Result("a.z").f_supports_fast_access()
    assert not Result("a.z", w=1).f_supports_fast_access()
    assert not Result("a.z", 1, 2).f_supports_fast_access()


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_any_value_that_can_be_stored_is_possible_and_not_copied(value: Any) -> None:
    result = Result("z", value)
    assert result.z is value
    result.again = value
    assert result.again is value
    assert not result.f_is_empty()


@pytest.mark.parametrize(
    "value", [object(), print, [1, [object()]], {"a": (lambda: 1)}], ids=lambda value: type(value).__name__
)
def test_a_value_nobody_can_store_is_refused_at_once(value: Any) -> None:
    with pytest.raises(UnsupportedValueError):
        Result("z", value)
    result = Result("a.z", 1)
    for call in (
        lambda: result.f_set(value),
        lambda: result.f_set(fine=2, z=value),
        lambda: result.f_set_single("z", value),
        lambda: setattr(result, "z", value),
    ):
        with pytest.raises(TypeError) as caught:
            call()
        assert "'z' of result 'a.z'" in "".join(caught.value.__notes__)
    assert result.f_to_dict() == {"z": 1}


def test_item_names_may_have_dots() -> None:
    result = Result("z")
    result["a.b.c"] = 1
    result.f_set(**{"a.b.d": 2})
    assert result["a.b.c"] == 1
    assert result.f_get("a.b.d") == 2
    assert list(result) == ["a.b.c", "a.b.d"]


@pytest.mark.parametrize("name", ["", "a..b", ".a", "a.", "a/b", "a\0"])
def test_item_names_that_no_storage_could_keep(name: str) -> None:
    result = Result("z", 1)
    with pytest.raises(InvalidNameError):
        result[name] = 1
    with pytest.raises(InvalidNameError):
        result.f_set(**{"fine": 1, name: 1})
    assert list(result) == ["z"]


@pytest.mark.parametrize("name", [1.5, None, ("a",)])
def test_item_names_are_text_or_numbers(name: Any) -> None:
    with pytest.raises(TypeError):
        Result("z", 1)[name] = 2


def test_properties_stay_properties() -> None:
    result = Result("z", 1)
    result.v_comment = "c"
    assert result.v_comment == "c"
    with pytest.raises(AttributeError) as caught:
        result.v_name = "other"  # type: ignore[misc]
    assert "result['v_name']" in caught.value.__notes__[0]
    result["v_name"] = 5
    assert result["v_name"] == 5
    assert result.v_name == "z"
    with pytest.raises(AttributeError):
        result._private = 1
    assert list(result) == ["z", "v_name"]


def test_comment_is_a_keyword_and_text() -> None:
    assert Result("z", "first", "second").f_to_dict() == {"z": "first", "z_1": "second"}
    with pytest.raises(TypeError, match="text"):
        Result("z", 1, comment=3)  # type: ignore[arg-type]


def test_text_shows_items_shortened() -> None:
    assert str(Result("a.z", 1.5, u="mV", comment="why")) == "Result a.z (`why`): z=1.5, u='mV'"
    assert repr(Result("z")) == "Result z"
    many = Result("z", **{f"item_{i}": "x" * 1000 for i in range(1000)})
    assert len(str(many)) < 250
    assert many.f_val_to_str().startswith("item_0='xxx")
    assert "votes" in dir(Result("z", votes=1))


def test_own_items_follow_a_new_name() -> None:
    result = Result("", 1, 2, other=3)
    result._rename("group.z")
    assert result.v_full_name == "group.z"
    assert result.f_to_dict() == {"z": 1, "z_1": 2, "other": 3}


def test_storing_hooks_give_and_take_items() -> None:
    result = Result("z", 1, a=2)
    data = result._store()
    assert data == {"z": 1, "a": 2}
    data["z"] = 5
    assert result.z == 1
    result._load({"a": 3, "b": 4})
    assert result.f_to_dict() == {"z": 1, "a": 3, "b": 4}


@pytest.mark.parametrize("twin_of", [copy.copy, copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))])
def test_copies_have_the_same_items_and_are_independent(twin_of: Any) -> None:
    tree = Tree("traj", lambda node: node)
    result = Result("z", np.arange(3), comment="c", n=None)
    result.v_annotations.k = 1
    tree.attach(tree.make_groups(tree.root, ("results",)), result._node)
    twin = twin_of(result)
    assert type(twin) is Result
    assert twin._node.view is twin
    assert twin._node.parent is None
    assert twin.v_full_name == "results.z"
    assert twin.v_comment == "c"
    assert list(twin) == ["z", "n"]
    assert twin.z.tolist() == [0, 1, 2]
    twin.f_remove("z")
    twin.v_annotations.k = 2
    assert "z" in result
    assert result.v_annotations.k == 1


def test_a_copied_core_is_stored_nowhere() -> None:
    node = Result("z", 1)._node
    node.stored = True
    node.kept = frozenset({"z"})
    twin = detached(node)
    assert not twin.stored
    assert twin.kept == frozenset()
    assert twin.view is None


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text("abcdefgh_", min_size=1), st.integers() | st.text() | st.none(), max_size=6))
def test_items_are_what_was_set(items: dict[str, Any]) -> None:
    result = Result("z")
    for name, value in items.items():
        result[name] = value
    assert result.f_to_dict() == items
    assert list(result) == list(items)
    assert {name: result[name] for name in result} == items
