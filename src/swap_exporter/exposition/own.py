"""``process_*`` and ``python_*``: the exporter as a process, by the names that Prometheus' clients give.

The client's own collector lists the open descriptors to count them. Here there can be ten thousand: that
would take longer than the sample which they make fast.
"""

import os
import resource
import time
from collections.abc import Iterator
from functools import cache

from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR
from prometheus_client.core import Metric

from swap_exporter.exposition.family import counter, gauge, single
from swap_exporter.kernel import files, stat
from swap_exporter.kernel.errors import KernelFileError

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


def own_metrics() -> Iterator[Metric]:
    """Of this process; without those that cannot be read."""
    yield from _process()
    for collector in (PLATFORM_COLLECTOR, GC_COLLECTOR):
        yield from collector.collect()


def _process() -> Iterator[Metric]:
    try:
        own = stat.parse(files.read_record("/proc/self/stat"))
    except KernelFileError:
        return
    yield from gauge(
        "process_virtual_memory_bytes", "Virtual memory size in bytes.", (), single(own.virtual_bytes)
    )
    yield from gauge(
        "process_resident_memory_bytes",
        "Resident memory size in bytes.",
        (),
        single(own.resident_pages * _PAGE_SIZE),
    )
    yield from gauge(
        "process_start_time_seconds",
        "Start time of the process since unix epoch in seconds.",
        (),
        single(_started(own.start_ticks)),
    )
    yield from counter(
        "process_cpu_seconds_total",
        "Total user and system CPU time spent in seconds.",
        (),
        single(own.cpu_ticks / _TICKS),
    )
    yield from gauge("process_open_fds", "Number of open file descriptors.", (), single(_open_files()))
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = None if limit == resource.RLIM_INFINITY else limit
    yield from gauge("process_max_fds", "Maximum number of open file descriptors.", (), single(most))


def _open_files() -> int | None:
    """The size of the directory is their number since Linux 6.2, and 0 before."""
    try:
        return os.stat("/proc/self/fd").st_size or len(os.listdir("/proc/self/fd"))
    except OSError:
        return None


@cache
def _started(ticks: int) -> float:
    """Unix time. Told once: the two clocks differ by a little more or less at each reading."""
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / _TICKS
    return round(time.time() - age, 2)
