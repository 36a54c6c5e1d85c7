"""A web.yml that changes while the server runs."""

import logging
import os
from base64 import b64encode
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from select import select
from threading import Event

import bcrypt
import pytest

from swap_exporter.http.message import Request, Response
from tests.http.authority import Authority
from tests.http.serving import connect, echo, events, exchange, get, read_to_end, serving, statuses


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


def basic(name: str, password: str) -> str:
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


def replace(path: Path, text: str) -> None:
    """As editors and configuration management do it."""
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)


@pytest.fixture
def web_yml(tmp_path: Path) -> Path:
    path = tmp_path / "web.yml"
    path.write_text(f"basic_auth_users:\n  alice: {hashed('secret')}\n")
    return path


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (basic("alice", "secret"), 200),
        (basic("alice", "wrong"), 401),
        (basic("alice", ""), 401),
        (basic("bob", "secret"), 401),
        ("Basic !!!", 401),
        ("Basic " + b64encode(b"no colon").decode(), 401),
        ("Basic " + b64encode(b"\xff:\xff").decode(), 401),
        ("Bearer secret", 401),
        ("", 401),
    ],
)
def test_only_a_user_with_the_right_password_is_answered(
    web_yml: Path, authorization: str, status: int
) -> None:
    with serving(web_config=web_yml) as server:
        for _ in range(2):
            answer = get(server, "/metrics", headers={"Authorization": authorization})
            assert answer.status == status
            assert ("WWW-Authenticate" in answer.headers) == (status == 401)


EXPECTING = b"POST /-/reload HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n"


def test_only_a_user_with_the_right_password_is_asked_for_a_body(web_yml: Path) -> None:
    right = f"Authorization: {basic('alice', 'secret')}\r\n\r\n".encode()
    wrong = f"Authorization: {basic('alice', 'wrong')}\r\n\r\n".encode()
    with serving(web_config=web_yml) as server:
        refused = exchange(server, EXPECTING + wrong)
        assert refused.startswith(b"HTTP/1.1 401 ")
        # What comes next could be the body, or another request.
        assert b"\r\nConnection: close\r\n" in refused
        with connect(server) as client:
            client.sendall(EXPECTING + right)
            assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
            client.sendall(b"body")
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_connection_goes_on_after_a_wrong_password(web_yml: Path) -> None:
    asking = b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: "
    right, wrong = basic("alice", "secret").encode(), basic("alice", "wrong").encode()
    closing = b"\r\nConnection: close\r\n\r\n"
    with serving(web_config=web_yml) as server:
        received = exchange(server, asking + wrong + b"\r\n\r\n" + asking + right + closing)
    assert statuses(received) == [401, 200]


def test_a_body_that_was_refused_is_no_request(web_yml: Path) -> None:
    hidden = b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: " + basic("alice", "secret").encode() + b"\r\n\r\n"
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(hidden)}\r\n\r\n".encode()
    with serving(web_config=web_yml) as server:
        assert statuses(exchange(server, head + hidden)) == [401]


