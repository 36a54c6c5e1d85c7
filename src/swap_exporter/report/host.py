"""The whole machine, and the swap outside processes."""

from swap_exporter.assessment import Assessment, Attribution
from swap_exporter.assessment.sums import times, used_swap
from swap_exporter.report.rows import HostFigures, Remainder, Swap


def host_figures(assessment: Assessment) -> HostFigures:
    meminfo, page_size = assessment.sample.host.meminfo, assessment.sample.page_size
    return HostFigures(
        swap_total=meminfo.swap_total if meminfo else None,
        swap_used=used_swap(assessment.sample),
        swap_cached=meminfo.swap_cached if meminfo else None,
        memory_total=meminfo.mem_total if meminfo else None,
        memory_available=meminfo.mem_available if meminfo else None,
        swapin=times(assessment.swapin_pages_per_second, page_size),
        swapout=times(assessment.swapout_pages_per_second, page_size),
    )


def remainder(host: HostFigures, shown: Swap | None, attribution: Attribution | None) -> Remainder | None:
    """Used swap beyond ``shown``, the sum of the rows; ``None`` if a process is hidden or cannot be read."""
    if host.swap_used is None or shown is None or attribution is None or attribution.unattributed is None:
        return None
    left = host.swap_used - shown.size - (attribution.sysv_shm or 0)
    cached = min(max(0, left), host.swap_cached or 0)
    return Remainder(
        sysv_shm=attribution.sysv_shm,
        swap_cache=cached,
        shared_memory=max(0, left) - cached,
        repeated=max(0, -left),
    )
