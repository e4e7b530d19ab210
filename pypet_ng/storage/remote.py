"""How do several processes use one storage service?

The process that has the service serves it: a thread per connection does the calls, one at a time. The
others have a :class:`RemoteStorage`, which may cross process borders, by pickling as by forking. Data go
through a local socket, pickled, between processes of one user that share a secret key.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Client, Connection, Listener
from typing import Any, Final

from pypet_ng.errors import StorageError
from pypet_ng.storage.base import RunColumn, RunTable, StorageService

__all__ = ["RemoteStorage", "StorageServer"]

_MOST_BROKEN: Final = 8
"""After so many failures of the listener itself in a row, five seconds in all, it is given up."""
_VALUES: Final = frozenset({"name", "location"})
_LISTS: Final = frozenset({"write"})
"""Calls whose first argument is an iterable, which cannot travel lazily."""


class StorageServer:
    """Serves a storage service to other processes, until :meth:`close`.

    While it does, nobody else may call the service: this process uses :meth:`client` as well.
    """

    def __init__(self, service: StorageService) -> None:
        self.service = service
        self._lock = threading.RLock()
        self._key = secrets.token_bytes(32)
        self._listener = Listener(authkey=self._key, backlog=64)
        self._address = self._listener.address
        self._open = True
        threading.Thread(target=self._accept, name="pypet_ng storage server", daemon=True).start()

    def client(self) -> RemoteStorage:
        """Give a service that calls this one, in this process or any other of this machine."""
        return RemoteStorage(self._address, self._key)

    def close(self) -> None:
        """Serve no more; waits for the call at work."""
        with self._lock:
            self._open = False
            with contextlib.suppress(OSError):
                Client(self._address, authkey=self._key).close()  # wakes the thread that accepts
            self._listener.close()

    def _accept(self) -> None:
        broken = 0
        while True:
            try:
                connection = self._listener.accept()
            except Exception as error:
                if not self._open:
                    return
                if isinstance(error, OSError) and not isinstance(error, ConnectionError):
                    broken += 1  # the listener's own, as when all descriptors are in use
                    if broken > _MOST_BROKEN:
                        self._listener.close()  # who asks hears that nobody is there
                        return
                    time.sleep(0.01 * 2**broken)
                continue  # a process that died, or had another key: none of our business
            broken = 0
            if not self._open:
                connection.close()
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        """Do what one process asks, until it goes away."""
        kept: dict[int, Any] = {}
        depth: list[Any] = []
        try:
            while True:
                try:
                    call = connection.recv()
                except (EOFError, OSError):
                    break
                if not self._open:
                    break  # whoever asks hears that nobody is there
                try:
                    answer = (True, self._do(call, kept, depth))
                except BaseException as error:  # the caller's to handle
                    answer = (False, error)
                try:
                    connection.send(answer)
                except (OSError, EOFError):
                    break
        finally:
            for held in reversed(depth):  # a process that died while it was writing
                held.__exit__(None, None, None)
                self._lock.release()
            connection.close()

    def _do(self, call: Any, kept: dict[int, Any], depth: list[Any]) -> Any:
        target, name, args, kwargs = call
        if name == "writing":
            self._lock.acquire()
            try:
                held = self.service.writing()
                held.__enter__()
            except BaseException:
                self._lock.release()
                raise
            depth.append(held)
            return None
        if name == "written":
            try:
                depth.pop().__exit__(None, None, None)
            finally:
                self._lock.release()
            return None
        with self._lock:
            subject = self.service if target is None else kept[target]
            found = getattr(subject, name)
            given = found(*args, **kwargs) if callable(found) else found
            if isinstance(given, Iterator):
                return list(given)
            if isinstance(given, RunColumn | RunTable):
                kept[id(given)] = given
                return _Far(id(given))
            return given


class _Far:
    """A column or run table that stayed with the server."""

    def __init__(self, token: int, storage: RemoteStorage | None = None) -> None:
        self._token = token
        self._storage = storage

    def at(self, storage: RemoteStorage) -> _Far:
        """Give it with the way to the server."""
        return _Far(self._token, storage)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Far, (self._token,)

    def __len__(self) -> int:
        length: int = self._call("__len__")
        return length

    @property
    def dtype(self) -> Any:
        """See :class:`RunColumn`."""
        return self._call("dtype")

    def _call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        assert self._storage is not None
        return self._storage.call(self._token, name, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **kwargs: self._call(name, *args, **kwargs)


class RemoteStorage:
    """A storage service in another process (see :class:`StorageService` for its methods).

    Opens a connection at the first call in each process. Not for several threads.
    """

    travels = True
    """Goes with a trajectory to other processes."""

    def __init__(self, address: Any, key: bytes) -> None:
        self._address = address
        self._key = key
        self._connection: Connection | None = None
        self._process = 0

    def __reduce__(self) -> tuple[Any, ...]:
        return RemoteStorage, (self._address, self._key)

    def call(self, target: int | None, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Have a method called by the server; raises what it raises, StorageError if it is gone."""
        if self._connection is None or self._process != os.getpid():
            self._connection = self._connect()  # a forked child must not use its parent's
            self._process = os.getpid()
        try:
            self._connection.send((target, name, args, kwargs))
            good, answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise self._gone() from error
        if not good:
            raise answer
        return answer.at(self) if isinstance(answer, _Far) else answer

    def _connect(self) -> Connection:
        try:
            return Client(self._address, authkey=self._key)
        except OSError as error:
            raise self._gone() from error

    def _gone(self) -> StorageError:
        return StorageError(
            f"The process that stores for this one no longer does ({self._address!r}): use the trajectory inside "
            "'with MultiprocContext(traj)' only."
        )

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the writer's lease; other processes wait."""
        self.call(None, "writing", (), {})
        try:
            yield
        finally:
            self.call(None, "written", (), {})

    @property
    def name(self) -> str | None:
        """Name of the selected trajectory."""
        found: str | None = self.call(None, "name", (), {})
        return found

    @property
    def location(self) -> str:
        """Where the data are."""
        found: str = self.call(None, "location", (), {})
        return found

    def close(self) -> None:
        """Close the connection of this process."""
        if self._connection is not None and self._process == os.getpid():
            self._connection.close()
        self._connection = None

    def scan(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """See :meth:`StorageService.scan`."""
        return iter(self.call(None, "scan", args, kwargs))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(StorageService, name):
            raise AttributeError(f"A storage service has no attribute {name!r}.")

        def call(*args: Any, **kwargs: Any) -> Any:
            if name in _LISTS and args:
                args = (list(args[0]), *args[1:])
            return self.call(None, name, args, kwargs)

        return call
