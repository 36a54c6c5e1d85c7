"""From two samples, and what was read and asked beside them, to rows. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import TypeVar

from swap_exporter import assessment
from swap_exporter.assessment import Assessment, GroupAssessment, Residency, Verdict
from swap_exporter.assessment.waking import ReadBack, judge_waking
from swap_exporter.grouping.roles import Role
from swap_exporter.report.host import host_figures, remainder
from swap_exporter.report.remedies import remedy
from swap_exporter.report.rows import (
    CommandRow,
    GroupRow,
    Others,
    ProcessRow,
    Report,
    State,
    Swap,
    SwapIn,
    total,
)
from swap_exporter.report.told import Told, ToldGroup
from swap_exporter.report.verdict import verdict
from swap_exporter.sampling.sample import Identity, Process
from swap_exporter.settings import Entry


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that a report is made from."""

    first: Assessment
    second: Assessment
    proportional: Mapping[Identity, int]
    """SwapPss in bytes, of those processes of which it is known."""
    swapin_before: Mapping[Identity, int]
    """Pages read back from swap by each process that is measured, at the first sample."""
    swapin_after: Mapping[Identity, int]
    told: Told | None
    problem: str | None = None
    """Why the exporter at the default address gave no usable answer; ``None`` where none listens there."""


def build(
    reading: Reading, entries: Sequence[Entry], *, top: int | None = None, processes: bool = False
) -> Report:
    """``entries`` are the configuration's. ``top`` limits the rows of each kind."""
    builder = _Builder(reading, entries, processes)
    sample, told = reading.second.sample, reading.told
    groups = sorted((builder.group(group) for group in reading.second.groups), key=_most_first)
    commands = sorted(builder.commands(), key=_most_first)
    shown = total([*(row.swap for row in groups), *(row.swap for row in commands)])
    return Report(
        at=sample.at.wall,
        seconds=builder.seconds,
        verdict=verdict(builder.host, groups, told=told is not None),
        host=builder.host,
        groups=tuple(groups[:top]),
        other_groups=_others(groups[len(groups[:top]) :]),
        commands=tuple(commands[:top]),
        other_commands=_others(commands[len(commands[:top]) :]),
        remainder=remainder(builder.host, shown, sample.host.sysv_shm_swap),
        exporter=told.url if told else None,
        exporter_problem=reading.problem,
        groups_told=sum(group.name in told.groups for group in groups) if told else 0,
        # A pid namespace has no kernel threads of its own, and hidepid hides them too.
        whole_host=any(process.kernel_thread for process in sample.processes.values()),
        unreadable=sum(process.swap is None for process in sample.processes.values()),
    )


