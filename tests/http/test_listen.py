import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from swap_exporter.http.listen import (
    ListenAddress,
    ListenError,
    accept_queue,
    address_of,
    bind,
    parse_address,
    systemd_sockets,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":10059", ListenAddress("", 10059)),
        ("127.0.0.1:0", ListenAddress("127.0.0.1", 0)),
        ("[::1]:10059", ListenAddress("::1", 10059)),
        ("localhost:10059", ListenAddress("localhost", 10059)),
        ("[fe80::1%eth0]:1", ListenAddress("fe80::1%eth0", 1)),
    ],
)
def test_address_is_read_and_written_alike(text: str, address: ListenAddress) -> None:
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    ["", "10059", "127.0.0.1", "::1:10059", "host:http", ":65536", ":-1", "a b:1", "[]:1", "vsock://:1"],
)
def test_malformed_address_is_named(text: str) -> None:
    with pytest.raises(ListenError, match="expected HOST:PORT") as caught:
        parse_address(text)
    assert repr(text) in str(caught.value)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_an_address_in_use_is_said_so(taken: int) -> None:
    with pytest.raises(ListenError, match=rf"^listen address 127\.0\.0\.1:{taken} is in use$"):
        bind(ListenAddress("127.0.0.1", taken))


def test_an_address_of_another_host_is_said_so() -> None:
    with pytest.raises(ListenError, match="is not an address of this host"):
        bind(ListenAddress("192.0.2.1", 0))


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70, "ü" * 70])
def test_a_name_that_cannot_be_resolved_is_said_so(host: str) -> None:
    with pytest.raises(ListenError, match="cannot be resolved"):
        bind(ListenAddress(host, 0))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", ""])
def test_a_bound_address_has_its_port(host: str) -> None:
    with closing(bind(ListenAddress(host, 0))) as listener:
        address = parse_address(address_of(listener))
    assert address.port > 0


def test_all_interfaces_are_reached_over_both_protocols() -> None:
    with closing(bind(ListenAddress("", 0))) as listener:
        port = parse_address(address_of(listener)).port
        socket.create_connection(("127.0.0.1", port)).close()
        if listener.family == socket.AF_INET6:
            socket.create_connection(("::1", port)).close()


def test_without_systemd_there_is_no_socket() -> None:
    with pytest.raises(ListenError, match="no socket was passed by systemd"):
        systemd_sockets({})


def test_sockets_for_another_process_are_left_alone() -> None:
    with pytest.raises(ListenError):
        systemd_sockets({"LISTEN_PID": str(os.getpid() + 1), "LISTEN_FDS": "1"})


ACTIVATED = """
import os
from swap_exporter.http.listen import ListenError, address_of, systemd_sockets
os.environ["LISTEN_PID"] = str(os.getpid())
try:
    sockets = systemd_sockets()
    print(*map(address_of, sockets), os.get_inheritable(3), "LISTEN_FDS" in os.environ)
except ListenError as error:
    print(error)
"""


def activated(descriptor: int, count: int = 1) -> str:
    """What a process prints that finds a descriptor at 3, as systemd passes it."""
    # dup2 in the shell, for a descriptor in the parent may be in use as 3.
    shell = f'exec 3<&{descriptor}; exec "$0" -c "$1"'
    return subprocess.run(
        ["bash", "-c", shell, sys.executable, ACTIVATED],
        pass_fds=[descriptor],
        env={**os.environ, "LISTEN_FDS": str(count)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.strip()


def test_a_socket_of_systemd_is_taken_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert activated(server.fileno()) == f"127.0.0.1:{port} False False"


def test_a_unix_socket_of_systemd_is_taken_over(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "socket")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        assert activated(server.fileno()) == f"unix:{path} False False"


def test_what_does_not_listen_is_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        assert activated(server.fileno()) == "descriptor 3 passed by systemd is not a listening stream socket"
    with open("/dev/null") as file:
        assert activated(file.fileno()).startswith("descriptor 3 passed by systemd is not a socket")


@pytest.mark.parametrize("address", [ListenAddress("127.0.0.1", 0), ListenAddress("", 0)])
def test_connections_that_wait_to_be_accepted_are_counted(address: ListenAddress) -> None:
    with closing(bind(address)) as listener, ExitStack() as clients:
        for waiting in range(20):
            assert accept_queue(listener) == waiting
            where = ("127.0.0.1", listener.getsockname()[1])
            clients.enter_context(socket.create_connection(where, timeout=10))
        accepted, _ = listener.accept()
        accepted.close()
        assert accept_queue(listener) == 19


def test_a_unix_socket_has_no_count_of_waiting_connections(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        client.connect(str(tmp_path / "socket"))
        assert accept_queue(listener) == 0
