"""The cost of waking idle workers that are in swap, learned from earlier wakes.

Only a worker that was idle and swapped, and then worked, counts: pages that heartbeats or a thrashing group
read do not predict a first request. Workers of one group that wake together are counted separately from a
worker that wakes alone: when 42 workers woke at once, each page took twenty times as long.
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
"""With fewer pages the time per page is too uncertain."""

MIN_WAKES = 3
"""The kernel sometimes loses waits: one of twelve wakes showed a thirtieth of the real time."""

HALF_LIFE = 3600.0
"""Seconds after which a wake counts half: recent wakes describe the current speed of the storage."""

_MAX_WAKES = 50


class Wake(NamedTuple):
    """The swap-in of one worker, or of several workers of a group together."""

    at: float
    """CLOCK_MONOTONIC, seconds."""
    seconds_per_page: float
    pages: int


class IdleSwappedWorker(NamedTuple):
    """A worker that was idle and swapped at the last sample."""

    at: float
    """CLOCK_MONOTONIC, seconds."""
    displaced: int
    """Bytes."""
    major_faults: int
    delays: TaskDelays


class Woken(NamedTuple):
    """A worker that woke between two samples."""

    pages: int
    """Pages that its faults read from swap."""
    seconds: float
    """The wait for these pages, plus the CPU time of the faults."""
    displaced: int
    """Pages that were displaced before it woke."""


@dataclass(frozen=True, slots=True)
class WakeCost:
    """The expected cost of the next wake."""

    seconds_per_page: float | None = None
    """For a worker that wakes alone; ``None`` before three such wakes."""
    seconds_per_page_together: float | None = None
    """For all pages of workers that wake together, from the first request to the last answer. Equal to
    ``seconds_per_page`` until workers have woken together."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """By group: the share of the displaced pages that the first requests read back."""


class SwapInLatency:
    """Records the wakes of this host."""

    def __init__(self) -> None:
        self._alone: deque[Wake] = deque(maxlen=_MAX_WAKES)
        self._together: deque[Wake] = deque(maxlen=_MAX_WAKES)
        self._shares: dict[str, deque[float]] = {}
        self._idle_swapped: dict[Identity, IdleSwappedWorker] = {}
        self._at = 0.0

    def observe(
        self,
        sample: Sample,
        groups: Mapping[str, GroupActivity],
        delays: Mapping[Identity, TaskDelays] | None,
    ) -> None:
        """Add one sample. Without delay accounting (``delays`` is ``None``) no wake is recorded."""
        at = sample.at.monotonic
        self._at = at
        before, self._idle_swapped = self._idle_swapped, {}
        if delays is None:
            return
        for name, group in groups.items():
            woken = [
                wake
                for member, state in group.alive
                if member.role is Role.WORKER
                and (now := delays.get(member.process.identity)) is not None
                and (idle := self._before_wake(sample, member, state, now, before)) is not None
                and (wake := _woken(idle, member.process.threads, state, now, sample)) is not None
            ]
            self._learn(name, woken, at)

    def _before_wake(
        self,
        sample: Sample,
        member: Member,
        state: ActivityState,
        now: TaskDelays,
        before: Mapping[Identity, IdleSwappedWorker],
    ) -> IdleSwappedWorker | None:
        """The state before the wake of a worker that has just woken, else ``None``."""
        identity = member.process.identity
        if state.last_active == sample.at:
            return before.get(identity)
        if activity(state, sample.at, member.entry.idle) is Activity.IDLE and state.swapped:
            known = before.get(identity)
            # Only the end of a step shows whether it is a wake, so the state at its beginning is kept.
            self._idle_swapped[identity] = (
                known
                if known is not None and state.pending
                else IdleSwappedWorker(
                    sample.at.monotonic, state.swap - state.cold, state.usage.major_faults, now
                )
            )
        return None

    def _learn(self, group: str, woken: list[Woken], at: float) -> None:
        pages = sum(worker.pages for worker in woken)
        if len(woken) == 1:
            self._alone.append(Wake(at, woken[0].seconds / pages, pages))
        elif woken:
            self._together.append(Wake(at, max(worker.seconds for worker in woken) / pages, pages))
        if woken:
            shares = self._shares.setdefault(group, deque(maxlen=_MAX_WAKES))
            shares.extend(min(1.0, worker.pages / worker.displaced) for worker in woken)

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
    before: IdleSwappedWorker, threads: int, state: ActivityState, now: TaskDelays, sample: Sample
) -> Woken | None:
    pages = now.swapin_pages - before.delays.swapin_pages
    waited = (now.blkio_delay_ns - before.delays.blkio_delay_ns) / 1e9
    displaced = before.displaced // sample.page_size
    # The kernel can report waits longer than the elapsed time.
    possible = (sample.at.monotonic - before.at) * threads
    if pages < MIN_PAGES or displaced < MIN_PAGES or not 0 < waited <= possible:
        return None
    faults = max(0, state.usage.major_faults - before.major_faults)
    return Woken(pages, waited + faults * FAULT_OF_A_WAKE, displaced)


def _median(wakes: Iterable[Wake], now: float) -> float:
    """Weighted by pages; older wakes count less."""
    weighted = sorted(
        (wake.seconds_per_page, wake.pages * 0.5 ** ((now - wake.at) / HALF_LIFE)) for wake in wakes
    )
    half = sum(weight for _, weight in weighted) / 2
    for seconds, weight in weighted:
        half -= weight
        if half <= 0:
            return seconds
    return weighted[-1][0]
