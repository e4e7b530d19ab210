"""Does a plan hold the points it was given, and does it relate them to stored ones?"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypet_ng.errors import DesignError, PlanMismatchError
from pypet_ng.spaces.columns import OpaqueColumn, column_of
from pypet_ng.spaces.compare import relate
from pypet_ng.spaces.plan import Plan
from pypet_ng.spaces.product import cartesian_product

X, Y = ("parameters", "x"), ("parameters", "group", "y")


def canonical(value: object) -> bytes:
    text = value.tobytes().hex() if isinstance(value, np.ndarray) else repr(value)
    return f"{type(value).__name__}:{text}".encode()


def plan(**values: Any) -> Plan:
    return Plan({("parameters", name): column_of(column) for name, column in values.items()})


def points(some: Plan) -> list[tuple[Any, ...]]:
    return list(zip(*(some.column(name) for name in some.names), strict=True))


def test_a_plan_without_columns_has_one_run() -> None:
    empty = Plan()
    assert len(empty) == 1
    assert empty
    assert not empty.is_explored
    assert empty.names == ()
    assert empty.point(0) == {}
    assert empty.columns() == {}
    with pytest.raises(IndexError):
        empty.point(1)


def test_a_plan_gives_points_and_columns() -> None:
    some = Plan({X: column_of([1, 2, 3]), Y: column_of([0.5, 1.5, 2.5])})
    assert len(some) == 3
    assert some.names == (X, Y)
    assert some.point(1) == {X: 2, Y: 1.5}
    assert some.columns(np.array([2, 0])) == {X: [3, 1], Y: [2.5, 0.5]}
    assert some.columns(slice(1, None))[X] == [2, 3]
    assert some.without(Y) == Plan({X: some.column(X)})
    assert some.without(Y).with_column(Y, some.column(Y)) == some
    longer = some.extended(Plan({Y: column_of([9.0]), X: column_of([4])}))
    assert longer.point(3) == {X: 4, Y: 9.0}
    assert longer.starts_with(some)
    assert not some.starts_with(longer)
    assert not some.starts_with(some.without(Y))
    assert len(some) == 3
    assert some.select(slice(1, 3)).point(0) == some.point(1)


def test_lengths_that_differ_are_named() -> None:
    with pytest.raises(DesignError, match=r"'parameters.x' has 2, 'parameters.group.y' has 1"):
        Plan({X: column_of([1, 2])}).with_column(Y, column_of([1]))


def test_extending_by_other_names_is_refused() -> None:
    with pytest.raises(DesignError, match=r"'parameters.x' cannot be extended.*'parameters.group.y'"):
        Plan({X: column_of([1])}).extended(Plan({Y: column_of([1])}))
    with pytest.raises(DesignError, match="Explore one first"):
        Plan().extended(Plan())


@pytest.mark.parametrize(
    ("new", "stored", "wanted", "appended"),
    [
        ([1, 2, 3], [1, 2, 3], [0, 1, 2], 0),
        ([1, 2, 3], [1, 2], [0, 1, 2], 1),
        ([1, 2], [1, 2, 3], [0, 1], 0),
        ([3, 1], [1, 2, 3], [2, 0], 0),
        ([0, 3, 1, 2], [1, 2, 3], [3, 2, 0, 1], 1),
        ([1, 1, 1], [1, 1], [0, 1, 2], 1),
        ([2, 1, 1], [1, 2, 1], [1, 0, 2], 0),
        ([0.0, -0.0], [-0.0, 0.0], [1, 0], 0),
        ([float("nan"), 1.0], [1.0, float("nan")], [1, 0], 0),
        (["b", "a"], ["a", "b"], [1, 0], 0),
        ([np.ones(3), np.zeros(2)], [np.zeros(2), np.ones(3)], [1, 0], 0),
        ([1, "a", 1.0], ["a", 1.0, 1], [2, 0, 1], 0),
        ([1 + 2j, -0j], [-0j, 1 + 2j], [1, 0], 0),
    ],
)
def test_stored_points_keep_their_runs(new: Any, stored: Any, wanted: list[int], appended: int) -> None:
    relation = relate(plan(x=new), plan(x=stored), canonical)
    assert relation.appended == appended
    assert np.arange(len(relation.plan))[relation.wanted].tolist() == wanted
    assert relation.plan.starts_with(plan(x=stored))
    assert len(relation.plan) == len(stored) + appended
    assert relation.plan.select(np.arange(len(relation.plan))[relation.wanted]) == plan(x=new)


@pytest.mark.parametrize(
    ("new", "stored", "words"),
    [
        ([1, 2], [1, 3], ["point 1 with parameters.x = 3", "point 1 with parameters.x = 2"]),
        ([1, 2], [1.0, 2.0], ["x = 1.0", "x = 1"]),
        ([1], [2], ["x = 1", "x = 2"]),
        ([1, 1, 3], [1, 2], ["point 1 with parameters.x = 2", "point 1 with parameters.x = 1"]),
    ],
)
def test_other_points_are_refused_with_the_ways_out(new: Any, stored: Any, words: list[str]) -> None:
    with pytest.raises(PlanMismatchError) as caught:
        relate(plan(x=new), plan(x=stored), canonical)
    message = str(caught.value)
    for word in [*words, "another trajectory name", "overwrite_file=True", "give the stored points too"]:
        assert word in message


def test_other_parameters_are_refused_by_name() -> None:
    with pytest.raises(
        PlanMismatchError, match=r"'parameters.x', 'parameters.y'.*only the script.*'parameters.y'"
    ):
        relate(plan(x=[1], y=[1]), plan(x=[1]), canonical)
    with pytest.raises(PlanMismatchError, match="explores nothing"):
        relate(Plan(), plan(x=[1]), canonical)
    assert relate(Plan(), Plan(), canonical).appended == 0


def test_the_order_of_parameters_does_not_matter() -> None:
    relation = relate(plan(x=[1, 2], y=[3, 4]), plan(y=[3], x=[1]), canonical)
    assert relation.appended == 1
    assert relation.plan.names == (("parameters", "y"), ("parameters", "x"))


def test_fingerprints_are_not_texts() -> None:
    opaque = Plan({X: OpaqueColumn(["a", "b"])})
    assert relate(Plan({X: OpaqueColumn(["b", "a"])}), opaque, canonical).appended == 0
    with pytest.raises(PlanMismatchError):
        relate(Plan({X: column_of(["b", "a"])}), opaque, canonical)


VALUE = st.one_of(st.integers(0, 2), st.sampled_from([0.0, 1.0]), st.sampled_from(["a", "b"]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(VALUE, VALUE), min_size=1, max_size=8),
    st.lists(st.tuples(VALUE, VALUE), max_size=4),
    st.randoms(use_true_random=False),
)
def test_multisets_that_contain_each_other_are_related(
    few: list[tuple[Any, Any]], more: list[tuple[Any, Any]], random: Any
) -> None:
    many = few + more
    random.shuffle(many)
    small, large = (plan(x=[p[0] for p in some], y=[p[1] for p in some]) for some in (few, many))
    for new, stored in ((small, large), (large, small)):
        relation = relate(new, stored, canonical)
        assert relation.appended == max(0, len(new) - len(stored))
        assert relation.plan.starts_with(stored)
        rows = np.arange(len(relation.plan))[relation.wanted]
        assert len(set(rows.tolist())) == len(new)
        assert list(map(repr, points(relation.plan.select(rows)))) == list(map(repr, points(new)))
        assert Counter(map(repr, points(relation.plan))) == Counter(map(repr, points(large)))


def test_a_million_points_are_compared_without_python_per_point() -> None:
    def forbidden(value: object) -> bytes:
        raise AssertionError(f"canonical form of {value!r} asked for")

    rng = np.random.default_rng(1)
    values = rng.random((4, 1_000_000))

    def many(n: int) -> Plan:
        return plan(**{f"p{k}": values[k, :n].copy() for k in range(4)})

    stored, new = many(900_000), many(1_000_000)
    start = time.process_time()
    assert relate(new, stored, forbidden).appended == 100_000
    assert relate(stored, new, forbidden).appended == 0
    grid = {f"p{k}": np.arange(n) for k, n in enumerate((100, 100, 10, 10))}
    larger = {**grid, "p0": np.arange(200)}
    one, two = (
        Plan({("p", name): column for name, column in cartesian_product(axes).items()})
        for axes in (grid, larger)
    )
    assert relate(two, one, forbidden).appended == 1_000_000
    spent = time.process_time() - start
    assert spent < 1.0, f"{spent:.3f} s of CPU time"
