"""Is anything stranded or hurting, where, and since when?"""

from panels import ORANGE, RED, Panel, graph, number, runbook, stacked, timeline, verdict_table
from promql import GROUP, HELD, HOST, SOME_IN_SWAP, VERDICT


def verdict() -> list[Panel]:
    return [
        number(
            "Groups stranded",
            "Groups, counted once per host, whose idle workers lie in swap although memory has room for "
            "them.",
            "none",
            f"sum({VERDICT} == bool 3)",
            (1, ORANGE),
        ).links([runbook("SwapWorkersStranded")]),
        number(
            "Groups waking",
            "Groups, counted once per host, that read themselves back from swap at a rate that requests "
            "feel.",
            "none",
            f"sum({VERDICT} == bool 4)",
            (1, RED),
        ).links([runbook("SwapWorkersWaking")]),
        number(
            "Hosts thrashing",
            "Hosts that swap in both directions and lose their time waiting for memory.",
            "none",
            firing("SwapThrashing"),
            (1, RED),
        ).links([runbook("SwapThrashing")]),
        number(
            "Hosts with swap nearly full",
            "Hosts whose swap is nearly full, and whose memory could not take it back.",
            "none",
            firing("SwapNearlyFull"),
            (1, ORANGE),
        ).links([runbook("SwapNearlyFull")]),
        number(
            "Stranded",
            "What could come back into memory if all idle workers woke, over the chosen hosts.",
            "bytes",
            f"sum(swap_host_stranded_bytes{HOST})",
        ),
        number(
            "Exporters that do not answer",
            "Of these hosts nothing is known.",
            "none",
            'sum(up{job="swap-exporter", instance=~"$instance"} == bool 0)',
            (1, ORANGE),
        ).links([runbook("SwapExporterDown")]),
    ]


def where() -> list[Panel]:
    per_group = "by (instance, group)"
    return [
        verdict_table(
            "Groups with idle workers in swap",
            "One row per host and group. The verdict is that of the alerts; groups with nothing idle in "
            "swap are left out. A click on the group narrows the page down to it.",
            [
                ("Verdict", "none", f"max {per_group} ({VERDICT}) > 1"),
                ("Workers", "none", row(f"sum {per_group} (swap_group_workers{GROUP})")),
                ("Idle in swap", "none", row(f"max {per_group} (swap_group_idle_swapped_workers{GROUP})")),
                ("In swap", "bytes", row(f"sum {per_group} ({HELD})")),
                ("Stranded", "bytes", row(f"max {per_group} (swap_group_stranded_bytes{GROUP})")),
                (
                    "Reading back",
                    "Bps",
                    row(f"sum {per_group} (instance_group:swap_group_swapin_bytes:rate5m{GROUP})"),
                ),
                (
                    "Longest idle",
                    "dateTimeFromNow",
                    row(f"1000 * min {per_group} (swap_group_longest_idle_since_timestamp_seconds{GROUP})"),
                ),
                ("Waking one", "bytes", row(f"max {per_group} (swap_group_wake_bytes{GROUP})")),
                ("takes about", "s", row(f"max {per_group} (swap_group_wake_seconds{GROUP})")),
            ],
        )
    ]


def since() -> list[Panel]:
    return [
        timeline(
            "Verdict",
            "Groups with idle workers in swap, by host: harmless, stranded, or waking.",
            SOME_IN_SWAP,
            "{{instance}} {{group}}",
        ),
        stacked(
            graph(
                "Stranded",
                "What the alert compares: stranded bytes per group, averaged over half an hour; summed over "
                "the chosen hosts.",
                "bytes",
                (f"sum by (group) (instance_group:swap_group_stranded_bytes:avg30m{GROUP}) > 0", "{{group}}"),
            )
        ).links([runbook("SwapWorkersStranded")]),
    ]


def firing(alert: str) -> str:
    """On how many hosts an alert fires: 0 only where the rules are at work."""
    alerts = f'ALERTS{{alertname="{alert}", alertstate="firing", instance=~"$instance"}}'
    hosts = f"instance:swap_host_swapin_bytes:rate5m{HOST}"
    return f"count(max by (instance) ({alerts})) or 0 * count({hosts})"


def row(expression: str) -> str:
    """A column of the verdict table. A fleet's table stays short: only groups with something idle in swap."""
    return f"{expression} and {SOME_IN_SWAP}"
