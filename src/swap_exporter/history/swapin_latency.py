"""What it took to wake idle workers that were in swap, learned from those that woke.

Only a worker that was idle and swapped, and then served, counts: pages that heartbeats or a thrashing group
read say nothing about a first request. A worker that wakes alone and workers of one group that wake together
are kept apart: when 42 workers woke at once, each page took twenty times as long.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from swap_exporter.grouping.grouping import Member
from swap_exporter.grouping.roles import Role
from swap_exporter.history.activity import Activity, ActivityState, activity
from swap_exporter.history.activity_tracker import GroupActivity
from swap_exporter.history.work import FAULT_OF_A_WAKE
from swap_exporter.kernel.taskstats import TaskDelays
from swap_exporter.sampling.sample import Identity, Sample

MIN_PAGES = 64
"""A worker that read fewer pages says too little about the time per page."""

MIN_WAKES = 3
"""The kernel loses waits at times: one of twelve wakes showed a thirtieth of what it took."""

HALF_LIFE = 3600.0
"""Seconds after which a wake counts half: storage is as fast as it is now."""

_REMEMBERED = 50


class Wake(NamedTuple):
    """One worker, or several of a group together, that read themselves back."""

    at: float
    """CLOCK_MONOTONIC, seconds."""
    seconds_per_page: float
    pages: int


class Asleep(NamedTuple):
    """A worker that is idle and swapped, at the last sample."""

    at: float
    """CLOCK_MONOTONIC, seconds."""
    displaced: int
    """Bytes."""
    major_faults: int
    delays: TaskDelays


class Woken(NamedTuple):
    """A worker that woke between two samples."""

    pages: int
    """What its faults read from swap."""
    seconds: float
    """The wait for these pages, and the CPU time of the faults."""
    displaced: int
    """Pages that were displaced before it woke."""


@dataclass(frozen=True, slots=True)
class WakeCost:
    """What earlier wakes say about the next."""

    seconds_per_page: float | None = None
    """For a worker that wakes alone; ``None`` until three such wakes were seen."""
    seconds_per_page_together: float | None = None
    """For all pages of workers that wake together, from the first request to the last answer. Equal to the
    above until workers were seen to wake together."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """By group: the share of the displaced pages that the first requests read back."""


class SwapInLatency:
    """Remembers the wakes of this host."""

    def __init__(self) -> None:
        self._alone: deque[Wake] = deque(maxlen=_REMEMBERED)
        self._together: deque[Wake] = deque(maxlen=_REMEMBERED)
        self._shares: dict[str, deque[float]] = {}
        self._asleep: dict[Identity, Asleep] = {}
        self._at = 0.0

    def observe(
        self,
        sample: Sample,
        groups: Mapping[str, GroupActivity],
        delays: Mapping[Identity, TaskDelays] | None,
    ) -> None:
        """Take one sample. Without delay accounting nothing is learned."""
        at = sample.at.monotonic
        self._at = at
        before, self._asleep = self._asleep, {}
        if delays is None:
            return
        for name, of in groups.items():
            woken = [
                woke
                for member, state in of.alive
                if member.role is Role.WORKER
                and (now := delays.get(member.process.identity)) is not None
                and (asleep := self._look(sample, member, state, now, before)) is not None
                and (woke := _woken(asleep, member.process.threads, state, now, sample)) is not None
            ]
            self._learn(name, woken, at)

    def _look(
        self,
        sample: Sample,
        member: Member,
        state: ActivityState,
        now: TaskDelays,
        before: Mapping[Identity, Asleep],
    ) -> Asleep | None:
        """The state before its wake of a worker that has just woken, else ``None``."""
        identity = member.process.identity
        if state.last_active == sample.at:
            return before.get(identity)
        if activity(state, sample.at, member.entry.idle) is Activity.IDLE and state.swapped:
            known = before.get(identity)
            # Until a step ends it is unknown whether it is a wake, so the state at its beginning is kept.
            self._asleep[identity] = (
                known
                if known is not None and state.pending
                else Asleep(sample.at.monotonic, state.swap - state.cold, state.usage.major_faults, now)
            )
        return None

    def _learn(self, group: str, woken: list[Woken], at: float) -> None:
        pages = sum(woke.pages for woke in woken)
        if len(woken) == 1:
            self._alone.append(Wake(at, woken[0].seconds / pages, pages))
        elif woken:
            self._together.append(Wake(at, max(woke.seconds for woke in woken) / pages, pages))
        if woken:
            shares = self._shares.setdefault(group, deque(maxlen=_REMEMBERED))
            shares.extend(min(1.0, woke.pages / woke.displaced) for woke in woken)

    def forget(self, group: str) -> None:
        self._shares.pop(group, None)

    def cost(self) -> WakeCost:
        alone = _median(self._alone, self._at) if len(self._alone) >= MIN_WAKES else None
        together = _median(self._together, self._at) if self._together else alone
        return WakeCost(
            alone,
            together,
            {group: sorted(shares)[len(shares) // 2] for group, shares in self._shares.items()},
        )


def _woken(
    asleep: Asleep, threads: int, state: ActivityState, now: TaskDelays, sample: Sample
) -> Woken | None:
    pages = now.swapin_pages - asleep.delays.swapin_pages
    waited = (now.blkio_delay_ns - asleep.delays.blkio_delay_ns) / 1e9
    displaced = asleep.displaced // sample.page_size
    # The kernel was seen to report waits longer than the time that passed.
    possible = (sample.at.monotonic - asleep.at) * threads
    if pages < MIN_PAGES or displaced < MIN_PAGES or not 0 < waited <= possible:
        return None
    faults = max(0, state.usage.major_faults - asleep.major_faults)
    return Woken(pages, waited + faults * FAULT_OF_A_WAKE, displaced)


def _median(wakes: Iterable[Wake], now: float) -> float:
    """Over pages; older wakes count less."""
    weighted = sorted(
        (wake.seconds_per_page, wake.pages * 0.5 ** ((now - wake.at) / HALF_LIFE)) for wake in wakes
    )
    half = sum(weight for _, weight in weighted) / 2
    for seconds, weight in weighted:
        half -= weight
        if half <= 0:
            return seconds
    return weighted[-1][0]
