"""uwsgi with a master, its HTTP socket in the workers, titles from --auto-procname."""

from collections.abc import Sequence

from tests.system import independent
from tests.zoo.environment import APPLICATIONS
from tests.zoo.family import Family


class Uwsgi(Family):
    name = "uwsgi"
    group = "uwsgi:zoo"

    def argv(self) -> Sequence[str]:
        return [
            "/usr/bin/uwsgi",
            "--plugin=python3",
            "--master",
            f"--processes={self.count}",
            f"--http-socket=127.0.0.1:{self.port}",
            "--lazy-apps",
            "--auto-procname",
            "--procname-prefix-spaced=zoo",
            f"--pythonpath={APPLICATIONS}",
            "--module=zoo_app:wsgi",
            "--die-on-term",
            "--disable-logging",
        ]

    def is_worker(self, pid: int) -> bool:
        return " worker " in independent.title(pid)


FAMILY = Uwsgi
