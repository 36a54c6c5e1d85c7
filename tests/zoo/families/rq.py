"""rq's pool: a worker forks a work-horse for each job, and keeps no heap itself."""

from collections.abc import Sequence

from tests.system import independent
from tests.zoo.environment import bin_directory
from tests.zoo.queues import QueueFamily


class Rq(QueueFamily):
    name = "rq"
    group = "rq.*"
    software = "rq"
    count = 2
    heap = 0

    def argv(self) -> Sequence[str]:
        return [
            str(bin_directory() / "rq"),
            "worker-pool",
            f"--num-workers={self.count}",
            f"--url={self.broker}",
            "zoo",
        ]

    def is_worker(self, pid: int) -> bool:
        return independent.title(pid).startswith("rq:worker:")


FAMILY = Rq
