"""uvicorn with workers of its own: spawned, so they share nothing, and with a resource tracker."""

from collections.abc import Sequence

from tests.system import independent
from tests.system.servers.environment import bin_directory
from tests.system.servers.gunicorn import APPLICATION
from tests.system.servers.server import Server


class Uvicorn(Server):
    def __init__(self, workers: int = 3, private_megabytes: int = 0) -> None:
        super().__init__()
        self.count = workers
        self.private_megabytes = private_megabytes

    def argv(self) -> Sequence[str]:
        return [
            str(bin_directory() / "uvicorn"),
            "--host=127.0.0.1",
            f"--port={self.port}",
            f"--workers={self.count}",
            f"--app-dir={APPLICATION}",
            "application:asgi",
        ]

    def environment(self) -> dict[str, str]:
        return super().environment() | {
            "PYTHONDONTWRITEBYTECODE": "1",
            "PRIVATE_MEGABYTES": str(self.private_megabytes),
        }

    def workers(self) -> list[int]:
        return [pid for pid in independent.children(self.pid) if "spawn_main" in independent.title(pid)]

    def _ready(self) -> bool:
        return (
            super()._ready() and len(self.workers()) == self.count and all(map(self._filled, self.workers()))
        )

    def _filled(self, worker: int) -> bool:
        return independent.resident(worker) >= self.private_megabytes << 20
