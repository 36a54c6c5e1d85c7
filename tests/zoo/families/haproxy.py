"""haproxy in master-worker mode: one worker, small."""

from collections.abc import Sequence
from pathlib import Path

from tests.zoo.family import Family, Http, Request

CONFIGURATION = """\
global
  maxconn 100
defaults
  mode http
  timeout client 1d
  timeout server 1d
  timeout connect 5s
  timeout http-request 1d
  timeout http-keep-alive 1d
frontend zoo
  bind 127.0.0.1:{port}
  http-request return status 200 content-type text/plain string "0"
"""


class One(Http):
    """To a server with one process that serves: whoever answers, it is that one."""

    pid = 0

    def ask(self, request: Request) -> int:
        super().ask(request)
        return self.pid


class Haproxy(Family):
    name = "haproxy"
    group = "haproxy.*"
    keeps = True
    light = True
    count = 1
    heap = 0

    def missing(self) -> str | None:
        return None if Path("/usr/sbin/haproxy").exists() else "haproxy is not installed: apt install haproxy"

    def argv(self) -> Sequence[str]:
        configuration = self.directory / "haproxy.cfg"
        configuration.write_text(CONFIGURATION.format(port=self.port))
        return ["/usr/sbin/haproxy", "-W", "-f", str(configuration)]

    def connect(self) -> One:
        channel = One(self.port, keep=True)
        (channel.pid,) = self.workers()
        return channel


FAMILY = Haproxy
