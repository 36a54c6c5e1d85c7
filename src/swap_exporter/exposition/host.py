"""The table of the machine: ``swap_host_*`` and ``swap_zswap_*``."""

from collections.abc import Callable

from swap_exporter.assessment import Assessment
from swap_exporter.exposition.row import Labelled, Row, Values, in_bytes, optional, single
from swap_exporter.kernel.meminfo import Meminfo
from swap_exporter.kernel.pressure import Pressure
from swap_exporter.kernel.vmstat import Vmstat


def _meminfo(value: Callable[[Meminfo], int | None]) -> Values:
    return single(optional(lambda assessment: assessment.sample.host.meminfo, value))


def _vmstat(pages: Callable[[Vmstat], int | None]) -> Values:
    return in_bytes(single(optional(lambda assessment: assessment.sample.host.vmstat, pages)))


def _pressure(value: Callable[[Pressure], float | None]) -> Values:
    return single(optional(lambda assessment: assessment.sample.host.pressure, value))


def _attributed(assessment: Assessment) -> Labelled:
    attribution = assessment.attribution
    if attribution is None:
        return []
    return [((owner,), getattr(attribution, owner)) for owner in ("grouped", "ungrouped", "sysv_shm")]


# fmt: off
HOST: tuple[Row[Assessment], ...] = (
    Row("swap_host_size_bytes", "gauge", (),
        "Size of all swap.",
        _meminfo(lambda meminfo: meminfo.swap_total)),
    Row("swap_host_free_bytes", "gauge", (),
        "Unused swap.",
        _meminfo(lambda meminfo: meminfo.swap_free)),
    Row("swap_host_cached_bytes", "gauge", (),
        "Pages that are both in memory and in swap: reading them back costs nothing.",
        _meminfo(lambda meminfo: meminfo.swap_cached)),
    Row("swap_host_memory_bytes", "gauge", (),
        "Size of memory.",
        _meminfo(lambda meminfo: meminfo.mem_total)),
    Row("swap_host_memory_available_bytes", "gauge", (),
        "Memory that can be used without swapping, by the kernel's estimate.",
        _meminfo(lambda meminfo: meminfo.mem_available)),
    Row("swap_host_swapin_bytes_total", "counter", (),
        "Bytes read from swap devices into memory since boot.",
        _vmstat(lambda vmstat: vmstat.pswpin)),
    Row("swap_host_swapout_bytes_total", "counter", (),
        "Bytes written from memory to swap devices since boot.",
        _vmstat(lambda vmstat: vmstat.pswpout)),
    Row("swap_host_zswapin_bytes_total", "counter", (),
        "Bytes taken from zswap's compressed pool since boot.",
        _vmstat(lambda vmstat: vmstat.zswpin)),
    Row("swap_host_zswapout_bytes_total", "counter", (),
        "Bytes put into zswap's compressed pool since boot.",
        _vmstat(lambda vmstat: vmstat.zswpout)),
    Row("swap_host_swapin_bytes_per_second", "gauge", (),
        "Bytes per second read from swap into memory, over rate_window.",
        in_bytes(single(lambda assessment: assessment.swapin_pages_per_second)), needs_history=True),
    Row("swap_host_swapout_bytes_per_second", "gauge", (),
        "Bytes per second written from memory to swap, over rate_window.",
        in_bytes(single(lambda assessment: assessment.swapout_pages_per_second)), needs_history=True),
    Row("swap_host_attributed_bytes", "gauge", ("owner",),
        "Used swap by owner: processes in a group, other processes, System V shared memory. Shared pages are "
        "divided among the processes that share them, if known. No value exceeds the used swap.",
        _attributed),
    Row("swap_host_unattributed_bytes", "gauge", (),
        "Used swap that belongs to no process: tmpfs, memfd, and slots that only the swap cache keeps.",
        single(optional(lambda assessment: assessment.attribution, lambda owners: owners.unattributed))),
    Row("swap_host_quiet", "gauge", (),
        "1 while next to nothing moves between memory and swap, else 0. Absent until the exporter has "
        "watched for quiet.window.",
        single(lambda assessment: assessment.quiet), needs_history=True),
    Row("swap_host_stranded_bytes", "gauge", (),
        "Swap of the idle swapped workers of all groups for which memory has room; not more than the used "
        "swap.",
        single(lambda assessment: assessment.stranded), needs_history=True),
    Row("swap_host_memory_pressure_waiting_seconds_total", "counter", (),
        "Time in which at least one task waited for memory.",
        _pressure(lambda pressure: pressure.waiting_seconds)),
    Row("swap_host_memory_pressure_stalled_seconds_total", "counter", (),
        "Time in which all non-idle tasks waited for memory at once.",
        _pressure(lambda pressure: pressure.stalled_seconds)),
    Row("swap_zswap_stored_bytes", "gauge", (),
        "Uncompressed size of the pages in zswap's pool. They count as used swap too.",
        _meminfo(lambda meminfo: meminfo.zswapped)),
    Row("swap_zswap_pool_bytes", "gauge", (),
        "Memory that zswap's pool takes.",
        _meminfo(lambda meminfo: meminfo.zswap)),
)
# fmt: on
