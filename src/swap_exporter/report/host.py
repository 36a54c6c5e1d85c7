"""The machine as a whole: its rates, and the swap that no process shows."""

from collections.abc import Sequence
from operator import attrgetter

from swap_exporter.report.rows import HostFigures, Remainder, Swap
from swap_exporter.sampling.sample import Sample


def host_figures(before: Sample, after: Sample, seconds: float) -> HostFigures:
    """``seconds`` lie between the two samples."""
    meminfo = after.host.meminfo
    return HostFigures(
        swap_total=meminfo.swap_total if meminfo else None,
        swap_used=meminfo.swap_total - meminfo.swap_free if meminfo else None,
        swap_cached=meminfo.swap_cached if meminfo else None,
        memory_total=meminfo.mem_total if meminfo else None,
        memory_available=meminfo.mem_available if meminfo else None,
        swapin=_rate(before, after, ("pswpin", "zswpin"), seconds),
        swapout=_rate(before, after, ("pswpout", "zswpout"), seconds),
    )


def _rate(before: Sample, after: Sample, fields: Sequence[str], seconds: float) -> float | None:
    if before.host.vmstat is None or after.host.vmstat is None:
        return None
    readings = attrgetter(*fields)
    device, zswap = (
        None if new is None or old is None else new - old
        for old, new in zip(readings(before.host.vmstat), readings(after.host.vmstat), strict=True)
    )
    return None if device is None else (device + (zswap or 0)) * after.page_size / seconds


def remainder(host: HostFigures, shown: Swap | None, sysv_shm: int | None) -> Remainder | None:
    """What is used beyond what processes show; ``None`` where one of the two is not known."""
    if host.swap_used is None or shown is None:
        return None
    left = host.swap_used - shown.size - (sysv_shm or 0)
    cached = min(max(0, left), host.swap_cached or 0)
    return Remainder(
        sysv_shm=sysv_shm,
        swap_cache=cached,
        shared_memory=max(0, left) - cached,
        repeated=max(0, -left),
    )
