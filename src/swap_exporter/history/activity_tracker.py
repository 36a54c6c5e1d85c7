"""The activity state of every process that is watched, and since when samples come without a gap."""

import math
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from swap_exporter.grouping.grouping import Group, Member
from swap_exporter.grouping.roles import Role
from swap_exporter.history.activity import ActivityState, Advance, Thresholds, Timing, advance, begin, due
from swap_exporter.history.gap import gap_after
from swap_exporter.history.work import LEARNED, Level
from swap_exporter.sampling.sample import CpuClock, Identity, Instant, Process, Sample

GAP_WINDOWS = 2.0
"""Without a sample for more than so many of its idle windows, a process was not watched: see gap.py."""


@dataclass(frozen=True, slots=True)
class PersistedState:
    """What cannot be read again after a restart."""

    at: Instant
    """The last sample."""
    states: Mapping[Identity, ActivityState]
    watching_since: Mapping[float, Instant]
    levels: Mapping[str, Level]
    """By group: what its workers use at rest."""


EARLY = 1e-3
"""Seconds. Looking too early costs little; rounding must not make it too late."""


class GroupActivity(NamedTuple):
    """The activity states of one group; the same object as long as none of them changes."""

    group: Group
    alive: tuple[tuple[Member, ActivityState], ...]
    """Members that have not ended."""
    due: float
    """CLOCK_MONOTONIC at which the first step ends that has anything to judge in it."""


MOST_SILENT = LEARNED // 2
"""Silent steps of one worker in a row that count: one that was stopped must not decide for its group."""


NO_MEMBERS = GroupActivity(Group(()), (), math.inf)
"""For a group without a process."""


class ActivityTracker:
    """Takes each sample's groups and keeps the state of every member that has not ended, and what the workers
    of each group use at rest.

    The state of a process that used nothing stays unchanged.
    """

    def __init__(self, persisted: PersistedState | None) -> None:
        self._resumed = persisted is not None
        self._last = persisted.at if persisted else None
        self._remembered = dict(persisted.states) if persisted else {}
        self._since: dict[float, Instant] = dict(persisted.watching_since) if persisted else {}
        self._levels = dict(persisted.levels) if persisted else {}
        self._groups: dict[str, GroupActivity] = {}

    def observe(
        self,
        sample: Sample,
        groups: Mapping[str, Group],
        windows: Iterable[float],
        tick: float,
        clocks: Mapping[Identity, CpuClock],
    ) -> Mapping[str, GroupActivity]:
        """``windows``: every ``idle.window`` that there is. ``clocks``: of processes with several threads."""
        at = sample.at
        gaps = self._watch_windows(at, windows, tick)
        before = self._groups
        changed = {
            name
            for name, group in groups.items()
            if self._resumed
            or (known := before.get(name)) is None
            or known.group is not group
            or at.monotonic >= known.due
            or any(gaps[window] for window in group.windows)
            or group.threaded_workers  # a clock that is missing now changes them too
        }
        # From changed groups and from those that are gone: a process may move from one group to another.
        states = self._remembered
        for name, of in before.items():
            if name in changed or name not in groups:
                states.update((member.process.identity, state) for member, state in of.alive)
        self._groups = {
            name: self._advanced(name, sample, group, states, gaps, tick, clocks)
            if name in changed
            else before[name]
            for name, group in groups.items()
        }
        self._last, self._resumed, self._remembered = at, False, {}
        return self._groups

    def _advanced(
        self,
        name: str,
        sample: Sample,
        group: Group,
        states: Mapping[Identity, ActivityState],
        gaps: Mapping[float, bool],
        tick: float,
        clocks: Mapping[Identity, CpuClock],
    ) -> GroupActivity:
        at = sample.at
        previous = -math.inf if self._last is None else self._last.monotonic
        timing = Timing(at, previous, tick, sample.clock_ticks)
        level = self._levels.get(name, Level())
        alive, rests = [], []
        first_due = math.inf
        for member in group.members:
            process, entry = member.process, member.entry
            if process.ended:
                continue
            gap = gaps[entry.idle.window]
            clock = clocks.get(process.identity)
            known = states.get(process.identity)
            if known is None:
                known = begin(process, clock, at, None if gap else self._birth(process, sample))
            thresholds = Thresholds(entry.idle, entry.swapped, level)
            advanced = advance(known, process, clock, timing, thresholds, gap=gap)
            alive.append((member, advanced.state))
            first_due = min(first_due, due(advanced.state, tick) or math.inf)
            if member.role is Role.WORKER:
                rests.append(advanced)
        self._levels[name] = _learned(level, rests, tick)
        now = GroupActivity(group, tuple(alive), first_due - EARLY)
        before = self._groups.get(name)
        # The same object if nothing changed: later stages reuse what they made of it.
        return before if before is not None and before.group is group and before == now else now

    def forget(self, group: str) -> None:
        """Forget what the workers of a group use at rest."""
        self._levels.pop(group, None)

    def keep(self, groups: Container[str]) -> None:
        """Forget what the workers of all other groups use at rest."""
        self._levels = {name: level for name, level in self._levels.items() if name in groups}

    @property
    def since(self) -> Mapping[float, Instant]:
        """By ``idle.window``: since when samples came without a gap."""
        return dict(self._since)

    def persisted_state(self) -> PersistedState | None:
        """The state that a later run continues from; ``None`` before the first sample."""
        if self._last is None:
            return None
        states = {
            member.process.identity: state for of in self._groups.values() for member, state in of.alive
        }
        return PersistedState(self._last, states | self._remembered, dict(self._since), dict(self._levels))

    def _watch_windows(self, at: Instant, windows: Iterable[float], tick: float) -> Mapping[float, bool]:
        """Whether there was a gap, by window."""
        last = None if self._last is None else self._last.monotonic
        gaps = {
            window: last is None or at.monotonic - last > gap_after(GAP_WINDOWS * window, tick)
            for window in windows
        }
        first = min(self._since.values(), default=at)
        # A window that a reload brings in has been watched like the others, as long as they were.
        self._since = {window: at if gap else self._since.get(window, first) for window, gap in gaps.items()}
        return gaps

    def _birth(self, process: Process, sample: Sample) -> Instant | None:
        """When the process was born, if that was after the last sample."""
        at = sample.at
        born = process.start_ticks / sample.clock_ticks
        if self._last is None or born < self._last.boottime:
            return None
        age = max(0.0, at.boottime - born)
        return Instant(at.monotonic - age, born, at.wall - age)


def _learned(level: Level, advances: Iterable[Advance], tick: float) -> Level:
    for advanced in advances:
        if not level.known:
            level = level.silent(min(MOST_SILENT, int(advanced.silent / tick)))
        if advanced.rest is not None:
            level = level.learn(advanced.rest)
    return level
