"""What the exporter says of one group."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from swap_exporter.assessment.standing import RoleStanding, Standing, stand
from swap_exporter.assessment.sums import at_most, held_swap, stranded, times, total, used_swap
from swap_exporter.assessment.verdict import Residency, Verdict, judge
from swap_exporter.assessment.waking import ReadBack, Waking, judge_waking
from swap_exporter.details.details import Details
from swap_exporter.grouping.roles import Role
from swap_exporter.history.history import GroupRecord, Observation
from swap_exporter.history.totals import Total
from swap_exporter.history.watch import Activity
from swap_exporter.history.watches import NOBODY
from swap_exporter.sampling.sample import Instant


@dataclass(frozen=True, slots=True)
class RoleAssessment:
    """The processes of one role in a group. Bytes; ``None`` where one of them cannot be read."""

    processes: int
    swap: int | None
    proportional_swap: int | None
    resident: int | None
    totals: Total
    swapin_pages: int | None
    """Read from swap by its faults; ``None`` unless there is a process and delay accounting measures each."""
    swapin_pages_per_second: float | None
    major_faults_per_second: float | None
    """Known only while the host reads from swap."""


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
    """As much of it as the machine has room to hold, in bytes; at most the used swap."""

    @property
    def estimated(self) -> bool:
        """VmSwap stands in for the SwapPss of one of them: ``stranded`` is an upper bound."""
        return self.proportional_swap is None


@dataclass(frozen=True, slots=True)
class Wake:
    """What it takes to wake idle-swapped workers."""

    bytes: float
    """At most so much comes back for one of them."""
    seconds: float | None
    """What the first request of one that wakes alone takes longer; ``None`` until enough wakes were seen."""
    all_seconds: float | None
    """From as many simultaneous first requests as there are idle-swapped workers to the last answer."""


@dataclass(frozen=True, slots=True)
class GroupAssessment:
    name: str
    roles: Mapping[Role, RoleAssessment]
    workers: Mapping[tuple[Activity, Residency], int]
    largest_worker_swap: int | None
    """The largest VmSwap of one worker in bytes; ``None`` without workers, or where one cannot be read."""
    idle_swapped: IdleSwapped | None
    """``None`` until the exporter has watched for the group's ``idle.after``."""
    longest_idle_since: float | None
    """Unix time at which the worker that has been idle longest was last active, or first watched."""
    wake: Wake | None
    """``None`` where no worker is idle and swapped, or that is not known."""
    waking: Waking | None
    """``None`` where it is not waking, or not known to be."""
    held: int | None
    """Bytes of its processes in swap: SwapPss where it is known, else VmSwap; at most the used swap."""
    standing: Standing
    at: Instant

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Of each member; made when they are asked for, for whoever sums up needs few."""
        return tuple(judge(member, watch, self.at) for member, watch in self.standing.watches.alive)


def assess_group(
    name: str, record: GroupRecord, observation: Observation, before: Standing | None = None
) -> GroupAssessment:
    """``before``: how the group stood at the last sample, if that is known."""
    at, inspection = observation.sample.at, observation.inspection
    standing = stand(observation.watches.get(name, NOBODY), at, before)
    roles = {role: _assess_role(role, of, record, inspection) for role, of in standing.roles.items()}
    return GroupAssessment(
        name=name,
        roles=roles,
        workers=standing.workers,
        largest_worker_swap=standing.largest_worker_swap,
        idle_swapped=_idle_swapped(record, standing.lying, observation),
        longest_idle_since=_on_the_wall(standing.idle_since, at),
        wake=_wake(name, standing.lying, observation),
        waking=_waking(roles.values(), observation),
        held=at_most(
            total(_held(of, inspection) for of in standing.roles.values()), used_swap(observation.sample)
        ),
        standing=standing,
        at=at,
    )


def _assess_role(
    role: Role, standing: RoleStanding, record: GroupRecord, inspection: Details
) -> RoleAssessment:
    processes, delays = standing.processes, inspection.delays
    # Without a process nothing is measured: a 0 would claim that nothing comes back.
    measured = bool(processes) and delays is not None and all(of.identity in delays for of in processes)
    return RoleAssessment(
        processes=len(processes),
        swap=standing.swap,
        proportional_swap=_proportional(standing, inspection),
        resident=standing.resident,
        totals=record.totals[role],
        swapin_pages=record.totals[role].swapin_pages if measured else None,
        swapin_pages_per_second=record.swapin_pages_per_second[role] if measured else None,
        major_faults_per_second=record.major_faults_per_second[role],
    )


def _waking(roles: Iterable[RoleAssessment], observation: Observation) -> Waking | None:
    page_size = observation.sample.page_size
    return judge_waking(
        (
            ReadBack(times(role.swapin_pages_per_second, page_size), role.major_faults_per_second)
            for role in roles
        ),
        times(observation.read_back_pages_per_second, page_size),
    )


def _proportional(standing: RoleStanding, inspection: Details) -> int | None:
    if standing.swap == 0 and inspection.coverage is not None:
        return 0
    return total(map(inspection.share, standing.processes))


def _held(standing: RoleStanding, inspection: Details) -> int | None:
    if standing.swap == 0:
        return 0
    return total(held_swap(process, inspection) for process in standing.processes)


def _idle_swapped(
    record: GroupRecord, lying: Sequence[Verdict], observation: Observation
) -> IdleSwapped | None:
    at = observation.sample.at
    since = observation.watching_since.get(record.idle.window)
    if since is None or at.monotonic - since.monotonic < record.idle.after:
        return None
    processes = [verdict.member.process for verdict in lying]
    return IdleSwapped(
        workers=len(lying),
        swap=total(process.swap for process in processes),
        proportional_swap=total(map(observation.inspection.share, processes)),
        displaced=total(verdict.displaced for verdict in lying),
        stranded=stranded(processes, observation),
    )


def _wake(name: str, lying: Sequence[Verdict], observation: Observation) -> Wake | None:
    shares = [size for verdict in lying if (size := _missed(verdict, observation.inspection)) is not None]
    displaced = [verdict.displaced for verdict in lying if verdict.displaced is not None]
    if not shares:
        return None
    cost, page_size = observation.wake_cost, observation.sample.page_size
    read_back = cost.shares.get(name, 1.0)
    # One that wakes alone reads all shared pages that it touches; together they read each once.
    alone, together = median(displaced) * read_back / page_size, sum(shares) * read_back / page_size
    return Wake(
        median(shares),
        None if cost.seconds_per_page is None else alone * cost.seconds_per_page,
        None if cost.seconds_per_page_together is None else together * cost.seconds_per_page_together,
    )


def _missed(verdict: Verdict, inspection: Details) -> float | None:
    """What it was displaced by, its shared part counted by its share."""
    process = verdict.member.process
    share = inspection.share(process)
    if verdict.displaced is None or share is None or not process.swap:
        return verdict.displaced
    return verdict.displaced * min(1.0, share / process.swap)


def _on_the_wall(boottime: float | None, at: Instant) -> float | None:
    """On the wall clock of now: a clock that was stepped meanwhile then counts from the right moment. Whole
    seconds, since the two clocks differ by a little more or less at each reading."""
    return None if boottime is None else float(round(at.wall - (at.boottime - boottime)))
