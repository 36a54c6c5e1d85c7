"""One connection's life: handshake, then requests and answers until either side ends it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from threading import BoundedSemaphore
from time import monotonic
from traceback import format_exc

from swap_exporter.web.connection import Connection, ConnectionLostError
from swap_exporter.web.http import (
    Handler,
    Head,
    HttpError,
    Request,
    Response,
    head_end,
    parse_head,
    plain,
    render,
    scrape_timeout,
)
from swap_exporter.web.security import Rules, Security
from swap_exporter.web.tls import has_allowed_san
from swap_exporter.web.users import BusyError

_JOINED_BODY = 16 * 1024


@dataclass(frozen=True, slots=True)
class Service:
    """What all sessions of a server share. Times in seconds."""

    handler: Handler
    security: Security
    log: logging.Logger
    max_requests: int
    running: BoundedSemaphore | None
    """One for each handler call that may run at a time; None: any number."""
    unlimited_paths: frozenset[str]
    """Their handler calls need no place in `running`."""
    request_timeout: float
    """For a request from its first byte (from the connection, with TLS handshake) to its last, and again for
    its answer."""
    idle_timeout: float


class Session:
    def __init__(self, connection: Connection, service: Service) -> None:
        self._connection = connection
        self._service = service
        self._received = bytearray()

    def run(self) -> None:
        """Serve until the end. Raises ConnectionLostError where nobody is there to be told anything."""
        began = monotonic()
        self._connection.begin(began + self._service.request_timeout)
        rules = self._service.security.rules()
        if rules.context:
            self._connection.handshake(rules.context)
            if rules.allowed_sans and not has_allowed_san(self._connection.certificate(), rules.allowed_sans):
                raise ConnectionLostError("the client's certificate has none of client_allowed_sans")
        keep_alive = True
        while keep_alive:
            try:
                head = self._read_head()
                if head is None:
                    break
                self._read_body(head)
            except HttpError as error:
                self._answer(error.response, None, self._service.security.rules().headers)
                break
            response, rules = self._respond(head, began)
            self._answer(response, head, rules.headers)
            keep_alive = head.keep_alive
            if keep_alive:
                began = self._await_next()
        self._connection.finish(monotonic() + self._service.request_timeout)

    def _await_next(self) -> float:
        if not self._received:
            self._connection.rest(monotonic() + self._service.idle_timeout)
            self._received += self._connection.receive()
        began = monotonic()
        self._connection.begin(began + self._service.request_timeout)
        return began

    def _read_head(self) -> Head | None:
        searched = 0
        while True:
            # Empty lines before a request are to be ignored, says RFC 9112, 2.2.
            del self._received[: len(self._received) - len(self._received.lstrip(b"\r\n"))]
            found = head_end(self._received, searched)
            if found:
                head = bytes(self._received[: found[0]])
                del self._received[: found[1]]
                return parse_head(head)
            searched = len(self._received)
            received = self._connection.receive()
            if not received:
                if self._received:
                    raise ConnectionLostError("ended in the middle of a request")
                return None
            self._received += received

    def _read_body(self, head: Head) -> None:
        # No request of an exporter says anything in its body; it has to be out of the way all the same.
        if head.expects_continue and len(self._received) < head.content_length:
            self._connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(self._received) < head.content_length:
            received = self._connection.receive()
            if not received:
                raise ConnectionLostError("ended in the middle of a body")
            self._received += received
        del self._received[: head.content_length]

    def _respond(self, head: Head, began: float) -> tuple[Response, Rules]:
        service = self._service
        rules = service.security.rules()
        if rules.bucket and not rules.bucket.take(monotonic()):
            return plain(HTTPStatus.TOO_MANY_REQUESTS, "too many requests"), rules
        deadline = began + scrape_timeout(head.headers, service.request_timeout)
        user = None
        if rules.users:
            try:
                user = rules.users.authenticate(head.headers.get("authorization", ""), deadline)
            except BusyError:
                return plain(HTTPStatus.SERVICE_UNAVAILABLE, "too many passwords to check"), rules
            if user is None:
                challenge = {"WWW-Authenticate": 'Basic realm="swap-exporter", charset="UTF-8"'}
                return plain(HTTPStatus.UNAUTHORIZED, "user name and password required", challenge), rules
        request = Request(head.method, head.path, head.query, head.headers, deadline, user)
        running = None if head.path in service.unlimited_paths else service.running
        if running and not running.acquire(blocking=False):
            reason = f"already answering {service.max_requests} requests, the limit; try again later"
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, reason), rules
        try:
            return service.handler(request), rules
        except Exception as error:
            service.log.error(
                "answering %s %s failed: %s: %s", head.method, head.path, type(error).__name__, error
            )
            service.log.debug("where it failed: %s", format_exc())
            return plain(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error"), rules
        finally:
            if running:
                running.release()

    def _answer(self, response: Response, head: Head | None, extra: Mapping[str, str]) -> None:
        """`head` None: the request was not understood, and what follows it cannot be either."""
        self._connection.begin(monotonic() + self._service.request_timeout)
        answer = render(
            response,
            keep_alive=head is not None and head.keep_alive,
            http_1_0=head is not None and head.http_1_0,
            extra=extra,
        )
        if head is not None and head.method == "HEAD":
            self._connection.send(answer)
            return
        # One packet for most; but a large body may be shared by many answers, and is not copied for each.
        self._connection.send(answer + response.body[:_JOINED_BODY])
        self._connection.send(memoryview(response.body)[_JOINED_BODY:])
