"""php-fpm with pm = static: scripts keep no heap, so little is pushed out unless requests allocate much."""

import shutil
from collections.abc import Sequence

from tests.system import independent
from tests.system.servers import fastcgi
from tests.system.servers.php_fpm import binary
from tests.zoo.environment import APPLICATIONS
from tests.zoo.family import TIMEOUT, Channel, Family, Request

CONFIGURATION = """\
[global]
error_log = /proc/self/fd/2
[zoo]
user = www-data
group = www-data
listen = 127.0.0.1:{port}
pm = static
pm.max_children = {count}
"""


class FastCgi:
    def __init__(self, port: int, heap: int, script: str) -> None:
        self._port = port
        self._script = script
        self._heap = heap

    def ask(self, request: Request) -> int:
        parameters = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_FILENAME": self._script,
            "QUERY_STRING": request.query,
            "HEAP_MIB": str(self._heap),
        }
        return int(fastcgi.request(self._port, parameters, TIMEOUT))

    def close(self) -> None:
        pass


class PhpFpm(Family):
    name = "php-fpm"
    group = "php-fpm:zoo"
    heap = 20

    def missing(self) -> str | None:
        return None if binary() else "php-fpm is not installed: apt install php-fpm"

    def argv(self) -> Sequence[str]:
        program = binary()
        assert program
        # The workers run as www-data, which cannot read a checkout in a home directory.
        shutil.copy(APPLICATIONS / "index.php", self.directory)
        configuration = self.directory / "php-fpm.conf"
        configuration.write_text(CONFIGURATION.format(port=self.port, count=self.count))
        return [program, "--nodaemonize", f"--fpm-config={configuration}"]

    def connect(self) -> Channel:
        return FastCgi(self.port, self.heap, str(self.directory / "index.php"))

    def filled(self, pid: int) -> bool:
        return independent.title(pid).strip() == "php-fpm: pool zoo"


FAMILY = PhpFpm
