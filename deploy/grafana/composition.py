"""What is the swap made of, and what would waking cost?"""

from panels import GREEN, ORANGE, YELLOW, Panel, graph, line, runbook, stacked
from promql import GROUP, HELD, HOST, RATE


def composition() -> list[Panel]:
    size = f"sum(swap_host_size_bytes{HOST})"
    used = f"sum(swap_host_size_bytes{HOST} - swap_host_free_bytes{HOST})"
    balance = graph(
        "Swap against available memory",
        "Where the line of available memory runs above the area of used swap, all of it could come back; "
        "where it runs below, it could not. Of the used swap, the stranded part is what idle workers wait "
        "to be given back.",
        "bytes",
        (used, "Swap used"),
        (f"sum(swap_host_stranded_bytes{HOST})", "of it stranded"),
        (f"sum(swap_host_memory_available_bytes{HOST})", "Memory available"),
        (size, "Swap size"),
    )
    line(balance, "Swap used", YELLOW, fillOpacity=25)
    line(balance, "of it stranded", ORANGE, fillOpacity=50)
    line(balance, "Memory available", GREEN, lineWidth=2, fillOpacity=0)
    line(balance, "Swap size", "text", lineStyle={"fill": "dash", "dash": [10, 10]}, fillOpacity=0)

    traffic = graph(
        "Swap-in and swap-out",
        "Read into memory above the axis, written out below. Pages that only went through zswap's pool are "
        "apart: they cost processor time and no disk.",
        "Bps",
        (f"sum(rate(swap_host_swapin_bytes_total{HOST}{RATE}))", "in"),
        (f"-sum(rate(swap_host_swapout_bytes_total{HOST}{RATE}))", "out"),
        (f"sum(rate(swap_host_zswapin_bytes_total{HOST}{RATE}))", "in, zswap"),
        (f"-sum(rate(swap_host_zswapout_bytes_total{HOST}{RATE}))", "out, zswap"),
    )
    return [
        balance,
        traffic.links([runbook("SwapThrashing")]),
        stacked(
            graph(
                "Swap by group",
                "Shared pages counted once (SwapPss). Where that cannot be read VmSwap stands in, which "
                "counts them once in every process.",
                "bytes",
                (f"sum by (group) ({HELD}) > 0", "{{group}}"),
            )
        ),
        stacked(
            graph(
                "Who holds the used swap",
                "Grouped and ungrouped processes, System V shared memory, and what belongs to no process: "
                "tmpfs, memfd, and slots that only the swap cache keeps.",
                "bytes",
                (f"sum by (owner) (swap_host_attributed_bytes{HOST})", "{{owner}}"),
                (f"sum(swap_host_unattributed_bytes{HOST})", "no process"),
            )
        ),
        stacked(
            graph(
                "Workers by state",
                "Idle means: no work for idle.after. Unknown: not watched for so long yet. Swapped: much of "
                "what the worker had when it last worked has been pushed out since.",
                "none",
                (f"sum by (activity, residency) (swap_group_workers{GROUP})", "{{activity}}, {{residency}}"),
            )
        ),
        stacked(
            graph(
                "Resident memory by group",
                "VmRSS, summed; shared pages count in every process.",
                "bytes",
                (f"sum by (group) (swap_group_resident_bytes{GROUP})", "{{group}}"),
            )
        ),
    ]


def waking() -> list[Panel]:
    return [
        graph(
            "Waking one worker reads at most",
            "The median of what was pushed out of an idle worker since it last worked; of the hosts, the "
            "worst.",
            "bytes",
            (f"max by (group) (swap_group_wake_bytes{GROUP})", "{{group}}"),
        ),
        graph(
            "and takes about",
            "The same at what pages of recent wakes on that host took; absent until there were some, and "
            "where delay accounting is off.",
            "s",
            (f"max by (group) (swap_group_wake_seconds{GROUP})", "{{group}}"),
        ),
        graph(
            "Reading back now",
            "Swap-in of each group, from delay accounting; absent where that is off. The alert compares it "
            "over five minutes.",
            "Bps",
            (f"sum by (group) (rate(swap_group_swapin_bytes_total{GROUP}{RATE})) > 0", "{{group}}"),
        ).links([runbook("SwapWorkersWaking")]),
        graph(
            "Major faults",
            "Page faults that waited for I/O, of files as well: an upper bound of swap-in faults, for hosts "
            "without delay accounting.",
            "cps",
            (f"sum by (group) (rate(swap_group_major_faults_total{GROUP}{RATE})) > 0", "{{group}}"),
        ),
    ]
