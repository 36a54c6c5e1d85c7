"""What a sample takes on disk: scrapes of a daemon whose groups work, made blocks of by promtool."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench import contestants
from bench.exporter_options import configuration, every_time, hurried
from bench.host import GROUPS, PROCESSES, knowing_daemon
from bench.line_service import line_service

SCRAPES = 240
INTERVAL = 30
"""Seconds between two scrapes, as they are told to promtool: two hours, which is one block."""
INSTANCES = 10
"""Hosts that each scrape is written down for: names and labels are stored once for all of them."""
_BEGAN = 1_700_000_000 // 7200 * 7200
"""Unix time at which blocks begin: multiples of two hours."""


class Stored(NamedTuple):
    samples: int
    bytes: int
    """All files of the blocks."""
    chunks: int
    """Bytes of it that are the samples; most of the others are the index."""


def stored(scratch: Path) -> Stored:
    """Raises OSError or CalledProcessError where it cannot be measured."""
    text, blocks = scratch / "scrapes.txt", scratch / "blocks"
    samples = 0
    with text.open("w") as file:
        for number, body in enumerate(_scrapes(scratch)):
            lines = [line for line in body.splitlines() if not line.startswith("#")]
            for line in lines:
                file.writelines(_of_instances(line, _BEGAN + INTERVAL * number))
            samples += INSTANCES * len(lines)
        file.write("# EOF\n")
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(text), str(blocks)]
    subprocess.run(command, check=True, timeout=3600)
    return Stored(samples, _size(blocks, "*/**/*"), _size(blocks, "*/chunks/*"))


def _scrapes(scratch: Path) -> Iterator[str]:
    file = scratch / "working.yaml"
    file.write_text(hurried(every_time(configuration(GROUPS))))
    with line_service([sys.executable, "-m", "bench.workers", str(PROCESSES), str(GROUPS)]) as workers:
        workers.answer()
        with knowing_daemon(file) as (port, _):
            for _ in range(SCRAPES):
                workers.ask()
                yield contestants.get(port).decode()


def _of_instances(line: str, time: int) -> Iterator[str]:
    """A line of the exposition with a target's labels, and its time."""
    series, value = line.rsplit(" ", 1)
    name, _, labels = series.partition("{")
    more = f",{labels}" if labels else "}"
    for number in range(INSTANCES):
        yield f'{name}{{instance="host-{number:06}:10059",job="swap-exporter"{more} {value} {time}\n'


def _size(blocks: Path, pattern: str) -> int:
    return sum(file.stat().st_size for file in blocks.glob(pattern) if file.is_file())
