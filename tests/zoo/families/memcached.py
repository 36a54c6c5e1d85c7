"""memcached: one process with threads, its data in memory."""

import os
import shutil
import socket
from collections.abc import Sequence

from tests.zoo.family import TIMEOUT, Family, Request


class Text:
    """A connection that speaks memcached's text protocol."""

    def __init__(self, port: int, pid: int, blocks: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self._stream = self._socket.makefile("rb")
        self._pid = pid
        self._blocks = blocks

    def fill(self) -> None:
        for number in range(self._blocks):
            self._socket.sendall(b"set block%d 0 0 %d\r\n%s\r\n" % (number, 1 << 18, os.urandom(1 << 18)))
            if self._stream.readline() != b"STORED\r\n":
                raise ConnectionError("not stored")

    def ask(self, request: Request) -> int:
        for number in range(max(1, int(self._blocks * request.touch / 100))):
            self._socket.sendall(b"get block%d\r\n" % number)
            while (line := self._stream.readline()) != b"END\r\n":
                if not line:
                    raise ConnectionError("closed")
                if line.startswith(b"VALUE"):
                    self._stream.read(int(line.split()[3]) + 2)
        return self._pid

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


class Memcached(Family):
    name = "memcached"
    group = "memcached.*"
    keeps = True
    light = True
    count = 1

    def missing(self) -> str | None:
        return None if shutil.which("memcached") else "memcached is not installed: apt install memcached"

    def argv(self) -> Sequence[str]:
        return ["/usr/bin/memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", str(self.port), "-m", "200"]

    def workers(self) -> list[int]:
        return [self.pid]

    def filled(self, pid: int) -> bool:
        return True

    def connect(self) -> Text:
        return Text(self.port, self.pid, self.heap * 4)

    def prepare(self) -> None:
        filler = self.connect()
        filler.fill()
        filler.close()


FAMILY = Memcached
