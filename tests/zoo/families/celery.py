"""celery's prefork pool: idle children use nothing at all."""

from collections.abc import Sequence

from tests.system import independent
from tests.zoo.environment import bin_directory
from tests.zoo.queues import QueueFamily


class Celery(QueueFamily):
    name = "celery"
    group = "celery:zoo"
    software = "celery"

    def argv(self) -> Sequence[str]:
        return [
            str(bin_directory() / "celery"),
            "--app=celery_app",
            "worker",
            f"--concurrency={self.count}",
            "--hostname=zoo@localhost",
            "--loglevel=INFO",
        ]

    def environment(self) -> dict[str, str]:
        # Children take their heap after the fork.
        return super().environment() | {
            "HEAP_MIB": "0",
            "CHILD_HEAP_MIB": str(self.heap),
            "C_FORCE_ROOT": "1",
        }

    def listens(self) -> bool:
        return "zoo@localhost ready." in self.log.read_text()

    def is_worker(self, pid: int) -> bool:
        return "PoolWorker-" in independent.title(pid)


FAMILY = Celery
