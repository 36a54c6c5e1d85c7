"""One connection's life: handshake, then requests and answers until either side ends it."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic

from swap_exporter import log
from swap_exporter.http.connection import Connection, ConnectionLostError
from swap_exporter.http.message import (
    MAX_EMPTY_LINES,
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
from swap_exporter.http.security import Rules, Security
from swap_exporter.http.tls import has_allowed_san
from swap_exporter.http.turns import NoTurnError, Turns

_JOINED_BODY = 16 * 1024


class _RefusedError(Exception):
    """A request that does not reach the handler."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


@dataclass(frozen=True, slots=True)
class Service:
    """What all sessions of a server share. Times in seconds."""

    handler: Handler
    security: Security
    max_requests: int
    turns: Turns
    """For handler calls."""
    unlimited_paths: frozenset[str]
    """Their handler calls wait for no turn."""
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
            except HttpError as error:
                self._refuse(error.response)
                break
            if head is None:
                break
            keep_alive = self._serve(head, began)
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
        """None where the client has ended its side. After an HttpError the head is still in `_received`."""
        searched = empty = 0
        while True:
            blank = len(self._received) - len(self._received.lstrip(b"\r\n"))
            del self._received[:blank]
            empty += blank
            if empty > MAX_EMPTY_LINES * len(b"\r\n"):
                raise HttpError(
                    HTTPStatus.BAD_REQUEST, f"more than {MAX_EMPTY_LINES} empty lines before a request"
                )
            found = head_end(self._received, searched)
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
        # No request of an exporter says anything in its body; it has to be out of the way all the same.
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
            user = self._admit(head, rules, deadline)
            # Only now: a client without the password is not asked for its body.
            self._read_body(head)
            response = self._call(Request(head.method, head.path, head.query, head.headers, deadline, user))
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

    def _admit(self, head: Head, rules: Rules, deadline: float) -> str | None:
        """The user's name; None where no password is asked for. Raises _RefusedError."""
        if rules.bucket and not rules.bucket.take(monotonic()):
            raise _RefusedError(plain(HTTPStatus.TOO_MANY_REQUESTS, "too many requests"))
        if not rules.users:
            return None
        authorization = head.headers.get("authorization", "")
        asked = monotonic()
        try:
            user = rules.users.authenticate(authorization, deadline, self._connection.client)
        except NoTurnError:
            raise _RefusedError(
                plain(HTTPStatus.SERVICE_UNAVAILABLE, "too many passwords to check")
            ) from None
        if user is None:
            challenge = {"WWW-Authenticate": 'Basic realm="swap-exporter", charset="UTF-8"'}
            raise _RefusedError(plain(HTTPStatus.UNAUTHORIZED, "user name and password required", challenge))
        self._connection.postpone(monotonic() - asked)
        return user

    def _call(self, request: Request) -> Response:
        """The handler's answer, or the error that takes its place."""
        service = self._service
        try:
            if request.path in service.unlimited_paths:
                return service.handler(request)
            with service.turns.take(self._connection.client, request.deadline):
                return service.handler(request)
        except NoTurnError:
            reason = f"no turn in time: requests answered at a time: {service.max_requests}"
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, reason)
        except Exception as error:
            log.unexpected("answering a request failed", error, method=request.method, path=request.path)
            return plain(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")

    def _refuse(self, response: Response) -> None:
        """Answer what is no request. What follows it cannot be understood either."""
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
        self._connection.begin(monotonic() + self._service.request_timeout)
        answer = render(response, keep_alive=keep_alive, http_1_0=http_1_0, extra=extra)
        if not with_body:
            self._connection.send(answer)
            return
        # One packet for most; but a large body may be shared by many answers, and is not copied for each.
        self._connection.send(answer + response.body[:_JOINED_BODY])
        self._connection.send(memoryview(response.body)[_JOINED_BODY:])
