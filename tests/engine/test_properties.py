"""Does any tree with any plan survive storing, loading, expanding and storing again?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pypet_ng import Parameter, Trajectory, cartesian_product
from pypet_ng.encoding import same
from tests.engine.places import Place

NAMES = st.sampled_from(["a", "b", "c", "deep", "a-1", "B"])
INTEGERS = st.integers(-(2**70), 2**70)
FLOATS = st.floats(width=64)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
ARRAYS = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int64, np.uint8, np.bool_, np.complex128]),
    hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3),
)
LISTED = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | TEXTS | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(TEXTS, inner, max_size=3)
    ),
    max_leaves=6,
)
VALUES = LISTED | ARRAYS
KINDS: list[st.SearchStrategy[Any]] = [
    st.integers(-(2**62), 2**62),
    FLOATS,
    TEXTS,
    st.booleans(),
    hnp.arrays(np.float64, 3),
    st.tuples(st.integers(0, 9), TEXTS),
]


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """Give what a tree holds, by branch and name."""
    paths = draw(st.lists(st.lists(NAMES, min_size=1, max_size=3), max_size=6))
    leaves: dict[str, dict[str, Any]] = {}
    taken: set[str] = set()
    for parts in paths:
        branch = draw(st.sampled_from(["parameters", "config", "derived_parameters", "results"]))
        path = ".".join([branch, *parts])
        above = {path[:k] for k, letter in enumerate(path) if letter == "."}
        if path in taken or above & leaves.keys() or path in leaves:
            continue
        taken |= above
        if branch == "results":
            items = draw(st.dictionaries(st.sampled_from(["x", "y", "z_1"]), VALUES, max_size=3))
        else:
            items = {"data": draw(VALUES.filter(lambda value: value is not None))}
        leaves[path] = {
            "items": items,
            "comment": draw(TEXTS),
            "annotations": draw(st.dictionaries(st.sampled_from(["u", "v"]), VALUES, max_size=2)),
        }
    return leaves


@st.composite
def plans(draw: st.DrawFn) -> dict[str, Any]:
    """Give explored lists of some types, and points to be added later."""
    count = draw(st.integers(1, 3))
    kinds = [draw(st.sampled_from(KINDS)) for _ in range(count)]
    product = draw(st.booleans())
    length = draw(st.integers(1, 4))
    first, later, defaults = {}, {}, {}
    more = draw(st.integers(1, 3))
    for place, kind in enumerate(kinds):
        size = draw(st.integers(1, 3)) if product else length
        first[f"explored_{place}"] = draw(st.lists(kind, min_size=size, max_size=size))
        later[f"explored_{place}"] = draw(st.lists(kind, min_size=more, max_size=more))
        defaults[f"explored_{place}"] = draw(kind)
    values = cartesian_product(first) if product else first
    return {"defaults": defaults, "first": values, "later": later}


def grow(traj: Any, leaves: dict[str, Any]) -> None:
    for path, leaf in leaves.items():
        branch, _, name = path.partition(".")
        if branch == "results":
            node = traj.f_add_result(name, comment=leaf["comment"], **leaf["items"])
        elif branch == "parameters":
            node = traj.f_add_parameter(name, leaf["items"]["data"], comment=leaf["comment"])
        elif branch == "config":
            node = traj.f_add_config(name, leaf["items"]["data"], comment=leaf["comment"])
        else:
            node = traj.f_add_derived_parameter(name, leaf["items"]["data"], comment=leaf["comment"])
        node.f_set_annotations(**leaf["annotations"])


def assert_tree(traj: Any, leaves: dict[str, Any]) -> None:
    for path, leaf in leaves.items():
        node = traj.f_get(path, shortcuts=False)
        found = {"data": node.f_get()} if isinstance(node, Parameter) else node.f_to_dict()
        assert list(found) == list(leaf["items"]), path
        for name, value in leaf["items"].items():
            assert same(found[name], value), (path, name, found[name], value)
        assert node.v_comment == leaf["comment"]
        annotations = node.v_annotations.f_to_dict()
        assert annotations.keys() == leaf["annotations"].keys()
        for name, value in leaf["annotations"].items():
            assert same(annotations[name], value), (path, name)


def assert_plan(traj: Any, defaults: dict[str, Any], values: dict[str, list[Any]]) -> None:
    length = len(next(iter(values.values())))
    assert len(traj) == length
    for name, wanted in values.items():
        parameter = traj.f_get(f"parameters.{name}", shortcuts=False)
        found = parameter.f_get_range()
        assert all(same(a, b) for a, b in zip(found, wanted, strict=True)), (name, found, wanted)
        assert same(parameter.f_get_default(), defaults[name])
    for index in range(length):
        traj.v_idx = index
        for name, wanted in values.items():
            assert same(traj.f_get(f"parameters.{name}").f_get(), wanted[index])
    traj.v_idx = -1


@pytest.mark.parametrize("kind", ["memory", "hdf5"])
@settings(max_examples=max(1, settings.default.max_examples // 2))  # type: ignore[union-attr]
@given(leaves=trees(), plan=plans(), link=st.booleans(), data=st.data())
def test_any_trajectory_survives_storing_loading_and_expanding(
    kind: str,
    tmp_path_factory: pytest.TempPathFactory,
    leaves: dict[str, Any],
    plan: dict[str, Any],
    link: bool,
    data: st.DataObject,
) -> None:
    place = Place(kind, tmp_path_factory.mktemp("kept"))
    first = Trajectory("traj", add_time=False, comment="any", storage_service=place.service())
    grow(first, leaves)
    for name, default in plan["defaults"].items():
        first.f_add_parameter(name, default)
    if link and leaves:
        first.results.f_add_link("a_link", first.f_get(next(iter(leaves)), shortcuts=False))
    first.f_explore(plan["first"])
    values = {name: list(column) for name, column in plan["first"].items()}
    first.f_store()
    place.check()

    second = place.load(load_data=2)
    assert_tree(second, leaves)
    assert_plan(second, plan["defaults"], values)
    if link and leaves:
        assert second.results.f_get("a_link", shortcuts=False) is second.f_get(
            next(iter(leaves)), shortcuts=False
        )
    second.f_expand(plan["later"])
    values = {name: values[name] + list(plan["later"][name]) for name in values}
    second.f_store()
    place.check()

    third = place.load(load_data=data.draw(st.sampled_from([1, 2])))
    third.v_auto_load = True
    for path in leaves:
        third.f_get(path, shortcuts=False, auto_load=True)
    for name in values:
        third.f_get(f"parameters.{name}", auto_load=True)
    assert_tree(third, leaves)
    assert_plan(third, plan["defaults"], values)


@pytest.mark.parametrize("kind", ["memory", "hdf5"])
@settings(max_examples=max(1, settings.default.max_examples // 2))  # type: ignore[union-attr]
@given(
    values=st.lists(VALUES, min_size=1, max_size=6),
    failing=st.sets(st.integers(0, 5), max_size=3),
    absent=st.sets(st.integers(0, 5), max_size=3),
)
def test_any_results_of_runs_survive_failures_and_resuming(
    kind: str,
    tmp_path_factory: pytest.TempPathFactory,
    values: list[Any],
    failing: set[int],
    absent: set[int],
) -> None:
    place = Place(kind, tmp_path_factory.mktemp("kept"))
    length = len(values)
    sessions: list[list[int]] = []

    def run(traj: Any) -> Any:
        index = traj.v_idx
        sessions[-1].append(index)
        if index not in absent:
            traj.f_add_result("group.z", values[index], n=index)
        if index in failing and len(sessions) == 1:
            raise ValueError("for now")
        return values[index]

    for on_error in ("return", "raise"):
        sessions.append([])
        env = place.env(on_error=on_error)
        env.traj.f_add_parameter("x", 0)
        env.traj.f_explore({"x": range(length)})
        returned = env.run(run)
        place.check()
    assert [index for index, _ in returned] == list(range(length))
    assert all(same(value, values[index]) for index, value in returned)
    assert sessions == [list(range(length)), sorted(failing & set(range(length)))]
    traj: Any = place.load(load_data=2)
    found = traj.f_get_from_runs("group.z", use_indices=True)
    assert list(found) == [index for index in range(length) if index not in absent]
    for index, result in found.items():
        assert same(result.z, values[index])
        assert same(result.n, index)
