"""Verdicts: idle, swapped, quiet, stranded. Pure: an observation in, what the exporter says of it out.

``None`` means that it is not known, or not known yet; nothing downstream may turn it into a 0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from swap_exporter.grouping.grouper import Member
from swap_exporter.grouping.roles import Role
from swap_exporter.history.history import GroupRecord, Observation
from swap_exporter.history.totals import Total
from swap_exporter.history.watch import Activity, Watch, activity, displaced
from swap_exporter.sampling.cgroups import CgroupSwap
from swap_exporter.sampling.inspection import Inspection
from swap_exporter.sampling.sample import Process, Sample
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
class Attribution:
    """Who holds the used swap, in bytes. ``None`` is what cannot be read: of processes, if one is hidden."""

    grouped: int | None
    ungrouped: int | None
    sysv_shm: int | None
    unattributed: int | None
    """tmpfs, memfd, and slots that the swap cache alone keeps."""


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


@dataclass(frozen=True, slots=True)
class Assessment:
    """One sample, judged: all that the exposition, the page and the report need."""

    sample: Sample
    inspection: Inspection
    groups: tuple[GroupAssessment, ...]
    """By name."""
    overflow: int
    """Processes in the group that takes what exceeds ``limits.groups``."""
    quiet: bool | None
    stranded: int | None
    """Of the host, in bytes: never more than its headroom."""
    attribution: Attribution | None
    """``None`` where the sample broke off."""
    cgroups: Mapping[str, CgroupSwap]
    """Those of version 2 that hold a member, by path; ``limits.cgroups`` at most, the first by path."""
    cgroup_groups: tuple[tuple[str, str], ...]
    """Which group (second) has a process in which of these cgroups (first)."""
    swapin_pages_per_second: float | None
    swapout_pages_per_second: float | None


def assess(observation: Observation, configuration: Configuration) -> Assessment:
    """Judge one observation."""
    members: dict[str, list[Member]] = {group: [] for group in observation.groups}
    for member in observation.grouping.members:
        if not member.process.ended:
            members[member.group].append(member)
    cgroups, cgroup_groups = _assess_cgroups(observation, configuration.limits.cgroups)
    groups = tuple(
        _assess_group(name, record, members[name], observation) for name, record in observation.groups.items()
    )
    moved = observation.quiet_pages_per_second
    page_size = observation.sample.page_size
    return Assessment(
        sample=observation.sample,
        inspection=observation.inspection,
        groups=groups,
        overflow=observation.grouping.overflow,
        quiet=None if moved is None else moved * page_size <= configuration.quiet.max_bytes_per_second,
        stranded=_host_stranded(groups, headroom(observation.sample)),
        attribution=_attribute(observation),
        cgroups=cgroups,
        cgroup_groups=cgroup_groups,
        swapin_pages_per_second=observation.swapin_pages_per_second,
        swapout_pages_per_second=observation.swapout_pages_per_second,
    )


def of_the_host_alone(sample: Sample) -> Assessment:
    """An assessment of a sample that broke off: of groups nothing is known, and nothing said."""
    return Assessment(
        sample=sample,
        inspection=Inspection(),
        groups=(),
        overflow=0,
        quiet=None,
        stranded=None,
        attribution=None,
        cgroups={},
        cgroup_groups=(),
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
        stranded=_stranded(processes, observation),
    )


def _stranded(processes: list[Process], observation: Observation) -> int | None:
    """What of their swap could come back: no more than their cgroups have room for, nor than the host has."""
    inspection = observation.inspection
    held: dict[tuple[str, ...], list[int | None]] = {}
    for process in processes:
        held.setdefault(process.cgroups or (), []).append(held_swap(process, inspection))
    parts: list[int | None] = []
    for cgroups, sizes in held.items():
        size = total(sizes)
        room = inspection.cgroups.headroom.get(cgroups) if inspection.cgroups is not None else None
        parts.append(size if size is None or room is None else min(size, room))
    comes_back, room = total(parts), headroom(observation.sample)
    return None if comes_back is None or room is None else min(comes_back, room)


def held_swap(process: Process, inspection: Inspection) -> int | None:
    """Its share of swap in bytes: SwapPss where it is known, else VmSwap."""
    share = inspection.proportional_swap.get(process.identity)
    return process.swap if share is None else share


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


def _attribute(observation: Observation) -> Attribution:
    host, inspection = observation.sample.host, observation.inspection
    grouped = ungrouped = None
    if not observation.sample.hides_processes:
        grouped = total(held_swap(member.process, inspection) for member in observation.grouping.members)
        ungrouped = total(held_swap(process, inspection) for process in observation.grouping.ungrouped)
    attributed = total((grouped, ungrouped, host.sysv_shm_swap or 0))
    used = None if host.meminfo is None else host.meminfo.swap_total - host.meminfo.swap_free
    return Attribution(
        grouped=grouped,
        ungrouped=ungrouped,
        sysv_shm=host.sysv_shm_swap,
        unattributed=None if used is None or attributed is None else max(0, used - attributed),
    )


def _assess_cgroups(
    observation: Observation, limit: int
) -> tuple[dict[str, CgroupSwap], tuple[tuple[str, str], ...]]:
    read = observation.inspection.cgroups
    if read is None:
        return {}, ()
    # By path, so that the same ones are told at each sample.
    told = {path: read.swap[path] for path in sorted(read.swap)[:limit]}
    pairs = {
        (path, member.group)
        for member in observation.grouping.members
        if (path := read.path.get(member.process.cgroups or ())) in told and path is not None
    }
    return told, tuple(sorted(pairs))


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
