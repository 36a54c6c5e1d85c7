"""Each configuration that is accepted comes to a verdict: the corners of the ranges, on running exporters
whose ticks come late. All at the same time, for the longest tick takes two minutes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.reliability.conftest import Start
from tests.system.exporter import Exporter
from tests.system.waiting import wait_until

CORNERS = {"1ms": "1ms", "12s": "6s", "2m": "1m"}
"""``idle.window``, at its least, by ``tick``."""

CONFIGURATION = """
process_names: [{{name: dormice, cmdline: [^dormouse]}}]
catalog: false
tick: {tick}
idle: {{window: {window}, after: 1s}}
rate_window: 1s
quiet: {{window: 1s}}
# So that only ticks take samples, and no scrape of this test.
min_sample_interval: 1h
"""


@pytest.fixture
def dormouse() -> Iterator[int]:
    sleeper = ["dormouse", "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(sleeper, executable=sys.executable) as process:
        yield process.pid
        process.kill()


def has_a_verdict(exporter: Exporter) -> bool:
    scrape = exporter.scrape()
    assert scrape.sum("swap_group_workers", group="dormice", activity="idle") == 1
    assert scrape.value("swap_group_idle_swapped_workers", group="dormice") == 0
    assert scrape.get("swap_host_quiet") is not None
    assert scrape.get("swap_host_swapin_bytes_per_second") is not None
    return True


def stop_over(exporter: Exporter, begin: float, seconds: float) -> None:
    """Stop it from ``begin``, on the monotonic clock, for so long."""
    time.sleep(max(0.0, begin - time.monotonic()))
    os.kill(exporter.pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(exporter.pid, signal.SIGCONT)


def test_every_corner_of_the_accepted_ranges_reaches_a_verdict(start: Start, dormouse: int) -> None:
    exporters = {
        tick: start(Exporter(CONFIGURATION.format(tick=tick, window=window)))
        for tick, window in CORNERS.items()
    }
    began = time.monotonic()
    wait_until("the shortest tick", lambda: has_a_verdict(exporters["1ms"]))
    stop_over(exporters["12s"], began + 10, seconds=8)
    wait_until("a tick of 12 s", lambda: has_a_verdict(exporters["12s"]))
    stop_over(exporters["2m"], began + 115, seconds=15)
    wait_until("the longest tick", lambda: has_a_verdict(exporters["2m"]))
