"""The least of a FastCGI client: one request over one connection. https://fastcgi-archives.github.io/FastCGI_Specification.html"""

import socket
import struct
from collections.abc import Mapping
from typing import BinaryIO

_HEADER = struct.Struct("!BBHHBx")  # version, type, request id, content length, padding length
_BEGIN, _END, _PARAMS, _STDIN, _STDOUT, _STDERR = 1, 3, 4, 5, 6, 7
_RESPONDER = struct.pack("!HB5x", 1, 0)


def request(port: int, parameters: Mapping[str, str], timeout: float = 30.0) -> bytes:
    """The body of the answer; OSError where there is none or its status is not 200."""
    names = b"".join(_pair(name.encode(), value.encode()) for name, value in parameters.items())
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(
            _record(_BEGIN, _RESPONDER)
            + _record(_PARAMS, names)
            + _record(_PARAMS, b"")
            + _record(_STDIN, b"")
        )
        with connection.makefile("rb") as stream:
            answer = _standard_output(stream)
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator or b"Status:" in head:
        raise OSError(f"FastCGI answer: {answer[:200]!r}")
    return body


def _standard_output(stream: BinaryIO) -> bytes:
    output = b""
    while header := stream.read(_HEADER.size):
        _, kind, _, length, padding = _HEADER.unpack(header)
        content = stream.read(length + padding)[:length]
        if kind == _STDOUT:
            output += content
        elif kind == _END:
            return output
    raise ConnectionError("the FastCGI server hung up before the end of its answer")


def _record(kind: int, content: bytes) -> bytes:
    return _HEADER.pack(1, kind, 1, len(content), 0) + content


def _pair(name: bytes, value: bytes) -> bytes:
    return struct.pack("!LL", len(name) | 1 << 31, len(value) | 1 << 31) + name + value
