"""Do nodes, annotations and links show what the tables of sections 2, 2.1 and 2.2 promise?"""

from __future__ import annotations

import copy
import pathlib
import pickle
import weakref
from typing import Any

import numpy as np
import pytest

from pypet_ng import (
    Environment,
    HDF5StorageService,
    MemoryStorageService,
    NNGroupNode,
    NotUniqueNodeError,
    Parameter,
    ParameterGroup,
    Result,
    ResultGroup,
    Trajectory,
    load_trajectory,
)
from tests.pypet_api.api import WORKERS, line, run_some


@pytest.fixture
def traj() -> Any:
    traj = Trajectory("t", add_time=False, comment="about")
    traj.f_add_parameter("a.b.x", 1, comment="ex")
    traj.f_add_parameter("y", 2)
    traj.f_add_result("z", 3)
    return traj


@line("2: v_name, v_full_name, v_location")
def test_names_of_nodes(line: str, traj: Any) -> None:
    x = traj.f_get("x")
    assert (x.v_name, x.v_full_name, x.v_location) == ("x", "parameters.a.b.x", "parameters.a.b")
    assert (traj.v_name, traj.v_full_name, traj.v_location) == ("t", "", "")


@line("2: v_comment")
@pytest.mark.parametrize("workers", WORKERS)
def test_the_comment_of_the_root_is_not_settable_in_a_run(line: str, workers: dict[str, Any]) -> None:
    def run(traj: Any) -> str:
        try:
            traj.v_comment = "other"
        except TypeError:
            return "refused"
        return "done"

    env = Environment(filename=":memory:", report_progress=False, log_config=None, **workers)
    assert env.run(run) == [(0, "refused")]


@line("2: v_depth, v_branch, v_run_branch")
def test_depth_and_branches(line: str, traj: Any) -> None:
    assert (traj.v_depth, traj.f_get("x").v_depth, traj.a.v_branch) == (0, 4, "parameters")
    leaf = traj.f_add_leaf("results.runs.run_00000003.q", 1)
    assert (leaf.v_run_branch, traj.f_get("x").v_run_branch) == ("run_00000003", "trajectory")


@line("2: v_is_leaf, v_is_group, v_is_root, v_is_parameter")
def test_kinds(line: str, traj: Any) -> None:
    x, z = traj.f_get("x"), traj.f_get("z")
    assert (x.v_is_leaf, x.v_is_group, x.v_is_parameter, z.v_is_parameter) == (True, False, True, False)
    assert (traj.v_is_root, traj.a.v_is_root, traj.a.v_is_group) == (True, False, True)


@line("2: v_stored")
def test_stored_nodes_say_so(line: str, tmp_path: pathlib.Path) -> None:
    traj = Trajectory("t", add_time=False, filename=str(tmp_path / "f.hdf5"))
    leaf = traj.f_add_result("r", 1)
    assert not leaf.v_stored
    traj.f_store()
    assert leaf.v_stored
    assert traj.results.v_stored


@line("2: f_get_class_name, vars, func, kids, v_root, f_get_parent")
def test_ways_around_a_node(line: str, traj: Any) -> None:
    a = traj.par.a
    assert a.f_get_class_name() == "ParameterGroup"
    assert a.vars.full_name == a.v_full_name
    assert a.func.get("b.x") is traj.f_get("x")
    assert a.kids.b is traj.a.b
    assert set(dir(a.kids)) == {"b"}
    assert a.v_root is traj
    assert a.f_get_parent() is traj.parameters
    with pytest.raises(TypeError):
        traj.f_get_parent()


@line("2: f_children, f_has_children, f_leaves, f_groups, f_links, ...")
def test_counts(line: str, traj: Any) -> None:
    par = traj.parameters
    assert (par.f_children(), par.f_leaves(), par.f_groups(), par.f_links()) == (2, 1, 1, 0)
    assert (par.f_has_children(), par.f_has_leaves(), par.f_has_groups(), par.f_has_links()) == (
        True,
        True,
        True,
        False,
    )


