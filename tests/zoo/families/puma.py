"""puma as a cluster: workers with many threads, which wake every few seconds."""

from collections.abc import Sequence
from pathlib import Path

from tests.system import independent
from tests.zoo.environment import APPLICATIONS
from tests.zoo.family import Family

CONFIGURATION = """\
workers {count}
threads 2, 2
bind "tcp://127.0.0.1:{port}"
rackup "{applications}/config.ru"
tag "zoo"
persistent_timeout 86400
max_fast_inline 1000000000
environment "production"
"""


class Puma(Family):
    name = "puma"
    group = "puma:zoo"
    keeps = True

    def missing(self) -> str | None:
        return None if Path("/usr/bin/puma").exists() else "puma is not installed: apt install puma"

    def argv(self) -> Sequence[str]:
        configuration = self.directory / "puma.rb"
        configuration.write_text(
            CONFIGURATION.format(count=self.count, port=self.port, applications=APPLICATIONS)
        )
        return ["/usr/bin/puma", "--config", str(configuration)]

    def is_worker(self, pid: int) -> bool:
        return independent.title(pid).startswith("puma: cluster worker")


FAMILY = Puma
