"""A server in a process of its own, to be attacked: `python victim.py WEB_CONFIG TIMEOUT`.

Prints its address. TIMEOUT: seconds for a request, and for its answer.
"""

import sys
import time
from pathlib import Path
from threading import Lock

from prometheus_client.core import GaugeMetricFamily

from swap_exporter.exposition.render import Renderer
from swap_exporter.http.message import Request, Response
from swap_exporter.http.server import Server
from swap_exporter.http.web_config import load_web_config

# About what 300 groups' worth of series take.
METRICS = b"".join(
    b'swap_group_swap_bytes{group="group-%d",role="worker"} %d\n' % (i, i) for i in range(1000)
)
LARGE = [GaugeMetricFamily(f"large_{number}", "2 MB.", labels=["number"]) for number in range(2)]
for family in LARGE:
    for number in range(2_000):
        family.add_metric([f"{number:01000}"], 0)

SAMPLED_EVERY = 0.02
FILES = 300

renderer = Renderer()
sampling = Lock()
sampled_at = 0.0


def sample() -> None:
    """Read as many files as a sample of a small host, one for all who ask meanwhile.

    Each read releases the interpreter's lock, and then waits for it beside the threads of the attackers.
    """
    global sampled_at
    with sampling:
        if time.monotonic() - sampled_at >= SAMPLED_EVERY:
            for _ in range(FILES):
                Path("/proc/self/stat").read_bytes()
            sampled_at = time.monotonic()


def handler(request: Request) -> Response:
    sample()
    if request.path != "/large":
        return Response(200, METRICS)
    # A sample a second, as the exporter takes it.
    rendered = renderer.render(LARGE, of=int(time.monotonic()))
    return Response(200, rendered.body, content_type=rendered.content_type)


web_config = load_web_config(Path(sys.argv[1]))
server = Server(
    ["127.0.0.1:0"], handler, web_config=web_config, request_timeout=float(sys.argv[2]), idle_timeout=2
)
server.start()
print(server.addresses[0], flush=True)
sys.stdin.read()
server.stop()
