import http.client
import logging
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swap_exporter.http.listen import ListenError
from swap_exporter.http.message import Request, Response
from swap_exporter.http.server import Server
from tests.http.serving import GENEROUS, connect, echo, events, exchange, get, read_to_end, serving, statuses

HEAD = b"GET /metrics?a=b HTTP/1.1\r\nHost: x\r\n"
CLOSE = b"Connection: close\r\n\r\n"
POST = b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def test_a_request_is_answered_by_the_handler() -> None:
    with serving() as server:
        answer = get(server, "/metrics?a=b")
        assert (answer.status, answer.read()) == (200, b"GET /metrics a=b None")
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.headers["Date"]


def test_a_connection_serves_many_requests() -> None:
    with serving() as server, closing(http.client.HTTPConnection(server.addresses[0])) as connection:
        for number in range(3):
            connection.request("GET", f"/{number}")
            assert connection.getresponse().read() == f"GET /{number}  None".encode()


def test_requests_sent_at_once_are_answered_in_order() -> None:
    with serving() as server:
        received = exchange(server, HEAD + b"\r\n" + b"\r\nPOST /b HTTP/1.1\r\nHost: x\r\n" + CLOSE)
    assert statuses(received) == [200, 200]
    assert received.index(b"GET /metrics") < received.index(b"POST /b")


def test_head_gets_the_length_and_no_body() -> None:
    with serving() as server:
        received = exchange(server, b"HEAD / HTTP/1.1\r\nHost: x\r\n" + CLOSE)
    assert b"Content-Length: 12\r\n" in received
    assert received.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"HEAD / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"\r\nHEAD / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"HEAD /" + b"a" * 9_000, 414),
        (b"HEAD / HTTP/1.1\r\nX: " + b"a" * 17_000, 431),
    ],
)
def test_head_gets_no_body_either_where_it_is_refused(sent: bytes, status: int) -> None:
    with serving() as server:
        received = exchange(server, sent)
    assert statuses(received) == [status]
    assert received.endswith(b"\r\n\r\n")


def test_a_few_empty_lines_before_a_request_are_ignored() -> None:
    with serving() as server:
        assert statuses(exchange(server, b"\r\n" * 4 + HEAD + b"\r\n" + b"\n" * 4 + HEAD + CLOSE)) == [
            200,
            200,
        ]


def test_empty_lines_are_counted_however_slowly_they_come() -> None:
    with serving() as server, connect(server) as client:
        client.settimeout(0.05)
        received, sent = b"", 0
        while not received:
            assert sent < 100, "they are read without end"
            client.sendall(b"\r\n")
            sent += 1
            with suppress(TimeoutError):
                received = client.recv(65536)
        assert received.startswith(b"HTTP/1.1 400 ")
        assert sent > 4


def test_http_1_0_is_answered_and_closed() -> None:
    with serving() as server:
        assert statuses(exchange(server, b"GET / HTTP/1.0\r\n\r\n")) == [200]


def test_a_client_that_ended_its_side_gets_its_answer() -> None:
    with serving() as server, connect(server) as client:
        client.sendall(HEAD + b"\r\n")
        client.shutdown(socket.SHUT_WR)
        assert statuses(read_to_end(client)) == [200]


def test_a_body_is_read_over_and_the_next_request_understood() -> None:
    post = b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n" + b"x" * 50000
    with serving() as server:
        assert statuses(exchange(server, post + HEAD + CLOSE)) == [200, 200]


