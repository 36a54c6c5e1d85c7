"""One sentence first: the worst that there is to know about this machine's swap."""

from collections.abc import Sequence

from swap_exporter.assessment import at_most
from swap_exporter.readable import plural, printable, size
from swap_exporter.report.rows import GroupRow, HostFigures, State


def verdict(host: HostFigures, groups: Sequence[GroupRow], *, told: bool) -> str:
    """``groups``: all of them, the largest first. ``told``: an exporter knows which workers are idle."""
    if host.swap_total == 0:
        return "This host has no swap."
    if host.swap_used == 0:
        return f"Nothing is in swap: 0 of {size(host.swap_total or 0)} are used."
    waking = [group for group in groups if group.state is State.WAKING]
    if waking:
        return _waking(waking)
    stranded = [group for group in groups if group.state is State.STRANDED]
    if stranded:
        return _stranded(stranded, host)
    swapped = [group for group in groups if group.state is State.SWAPPED]
    if swapped:
        return _swapped(swapped, host)
    used = "Some swap is" if host.swap_used is None else f"{size(host.swap_used)} of swap are"
    if told:
        return f"{used} used, and no group is stranded or reads itself back."
    return f"{used} used, and no worker of a known server is in swap."


def _waking(groups: Sequence[GroupRow]) -> str:
    rate, faults = groups[0].swapin
    how = "is probably" if rate is None else "is"
    speed = f"{faults:.0f} major faults/s" if rate is None else f"{size(rate)}/s"
    return f"{_named(groups)} {how} reading itself back from swap ({speed}), and its requests wait for that."


def _stranded(groups: Sequence[GroupRow], host: HostFigures) -> str:
    # Groups share what is used and what is available.
    stranded = at_most(sum(group.stranded or 0 for group in groups), host.swap_used, host.memory_available)
    estimated = any(group.swap is None or not group.swap.proportional for group in groups)
    lying = sum(group.idle_swapped or 0 for group in groups)
    return (
        f"{_workers(lying, groups)} idle in swap, stranded: {'at most ' if estimated else ''}"
        f"{size(stranded or 0)} that memory has room for and that their next requests will wait for."
    )


def _swapped(groups: Sequence[GroupRow], host: HostFigures) -> str:
    swapped = sum(group.swapped for group in groups)
    available = host.memory_available
    room = "" if available is None else f" while {size(available)} of memory are available"
    return f"{_workers(swapped, groups)} in swap{room}; which of them are idle is unknown."


def _workers(lying: int, groups: Sequence[GroupRow]) -> str:
    workers = plural(sum(group.workers for group in groups), "worker", "workers")
    return f"{lying} of {workers} of {_named(groups)} {'is' if lying == 1 else 'are'}"


def _named(groups: Sequence[GroupRow]) -> str:
    more = len(groups) - 1
    return printable(groups[0].name) + (f" and {plural(more, 'other group', 'other groups')}" if more else "")
