"""What is remembered of one process while it is watched: pure steps from one sample to the next.

A worker is judged by what it did since the exporter first saw it, never by one reading: VmSwap alone does not
say whether pages are missed, and no single CPU reading separates a heartbeat from work.
"""

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

WINDOW_PARTS = 16
"""The most readings that are kept for one ``idle.window``."""


class Activity(StrEnum):
    BUSY = "busy"
    IDLE = "idle"
    UNKNOWN = "unknown"


class Watch(NamedTuple):
    """What is known of one process. Times are CLOCK_MONOTONIC seconds, sizes bytes."""

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
    last_unclear: float | None = None
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


class Advance(NamedTuple):
    """What one more sample shows."""

    watch: Watch
    rest: float | None = None
    """The share of a core that it used, if it was at rest and had no major faults."""
    silent: float = 0.0
    """Seconds before that in which it used nothing at all."""


def begin(process: Process, clock: CpuClock | None, at: Instant, born: Instant | None = None) -> Watch:
    """Start to watch: at ``born``, with no CPU time used, if the exporter saw it born, else now."""
    now, swap = usage(process, clock), process.swap or 0
    if born is None:
        return Watch(at, at.monotonic, now, swap, swap, now, swap)
    before = unborn(now)
    return Watch(born, born.monotonic, before, 0, 0, before, 0)


def advance(
    watch: Watch,
    process: Process,
    clock: CpuClock | None,
    at: Instant,
    previous: float,
    idle: Idle,
    swapped: Swapped,
    level: Level,
    clock_ticks: int,
    tick: float,
    *,
    gap: bool = False,
) -> Advance:
    """The watch after one more sample. ``previous``: when the last sample was taken; samples in which nothing
    of the process changed may be skipped. ``level``: of its group. ``gap``: there was no sample for too long,
    so watching starts anew."""
    now = usage(process, clock)
    swap = watch.swap if process.swap is None else process.swap
    silent = 0.0
    if not watch.pending and now != watch.usage and previous > watch.start:
        # It did nothing up to the last sample, so all that it used falls into the time after that.
        silent = previous - watch.start
        watch = watch._replace(start=previous, start_swap=watch.swap, least_swap=watch.swap)
    watch = watch._replace(usage=now, swap=swap, least_swap=min(watch.least_swap, swap))
    rest = None
    seconds = at.monotonic - watch.start
    if seconds > 0 and (gap or (watch.pending and seconds >= STEP_TICKS * tick)):
        did = step(watch.start_usage, now, seconds, clock_ticks)
        watch, rest = _close(watch, did, at, idle, swapped, level)
    if gap:
        watch = watch._replace(since=at)
    return Advance(watch._replace(swapped=_is_swapped(watch, process, swapped)), rest, silent)


def due(watch: Watch, tick: float) -> float | None:
    """When the current step ends, if it used anything in it."""
    return watch.start + STEP_TICKS * tick if watch.pending else None


def activity(watch: Watch, at: Instant, idle: Idle) -> Activity:
    """What the worker did in the last ``idle.after``."""
    if watch.last_active is not None and at.monotonic - watch.last_active.monotonic < idle.after:
        return Activity.BUSY
    return Activity.IDLE if at.monotonic >= idle_from(watch, idle) else Activity.UNKNOWN


def idle_from(watch: Watch, idle: Idle) -> float:
    """The time at which it becomes idle if it does no work until then."""
    last = watch.last_active.monotonic if watch.last_active is not None else watch.since.monotonic
    return max(last, watch.since.monotonic, watch.last_unclear or -1e300) + idle.after


def displaced(process: Process, cold: int) -> int | None:
    """Bytes pushed out since it was last active, which it may miss; ``None`` where VmSwap cannot be read."""
    return None if process.swap is None else max(0, process.swap - cold)


def _close(
    watch: Watch, did: Step, at: Instant, idle: Idle, swapped: Swapped, level: Level
) -> tuple[Watch, float | None]:
    """End the step: remember whether it was active in it, and what it served without."""
    now = at.monotonic
    rest = None
    active = False
    if idle.cpu_is_exact:
        active, window = _over_window(watch.window, did, now, idle)
        watch = watch._replace(window=window)
    else:
        work = judge(did, idle, level)
        if work is Work.REST and not did.faulted:
            rest = did.share
        elif work is Work.UNCLEAR:
            watch = watch._replace(last_unclear=now)
        elif work is Work.SMALL:
            paired = watch.last_small is not None and now - watch.last_small <= PAIR_SECONDS
            active = paired or _came_back(watch, swapped)
            watch = watch._replace(last_small=now)
        elif work is Work.REQUESTS:
            active = True
    if active:
        # What was pushed out after its last answer is missed, and no sample shows when in the step that was.
        watch = watch._replace(last_active=at, cold=watch.least_swap)
    return (
        watch._replace(start=now, start_usage=watch.usage, start_swap=watch.swap, least_swap=watch.swap),
        rest,
    )


def _over_window(
    window: tuple[tuple[float, float], ...], did: Step, now: float, idle: Idle
) -> tuple[bool, tuple[tuple[float, float], ...]]:
    """Whether it used ``idle.cpu`` of a core over ``idle.window`` up to now, and in this step too: what was
    used earlier says nothing about now."""
    if not window:
        window = ((now - did.seconds, 0.0),)
    total = window[-1][1] + did.cpu
    if len(window) > 1 and now - window[-2][0] < idle.window / WINDOW_PARTS:
        window = window[:-1]
    window = (*window, (now, total))
    while len(window) > 1 and now - window[1][0] >= idle.window:
        window = window[1:]
    since, before = window[0]
    enough = total - before >= idle.cpu * max(idle.window, now - since)
    return enough and did.share >= idle.cpu, window


def _came_back(watch: Watch, swapped: Swapped) -> bool:
    missed = watch.start_swap - watch.cold
    return missed >= swapped.min_bytes and watch.start_swap - watch.swap >= READ_BACK * missed


def _is_swapped(watch: Watch, process: Process, settings: Swapped) -> bool:
    missed = displaced(process, watch.cold)
    if missed is None:
        return watch.swapped
    if missed == 0 or missed < settings.min_bytes:
        return False
    # Kernels before 4.5 have no RssAnon; VmRSS then makes the bound stricter, never looser.
    resident = process.resident_anonymous
    if resident is None:
        resident = process.resident or 0
    ratio = settings.min_ratio * (KEEPS_SWAPPED if watch.swapped else 1.0)
    return missed >= ratio * (missed + resident)
