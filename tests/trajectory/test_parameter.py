"""Does a parameter hold, lock and explore its value as documented?"""

from __future__ import annotations

import copy
import datetime
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypet_ng.errors import DesignError, ParameterLockedException, UnsupportedValueError
from pypet_ng.spaces.columns import ArrayColumn, Column, PeriodicColumn, column_of
from pypet_ng.trajectory.parameter import Parameter
from pypet_ng.tree.nodes import Group, ParameterLeaf
from pypet_ng.tree.structure import Tree

VALUES = [
    7,
    True,
    1.5,
    float("nan"),
    1 + 2j,
    b"\x00\xff",
    "plain",
    "größe µ 🧠",
    2**63,
    -(2**70),
    np.int8(3),
    np.bool_(True),
    np.str_("x"),
    np.float16(0.5),
    np.bytes_(b"x"),
    np.array(3),
    np.array([]),
    np.array([b"a", b"bc"]),
    np.array(["2020-01-01"], dtype="M8[D]"),
    np.arange(6).reshape(2, 3),
    [],
    (),
    [1, 2.0, "x"],
    [[1], [2, [3]]],
    [np.arange(2), np.arange(3)],
    {},
    {"a": {"b": 1}, 3: (4,)},
    {1, 2},
    datetime.datetime(2024, 5, 17, 3, 4),
]


def explored(default: Any, values: Any) -> Parameter:
    parameter = Parameter("group.p", default)
    parameter._explore(values)
    return parameter


# -- names ------------------------------------------------------------------------------------------


def test_a_parameter_without_a_tree_has_the_name_it_was_given() -> None:
    parameter = Parameter("neurons.exc.tau", 1.0, "time constant")
    assert parameter.v_full_name == "neurons.exc.tau"
    assert parameter.v_name == "tau"
    assert parameter.v_location == "neurons.exc"
    assert parameter.v_depth == 3
    assert parameter.v_branch == "neurons"
    assert parameter.v_run_branch == "trajectory"
    assert parameter.v_comment == "time constant"
    assert parameter.v_is_leaf
    assert parameter.v_is_parameter
    assert not parameter.v_is_group
    assert not parameter.v_is_root
    assert not parameter.v_stored
    assert parameter.f_get_class_name() == "Parameter"


def test_in_a_tree_the_path_counts() -> None:
    tree = Tree("traj", lambda node: node)
    parameter = Parameter("somewhere.tau", 1.0)
    tree.attach(tree.make_groups(tree.root, ("parameters", "cell")), parameter._node)
    assert parameter.v_full_name == "parameters.cell.tau"
    assert parameter.v_location == "parameters.cell"
    assert parameter.v_depth == 3
    assert parameter.v_branch == "parameters"
    tree.detach(parameter._node)
    assert parameter.v_full_name == "somewhere.tau"


def test_a_leaf_can_be_renamed_while_it_hangs_nowhere() -> None:
    parameter = Parameter("", 1)
    parameter._rename("a.b")
    assert parameter.v_full_name == "a.b"
    assert parameter.v_name == "b"


def test_node_and_view_know_each_other() -> None:
    parameter = Parameter("x", 1)
    assert parameter._node.view is parameter
    assert parameter._node.class_name == "Parameter"
    assert type(parameter._node) is ParameterLeaf
    node = ParameterLeaf("y")
    view = Parameter._over(node)
    assert node.view is view
    assert view.f_is_empty()
    assert not view.v_explored


def test_own_attributes_are_refused() -> None:
    with pytest.raises(AttributeError):
        Parameter("x", 1).vaule = 3  # type: ignore[attr-defined]


# -- value and lock -----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_any_value_that_can_be_stored_is_possible(value: Any) -> None:
    parameter = Parameter("x", value)
    assert parameter.f_supports(value)
    assert parameter.f_get() is value
    assert parameter.f_get_default() is value
    assert parameter._equal_values(copy.deepcopy(value), value)


