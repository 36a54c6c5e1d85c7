"""What is remembered of one process while it is watched: pure steps from one sample to the next.

A worker is judged by what it did since the exporter first saw it, never by one reading: VmSwap alone does not
say whether pages are missed, and no single CPU reading separates a heartbeat from work.
"""

from enum import StrEnum
from typing import NamedTuple

from swap_exporter.sampling.sample import Instant, Process
from swap_exporter.settings import Idle, Swapped

KEEPS_SWAPPED = 0.6
"""Share of ``min_ratio`` down to which a swapped worker stays swapped, so that a verdict does not flap."""


class Activity(StrEnum):
    BUSY = "busy"
    IDLE = "idle"
    UNKNOWN = "unknown"


class Watch(NamedTuple):
    """The memory of one process."""

    since: Instant
    """Watched without a gap since then."""
    anchor: float
    """CLOCK_MONOTONIC seconds from which CPU time is measured."""
    anchor_ticks: int
    """CPU clock ticks at the anchor: its own and those of its waited-for children."""
    last_active: Instant | None
    cold: int
    """VmSwap in bytes at the last sample at which it was active: what it served without."""
    swapped: bool


def begin(process: Process, at: Instant, born: Instant | None = None) -> Watch:
    """Start to watch: at ``born``, with no CPU time used, if the exporter saw it born, else now."""
    if born is None:
        return Watch(at, at.monotonic, cpu_ticks(process), None, 0, False)
    return Watch(born, born.monotonic, 0, None, 0, False)


def advance(
    watch: Watch,
    process: Process,
    at: Instant,
    idle: Idle,
    swapped: Swapped,
    clock_ticks: int,
    *,
    gap: bool = False,
    resumed: bool = False,
) -> Watch:
    """The memory after one more sample.

    ``gap``: nobody looked for more than two windows, so watching starts anew. ``resumed``: the memory comes
    from an earlier run; what used a window's worth of CPU meanwhile was active, however long that run is ago.
    """
    since, anchor, anchor_ticks, last_active, cold, was_swapped = watch
    ticks = cpu_ticks(process)
    elapsed = at.monotonic - anchor
    span = idle.window if resumed else max(elapsed, idle.window)
    # CPU time moves in whole ticks, so up to one tick of the difference may be older than the anchor.
    active = (ticks - anchor_ticks - 1) / clock_ticks >= idle.cpu * span
    if active:
        last_active = at
        if process.swap is not None:
            cold = process.swap
    if active or gap or resumed or elapsed >= idle.window:
        anchor, anchor_ticks = at.monotonic, ticks
    if gap:
        since = at
    return Watch(
        since, anchor, anchor_ticks, last_active, cold, _is_swapped(process, cold, was_swapped, swapped)
    )


def cpu_ticks(process: Process) -> int:
    """CPU time in clock ticks, waited-for children's included: whose job a child does is at work."""
    return process.cpu_ticks + process.children_cpu_ticks


def activity(watch: Watch, at: Instant, idle: Idle) -> Activity:
    """What the worker did in the last ``idle.after``."""
    if watch.last_active is not None and at.monotonic - watch.last_active.monotonic < idle.after:
        return Activity.BUSY
    if at.monotonic - watch.since.monotonic >= idle.after:
        return Activity.IDLE
    return Activity.UNKNOWN


def displaced(process: Process, cold: int) -> int | None:
    """Bytes pushed out since it was last active, which it may miss; ``None`` where VmSwap cannot be read."""
    return None if process.swap is None else max(0, process.swap - cold)


def _is_swapped(process: Process, cold: int, was_swapped: bool, settings: Swapped) -> bool:
    missed = displaced(process, cold)
    if missed is None:
        return was_swapped
    if missed == 0 or missed < settings.min_bytes:
        return False
    # Kernels before 4.5 have no RssAnon; VmRSS then makes the bound stricter, never looser.
    resident = process.resident_anonymous
    if resident is None:
        resident = process.resident or 0
    ratio = settings.min_ratio * (KEEPS_SWAPPED if was_swapped else 1.0)
    return missed >= ratio * ((process.swap or 0) + resident)
