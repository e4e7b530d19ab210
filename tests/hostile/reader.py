"""Opens files and reads all of them; prints what came of it. Run in a process with little memory."""

from __future__ import annotations

import faulthandler
import resource
import sys
import warnings
from typing import Any

LIMIT = 3 << 30


def everything(filename: str) -> str:
    """Read all trajectories of a file in every way there is."""
    import numpy as np

    from pypet_ng import HDF5StorageService, load_trajectory
    from pypet_ng.storage.base import RETURNED

    service = HDF5StorageService(filename)
    seen: list[str] = []
    for info in service.trajectories():
        traj = load_trajectory(info.name, filename=filename, load_data=2)
        seen += [str(value)[:2000] for value in traj.f_to_dict(fast_access=False)]
        for leaf in traj.f_iter_leaves():
            seen.append(str(getattr(leaf, "f_to_dict", leaf.f_val_to_str)())[:2000])
        service.select(info.name)
        for skeleton in service.scan():
            seen.append(repr(service.read(skeleton.path).data)[:2000])
        for path, known in service.signatures().items():
            for item in {item for one in known for item in one.items}:
                column = service.read_runs(path, item)
                rows = slice(0, min(len(column), 1000))
                seen.append(repr((column.values(rows), column.dtype, column.mask(rows)))[:2000])
        table = service.run_table()
        rows = slice(0, min(len(table), 1000))
        for name in ("state", "start", "attempt", "session"):
            table.column(name, rows)
        table.hosts(rows), table.failures(rows), service.notes(), service.sessions(), service.read_plan()
        seen += [str(problem) for problem in service.verify()]
        try:
            service.read_runs(RETURNED, "").values(rows)
        except FileNotFoundError:
            raise
        np.zeros(1)
    return "".join(seen)


def judge(filename: str) -> str:
    """Give ``data`` or the name of the pypet_ng error; anything else rises."""
    from pypet_ng import PypetError

    try:
        text = everything(filename)
    except PypetError as error:
        return f"{type(error).__name__}: {str(error)[:200]!r}"
    return "SECRET" if "SECRET" in text else "data"


def main(filenames: list[str]) -> None:
    """Judge files one by one; a file that hangs ends the process."""
    import traceback

    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    warnings.simplefilter("ignore")
    for filename in filenames:
        faulthandler.dump_traceback_later(30, exit=True)
        print("begin", filename, flush=True)
        try:
            given: Any = judge(filename)
        except BaseException:
            given = "BAD " + " | ".join(traceback.format_exc().strip().splitlines()[-5:])
        print("end", given, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
