"""How do users store, load and delete parts of a trajectory?"""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from pypet_ng.engine import loading, storing
from pypet_ng.engine.session import Session, trust_if_made
from pypet_ng.errors import NoSuchServiceError, TrajectoryNotFoundError, near_names
from pypet_ng.trajectory.exploring import forget_removed
from pypet_ng.trajectory.fileconfig import forget_file_config
from pypet_ng.trajectory.nodes import NNTreeNode
from pypet_ng.trajectory.options import renamed, without_needless
from pypet_ng.tree import search
from pypet_ng.tree.nodes import Group, Leaf, Node
from pypet_ng.tree.records import TrajectoryInfo

__all__ = ["Keeping", "begin_anew", "make_service", "named_service", "pick"]


def make_service(service: Any, name: str | None, options: dict[str, Any], known: Iterable[str] = ()) -> Any:
    """Give a storage service object from a class, its name, or an object, and options.

    Options without a service mean the HDF5 service. Options left over are a TypeError, which also
    suggests near names among `known`.
    """
    options = without_needless(options)
    service = named_service(service)
    if service is None:
        if "filename" not in options:
            if options:
                raise _unknown(next(iter(options)), options, ("filename", *known))
            return None
        from pypet_ng.storage.hdf5 import HDF5StorageService
        from pypet_ng.storage.memory import MemoryStorageService

        service = MemoryStorageService if options["filename"] == ":memory:" else HDF5StorageService
    if isinstance(service, type):
        from pypet_ng.storage.location import default_filename

        if "filename" in options:
            options["filename"] = default_filename(options["filename"], name)
        elif service.__name__ == "HDF5StorageService":
            options["filename"] = default_filename(None, name)
        takes = inspect.signature(service).parameters
        if all(one.kind is not inspect.Parameter.VAR_KEYWORD for one in takes.values()):
            for option in options:
                if option not in takes:
                    raise _unknown(option, options, (*takes, *known))
        service = service(**options)
    elif options:
        raise ValueError(
            f"{', '.join(map(repr, options))}: a service object takes no further options. "
            "Give its class, or set them when you make it."
        )
    if not callable(getattr(service, "append_runs", None)) or not callable(getattr(service, "select", None)):
        raise NoSuchServiceError(
            f"{service!r} is no storage service: it must have the methods of pypet_ng.storage.StorageService."
        )
    return service


def named_service(service: Any) -> Any:
    """Give the class that a text ``'module.Class'`` names, as config files have it; all else as it is.

    pypet's package means this one. ValueError if there is no such class.
    """
    if not isinstance(service, str):
        return service
    module, _, name = service.rpartition(".")
    first, dot, rest = module.partition(".")
    try:
        found = getattr(
            importlib.import_module("pypet_ng" + dot + rest if first == "pypet" else module), name
        )
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"storage_service={service!r} names no class that can be imported ({error}): give the class, or a "
            "text as 'pypet_ng.HDF5StorageService'."
        ) from error
    return found


def begin_anew(service: Any) -> None:
    """Let a service remove at once what its ``overwrite_file`` asks for; not all services know of that."""
    begin = getattr(service, "begin_anew", None)
    if begin is not None:
        begin()


def _unknown(option: str, options: Mapping[str, Any], known: Iterable[str]) -> TypeError:
    return TypeError(
        f"There is no option {option!r} (given: {options[option]!r}).{near_names(option, known)} "
        "Options of the storage need filename= (or storage_service=) as well."
    )


def pick(infos: Iterable[TrajectoryInfo], name: str | None, index: int | None, location: str) -> str:
    """Give the name of the trajectory meant by a name or an index; ValueError."""
    if (name is None) == (index is None):
        raise ValueError("Give either name= or index= of the trajectory to load.")
    names = [info.name for info in infos]
    if name is not None:
        if name not in names:
            raise TrajectoryNotFoundError(
                f"{location} has no trajectory {name!r}; there: {', '.join(map(repr, names)) or 'none'}."
                + near_names(name, names)
            )
        return name
    assert index is not None
    if not -len(names) <= index < len(names):
        raise TrajectoryNotFoundError(
            f"{location} has no trajectory with index {index}; there: {', '.join(map(repr, names)) or 'none'}."
        )
    return names[index]


