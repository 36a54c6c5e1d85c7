"""hypercorn: workers wake ten times a second, as uvicorn's."""

from collections.abc import Sequence

from tests.system import independent
from tests.zoo.environment import bin_directory
from tests.zoo.family import Family


class Hypercorn(Family):
    name = "hypercorn"
    group = "hypercorn:zoo_app:asgi"
    keeps = True
    ticking = True

    def argv(self) -> Sequence[str]:
        return [
            str(bin_directory() / "hypercorn"),
            f"--bind=127.0.0.1:{self.port}",
            f"--workers={self.count}",
            "--keep-alive=86400",
            "zoo_app:asgi",
        ]

    def is_worker(self, pid: int) -> bool:
        return "spawn_main" in independent.title(pid)


FAMILY = Hypercorn
