"""Families that take jobs from a redis. Neither the redis nor the client is part of the family."""

import itertools
import shutil
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from typing import ClassVar

from tests.system.servers.server import Server
from tests.zoo.environment import APPLICATIONS, bin_directory
from tests.zoo.family import TIMEOUT, Family, Request, listening


class Broker(Server):
    """A redis in no zoo's cgroup."""

    def argv(self) -> Sequence[str]:
        return ["/usr/bin/redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]

    def _ready(self) -> bool:
        return listening(self.port)


class Gateway:
    """The queue's client, a process of the servers' environment: applications/gateway.py."""

    def __init__(self, kind: str, environment: dict[str, str]) -> None:
        command = [str(bin_directory() / "python"), str(APPLICATIONS / "gateway.py"), kind]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self._numbers = itertools.count()
        self._waiting: dict[int, Future[int]] = {}
        self._writing = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def ask(self, request: Request) -> int:
        waiting: Future[int] = Future()
        assert self._process.stdin is not None
        with self._writing:
            number = next(self._numbers)
            self._waiting[number] = waiting
            self._process.stdin.write(f"{number} {request.ms:g} {request.touch:g} {request.hold:g}\n")
            self._process.stdin.flush()
        try:
            return waiting.result(TIMEOUT)
        except TooLate:
            raise TimeoutError("no result") from None
        finally:
            del self._waiting[number]

    def close(self) -> None:
        """It is shared: :meth:`end` ends it."""

    def end(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=60)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            number, pid = map(int, line.split())
            if waiting := self._waiting.get(number):
                waiting.set_result(pid)


class QueueFamily(Family):
    software: ClassVar[str]
    """What applications/gateway.py calls it."""

    def __init__(self) -> None:
        super().__init__()
        self._broker = Broker()
        self._gateway: Gateway | None = None

    def missing(self) -> str | None:
        return None if shutil.which("redis-server") else "redis is not installed: apt install redis-server"

    @property
    def broker(self) -> str:
        """Its URL."""
        return f"redis://127.0.0.1:{self._broker.port}/0"

    def environment(self) -> dict[str, str]:
        return super().environment() | {"BROKER": self.broker}

    def launch(self) -> None:
        self._broker.start()
        super().launch()

    def listens(self) -> bool:
        return True

    def connect(self) -> Gateway:
        if self._gateway is None:
            self._gateway = Gateway(self.software, self.environment())
        return self._gateway

    def prepare(self) -> None:
        self.connect()

    def finish(self) -> None:
        super().finish()
        if self._gateway is not None:
            self._gateway.end()
        self._broker.stop()
