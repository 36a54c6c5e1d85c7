"""The host in one sentence, for people. Pure: an assessment in, text out.

For an unknown value the sentence gives the reason, or the time at which it will be known.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from swap_exporter.assessment import Assessment, GroupAssessment, IdleSwapped, total
from swap_exporter.assessment.sums import used_swap
from swap_exporter.assessment.waking import Evidence
from swap_exporter.grouping.roles import Role
from swap_exporter.readable import duration, plural, printable, size
from swap_exporter.summary.state import swapped_workers


def sentence(assessment: Assessment, *, watching: bool = True) -> str:
    """One sentence. Group names in it are printable, but any process can choose them.

    ``watching``: more samples follow, so unknown verdicts have a time at which they are due."""
    meminfo, used = assessment.sample.host.meminfo, used_swap(assessment.sample)
    if meminfo is None or used is None:
        return f"How much swap is used cannot be read here{'; the log says why' if watching else ''}."
    if not meminfo.swap_total:
        return "This host has no swap."
    parts = [f"{size(used) if used else 'None'} of {size(meminfo.swap_total)} swap used"]
    if used:
        parts += _users(assessment, used, watching=watching)
    if meminfo.mem_available is not None:
        parts.append(f"{size(meminfo.mem_available)} memory available")
    parts += _rates(assessment)
    return "; ".join(parts) + "."


def _users(assessment: Assessment, used: int, *, watching: bool) -> Iterator[str]:
    if not assessment.sample.complete:
        yield "what uses it is unknown, because the last sample of the processes is incomplete"
        return
    groups = [group for group in assessment.groups if group.roles[Role.WORKER].processes]
    known = [(group, group.idle_swapped) for group in groups if group.idle_swapped is not None]
    in_swap = [(group, idle) for group, idle in known if idle.workers]
    pending = [group for group in groups if group.idle_swapped is None]
    swapped = [group for group in pending if swapped_workers(group)]
    if not groups:
        yield "no worker of a known server runs here"
    elif in_swap:
        yield _idle_swapped(in_swap, used)
    elif not pending:
        yield "no idle worker is in it"
    elif not watching and not swapped:
        yield "no worker of a known server is in it"
    if pending and watching:
        what = f" for {plural(len(pending), 'group', 'groups')}" if known else " for idle workers"
        yield f"watching{what} since {_verdict_due(pending, assessment)}"
    elif swapped:
        yield _swapped(swapped)


def _idle_swapped(groups: Sequence[tuple[GroupAssessment, IdleSwapped]], used: int) -> str:
    groups = sorted(groups, key=lambda each: _swap(each[1]) or 0, reverse=True)
    workers = sum(idle.workers for _, idle in groups)
    swap = total(_swap(idle) for _, idle in groups)
    if swap is None:
        what = "is in it" if workers == 1 else "are in it"
    else:
        # VmSwap counts a shared page once in each process, so the sum can exceed the used swap.
        bound = "at most " if any(idle.estimated for _, idle in groups) else ""
        what = f"{'uses' if workers == 1 else 'use'} {bound}{size(min(swap, used))} of it"
    return (
        f"{plural(workers, 'idle worker', 'idle workers')} of {_names([group for group, _ in groups])} {what}"
    )


def _swapped(groups: Sequence[GroupAssessment]) -> str:
    groups = sorted(groups, key=lambda group: group.attributed or 0, reverse=True)
    swapped = sum(map(swapped_workers, groups))
    workers = plural(sum(sum(group.workers.values()) for group in groups), "worker", "workers")
    verb = "is" if swapped == 1 else "are"
    return f"{swapped} of {workers} of {_names(groups)} {verb} in it, and which workers are idle is unknown"


def _names(groups: Sequence[GroupAssessment]) -> str:
    others = len(groups) - 1
    return printable(groups[0].name) + (
        f" and {plural(others, 'other group', 'other groups')}" if others else ""
    )


def _swap(idle: IdleSwapped) -> int | None:
    return idle.swap if idle.proportional_swap is None else idle.proportional_swap


def _verdict_due(pending: Sequence[GroupAssessment], assessment: Assessment) -> str:
    at = assessment.sample.at
    since, due = at.monotonic, 0.0
    for group in pending:
        first = min(verdict.state.since.monotonic for verdict in group.verdicts)
        after = max(verdict.member.entry.idle.after for verdict in group.verdicts)
        since, due = min(since, first), max(due, first + after)
    began = datetime.fromtimestamp(at.wall - (at.monotonic - since), UTC)
    left = due - at.monotonic
    return f"{began:%H:%M:%S} UTC, verdict {f'in {duration(left)}' if left >= 1 else 'with the next sample'}"


def _rates(assessment: Assessment) -> Iterator[str]:
    page = assessment.sample.page_size
    swapin, swapout = assessment.swapin_pages_per_second, assessment.swapout_pages_per_second
    if swapin is None or swapout is None:
        known = assessment.sample.host.vmstat is not None
        yield (
            "swap-in and swap-out are not known yet" if known else "swap-in and swap-out cannot be read here"
        )
    elif max(swapin, swapout) >= 1:
        rates = (
            (f"{size(swapin * page)}/s swap-in", swapin),
            (f"{size(swapout * page)}/s swap-out", swapout),
        )
        yield " and ".join(text for text, rate in rates if rate >= 1)
    elif assessment.quiet is False:
        yield "nothing is moving now, but the host swapped within the last minutes"
    else:
        yield "nothing is moving" if swapin == swapout == 0 else "almost nothing is moving"
    waking = [(group.waking, group.name) for group in assessment.groups if group.waking is not None]
    if waking:
        # Measured rates before estimates, then the fastest.
        (evidence, rate), name = max(
            waking, key=lambda each: (each[0].evidence is Evidence.DELAY_ACCOUNTING, each[0].per_second)
        )
        if evidence is Evidence.DELAY_ACCOUNTING:
            yield f"{printable(name)} reads {size(rate)}/s back from swap"
        else:
            yield f"{printable(name)} probably reads back from swap ({rate:.0f} major faults/s)"
