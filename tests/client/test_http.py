"""Asking an exporter over HTTP: users, TLS, and what becomes of everything else that may answer there."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest

from swap_exporter.client import http as client_http
from swap_exporter.client.config import load_http_config
from swap_exporter.client.http import AskError, fetch
from swap_exporter.http.message import Response
from tests.http.authority import Authority
from tests.http.serving import serving


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


def test_it_asks_over_http():
    with answering(http(b"an answer")) as url:
        assert fetch(url, 10) == b"an answer"


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([], "Connection reset by peer|does not answer as an HTTP server does|closed connection"),
        ([b"SSH-2.0-OpenSSH_9.2\r\n"], "does not answer as an HTTP server does"),
        ([http(b"", b"403 Forbidden")], "answers 403 Forbidden$"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"], "its answer breaks off after 4 bytes"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf"], "does not answer as an HTTP"),
        ([http(b"", b"500 \x1b[2J")], r"answers 500 \\x1b\[2J"),
        ([http(b"", b"302 Found", b"Location: http://127.0.0.1:1/\r\n")], "answers 302 Found"),
    ],
)
def test_whatever_else_answers_is_one_line(pieces, reason):
    with answering(*pieces) as url, pytest.raises(AskError, match=reason) as raised:
        fetch(url, 10)
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
        fetch(url, 0.5)


def test_an_endless_answer_is_given_up(monkeypatch):
    monkeypatch.setattr(client_http, "LARGEST", 1 << 20)
    with (
        answering(b"HTTP/1.1 200 OK\r\n\r\n", b"# x\n" * (1 << 19)) as url,
        pytest.raises(AskError, match="answers with more than 1 MiB"),
    ):
        fetch(url, 30)


def test_nobody_there_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/metrics"
    with pytest.raises(AskError, match="Connection refused") as raised:
        fetch(url, 10)
    assert raised.value.absent


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def web_config(authority, tmp_path):
    """A web.yml with the user alice, whose password is right, and with a certificate if wanted."""

    def write(*, tls: bool, sans: list[str] | None = None, users: bool = True) -> Path:
        lines = []
        if users:
            lines.append(
                f"basic_auth_users: {{alice: {bcrypt.hashpw(b'right', bcrypt.gensalt(4)).decode()}}}"
            )
        if tls:
            served = authority.issue(f"served-{tmp_path.name}", sans=sans)
            lines.append(f"tls_server_config: {{cert_file: {served.certificate}, key_file: {served.key}}}")
        path = tmp_path / "web.yml"
        path.write_text("\n".join(lines))
        return path

    return write


@pytest.fixture
def asking(tmp_path):
    """What a file that says how to ask makes of a server's answer."""

    def ask(server, text: str = "", scheme: str = "http") -> str:
        path = tmp_path / "http.yml"
        path.write_text(text)
        return fetch(f"{scheme}://{server.addresses[0]}/metrics", 10, load_http_config(str(path))).decode()

    return ask


REFUSED = r"answers 401 Unauthorized: it refuses the credentials of --http\.config\.file"


def test_without_a_user_a_401_is_said_to_be_one(web_config, asking):
    with (
        serving(web_config=web_config(tls=False)) as server,
        pytest.raises(AskError, match="answers 401 Unauthorized: it needs a user and a password") as raised,
    ):
        asking(server)
    assert not raised.value.absent


@pytest.mark.parametrize(
    "text",
    [
        "basic_auth: {username: alice, password: right}",
        "basic_auth: {username: alice, password_file: password}",
        "basic_auth: {username_file: user, password_file: password}",
    ],
)
def test_users_and_passwords_are_in_the_file_or_in_files_that_it_names(text, web_config, asking, tmp_path):
    (tmp_path / "user").write_text("alice\n")
    (tmp_path / "password").write_text("  right\n")
    with serving(web_config=web_config(tls=False)) as server:
        assert asking(server, text) == "GET /metrics  alice"


def test_a_wrong_password_is_said_to_be_refused(web_config, asking):
    with (
        serving(web_config=web_config(tls=False)) as server,
        pytest.raises(AskError, match=REFUSED),
    ):
        asking(server, "basic_auth: {username: alice, password: wrong}")


