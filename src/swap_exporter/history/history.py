"""The one place that remembers: samples go in with their time, observations come out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from swap_exporter.grouping.grouper import Grouping
from swap_exporter.grouping.roles import Role
from swap_exporter.history.rate import Rate
from swap_exporter.history.totals import Total, Totals
from swap_exporter.history.wakes import Wakes
from swap_exporter.history.watch import Watch, advance, begin
from swap_exporter.kernel.vmstat import Vmstat
from swap_exporter.sampling.inspection import Inspection
from swap_exporter.sampling.sample import Identity, Instant, Process, Sample
from swap_exporter.settings import Configuration, Idle

FORGET_AFTER = 3600.0
"""Seconds for which a group that no entry names outright goes on with zeros after its last process."""

GAP_WINDOWS = 2.0
"""Without a sample for more than so many of its idle windows, a process was not watched."""


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """What is known of a group over time."""

    idle: Idle
    """The settings of its members; those that need the longest watch, where they differ."""
    totals: Mapping[Role, Total]
    swapin_pages_per_second: Mapping[Role, float | None]


@dataclass(frozen=True, slots=True)
class Observation:
    """One sample, grouped, with what the past says about it."""

    sample: Sample
    grouping: Grouping
    inspection: Inspection
    watches: Mapping[Identity, Watch]
    """Of each member that has not ended."""
    groups: Mapping[str, GroupRecord]
    """Every known group, those without a process included."""
    watching_since: Mapping[float, Instant]
    """By ``idle.window``: since when samples came without a gap."""
    swapin_pages_per_second: float | None
    swapout_pages_per_second: float | None
    quiet_pages_per_second: float | None
    """Swap-in and swap-out in one sum, zswap's included, over ``quiet.window``."""
    wait_seconds_per_page: float | None
    """Median wait for a page from swap in the last wakes on this host."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What cannot be read again after a restart."""

    at: Instant
    """The last sample."""
    watches: Mapping[Identity, Watch]
    watching_since: Mapping[float, Instant]


