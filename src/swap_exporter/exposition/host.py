"""The families of the machine: ``swap_host_*``, ``swap_device_*``, ``swap_zswap_*``, ``swap_zram_*``."""

from collections.abc import Iterator, Mapping

from prometheus_client.core import Metric

from swap_exporter.assessment import Assessment, Attribution
from swap_exporter.assessment.sums import times
from swap_exporter.exposition.family import counter, gauge, single
from swap_exporter.kernel.meminfo import Meminfo
from swap_exporter.kernel.pressure import Pressure
from swap_exporter.kernel.swaps import SwapDevice
from swap_exporter.kernel.vmstat import Vmstat
from swap_exporter.kernel.zram import Zram


def present(assessment: Assessment) -> Iterator[Metric]:
    """What one sample tells."""
    host = assessment.sample.host
    if host.meminfo is not None:
        yield from _memory(host.meminfo)
    if host.vmstat is not None:
        yield from _swap_io(host.vmstat, assessment.sample.page_size)
    if host.pressure is not None:
        yield from _pressure(host.pressure)
    if host.swap_devices is not None:
        yield from _devices(host.swap_devices)
    if host.zram is not None:
        yield from _zram(host.zram)
    if assessment.attribution is not None:
        yield from _attribution(assessment.attribution)


def past(assessment: Assessment) -> Iterator[Metric]:
    """What takes more than one sample to know."""
    page_size = assessment.sample.page_size
    yield from gauge(
        "swap_host_swapin_bytes_per_second",
        "Rate at which pages were read from swap into memory.",
        (),
        single(times(assessment.swapin_pages_per_second, page_size)),
    )
    yield from gauge(
        "swap_host_swapout_bytes_per_second",
        "Rate at which pages were written from memory to swap.",
        (),
        single(times(assessment.swapout_pages_per_second, page_size)),
    )
    yield from gauge(
        "swap_host_quiet",
        "1 while next to nothing moves between memory and swap, else 0. Absent until that can be known.",
        (),
        single(assessment.quiet),
    )
    yield from gauge(
        "swap_host_stranded_bytes",
        "Swap of the idle swapped workers of all groups that available memory could hold, at most the used "
        "swap.",
        (),
        single(assessment.stranded),
    )


def _memory(meminfo: Meminfo) -> Iterator[Metric]:
    yield from gauge("swap_host_size_bytes", "Size of all swap.", (), single(meminfo.swap_total))
    yield from gauge("swap_host_free_bytes", "Swap that is not used.", (), single(meminfo.swap_free))
    yield from gauge(
        "swap_host_cached_bytes",
        "Pages that are in memory and keep their place in swap too: reading them back costs nothing.",
        (),
        single(meminfo.swap_cached),
    )
    yield from gauge("swap_host_memory_bytes", "Size of memory.", (), single(meminfo.mem_total))
    yield from gauge(
        "swap_host_memory_available_bytes",
        "Memory that could be used without swapping, by the kernel's estimate.",
        (),
        single(meminfo.mem_available),
    )
    yield from gauge(
        "swap_zswap_stored_bytes",
        "What lies in the pool of zswap, uncompressed; it counts as used swap too.",
        (),
        single(meminfo.zswapped),
    )
    yield from gauge(
        "swap_zswap_pool_bytes", "Memory that the pool of zswap takes.", (), single(meminfo.zswap)
    )


def _swap_io(vmstat: Vmstat, page_size: int) -> Iterator[Metric]:
    families = (
        ("swapin", "Read from swap devices into memory since boot.", vmstat.pswpin),
        ("swapout", "Written from memory to swap devices since boot.", vmstat.pswpout),
        ("zswapin", "Taken from the compressed pool of zswap since boot.", vmstat.zswpin),
        ("zswapout", "Put into the compressed pool of zswap since boot.", vmstat.zswpout),
    )
    for name, documentation, pages in families:
        yield from counter(
            f"swap_host_{name}_bytes_total", documentation, (), single(times(pages, page_size))
        )


def _pressure(pressure: Pressure) -> Iterator[Metric]:
    yield from counter(
        "swap_host_memory_pressure_waiting_seconds_total",
        "Time in which at least one task waited for memory.",
        (),
        single(pressure.waiting_seconds),
    )
    yield from counter(
        "swap_host_memory_pressure_stalled_seconds_total",
        "Time in which all tasks that were not idle waited for memory at once.",
        (),
        single(pressure.stalled_seconds),
    )


def _devices(devices: tuple[SwapDevice, ...]) -> Iterator[Metric]:
    labels = ("device", "medium")
    keys = [(device.path, str(device.medium)) for device in devices]
    yield from gauge(
        "swap_device_size_bytes",
        "Size of the swap device.",
        labels,
        zip(keys, (device.size_bytes for device in devices), strict=True),
    )
    yield from gauge(
        "swap_device_used_bytes",
        "Used bytes of the swap device.",
        labels,
        zip(keys, (device.used_bytes for device in devices), strict=True),
    )
    yield from gauge(
        "swap_device_priority",
        "Priority of the swap device: the highest is filled first.",
        labels,
        zip(keys, (device.priority for device in devices), strict=True),
    )


def _zram(devices: Mapping[str, Zram]) -> Iterator[Metric]:
    yield from gauge(
        "swap_zram_stored_bytes",
        "What the zram device holds, uncompressed.",
        ("device",),
        (((device,), zram.stored) for device, zram in devices.items()),
    )
    yield from gauge(
        "swap_zram_pool_bytes",
        "Memory that the zram device takes for it.",
        ("device",),
        (((device,), zram.pool) for device, zram in devices.items()),
    )


def _attribution(attribution: Attribution) -> Iterator[Metric]:
    yield from gauge(
        "swap_host_attributed_bytes",
        "Used swap by owner: processes in a group, other processes, System V shared memory. Shared "
        "pages are divided among their sharers where that is known; none is more than the used swap.",
        ("owner",),
        [
            (("grouped",), attribution.grouped),
            (("ungrouped",), attribution.ungrouped),
            (("sysv_shm",), attribution.sysv_shm),
        ],
    )
    yield from gauge(
        "swap_host_unattributed_bytes",
        "Used swap that no process holds: tmpfs, memfd, and slots that the swap cache alone keeps.",
        (),
        single(attribution.unattributed),
    )
