"""What must a storage do with trajectories, sessions of writing, and ordinary nodes?"""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

from pypet_ng.encoding import same
from pypet_ng.errors import (
    DataNotInStorageError,
    FileBusyError,
    NameTakenError,
    TrajectoryNotFoundError,
    UnsupportedValueError,
)
from pypet_ng.storage.base import StorageService
from pypet_ng.testing.contract_base import ContractBase, X, p, record
from pypet_ng.testing.samples import sample_values
from pypet_ng.tree.records import NodeKind, TrajectoryInfo, WriteMode

__all__ = ["NodeContract"]

ODD_NAMES = ("a.b", "a/b", "τ", " ", "_v_x", "_i_", "name with spaces", "a\\b", "%41", ".", "x" * 300)


class NodeContract(ContractBase):
    """Trajectories, sessions of writing, and nodes."""

    # -- trajectories -------------------------------------------------------------------------
    def test_an_empty_place_has_no_trajectories(self, tmp_path: pathlib.Path) -> None:
        service = self.make(tmp_path)
        assert list(service.trajectories()) == []
        assert service.name is None
        with pytest.raises(TrajectoryNotFoundError):
            service.select("anything")
        service.close()

    def test_trajectories_are_listed_oldest_first_and_selected(self, service: StorageService) -> None:
        service.create(TrajectoryInfo("another", timestamp=2e9, facts={"seed": 3, "list": [1, None]}))
        service.write([record("results.only", {"here": 1})])
        for view in self.views(service):
            infos = view.trajectories()
            assert [info.name for info in infos] == ["traj", "another"]
            assert [info.timestamp for info in infos] == [1e9, 2e9]
            assert infos[0].comment == "for tests"
            assert infos[1].facts == {"seed": 3, "list": [1, None]}
            assert infos[0].length == 1
            info = view.select("traj")
            assert info.name == view.name == "traj"
            assert not view.has(p("results.only"))
            view.select("another")
            assert view.has(p("results.only"))

    def test_an_unknown_trajectory_names_those_there(self, service: StorageService) -> None:
        with pytest.raises(TrajectoryNotFoundError, match="'traj'"):
            service.select("trai")
        assert service.name == "traj"

    def test_a_name_is_taken_once(self, service: StorageService) -> None:
        with pytest.raises(NameTakenError, match="traj"):
            service.create(TrajectoryInfo("traj"))

    def test_comment_and_facts_are_replaced_name_and_time_stay(self, service: StorageService) -> None:
        service.update_info(TrajectoryInfo("ignored", "new", timestamp=5.0, facts={"a": {"b": 1}}))
        for view in self.views(service):
            (info,) = view.trajectories()
            assert (info.name, info.comment, info.timestamp) == ("traj", "new", 1e9)
            assert info.facts == {"a": {"b": 1}}

    def test_renaming_keeps_what_is_stored(self, service: StorageService) -> None:
        service.write(
            [record("results.r", {"z": 1.5}), record("results.l", kind=NodeKind.LINK, target=p("results.r"))]
        )
        self.explored(service, 2)
        service.rename("née traj")
        assert service.name == "née traj"
        for view in self.views(service):
            assert [info.name for info in view.trajectories()] == ["née traj"]
            assert view.read(p("results.r")).data == {"z": 1.5}
            assert view.read(p("results.l")).skeleton.target == p("results.r")
            assert len(view.read_plan()) == 2
        service.create(TrajectoryInfo("other"))
        with pytest.raises(NameTakenError):
            service.rename("née traj")

    def test_removing_leaves_the_others(self, service: StorageService) -> None:
        service.write([record("results.r", {"z": 1})])
        service.create(TrajectoryInfo("other", timestamp=2e9))
        service.write([record("results.r", {"z": 2})])
        service.remove("traj")
        with pytest.raises(TrajectoryNotFoundError):
            service.remove("traj")
        for view in self.views(service):
            assert [info.name for info in view.trajectories()] == ["other"]
            assert view.read(p("results.r")).data == {"z": 2}
        service.remove("other")
        assert list(service.trajectories()) == []
        assert service.name is None
        service.create(TrajectoryInfo("traj", timestamp=3e9))
        assert not service.has(p("results.r"))

    # -- writing ------------------------------------------------------------------------------
    def test_a_second_writer_is_refused_while_one_writes(self, service: StorageService) -> None:
        second = self.again(service)
        second.select("traj")
        with service.writing():
            with service.writing():  # re-entrant
                service.write([record("results.a", {"z": 1})])
            with pytest.raises(FileBusyError), second.writing():
                pass
            with pytest.raises(FileBusyError):
                second.write([record("results.b", {"z": 1})])
        second.refresh()
        with second.writing():
            second.write([record("results.b", {"z": 2})])
        service.refresh()
        assert service.has(p("results.a"))
        assert service.read(p("results.b")).data == {"z": 2}
        second.close()

    def test_what_was_written_before_an_exception_stays(self, service: StorageService) -> None:
        def write_and_fail() -> None:
            with service.writing():
                service.write([record("results.a", {"z": 1})])
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            write_and_fail()
        for view in self.views(service):
            assert view.read(p("results.a")).data == {"z": 1}

    def test_a_closed_service_may_be_used_again(self, service: StorageService) -> None:
        service.write([record("results.a", {"z": 1})])
        service.close()
        service.select("traj")
        assert service.read(p("results.a")).data == {"z": 1}
        service.write([record("results.b", {"z": 2})])
        service.compact()
        assert service.read(p("results.b")).data == {"z": 2}
        assert service.read(p("results.a")).data == {"z": 1}

    # -- nodes --------------------------------------------------------------------------------
    def test_a_node_comes_back_whole(self, service: StorageService) -> None:
        annotations = {"who": "me", "when": (2024, 5), "array": np.arange(3.0)}
        service.write(
            [
                record((), None, "root", kind=NodeKind.GROUP, class_name="Trajectory", annotations={"a": 1}),
                record("parameters", None, "all", kind=NodeKind.GROUP, class_name="ParameterGroup"),
                record(X, {"data": 1.5}, "µ", kind=NodeKind.PARAMETER, annotations=annotations, locked=True),
                record("results.l", kind=NodeKind.LINK, target=X),
            ]
        )
        for view in self.views(service):
            found = view.read(X)
            skeleton = found.skeleton
            assert found.data == {"data": 1.5}
            assert skeleton.path == X
            assert skeleton.kind is NodeKind.PARAMETER
            assert (skeleton.class_name, skeleton.comment) == ("Parameter", "µ")
            assert skeleton.items == ("data",)
            assert skeleton.locked
            assert not skeleton.explored
            assert same(dict(skeleton.annotations), annotations)
            assert view.read(p("parameters")).skeleton.class_name == "ParameterGroup"
            assert view.read(p("parameters")).skeleton.comment == "all"
            link = view.read(p("results.l"))
            assert (link.skeleton.kind, link.skeleton.target, dict(link.data)) == (NodeKind.LINK, X, {})
            assert dict(view.read(()).skeleton.annotations) == {"a": 1}
            assert view.has(())

    @pytest.mark.parametrize("name", sorted(sample_values()))
    def test_every_value_comes_back_with_its_type(self, service: StorageService, name: str) -> None:
        value = sample_values()[name]
        service.write([record("results.r", {"v": value}, annotations={"v": value})])
        for view in self.views(service):
            found = view.read(p("results.r"))
            assert same(found.data["v"], value), found.data["v"]
            assert same(found.skeleton.annotations["v"], value)
            (skeleton,) = view.scan(("results",))
            assert same(skeleton.annotations["v"], value)

    def test_nothing_stored_changes_with_the_users_objects(self, service: StorageService) -> None:
        array, words = np.zeros(3), {"a": [1]}
        service.write([record("results.r", {"array": array, "words": words}, annotations={"w": words})])
        array[:] = 1
        words["a"].append(2)
        found = service.read(p("results.r"))
        found.data["array"][:] = 2
        found.data["words"]["b"] = 1
        again = service.read(p("results.r"))
        assert same(again.data["array"], np.zeros(3))
        assert again.data["words"] == {"a": [1]}
        assert again.skeleton.annotations["w"] == {"a": [1]}

    def test_what_no_codec_takes_is_refused(self, service: StorageService) -> None:
        with pytest.raises(UnsupportedValueError):
            service.write([record("results.r", {"v": object()})])

    def test_items_keep_their_order_and_odd_names(self, service: StorageService) -> None:
        data: dict[str, Any] = dict(zip(ODD_NAMES, range(len(ODD_NAMES)), strict=True))
        data["array/of.x"] = np.arange(3)
        service.write([record("results.r", data)])
        for view in self.views(service):
            found = view.read(p("results.r"))
            assert found.skeleton.items == tuple(data)
            assert list(found.data) == list(data)
            assert same(dict(found.data), data)
            assert dict(view.read(p("results.r"), ["τ", "a/b"]).data) == {"τ": 2, "a/b": 1}
        service.delete(p("results.r"), ["a/b", "τ"])
        service.write([record("results.r", {"a/b": "new"})])
        left = [name for name in data if name not in ("a/b", "τ")]
        assert service.read(p("results.r")).skeleton.items == (*left, "a/b")

    def test_odd_node_names_are_kept(self, service: StorageService) -> None:
        paths = [("results", name, "leaf") for name in ("τ", "_v_x", "_i_", "data", "explored", "x" * 200)]
        service.write([record(path, {"z": number}) for number, path in enumerate(paths)])
        for view in self.views(service):
            assert {s.path for s in view.scan(("results",)) if s.is_leaf} == set(paths)
            for number, path in enumerate(paths):
                assert view.read(path).data == {"z": number}

    def test_only_the_asked_items_are_given(self, service: StorageService) -> None:
        service.write([record("results.r", {"a": 1, "b": 2})])
        found = service.read(p("results.r"), ["b"])
        assert dict(found.data) == {"b": 2}
        assert found.skeleton.items == ("a", "b")
        assert dict(service.read(p("results.r"), []).data) == {}
        with pytest.raises(DataNotInStorageError, match="bb"):
            service.read(p("results.r"), ["bb"])

    def test_what_is_not_there_is_an_error_with_near_names(self, service: StorageService) -> None:
        service.write([record("results.alpha", {"z": 1})])
        for call in (service.read, service.delete, lambda path: list(service.scan(path))):
            with pytest.raises(DataNotInStorageError, match=r"alphaa.*Did you mean.*alpha"):
                call(p("results.alphaa"))
        assert not service.has(p("results.alphaa"))
        with pytest.raises(DataNotInStorageError):
            service.delete(p("results.alpha"), ["y"])

    def test_scanning_gives_parents_first_down_to_a_depth(self, service: StorageService) -> None:
        names = ("results.g.h.deep", "results.g.leaf", "parameters.x", "config.c.d")
        service.write([record(name, {"z": 1}, f"about {name}") for name in names])
        for view in self.views(service):
            found = list(view.scan())
            paths = [skeleton.path for skeleton in found]
            assert len(paths) == len(set(paths)) == 10
            assert {".".join(skeleton.path) for skeleton in found if skeleton.is_leaf} == set(names)
            for place, path in enumerate(paths):
                assert len(path) == 1 or path[:-1] in paths[:place]
            assert all(s.comment == "about " + ".".join(s.path) for s in found if s.is_leaf)
            assert all(s.items == ("z",) for s in found if s.is_leaf)
            assert {s.path for s in view.scan(depth=1)} == {("results",), ("parameters",), ("config",)}
            assert {s.path for s in view.scan(("results",), 2)} == {
                p("results.g"),
                p("results.g.h"),
                p("results.g.leaf"),
            }
            assert list(view.scan(p("parameters.x"))) == []

    def test_adding_keeps_what_is_there(self, service: StorageService) -> None:
        service.write([record("results.r", {"a": 1}, "first", annotations={"n": 1})])
        service.write([record("results.r", {"a": 2, "b": 3}, "second", annotations={"n": 2, "m": 3})])
        for view in self.views(service):
            found = view.read(p("results.r"))
            assert dict(found.data) == {"a": 1, "b": 3}
            assert found.skeleton.comment == "first"
            assert dict(found.skeleton.annotations) == {"n": 1, "m": 3}

    def test_overwriting_replaces_what_is_given(self, service: StorageService) -> None:
        service.write([record("results.r", {"a": 1, "b": 2}, "first", annotations={"n": 1, "k": 0})])
        again = record("results.r", {"b": "text", "c": np.ones(2)}, "second", annotations={"n": "x"})
        service.write([again], WriteMode.OVERWRITE)
        for view in self.views(service):
            found = view.read(p("results.r"))
            assert same(dict(found.data), {"a": 1, "b": "text", "c": np.ones(2)})
            assert found.skeleton.comment == "second"
            assert dict(found.skeleton.annotations) == {"n": "x", "k": 0}

    def test_skipping_leaves_stored_nodes_alone(self, service: StorageService) -> None:
        service.write([record("results.r", {"a": 1}, "first")])
        service.write([record("results.r", {"b": 2}, "x"), record("results.s", {"b": 2})], WriteMode.SKIP)
        found = service.read(p("results.r"))
        assert (dict(found.data), found.skeleton.comment) == ({"a": 1}, "first")
        assert dict(service.read(p("results.s")).data) == {"b": 2}

    def test_a_group_made_for_a_leaf_gets_its_class_later(self, service: StorageService) -> None:
        service.write([record("results.g.r", {"a": 1})])
        service.write(
            [record("results.g", None, "told later", kind=NodeKind.GROUP, class_name="ResultGroup")]
        )
        for view in self.views(service):
            skeleton = view.read(p("results.g")).skeleton
            assert (skeleton.kind, skeleton.class_name) == (NodeKind.GROUP, "ResultGroup")
            assert skeleton.comment == "told later"
            assert view.has(p("results.g.r"))

    def test_deleting_takes_all_below(self, service: StorageService) -> None:
        service.write(
            [record(name, {"z": 1, "y": 2}) for name in ("results.g.r", "results.g.s.t", "results.k")]
        )
        service.write([record("results.l", kind=NodeKind.LINK, target=p("results.k"))])
        service.delete(p("results.g"))
        service.delete(p("results.k"), ["z"])
        service.delete(p("results.l"))
        for view in self.views(service):
            assert {s.path for s in view.scan()} == {("results",), p("results.k")}
            assert dict(view.read(p("results.k")).data) == {"y": 2}
            assert not view.has(p("results.g.s.t"))
        service.write([record("results.g.r", {"new": 1})])
        assert dict(service.read(p("results.g.r")).data) == {"new": 1}

    def test_run_all_and_a_leaf_at_the_root_are_ordinary(self, service: StorageService) -> None:
        self.explored(service, 3)
        paths = [
            p("results.runs.run_ALL.z"),
            ("at_root",),
            p("results.runs.extra"),
            p("results.run_00000007.z"),
        ]
        service.write([record(path, {"z": number}) for number, path in enumerate(paths)])
        for view in self.views(service):
            assert set(paths) <= {skeleton.path for skeleton in view.scan()}
            for number, path in enumerate(paths):
                assert dict(view.read(path).data) == {"z": number}
