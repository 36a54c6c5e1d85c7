"""gunicorn's default: a worker serves one request at a time and wakes for its heartbeat."""

from collections.abc import Sequence

from tests.system import independent
from tests.zoo.environment import bin_directory
from tests.zoo.family import Family


class Gunicorn(Family):
    worker_class = "sync"
    options: Sequence[str] = ()
    application = "zoo_app:wsgi"

    def argv(self) -> Sequence[str]:
        return [
            str(bin_directory() / "gunicorn"),
            f"--bind=127.0.0.1:{self.port}",
            f"--workers={self.count}",
            f"--worker-class={self.worker_class}",
            f"--name={self.name}",
            *self.options,
            self.application,
        ]

    def is_worker(self, pid: int) -> bool:
        return independent.title(pid).startswith("gunicorn: worker")


class GunicornSync(Gunicorn):
    name = "gunicorn-sync"
    group = "gunicorn:gunicorn-sync"
    heap = 60


FAMILY = GunicornSync
