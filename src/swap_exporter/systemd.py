"""Service notification, sd_notify(3): datagrams to the socket that NOTIFY_SOCKET names.

Without NOTIFY_SOCKET all of this does nothing. sd_watchdog_enabled(3) documents the watchdog's variables. No
library is smaller: one binds libsystemd, the others are unmaintained.
"""

import os
import socket
import time
from collections.abc import MutableMapping

from swap_exporter import log

_STATUS_CHARACTERS = 500
"""systemd ignores a message as a whole if it has more than 4096 bytes (NOTIFY_BUFFER_MAX, PIPE_BUF)."""


class Supervisor:
    """The service manager. No method raises: a message that cannot be sent is logged."""

    def __init__(self, environ: MutableMapping[str, str] | None = None) -> None:
        """Removes the variables from ``environ``, so that no child process notifies for the service."""
        environ = os.environ if environ is None else environ
        self._address = environ.pop("NOTIFY_SOCKET", "")
        watchdog, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", str(os.getpid()))
        self._configured = 0
        """The unit's watchdog timeout in microseconds; 0 without a watchdog."""
        if watchdog.isdecimal() and pid == str(os.getpid()):
            self._configured = int(watchdog)
        self._watchdog = self._configured

    def ready(self, status: str) -> None:
        """Started, or reloaded. ``status`` is for people; it is cut to one short line."""
        self._send("READY=1", f"STATUS={' '.join(status.split())[:_STATUS_CHARACTERS]}")

    def reloading(self) -> None:
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def watch(self, seconds: float) -> None:
        """Set the timeout of the unit's watchdog, if any, to at least ``seconds``."""
        watchdog = max(self._configured, round(seconds * 1e6))
        if self._configured and watchdog != self._watchdog:
            self._watchdog = watchdog
            self._send(f"WATCHDOG_USEC={watchdog}")

    def alive(self) -> None:
        if self._configured:
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def _send(self, *assignments: str) -> None:
        if not self._address:
            return
        # An abstract address begins with a zero byte, written "@": unix(7).
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.connect(address)
                sender.send("\n".join(assignments).encode(errors="replace"))
        except OSError as error:
            log.warn("sd_notify failed", assignment=assignments[0], reason=str(error))
