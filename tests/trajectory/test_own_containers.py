"""Are the hooks of users' own containers asked, and only those?"""

from __future__ import annotations

import copy
import pathlib
import pickle
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from pypet_ng import NNGroupNode, ParameterGroup, ResultGroup, Trajectory, load_trajectory
from pypet_ng.errors import ParameterLockedException, UnknownClassError, UnsupportedValueError
from pypet_ng.trajectory.leaves import BaseParameter, BaseResult, ContainerParameterLeaf, ContainerResultLeaf
from pypet_ng.trajectory.parameter import Parameter
from pypet_ng.trajectory.parameter_leaves import HookedParameterLeaf
from pypet_ng.trajectory.result import HookedResultLeaf, Result
from pypet_ng.tree.nodes import Leaf, ParameterLeaf, ResultLeaf
from pypet_ng.tree.records import NodeKind, Record, Skeleton


class Quantity:
    """Something no codec knows."""

    def __init__(self, number: float, unit: str) -> None:
        self.number = number
        self.unit = unit

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and (self.number, self.unit) == (other.number, other.unit)

    __hash__ = None  # type: ignore[assignment]


class QuantityParameter(BaseParameter):
    """A container as users of pypet write it: all state in attributes, without slots."""

    def __init__(self, full_name: str, data: Quantity | None = None, comment: str = "") -> None:
        super().__init__(full_name, comment)
        self._data = self._default = data
        self._range: list[Quantity] = []
        self.note = "free"

    def f_set(self, data: Quantity) -> None:
        if self.v_locked:
            raise ParameterLockedException(f"{self.v_full_name} is locked")
        self._data = self._default = data

    def f_get(self) -> Quantity:
        self.f_lock()
        assert self._data is not None
        return self._data

    def f_is_empty(self) -> bool:
        return self._data is None

    def f_empty(self) -> None:
        self._data = self._default = None

    def f_get_range(self, copy: bool = True) -> list[Quantity]:
        return list(self._range)

    def _explore(self, explore_iterable: Iterable[Quantity]) -> None:
        self._range = list(explore_iterable)
        self._explored = True
        self.f_lock()

    def _expand(self, explore_iterable: Iterable[Quantity]) -> None:
        self._range += list(explore_iterable)

    def _shrink(self) -> None:
        self._range = []
        self._explored = False

    def _set_parameter_access(self, idx: int = 0) -> None:
        self._data = self._range[idx]

    def _restore_default(self) -> None:
        self._data = self._default

    def _store(self) -> dict[str, Any]:
        assert self._default is not None
        numbers = [one.number for one in self._range]
        return {"number": self._default.number, "unit": self._default.unit, "numbers": numbers}

    def _load(self, load_dict: dict[str, Any]) -> None:
        unit = load_dict["unit"]
        self._data = self._default = Quantity(load_dict["number"], unit)
        self._range = [Quantity(number, unit) for number in load_dict["numbers"]]
        self._explored = bool(self._range)


class Spikes(BaseResult):
    """A result container of a user's own."""

    def __init__(self, full_name: str, comment: str = "", **trains: Quantity) -> None:
        super().__init__(full_name, comment)
        self.trains = trains

    def f_is_empty(self) -> bool:
        return not self.trains

    def f_empty(self) -> None:
        self.trains = {}

    def _store(self) -> dict[str, Any]:
        return {name: [train.number, train.unit] for name, train in self.trains.items()}

    def _load(self, load_dict: dict[str, Any]) -> None:
        self.trains |= {name: Quantity(*parts) for name, parts in load_dict.items()}


def core(view: Any) -> Leaf:
    leaf: Leaf = view._node
    assert leaf.view is view
    return leaf


def test_a_parameter_of_ones_own_is_stored_and_loaded_by_its_hooks() -> None:
    first = QuantityParameter("a.tau", Quantity(3.0, "ms"), "mine")
    leaf = core(first)
    assert isinstance(leaf, ContainerParameterLeaf)
    assert leaf.kind is NodeKind.PARAMETER
    assert leaf.class_name == "QuantityParameter"
    assert first.v_is_parameter
    assert first.v_full_name == "a.tau"
    assert not leaf.is_empty
    second = QuantityParameter("a.tau")
    assert core(second).is_empty
    assert core(second).dump() == {}
    core(second).load(leaf.dump())
    assert second.v_locked, "what was loaded is locked"
    assert second.f_get() == Quantity(3.0, "ms")
    assert str(first) == "QuantityParameter a.tau (`mine`)"


