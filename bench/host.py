"""One host as Prometheus sees it: a daemon with ten groups that has watched for long enough to know all."""

import contextlib
import gzip
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench import contestants
from bench.comparison import idle_processes
from bench.exporter_options import configuration, hurried
from tests.deploy import contract

GROUPS = 10
PROCESSES = 30
PROMETHEUS = {
    "Accept": "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "Accept-Encoding": "gzip",
}
"""Headers that Prometheus scrapes with (2.42, scrape/scrape.go)."""
_LAST_KNOWN = (b"\nswap_group_idle_swapped_workers{", b"\nswap_host_quiet ")
"""What waits longest: for ``idle.after`` and for ``quiet.window``."""


class Host(NamedTuple):
    series: int
    plain: int
    """Bytes of the exposition."""
    gzipped: int
    """As they go over the network."""
    absent: tuple[str, ...]
    """Metrics of the contract that this kernel, these privileges or so idle a host do not give."""


@contextlib.contextmanager
def host(built: Path, scratch: Path) -> Iterator[tuple[int, int]]:
    """A daemon that shares its samples as by default, beside idle processes: its port and pid."""
    file = scratch / "host.yaml"
    file.write_text(hurried(configuration(GROUPS)))
    with idle_processes(built, PROCESSES, GROUPS), knowing_daemon(file) as (port, pid):
        yield port, pid


@contextlib.contextmanager
def knowing_daemon(config_file: Path, within: float = 60.0) -> Iterator[tuple[int, int]]:
    """Its port and pid, once nothing waits any more. Raises OSError where it does not come to that."""
    port = contestants.free_port()
    with contestants.running(contestants.daemon_command(config_file, port)) as pid:
        contestants.wait_for(port)
        deadline = time.monotonic() + within
        while not all(name in contestants.get(port) for name in _LAST_KNOWN):
            if time.monotonic() > deadline:
                raise OSError("the daemon does not come to know who is idle")
            time.sleep(0.2)
        yield port, pid


def described(port: int) -> Host:
    compressed = contestants.get(port, headers=PROMETHEUS)
    body = gzip.decompress(compressed)
    series = [line for line in body.decode().splitlines() if not line.startswith("#")]
    names = {line.replace("{", " ").split()[0] for line in series}
    absent = tuple(name for name in contract.metrics() if name not in names)
    return Host(len(series), len(body), len(compressed), absent)
