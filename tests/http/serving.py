"""A server in the test's own process, and clients that speak to it byte by byte."""

import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from swap_exporter.http.message import Handler, Request, Response
from swap_exporter.http.server import Server
from swap_exporter.http.web_config import load_web_config

GENEROUS = 10.0


def echo(request: Request) -> Response:
    """Answer with what was asked."""
    return Response(200, f"{request.method} {request.path} {request.query} {request.user}".encode())


@contextmanager
def serving(handler: Handler = echo, *, web_config: Path | None = None, **options: Any) -> Iterator[Server]:
    config = load_web_config(web_config) if web_config else None
    server = Server(["127.0.0.1:0"], handler, web_config=config, **options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def connect(server: Server) -> socket.socket:
    host, _, port = server.addresses[0].rpartition(":")
    return socket.create_connection((host, int(port)), timeout=GENEROUS)


def exchange(server: Server, request: bytes) -> bytes:
    """All that comes back on a connection until the server ends it, or the client has what it wants."""
    with connect(server) as client:
        client.sendall(request)
        return read_to_end(client)


def read_to_end(client: socket.socket) -> bytes:
    received = b""
    while chunk := client.recv(65536):
        received += chunk
    return received


def events(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    """What was logged: messages and their fields."""
    return [(record.getMessage(), vars(record)["fields"]) for record in caplog.records]


def statuses(received: bytes) -> list[int]:
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


def get(
    server: Server,
    path: str = "/",
    headers: Mapping[str, str] = MappingProxyType({}),
    *,
    tls: ssl.SSLContext | None = None,
) -> http.client.HTTPResponse:
    """The answer on a connection of its own."""
    connection: http.client.HTTPConnection
    if tls:
        connection = http.client.HTTPSConnection(server.addresses[0], timeout=GENEROUS, context=tls)
    else:
        connection = http.client.HTTPConnection(server.addresses[0], timeout=GENEROUS)
    connection.request("GET", path, headers={**headers, "Connection": "close"})
    return connection.getresponse()