def test_the_core_moves_and_locks_by_the_hooks() -> None:
    parameter = QuantityParameter("tau", Quantity(1.0, "s"))
    leaf = core(parameter)
    assert isinstance(leaf, ContainerParameterLeaf)
    assert not leaf.is_explored
    assert len(parameter) == 1
    parameter._explore([Quantity(2.0, "s"), Quantity(3.0, "s")])
    assert leaf.is_explored
    assert leaf.locked
    assert len(parameter) == parameter.f_get_range_length() == 2
    leaf.move_to(1, "fingerprint")
    assert parameter.f_get() == Quantity(3.0, "s")
    leaf.restore_default()
    assert parameter.f_get() == Quantity(1.0, "s")
    leaf.locked = False
    assert not parameter.v_locked
    parameter.f_set(Quantity(9.0, "s"))
    leaf.locked = True
    with pytest.raises(ParameterLockedException):
        parameter.f_set(Quantity(0.0, "s"))
    parameter._shrink()
    leaf.clear()
    assert leaf.is_empty
    assert len(parameter) == 0


def test_locking_the_core_asks_an_overridden_lock() -> None:
    calls = []

    class Watched(QuantityParameter):
        def f_lock(self) -> None:
            calls.append("lock")
            super().f_lock()

    parameter = Watched("x", Quantity(1.0, "s"))
    core(parameter).locked = True
    assert calls == ["lock"]
    assert parameter.v_locked


def test_a_result_of_ones_own_is_stored_and_loaded_by_its_hooks() -> None:
    first = Spikes("a.spikes", exc=Quantity(1.0, "s"))
    leaf = core(first)
    assert isinstance(leaf, ContainerResultLeaf)
    assert leaf.kind is NodeKind.RESULT
    assert leaf.dump() == {"exc": [1.0, "s"]}
    assert not first.v_is_parameter
    assert not first.f_supports_fast_access()
    second = Spikes("a.spikes")
    core(second).load(leaf.dump())
    assert second.trains == first.trains
    core(second).clear()
    assert core(second).is_empty


def test_attributes_of_ones_own_are_free() -> None:
    parameter = QuantityParameter("x")
    parameter.anything = 3  # type: ignore[attr-defined]
    result = Spikes("y")
    result.anything = 3  # type: ignore[attr-defined]
    assert parameter.note == "free"


def test_a_missing_hook_is_named() -> None:
    class Bare(BaseResult):
        pass

    class BareParameter(BaseParameter):
        pass

    result, parameter = Bare("a.b"), BareParameter("c.d")
    for call, hook in (
        (result.f_is_empty, "f_is_empty"),
        (result._store, "_store"),
        (lambda: result._load({}), "_load"),
        (result.f_empty, "f_empty"),
        (parameter.f_get, "f_get"),
        (lambda: parameter.f_set(1), "f_set"),
        (lambda: parameter._explore([1]), "_explore"),
        (lambda: parameter._expand([1]), "_expand"),
        (parameter._shrink, "_shrink"),
        (parameter._set_parameter_access, "_set_parameter_access"),
        (parameter._restore_default, "_restore_default"),
        (parameter.f_get_range, "f_get_range"),
        (parameter.f_get_default, "f_get_default"),
    ):
        with pytest.raises(NotImplementedError, match=f"Bare.*no method {hook}"):
            call()


def test_a_store_hook_must_give_a_dict() -> None:
    class Wrong(Spikes):
        def _store(self) -> Any:
            return [1, 2]

    with pytest.raises(TypeError, match=r"Wrong\._store of 'a\.b' gave \[1, 2\]"):
        core(Wrong("a.b", x=Quantity(1.0, "s"))).dump()


