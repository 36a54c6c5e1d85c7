"""What a family of servers is: how it starts, who its workers are, and how each of them is made to serve."""

import contextlib
import http.client
import socket
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

from tests.system import independent
from tests.system.cgroup import MemoryCgroup, make_memory_cgroup
from tests.system.servers.server import Server
from tests.zoo.environment import APPLICATIONS

INSIDE = "ZOO_INSIDE"
"""Environment variable: set where the zoo has a pid namespace of its own."""
TIMEOUT = 120.0
"""Seconds that a request may take, in a thrashing cgroup too."""
HOLD = 60.0
"""Milliseconds for which a worker is kept from taking a second request, where workers share the queue."""


class Request(NamedTuple):
    """What a worker is asked to do, see applications/zoo_app.py."""

    ms: float = 0
    touch: float = 0
    hold: float = 0

    @property
    def query(self) -> str:
        return f"ms={self.ms:g}&touch={self.touch:g}&hold={self.hold:g}"


class Answer(NamedTuple):
    """An answered request: the truth that verdicts are compared with. Times are CLOCK_MONOTONIC seconds."""

    sent: float
    answered: float
    pid: int
    request: Request

    @property
    def latency(self) -> float:
        """Seconds, those in which the worker was made to sleep taken off."""
        return self.answered - self.sent - self.request.hold / 1000


class Channel(Protocol):
    """A way to ask: a connection, usually."""

    def ask(self, request: Request) -> int:
        """The pid that served. OSError where no answer came."""

    def close(self) -> None: ...


class Http:
    """An HTTP/1.1 connection."""

    def __init__(self, port: int, keep: bool) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        self._keep = keep

    def ask(self, request: Request) -> int:
        headers = {} if self._keep else {"Connection": "close"}
        try:
            if self._connection.sock is None:
                self._connection.connect()
            # Servers that write head and body apart wait for the acknowledgement of the first, up to 40 ms.
            self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            self._connection.request("GET", f"/work?{request.query}", headers=headers)
            answer = self._connection.getresponse()
            body = answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(repr(error)) from error
        if answer.status != 200:
            raise ConnectionError(f"status {answer.status}: {body[:200]!r}")
        return int(body)

    def close(self) -> None:
        self._connection.close()


