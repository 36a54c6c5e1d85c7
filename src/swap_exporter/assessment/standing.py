"""What of a group holds as long as nothing of it changes: counts, sums, who is idle and swapped.

Time alone changes it too: from when on a worker that does nothing is idle is known beforehand. Until then a
group of which nothing has changed stands as it stood at the last sample, and nobody in it is looked at.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from swap_exporter.assessment.sums import total
from swap_exporter.assessment.verdict import Residency, Verdict, judge
from swap_exporter.grouping.grouping import Member
from swap_exporter.grouping.roles import Role
from swap_exporter.history.watch import Activity, Watch, activity, idle_from, idle_since
from swap_exporter.history.watches import EARLY, GroupWatches
from swap_exporter.sampling.sample import Instant, Process


@dataclass(frozen=True, slots=True)
class RoleStanding:
    """The processes of one role that have not ended. Bytes; ``None`` where one of them cannot be read."""

    processes: tuple[Process, ...]
    swap: int | None
    resident: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one group."""

    watches: GroupWatches
    until: float
    """CLOCK_MONOTONIC from which on it has to be told anew, though nothing may have changed."""
    roles: Mapping[Role, RoleStanding]
    workers: Mapping[tuple[Activity, Residency], int]
    largest_worker_swap: int | None
    lying: tuple[Verdict, ...]
    """Of the workers that are idle and swapped."""
    idle_since: float | None
    """CLOCK_BOOTTIME at which the worker that has been idle longest was last active, or first watched."""


def stand(watches: GroupWatches, at: Instant, before: Standing | None = None) -> Standing:
    """``before``: how the group stood at the last sample, if that is known."""
    if before is not None and before.watches is watches and at.monotonic < before.until:
        return before
    roles = {role: _role(member for member, _ in watches.alive if member.role is role) for role in Role}
    busy: list[Watch] = []
    idle: list[tuple[Member, Watch]] = []
    unknown: list[Watch] = []
    until = math.inf
    for member, watch in watches.alive:
        if member.role is not Role.WORKER:
            continue
        state, after = activity(watch, at, member.entry.idle), member.entry.idle.after
        if state is Activity.IDLE:
            idle.append((member, watch))
        elif state is Activity.BUSY and watch.last_active is not None:
            busy.append(watch)
            until = min(until, watch.last_active.monotonic + after - EARLY)
        else:
            unknown.append(watch)
            until = min(until, idle_from(watch, member.entry.idle) - EARLY)
    swaps = [process.swap for process in roles[Role.WORKER].processes]
    return Standing(
        watches=watches,
        until=until,
        roles=roles,
        workers={
            **_counts(Activity.BUSY, busy),
            **_counts(Activity.IDLE, [watch for _, watch in idle]),
            **_counts(Activity.UNKNOWN, unknown),
        },
        largest_worker_swap=_largest(swaps),
        lying=tuple(judge(member, watch, at) for member, watch in idle if watch.swapped),
        idle_since=min((idle_since(watch).boottime for _, watch in idle), default=None),
    )


def _role(members: Iterable[Member]) -> RoleStanding:
    processes = tuple(member.process for member in members)
    return RoleStanding(
        processes,
        swap=total(process.swap for process in processes),
        resident=total(process.resident for process in processes),
    )


def _largest(sizes: Iterable[int | None]) -> int | None:
    """``None`` if one is not known: it may be the largest."""
    known = list(sizes)
    return None if not known or None in known else max(cast(list[int], known))


def _counts(state: Activity, watches: list[Watch]) -> dict[tuple[Activity, Residency], int]:
    swapped = sum(watch.swapped for watch in watches)
    return {
        (state, Residency.RESIDENT): len(watches) - swapped,
        (state, Residency.SWAPPED): swapped,
    }
