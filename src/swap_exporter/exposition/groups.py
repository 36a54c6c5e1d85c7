"""The ``swap_group_*`` families."""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client.core import Metric

from swap_exporter.assessment import GroupAssessment, IdleSwapped, RoleAssessment
from swap_exporter.assessment.sums import times
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
        "swap_group_swap_proportional_bytes",
        "Sum of SwapPss of the processes: what they hold of swap, with shared pages divided among their "
        "sharers. Absent until it is known of each of them.",
        ("group", "role"),
        _by_role(groups, lambda role: role.proportional_swap),
    )
    yield from gauge(
        "swap_group_resident_bytes",
        "Sum of VmRSS of the processes. A page that several of them share counts once in each.",
        ("group", "role"),
        _by_role(groups, lambda role: role.resident),
    )
    yield from gauge(
        "swap_group_worker_swap_max_bytes",
        "The largest VmSwap of one worker of the group. Absent where that of one is unknown.",
        ("group",),
        (((group.name,), group.largest_worker_swap) for group in groups),
    )


def past(groups: Sequence[GroupAssessment], clock_ticks: int, page_size: int) -> Iterator[Metric]:
    """What takes more than one sample to know."""
    yield from _lying(groups)
    yield from _used(groups, clock_ticks)
    yield from _read_back(groups, page_size)


def _lying(groups: Sequence[GroupAssessment]) -> Iterator[Metric]:
    """Workers that are idle and swapped."""
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
        "Workers that are idle and swapped. Absent until the exporter has watched for long enough.",
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
        "swap_group_idle_swapped_proportional_bytes",
        "Sum of SwapPss of the idle swapped workers. Absent until it is known of each of them.",
        ("group",),
        _idle_swapped(groups, lambda lying: lying.proportional_swap),
    )
    yield from gauge(
        "swap_group_displaced_bytes",
        "Bytes pushed out of the idle swapped workers since each last worked, which they may read back.",
        ("group",),
        _idle_swapped(groups, lambda lying: lying.displaced),
    )
    yield from gauge(
        "swap_group_stranded_bytes",
        "Swap of the idle swapped workers for which memory has room: the metric to alert on. Where "
        "swap_group_idle_swapped_proportional_bytes is absent, VmSwap stands in for SwapPss, up to the used "
        "swap: an upper bound.",
        ("group",),
        _idle_swapped(groups, lambda lying: lying.stranded),
    )
    yield from gauge(
        "swap_group_longest_idle_since_timestamp_seconds",
        "Unix time at which the worker that has been idle longest was last active, or first watched.",
        ("group",),
        (((group.name,), group.longest_idle_since) for group in groups),
    )


def _used(groups: Sequence[GroupAssessment], clock_ticks: int) -> Iterator[Metric]:
    """What the processes used while they were known."""
    yield from counter(
        "swap_group_cpu_seconds_total",
        "User and system CPU time that the processes used while the exporter knew them.",
        ("group", "role"),
        _by_role(groups, lambda role: role.totals.cpu_ticks / clock_ticks),
    )
    yield from counter(
        "swap_group_major_faults_total",
        "Major page faults, file-backed ones included: an upper bound on swap-in faults.",
        ("group", "role"),
        _by_role(groups, lambda role: role.totals.major_faults),
    )


def _read_back(groups: Sequence[GroupAssessment], page_size: int) -> Iterator[Metric]:
    """What was read back from swap, and what waking a worker could cost."""
    yield from counter(
        "swap_group_swapin_bytes_total",
        "Pages that the faults of the processes made the kernel read from swap, readahead and zero pages "
        "included. Absent without a process, and unless delay accounting measures each of them.",
        ("group", "role"),
        _by_role(groups, lambda role: times(role.swapin_pages, page_size)),
    )
    yield from gauge(
        "swap_group_swapin_bytes_per_second",
        "Bytes per second that the processes read back from swap, over rate_window.",
        ("group", "role"),
        _by_role(groups, lambda role: times(role.swapin_pages_per_second, page_size)),
    )
    yield from gauge(
        "swap_group_wake_bytes",
        "Median of the displaced bytes of the idle swapped workers, shared pages by their share: the most "
        "that one of them reads back when it wakes.",
        ("group",),
        (((group.name,), group.wake.bytes) for group in groups if group.wake is not None),
    )
    yield from gauge(
        "swap_group_wake_seconds",
        "Seconds that the first request of an idle-swapped worker takes longer if it wakes alone, from the "
        "time per page and the share read back in earlier wakes. Absent until three were seen on this host.",
        ("group",),
        (((group.name,), group.wake.seconds) for group in groups if group.wake is not None),
    )
    yield from gauge(
        "swap_group_wake_all_seconds",
        "Seconds from as many simultaneous first requests as there are idle-swapped workers to the last "
        "answer. Absent until three wakes were seen on this host.",
        ("group",),
        (((group.name,), group.wake.all_seconds) for group in groups if group.wake is not None),
    )


def _by_role(groups: Sequence[GroupAssessment], value: Callable[[RoleAssessment], float | None]) -> Labelled:
    return (((group.name, role), value(of)) for group in groups for role, of in group.roles.items())


def _idle_swapped(
    groups: Sequence[GroupAssessment], value: Callable[[IdleSwapped], float | None]
) -> Labelled:
    return (((group.name,), value(group.idle_swapped)) for group in groups if group.idle_swapped is not None)
