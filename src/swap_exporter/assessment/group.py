"""The assessment of one group."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from swap_exporter.assessment.snapshot import GroupSnapshot, RoleSnapshot, summarize
from swap_exporter.assessment.sums import at_most, stranded, swap_share, times, total, used_swap
from swap_exporter.assessment.waking import ReadBack, Waking, judge_waking
from swap_exporter.assessment.worker import Residency, WorkerAssessment, assess_worker
from swap_exporter.details.details import Details
from swap_exporter.grouping.roles import Role
from swap_exporter.history.activity import Activity
from swap_exporter.history.activity_tracker import NO_MEMBERS
from swap_exporter.history.counters import Counters
from swap_exporter.history.history import GroupRecord, Observation
from swap_exporter.sampling.sample import Instant


@dataclass(frozen=True, slots=True)
class RoleAssessment:
    """The processes of one role in a group. Bytes; ``None`` where one of them cannot be read."""

    processes: int
    swap: int | None
    proportional_swap: int | None
    resident: int | None
    counters: Counters
    swapin_pages: int | None
    """Read from swap by its faults; ``None`` unless there is a process and delay accounting measures each."""
    swapin_pages_per_second: float | None
    major_faults_per_second: float | None
    """Known only while the host reads from swap."""


@dataclass(frozen=True, slots=True)
class IdleSwapped:
    """The idle-swapped workers of a group."""

    workers: int
    swap: int | None
    """Sum of VmSwap in bytes."""
    proportional_swap: int | None
    displaced: int | None
    """Sum of displaced, in bytes."""
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
    attributed: int | None
    """Bytes of its processes in swap: SwapPss where it is known, else VmSwap; at most the used swap."""
    snapshot: GroupSnapshot
    at: Instant

    @property
    def swap(self) -> int | None:
        """Sum of VmSwap in bytes."""
        return total(role.swap for role in self.roles.values())

    @property
    def proportional_swap(self) -> int | None:
        """Sum of SwapPss in bytes."""
        return total(role.proportional_swap for role in self.roles.values())

    @property
    def verdicts(self) -> tuple[WorkerAssessment, ...]:
        """One for each member. Made on demand: most callers need only the sums."""
        return tuple(
            assess_worker(member, state, self.at) for member, state in self.snapshot.group_activity.alive
        )


def assess_group(
    name: str, record: GroupRecord, observation: Observation, before: GroupSnapshot | None = None
) -> GroupAssessment:
    """``before``: the group's snapshot of the last sample, if there is one."""
    at, details = observation.sample.at, observation.details
    snapshot = summarize(observation.activity.get(name, NO_MEMBERS), at, before)
    roles = {role: _assess_role(role, of, record, details) for role, of in snapshot.roles.items()}
    return GroupAssessment(
        name=name,
        roles=roles,
        workers=snapshot.workers,
        largest_worker_swap=snapshot.largest_worker_swap,
        idle_swapped=_idle_swapped(record, snapshot.idle_swapped, observation),
        longest_idle_since=_on_the_wall(snapshot.idle_since, at),
        wake=_wake(name, snapshot.idle_swapped, observation),
        waking=_waking(roles.values(), observation),
        attributed=at_most(
            total(_attributed(of, details) for of in snapshot.roles.values()), used_swap(observation.sample)
        ),
        snapshot=snapshot,
        at=at,
    )


def _assess_role(role: Role, snapshot: RoleSnapshot, record: GroupRecord, details: Details) -> RoleAssessment:
    processes, delays = snapshot.processes, details.delays
    # Without a process nothing is measured: a 0 would claim that nothing comes back.
    measured = bool(processes) and delays is not None and all(of.identity in delays for of in processes)
    return RoleAssessment(
        processes=len(processes),
        swap=snapshot.swap,
        proportional_swap=_proportional(snapshot, details),
        resident=snapshot.resident,
        counters=record.counters[role],
        swapin_pages=record.counters[role].swapin_pages if measured else None,
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


def _proportional(snapshot: RoleSnapshot, details: Details) -> int | None:
    if snapshot.swap == 0 and details.coverage is not None:
        return 0
    return total(map(details.share, snapshot.processes))


def _attributed(snapshot: RoleSnapshot, details: Details) -> int | None:
    if snapshot.swap == 0:
        return 0
    return total(swap_share(process, details) for process in snapshot.processes)


def _idle_swapped(
    record: GroupRecord, workers: Sequence[WorkerAssessment], observation: Observation
) -> IdleSwapped | None:
    at = observation.sample.at
    since = observation.watching_since.get(record.idle.window)
    if since is None or at.monotonic - since.monotonic < record.idle.after:
        return None
    processes = [verdict.member.process for verdict in workers]
    return IdleSwapped(
        workers=len(workers),
        swap=total(process.swap for process in processes),
        proportional_swap=total(map(observation.details.share, processes)),
        displaced=total(verdict.displaced for verdict in workers),
        stranded=stranded(processes, observation),
    )


def _wake(name: str, workers: Sequence[WorkerAssessment], observation: Observation) -> Wake | None:
    shares = [size for verdict in workers if (size := _missed(verdict, observation.details)) is not None]
    displaced = [verdict.displaced for verdict in workers if verdict.displaced is not None]
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


def _missed(verdict: WorkerAssessment, details: Details) -> float | None:
    """Displaced bytes, with shared pages divided among their sharers where SwapPss is known."""
    process = verdict.member.process
    share = details.share(process)
    if verdict.displaced is None or share is None or not process.swap:
        return verdict.displaced
    return verdict.displaced * min(1.0, share / process.swap)


def _on_the_wall(boottime: float | None, at: Instant) -> float | None:
    """Convert to Unix time by the current offset of the wall clock, which may have been stepped since. Whole
    seconds, because the two clocks are read one after the other."""
    return None if boottime is None else float(round(at.wall - (at.boottime - boottime)))
