"""uvicorn's own workers: spawned, so that they share nothing; they wake ten times a second."""

from collections.abc import Sequence

from tests.system import independent
from tests.zoo.environment import APPLICATIONS, bin_directory
from tests.zoo.family import Family


class Uvicorn(Family):
    name = "uvicorn"
    group = "uvicorn:zoo_app:asgi"
    keeps = True
    ticking = True

    def argv(self) -> Sequence[str]:
        return [
            str(bin_directory() / "uvicorn"),
            "--host=127.0.0.1",
            f"--port={self.port}",
            f"--workers={self.count}",
            "--timeout-keep-alive=86400",
            "--timeout-worker-healthcheck=120",
            "--no-access-log",
            f"--app-dir={APPLICATIONS}",
            "zoo_app:asgi",
        ]

    def is_worker(self, pid: int) -> bool:
        return "spawn_main" in independent.title(pid)


FAMILY = Uvicorn
