"""A real server as a test runs it: started on the loopback, ready when it answers, gone at the end."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Self
from urllib.request import ProxyHandler, build_opener

import psutil

from tests.system import independent
from tests.system.cgroup import MemoryCgroup
from tests.system.waiting import wait_until

ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
opener = build_opener(ProxyHandler({}))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def http_get(port: int, path: str, timeout: float = 30.0) -> bytes:
    """The body of a 200 answer, over a connection of its own; OSError otherwise."""
    with opener.open(f"http://127.0.0.1:{port}{path}", timeout=timeout) as answer:
        body: bytes = answer.read()
        return body


class Server(ABC):
    """A server whose processes are a session (setsid) of their own, by which they are found at the end."""

    ready_path = "/"

    def __init__(self) -> None:
        # Readable for the users that php-fpm and httpd switch to, which pytest's tmp_path is not.
        self.directory = Path(tempfile.mkdtemp(prefix=f"{type(self).__name__.lower()}-"))
        self.directory.chmod(0o755)
        self.log = self.directory / "server.log"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def missing(self) -> str | None:
        """What would have to be installed first, in one line."""
        return None

    @abstractmethod
    def argv(self) -> Sequence[str]:
        """The command that starts it in the foreground."""

    def environment(self) -> dict[str, str]:
        return ENVIRONMENT | {"HOME": str(self.directory)}

    def start(self, cgroup: MemoryCgroup | None = None) -> Self:
        # When the test run is killed the server gets TERM and does not outlive it.
        argv = ["setpriv", "--pdeathsig=TERM", *self.argv()]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                cgroup.command(*argv) if cgroup else argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env=self.environment(),
                start_new_session=True,
            )
        try:
            wait_until(f"{type(self).__name__} answers", self._ready)
        except BaseException as error:
            error.add_note(self.log.read_text(errors="replace")[-4000:])
            self.stop()
            raise
        return self

    def _ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"it ended with status {self.process.returncode}")
        with contextlib.suppress(OSError):
            self.request(self.ready_path)
            return True
        return False

    def request(self, path: str) -> bytes:
        """The body of one answer, over a connection of its own; OSError where it failed."""
        return http_get(self.port, path)

    @property
    def pid(self) -> int:
        """The process that was started: the master, where the server has one."""
        assert self.process is not None
        return self.process.pid

    def workers(self) -> list[int]:
        """Pids of the processes that serve."""
        return independent.children(self.pid)

    def pids(self) -> list[int]:
        """Pids of all its processes, also of those whose parent has died."""
        return _members(self.pid)

    def end(self) -> None:
        """Stop it, if that has not been done."""
        self.stop()

    def stop(self) -> None:
        """TERM to the first process; what is left after a while gets KILL. Leaves no process and no file."""
        process, self.process = self.process, None
        if process is not None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=15)
            wait_until("no process is left", lambda: not self._kill(process.pid))
            process.wait(60)
            # Seen with a test that failed.
            log = self.log.read_text(errors="replace")[-4000:]
            print(f"log of {type(self).__name__}:", log, sep="\n", file=sys.stderr)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _kill(self, session: int) -> list[int]:
        left = _members(session)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return left


def _members(session: int) -> list[int]:
    return [pid for pid in psutil.pids() if _session(pid) == session]


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None
