"""Listening sockets: for `--web.listen-address`, or passed by systemd."""

import errno
import os
import re
import socket
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from struct import Struct

BACKLOG = 4096
"""The kernel caps it at net.core.somaxconn. Connections in this queue cost the process nothing."""
SEND_BUFFER = 64 * 1024
RECEIVE_BUFFER = 32 * 1024
USER_TIMEOUT_MS = 30_000
"""The kernel drops a connection whose client acknowledges nothing for this time, even a closed one."""

_ADDRESS = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?P<host>[^\[\]:\s/]*)):(?P<port>[0-9]{1,5})"
)
_TCPI_UNACKED = Struct("24x I")
"""Its offset in struct tcp_info of linux/tcp.h."""
_FIRST_SYSTEMD_DESCRIPTOR = 3  # SD_LISTEN_FDS_START of sd_listen_fds(3)


class ListenError(Exception):
    """Cannot listen on an address; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A host, empty for all interfaces, and a TCP port, 0 for any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> ListenAddress:
    """Read `HOST:PORT`, `:PORT` or `[IPV6]:PORT`. Raises ListenError."""
    match = _ADDRESS.fullmatch(text)
    if not match or int(match["port"]) > 65535:
        raise ListenError(f"listen address {text!r} is malformed: expected HOST:PORT, :PORT or [IPV6]:PORT")
    return ListenAddress(match["v6"] or match["host"] or "", int(match["port"]))


def bind(address: ListenAddress) -> socket.socket:
    """A listening, non-blocking socket. Raises ListenError.

    A name that has several addresses is bound to one of them, IPv4 first, as Go's net.Listen does.
    """
    try:
        if not address.host:
            return _listen_everywhere(address.port)
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, _, _, _, sockaddr = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        return _listen(family, sockaddr)
    except socket.gaierror as error:
        raise ListenError(f"listen address {address} cannot be resolved: {error.strerror}") from None
    except UnicodeError:
        raise ListenError(f"listen address {address} cannot be resolved: not a host name") from None
    except OSError as error:
        raise ListenError(f"listen address {address} {_bind_error(error)}") from None


def systemd_sockets(environ: MutableMapping[str, str] | None = None) -> tuple[socket.socket, ...]:
    """The listening sockets that systemd passed (sd_listen_fds(3)). Removes its variables from `environ`.

    Raises ListenError if there is none, or if one is not a listening stream socket.
    """
    environ = os.environ if environ is None else environ
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdecimal() or int(count) < 1:
        raise ListenError("no socket was passed by systemd: is the service started by its .socket unit?")
    return tuple(_adopt(_FIRST_SYSTEMD_DESCRIPTOR + i) for i in range(int(count)))


def address_of(listener: socket.socket) -> str:
    """The address of a listening socket, in the form of `--web.listen-address`."""
    sockaddr = listener.getsockname()
    if isinstance(sockaddr, tuple):
        return str(ListenAddress(sockaddr[0], sockaddr[1]))
    return f"unix:{sockaddr if isinstance(sockaddr, str) else sockaddr.decode(errors='replace')}"


def accept_queue(listener: socket.socket) -> int:
    """The number of connections that wait to be accepted: tcpi_unacked of tcp_info (tcp(7)).

    0 for a Unix socket, for which the kernel does not report it.
    """
    if listener.family == socket.AF_UNIX:
        return 0
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCPI_UNACKED.size)
    return int(_TCPI_UNACKED.unpack(info)[0])


def close_all(listeners: Sequence[socket.socket]) -> None:
    for listener in listeners:
        listener.close()


def _listen_everywhere(port: int) -> socket.socket:
    try:
        return _listen(socket.AF_INET6, ("::", port))
    except OSError as error:
        # IPv6 is off: the kernel has no such family, or the family but no address.
        if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            raise
        return _listen(socket.AF_INET, ("0.0.0.0", port))


def _listen(family: int, sockaddr: tuple[object, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if sockaddr[0] == "::" else 1)
        listener.bind(sockaddr)
        start_listening(listener)
    except BaseException:
        listener.close()
        raise
    return listener


def start_listening(listener: socket.socket) -> None:
    """Listen, with bounded buffers, which connections inherit. Otherwise the kernel grows them to megabytes
    for a client that never reads (tcp(7), tcp_wmem)."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    if listener.family != socket.AF_UNIX:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    listener.listen(BACKLOG)
    listener.setblocking(False)


def _adopt(descriptor: int) -> socket.socket:
    try:
        os.set_inheritable(descriptor, False)
        listener = socket.socket(fileno=descriptor)
        listening = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise ListenError(
            f"descriptor {descriptor} passed by systemd is not a socket: {error.strerror}"
        ) from None
    if not listening or listener.type != socket.SOCK_STREAM:
        raise ListenError(f"descriptor {descriptor} passed by systemd is not a listening stream socket")
    start_listening(listener)
    return listener


def _bind_error(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is in use"
    if error.errno == errno.EACCES:
        return "needs more privileges (ports below 1024: CAP_NET_BIND_SERVICE)"
    if error.errno == errno.EADDRNOTAVAIL:
        return "is not an address of this host"
    return f"cannot be bound: {error.strerror}"