def test_a_token_is_sent_as_it_is(asking):
    def authorization(request):
        return Response(200, request.headers.get("authorization", "none").encode())

    with serving(authorization) as server:
        assert asking(server) == "none"
        assert asking(server, "authorization: {credentials: abc}") == "Bearer abc"
        assert asking(server, "authorization: {type: Token, credentials: abc}") == "Token abc"


@pytest.mark.parametrize(
    "tls",
    [
        "ca_file: {ca}",
        "ca_file: {ca}, min_version: TLS13",
        "ca_file: {ca}, max_version: TLS12",
        "insecure_skip_verify: true",
        "ca_file: {ca}, server_name: localhost",
    ],
)
def test_tls_with_its_own_ca(tls, web_config, authority, asking):
    tls = tls.format(ca=authority.certificate)
    text = f"tls_config: {{{tls}}}\nbasic_auth: {{username: alice, password: right}}"
    with serving(web_config=web_config(tls=True)) as server:
        assert asking(server, text, "https") == "GET /metrics  alice"


def test_the_ca_may_stand_in_the_file(web_config, authority, asking):
    pem = authority.certificate.read_text().replace("\n", "\n    ")
    with serving(web_config=web_config(tls=True, users=False)) as server:
        assert (
            asking(server, f"tls_config:\n  ca: |\n    # \u00e4\n    {pem}", "https") == "GET /metrics  None"
        )


def test_a_certificate_for_another_name(web_config, authority, asking):
    ca = f"ca_file: {authority.certificate}"
    with serving(web_config=web_config(tls=True, sans=["shop.example"], users=False)) as server:
        with pytest.raises(AskError, match=r"its certificate is refused: .*127\.0\.0\.1"):
            asking(server, f"tls_config: {{{ca}}}", "https")
        assert asking(server, f"tls_config: {{{ca}, server_name: shop.example}}", "https")


def test_a_certificate_of_an_unknown_ca_is_refused(web_config, asking):
    with (
        serving(web_config=web_config(tls=True)) as server,
        pytest.raises(
            AskError, match=r"its certificate is refused: .*; tls_config of --http\.config\.file names"
        ),
    ):
        asking(server, scheme="https")


def test_a_client_certificate(authority, tmp_path, asking):
    served, own = authority.issue("served"), authority.issue("client")
    path = tmp_path / "web.yml"
    path.write_text(
        f"tls_server_config: {{cert_file: {served.certificate}, key_file: {served.key}, "
        f"client_ca_file: {authority.certificate}, client_auth_type: RequireAndVerifyClientCert}}"
    )
    ca = f"ca_file: {authority.certificate}"
    with serving(web_config=path) as server:
        own_files = f"cert_file: {own.certificate}, key_file: {own.key}"
        assert asking(server, f"tls_config: {{{ca}, {own_files}}}", "https") == "GET /metrics  None"
        with pytest.raises(AskError, match=r"TLS fails|Connection reset|closed connection"):
            asking(server, f"tls_config: {{{ca}}}", "https")


def test_tls_asked_of_a_server_without_it():
    with answering(http(b"")) as url, pytest.raises(AskError, match="TLS fails: "):
        fetch(url.replace("http:", "https:"), 10)


def test_plain_http_asked_of_a_server_with_tls(web_config, asking):
    with (
        serving(web_config=web_config(tls=True)) as server,
        # The server's answer may be lost with the connection.
        pytest.raises(AskError, match=r"answers 400 Bad Request|Connection reset|closed connection"),
    ):
        asking(server)


@pytest.mark.parametrize(
    ("content_type", "body", "said"),
    [
        (b"text/plain; charset=utf-8", b"it is late\ntry again\n", "503 Service Unavailable: it is late$"),
        (b"text/plain", b"\x1b[2J", r"503 Service Unavailable: \\x1b\[2J$"),
        (b"text/plain", b"\n", "503 Service Unavailable$"),
        (b"text/html", b"<p>it is late", "503 Service Unavailable$"),
    ],
)
def test_a_refusal_is_shown_with_its_reason(content_type, body, said):
    answer = http(body, b"503 Service Unavailable", b"Content-Type: %b\r\n" % content_type)
    with answering(answer) as url, pytest.raises(AskError, match=said):
        fetch(url, 10)
