"""The activity state of one process: pure steps from one sample to the next.

A worker is judged by what it did since the exporter first saw it, never by one reading: VmSwap alone does not
say whether pages are missed, and no single CPU reading separates a heartbeat from work.
"""

import os
from enum import StrEnum
from typing import NamedTuple

from swap_exporter.history.work import Level, Step, Usage, Work, judge, step, unborn, usage
from swap_exporter.sampling.sample import CpuClock, Instant, Process
from swap_exporter.settings import Idle, Swapped

KEEPS_SWAPPED = 0.6
"""Share of ``min_ratio`` down to which a swapped worker stays swapped, so that a verdict does not flap."""

STEP_TICKS = 0.5
"""The shortest step, in ticks. CPU time over less says little; samples that are closer belong to one step."""

PAIR_SECONDS = 45.0
"""Two small requests within so many seconds are work; a health check a minute is not."""

READ_BACK = 0.1
"""Share of what is displaced: a request that reads back this much is no health check."""

READ_AHEAD = 8
"""Pages that one major fault brings back at most, as the kernel is set up by default: vm.page-cluster. More
were brought back by another process."""

PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")

IN_A_REQUEST = "RD"
"""States of a process that a sample finds at work, or waiting for its pages."""

WINDOW_PARTS = 16
"""The most readings that are kept for one ``idle.window``."""


class Activity(StrEnum):
    BUSY = "busy"
    IDLE = "idle"
    UNKNOWN = "unknown"


class ActivityState(NamedTuple):
    """The activity of one process so far. Times are CLOCK_MONOTONIC seconds, sizes bytes."""

    since: Instant
    """Start of the time in which it was watched without a gap."""
    start: float
    """When the current step began."""
    start_usage: Usage
    start_swap: int
    least_swap: int
    """The least VmSwap in the current step."""
    usage: Usage
    """At the last sample."""
    swap: int
    last_active: Instant | None = None
    last_small: float | None = None
    """The last step that showed a small request and no more."""
    last_unclear: Instant | None = None
    """The last step that may have been rest or work."""
    cold: int = 0
    """VmSwap when it last answered a request, as exactly as samples show: what it served without."""
    swapped: bool = False
    window: tuple[tuple[float, float], ...] = ()
    """Time, and CPU seconds since ``since``; only where the configuration sets ``idle.cpu``."""

    @property
    def pending(self) -> bool:
        """It used something since the current step began."""
        return self.usage != self.start_usage


class Timing(NamedTuple):
    """The time of a sample, and the units of its times."""

    at: Instant
    previous: float
    """CLOCK_MONOTONIC of the sample before. Samples in which the process did not change may be skipped."""
    tick: float
    """Seconds."""
    clock_ticks: int
    """Clock ticks in a second."""


class Thresholds(NamedTuple):
    """What separates rest from work, and resident from swapped."""

    idle: Idle
    swapped: Swapped
    level: Level
    """What the group's workers use at rest."""


class Advance(NamedTuple):
    """What one more sample shows."""

    state: ActivityState
    rest: float | None = None
    """The share of a core that it used, if it was at rest and had no major faults."""
    silent: float = 0.0
    """Seconds before that in which it used nothing at all."""


def begin(
    process: Process, clock: CpuClock | None, at: Instant, born: Instant | None = None
) -> ActivityState:
    """Start to watch: at ``born``, with no CPU time used, if the exporter saw it born, else now."""
    now, swap = usage(process, clock), process.swap or 0
    if born is None:
        return ActivityState(at, at.monotonic, now, swap, swap, now, swap)
    before = unborn(now)
    return ActivityState(born, born.monotonic, before, 0, 0, before, 0)


def advance(
    state: ActivityState,
    process: Process,
    clock: CpuClock | None,
    timing: Timing,
    thresholds: Thresholds,
    *,
    gap: bool = False,
) -> Advance:
    """The state after one more sample. ``gap``: there was no sample for too long, so watching starts anew."""
    at, previous = timing.at, timing.previous
    now = usage(process, clock)
    swap = state.swap if process.swap is None else process.swap
    silent = 0.0
    if not state.pending and now != state.usage and previous > state.start:
        # It did nothing up to the last sample, so all that it used falls into the time after that.
        silent = previous - state.start
        state = state._replace(start=previous, start_swap=state.swap, least_swap=state.swap)
    state = state._replace(usage=now, swap=swap, least_swap=min(state.least_swap, swap))
    rest = None
    seconds = at.monotonic - state.start
    if seconds > 0 and (gap or (state.pending and seconds >= STEP_TICKS * timing.tick)):
        did = step(state.start_usage, now, seconds, timing.clock_ticks)
        state, rest = _close(state, did, at, process.state, thresholds)
    if gap:
        state = state._replace(since=at)
    return Advance(state._replace(swapped=_is_swapped(state, process, thresholds.swapped)), rest, silent)


