"""One client's socket, plain or TLS. Each wait on it has a deadline, and another thread can abort it."""

import select
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from struct import pack
from time import monotonic
from typing import TypeVar

T = TypeVar("T")

_CHUNK = 64 * 1024
_DRAINED_CHUNKS = 4
_NEVER = float("inf")
_RESET_ON_CLOSE = pack("ii", 1, 0)  # struct linger of socket(7)


class ConnectionLostError(Exception):
    """The client disconnected or was too slow, or another client needed the slot. No answer can be sent."""


class Connection:
    """Owned by the thread that serves it; others may only call `abort`, `client_wait` and `idle_for`."""

    def __init__(self, accepted: socket.socket, client: str) -> None:
        accepted.setblocking(False)
        self._socket = accepted
        self._aborted = False
        self._ended_cleanly = False
        self._deadline = _NEVER
        self._waited = 0.0
        self._waiting_since = _NEVER
        self._idle_since = _NEVER
        self.client = client

    def set_deadline(self, deadline: float) -> None:
        """Start reading a request, or sending an answer: it must be done by this monotonic time."""
        self._deadline = deadline
        self._waited = 0.0
        self._idle_since = _NEVER

    def extend_deadline(self, seconds: float) -> None:
        """Move the deadline by time that the server spent, not the client."""
        self._deadline += seconds

    def set_idle(self, until: float) -> None:
        """A request is answered: the next one must begin before this monotonic time."""
        self._deadline = until
        self._idle_since = monotonic()

    def client_wait(self, now: float) -> float:
        """Seconds that the server has waited for the client in this request; 0 if it is not waiting now.

        Time that the server itself spends does not count: a slow server is not the client's fault.
        """
        since = self._waiting_since
        return 0.0 if since == _NEVER or self._idle_since != _NEVER else self._waited + now - since

    def idle_for(self, now: float) -> float:
        """Seconds since the last answer while no new request has begun; else 0."""
        return 0.0 if self._idle_since == _NEVER else now - self._idle_since

    def handshake(self, context: ssl.SSLContext) -> None:
        """Perform the TLS handshake. Raises ConnectionLostError."""
        try:
            secured = context.wrap_socket(self._socket, server_side=True, do_handshake_on_connect=False)
        except (OSError, ValueError) as error:
            raise ConnectionLostError(f"TLS: {error}") from None
        self._socket = secured
        try:
            self._retry(secured.do_handshake)
        except ConnectionLostError as error:
            if isinstance(error.__cause__, ssl.SSLError) and error.__cause__.reason == "HTTP_REQUEST":
                self._send_unencrypted(b"this port speaks HTTPS\n")
            raise

    def certificate(self) -> Mapping[str, object] | None:
        """The client's verified certificate, as SSLSocket.getpeercert returns it."""
        assert isinstance(self._socket, ssl.SSLSocket)
        return self._socket.getpeercert()

    def receive(self) -> bytes:
        """The bytes received; empty if the client has closed its side. Raises ConnectionLostError."""
        return self._retry(self._socket.recv, _CHUNK)

    def send(self, payload: bytes | memoryview) -> None:
        """Raises ConnectionLostError."""
        rest = memoryview(payload)
        while rest:
            chunk = rest[:_CHUNK]
            rest = rest[self._retry(self._socket.send, chunk, event=select.POLLOUT) :]

    def shut_down(self, deadline: float) -> None:
        """Close the sending side and wait until `deadline` for the client to close its own.

        Closing a socket that has unread input resets the connection, and the client loses an answer that it
        has not read yet. So a bounded amount of input is read first.
        """
        self.set_deadline(deadline)
        with suppress(OSError, ValueError, ConnectionLostError):
            if isinstance(self._socket, ssl.SSLSocket):
                with suppress(ssl.SSLError):
                    self._socket.unwrap()  # sends close_notify, does not wait for the client's
            socket.socket.shutdown(self._socket, socket.SHUT_WR)
            for _ in range(_DRAINED_CHUNKS):
                if not self._retry(socket.socket.recv, self._socket, _CHUNK):
                    self._ended_cleanly = not self._aborted
                    return

    def close(self) -> None:
        """Close the socket, with a reset unless it ended cleanly: the kernel must not keep unread answers."""
        if not self._ended_cleanly:
            with suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._socket.close()

    def abort(self) -> None:
        """End the connection from another thread: the owner's wait raises ConnectionLostError.

        The owner must not close it at the same time: its descriptor could already be reused.
        """
        self._aborted = True
        with suppress(OSError):
            # Not SSLSocket.shutdown, which removes the TLS state while the owner uses it.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _send_unencrypted(self, body: bytes) -> None:
        head = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n"
        with suppress(OSError):
            socket.socket.send(self._socket, head + body)

    def _retry(self, operation: Callable[..., T], *arguments: object, event: int = select.POLLIN) -> T:
        while True:
            try:
                return operation(*arguments)
            except BlockingIOError:
                self._wait(event)
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT)
            except (OSError, ValueError) as error:
                raise ConnectionLostError(str(error)) from error

    def _wait(self, event: int) -> None:
        now = monotonic()
        if self._aborted:
            raise ConnectionLostError("closed to make room")
        if now >= self._deadline:
            raise ConnectionLostError("took too long")
        poll = select.poll()
        poll.register(self._socket.fileno(), event)
        self._waiting_since = now
        try:
            poll.poll((self._deadline - now) * 1000)
        finally:
            self._waiting_since = _NEVER
            self._waited += monotonic() - now
