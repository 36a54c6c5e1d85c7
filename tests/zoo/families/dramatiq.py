"""dramatiq: processes with threads that poll the broker several times a second."""

from collections.abc import Sequence

from tests.system import independent
from tests.zoo.environment import bin_directory
from tests.zoo.queues import QueueFamily


class Dramatiq(QueueFamily):
    name = "dramatiq"
    group = "dramatiq.*"
    software = "dramatiq"
    ticking = True
    count = 2

    def argv(self) -> Sequence[str]:
        return [
            str(bin_directory() / "dramatiq"),
            f"--processes={self.count}",
            "--threads=1",
            "dramatiq_app",
        ]

    def environment(self) -> dict[str, str]:
        # A process takes no second message while it works on one.
        return super().environment() | {"dramatiq_queue_prefetch": "1"}

    def is_worker(self, pid: int) -> bool:
        return "resource_tracker" not in independent.title(pid)


FAMILY = Dramatiq