def test_guesses_that_wait_for_their_check_use_half_of_the_connections(
    web_yml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = Event()
    monkeypatch.setattr(bcrypt, "checkpw", lambda password, expected: go.wait(60) and False)
    guess = f"GET / HTTP/1.0\r\nAuthorization: {basic('alice', 'wrong')}\r\n\r\n".encode()
    with serving(web_config=web_yml, max_connections=8) as server, ExitStack() as guesses:
        clients = [guesses.enter_context(connect(server)) for _ in range(7)]
        for client in clients:
            client.sendall(guess)
        answered: list[int] = []
        while len(answered) < 2:
            readable, _, _ = select(clients, (), (), 30)
            assert readable, "more wait than may"
            for client in readable:
                answered += statuses(read_to_end(client))
                clients.remove(client)
        assert answered == [503, 503]
        go.set()
        assert [statuses(read_to_end(client)) for client in clients] == [[401]] * 5


def test_the_handler_is_told_the_user_and_not_called_for_others(web_yml: Path) -> None:
    users = []

    def note(request: Request) -> Response:
        users.append(request.user)
        return echo(request)

    with serving(note, web_config=web_yml) as server:
        get(server, headers={"Authorization": basic("bob", "secret")})
        get(server, headers={"Authorization": basic("alice", "secret")})
    assert users == ["alice"]


def test_right_passwords_are_answered_among_wrong_ones(web_yml: Path) -> None:
    """The wrong ones are refused too, or get 503 where a check could not begin in time."""
    with serving(web_config=web_yml) as server:

        def ask(password: str) -> tuple[str, int]:
            return password, get(server, headers={"Authorization": basic("alice", password)}).status

        assert ask("secret") == ("secret", 200)
        with ThreadPoolExecutor(80) as clients:
            answers = Counter(clients.map(ask, ["secret", "wrong"] * 40))
    assert answers[("secret", 200)] == 40
    assert answers[("wrong", 401)] > 0
    assert answers[("wrong", 401)] + answers[("wrong", 503)] == 40


def test_costs_are_warned_about_at_the_start_and_when_users_change(
    web_yml: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dear = "$2y$15$" + "." * 53
    with serving(web_config=web_yml) as server:
        get(server)
        assert caplog.messages == []
        replace(web_yml, web_yml.read_text() + f"  bob: {dear}\n")
        for _ in range(3):
            get(server)
    (differ, high) = events(caplog)
    assert {differ[0], high[0]} == {"unsuitable bcrypt costs"}
    assert {differ[1]["path"], high[1]["path"]} == {web_yml}
    assert differ[1]["reason"].startswith("basic_auth_users: bcrypt costs from 4 to 15: ")
    assert high[1]["reason"].startswith('basic_auth_users: bcrypt cost above 14 for "bob" (15): ')
    caplog.clear()
    with serving(web_config=web_yml):
        assert len(caplog.messages) == 2
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_a_broken_file_logs_its_first_20_mistakes(web_yml: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serving(web_config=web_yml) as server:
        replace(web_yml, "".join(f"nonsense{n}: {'x' * 90}\n" for n in range(3000)))
        assert get(server, headers={"Authorization": basic("alice", "secret")}).status == 200
    ((_, fields),) = events(caplog)
    assert "nonsense19" in fields["error"]
    assert "nonsense20" not in fields["error"]
    assert fields["error"].endswith("and 2980 more mistakes, of 3000")


def test_users_change_without_a_restart(web_yml: Path) -> None:
    with serving(web_config=web_yml) as server:
        assert get(server, headers={"Authorization": basic("alice", "secret")}).status == 200
        replace(web_yml, f"basic_auth_users:\n  bob: {hashed('other')}\n")
        assert get(server, headers={"Authorization": basic("alice", "secret")}).status == 401
        assert get(server, headers={"Authorization": basic("bob", "other")}).status == 200
        replace(web_yml, f"basic_auth_users:\n  bob: {hashed('changed')}\n")
        assert get(server, headers={"Authorization": basic("bob", "other")}).status == 401
        assert get(server, headers={"Authorization": basic("bob", "changed")}).status == 200


@pytest.mark.parametrize(
    "broken",
    ["basic_auth_users: {alice: plain text}", "nonsense: 1", "{", "tls_server_config: {cert_file: none.crt}"],
)
def test_a_broken_file_changes_nothing_and_is_logged_once(
    web_yml: Path, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), serving(web_config=web_yml) as server:
        replace(web_yml, broken)
        for _ in range(3):
            assert get(server).status == 401
            assert get(server, headers={"Authorization": basic("alice", "secret")}).status == 200
    ((message, fields),) = events(caplog)
    assert message == "web configuration not reloaded, the running one stays"
    assert fields["error"].startswith(f"{web_yml}:")


def test_a_file_that_vanishes_changes_nothing_until_it_is_there_again(
    web_yml: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(web_config=web_yml) as server:
        web_yml.unlink()
        assert get(server).status == 401
        web_yml.mkdir()
        assert get(server).status == 401
        web_yml.rmdir()
        replace(web_yml, "")
        assert get(server).status == 200
    assert [fields["error"].rpartition(": ")[2] for _, fields in events(caplog)] == [
        "no such file or directory",
        "is not a regular file",
    ]


def test_tls_does_not_come_without_a_restart(web_yml: Path, caplog: pytest.LogCaptureFixture) -> None:
    identity = Authority(web_yml.parent).issue("server")
    with serving(web_config=web_yml) as server:
        replace(
            web_yml, f"tls_server_config: {{cert_file: {identity.certificate}, key_file: {identity.key}}}"
        )
        assert get(server).status == 401
    ((_, fields),) = events(caplog)
    assert "tls_server_config" in fields["error"]
    assert "restart" in fields["error"]


def test_headers_are_added_to_every_answer(web_yml: Path) -> None:
    web_yml.write_text(web_yml.read_text() + "http_server_config: {headers: {X-Frame-Options: deny}}\n")
    with serving(web_config=web_yml) as server:
        for authorization in ("", basic("alice", "secret")):
            assert get(server, headers={"Authorization": authorization}).headers["X-Frame-Options"] == "deny"


def test_requests_beyond_the_rate_are_refused(web_yml: Path) -> None:
    web_yml.write_text("rate_limit: {interval: 1h, burst: 2}")
    with serving(web_config=web_yml) as server:
        assert [get(server).status for _ in range(4)] == [200, 200, 429, 429]
        replace(web_yml, "rate_limit: {interval: 1h, burst: 1}")
        assert [get(server).status for _ in range(2)] == [200, 429]