class Family(Server):
    """A server of the zoo, in a memory cgroup of its own.

    Each worker is reached in one of two ways. Where a worker serves one request at a time, as many requests
    as there are workers are sent together, and each keeps its worker for :data:`HOLD`. Where a worker serves
    many, a connection to each is kept open (``keeps``).
    """

    name: ClassVar[str]
    group: ClassVar[str]
    """A regular expression of the name that the exporter's catalogue gives its group of workers."""
    count: ClassVar[int] = 3
    """Workers."""
    heap: ClassVar[int] = 40
    """MiB of the application's data in each worker."""
    keeps: ClassVar[bool] = False
    ticking: ClassVar[bool] = False
    """Its idle workers wake many times a second."""
    light: ClassVar[bool] = False
    """It cannot be asked to use CPU time: its requests take what they take."""

    def __init__(self) -> None:
        super().__init__()
        self.cgroup: MemoryCgroup | None = None
        self.lost = 0
        """Requests without an answer."""
        self.neighbours: set[int] = set()
        """Programs in its cgroup that are none of its own."""
        self._channels: dict[int, Channel] = {}
        self._lock = threading.Lock()
        self.on_answer: Callable[[Answer], None] = lambda answer: None

    # What a family says of itself.

    @abstractmethod
    def argv(self) -> Sequence[str]: ...

    def workers(self) -> list[int]:
        return [pid for pid in independent.children(self.pid) if self.is_worker(pid)]

    def is_worker(self, pid: int) -> bool:
        """Of a child of the process that was started."""
        return True

    def connect(self) -> Channel:
        return Http(self.port, self.keeps)

    def filled(self, pid: int) -> bool:
        """The worker has loaded its application."""
        return independent.resident(pid) >= self.heap << 20

    def prepare(self) -> None:
        """What has to be done once it listens, before it is left alone."""

    # What the story does with it.

    def environment(self) -> dict[str, str]:
        return super().environment() | {
            "PYTHONPATH": str(APPLICATIONS),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HEAP_MIB": str(self.heap),
            "WORKERS": str(self.count),
            "PORT": str(self.port),
        }

    def launch(self) -> None:
        """Start it, in a cgroup of its own, and wait until all its workers are there; no request is sent."""
        self.cgroup = make_memory_cgroup()
        self.start(self.cgroup)
        self.prepare()

    def _ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"it ended with status {self.process.returncode}")
        if not self.listens():
            return False
        workers = self.workers()
        return len(workers) == self.count and all(map(self.filled, workers))

    def listens(self) -> bool:
        return listening(self.port)

    def finish(self) -> None:
        for channel in self._channels.values():
            channel.close()
        self.stop()
        if self.cgroup is not None:
            self.cgroup.remove()

    def members(self) -> list[int]:
        return self.cgroup.pids() if self.cgroup else []

    def role(self, pid: int, workers: Iterable[int]) -> str:
        if pid in self.neighbours:
            return "neighbour"
        if pid == self.pid and pid not in workers:
            return "master"
        return "worker" if pid in workers else "auxiliary"

    def ask(self, channel: Channel, request: Request) -> Answer:
        sent = time.monotonic()
        pid = channel.ask(request)
        answer = Answer(sent, time.monotonic(), pid, request)
        self.on_answer(answer)
        return answer

    def ask_any(self, request: Request) -> Answer | None:
        """One request over a new connection; ``None`` where no answer came."""
        try:
            with contextlib.closing(self.connect()) as channel:
                return self.ask(channel, request)
        except OSError:
            self.lost += 1
            return None

    def ask_each(self, request: Request, hold: float = HOLD) -> list[Answer]:
        """Make every worker serve ``request``, all at the same time. A few may serve more than one."""
        if self.keeps:
            return self._ask_each_kept(request)
        answers: list[Answer] = []
        missing = set(self.workers())
        for attempt in range(4):
            held = request._replace(hold=hold * 2**attempt)
            # All of them again: those that have served must be kept from serving.
            answers += filter(None, self._together(lambda _, r: self.ask_any(r), range(self.count), held))
            missing -= {answer.pid for answer in answers}
            if not missing:
                break
        return answers

    def _ask_each_kept(self, request: Request) -> list[Answer]:
        answers = list(filter(None, self._together(self._ask_kept, list(self._channels), request)))
        missing = set(self.workers()) - {answer.pid for answer in answers}
        if missing:
            self.channels()
            answers += filter(None, self._together(self._ask_kept, missing & set(self._channels), request))
        return answers

    def channels(self) -> list[int]:
        """A connection to each worker, opened if there is none. Opening one takes a request."""
        alive = set(self.workers())
        for pid in set(self._channels) - alive:
            self._channels.pop(pid).close()
        for _ in range(40 * self.count):
            if alive <= set(self._channels):
                break
            channel = self.connect()
            try:
                answer = self.ask(channel, Request())
            except OSError:
                self.lost += 1
                continue
            if answer.pid in self._channels:
                channel.close()
            else:
                self._channels[answer.pid] = channel
        return sorted(self._channels)

    def ask_worker(self, pid: int, request: Request) -> Answer | None:
        """Ask this worker, over the connection to it; whichever takes a new one if there is none any more."""
        return self._ask_kept(pid, request)

    def _ask_kept(self, pid: int, request: Request) -> Answer | None:
        channel = self._channels.pop(pid, None)
        if channel is not None:
            try:
                answer = self.ask(channel, request)
            except OSError:  # some servers close connections that are idle
                channel.close()
            else:
                self._channels[pid] = channel
                return answer
        channel = self.connect()
        try:
            answer = self.ask(channel, request)
        except OSError:
            self.lost += 1
            channel.close()
            return None
        with self._lock:
            if answer.pid not in self._channels:
                self._channels[answer.pid] = channel
                return answer
        channel.close()
        return answer

    def _together(
        self, ask: Callable[[int, Request], Answer | None], targets: Iterable[int], request: Request
    ) -> list[Answer | None]:
        targets = list(targets)
        with ThreadPoolExecutor(max(1, len(targets))) as pool:
            return list(pool.map(lambda target: ask(target, request), targets))


def listening(port: int) -> bool:
    """A socket listens on that port of the loopback or of all addresses; it is not disturbed."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, *_ = line.split()
        if state == "0A" and int(local.rpartition(":")[2], 16) == port:
            return True
    return False
