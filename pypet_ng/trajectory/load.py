"""How does a stored trajectory come back as an object?"""

from __future__ import annotations

import inspect
from typing import Any

from pypet_ng.errors import TrajectoryNotFoundError
from pypet_ng.trajectory.keeping import make_service, pick
from pypet_ng.trajectory.options import renamed
from pypet_ng.trajectory.trajectory import Trajectory

__all__ = ["load_trajectory"]


def load_trajectory(
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
    new_name: str = "my_trajectory",
    add_time: bool = True,
    wildcard_functions: Any = None,
    with_run_information: bool = True,
    storage_service: Any = None,
    allow_pickle: bool | None = None,
    **kwargs: Any,
) -> Trajectory:
    """Load a trajectory from a file.

    Parameters
    ----------
    name, index
        Which one: its name, or its place in the file (negative from the end). Exactly one of them.
    load_parameters, load_derived_parameters, load_results, load_other_data
        0 nothing, 1 nodes without data, 2 data, 3 data even over data in memory.
    load_data
        Stands for all four (``load_all`` is pypet's old name of it).
    as_new
        Load the parameters only, unlocked, as the trajectory `new_name`, ready to run again.
    allow_pickle
        Read pickles of any classes, which can run any code. By default pickles of plain data are read,
        and all of a trajectory that this process made.
    kwargs
        ``filename=``, and other options of the storage service.

    A million runs load in milliseconds: their groups come into being when asked for, their values
    are read then. Raises MissingFileError, BrokenFileError, TrajectoryNotFoundError (all are
    ValueErrors).
    """
    if "load_all" in kwargs:
        load_data = kwargs.pop("load_all")
    dynamic_imports = renamed(kwargs, "dynamically_imported_classes", "dynamic_imports", dynamic_imports)
    if storage_service is None and "filename" not in kwargs:
        kwargs["filename"] = None
    flags = {
        "load_data": load_data,
        "load_parameters": load_parameters,
        "load_derived_parameters": load_derived_parameters,
        "load_results": load_results,
        "load_other_data": load_other_data,
    }
    for option, flag in flags.items():
        if flag is not None and flag not in (0, 1, 2, 3):
            raise ValueError(
                f"{option}={flag!r}: choose 0 (nothing), 1 (nodes without data), 2 (data) or 3 (data even over "
                "data in memory)."
            )
    service = make_service(storage_service, name, kwargs, inspect.signature(load_trajectory).parameters)
    infos = service.trajectories()
    if not infos:
        if name is not None:
            service.select(name)  # says whether the file or the trajectory is not there
        raise TrajectoryNotFoundError(f"{service.location} has no trajectories: check the file name.")
    chosen = pick(infos, name, index, service.location)
    traj = Trajectory(
        new_name if as_new else chosen,
        add_time=as_new and add_time,
        dynamic_imports=dynamic_imports,
        wildcard_functions=wildcard_functions,
    )
    traj.f_load(
        name=chosen,
        as_new=as_new,
        load_parameters=load_parameters,
        load_derived_parameters=load_derived_parameters,
        load_results=load_results,
        load_other_data=load_other_data,
        recursive=recursive,
        load_data=load_data,
        max_depth=max_depth,
        force=force,
        with_run_information=with_run_information,
        storage_service=service,
        allow_pickle=allow_pickle,
    )
    return traj