@pytest.mark.parametrize("twin_of", [copy.copy, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
def test_containers_of_ones_own_can_be_copied(twin_of: Any) -> None:
    parameter = QuantityParameter("a.tau", Quantity(3.0, "ms"))
    parameter._explore([Quantity(4.0, "ms")])
    twin = twin_of(parameter)
    assert twin is not parameter
    assert core(twin) is not core(parameter)
    assert twin.v_full_name == "a.tau"
    assert twin.f_get() == Quantity(3.0, "ms")
    assert twin.v_locked
    assert twin.v_explored
    twin.f_unlock()
    assert parameter.v_locked
    spikes = twin_of(Spikes("s", exc=Quantity(1.0, "s")))
    assert spikes.trains == {"exc": Quantity(1.0, "s")}


# -- subclasses of Parameter and Result -----------------------------------------------------------------


class Tagged(Parameter):
    """Stores an attribute of its own with the value."""

    def __init__(self, full_name: str, data: Any = None, comment: str = "", tag: str = "") -> None:
        super().__init__(full_name, data, comment)
        self.tag = tag

    def _store(self) -> dict[str, Any]:
        return super()._store() | {"tag": self.tag}

    def _load(self, load_dict: dict[str, Any]) -> None:
        self.tag = load_dict["tag"]
        super()._load(load_dict)


class Anything(Result):
    """Keeps what it likes and stores texts."""

    def _supports(self, item: Any) -> bool:
        return not callable(item)

    def _store(self) -> dict[str, Any]:
        return {name: [value.number, value.unit] for name, value in self.f_to_dict().items()}

    def _load(self, load_dict: dict[str, Any]) -> None:
        super()._load({name: Quantity(*parts) for name, parts in load_dict.items()})


def test_hooks_of_a_subclass_of_parameter_are_asked() -> None:
    first = Tagged("x", 3, tag="t")
    assert isinstance(core(first), HookedParameterLeaf)
    assert core(first).dump() == {"data": 3, "tag": "t"}
    second = Tagged("x")
    assert core(second).dump() == {}
    core(second).load(core(first).dump())
    assert (second.f_get(), second.tag, second.v_locked) == (3, "t", True)
    first._explore([4, 5])
    leaf = core(first)
    assert isinstance(leaf, ParameterLeaf)
    leaf.move_to(1, 5)
    assert first.f_get() == 5
    leaf.restore_default()
    assert first.f_get() == 3
    twin = copy.deepcopy(first)
    assert (twin.tag, twin.f_get_range()) == ("t", [4, 5])
    light = pickle.loads(pickle.dumps(first))
    core(light).move_to(1, 5)
    assert light.f_get() == 5, "a copy without the range is told the value"


def test_hooks_of_a_subclass_of_result_are_asked() -> None:
    first = Anything("z", Quantity(1.0, "s"))
    assert isinstance(core(first), HookedResultLeaf)
    assert core(first).dump() == {"z": [1.0, "s"]}
    second = Anything("z")
    core(second).load(core(first).dump())
    assert second.z == Quantity(1.0, "s")
    with pytest.raises(UnsupportedValueError, match="Anything does not support"):
        second.f_set(print)
    with pytest.raises(UnsupportedValueError):
        Anything("z", print)
    core(second).clear()
    assert second.f_is_empty()


def test_a_subclass_without_hooks_keeps_the_fast_core() -> None:
    class Named(Parameter):
        def describe(self) -> str:
            return f"<{self.v_name}>"

    class Plain(Result):
        limit = 3

        def total(self) -> int:
            return sum(self.f_to_dict().values())

    parameter, result = Named("x", 1), Plain("z", 1, 2)
    assert type(core(parameter)) is ParameterLeaf
    assert type(core(result)) is ResultLeaf
    assert core(parameter).class_name == "Named"
    assert core(result).class_name == "Plain"
    assert parameter.describe() == "<x>"
    assert result.total() == 3
    result.limit = 5
    assert result.limit == 5
    assert Plain.limit == 3
    assert "limit" not in result


def test_a_subclass_of_result_sees_each_item() -> None:
    class Doubling(Result):
        def f_set_single(self, name: str | int, item: Any) -> None:
            super().f_set_single(name, 2 * item)

    assert Doubling("z", 1).z == 2
    assert Doubling("z", 1, 2, a=3).f_to_dict() == {"z": 2, "z_1": 4, "a": 6}


def test_a_subclass_of_parameter_may_say_itself_what_it_supports() -> None:
    class Positive(Parameter):
        def f_supports(self, data: Any) -> bool:
            return bool(data > 0)

    parameter = Positive("x", 1)
    with pytest.raises(UnsupportedValueError, match="Positive does not support -1"):
        parameter.f_set(-1)
    with pytest.raises(UnsupportedValueError):
        parameter._explore([3, -1])
    assert not parameter.v_explored

    class Loose(Parameter):
        def _values_of_same_type(self, val1: Any, val2: Any) -> bool:
            return isinstance(val1, (int, float)) and isinstance(val2, (int, float))

    loose = Loose("x", 1.0)
    loose._explore([1, 2.5])
    assert loose.f_get_range() == [1, 2.5]


class Rounded(Parameter):
    """As users of pypet write them: with the attributes that pypet's parameter has."""

    def f_supports(self, data: Any) -> bool:
        return isinstance(data, complex)

    def _store(self) -> dict[str, Any]:
        store = {"parts": np.array([self._data.real, self._data.imag])}
        if self.f_has_range():
            store["many"] = np.array([(value.real, value.imag) for value in self._explored_range])
        return store

    def _load(self, load_dict: dict[str, Any]) -> None:
        self._data = self._default = complex(*load_dict["parts"])
        if "many" in load_dict:
            self._explored_range = [complex(*parts) for parts in load_dict["many"]]
            self._explored = True
        self._locked = True


def test_hooks_of_a_subclass_may_use_the_attributes_of_pypets_parameter(tmp_path: pathlib.Path) -> None:
    filename = str(tmp_path / "z.hdf5")
    traj: Any = Trajectory("z", filename=filename, add_time=False, dynamic_imports=[Rounded])
    parameter = traj.f_add_parameter(Rounded, "z", 1 + 2j)
    assert (parameter._data, parameter._default, parameter._explored_range) == (1 + 2j, 1 + 2j, [])
    traj.f_explore({"z": [1j, 2j, 3j]})
    traj.v_idx = 1
    assert (parameter._data, parameter._default, parameter._explored_range) == (2j, 1 + 2j, [1j, 2j, 3j])
    traj.v_idx = -1
    traj.f_store()
    loaded: Any = load_trajectory(name="z", filename=filename, load_data=2, dynamic_imports=[Rounded])
    assert loaded.z == 1 + 2j
    assert loaded.f_get("z").f_get_range() == [1j, 2j, 3j]


def test_a_range_set_by_hand_is_the_range() -> None:
    parameter = Rounded("z", 1j)
    parameter._explored_range = [1j, 5j]
    parameter._set_parameter_access(1)
    assert (parameter.f_get(), parameter.f_get_range()) == (5j, [1j, 5j])
    parameter._explored_range = []
    assert not parameter.f_has_range()


class Rig(ParameterGroup):
    """A group that knows something about what hangs in it."""

    def sum(self) -> float:
        return float(self.left + self.right)


class Lost(ParameterGroup):
    """A class that whoever loads the file does not have."""


def test_groups_of_a_users_class_come_back_as_such(tmp_path: pathlib.Path) -> None:
    filename = str(tmp_path / "rigs.hdf5")
    traj: Any = Trajectory("t", filename=filename)
    traj.par.rig = Rig("")
    traj.bench = Rig("bench", comment="beside the branches")
    for group in (traj.par.rig, traj.bench):
        group.f_add_leaf("left", 1.0)
        group.f_add_leaf("right", 2.0)
    traj.f_store()
    loaded: Any = load_trajectory("t", filename=filename, load_all=2, dynamic_imports=Rig)
    for tree in (loaded, traj.f_copy()):
        assert type(tree.par.rig) is type(tree.bench) is Rig
        assert tree.par.rig.sum() == tree.bench.sum() == 3.0
        assert tree.bench.v_comment == "beside the branches"
        assert type(tree.par) is ParameterGroup


def test_a_group_of_a_class_that_is_missing_says_how_to_name_it(tmp_path: pathlib.Path) -> None:
    filename = str(tmp_path / "rigs.hdf5")
    traj: Any = Trajectory("t", filename=filename)
    traj.par.rig = Lost("")
    traj.f_store()
    traj.v_storage_service.write([Record(Skeleton(("parameters", "odd"), NodeKind.GROUP, "Unheard"))])
    loaded: Any = load_trajectory("t", filename=filename, load_all=2)
    with pytest.raises(UnknownClassError, match=r"dynamic_imports='module.Class'"):
        _ = loaded.par.odd


def test_the_branches_own_classes_hang_in_their_branch_only() -> None:
    traj: Any = Trajectory("t")
    with pytest.raises(TypeError, match="NNGroupNode"):
        traj.anywhere = ResultGroup("")
    with pytest.raises(TypeError, match="ResultGroup"):
        traj.res.rig = Rig("")
    traj.anywhere = NNGroupNode("")
    assert traj.anywhere.v_full_name == "anywhere"