@pytest.mark.parametrize(
    "value",
    [object(), print, int, [1, object()], (i for i in range(3))],
    ids=lambda value: type(value).__name__,
)
def test_a_value_nobody_can_store_is_refused_at_once(value: Any) -> None:
    assert not Parameter("x").f_supports(value)
    with pytest.raises(TypeError):
        Parameter("x", value)
    parameter = Parameter("group.x", 1)
    with pytest.raises(UnsupportedValueError) as caught:
        parameter.f_set(value)
    assert "'group.x'" in "".join(caught.value.__notes__)
    assert parameter.f_get() == 1


def test_all_ways_to_read_agree_and_lock() -> None:
    for read in (
        lambda p: p.f_get(),
        lambda p: p.f_get_default(),
        lambda p: p.data,
        lambda p: p.default,
        lambda p: p["data"],
        lambda p: p["default"],
        lambda p: p[-1],
        lambda p: p[0],
    ):
        parameter = Parameter("x", 3)
        assert not parameter.v_locked
        assert read(parameter) == 3
        assert parameter.v_locked


def test_looking_at_a_parameter_does_not_lock() -> None:
    parameter = Parameter("a.b", 3, "why")
    assert str(parameter) == repr(parameter) == "Parameter a.b (`why`): 3"
    assert parameter.f_val_to_str() == "3"
    assert len(parameter) == 1
    assert not parameter.f_is_empty()
    assert not parameter.v_locked


def test_a_locked_parameter_refuses_every_change_and_says_how_to_go_on() -> None:
    parameter = Parameter("a.b", 3)
    parameter.f_lock()
    for change in (
        lambda: parameter.f_set(4),
        parameter.f_empty,
        lambda: parameter._explore([1, 2]),
        lambda: parameter._expand([1, 2]),
        parameter._shrink,
        lambda: setattr(parameter, "data", 4),
    ):
        with pytest.raises(ParameterLockedException, match=r"'a\.b'.*value 3.*f_unlock"):
            change()
    assert issubclass(ParameterLockedException, TypeError)
    parameter.f_unlock()
    parameter.f_set(4)
    assert parameter.data == 4
    assert parameter.f_is_empty() is False


def test_none_means_empty() -> None:
    parameter = Parameter("a.b", comment="empty")
    assert parameter.f_is_empty()
    assert not parameter.f_supports_fast_access()
    assert len(parameter) == 0
    assert list(parameter) == []
    assert parameter, "an empty parameter is still a parameter"
    assert str(parameter) == "Parameter a.b (`empty`)"
    for read in (parameter.f_get, parameter.f_get_default, lambda: parameter.data, lambda: parameter[0]):
        with pytest.raises(TypeError, match=r"'a\.b' is empty"):
            read()
    assert not parameter.v_locked
    parameter.f_set(1)
    assert parameter.f_supports_fast_access()
    parameter.f_set(None)
    assert parameter.f_is_empty()


def test_empty_forgets_value_and_range() -> None:
    parameter = explored(1, [1, 2])
    parameter.f_unlock()
    parameter.f_empty()
    assert parameter.f_is_empty()
    assert not parameter.v_explored
    assert not parameter.f_has_range()


def test_comments_are_text() -> None:
    with pytest.raises(TypeError, match="text"):
        Parameter("x", 1, comment=5)  # type: ignore[arg-type]


