"""In which module does pypet have each documented name, and where is it here?

One table. A module of it that is no file of pypet_ng is made when somebody imports it; its names are
looked up when they are asked for, so that nothing is loaded that nobody uses.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from pypet_ng.errors import near_names

if TYPE_CHECKING:
    from importlib.abc import Loader, MetaPathFinder
else:
    # the import system asks for methods, not for these classes, which load a dozen modules
    Loader = MetaPathFinder = object

__all__ = ["MODULES", "announce"]

_PACKAGE: Final = "pypet_ng"


def _names(module: str, *names: str) -> dict[str, str]:
    """Give names that are called the same in a module of pypet_ng."""
    return {name: f"{_PACKAGE}.{module}:{name}" for name in names}


_GROUPS: Final = _names(
    "trajectory.groups",
    "NNGroupNode",
    "ParameterGroup",
    "DerivedParameterGroup",
    "ConfigGroup",
    "ResultGroup",
)
_EXPLORE: Final = _names("spaces.product", "cartesian_product", "find_unique_points")

MODULES: Final[Mapping[str, Mapping[str, str]]] = {
    "trajectory": {
        **_names("trajectory.trajectory", "Trajectory"),
        **_names("trajectory.load", "load_trajectory"),
        "make_run_name": "pypet_ng.tree.runnames:run_name",
        "make_set_name": "pypet_ng.tree.runnames:set_name",
    },
    "parameter": {
        **_names("trajectory.leaves", "BaseParameter", "BaseResult"),
        **_names("trajectory.parameter", "Parameter"),
        **_names("trajectory.result", "Result"),
        **_names("trajectory.special_parameters", "ArrayParameter", "SparseParameter", "SparseResult"),
        **_names("trajectory.pickling", "PickleParameter", "PickleResult"),
        "ObjectTable": "pypet_ng.encoding.objecttable:ObjectTable",
    },
    "environment": {
        **_names("trajectory.environment", "Environment"),
        **_names("trajectory.multiproc", "MultiprocContext"),
    },
    "naturalnaming": {
        **_GROUPS,
        **_names("trajectory.leaves", "NNLeafNode"),
        **_names("trajectory.nodes", "NNTreeNode"),
        **_names("trajectory.bases", "KnowsTrajectory"),
    },
    "storageservice": {
        **_names("storage.hdf5", "HDF5StorageService"),
        **_names("storage.lazy", "LazyStorageService"),
    },
    "annotations": {
        **_names("trajectory.annotations", "Annotations"),
        "WithAnnotations": "pypet_ng.trajectory.nodes:NNTreeNode",
    },
    "slots": _names("trajectory.bases", "HasSlots"),
    "pypetlogging": {
        **_names("trajectory.bases", "HasLogger"),
        **_names("trajectory.utilities", "rename_log_file"),
    },
    "pypetconstants": _names(
        "compat.constants",
        "DEFAULT_LOGGING",
        "FORMATTED_RUN_NAME",
        "FORMATTED_SET_NAME",
        "FORMAT_ZEROS",
        "HDF5_STRCOL_MAX_COMMENT_LENGTH",
        "HDF5_STRCOL_MAX_LOCATION_LENGTH",
        "HDF5_STRCOL_MAX_NAME_LENGTH",
        "HDF5_STRCOL_MAX_RANGE_LENGTH",
        "HDF5_STRCOL_MAX_RUNTIME_LENGTH",
        "HDF5_STRCOL_MAX_VALUE_LENGTH",
        "LOAD_DATA",
        "LOAD_NOTHING",
        "LOAD_SKELETON",
        "LOG_ENV",
        "LOG_HOST",
        "LOG_PROC",
        "LOG_RUN",
        "LOG_SET",
        "LOG_TRAJ",
        "OVERWRITE_DATA",
        "PARAMETER_SUPPORTED_DATA",
        "RUN_NAME",
        "RUN_NAME_DUMMY",
        "SET_FORMAT_ZEROS",
        "SET_NAME",
        "SET_NAME_DUMMY",
        "STORE_DATA",
        "STORE_DATA_SKIPPING",
        "STORE_NOTHING",
        "UPDATE_DATA",
        "UPDATE_SKELETON",
        "VERSION",
        "WRAP_MODE_LOCAL",
        "WRAP_MODE_LOCK",
        "WRAP_MODE_NETLOCK",
        "WRAP_MODE_NETQUEUE",
        "WRAP_MODE_NONE",
        "WRAP_MODE_PIPE",
        "WRAP_MODE_QUEUE",
    ),
    "pypetexceptions": _names(
        "errors",
        "DataNotInStorageError",
        "GitDiffError",
        "NoSuchServiceError",
        "NotUniqueNodeError",
        "ParameterLockedException",
        "PresettingError",
        "TooManyGroupsError",
        "VersionMismatchError",
    ),
    "utils": {},
    "utils.comparisons": _names("trajectory.comparing", "nested_equal", "parameters_equal", "results_equal"),
    "utils.decorators": _names("trajectory.manual", "manual_run"),
    "utils.explore": _EXPLORE,
    "utils.hdf5compression": _names("trajectory.care", "compact_hdf5_file"),
    "utils.helpful_functions": {
        **_names("engine.progressbar", "progressbar"),
        **_names("trajectory.utilities", "racedirs"),
    },
    "utils.trajectory_utils": _names("trajectory.folders", "merge_all_in_folder"),
}
"""pypet's module (without the package) to the names in it; ``module:name`` says where each is here."""


def look_up(target: str) -> Any:
    """Give what ``module:name`` means."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


class _Maker(Loader):
    """Makes one module of the table."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        names = self._names

        def find(name: str) -> Any:
            target = names.get(name)
            if target is None:
                raise AttributeError(
                    f"Module {module.__name__!r} has no name {name!r}." + near_names(name, names)
                )
            found = look_up(target)
            setattr(module, name, found)
            return found

        module.__doc__ = (
            f"pypet's module {module.__name__.partition('.')[2]!r}: names that scripts import by path."
        )
        module.__dict__.update(__all__=sorted(names), __getattr__=find, __dir__=lambda: sorted(names))


class _Finder(MetaPathFinder):
    """Finds the modules of the table that are no files."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, rest = fullname.partition(".")
        if package != _PACKAGE or rest not in MODULES:
            return None
        is_package = any(name.startswith(rest + ".") for name in MODULES)
        return spec_from_loader(
            fullname, _Maker(MODULES[rest]), origin="pypet_ng.compat", is_package=is_package
        )


def announce() -> None:
    """Make the modules of the table importable. Files of pypet_ng go first; packages get the names."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
    for rest, names in MODULES.items():
        module = sys.modules.get(f"{_PACKAGE}.{rest}")
        if module is not None and not isinstance(getattr(module.__spec__, "loader", None), _Maker):
            for name, target in names.items():
                setattr(module, name, look_up(target))