def test_a_client_that_expects_to_be_told_to_continue_is_told() -> None:
    with serving() as server, connect(server) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n" + CLOSE)
        assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"body")
        assert statuses(read_to_end(client)) == [200]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"\x16\x03\x01\x00\r\n\r\n", 400),
        (b"\r\n" * 5, 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", 411),
        (b"PUT / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"GET /" + b"a" * 2_000_000, 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 800_000, 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 700000\r\n\r\n" + b"x" * 700_000, 413),
    ],
    ids=[
        "garbage",
        "blank-lines",
        "chunked",
        "method",
        "unknown-method",
        "long-target",
        "long-headers",
        "long-body",
    ],
)
def test_an_error_reaches_the_client_and_ends_the_connection(request_bytes: bytes, status: int) -> None:
    with serving() as server, connect(server) as client:
        # The answer may come before all is sent, and the server does not read for ever.
        sender = threading.Thread(target=_send, args=(client, request_bytes))
        sender.start()
        assert client.recv(65536).startswith(f"HTTP/1.1 {status} ".encode())
        sender.join(60)


def _send(client: socket.socket, content: bytes) -> None:
    try:
        client.sendall(content)
        client.shutdown(socket.SHUT_WR)
    except OSError:
        pass


PIECES = st.sampled_from(
    [
        b"GET ",
        b"POST ",
        b"/",
        b" HTTP/1.1",
        b"\r\n",
        b"\n",
        b"Host: x",
        b"Content-Length: 5",
        b"Expect: 100-continue",
    ]
)


@given(st.lists(st.one_of(PIECES, st.binary(max_size=20)), max_size=12).map(b"".join))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_get_an_answer_or_the_end(
    one_server: Server, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    with connect(one_server) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        received = read_until_closed(client)
    assert received == b"" or received.startswith(b"HTTP/1.1 ")
    assert caplog.messages == []


@pytest.fixture(scope="module")
def one_server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.mark.parametrize(
    ("sent", "paths"),
    [
        ([POST], ["/-/reload"]),
        ([POST[:30], POST[30:-2], POST[-2:]], ["/-/reload"]),
        ([POST, POST], ["/-/reload", "/-/reload"]),
        ([POST + HEAD + b"\r\n" + POST], ["/-/reload", "/metrics", "/-/reload"]),
    ],
    ids=["one", "in-pieces", "one-after-the-other", "at-once"],
)
@pytest.mark.parametrize("end", ["ends-its-side", "closes", "resets"])
def test_a_request_is_handled_once_whatever_its_client_does_meanwhile(
    sent: list[bytes], paths: list[str], end: str
) -> None:
    handled = []
    entered, leave = threading.Semaphore(0), threading.Semaphore(0)

    def handle(request: Request) -> Response:
        handled.append(request.path)
        entered.release()
        assert leave.acquire(timeout=GENEROUS)
        return echo(request)

    with serving(handle) as server:
        with connect(server) as client:
            for piece in sent:
                client.sendall(piece)
            for _ in paths[1:]:
                assert entered.acquire(timeout=GENEROUS)
                leave.release()
            assert entered.acquire(timeout=GENEROUS)
            if end == "ends-its-side":
                client.shutdown(socket.SHUT_WR)
                leave.release()
                assert statuses(read_to_end(client)) == [200] * len(paths)
            else:
                if end == "resets":
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                client.close()
                leave.release()
        leave.release()  # for the next
        assert get(server, "/next").status == 200
    assert handled == [*paths, "/next"]


def test_a_handler_that_fails_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def fail(request: Request) -> Response:
        raise ValueError("broken")

    with caplog.at_level(logging.INFO), serving(fail) as server:
        answer = get(server, "/metrics")
        assert (answer.status, answer.read()) == (500, b"internal error\n")
    fields = {"method": "GET", "path": "/metrics", "reason": "ValueError: broken"}
    assert events(caplog) == [("answering a request failed", fields)]


def test_what_clients_do_wrong_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), serving() as server:
        for nonsense in (b"", b"\x00" * 100, b"GET / HTTP/1.1\r\n"):
            with connect(server) as client:
                client.sendall(nonsense)
        get(server)
    assert caplog.messages == []


