"""Signals that the main thread waits for, as bytes on a socket.

signal.sigtimedwait cannot be used: where a stopped process continues (SIGSTOP, SIGCONT) after the time of the
wait is over, it returns a siginfo that nothing has filled in (CPython 3.7 to 3.13).
"""

import selectors
import signal
import socket
from collections.abc import Iterable
from time import monotonic
from types import FrameType

_CHUNK = 4096


class Signals:
    """Collects signals from its creation on. Only the main thread can create one, and wait."""

    def __init__(self, numbers: Iterable[signal.Signals]) -> None:
        self._received: list[signal.Signals] = []
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)
        # The byte only ends the wait: where the socket is full, there is something to wake up for already.
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._reader, selectors.EVENT_READ)
        for number in numbers:
            signal.signal(number, self._receive)

    def wait(self, seconds: float) -> signal.Signals | None:
        """The next signal, in the order in which they came; ``None`` where none comes within ``seconds``."""
        until = monotonic() + seconds
        while not self._received:
            if not self._selector.select(max(0.0, until - monotonic())):
                return None
            self._reader.recv(_CHUNK)
        return self._received.pop(0)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        """As the kernel does: a signal that waits already is not added."""
        received = signal.Signals(number)
        if received not in self._received:
            self._received.append(received)
