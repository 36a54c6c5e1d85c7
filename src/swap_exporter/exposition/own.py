"""``process_*`` and ``python_*``: the exporter as a process, with the names of Prometheus' client libraries.

The client library's own collector lists the open descriptors to count them. The exporter keeps up to ten
thousand open: listing them would take longer than the sample that they speed up.
"""

import os
import resource
import time
from collections.abc import Iterator
from functools import cache

from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR
from prometheus_client.core import Metric

from swap_exporter.exposition.row import Row, collect, single
from swap_exporter.kernel import files, stat
from swap_exporter.kernel.errors import KernelFileError
from swap_exporter.kernel.stat import Stat

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


def own_metrics() -> Iterator[Metric]:
    """The metrics of this process, without those that cannot be read."""
    try:
        own = stat.parse(files.read_record("/proc/self/stat"))
    except KernelFileError:
        pass
    else:
        yield from collect(_PROCESS, own)
    for collector in (PLATFORM_COLLECTOR, GC_COLLECTOR):
        yield from collector.collect()


def _open_files() -> int | None:
    """The size of the directory is their number since Linux 6.2, and 0 before."""
    try:
        return os.stat("/proc/self/fd").st_size or len(os.listdir("/proc/self/fd"))
    except OSError:
        return None


def _max_open_files() -> int | None:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if limit == resource.RLIM_INFINITY else limit


@cache
def _started(ticks: int) -> float:
    """Unix time. Cached because the difference between the two clocks varies a little between readings."""
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / _TICKS
    return round(time.time() - age, 2)


# fmt: off
_PROCESS: tuple[Row[Stat], ...] = (
    Row("process_virtual_memory_bytes", "gauge", (),
        "Virtual memory size in bytes.",
        single(lambda own: own.virtual_bytes)),
    Row("process_resident_memory_bytes", "gauge", (),
        "Resident memory size in bytes.",
        single(lambda own: own.resident_pages * _PAGE_SIZE)),
    Row("process_start_time_seconds", "gauge", (),
        "Start time of the process since unix epoch in seconds.",
        single(lambda own: _started(own.start_ticks))),
    Row("process_cpu_seconds_total", "counter", (),
        "Total user and system CPU time spent in seconds.",
        single(lambda own: own.cpu_ticks / _TICKS)),
    Row("process_open_fds", "gauge", (),
        "Number of open file descriptors.",
        single(lambda _: _open_files())),
    Row("process_max_fds", "gauge", (),
        "Maximum number of open file descriptors.",
        single(lambda _: _max_open_files())),
)
# fmt: on