@line("2: f_get_children/groups/leaves/links(copy=True)")
def test_children_as_dict_and_live(line: str, traj: Any) -> None:
    par = traj.parameters
    children, live = par.f_get_children(), par.f_get_children(copy=False)
    assert type(children) is dict
    assert set(par.f_get_groups()) == {"a"}
    assert set(par.f_get_leaves()) == {"y"}
    traj.f_add_parameter("new", 1)
    assert "new" in live
    assert "new" not in children
    par.f_add_link("other", traj.a.b)
    assert par.f_get_links() == {"other": traj.a.b}
    assert len(par.f_get_links(copy=False)) == 1


@line("2: f_get_children/groups/leaves/links(copy=False)")
def test_live_dicts_are_always_the_same(line: str, traj: Any) -> None:
    par = traj.parameters
    par.f_add_link("other", traj.a.b)
    for ask in (par.f_get_children, par.f_get_groups, par.f_get_leaves, par.f_get_links):
        live = ask(copy=False)
        assert live is ask(copy=False)
        assert live == ask()
    assert set(par.f_get_groups(copy=False)) == {"a"}  # links are no groups of their own
    assert par.f_get_leaves(copy=False) is not traj.a.b.f_get_leaves(copy=False)


@line("2: copying and pickling groups")
@pytest.mark.parametrize("make", [copy.deepcopy, lambda node: pickle.loads(pickle.dumps(node))])
def test_copied_groups_bring_a_trajectory_of_their_own(line: str, traj: Any, make: Any) -> None:
    group = traj.f_get("a")
    twin = make(group)
    assert (twin.v_full_name, twin.b.x, type(twin)) == ("parameters.a", 1, ParameterGroup)
    assert twin.v_root is not traj
    assert group in traj
    assert twin not in traj
    alone = make(ParameterGroup("alone", comment="no tree"))
    assert (alone.v_name, alone.v_comment) == ("alone", "no tree")
    assert make(group.vars).full_name == "parameters.a"
    assert make(group.kids).b.v_name == "b"


@line("2: parts of nodes in the making")
@pytest.mark.parametrize("name", ["_node", "_owner", "_group", "__deepcopy__"])
def test_nodes_without_state_have_no_attributes(line: str, traj: Any, name: str) -> None:
    for one in (traj, traj.f_get("a"), traj.vars, traj.kids, traj.v_annotations, traj.f_get("z")):
        raw = object.__new__(type(one))
        assert not hasattr(raw, name)


@line("2: f_iter_nodes")
def test_iteration_is_breadth_first_and_may_be_cut(line: str, traj: Any) -> None:
    names = [node.v_name for node in traj.parameters.f_iter_nodes()]
    assert names == ["a", "y", "b", "x"]
    assert [n.v_name for n in traj.parameters.f_iter_nodes(max_depth=1)] == ["a", "y"]
    kept = traj.parameters.f_iter_nodes(predicate=lambda node: node.v_name != "b")
    assert [n.v_name for n in kept] == ["a", "y"]
    traj.par.f_add_link("again", traj.a)
    assert len([n for n in traj.parameters.f_iter_nodes() if n.v_name == "x"]) == 1
    for index in (-1, 0, 1):
        traj.f_add_leaf(f"results.runs.{traj.f_wildcard('$', index)}.q", index)
    for chosen in ((1, -1), ("run_00000001", -1)):
        found = [n.v_run_branch for n in traj.results.f_iter_nodes(predicate=chosen) if n.v_name == "q"]
        assert sorted(found) == ["run_00000001", "run_ALL"]


@line("2: f_iter_leaves, __iter__")
def test_leaves_and_children(line: str, traj: Any) -> None:
    assert [leaf.v_name for leaf in traj.par.f_iter_leaves()] == ["y", "x"]
    assert [n.v_name for n in traj.par] == ["a", "y"]
    traj.v_iter_recursive = True
    assert len(list(traj.par)) == 4


@line("2: f_to_dict")
def test_to_dict(line: str, traj: Any) -> None:
    assert traj.f_to_dict(fast_access=True) == {"parameters.a.b.x": 1, "parameters.y": 2, "results.z": 3}
    assert traj.a.f_to_dict(fast_access=True) == {"parameters.a.b.x": 1}
    assert traj.a.f_to_dict(fast_access=True, nested=True) == {"b": {"x": 1}}
    assert traj.f_to_dict(short_names=True)["y"] is traj.f_get("y")
    traj.f_add_result("deep.x", 5)
    with pytest.raises(ValueError, match="called 'x'"):
        traj.f_to_dict(short_names=True)
    with pytest.raises(ValueError, match="copy"):
        traj.f_to_dict(fast_access=True, copy=False)
    with pytest.raises(ValueError, match="exclude"):
        traj.f_to_dict(short_names=True, nested=True)


