"""Bounds how many requests run at a time, and shares the slots fairly between client addresses."""

import sys
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from socket import AF_INET6, inet_pton
from threading import Event, Lock
from time import monotonic

_IPV4_MAPPED = bytes(10) + b"\xff\xff"
_NETWORK_BYTES = 8


class OverloadedError(Exception):
    """No slot became free before the deadline, or too many requests wait for one."""


class _Waiter:
    """A request that waits for a slot."""

    def __init__(self) -> None:
        self.woken = Event()
        self.acquired = False


class FairSemaphore:
    """A semaphore with one first-in, first-out queue per client address, served round robin. Thread-safe.

    An address with many requests delays another address by one request per round, not by all of them.
    """

    def __init__(self, limit: int, max_waiting: int = sys.maxsize) -> None:
        self._free = limit
        self._max_waiting = max_waiting
        self._lock = Lock()
        self._queues: OrderedDict[str | bytes, deque[_Waiter]] = OrderedDict()
        """The next one to serve first. No queue is empty, and there are queues only while no slot is free."""

    @contextmanager
    def acquire(self, client: str, deadline: float) -> Iterator[None]:
        """Holds a slot inside the context.

        `client`: address of the client; `deadline`: on the monotonic clock. Raises OverloadedError.
        """
        self._acquire(client, deadline)
        try:
            yield
        finally:
            self._release()

    def _acquire(self, client: str, deadline: float) -> None:
        waiter, network = _Waiter(), _network(client)
        with self._lock:
            if self._free:
                self._free -= 1
                return
            if sum(map(len, self._queues.values())) >= self._max_waiting:
                self._drop_one(network)
            self._queues.setdefault(network, deque()).append(waiter)
        waiter.woken.wait(max(0.0, deadline - monotonic()))
        with self._lock:
            if waiter.acquired:
                return
            if not waiter.woken.is_set():
                self._remove(network, waiter)
        raise OverloadedError

    def _release(self) -> None:
        with self._lock:
            if not self._queues:
                self._free += 1
                return
            network, queue = next(iter(self._queues.items()))
            waiter = queue[0]
            self._remove(network, waiter)
            if queue:
                self._queues.move_to_end(network)
            waiter.acquired = True
            waiter.woken.set()

    def _drop_one(self, network: str | bytes) -> None:
        """Drop the newest request of the longest queue. Raises OverloadedError if the new request's own queue
        would become as long."""
        longest = max(self._queues, key=lambda each: len(self._queues[each]))
        if len(self._queues[longest]) <= len(self._queues.get(network, ())) + 1:
            raise OverloadedError
        waiter = self._queues[longest][-1]
        self._remove(longest, waiter)
        waiter.woken.set()

    def _remove(self, network: str | bytes, waiter: _Waiter) -> None:
        queue = self._queues[network]
        queue.remove(waiter)
        if not queue:
            del self._queues[network]


def _network(client: str) -> str | bytes:
    """The client's IPv4 address, or the /64 network of its IPv6 address: one host can use all of it."""
    try:
        address = inet_pton(AF_INET6, client.partition("%")[0])
    except OSError:
        return client
    return client if address.startswith(_IPV4_MAPPED) else address[:_NETWORK_BYTES]
