"""What the exporter says of one group."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from swap_exporter.assessment.sums import stranded, total
from swap_exporter.assessment.verdict import Residency, Verdict, judge
from swap_exporter.grouping.grouper import Member
from swap_exporter.grouping.roles import Role
from swap_exporter.history.history import GroupRecord, Observation
from swap_exporter.history.totals import Total
from swap_exporter.history.watch import Activity
from swap_exporter.sampling.inspection import Inspection
from swap_exporter.sampling.sample import Process

WAKING = 1 << 20
"""Bytes per second from which on a group is waking: the threshold of the alert SwapWorkersWaking."""


@dataclass(frozen=True, slots=True)
class RoleAssessment:
    """The processes of one role in a group. Bytes; ``None`` where one of them cannot be read."""

    processes: int
    swap: int | None
    proportional_swap: int | None
    resident: int | None
    totals: Total
    swapin_pages: int | None
    """What its faults read from swap; ``None`` unless delay accounting measures every process."""
    swapin_pages_per_second: float | None


@dataclass(frozen=True, slots=True)
class IdleSwapped:
    """The workers of a group that do nothing and lie in swap."""

    workers: int
    swap: int | None
    """Sum of VmSwap in bytes."""
    proportional_swap: int | None
    displaced: int | None
    """Sum of what they were displaced by, in bytes."""
    stranded: int | None
    """As much of it as the machine has room to hold, in bytes."""


@dataclass(frozen=True, slots=True)
class Wake:
    """What waking one idle swapped worker could cost: upper bounds."""

    bytes: float
    seconds: float | None
    """``None`` until enough wakes were seen on this host."""


@dataclass(frozen=True, slots=True)
class GroupAssessment:
    name: str
    roles: Mapping[Role, RoleAssessment]
    workers: Mapping[tuple[Activity, Residency], int]
    largest_worker_swap: int | None
    """The largest VmSwap of one worker in bytes; ``None`` without workers."""
    idle_swapped: IdleSwapped | None
    """``None`` until the exporter has watched for the group's ``idle.after``."""
    longest_idle_since: float | None
    """Unix time at which the worker that has been idle longest was last active, or first watched."""
    wake: Wake | None
    """``None`` where no worker is idle and swapped, or that is not known."""
    verdicts: tuple[Verdict, ...]


def assess_group(
    name: str, record: GroupRecord, members: list[Member], observation: Observation
) -> GroupAssessment:
    verdicts = tuple(judge(member, observation) for member in members)
    workers = [verdict for verdict in verdicts if verdict.member.role is Role.WORKER]
    counts = {(state, residency): 0 for state in Activity for residency in Residency}
    for verdict in workers:
        counts[verdict.activity, verdict.residency] += 1
    lying = [verdict for verdict in workers if verdict.idle_swapped]
    swaps = [verdict.member.process.swap for verdict in workers]
    return GroupAssessment(
        name=name,
        roles={role: _assess_role(role, members, record, observation.inspection) for role in Role},
        workers=counts,
        largest_worker_swap=max((swap for swap in swaps if swap is not None), default=None),
        idle_swapped=_idle_swapped(record, lying, observation),
        longest_idle_since=_longest_idle_since(workers, observation),
        wake=_wake(lying, observation),
        verdicts=verdicts,
    )


def _assess_role(
    role: Role, members: list[Member], record: GroupRecord, inspection: Inspection
) -> RoleAssessment:
    processes = [member.process for member in members if member.role is role]
    delays = inspection.delays
    measured = delays is not None and all(process.identity in delays for process in processes)
    return RoleAssessment(
        processes=len(processes),
        swap=total(process.swap for process in processes),
        proportional_swap=total(_proportional(process, inspection) for process in processes),
        resident=total(process.resident for process in processes),
        totals=record.totals[role],
        swapin_pages=record.totals[role].swapin_pages if measured else None,
        swapin_pages_per_second=record.swapin_pages_per_second[role] if measured else None,
    )


def _idle_swapped(record: GroupRecord, lying: list[Verdict], observation: Observation) -> IdleSwapped | None:
    at = observation.sample.at
    since = observation.watching_since.get(record.idle.window)
    if since is None or at.monotonic - since.monotonic < record.idle.after:
        return None
    processes = [verdict.member.process for verdict in lying]
    return IdleSwapped(
        workers=len(lying),
        swap=total(process.swap for process in processes),
        proportional_swap=total(_proportional(process, observation.inspection) for process in processes),
        displaced=total(verdict.displaced for verdict in lying),
        stranded=stranded(processes, observation),
    )


def _proportional(process: Process, inspection: Inspection) -> int | None:
    return inspection.proportional_swap.get(process.identity)


def _wake(lying: list[Verdict], observation: Observation) -> Wake | None:
    displaced = [size for verdict in lying if (size := _missed(verdict, observation.inspection)) is not None]
    if not displaced:
        return None
    size = median(displaced)
    wait = observation.wait_seconds_per_page
    return Wake(size, None if wait is None else size / observation.sample.page_size * wait)


def _missed(verdict: Verdict, inspection: Inspection) -> float | None:
    """What it was displaced by, its shared part counted by its share."""
    process = verdict.member.process
    share = inspection.proportional_swap.get(process.identity)
    if verdict.displaced is None or share is None or not process.swap:
        return verdict.displaced
    return verdict.displaced * min(1.0, share / process.swap)


def _longest_idle_since(workers: list[Verdict], observation: Observation) -> float | None:
    at = observation.sample.at
    quiet_since = [
        (verdict.watch.last_active or verdict.watch.since).boottime
        for verdict in workers
        if verdict.activity is Activity.IDLE
    ]
    if not quiet_since:
        return None
    # Told on the wall clock of now: a clock that was stepped meanwhile then counts from the right moment.
    # Whole seconds, since the two clocks differ by a little more or less at each reading.
    return float(round(at.wall - (at.boottime - min(quiet_since))))