@line("2: f_contains, in")
def test_contains(line: str, traj: Any) -> None:
    assert traj.f_contains("parameters.a.b.x")
    assert not traj.f_contains("x")
    assert traj.f_contains("x", shortcuts=True)
    assert "x" in traj
    assert traj.f_get("x") in traj
    assert Parameter("x", 1) not in traj
    assert not traj.f_contains("a.b.x", shortcuts=True, max_depth=2)
    traj.v_shortcuts = False
    assert "x" not in traj
    assert "results" in traj


@line("2: f_remove, f_remove_child")
def test_removing(line: str, traj: Any) -> None:
    with pytest.raises(TypeError):
        traj.a.f_remove(recursive=False)
    with pytest.raises(TypeError):
        traj.par.f_remove_child("a")
    with pytest.raises(ValueError):
        traj.par.f_remove_child("absent")
    with pytest.raises(ValueError):
        traj.f_remove(recursive=False)
    traj.par.f_remove_child("a", recursive=True)
    assert "x" not in traj
    traj.f_remove()
    assert traj.f_is_empty()


@line("2: f_dir_data, f_debug")
def test_for_completion_and_debuggers(line: str, traj: Any) -> None:
    assert "a" in traj.par.f_dir_data()
    assert "a" in dir(traj.par)
    shown = traj.f_debug()
    assert shown.parameters.a.b.x is traj.f_get("x")
    assert "parameters" in repr(shown)
    shown.parameters.a.b = None
    assert traj.x == 1


@line("2: str, repr")
def test_texts(line: str, traj: Any) -> None:
    assert str(traj.a) == "ParameterGroup parameters.a: (b: <ParameterGroup>)"
    assert str(traj).startswith("Trajectory t (len:1, about): (parameters: <ParameterGroup>)")
    for place in range(6):
        traj.f_add_parameter_group(f"many.g{place}")
    assert str(traj.many).endswith("...")


@line("2: generic groups and leaves")
def test_generic_nodes_hang_anywhere(line: str, traj: Any, tmp_path: pathlib.Path) -> None:
    leaf = traj.f_add_leaf("notes.about.it", 42, comment="mine")
    assert type(leaf) is Result
    assert type(traj.notes) is NNGroupNode
    assert traj.notes.about.it == traj["it"] == 42
    assert type(traj.f_add_group("parameters.sub")) is ParameterGroup
    traj.f_migrate(filename=str(tmp_path / "f.hdf5"))
    traj.f_store()
    loaded = load_trajectory("t", filename=str(tmp_path / "f.hdf5"), load_data=2)
    assert loaded.notes.about.it == 42


# -- annotations --------------------------------------------------------------------------------------


@line("2.1: v_annotations, f_set, f_get, f_ann_to_str, del")
def test_annotations(line: str, traj: Any) -> None:
    notes = traj.a.v_annotations
    notes.f_set(1, "two", key=3)
    assert (notes.annotation, notes["annotation_1"], notes[1], notes.key) == (1, "two", "two", 3)
    assert notes.f_get("key", "annotation") == (3, 1)
    with pytest.raises(ValueError):
        notes.f_get()
    with pytest.raises(AttributeError):
        notes.f_get("absent")
    assert notes.f_ann_to_str() == "annotation=1; annotation_1=two; key=3"
    del notes.key
    assert sorted(notes) == ["annotation", "annotation_1"]
    notes.f_empty()
    assert notes.f_is_empty()


@line("2.1: stored; existing ones are not overwritten unless asked")
def test_annotations_load_with_the_skeleton(line: str, tmp_path: pathlib.Path) -> None:
    file = str(tmp_path / "f.hdf5")
    traj = Trajectory("t", add_time=False, filename=file)
    result = traj.f_add_result("g.r", 1)
    result.v_annotations.f_set(note=np.arange(3), text="ä")
    traj.g.v_annotations.f_set(group=1.5)
    traj.f_store()
    loaded = load_trajectory("t", filename=file, load_data=1)
    assert loaded.f_get("g.r").v_annotations.text == "ä"
    assert loaded.f_get("g.r").v_annotations.note.tolist() == [0, 1, 2]
    assert loaded.g.v_annotations.group == 1.5
    loaded.g.v_annotations.f_set(group=9)
    traj.f_load(load_data=3)
    assert traj.g.v_annotations.group == 1.5


