"""Whose turn it is: a few requests at a time, the others wait in line."""

import sys
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from socket import AF_INET6, inet_pton
from threading import Event, Lock
from time import monotonic

_IPV4_MAPPED = bytes(10) + b"\xff\xff"
_NETWORK_BYTES = 8


class NoTurnError(Exception):
    """The turn did not come before the deadline, or too many are waiting."""


class _Place:
    """A place in a line."""

    def __init__(self) -> None:
        self.called = Event()
        self.has_turn = False


class Turns:
    """Lets a bounded number in at a time. For any number of threads.

    Each client address has a line of its own, first come, first served, and the lines are served in rotation:
    an address with many requests delays another address by one request per round, not by all of them.
    """

    def __init__(self, at_a_time: int, max_waiting: int = sys.maxsize) -> None:
        self._free = at_a_time
        self._max_waiting = max_waiting
        self._lock = Lock()
        self._lines: OrderedDict[str | bytes, deque[_Place]] = OrderedDict()
        """The next line first. No line is empty, and there are lines only while no turn is free."""

    @contextmanager
    def take(self, client: str, deadline: float) -> Iterator[None]:
        """A turn for the time of the context. `client`: its address; `deadline`: on the monotonic clock.

        Raises NoTurnError.
        """
        self._wait(client, deadline)
        try:
            yield
        finally:
            self._call_next()

    def _wait(self, client: str, deadline: float) -> None:
        place, network = _Place(), _network(client)
        with self._lock:
            if self._free:
                self._free -= 1
                return
            if sum(map(len, self._lines.values())) >= self._max_waiting:
                self._make_room(network)
            self._lines.setdefault(network, deque()).append(place)
        place.called.wait(max(0.0, deadline - monotonic()))
        with self._lock:
            if place.has_turn:
                return
            if not place.called.is_set():
                self._remove(network, place)
        raise NoTurnError

    def _call_next(self) -> None:
        with self._lock:
            if not self._lines:
                self._free += 1
                return
            network, line = next(iter(self._lines.items()))
            place = line[0]
            self._remove(network, place)
            if line:
                self._lines.move_to_end(network)
            place.has_turn = True
            place.called.set()

    def _make_room(self, network: str | bytes) -> None:
        """Drop the newest request of the longest line, unless the new request would make its own as long."""
        longest = max(self._lines, key=lambda each: len(self._lines[each]))
        if len(self._lines[longest]) <= len(self._lines.get(network, ())) + 1:
            raise NoTurnError
        place = self._lines[longest][-1]
        self._remove(longest, place)
        place.called.set()

    def _remove(self, network: str | bytes, place: _Place) -> None:
        line = self._lines[network]
        line.remove(place)
        if not line:
            del self._lines[network]


def _network(client: str) -> str | bytes:
    """The client's address, or the /64 network of an IPv6 address: one host can use every address in it."""
    try:
        address = inet_pton(AF_INET6, client.partition("%")[0])
    except OSError:
        return client
    return client if address.startswith(_IPV4_MAPPED) else address[:_NETWORK_BYTES]
