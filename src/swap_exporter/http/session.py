"""Serves one connection: TLS handshake, then requests and answers until either side ends it."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic

from swap_exporter import log
from swap_exporter.http.connection import Connection, ConnectionLostError
from swap_exporter.http.fair_semaphore import FairSemaphore, OverloadedError
from swap_exporter.http.message import (
    MAX_EMPTY_LINES,
    Handler,
    Head,
    HttpError,
    Request,
    Response,
    find_head_end,
    parse_head,
    plain,
    render_head,
    scrape_timeout,
)
from swap_exporter.http.security import Rules, Security
from swap_exporter.http.tls import has_allowed_san

_BODY_IN_FIRST_SEND = 16 * 1024


class _RefusedError(Exception):
    """A request that is answered without its handler."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


@dataclass(frozen=True, slots=True)
class Service:
    """What all sessions of a server share. Times are in seconds."""

    handler: Handler
    security: Security
    max_requests: int
    handler_slots: FairSemaphore
    """Bounds the handler calls at a time."""
    unlimited_paths: frozenset[str]
    """Handler calls for these paths do not count towards `max_requests`."""
    request_timeout: float
    """For reading a request, from its first byte, and again for sending its answer. For the first request it
    starts with the connection, so it includes the TLS handshake."""
    idle_timeout: float


class Session:
    def __init__(self, connection: Connection, service: Service) -> None:
        self._connection = connection
        self._service = service
        self._received = bytearray()

    def run(self) -> None:
        """Serve until either side ends the connection. Raises ConnectionLostError."""
        began = self._begin_request()
        rules = self._service.security.rules()
        if rules.context:
            self._connection.handshake(rules.context)
            if rules.allowed_sans and not has_allowed_san(self._connection.certificate(), rules.allowed_sans):
                raise ConnectionLostError("the client's certificate has none of client_allowed_sans")
        keep_alive = True
        while keep_alive:
            try:
                head = self._read_head()
            except HttpError as error:
                self._answer_malformed(error.response)
                break
            if head is None:
                break
            keep_alive = self._serve(head, began)
            if keep_alive:
                began = self._await_next()
        self._connection.shut_down(monotonic() + self._service.request_timeout)

    def _await_next(self) -> float:
        if not self._received:
            self._connection.set_idle(monotonic() + self._service.idle_timeout)
            self._received += self._connection.receive()
        return self._begin_request()

    def _begin_request(self) -> float:
        began = monotonic()
        self._connection.set_deadline(began + self._service.request_timeout)
        return began

    def _read_head(self) -> Head | None:
        """None if the client has closed its side. After an HttpError the head is still in `_received`."""
        searched = empty = 0
        while True:
            blank = len(self._received) - len(self._received.lstrip(b"\r\n"))
            del self._received[:blank]
            empty += blank
            if empty > MAX_EMPTY_LINES * len(b"\r\n"):
                raise HttpError(
                    HTTPStatus.BAD_REQUEST, f"more than {MAX_EMPTY_LINES} empty lines before a request"
                )
            found = find_head_end(self._received, searched)
            if found:
                head = parse_head(bytes(self._received[: found[0]]))
                del self._received[: found[1]]
                return head
            searched = len(self._received)
            received = self._connection.receive()
            if not received:
                if self._received:
                    raise ConnectionLostError("ended in the middle of a request")
                return None
            self._received += received

    def _read_body(self, head: Head) -> None:
        # No endpoint uses a body, but the next request begins behind it.
        if head.expects_continue and len(self._received) < head.content_length:
            self._connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(self._received) < head.content_length:
            received = self._connection.receive()
            if not received:
                raise ConnectionLostError("ended in the middle of a body")
            self._received += received
        del self._received[: head.content_length]

    def _serve(self, head: Head, began: float) -> bool:
        """Answer one request; return whether another may follow it."""
        rules = self._service.security.rules()
        deadline = began + scrape_timeout(head.headers, self._service.request_timeout)
        keep_alive = head.keep_alive
        try:
            user = self._check_access(head, rules, deadline)
            # After the password check: the body of a refused client is not read.
            self._read_body(head)
            response = self._call_handler(
                Request(head.method, head.path, head.query, head.headers, deadline, user)
            )
        except _RefusedError as refused:
            response = refused.response
            keep_alive = keep_alive and not head.content_length
        self._answer(
            response,
            rules.headers,
            with_body=head.method != "HEAD",
            keep_alive=keep_alive,
            http_1_0=head.http_1_0,
        )
        return keep_alive

    def _check_access(self, head: Head, rules: Rules, deadline: float) -> str | None:
        """The user's name; None if no password is needed. Raises _RefusedError."""
        if rules.bucket and not rules.bucket.take(monotonic()):
            raise _RefusedError(plain(HTTPStatus.TOO_MANY_REQUESTS, "too many requests"))
        if not rules.users:
            return None
        authorization = head.headers.get("authorization", "")
        asked = monotonic()
        try:
            user = rules.users.authenticate(authorization, deadline, self._connection.client)
        except OverloadedError:
            raise _RefusedError(
                plain(HTTPStatus.SERVICE_UNAVAILABLE, "too many passwords to check")
            ) from None
        if user is None:
            challenge = {"WWW-Authenticate": 'Basic realm="swap-exporter", charset="UTF-8"'}
            raise _RefusedError(plain(HTTPStatus.UNAUTHORIZED, "user name and password required", challenge))
        self._connection.extend_deadline(monotonic() - asked)
        return user

    def _call_handler(self, request: Request) -> Response:
        """The handler's answer, or an error response."""
        service = self._service
        try:
            if request.path in service.unlimited_paths:
                return service.handler(request)
            with service.handler_slots.acquire(self._connection.client, request.deadline):
                return service.handler(request)
        except OverloadedError:
            reason = f"overloaded: requests answered at a time: {service.max_requests}"
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, reason)
        except Exception as error:
            log.unexpected("answering a request failed", error, method=request.method, path=request.path)
            return plain(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")

    def _answer_malformed(self, response: Response) -> None:
        """Answer a malformed request, and end the connection: the start of the next request is unknown."""
        self._answer(
            response,
            self._service.security.rules().headers,
            with_body=not self._received.startswith(b"HEAD "),
            keep_alive=False,
            http_1_0=False,
        )

    def _answer(
        self,
        response: Response,
        extra: Mapping[str, str],
        *,
        with_body: bool,
        keep_alive: bool,
        http_1_0: bool,
    ) -> None:
        self._connection.set_deadline(monotonic() + self._service.request_timeout)
        answer = render_head(response, keep_alive=keep_alive, http_1_0=http_1_0, extra=extra)
        if not with_body:
            self._connection.send(answer)
            return
        # Most answers fit in one packet. A large body may be shared by many answers and is not copied.
        self._connection.send(answer + response.body[:_BODY_IN_FIRST_SEND])
        self._connection.send(memoryview(response.body)[_BODY_IN_FIRST_SEND:])
