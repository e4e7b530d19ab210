"""How does a trajectory go with processes that the user starts?"""

from __future__ import annotations

import logging
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pypet_ng.errors import near_names
from pypet_ng.trajectory.contradictions import check_together
from pypet_ng.trajectory.trajectory import Trajectory

if TYPE_CHECKING:
    from pypet_ng.storage.remote import StorageServer

__all__ = ["MultiprocContext"]


class MultiprocContext:
    """Inside ``with``, processes that get the trajectory store into its file, one at a time.

    The trajectory may be inherited by a fork or be pickled to any process of this machine, which may
    store, load and delete as usual. All data go through this process.

    Parameters
    ----------
    trajectory
        Must have a storage service (``filename=``).
    full_copy
        Whether explored ranges travel with pickled parameters; None leaves it as it is.
    wrap_mode, manager, use_manager, lock, queue, queue_maxsize, port, timeout, gc_interval, \
log_config, log_stdout, graceful_exit
        pypet's, accepted: there is one way here, which needs none of them.
    """

    def __init__(
        self,
        trajectory: Trajectory,
        wrap_mode: str | None = "LOCK",
        full_copy: bool | None = None,
        manager: Any = None,
        use_manager: bool = True,
        lock: Any = None,
        queue: Any = None,
        queue_maxsize: int = 0,
        port: Any = None,
        timeout: float | None = None,
        gc_interval: int | None = None,
        log_config: Any = None,
        log_stdout: Any = False,
        graceful_exit: bool = False,
    ) -> None:
        check_together({"wrap_mode": wrap_mode, "port": port})
        if trajectory._session.storage is None:
            raise ValueError(
                f"Trajectory {trajectory.v_name!r} has no storage service: make it with filename=... first."
            )
        self._trajectory = trajectory
        self._full_copy = full_copy
        self._server: StorageServer | None = None

    @property
    def trajectory(self) -> Trajectory:
        """The trajectory."""
        return self._trajectory

    def start(self) -> None:
        """Begin to store for other processes; in a file that is there from now on."""
        if self._server is not None:
            return
        traj = self._trajectory
        session = traj._session
        if not session.facts.attached:
            traj.f_store(only_init=True)
        assert session.storage is not None
        if self._full_copy is not None:
            for leaf in traj.f_iter_leaves():
                if leaf.v_is_parameter:
                    leaf.v_full_copy = self._full_copy
        from pypet_ng.storage.remote import StorageServer  # here: multiprocessing takes a while to import

        self._server = StorageServer(session.storage)
        session.storage = self._server.client()

    def finalize(self) -> None:
        """Store for no other process any more; the trajectory stores by itself again."""
        server, self._server = self._server, None
        if server is not None:
            storage = self._trajectory._session.storage
            if storage is not None:
                storage.close()
            server.close()
            self._trajectory._session.storage = server.service
            server.service.refresh()

    def store_references(self, references: Any) -> None:
        """Take what children of pypet's LOCAL mode gave back; here they stored it themselves."""
        logging.getLogger("pypet_ng").debug(
            "store_references: the data were stored by the processes themselves"
        )

    def __enter__(self) -> MultiprocContext:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finalize()

    def __getattr__(self, name: str) -> Any:
        # pypet accepts its prefixes here as well
        if name[:2] in ("f_", "v_") and not name[2:].startswith("_") and hasattr(type(self), name[2:]):
            return getattr(self, name[2:])
        raise AttributeError(
            f"A MultiprocContext has no attribute {name!r}.{near_names(name, dir(type(self)))}"
        )
