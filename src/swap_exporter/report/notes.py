"""Notes below the table: what its marks mean, and what is unknown."""

from collections.abc import Iterator

from swap_exporter.readable import plural
from swap_exporter.report.rows import CommandRow, GroupRow, Report, Swap

VMSWAP = "*"
"""Marks a size that is partly or wholly VmSwap."""

FAULTS = "flt/s"
"""The unit if only page faults are known."""

UNKNOWN = "?"
"""Marks the number of workers that the exporter has not watched long enough to call them idle."""


def notes(report: Report) -> Iterator[str]:
    """Each note is one or two sentences."""
    rows: tuple[GroupRow | CommandRow, ...] = (*report.groups, *report.commands)
    if any(_is_vmswap(row.swap) for row in rows):
        yield (
            f"{VMSWAP} VmSwap, which counts a shared page once in each process. SwapPss, which divides it "
            "among them, is not readable for all of these processes; root can read it."
        )
    if report.remainder and report.remainder.shared_memory:
        yield (
            "shared memory: tmpfs, memfd and shared mappings, whose owner /proc does not show (a lower "
            "bound). swap cache: copies of pages that are back in memory (an upper bound)."
        )
    if any(row.swapin.bytes_per_second is None for row in rows):
        yield (
            f"{FAULTS}: major page faults per second, file-backed ones included. Bytes need root, "
            "kernel.task_delayacct=1 and processes that were started after that."
        )
    if any(group.unknown and group.idle is not None for group in report.groups):
        yield f"+N{UNKNOWN}: N more workers may be idle; the exporter has not watched them for long enough."
    if report.exporter is not None:
        yield _exporter(report, report.exporter)
    elif report.host.swap_used != 0:
        yield (
            f"{report.seconds:.1f} seconds do not show which workers are idle, nor what was pushed out since "
            "they last worked: everything in swap counts as swapped. A running exporter knows; "
            f"{report.exporter_problem or 'none was found here (--from URL names one)'}."
        )
    if not report.whole_host:
        yield "Not every process of this machine is visible here: the swap of hidden processes has no row."
    if report.unreadable:
        yield f"The memory of {plural(report.unreadable, 'process', 'processes')} could not be read."


def _exporter(report: Report, url: str) -> str:
    if report.groups and report.exporter_groups == 0:
        return f"{url} knows none of these groups: it may have another configuration, or see another /proc."
    if report.groups and all(group.idle is None for group in report.groups):
        return (
            f"{url} has not watched for long enough to know which workers are idle: everything "
            "in swap counts as swapped."
        )
    return f"Idle workers, their displaced memory and what waking costs: from {url}."


def _is_vmswap(swap: Swap | None) -> bool:
    return swap is not None and not swap.proportional