class _Builder:
    """One report under way."""

    def __init__(self, reading: Reading, entries: Sequence[Entry], processes: bool) -> None:
        self._reading = reading
        self._entries = entries
        self._processes = processes
        before, after = reading.first.sample, reading.second.sample
        self._before, self._after = before, after
        self.seconds = after.at.monotonic - before.at.monotonic
        self.host = host_figures(before, after, self.seconds)
        self._room = assessment.headroom(after)
        self._faults_before = {
            process.identity: process.major_faults for process in before.processes.values()
        }

    def group(self, group: GroupAssessment) -> GroupRow:
        told = self._reading.told.groups.get(group.name) if self._reading.told else None
        processes = [verdict.member.process for verdict in group.verdicts]
        workers = [verdict for verdict in group.verdicts if verdict.member.role is Role.WORKER]
        swapped = [verdict for verdict in workers if verdict.residency is Residency.SWAPPED]
        swap = self._group_swap(processes, told)
        swapin = self._swapin(processes)
        seen = told is not None and told.worker_count > 0
        state = self._state(group, len(swapped), told)
        return GroupRow(
            name=group.name,
            state=state,
            remedy=self._remedy(group) if state else None,
            processes=len(processes),
            workers=told.worker_count if told and seen else len(workers),
            idle=told.idle if told else None,
            unknown=told.unknown if told and seen else None,
            swapped=told.swapped if told and seen else len(swapped),
            idle_swapped=told.idle_swapped_workers if told else None,
            swap=swap,
            resident=assessment.total(process.resident for process in processes),
            displaced=told.displaced if told else None,
            stranded=_at_most(told.stranded if told else None, swap, self.host.swap_used),
            idle_seconds=self._idle_seconds(told),
            swapin=swapin,
            wake_bytes=self._wake_bytes(swapped, told),
            wake_seconds=told.wake_seconds if told else None,
            members=self._members((v.member.process, v.member.role) for v in group.verdicts),
        )

    def commands(self) -> list[CommandRow]:
        grouped = {v.member.process.pid for group in self._reading.second.groups for v in group.verdicts}
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
        return tuple(sorted(rows, key=_most_first))

    def _swap(self, process: Process) -> Swap | None:
        if process.swap is None:
            return None
        known = self._reading.proportional.get(process.identity)
        return Swap(process.swap, process.swap == 0) if known is None else Swap(known, True)

    def _group_swap(self, processes: Iterable[Process], told: ToldGroup | None) -> Swap | None:
        swap = total(map(self._swap, processes))
        if swap and not swap.proportional and told and told.proportional_swap is not None:
            return Swap(told.proportional_swap, True)
        return swap

    def _swapin(self, processes: Iterable[Process]) -> SwapIn:
        all_faults, all_pages = 0, 0
        measured = True
        for process in processes:
            faults = self._since(process, self._faults_before, process.major_faults) or 0
            all_faults += faults
            # No swap-in fault is missing from them: where there is none, or nothing was read from swap,
            # there was no swap-in.
            if faults and self.host.swapin != 0:
                after = self._reading.swapin_after.get(process.identity)
                pages = self._since(process, self._reading.swapin_before, after)
                measured = measured and pages is not None
                all_pages += pages or 0
        size = all_pages * self._after.page_size / self.seconds
        return SwapIn(size if measured else None, all_faults / self.seconds)

    def _since(self, process: Process, before: Mapping[Identity, int], after: int | None) -> int | None:
        """What was counted between the samples; ``None`` where one of the readings is missing."""
        first = before.get(process.identity)
        if first is None and process.start_ticks / self._after.clock_ticks >= self._before.at.boottime:
            first = 0
        return None if after is None or first is None else max(0, after - first)

    def _state(self, group: GroupAssessment, swapped: int, told: ToldGroup | None) -> State | None:
        roles: dict[Role, list[Process]] = {}
        for member in (each.member for each in group.verdicts):
            roles.setdefault(member.role, []).append(member.process)
        read_back = (ReadBack(*self._swapin(processes)) for processes in roles.values())
        if judge_waking(read_back, self.host.swapin) is not None:
            return State.WAKING
        if told is not None and told.stranded is not None:
            return State.STRANDED if told.stranded else None
        return State.SWAPPED if swapped and self._room != 0 else None

    def _remedy(self, group: GroupAssessment) -> str | None:
        if not group.verdicts:
            return None
        one = max(group.verdicts, key=lambda verdict: verdict.member.role is Role.WORKER).member
        return remedy(one.entry, one.process, self._entries)

    def _idle_seconds(self, told: ToldGroup | None) -> float | None:
        if told is None or told.longest_idle_since is None:
            return None
        return max(0.0, self._after.at.wall - told.longest_idle_since)

    def _wake_bytes(self, swapped: Sequence[Verdict], told: ToldGroup | None) -> int | None:
        if told is not None and (told.wake_bytes is not None or not told.swapped):
            return told.wake_bytes
        sizes = [swap.size for v in swapped if (swap := self._swap(v.member.process)) is not None]
        return median_low(sizes) if sizes else None


def _at_most(size: int | None, swap: Swap | None, used: int | None) -> int | None:
    """An exporter without SwapPss counts shared pages several times."""
    return assessment.at_most(size, swap.size if swap and swap.proportional else None, used)


Row = TypeVar("Row", GroupRow, CommandRow)


def _others(rows: Sequence[Row]) -> Others:
    holding = [row for row in rows if row.swap is None or row.swap.size]
    return Others(
        rows=len(holding),
        swap=total(row.swap for row in holding),
        resident=assessment.total(row.resident for row in holding),
    )


def _most_first(row: GroupRow | CommandRow | ProcessRow) -> tuple[int, str, int]:
    size = row.swap.size if row.swap else 0
    return (-size, row.name, row.pid if isinstance(row, ProcessRow) else 0)
