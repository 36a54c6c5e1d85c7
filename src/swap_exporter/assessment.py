"""Verdicts: idle, swapped, quiet, stranded. Pure: an observation in, what the exporter says of it out.

``None`` means that it is not known, or not known yet; nothing downstream may turn it into a 0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from swap_exporter.grouping.grouper import Member
from swap_exporter.grouping.roles import Role
from swap_exporter.history.history import GroupRecord, Observation
from swap_exporter.history.totals import Total
from swap_exporter.history.watch import Activity, Watch, activity, displaced
from swap_exporter.sampling.sample import Sample
from swap_exporter.settings import Configuration


class Residency(StrEnum):
    RESIDENT = "resident"
    SWAPPED = "swapped"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the exporter says of one process."""

    member: Member
    watch: Watch
    activity: Activity
    residency: Residency
    displaced: int | None
    """Bytes; see design: what was pushed out since it was last active."""

    @property
    def idle_swapped(self) -> bool:
        return (
            self.member.role is Role.WORKER
            and self.activity is Activity.IDLE
            and self.residency is Residency.SWAPPED
        )


@dataclass(frozen=True, slots=True)
class RoleAssessment:
    """The processes of one role in a group. Bytes; ``None`` where one of them cannot be read."""

    processes: int
    swap: int | None
    resident: int | None
    totals: Total


@dataclass(frozen=True, slots=True)
class IdleSwapped:
    """The workers of a group that do nothing and lie in swap."""

    workers: int
    swap: int | None
    """Sum of VmSwap in bytes."""
    displaced: int | None
    """Sum of what they were displaced by, in bytes."""
    stranded: int | None
    """As much of it as the machine has room to hold, in bytes."""


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
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Assessment:
    """One sample, judged: all that the exposition, the page and the report need."""

    sample: Sample
    groups: tuple[GroupAssessment, ...]
    """By name."""
    overflow: int
    """Processes in the group that takes what exceeds ``limits.groups``."""
    quiet: bool | None
    stranded: int | None
    """Of the host, in bytes: never more than its headroom."""
    swapin_pages_per_second: float | None
    swapout_pages_per_second: float | None


def assess(observation: Observation, configuration: Configuration) -> Assessment:
    """Judge one observation."""
    members: dict[str, list[Member]] = {group: [] for group in observation.groups}
    for member in observation.grouping.members:
        if not member.process.ended:
            members[member.group].append(member)
    groups = tuple(
        _assess_group(name, record, members[name], observation) for name, record in observation.groups.items()
    )
    moved = observation.quiet_pages_per_second
    page_size = observation.sample.page_size
    return Assessment(
        sample=observation.sample,
        groups=groups,
        overflow=observation.grouping.overflow,
        quiet=None if moved is None else moved * page_size <= configuration.quiet.max_bytes_per_second,
        stranded=_host_stranded(groups, headroom(observation.sample)),
        swapin_pages_per_second=observation.swapin_pages_per_second,
        swapout_pages_per_second=observation.swapout_pages_per_second,
    )


def of_the_host_alone(sample: Sample) -> Assessment:
    """An assessment of a sample that broke off: of groups nothing is known, and nothing said."""
    return Assessment(
        sample=sample,
        groups=(),
        overflow=0,
        quiet=None,
        stranded=None,
        swapin_pages_per_second=None,
        swapout_pages_per_second=None,
    )


def headroom(sample: Sample) -> int | None:
    """What the machine has room to hold, in bytes: MemAvailable."""
    meminfo = sample.host.meminfo
    return None if meminfo is None else meminfo.mem_available


def judge(member: Member, observation: Observation) -> Verdict:
    """Judge one process that has not ended."""
    watch = observation.watches[member.process.identity]
    return Verdict(
        member=member,
        watch=watch,
        activity=activity(watch, observation.sample.at, member.entry.idle),
        residency=Residency.SWAPPED if watch.swapped else Residency.RESIDENT,
        displaced=displaced(member.process, watch.cold),
    )


def _assess_group(
    name: str, record: GroupRecord, members: list[Member], observation: Observation
) -> GroupAssessment:
    verdicts = tuple(judge(member, observation) for member in members)
    workers = [verdict for verdict in verdicts if verdict.member.role is Role.WORKER]
    counts = {(state, residency): 0 for state in Activity for residency in Residency}
    for verdict in workers:
        counts[verdict.activity, verdict.residency] += 1
    swaps = [verdict.member.process.swap for verdict in workers]
    return GroupAssessment(
        name=name,
        roles={role: _assess_role(role, members, record) for role in Role},
        workers=counts,
        largest_worker_swap=max((swap for swap in swaps if swap is not None), default=None),
        idle_swapped=_idle_swapped(record, workers, observation),
        longest_idle_since=_longest_idle_since(workers, observation),
        verdicts=verdicts,
    )


def _assess_role(role: Role, members: list[Member], record: GroupRecord) -> RoleAssessment:
    processes = [member.process for member in members if member.role is role]
    return RoleAssessment(
        processes=len(processes),
        swap=total(process.swap for process in processes),
        resident=total(process.resident for process in processes),
        totals=record.totals[role],
    )


def _idle_swapped(
    record: GroupRecord, workers: list[Verdict], observation: Observation
) -> IdleSwapped | None:
    at = observation.sample.at
    since = observation.watching_since.get(record.idle.window)
    if since is None or at.monotonic - since.monotonic < record.idle.after:
        return None
    lying = [verdict for verdict in workers if verdict.idle_swapped]
    swap = total(verdict.member.process.swap for verdict in lying)
    room = headroom(observation.sample)
    return IdleSwapped(
        workers=len(lying),
        swap=swap,
        displaced=total(verdict.displaced for verdict in lying),
        stranded=None if swap is None or room is None else min(swap, room),
    )


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


def _host_stranded(groups: Iterable[GroupAssessment], room: int | None) -> int | None:
    stranded = total(None if group.idle_swapped is None else group.idle_swapped.stranded for group in groups)
    return None if room is None or stranded is None else min(room, stranded)


def total(values: Iterable[int | None]) -> int | None:
    """The sum; ``None`` if one part is not known, since a partial sum would pass for the whole."""
    result = 0
    for value in values:
        if value is None:
            return None
        result += value
    return result
