"""The ``swap_group_*`` families."""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client.core import Metric

from swap_exporter.assessment import GroupAssessment, IdleSwapped, RoleAssessment
from swap_exporter.exposition.family import Labelled, counter, gauge


def present(groups: Sequence[GroupAssessment]) -> Iterator[Metric]:
    """What one sample tells."""
    yield from gauge(
        "swap_group_processes",
        "Processes of the group now, by role: master, worker or auxiliary.",
        ("group", "role"),
        _by_role(groups, lambda role: role.processes),
    )
    yield from gauge(
        "swap_group_swap_bytes",
        "Sum of VmSwap of the processes. A page that several of them share counts once in each.",
        ("group", "role"),
        _by_role(groups, lambda role: role.swap),
    )
    yield from gauge(
        "swap_group_resident_bytes",
        "Sum of VmRSS of the processes. A page that several of them share counts once in each.",
        ("group", "role"),
        _by_role(groups, lambda role: role.resident),
    )
    yield from gauge(
        "swap_group_worker_swap_max_bytes",
        "The largest VmSwap of one worker of the group.",
        ("group",),
        (((group.name,), group.largest_worker_swap) for group in groups),
    )


def past(groups: Sequence[GroupAssessment], clock_ticks: int) -> Iterator[Metric]:
    """What takes more than one sample to know."""
    yield from gauge(
        "swap_group_workers",
        "Workers by activity (busy: used CPU lately; idle: watched for long enough and did not; unknown: not "
        "watched for long enough) and residency (swapped: much was pushed out since it worked; resident).",
        ("group", "activity", "residency"),
        (
            ((group.name, activity, residency), count)
            for group in groups
            for (activity, residency), count in group.workers.items()
        ),
    )
    yield from gauge(
        "swap_group_idle_swapped_workers",
        "Workers that do nothing and lie in swap. Absent until the exporter has watched for long enough.",
        ("group",),
        _idle_swapped(groups, lambda lying: lying.workers),
    )
    yield from gauge(
        "swap_group_idle_swapped_bytes",
        "Sum of VmSwap of the idle swapped workers. A page that several of them share counts once in each.",
        ("group",),
        _idle_swapped(groups, lambda lying: lying.swap),
    )
    yield from gauge(
        "swap_group_displaced_bytes",
        "What was pushed out of the idle swapped workers since each last worked, and may have to come back.",
        ("group",),
        _idle_swapped(groups, lambda lying: lying.displaced),
    )
    yield from gauge(
        "swap_group_stranded_bytes",
        "Swap of the idle swapped workers that available memory could hold: the metric to alert on.",
        ("group",),
        _idle_swapped(groups, lambda lying: lying.stranded),
    )
    yield from gauge(
        "swap_group_longest_idle_since_timestamp_seconds",
        "Unix time at which the worker that has been idle longest was last active, or first watched.",
        ("group",),
        (((group.name,), group.longest_idle_since) for group in groups),
    )
    yield from counter(
        "swap_group_cpu_seconds_total",
        "User and system CPU time that the processes used while the exporter knew them.",
        ("group", "role"),
        _by_role(groups, lambda role: role.totals.cpu_ticks / clock_ticks),
    )
    yield from counter(
        "swap_group_major_faults_total",
        "Page faults that waited for I/O, those of files too: no swap-in fault is missing, not each is one.",
        ("group", "role"),
        _by_role(groups, lambda role: role.totals.major_faults),
    )


def _by_role(groups: Sequence[GroupAssessment], value: Callable[[RoleAssessment], float | None]) -> Labelled:
    return (((group.name, role), value(of)) for group in groups for role, of in group.roles.items())


def _idle_swapped(
    groups: Sequence[GroupAssessment], value: Callable[[IdleSwapped], float | None]
) -> Labelled:
    return (((group.name,), value(group.idle_swapped)) for group in groups if group.idle_swapped is not None)
