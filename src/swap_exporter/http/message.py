"""HTTP/1.1 messages: bytes of a request head in, a Request out; a Response in, bytes out.

The standard library's header parser reads up to 6 MiB from a file object and accepts folded, nameless and
repeated headers. An exporter needs only a small part of RFC 9112. It is parsed here from bytes of bounded
size, so that the worst result of any input is an error response.
"""

# Not h11 (0.16): it would save 90 lines for 0.3 MiB and 0.2 ms of CPU per scrape, but its header pattern
# backtracks on a run of blanks. The request below keeps the GIL for a second, and 200 clients that send 4 KiB
# of blanks block a scraper for over 10 s (hard_to_parse in tests/http/attackers.py).
#   python -c "import h11; c = h11.Connection(h11.SERVER);
#   c.receive_data(b'GET / HTTP/1.1\nA:' + b' ' * 16000 + b'\0\n\n'); c.next_event()"

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from math import isfinite
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

MAX_REQUEST_LINE = 8 * 1024
MAX_HEAD = 16 * 1024
MAX_HEADERS = 100
MAX_BODY = 64 * 1024
MAX_EMPTY_LINES = 4
"""Before a request. RFC 9112, 2.2, requires to ignore at least one."""
MAX_SCRAPE_TIMEOUT = 120.0
"""Seconds. A client may ask for more time than the server's timeout, up to this."""

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110, 5.6.2: a method, the name of a header, a scheme of authentication."""
_VERSION = re.compile(r"HTTP/([0-9])\.([0-9])")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_DIGITS = re.compile(r"[0-9]{1,18}")
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_ALLOWED_METHODS = ("GET", "HEAD", "POST")
_OTHER_METHODS = ("CONNECT", "DELETE", "OPTIONS", "PATCH", "PUT", "TRACE")


@dataclass(frozen=True, slots=True)
class Request:
    """A request, as a handler gets it."""

    method: str
    """GET, HEAD or POST. The server drops the body of an answer to HEAD."""
    path: str
    """Percent-decoded, starts with a slash."""
    query: str
    """As sent, without the question mark."""
    headers: Mapping[str, str]
    """By lower-case name; a repeated header's values are joined by a comma."""
    deadline: float
    """On the monotonic clock. The client stops waiting then."""
    user: str | None
    """The authenticated user; None if no password is needed."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, as a handler returns it."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)
    content_type: str = "text/plain; charset=utf-8"


Handler = Callable[[Request], Response]


def plain(status: int, text: str, headers: Mapping[str, str] = _NO_HEADERS) -> Response:
    """A text/plain answer."""
    return Response(status, f"{text}\n".encode(), headers)


class HttpError(Exception):
    """A malformed request: it is answered with an error, and the connection ends."""

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] = _NO_HEADERS) -> None:
        super().__init__(reason)
        self.response = plain(status, reason, headers)


@dataclass(frozen=True, slots=True)
class Head:
    """The parsed request line and headers."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    content_length: int
    keep_alive: bool
    http_1_0: bool
    expects_continue: bool


def find_head_end(received: bytes | bytearray, searched: int = 0) -> tuple[int, int] | None:
    """The end of the head and the start of what follows it; None while the head is incomplete.

    `searched`: bytes that an earlier call has searched. Raises HttpError as soon as the head is too long.
    """
    if len(received) > MAX_REQUEST_LINE and received.find(b"\n", 0, MAX_REQUEST_LINE + 1) < 0:
        raise HttpError(
            HTTPStatus.REQUEST_URI_TOO_LONG, f"request line is longer than {MAX_REQUEST_LINE} bytes"
        )
    # Fixed bytes are faster to find than a pattern.
    found = [
        (at, at + len(mark))
        for mark in (b"\n\r\n", b"\n\n")
        if (at := received.find(mark, max(0, searched - 2))) >= 0
    ]
    end = min(found, default=None)
    if (end[0] if end else len(received)) > MAX_HEAD:
        raise HttpError(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"request headers are longer than {MAX_HEAD} bytes"
        )
    return end


