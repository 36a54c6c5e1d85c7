"""Signals that the main thread waits for, as bytes on a socket.

signal.sigtimedwait cannot be used: if a stopped process continues (SIGSTOP, SIGCONT) after the timeout, it
returns an uninitialized siginfo (CPython 3.7 to 3.13).
"""

import selectors
import signal
import socket
from collections.abc import Iterable
from time import monotonic
from types import FrameType

_CHUNK = 4096


class Signals:
    """Collects signals from its creation on. Only the main thread can create one and wait."""

    def __init__(self, numbers: Iterable[signal.Signals]) -> None:
        self._received: list[signal.Signals] = []
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)
        # The byte only ends the wait: a full socket wakes the thread anyway.
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._reader, selectors.EVENT_READ)
        for number in numbers:
            signal.signal(number, self._receive)

    def wait(self, seconds: float) -> signal.Signals | None:
        """The next signal, in order of arrival; ``None`` if none arrives within ``seconds``."""
        until = monotonic() + seconds
        while not self._received:
            if not self._selector.select(max(0.0, until - monotonic())):
                return None
            self._reader.recv(_CHUNK)
        return self._received.pop(0)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        """Like the kernel: a pending signal is not added again."""
        received = signal.Signals(number)
        if received not in self._received:
            self._received.append(received)
