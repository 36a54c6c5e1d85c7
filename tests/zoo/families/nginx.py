"""nginx: small workers, of which too little is pushed out to be counted."""

from collections.abc import Sequence
from pathlib import Path

from tests.system import independent
from tests.zoo.family import Family

CONFIGURATION = """\
daemon off;
user www-data;
worker_processes {count};
pid {directory}/nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  keepalive_timeout 86400s;
  keepalive_requests 1000000;
  server {{
    listen 127.0.0.1:{port};
    location / {{ default_type text/plain; return 200 $pid; }}
  }}
}}
"""


class Nginx(Family):
    name = "nginx"
    group = "nginx.*"
    keeps = True
    light = True
    count = 2
    heap = 0

    def missing(self) -> str | None:
        return None if Path("/usr/sbin/nginx").exists() else "nginx is not installed: apt install nginx"

    def argv(self) -> Sequence[str]:
        configuration = self.directory / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(count=self.count, port=self.port, directory=self.directory)
        )
        return ["/usr/sbin/nginx", "-p", str(self.directory), "-c", str(configuration), "-e", "stderr"]

    def is_worker(self, pid: int) -> bool:
        return independent.title(pid).startswith("nginx: worker process")


FAMILY = Nginx