def test_requests_beyond_the_limit_wait_for_their_turn() -> None:
    entered, leave, most = threading.Semaphore(0), threading.Event(), threading.Semaphore(2)

    def wait(request: Request) -> Response:
        assert most.acquire(blocking=False), "more at a time than allowed"
        entered.release()
        leave.wait(GENEROUS)
        most.release()
        return echo(request)

    with serving(wait, max_requests=2) as server:
        clients = [connect(server) for _ in range(50)]
        for client in clients:
            client.sendall(HEAD + CLOSE)
        assert entered.acquire(timeout=GENEROUS)
        assert select.select(clients, (), (), 1)[0] == [], "a client is answered before its turn"
        leave.set()
        assert [statuses(read_to_end(client)) for client in clients] == [[200]] * 50
        for client in clients:
            client.close()


def test_a_turn_that_does_not_come_until_the_scrapers_deadline_is_503() -> None:
    entered, leave = threading.Event(), threading.Event()

    def wait(request: Request) -> Response:
        entered.set()
        leave.wait(GENEROUS)
        return echo(request)

    with serving(wait, max_requests=1) as server, connect(server) as client:
        client.sendall(HEAD + CLOSE)
        assert entered.wait(GENEROUS)
        refused = get(server, headers={"X-Prometheus-Scrape-Timeout-Seconds": "0.1"})
        assert refused.status == 503
        assert refused.read() == b"overloaded: requests answered at a time: 1\n"
        leave.set()
        assert statuses(read_to_end(client)) == [200]
        assert get(server).status == 200


def test_no_limit_is_no_limit() -> None:
    everybody = threading.Barrier(60)

    def meet(request: Request) -> Response:
        everybody.wait(GENEROUS)
        return echo(request)

    with serving(meet, max_requests=0) as server:
        clients = [connect(server) for _ in range(60)]
        for client in clients:
            client.sendall(HEAD + CLOSE)
        for client in clients:
            assert statuses(read_to_end(client)) == [200]
            client.close()


@pytest.mark.parametrize(("timeout", "seconds"), [("30", 30.0), ("600", 120.0), ("no number", 10.0)])
def test_the_deadline_is_the_scrapers(timeout: str, seconds: float) -> None:
    left = []

    def look(request: Request) -> Response:
        left.append(request.deadline - time.monotonic())
        return echo(request)

    with serving(look) as server:
        get(server, headers={"X-Prometheus-Scrape-Timeout-Seconds": timeout})
    assert seconds / 2 < left[0] <= seconds


def test_a_request_is_cut_when_its_time_is_over_however_busily_it_trickles() -> None:
    with serving(request_timeout=0.3) as server, connect(server) as client:
        client.settimeout(0.02)
        began = time.monotonic()
        while time.monotonic() < began + GENEROUS:
            try:
                client.sendall(b"a")
                if not client.recv(100):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        else:
            pytest.fail("still connected")
        assert time.monotonic() - began >= 0.3


def test_an_answer_that_nobody_takes_is_cut_when_its_time_is_over() -> None:
    body = b"x" * 10_000_000
    with serving(lambda _: Response(200, body), request_timeout=0.3) as server, connect(server) as client:
        client.sendall(HEAD + b"\r\n")
        time.sleep(1)
        assert len(read_until_closed(client)) < len(body)


def test_a_connection_that_is_idle_for_too_long_is_closed() -> None:
    with serving(idle_timeout=0.2) as server, connect(server) as client:
        client.sendall(HEAD + b"\r\n")
        assert statuses(read_until_closed(client)) == [200]


