"""The table of ``swap_group_*``."""

from collections.abc import Callable

from swap_exporter.assessment import Assessment, GroupAssessment, IdleSwapped, RoleAssessment, Wake
from swap_exporter.exposition.row import Labelled, Row, Values, in_bytes, optional


def _by_group(value: Callable[[GroupAssessment], float | None]) -> Values:
    return lambda assessment: (((group.name,), value(group)) for group in assessment.groups)


def _by_role(value: Callable[[RoleAssessment], float | None]) -> Values:
    return lambda assessment: (
        ((group.name, name), value(role)) for group in assessment.groups for name, role in group.roles.items()
    )


def _idle_swapped(value: Callable[[IdleSwapped], float | None]) -> Values:
    return _by_group(optional(lambda group: group.idle_swapped, value))


def _wake(value: Callable[[Wake], float | None]) -> Values:
    return _by_group(optional(lambda group: group.wake, value))


def _workers(assessment: Assessment) -> Labelled:
    return (
        ((group.name, activity, residency), count)
        for group in assessment.groups
        for (activity, residency), count in group.workers.items()
    )


def _cpu_seconds(assessment: Assessment) -> Labelled:
    ticks_per_second = assessment.sample.clock_ticks
    return _by_role(lambda role: role.counters.cpu_ticks / ticks_per_second)(assessment)


# fmt: off
GROUPS: tuple[Row[Assessment], ...] = (
    Row("swap_group_processes", "gauge", ("group", "role"),
        "Processes in the group now, by role: master, worker or auxiliary.",
        _by_role(lambda role: role.processes)),
    Row("swap_group_swap_bytes", "gauge", ("group", "role"),
        "Sum of VmSwap of the group's processes. A shared page counts once in each process that maps it.",
        _by_role(lambda role: role.swap)),
    Row("swap_group_swap_proportional_bytes", "gauge", ("group", "role"),
        "Sum of SwapPss of the group's processes: their swap, with shared pages divided among the processes "
        "that share them. Absent until SwapPss of each process is known.",
        _by_role(lambda role: role.proportional_swap)),
    Row("swap_group_resident_bytes", "gauge", ("group", "role"),
        "Sum of VmRSS of the group's processes. A shared page counts once in each process that maps it.",
        _by_role(lambda role: role.resident)),
    Row("swap_group_worker_swap_max_bytes", "gauge", ("group",),
        "Largest VmSwap of a single worker of the group. Absent without workers, or if the VmSwap of one is "
        "unknown.",
        _by_group(lambda group: group.largest_worker_swap)),
    Row("swap_group_workers", "gauge", ("group", "activity", "residency"),
        "Workers by activity (busy: worked lately; idle: watched for long enough and did not work; unknown: "
        "not watched for long enough) and residency (swapped: largely pushed out since it last worked; "
        "resident: not).",
        _workers, needs_history=True),
    Row("swap_group_idle_swapped_workers", "gauge", ("group",),
        "Workers that are idle and swapped. Absent until the exporter has watched for long enough.",
        _idle_swapped(lambda idle: idle.workers), needs_history=True),
    Row("swap_group_idle_swapped_bytes", "gauge", ("group",),
        "Sum of VmSwap of the idle swapped workers. A shared page counts once in each worker that maps it.",
        _idle_swapped(lambda idle: idle.swap), needs_history=True),
    Row("swap_group_idle_swapped_proportional_bytes", "gauge", ("group",),
        "Sum of SwapPss of the idle swapped workers. Absent until SwapPss of each of them is known.",
        _idle_swapped(lambda idle: idle.proportional_swap), needs_history=True),
    Row("swap_group_displaced_bytes", "gauge", ("group",),
        "Bytes pushed out of the idle swapped workers since each last worked: a wake can read them back.",
        _idle_swapped(lambda idle: idle.displaced), needs_history=True),
    Row("swap_group_stranded_bytes", "gauge", ("group",),
        "Swap of the idle swapped workers for which memory has room: the metric to alert on. An upper bound, "
        "made from VmSwap, if swap_group_idle_swapped_proportional_bytes is absent.",
        _idle_swapped(lambda idle: idle.stranded), needs_history=True),
    Row("swap_group_longest_idle_since_timestamp_seconds", "gauge", ("group",),
        "Unix time at which the worker that has been idle longest was last active, or first watched.",
        _by_group(lambda group: group.longest_idle_since), needs_history=True),
    Row("swap_group_cpu_seconds_total", "counter", ("group", "role"),
        "User and system CPU time of the group's processes, counted while the exporter watches them.",
        _cpu_seconds, needs_history=True),
    Row("swap_group_major_faults_total", "counter", ("group", "role"),
        "Major page faults, file-backed ones included: an upper bound on swap-in faults.",
        _by_role(lambda role: role.counters.major_faults), needs_history=True),
    Row("swap_group_swapin_bytes_total", "counter", ("group", "role"),
        "Bytes that the kernel read from swap for faults of the group's processes, readahead and zero pages "
        "included. Absent without processes, or unless delay accounting measures each of them.",
        in_bytes(_by_role(lambda role: role.swapin_pages)), needs_history=True),
    Row("swap_group_swapin_bytes_per_second", "gauge", ("group", "role"),
        "Bytes per second that the group's processes read back from swap, over rate_window.",
        in_bytes(_by_role(lambda role: role.swapin_pages_per_second)), needs_history=True),
    Row("swap_group_wake_bytes", "gauge", ("group",),
        "Median of the displaced bytes of the idle swapped workers, with shared pages divided among the "
        "processes that share them: an upper bound on what one of them reads back when it wakes.",
        _wake(lambda wake: wake.bytes), needs_history=True),
    Row("swap_group_wake_seconds", "gauge", ("group",),
        "Estimated seconds that swap adds to the first request of an idle swapped worker that wakes alone. "
        "Absent until the exporter has seen three wakes on this host.",
        _wake(lambda wake: wake.seconds), needs_history=True),
    Row("swap_group_wake_all_seconds", "gauge", ("group",),
        "Estimated seconds until the last answer, if as many first requests arrive at once as there are idle "
        "swapped workers. Absent until the exporter has seen three wakes on this host.",
        _wake(lambda wake: wake.all_seconds), needs_history=True),
)
# fmt: on
