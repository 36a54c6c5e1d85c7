"""What a service tells systemd, by sd_notify(3): datagrams to the socket that NOTIFY_SOCKET names.

Where that is not set nobody wants to know, and all of this does nothing. The watchdog's variables are those
of sd_watchdog_enabled(3). No library is smaller: one binds libsystemd, the others have not been kept up.
"""

import os
import socket
import time
from collections.abc import MutableMapping

from swap_exporter import log

_STATUS_CHARACTERS = 500
"""systemd ignores a message as a whole if it has more than 4096 bytes (NOTIFY_BUFFER_MAX, PIPE_BUF)."""


class Supervisor:
    """systemd as a service sees it. Nothing here raises: what cannot be sent is worth a line in the log."""

    def __init__(self, environ: MutableMapping[str, str] | None = None) -> None:
        """Takes the variables away, so that no child process speaks in the service's name."""
        environ = os.environ if environ is None else environ
        self._address = environ.pop("NOTIFY_SOCKET", "")
        watchdog, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", str(os.getpid()))
        self._configured = 0
        """Microseconds for which the unit's watchdog waits; 0: it has none."""
        if watchdog.isdecimal() and pid == str(os.getpid()):
            self._configured = int(watchdog)
        self._watchdog = self._configured

    def ready(self, status: str) -> None:
        """Started, or done with reloading; `status`, for people, is made one line of bounded length."""
        self._send("READY=1", f"STATUS={' '.join(status.split())[:_STATUS_CHARACTERS]}")

    def reloading(self) -> None:
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def watch(self, seconds: float) -> None:
        """Have the watchdog, where the unit has one, wait at least ``seconds`` for the next `alive`."""
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
        # "@" stands for the zero byte that an abstract address begins with: unix(7).
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.connect(address)
                sender.send("\n".join(assignments).encode(errors="replace"))
        except OSError as error:
            log.warn("systemd cannot be told", told=assignments[0], reason=str(error))