@pytest.mark.parametrize(("item", "error"), [("dta", KeyError), (1, TypeError), (-2, TypeError)])
def test_items_that_are_not_there(item: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Parameter("x", 1)[item]
    with pytest.raises(LookupError):
        explored(10, [1, 2, 3])[item if item != 1 else 3]


# -- exploring ------------------------------------------------------------------------------------------


def test_exploring_gives_a_range_and_locks() -> None:
    parameter = explored(10, [1, 2, 3])
    assert parameter.v_locked
    assert parameter.v_explored
    assert parameter.f_has_range()
    assert parameter.f_get_range() == [1, 2, 3]
    assert type(parameter.f_get_range()) is list
    assert isinstance(parameter.f_get_range(copy=False), Column)
    assert parameter.f_get_range_length() == len(parameter) == 3
    assert list(parameter) == [1, 2, 3]
    assert [parameter[0], parameter[2], parameter[-1]] == [1, 3, 10]
    assert str(parameter) == "Parameter group.p (len:3): 10"
    with pytest.raises(IndexError):
        parameter[3]


def test_text_names_length_and_comment() -> None:
    parameter = Parameter("a.b", 1.5, "comment")
    parameter._explore([0.5, 1.0, 2.0])
    assert str(parameter) == "Parameter a.b (len:3, `comment`): 1.5"


def test_without_a_range_there_is_none_to_get() -> None:
    parameter = Parameter("a.b", 1)
    assert not parameter.v_explored
    for call in (parameter.f_get_range, parameter.f_get_range_length):
        with pytest.raises(TypeError, match=r"'a\.b' has no range"):
            call()
    parameter._set_parameter_access(5)
    assert parameter.f_get() == 1


def test_the_value_follows_the_run_and_returns_to_the_default() -> None:
    parameter = explored("none", ["a", "b"])
    assert parameter.f_get() == "none"
    parameter._set_parameter_access(1)
    assert parameter.f_get() == "b"
    assert parameter.f_get_default() == "none"
    parameter._restore_default()
    assert parameter.f_get() == "none"
    with pytest.raises(ValueError, match="2 explored values, but no number 2"):
        parameter._set_parameter_access(2)


def test_a_parameter_with_a_range_cannot_be_set() -> None:
    parameter = explored(1, [1, 2])
    parameter.f_unlock()
    with pytest.raises(AttributeError, match=r"'group\.p' is explored.*f_shrink"):
        parameter.f_set(5)


def test_expanding_adds_values_behind() -> None:
    parameter = explored(1.0, [1.0, 2.0])
    parameter.f_unlock()
    parameter._expand([3.0])
    assert parameter.v_locked
    assert parameter.f_get_range() == [1.0, 2.0, 3.0]


def test_shrinking_keeps_the_default() -> None:
    parameter = explored(1, [5, 6])
    parameter._set_parameter_access(0)
    parameter.f_unlock()
    parameter._shrink()
    assert not parameter.v_explored
    assert parameter.f_get() == 1
    with pytest.raises(TypeError):
        parameter._shrink()


@pytest.mark.parametrize(
    ("default", "values", "place"),
    [
        (1.0, [1.0, 2], 1),
        (1.0, [1, 2], 0),
        (1, [1, True], 1),
        (1.0, [np.float64(1), np.float64(2)], 0),
        (np.float64(1), [1.0], 0),
        (np.float32(1), np.arange(3.0), 0),
        (1.0, np.arange(3), 0),
        (1, np.arange(3.0), 0),
        ("a", ["a", "b", b"c"], 2),
        ("a", ["a", None], 1),
        ((1, 2), [(1, 2), (3, 4, 5)], 1),
        ((1, 2), [(1, 2), (3.0, 4)], 1),
        ([1], [[1], (1,)], 1),
        (np.zeros(2), [np.zeros(2), [0.0, 0.0]], 1),
        ({"a": 1}, [{"a": 1}, 3], 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_explored_values_must_have_exactly_the_type_of_the_default(
    default: Any, values: Any, place: int
) -> None:
    parameter = Parameter("a.b", default)
    with pytest.raises(TypeError, match=rf"'a\.b' holds .* value {place} of its range is"):
        parameter._explore(values)
    assert not parameter.v_explored
    assert not parameter.v_locked
    assert parameter.f_get() is default


@pytest.mark.parametrize(
    ("default", "values"),
    [
        (1, [2**70, 1]),
        (True, [False, True]),
        ((1, "a"), [(2, "b"), (3, "")]),
        ([1], [[2.0, "x"], []]),
        ({"a": 1}, [{}, {"b": [1, 2]}]),
        (np.zeros(2), [np.ones(3), np.array([1, 2])]),
        (np.float32(0), [np.float32(1), np.float32(2)]),
        ("ä", ["ö", ""]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_the_outer_type_counts_and_values_come_back(default: Any, values: list[Any]) -> None:
    parameter = explored(default, values)
    for mine, given_value in zip(parameter.f_get_range(), values, strict=True):
        assert parameter._equal_values(mine, given_value)


@pytest.mark.parametrize(
    ("default", "array"),
    [
        (1.0, np.linspace(0, 1, 4)),
        (1.0, np.arange(3, dtype=np.float32)),
        (1, np.arange(3, dtype=np.int16)),
        (True, np.array([True, False])),
        (1j, np.arange(3) * 1j),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_whole_array_is_delivered_as_the_type_of_the_default(default: Any, array: Any) -> None:
    parameter = explored(default, array)
    assert {type(value) for value in parameter} == {type(default)}
    assert parameter.f_get_range() == array.tolist()
    assert isinstance(parameter.f_get_range(copy=False), ArrayColumn)


def test_an_array_of_another_kind_is_refused_with_a_remedy() -> None:
    with pytest.raises(TypeError, match=r"astype\(float\)"):
        Parameter("x", 1.0)._explore(np.arange(3))


def test_exploring_an_array_costs_nothing_per_value() -> None:
    parameter = Parameter("x", 1.0)
    column = PeriodicColumn(column_of(np.arange(2.0), 1.0), 1, 10**9)
    parameter._explore(column)
    assert len(parameter) == 10**9
    parameter._set_parameter_access(10**9 - 1)
    assert parameter.f_get() == 1.0


def test_repeated_values_are_looked_at_once() -> None:
    parameter = Parameter("x", "a")
    parameter._explore(PeriodicColumn(column_of(["a", "b"]), 1, 10**9))
    wrong = Parameter("x", "a")
    with pytest.raises(TypeError, match="value 1 of its range"):
        wrong._explore(PeriodicColumn(column_of(["a", 2]), 1, 10**9))


def test_exploring_nothing_is_a_value_error() -> None:
    parameter = Parameter("x", 1)
    for nothing in ([], (), np.array([], dtype=int), iter([])):
        with pytest.raises(DesignError):
            parameter._explore(nothing)
    assert issubclass(DesignError, ValueError)
    assert not parameter.v_explored


def test_exploring_needs_a_default_and_happens_once() -> None:
    with pytest.raises(TypeError, match="empty"):
        Parameter("x")._explore([1, 2])
    parameter = explored(1, [1, 2])
    parameter.f_unlock()
    with pytest.raises(TypeError, match="explored already"):
        parameter._explore([3, 4])
    with pytest.raises(TypeError, match="no range to expand"):
        Parameter("x", 1)._expand([1])
    assert parameter.f_get_range() == [1, 2]


def test_a_failed_expansion_changes_nothing() -> None:
    parameter = explored(1, [1, 2])
    parameter.f_unlock()
    for bad, error in (([3, 4.0], TypeError), ([], ValueError), ([object()], TypeError)):
        with pytest.raises(error):
            parameter._expand(bad)
        assert parameter.f_get_range() == [1, 2]
        assert not parameter.v_locked


def test_explored_values_must_be_storable() -> None:
    parameter = Parameter("a.b", [1])
    with pytest.raises(UnsupportedValueError):
        parameter._explore([[2], [object()]])
    assert not parameter.v_explored


def test_iterators_are_explored_once() -> None:
    assert explored(1, (i * i for i in range(4))).f_get_range() == [0, 1, 4, 9]
    assert explored(1, range(3)).f_get_range() == [0, 1, 2]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats() | st.integers(), min_size=1, max_size=8), st.sampled_from([1.0, 1]))
def test_exploration_takes_all_or_nothing(values: list[Any], default: Any) -> None:
    parameter = Parameter("x", default)
    if all(type(value) is type(default) for value in values):
        parameter._explore(values)
        assert all(map(parameter._equal_values, parameter.f_get_range(), values))
    else:
        with pytest.raises(TypeError):
            parameter._explore(values)
        assert not parameter.v_explored


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text() | st.lists(st.integers()) | st.integers(), min_size=1, max_size=6),
    st.sampled_from([[], "", 0]),
)
def test_a_range_is_what_was_given(values: list[Any], default: Any) -> None:
    parameter = Parameter("x", default)
    fitting = [value for value in values if type(value) is type(default)]
    if fitting:
        parameter._explore(fitting)
        assert parameter.f_get_range() == fitting
        for place, value in enumerate(fitting):
            parameter._set_parameter_access(place)
            assert parameter.f_get() == value == parameter[place]


# -- copies -----------------------------------------------------------------------------------------------


def test_pickling_leaves_the_range_behind_unless_a_full_copy_is_wanted() -> None:
    parameter = explored(1, [5, 6])
    parameter.v_annotations.unit = "s"
    parameter._set_parameter_access(1)
    light = pickle.loads(pickle.dumps(parameter))
    assert light.v_explored
    assert not light.f_has_range()
    with pytest.raises(TypeError, match="v_full_copy"):
        light.f_get_range()
    assert light.f_get() == 6
    assert light.f_get_default() == 1
    assert light.v_full_name == "group.p"
    assert light.v_annotations == {"unit": "s"}
    assert light._node.view is light
    assert not parameter.v_full_copy
    parameter.v_full_copy = True
    full = pickle.loads(pickle.dumps(parameter))
    assert full.f_get_range() == [5, 6]
    assert full.v_full_copy


@pytest.mark.parametrize("twin_of", [copy.copy, copy.deepcopy])
def test_copies_have_the_same_values_and_are_independent(twin_of: Any) -> None:
    tree = Tree("traj", lambda node: node)
    parameter = explored(1, [5, 6])
    parameter.v_comment = "hi"
    group = Group("parameters")
    tree.attach(tree.root, group)
    tree.attach(group, parameter._node)
    parameter._node.stored = True
    twin = twin_of(parameter)
    assert twin.v_full_name == "parameters.p"
    assert twin.v_comment == "hi"
    assert twin.f_get_range() == [5, 6]
    assert twin._node.parent is None
    assert twin._node.tree is None
    assert not twin.v_stored
    twin.f_unlock()
    twin._shrink()
    twin.f_set(99)
    assert parameter.v_locked
    assert parameter.f_get_range() == [5, 6]
    assert parameter.f_get() == 1


def test_a_deep_copy_owns_its_value() -> None:
    parameter = Parameter("x", [1, [2]])
    twin = copy.deepcopy(parameter)
    twin.f_get()[1].append(3)
    assert parameter.f_get() == [1, [2]]
    assert copy.copy(parameter).f_get() is parameter.f_get()


# -- text ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [list(range(10**6)), "x" * 10**6, np.arange(10**6), {i: i for i in range(10**5)}, 10**5000],
    ids=["list", "text", "array", "dict", "int"],
)
def test_long_values_are_shown_shortened_in_one_line(value: Any) -> None:
    text = str(Parameter("x", value))
    assert len(text) < 100
    assert "\n" not in text


def test_storing_hooks_give_and_take_the_default() -> None:
    parameter = explored(1, [5, 6])
    parameter._set_parameter_access(1)
    assert parameter._store() == {"data": 1, "explored_data": [5, 6]}
    assert parameter._node.dump() == {"data": 1}  # the plan has the range
    assert Parameter("x")._store() == {}
    other = Parameter("x")
    other._load({"data": 3})
    assert other.v_locked
    assert other.f_get() == 3
