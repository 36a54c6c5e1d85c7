"""The one place with state: samples go in with their time, observations come out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import chain

from swap_exporter.details.details import Details
from swap_exporter.grouping.grouping import Group, Grouping
from swap_exporter.grouping.roles import Role
from swap_exporter.history.activity_tracker import ActivityTracker, GroupActivity, PersistedState
from swap_exporter.history.counters import Counters, GroupCounters
from swap_exporter.history.rate import Rate
from swap_exporter.history.swapin_latency import SwapInLatency, WakeCost
from swap_exporter.kernel.vmstat import Vmstat
from swap_exporter.sampling.sample import Instant, Sample
from swap_exporter.settings import Configuration, Idle

_NO_RATES: Mapping[Role, float | None] = dict.fromkeys(Role)


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """Counters and rates of one group."""

    idle: Idle
    """The settings of its members; those that need the longest watch, where they differ."""
    counters: Mapping[Role, Counters]
    swapin_pages_per_second: Mapping[Role, float | None]
    major_faults_per_second: Mapping[Role, float | None]
    """Known only while the host reads from swap."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One sample, grouped, with what the past says about it."""

    sample: Sample
    grouping: Grouping
    details: Details
    activity: Mapping[str, GroupActivity]
    """By group, of those that have a process."""
    groups: Mapping[str, GroupRecord]
    """Every known group, those without a process included."""
    watching_since: Mapping[float, Instant]
    """By ``idle.window``: since when samples came without a gap."""
    swapin_pages_per_second: float | None
    swapout_pages_per_second: float | None
    read_back_pages_per_second: float | None
    """Swap-in over ``rate_window``, zswap's included."""
    quiet_pages_per_second: float | None
    """Swap-in and swap-out in one sum, zswap's included, over ``quiet.window``."""
    wake_cost: WakeCost
    """What earlier wakes on this host took."""


