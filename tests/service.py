"""The exporter as a service manager runs it: what it sends to the manager, and what it answers meanwhile."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.system.exporter import Scrape
from tests.system.servers.server import free_port

PROGRAM = "import sys; from swap_exporter.cli import main; sys.exit(main())"


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
            self.process.wait(60)
            self.connection.close()
            self.manager.close()
