"""The part of generic netlink that reading needs: https://docs.kernel.org/userspace-api/netlink/intro.html

::

    length u32, type u16, flags u16, sequence number u32, port u32     header
    command u8, version u8, reserved u16                               of generic netlink
    length u16, type u16, value, padding to 4 bytes                    attributes, which may contain others

One message has many requests, since a system call costs as much as an answer. The kernel handles the whole
message before send returns, so all answers have arrived by then. If some are missing, the receive buffer was
full: their requests are sent again in smaller messages. The sequence number connects an answer with its
request.
"""

import errno
import socket
from collections.abc import Iterable, Iterator
from itertools import islice
from struct import Struct

from swap_exporter.kernel.errors import Exhausted, KernelFileError, MalformedFile, from_errno

BATCH = 128
"""Requests in one message."""
_ROOM = BATCH * 2560
"""Bytes of receive buffer for the answers to one message, with the kernel's overhead for each."""
_LARGEST = 8192
_NETLINK_GENERIC, _SO_RCVBUFFORCE = 16, 33

_HEADER, _GENERIC, _ATTRIBUTE = Struct("=IHHII"), Struct("=BBH"), Struct("=HH")
_REQUEST = Struct("=IHHIIBBHHHI")
_ERRNO, _FAMILY_ID = Struct("=i"), Struct("=H")
_PAYLOAD = _HEADER.size + _GENERIC.size
_TYPE_OF_ATTRIBUTE = 0x3FFF  # the other bits are flags

_REQUEST_FLAG, _ERROR = 1, 2
_CONTROLLER, _GET_FAMILY, _ATTR_FAMILY_ID, _ATTR_FAMILY_NAME = 16, 3, 1, 2


class GenericNetlink:
    """A socket to one family. Not thread-safe."""

    def __init__(self, family: str) -> None:
        """Raises Denied, Vanished where the kernel has no such family, Exhausted or Unreadable."""
        self._name = family
        self._sequence = 0
        try:
            self._socket = socket.socket(
                socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_GENERIC
            )
        except OSError as error:
            raise from_errno(error.errno, self._name) from None
        try:
            self._socket.bind((0, 0))
            self._make_room()
            self._family = self._resolve()
        except OSError as error:
            self.close()
            raise from_errno(error.errno, self._name) from None
        except KernelFileError:
            self.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def ask(self, command: int, attribute: int, values: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Each value with the attributes of its answer, in any order. A value that the kernel does not know
        any more (ESRCH) is left out. Values are sent as attributes of the type ``attribute``, u32.

        Raises Denied, Exhausted, Unreadable or MalformedFile.
        """
        rest = iter(values)
        try:
            while batch := list(islice(rest, BATCH)):
                yield from self._ask(command, attribute, batch)
        except OSError as error:
            raise from_errno(error.errno, self._name) from None

    def _ask(self, command: int, attribute: int, values: list[int]) -> Iterator[tuple[int, bytes]]:
        size = len(values)
        while values:
            waiting: dict[int, int] = {}
            for value in values[:size]:
                self._sequence = (self._sequence + 1) & 0xFFFFFFFF
                waiting[self._sequence] = value
            self._socket.send(
                b"".join(
                    _REQUEST.pack(
                        *(_REQUEST.size, self._family, _REQUEST_FLAG, sequence, 0),
                        *(command, 1, 0),
                        *(_ATTRIBUTE.size + 4, attribute, value),
                    )
                    for sequence, value in waiting.items()
                )
            )
            yield from self._answers(waiting)
            if waiting and size == 1:
                raise Exhausted(self._name, "an answer does not fit the receive buffer")
            values = [*waiting.values(), *values[size:]]
            if waiting:
                size = max(1, size // 2)

    def _answers(self, waiting: dict[int, int]) -> Iterator[tuple[int, bytes]]:
        """The answers that have arrived; removes their requests from ``waiting``."""
        while True:
            try:
                message = self._socket.recv(_LARGEST, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.ENOBUFS:  # some answers were lost; the others follow
                    continue
                raise
            kind, sequence, refusal = _header(message)
            if refusal == errno.EAGAIN:  # the answer did not fit, but this refusal did
                continue
            value = waiting.pop(sequence, None)
            if value is None or refusal == errno.ESRCH:
                continue
            if refusal:
                raise from_errno(refusal, self._name)
            if kind == self._family:
                yield value, message[_PAYLOAD:]

    def _resolve(self) -> int:
        name = self._name.encode() + b"\0"
        attribute = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(name), _ATTR_FAMILY_NAME) + name
        attribute += bytes(-len(attribute) % 4)
        self._socket.send(
            _HEADER.pack(_PAYLOAD + len(attribute), _CONTROLLER, _REQUEST_FLAG, 0, 0)
            + _GENERIC.pack(_GET_FAMILY, 1, 0)
            + attribute
        )
        message = self._socket.recv(_LARGEST, socket.MSG_DONTWAIT)
        _, _, refusal = _header(message)
        if refusal:
            raise from_errno(refusal, self._name)
        family = find(message[_PAYLOAD:], _ATTR_FAMILY_ID)
        if len(family) != _FAMILY_ID.size:
            raise MalformedFile(f"netlink, {self._name}", "the number of the family", family)
        return int(_FAMILY_ID.unpack(family)[0])

    def _make_room(self) -> None:
        """With a smaller buffer, batches are split."""
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)


def find(attributes: bytes, *wanted: int) -> bytes:
    """The value of the first attribute of a wanted type. Raises MalformedFile."""
    start = 0
    while start + _ATTRIBUTE.size <= len(attributes):
        length, kind = _ATTRIBUTE.unpack_from(attributes, start)
        if not _ATTRIBUTE.size <= length <= len(attributes) - start:
            break
        if kind & _TYPE_OF_ATTRIBUTE in wanted:
            return attributes[start + _ATTRIBUTE.size : start + length]
        start += (length + 3) & ~3
    raise MalformedFile("netlink", f"an attribute of type {' or '.join(map(str, wanted))}", attributes)


def _header(message: bytes) -> tuple[int, int, int]:
    """Type, sequence number, and errno of a refusal or 0. Raises MalformedFile."""
    if len(message) < _PAYLOAD:
        raise MalformedFile("netlink", "a header", message)
    length, kind, _, sequence, _ = _HEADER.unpack_from(message)
    if length > len(message):
        raise MalformedFile("netlink", f"a message of {length} bytes", message)
    return kind, sequence, -_ERRNO.unpack_from(message, _HEADER.size)[0] if kind == _ERROR else 0
