"""One client's socket, plain or TLS, on which every wait has a deadline and can be ended from outside."""

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
    """The client went away, took too long, or had to make room; nothing more can be said to it."""


class Connection:
    """Owned by the thread that serves it; others may only call `cut`, `waited` and `idle_for`."""

    def __init__(self, accepted: socket.socket, client: str) -> None:
        accepted.setblocking(False)
        self._socket = accepted
        self._cut = False
        self._finished = False
        self._deadline = _NEVER
        self._waited = 0.0
        self._waiting_since = _NEVER
        self._idle_since = _NEVER
        self.client = client

    def begin(self, deadline: float) -> None:
        """A request (or its answer) begins: nothing waits for the client past this monotonic time."""
        self._deadline = deadline
        self._waited = 0.0
        self._idle_since = _NEVER

    def postpone(self, seconds: float) -> None:
        """Move the deadline: the server took this time, not the client."""
        self._deadline += seconds

    def rest(self, until: float) -> None:
        """A request is answered: the next one may take until then to come."""
        self._deadline = until
        self._idle_since = monotonic()

    def waited(self, now: float) -> float:
        """Seconds for which this request has waited for its client, who is being waited for now; else 0.

        What the server itself takes is not counted: a client does not suffer for a busy server.
        """
        since = self._waiting_since
        return 0.0 if since == _NEVER or self._idle_since != _NEVER else self._waited + now - since

    def idle_for(self, now: float) -> float:
        """Seconds since the last answer, where no request has come after it; else 0."""
        return 0.0 if self._idle_since == _NEVER else now - self._idle_since

    def handshake(self, context: ssl.SSLContext) -> None:
        """Become TLS. Raises ConnectionLostError."""
        try:
            secured = context.wrap_socket(self._socket, server_side=True, do_handshake_on_connect=False)
        except (OSError, ValueError) as error:
            raise ConnectionLostError(f"TLS: {error}") from None
        self._socket = secured
        try:
            self._perform(secured.do_handshake)
        except ConnectionLostError as error:
            if isinstance(error.__cause__, ssl.SSLError) and error.__cause__.reason == "HTTP_REQUEST":
                self._say_in_plain(b"this port speaks HTTPS\n")
            raise

    def certificate(self) -> Mapping[str, object] | None:
        """The client's verified certificate, as SSLSocket.getpeercert has it."""
        assert isinstance(self._socket, ssl.SSLSocket)
        return self._socket.getpeercert()

    def receive(self) -> bytes:
        """What has come; empty where the client has ended its side. Raises ConnectionLostError."""
        return self._perform(self._socket.recv, _CHUNK)

    def send(self, payload: bytes | memoryview) -> None:
        """Raises ConnectionLostError."""
        rest = memoryview(payload)
        while rest:
            chunk = rest[:_CHUNK]
            rest = rest[self._perform(self._socket.send, chunk, event=select.POLLOUT) :]

    def finish(self, deadline: float) -> None:
        """Say that nothing more comes, and wait for the client to end its side, by `deadline` at the latest.

        A socket closed with unread input resets the connection, and the client loses an answer that it has
        not read yet; so the rest of what it sends is read first, within bounds.
        """
        self.begin(deadline)
        with suppress(OSError, ValueError, ConnectionLostError):
            if isinstance(self._socket, ssl.SSLSocket):
                with suppress(ssl.SSLError):
                    self._socket.unwrap()  # sends close_notify; the client's own need not be waited for
            socket.socket.shutdown(self._socket, socket.SHUT_WR)
            for _ in range(_DRAINED_CHUNKS):
                if not self._perform(socket.socket.recv, self._socket, _CHUNK):
                    self._finished = not self._cut
                    return

    def close(self) -> None:
        """Let go of the socket. Without a good end it is reset, lest the kernel keep what nobody reads."""
        if not self._finished:
            with suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._socket.close()

    def cut(self) -> None:
        """End it from another thread: the owner's wait ends with ConnectionLostError.

        The owner must not close it meanwhile, else the descriptor may be another's already.
        """
        self._cut = True
        with suppress(OSError):
            # Not SSLSocket.shutdown, which takes the TLS state away under the feet of the owner.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _say_in_plain(self, body: bytes) -> None:
        head = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n"
        with suppress(OSError):
            socket.socket.send(self._socket, head + body)

    def _perform(self, operation: Callable[..., T], *arguments: object, event: int = select.POLLIN) -> T:
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
        if self._cut:
            raise ConnectionLostError("cut to make room")
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
