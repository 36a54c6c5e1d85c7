"""The fleet, the host and the exporter, for who wants to look closer."""

from panels import Panel, graph, runbook, stacked
from promql import HOST, RATE


def fleet() -> list[Panel]:
    group = '{group=~"$group"}'
    return [
        stacked(
            graph(
                "Swap by group",
                "Over all hosts, whichever are chosen above, shared pages counted once where known. From "
                "recording rules.",
                "bytes",
                (f"sum by (group) (group:swap_group_swap_proportional_bytes:sum{group}) > 0", "{{group}}"),
            )
        ),
        stacked(
            graph(
                "Stranded by group",
                "Over all hosts. From recording rules.",
                "bytes",
                (f"sum by (group) (group:swap_group_stranded_bytes:sum{group}) > 0", "{{group}}"),
            )
        ),
        graph(
            "Hosts on which a group is stranded or waking",
            "Over all hosts. From recording rules.",
            "none",
            (
                'sum by (group) (group_verdict:swap_group_verdict:count{group=~"$group", verdict="3"})',
                "{{group}} stranded",
            ),
            (
                'sum by (group) (group_verdict:swap_group_verdict:count{group=~"$group", verdict="4"})',
                "{{group}} waking",
            ),
        ),
        graph(
            "Swap used and stranded against available memory",
            "Over all hosts. From recording rules.",
            "bytes",
            ("sum(job:swap_host_used_bytes:sum)", "Swap used"),
            ("sum(job:swap_host_stranded_bytes:sum)", "of it stranded"),
            ("sum(job:swap_host_memory_available_bytes:sum)", "Memory available"),
            ("sum(job:swap_host_size_bytes:sum)", "Swap size"),
        ),
    ]


def host() -> list[Panel]:
    return [
        graph(
            "Memory pressure",
            "Share of time in which at least one task (waiting) or all of them (stalled) waited for memory; "
            "of the hosts, the worst. Absent where the kernel has PSI switched off.",
            "percentunit",
            (f"max(rate(swap_host_memory_pressure_waiting_seconds_total{HOST}{RATE}))", "waiting"),
            (f"max(rate(swap_host_memory_pressure_stalled_seconds_total{HOST}{RATE}))", "stalled"),
        ).links([runbook("SwapThrashing")]),
        graph(
            "Swap devices in use",
            "Used share of each device, by what it lies on.",
            "percentunit",
            (
                f"sum by (instance, device, medium) (swap_device_used_bytes{HOST})"
                f" / sum by (instance, device, medium) (swap_device_size_bytes{HOST})",
                "{{instance}} {{device}} ({{medium}})",
            ),
        ),
        graph(
            "Compressed swap",
            "What zswap and zram hold, and the memory that it costs them.",
            "bytes",
            (f"sum(swap_zswap_stored_bytes{HOST})", "zswap, holds"),
            (f"sum(swap_zswap_pool_bytes{HOST})", "zswap, costs"),
            (f"sum(swap_zram_stored_bytes{HOST})", "zram, holds"),
            (f"sum(swap_zram_pool_bytes{HOST})", "zram, costs"),
        ),
        graph(
            "Swap of cgroups against their limit",
            "Only cgroups that hold a process of some group and have a limit.",
            "percentunit",
            (
                f"max by (instance, cgroup) (swap_cgroup_swap_bytes{HOST}"
                f" / (swap_cgroup_swap_limit_bytes{HOST} > 0))",
                "{{instance}} {{cgroup}}",
            ),
        ).links([runbook("SwapCgroupLimitHit")]),
    ]


def exporter() -> list[Panel]:
    return [
        graph(
            "Duration of collectors",
            "What reading each source took in the last sample; of the hosts, the slowest.",
            "s",
            (f"max by (collector) (swap_exporter_collector_duration_seconds{HOST})", "{{collector}}"),
        ),
        graph(
            "What hosts can tell",
            "Share of hosts on which each capability is there. A missing one leaves its metrics out.",
            "percentunit",
            (f"avg by (capability) (swap_exporter_capability{HOST})", "{{capability}}"),
        ),
        stacked(
            graph(
                "Processes in the last sample",
                "Vanished: ended while they were read. Denied: refused by the kernel.",
                "none",
                (f"sum by (result) (swap_exporter_processes{HOST})", "{{result}}"),
            )
        ),
        stacked(
            graph(
                "Proportional swap, how far it is known",
                "Processes whose SwapPss was read or kept, still waits for its turn, or will not be read.",
                "none",
                (f"sum by (result) (swap_exporter_proportional_reads{HOST})", "{{result}}"),
            )
        ),
    ]
