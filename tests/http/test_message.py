import pytest
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.http.message import (
    MAX_HEAD,
    MAX_HEADERS,
    HttpError,
    Response,
    find_head_end,
    parse_head,
    render_head,
    scrape_timeout,
)

HOST = b"Host: exporter\r\n"


def head(first: bytes = b"GET /metrics HTTP/1.1", headers: bytes = HOST) -> bytes:
    return first + b"\r\n" + headers.removesuffix(b"\r\n")


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/metrics", "/metrics", ""),
        (b"/metrics?a=b&c=%20", "/metrics", "a=b&c=%20"),
        (b"/a%20b%C3%A4", "/a bä", ""),
        (b"//metrics", "//metrics", ""),
        (b"/metrics#part", "/metrics", ""),
        (b"http://proxied:9100/metrics?a=b", "/metrics", "a=b"),
        (b"HTTPS://proxied", "/", ""),
    ],
)
def test_target_gives_path_and_query(target: bytes, path: str, query: str) -> None:
    parsed = parse_head(head(b"GET " + target + b" HTTP/1.1"))
    assert (parsed.path, parsed.query) == (path, query)


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (head(b"GET /"), 400),
        (head(b"GET  / HTTP/1.1"), 400),
        (head(b"GET / HTTP/1.1 "), 400),
        (head(b"GET / HTTP/one"), 400),
        (head(b"GET / HTTP/2.0"), 505),
        (head(b"G\xe4T / HTTP/1.1"), 400),
        (head(b"get / HTTP/1.1"), 501),
        (head(b"BREW / HTTP/1.1"), 501),
        (head(b"DELETE / HTTP/1.1"), 405),
        (head(b"OPTIONS * HTTP/1.1"), 405),
        (head(b"CONNECT exporter:443 HTTP/1.1"), 405),
        (head(b"GET metrics HTTP/1.1"), 400),
        (head(b"GET ftp://exporter/ HTTP/1.1"), 400),
        (head(b"GET http://[/ HTTP/1.1"), 400),
        (head(b"GET /\xc3\xa4 HTTP/1.1"), 400),
        (head(b"GET /\x00 HTTP/1.1"), 400),
        (head(headers=b""), 400),
        (head(headers=HOST + HOST), 400),
        (head(headers=HOST + b"No-Colon\r\n"), 400),
        (head(headers=HOST + b"Spaced : x\r\n"), 400),
        (head(headers=HOST + b" folded: x\r\n"), 400),
        (head(headers=HOST + b": nameless\r\n"), 400),
        (head(headers=HOST + b"A: b\rc\r\n"), 400),
        (head(headers=HOST + b"A: b\x00\r\n"), 400),
        (head(headers=HOST + b"A: b\r\n" * MAX_HEADERS), 431),
        (head(headers=HOST + b"Content-Length: -1\r\n"), 400),
        (head(headers=HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n"), 400),
        (head(headers=HOST + b"Content-Length: 65537\r\n"), 413),
        (head(headers=HOST + b"Transfer-Encoding: chunked\r\n"), 411),
        (head(b"GET / HTTP/1.0", HOST + HOST), 400),
        (head(headers=HOST + b"Expect: miracles\r\n"), 417),
    ],
)
def test_what_is_no_request_gets_its_status(request_head: bytes, status: int) -> None:
    with pytest.raises(HttpError) as caught:
        parse_head(request_head)
    assert caught.value.response.status == status


def test_405_says_what_is_allowed() -> None:
    with pytest.raises(HttpError) as caught:
        parse_head(head(b"PUT / HTTP/1.1"))
    assert caught.value.response.headers["Allow"] == "GET, HEAD, POST"


def test_headers_are_found_by_lower_case_name_and_joined() -> None:
    parsed = parse_head(head(headers=HOST + b"ACCEPT:a\r\nX-Y: \t \r\naccept:  b \r\n"))
    assert parsed.headers == {"host": "exporter", "accept": "a, b", "x-y": ""}


@pytest.mark.parametrize(
    ("version", "connection", "keep_alive"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.1", b"Connection: Upgrade, CLOSE\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: Keep-Alive\r\n", True),
    ],
)
def test_connection_is_kept_as_the_client_asks(version: bytes, connection: bytes, keep_alive: bool) -> None:
    parsed = parse_head(head(b"GET / HTTP/" + version, HOST + connection))
    assert parsed.keep_alive is keep_alive


@pytest.mark.parametrize(
    ("received", "end"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\nrest", (24, 27)),
        (b"GET / HTTP/1.1\nHost: x\n\nrest", (22, 24)),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", None),
        (b"a" * 8192, None),
    ],
)
def test_head_ends_at_the_empty_line(received: bytes, end: tuple[int, int] | None) -> None:
    assert find_head_end(received) == end


@given(st.integers(0, 27))
def test_end_of_the_head_is_found_however_it_was_cut(searched: int) -> None:
    assert find_head_end(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", min(searched, 26)) == (24, 27)


@pytest.mark.parametrize(
    ("received", "status"),
    [
        (b"GET /" + b"a" * 8192, 414),
        (b"GET /" + b"a" * 8192 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * MAX_HEAD, 431),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * MAX_HEAD + b"\r\n\r\n", 431),
    ],
)
def test_a_head_that_is_too_long_is_refused_before_its_end(received: bytes, status: int) -> None:
    with pytest.raises(HttpError) as caught:
        find_head_end(received)
    assert caught.value.response.status == status


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("5", 5.0), ("0.25", 0.25), ("1e9", 120.0), ("nan", 10.0), ("inf", 10.0), ("-1", 10.0), ("x", 10.0)],
)
def test_scrape_timeout_is_the_clients_within_reason(value: str, seconds: float) -> None:
    assert scrape_timeout({"x-prometheus-scrape-timeout-seconds": value}, 10.0) == seconds


def test_scrape_timeout_has_a_default() -> None:
    assert scrape_timeout({}, 10.0) == 10.0


def test_answer_says_its_length_and_the_responses_headers_win() -> None:
    response = Response(200, b"four", {"X-Frame-Options": "sameorigin"})
    rendered = render_head(response, keep_alive=False, http_1_0=False, extra={"X-Frame-Options": "deny"})
    lines = rendered.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 200 OK"
    assert lines[-2:] == ["", ""]
    assert {"Content-Length: 4", "X-Frame-Options: sameorigin", "Connection: close"} <= set(lines)
    assert "X-Frame-Options: deny" not in lines


TOKENS = st.sampled_from(
    [b"GET", b"POST", b" ", b"/", b"http://[", b"HTTP/1.1", b"\r\n", b"\n", b":", b"Host: a", b"%zz", b"\xff"]
)


@given(st.one_of(st.binary(), st.lists(TOKENS).map(b"".join)))
def test_any_bytes_are_a_request_or_an_error_with_a_status(received: bytes) -> None:
    status = 200
    try:
        end = find_head_end(received)
        if end is not None:
            assert parse_head(received[: end[0]]).method in ("GET", "HEAD", "POST")
    except HttpError as error:
        status = error.response.status
    assert 200 <= status < 600
