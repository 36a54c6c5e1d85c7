"""gunicorn with its usual worker classes."""

from collections.abc import Sequence
from pathlib import Path

from tests.system import independent
from tests.system.servers.environment import bin_directory
from tests.system.servers.server import Server

APPLICATION = Path(__file__).with_name("application")
CONFIGURATION = """\
def post_worker_init(worker):
    import application
    application.fill()
"""


class Gunicorn(Server):
    def __init__(
        self,
        workers: int = 3,
        worker_class: str = "sync",
        preload: bool = False,
        shared_megabytes: int = 0,
        private_megabytes: int = 0,
        name: str = "shopapi",
        options: Sequence[str] = (),
    ) -> None:
        """``worker_class`` is sync, gthread or uvicorn; ``name`` is what the titles show in brackets."""
        super().__init__()
        self.count = workers
        self.worker_class = worker_class
        self.preload = preload
        self.shared_megabytes = shared_megabytes
        self.private_megabytes = private_megabytes
        self.name = name
        self.options = options

    def argv(self) -> Sequence[str]:
        configuration = self.directory / "gunicorn.conf.py"
        configuration.write_text(CONFIGURATION)
        asgi = self.worker_class == "uvicorn"
        return [
            str(bin_directory() / "gunicorn"),
            f"--config={configuration}",
            f"--bind=127.0.0.1:{self.port}",
            f"--workers={self.count}",
            f"--worker-class={'uvicorn_worker.UvicornWorker' if asgi else self.worker_class}",
            f"--name={self.name}",
            *(["--preload"] if self.preload else []),
            *self.options,
            f"application:{'asgi' if asgi else 'wsgi'}",
        ]

    def environment(self) -> dict[str, str]:
        return super().environment() | {
            "PYTHONPATH": str(APPLICATION),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SHARED_MEGABYTES": str(self.shared_megabytes),
            "PRIVATE_MEGABYTES": str(self.private_megabytes),
        }

    def workers(self) -> list[int]:
        return [
            pid
            for pid in independent.children(self.pid)
            if independent.title(pid).startswith("gunicorn: worker")
        ]

    def _ready(self) -> bool:
        return (
            super()._ready() and len(self.workers()) == self.count and all(map(self._filled, self.workers()))
        )

    def _filled(self, worker: int) -> bool:
        return independent.resident(worker) >= self.private_megabytes << 20
