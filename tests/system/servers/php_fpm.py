"""php-fpm with a pool for each port, all of them ``pm = static``."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.system import independent
from tests.system.servers import fastcgi
from tests.system.servers.server import Server, free_port

SCRIPT = """\
<?php
if (isset($_GET['ms'])) {
    for ($end = used() + $_GET['ms']; used() < $end;);
}
echo getmypid();

function used() {
    $usage = getrusage();
    return $usage['ru_utime.tv_sec'] * 1e3 + $usage['ru_utime.tv_usec'] / 1e3;
}
"""
POOL = """\
[{name}]
user = www-data
group = www-data
listen = 127.0.0.1:{port}
pm = static
pm.max_children = {workers}
"""


def binary() -> str | None:
    """Debian names it after PHP's version."""
    found = sorted(Path("/usr/sbin").glob("php-fpm[0-9]*"))
    return str(found[-1]) if found else shutil.which("php-fpm")


class PhpFpm(Server):
    def __init__(self, pools: Mapping[str, int]) -> None:
        """``pools`` gives the number of workers of each."""
        super().__init__()
        self.pools = dict(pools)
        self.ports = {name: free_port() for name in pools}
        self.script = self.directory / "index.php"

    def missing(self) -> str | None:
        return None if binary() else "php-fpm is not installed: apt install php-fpm"

    def argv(self) -> Sequence[str]:
        program = binary()
        assert program
        self.script.write_text(SCRIPT)
        configuration = self.directory / "php-fpm.conf"
        configuration.write_text(
            "[global]\nerror_log = /proc/self/fd/2\n"
            + "".join(
                POOL.format(name=name, port=self.ports[name], workers=workers)
                for name, workers in self.pools.items()
            )
        )
        return [program, "--nodaemonize", f"--fpm-config={configuration}"]

    def request(self, path: str, pool: str | None = None) -> bytes:
        """As the others, from ``pool`` or the first one. Knows ``/`` and ``/cpu?ms=N``."""
        port = self.ports[pool or next(iter(self.ports))]
        return fastcgi.request(
            port,
            {
                "REQUEST_METHOD": "GET",
                "SCRIPT_FILENAME": str(self.script),
                "QUERY_STRING": path.partition("?")[2],
            },
        )

    def workers(self, pool: str | None = None) -> list[int]:
        """Of one pool or of all."""
        ending = f"php-fpm: pool {pool}" if pool else "php-fpm: pool "
        return [
            pid
            for pid in independent.children(self.pid)
            if independent.title(pid).strip() == ending
            or (not pool and independent.title(pid).startswith(ending))
        ]

    def _ready(self) -> bool:
        return super()._ready() and all(len(self.workers(name)) == n for name, n in self.pools.items())