def read_until_closed(client: socket.socket) -> bytes:
    received = b""
    try:
        while chunk := client.recv(65536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


def wait_until_idle(server: Server, count: int) -> None:
    """A client has its answer a moment before the server begins to wait for the next request."""
    until = time.monotonic() + GENEROUS
    while sum(each.idle_for(time.monotonic()) > 0 for each in set(server._connections._connections)) < count:
        assert time.monotonic() < until
        time.sleep(0.001)


def test_idle_connections_make_room_the_longest_idle_first() -> None:
    with serving(max_connections=2) as server, connect(server) as first, connect(server) as second:
        for idle, client in enumerate((first, second), 1):
            client.sendall(HEAD + b"\r\n")
            assert statuses(client.recv(65536)) == [200]
            wait_until_idle(server, idle)
        assert get(server).status == 200
        assert read_until_closed(first) == b""
        second.sendall(HEAD + CLOSE)
        assert statuses(read_to_end(second)) == [200]


def test_who_keeps_the_server_waiting_makes_room_before_who_is_idle() -> None:
    with serving(max_connections=2, grace=0.2) as server, connect(server) as idle, connect(server) as silent:
        idle.sendall(HEAD + b"\r\n")
        assert statuses(idle.recv(65536)) == [200]
        time.sleep(0.5)
        assert get(server).status == 200
        assert read_until_closed(silent) == b""
        idle.sendall(HEAD + CLOSE)
        assert statuses(read_to_end(idle)) == [200]


def test_a_server_that_accepts_says_so_also_while_nobody_comes() -> None:
    with serving() as server:
        time.sleep(7)
        assert server.seconds_without_accepting() < 6
        assert get(server).status == 200
        assert server.seconds_without_accepting() < 2


def test_a_server_that_is_kept_from_accepting_says_since_when() -> None:
    """The one connection that there may be is busy, so that the next one has to wait."""
    began, end = threading.Event(), threading.Event()

    def busy(request: Request) -> Response:
        began.set()
        end.wait(GENEROUS)
        return echo(request)

    with serving(busy, max_connections=1) as server, connect(server) as first:
        first.sendall(HEAD + b"\r\n")
        assert began.wait(GENEROUS)
        with connect(server):
            time.sleep(7)
            assert server.seconds_without_accepting() > 6
            end.set()


def test_a_server_whose_accepting_thread_ended_says_so() -> None:
    server = Server(["127.0.0.1:0"], echo, web_config=None)
    assert server.seconds_without_accepting() == float("inf")
    server.start()
    assert server.seconds_without_accepting() < GENEROUS
    server.stop()
    assert server.seconds_without_accepting() == float("inf")


def test_a_long_queue_of_silent_clients_shortens_the_grace() -> None:
    # In turns of the full grace they would take 60 seconds.
    with serving(max_connections=2, grace=2.0) as server, ExitStack() as silent:
        for _ in range(60):
            silent.enter_context(connect(server))
        assert get(server).status == 200


def test_stopping_cuts_connections_and_frees_the_address() -> None:
    before = set(threading.enumerate())
    with serving() as server:
        address = server.addresses[0]
        with connect(server) as silent, connect(server) as idle:
            idle.sendall(HEAD + b"\r\n")
            assert statuses(idle.recv(65536)) == [200]
            server.stop()
            assert read_until_closed(silent) == b""
            assert read_until_closed(idle) == b""
        again = Server([address], echo, web_config=None)
        again.start()
        again.stop()
    assert set(threading.enumerate()) <= before


def test_an_address_in_use_leaves_nothing_open() -> None:
    with serving() as server:
        other = Server(["127.0.0.1:0", server.addresses[0]], echo, web_config=None)
        with pytest.raises(ListenError, match=f"listen address {server.addresses[0]} is in use"):
            other.start()
        assert other.addresses == ()
        other.stop()


def test_several_addresses_are_served() -> None:
    server = Server(["127.0.0.1:0", "localhost:0"], echo, web_config=None)
    server.start()
    try:
        for address in server.addresses:
            with closing(http.client.HTTPConnection(address, timeout=GENEROUS)) as connection:
                connection.request("GET", "/")
                assert connection.getresponse().status == 200
    finally:
        server.stop()


def test_sockets_of_systemd_are_served_instead_of_addresses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server([], echo, web_config=None, systemd_sockets=[listener])
        server.start()
        assert get(server).status == 200
        server.stop()
