"""Builds the rows from two assessments, and from the metrics of an exporter if there is one. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import TypeVar

from swap_exporter import assessment
from swap_exporter.assessment import Assessment, GroupAssessment, Residency
from swap_exporter.assessment.sums import times
from swap_exporter.grouping.roles import Role
from swap_exporter.history.activity import Activity
from swap_exporter.report.exporter_metrics import ExporterMetrics
from swap_exporter.report.host import host_figures, remainder
from swap_exporter.report.rows import CommandRow, GroupRow, Others, ProcessRow, Report, Swap, SwapIn, total
from swap_exporter.sampling.sample import Identity, Process
from swap_exporter.settings import Entry
from swap_exporter.summary.remedies import group_remedy
from swap_exporter.summary.sentence import sentence
from swap_exporter.summary.state import group_state, swapped_workers


@dataclass(frozen=True, slots=True)
class ReportInput:
    """The data of a report."""

    first: Assessment
    second: Assessment
    """Its rates are those between the two samples."""
    metrics: ExporterMetrics | None
    problem: str | None = None
    """Why the exporter at the default URL gave no usable answer; ``None`` if none listens there."""


def build(
    given: ReportInput, entries: Sequence[Entry], *, top: int | None = None, processes: bool = False
) -> Report:
    """``entries``: all of the configuration. ``top``: maximum number of rows of each kind."""
    builder = _Builder(given, entries, processes)
    sample, metrics = given.second.sample, given.metrics
    groups = sorted(map(builder.group, builder.assessment.groups), key=_by_swap)
    commands = sorted(builder.commands(), key=_by_swap)
    shown = total([*(row.swap for row in groups), *(row.swap for row in commands)])
    host = host_figures(given.second)
    return Report(
        at=sample.at.wall,
        seconds=builder.seconds,
        verdict=sentence(builder.assessment, watching=False),
        host=host,
        groups=tuple(groups[:top]),
        other_groups=_others(groups[len(groups[:top]) :]),
        commands=tuple(commands[:top]),
        other_commands=_others(commands[len(commands[:top]) :]),
        remainder=remainder(host, shown, given.second.attribution),
        exporter=metrics.url if metrics else None,
        exporter_problem=given.problem,
        exporter_groups=sum(group.name in metrics.groups for group in groups) if metrics else 0,
        # No kernel thread is visible in a pid namespace or with hidepid.
        whole_host=any(process.kernel_thread for process in sample.processes.values()),
        unreadable=sum(process.swap is None for process in sample.processes.values()),
    )


class _Builder:
    """The state while a report is built."""

    def __init__(self, given: ReportInput, entries: Sequence[Entry], processes: bool) -> None:
        self._entries = entries
        self._processes = processes
        self._before, self._after = given.first.sample, given.second.sample
        self._details = given.second.details
        self.seconds = self._after.at.monotonic - self._before.at.monotonic
        self.assessment = given.metrics.assessed(given.second) if given.metrics else given.second
        self._pages_before = _pages(given.first)
        self._pages_after = _pages(given.second)
        self._faults_before = {
            process.identity: process.major_faults for process in self._before.processes.values()
        }
        self._no_swapin = _read_back(given.first) == _read_back(given.second) is not None

    def group(self, group: GroupAssessment) -> GroupRow:
        processes = [verdict.member.process for verdict in group.verdicts]
        idle_swapped, wake = group.idle_swapped, group.wake
        state = group_state(group, self._after)
        workers = sum(group.workers.values())
        unknown = _count(group, Activity.UNKNOWN)
        return GroupRow(
            name=group.name,
            state=state,
            remedy=group_remedy(group, self._entries) if state else None,
            processes=len(processes),
            workers=workers,
            idle=None if unknown == workers else _count(group, Activity.IDLE),
            unknown=unknown,
            swapped=swapped_workers(group),
            idle_swapped=idle_swapped.workers if idle_swapped else None,
            swap=self._group_swap(group, processes),
            resident=assessment.total(process.resident for process in processes),
            displaced=idle_swapped.displaced if idle_swapped else None,
            stranded=idle_swapped.stranded if idle_swapped else None,
            idle_seconds=None
            if group.longest_idle_since is None
            else max(0.0, self._after.at.wall - group.longest_idle_since),
            swapin=self._group_swapin(group, processes),
            wake_bytes=int(wake.bytes) if wake else self._swap_of_one(group),
            wake_seconds=wake.seconds if wake else None,
            members=self._members((v.member.process, v.member.role) for v in group.verdicts),
        )

    def commands(self) -> list[CommandRow]:
        grouped = {v.member.process.pid for group in self.assessment.groups for v in group.verdicts}
        by_name: dict[str, list[Process]] = {}
        for process in self._after.processes.values():
            if process.pid not in grouped and not process.kernel_thread and not process.ended:
                by_name.setdefault(process.comm, []).append(process)
        return [
            CommandRow(
                name=name,
                processes=len(processes),
                swap=total(map(self._swap, processes)),
                resident=assessment.total(process.resident for process in processes),
                swapin=self._swapin(processes),
                members=self._members((process, None) for process in processes),
            )
            for name, processes in by_name.items()
        ]

    def _members(self, processes: Iterable[tuple[Process, Role | None]]) -> tuple[ProcessRow, ...]:
        if not self._processes:
            return ()
        rows = (
            ProcessRow(
                pid=process.pid,
                name=process.comm,
                role=role,
                swap=self._swap(process),
                resident=process.resident,
                swapin=self._swapin([process]),
            )
            for process, role in processes
        )
        return tuple(sorted(rows, key=_by_swap))

    def _swap(self, process: Process) -> Swap | None:
        if process.swap is None:
            return None
        share = self._details.share(process)
        return Swap(process.swap, process.swap == 0) if share is None else Swap(share, True)

    def _group_swap(self, group: GroupAssessment, processes: Iterable[Process]) -> Swap | None:
        swap = total(map(self._swap, processes))
        proportional = group.proportional_swap
        return swap if swap is None or swap.proportional or proportional is None else Swap(proportional, True)

    def _group_swapin(self, group: GroupAssessment, processes: Iterable[Process]) -> SwapIn:
        """The rate that decides whether the group is waking, and the major faults of its processes."""
        size: float | None = 0.0
        for role in group.roles.values():
            rate = times(role.swapin_pages_per_second, self._after.page_size)
            if rate is None and (role.major_faults_per_second == 0 or self._no_swapin or not role.processes):
                rate = 0.0
            size = None if size is None or rate is None else size + rate
        return SwapIn(size, self._swapin(processes).major_faults_per_second)

    def _swapin(self, processes: Iterable[Process]) -> SwapIn:
        all_faults, all_pages = 0, 0
        measured = True
        for process in processes:
            faults = self._since(process, self._faults_before, process.major_faults) or 0
            all_faults += faults
            # Major faults are an upper bound on swap-in faults: without one there was no swap-in.
            if faults and not self._no_swapin:
                pages = self._since(process, self._pages_before, self._pages_after.get(process.identity))
                measured = measured and pages is not None
                all_pages += pages or 0
        size = all_pages * self._after.page_size / self.seconds
        return SwapIn(size if measured else None, all_faults / self.seconds)

    def _since(self, process: Process, before: Mapping[Identity, int], after: int | None) -> int | None:
        """The increase between the samples; ``None`` if one of the counts is missing."""
        first = before.get(process.identity)
        if first is None and process.start_ticks / self._after.clock_ticks >= self._before.at.boottime:
            first = 0
        return None if after is None or first is None else max(0, after - first)

    def _swap_of_one(self, group: GroupAssessment) -> int | None:
        """The median of the swapped workers' swap, which bounds what one of them reads back."""
        if not swapped_workers(group):
            return None
        swaps = (
            self._swap(verdict.member.process)
            for verdict in group.verdicts
            if verdict.member.role is Role.WORKER and verdict.residency is Residency.SWAPPED
        )
        sizes = [swap.size for swap in swaps if swap is not None]
        return median_low(sizes) if sizes else None


def _count(group: GroupAssessment, activity: Activity) -> int:
    return sum(group.workers.get((activity, residency), 0) for residency in Residency)


def _pages(assessment: Assessment) -> Mapping[Identity, int]:
    """Pages that each measured process has read back from swap so far."""
    delays = assessment.details.delays or {}
    return {identity: process.swapin_pages for identity, process in delays.items()}


def _read_back(assessment: Assessment) -> int | None:
    """Pages that the host has read back from swap so far, zswap included."""
    vmstat = assessment.sample.host.vmstat
    return None if vmstat is None or vmstat.pswpin is None else vmstat.pswpin + (vmstat.zswpin or 0)


Row = TypeVar("Row", GroupRow, CommandRow)


def _others(rows: Sequence[Row]) -> Others:
    in_swap = [row for row in rows if row.swap is None or row.swap.size]
    return Others(
        rows=len(in_swap),
        swap=total(row.swap for row in in_swap),
        resident=assessment.total(row.resident for row in in_swap),
    )


def _by_swap(row: GroupRow | CommandRow | ProcessRow) -> tuple[int, str, int]:
    size = row.swap.size if row.swap else 0
    return (-size, row.name, row.pid if isinstance(row, ProcessRow) else 0)
