"""The verdict over the host in one sentence, for people. Pure: an assessment in, text out.

It names what is known, and says of the rest why it is not known or when it will be.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from swap_exporter.assessment import Assessment, GroupAssessment, IdleSwapped, total
from swap_exporter.assessment.waking import Evidence, Waking
from swap_exporter.grouping.roles import Role
from swap_exporter.readable import duration, plural, printable, size


def sentence(assessment: Assessment) -> str:
    """One sentence. Group names in it are printable, but still what any process may choose."""
    meminfo = assessment.sample.host.meminfo
    if meminfo is None:
        return "How much swap is used cannot be read here; the log says why."
    if not meminfo.swap_total:
        return "This host has no swap."
    used = meminfo.swap_total - meminfo.swap_free
    parts = [f"{size(used) if used else 'None'} of {size(meminfo.swap_total)} swap used"]
    if used:
        parts += _who_holds(assessment, used)
    if meminfo.mem_available is not None:
        parts.append(f"{size(meminfo.mem_available)} memory available")
    parts += _what_moves(assessment)
    return "; ".join(parts) + "."


def _who_holds(assessment: Assessment, used: int) -> Iterator[str]:
    if not assessment.sample.complete:
        yield "what uses it is unknown, because the last sample of the processes broke off"
        return
    watched = [group for group in assessment.groups if group.roles[Role.WORKER].processes]
    known = [(group, group.idle_swapped) for group in watched if group.idle_swapped is not None]
    lying = [(group, idle) for group, idle in known if idle.workers]
    pending = [group for group in watched if group.idle_swapped is None]
    if not watched:
        yield "no worker of a known server runs here"
    elif lying:
        yield _lying(lying, used)
    elif not pending:
        yield "no idle worker is in it"
    if pending:
        of = f" for {plural(len(pending), 'group', 'groups')}" if known else " for idle workers"
        yield f"watching{of} since {_verdict_due(pending, assessment)}"


def _lying(groups: Sequence[tuple[GroupAssessment, IdleSwapped]], used: int) -> str:
    groups = sorted(groups, key=lambda each: _held(each[1]) or 0, reverse=True)
    workers = sum(idle.workers for _, idle in groups)
    name = printable(groups[0][0].name)
    others = f" and {plural(len(groups) - 1, 'other group', 'other groups')}" if len(groups) > 1 else ""
    held = total(_held(idle) for _, idle in groups)
    verb = "holds" if workers == 1 else "hold"
    if held is None:
        what = "is in it" if workers == 1 else "are in it"
    elif any(idle.proportional_swap is None for _, idle in groups):
        # VmSwap counts a shared page once in each process, so that the sum can exceed what is used.
        what = f"{verb} at most {size(min(held, used))} of it"
    else:
        what = f"{verb} {size(min(held, used))} of it"
    return f"{plural(workers, 'idle worker', 'idle workers')} of {name}{others} {what}"


def _held(idle: IdleSwapped) -> int | None:
    return idle.swap if idle.proportional_swap is None else idle.proportional_swap


def _verdict_due(pending: Sequence[GroupAssessment], assessment: Assessment) -> str:
    at = assessment.sample.at
    since, due = at.monotonic, 0.0
    for group in pending:
        first = min(verdict.watch.since.monotonic for verdict in group.verdicts)
        after = max(verdict.member.entry.idle.after for verdict in group.verdicts)
        since, due = min(since, first), max(due, first + after)
    began = datetime.fromtimestamp(at.wall - (at.monotonic - since), UTC)
    left = due - at.monotonic
    return f"{began:%H:%M:%S} UTC, verdict {f'in {duration(left)}' if left >= 1 else 'with the next sample'}"


def _what_moves(assessment: Assessment) -> Iterator[str]:
    page = assessment.sample.page_size
    into, out = assessment.swapin_pages_per_second, assessment.swapout_pages_per_second
    if into is None or out is None:
        known = assessment.sample.host.vmstat is not None
        yield "what is moving is not known yet" if known else "what is moving cannot be read here"
    elif max(into, out) >= 1:
        back, away = f"{size(into * page)}/s come back", f"{size(out * page)}/s go out"
        yield " and ".join(text for text, rate in ((back, into), (away, out)) if rate >= 1)
    elif assessment.quiet is False:
        yield "nothing is moving now, but much did within the last minutes"
    else:
        yield "nothing is moving" if into == out == 0 else "next to nothing is moving"
    waking = [(group.waking, group.name) for group in assessment.groups if group.waking is not None]
    if waking:
        # What is certain first, then the fastest.
        (evidence, rate), name = max(waking, key=lambda each: (_is_certain(each[0]), each[0].per_second))
        if evidence is Evidence.DELAY_ACCOUNTING:
            yield f"{printable(name)} is reading itself back at {size(rate)}/s"
        else:
            yield f"{printable(name)} is probably reading itself back ({rate:.0f} major faults/s)"


def _is_certain(waking: Waking) -> bool:
    return waking.evidence is Evidence.DELAY_ACCOUNTING