def parse_head(head: bytes) -> Head:
    """Parse the bytes before the empty line. Raises HttpError."""
    first, *lines = head.decode("latin-1").split("\n")
    parts = first.removesuffix("\r").split(" ")
    if len(parts) != 3:
        raise HttpError(HTTPStatus.BAD_REQUEST, "malformed request line")
    method, target, version = parts
    http_1_0 = _is_http_1_0(version)
    _check_method(method)
    path, query = _parse_target(target)
    headers = _parse_headers(lines)
    # HTTP/1.0 needs no Host header, but two are ambiguous in any version.
    if "," in headers.get("host", "" if http_1_0 else ","):
        raise HttpError(HTTPStatus.BAD_REQUEST, "exactly one Host header is required")
    connection = {option.strip().lower() for option in headers.get("connection", "").split(",")}
    expectation = headers.get("expect", "").lower()
    if expectation not in ("", "100-continue"):
        raise HttpError(HTTPStatus.EXPECTATION_FAILED, "the only supported expectation is 100-continue")
    return Head(
        method=method,
        path=path,
        query=query,
        headers=headers,
        content_length=_content_length(headers),
        keep_alive="close" not in connection and (not http_1_0 or "keep-alive" in connection),
        http_1_0=http_1_0,
        expects_continue=bool(expectation) and not http_1_0,
    )


def scrape_timeout(headers: Mapping[str, str], default: float) -> float:
    """The scrape timeout in seconds, from Prometheus' header; `default` if it is missing or invalid."""
    try:
        seconds = float(headers["x-prometheus-scrape-timeout-seconds"])
    except (KeyError, ValueError):
        return default
    return min(seconds, MAX_SCRAPE_TIMEOUT) if isfinite(seconds) and seconds > 0 else default


def render_head(
    response: Response, *, keep_alive: bool, http_1_0: bool, extra: Mapping[str, str] = _NO_HEADERS
) -> bytes:
    """The head of an answer. The response's own headers override `extra`."""
    headers = {
        **extra,
        "Content-Type": response.content_type,
        **response.headers,
        "Content-Length": str(len(response.body)),
        "Date": formatdate(usegmt=True),
    }
    if not keep_alive:
        headers["Connection"] = "close"
    elif http_1_0:
        headers["Connection"] = "keep-alive"
    status_line = f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"
    lines = (status_line, *(f"{name}: {value}" for name, value in headers.items()))
    return "\r\n".join((*lines, "", "")).encode("latin-1", "replace")


def _is_http_1_0(version: str) -> bool:
    match = _VERSION.fullmatch(version)
    if not match:
        raise HttpError(HTTPStatus.BAD_REQUEST, "malformed HTTP version")
    if match[1] != "1":
        raise HttpError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "only HTTP/1.0 and HTTP/1.1 are supported")
    return match[2] == "0"


def _check_method(method: str) -> None:
    if method in _ALLOWED_METHODS:
        return
    if method in _OTHER_METHODS:
        raise HttpError(
            HTTPStatus.METHOD_NOT_ALLOWED, f"{method} is not allowed", {"Allow": ", ".join(_ALLOWED_METHODS)}
        )
    if not TOKEN.fullmatch(method):
        raise HttpError(HTTPStatus.BAD_REQUEST, "malformed method")
    raise HttpError(HTTPStatus.NOT_IMPLEMENTED, "unknown method")


def _parse_target(target: str) -> tuple[str, str]:
    if not target.isascii() or _CONTROL.search(target):
        raise HttpError(HTTPStatus.BAD_REQUEST, "request target has bytes that must be percent-encoded")
    if not target.startswith("/"):
        # The absolute form, for proxies. The host is ignored: there is only this one.
        try:
            url = urlsplit(target)
        except ValueError:
            raise HttpError(HTTPStatus.BAD_REQUEST, "malformed request target") from None
        if url.scheme.lower() not in ("http", "https") or not url.netloc:
            raise HttpError(HTTPStatus.BAD_REQUEST, "malformed request target")
        return unquote(url.path) or "/", url.query
    path, _, query = target.partition("#")[0].partition("?")
    return unquote(path), query


def _parse_headers(lines: list[str]) -> Mapping[str, str]:
    if len(lines) > MAX_HEADERS:
        raise HttpError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"more than {MAX_HEADERS} headers")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.removesuffix("\r").partition(":")
        value = value.strip(" \t")
        # Also refuses folded lines: they start with a blank, so no token precedes the colon.
        if not colon or not TOKEN.fullmatch(name) or _CONTROL.search(value):
            raise HttpError(HTTPStatus.BAD_REQUEST, "malformed header")
        name = name.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return MappingProxyType(headers)


def _content_length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise HttpError(HTTPStatus.LENGTH_REQUIRED, "a body must be sent with Content-Length")
    length = headers.get("content-length", "0")
    if not _DIGITS.fullmatch(length):
        raise HttpError(HTTPStatus.BAD_REQUEST, "malformed Content-Length")
    if int(length) > MAX_BODY:
        raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is longer than {MAX_BODY} bytes")
    return int(length)