class History:
    """Turns samples into observations. Has no clock: every sample brings its time."""

    def __init__(self, configuration: Configuration, persisted: PersistedState | None = None) -> None:
        self._counters = GroupCounters()
        self._swapin_latency = SwapInLatency()
        self._group_swapin: dict[tuple[str, Role], Rate] = {}
        self._group_faults: dict[tuple[str, Role], Rate] = {}
        self._last_seen: dict[str, tuple[float, Idle]] = {}
        self._activity = ActivityTracker(persisted)
        self._groups: Mapping[str, Group] = {}
        self._resumed_at: float | None = None
        self._prune = persisted is not None
        self._swapin = Rate(configuration.rate_window)
        self._swapout = Rate(configuration.rate_window)
        self._read_back = Rate(configuration.rate_window)
        self._moved = Rate(configuration.quiet.window)
        self.configure(configuration)

    def configure(self, configuration: Configuration) -> None:
        """Continue with another configuration. The state of processes and groups stays."""
        self._configuration = configuration
        if self._swapin.window != configuration.rate_window:
            self._swapin = Rate(configuration.rate_window)
            self._swapout = Rate(configuration.rate_window)
            self._read_back = Rate(configuration.rate_window)
            self._group_swapin.clear()
            self._group_faults.clear()
        if self._moved.window != configuration.quiet.window:
            self._moved = Rate(configuration.quiet.window)
        self._named = {
            entry.name.text: entry.idle
            for entry in reversed(configuration.entries)
            if entry.name.fixed and not entry.builtin
        }
        idles = [configuration.idle, *self._named.values(), *(entry.idle for entry in configuration.entries)]
        self._windows = {idle.window for idle in idles}

    def observe(self, sample: Sample, grouping: Grouping, details: Details | None = None) -> Observation:
        """Take one sample. Samples come in the order of their time."""
        details = details or Details()
        before, self._groups = self._groups, grouping.groups
        changed = [group for name, group in self._groups.items() if before.get(name) is not group]
        windows = self._windows.union(*(group.windows for group in self._groups.values()))
        tick = self._configuration.tick
        activity = self._activity.observe(sample, self._groups, windows, tick, details.thread_clocks)
        # Delay accounting can begin to measure processes that have not changed.
        counted = changed if details.delays is None else self._groups.values()
        members = chain.from_iterable(group.members for group in counted)
        self._counters.gather(sample, members, details.delays)
        self._swapin_latency.observe(sample, activity, details.delays)
        if sample.host.vmstat is not None:
            self._take_rates(sample.at.monotonic, sample.host.vmstat)
        groups = self._known_groups(sample.at, counted=details.delays is not None)
        return Observation(
            sample=sample,
            grouping=grouping,
            details=details,
            activity=activity,
            groups=groups,
            watching_since=self._activity.since,
            swapin_pages_per_second=self._swapin.per_second(tick),
            swapout_pages_per_second=self._swapout.per_second(tick),
            read_back_pages_per_second=self._read_back.per_second(tick),
            quiet_pages_per_second=self._moved.per_second(tick),
            wake_cost=self._swapin_latency.cost(),
        )

    def persisted_state(self) -> PersistedState | None:
        """The state that a later run continues from; ``None`` before the first sample."""
        return self._activity.persisted_state()

    def _known_groups(self, at: Instant, *, counted: bool) -> dict[str, GroupRecord]:
        idle = {name: group.idle for name, group in self._groups.items()}
        for group, settings in idle.items():
            # Put last, so that those without a process come first, the longest empty one before all.
            self._last_seen.pop(group, None)
            self._last_seen[group] = (at.monotonic, settings)
        self._forget_empty(at.monotonic, idle.keys())
        for group, (_, settings) in self._last_seen.items():
            idle.setdefault(group, settings)
        for group, settings in self._named.items():
            idle.setdefault(group, settings)
        # Faults without swap-in of the host are of files: on a host at rest their rates cost nothing.
        reads_back = self._read_back.per_second() != 0
        if not reads_back:
            self._group_faults.clear()
        return {
            group: self._record(group, idle[group], at.monotonic, counted=counted, reads_back=reads_back)
            for group in sorted(idle)
        }

    def _record(self, group: str, idle: Idle, at: float, *, counted: bool, reads_back: bool) -> GroupRecord:
        counters = self._counters.by_role(group)
        swapin = {role: total.swapin_pages for role, total in counters.items()}
        faults = {role: total.major_faults for role, total in counters.items()}
        return GroupRecord(
            idle,
            counters,
            self._rates(self._group_swapin, group, swapin, at) if counted else _NO_RATES,
            self._rates(self._group_faults, group, faults, at) if reads_back else _NO_RATES,
        )

    def _forget_empty(self, at: float, occupied: Collection[str]) -> None:
        """Forget groups that have been empty for ``forget``. Beyond ``limits.groups`` forget those that
        are empty longest: a process chooses its title, and so could create new groups at every sample."""
        empty = [group for group in self._last_seen if group not in occupied and group not in self._named]
        room = max(0, self._configuration.limits.groups - len(occupied))
        for number, group in enumerate(empty):
            if len(empty) - number > room or at - self._last_seen[group][0] >= self._configuration.forget:
                self._forget(group)
        self._forget_resumed(at)

    def _forget_resumed(self, at: float) -> None:
        """Forget the groups of the state file that have no process within ``forget`` of the start."""
        if self._resumed_at is None:
            self._resumed_at = at
        if self._prune and at - self._resumed_at >= self._configuration.forget:
            self._activity.keep(self._last_seen.keys() | self._named.keys())
            self._prune = False

    def _rates(
        self, known: dict[tuple[str, Role], Rate], group: str, counts: Mapping[Role, int], at: float
    ) -> dict[Role, float | None]:
        rates: dict[Role, float | None] = {}
        for role, count in counts.items():
            rate = known.get((group, role))
            if rate is None:
                rate = known[group, role] = Rate(self._configuration.rate_window)
            rate.add(at, count)
            rates[role] = rate.per_second(self._configuration.tick)
        return rates

    def _forget(self, group: str) -> None:
        del self._last_seen[group]
        self._counters.forget(group)
        self._activity.forget(group)
        self._swapin_latency.forget(group)
        for role in Role:
            self._group_swapin.pop((group, role), None)
            self._group_faults.pop((group, role), None)

    def _take_rates(self, at: float, vmstat: Vmstat) -> None:
        if vmstat.pswpin is None or vmstat.pswpout is None:
            return
        self._swapin.add(at, vmstat.pswpin)
        self._swapout.add(at, vmstat.pswpout)
        self._read_back.add(at, vmstat.pswpin + (vmstat.zswpin or 0))
        zswap = (vmstat.zswpin or 0) + (vmstat.zswpout or 0)
        self._moved.add(at, vmstat.pswpin + vmstat.pswpout + zswap)
