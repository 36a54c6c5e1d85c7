"""starman: a worker serves one request at a time, and sleeps in accept."""

from collections.abc import Sequence
from pathlib import Path

from tests.system import independent
from tests.zoo.environment import APPLICATIONS
from tests.zoo.family import Family


class Starman(Family):
    name = "starman"
    group = "starman.*"

    def missing(self) -> str | None:
        return None if Path("/usr/bin/starman").exists() else "starman is not installed: apt install starman"

    def argv(self) -> Sequence[str]:
        listen = f"--listen=127.0.0.1:{self.port}"
        return ["/usr/bin/starman", f"--workers={self.count}", listen, str(APPLICATIONS / "app.psgi")]

    def is_worker(self, pid: int) -> bool:
        return "worker" in independent.title(pid)


FAMILY = Starman
