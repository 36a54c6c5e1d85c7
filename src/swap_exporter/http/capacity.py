"""How many connections there may be, and who goes when one more wants to come in."""

from collections.abc import Callable
from threading import Condition
from time import monotonic

from swap_exporter.http.connection import Connection

_LOOK_AGAIN = 0.02


class Capacity:
    """Bounds the connections, and with them threads, descriptors and memory.

    Where it is used up, whoever has kept the server waiting longest for a request, or for taking an answer,
    goes first, then whoever has been idle longest after one. A client that has been waited for less than
    `grace` seconds stays, or a burst of honest clients would push each other out; the next one waits in the
    kernel's queue meanwhile. The longer this queue, the shorter the grace: it shrinks with the square of the
    length, so that the last one in the queue waits for less than `grace` seconds.
    """

    def __init__(self, limit: int, grace: float) -> None:
        self._limit = limit
        self._grace = grace
        self._changed = Condition()
        self._connections: set[Connection] = set()
        self._closed = False

    def make_room(self, queued: Callable[[], int]) -> bool:
        """Wait until one more connection fits, cutting another for it; False after `close`.

        `queued`: how many connections wait in the kernel's queue.
        """
        with self._changed:
            while not self._closed and len(self._connections) >= self._limit:
                self._cut_one(self._grace * (self._limit / (self._limit + queued())) ** 2)
                self._changed.wait(_LOOK_AGAIN)
            return not self._closed

    def spare_one(self) -> None:
        """Give up a connection because the system has no more descriptors or memory."""
        with self._changed:
            self._cut_one(self._grace)

    def enter(self, connection: Connection) -> bool:
        """False after `close`."""
        with self._changed:
            if not self._closed:
                self._connections.add(connection)
            return not self._closed

    def leave(self, connection: Connection) -> None:
        """Must be called by its owner before it closes the connection."""
        with self._changed:
            self._connections.discard(connection)
            self._changed.notify_all()

    def close(self) -> None:
        """Cut everybody, and let nobody in."""
        with self._changed:
            self._closed = True
            for connection in self._connections:
                connection.cut()
            self._changed.notify_all()

    def wait_until_empty(self, timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._connections, timeout)

    def _cut_one(self, grace: float) -> None:
        now = monotonic()
        slowest = max(self._connections, key=lambda c: c.waited(now), default=None)
        if slowest and slowest.waited(now) >= grace:
            slowest.cut()
            return
        longest_idle = max(self._connections, key=lambda c: c.idle_for(now), default=None)
        if longest_idle and longest_idle.idle_for(now) > 0:
            longest_idle.cut()
