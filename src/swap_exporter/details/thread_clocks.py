"""The exact CPU time of processes with several threads: their /proc/PID/schedstat counts only the first.

Reading a thread takes some microseconds, so only workers are read, and none with more than MAX_THREADS.
"""

import os
from collections.abc import Iterable, Mapping

from swap_exporter.kernel import files, schedstat
from swap_exporter.kernel.errors import KernelFileError
from swap_exporter.sampling.sample import CpuClock, Identity, Process

MAX_THREADS = 64
"""A process with more is a database or a virtual machine, not a worker of a pool."""


def read(procfs: str, processes: Iterable[Process]) -> Mapping[Identity, CpuClock]:
    """The clocks of the processes that have 2 to MAX_THREADS threads and are readable. Raises nothing.

    When a thread ends, its time is no longer counted, so a sum can fall. A process that is missing here still
    has its CPU time in ticks.
    """
    clocks = {}
    for process in processes:
        if 1 < process.threads <= MAX_THREADS and not process.ended:
            try:
                clocks[process.identity] = _sum(f"{procfs}/{process.pid}/task")
            except KernelFileError:
                continue
    return clocks


def _sum(path: str) -> CpuClock:
    directory = files.open_directory(path)
    try:
        threads = [
            schedstat.parse(files.read_record(f"{thread}/schedstat", directory))
            for thread in files.list_numbers(".", directory)
        ]
    finally:
        os.close(directory)
    return CpuClock(
        sum(thread.running_ns for thread in threads), sum(thread.timeslices for thread in threads)
    )
