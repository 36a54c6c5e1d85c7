"""What the daemon costs at rest: memory, descriptors, its start, and encoding an exposition."""

import contextlib
import os
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench import contestants
from bench.comparison import NAMES, idle_processes
from bench.exporter_options import configuration, sample_each_request
from swap_exporter.sampling.tracked import OPEN_FILE_BYTES

ACCEPT = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
"""The header that Prometheus 2.42 sends (scrape/scrape.go)."""
SCRAPES = 20
STARTS = 5


class Memory(NamedTuple):
    processes: int
    private: int
    """Bytes: Private_* of /proc/PID/smaps_rollup."""
    descriptors: int
    """Open files below /proc/PID."""

    @property
    def total(self) -> int:
        """Bytes, with the kernel memory of open files."""
        return self.private + self.descriptors * OPEN_FILE_BYTES


class Exposition(NamedTuple):
    groups: int
    changed: float
    """CPU seconds when every value is new."""
    unchanged: float
    """CPU seconds when the processes are at rest."""
    series: int
    bytes: int


def memory(processes: int, programs: Path, scratch: Path) -> Memory:
    """Memory of the daemon after some scrapes."""
    with (
        idle_processes(programs, processes, NAMES),
        contestants.daemon(_config_file(scratch, NAMES)) as (scrape, pid),
    ):
        for _ in range(SCRAPES):
            scrape()
        return Memory(processes, private_bytes(pid), open_proc_files(pid))


def start(processes: int, programs: Path, scratch: Path) -> float:
    """Seconds from the start of the daemon to the last byte of its first scrape."""
    seconds = []
    config_file = _config_file(scratch, NAMES)
    with idle_processes(programs, processes, NAMES):
        for _ in range(STARTS):
            port = contestants.free_port()
            began = time.perf_counter()
            with contestants.running(contestants.daemon_command(config_file, port)):
                contestants.wait_for(port)
                seconds.append(time.perf_counter() - began)
    return median(seconds)


def exposition(groups: int, programs: Path, scratch: Path) -> Exposition:
    """Cost of one exposition with groups of two processes each."""
    config_file = _config_file(scratch, groups)
    with (
        idle_processes(programs, 2 * groups, groups),
        contestants.sampler_service(config_file, ACCEPT) as sampler,
    ):
        answers = [sampler.ask("expose").split() for _ in range(SCRAPES)]
    changed, unchanged = (median(float(answer[index]) for answer in answers) for index in (0, 1))
    _, _, series, size = answers[-1]
    return Exposition(groups, changed, unchanged, int(series), int(size))


def private_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Private_"))


def open_proc_files(pid: int) -> int:
    count = 0
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            parts = os.readlink(f"/proc/{pid}/fd/{descriptor}").split("/")
            count += parts[:2] == ["", "proc"] and parts[2].isdecimal()
    return count


def _config_file(scratch: Path, names: int) -> Path:
    file = scratch / "swap-exporter.yaml"
    file.write_text(sample_each_request(configuration(names)))
    return file
