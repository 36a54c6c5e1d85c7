"""Bounds the number of open connections, and picks the one to close for a new one."""

from collections.abc import Callable
from threading import Condition
from time import monotonic

from swap_exporter.http.connection import Connection

_POLL_SECONDS = 0.02


class ConnectionLimit:
    """Bounds connections, and with them threads, descriptors and memory.

    At the limit, the connection is closed whose client has kept the server waiting longest, to send a request
    or to read an answer. If there is none, the connection that has been idle longest is closed.
    A connection is safe until the server has waited `grace` seconds for it: otherwise a burst of honest
    clients would push each other out. New connections wait in the kernel's accept queue meanwhile. The grace
    shrinks with the square of the length of that queue, so that the last one in it waits less than `grace`.
    """

    def __init__(self, limit: int, grace: float) -> None:
        self._limit = limit
        self._grace = grace
        self._changed = Condition()
        self._connections: set[Connection] = set()
        self._closed = False

    def wait_for_slot(self, queued: Callable[[], int]) -> bool:
        """Wait until one more connection fits, closing another for it; False after `close`.

        `queued`: returns how many connections wait in the kernel's accept queue.
        """
        with self._changed:
            while not self._closed and len(self._connections) >= self._limit:
                self._abort_one(self._grace * (self._limit / (self._limit + queued())) ** 2)
                self._changed.wait(_POLL_SECONDS)
            return not self._closed

    def close_one(self) -> None:
        """Close a connection because the system is out of descriptors or memory."""
        with self._changed:
            self._abort_one(self._grace)

    def add(self, connection: Connection) -> bool:
        """False after `close`."""
        with self._changed:
            if not self._closed:
                self._connections.add(connection)
            return not self._closed

    def remove(self, connection: Connection) -> None:
        """The owner calls it before it closes the connection."""
        with self._changed:
            self._connections.discard(connection)
            self._changed.notify_all()

    def close(self) -> None:
        """Abort all connections and accept no new ones."""
        with self._changed:
            self._closed = True
            for connection in self._connections:
                connection.abort()
            self._changed.notify_all()

    def wait_until_empty(self, timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._connections, timeout)

    def _abort_one(self, grace: float) -> None:
        now = monotonic()
        slowest = max(self._connections, key=lambda connection: connection.client_wait(now), default=None)
        if slowest and slowest.client_wait(now) >= grace:
            slowest.abort()
            return
        longest_idle = max(self._connections, key=lambda connection: connection.idle_for(now), default=None)
        if longest_idle and longest_idle.idle_for(now) > 0:
            longest_idle.abort()
