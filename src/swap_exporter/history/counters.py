"""Monotonic counters per group and role, summed from the differences of each process."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from swap_exporter.grouping.grouping import Member
from swap_exporter.grouping.roles import Role
from swap_exporter.kernel.taskstats import TaskDelays
from swap_exporter.sampling.sample import Identity, Process, Sample


class Counters(NamedTuple):
    """What the processes of one group and role used while they belonged to it."""

    cpu_ticks: int = 0
    major_faults: int = 0
    swapin_pages: int = 0
    """Only of processes that delay accounting measures."""


class _ProcessCounters(NamedTuple):
    """One process's counters; ``None`` if not measured."""

    start_ticks: int
    cpu_ticks: int
    major_faults: int
    swapin_pages: int | None


class GroupCounters:
    """Adds up what each process used since it was last seen.

    The share of a process that ends is kept. A process that started after the first sample counts from its
    start, an older one from its first sample. After a change of group or role it counts there.
    """

    def __init__(self) -> None:
        self._by_group: dict[str, dict[Role, Counters]] = {}
        self._counted: dict[int, _ProcessCounters] = {}
        """By pid."""
        self._born_after: int | None = None
        self._previous: Sample | None = None

    def gather(
        self, sample: Sample, members: Iterable[Member], delays: Mapping[Identity, TaskDelays] | None = None
    ) -> None:
        """Add the members of one sample, with their ``delays`` from delay accounting. Members that have not
        run since the last sample may be left out."""
        delays = delays or {}
        if self._born_after is None:
            self._born_after = _ticks(sample)
        for member in members:
            process = member.process
            measured = delays.get(process.identity)
            before = self._counted.get(process.pid)
            if before is not None and before.start_ticks != process.start_ticks:
                before = None
            swapin_pages = None
            if measured is not None:
                swapin_pages = measured.swapin_pages
            elif before is not None:
                # It has ended, or this reading failed: keep the last count.
                swapin_pages = before.swapin_pages
            reading = _ProcessCounters(
                process.start_ticks, process.cpu_ticks, process.major_faults, swapin_pages
            )
            if before is None:
                before = (
                    _ProcessCounters(process.start_ticks, 0, 0, 0) if self._is_young(process) else reading
                )
            self._counted[process.pid] = reading
            self._add(member.group, member.role, before, reading)
        for pid in [pid for pid in self._counted if pid not in sample.processes]:
            del self._counted[pid]
        self._previous = sample

    def _is_young(self, process: Process) -> bool:
        """Started after the first sample and not counted yet.

        A process that was alive at the last sample, but missing from it, may have been counted earlier.
        """
        if self._born_after is None or process.start_ticks < self._born_after:
            return False
        if self._previous is None or process.start_ticks >= _ticks(self._previous):
            return True
        known = self._previous.processes.get(process.pid)
        return known is not None and known.identity == process.identity

    def _add(self, group: str, role: Role, before: _ProcessCounters, reading: _ProcessCounters) -> None:
        roles = self._by_group.setdefault(group, dict.fromkeys(Role, Counters()))
        total = roles[role]
        roles[role] = Counters(
            total.cpu_ticks + max(0, reading.cpu_ticks - before.cpu_ticks),
            total.major_faults + max(0, reading.major_faults - before.major_faults),
            total.swapin_pages + _swapin(before, reading),
        )

    def by_role(self, group: str) -> Mapping[Role, Counters]:
        """The counters of a group by role, as a copy that later samples do not change."""
        return dict(self._by_group.get(group) or dict.fromkeys(Role, Counters()))

    def forget(self, group: str) -> None:
        self._by_group.pop(group, None)


def _swapin(before: _ProcessCounters, reading: _ProcessCounters) -> int:
    if before.swapin_pages is None or reading.swapin_pages is None:
        return 0
    return max(0, reading.swapin_pages - before.swapin_pages)


def _ticks(sample: Sample) -> int:
    """The sample's time in clock ticks after boot, the unit of process start times."""
    return int(sample.at.boottime * sample.clock_ticks)
