"""What is healthy, and what feeds the watchdog, on a running exporter: its samples, its clients, its disk."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.require import require
from tests.sampling.tree import Tree
from tests.system.exporter import Scrape
from tests.system.servers.server import free_port
from tests.system.waiting import wait_until

PROGRAM = "import sys; from swap_exporter.cli import main; sys.exit(main())"

ENDS_ACCEPTING = """
import ctypes, signal, threading
def end(number, frame):
    for thread in threading.enumerate():
        if thread.name == "web-accept":
            ident, error = ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, error)
signal.signal(signal.SIGUSR1, end)
"""
"""A defect to come: SIGUSR1 ends the thread that accepts."""

FREEZE = ("fsfreeze", "--freeze")
THAW = ("fsfreeze", "--unfreeze")


class Service:
    """The exporter under a service manager: a watchdog of two minutes, and a connection that stays open."""

    def __init__(self, directory: Path, *arguments: str, program: str = PROGRAM, tick: str = "1s") -> None:
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(f"{directory}/notify")
        self.manager.settimeout(60)
        self.log = directory / "log"
        configuration = directory / "swap-exporter.yaml"
        # So that only ticks take samples, and no scrape of this test.
        configuration.write_text(f"catalog: false\ntick: {tick}\nmin_sample_interval: 1h\n")
        port = free_port()
        flags = [f"--web.listen-address=127.0.0.1:{port}", f"--config.file={configuration}", *arguments]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", program, *flags],
                env={**os.environ, "NOTIFY_SOCKET": f"{directory}/notify", "WATCHDOG_USEC": "120000000"},
                stderr=log,
            )
        while not self.manager.recv(4096).startswith(b"READY=1"):
            pass
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, path: str) -> tuple[int, str]:
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        return answer.status, answer.read().decode()

    def feedings(self, seconds: float) -> int:
        """How often the watchdog is fed in this time."""
        self.manager.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                self.manager.recv(4096)
        time.sleep(seconds)
        found = 0
        with suppress(BlockingIOError):
            while True:
                found += self.manager.recv(4096) == b"WATCHDOG=1"
        return found

    def last_sample(self) -> float:
        return Scrape(self.ask("/metrics")[1]).value("swap_exporter_last_sample_timestamp_seconds")

    def end(self) -> None:
        """It ends cleanly whatever has happened."""
        try:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(60) == 0, self.log.read_text()
            assert "Traceback" not in self.log.read_text()
        finally:
            self.process.kill()
            self.process.wait()
            self.connection.close()
            self.manager.close()


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_without_complete_samples_it_is_unhealthy_after_two_minutes_and_not_before(
    tmp_path: Path, ends: ExitStack
) -> None:
    procfs = tmp_path / "proc"
    procfs.symlink_to("/proc")
    service = Service(tmp_path, f"--path.procfs={procfs}")
    ends.callback(service.end)
    assert service.feedings(11) >= 2
    procfs.unlink()
    began, last = time.monotonic(), service.last_sample()
    time.sleep(80)
    assert service.ask("/-/healthy") == (200, "healthy\n")
    assert service.feedings(11) >= 2
    wait_until("it is unhealthy", lambda: service.ask("/-/healthy")[0] == 503)
    assert time.monotonic() - began > 115
    assert service.ask("/-/healthy")[1].startswith("not healthy: no complete sample for 12")
    time.sleep(5)
    assert service.feedings(11) == 0
    assert service.last_sample() - last < 3
    procfs.symlink_to("/proc")
    wait_until("it is healthy again", lambda: service.ask("/-/healthy")[0] == 200)
    assert service.feedings(11) >= 2
    assert service.last_sample() - last > 100
    logged = service.log.read_text()
    assert (
        logged.count('msg="not healthy, the watchdog is not fed"') == logged.count('msg="healthy again"') == 1
    )


def test_a_thread_that_accepts_no_more_is_noticed(tmp_path: Path, ends: ExitStack) -> None:
    service = Service(tmp_path, program=ENDS_ACCEPTING + PROGRAM)
    ends.callback(service.end)
    assert service.ask("/-/healthy") == (200, "healthy\n")
    assert service.feedings(11) >= 2
    service.process.send_signal(signal.SIGUSR1)
    wait_until("it is unhealthy", lambda: service.ask("/-/healthy")[0] == 503)
    assert service.ask("/-/healthy") == (503, "not healthy: no connection is accepted any more\n")
    time.sleep(5)
    assert service.feedings(11) == 0


def test_a_sample_that_takes_long_does_not_keep_the_watchdog_waiting(tmp_path: Path, ends: ExitStack) -> None:
    """As on a host that thrashes. A pipe that nobody writes to is as slow as wanted."""
    tree = Tree(tmp_path / "proc")
    tree.write("stat", b"cpu 1\nbtime 1700000000\nprocesses 7\n")
    tree.process(1, parent=0)
    status = tree.root / "1" / "status"
    content = status.read_bytes()
    service = Service(tmp_path, f"--path.procfs={tree.root}")
    ends.callback(service.end)
    status.unlink()
    os.mkfifo(status)
    try:
        time.sleep(2)
        assert service.feedings(16) >= 2
        assert service.ask("/-/healthy") == (200, "healthy\n")
    finally:
        # Beside it first: the exporter waits in the old one.
        pipe = tree.root / "1" / "pipe"
        status.rename(pipe)
        status.write_bytes(content)
        pipe.write_bytes(content)
    last = time.time()
    wait_until("the next sample", lambda: service.last_sample() > last)


@pytest.fixture
def disk(tmp_path: Path, ends: ExitStack) -> Path:
    """A file system that can be frozen: from then on a write waits until it thaws."""
    require(os.geteuid() == 0, "mounting a file system needs root")
    image, directory = tmp_path / "image", tmp_path / "disk"
    image.write_bytes(b"")
    os.truncate(image, 16 << 20)
    directory.mkdir()
    subprocess.run(["mkfs.ext4", "-q", image], check=True, timeout=60)
    mounted = subprocess.run(
        ["mount", "-o", "loop", image, directory], capture_output=True, text=True, timeout=60
    )
    require(mounted.returncode == 0, f"a loop device: {mounted.stderr}")
    ends.callback(subprocess.run, ["umount", directory], check=True, timeout=60)
    return directory


def test_a_disk_that_does_not_answer_keeps_no_sample_waiting(
    tmp_path: Path, disk: Path, ends: ExitStack
) -> None:
    state = disk / "state"
    service = Service(tmp_path, f"--state.file={state}")
    ends.callback(service.end)
    subprocess.run([*FREEZE, disk], check=True, timeout=60)
    try:
        time.sleep(65)  # a state is written every minute
        assert any(
            (task / "stat").read_text().rpartition(") ")[2][0] == "D"
            for task in Path(f"/proc/{service.process.pid}/task").iterdir()
        ), "no thread waits for the disk"
        assert time.time() - service.last_sample() < 5
        assert service.feedings(11) >= 2
        assert not state.exists()
    finally:
        subprocess.run([*THAW, disk], check=True, timeout=60)
    wait_until("the state is written", state.exists)
