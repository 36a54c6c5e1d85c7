"""granian: a runtime in Rust, workers that never wake while idle."""

from collections.abc import Sequence

from tests.system import independent
from tests.zoo.environment import bin_directory
from tests.zoo.family import Family


class Granian(Family):
    name = "granian"
    group = "granian.*"
    keeps = True

    def argv(self) -> Sequence[str]:
        return [
            str(bin_directory() / "granian"),
            "--host=127.0.0.1",
            f"--port={self.port}",
            f"--workers={self.count}",
            "--interface=asgi",
            "--no-access-log",
            "--http1-header-read-timeout=60000",
            "zoo_app:asgi",
        ]

    def is_worker(self, pid: int) -> bool:
        return "resource_tracker" not in independent.title(pid)


FAMILY = Granian
