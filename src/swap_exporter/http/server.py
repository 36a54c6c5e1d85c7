"""The server: listening sockets, one thread that accepts, one thread for each connection.

A thread each, so that a slow TLS handshake or password check delays no other client. docs/web.md says why no
library is used; tests/http/test_attacks.py attacks the server.
"""

import errno
import math
import resource
import selectors
import socket
import sys
from collections.abc import Sequence
from functools import partial
from threading import Event, Thread
from time import monotonic

from swap_exporter import log
from swap_exporter.http.connection import Connection, ConnectionLostError
from swap_exporter.http.connection_limit import ConnectionLimit
from swap_exporter.http.fair_semaphore import FairSemaphore
from swap_exporter.http.listen import ListenError, accept_queue, address_of, bind, close_all, parse_address
from swap_exporter.http.message import Handler
from swap_exporter.http.security import Security
from swap_exporter.http.session import Service, Session
from swap_exporter.http.web_config import WebConfig

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_RETRY_SECONDS = 0.05
_HEARTBEAT_SECONDS = 5.0
_STOP_SECONDS = 2.0


class Server:
    """Serves a handler over HTTP between `start` and `stop`."""

    def __init__(
        self,
        addresses: Sequence[str],
        handler: Handler,
        *,
        web_config: WebConfig | None,
        systemd_sockets: Sequence[socket.socket] = (),
        max_requests: int = 40,
        unlimited_paths: frozenset[str] = frozenset(),
        max_connections: int = 256,
        request_timeout: float = 10.0,
        idle_timeout: float = 300.0,
        grace: float = 0.5,
    ) -> None:
        """`addresses`: as in `--web.listen-address`, unused if there are `systemd_sockets`.

        `max_requests`: handler calls at a time, 0: no limit; more requests wait until their deadline.
        `unlimited_paths` do not count. `request_timeout`: seconds for reading a request, handshake included,
        and again for sending its answer. `idle_timeout`: seconds between two requests on a connection.
        `grace`: seconds that the server waits for a client before it may close the connection for another.

        Raises ListenError for a malformed address, WebConfigError for an unusable certificate.
        """
        self._addresses = [parse_address(address) for address in addresses]
        self._listeners = list(systemd_sockets)
        connections = min(max_connections, _connection_budget())
        self._connections = ConnectionLimit(connections, grace)
        self._service = Service(
            handler=handler,
            # At most half of the connections, so that password guesses cannot use up all of them.
            security=Security(web_config, max_waiting=max(1, connections // 2)),
            max_requests=max_requests,
            unlimited_paths=unlimited_paths,
            handler_slots=FairSemaphore(max_requests or sys.maxsize),
            request_timeout=request_timeout,
            idle_timeout=idle_timeout,
        )
        self._acceptor: Thread | None = None
        self._accepting_at = monotonic()
        self._stopping = Event()
        self._waker, self._woken = socket.socketpair()

    def start(self) -> None:
        """Listen and serve. Raises ListenError, and leaves no socket open then."""
        if not self._listeners:
            try:
                for address in self._addresses:
                    self._listeners.append(bind(address))
            except ListenError:
                close_all(self._listeners)
                self._listeners.clear()
                raise
        self._acceptor = Thread(target=self._accept_all, name="web-accept", daemon=True)
        self._acceptor.start()

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses listened on, with the actual port for port 0."""
        return tuple(address_of(listener) for listener in self._listeners)

    def seconds_without_accepting(self) -> float:
        """Seconds since the last connection was accepted, or since none was waiting. Infinite if the
        accepting thread has ended."""
        if self._acceptor is None or not self._acceptor.is_alive():
            return math.inf
        return monotonic() - self._accepting_at

    def stop(self) -> None:
        """Stop listening and abort all connections. Waits a few seconds at most for running handlers."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._waker.send(b"x")
        self._connections.close()
        if self._acceptor:
            self._acceptor.join(_STOP_SECONDS)
        self._connections.wait_until_empty(_STOP_SECONDS)
        close_all([*self._listeners, self._waker, self._woken])

    def _accept_all(self) -> None:
        with selectors.DefaultSelector() as selector:
            for listener in (*self._listeners, self._woken):
                selector.register(listener, selectors.EVENT_READ, listener)
            while not self._stopping.is_set():
                ready = selector.select(_HEARTBEAT_SECONDS)
                if not ready:
                    self._accepting_at = monotonic()
                for key, _ in ready:
                    if key.data is not self._woken and self._connections.wait_for_slot(
                        partial(accept_queue, key.data)
                    ):
                        self._accept(key.data)

    def _accept(self, listener: socket.socket) -> None:
        try:
            accepted, client = listener.accept()
        except OSError as error:
            # Any other error: the client disconnected before its connection was accepted.
            if error.errno in _EXHAUSTED:
                log.debug("cannot accept a connection", reason=error.strerror)
                self._connections.close_one()
                self._stopping.wait(_RETRY_SECONDS)
            return
        connection = Connection(accepted, client[0] if isinstance(client, tuple) else "unix")
        if not self._connections.add(connection):
            connection.close()
            return
        try:
            Thread(target=self._serve, args=(connection,), name="web-connection", daemon=True).start()
            self._accepting_at = monotonic()
        except RuntimeError:  # thread limit, probably TasksMax of the service
            log.debug("cannot start a thread", client=connection.client)
            self._leave(connection)
            self._stopping.wait(_RETRY_SECONDS)

    def _serve(self, connection: Connection) -> None:
        try:
            Session(connection, self._service).run()
        except ConnectionLostError as lost:
            log.debug("connection lost", client=connection.client, reason=str(lost))
        except Exception as error:
            log.unexpected("serving a connection failed", error, client=connection.client)
        finally:
            self._leave(connection)

    def _leave(self, connection: Connection) -> None:
        self._connections.remove(connection)
        connection.close()


def _connection_budget() -> int:
    """A quarter of the descriptor limit; the rest of the process needs descriptors too."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if limit == resource.RLIM_INFINITY else max(1, limit // 4)
