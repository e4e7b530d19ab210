"""Do annotations behave as documented?"""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from pypet_ng.errors import UnsupportedValueError
from pypet_ng.trajectory.annotations import Annotations
from pypet_ng.trajectory.parameter import Parameter
from pypet_ng.tree.nodes import Group


@pytest.fixture
def annotations() -> Annotations:
    return Annotations(Group("neurons"))


def test_attributes_and_items_are_the_same_names(annotations: Annotations) -> None:
    annotations.author = "Ada"
    annotations["year"] = 1843
    assert annotations["author"] == annotations.author == annotations.f_get("author") == "Ada"
    assert annotations.year == 1843
    assert list(annotations) == ["author", "year"]
    assert len(annotations) == 2
    assert "author" in annotations
    assert "nobody" not in annotations


def test_positional_values_get_numbered_names(annotations: Annotations) -> None:
    annotations.f_set("a", "b", "c", extra=4)
    assert annotations.f_to_dict() == {
        "annotation": "a",
        "annotation_1": "b",
        "annotation_2": "c",
        "extra": 4,
    }
    assert annotations[0] == annotations.annotation == "a"
    assert annotations[2] == annotations.f_get(2) == "c"
    assert 1 in annotations
    assert 3 not in annotations
    annotations[3] = "d"
    assert annotations.annotation_3 == "d"


def test_get_without_a_name_needs_exactly_one_entry(annotations: Annotations) -> None:
    with pytest.raises(AttributeError, match="no annotations"):
        annotations.f_get()
    annotations.f_set(42)
    assert annotations.f_get() == 42
    annotations.f_set(other=1)
    with pytest.raises(ValueError, match="'annotation', 'other'"):
        annotations.f_get()
    assert annotations.f_get("other", 0) == (1, 42)


def test_unknown_names_are_attribute_errors_with_near_names(annotations: Annotations) -> None:
    annotations.author = "Ada"
    for call in (
        lambda: annotations.autor,
        lambda: annotations["autor"],
        lambda: annotations.f_get("autor"),
        lambda: annotations.f_remove("autor"),
    ):
        with pytest.raises(AttributeError, match=r"'neurons'.*'autor'.*Did you mean 'author'"):
            call()
    assert not hasattr(annotations, "_ipython_display_")


def test_entries_can_be_removed(annotations: Annotations) -> None:
    annotations.f_set(a=1, b=2, c=3, d=4)
    del annotations.a
    del annotations["b"]
    annotations.f_remove("c")
    assert annotations.f_to_dict() == {"d": 4}
    assert not annotations.f_is_empty()
    annotations.f_empty()
    assert annotations.f_is_empty()
    assert annotations.f_to_dict() == {}


def test_removing_an_unknown_name_removes_nothing(annotations: Annotations) -> None:
    annotations.f_set(a=1)
    with pytest.raises(AttributeError):
        annotations.f_remove("a", "b")
    assert annotations.a == 1


def test_as_text_they_are_sorted(annotations: Annotations) -> None:
    annotations.f_set(b=2, a="x")
    assert annotations.f_ann_to_str() == str(annotations) == "a=x; b=2"


def test_to_dict_gives_a_copy_unless_told_otherwise(annotations: Annotations) -> None:
    annotations.f_to_dict()["x"] = 1
    assert annotations.f_is_empty()
    annotations.f_to_dict(copy=False)["x"] = 1
    assert annotations.x == 1


def test_values_are_those_a_result_can_hold(annotations: Annotations) -> None:
    annotations.f_set(array=np.arange(3), nothing=None, nested={"ä": [1, (2.0, "x")]}, big=2**70)
    with pytest.raises(UnsupportedValueError) as caught:
        annotations.f_set(fine=1, bad=object())
    assert "'bad'" in caught.value.__notes__[0]
    assert "neurons" in caught.value.__notes__[0]
    assert "fine" not in annotations


def test_method_names_are_reached_by_item_only(annotations: Annotations) -> None:
    with pytest.raises(AttributeError, match=r"\['f_get'\]"):
        annotations.f_get = 1  # type: ignore[method-assign,assignment]
    annotations["f_get"] = 1
    assert annotations["f_get"] == 1
    assert annotations.f_get("f_get") == 1


@pytest.mark.parametrize("name", [1.5, None, (1,)])
def test_names_are_text_or_numbers(annotations: Annotations, name: object) -> None:
    with pytest.raises(TypeError):
        annotations.f_set_single(name, 1)  # type: ignore[arg-type]


def test_they_belong_to_the_node() -> None:
    parameter = Parameter("x", 1)
    parameter.v_annotations.unit = "mV"
    assert parameter.v_annotations.unit == "mV"
    assert parameter.v_annotations == {"unit": "mV"}
    parameter.f_set_annotations(7, who="me")
    assert parameter.f_get_annotations("who") == "me"
    assert parameter.f_ann_to_str() == "annotation=7; unit=mV; who=me"
    parameter.v_annotations = {"only": 1}
    assert parameter.v_annotations.f_to_dict() == {"only": 1}


def test_copies_are_equal_and_independent(annotations: Annotations) -> None:
    annotations.f_set(a=np.arange(2))
    for twin in (pickle.loads(pickle.dumps(annotations)), copy.copy(annotations), copy.deepcopy(annotations)):
        assert twin == annotations
        twin.b = 1
        assert twin != annotations
        assert "b" not in annotations
