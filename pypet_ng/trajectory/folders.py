"""How do the trajectories of a folder of files become one?"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from pypet_ng.trajectory.load import load_trajectory
from pypet_ng.trajectory.trajectory import Trajectory

__all__ = ["merge_all_in_folder"]


def merge_all_in_folder(
    folder: str,
    ext: str = ".hdf5",
    dynamic_imports: Any = None,
    storage_service: Any = None,
    force: bool = False,
    ignore_data: Iterable[str] = (),
    move_data: bool = False,
    delete_other_files: bool = False,
    keep_info: bool = True,
    keep_other_trajectory_info: bool = True,
    merge_config: bool = True,
    backup: bool = True,
) -> Trajectory:
    """Merge the last trajectory of each file of a folder into that of the first, in the order of their names.

    Gives the merged trajectory. Files of backups (``backup_...``) are left out. `delete_other_files`
    deletes the files that were merged; other options as of ``Trajectory.f_merge``. ValueError if there is no
    file.
    """
    files = sorted(
        path
        for name in os.listdir(folder)
        if os.path.splitext(name)[1] == ext and not name.startswith("backup_")
        if os.path.isfile(path := os.path.join(folder, name))
    )
    if not files:
        raise ValueError(f"The folder {folder!r} has no file whose name ends with {ext!r}: check both.")
    trajectories = [
        load_trajectory(
            index=-1,
            filename=file,
            load_data=0,
            force=force,
            dynamic_imports=dynamic_imports,
            storage_service=storage_service,
        )
        for file in files
    ]
    first, *others = trajectories
    first.f_merge_many(
        others,
        ignore_data=ignore_data,
        move_data=move_data,
        keep_info=keep_info,
        keep_other_trajectory_info=keep_other_trajectory_info,
        merge_config=merge_config,
        backup=backup,
    )
    if delete_other_files:
        for file in files[1:]:
            os.remove(file)
    return first