def due(state: ActivityState, tick: float) -> float | None:
    """When the current step ends, if it used anything in it."""
    return state.start + STEP_TICKS * tick if state.pending else None


def activity(state: ActivityState, at: Instant, idle: Idle) -> Activity:
    """What the worker did in the last ``idle.after``."""
    if state.last_active is not None and at.monotonic - state.last_active.monotonic < idle.after:
        return Activity.BUSY
    return Activity.IDLE if at.monotonic >= idle_from(state, idle) else Activity.UNKNOWN


def idle_from(state: ActivityState, idle: Idle) -> float:
    """The time at which it becomes idle if it does no work until then."""
    return max(idle_since(state).monotonic, state.since.monotonic) + idle.after


def idle_since(state: ActivityState) -> Instant:
    """When it was last active, or may have been; first watched, if it never was."""
    last = state.last_active or state.since
    unclear = state.last_unclear
    return unclear if unclear is not None and unclear.monotonic > last.monotonic else last


def displaced(process: Process, cold: int) -> int | None:
    """Bytes pushed out since it was last active, which it may miss; ``None`` where VmSwap cannot be read."""
    return None if process.swap is None else max(0, process.swap - cold)


def _close(
    state: ActivityState, did: Step, at: Instant, process_state: str, thresholds: Thresholds
) -> tuple[ActivityState, float | None]:
    """End the step: remember whether it was active in it, and what it served without."""
    idle, swapped, level = thresholds
    now = at.monotonic
    rest = None
    active = False
    if idle.cpu_is_exact:
        active, window = _over_window(state.window, did, now, idle)
        state = state._replace(window=window)
    else:
        # A window of an earlier configuration says nothing if the configuration sets idle.cpu again.
        state = state._replace(window=())
        work = judge(did, idle, level, read_back=_read_back(state, did, swapped, level))
        if work is Work.REST and not did.faults:
            rest = did.share
        elif work is Work.UNCLEAR:
            state = state._replace(last_unclear=at)
        elif work is Work.SMALL:
            active = state.last_small is not None and now - state.last_small <= PAIR_SECONDS
            # Of a request that the sample cuts in two the second half must not pair with the first.
            state = state._replace(last_small=None if process_state in IN_A_REQUEST else now)
        elif work is Work.REQUESTS:
            active = True
    if active:
        # What was pushed out after its last answer is missed, and no sample shows when in the step that was.
        state = state._replace(last_active=at, cold=state.least_swap)
    return (
        state._replace(start=now, start_usage=state.usage, start_swap=state.swap, least_swap=state.swap),
        rest,
    )


def _over_window(
    window: tuple[tuple[float, float], ...], did: Step, now: float, idle: Idle
) -> tuple[bool, tuple[tuple[float, float], ...]]:
    """Whether it used ``idle.cpu`` of a core over ``idle.window`` up to now, and in this step too: what was
    used earlier says nothing about now."""
    start = now - did.seconds
    used = window[-1][1] if window else 0.0
    if not window or window[-1][0] < start:
        # It used nothing from its last step to this one.
        window = (*window, (start, used))
    total = used + did.cpu
    if len(window) > 1 and now - window[-2][0] < idle.window / WINDOW_PARTS:
        window = window[:-1]
    window = (*window, (now, total))
    while len(window) > 1 and now - window[1][0] >= idle.window:
        window = window[1:]
    enough = total - _used_by(window, now - idle.window) >= idle.cpu * idle.window
    return enough and did.share >= idle.cpu, window


def _used_by(window: tuple[tuple[float, float], ...], when: float) -> float:
    """CPU seconds up to ``when``, taken as spread evenly between two readings."""
    if when <= window[0][0]:
        return window[0][1]
    (earlier, less), (later, more) = window[:2]
    return less + (more - less) * (when - earlier) / (later - earlier)


def _read_back(state: ActivityState, did: Step, swapped: Swapped, level: Level) -> bool:
    """Whether its own faults brought back a tenth of what it missed; where idle workers have a heartbeat,
    which brings back 130 to 170 pages, ``min_bytes`` at least."""
    missed, came_back = state.start_swap - state.cold, state.start_swap - state.swap
    least = 1 if level.known and level.share == 0 else swapped.min_bytes
    enough = came_back >= max(least, READ_BACK * missed)
    return enough and did.faults * READ_AHEAD * PAGE_SIZE >= came_back / 2


def _is_swapped(state: ActivityState, process: Process, settings: Swapped) -> bool:
    missed = displaced(process, state.cold)
    if missed is None:
        return state.swapped
    if missed == 0 or missed < settings.min_bytes:
        return False
    # Kernels before 4.5 have no RssAnon; VmRSS then makes the bound stricter, never looser.
    resident = process.resident_anonymous
    if resident is None:
        resident = process.resident or 0
    ratio = settings.min_ratio * (KEEPS_SWAPPED if state.swapped else 1.0)
    return missed >= ratio * (missed + resident)