class Keeping:
    """The storing, loading and deleting calls of a trajectory."""

    __slots__ = ()
    _session: Session

    def _node_of(self, item: Any) -> Node:
        if isinstance(item, NNTreeNode):
            return item._node
        if isinstance(item, tuple) and len(item) >= 2 and isinstance(item[0], NNTreeNode):
            node_of_pair: Node = item[0]._node
            return node_of_pair
        tree = self._session.tree
        node = search.find(tree, tree.root, search.resolve_parts(tree, item))
        if node is None:
            raise search.not_found(tree, tree.root, search.resolve_parts(tree, item))
        return node

    # -- storing ------------------------------------------------------------------------------
    def f_store(
        self,
        only_init: bool = False,
        store_data: int = 2,
        max_depth: int | None = None,
        recursive: bool = True,
    ) -> None:
        """Store the whole trajectory; in a run what the run added so far.

        `store_data`: 0 nodes only, 1 skip stored nodes, 2 add what is missing (items stored before
        are never overwritten), 3 overwrite. If a trajectory of this name is stored already, the two
        are compared first: PlanMismatchError says what differs. `recursive` is there as groups have it;
        False is a ValueError.
        """
        if not recursive:
            raise ValueError(
                "A trajectory is stored with all below it: use only_init=True to store nothing but that it is "
                "there, max_depth= for its upper levels, or f_store_item for single nodes."
            )
        session = self._session
        scope = session.tree.scope
        if scope.running:
            leaves = [node for node in scope.added if isinstance(node, Leaf)]
            storing.store_nodes(session, leaves, store_data, recursive=False)
            return
        storing.store_all(session, store_data, only_init=only_init, max_depth=max_depth)

    def f_store_item(self, item: Any, *args: Any, **kwargs: Any) -> None:
        """Store one node, see :meth:`f_store_items`."""
        self.f_store_items([item], *args, **kwargs)

    def f_store_items(
        self,
        iterator: Iterable[Any],
        non_empties: bool = False,
        store_data: int = 2,
        overwrite: bool | str | list[str] = False,
        recursive: bool = False,
        with_links: bool = True,
        **options: Any,
    ) -> None:
        """Store single nodes given as names or objects, without what is below them unless `recursive`.

        `with_links`: links that hang in a group are stored with it (what they lead to is not).
        `overwrite`: True, or names of items that replace what is stored. TypeError if the trajectory
        was never stored, ValueError if there is nothing to store. Other `options` are pypet's for HDF5
        (``complevel``, ...), which the storage as a whole decides here.
        """
        for option, value in without_needless(options).items():
            raise TypeError(f"f_store_items has no option {option!r} (given: {value!r}).")
        session = self._session
        if not session.facts.attached:
            raise TypeError(
                f"The trajectory {session.tree.root.name!r} was never stored: call f_store(only_init=True) first."
            )
        nodes = [self._node_of(item) for item in iterator]
        if not nodes:
            raise ValueError("There is nothing to store: give at least one node.")
        names = [overwrite] if isinstance(overwrite, str) else overwrite
        if recursive:
            storing.store_nodes(session, nodes, 3 if overwrite else store_data, with_links=with_links)
            return
        storing.store_items(session, nodes, store_data, names, non_empties, with_links)

    # -- loading ------------------------------------------------------------------------------
    def f_load(
        self,
        name: str | None = None,
        index: int | None = None,
        as_new: bool = False,
        load_parameters: int = 2,
        load_derived_parameters: int = 1,
        load_results: int = 1,
        load_other_data: int = 1,
        recursive: bool = True,
        load_data: int | None = None,
        max_depth: int | None = None,
        force: bool = False,
        dynamic_imports: Any = None,
        with_run_information: bool = True,
        with_meta_data: bool = True,
        storage_service: Any = None,
        allow_pickle: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Load a stored trajectory into this one.

        Flags: 0 nothing, 1 nodes with comments and annotations, 2 data, 3 data even over data in
        memory. `load_data` stands for all four. `as_new` loads the parameters only, unlocked, under
        the own name, ready to run again. Columns of a million runs load as columns: the groups of
        single runs come into being when asked for.

        `allow_pickle`: read pickles of any classes (PickleParameter, PickleResult), which can run any
        code; by default only where this process made the trajectory itself.
        """
        session = self._session
        session.tree.check_outside_run("f_load")
        if "load_all" in kwargs:
            load_data = kwargs.pop("load_all")
        dynamic_imports = renamed(kwargs, "dynamically_imported_classes", "dynamic_imports", dynamic_imports)
        if dynamic_imports is not None:
            self.f_add_to_dynamic_imports(dynamic_imports)  # type: ignore[attr-defined]
        service = make_service(storage_service, name, kwargs)
        if service is not None:
            session.storage = service
        storage = storing.ensure_storage(session)
        own = session.tree.root.name
        if name is None and index is None:
            name = own
        chosen = pick(storage.trajectories(), name, index, storage.location)
        info = storage.select(chosen)
        forget_file_config(self)  # type: ignore[arg-type]
        if allow_pickle is not None:
            session.tree.naming.allow_pickle = bool(allow_pickle)
        if load_data is not None:
            load_parameters = load_derived_parameters = load_results = load_other_data = load_data
        options = loading.LoadOptions(
            load_parameters, load_derived_parameters, load_results, load_other_data, recursive, max_depth
        )
        if as_new:
            options = loading.LoadOptions(load_parameters, 0, 0, 0, recursive, max_depth)
            with storage.reading():
                loading.load(session, options, as_new=True)
            self._begin_anew()
            return
        session.tree.root.name = info.name
        session.tree.root.comment = info.comment
        session.tree.root.stored = True
        facts = session.facts
        facts.timestamp = info.timestamp
        trust_if_made(session)
        seed = info.facts.get("seed")
        facts.seed = None if seed is None else int(str(seed))
        facts.attached = True
        with storage.reading():
            loading.load(session, options)
        facts.stored_runs = len(session.plan)
        facts.given = 0

    def _begin_anew(self) -> None:
        session = self._session
        config = session.tree.root.children.get("config")
        if config is not None:
            session.tree.detach(config)
        for node in session.tree.walk(session.tree.root):
            node.stored = False
            if isinstance(node, Leaf):
                node.kept = frozenset()
                node.locked = False
        session.storage = None
        session.facts.attached = False
        session.facts.stored_runs = 0

    def f_refresh(self) -> int:
        """See what others stored since this was loaded; gives the number of newly finished runs.

        For trajectories whose sweep is still going on, in whatever process: new points, runs and results
        appear, what is in memory stays. TypeError if the trajectory was never stored.
        """
        session = self._session
        if not session.facts.attached:
            raise TypeError(
                f"The trajectory {session.tree.root.name!r} was never stored: there is nothing to refresh."
            )
        return loading.refresh(session)

    def f_load_skeleton(self) -> None:
        """Load all nodes without their data."""
        self.f_load(load_data=1)

    def f_load_item(self, item: Any, *args: Any, **kwargs: Any) -> None:
        """Load the data of one leaf, see :meth:`f_load_items`."""
        self.f_load_items([item], *args, **kwargs)

    def f_load_items(
        self,
        iterator: Iterable[Any],
        load_only: str | list[str] | None = None,
        load_except: str | list[str] | None = None,
        load_data: int = 2,
        only_empties: bool = False,
        non_empties: bool = False,
        recursive: bool = False,
        max_depth: int | None = None,
        with_links: bool = True,
    ) -> None:
        """Load the data of leaves given as names or objects; only some items if asked.

        Of a group its comment and annotations are loaded; with `recursive` also what hangs below, down to
        `max_depth` levels, and the links there if `with_links`. TypeError if the trajectory was never
        stored; unknown items warn.
        """
        session = self._session
        if not session.facts.attached:
            raise TypeError(
                f"The trajectory {session.tree.root.name!r} was never stored: there is nothing to load."
            )
        if load_only is not None and load_except is not None:
            raise ValueError("Give load_only or load_except, not both.")
        only = [load_only] if isinstance(load_only, str) else load_only
        leave_out = [load_except] if isinstance(load_except, str) else load_except
        nodes = [self._node_of(item) for item in iterator]
        leaves = [
            node
            for node in nodes
            if isinstance(node, Leaf)
            and not (only_empties and not node.is_empty)
            and not (non_empties and node.is_empty)
        ]
        for node in nodes:
            if isinstance(node, Group):
                loading.load_below(session, node.path, load_data, recursive, max_depth, with_links)
        for leaf in leaves:
            wanted = only
            unknown = [name for name in (only or leave_out or ()) if leaf.kept and name not in leaf.kept]
            if unknown:
                warnings.warn(
                    f"{'.'.join(leaf.path)!r} has no stored item {', '.join(map(repr, unknown))}; "
                    f"there: {', '.join(sorted(leaf.kept))}.",
                    stacklevel=3,
                )
                if only:
                    wanted = [name for name in only if name not in unknown]
            loading.load_items(session, [leaf], load_data, wanted, leave_out)

    # -- deleting -----------------------------------------------------------------------------
    def f_delete_item(self, item: Any, *args: Any, **kwargs: Any) -> None:
        """Delete one node from the storage, see :meth:`f_delete_items`."""
        self.f_delete_items([item], *args, **kwargs)

    def f_delete_items(
        self,
        iterator: Iterable[Any],
        remove_from_trajectory: bool = False,
        recursive: bool = False,
        delete_only: str | list[str] | None = None,
        remove_from_item: bool = False,
    ) -> None:
        """Delete nodes (or with `delete_only` items of leaves) from the storage.

        Groups with children need `recursive`. The space is used again by what is stored next.
        """
        session = self._session
        session.tree.check_outside_run("f_delete_items")
        targets: list[tuple[Any, tuple[str, ...]]] = []
        for item in iterator:
            try:
                node: Node | None = self._node_of(item)
            except AttributeError:
                if not isinstance(item, str):
                    raise
                node = None
            index = session.tree.scope.index
            resolve = session.tree.wildcards.resolve
            path = node.path if node is not None else tuple(resolve(part, index) for part in item.split("."))
            targets.append((node, path))
        if not targets:
            raise ValueError("There is nothing to delete: give at least one node.")
        items = [delete_only] if isinstance(delete_only, str) else delete_only
        storing.delete_items(
            session,
            targets,
            recursive=recursive,
            items=items,
            from_memory=remove_from_trajectory,
            from_item=remove_from_item,
        )

    def f_delete_link(self, link: Any, remove_from_trajectory: bool = False) -> None:
        """Delete a link from the storage: ``'a.b.link'`` or ``(group, 'link')``."""
        self.f_delete_links([link], remove_from_trajectory)

    def f_delete_links(self, links: Iterable[Any], remove_from_trajectory: bool = False) -> None:
        """Delete links from the storage, not what they lead to."""
        session = self._session
        storage = storing.ensure_storage(session)
        for link in links:
            if isinstance(link, str):
                parent_name, _, name = link.rpartition(".")
                group = self._node_of(parent_name) if parent_name else session.tree.root
            else:
                group, name = link[0]._node, link[1]
            assert isinstance(group, Group)
            storage.delete((*group.path, name))
            if remove_from_trajectory:
                session.tree.unlink(group, name)

    def f_remove_item(self, item: Any, recursive: bool = False) -> None:
        """Remove a node from memory, see :meth:`f_remove_items`."""
        self.f_remove_items([item], recursive)

    def f_remove_items(self, iterator: Iterable[Any], recursive: bool = False) -> None:
        """Remove nodes from memory, not from the storage."""
        tree = self._session.tree
        for item in iterator:
            node = self._node_of(item)
            if isinstance(node, Group) and node.children and not recursive:
                raise TypeError(
                    f"{'.'.join(node.path)!r} has children: use recursive=True to remove them as well."
                )
            tree.detach(node)
        forget_removed(self._session)
