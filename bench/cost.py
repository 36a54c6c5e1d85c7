"""What the daemon takes at rest: memory, descriptors, its start, and making an exposition."""

import contextlib
import os
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench import contestants
from bench.comparison import NAMES, idle_processes
from bench.exporter_options import configuration, every_time
from bench.host import PROMETHEUS
from swap_exporter.sampling.tracked import HELD_BYTES

SCRAPES = 20
STARTS = 5


class Memory(NamedTuple):
    processes: int
    private: int
    """Bytes that nobody shares, by smaps_rollup."""
    descriptors: int
    """Held on files below /proc/PID."""

    @property
    def all(self) -> int:
        return self.private + self.descriptors * HELD_BYTES


class Exposition(NamedTuple):
    groups: int
    anew: float
    """CPU seconds where nothing is as it was the last time."""
    again: float
    """Where the processes are at rest."""
    series: int
    bytes: int


def memory(processes: int, built: Path, scratch: Path) -> Memory:
    """Of the daemon after some scrapes."""
    with (
        idle_processes(built, processes, NAMES),
        contestants.daemon(_configured(scratch, NAMES)) as (scrape, pid),
    ):
        for _ in range(SCRAPES):
            scrape()
        return Memory(processes, private_bytes(pid), held_descriptors(pid))


def start(processes: int, built: Path, scratch: Path) -> float:
    """Seconds from the start of the program to the last byte of its first answered scrape."""
    seconds = []
    config_file = _configured(scratch, NAMES)
    with idle_processes(built, processes, NAMES):
        for _ in range(STARTS):
            port = contestants.free_port()
            began = time.perf_counter()
            with contestants.running(contestants.daemon_command(config_file, port)):
                contestants.wait_for(port)
                seconds.append(time.perf_counter() - began)
    return median(seconds)


def exposition(groups: int, built: Path, scratch: Path) -> Exposition:
    """Of so many groups of two processes, from an assessment to bytes."""
    config_file = _configured(scratch, groups)
    with (
        idle_processes(built, 2 * groups, groups),
        contestants.sampling(config_file, PROMETHEUS["Accept"]) as sampler,
    ):
        answers = [sampler.ask("expose").split() for _ in range(SCRAPES)]
    anew, again = (median(float(answer[which]) for answer in answers) for which in (0, 1))
    _, _, series, size = answers[-1]
    return Exposition(groups, anew, again, int(series), int(size))


def private_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Private_"))


def held_descriptors(pid: int) -> int:
    held = 0
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            parts = os.readlink(f"/proc/{pid}/fd/{descriptor}").split("/")
            held += parts[:2] == ["", "proc"] and parts[2].isdecimal()
    return held


def _configured(scratch: Path, names: int) -> Path:
    file = scratch / "swap-exporter.yaml"
    file.write_text(every_time(configuration(names)))
    return file
