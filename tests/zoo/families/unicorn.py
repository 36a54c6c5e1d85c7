"""unicorn: a worker serves one request at a time."""

from collections.abc import Sequence
from pathlib import Path

from tests.system import independent
from tests.zoo.environment import APPLICATIONS
from tests.zoo.family import Family


class Unicorn(Family):
    name = "unicorn"
    group = "unicorn.*"

    def missing(self) -> str | None:
        return None if Path("/usr/bin/unicorn").exists() else "unicorn is not installed: apt install unicorn"

    def argv(self) -> Sequence[str]:
        configuration = self.directory / "unicorn.rb"
        configuration.write_text(f'worker_processes {self.count}\nlisten "127.0.0.1:{self.port}"\n')
        return ["/usr/bin/unicorn", "-c", str(configuration), "-E", "none", str(APPLICATIONS / "config.ru")]

    def is_worker(self, pid: int) -> bool:
        return "worker[" in independent.title(pid)


FAMILY = Unicorn
