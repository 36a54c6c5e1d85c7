"""A server in a process of its own, to be attacked: `python victim.py WEB_CONFIG`. Prints its address."""

import sys
from pathlib import Path

from swap_exporter.web.http import Request, Response
from swap_exporter.web.server import Server
from swap_exporter.web.toolkit import load_web_config

# About what 300 groups' worth of series take.
METRICS = b"".join(
    b'swap_group_swap_bytes{group="group-%d",role="worker"} %d\n' % (i, i) for i in range(1000)
)
LARGE = b"x" * 4_000_000


def handler(request: Request) -> Response:
    return Response(200, LARGE if request.path == "/large" else METRICS)


web_config = load_web_config(Path(sys.argv[1]))
server = Server(["127.0.0.1:0"], handler, web_config=web_config, request_timeout=1.5, idle_timeout=2)
server.start()
print(server.addresses[0], flush=True)
sys.stdin.read()
server.stop()