@line("2.1: annotations of the root")
@pytest.mark.parametrize("filename", [":memory:", "f.hdf5"])
def test_annotations_of_the_trajectory_are_stored(line: str, tmp_path: pathlib.Path, filename: str) -> None:
    place = MemoryStorageService() if filename == ":memory:" else HDF5StorageService(str(tmp_path / filename))
    traj = Trajectory("t", storage_service=place)
    traj.f_add_result("z", 1)
    traj.v_annotations.f_set(who="me", when={"day": 3})
    traj.f_store()
    traj.v_annotations.who = "somebody else"
    traj.v_annotations.new = True
    traj.f_store()  # adds, and overwrites nothing
    loaded = Trajectory("u", storage_service=place)
    loaded.f_load(name="t")
    assert loaded.v_annotations.f_to_dict() == {"who": "me", "when": {"day": 3}, "new": True}
    assert set(loaded.f_get_children()) == {"results"}
    loaded.v_annotations.who = "us"
    loaded.f_load(load_data=2)
    assert loaded.v_annotations.who == "us"
    loaded.f_load(load_data=3)
    assert loaded.v_annotations.who == "me"


@line("2.1: annotations of nodes of runs")
@pytest.mark.parametrize("workers", WORKERS)
def test_annotations_of_runs(line: str, workers: dict[str, Any]) -> None:
    def run(traj: Any) -> None:
        traj.f_add_result("z", traj.x).v_annotations.f_set(run=traj.v_idx)

    traj = run_some(run, **workers)
    traj.f_load(load_results=2)
    for name in traj.f_iter_runs():
        assert traj.results.runs[name].f_get("z").v_annotations.run == traj.v_idx


# -- links --------------------------------------------------------------------------------------------


@line("2.2: f_add_link")
def test_ways_to_make_links(line: str, traj: Any) -> None:
    group = traj.f_add_group("other")
    assert group.f_add_link(traj.f_get("x")).v_full_name == "parameters.a.b.x"
    assert group.f_add_link("ex", traj.f_get("x")) is traj.f_get("x")
    group.mine = traj.f_get("parameters.y")
    assert traj.f_add_link("me", "parameters") is traj.parameters
    assert (group.x, group.ex, group.mine, traj.me.y) == (1, 1, 2, 2)
    for wrong in (traj, Parameter("q", 1)):
        with pytest.raises(ValueError):
            group.f_add_link("bad", wrong)
    with pytest.raises(ValueError):
        traj.f_add_link("config", traj.a)


@line("2.2: f_remove_link, f_delete_link(s)")
def test_links_in_memory_and_on_disk(line: str, tmp_path: pathlib.Path) -> None:
    file = str(tmp_path / "f.hdf5")
    traj = Trajectory("t", add_time=False, filename=file)
    traj.f_add_result("g.r", 1)
    traj.results.f_add_link("short", traj.results.g)
    traj.results.f_add_link("second", traj.results.g)
    traj.f_store()
    assert load_trajectory("t", filename=file, load_data=2).results.short.r == 1
    traj.f_delete_link("results.short")
    traj.f_delete_links([(traj.results, "second")], remove_from_trajectory=True)
    assert not load_trajectory("t", filename=file, load_data=2).results.f_has_links()
    traj.results.f_remove_link("short")
    with pytest.raises(ValueError):
        traj.results.f_remove_link("short")
    assert load_trajectory("t", filename=file, load_data=2).g.r == 1


@line("2.2: semantics: removing, adding through, iteration")
def test_links_are_other_ways_only(line: str, traj: Any) -> None:
    traj.results.f_add_link("way", traj.a)
    with pytest.raises(AttributeError, match="hop over links"):
        traj.f_add_leaf("results.way.new", 1)
    assert traj.results.way.x == 1
    assert [n.v_name for n in traj.results.f_iter_nodes(with_links=False)] == ["z"]
    traj.par.f_remove_child("a", recursive=True)
    assert not traj.results.f_has_links()


