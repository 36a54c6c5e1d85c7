"""Asking an exporter: what its exposition says, and what becomes of everything else that may answer there."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.exposition.render import families, render
from swap_exporter.report import told
from swap_exporter.report.told import AskError, ask, parse
from tests.exposition.test_exposition import assessed

BUILD_INFO = b'swap_exporter_build_info{version="1",python="3"} 1\n'


@contextlib.contextmanager
def answering(*pieces: bytes, pause: float = 0.0, hang: bool = False) -> Iterator[str]:
    """Something on the loopback that answers every connection so; ``hang`` leaves it open then."""
    over = threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection, contextlib.suppress(OSError):
                    if pieces or hang:
                        connection.recv(1 << 16)
                    for piece in pieces:
                        connection.sendall(piece)
                        over.wait(pause)
                    if hang:
                        over.wait(30)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/metrics"
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def http(body: bytes, status: bytes = b"200 OK", headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n%b\r\n%b" % (status, len(body), headers, body)


def test_it_reads_what_this_exporter_exposes():
    text = render(families(assessed())).body
    of = parse("u", text).groups["shop"]
    assert (of.idle, of.swapped, of.worker_count, of.idle_swapped_workers) == (1, 1, 2, 1)
    assert (of.displaced, of.stranded) == (100 << 20, 100 << 20)
    assert of.longest_idle_since == 1_001_000


def test_what_is_not_known_yet_is_not_told():
    of = parse("u", render(families(assessed(seconds=30))).body).groups["shop"]
    assert (of.idle, of.idle_swapped_workers, of.stranded, of.longest_idle_since) == (None, None, None, None)


@pytest.mark.parametrize(
    ("lines", "idle", "proportional"),
    [
        (b"", None, None),
        (b'swap_group_workers{group="g",activity="idle",residency="swapped"} 3\n', 3, None),
        (
            b'swap_group_workers{group="g",activity="idle",residency="swapped"} 3\n'
            b'swap_group_workers{group="g",activity="unknown",residency="resident"} 1\n',
            None,
            None,
        ),
        (
            b'swap_group_swap_proportional_bytes{group="g",role="master"} 1\n'
            b'swap_group_swap_proportional_bytes{group="g",role="worker"} 2\n',
            None,
            None,
        ),
        (
            b'swap_group_swap_proportional_bytes{group="g",role="master"} 1\n'
            b'swap_group_swap_proportional_bytes{group="g",role="worker"} 2\n'
            b'swap_group_swap_proportional_bytes{group="g",role="auxiliary"} 4\n',
            None,
            7,
        ),
        (b'swap_group_workers{group="g",activity="idle",residency="swapped"} NaN\n', None, None),
        (b'swap_group_workers{group="g",activity="idle",residency="swapped"} +Inf\n', None, None),
        (b'swap_group_workers{group="g",activity="idle",residency="swapped"} 1e300\n', None, None),
        (b'swap_group_workers{group="g",activity="idle",residency="swapped"} -1\n', None, None),
    ],
)
def test_a_part_that_is_missing_leaves_the_whole_unknown(lines, idle, proportional):
    groups = parse("u", BUILD_INFO + b'swap_group_displaced_bytes{group="g"} 1\n' + lines).groups
    assert (groups["g"].idle, groups["g"].proportional_swap) == (idle, proportional)


def test_it_asks_over_http():
    with answering(http(BUILD_INFO + b'swap_group_wake_bytes{group="g"} 4096\n')) as url:
        answer = ask(url, 10)
    assert (answer.url, answer.groups["g"].wake_bytes) == (url, 4096)


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([], "Connection reset by peer|does not answer as an HTTP server does|closed connection"),
        ([b"SSH-2.0-OpenSSH_9.2\r\n"], "does not answer as an HTTP server does"),
        ([http(b"", b"401 Unauthorized")], "answers 401 Unauthorized"),
        ([http(b"", b"500 \x1b[2J")], r"answers 500 \\x1b\[2J"),
        ([http(b"", b"302 Found", b"Location: http://127.0.0.1:1/\r\n")], "answers 302 Found"),
        ([http(b"<!doctype html>")], "answers with something that is no exposition of metrics"),
        ([http(b"\xff\xfe")], "answers with something that is no exposition of metrics"),
        ([http(b"up 1\n")], "is not a swap-exporter: there is no swap_exporter_build_info"),
        ([http(BUILD_INFO + b"swap_group_wake_bytes 1\n")], "no exposition of metrics"),
    ],
)
def test_whatever_else_answers_is_one_line(pieces, reason):
    with answering(*pieces) as url, pytest.raises(AskError, match=reason) as raised:
        ask(url, 10)
    assert str(raised.value).startswith(f"{url}: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "trickle",
    [
        {"hang": True},
        {"pieces": [b"HTTP/1.1 200 OK\r\n\r\n"], "hang": True},
        {"pieces": [b"HTTP/1.1 200 OK\r\n", *[b"x: y\r\n"] * 50], "pause": 0.1},
        {"pieces": [b"HTTP/1.1 200 OK\r\n\r\n", *[b"up 1\n"] * 200], "pause": 0.1},
    ],
)
def test_one_that_takes_its_time_is_given_up(trickle):
    with (
        answering(*trickle.pop("pieces", ()), **trickle) as url,
        pytest.raises(AskError, match=r"has not answered within 0.5 s"),
    ):
        ask(url, 0.5)


def test_an_endless_answer_is_given_up(monkeypatch):
    monkeypatch.setattr(told, "LARGEST", 1 << 20)
    with (
        answering(b"HTTP/1.1 200 OK\r\n\r\n", b"# x\n" * (1 << 19)) as url,
        pytest.raises(AskError, match="answers with more than 1 MiB"),
    ):
        ask(url, 30)


def test_nobody_there_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/metrics"
    with pytest.raises(AskError, match="Connection refused"):
        ask(url, 10)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_answer_or_an_error(body):
    with contextlib.suppress(AskError):
        parse("u", BUILD_INFO + body)


NAMES = ["swap_group_workers", "swap_group_wake_bytes", "swap_group_swap_proportional_bytes", "up"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(NAMES),
            st.text(max_size=20),
            st.sampled_from(["1", "-1", "NaN", "+Inf", "1e400", "0x1", "", "1 2 3"]),
        )
    )
)
def test_any_series_are_an_answer_or_an_error(series):
    text = "".join(f'{name}{{group="{labels}"}} {value}\n' for name, labels, value in series)
    with contextlib.suppress(AskError):
        parse("u", BUILD_INFO + text.encode(errors="replace"))
