"""The ``swap_cgroup_*`` families: the cgroups (version 2) that hold a grouped process."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import Metric

from swap_exporter.assessment import Assessment
from swap_exporter.assessment.sums import times
from swap_exporter.details.cgroups import CgroupSwap
from swap_exporter.exposition.family import Labelled, counter, gauge


def present(assessment: Assessment) -> Iterator[Metric]:
    """What one sample tells. The label is the path below the root of the hierarchy."""
    swap, page_size = assessment.cgroups, assessment.sample.page_size
    families: tuple[
        tuple[Callable[..., Iterator[Metric]], str, str, Callable[[CgroupSwap], float | None]], ...
    ]
    families = (
        (gauge, "swap_bytes", "memory.swap.current: swap that is charged to the cgroup.", lambda of: of.swap),
        (
            gauge,
            "swap_limit_bytes",
            "memory.swap.max: how much of swap the cgroup may use. Absent where it has no limit.",
            lambda of: of.swap_limit,
        ),
        (
            counter,
            "swapin_bytes_total",
            "pswpin of memory.stat: read from swap devices by the cgroup.",
            lambda of: times(of.swapin_pages, page_size),
        ),
        (
            counter,
            "swapout_bytes_total",
            "pswpout of memory.stat: written to swap devices from the cgroup.",
            lambda of: times(of.swapout_pages, page_size),
        ),
        (
            counter,
            "memory_pressure_waiting_seconds_total",
            "Time in which at least one task of the cgroup waited for memory.",
            lambda of: of.pressure and of.pressure.waiting_seconds,
        ),
        (
            counter,
            "memory_pressure_stalled_seconds_total",
            "Time in which all tasks of the cgroup that were not idle waited for memory at once.",
            lambda of: of.pressure and of.pressure.stalled_seconds,
        ),
    )
    for family, name, documentation, value in families:
        yield from family(f"swap_cgroup_{name}", documentation, ("cgroup",), _values(swap, value))
    yield from counter(
        "swap_cgroup_events_total",
        "memory.swap.events: how often the cgroup was over its high limit, hit its limit (max), or could not "
        "swap out (fail).",
        ("cgroup", "event"),
        (((path, event), count) for path, of in swap.items() for event, count in (of.events or {}).items()),
    )
    yield from gauge(
        "swap_cgroup_group_info",
        "Always 1: the cgroup holds a process of the group.",
        ("cgroup", "group"),
        ((pair, 1) for pair in assessment.cgroup_groups),
    )


def _values(swap: Mapping[str, CgroupSwap], value: Callable[[CgroupSwap], float | None]) -> Labelled:
    return (((path,), value(of)) for path, of in swap.items())
