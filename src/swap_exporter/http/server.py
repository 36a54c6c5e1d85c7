"""The server: listening sockets, one thread that accepts, one thread for each connection.

Threads, because a handshake or a password check that takes long then blocks nobody else. No library does it:
those of the standard library and of prometheus_client bound neither the time of a request nor the number of
connections, and event loops take several times the memory for TLS. What a server has to survive here is in
tests/http/test_attacks.py.
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
from swap_exporter.http.capacity import Capacity
from swap_exporter.http.connection import Connection, ConnectionLostError
from swap_exporter.http.listen import ListenError, accept_queue, bind, close_all, name_of, parse_address
from swap_exporter.http.message import Handler
from swap_exporter.http.security import Security
from swap_exporter.http.session import Service, Session
from swap_exporter.http.turns import Turns
from swap_exporter.http.web_config import WebConfig

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PAUSE = 0.05
_HEARTBEAT = 5.0
_STOP_WITHIN = 2.0


class Server:
    """Serves a handler over HTTP, from `start` to `stop`."""

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
        """`addresses` as the flag has them; where systemd passed sockets, those are listened on instead.

        `max_requests`: handler calls at a time, more wait for their turn until their deadline; 0: no limit.
        `unlimited_paths` wait for no turn. `request_timeout`: seconds for reading a request, handshake
        included, and again for writing its answer. `idle_timeout`: seconds between two requests on a
        connection. `grace`: seconds for which a client is waited for before it has to make room for another.

        Raises ListenError for a malformed address, WebConfigError for a certificate that cannot be used.
        """
        self._addresses = [parse_address(address) for address in addresses]
        self._listeners = list(systemd_sockets)
        connections = min(max_connections, _affordable_connections())
        self._capacity = Capacity(connections, grace)
        self._service = Service(
            handler=handler,
            # Half of the connections: guesses do not use them up.
            security=Security(web_config, max_waiting=max(1, connections // 2)),
            max_requests=max_requests,
            unlimited_paths=unlimited_paths,
            turns=Turns(max_requests or sys.maxsize),
            request_timeout=request_timeout,
            idle_timeout=idle_timeout,
        )
        self._acceptor: Thread | None = None
        self._accepting_at = monotonic()
        self._stopping = Event()
        self._waker, self._woken = socket.socketpair()

    def start(self) -> None:
        """Listen and serve. Raises ListenError, with nothing left open."""
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
        """What is listened on, with the port numbers that the kernel gave."""
        return tuple(name_of(listener) for listener in self._listeners)

    def seconds_without_accepting(self) -> float:
        """Since the last connection was accepted, or the last look that found none waiting. Infinite where
        the thread that accepts has ended."""
        if self._acceptor is None or not self._acceptor.is_alive():
            return math.inf
        return monotonic() - self._accepting_at

    def stop(self) -> None:
        """Stop listening and cut all connections; a handler that is still running is not waited for long."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._waker.send(b"x")
        self._capacity.close()
        if self._acceptor:
            self._acceptor.join(_STOP_WITHIN)
        self._capacity.wait_until_empty(_STOP_WITHIN)
        close_all([*self._listeners, self._waker, self._woken])

    def _accept_all(self) -> None:
        with selectors.DefaultSelector() as selector:
            for listener in (*self._listeners, self._woken):
                selector.register(listener, selectors.EVENT_READ, listener)
            while not self._stopping.is_set():
                ready = selector.select(_HEARTBEAT)
                if not ready:
                    self._accepting_at = monotonic()
                for key, _ in ready:
                    if key.data is not self._woken and self._capacity.make_room(
                        partial(accept_queue, key.data)
                    ):
                        self._accept(key.data)

    def _accept(self, listener: socket.socket) -> None:
        try:
            accepted, client = listener.accept()
        except OSError as error:
            # Anything else is a client that went away before it was its turn.
            if error.errno in _EXHAUSTED:
                log.debug("cannot accept a connection", reason=error.strerror)
                self._capacity.spare_one()
                self._stopping.wait(_PAUSE)
            return
        connection = Connection(accepted, client[0] if isinstance(client, tuple) else "unix")
        if not self._capacity.enter(connection):
            connection.close()
            return
        try:
            Thread(target=self._serve, args=(connection,), name="web-connection", daemon=True).start()
            self._accepting_at = monotonic()
        except RuntimeError:  # the limit of threads, in all likelihood the service's TasksMax
            log.debug("cannot start a thread", client=connection.client)
            self._leave(connection)
            self._stopping.wait(_PAUSE)

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
        self._capacity.leave(connection)
        connection.close()


def _affordable_connections() -> int:
    """A quarter of the descriptors that this process may have; whatever else it does needs some too."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if limit == resource.RLIM_INFINITY else max(1, limit // 4)
