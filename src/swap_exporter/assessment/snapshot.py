"""The part of a group's assessment that stays valid while no process of the group changes.

The time at which a worker becomes idle is known in advance, so the snapshot of an unchanged group can be
reused until then.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from swap_exporter.assessment.sums import total
from swap_exporter.assessment.worker import Residency, WorkerAssessment, assess_worker
from swap_exporter.grouping.grouping import Member
from swap_exporter.grouping.roles import Role
from swap_exporter.history.activity import Activity, ActivityState, activity, idle_from, idle_since
from swap_exporter.history.activity_tracker import EARLY, GroupActivity
from swap_exporter.sampling.sample import Instant, Process


@dataclass(frozen=True, slots=True)
class RoleSnapshot:
    """The processes of one role that have not ended. Bytes; ``None`` where one of them cannot be read."""

    processes: tuple[Process, ...]
    swap: int | None
    resident: int | None


@dataclass(frozen=True, slots=True)
class GroupSnapshot:
    """Counts, sums and idle-swapped workers of one group."""

    group_activity: GroupActivity
    until: float
    """CLOCK_MONOTONIC at which the next worker becomes idle if nothing else changes."""
    roles: Mapping[Role, RoleSnapshot]
    workers: Mapping[tuple[Activity, Residency], int]
    largest_worker_swap: int | None
    idle_swapped: tuple[WorkerAssessment, ...]
    """The idle-swapped workers."""
    idle_since: float | None
    """CLOCK_BOOTTIME at which the worker that has been idle longest was last active, or first watched."""


def summarize(group: GroupActivity, at: Instant, before: GroupSnapshot | None = None) -> GroupSnapshot:
    """Return ``before``, the snapshot of the last sample, if it is still valid; else make a new one."""
    if before is not None and before.group_activity is group and at.monotonic < before.until:
        return before
    roles = {role: _role(member for member, _ in group.alive if member.role is role) for role in Role}
    busy: list[ActivityState] = []
    idle: list[tuple[Member, ActivityState]] = []
    unknown: list[ActivityState] = []
    until = math.inf
    for member, state in group.alive:
        if member.role is not Role.WORKER:
            continue
        current, after = activity(state, at, member.entry.idle), member.entry.idle.after
        if current is Activity.IDLE:
            idle.append((member, state))
        elif current is Activity.BUSY and state.last_active is not None:
            busy.append(state)
            until = min(until, state.last_active.monotonic + after - EARLY)
        else:
            unknown.append(state)
            until = min(until, idle_from(state, member.entry.idle) - EARLY)
    swaps = [process.swap for process in roles[Role.WORKER].processes]
    return GroupSnapshot(
        group_activity=group,
        until=until,
        roles=roles,
        workers={
            **_counts(Activity.BUSY, busy),
            **_counts(Activity.IDLE, [state for _, state in idle]),
            **_counts(Activity.UNKNOWN, unknown),
        },
        largest_worker_swap=_largest(swaps),
        idle_swapped=tuple(assess_worker(member, state, at) for member, state in idle if state.swapped),
        idle_since=min((idle_since(state).boottime for _, state in idle), default=None),
    )


def _role(members: Iterable[Member]) -> RoleSnapshot:
    processes = tuple(member.process for member in members)
    return RoleSnapshot(
        processes,
        swap=total(process.swap for process in processes),
        resident=total(process.resident for process in processes),
    )


def _largest(sizes: Iterable[int | None]) -> int | None:
    """``None`` without sizes, or if one is unknown: it may be the largest."""
    known = list(sizes)
    return None if not known or None in known else max(cast(list[int], known))


def _counts(current: Activity, states: list[ActivityState]) -> dict[tuple[Activity, Residency], int]:
    swapped = sum(state.swapped for state in states)
    return {
        (current, Residency.RESIDENT): len(states) - swapped,
        (current, Residency.SWAPPED): swapped,
    }