@line("2.2: links made in runs, also called as the run")
@pytest.mark.parametrize("workers", WORKERS)
def test_links_of_runs_come_back(line: str, workers: dict[str, Any]) -> None:
    def run(traj: Any) -> None:
        traj.f_add_result("z", traj.x)
        traj.f_add_result("g.r", traj.x + 10)
        traj.results.runs.crun.f_add_link("short", traj.results.runs.crun.g)
        if not traj.results.f_contains("by_run"):  # what is outside of the run's groups stays
            traj.f_add_group("results.by_run")
        traj.results.by_run.f_add_link("$", traj.results.runs.crun.f_get("z"))

    traj = run_some(run, **workers)
    traj.f_load(load_results=2)
    for index, _ in enumerate(traj.f_iter_runs()):
        assert traj.results.runs.crun.short.r == index + 10
        assert traj.results.by_run.crun == index


@line("2.2: leaves called as the run")
def test_leaves_called_as_their_run(line: str) -> None:
    def run(traj: Any) -> None:
        traj.f_add_result("collected.$", traj.x)

    traj = run_some(run)
    traj.f_load(load_results=2)
    assert [traj.collected[name] for name in traj.f_get_run_names()] == [0.0, 1.0, 2.0]
    traj.v_idx = 1
    assert traj.collected.crun == 1.0


@line("2: groups assigned to a name")
def test_groups_of_ones_own_may_be_assigned(line: str, traj: Any) -> None:
    group = ParameterGroup("new", comment="mine")
    traj.par.new = group
    assert traj.par.new is group
    group.f_apar("p", 1)
    assert traj.p == 1
    with pytest.raises(TypeError):
        traj.f_add_group(ResultGroup("wrong"))
    traj.f_add_parameter("other.p", 2)
    with pytest.raises(NotUniqueNodeError):
        traj.p  # noqa: B018


@line("3: group['a.b'] = node")
def test_nodes_are_assigned_by_longer_names(line: str, traj: Any) -> None:
    traj["a.b.new"] = Parameter("", 5)
    assert traj.f_get("parameters.a.b.new").f_get() == 5  # the way there is searched, as in reading
    traj["r_1"] = NNGroupNode("")
    traj["r_1.found"] = Result("found", 6)
    assert traj.run_00000001.found == 6
    traj["a.short"] = traj.f_get("z")
    assert traj.parameters.a.short == 3
    traj["nowhere.yet"] = Result("nowhere.yet", 7)
    assert traj.nowhere.yet == 7
    with pytest.raises(AttributeError, match="was assigned to"):
        traj["a.b.other"] = Parameter("this", 1)


@line("2.2: a node that links reach in several ways")
def test_several_ways_of_one_depth_are_ambiguous(line: str, traj: Any) -> None:
    target = traj.f_add_parameter_group("one.target")
    two = traj.f_add_parameter_group("two")
    two.f_add_link(target)
    with pytest.raises(NotUniqueNodeError, match=r"parameters\.one\.target"):
        traj.target  # noqa: B018
    assert traj.two.target is target
    two.f_remove_link("target")
    assert traj.target is target


@line("2.2, 10: links with v_auto_load")
def test_links_are_loaded_with_what_they_lead_to(line: str, tmp_path: pathlib.Path) -> None:
    file = str(tmp_path / "f.hdf5")
    traj = Trajectory("t", filename=file)
    traj.f_add_parameter("far.x", 1)
    traj.f_add_group("here").f_add_link("there", traj.f_get("far"))
    traj.f_store()
    loaded = load_trajectory("t", filename=file, load_data=0)
    loaded.v_auto_load = True
    there = loaded.here.there
    assert there is loaded.f_get("parameters.far")
    assert there.x == 1


@line("2: f_remove_item")
def test_removed_values_are_freed_at_once(line: str, traj: Any) -> None:
    array = np.arange(3)
    leaf = traj.f_add_result("large", array)
    watched = weakref.ref(array)
    del array
    traj.f_remove_item("large")
    assert leaf.large.tolist() == [0, 1, 2]
    traj.f_add_result(leaf)
    assert traj.f_get("large") is leaf
    traj.f_remove_item("large")
    del leaf
    assert watched() is None