class History:
    """Turns samples into observations. Has no clock: every sample brings its time."""

    def __init__(self, configuration: Configuration, memory: Memory | None = None) -> None:
        self._totals = Totals()
        self._wakes = Wakes()
        self._group_swapin: dict[tuple[str, Role], Rate] = {}
        self._last_seen: dict[str, tuple[float, Idle]] = {}
        self._resumed = memory is not None
        self._last: Instant | None = memory.at if memory else None
        self._watches: dict[Identity, Watch] = dict(memory.watches) if memory else {}
        self._watching_since: dict[float, Instant] = dict(memory.watching_since) if memory else {}
        self._swapin = Rate(configuration.rate_window)
        self._swapout = Rate(configuration.rate_window)
        self._moved = Rate(configuration.quiet.window)
        self.configure(configuration)

    def configure(self, configuration: Configuration) -> None:
        """Go on under another configuration: what is remembered of processes and groups stays."""
        self._configuration = configuration
        if self._swapin.window != configuration.rate_window:
            self._swapin = Rate(configuration.rate_window)
            self._swapout = Rate(configuration.rate_window)
            self._group_swapin.clear()
        if self._moved.window != configuration.quiet.window:
            self._moved = Rate(configuration.quiet.window)
        self._named = {
            entry.name.text: entry.idle
            for entry in reversed(configuration.entries)
            if entry.name.fixed and not entry.builtin
        }

    def observe(
        self, sample: Sample, grouping: Grouping, inspection: Inspection | None = None
    ) -> Observation:
        """Take one sample. Samples come in the order of their time."""
        inspection = inspection or Inspection()
        self._watch_windows(sample.at, grouping)
        self._watch_members(sample, grouping)
        self._totals.gather(sample, grouping.members, inspection.delays)
        self._wakes.observe(sample, inspection.delays)
        groups = self._known_groups(sample.at, grouping)
        if sample.host.vmstat is not None:
            self._take_rates(sample.at.monotonic, sample.host.vmstat)
        self._last = sample.at
        self._resumed = False
        return Observation(
            sample=sample,
            grouping=grouping,
            inspection=inspection,
            watches=dict(self._watches),
            groups=groups,
            watching_since=dict(self._watching_since),
            swapin_pages_per_second=self._swapin.per_second(),
            swapout_pages_per_second=self._swapout.per_second(),
            quiet_pages_per_second=self._moved.per_second(),
            wait_seconds_per_page=self._wakes.seconds_per_page(),
        )

    def memory(self) -> Memory | None:
        """What a later run needs to go on; ``None`` before the first sample."""
        if self._last is None:
            return None
        return Memory(self._last, dict(self._watches), dict(self._watching_since))

    def _gap(self, window: float, at: Instant) -> bool:
        return self._last is None or at.monotonic - self._last.monotonic > GAP_WINDOWS * window

    def _watch_windows(self, at: Instant, grouping: Grouping) -> None:
        windows = {self._configuration.idle.window, *(idle.window for idle in self._named.values())}
        windows.update(entry.idle.window for entry in self._configuration.entries)
        windows.update(member.entry.idle.window for member in grouping.members)
        first = min(self._watching_since.values(), default=at)
        since = {}
        for window in windows:
            # A window that a reload brings in has been watched like the others, as long as they were.
            since[window] = at if self._gap(window, at) else self._watching_since.get(window, first)
        self._watching_since = since

    def _watch_members(self, sample: Sample, grouping: Grouping) -> None:
        at = sample.at
        watches: dict[Identity, Watch] = {}
        for member in grouping.members:
            process, entry = member.process, member.entry
            if process.ended:
                continue
            gap = self._gap(entry.idle.window, at)
            known = self._watches.get(process.identity)
            if known is None:
                known = begin(process, at, None if gap else self._birth(process, sample))
            watches[process.identity] = advance(
                known,
                process,
                at,
                entry.idle,
                entry.swapped,
                sample.clock_ticks,
                gap=gap,
                resumed=self._resumed,
            )
        self._watches = watches

    def _birth(self, process: Process, sample: Sample) -> Instant | None:
        """When the process was born, if that was after the last sample."""
        at = sample.at
        born = process.start_ticks / sample.clock_ticks
        if self._last is None or born < self._last.boottime:
            return None
        age = max(0.0, at.boottime - born)
        return Instant(at.monotonic - age, born, at.wall - age)

    def _known_groups(self, at: Instant, grouping: Grouping) -> dict[str, GroupRecord]:
        idle: dict[str, Idle] = {}
        for member in grouping.members:
            known = idle.get(member.group)
            if known is None or member.entry.idle.after > known.after:
                idle[member.group] = member.entry.idle
        for group, settings in idle.items():
            # Put last, so that those without a process come first, the longest empty one before all.
            self._last_seen.pop(group, None)
            self._last_seen[group] = (at.monotonic, settings)
        self._forget_empty(at.monotonic, idle.keys())
        for group, (_, settings) in self._last_seen.items():
            idle.setdefault(group, settings)
        for group, settings in self._named.items():
            idle.setdefault(group, settings)
        return {group: self._record(group, idle[group], at.monotonic) for group in sorted(idle)}

    def _forget_empty(self, at: float, occupied: Collection[str]) -> None:
        """Forget groups whose time is over, and the longest empty of those beyond ``limits.groups``: whoever
        names processes could make up new groups at every sample."""
        empty = [group for group in self._last_seen if group not in occupied and group not in self._named]
        room = max(0, self._configuration.limits.groups - len(occupied))
        for number, group in enumerate(empty):
            if len(empty) - number > room or at - self._last_seen[group][0] >= FORGET_AFTER:
                self._forget(group)

    def _record(self, group: str, idle: Idle, at: float) -> GroupRecord:
        totals = self._totals.of(group)
        rates: dict[Role, float | None] = {}
        for role, total in totals.items():
            rate = self._group_swapin.setdefault((group, role), Rate(self._configuration.rate_window))
            rate.add(at, total.swapin_pages)
            rates[role] = rate.per_second()
        return GroupRecord(idle, totals, rates)

    def _forget(self, group: str) -> None:
        del self._last_seen[group]
        self._totals.forget(group)
        for role in Role:
            self._group_swapin.pop((group, role), None)

    def _take_rates(self, at: float, vmstat: Vmstat) -> None:
        if vmstat.pswpin is None or vmstat.pswpout is None:
            return
        self._swapin.add(at, vmstat.pswpin)
        self._swapout.add(at, vmstat.pswpout)
        zswap = (vmstat.zswpin or 0) + (vmstat.zswpout or 0)
        self._moved.add(at, vmstat.pswpin + vmstat.pswpout + zswap)
