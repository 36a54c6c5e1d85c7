"""The table of ``swap_cgroup_*``: cgroups (version 2) with a grouped process.

The label ``cgroup`` is the path below the root of the hierarchy.
"""

from collections.abc import Callable

from swap_exporter.assessment import Assessment
from swap_exporter.details.cgroups import CgroupSwap
from swap_exporter.exposition.row import Labelled, Row, Values, in_bytes, optional
from swap_exporter.kernel.pressure import Pressure


def _by_cgroup(value: Callable[[CgroupSwap], float | None]) -> Values:
    return lambda assessment: (((path,), value(cgroup)) for path, cgroup in assessment.cgroups.items())


def _pressure(value: Callable[[Pressure], float | None]) -> Values:
    return _by_cgroup(optional(lambda cgroup: cgroup.pressure, value))


def _events(assessment: Assessment) -> Labelled:
    return (
        ((path, event), count)
        for path, cgroup in assessment.cgroups.items()
        for event, count in (cgroup.events or {}).items()
    )


# fmt: off
CGROUPS: tuple[Row[Assessment], ...] = (
    Row("swap_cgroup_swap_bytes", "gauge", ("cgroup",),
        "Swap that is charged to the cgroup: memory.swap.current.",
        _by_cgroup(lambda cgroup: cgroup.swap)),
    Row("swap_cgroup_swap_limit_bytes", "gauge", ("cgroup",),
        "Swap that the cgroup may use: memory.swap.max. Absent without a limit.",
        _by_cgroup(lambda cgroup: cgroup.swap_limit)),
    Row("swap_cgroup_swapin_bytes_total", "counter", ("cgroup",),
        "Bytes that the cgroup read from swap devices: pswpin of memory.stat.",
        in_bytes(_by_cgroup(lambda cgroup: cgroup.swapin_pages))),
    Row("swap_cgroup_swapout_bytes_total", "counter", ("cgroup",),
        "Bytes written from the cgroup to swap devices: pswpout of memory.stat.",
        in_bytes(_by_cgroup(lambda cgroup: cgroup.swapout_pages))),
    Row("swap_cgroup_memory_pressure_waiting_seconds_total", "counter", ("cgroup",),
        "Time in which at least one task of the cgroup waited for memory.",
        _pressure(lambda pressure: pressure.waiting_seconds)),
    Row("swap_cgroup_memory_pressure_stalled_seconds_total", "counter", ("cgroup",),
        "Time in which all non-idle tasks of the cgroup waited for memory at once.",
        _pressure(lambda pressure: pressure.stalled_seconds)),
    Row("swap_cgroup_events_total", "counter", ("cgroup", "event"),
        "How often the cgroup was over its high limit (high), hit its limit (max), or failed to swap out "
        "(fail): memory.swap.events.",
        _events),
    Row("swap_cgroup_group_info", "gauge", ("cgroup", "group"),
        "Always 1: the cgroup contains a process of the group.",
        lambda assessment: ((pair, 1) for pair in assessment.cgroup_groups)),
)
# fmt: on
