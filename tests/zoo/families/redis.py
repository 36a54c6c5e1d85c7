"""redis: one process that wakes ten times a second, its data in memory."""

import os
import shutil
import socket
from collections.abc import Sequence

from tests.system import independent
from tests.zoo.family import TIMEOUT, Family, Request

# A script has no clock: the rounds of a millisecond are measured first.
WORK = (
    "for i = 1, tonumber(ARGV[2]) do redis.call('GET', 'block' .. i) end "
    "local sum = 0 for i = 1, tonumber(ARGV[1]) do sum = sum + i end return 1"
)


class Resp:
    """A connection that speaks redis' protocol."""

    def __init__(self, port: int, pid: int, blocks: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self._stream = self._socket.makefile("rb")
        self._pid = pid
        self._blocks = blocks

    def command(self, *words: bytes) -> bytes:
        parts = [b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)]
        self._socket.sendall(b"".join(parts))
        answer = self._stream.readline()
        if not answer or answer.startswith(b"-"):
            raise ConnectionError(repr(answer))
        return answer

    rounds_per_ms = 0.0

    def ask(self, request: Request) -> int:
        rounds = int(request.ms * self.rounds_per_ms)
        self.work(rounds, int(self._blocks * request.touch / 100))
        return self._pid

    def work(self, rounds: int, blocks: int) -> None:
        self.command(b"EVAL", WORK.encode(), b"0", b"%d" % rounds, b"%d" % blocks)

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


class Redis(Family):
    name = "redis"
    group = "redis:.*"
    keeps = True
    ticking = True
    count = 1
    _rounds_per_ms = 0.0

    def missing(self) -> str | None:
        return None if shutil.which("redis-server") else "redis is not installed: apt install redis-server"

    def argv(self) -> Sequence[str]:
        return ["/usr/bin/redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]

    def workers(self) -> list[int]:
        return [self.pid]

    def filled(self, pid: int) -> bool:
        return True

    def connect(self) -> Resp:
        channel = Resp(self.port, self.pid, self.heap * 4)
        channel.rounds_per_ms = self._rounds_per_ms
        return channel

    def prepare(self) -> None:
        filler = self.connect()
        for number in range(1, self.heap * 4 + 1):
            filler.command(b"SET", b"block%d" % number, os.urandom(1 << 18))
        before = independent.cpu_seconds(self.pid)
        filler.work(20_000_000, 0)
        self._rounds_per_ms = 20_000 / max(0.01, independent.cpu_seconds(self.pid) - before)
        filler.close()


FAMILY = Redis
